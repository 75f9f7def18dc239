//! Profiles, material and cards for the tests of this room, as short as they can be written.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::card::{Assessment, NodeScore, Scorecard, State, Value};
use super::material::{Day, Observed, Period, RunDay, RunSeries, StepDay, StepSeries, Subject};
use super::{Options, assess};
use crate::domain::coding::{Coding, Settled, Settling};
use crate::domain::ids::{ProbeId, ScenarioId, TargetId};
use crate::domain::indicator::IndicatorId;
use crate::domain::outcome::Outcome;
use crate::domain::profile::{Formula, Grade, Leaf, Node, NodeKind, Pieces, Profile, Scale, Source, Words};
use crate::domain::run::RunKind;
use crate::domain::scenario::Stage;
use crate::domain::verdict::Verdict;

pub(super) fn id(text: &str) -> IndicatorId {
    IndicatorId::parse(text).unwrap()
}

pub(super) fn words(text: &str) -> Words {
    Words { zh: text.to_owned(), en: text.to_owned() }
}

fn node(text: &str, weight: f64, kind: NodeKind) -> Node {
    Node { id: id(text), title: words(text), weight, assumed: None, kind }
}

pub(super) fn leaf(text: &str, weight: f64, sources: &[Source], formula: Formula) -> Node {
    let leaf = Leaf { sources: sources.to_vec(), formula, scale: Scale::Interval };
    node(text, weight, NodeKind::Leaf(leaf))
}

/// A leaf whose points a coder writes down as a number.
pub(super) fn number(text: &str, weight: f64) -> Node {
    leaf(text, weight, &[Source::Coded], as_written())
}

/// Numbers that are points already.
pub(super) fn as_written() -> Formula {
    Formula::Linear(Pieces::new(vec![(0.0, 0.0), (100.0, 100.0)]).unwrap())
}

pub(super) fn parent(text: &str, weight: f64, children: Vec<Node>) -> Node {
    node(text, weight, NodeKind::Parent(children))
}

pub(super) fn profile(tree: Vec<Node>) -> Profile {
    let grade = |title, from| Grade { title: words(title), from };
    Profile {
        id: "p".to_owned(),
        title: words("p"),
        hash: "first".to_owned(),
        coverage_floor: 70.0,
        grades: vec![grade("good", 80.0), grade("fair", 60.0)],
        tree,
        bonus: None,
        vetoes: vec![],
        findings: vec![],
        figures: vec![],
    }
}

pub(super) fn settled(value: Option<&str>) -> Settled {
    let coding = Coding {
        coder: "w".to_owned(),
        indicator: id("A"),
        target: TargetId::from("t"),
        value: value.unwrap_or("?").to_owned(),
        at: "2026-11-03T00:00:00Z".parse().unwrap(),
        note: String::new(),
        evidence: None,
        source: String::new(),
        year: None,
    };
    Settled {
        value: value.map(ToOwned::to_owned),
        how: if value.is_some() { Settling::Single } else { Settling::Disputed },
        codings: vec![coding],
    }
}

/// What coders wrote: indicator and value.
pub(super) fn coded(values: &[(&str, &str)]) -> Observed {
    Observed {
        coded: values.iter().map(|(indicator, value)| (id(indicator), settled(Some(value)))).collect(),
        ..Observed::default()
    }
}

/// A day of visits: how they ended, and their times.
type Visited<'a> = (Day, &'a [(Verdict, u64)], &'a [(u32, u32)]);

pub(super) fn visits(days: &[Visited<'_>]) -> RunSeries {
    RunSeries {
        probe: ProbeId::from("home"),
        kind: RunKind::Visit,
        days: days
            .iter()
            .map(|(day, verdicts, times)| RunDay {
                day: *day,
                verdicts: verdicts.to_vec(),
                times: times.to_vec(),
            })
            .collect(),
    }
}

pub(super) fn step(
    scenario: &str,
    name: &str,
    position: u32,
    measure: &str,
    days: &[(Day, &[(Outcome, u64)])],
) -> StepSeries {
    StepSeries {
        probe: ProbeId::from("walk"),
        scenario: ScenarioId::from(scenario),
        scored: true,
        step: name.to_owned(),
        position,
        stage: Stage::Form,
        measure: vec![id(measure)],
        days: days
            .iter()
            .map(|(day, outcomes)| StepDay { day: *day, outcomes: outcomes.to_vec(), times: vec![] })
            .collect(),
    }
}

pub(super) fn subject(name: &str) -> Subject {
    Subject { id: TargetId::from(name), name: name.to_owned(), labels: BTreeMap::new() }
}

pub(super) fn period(year: i16) -> Period {
    let (first, last) = (date(year, 11, 1), date(year, 11, 30));
    let at = |day: jiff::civil::Date| {
        day.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap()
    };
    Period { first, last, timezone: "UTC".to_owned(), from: at(first), until: at(date(year, 12, 1)) }
}

/// Scores some targets with few draws.
pub(super) fn scores(profile: &Profile, observed: &[(&str, Observed)]) -> Assessment {
    let observed: Vec<_> = observed.iter().map(|(name, seen)| (subject(name), seen.clone())).collect();
    assess(profile, &period(2026), &observed, &Options { resamples: 100, ..Options::default() })
}

/// The card of one target.
pub(super) fn card_of(profile: &Profile, seen: &Observed) -> Scorecard {
    scores(profile, &[("t", seen.clone())]).cards.remove(0)
}

pub(super) fn node_of<'a>(card: &'a Scorecard, text: &str) -> &'a NodeScore {
    card.nodes.iter().find(|node| node.id.as_str() == text).unwrap()
}

/// A node with a value, as conditions see it.
pub(super) fn node_score(text: &str, score: Option<f64>, n: u64, value: Option<Value>) -> NodeScore {
    NodeScore {
        id: id(text),
        parent: None,
        depth: 0,
        bonus: false,
        weight: 1.0,
        state: if score.is_some() { State::Scored } else { State::Unobserved },
        score,
        coverage: 100.0,
        interval: None,
        n,
        value,
        source: None,
        settled: None,
    }
}

/// A card with a total and nothing else.
pub(super) fn scored_card(name: &str, total: f64) -> Scorecard {
    Scorecard {
        target: subject(name),
        total: Some(total),
        base: Some(total),
        interval: None,
        coverage: 100.0,
        rank: None,
        grade: None,
        vetoes: vec![],
        nodes: vec![],
        beside: vec![],
        figures: BTreeMap::new(),
        ending: None,
    }
}
