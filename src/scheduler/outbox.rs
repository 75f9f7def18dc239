//! The mail worker: takes due messages from the outbox and posts them until they are gone. Mails and
//! webhooks are alike to it.
//!
//! All state is in the store, so that a restart goes on where it was. A mail is tried after
//! 1, 2, 5, 15, 15 … minutes for a day, then given up where people can see it. The post office
//! says whether a failure may pass, and when it thinks so; a refusal is final at once.
//!
//! Invariants: the mails of one incident reach a person in the order in which they were written, so
//! nobody reads "up again" before "down": the outbox hands out the first that waits, and none is
//! sent while another is on its way. A mail that was accepted is never sent again because the
//! store could not be written: what became of it is kept here until the store takes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Deadline};
use crate::domain::notice::{NoticeKind, Outgoing};

use super::due::{between, later, share_of};
use super::{Fault, chain};

/// Where mails wait.
pub trait Outbox: Send + Sync + 'static {
    /// The mails whose `next_try_at` has come and that are neither sent nor failed, most urgent
    /// first; of an incident's mails to one person only the first that waits. The worker takes as
    /// many as it can send. `busy` are those that are on their way: what is too much for one person
    /// may be put together, they may not.
    fn next_due(
        &self,
        now: Timestamp,
        busy: &[i64],
    ) -> impl Future<Output = Result<Vec<Outgoing>, Fault>> + Send;

    /// The mail was accepted.
    fn mark_sent(&self, id: i64, at: Timestamp) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The mail was not accepted and is tried again then; counts one attempt more.
    fn mark_retry(
        &self,
        id: i64,
        until: Timestamp,
        error: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The mail is given up; counts one attempt more and stays to be found, and others hear of it.
    fn mark_failed(
        &self,
        id: i64,
        at: Timestamp,
        error: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Sends mails.
pub trait Post: Send + Sync + 'static {
    /// Sends one mail to its one recipient.
    fn send(&self, mail: &Outgoing) -> impl Future<Output = Result<(), PostFailure>> + Send;
}

/// Why a mail was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostFailure {
    /// It may be accepted later.
    #[error("not accepted for now: {error}")]
    Retry {
        /// What was said.
        error: String,
        /// How long the other side wants to be left alone, if it said so.
        after: Option<Duration>,
    },
    /// It never will be.
    #[error("refused for good: {0}")]
    Refused(String),
}

/// How long to wait after the first, second … failure.
const LADDER: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(2), Duration::from_mins(5), Duration::from_mins(15)];

/// Mails are given up when they are older than this …
const OLDEST: Duration = Duration::from_hours(24);

/// … but not before so many attempts: the agent may have been off for that day.
const FEWEST_ATTEMPTS: u32 = 5;

/// The longest that the other side can make us wait: it may be mistaken by days.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Time for one mail.
const SEND_WITHIN: Duration = Duration::from_mins(1);

/// Mails that are sent at once.
const AT_ONCE: usize = 4;

/// How often the outbox is looked at when nobody calls.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Time for mails that are on their way when the agent is asked to stop.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// What becomes of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Settled {
    Sent(Timestamp),
    Retry { until: Timestamp, error: String },
    Failed { at: Timestamp, error: String },
}

/// When a mail that just failed is tried again, not before the pause that was asked for; [`None`]
/// when it is given up.
pub fn next_try(mail: &Outgoing, pause: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    let failures = mail.attempts.saturating_add(1);
    let rung = usize::try_from(mail.attempts).unwrap_or(usize::MAX).min(LADDER.len() - 1);
    let step = LADDER[rung];
    // Up to a fifth more, fixed by hash: mails of one outage do not come back in one moment.
    let share = share_of(&[&mail.notice.message_id, &mail.to.to_string(), &failures.to_string()]);
    let extra = Duration::from_millis(share % 1000) * u32::try_from(step.as_secs() / 5).unwrap_or(0);
    let pause = pause.unwrap_or_default().min(LONGEST_PAUSE);
    let next = later(now, step.max(pause) + extra);
    let age = between(mail.notice.created_at, next).unwrap_or_default();
    (age <= OLDEST || failures < FEWEST_ATTEMPTS).then_some(next)
}

/// What becomes of a mail after one try.
fn settle(mail: &Outgoing, result: Result<(), PostFailure>, now: Timestamp) -> Settled {
    match result {
        Ok(()) => Settled::Sent(now),
        Err(PostFailure::Refused(error)) => Settled::Failed { at: now, error },
        Err(PostFailure::Retry { error, after }) => match next_try(mail, after, now) {
            Some(until) => Settled::Retry { until, error },
            None => Settled::Failed { at: now, error },
        },
    }
}

/// Whether two mails tell one person about one incident. What tells many things may tell of any.
fn same_thread(a: &Outgoing, b: &Outgoing) -> bool {
    let many = |mail: &Outgoing| mail.notice.kind == NoticeKind::Flood;
    a.to == b.to && (a.notice.incident == b.notice.incident || many(a) || many(b))
}

/// The mail worker.
#[derive(Debug)]
pub struct Mailer<O, P> {
    outbox: Arc<O>,
    post: Arc<P>,
    clock: Clock,
    queued: Arc<Notify>,
}

impl<O: Outbox, P: Post> Mailer<O, P> {
    /// A worker that has not begun.
    pub fn new(outbox: Arc<O>, post: Arc<P>, clock: Clock) -> Self {
        Self { outbox, post, clock, queued: Arc::new(Notify::new()) }
    }

    /// Call [`Notify::notify_one`] on it when new mail was queued.
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.queued)
    }

    /// Goes on until `shutdown`; mails on their way get a little time to arrive.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut tasks: JoinSet<Result<(), PostFailure>> = JoinSet::new();
        let mut flying: HashMap<Id, Outgoing> = HashMap::new();
        // What became of mails that the store does not know yet.
        let mut settled: HashMap<i64, Settled> = HashMap::new();
        while !shutdown.is_cancelled() {
            self.write_down(&mut settled).await;
            let free = AT_ONCE.saturating_sub(flying.len());
            if free > 0 {
                for mail in self.due(&flying, &settled).await.into_iter().take(free) {
                    let (post, sent) = (Arc::clone(&self.post), mail.clone());
                    let task = tasks.spawn(async move {
                        Deadline::after(SEND_WITHIN).limit(post.send(&sent)).await.unwrap_or_else(|_| {
                            let error = format!("the other side took more than {} s", SEND_WITHIN.as_secs());
                            Err(PostFailure::Retry { error, after: None })
                        })
                    });
                    flying.insert(task.id(), mail);
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(ended) = tasks.join_next_with_id() => self.landed(ended, &mut flying, &mut settled),
                () = self.queued.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let limit = Deadline::after(FINISH_WITHIN);
        while let Ok(Some(ended)) = limit.limit(tasks.join_next_with_id()).await {
            self.landed(ended, &mut flying, &mut settled);
        }
        self.write_down(&mut settled).await;
        for mail in flying.values() {
            tracing::warn!(to = %mail.to, message_id = %mail.notice.message_id,
                "a mail was on its way when the agent stopped; it is sent again after the next start");
        }
    }

    /// The due mails that are not being dealt with.
    async fn due(&self, flying: &HashMap<Id, Outgoing>, settled: &HashMap<i64, Settled>) -> Vec<Outgoing> {
        let busy: Vec<i64> = flying.values().map(|mail| mail.id).chain(settled.keys().copied()).collect();
        match self.outbox.next_due(self.clock.now(), &busy).await {
            Ok(mut due) => {
                // A reminder may be superseded while it flies; the mail behind it waits all the same.
                let behind = |mail: &Outgoing| flying.values().any(|other| same_thread(mail, other));
                due.retain(|mail| !settled.contains_key(&mail.id) && !behind(mail));
                due
            }
            Err(fault) => {
                tracing::error!(error = chain(fault.as_ref()), "could not read the outbox; will try again");
                Vec::new()
            }
        }
    }

    /// A try ended.
    fn landed(
        &self,
        ended: Result<(Id, Result<(), PostFailure>), tokio::task::JoinError>,
        flying: &mut HashMap<Id, Outgoing>,
        settled: &mut HashMap<i64, Settled>,
    ) {
        let (id, result) = match ended {
            Ok(landed) => landed,
            Err(error) => {
                let fault = PostFailure::Retry { error: format!("a fault of our own: {error}"), after: None };
                (error.id(), Err(fault))
            }
        };
        let Some(mail) = flying.remove(&id) else { return };
        let what = settle(&mail, result, self.clock.now());
        let (to, kind, message_id) = (&mail.to, mail.notice.kind.name(), &mail.notice.message_id);
        match &what {
            Settled::Sent(_) => tracing::info!(%to, kind, %message_id, "mail sent"),
            Settled::Retry { until, error } => {
                tracing::warn!(%to, kind, %message_id, attempt = mail.attempts + 1, %until, error, "mail not accepted; it is tried again");
            }
            Settled::Failed { error, .. } => {
                tracing::error!(%to, kind, %message_id, attempts = mail.attempts + 1, error, "mail given up: this person was not told");
            }
        }
        settled.insert(mail.id, what);
    }

    /// Tells the store what became of mails; what it does not take stays in `settled`.
    async fn write_down(&self, settled: &mut HashMap<i64, Settled>) {
        let mut kept = HashMap::new();
        for (id, what) in settled.drain() {
            let written = match &what {
                Settled::Sent(at) => self.outbox.mark_sent(id, *at).await,
                Settled::Retry { until, error } => self.outbox.mark_retry(id, *until, error).await,
                Settled::Failed { at, error } => self.outbox.mark_failed(id, *at, error).await,
            };
            if let Err(fault) = written {
                tracing::error!(
                    error = chain(fault.as_ref()),
                    "could not write to the outbox; will try again"
                );
                kept.insert(id, what);
            }
        }
        *settled = kept;
    }
}

#[cfg(test)]
mod tests;
