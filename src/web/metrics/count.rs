//! What is counted as it happens. It begins at nothing with the process, as counters may.
//!
//! Invariant: counting is a lock and a few additions, and never waits for a scrape's output.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Cause, Gap, Run};
use crate::domain::verdict::Verdict;

/// Upper bounds of the time that runs take, in seconds: visits take parts of one, walks tens.
pub(super) const RUN: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0];
/// Upper bounds of the time that starts are late, in seconds.
pub(super) const LATE: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0];

/// The verdicts, in the order in which they are counted.
pub(super) const VERDICTS: [Verdict; 4] =
    [Verdict::Pass, Verdict::Degraded, Verdict::Fail, Verdict::Inconclusive];

/// What became of one try to deliver a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    /// It was taken.
    Sent,
    /// It is tried again later.
    Deferred,
    /// It was given up.
    Failed,
}

impl Mail {
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("sent", Self::Sent), ("deferred", Self::Deferred), ("failed", Self::Failed)];
}

/// Times, by buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Times {
    /// How many were at most as long as each bound and longer than the one before; the last ones were
    /// longer than all.
    pub(super) buckets: Vec<u64>,
    pub(super) sum: f64,
}

impl Times {
    fn add(&mut self, bounds: &[f64], time: Duration) {
        self.buckets.resize(bounds.len() + 1, 0);
        let seconds = time.as_secs_f64();
        let place = bounds.iter().position(|bound| seconds <= *bound).unwrap_or(bounds.len());
        self.buckets[place] += 1;
        self.sum += seconds;
    }
}

/// Runs of one probe on one target.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Runs {
    /// By verdict, in the order of [`VERDICTS`].
    pub(super) verdicts: [u64; 4],
    pub(super) times: Times,
}

/// What was counted since the process began.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    pub(super) runs: BTreeMap<(ProbeId, TargetId), Runs>,
    pub(super) steps: BTreeMap<(ProbeId, Outcome), u64>,
    pub(super) late: Times,
    pub(super) gaps: BTreeMap<&'static str, u64>,
    pub(super) mails: [u64; 3],
    /// Runs that were recorded and not counted, because too many came at once.
    pub(super) missed: u64,
}

/// Counts.
#[derive(Debug, Default)]
pub struct Recorder {
    counted: Mutex<Counted>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run was recorded.
    pub fn run(&self, run: &Run) {
        let mut counted = self.lock();
        let runs = counted.runs.entry((run.probe.clone(), run.target.clone())).or_default();
        if let Some(place) = VERDICTS.iter().position(|verdict| *verdict == run.verdict) {
            runs.verdicts[place] += 1;
        }
        runs.times.add(&RUN, Duration::from_millis(run.elapsed_ms));
        for step in &run.steps {
            *counted.steps.entry((run.probe.clone(), step.outcome)).or_default() += 1;
        }
        // A confirmation has no slot of its own. A clock that was set back makes nothing early.
        if run.cause == Cause::Schedule {
            let late = run.started_at.duration_since(run.scheduled_at);
            counted.late.add(&LATE, late.try_into().unwrap_or_default());
        }
    }

    /// So many runs were recorded that this one did not hear of.
    pub fn missed(&self, runs: u64) {
        self.lock().missed += runs;
    }

    /// Slots that did not become runs were recorded.
    pub fn gaps(&self, gaps: &[Gap]) {
        let mut counted = self.lock();
        for gap in gaps {
            *counted.gaps.entry(gap.reason.name()).or_default() += gap.count;
        }
    }

    /// A try to deliver a message ended.
    pub fn mail(&self, what: Mail) {
        let place = match what {
            Mail::Sent => 0,
            Mail::Deferred => 1,
            Mail::Failed => 2,
        };
        self.lock().mails[place] += 1;
    }

    /// What was counted, of the pairs that are still planned; the others are forgotten.
    pub fn counted(&self, planned: impl Fn(&ProbeId, &TargetId) -> bool) -> Counted {
        let mut counted = self.lock();
        counted.runs.retain(|(probe, target), _| planned(probe, target));
        let Counted { runs, steps, .. } = &mut *counted;
        let probes: std::collections::BTreeSet<&ProbeId> = runs.keys().map(|(probe, _)| probe).collect();
        steps.retain(|(probe, _), _| probes.contains(probe));
        counted.clone()
    }
}
