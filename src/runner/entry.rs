//! What visits and link checks share: a client, the manners' pause, the judgement of the page that
//! was asked for first.

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::indicator::IndicatorId;
use crate::domain::observation::Facts;
use crate::domain::outcome::Outcome;
use crate::domain::run::StepRecord;
use crate::domain::scenario::Stage;
use crate::domain::target::TargetClass;
use crate::http;
use crate::judge::classify::{Failure, Look, classify};

use super::walk::{blank, sentence};
use super::{Order, Runner};

impl Runner {
    /// Waits until the manners allow the next navigation.
    pub(super) async fn pause(&self, order: &Order, cancel: &CancellationToken) {
        let wait = self.manners.due_in(&order.target);
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    /// A client for requests to the order's target, built once for all targets that want the like.
    pub(super) fn client(&self, order: &Order) -> Result<http::Client, http::HttpError> {
        self.clients.get(settings(order), &self.clock)
    }
}

fn settings(order: &Order) -> http::Settings {
    http::Settings::for_target(&order.target, order.agent.contact.as_deref(), order.agent.language)
}

/// A client of its own that keeps so many warm connections to a host.
pub(super) fn client(order: &Order, clock: &Clock, warm: u32) -> Result<http::Client, http::HttpError> {
    let settings = http::Settings { warm: warm as usize, ..settings(order) };
    http::Client::new(&settings, clock.clone())
}

pub(super) fn measure(ids: &[&str]) -> Vec<IndicatorId> {
    ids.iter().filter_map(|id| IndicatorId::parse(id)).collect()
}

pub(super) fn no_client(error: &http::HttpError) -> String {
    sentence("the request could not be made: ", error)
}

pub(super) fn own_fault(name: &str, ids: &[&str], error: String) -> StepRecord {
    let mut record = blank(name, Stage::Find, measure(ids));
    record.outcome = Outcome::ProbeFault;
    record.attempts = 1;
    record.error = Some(error);
    record
}

/// A request that brought no page has failed, whoever is to blame for it: without this, an address
/// that we refuse to visit and a machine without a network would look like a page that works.
pub(super) fn no_page(facts: &Facts) -> Option<Failure> {
    (facts.transport.is_some() || facts.main.is_none()).then_some(Failure::Navigation)
}

/// The record of a step that asked for the entry page. An answer is judged as in a walk; only
/// a page that did not come is a failure.
pub(super) fn judge_entry(order: &Order, name: &str, ids: &[&str], facts: Facts, text: &str) -> StepRecord {
    let live = order.target.class == TargetClass::Live;
    let look = Look { facts: &facts, text, failure: no_page(&facts), seen: None, absent: None, live };
    let classified = classify(&look, &order.lexicon);
    let mut record = blank(name, Stage::Find, measure(ids));
    record.outcome = classified.outcome;
    record.credit = classified.outcome.credit().points();
    if !classified.outcome.goes_on() {
        record.error = Some(classified.why);
    }
    record.facts = facts;
    record.facts.phrase = classified.phrase;
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observation::{Transport, TransportClass};
    use crate::plan::lexicon::built_in;

    #[test]
    fn a_page_that_did_not_come_is_never_done() {
        use TransportClass::{
            Dns, Download, Other, Ours, Policy, RedirectLoop, Refused, Reset, Timeout, Tls,
        };
        let cases = [
            (Dns, Outcome::Unreachable),
            (Refused, Outcome::Unreachable),
            (Reset, Outcome::Unreachable),
            (Tls, Outcome::Unreachable),
            (Timeout, Outcome::Timeout),
            (RedirectLoop, Outcome::Broken),
            (Download, Outcome::Broken),
            (Other, Outcome::Broken),
            (Policy, Outcome::BlockedByPolicy),
            (Ours, Outcome::ProbeFault),
        ];
        for (class, want) in cases {
            let transport = Some(Transport { class, detail: "why".to_owned() });
            let facts = Facts { transport, ..Facts::default() };
            let failure = no_page(&facts);
            let look = Look { facts: &facts, text: "", failure, seen: None, absent: None, live: true };
            assert_eq!(classify(&look, &built_in()).outcome, want, "{class:?}");
        }
    }
}
