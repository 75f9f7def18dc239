//! libFuzzer's side of `checks/links.rs`, which says what must hold.
//!
//! Invariant: nothing is decided here, so that the tests of the house see every fault that it sees.

#![no_main]

#[path = "../checks/links.rs"]
mod links;

libfuzzer_sys::fuzz_target!(|data: &[u8]| links::check(data));
