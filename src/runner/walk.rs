//! Walks: a scenario in a browser.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::browser::{Guard, Journey, JourneyOptions};
use crate::clock::{Deadline, Stopwatch};
use crate::domain::observation::Facts;
use crate::domain::outcome::Outcome;
use crate::domain::run::StepRecord;
use crate::domain::scenario::{Scenario, Stage, Step};
use crate::domain::target::{Target, TargetClass};
use crate::http::user_agent;

use super::step::Walker;
use super::{ATTEMPTS, Event, Haul, Order, Runner, Watch};

/// How long a walk may wait for a free browser before it begins.
const BROWSER_WAIT: Duration = Duration::from_mins(1);

/// The pause before a journey is tried again: enough for a restarted server to come up.
const ATTEMPT_PAUSE: Duration = Duration::from_secs(1);

/// Who looks on, and who may end it.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// Told of every step.
    pub watch: &'a dyn Watch,
    /// Ends the walk at the next step or wait.
    pub cancel: &'a CancellationToken,
}

impl Runner {
    /// Walks the scenario, once more from the start when it meets a fault that may pass by itself.
    pub(super) async fn walk(
        &self,
        order: &Order,
        scenario: &Arc<Scenario>,
        run: Stopwatch,
        around: Around<'_>,
    ) -> Haul {
        let Around { watch, cancel } = around;
        let mut browser = None;
        let mut deadline = Deadline::after(scenario.deadline);
        let mut attempt = 0;
        let mut because: Option<String> = None;
        loop {
            attempt += 1;
            watch.event(Event::Attempt { number: attempt, because: because.as_deref() });
            let mut steps = self.attempt(order, scenario, run, &mut deadline, &mut browser, around).await;
            for step in &mut steps {
                if step.outcome != Outcome::NotReached {
                    step.attempts = attempt;
                }
            }
            let ending = steps.iter().find(|step| !step.outcome.goes_on());
            let again = ending.is_some_and(|step| step.outcome.worth_a_retry())
                && attempt < ATTEMPTS
                && !cancel.is_cancelled()
                && deadline.remaining() > ATTEMPT_PAUSE;
            if !again {
                let mut haul = Haul::of(steps, attempt);
                haul.walked = browser;
                return haul;
            }
            because = ending.map(|step| format!("`{}` ended as {}", step.name, step.outcome));
            tokio::select! {
                () = tokio::time::sleep(ATTEMPT_PAUSE) => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    async fn attempt(
        &self,
        order: &Order,
        scenario: &Arc<Scenario>,
        run: Stopwatch,
        deadline: &mut Deadline,
        browser: &mut Option<Walked>,
        around: Around<'_>,
    ) -> Vec<StepRecord> {
        let Around { watch, cancel } = around;
        let opening = Stopwatch::start();
        let opened = tokio::select! {
            opened = self.pool.open(options(order, scenario), Deadline::after(BROWSER_WAIT)) => opened,
            () = cancel.cancelled() => {
                return tell(watch, 0, cut_short(scenario, 0, "The run was cancelled before it began."));
            }
        };
        // Waiting for a browser is our affair: it does not eat into the journey's time.
        *deadline = deadline.extended(opening.elapsed());
        match opened {
            Ok(journey) => {
                *browser =
                    Some(Walked { browser: journey.browser().to_owned(), group: journey.process_group() });
                self.steps(journey, order, scenario, run, deadline, around).await
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no browser");
                tell(watch, 0, cut_short(scenario, 0, &sentence("no browser could be had: ", &error)))
            }
        }
    }

    async fn steps(
        &self,
        journey: Journey,
        order: &Order,
        scenario: &Arc<Scenario>,
        run: Stopwatch,
        deadline: &mut Deadline,
        around: Around<'_>,
    ) -> Vec<StepRecord> {
        let Around { watch, cancel } = around;
        let live = order.target.class == TargetClass::Live;
        let mut walker = Walker::new(journey, order, scenario, &self.keeper, run);
        let mut records: Vec<StepRecord> = Vec::with_capacity(scenario.steps.len());
        for (index, step) in scenario.steps.iter().enumerate() {
            let wait = self.manners.due_in(&order.target);
            if !wait.is_zero() {
                *deadline = deadline.extended(wait);
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = cancel.cancelled() => {}
                }
            }
            watch.event(Event::Step { number: index + 1, of: scenario.steps.len(), name: &step.name });
            let record = tokio::select! {
                record = walker.step(step, *deadline) => record,
                () = cancel.cancelled() => {
                    let rest = tell(watch, index, cut_short(scenario, index, "The run was cancelled."));
                    records.extend(rest.into_iter().skip(index));
                    break;
                }
            };
            self.manners.note(&order.target);
            watch.event(Event::StepEnded(&record));
            let ends = !record.outcome.goes_on() || (live && record.outcome == Outcome::OnlineReady);
            records.push(record);
            if ends {
                records.extend(scenario.steps.iter().skip(index + 1).map(not_reached));
                break;
            }
        }
        if order.hold {
            watch.event(Event::Held);
            cancel.cancelled().await;
        }
        for (number, evidence) in walker.close(&records).await {
            if let Some(record) = records.get_mut(number) {
                record.evidence.push(evidence);
            }
        }
        records
    }
}

/// The browser that walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walked {
    /// Its name and version.
    pub browser: String,
    /// Its process group; absent for one elsewhere.
    pub group: Option<u32>,
}

/// What the browser is told for this journey.
pub(super) fn options(order: &Order, scenario: &Scenario) -> JourneyOptions {
    let target: &Target = &order.target;
    let mut hosts: Vec<String> = target.entry.host_str().map(str::to_owned).into_iter().collect();
    hosts.extend(target.hosts.iter().cloned());
    JourneyOptions {
        engine: order.engine,
        channel: scenario.channel,
        language: order.agent.language,
        timezone: order.agent.timezone.clone(),
        place: target.place.clone(),
        origin: target.entry.origin().ascii_serialization(),
        screen: scenario.screen,
        user_agent: user_agent(order.agent.contact.as_deref()),
        guard: Guard {
            live: target.class == TargetClass::Live,
            allow: scenario.allow.clone(),
            loopback: target.is_loopback(),
            hosts,
        },
        slow: order.slow,
    }
}

/// Records for a journey that broke off at step `at` by our own fault.
fn cut_short(scenario: &Scenario, at: usize, error: &str) -> Vec<StepRecord> {
    let mut records: Vec<StepRecord> = scenario.steps.iter().map(not_reached).collect();
    if let Some(record) = records.get_mut(at) {
        record.outcome = Outcome::ProbeFault;
        record.credit = None;
        record.attempts = 1;
        record.error = Some(error.to_owned());
    }
    records
}

/// Tells whoever watches about the step at which a journey broke off.
fn tell(watch: &dyn Watch, at: usize, records: Vec<StepRecord>) -> Vec<StepRecord> {
    if let Some(record) = records.get(at) {
        watch.event(Event::StepEnded(record));
    }
    records
}

/// The record of a step behind the one at which the journey ended.
fn not_reached(step: &Step) -> StepRecord {
    blank(&step.name, step.stage, step.measure.clone())
}

/// A record with nothing in it yet.
pub(super) fn blank(
    name: &str,
    stage: Stage,
    measure: Vec<crate::domain::indicator::IndicatorId>,
) -> StepRecord {
    StepRecord {
        name: name.to_owned(),
        stage,
        measure,
        outcome: Outcome::NotReached,
        credit: None,
        elapsed_ms: 0,
        own_ms: 0,
        attempts: 0,
        evidence: Vec::new(),
        error: None,
        facts: Facts::default(),
    }
}

/// "No browser could be had: could not start …" – an error with its causes as one sentence, behind
/// the words `what`, which bring their own colon.
pub(super) fn sentence(what: &str, error: &dyn std::error::Error) -> String {
    let mut text = capital(&format!("{what}{error}"));
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text.push('.');
    text
}

/// The text with a capital at its start.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
