//! The outbox, as the worker that sends asks for it.
//!
//! Invariant: what became of a message is on the disk before anybody is told that it is noted.

use std::sync::Arc;

use jiff::Timestamp;

use super::error::StoreError;
use super::rows::outbox::OutboxSummary;
use super::worker::Sync;
use super::{Store, Weight, delivery, rows};
use crate::domain::notice::{Outgoing, Recipient};
use crate::plan::Plan;

impl Store {
    /// Mails whose time has come, the longest due first; of an incident's mails to one person only
    /// the first that waits.
    pub async fn outbox_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Outgoing>, StoreError> {
        self.read(move |connection| rows::outbox::due(connection, now, limit)).await
    }

    /// The server took the mail.
    pub async fn outbox_sent(&self, id: i64, at: Timestamp) -> Result<(), StoreError> {
        self.join(Weight::Small, Sync::Disk, move |tx| rows::outbox::sent(tx, id, at)).await
    }

    /// The mail is tried again later.
    pub async fn outbox_retry(&self, id: i64, next_try_at: Timestamp, error: &str) -> Result<(), StoreError> {
        let error = error.to_owned();
        self.join(Weight::Small, Sync::Disk, move |tx| rows::outbox::retry(tx, id, next_try_at, &error)).await
    }

    /// The mail is given up; it stays visible in the summary, and the others who were told the same
    /// hear of it, or else those whom this plan tells of such incidents. Returns who.
    pub async fn outbox_failed(
        &self,
        id: i64,
        at: Timestamp,
        error: &str,
        plan: &Arc<Plan>,
    ) -> Result<Vec<Recipient>, StoreError> {
        let (error, plan) = (error.to_owned(), Arc::clone(plan));
        self.join(Weight::Small, Sync::Disk, move |tx| delivery::give_up(tx, id, at, &error, &plan)).await
    }

    /// Where more waits for one person than he could read, tells it in one message. `busy` are the
    /// messages that are on their way. Returns how many were put together or held.
    pub async fn outbox_relieve(&self, now: Timestamp, busy: Vec<i64>) -> Result<usize, StoreError> {
        let looked = busy.clone();
        if !self.read(move |connection| delivery::is_crowded(connection, now, &looked)).await? {
            return Ok(0);
        }
        self.write(move |connection| delivery::relieve(connection, now, &busy)).await
    }

    /// How the mail stands.
    pub async fn outbox_summary(&self) -> Result<OutboxSummary, StoreError> {
        self.read(rows::outbox::summary).await
    }
}
