//! Whether we can see at all: runs whose canaries did not answer, over all pairs together.
//!
//! Two blind runs within an hour are an incident of our own; it is over when two runs in a row say
//! something about their portals, or when every canary answers.
//!
//! Invariant: at most one such incident is open, and no portal has any part in it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::ids::{IncidentId, RunId};
use crate::domain::notice::CanaryFact;
use crate::domain::run::Run;
use crate::domain::verdict::Verdict;

use super::doubt::blind;

/// How many blind runs, and how many seeing ones, are believed.
const ENOUGH: usize = 2;

/// How long a blind run is remembered that no other followed.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// What is known about our own sight.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VantageState {
    /// Blind runs since it began, the newest 20, oldest first.
    pub blind: Vec<BlindRun>,
    /// How many there were.
    pub runs: u32,
    /// Runs in a row that saw something.
    pub seeing: u32,
    /// What the canaries of the newest blind run said.
    pub canaries: Vec<CanaryFact>,
    /// The open incident.
    pub open: Option<IncidentId>,
}

/// A run that could not see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlindRun {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub at: Timestamp,
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Nothing.
    Same,
    /// The run could not see, for the first time: another one should tell soon.
    Doubtful,
    /// We cannot see.
    Lost {
        /// Since when.
        since: Timestamp,
    },
    /// We see again.
    Back {
        /// The incident that is over.
        incident: IncidentId,
    },
}

/// Decides what a run says about ourselves. `incident` is the id of the incident, should it open one.
pub fn watch(state: &VantageState, run: &Run, incident: &IncidentId) -> (VantageState, Sight) {
    let mut state = state.clone();
    if blind(&run.canaries).is_some() {
        state.seeing = 0;
        if state.open.is_none() {
            state.blind.retain(|old| run.started_at.duration_since(old.at) <= REMEMBERED);
            state.runs = u32::try_from(state.blind.len()).unwrap_or(u32::MAX);
        }
        state.blind.push(BlindRun { run: run.id.clone(), at: run.started_at });
        state.runs = state.runs.saturating_add(1);
        state.canaries.clone_from(&run.canaries);
        let since = state.blind[0].at;
        if state.open.is_some() {
            // The first one stays: since when it lasts.
            if state.blind.len() > 20 {
                state.blind.remove(1);
            }
            return (state, Sight::Same);
        }
        if state.blind.len() < ENOUGH {
            return (state, Sight::Doubtful);
        }
        state.open = Some(incident.clone());
        return (state, Sight::Lost { since });
    }
    let answered = !run.canaries.is_empty();
    if run.verdict == Verdict::Inconclusive && !answered {
        return (state, Sight::Same);
    }
    let Some(open) = state.open.clone() else {
        // Somebody else's good run is no proof: it may stand nearer. The canaries are.
        return (if answered { VantageState::default() } else { state }, Sight::Same);
    };
    state.seeing = state.seeing.saturating_add(1);
    if !answered && (state.seeing as usize) < ENOUGH {
        return (state, Sight::Same);
    }
    // What they said last is still to be told.
    let told = VantageState { blind: Vec::new(), seeing: 0, open: None, ..state };
    (told, Sight::Back { incident: open })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notice::Canary;
    use crate::domain::outcome::Outcome;
    use crate::judge::fixtures::{canary, run};

    /// `B` blind, `a` canaries answered after a failure, `P` passed, `I` inconclusive; minutes apart.
    fn play(runs: &str, minutes: i64) -> String {
        let mut state = VantageState::default();
        let mut said = String::new();
        for (i, letter) in runs.chars().enumerate() {
            let outcome = match letter {
                'P' => Outcome::Done,
                'I' => Outcome::ProbeFault,
                _ => Outcome::Unreachable,
            };
            let mut run = run(&format!("r{i}"), &[outcome]);
            run.started_at = Timestamp::from_second(60 * minutes * i64::try_from(i).unwrap()).unwrap();
            run.canaries = match letter {
                'B' => vec![canary(Canary::Dns, Some("No answer.")), canary(Canary::Site, None)],
                'a' => vec![canary(Canary::Dns, None), canary(Canary::Site, None)],
                _ => Vec::new(),
            };
            let (next, sight) = watch(&state, &run, &IncidentId::new(format!("i{i}")));
            state = next;
            said.push(match sight {
                Sight::Same => '-',
                Sight::Doubtful => '?',
                Sight::Lost { .. } => 'L',
                Sight::Back { .. } => 'K',
            });
        }
        said
    }

    #[test]
    fn two_blind_runs_are_an_incident_and_two_seeing_ones_its_end() {
        let cases = [
            ("one blind run is a doubt", "PBP", "-?-"),
            ("two are an incident", "BB", "?L"),
            ("it is told once", "BBBB", "?L--"),
            ("others that see are no proof", "BPB", "?-L"),
            ("two in a row that see are its end", "BBPP", "?L-K"),
            ("a blind one between them is a relapse", "BBPBPP", "?L---K"),
            ("runs that say nothing say nothing", "BBIIPIP", "?L----K"),
            ("canaries that answer are the end", "BBa", "?LK"),
            ("and settle the doubt", "BaB", "?-?"),
            ("then it begins anew", "BBPPBB", "?L-K?L"),
        ];
        for (name, runs, want) in cases {
            assert_eq!(play(runs, 5), want, "{name}");
        }
        assert_eq!(play("BB", 90), "??", "a blind run of long ago is forgotten");
    }
}
