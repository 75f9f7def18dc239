//! What holds for every assessment, whatever was observed: properties, with random weights and material.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::card::{Assessment, Interval, Scorecard};
use super::fixtures::{as_written, coded, leaf, number, parent, period, profile, step, subject, visits};
use super::material::{LinkCheck, Observed, Subject, TraitDay};
use super::{Options, assess};
use crate::domain::ids::RunId;
use crate::domain::outcome::Outcome;
use crate::domain::profile::{Formula, Node, NodeKind, Pieces, Profile, Source};
use crate::domain::verdict::Verdict;

const YES_NO: Formula = Formula::YesNo { yes: 100.0, no: 0.0 };

/// A profile with every kind of leaf, and these weights.
fn rich(weights: &[f64]) -> Profile {
    let pieces = |corners: &[(f64, f64)]| Pieces::new(corners.to_vec()).unwrap();
    let share = Formula::Share(Some(pieces(&[(50.0, 0.0), (80.0, 60.0), (100.0, 100.0)])));
    let speed = Formula::Percentile { p: 75.0, pieces: pieces(&[(0.1, 100.0), (0.8, 0.0)]) };
    let links = Formula::Deduct { each: 1.0, elsewhere: 0.1, cap: 15.0, worth: 15.0 };
    let mut tree = vec![
        parent(
            "T",
            1.0,
            vec![
                leaf("T1", 1.0, &[Source::Visits, Source::Steps], share),
                leaf("T2", 1.0, &[Source::Links], links),
                leaf("T3", 1.0, &[Source::Visits], speed),
                leaf("T4", 1.0, &[Source::Tls], YES_NO),
            ],
        ),
        parent(
            "H",
            1.0,
            vec![
                leaf("H1", 1.0, &[Source::Steps], Formula::Steps),
                leaf("H2", 1.0, &[Source::Coded], YES_NO),
                leaf("H3", 1.0, &[Source::Coded], as_written()),
            ],
        ),
        number("I", 1.0),
    ];
    weigh(&mut tree, &mut weights.iter().copied());
    profile(tree)
}

/// Gives nodes their weights, parents before children.
fn weigh(nodes: &mut [Node], weights: &mut impl Iterator<Item = f64>) {
    for node in nodes {
        node.weight = weights.next().unwrap();
        if let NodeKind::Parent(children) = &mut node.kind {
            weigh(children, weights);
        }
    }
}

fn weights() -> impl Strategy<Value = Vec<f64>> {
    vec(0.1_f64..40.0, 10)
}

prop_compose! {
    /// What was seen of a target: any part of it may be missing.
    fn observed()(
        home in option::of(vec((0_u16..30, 0_u64..20, 0_u64..4, vec((100_u32..900, 1_u32..9), 0..6)), 0..12)),
        steps in vec((0_usize..3, 0_u16..30, 0_usize..Outcome::ALL.len(), 0_u64..9), 0..12),
        links in vec((0_u16..30, 0_u32..6, 0_u32..90), 0..5),
        tls in vec((0_u16..30, 0_u64..5, 0_u64..2), 0..5),
        yes_no in option::of(prop::sample::select(vec!["yes", "no", "na"])),
        points in option::of(0_u8..=100),
        whole in option::of(0_u8..=100),
    ) -> Observed {
        let texts = [
            ("H2", yes_no.map(str::to_owned)),
            ("H3", points.map(|it| it.to_string())),
            ("I", whole.map(|it| it.to_string())),
        ];
        let written: Vec<_> = texts.iter().filter_map(|(id, text)| Some((*id, text.as_deref()?))).collect();
        let mut seen = coded(&written);
        for (day, good, bad, times) in home.into_iter().flatten() {
            seen.runs.push(visits(&[(day, &[(Verdict::Pass, good), (Verdict::Fail, bad)], &times)]));
        }
        for (place, day, outcome, count) in steps {
            let name = ["find", "form", "gate"][place];
            let measure = ["T1", "H1", "H"][place];
            let position = u32::try_from(place).unwrap();
            seen.steps.push(step("s", name, position, measure, &[(day, &[(Outcome::ALL[outcome], count)])]));
        }
        let check = |(day, home, elsewhere)| LinkCheck { run: RunId::from("r"), day, home, elsewhere, checked: 99 };
        seen.links = links.into_iter().map(check).collect();
        seen.traits = tls.into_iter().map(|(day, yes, no)| TraitDay { day, fact: Source::Tls, yes, no }).collect();
        seen
    }
}

fn of(profile: &Profile, targets: Vec<Observed>) -> Assessment {
    let named: Vec<(Subject, Observed)> = targets
        .into_iter()
        .enumerate()
        .map(|(place, seen)| (subject(&format!("city-{place}")), seen))
        .collect();
    assess(profile, &period(2026), &named, &OPTIONS)
}

const OPTIONS: Options = Options { resamples: 40, seed: 1 };

fn close(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        (one, other) => one == other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn points_and_coverages_are_of_a_hundred_and_inside_their_intervals(weights in weights(), seen in observed()) {
        let assessment = of(&rich(&weights), vec![seen]);
        let card = &assessment.cards[0];
        let inside = |score: Option<f64>, interval: Option<Interval>| match (score, interval) {
            (Some(score), Some(it)) => -1e-9 <= it.low && it.low <= score && score <= it.high && it.high <= 100.0 + 1e-9,
            (Some(score), None) => (-1e-9..=100.0 + 1e-9).contains(&score),
            (None, interval) => interval.is_none(),
        };
        prop_assert!(inside(card.total, card.interval));
        for node in &card.nodes {
            prop_assert!(inside(node.score, node.interval), "{node:?}");
            prop_assert!((0.0..=100.0 + 1e-9).contains(&node.coverage), "{node:?}");
            prop_assert_eq!(node.score.is_some(), node.state == super::card::State::Scored);
        }
    }

    /// Taking an observation away never gives less than a 0 would have given, and never more coverage.
    #[test]
    fn what_was_not_observed_never_lowers(weights in weights(), seen in observed()) {
        let with = |value: Option<&str>| {
            let mut seen = seen.clone();
            let one = value.map(|value| coded(&[("H2", value)])).unwrap_or_default();
            seen.coded.retain(|id, _| id.as_str() != "H2");
            seen.coded.extend(one.coded);
            of(&rich(&weights), vec![seen]).cards.remove(0)
        };
        let (unseen, zero, full) = (with(None), with(Some("no")), with(Some("yes")));
        let total = |card: &Scorecard| card.total;
        if let Some(unseen) = total(&unseen) {
            prop_assert!(total(&zero).is_some_and(|zero| zero <= unseen + 1e-9));
            prop_assert!(total(&full).is_some_and(|full| full >= unseen - 1e-9));
        }
        prop_assert!(unseen.coverage < zero.coverage);
        prop_assert!((full.coverage - zero.coverage).abs() < 1e-9);
    }

    #[test]
    fn the_order_of_the_input_is_irrelevant(weights in weights(), seen in vec(observed(), 3)) {
        let profile = rich(&weights);
        let forward = of(&profile, seen.clone());
        let backward = seen.into_iter().enumerate().rev().map(|(place, mut seen)| {
            seen.runs.reverse();
            seen.steps.reverse();
            seen.links.reverse();
            seen.traits.reverse();
            (subject(&format!("city-{place}")), seen)
        });
        let mut backward = assess(&profile, &period(2026), &backward.collect::<Vec<_>>(), &OPTIONS);
        backward.cards.reverse();
        prop_assert_eq!(forward, backward);
    }

    #[test]
    fn weights_are_only_proportions(weights in weights(), seen in vec(observed(), 3), factor in 0.001_f64..1000.0) {
        let scaled: Vec<f64> = weights.iter().map(|weight| weight * factor).collect();
        let (one, other) = (of(&rich(&weights), seen.clone()), of(&rich(&scaled), seen));
        for (one, other) in one.cards.iter().zip(&other.cards) {
            prop_assert!(close(one.total, other.total), "{:?} {:?}", one.total, other.total);
            prop_assert!(close(Some(one.coverage), Some(other.coverage)));
            prop_assert!(close(one.interval.map(|it| it.low), other.interval.map(|it| it.low)));
            prop_assert_eq!(one.rank, other.rank);
            prop_assert_eq!(one.grade, other.grade);
        }
    }
}
