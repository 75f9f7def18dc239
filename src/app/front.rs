//! What the listener speaks for: the dispatcher, the store, the browsers, and what was counted.
//!
//! Invariant: nothing here waits for a run. A store in trouble is said and takes no other answer along.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tracing::error;

use crate::browser::Pool;
use crate::clock::{Clock, Deadline};
use crate::domain::ids::IncidentId;
use crate::domain::incident::{Incident, Scope, Shared};
use crate::domain::run::Run;
use crate::plan::Plan;
use crate::scheduler::Pulse;
use crate::store::{Store, StoreError};
use crate::web::metrics::{Meter, Process, Reading, Recorder};
use crate::web::{Card, Desk, Health, Setting};

use super::agent::title_of;

/// Time for the dispatcher to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Time for the store to answer a scrape; Prometheus itself waits for 10 s.
const NUMBERS: Duration = Duration::from_secs(5);

/// What the listener speaks for.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) pulse: Pulse,
    pub(super) store: Store,
    pub(super) pool: Arc<Pool>,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
    pub(super) clock: Clock,
    pub(super) recorder: Arc<Recorder>,
}

impl Health for Front {
    async fn alive(&self) -> bool {
        self.pulse.is_alive(ANSWER).await
    }

    async fn ready(&self) -> Result<(), String> {
        if !self.alive().await {
            return Err("The dispatcher does not answer.".to_owned());
        }
        if self.pulse.standing().draining {
            return Err("The service is stopping and takes no new work.".to_owned());
        }
        if let Some(why) = self.pool.trouble() {
            return Err(format!("Nothing can be walked: {why}."));
        }
        match self.store.can_record().await {
            Ok(_) => Ok(()),
            Err(why) => Err(format!("Runs are made but cannot be recorded: could not {why}.")),
        }
    }
}

impl Desk for Front {
    fn setting(&self) -> Setting {
        let plan = self.plan.borrow();
        Setting {
            public: plan.web.public.clone(),
            language: plan.agent.language,
            timezone: plan.agent.timezone.clone(),
        }
    }

    async fn incident(&self, id: &IncidentId) -> Result<Option<Card>, String> {
        let found = self.store.incident(id).await.map_err(|error| error.with_causes())?;
        let plan = Arc::clone(&self.plan.borrow());
        Ok(found.map(|incident| card(incident, &plan)))
    }

    async fn acknowledge(&self, id: IncidentId, by: String, note: Option<String>) -> Result<(), String> {
        let done = self.store.acknowledge(id.clone(), by, note, self.clock.now()).await;
        let taken = done.map_err(|error: StoreError| error.with_causes())?;
        let by = taken.acknowledged.as_ref().map(|ack| ack.by.as_str());
        tracing::info!(incident = %id, by, "an incident was acknowledged by a link");
        Ok(())
    }
}

impl Meter for Front {
    async fn read(&self) -> Reading {
        let plan = Arc::clone(&self.plan.borrow());
        let planned: std::collections::BTreeSet<_> = plan
            .probes
            .iter()
            .flat_map(|probe| probe.targets.iter().map(move |target| (&probe.id, &target.id)))
            .collect();
        let store = match Deadline::after(NUMBERS).limit(self.store.numbers()).await {
            Ok(Ok(numbers)) => Some(numbers),
            Ok(Err(error)) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "could not read the store's numbers for /metrics"
                );
                None
            }
            Err(_) => None,
        };
        Reading {
            counted: self.recorder.counted(|probe, target| planned.contains(&(probe, target))),
            standing: self.pulse.standing(),
            browsers: self.pool.census(),
            store,
            process: tokio::task::spawn_blocking(Process::read).await.ok().flatten(),
            at_seconds: self.clock.now().as_microsecond() as f64 / 1e6,
        }
    }
}

/// An incident with the names that people know.
fn card(incident: Incident, plan: &Plan) -> Card {
    let about = match &incident.scope {
        Scope::Pair => plan
            .target(incident.target.as_str())
            .map_or_else(|| incident.target.to_string(), |target| target.name.clone()),
        Scope::Wave { shared: Shared::Region(name) | Shared::Host(name) } => name.clone(),
        Scope::Vantage => plan.agent.name.clone(),
    };
    // What is gone from the plan keeps its id.
    let probe = plan
        .probe(incident.probe.as_str())
        .map_or_else(|| incident.probe.to_string(), |probe| title_of(&probe.work, plan.agent.language));
    Card { incident, about, probe }
}

/// Counts every run that is recorded, until nobody records any more.
pub(super) async fn count(mut runs: broadcast::Receiver<Arc<Run>>, recorder: Arc<Recorder>) {
    loop {
        match runs.recv().await {
            Ok(run) => recorder.run(&run),
            Err(broadcast::error::RecvError::Lagged(missed)) => recorder.missed(missed),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
