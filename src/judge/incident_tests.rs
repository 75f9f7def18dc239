//! What opens and closes, as a table of sentences; and promises that hold for any order of runs.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const P: Reading = Reading::Good;
const F: Reading = Reading::Bad(Concern::Outage);
const S: Reading = Reading::Bad(Concern::Slow);
const L: Reading = Reading::Bad(Concern::Links);
const R: Reading = Reading::Bad(Concern::ScriptRot);
const I: Reading = Reading::Silent;

fn rules(confirm: u32, recover: u32) -> AlertRules {
    let (confirm, recover) = (Threshold::runs(confirm), Threshold::runs(recover));
    AlertRules { confirm, recover, flapping: false, ..AlertRules::default() }
}

fn lasting(confirm: (u32, u64), recover: (u32, u64)) -> AlertRules {
    let threshold =
        |(runs, minutes): (u32, u64)| Threshold { runs, time: Some(Duration::from_mins(minutes)) };
    AlertRules { confirm: threshold(confirm), recover: threshold(recover), ..rules(1, 1) }
}

/// Plays runs that are ten minutes apart; one letter per act.
fn play(readings: &[Reading], rules: &AlertRules) -> (String, Vec<Decided>) {
    let mut state = ProbeState::default();
    let mut acts = String::new();
    let mut all = Vec::new();
    for (i, reading) in readings.iter().enumerate() {
        let run = RunSummary {
            id: RunId::new(format!("run-{i}")),
            started_at: Timestamp::from_second(600 * i64::try_from(i).unwrap()).unwrap(),
            reading: *reading,
            incident: IncidentId::new(format!("incident-{i}")),
        };
        let decided = decide(&state, &run, rules);
        assert!(decided.why.ends_with('.'), "{}", decided.why);
        state = decided.state.clone();
        acts.push(match &decided.act {
            Act::Nothing => '-',
            Act::Confirm => '?',
            Act::Open { flapping: true, .. } => 'o',
            Act::Open { .. } => 'O',
            Act::Worsen { .. } => 'W',
            Act::Flap { flapping: true, .. } => 'f',
            Act::Flap { .. } => 's',
            Act::Close { .. } => 'C',
        });
        all.push(decided);
    }
    (acts, all)
}

#[test]
fn runs_open_and_close_incidents() {
    let usual = rules(2, 2);
    let cases: &[(&str, AlertRules, &[Reading], &str)] = &[
        ("all is well", usual, &[P, P, P], "---"),
        ("a failure asks for a confirmation", usual, &[P, F], "-?"),
        ("a confirmed failure opens an incident", usual, &[F, F], "?O"),
        ("a failure that is not confirmed is forgotten", usual, &[F, P, F, P], "?-?-"),
        ("one incident, however long it fails", usual, &[F, F, F, F, F], "?O---"),
        ("a recovery is confirmed, too", usual, &[F, F, P, P], "?O?C"),
        ("slow is a recovery from an outage", usual, &[F, F, S, S], "?O?C"),
        ("so are broken links", usual, &[F, F, L, L], "?O?C"),
        ("and what stays slow is the next incident", usual, &[F, F, S, S, S], "?O?CO"),
        ("a relapse starts the recovery anew", usual, &[F, F, P, F, P, P], "?O?-?C"),
        ("our own fault alone changes nothing", usual, &[I, I, P, I], "----"),
        ("our own fault does not confirm", usual, &[F, I, F], "??O"),
        ("our own fault does not refute either", usual, &[F, I, P], "??-"),
        ("a confirmation is asked for again, within bounds", usual, &[F, I, I, I, I, I], "????--"),
        ("and the schedule then decides", usual, &[F, I, I, I, I, F], "????-O"),
        ("our own fault does not close", usual, &[F, F, I, I], "?O--"),
        ("our own fault does not undo a recovery", usual, &[F, F, P, I, P], "?O??C"),
        ("after the end it begins anew", usual, &[F, F, P, P, F, F], "?O?C?O"),
        ("confirm = 1 opens at once", rules(1, 1), &[F, P], "OC"),
        ("confirm = 3 wants three", rules(3, 1), &[F, F, F, P], "??OC"),
        ("a rule of 0 means 1", rules(0, 0), &[F, P], "OC"),
        ("by time: at least two runs, ten minutes apart", lasting((2, 10), (1, 0)), &[F, F], "?O"),
        ("by time: not long enough yet", lasting((2, 15), (1, 0)), &[F, F, F], "?-O"),
        ("by both: runs are asked for, time is not", lasting((3, 25), (1, 0)), &[F, F, F, F], "??-O"),
        ("closing by time", lasting((1, 0), (2, 20)), &[F, P, P, P], "O?-C"),
        ("slow twice is an incident", usual, &[S, S], "?O"),
        ("slow once is none", usual, &[S, P, S, P], "?-?-"),
        ("broken links were asked for twice each: once is enough", usual, &[L], "O"),
        ("a script that rots", usual, &[R, R], "?O"),
        ("slow and then rotten is neither twice", usual, &[S, R, S], "???"),
        (
            "a failure behind doubts that are used up is confirmed at once",
            usual,
            &[S, S, P, I, I, I, I, F, F],
            "?O????-?W",
        ),
        ("whatever used them up", usual, &[S, S, P, R, R, R, R, F, F], "?O????-?W"),
        ("it has doubts of its own", rules(3, 2), &[F, I, I, I, I, F, I, F], "????-??O"),
        ("what is slow gets worse: one incident", usual, &[S, S, F, F, P, P], "?O?W?C"),
        ("a failure that is not confirmed leaves it slow", usual, &[S, S, F, S, P, P], "?O?-?C"),
        ("an outage is no outage of another kind", usual, &[F, F, S, F, R, P, P], "?O?--?C"),
        ("a script that rots says nothing of an outage", usual, &[F, R, F], "??O"),
        ("but it is said when it goes on", usual, &[F, R, R, R], "??O-"),
        ("a slow walk shows that the script fits", usual, &[R, R, S, S], "?O?C"),
        ("a script that rots does not say whether it is slow", usual, &[S, S, R, R], "?O--"),
    ];
    for (name, rules, readings, want) in cases {
        assert_eq!(play(readings, rules).0, *want, "{name}");
    }
}

#[test]
fn what_comes_and_goes_is_one_incident_until_it_is_steady() {
    let rules = AlertRules { flapping: true, ..rules(2, 2) };
    // Down every other run: never confirmed, and told all the same, once.
    let (acts, all) = play(&[P, F, P, F, P, F, P, F], &rules);
    assert_eq!(acts, "-?-?-o--");
    let Act::Open { since, flapping, .. } = &all[5].act else { panic!("{:?}", all[5]) };
    assert_eq!((*since, *flapping), (Timestamp::from_second(3000).unwrap(), true));

    // Confirmed first: one incident, which flaps later, and ends after it was good for long.
    let mut readings = vec![F, F, P, F, P, F, P];
    readings.extend([P; 25]);
    let (acts, _) = play(&readings, &rules);
    assert!(acts.starts_with("?O?-?f"), "{acts}");
    assert_eq!(acts.matches('C').count(), 1, "{acts}");
    let good = acts.find('C').unwrap() - 5;
    assert!((10..=21).contains(&good), "good for {good} runs: {acts}");

    // Steadily down is an outage like another, and ends like one.
    let mut readings = vec![F, F, P, F, P, F];
    readings.extend([F; 21]);
    readings.extend([P, P]);
    let (acts, _) = play(&readings, &rules);
    assert!(acts.contains('s') && acts.ends_with("?C"), "{acts}");

    // Nobody wants to know.
    assert_eq!(play(&[P, F, P, F, P, F], &AlertRules { flapping: false, ..rules }).0, "-?-?-?");
}

#[test]
fn a_run_about_something_else_does_not_prolong_a_confirmation() {
    // Slow is open, one good run of two; from then on the links are broken, whatever the pace.
    let mut readings = vec![S, S, P];
    readings.extend([L; 12]);
    assert_eq!(play(&readings, &rules(2, 2)).0, "?O????---------");
    // Nothing is open: slow once, a page that our script does not fit once, and so on.
    assert_eq!(play(&[S, R, S, R, S, R, S, R], &rules(2, 2)).0, "????----");
    // What is doubted stays counted: two of the same kind are still enough.
    assert_eq!(play(&[S, R, R], &rules(2, 2)).0, "??O");
}

#[test]
fn an_incident_names_its_runs_and_its_true_beginning() {
    let (_, all) = play(&[F, I, F, P, P], &rules(2, 2));
    let Act::Open { since, runs, incident, .. } = &all[2].act else { panic!("{:?}", all[2]) };
    assert_eq!(*since, Timestamp::UNIX_EPOCH);
    assert_eq!(runs.iter().map(RunId::as_str).collect::<Vec<_>>(), ["run-0", "run-2"]);
    let Act::Close { incident: closed, runs } = &all[4].act else { panic!("{:?}", all[4]) };
    assert_eq!(closed, incident);
    assert_eq!(runs.iter().map(RunId::as_str).collect::<Vec<_>>(), ["run-3", "run-4"]);
}

#[test]
fn what_worked_badly_before_an_outage_is_not_counted_after_it() {
    // Slow once on the first day, then down for long, then slow: that began when it was up again.
    for (readings, began) in [
        (&[S, F, F, F, F, P, S, S][..], 6),
        (&[S, F, F, F, F, S, S, S], 5),
        (&[F, F, S, F, F, P, S, S], 6),
        (&[S, S, F, F, S, S, S], 4),
    ] {
        let (acts, all) = play(readings, &rules(2, 2));
        assert!(acts.ends_with("CO"), "{readings:?}: {acts}");
        let Some(Act::Open { since, concern, .. }) = all.last().map(|decided| &decided.act) else {
            panic!("{all:?}")
        };
        assert_eq!((*concern, since.as_second()), (Concern::Slow, 600 * began), "{readings:?}");
    }
}

fn any_reading() -> impl Strategy<Value = Reading> {
    prop_oneof![3 => Just(P), 4 => Just(F), 1 => Just(S), 1 => Just(L), 1 => Just(R), 1 => Just(I)]
}

proptest! {
    #[test]
    fn any_order_of_results_keeps_the_promises(
        readings in proptest::collection::vec(any_reading(), 0..120),
        confirm in 0u32..5, recover in 0u32..5, flapping: bool,
    ) {
        let rules = AlertRules { flapping, ..rules(confirm, recover) };
        let (_, all) = play(&readings, &rules);
        let mut open: Option<(IncidentId, Concern)> = None;
        for (decided, reading) in all.iter().zip(&readings) {
            match &decided.act {
                Act::Open { incident, concern, runs, flapping: flaps, .. } => {
                    prop_assert!(open.is_none(), "a second incident");
                    prop_assert_eq!(*reading, Reading::Bad(*concern));
                    let few = *flaps || *concern == Concern::Links;
                    prop_assert!(few || runs.len() >= confirm.max(1) as usize);
                    prop_assert!(!flaps || flapping);
                    open = Some((incident.clone(), *concern));
                }
                Act::Worsen { incident, .. } => {
                    let (was, concern) = open.take().unwrap();
                    prop_assert_eq!((&was, *reading), (incident, F));
                    prop_assert!(concern != Concern::Outage);
                    open = Some((was, Concern::Outage));
                }
                Act::Flap { incident, .. } => {
                    prop_assert_eq!(open.as_ref(), Some(&(incident.clone(), Concern::Outage)));
                }
                Act::Close { incident, runs } => {
                    let (was, concern) = open.take().unwrap();
                    prop_assert_eq!(&was, incident);
                    prop_assert!(*reading != Reading::Bad(concern) && *reading != I);
                    prop_assert!(runs.len() >= recover.max(1) as usize);
                }
                Act::Nothing | Act::Confirm => {}
            }
            let state = decided.state.open.as_ref().map(|open| (open.id.clone(), open.concern));
            prop_assert_eq!(state, open.clone());
            prop_assert!(decided.state.failing.len() <= REMEMBERED && decided.state.good.len() <= REMEMBERED);
        }
    }

    #[test]
    fn confirmations_end_when_nothing_changes(
        before in proptest::collection::vec(any_reading(), 0..20),
        last in any_reading(), confirm in 1u32..5, recover in 1u32..5, flapping: bool,
    ) {
        let mut readings = before.clone();
        readings.extend(std::iter::repeat_n(last, 12));
        let (acts, _) = play(&readings, &AlertRules { flapping, ..rules(confirm, recover) });
        prop_assert!(!acts.ends_with('?'), "{}", acts);
    }

    #[test]
    fn no_order_of_results_asks_for_runs_without_end(
        readings in proptest::collection::vec(any_reading(), 0..120),
        confirm in 1u32..5, recover in 1u32..5, flapping: bool,
    ) {
        let (acts, _) = play(&readings, &AlertRules { flapping, ..rules(confirm, recover) });
        // Each run that is missing may be in doubt so often, and a recovery may follow a failure.
        let most = (confirm + recover) * (DOUBTS + 1);
        let longest = acts.split(|c| c != '?').map(str::len).max().unwrap_or(0);
        prop_assert!(longest <= most as usize, "{}", acts);
    }

    #[test]
    fn whoever_is_good_for_21_runs_has_no_incident(
        before in proptest::collection::vec(any_reading(), 0..60), confirm in 1u32..4, recover in 1u32..4,
    ) {
        let mut readings = before.clone();
        readings.extend([P; 21]);
        let (_, all) = play(&readings, &AlertRules { flapping: true, ..rules(confirm, recover) });
        prop_assert_eq!(all.last().unwrap().state.open.as_ref(), None);
    }
}
