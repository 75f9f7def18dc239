//! Judging: facts → outcome → verdict → incident → notice.
//!
//! Each file is one decision and gives its reason with it: [`mod@classify`] says how a step ended,
//! [`mod@verdict`] what a run says about the portal, [`links`] which links broke and which were mended,
//! [`doubt`] whether its failure may be our own, [`mod@reading`] what it says in the words of incidents,
//! [`incident`] what opens and closes, [`flapping`] what comes and goes, [`sight`] whether we can see at all,
//! [`mod@tell`] who is told when, [`notice`] what they are told, and [`delivery`] what becomes of too much of it.
//! [`lexicon`] finds the phrases by which a page says so itself.
//!
//! Invariant: pure functions over domain types; no clock, no SQL, no mail, no files. Instants and
//! ids are handed in, so that every decision can be made again from what was stored.

pub mod classify;
pub mod delivery;
pub mod doubt;
pub mod firewall;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod flapping;
pub mod gate;
pub mod incident;
pub mod lexicon;
pub mod links;
pub mod notice;
pub mod reading;
pub mod sight;
pub mod stuck;
pub mod tell;
pub mod verdict;
pub mod visit;

pub use classify::{Classified, Failure, Look, classify};
pub use incident::{Act, Decided, OpenIncident, ProbeState, RunSummary, Trouble, decide};
pub use reading::{Reading, reading};
pub use verdict::{crawl_verdict, verdict};
