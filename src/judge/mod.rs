//! Judging: outcome → verdict → incident → notice.
//!
//! Invariant: pure functions over domain types; no clock, no SQL, no mail.
