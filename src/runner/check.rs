//! Visits and link checks: runs of one step without a browser.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Deadline, Stopwatch};
use crate::crawl;
use crate::domain::indicator::IndicatorId;
use crate::domain::masks::Masks;
use crate::domain::observation::{Facts, PhrasePlace};
use crate::domain::outcome::Outcome;
use crate::domain::run::StepRecord;
use crate::domain::scenario::Stage;
use crate::domain::target::TargetClass;
use crate::http;
use crate::judge::classify::{Failure, Look, classify};
use crate::judge::lexicon;
use crate::visit;

use super::walk::{blank, sentence};
use super::{Event, Haul, Order, Runner, Watch};

/// A visit that failed is tried once more after this pause, over a connection of its own.
const VISIT_PAUSE: Duration = Duration::from_secs(2);

/// Time for a whole link check, pauses included.
const CRAWL_TIME: Duration = Duration::from_hours(1);

impl Runner {
    /// Visits the entry page, once more when it fails in a way that may pass by itself.
    pub(super) async fn visit(
        &self,
        order: &Order,
        within: Duration,
        watch: &dyn Watch,
        cancel: &CancellationToken,
    ) -> Haul {
        let name = order.agent.language.pick("打开首页", "Open the home page");
        let client = match client(order, &self.clock) {
            Ok(client) => client,
            Err(error) => return Haul::of(vec![own_fault(name, &["T1"], no_client(&error))], 1),
        };
        let target = visit::VisitTarget::entry(&order.target, within);
        let mut attempt = 0;
        let mut because: Option<String> = None;
        loop {
            attempt += 1;
            watch.event(Event::Attempt { number: attempt, because: because.as_deref() });
            self.pause(order, cancel).await;
            watch.event(Event::Step { number: 1, of: 1, name });
            let stopwatch = Stopwatch::start();
            let seen = tokio::select! {
                seen = visit::visit(&client, &target, Deadline::after(within)) => seen,
                () = cancel.cancelled() => {
                    return Haul::of(vec![own_fault(name, &["T1"], "The visit was cancelled.".to_owned())], attempt);
                }
            };
            self.pace.note(&order.target);
            let mut record = judge_entry(order, name, &["T1", "T3"], seen.facts, &seen.text);
            if record.outcome == Outcome::Done && seen.visit.marker_found == Some(false) {
                mark_missing(&mut record, order, &seen.text);
            }
            record.elapsed_ms = stopwatch.elapsed_ms();
            record.attempts = attempt;
            Masks::new().record(&mut record);
            watch.event(Event::StepEnded(&record));
            let again = record.outcome.worth_a_retry() && attempt < super::ATTEMPTS && !cancel.is_cancelled();
            if !again {
                let mut haul = Haul::of(vec![record], attempt);
                let mut visit = seen.visit;
                Masks::new().visit(&mut visit);
                haul.visit = Some(visit);
                return haul;
            }
            because = Some(format!("the visit ended as {}", record.outcome));
            tokio::select! {
                () = tokio::time::sleep(VISIT_PAUSE) => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    /// Checks the links of the entry page and below.
    pub(super) async fn crawl(
        &self,
        order: &Order,
        max_pages: u32,
        depth: u32,
        watch: &dyn Watch,
        cancel: &CancellationToken,
    ) -> Haul {
        let name = order.agent.language.pick("检查链接", "Check the links");
        let client = match client(order, &self.clock) {
            Ok(client) => client,
            Err(error) => return Haul::of(vec![own_fault(name, &["T2"], no_client(&error))], 1),
        };
        self.pause(order, cancel).await;
        watch.event(Event::Attempt { number: 1, because: None });
        watch.event(Event::Step { number: 1, of: 1, name });
        let settings = crawl::Settings::for_class(order.target.class, max_pages, depth);
        let stopwatch = Stopwatch::start();
        let progress = |progress: crawl::Progress| {
            watch.event(Event::Crawled { pages: progress.pages_read, links: progress.links_done });
        };
        let deadline = Deadline::after(CRAWL_TIME);
        let report = crawl::crawl(&client, &order.target, &settings, deadline, cancel, &progress).await;
        self.pace.note(&order.target);
        let mut record = judge_entry(order, name, &["T2"], report.entry, &report.entry_text);
        if let Some(blocked) = report.blocked {
            record.outcome = Outcome::CaptchaWaf;
            record.credit = None;
            record.error = Some(format!("{} told us to stay away at {}.", blocked.host, blocked.url));
        } else if cancel.is_cancelled() {
            record.outcome = Outcome::ProbeFault;
            record.credit = None;
            record.error = Some("The link check was cancelled.".to_owned());
        }
        record.elapsed_ms = stopwatch.elapsed_ms();
        record.attempts = 1;
        let masks = Masks::new();
        masks.record(&mut record);
        watch.event(Event::StepEnded(&record));
        let mut haul = Haul::of(vec![record], 1);
        haul.link_faults = report.faults;
        for fault in &mut haul.link_faults {
            masks.link(fault);
        }
        haul.links_checked = Some(report.links_checked);
        haul
    }

    /// Waits until the manners allow the next navigation.
    async fn pause(&self, order: &Order, cancel: &CancellationToken) {
        let wait = self.pace.due_in(&order.target);
        if !wait.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = cancel.cancelled() => {}
            }
        }
    }
}

fn client(order: &Order, clock: &Clock) -> Result<http::Client, http::HttpError> {
    let contact = order.agent.contact.as_deref();
    let settings = http::Settings::for_target(&order.target, contact, order.agent.language);
    http::Client::new(&settings, clock.clone())
}

fn measure(ids: &[&str]) -> Vec<IndicatorId> {
    ids.iter().filter_map(|id| IndicatorId::parse(id)).collect()
}

fn no_client(error: &http::HttpError) -> String {
    sentence("the request could not be made: ", error)
}

fn own_fault(name: &str, ids: &[&str], error: String) -> StepRecord {
    let mut record = blank(name, Stage::Find, measure(ids));
    record.outcome = Outcome::ProbeFault;
    record.attempts = 1;
    record.error = Some(error);
    record
}

/// A request that brought no page has failed, whoever is to blame for it: without this, an address
/// that we refuse to visit and a machine without a network would look like a page that works.
fn no_page(facts: &Facts) -> Option<Failure> {
    (facts.transport.is_some() || facts.main.is_none()).then_some(Failure::Navigation)
}

/// The record of a step that asked for the entry page. An answer is judged as in a walk; only
/// a page that did not come is a failure.
fn judge_entry(order: &Order, name: &str, ids: &[&str], facts: Facts, text: &str) -> StepRecord {
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

/// The page came without what makes it usable. When it says why (maintenance, a firewall), that
/// is the outcome; otherwise the page is broken for a citizen.
fn mark_missing(record: &mut StepRecord, order: &Order, text: &str) {
    let said = lexicon::find(&order.lexicon, text, PhrasePlace::Page);
    let (outcome, phrase) = match said {
        Some((
            outcome @ (Outcome::Maintenance
            | Outcome::ServerError
            | Outcome::CaptchaWaf
            | Outcome::Broken
            | Outcome::LoginWall),
            phrase,
        )) => (outcome, Some(phrase)),
        _ => (Outcome::Broken, None),
    };
    record.outcome = outcome;
    record.credit = outcome.credit().points();
    record.facts.phrase = phrase;
    let marker = order.target.marker.as_deref().unwrap_or_default();
    record.error = Some(format!("The page came, but “{marker}” does not stand in it."));
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
