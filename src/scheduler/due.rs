//! What is due: a pair of probe and target, the slot last accounted for, and the time.
//!
//! Every slot starts a little later than its schedule says, by a delay that is derived from probe,
//! target and slot: starts are spread, and yet the same after a restart. What was slept through is
//! accounted for slot by slot, and what is older than the newest [`LISTED`] as one stretch; only the
//! newest slot may still run, and only shortly after its time, so that waking up never causes a burst.
//!
//! Invariant: pure. No clock, no randomness, and a slot is never given out twice: the caller hands
//! back the slot that it was last given.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::target::Target;
use crate::plan::Probe;

/// How many slots of one pair are listed when more were slept through: the newest ones.
pub const LISTED: usize = 1000;

/// The longest time after which a slot may still start late.
const LONGEST_GRACE: Duration = Duration::from_mins(10);

/// How far the clock may be set back before slots begin anew. Within it the slots of the repeated
/// time have had their runs, and waiting for it to pass again doubles none. Beyond it the clock
/// was wrong before, and waiting might take years.
pub const SET_BACK: Duration = Duration::from_hours(2);

/// Names a pair of probe and target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairKey {
    /// The probe.
    pub probe: ProbeId,
    /// The target.
    pub target: TargetId,
}

/// A probe on one of its targets.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The probe.
    pub probe: Arc<Probe>,
    /// The target.
    pub target: Arc<Target>,
}

/// One slot of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// When the schedule says.
    pub tick: Timestamp,
    /// When it should begin: the tick and its fixed delay, and before the next tick.
    pub at: Timestamp,
    /// The time until the next tick; none when this is the last.
    pub period: Option<Duration>,
}

/// What became of the slots up to now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// The slot that runs now.
    pub due: Option<Slot>,
    /// Slots that are too old to run, oldest first, the newest [`LISTED`] of them at most.
    pub overdue: Vec<Slot>,
    /// When there were more of them: those before the ones that are listed.
    pub unlisted: Option<Stretch>,
    /// The next slot; none when the schedule is over.
    pub next: Option<Slot>,
}

/// Slots in a row that are told of together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first of them.
    pub first: Slot,
    /// The last of them.
    pub last: Slot,
    /// How many they are.
    pub count: u64,
}

impl Pair {
    /// Its name.
    pub fn key(&self) -> PairKey {
        PairKey { probe: self.probe.id.clone(), target: self.target.id.clone() }
    }

    /// The first slot whose tick comes after `after`: any instant, or the start of a slot.
    pub fn slot_after(&self, after: Timestamp) -> Option<Slot> {
        let tick = self.probe.schedule.next_after(after)?;
        let period = self.probe.schedule.next_after(tick).and_then(|next| between(tick, next));
        let longest = period.map_or(self.probe.jitter, |period| self.probe.jitter.min(period));
        let at = later(tick, delay(&self.probe.id, &self.target.id, tick, longest));
        Some(Slot { tick, at, period })
    }

    /// Accounts for the slots after the one that began, or should have begun, at `last`.
    pub fn catch_up(&self, last: Timestamp, now: Timestamp) -> CaughtUp {
        // More than are listed, because the newest of them may still run and the oldest may be the
        // last of those that are told of together.
        let (mut slots, mut next, all) = self.slots(last, now, LISTED + 2);
        if !all {
            // Far too many to walk through: look at ever longer times before now instead.
            let mut window = Duration::from_mins(15);
            loop {
                let from = earlier(now, window).max(last);
                (slots, next) = self.newest(from, now);
                if slots.len() > LISTED + 1 || from == last {
                    break;
                }
                window = window.saturating_mul(2);
            }
        }
        let due = slots
            .back()
            .copied()
            .filter(|newest| between(newest.at, now).is_some_and(|late| late <= newest.grace()));
        if due.is_some() {
            slots.pop_back();
        }
        let mut older = None;
        while slots.len() > LISTED {
            older = slots.pop_front();
        }
        let unlisted = older.and_then(|newest| self.stretch(last, newest));
        CaughtUp { due, overdue: slots.into(), unlisted, next }
    }

    /// The slots after the one at `last`, up to `newest`.
    fn stretch(&self, last: Timestamp, newest: Slot) -> Option<Stretch> {
        let first = self.slot_after(last)?;
        Some(Stretch { first, last: newest, count: self.probe.schedule.count(first.tick, newest.tick) })
    }

    /// The slots that should have begun in `last..=now`, `most` of them at most, and the one after
    /// them; whether these are all.
    fn slots(&self, last: Timestamp, now: Timestamp, most: usize) -> (VecDeque<Slot>, Option<Slot>, bool) {
        let mut slots = VecDeque::new();
        let mut next = self.slot_after(last);
        while let Some(slot) = next.filter(|slot| slot.at <= now) {
            if slots.len() == most {
                return (slots, next, false);
            }
            slots.push_back(slot);
            next = self.slot_after(slot.tick);
        }
        (slots, next, true)
    }

    /// The newest slots that should have begun in `from..=now`, two more than are listed, and the
    /// one after them.
    fn newest(&self, from: Timestamp, now: Timestamp) -> (VecDeque<Slot>, Option<Slot>) {
        let mut slots = VecDeque::new();
        let mut next = self.slot_after(from);
        while let Some(slot) = next.filter(|slot| slot.at <= now) {
            slots.push_back(slot);
            if slots.len() > LISTED + 2 {
                slots.pop_front();
            }
            next = self.slot_after(slot.tick);
        }
        (slots, next)
    }
}

impl Slot {
    /// How much later it may still start: half the time to the next one, and 10 minutes at most.
    pub fn grace(&self) -> Duration {
        self.period.map_or(LONGEST_GRACE, |period| (period / 2).min(LONGEST_GRACE))
    }
}

/// The slot to go on from, when `last` was the last one accounted for and it is `now`.
pub fn resume_from(last: Timestamp, now: Timestamp) -> Timestamp {
    if last > later(now, SET_BACK) { now } else { last }
}

/// The fixed delay of a slot, below `longest`.
pub fn delay(probe: &ProbeId, target: &TargetId, tick: Timestamp, longest: Duration) -> Duration {
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    let share = share_of(&[probe.as_str(), target.as_str(), &tick.as_second().to_string()]);
    let millis = (u128::from(share) * u128::from(millis)) >> 64;
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// A number that depends on nothing but the words, evenly spread over all of `u64`.
pub(super) fn share_of(words: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |share, byte| (share << 8) | u64::from(*byte))
}

/// The time from one instant to a later one; none when it is earlier.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Option<Duration> {
    Duration::try_from(to.duration_since(from)).ok()
}

/// An instant so much later, or the last there is.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// An instant so much earlier, or the first there is.
fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
