//! What is done with a run that failed before anybody hears of it: the canaries, and for a walk that was
//! to confirm a failure a plain request of the home page, without a browser.
//!
//! Invariant: facts alone; what they mean for the run is the judge's. The portal is asked within its manners and at most
//! once more; a run that nobody will judge (`Order::canary` absent) asks nobody anything.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use url::Host;

use crate::clock::{Deadline, Stopwatch};
use crate::domain::masks::Masks;
use crate::domain::notice::CanaryFact;
use crate::domain::run::Cause;
use crate::domain::visit::Visit;
use crate::judge::doubt::{is_in_doubt, is_our_network};
use crate::judge::verdict::failing_step;
use crate::plan::{CanaryPlan, Work};
use crate::visit::{self, VisitTarget};

use super::canary::{ALL, Asker, own_page, way_out};
use super::walk::options;
use super::{Haul, Order, Runner};

/// Time for waiting for a browser, or for starting one, in which our own page is opened.
const BROWSER: Duration = Duration::from_secs(6);

/// Time for the plain request beside a walk.
const RAW: Duration = Duration::from_secs(10);

/// What was seen besides the run.
#[derive(Debug, Default)]
pub(super) struct Besides {
    /// The canaries.
    pub canaries: Vec<CanaryFact>,
    /// The plain request.
    pub raw: Option<Visit>,
}

impl Runner {
    /// Looks around when a run failed, or found no network.
    pub(super) async fn doubt(
        &self,
        order: &Order,
        haul: &Haul,
        run: Stopwatch,
        cancel: &CancellationToken,
    ) -> Besides {
        let Some(plan) = order.canary.as_deref() else { return Besides::default() };
        if cancel.is_cancelled() || !is_in_doubt(&haul.steps) {
            return Besides::default();
        }
        let look = async {
            let (canaries, raw) = tokio::join!(self.canaries(order, plan, haul, run), self.raw(order, haul));
            Besides { canaries, raw }
        };
        tokio::select! {
            besides = look => besides,
            () = cancel.cancelled() => Besides::default(),
        }
    }

    async fn canaries(
        &self,
        order: &Order,
        plan: &CanaryPlan,
        haul: &Haul,
        run: Stopwatch,
    ) -> Vec<CanaryFact> {
        let asker = Asker { plan, agent: &order.agent, clients: &self.clients, clock: &self.clock };
        let own = match order.target.entry.host() {
            Some(Host::Domain(name)) if !order.target.is_loopback() => Some(name),
            _ => None,
        };
        let page = async {
            let Work::Walk(scenario) = &order.work else { return None };
            // A walk without a browser has said already what ails browsers.
            let walked = haul.walked.as_ref()?;
            Box::pin(own_page(&self.pool, &options(order, scenario), walked.group, Deadline::after(BROWSER)))
                .await
        };
        let (page, answers) = tokio::join!(page, self.canaries.ask(asker, own, run, Deadline::after(ALL)));
        let way = haul.steps.iter().any(is_our_network).then(way_out).flatten();
        page.into_iter().chain(way).chain(answers).collect()
    }

    /// The plain request: only beside a walk that failed when it was to confirm a failure.
    async fn raw(&self, order: &Order, haul: &Haul) -> Option<Visit> {
        let confirms = matches!(order.cause, Cause::Confirmation { .. });
        if !confirms || !matches!(order.work, Work::Walk(_)) || failing_step(&haul.steps).is_none() {
            return None;
        }
        let client = self.client(order).ok()?;
        tokio::time::sleep(self.manners.due_in(&order.target)).await;
        let seen = visit::visit(&client, &VisitTarget::entry(&order.target, RAW), Deadline::after(RAW)).await;
        self.manners.note(&order.target);
        let mut visit = seen.visit;
        Masks::new().visit(&mut visit);
        Some(visit)
    }
}
