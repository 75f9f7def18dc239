//! libFuzzer's side of `checks/scenario.rs`, which says what must hold.
//!
//! Invariant: nothing is decided here, so that the tests of the house see every fault that it sees.

#![no_main]

#[path = "../checks/scenario.rs"]
mod scenario;

libfuzzer_sys::fuzz_target!(|data: &[u8]| scenario::check(data));
