//! Scoring: observations of a period + a profile → scorecards, and what can be said about many of them.
//!
//! Invariant: pure and deterministic: the same material and the same profile give the same assessment,
//! to the last digit, in whatever order it is handed in. What could not be observed never scores 0.
//! Nothing here opens a file, a database or a clock.
//!
//! The way of a number: `feeds` says which steps belong to a leaf, `reading` takes the first source
//! that was observed and sums it up by day (`series`), `formula` makes points of it, `tree` takes means
//! upwards and counts coverage, `bootstrap` draws days, `condition` decides vetoes and findings,
//! `place` ranks and grades.

pub mod agreement;
pub mod analysis;
pub mod card;
pub mod material;
pub mod voices;
pub mod ward;

mod analyse;
mod assess;
mod beside;
mod bootstrap;
mod condition;
mod digits;
mod feeds;
mod formula;
mod histogram;
mod place;
mod reading;
mod series;
mod tree;
mod wilson;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod properties;

pub use analyse::analyse;
pub use assess::{Options, assess};
pub use digits::two_digits;
pub use wilson::wilson;
