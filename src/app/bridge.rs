//! What the scheduler asks for, answered by the store and the mail room.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use url::Url;

use crate::clock::Clock;
use crate::domain::ids::{IncidentId, TargetId};
use crate::domain::notice::{Outgoing, Recipient};
use crate::domain::run::Gap;
use crate::mail::{self, Dialogue, Enclosed};
use crate::plan::Plan;
use crate::scheduler::{Fault, Ledger, Outbox, PairKey, Post, PostFailure};
use crate::store::{Store, StoreError};
use crate::web::metrics::{Mail, Recorder};

use super::post::PostOffice;

/// How many mails are taken from the outbox at a time.
const MAILS: usize = 64;

/// The store as ledger and outbox; what is written is counted.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) recorder: Arc<Recorder>,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
}

impl Ledger for Books {
    async fn last_slots(&self) -> Result<HashMap<PairKey, Timestamp>, Fault> {
        let slots = self.store.last_slots().await?;
        Ok(slots.into_iter().map(|((probe, target), at)| (PairKey { probe, target }, at)).collect())
    }

    async fn cooling(&self) -> Result<Vec<(TargetId, Timestamp)>, Fault> {
        Ok(self.store.cooling(self.clock.now()).await?)
    }

    async fn record_gaps(&self, gaps: &[Gap]) -> Result<(), Fault> {
        self.store.record_gaps(gaps.to_vec()).await?;
        self.recorder.gaps(gaps);
        Ok(())
    }
}

impl Outbox for Books {
    async fn next_due(&self, now: Timestamp, busy: &[i64]) -> Result<Vec<Outgoing>, Fault> {
        // A flood that could not be put together is better than no mail.
        match self.store.outbox_relieve(now, busy.to_vec()).await {
            Ok(0) => {}
            Ok(messages) => {
                tracing::warn!(messages, "so much waits for one person that it is told in one mail");
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not put a flood of mails together"
            ),
        }
        Ok(self.store.outbox_due(now, MAILS).await?)
    }

    async fn mark_sent(&self, id: i64, at: Timestamp) -> Result<(), Fault> {
        self.store.outbox_sent(id, at).await?;
        self.recorder.mail(Mail::Sent);
        Ok(())
    }

    async fn mark_retry(&self, id: i64, until: Timestamp, error: &str) -> Result<(), Fault> {
        self.store.outbox_retry(id, until, error).await?;
        self.recorder.mail(Mail::Deferred);
        Ok(())
    }

    async fn mark_failed(&self, id: i64, at: Timestamp, error: &str) -> Result<(), Fault> {
        let plan = Arc::clone(&self.plan.borrow());
        for to in self.store.outbox_failed(id, at, error, &plan).await? {
            tracing::warn!(%to, "told that somebody else could not be told");
        }
        self.recorder.mail(Mail::Failed);
        Ok(())
    }
}

/// The page on which this recipient says that he takes care of this incident, for a message that was
/// written then; nothing when there is no such page. The same question has the same answer, so that a
/// second try is the same mail.
pub type AckLink = Arc<dyn Fn(&IncidentId, &Recipient, Timestamp) -> Option<Url> + Send + Sync>;

/// The post office, with what the store and the pages add to a message.
pub(super) struct Letters {
    pub(super) office: PostOffice,
    pub(super) store: Store,
    pub(super) acknowledge: AckLink,
}

impl Post for Letters {
    async fn send(&self, outgoing: &Outgoing) -> Result<(), PostFailure> {
        let notice = &outgoing.notice;
        let wanted = notice.facts().and_then(|facts| facts.screenshot.as_ref());
        let screenshot = match wanted.filter(|_| matches!(outgoing.to, Recipient::Mail(_))) {
            None => None,
            // A mail without its picture is better than no mail.
            Some(hash) => picture(self.store.read_evidence(hash).await).await,
        };
        let page = |incident| (self.acknowledge)(incident, &outgoing.to, notice.created_at);
        let acknowledge = notice.incident.as_ref().and_then(page);
        self.office.send(outgoing, Enclosed { screenshot, acknowledge }, &Dialogue::default()).await
    }
}

/// The picture as it goes into a mail: small.
async fn picture(read: Result<Option<(Vec<u8>, String)>, StoreError>) -> Option<(Vec<u8>, String)> {
    let (bytes, mime) = read.unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "could not read a picture for a mail");
        None
    })?;
    tokio::task::spawn_blocking(move || mail::small_picture(bytes, mime)).await.ok()
}

#[cfg(test)]
#[path = "bridge_tests.rs"]
mod tests;
