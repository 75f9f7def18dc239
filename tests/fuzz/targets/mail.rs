//! libFuzzer's side of `checks/mail.rs`, which says what must hold.
//!
//! Invariant: nothing is decided here, so that the tests of the house see every fault that it sees.

#![no_main]

#[path = "../checks/mail.rs"]
mod mail;

libfuzzer_sys::fuzz_target!(|data: &[u8]| mail::check(data));
