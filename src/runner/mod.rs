//! The runner: one run, from its first step to its observations.
//!
//! A run has one deadline and one log. Whatever goes wrong ends as an outcome of a step: the
//! runner itself never fails, and what is our own fault says so (`probe_fault`).
//!
//! When it failed, it is asked whether we could see at all (`doubt`), before anybody hears of it.
//!
//! Invariant: the runner names outcomes through the judge and keeps evidence through a
//! [`Keeper`]; it decides nothing about incidents and tells nobody.

mod canary;
mod clients;
mod crawl;
mod doubt;
mod entry;
mod eyes;
mod keep;
mod order;
mod prove;
mod settle;
mod step;
mod visit;
mod walk;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::browser::Pool;
use crate::clock::{Clock, Stopwatch};
use crate::domain::link::{CrawlExtent, LinkFault};
use crate::domain::run::{Run, RunKind, StepRecord};
use crate::domain::visit::Visit;
use crate::http::manners::Manners;
use crate::judge;
use crate::plan::Work;

use canary::Canaries;
pub use canary::ask_canaries;
use clients::Clients;
pub use eyes::BrowserEyes;
pub use keep::Keeper;
pub use order::{Order, new_run_id};
use walk::Walked;
pub use watch::{Event, Silent, Watch};

/// How often a journey is tried inside one run when it meets a fault that may pass by itself.
const ATTEMPTS: u32 = 2;

/// Makes runs.
#[derive(Debug, Clone)]
pub struct Runner {
    pool: Arc<Pool>,
    keeper: Keeper,
    clock: Clock,
    manners: Manners,
    journals: Option<PathBuf>,
    clients: Clients,
    canaries: Canaries,
}

/// What one kind of run brings home.
struct Haul {
    steps: Vec<StepRecord>,
    attempts: u32,
    walked: Option<Walked>,
    visit: Option<Visit>,
    link_faults: Vec<LinkFault>,
    crawl: Option<CrawlExtent>,
    links_checked: Option<u32>,
}

impl Haul {
    fn of(steps: Vec<StepRecord>, attempts: u32) -> Self {
        Self {
            steps,
            attempts,
            walked: None,
            visit: None,
            link_faults: Vec::new(),
            links_checked: None,
            crawl: None,
        }
    }
}

impl Runner {
    /// A runner that takes its browsers from `pool` and keeps evidence with `keeper`.
    pub fn new(pool: Arc<Pool>, keeper: Keeper, clock: Clock, manners: Manners) -> Self {
        Self {
            pool,
            keeper,
            clock,
            manners,
            journals: None,
            clients: Clients::default(),
            canaries: Canaries::default(),
        }
    }

    /// The same, keeping what link checks find in this folder, so that one that is stopped goes on.
    #[must_use]
    pub fn with_journals(self, folder: PathBuf) -> Self {
        Self { journals: Some(folder), ..self }
    }

    /// Makes one run. Cancelling ends it at the next step or wait; what was seen until then is kept.
    pub async fn run(&self, order: &Order, watch: &dyn Watch, cancel: &CancellationToken) -> Run {
        let started_at = self.clock.now();
        let stopwatch = Stopwatch::start();
        let mut haul = match &order.work {
            Work::Walk(scenario) => {
                let around = walk::Around { watch, cancel };
                Box::pin(self.walk(order, scenario, stopwatch, around)).await
            }
            Work::Visit { within } => Box::pin(self.visit(order, *within, watch, cancel)).await,
            Work::Crawl(plan) => Box::pin(self.crawl(order, plan, watch, cancel)).await,
        };
        // People ask how long after the appointed time something happened, not after we got round to it.
        let late = u64::try_from(started_at.duration_since(order.scheduled_at).as_millis()).unwrap_or(0);
        for after in haul.steps.iter_mut().filter_map(|step| step.facts.after_ms.as_mut()) {
            *after += late;
        }
        let limit = if let Work::Crawl(plan) = &order.work { plan.limit } else { None };
        let (verdict, reason) = judge::verdict::crawl_verdict(&haul.steps, &haul.link_faults, limit);
        let scenario = match &order.work {
            Work::Walk(scenario) => Some(scenario),
            Work::Visit { .. } | Work::Crawl(_) => None,
        };
        let (finished_at, elapsed_ms) = (self.clock.now(), stopwatch.elapsed_ms());
        let seen = Box::pin(self.doubt(order, &haul, stopwatch, cancel)).await;
        let (verdict, reason) = judge::doubt::verdict(verdict, reason, &seen.canaries);
        let run = Run {
            id: order.id.clone(),
            probe: order.probe.clone(),
            target: order.target.id.clone(),
            kind: kind_of(&order.work),
            scenario: scenario.map(|scenario| scenario.id.clone()),
            scenario_hash: scenario.map(|scenario| scenario.hash.clone()),
            scored: scenario.is_none_or(|scenario| scenario.scored),
            vantage: order.agent.name.clone(),
            cause: order.cause.clone(),
            scheduled_at: order.scheduled_at,
            started_at,
            finished_at,
            elapsed_ms,
            attempts: haul.attempts,
            verdict,
            reason,
            steps: haul.steps,
            visit: haul.visit.or(seen.raw),
            link_faults: haul.link_faults,
            links_checked: haul.links_checked,
            crawl: haul.crawl,
            browser: haul.walked.map(|walked| walked.browser),
            canaries: seen.canaries,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        watch.event(Event::Ended(&run));
        run
    }
}

/// The kind of run that some work makes.
pub fn kind_of(work: &Work) -> RunKind {
    match work {
        Work::Walk(_) => RunKind::Walk,
        Work::Visit { .. } => RunKind::Visit,
        Work::Crawl(_) => RunKind::Crawl,
    }
}
