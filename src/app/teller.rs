//! The teller: asks the store every few seconds whether time alone has decided that people are told.
//!
//! Invariant: all state is in the store. A look that fails is made again; one that comes too late tells
//! what it finds.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::domain::notice::Recipient;
use crate::plan::Plan;
use crate::store::{JudgeContext, Mailed, Store};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Looks until it is told to stop.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
    /// The domain of Message-IDs.
    pub(super) message_domain: String,
    /// Wakes the outbox when mail was queued.
    pub(super) mail_queued: Arc<Notify>,
    /// Those for whom something waits and of whom nobody else can hear; said once in the log.
    pub(super) helpless: HashSet<Recipient>,
}

impl Teller {
    /// Goes on until `shutdown`. A new plan is looked at with at once.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            self.look().await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                // The service is gone when nobody can send a plan any more.
                changed = self.plan.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn look(&mut self) {
        self.sweep().await;
        self.tell_stuck().await;
    }

    /// What waits too long for somebody is told to others.
    async fn tell_stuck(&mut self) {
        let context = self.context();
        let stuck = match self.store.tell_stuck(context).await {
            Ok(Some(stuck)) => stuck,
            Ok(None) => {
                self.helpless.clear();
                return;
            }
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "could not look for messages that wait too long; will try again"
                );
                return;
            }
        };
        for one in stuck.iter().filter(|one| !one.known) {
            let whom = names(&one.whom);
            let (since, messages) = (one.since, one.messages.len());
            if one.to.is_empty() {
                // It is looked for again and again: somebody may be reached later.
                let known = self.helpless.len();
                self.helpless.extend(one.whom.iter().cloned());
                if self.helpless.len() > known {
                    warn!(whom, %since, messages,
                        "messages wait and nobody else can be told: add a webhook or a second way, and look at the mail server");
                }
            } else {
                warn!(whom, %since, messages, told = names(&one.to), "messages wait too long: others are told");
                self.mail_queued.notify_one();
            }
        }
    }

    fn context(&mut self) -> JudgeContext {
        JudgeContext {
            plan: Arc::clone(&self.plan.borrow_and_update()),
            message_domain: self.message_domain.clone(),
            now: self.clock.now(),
        }
    }

    async fn sweep(&mut self) {
        let context = self.context();
        match self.store.sweep(context).await {
            Ok(mailed) => {
                say(&mailed);
                if mailed.iter().any(|mailed| mailed.queued > 0) {
                    self.mail_queued.notify_one();
                }
            }
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "could not look what has to be told; will try again"
                );
            }
        }
    }
}

/// Who it is, in one line.
fn names(people: &[Recipient]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Says in the log what was told, and why.
pub(super) fn say(mailed: &[Mailed]) {
    for Mailed { incident, kind, concern, queued, why } in mailed {
        let (kind, concern) = (kind.name(), concern.name());
        if *queued == 0 {
            warn!(%incident, kind, concern, why, "nobody is told of an incident: no [[mail.route]] takes it");
        } else {
            info!(%incident, kind, concern, mails = queued, why, "told");
        }
    }
}
