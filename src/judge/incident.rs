//! Runs → incidents: whether anybody has to be told, decided after every run.
//!
//! A failed run is confirmed by fresh runs before an incident opens; good runs in a row close it;
//! an inconclusive run changes nothing. The reason is returned with the decision.
//!
//! Invariant: at most one incident is open per probe and target. It is opened once, closed at
//! most once, and never by a run that says nothing about the portal. Nothing is kept here: state
//! comes in and goes out.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{IncidentId, RunId};
use crate::domain::incident::AlertRules;
use crate::domain::verdict::Verdict;

/// How often in a row an inconclusive confirmation is asked for again before the schedule decides.
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
    /// Inconclusive runs in a row while a confirmation was wanted.
    pub doubts: u32,
    /// The open incident.
    pub open: Option<OpenIncident>,
}

/// What deciding needs of an open incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Its id.
    pub id: IncidentId,
    /// When it was confirmed.
    pub opened_at: Timestamp,
    /// When somebody was last told.
    pub last_notice_at: Timestamp,
}

/// What deciding needs of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// Its verdict.
    pub verdict: Verdict,
    /// The time of the decision.
    pub now: Timestamp,
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
        /// When the first of the failing runs began.
        since: Timestamp,
        /// The runs that say so, oldest first.
        runs: Vec<RunId>,
    },
    /// The incident lasts, and it is time to say so again.
    Remind {
        /// The incident.
        incident: IncidentId,
        /// The newest failing runs, oldest first.
        runs: Vec<RunId>,
    },
    /// The incident is over.
    Close {
        /// The incident.
        incident: IncidentId,
        /// The good runs that say so, oldest first.
        runs: Vec<RunId>,
    },
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

/// Decides what a run changes.
pub fn decide(state: &ProbeState, run: &RunSummary, rules: &AlertRules) -> Decided {
    let state = state.clone();
    match run.verdict {
        Verdict::Fail => failed(state, run, rules),
        Verdict::Pass | Verdict::Degraded => worked(state, run, rules),
        Verdict::Inconclusive => said_nothing(state),
    }
}

fn failed(mut state: ProbeState, run: &RunSummary, rules: &AlertRules) -> Decided {
    state.doubts = 0;
    state.good.clear();
    let since = *state.failing_since.get_or_insert(run.started_at);
    state.failing.push(run.id.clone());
    let surplus = state.failing.len().saturating_sub(REMEMBERED.max(rules.confirm.runs as usize));
    state.failing.drain(..surplus);

    if let Some(open) = &mut state.open {
        let silent = run.now.duration_since(open.last_notice_at);
        let due = rules.remind.is_some_and(|remind| silent >= signed(remind));
        if !due {
            return Decided { state, act: Act::Nothing, why: "It still fails; people know.".to_owned() };
        }
        open.last_notice_at = run.now;
        let act = Act::Remind { incident: open.id.clone(), runs: state.failing.clone() };
        return Decided { state, act, why: "It still fails, and a reminder is due.".to_owned() };
    }
    let (have, want) = (state.failing.len(), rules.confirm.runs.max(1) as usize);
    if have < want {
        let why = format!("{have} of {want} failed runs; a fresh run has to confirm it.");
        return Decided { state, act: Act::Confirm, why };
    }
    state.open = Some(OpenIncident { id: run.incident.clone(), opened_at: run.now, last_notice_at: run.now });
    let act = Act::Open { incident: run.incident.clone(), since, runs: state.failing.clone() };
    Decided { state, act, why: format!("{have} runs in a row failed.") }
}

fn worked(mut state: ProbeState, run: &RunSummary, rules: &AlertRules) -> Decided {
    state.doubts = 0;
    let Some(open) = state.open.clone() else {
        let doubted = !state.failing.is_empty();
        let why = if doubted { "The failure was not confirmed." } else { "All is well." };
        return Decided { state: ProbeState::default(), act: Act::Nothing, why: why.to_owned() };
    };
    state.good.push(run.id.clone());
    let (have, want) = (state.good.len(), rules.recover.runs.max(1) as usize);
    if have < want {
        let why = format!("{have} of {want} good runs; a fresh run has to confirm the recovery.");
        return Decided { state, act: Act::Confirm, why };
    }
    let act = Act::Close { incident: open.id, runs: state.good };
    Decided { state: ProbeState::default(), act, why: format!("{have} good runs in a row.") }
}

/// An inconclusive run: what was counted stays counted. When a confirmation was wanted it is asked
/// for again, a bounded number of times.
fn said_nothing(mut state: ProbeState) -> Decided {
    let wanted = match state.open {
        None => !state.failing.is_empty(),
        Some(_) => !state.good.is_empty(),
    };
    if !wanted {
        return Decided { state, act: Act::Nothing, why: "The run says nothing.".to_owned() };
    }
    state.doubts = state.doubts.saturating_add(1);
    if state.doubts <= DOUBTS {
        let why = "The confirmation says nothing; another one is wanted.".to_owned();
        return Decided { state, act: Act::Confirm, why };
    }
    let why = "Too many confirmations say nothing; the next scheduled run decides.".to_owned();
    Decided { state, act: Act::Nothing, why }
}

fn signed(time: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(time).unwrap_or(jiff::SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::Threshold;
    use proptest::prelude::*;

    const P: Verdict = Verdict::Pass;
    const D: Verdict = Verdict::Degraded;
    const F: Verdict = Verdict::Fail;
    const I: Verdict = Verdict::Inconclusive;

    fn rules(confirm: u32, recover: u32, remind_minutes: u64) -> AlertRules {
        let remind = (remind_minutes > 0).then(|| Duration::from_secs(remind_minutes * 60));
        AlertRules {
            confirm: Threshold::runs(confirm),
            recover: Threshold::runs(recover),
            remind,
            ..AlertRules::default()
        }
    }

    /// Plays runs that are ten minutes apart; one letter per act.
    fn play(verdicts: &[Verdict], rules: &AlertRules) -> (String, Vec<Decided>) {
        let mut state = ProbeState::default();
        let mut acts = String::new();
        let mut all = Vec::new();
        for (i, verdict) in verdicts.iter().enumerate() {
            let at = Timestamp::from_second(600 * i64::try_from(i).unwrap()).unwrap();
            let run = RunSummary {
                id: RunId::new(format!("run-{i}")),
                started_at: at,
                verdict: *verdict,
                now: at + jiff::SignedDuration::from_secs(5),
                incident: IncidentId::new(format!("incident-{i}")),
            };
            let decided = decide(&state, &run, rules);
            assert!(decided.why.ends_with('.'), "{}", decided.why);
            state = decided.state.clone();
            acts.push(match decided.act {
                Act::Nothing => '-',
                Act::Confirm => '?',
                Act::Open { .. } => 'O',
                Act::Remind { .. } => 'R',
                Act::Close { .. } => 'C',
            });
            all.push(decided);
        }
        (acts, all)
    }

    #[test]
    fn runs_open_and_close_incidents() {
        let usual = rules(2, 2, 240);
        let cases: &[(&str, AlertRules, &[Verdict], &str)] = &[
            ("all is well", usual, &[P, D, P], "---"),
            ("a failure asks for a confirmation", usual, &[P, F], "-?"),
            ("a confirmed failure opens an incident", usual, &[F, F], "?O"),
            ("a failure that is not confirmed is forgotten", usual, &[F, P, F, P], "?-?-"),
            ("one incident, however long it fails", usual, &[F, F, F, F, F], "?O---"),
            ("a recovery is confirmed, too", usual, &[F, F, P, P], "?O?C"),
            ("degraded is a recovery", usual, &[F, F, D, D], "?O?C"),
            ("a relapse starts the recovery anew", usual, &[F, F, P, F, P, P], "?O?-?C"),
            ("our own fault alone changes nothing", usual, &[I, I, P, I], "----"),
            ("our own fault does not confirm", usual, &[F, I, F], "??O"),
            ("our own fault does not refute either", usual, &[F, I, P], "??-"),
            ("a confirmation is asked for again, within bounds", usual, &[F, I, I, I, I, I], "????--"),
            ("and the schedule then decides", usual, &[F, I, I, I, I, F], "????-O"),
            ("our own fault does not close", usual, &[F, F, I, I], "?O--"),
            ("our own fault does not undo a recovery", usual, &[F, F, P, I, P], "?O??C"),
            ("after the end it begins anew", usual, &[F, F, P, P, F, F], "?O?C?O"),
            ("confirm = 1 opens at once", rules(1, 1, 0), &[F, P], "OC"),
            ("confirm = 3 wants three", rules(3, 1, 0), &[F, F, F, P], "??OC"),
            ("a rule of 0 means 1", rules(0, 0, 0), &[F, P], "OC"),
            (
                "reminders come when due and start their time anew",
                rules(1, 1, 20),
                &[F, F, F, F, F, F],
                "O-R-R-",
            ),
            ("no reminders when none are wanted", rules(1, 1, 0), &[F, F, F, F], "O---"),
            ("no reminder while it seems to recover", rules(1, 2, 10), &[F, P, I, I], "O???"),
        ];
        for (name, rules, verdicts, want) in cases {
            assert_eq!(play(verdicts, rules).0, *want, "{name}");
        }
    }

    #[test]
    fn an_incident_names_its_runs_and_its_true_beginning() {
        let (_, all) = play(&[F, I, F, P, P], &rules(2, 2, 0));
        let Act::Open { since, runs, incident } = &all[2].act else { panic!("{:?}", all[2]) };
        assert_eq!(*since, Timestamp::UNIX_EPOCH);
        assert_eq!(runs.iter().map(RunId::as_str).collect::<Vec<_>>(), ["run-0", "run-2"]);
        let Act::Close { incident: closed, runs } = &all[4].act else { panic!("{:?}", all[4]) };
        assert_eq!(closed, incident);
        assert_eq!(runs.iter().map(RunId::as_str).collect::<Vec<_>>(), ["run-3", "run-4"]);
    }

    #[test]
    fn a_clock_that_jumps_back_sends_no_reminder() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let open = OpenIncident { id: "i".into(), opened_at: at(9000), last_notice_at: at(9000) };
        let state = ProbeState { open: Some(open), ..ProbeState::default() };
        let run =
            RunSummary { id: "r".into(), started_at: at(0), verdict: F, now: at(10), incident: "j".into() };
        assert_eq!(decide(&state, &run, &rules(1, 1, 1)).act, Act::Nothing);
    }

    proptest! {
           #[test]
           fn any_order_of_results_keeps_the_promises(
               verdicts in proptest::collection::vec(prop_oneof![Just(P), Just(D), Just(F), Just(I)], 0..120),
               confirm in 0u32..5, recover in 0u32..5, remind in 0u64..60,
           ) {
               let rules = rules(confirm, recover, remind);
               let (_, all) = play(&verdicts, &rules);
               let mut open: Option<IncidentId> = None;
               for (decided, verdict) in all.iter().zip(&verdicts) {
                   match &decided.act {
                       Act::Open { incident, runs, .. } => {
                           prop_assert!(open.is_none(), "a second incident");
                           prop_assert_eq!(*verdict, F);
                           prop_assert_eq!(runs.len(), confirm.max(1) as usize);
                           open = Some(incident.clone());
                       }
                       Act::Close { incident, runs } => {
                           let was = open.take();
    prop_assert_eq!(was.as_ref(), Some(incident));
                           prop_assert!(matches!(verdict, Verdict::Pass | Verdict::Degraded));
                           prop_assert_eq!(runs.len(), recover.max(1) as usize);
                       }
                       Act::Remind { incident, .. } => prop_assert_eq!(open.as_ref(), Some(incident)),
                       Act::Nothing | Act::Confirm => {}
                   }
                   prop_assert_eq!(decided.state.open.as_ref().map(|o| &o.id), open.as_ref());
                   prop_assert!(decided.state.failing.len() <= REMEMBERED);
               }
           }

           #[test]
           fn confirmations_end_when_nothing_changes(
               before in proptest::collection::vec(prop_oneof![Just(P), Just(F), Just(I)], 0..20),
               last in prop_oneof![Just(P), Just(D), Just(F), Just(I)],
               confirm in 1u32..5, recover in 1u32..5,
           ) {
               let mut verdicts = before.clone();
               verdicts.extend(std::iter::repeat_n(last, 12));
               let (acts, _) = play(&verdicts, &rules(confirm, recover, 0));
               prop_assert!(acts.ends_with('-') || acts.ends_with('C') || acts.ends_with('O'), "{}", acts);
           }
       }
}
