//! Watching a run as it happens.

use crate::domain::run::{Run, StepRecord};

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// An attempt begins.
    Attempt {
        /// Its number, from 1.
        number: u32,
        /// Why there is another one, for all but the first.
        because: Option<&'a str>,
    },
    /// A step begins.
    Step {
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Its name.
        name: &'a str,
    },
    /// A step ended.
    StepEnded(&'a StepRecord),
    /// How far a crawl is.
    Crawled {
        /// Pages read.
        pages: u32,
        /// Links done with.
        links: u32,
        /// Links known so far, those among them.
        known: u32,
        /// Links that do not work, so far.
        broken: u32,
        /// The host whose turn is waited for, when nothing else is done meanwhile.
        waits_for: Option<&'a str>,
    },
    /// The steps are done; the pages stay open until the run is cancelled.
    Held,
    /// The run ended.
    Ended(&'a Run),
}

/// Somebody who wants to know.
pub trait Watch: Send + Sync {
    /// Is told what happened. Must not block.
    fn event(&self, event: Event<'_>);
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Watch for Silent {
    fn event(&self, _event: Event<'_>) {}
}
