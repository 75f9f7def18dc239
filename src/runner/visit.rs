//! Visits: runs of one step, by HTTP.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::{Deadline, Stopwatch};
use crate::domain::masks::Masks;
use crate::domain::observation::PhrasePlace;
use crate::domain::outcome::Outcome;
use crate::domain::run::StepRecord;
use crate::judge::lexicon;
use crate::visit;

use super::entry::{client, judge_entry, no_client, own_fault};
use super::{Event, Haul, Order, Runner, Watch};

/// A visit that failed is tried once more after this pause, over a connection of its own.
const VISIT_PAUSE: Duration = Duration::from_secs(2);

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
            self.manners.note(&order.target);
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
