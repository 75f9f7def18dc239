//! The roster: who waits, who runs, who may start next.
//!
//! A state machine without a clock or a task: the dispatcher tells it the time and what finished,
//! and it answers with jobs and gaps. Two times come in: `now`, the wall clock, which schedules
//! follow and which may jump; and `up`, the time since the dispatcher began, which never jumps
//! and measures pauses.
//!
//! Invariant: a pair of probe and target is at most once in the queue or running; a slot that
//! leaves the agenda becomes a job or a gap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::ids::{RunId, TargetId};
use crate::domain::run::{Cause, Gap, GapReason};
use crate::domain::target::{Target, TargetClass};
use crate::plan::{Plan, Probe, Work};

use super::due::{Pair, PairKey, SET_BACK, Slot, Stretch, between, later, resume_from, share_of};

/// How much goes on at once, and how gently. How many walks go on is the plan's `browser.sessions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Visits and crawls at once; at least 1.
    pub light: usize,
    /// The pause before a run is confirmed.
    pub confirm_pause: Duration,
    /// The least time between a start or an end of a run and the next start on one live host.
    pub spacing: Duration,
    /// How long running jobs may go on after the agent was asked to stop.
    pub drain: Duration,
    /// How long they may take to clean up when told to stop at once.
    pub clean_up: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // `drain` and `clean_up` together stay below the unit's TimeoutStopSec=45.
        Self {
            light: 8,
            confirm_pause: Duration::from_secs(5),
            spacing: Duration::from_secs(10),
            drain: Duration::from_secs(25),
            clean_up: Duration::from_secs(12),
        }
    }
}

/// One run to make.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to do.
    pub probe: Arc<Probe>,
    /// Where.
    pub target: Arc<Target>,
    /// When it should have begun: the slot and its fixed delay.
    pub scheduled_at: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// What the dispatcher needs to know of a job that ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// The run that wants a second, independent one to confirm it.
    pub confirm: Option<RunId>,
    /// The target asked us to stay away for so long.
    pub cool_down: Option<Duration>,
    /// The store did not take the run: its slot is a gap.
    pub unrecorded: bool,
}

/// How many pairs are looked at in one go, and how many gaps noted, so that the loop shows signs
/// of life in between.
const BATCH: usize = 256;

/// What a job occupies while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lane {
    /// A browser.
    Browser,
    /// No more than a few sockets.
    Light,
}

/// Pairs, queue and running jobs.
#[derive(Debug)]
pub struct Roster {
    limits: Limits,
    sessions: usize,
    seats: HashMap<Arc<PairKey>, Seat>,
    /// The next slot of every pair, soonest first; one entry a pair.
    agenda: BinaryHeap<Reverse<(Timestamp, Arc<PairKey>)>>,
    queues: HashMap<Lane, BTreeMap<Rank, Entry>>,
    running: HashMap<Arc<PairKey>, Running>,
    hosts: HashMap<String, Host>,
    cooling: HashMap<TargetId, Timestamp>,
    gaps: Vec<Gap>,
    /// The latest time that the wall clock ever showed.
    latest: Timestamp,
}

#[derive(Debug)]
struct Seat {
    pair: Pair,
    /// Where its target stands.
    host: String,
    /// When the slot last accounted for began or should have begun.
    last: Timestamp,
    /// Its place in the queue.
    queued: Option<(Lane, Rank)>,
}

/// The order of the queue: confirmations first, then by time, then in an order that mixes targets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    scheduled: bool,
    since: Timestamp,
    spread: u64,
    key: Arc<PairKey>,
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    /// The run that it is to confirm.
    confirms: Option<RunId>,
    not_before: Duration,
}

#[derive(Debug)]
struct Running {
    lane: Lane,
    host: String,
    live: bool,
    at: Timestamp,
}

#[derive(Debug, Default)]
struct Host {
    walked: bool,
    rests_until: Duration,
}

/// Why an entry of the queue does not start.
enum Hold {
    /// Something has to end first.
    Busy,
    /// A pause has to pass first.
    Until(Duration),
}

impl Roster {
    /// An empty roster.
    pub fn new(limits: Limits, now: Timestamp) -> Self {
        Self {
            limits,
            sessions: 1,
            seats: HashMap::new(),
            agenda: BinaryHeap::new(),
            queues: HashMap::from([(Lane::Browser, BTreeMap::new()), (Lane::Light, BTreeMap::new())]),
            running: HashMap::new(),
            hosts: HashMap::new(),
            cooling: HashMap::new(),
            gaps: Vec::new(),
            latest: now,
        }
    }

    /// Stays away from `target` until then.
    pub fn cool_down(&mut self, target: &TargetId, until: Timestamp) {
        self.cooling.insert(target.clone(), until);
        let waiting = self.seats.iter().filter(|(key, seat)| key.target == *target && seat.queued.is_some());
        for key in waiting.map(|(key, _)| Arc::clone(key)).collect::<Vec<_>>() {
            self.drop_entry(&key, GapReason::CoolingDown);
        }
    }

    /// Takes over a plan. Pairs that stay keep their last slot, unless their schedule changed;
    /// pairs that are new begin now, or after the slot that `last_slots` knows of.
    pub fn adopt(&mut self, plan: &Plan, last_slots: &HashMap<PairKey, Timestamp>, now: Timestamp) {
        self.sessions = plan.browser.sessions.max(1);
        let mut seats = HashMap::new();
        for probe in &plan.probes {
            for target in &probe.targets {
                let pair = Pair { probe: Arc::clone(probe), target: Arc::clone(target) };
                let key = Arc::new(pair.key());
                let seat = if let Some(mut old) = self.seats.remove(&key) {
                    if old.pair.probe.schedule != probe.schedule {
                        // What the new schedule would have done in the past is nobody's gap.
                        old.last = old.last.max(now);
                    }
                    self.requeue(&mut old, &pair);
                    Seat { host: host_of(target), pair, ..old }
                } else {
                    let last = last_slots.get(&key).map_or(now, |last| resume_from(*last, now));
                    Seat { host: host_of(target), pair, last, queued: None }
                };
                seats.insert(key, seat);
            }
        }
        let gone = std::mem::replace(&mut self.seats, seats);
        for (key, seat) in gone {
            if let Some(entry) = self.unqueue(seat.queued.as_ref()) {
                self.note_unless_confirming(&key, &entry, GapReason::Overdue);
            }
        }
        let hosts: HashSet<&String> = self.seats.values().map(|seat| &seat.host).collect();
        self.hosts.retain(|host, state| state.walked || hosts.contains(host));
        self.fill_agenda();
    }

    /// Looks at what came due and says what starts. Call again at once when [`Roster::nap`] says
    /// zero.
    pub fn tick(&mut self, now: Timestamp, up: Duration) -> Vec<Job> {
        if between(now, self.latest).is_some_and(|back| back > SET_BACK) {
            tracing::warn!(from = %self.latest, to = %now, "the clock was set back by more than {} hours; every schedule begins anew from now", SET_BACK.as_secs() / 3600);
            for seat in self.seats.values_mut() {
                seat.last = seat.last.min(now);
            }
            for until in self.cooling.values_mut() {
                *until = (*until).min(later(now, Duration::from_hours(24)));
            }
            self.latest = now;
            self.fill_agenda();
        }
        self.latest = self.latest.max(now);
        self.cooling.retain(|_, until| *until > now);

        for _ in 0..BATCH {
            let Some(Reverse((at, _))) = self.agenda.peek() else { break };
            if *at > now || self.gaps.len() > BATCH {
                break;
            }
            if let Some(Reverse((_, key))) = self.agenda.pop() {
                self.account(&key, now, up);
            }
        }
        let mut jobs = Vec::new();
        for lane in [Lane::Browser, Lane::Light] {
            self.start(lane, up, &mut jobs);
        }
        jobs
    }

    /// A job ended. [`None`] when it panicked or had to be abandoned.
    pub fn finished(&mut self, key: &PairKey, finished: Option<Finished>, now: Timestamp, up: Duration) {
        let Some((key, running)) = self.running.remove_entry(key) else { return };
        if let Some(host) = self.hosts.get_mut(&running.host) {
            host.walked &= running.lane != Lane::Browser;
            if running.live {
                host.rests_until = host.rests_until.max(up + self.limits.spacing);
            }
        }
        let Some(finished) = finished else {
            self.note(&key, running.at, GapReason::Interrupted);
            return;
        };
        if finished.unrecorded {
            self.note(&key, running.at, GapReason::NotRecorded);
        }
        if let Some(time) = finished.cool_down {
            let until = later(now, time);
            tracing::info!(target_id = %key.target, %until, "the target asked us to stay away for a while");
            self.cool_down(&key.target, until);
        } else if let Some(of) = finished.confirm
            && self.seats.contains_key(&key)
            && !self.cooling.contains_key(&key.target)
        {
            let at = later(now, self.limits.confirm_pause);
            let not_before = up + self.limits.confirm_pause;
            self.enqueue(&key, Entry { at, confirms: Some(of), not_before });
        }
    }

    /// No more starts: what waits becomes a gap.
    pub fn close(&mut self) {
        let waiting = self.seats.iter().filter(|(_, seat)| seat.queued.is_some());
        for key in waiting.map(|(key, _)| Arc::clone(key)).collect::<Vec<_>>() {
            self.drop_entry(&key, GapReason::ShuttingDown);
        }
        self.agenda.clear();
    }

    /// How long nothing will happen by itself, at most `longest`.
    pub fn nap(&self, now: Timestamp, up: Duration, longest: Duration) -> Duration {
        let agenda = self.agenda.peek().map(|Reverse((at, _))| between(now, *at).unwrap_or_default());
        let mut nap = agenda.unwrap_or(longest).min(longest);
        for (lane, queue) in &self.queues {
            if self.room(*lane) > 0 {
                for (rank, entry) in queue {
                    if let Err(Hold::Until(until)) = self.may_start(*lane, rank, entry, up) {
                        nap = nap.min(until.saturating_sub(up));
                    }
                }
            }
        }
        nap
    }

    /// The gaps noted since they were last taken.
    pub fn take_gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.queues.values().map(BTreeMap::len).sum()
    }

    /// The jobs that run.
    pub fn running(&self) -> Vec<PairKey> {
        self.running.keys().map(|key| PairKey::clone(key)).collect()
    }

    /// When the next slot begins.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.agenda.peek().map(|Reverse((at, _))| *at)
    }

    /// How many pairs the plan has.
    pub fn pairs(&self) -> usize {
        self.seats.len()
    }

    fn fill_agenda(&mut self) {
        let next = |(key, seat): (&Arc<PairKey>, &Seat)| {
            let slot = seat.pair.slot_after(seat.last)?;
            Some(Reverse((slot.at, Arc::clone(key))))
        };
        self.agenda = self.seats.iter().filter_map(next).collect();
    }

    /// Accounts for the slots of a pair up to now.
    fn account(&mut self, key: &Arc<PairKey>, now: Timestamp, up: Duration) {
        let Some(seat) = self.seats.get_mut(key) else { return };
        let caught = seat.pair.catch_up(seat.last, now);
        if let Some(newest) = caught.due.or(caught.overdue.last().copied()) {
            seat.last = newest.at;
        }
        match caught.next {
            Some(next) => self.agenda.push(Reverse((next.at, Arc::clone(key)))),
            None => {
                tracing::warn!(probe = %key.probe, target_id = %key.target, "the schedule is over: this probe will not run here again");
            }
        }
        if let Some(Stretch { first, last, count }) = caught.unlisted {
            let (probe, target) = (key.probe.clone(), key.target.clone());
            let gap = Gap::one(probe, target, first.at, GapReason::Overdue);
            self.gaps.push(Gap { until: last.at, count, ..gap });
        }
        for slot in &caught.overdue {
            self.note(key, slot.at, GapReason::Overdue);
        }
        if let Some(slot) = caught.due {
            self.admit(key, slot, now, up);
        }
    }

    /// Puts a slot whose time has come into the queue, or says why not.
    fn admit(&mut self, key: &Arc<PairKey>, slot: Slot, now: Timestamp, up: Duration) {
        if self.cooling.contains_key(&key.target) {
            return self.note(key, slot.at, GapReason::CoolingDown);
        }
        if self.running.contains_key(key) {
            return self.note(key, slot.at, GapReason::StillRunning);
        }
        let queued = self.seats.get(key).and_then(|seat| seat.queued.clone());
        let waiting = queued.and_then(|(lane, rank)| self.queues.get_mut(&lane)?.get_mut(&rank));
        match waiting {
            // A confirmation belongs to the run before it: that one is still going, in a way.
            Some(entry) if entry.confirms.is_some() => self.note(key, slot.at, GapReason::StillRunning),
            // The place in the queue stays, so that waiting comes to an end; the older slot goes.
            Some(entry) => {
                let older = std::mem::replace(&mut entry.at, slot.at);
                self.note(key, older, GapReason::Overdue);
            }
            None => {
                // After a sleep many pairs are late at once: each takes its own delay again.
                let late = between(slot.at, now).is_some_and(|late| late > Duration::from_secs(30));
                let again =
                    if late { between(slot.tick, slot.at).unwrap_or_default() } else { Duration::ZERO };
                self.enqueue(key, Entry { at: slot.at, confirms: None, not_before: up + again });
            }
        }
    }

    fn enqueue(&mut self, key: &Arc<PairKey>, entry: Entry) {
        let Some(seat) = self.seats.get_mut(key) else { return };
        let lane = lane_of(&seat.pair.probe.work);
        let rank = Rank {
            scheduled: entry.confirms.is_none(),
            since: entry.at,
            spread: share_of(&[key.target.as_str(), key.probe.as_str()]),
            key: Arc::clone(key),
        };
        seat.queued = Some((lane, rank.clone()));
        self.queues.entry(lane).or_default().insert(rank, entry);
    }

    fn unqueue(&mut self, queued: Option<&(Lane, Rank)>) -> Option<Entry> {
        let (lane, rank) = queued?;
        self.queues.get_mut(lane)?.remove(rank)
    }

    /// Moves a waiting entry to another lane when its probe now does something else.
    fn requeue(&mut self, old: &mut Seat, new: &Pair) {
        let lane = lane_of(&new.probe.work);
        if old.queued.as_ref().is_some_and(|(before, _)| *before != lane)
            && let Some(entry) = self.unqueue(old.queued.as_ref())
            && let Some((before, rank)) = &mut old.queued
        {
            *before = lane;
            self.queues.entry(lane).or_default().insert(rank.clone(), entry);
        }
    }

    fn drop_entry(&mut self, key: &Arc<PairKey>, reason: GapReason) {
        let queued = self.seats.get_mut(key).and_then(|seat| seat.queued.take());
        if let Some(entry) = self.unqueue(queued.as_ref()) {
            self.note_unless_confirming(key, &entry, reason);
        }
    }

    fn note_unless_confirming(&mut self, key: &PairKey, entry: &Entry, reason: GapReason) {
        match &entry.confirms {
            None => self.note(key, entry.at, reason),
            Some(of) => {
                tracing::info!(probe = %key.probe, target_id = %key.target, run = %of, reason = reason.name(), "a run will not be confirmed by a second one");
            }
        }
    }

    fn note(&mut self, key: &PairKey, at: Timestamp, reason: GapReason) {
        let (probe, target) = (key.probe.clone(), key.target.clone());
        self.gaps.push(Gap::one(probe, target, at, reason));
    }

    /// How many more jobs a lane takes.
    fn room(&self, lane: Lane) -> usize {
        let most = match lane {
            Lane::Browser => self.sessions,
            Lane::Light => self.limits.light.max(1),
        };
        most.saturating_sub(self.running.values().filter(|running| running.lane == lane).count())
    }

    fn may_start(&self, lane: Lane, rank: &Rank, entry: &Entry, up: Duration) -> Result<(), Hold> {
        if entry.not_before > up {
            return Err(Hold::Until(entry.not_before));
        }
        let Some(seat) = self.seats.get(&rank.key) else { return Err(Hold::Busy) };
        let Some(host) = self.hosts.get(&seat.host) else { return Ok(()) };
        if lane == Lane::Browser && host.walked {
            return Err(Hold::Busy);
        }
        if seat.pair.target.class == TargetClass::Live && host.rests_until > up {
            return Err(Hold::Until(host.rests_until));
        }
        Ok(())
    }

    fn start(&mut self, lane: Lane, up: Duration, jobs: &mut Vec<Job>) {
        let mut room = self.room(lane);
        let Some(mut queue) = self.queues.remove(&lane) else { return };
        let mut started = Vec::new();
        for (rank, entry) in &queue {
            if room == 0 {
                break;
            }
            if self.may_start(lane, rank, entry, up).is_ok()
                && let Some(job) = self.job(lane, rank, entry, up)
            {
                room -= 1;
                started.push(rank.clone());
                jobs.push(job);
            }
        }
        for rank in started {
            queue.remove(&rank);
        }
        self.queues.insert(lane, queue);
    }

    /// Marks an entry as running.
    fn job(&mut self, lane: Lane, rank: &Rank, entry: &Entry, up: Duration) -> Option<Job> {
        let seat = self.seats.get_mut(&rank.key)?;
        seat.queued = None;
        let (probe, target) = (Arc::clone(&seat.pair.probe), Arc::clone(&seat.pair.target));
        let live = target.class == TargetClass::Live;
        let name = seat.host.clone();
        let host = self.hosts.entry(name.clone()).or_default();
        host.walked |= lane == Lane::Browser;
        if live {
            host.rests_until = host.rests_until.max(up + self.limits.spacing);
        }
        self.running.insert(Arc::clone(&rank.key), Running { lane, host: name, live, at: entry.at });
        let cause = match &entry.confirms {
            Some(of) => Cause::Confirmation { of: of.clone() },
            None => Cause::Schedule,
        };
        Some(Job { probe, target, scheduled_at: entry.at, cause })
    }
}

fn lane_of(work: &Work) -> Lane {
    match work {
        Work::Walk(_) => Lane::Browser,
        Work::Visit { .. } | Work::Crawl(_) => Lane::Light,
    }
}

/// The host that a target stands on, with its port: where manners are counted.
fn host_of(target: &Target) -> String {
    let port = target.entry.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", target.entry.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests;
