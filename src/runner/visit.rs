//! Visits: runs of one step, by HTTP.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::{Deadline, Stopwatch};
use crate::crawl::Eyes;
use crate::domain::masks::Masks;
use crate::domain::run::StepRecord;
use crate::domain::scenario::Stage;
use crate::domain::target::TargetClass;
use crate::judge::visit::{Judged, Visited, again, is_doubtful, judge};
use crate::visit::{self, Seen, VisitTarget};

use super::entry::{measure, no_client, own_fault};
use super::settle::settle;
use super::walk::blank;
use super::{Event, Haul, Order, Runner, Watch};

/// A visit that failed is tried once more after this pause, over a connection of its own.
const VISIT_PAUSE: Duration = Duration::from_secs(2);

/// What a visit feeds (method, section 3): whether it answers, with a valid certificate; whether it is
/// made for phones; whether it has an IPv6 address.
const MEASURE: [&str; 3] = ["T1", "T3", "T4"];

impl Runner {
    /// Visits the entry page, once more when it fails in a way that may pass by itself. What a request
    /// alone cannot tell is looked at in a browser.
    pub(super) async fn visit(
        &self,
        order: &Order,
        within: Duration,
        watch: &dyn Watch,
        cancel: &CancellationToken,
    ) -> Haul {
        let name = order.agent.language.pick("打开首页", "Open the home page");
        let client = match self.client(order) {
            Ok(client) => client,
            Err(error) => return Haul::of(vec![own_fault(name, &MEASURE, no_client(&error))], 1),
        };
        let target = VisitTarget::entry(&order.target, within);
        let mut attempt = 0;
        let mut because: Option<String> = None;
        loop {
            attempt += 1;
            watch.event(Event::Attempt { number: attempt, because: because.as_deref() });
            self.pause(order, cancel).await;
            watch.event(Event::Step { number: 1, of: 1, name });
            let stopwatch = Stopwatch::start();
            let late = self.clock.now().duration_since(order.scheduled_at);
            let target = target.clone().late(Duration::try_from(late).unwrap_or_default());
            let seen = tokio::select! {
                seen = visit::visit(&client, &target, Deadline::after(within)) => seen,
                () = cancel.cancelled() => return cancelled(name, attempt),
            };
            self.manners.note(&order.target);
            let elapsed = stopwatch.elapsed_ms();
            let mut judged = judge(&visited(order, &seen), &order.lexicon);
            let again = judged.outcome.worth_a_retry() && attempt < super::ATTEMPTS && !cancel.is_cancelled();
            let mut seen = seen;
            if !again
                && let Some(failure) = judged.failure
                && is_doubtful(failure, &seen.visit)
            {
                self.pause(order, cancel).await;
                let eyes = self.eyes(order);
                let eyes = order.looks.then_some(&eyes as &dyn Eyes);
                judged = tokio::select! {
                    settled = second_look(eyes, order, &mut seen, &judged, within) => settled,
                    () = cancel.cancelled() => return cancelled(name, attempt),
                };
                self.manners.note(&order.target);
            }
            seen.visit.failure = judged.failure;
            let mut record = record(name, judged, &mut seen);
            record.elapsed_ms = elapsed;
            record.attempts = attempt;
            Masks::new().record(&mut record);
            watch.event(Event::StepEnded(&record));
            if !again {
                let mut haul = Haul::of(vec![record], attempt);
                Masks::new().visit(&mut seen.visit);
                haul.visit = Some(seen.visit);
                return haul;
            }
            because = Some(format!("the visit ended as {}", record.outcome));
            tokio::select! {
                () = tokio::time::sleep(VISIT_PAUSE) => {}
                () = cancel.cancelled() => {}
            }
        }
    }
}

/// Lets a browser look at a doubtful visit, keeps what it saw, and judges again.
async fn second_look(
    eyes: Option<&dyn Eyes>,
    order: &Order,
    seen: &mut Seen,
    doubtful: &Judged,
    within: Duration,
) -> Judged {
    let settled = match (eyes, doubtful.failure) {
        (Some(eyes), Some(failure)) => {
            settle(eyes, seen, failure, order.target.marker.as_deref(), within).await
        }
        _ => None,
    };
    let shown = settled.as_ref().map(super::settle::Settled::shown);
    let judged = again(doubtful, &visited(order, seen), shown.as_ref(), &order.lexicon);
    if let Some(settled) = settled {
        if settled.look.transport.is_none() && judged.failure.is_none() {
            seen.visit.marker_found = settled.shown().marker_found;
        }
        seen.visit.second_look = Some(settled.look);
    }
    judged
}

fn visited<'a>(order: &'a Order, seen: &'a Seen) -> Visited<'a> {
    Visited {
        visit: &seen.visit,
        facts: &seen.facts,
        text: &seen.text,
        live: order.target.class == TargetClass::Live,
        marker: order.target.marker.as_deref(),
    }
}

fn record(name: &str, judged: Judged, seen: &mut Seen) -> StepRecord {
    let mut record = blank(name, Stage::Find, measure(&MEASURE));
    record.outcome = judged.outcome;
    record.credit = judged.outcome.credit().points();
    if !judged.outcome.goes_on() {
        record.error = Some(judged.why);
    }
    record.facts = std::mem::take(&mut seen.facts);
    record.facts.phrase = judged.phrase;
    record
}

fn cancelled(name: &str, attempt: u32) -> Haul {
    Haul::of(vec![own_fault(name, &MEASURE, "The visit was cancelled.".to_owned())], attempt)
}
