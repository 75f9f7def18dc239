//! Readings → incidents: what opens, gets worse, flaps and closes, decided after every run.
//!
//! A failed run is confirmed by fresh runs before an outage opens; good runs in a row close it; a run
//! that says nothing changes nothing. What is slow, what has broken links and what our script no
//! longer fits is followed beside it, and is an incident of its own kind that an outage makes worse.
//! What comes and goes is held open until it is steady. The reason is returned with the decision.
//!
//! Invariant: at most one incident is open per probe and target. It is opened once, closed at
//! most once, and never by a run that says nothing about it. Nothing is kept here: state comes in and
//! goes out. Who is told of it, and when, is another matter: [`super::tell`].

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{IncidentId, RunId};
use crate::domain::incident::{AlertRules, Concern, Threshold};

use super::flapping::History;
use super::reading::Reading;

/// How often in a row a confirmation that settles nothing is asked for again before the schedule decides.
pub const DOUBTS: u32 = 3;

/// How many failing runs are remembered; an outage of a week has hundreds.
const REMEMBERED: usize = 20;

/// What is known about one probe on one target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProbeState {
    /// Failed runs in a row, oldest first; the newest 20 of them.
    pub failing: Vec<RunId>,
    /// When the first failed run in a row began.
    pub failing_since: Option<Timestamp>,
    /// Good runs in a row since the incident opened, oldest first.
    pub good: Vec<RunId>,
    /// When the first of those began.
    pub good_since: Option<Timestamp>,
    /// Runs in a row that settled nothing while a confirmation was wanted.
    pub doubts: u32,
    /// What is wrong although it works.
    pub trouble: Option<Trouble>,
    /// Up and down, for flapping.
    pub history: History,
    /// When the newest run began that says what the open incident says, or would open one.
    pub seen_at: Option<Timestamp>,
    /// The open incident.
    pub open: Option<OpenIncident>,
}

/// Runs in a row that worked badly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// In what way.
    pub concern: Concern,
    /// The newest 20 of the runs, oldest first.
    pub runs: Vec<RunId>,
    /// When the first of them began.
    pub since: Timestamp,
}

/// What deciding needs of an open incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Its id.
    pub id: IncidentId,
    /// What is wrong.
    pub concern: Concern,
    /// Whether it is held open because it comes and goes.
    pub flapping: bool,
}

/// What deciding needs of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// What it says.
    pub reading: Reading,
    /// The id of the incident, should this run open one.
    pub incident: IncidentId,
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// A fresh run is wanted at once: to confirm a failure, or a recovery.
    Confirm,
    /// An incident opens.
    Open {
        /// The incident, with the id that was handed in.
        incident: IncidentId,
        /// What is wrong.
        concern: Concern,
        /// When the first of the runs began that say so.
        since: Timestamp,
        /// The runs that say so, oldest first.
        runs: Vec<RunId>,
        /// Whether it opens because it comes and goes.
        flapping: bool,
    },
    /// What worked badly does not work at all now.
    Worsen {
        /// The incident.
        incident: IncidentId,
        /// The runs that say so, oldest first.
        runs: Vec<RunId>,
        /// Whether it comes and goes.
        flapping: bool,
    },
    /// The incident comes and goes from now on, or no more.
    Flap {
        /// The incident.
        incident: IncidentId,
        /// Whether it does.
        flapping: bool,
    },
    /// The incident is over.
    Close {
        /// The incident.
        incident: IncidentId,
        /// The good runs that say so, oldest first.
        runs: Vec<RunId>,
    },
}

impl Act {
    /// What becomes of an incident, in a word for the log; nothing when nothing does.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Self::Nothing | Self::Confirm => None,
            Self::Open { .. } => Some("opened"),
            Self::Worsen { .. } => Some("worsened"),
            Self::Flap { flapping: true, .. } => Some("flapping"),
            Self::Flap { flapping: false, .. } => Some("steady"),
            Self::Close { .. } => Some("closed"),
        }
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The state from now on.
    pub state: ProbeState,
    /// What has to be done.
    pub act: Act,
    /// Why, as one English sentence for the log.
    pub why: String,
}

impl Decided {
    fn new(state: ProbeState, act: Act, why: impl Into<String>) -> Self {
        Self { state, act, why: why.into() }
    }
}

/// What a run means for an incident of some concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    ItLasts,
    ItIsOver,
    Nothing,
}

fn means(reading: Reading, concern: Concern) -> Means {
    use Concern::{Links, Outage, ScriptRot, Slow};
    match (concern, reading) {
        (concern, Reading::Bad(bad)) if concern == bad => Means::ItLasts,
        // It is not over as long as it does not even work.
        (Slow | Links | ScriptRot, Reading::Bad(Outage)) => Means::ItLasts,
        // Whatever else is wrong with it, it was walked to its end.
        (_, Reading::Good)
        | (Outage | ScriptRot, Reading::Bad(Slow | Links))
        | (Links, Reading::Bad(Slow)) => Means::ItIsOver,
        _ => Means::Nothing,
    }
}

/// Decides what a run changes.
pub fn decide(state: &ProbeState, run: &RunSummary, rules: &AlertRules) -> Decided {
    let contradicts = contradicts(state, run);
    let answers = match &state.open {
        Some(open) => means(run.reading, open.concern) != Means::Nothing,
        None => !matches!(run.reading, Reading::Silent | Reading::Bad(Concern::ScriptRot)),
    };
    let mut state = state.clone();
    let down = run.reading == Reading::Bad(Concern::Outage);
    // The row of confirmations has ended, and the schedule found a failure: that is worth a row of its own.
    if down && state.doubts > DOUBTS {
        state.doubts = 0;
    }
    remember(&mut state, run, rules);
    let doubts = state.doubts;
    let mut decided = match state.open.clone() {
        None => none_open(state, run, rules),
        Some(open) if open.concern != Concern::Outage && down => worsening(state, run, &open, rules),
        Some(open) => one_open(state, run, &open, rules),
    };
    // What worked badly before an outage, or before it relapsed, is another story than what does after it.
    let out = decided.state.open.as_ref().is_some_and(|open| open.concern == Concern::Outage);
    if out && (down || run.reading == Reading::Good) {
        decided.state.trouble = None;
    }
    if contradicts && decided.act == Act::Confirm && decided.state.doubts == doubts {
        return unclear(decided.state);
    }
    // Not forgotten while runs are asked for: their row would have no end.
    if answers && !contradicts && decided.act != Act::Confirm {
        decided.state.doubts = 0;
    }
    decided
}

/// Whether a run says something else than the run that it should have confirmed: it settles as little as
/// one that says nothing.
fn contradicts(before: &ProbeState, run: &RunSummary) -> bool {
    let trouble = before.trouble.as_ref().map(|trouble| Reading::Bad(trouble.concern));
    match run.reading {
        Reading::Silent => false,
        Reading::Bad(Concern::Outage) => !before.good.is_empty(),
        reading => {
            let another = reading != Reading::Good && trouble.is_some_and(|trouble| trouble != reading);
            let worse = before.open.as_ref().is_some_and(|open| open.concern != Concern::Outage)
                && !before.failing.is_empty();
            another || worse
        }
    }
}

/// Takes the run into what is counted.
fn remember(state: &mut ProbeState, run: &RunSummary, rules: &AlertRules) {
    let keep = REMEMBERED.max(rules.confirm.runs as usize);
    let push = |runs: &mut Vec<RunId>| {
        runs.push(run.id.clone());
        let surplus = runs.len().saturating_sub(keep);
        runs.drain(..surplus);
    };
    let concern = state.open.as_ref().map(|open| open.concern);
    if concern.is_none_or(|concern| means(run.reading, concern) == Means::ItLasts)
        && matches!(run.reading, Reading::Bad(_))
    {
        state.seen_at = Some(run.started_at);
    }
    match run.reading {
        Reading::Silent => {}
        Reading::Bad(Concern::Outage) => {
            state.history.push(true);
            state.failing_since.get_or_insert(run.started_at);
            push(&mut state.failing);
        }
        Reading::Bad(concern) => {
            match &mut state.trouble {
                Some(trouble) if trouble.concern == concern => push(&mut trouble.runs),
                other => {
                    *other = Some(Trouble { concern, runs: vec![run.id.clone()], since: run.started_at });
                }
            }
            if concern != Concern::ScriptRot {
                state.history.push(false);
            }
        }
        Reading::Good => state.history.push(false),
    }
    // A run that worked refutes failures that were not confirmed; of an open outage they are its story.
    if means(run.reading, Concern::Outage) == Means::ItIsOver && concern != Some(Concern::Outage) {
        state.failing.clear();
        state.failing_since = None;
    }
}

fn none_open(mut state: ProbeState, run: &RunSummary, rules: &AlertRules) -> Decided {
    let doubted = !state.failing.is_empty();
    match run.reading {
        Reading::Bad(Concern::Outage) => {
            let since = state.failing_since.unwrap_or(run.started_at);
            let have = state.failing.len();
            let flaps = rules.flapping && state.history.begins();
            if !flaps && !enough(have, since, run, rules.confirm) {
                return unconfirmed(state, have, rules.confirm, "failed runs");
            }
            let why = if flaps { comes_and_goes(&state) } else { format!("{have} runs in a row failed.") };
            let runs = state.failing.clone();
            open(state, run, Concern::Outage, since, runs, flaps, why)
        }
        Reading::Bad(concern) => {
            let Some(trouble) = state.trouble.clone() else {
                return Decided::new(state, Act::Nothing, "All is well.");
            };
            let have = trouble.runs.len();
            // Every broken link was asked for twice: the first check is its own confirmation.
            let enough = concern == Concern::Links || enough(have, trouble.since, run, rules.confirm);
            if !enough && doubted && concern == Concern::ScriptRot {
                return unclear(state);
            }
            if !enough {
                return unconfirmed(state, have, rules.confirm, "runs that worked badly");
            }
            let why = format!("{have} runs in a row say {}.", concern.name());
            open(state, run, concern, trouble.since, trouble.runs, false, why)
        }
        Reading::Good => {
            let doubted = state.trouble.take().is_some() || state.seen_at.is_some();
            state.seen_at = None;
            let why = if doubted { "The failure was not confirmed." } else { "All is well." };
            Decided::new(state, Act::Nothing, why)
        }
        Reading::Silent if doubted => unclear(state),
        Reading::Silent => Decided::new(state, Act::Nothing, "The run says nothing."),
    }
}

fn worsening(mut state: ProbeState, run: &RunSummary, old: &OpenIncident, rules: &AlertRules) -> Decided {
    state.good.clear();
    state.good_since = None;
    let (have, since) = (state.failing.len(), state.failing_since.unwrap_or(run.started_at));
    let flapping = rules.flapping && state.history.begins();
    if !flapping && !enough(have, since, run, rules.confirm) {
        return unconfirmed(state, have, rules.confirm, "failed runs");
    }
    state.open = Some(OpenIncident { id: old.id.clone(), concern: Concern::Outage, flapping });
    let why = if flapping { comes_and_goes(&state) } else { format!("{have} runs in a row failed.") };
    let act = Act::Worsen { incident: old.id.clone(), runs: state.failing.clone(), flapping };
    Decided::new(state, act, why)
}

fn one_open(mut state: ProbeState, run: &RunSummary, open: &OpenIncident, rules: &AlertRules) -> Decided {
    let flapping = open.concern == Concern::Outage
        && rules.flapping
        && if open.flapping { !state.history.ends() } else { state.history.begins() };
    let turned = flapping != open.flapping;
    state.open = Some(OpenIncident { flapping, ..open.clone() });
    let flap = |state: ProbeState, why: String| {
        Decided::new(state, Act::Flap { incident: open.id.clone(), flapping }, why)
    };
    match means(run.reading, open.concern) {
        Means::ItLasts => {
            state.good.clear();
            state.good_since = None;
            if turned {
                let why = if flapping { comes_and_goes(&state) } else { "It is steadily down.".to_owned() };
                return flap(state, why);
            }
            Decided::new(state, Act::Nothing, "It lasts.")
        }
        Means::ItIsOver => {
            let since = *state.good_since.get_or_insert(run.started_at);
            state.good.push(run.id.clone());
            let keep = REMEMBERED.max(rules.recover.runs as usize);
            let surplus = state.good.len().saturating_sub(keep);
            state.good.drain(..surplus);
            if flapping {
                let why = comes_and_goes(&state);
                if turned {
                    return flap(state, why);
                }
                return Decided::new(
                    state,
                    Act::Nothing,
                    format!("{why} It is held open until it is steady."),
                );
            }
            let have = state.good.len();
            if !enough(have, since, run, rules.recover) {
                if turned {
                    return flap(state, "It is steady again.".to_owned());
                }
                let want = rules.recover.runs.max(1) as usize;
                let why = format!("{have} of {want} good runs.");
                let act = if have < want { Act::Confirm } else { Act::Nothing };
                return Decided::new(state, act, why);
            }
            close(state, run, open, have)
        }
        Means::Nothing if !state.good.is_empty() && !open.flapping => unclear(state),
        Means::Nothing => Decided::new(state, Act::Nothing, "The run says nothing about it."),
    }
}

fn close(state: ProbeState, run: &RunSummary, open: &OpenIncident, have: usize) -> Decided {
    let act = Act::Close { incident: open.id.clone(), runs: state.good };
    // What goes on working badly is counted on: it may be the next incident.
    let still = matches!(run.reading, Reading::Bad(_));
    let trouble = state.trouble.filter(|_| still);
    let seen_at = state.seen_at.filter(|_| still);
    let state = ProbeState { trouble, seen_at, history: state.history, ..ProbeState::default() };
    Decided::new(state, act, format!("{have} good runs in a row."))
}

fn open(
    mut state: ProbeState,
    run: &RunSummary,
    concern: Concern,
    since: Timestamp,
    runs: Vec<RunId>,
    flapping: bool,
    why: String,
) -> Decided {
    let incident = run.incident.clone();
    state.open = Some(OpenIncident { id: incident.clone(), concern, flapping });
    state.good.clear();
    state.good_since = None;
    Decided::new(state, Act::Open { incident, concern, since, runs, flapping }, why)
}

/// Whether so many runs, the first of which began at `since`, are enough.
fn enough(have: usize, since: Timestamp, run: &RunSummary, threshold: Threshold) -> bool {
    let long = threshold.time.is_none_or(|time| {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        run.started_at.duration_since(since) >= time
    });
    have >= threshold.runs.max(1) as usize && long
}

/// Not enough yet. A fresh run is asked for while runs are missing; time passes by itself.
fn unconfirmed(state: ProbeState, have: usize, threshold: Threshold, what: &str) -> Decided {
    let want = threshold.runs.max(1) as usize;
    if have < want {
        let why = format!("{have} of {want} {what}; a fresh run has to confirm it.");
        return Decided::new(state, Act::Confirm, why);
    }
    Decided::new(state, Act::Nothing, format!("{have} {what}, but not for long enough yet."))
}

fn comes_and_goes(state: &ProbeState) -> String {
    format!("It comes and goes: {:.0} % of the newest runs changed it.", state.history.percent())
}

/// A confirmation was wanted and settles nothing: what was counted stays counted, and it is asked for
/// again, a bounded number of times.
fn unclear(mut state: ProbeState) -> Decided {
    state.doubts = state.doubts.saturating_add(1);
    if state.doubts <= DOUBTS {
        return Decided::new(state, Act::Confirm, "The confirmation settles nothing; another one is wanted.");
    }
    let why = "Too many confirmations settle nothing; the next scheduled run decides.";
    Decided::new(state, Act::Nothing, why)
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
