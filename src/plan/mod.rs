//! The plan: what the configuration says, as types that cannot be wrong.
//!
//! Two passes over every file. `raw` parses it and keeps a span per value; the other files build
//! the types from that tree and collect *every* fault of every file, so that an author mends all
//! of them at once. [`load()`] answers a whole [`Plan`] or all [`Faults`], never half a plan.
//!
//! Invariant: nothing here opens a file, a socket or a clock. Files come in through [`Files`].

mod action;
pub mod cron;
pub mod diagnostic;
mod duration;
mod expectation;
mod fragment;
pub mod lexicon;
mod load;
mod locator;
mod matching;
pub mod model;
mod post;
mod probes;
mod raw;
mod scenario;
mod scope;
mod secrets;
mod settings;
mod table;
mod targets;

pub use diagnostic::{Diagnostic, Faults};
pub use load::{FileFault, Files, Loaded, load, load_scenario};
pub use model::*;
