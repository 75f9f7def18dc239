//! Digests and heartbeats: told at their slots, whatever happens in between.
//!
//! Which slot is told next stands in the store, so a restart neither doubles nor loses one. Slots
//! that passed while the agent was off are told as one, late, over all of their time.
//!
//! Invariant: a digest tells of the time from the slot before it to its own, to the second, and no
//! time is told twice. What has no recipients was refused when the plan was read.

mod facts;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::clock::Clock;
use crate::domain::ids::NoticeId;
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::{Matter, Notice, NoticeKind, Recipient};
use crate::plan::cron::Schedule;
use crate::plan::{MailPlan, Plan, RouteFilter};
use crate::store::{Store, StoreError};

/// The longest sleep: the wall clock may jump.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// A slot that is further ahead than this was told by a clock that was wrong.
const AHEAD: Duration = Duration::from_hours(24);

/// Tells what is due.
#[derive(Debug)]
pub(super) struct Clerk {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
    /// The domain of Message-IDs.
    pub(super) message_domain: String,
    /// Wakes the outbox.
    pub(super) mail_queued: Arc<Notify>,
}

/// One recurring notice of the plan.
#[derive(Debug, Clone, Copy)]
struct Item<'a> {
    to: &'a [Recipient],
    schedule: &'a Schedule,
    /// What a digest tells of; absent for a heartbeat.
    digest: Option<&'a RouteFilter>,
}

impl Clerk {
    /// Goes on until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut adopted = None;
        loop {
            let plan = Arc::clone(&self.plan.borrow_and_update());
            let now = self.clock.now();
            let nap = match self.turn(&plan, &mut adopted, now).await {
                Ok(next) => next.map_or(LONGEST_NAP, |at| {
                    let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                    wait.clamp(Duration::from_millis(10), LONGEST_NAP)
                }),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    error!(error, "could not queue a digest or heartbeat; it is tried again");
                    LONGEST_NAP
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                // Without a sender the plan is what it is.
                Ok(()) = self.plan.changed() => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Tells what is due, and says when the next one is.
    async fn turn(
        &self,
        plan: &Arc<Plan>,
        adopted: &mut Option<Arc<Plan>>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let items = plan.mail.as_ref().map(items).unwrap_or_default();
        if !adopted.as_ref().is_some_and(|adopted| Arc::ptr_eq(adopted, plan)) {
            let names: Vec<String> = items.keys().cloned().collect();
            // Most plans have none, and then nothing is written.
            if !names.is_empty() || !self.store.recurring().await?.is_empty() {
                self.store.keep_recurring(names, now).await?;
            }
            *adopted = Some(Arc::clone(plan));
        }
        if items.is_empty() {
            return Ok(None);
        }
        let told = self.store.recurring().await?;
        let mut next: Option<Timestamp> = None;
        for (name, item) in &items {
            let Some(last) = told.get(name).copied() else { continue };
            let from = if last.duration_since(now) > AHEAD.try_into().unwrap_or_default() {
                self.store.set_back_recurring(name.clone(), now).await?;
                now
            } else {
                last
            };
            if let Some(slot) = newest_slot(item.schedule, from, now) {
                self.tell(plan, name, *item, from, slot, now).await?;
            }
            let due = item.schedule.next_after(from.max(now));
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Queues one notice over the time from `from` to `slot`.
    async fn tell(
        &self,
        plan: &Plan,
        name: &str,
        item: Item<'_>,
        from: Timestamp,
        slot: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = self.store.digest(from, slot).await?;
        let (kind, matter) = if let Some(filter) = item.digest {
            let facts = facts::digest(&rows, plan, filter, (from, slot));
            (NoticeKind::Digest, Matter::Digest(Box::new(facts)))
        } else {
            let facts = facts::heartbeat(&rows, plan, item.schedule.next_after(slot));
            (NoticeKind::Heartbeat, Matter::Heartbeat(Box::new(facts)))
        };
        let id = NoticeId::new(fresh_id(now));
        let notice = Notice {
            message_id: format!("<{id}@{}>", self.message_domain),
            id,
            incident: None,
            kind,
            concern: Concern::default(),
            severity: Severity::Info,
            created_at: now,
            in_reply_to: None,
            matter,
        };
        let queued = self.store.tell_recurring(name.to_owned(), slot, notice, item.to.to_vec()).await?;
        if queued > 0 {
            info!(kind = kind.name(), name, %from, until = %slot, mails = queued, "a recurring notice was queued");
            self.mail_queued.notify_one();
        }
        Ok(())
    }
}

/// The recurring notices of a plan by their names, which say what makes one the same as before a
/// change of the configuration: its schedule. Recipients and filters may change in between.
fn items(mail: &MailPlan) -> BTreeMap<String, Item<'_>> {
    let mut items = BTreeMap::new();
    for digest in &mail.digests {
        let item = Item { to: &digest.to, schedule: &digest.schedule, digest: Some(&digest.when) };
        let stem = format!("digest {}", digest.schedule.source());
        let mut name = stem.clone();
        let mut number = 1;
        while items.contains_key(&name) {
            number += 1;
            name = format!("{stem} #{number}");
        }
        items.insert(name, item);
    }
    if let Some(beat) = &mail.heartbeat {
        let item = Item { to: &beat.to, schedule: &beat.schedule, digest: None };
        items.insert("heartbeat".to_owned(), item);
    }
    items
}

/// The newest slot after `from` that has come.
fn newest_slot(schedule: &Schedule, from: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let mut newest = None;
    // After a long absence there may be very many; the newest is looked for near to now first.
    for hours in [1, 25, 32 * 24, 400 * 24] {
        let back = now.checked_sub(jiff::SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN);
        let mut at = from.max(back);
        while let Some(next) = schedule.next_after(at).filter(|next| *next <= now) {
            newest = Some(next);
            at = next;
        }
        if newest.is_some() || back <= from {
            return newest;
        }
    }
    None
}

fn fresh_id(now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
    uuid::Uuid::new_v7(at).to_string()
}
