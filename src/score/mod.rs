//! Scoring: observations of a period + a profile → scorecards, and what can be said about many of them.
//!
//! Invariant: pure and deterministic: the same material and the same profile give the same assessment,
//! to the last digit. What could not be observed never scores 0. Nothing here opens a file, a database
//! or a clock.

pub mod agreement;
pub mod analysis;
pub mod card;
pub mod material;
pub mod voices;
pub mod ward;
