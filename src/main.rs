//! `shopper`: arguments to exit code.

fn main() {}
