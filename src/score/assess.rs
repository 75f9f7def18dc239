//! Assessing: the material of a period and a profile → a scorecard for each target.
//!
//! Invariant: a target's card depends on its own material alone, but for its rank.

use std::collections::{BTreeMap, BTreeSet};

use super::beside::beside;
use super::bootstrap::{Draws, interval};
use super::card::{Assessment, Scorecard, Value, VetoFlag};
use super::condition::Seen;
use super::feeds::Feeds;
use super::formula::{does_not_apply, number};
use super::material::{Observed, Period, StepSeries, Subject};
use super::place;
use super::reading::{Reading, most_often_first, read};
use super::series::Series;
use super::tree::{Branch, Climb, together};
use crate::domain::ids::ScenarioId;
use crate::domain::indicator::IndicatorId;
use crate::domain::outcome::{Credit, Outcome};
use crate::domain::profile::{Leaf, Node, Profile};

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How often days are drawn.
    pub resamples: u32,
    /// What the draws begin with.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { resamples: 1000, seed: 20_221_231 }
    }
}

/// Scores what was observed. `reliability` of the answer is left empty: it is about coders, not targets.
pub fn assess(
    profile: &Profile,
    period: &Period,
    observed: &[(Subject, Observed)],
    options: &Options,
) -> Assessment {
    let (feeds, leaves) = (Feeds::of(profile), profile.leaves());
    let mut cards: Vec<Scorecard> =
        observed.iter().map(|(target, seen)| card(profile, &feeds, &leaves, target, seen, options)).collect();
    place::rank(&mut cards, profile);
    Assessment {
        profile: profile.id.clone(),
        profile_hash: profile.hash.clone(),
        period: period.clone(),
        cards,
        reliability: BTreeMap::new(),
        definitions: leaves.iter().map(|(id, (_, leaf))| ((*id).clone(), definition(leaf))).collect(),
    }
}

/// How a leaf is measured, in one line of JSON: two leaves are comparable when these are equal.
pub(super) fn definition(leaf: &Leaf) -> String {
    serde_json::json!({ "sources": leaf.sources, "formula": leaf.formula }).to_string()
}

fn card<'a>(
    profile: &'a Profile,
    feeds: &Feeds<'a>,
    leaves: &BTreeMap<&'a IndicatorId, (&'a Node, &'a Leaf)>,
    target: &Subject,
    seen: &Observed,
    options: &Options,
) -> Scorecard {
    let mut fed: BTreeMap<&IndicatorId, Vec<&StepSeries>> = BTreeMap::new();
    for step in seen.steps.iter().filter(|step| step.scored) {
        for leaf in feeds.leaves(&step.measure) {
            fed.entry(leaf).or_default().push(step);
        }
    }
    let readings: BTreeMap<&IndicatorId, Reading> = leaves
        .iter()
        .map(|(id, (_, leaf))| (*id, read(id, leaf, seen, fed.get(id).map_or(&[], Vec::as_slice))))
        .collect();
    let days: BTreeSet<_> =
        readings.values().filter_map(|reading| reading.series.as_ref()).flat_map(Series::days).collect();
    let draws = Draws::of(&days, &target.id, options.seed, options.resamples);

    let mut climb = Climb { readings, draws: &draws, nodes: Vec::new() };
    let base = together(&climb.siblings(&profile.tree, 0, None, false));
    let bonus =
        profile.bonus.iter().flat_map(|bonus| climb.siblings(&bonus.tree, 0, None, true)).collect::<Vec<_>>();
    let nodes = climb.nodes;
    let figures = figures(profile, seen);
    let held: Vec<_> = profile
        .vetoes
        .iter()
        .filter(|veto| Seen { nodes: &nodes, figures: &figures }.holds(&veto.when) == Some(true))
        .collect();
    let cap = held.iter().filter_map(|veto| veto.cap).reduce(f64::min);
    let earned = bonus_points(bonus.iter().map(|(weight, branch)| (*weight, branch.score)));
    let total = base.score.map(|base| place::total(profile, base, earned, cap));
    let uncut = base.score.map(|base| place::total(profile, base, earned, None));
    let cut_to = |cap: Option<f64>| cap.filter(|cap| total == Some(*cap) && uncut > total);
    let vetoes = held
        .iter()
        .map(|veto| VetoFlag { id: veto.id.clone(), title: veto.title.clone(), capped_at: cut_to(veto.cap) })
        .collect();
    Scorecard {
        target: target.clone(),
        total,
        base: base.score,
        interval: total.and_then(|total| interval(total, &totals(profile, &base, &bonus, cap)?)),
        coverage: base.coverage,
        rank: None,
        grade: None,
        vetoes,
        beside: beside(seen, feeds, leaves),
        nodes,
        figures,
        ending: ending(seen),
    }
}

/// Points of the bonus: a node adds its weight times its score over 100.
pub(super) fn bonus_points(nodes: impl Iterator<Item = (f64, Option<f64>)>) -> f64 {
    nodes.filter_map(|(weight, score)| Some(weight * score? / 100.0)).sum()
}

/// The total of each draw; absent when they are all the same.
fn totals(profile: &Profile, base: &Branch, bonus: &[(f64, Branch)], cap: Option<f64>) -> Option<Vec<f64>> {
    let estimate = base.score?;
    let draws = |branch: &Branch| branch.drawn.as_ref().map(Vec::len);
    let n = draws(base).or_else(|| bonus.iter().find_map(|(_, branch)| draws(branch)))?;
    let at = |branch: &Branch, draw: usize| {
        branch.drawn.as_ref().and_then(|drawn| drawn.get(draw).copied()).or(branch.score)
    };
    let one = |draw: usize| {
        let earned = bonus_points(bonus.iter().map(|(weight, branch)| (*weight, at(branch, draw))));
        place::total(profile, at(base, draw).unwrap_or(estimate), earned, cap)
    };
    Some((0..n).map(one).collect())
}

/// What people wrote under the ids of the profile's figures: numbers where they can be read as such.
fn figures(profile: &Profile, seen: &Observed) -> BTreeMap<IndicatorId, Value> {
    let value = |id: &IndicatorId| {
        let settled = seen.coded.get(id).filter(|settled| !does_not_apply(settled))?;
        let word = settled.value.as_deref()?.trim();
        Some(
            number(word)
                .map_or_else(|| Value::Word { word: word.to_owned() }, |number| Value::Number { number }),
        )
    };
    profile.figures.iter().filter_map(|figure| Some((figure.id.clone(), value(&figure.id)?))).collect()
}

/// How walks of scored scenarios end most often: at the last step with whatever it came to, before it
/// with what does not go on. Our own faults are left out.
fn ending(seen: &Observed) -> Option<Outcome> {
    let scored = || seen.steps.iter().filter(|step| step.scored);
    let mut last: BTreeMap<&ScenarioId, u32> = BTreeMap::new();
    for step in scored() {
        let last = last.entry(&step.scenario).or_default();
        *last = step.position.max(*last);
    }
    let mut ends: BTreeMap<Outcome, u64> = BTreeMap::new();
    for step in scored() {
        let is_last = last.get(&step.scenario) == Some(&step.position);
        for (outcome, count) in step.days.iter().flat_map(|day| &day.outcomes) {
            let theirs = outcome.credit() != Credit::Excluded && *outcome != Outcome::NotReached;
            // The gate is where a journey may end, whatever steps are written behind it.
            let is_end = is_last || !outcome.goes_on() || *outcome == Outcome::OnlineReady;
            if *count > 0 && theirs && is_end {
                *ends.entry(*outcome).or_default() += count;
            }
        }
    }
    most_often_first(ends).first().map(|(outcome, _)| *outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::{Bonus, Bounds, Condition, Figure, Formula, Source, Veto};
    use crate::domain::verdict::Verdict;
    use crate::score::card::State;
    use crate::score::fixtures::{
        card_of, coded, id, leaf, node_of, number, parent, profile, scores, step, visits, words,
    };

    fn tree() -> Vec<Node> {
        vec![
            parent(
                "T",
                3.0,
                vec![leaf("T1", 1.0, &[Source::Visits], Formula::Share(None)), number("T2", 1.0)],
            ),
            number("H", 1.0),
        ]
    }

    #[test]
    fn a_card_shows_every_node_and_what_it_stands_on() {
        let mut seen = coded(&[("H", "40")]);
        seen.runs = vec![visits(&[(0, &[(Verdict::Pass, 9), (Verdict::Fail, 1)], &[])])];
        let card = card_of(&profile(tree()), &seen);
        let rows: Vec<_> = card
            .nodes
            .iter()
            .map(|it| (it.id.as_str(), it.depth, it.state, it.score, it.coverage, it.n))
            .collect();
        let want = [
            ("T", 0, State::Scored, Some(90.0), 50.0, 10),
            ("T1", 1, State::Scored, Some(90.0), 100.0, 10),
            ("T2", 1, State::Unobserved, None, 0.0, 0),
            ("H", 0, State::Scored, Some(40.0), 100.0, 1),
        ];
        assert_eq!(rows, want);
        assert_eq!((card.base, card.total, card.coverage), (Some(77.5), Some(77.5), 62.5));
        assert_eq!(
            (card.rank, card.grade),
            (None, None),
            "below the floor it is shown, neither ranked nor graded"
        );
    }

    #[test]
    fn nothing_observed_is_no_zero() {
        let card = card_of(&profile(tree()), &Observed::default());
        assert_eq!(
            (card.total, card.base, card.interval, card.rank, card.grade),
            (None, None, None, None, None)
        );
        assert!(card.coverage.abs() < f64::EPSILON);
        assert!(card.nodes.iter().all(|node| node.score.is_none() && node.state == State::Unobserved));
        assert_eq!(
            assess(&profile(vec![]), &crate::score::fixtures::period(2026), &[], &Options::default()).cards,
            []
        );
    }

    #[test]
    fn ranks_are_of_those_that_were_observed_well_enough() {
        let whole = |score: &str| coded(&[("T2", score), ("H", score)]);
        let mut profile = profile(tree());
        profile.coverage_floor = 60.0;
        let assessment = scores(
            &profile,
            &[
                ("a", whole("80")),
                ("b", whole("90.001")),
                ("c", coded(&[("H", "100")])),
                ("d", whole("90.004")),
            ],
        );
        let ranks: Vec<_> = assessment.cards.iter().map(|card| card.rank).collect();
        assert_eq!(ranks, [Some(3), Some(1), None, Some(1)]);
    }

    #[test]
    fn vetoes_cap_the_total_and_say_so() {
        let veto = |id: &str, bound: f64, cap| Veto {
            id: id.to_owned(),
            title: words(id),
            when: Condition::Value {
                indicator: crate::score::fixtures::id("T1"),
                within: Bounds { at_most: Some(bound), ..Bounds::default() },
                at_least_n: 140,
            },
            cap,
        };
        let mut profile = profile(tree());
        profile.vetoes =
            vec![veto("availability", 95.0, Some(59.0)), veto("shown", 95.0, None), veto("far", 10.0, None)];
        profile.bonus = Some(Bonus { above: 80.0, tree: vec![number("B1", 20.0)] });
        let seen = |good, failed, home: &str| {
            let mut seen = coded(&[("T2", home), ("H", home), ("B1", "50")]);
            seen.runs = vec![visits(&[(0, &[(Verdict::Pass, good), (Verdict::Fail, failed)], &[])])];
            seen
        };
        let low = seen(133, 7, "20");
        let cases = [
            ("no veto, and a bonus of half its weight", seen(140, 0, "100"), 110.0, vec![]),
            (
                "five percent failed",
                seen(133, 7, "95"),
                59.0,
                vec![("availability", Some(59.0)), ("shown", None)],
            ),
            ("of too few visits it cannot be told", seen(95, 5, "95"), 105.0, vec![]),
            (
                "a cap above the total cuts nothing",
                low,
                48.125,
                vec![("availability", None), ("shown", None)],
            ),
        ];
        for (name, seen, total, vetoes) in cases {
            let card = card_of(&profile, &seen);
            let got: Vec<_> = card.vetoes.iter().map(|veto| (veto.id.as_str(), veto.capped_at)).collect();
            assert_eq!((card.total, got), (Some(total), vetoes), "{name}");
            assert_eq!(node_of(&card, "B1").score, Some(50.0), "{name}: the bonus is shown");
        }
    }

    #[test]
    fn intervals_belong_to_what_runs_feed() {
        let days: Vec<(u16, Vec<(Verdict, u64)>)> = (0..30)
            .map(|day| (day, vec![(Verdict::Pass, 80), (Verdict::Fail, u64::from(day % 3))]))
            .collect();
        let days: Vec<_> = days.iter().map(|(day, verdicts)| (*day, verdicts.as_slice(), &[][..])).collect();
        let mut seen = coded(&[("T2", "50"), ("H", "50")]);
        seen.runs = vec![visits(&days)];
        let card = card_of(&profile(tree()), &seen);
        let width = |name: &str| node_of(&card, name).interval.map(|it| it.high - it.low);
        let (leaf, above) = (width("T1").unwrap(), width("T").unwrap());
        assert!(
            leaf > 0.1 && (above - leaf / 2.0).abs() < 1e-9,
            "the other half of it is constant: {leaf} {above}"
        );
        assert_eq!((width("T2"), width("H")), (None, None), "what people wrote is not drawn");
        let total = card.interval.unwrap();
        assert!((total.high - total.low - leaf * 0.375).abs() < 1e-9, "three quarters of a half");
    }

    #[test]
    fn scenarios_that_are_not_scored_stand_beside() {
        let profile = profile(vec![leaf("H1", 1.0, &[Source::Steps], Formula::Steps)]);
        let aside = |name: &str, position, outcome| StepSeries {
            scored: false,
            ..step("temporary-id", name, position, "H1", &[(0, &[(outcome, 4)])])
        };
        let seen = Observed {
            steps: vec![
                step("licence", "find", 0, "H1", &[(0, &[(Outcome::Done, 4)])]),
                step("licence", "gate", 1, "H1", &[(0, &[(Outcome::PreReviewOrBooking, 4)])]),
                aside("gate", 1, Outcome::MustGoToWindow),
                aside("find", 0, Outcome::Done),
            ],
            ..Observed::default()
        };
        let card = card_of(&profile, &seen);
        assert_eq!(card.total, Some(75.0));
        assert_eq!(card.ending, Some(Outcome::PreReviewOrBooking), "of scored scenarios alone");
        let [beside] = card.beside.as_slice() else { panic!("one scenario stands beside") };
        assert_eq!(beside.scenario.as_str(), "temporary-id");
        assert_eq!(beside.leaves, BTreeMap::from([(id("H1"), 50.0)]));
        let steps: Vec<_> = beside.steps.iter().map(|step| (step.step.as_str(), step.credit)).collect();
        assert_eq!(steps, [("find", Some(100.0)), ("gate", Some(0.0))], "in the order of the journey");
    }

    #[test]
    fn walks_end_where_they_do_not_go_on() {
        let seen = |find: &[(Outcome, u64)], gate: &[(Outcome, u64)]| Observed {
            steps: vec![step("s", "find", 0, "Z", &[(0, find)]), step("s", "gate", 1, "Z", &[(1, gate)])],
            ..Observed::default()
        };
        let ready = (Outcome::OnlineReady, 6);
        let cases = [
            (
                "at the gate",
                seen(&[(Outcome::Done, 6), (Outcome::Timeout, 2)], &[ready]),
                Some(Outcome::OnlineReady),
            ),
            (
                "before it",
                seen(&[(Outcome::Done, 1), (Outcome::LoginWall, 7)], &[(Outcome::Done, 1)]),
                Some(Outcome::LoginWall),
            ),
            (
                "our own faults do not count",
                seen(&[(Outcome::ScriptRot, 9)], &[(Outcome::Done, 1)]),
                Some(Outcome::Done),
            ),
            ("nowhere", seen(&[], &[]), None),
        ];
        for (name, seen, want) in cases {
            assert_eq!(ending(&seen), want, "{name}");
        }
    }

    #[test]
    fn figures_are_shown_and_not_scored() {
        let mut profile = profile(tree());
        profile.figures = ["F1", "F2", "F3", "F4"].map(|it| Figure { id: id(it), title: words(it) }).to_vec();
        let card = card_of(&profile, &coded(&[("F1", "4.20"), ("F2", "yes"), ("F3", "na"), ("H", "1")]));
        let want = BTreeMap::from([
            (id("F1"), Value::Number { number: 4.2 }),
            (id("F2"), Value::Word { word: "yes".to_owned() }),
        ]);
        assert_eq!(card.figures, want, "missing stays missing");
        assert_eq!(card.total, Some(1.0));
    }
}
