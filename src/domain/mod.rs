//! Domain: the words everybody in the house uses, as types.
//!
//! Invariant: plain data and total functions. Nothing here opens a file or a socket, reads a
//! clock, or knows TOML, SQL, a browser or mail. Instants are [`jiff::Timestamp`]s handed in from
//! above and end in `_at`; spans of time are [`std::time::Duration`]s, written to JSON as whole
//! milliseconds in fields that end in `_ms`.

pub mod coding;
pub mod engine;
pub mod host;
pub mod ids;
pub mod incident;
pub mod indicator;
pub mod language;
pub mod ledger;
pub mod lexicon;
pub mod link;
pub mod locator;
pub mod marker;
pub mod masks;
pub mod notice;
pub mod observation;
pub mod outcome;
pub mod period;
pub mod personal;
pub mod place;
pub mod profile;
mod resolve;
pub mod run;
pub mod scenario;
pub mod silence;
pub mod target;
pub mod template;
pub mod token;
pub mod verdict;
pub mod visit;
pub mod voice;
