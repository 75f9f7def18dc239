//! The dispatcher: the loop that sleeps until something is due, hands jobs out and takes results in.
//!
//! It decides nothing (that is [`super::roster`]'s) and does nothing itself (that is the
//! executor's): each job is a task that answers with one message, and gaps go to a task of their
//! own that keeps trying until they are stored. So neither a slow run nor a busy disk stops the
//! loop.
//!
//! Invariant: the loop never waits for anything but its own wake-up calls, and wakes at least
//! every `LONGEST_NAP`, so that a jump of the wall clock is noticed.

mod fold;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Deadline, Stopwatch};
use crate::domain::ids::TargetId;
use crate::domain::run::Gap;
use crate::plan::Plan;

use super::due::PairKey;
use super::roster::{Finished, Job, Limits, Roster};
use super::{Fault, chain};

/// The longest sleep.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// How many gaps wait one by one for a store that cannot be written; then the older ones are told of together.
const UNSAVED: usize = 100_000;

/// Makes runs: runs, stores and judges.
pub trait Executor: Send + Sync + 'static {
    /// Makes one run. When `cancel` fires it stops at once, cleans up and still returns; a run
    /// with [`Cause::Confirmation`](crate::domain::run::Cause::Confirmation) uses nothing that the run before it used.
    fn run(&self, job: Job, cancel: CancellationToken) -> impl Future<Output = Finished> + Send;
}

/// Remembers slots across restarts.
pub trait Ledger: Send + Sync + 'static {
    /// The newest `scheduled_at` of each pair's gaps and runs, of those runs that the schedule
    /// caused: a confirmation has no slot of its own.
    fn last_slots(&self) -> impl Future<Output = Result<HashMap<PairKey, Timestamp>, Fault>> + Send;

    /// Targets that asked us to stay away, and until when.
    fn cooling(&self) -> impl Future<Output = Result<Vec<(TargetId, Timestamp)>, Fault>> + Send;

    /// Stores gaps, all or none. A gap that is stored already is no error.
    fn record_gaps(&self, gaps: &[Gap]) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The dispatcher could not begin.
#[derive(Debug, thiserror::Error)]
#[error("read what ran before from the store")]
pub struct DispatchError(#[source] Fault);

/// How the jobs ended that were running when the agent was asked to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// By themselves.
    pub finished: usize,
    /// When they were told to.
    pub cancelled: usize,
    /// Not even then: their slots are recorded as interrupted.
    pub abandoned: usize,
    /// Whether some gaps could not be stored.
    pub unsaved: bool,
}

/// What goes on, for status lines and `/healthz`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// How often the loop went round.
    pub beats: u64,
    /// Pairs of probe and target in the plan.
    pub pairs: usize,
    /// What runs.
    pub running: Vec<PairKey>,
    /// How many jobs wait.
    pub waiting: usize,
    /// When the next slot begins.
    pub next_at: Option<Timestamp>,
    /// Whether the agent was asked to stop.
    pub draining: bool,
}

/// A handle on a running dispatcher: shows that it is alive, and wakes it.
#[derive(Debug, Clone)]
pub struct Pulse {
    standing: Arc<watch::Sender<Standing>>,
    wake: Arc<Notify>,
}

impl Pulse {
    fn new() -> Self {
        Self { standing: Arc::new(watch::Sender::default()), wake: Arc::new(Notify::new()) }
    }

    /// What goes on.
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// Makes the loop look at the clock now.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Asks for a sign of life and waits for it, but not longer than `within`.
    pub async fn is_alive(&self, within: Duration) -> bool {
        let mut standing = self.standing.subscribe();
        standing.mark_unchanged();
        self.wake();
        matches!(Deadline::after(within).limit(standing.changed()).await, Ok(Ok(())))
    }

    fn beat(&self, roster: &Roster, draining: bool) {
        self.standing.send_modify(|standing| {
            *standing = Standing {
                beats: standing.beats.wrapping_add(1),
                pairs: roster.pairs(),
                running: roster.running(),
                waiting: roster.waiting(),
                next_at: roster.next_at(),
                draining,
            };
        });
    }
}

/// Runs what the plan says when the plan says.
#[derive(Debug)]
pub struct Dispatcher<E, L> {
    executor: Arc<E>,
    ledger: Arc<L>,
    clock: Clock,
    limits: Limits,
    pulse: Pulse,
}

impl<E: Executor, L: Ledger> Dispatcher<E, L> {
    /// A dispatcher that has not begun.
    pub fn new(executor: Arc<E>, ledger: Arc<L>, clock: Clock, limits: Limits) -> Self {
        Self { executor, ledger, clock, limits, pulse: Pulse::new() }
    }

    /// The handle on it.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Goes on until `shutdown`, then starts nothing more, lets running jobs end and returns.
    /// A new plan in the channel is taken over whole at the next turn; running jobs go on as
    /// they began.
    pub async fn run(
        self,
        mut plan: watch::Receiver<Arc<Plan>>,
        shutdown: CancellationToken,
    ) -> Result<Drained, DispatchError> {
        let Self { executor, ledger, clock, limits, pulse } = self;
        let last_slots = ledger.last_slots().await.map_err(DispatchError)?;
        let cooling = ledger.cooling().await.map_err(DispatchError)?;
        let (gaps, inbox) = mpsc::unbounded_channel();
        let mut scribe = tokio::spawn(write_gaps(ledger, inbox));

        let up = Stopwatch::start();
        let mut roster = Roster::new(limits.clone(), clock.now());
        for (target, until) in cooling {
            roster.cool_down(&target, until);
        }
        let first = Arc::clone(&plan.borrow_and_update());
        roster.adopt(&first, &last_slots, clock.now());
        drop(last_slots);

        let mut crew = Crew::new(executor);
        let (mut reloads, mut reloaded) = (true, false);
        while !shutdown.is_cancelled() {
            if std::mem::take(&mut reloaded) {
                let new = Arc::clone(&plan.borrow_and_update());
                roster.adopt(&new, &HashMap::new(), clock.now());
            }
            for job in roster.tick(clock.now(), up.elapsed()) {
                crew.start(job);
            }
            hand_over(&mut roster, &gaps);
            pulse.beat(&roster, false);
            let nap = roster.nap(clock.now(), up.elapsed(), LONGEST_NAP);
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some((key, finished)) = crew.next() => {
                    roster.finished(&key, finished, clock.now(), up.elapsed());
                }
                changed = plan.changed(), if reloads => {
                    reloaded = changed.is_ok();
                    // Without a sender the plan is what it is.
                    reloads = changed.is_ok();
                }
                () = pulse.wake.notified() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }

        roster.close();
        let mut drained = Drained::default();
        let limit = Deadline::after(limits.drain);
        drained.finished = crew.drain(&mut roster, &pulse, limit).await;
        crew.cancel.cancel();
        let limit = Deadline::after(limits.clean_up);
        drained.cancelled = crew.drain(&mut roster, &pulse, limit).await;
        for key in crew.abandon() {
            drained.abandoned += 1;
            tracing::error!(probe = %key.probe, target_id = %key.target, "a run did not stop when it was told to, and is abandoned");
            roster.finished(&key, None, clock.now(), up.elapsed());
        }
        hand_over(&mut roster, &gaps);
        drop(gaps);
        let written = Deadline::after(limits.clean_up).limit(&mut scribe).await;
        drained.unsaved = !matches!(written, Ok(Ok(true)));
        if drained.unsaved {
            scribe.abort();
            tracing::error!("the store did not take the last gaps; they are lost");
        }
        Ok(drained)
    }
}

/// Gives noted gaps to the task that stores them.
fn hand_over(roster: &mut Roster, gaps: &mpsc::UnboundedSender<Vec<Gap>>) {
    let noted = roster.take_gaps();
    for gap in &noted {
        tracing::debug!(probe = %gap.probe, target_id = %gap.target, slot = %gap.scheduled_at, slots = gap.count, reason = gap.reason.name(), "a slot was not run");
    }
    if !noted.is_empty() && gaps.send(noted).is_err() {
        tracing::error!("gaps could not be handed over: the task that stores them is gone");
    }
}

/// Stores gaps, again and again until it works; whether all were stored in the end.
async fn write_gaps<L: Ledger>(ledger: Arc<L>, mut inbox: mpsc::UnboundedReceiver<Vec<Gap>>) -> bool {
    let mut unsaved: VecDeque<Gap> = VecDeque::new();
    let mut pause = Duration::ZERO;
    let mut open = true;
    while open || !unsaved.is_empty() {
        if unsaved.is_empty() {
            match inbox.recv().await {
                Some(gaps) => unsaved.extend(gaps),
                None => open = false,
            }
        }
        while let Ok(gaps) = inbox.try_recv() {
            unsaved.extend(gaps);
        }
        if unsaved.len() > UNSAVED {
            fold::fold(&mut unsaved);
            tracing::error!(
                waiting = unsaved.len(),
                "the store takes no gaps; the older ones will share records"
            );
        }
        if unsaved.is_empty() {
            continue;
        }
        match ledger.record_gaps(unsaved.make_contiguous()).await {
            Ok(()) => {
                unsaved.clear();
                pause = Duration::ZERO;
            }
            Err(fault) => {
                tracing::error!(
                    gaps = unsaved.len(),
                    error = chain(fault.as_ref()),
                    "could not record gaps; will try again"
                );
                if inbox.is_closed() && inbox.is_empty() && pause > Duration::ZERO {
                    // Asked to stop, and failing not for the first time.
                    return false;
                }
                pause = (pause * 2).clamp(Duration::from_secs(1), Duration::from_mins(1));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    more = inbox.recv() => match more {
                        Some(gaps) => unsaved.extend(gaps),
                        None => open = false,
                    },
                }
            }
        }
    }
    true
}

/// The jobs that run.
struct Crew<E> {
    executor: Arc<E>,
    tasks: JoinSet<Finished>,
    keys: HashMap<Id, PairKey>,
    cancel: CancellationToken,
}

impl<E: Executor> Crew<E> {
    fn new(executor: Arc<E>) -> Self {
        Self { executor, tasks: JoinSet::new(), keys: HashMap::new(), cancel: CancellationToken::new() }
    }

    fn start(&mut self, job: Job) {
        let key = PairKey { probe: job.probe.id.clone(), target: job.target.id.clone() };
        let (executor, cancel) = (Arc::clone(&self.executor), self.cancel.child_token());
        let task = self.tasks.spawn(async move { executor.run(job, cancel).await });
        self.keys.insert(task.id(), key);
    }

    /// The next job that ended; none at once when nothing runs.
    async fn next(&mut self) -> Option<(PairKey, Option<Finished>)> {
        let ended = self.tasks.join_next_with_id().await?;
        self.ended(ended)
    }

    fn ended(&mut self, ended: Result<(Id, Finished), JoinError>) -> Option<(PairKey, Option<Finished>)> {
        match ended {
            Ok((id, finished)) => Some((self.keys.remove(&id)?, Some(finished))),
            Err(error) => {
                let key = self.keys.remove(&error.id())?;
                tracing::error!(probe = %key.probe, target_id = %key.target, %error, "a run ended in a fault of our own");
                Some((key, None))
            }
        }
    }

    /// Waits until all have ended, but not past `limit`; how many did. Confirmations are not
    /// started any more: the roster is closed.
    async fn drain(&mut self, roster: &mut Roster, pulse: &Pulse, limit: Deadline) -> usize {
        let mut count = 0;
        while !self.tasks.is_empty() && !limit.passed() {
            pulse.beat(roster, true);
            tokio::select! {
                Some((key, finished)) = self.next() => {
                    // Nothing new is begun, but a run that was lost is a gap all the same.
                    let finished = finished
                        .map(|ended| Finished { unrecorded: ended.unrecorded, ..Finished::default() });
                    roster.finished(&key, finished, Timestamp::UNIX_EPOCH, Duration::ZERO);
                    count += 1;
                }
                () = pulse.wake.notified() => {}
                () = tokio::time::sleep_until(limit.instant()) => {}
            }
        }
        pulse.beat(roster, true);
        count
    }

    /// Gives up on those that are left.
    fn abandon(&mut self) -> Vec<PairKey> {
        self.tasks.abort_all();
        self.tasks.detach_all();
        self.keys.drain().map(|(_, key)| key).collect()
    }
}

#[cfg(test)]
mod tests;
