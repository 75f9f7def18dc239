//! One step of a walk: actions, expectations, and what they came to.

use std::time::Duration;

use crate::browser::{Done, Journey, StepError, Wait};
use crate::clock::{Deadline, Stopwatch, millis};
use crate::domain::locator::Locator;
use crate::domain::observation::{
    Evidence, EvidenceKind, Facts, PhraseFact, PhrasePlace, RequestFact, RequestKind, StopReason, TimeSplit,
    TransportClass,
};
use crate::domain::outcome::Outcome;
use crate::domain::run::StepRecord;
use crate::domain::scenario::{Action, Check, Expectation, Scenario, Sign, Step, Verb};
use crate::domain::target::TargetClass;
use crate::domain::template::{MissingVar, Template, Vars};
use crate::http;
use crate::judge::classify::{Classified, Failure, Look, classify};
use crate::judge::gate::at_gate;
use crate::judge::lexicon;

mod ahead;
mod gate;
mod private;

use gate::gate_outcome;

use super::prove::Proofs;
use super::walk::{blank, sentence};
use super::{Keeper, Order};

/// A wait is cut into slices; between two of them the step's `seen` rules are looked at, so that
/// a notice ends the step at once instead of after its whole time.
const FIRST_SLICE: Duration = Duration::from_millis(750);
const LONGEST_SLICE: Duration = Duration::from_secs(4);

/// Time for looking at the page after a step: text, facts, screenshot. Ours, so it is not taken
/// from the step's.
const LOOK_TIME: Duration = Duration::from_secs(8);

/// The same for a page that did not come or whose scripts keep it from answering: it will hardly
/// answer now, and a browser slot waits.
const GLANCE_TIME: Duration = Duration::from_secs(2);

/// What is left for the words of such a page when its picture has taken all that.
const WORDS_TIME: Duration = Duration::from_millis(500);

/// How much longer than its deadline a browser call may take before the journey is given up.
const GRACE: Duration = Duration::from_secs(5);

/// Walks the steps of one journey.
pub(super) struct Walker<'a> {
    journey: Journey,
    order: &'a Order,
    vars: Vars,
    /// The browser failed: later looks would only wait.
    broken: bool,
    /// Since the run began.
    run: Stopwatch,
    /// How many steps are done.
    number: usize,
    /// What is kept of the steps.
    proofs: Proofs,
    /// What the scenario asks to have kept of each of them.
    keep: Vec<EvidenceKind>,
    /// The time of the whole journey ended inside this step.
    late: bool,
    /// The present page did not answer within its time: until when it is looked at all the same.
    mute: Option<Deadline>,
    /// What the author named as secret.
    secrets: Vec<Template>,
}

/// Why a step stopped before its end.
enum Stop {
    /// Something did not come true.
    Failed(StepError),
    /// A `seen` rule fits, or the server refused the page.
    Ended,
    /// A variable has no value although the plan was checked: a `read` that found nothing.
    Missing(MissingVar),
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        mut journey: Journey,
        order: &'a Order,
        scenario: &Scenario,
        keeper: &'a Keeper,
        run: Stopwatch,
    ) -> Self {
        for text in [&scenario.title, &order.target.name] {
            journey.publish(text);
        }
        let literal = order.target.secrets.iter().map(Template::literal);
        let secrets = scenario.secrets.iter().cloned().chain(literal).collect();
        let mut walker = Self {
            journey,
            order,
            vars: order.vars(scenario),
            broken: false,
            run,
            number: 0,
            proofs: Proofs::new(keeper),
            keep: scenario.keep.clone(),
            late: false,
            mute: None,
            secrets,
        };
        walker.hide_secrets();
        walker
    }

    /// Gives the browser back, and everything that was kept with the number of its step. `records`
    /// are those of the steps that were walked.
    pub(super) async fn close(mut self, records: &[StepRecord]) -> Vec<(usize, Evidence)> {
        let failed = records.iter().any(|record| is_failure(record.outcome));
        if failed || self.keep.contains(&EvidenceKind::Har) {
            let walked = records.iter().take_while(|record| record.outcome != Outcome::NotReached).count();
            self.proofs.requests(&self.journey, &records[..walked]);
        }
        self.journey.close().await;
        self.proofs.written().await
    }

    /// Does the step. Always comes back with a record.
    ///
    /// `journey` is the end of the whole journey. A step that it cuts short had less than its own
    /// time, and what did not appear until then proves nothing about the item.
    pub(super) async fn step(&mut self, step: &Step, journey: Deadline) -> StepRecord {
        let watch = Stopwatch::start();
        let after = self.run.elapsed();
        // Only a step that has less than its own time can say that the journey's was too short.
        let cut = journey.remaining() < step.within;
        let deadline = journey.tightened(step.within);
        self.journey.begin_step();
        let mut log = Log::default();
        let stopped = self.perform(step, deadline, &mut log).await.err();
        self.journey.end_step();
        let worked = watch.elapsed();
        let gate = self.look_at_gate(step, stopped.as_ref(), deadline, &mut log).await;
        self.late = cut && stopped.is_some() && journey.passed();

        let mute = stopped.as_ref().is_some_and(|stop| {
            matches!(stop, Stop::Failed(StepError::Loading(_) | StepError::Navigation(_)))
        });
        // One limit for all looks: each by itself would hold the slot as long again.
        self.mute = mute.then(|| Deadline::after(GLANCE_TIME));
        let mut facts = self.observe().await;
        facts.gate = gate.map(Box::new);
        let mut record = self.judge(step, stopped, facts).await;
        self.prove(record.outcome).await;
        self.number += 1;
        record.elapsed_ms = millis(worked);
        // A browser that broke tells nothing: then only what we know to be ours is ours.
        let split = record.facts.time.get_or_insert_with(|| TimeSplit {
            waiting_ms: millis(worked.saturating_sub(log.own)),
            ..TimeSplit::default()
        });
        // Two clocks that were read a moment apart.
        split.own_ms = record.elapsed_ms.saturating_sub(split.portal_ms());
        record.own_ms = split.own_ms;
        record.facts.after_ms = Some(millis(after));
        record
    }

    async fn perform(&mut self, step: &Step, deadline: Deadline, log: &mut Log) -> Result<(), Stop> {
        let mut ahead = 0_usize;
        for (at, action) in step.actions.iter().enumerate() {
            if at >= ahead {
                ahead = at + self.fill_ahead(step, &step.actions[at..], deadline).await?;
            }
            if at < ahead {
                continue;
            }
            let action = self.prepare(action).map_err(Stop::Missing)?;
            if let Verb::Click(at) = &action.verb {
                log.clicked = Some(at.clone());
            }
            self.note_typed(step, &action.verb);
            let until = action.within.map_or(deadline, |within| deadline.tightened(within));
            let done = self.sliced(step, until, Wanted::Action(&action)).await?;
            self.absorb(&action.verb, done, log);
        }
        for (at, Expectation { check, within, .. }) in step.expect.iter().enumerate() {
            let check = check.resolve(&self.vars).map_err(Stop::Missing)?;
            let until = within.map_or(deadline, |within| deadline.tightened(within));
            let last = at + 1 == step.expect.len();
            let done = self.sliced(step, until, Wanted::Check { check: &check, last }).await?;
            log.own += done.own;
        }
        Ok(())
    }

    /// Does or expects something in slices of time. Nothing has happened on the page when an
    /// action answers `NotFound` or `NotReady`, so trying it again is safe.
    async fn sliced(&mut self, step: &Step, until: Deadline, wanted: Wanted<'_>) -> Result<Done, Stop> {
        let watch = Stopwatch::start();
        let mut slice = FIRST_SLICE;
        loop {
            let end = until.tightened(slice);
            let limit = Deadline::after(until.remaining() + GRACE);
            let attempt = match wanted {
                Wanted::Action(action) => limit.limit(self.journey.act_within(action, end, until)).await,
                Wanted::Check { check, last: true } => {
                    limit.limit(self.journey.expect_last(check, end, until)).await
                }
                Wanted::Check { check, last: false } => {
                    limit.limit(self.journey.expect_within(check, end, until)).await
                }
            };
            let mut error = match attempt {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => error,
                Err(_) => {
                    self.broken = true;
                    let what = "an action under its own deadline".to_owned();
                    return Err(Stop::Failed(crate::browser::BrowserError::Hung(what).into()));
                }
            };
            let Some(wait) = wait_of(&mut error, wanted) else {
                self.broken |= matches!(error, StepError::Browser(_));
                return Err(Stop::Failed(error));
            };
            wait.waited = watch.elapsed();
            if until.passed() {
                return Err(Stop::Failed(error));
            }
            if self.ended(step, until).await {
                return Err(Stop::Ended);
            }
            slice = (slice * 2).min(LONGEST_SLICE);
        }
    }

    /// Whether there is no point in waiting on: the page says how the step ended.
    async fn ended(&mut self, step: &Step, deadline: Deadline) -> bool {
        if self.seen(step, deadline).await.is_some() {
            return true;
        }
        let facts = self.journey.facts(deadline).await;
        let refused = facts.main.as_ref().is_some_and(|main| main.status >= 400);
        refused || facts.transport.is_some()
    }

    /// The first `seen` rule that fits.
    async fn seen(&mut self, step: &Step, deadline: Deadline) -> Option<(Outcome, PhraseFact)> {
        for rule in &step.seen {
            let sign = rule.sign.resolve(&self.vars).ok()?;
            match self.journey.sees(&sign, deadline).await {
                Ok(None) => {}
                Ok(Some(phrase)) => {
                    let place = match &sign {
                        Sign::Text(_) => PhrasePlace::Page,
                        Sign::Visible(_) => PhrasePlace::Element,
                        Sign::Url(_) => PhrasePlace::Url,
                        Sign::Title(_) => PhrasePlace::Title,
                    };
                    return Some((
                        rule.outcome,
                        PhraseFact { context: phrase.clone(), phrase, place, area: None },
                    ));
                }
                Err(error) => {
                    let error = sentence("", &error);
                    tracing::debug!(error = %self.journey.masks().text(&error), "could not look");
                    return None;
                }
            }
        }
        None
    }

    /// Names the outcome.
    async fn judge(&mut self, step: &Step, stopped: Option<Stop>, mut facts: Facts) -> StepRecord {
        // Words may come where no picture came.
        let look = self.mute.map_or_else(|| self.look(), |mute| mute.extended(WORDS_TIME));
        let failure = stopped.as_ref().map(failure_of).map(|failure| late(failure, self.late));
        let stopped_early = stopped.is_some();
        // A step whose expectations hold has worked, whatever else the page says. Without
        // expectations its signs are all there is to go by.
        let ask = !self.broken && (stopped_early || step.expect.is_empty());
        let seen = if ask { self.seen(step, look).await } else { None };
        // The words of a page that came with an error status say which error it is.
        let refused = facts.main.as_ref().is_some_and(|main| main.status >= 400);
        let wanted = expects_status(step, &facts);
        let text = if !self.broken && (stopped_early || refused && !wanted) {
            let (text, challenges) = self.journey.main_text(look).await.unwrap_or_default();
            facts.challenges = challenges;
            text
        } else {
            String::new()
        };
        let seen = seen.map(|(outcome, fact)| match fact.place {
            PhrasePlace::Page if !text.is_empty() => {
                (outcome, lexicon::fact(&fact.phrase, &text, PhrasePlace::Page))
            }
            _ => (outcome, fact),
        });
        let live = self.order.target.class == TargetClass::Live;
        let classified = if !stopped_early && wanted {
            let why = "The page has the status that the step expects.".to_owned();
            Classified { outcome: Outcome::Done, phrase: None, why }
        } else {
            let look = Look { facts: &facts, text: &text, failure, seen, absent: step.absent, live };
            classify(&look, &self.order.lexicon)
        };
        let Classified { mut outcome, phrase, why } = classified;
        let mut error = stopped.as_ref().map(|stop| explain(stop, &why));
        if let Some(gate) = gate_outcome(step, stopped.as_ref(), outcome, live) {
            (outcome, error) = match (gate, &facts.gate) {
                (Outcome::OnlineReady, Some(stood)) => at_gate(stood),
                (gate, _) => (gate, None),
            };
        } else if stopped_early
            && facts.stopped.iter().any(|request| request.reason == StopReason::Submission)
        {
            outcome = Outcome::BlockedByPolicy;
            error = Some(format!(
                "The step would have submitted something to a live portal; the guard stopped the request. End the scenario at the gate, or list a reviewed request under `allow` ({}).",
                step.at.file.display()
            ));
        }
        if error.is_none() && !outcome.goes_on() {
            error = Some(why.clone());
        }
        facts.phrase = phrase;
        if let Some(said) = facts.phrase.as_mut().filter(|said| said.place == PhrasePlace::Page) {
            said.area = self.journey.area_of(&said.phrase, look).await;
        }
        facts.cause = cause_of(outcome, &facts);
        let mut record = blank(&step.name, step.stage, step.measure.clone());
        record.outcome = outcome;
        record.credit = outcome.credit().points();
        record.error = error;
        record.facts = facts;
        // From here on nothing personal is in it: stores, mails, pages and terminals get this.
        self.hide_secrets();
        self.journey.masks().record(&mut record);
        record
    }

    /// Time for looking at the page.
    fn look(&self) -> Deadline {
        self.mute.unwrap_or_else(|| Deadline::after(LOOK_TIME))
    }

    /// What was seen in the step, and a picture of how it ended.
    async fn observe(&mut self) -> Facts {
        if self.broken {
            return Facts::default();
        }
        let look = self.look();
        let Ok((mut facts, picture)) = look.extended(GRACE).limit(self.journey.observe(look)).await else {
            self.broken = true;
            return Facts::default();
        };
        own_network(&mut facts, http::failure::offline);
        match picture {
            Ok(picture) => self.proofs.picture(self.number, picture, EvidenceKind::Screenshot, ""),
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "no screenshot"),
        }
        facts
    }

    /// Keeps what shows how the step ended: everything when it failed, else what the scenario asks for.
    async fn prove(&mut self, outcome: Outcome) {
        let failed = is_failure(outcome);
        let kinds = if failed { EvidenceKind::ASKED.to_vec() } else { self.keep.clone() };
        if kinds.is_empty() || self.broken || self.mute.is_some() {
            return;
        }
        let look = self.look();
        let proving = self.proofs.page(self.number, &mut self.journey, &kinds, look);
        if look.extended(GRACE).limit(proving).await.is_err() {
            self.broken = true;
        }
    }

    /// Puts values into an action: variables, the address of a relative `goto`, the place of an
    /// uploaded file.
    fn prepare(&self, action: &Action) -> Result<Action, MissingVar> {
        let verb = match action.verb.resolve(&self.vars)? {
            Verb::Goto(address) => {
                let text = address.text();
                let absolute = self.order.target.entry.join(text.trim()).map_or(text, String::from);
                Verb::Goto(Template::literal(absolute))
            }
            Verb::Upload { field, file } => Verb::Upload { field, file: self.order.root.join(file) },
            other => other,
        };
        Ok(Action { verb, within: action.within, at: action.at.clone() })
    }

    /// Takes in what an action brought besides facts.
    fn absorb(&mut self, verb: &Verb, done: Done, log: &mut Log) {
        log.own += done.own;
        if let (Verb::Read { into, .. }, Some(text)) = (verb, done.read) {
            self.vars.insert(into.clone(), text);
            self.hide_secrets();
        }
        if let (Verb::Shot(label), Some(picture)) = (verb, done.shot) {
            self.proofs.picture(self.number, picture, EvidenceKind::Screenshot, label);
        }
    }
}

/// The request that decided, when one did: the page's own answer, or its service's behind a healthy frame.
fn cause_of(outcome: Outcome, facts: &Facts) -> Option<RequestFact> {
    if facts.phrase.is_some() || outcome.goes_on() {
        return None;
    }
    let of_page = |request: &&RequestFact| request.kind == RequestKind::Document;
    let failed = &facts.failed_requests;
    let own = |request: &&RequestFact| !request.third_party && request.status.is_some_and(|s| s >= 500);
    let by_service = || failed.iter().find(own).filter(|_| outcome == Outcome::ServerError);
    failed.iter().rfind(of_page).or_else(by_service).cloned()
}

/// Whether a step ended so that its page is worth keeping.
fn is_failure(outcome: Outcome) -> bool {
    !outcome.goes_on() && !matches!(outcome, Outcome::ProbeFault | Outcome::NotReached)
}

/// What a step gathers on its way.
#[derive(Default)]
struct Log {
    own: Duration,
    /// What was to be pressed last.
    clicked: Option<Locator>,
}

/// What is tried in slices.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Action(&'a Action),
    Check {
        check: &'a Check,
        /// Whether the step ends when it holds.
        last: bool,
    },
}

/// The wait inside an error that only says "not yet". An action that came to something else than
/// was expected (a download of the wrong type) is over; it is not done a second time.
fn wait_of<'e>(error: &'e mut StepError, wanted: Wanted<'_>) -> Option<&'e mut Wait> {
    let only_looks = match wanted {
        Wanted::Check { .. } => true,
        Wanted::Action(action) => matches!(action.verb, Verb::Wait(_)),
    };
    match error {
        StepError::NotFound(wait) | StepError::NotReady(wait) => Some(wait),
        StepError::Unmet(wait) if only_looks => Some(wait),
        _ => None,
    }
}

/// A name that cannot be found on a machine without a network says nothing about the portal. The
/// browser cannot tell the two apart; the routing table can.
fn own_network(facts: &mut Facts, offline: impl Fn() -> bool) {
    if let Some(transport) = &mut facts.transport
        && transport.class == TransportClass::Dns
        && offline()
    {
        transport.class = TransportClass::Ours;
        transport.detail = format!("this machine has no route to the network ({})", transport.detail);
    }
}

/// The failure of a step in which the time of the whole journey ended: what was only waited for
/// counts as late, whatever it was.
fn late(failure: Failure, late: bool) -> Failure {
    match failure {
        Failure::NotFound | Failure::NotReady | Failure::Unmet if late => Failure::DeadlineRun,
        other => other,
    }
}

fn failure_of(stop: &Stop) -> Failure {
    match stop {
        Stop::Ended => Failure::Unmet,
        Stop::Missing(_) => Failure::NotFound,
        Stop::Failed(error) => match error {
            StepError::NotFound(_) => Failure::NotFound,
            StepError::NotReady(_) => Failure::NotReady,
            StepError::Ambiguous { .. } => Failure::Ambiguous,
            StepError::Unmet(_) => Failure::Unmet,
            StepError::Navigation(_) => Failure::Navigation,
            StepError::Loading(_) => Failure::Loading,
            StepError::Refused(_) => Failure::Refused,
            StepError::Script(_) => Failure::Script,
            StepError::File(_) => Failure::File,
            StepError::Browser(_) => Failure::OurFault,
        },
    }
}

/// Whether the page came with a status that the step names: `expect = [{ status = [404] }]`.
fn expects_status(step: &Step, facts: &Facts) -> bool {
    let Some(main) = &facts.main else { return false };
    step.expect
        .iter()
        .any(|expect| matches!(&expect.check, Check::Status(wanted) if wanted.contains(&main.status)))
}

/// What went wrong, in whole sentences: what the page says, then what was waited for.
fn explain(stop: &Stop, why: &str) -> String {
    match stop {
        Stop::Ended => why.to_owned(),
        Stop::Missing(missing) => format!("{why} {}", sentence("", missing)),
        Stop::Failed(StepError::Navigation(to)) => explain_navigation(to, why),
        Stop::Failed(error) => format!("{why} {}", sentence("", error)),
    }
}

/// The transport has told what happened; the address is put in, so that nothing is said twice.
fn explain_navigation(to: &str, why: &str) -> String {
    if let Some((_, detail)) = to.rsplit_once(": ")
        && why.contains(detail)
    {
        return why.replacen(detail, to, 1);
    }
    match to.strip_suffix(" gave no answer in time") {
        Some(address) if why == "The page gave no answer in time." => {
            format!("The page gave no answer in time: {address}.")
        }
        _ => format!("{why} The page did not load: {to}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::observation::Transport;

    #[test]
    fn a_machine_without_a_network_blames_no_portal() {
        let cases = [
            ("a name is missing, the network is there", TransportClass::Dns, false, TransportClass::Dns),
            ("no network, so no names", TransportClass::Dns, true, TransportClass::Ours),
            (
                "somebody refused, so there is a network",
                TransportClass::Refused,
                true,
                TransportClass::Refused,
            ),
        ];
        for (name, class, offline, want) in cases {
            let transport = Some(Transport { class, detail: "net::ERR".to_owned() });
            let mut facts = Facts { transport, ..Facts::default() };
            own_network(&mut facts, || offline);
            assert_eq!(facts.transport.map(|transport| transport.class), Some(want), "{name}");
        }
    }

    #[test]
    fn a_page_that_did_not_load_is_told_once() {
        let cases = [
            (
                "http://a.example/: net::ERR_CONNECTION_REFUSED",
                "The page gave no answer: net::ERR_CONNECTION_REFUSED.",
                "The page gave no answer: http://a.example/: net::ERR_CONNECTION_REFUSED.",
            ),
            (
                "http://a.example/ gave no answer in time",
                "The page gave no answer in time.",
                "The page gave no answer in time: http://a.example/.",
            ),
            (
                "http://a.example/f: the file a.zip",
                "A file came instead of a page: the file a.zip.",
                "A file came instead of a page: http://a.example/f: the file a.zip.",
            ),
            (
                "http://a.example/: net::ERR_ABORTED",
                "The page says “系统维护”.",
                "The page says “系统维护”. The page did not load: http://a.example/: net::ERR_ABORTED.",
            ),
        ];
        for (to, why, want) in cases {
            assert_eq!(explain(&Stop::Failed(StepError::Navigation(to.to_owned())), why), want);
        }
    }

    #[test]
    fn what_the_end_of_the_journey_cut_short_is_late() {
        let cases = [
            ("waited for in vain", Failure::NotFound, true, Failure::DeadlineRun),
            ("waited for in vain, with all its time", Failure::NotFound, false, Failure::NotFound),
            ("an expectation", Failure::Unmet, true, Failure::DeadlineRun),
            ("our browser died, late or not", Failure::OurFault, true, Failure::OurFault),
            ("two elements fit, late or not", Failure::Ambiguous, true, Failure::Ambiguous),
        ];
        for (name, failure, is_late, want) in cases {
            assert_eq!(late(failure, is_late), want, "{name}");
        }
    }
}
