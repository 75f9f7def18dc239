//! The plan: what the configuration says, as types that cannot be wrong.
//!
//! Two passes over every file. `raw` mirrors the file and keeps a span per value; `lower` builds
//! the types and collects *every* fault of every file, so that an author mends all of them at once.
//!
//! Invariant: nothing here opens a file, a socket or a clock. Files come in through [`Files`].

pub mod cron;
pub mod model;

pub use model::*;
