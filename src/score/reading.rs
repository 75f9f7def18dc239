//! Readings: what was seen of one leaf of one target, by the first source that was observed.
//!
//! The rules of counting:
//!
//! - **Visits**: good are runs that ended `pass` or `degraded`, of those and `fail`; `inconclusive` is
//!   about us and left out. Times are those of good visits.
//! - **Steps** of scored scenarios: outcomes without points (walls, our own faults) leave the denominator.
//!   Good are steps that worked (`done`, `online_ready`). The credit of a step is the mean over its runs,
//!   whatever probes walked it; the leaf's is the mean over its steps. A step of which no run has points
//!   is not observed, and lowers the coverage of a leaf that is made of credit.
//! - **Links**: points for each whole check, then their mean.
//! - **Facts** (TLS, viewport, IPv6, accessibility, downloads): how often they held of how often they were
//!   looked at.
//! - **Coded**: what was settled. `na` outranks every other source, whatever the profile lists: only
//!   people can tell that something does not apply, a machine would call it missing.
//!
//! Invariant: what was not observed has no points; a leaf with points has a source and a value.

use std::collections::BTreeMap;

use super::card::{State, StepCredit, Value};
use super::digits::mean;
use super::formula::{Said, coded, deduct, does_not_apply, points};
use super::histogram::Histogram;
use super::material::{Day, Observed, StepSeries, Times};
use super::series::{Series, Tally, credit};
use super::wilson::wilson;
use crate::domain::coding::{Settled, Settling};
use crate::domain::ids::ScenarioId;
use crate::domain::indicator::IndicatorId;
use crate::domain::outcome::{Credit, Outcome};
use crate::domain::profile::{Formula, Leaf, Source};
use crate::domain::run::RunKind;
use crate::domain::verdict::Verdict;

/// What was seen of a leaf.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub state: State,
    /// There exactly when scored.
    pub points: Option<f64>,
    /// How much of the leaf was observed, in percent.
    pub coverage: f64,
    pub n: u64,
    pub value: Option<Value>,
    pub source: Option<Source>,
    pub settled: Option<Settling>,
    /// What a bootstrap draws from; absent for what people wrote.
    pub series: Option<Series>,
}

impl Reading {
    fn unobserved() -> Self {
        Self {
            state: State::Unobserved,
            points: None,
            coverage: 0.0,
            n: 0,
            value: None,
            source: None,
            settled: None,
            series: None,
        }
    }
}

/// Reads a leaf. `steps` are those that feed it.
pub(super) fn read(id: &IndicatorId, leaf: &Leaf, seen: &Observed, steps: &[&StepSeries]) -> Reading {
    let written = seen.coded.get(id);
    if let Some(settled) = written.filter(|settled| does_not_apply(settled)) {
        return Reading {
            state: State::NotApplicable,
            // Somebody looked: nothing about it is unknown.
            coverage: 100.0,
            n: settled.codings.len() as u64,
            source: Some(Source::Coded),
            settled: Some(settled.how),
            ..Reading::unobserved()
        };
    }
    let mut found = leaf.sources.iter().filter_map(|source| match source {
        Source::Coded => by_coders(&leaf.formula, written?),
        _ => by_runs(&leaf.formula, *source, seen, steps),
    });
    found.next().unwrap_or_else(|| nothing(leaf, written.map(|settled| settled.how), steps))
}

fn by_coders(formula: &Formula, settled: &Settled) -> Option<Reading> {
    let Said::Points(points, value) = coded(formula, settled) else { return None };
    Some(Reading {
        state: State::Scored,
        points: Some(points),
        coverage: 100.0,
        n: settled.codings.len() as u64,
        value: Some(value),
        source: Some(Source::Coded),
        settled: Some(settled.how),
        series: None,
    })
}

/// A leaf without points. How its steps ended is told all the same: that a login stands in the way is
/// no score, but it was seen.
fn nothing(leaf: &Leaf, settled: Option<Settling>, steps: &[&StepSeries]) -> Reading {
    let told = leaf.sources.contains(&Source::Steps) && matches!(leaf.formula, Formula::Steps);
    let steps: Vec<StepCredit> =
        if told { step_tallies(steps).into_iter().map(|(step, _)| step).collect() } else { Vec::new() };
    let seen = steps.iter().any(|step| !step.outcomes.is_empty());
    Reading {
        value: seen.then_some(Value::Steps { steps }),
        source: seen.then_some(Source::Steps),
        settled: settled.filter(|_| leaf.sources.contains(&Source::Coded)),
        ..Reading::unobserved()
    }
}

/// Reads a source that runs feed; nothing when it was not observed, or cannot serve the formula.
pub(super) fn by_runs(
    formula: &Formula,
    source: Source,
    seen: &Observed,
    steps: &[&StepSeries],
) -> Option<Reading> {
    let (series, value, n, coverage) = match formula {
        Formula::Steps => {
            if source != Source::Steps {
                return None;
            }
            let (steps, tallies): (Vec<_>, Vec<_>) = step_tallies(steps).into_iter().unzip();
            let n = tallies.iter().flatten().map(|tally| tally.of).sum();
            let observed = steps.iter().filter(|step| step.credit.is_some()).count();
            let coverage = 100.0 * observed as f64 / steps.len().max(1) as f64;
            (Series::Steps(tallies), Value::Steps { steps }, n, coverage)
        }
        Formula::Share(_) | Formula::YesNo { .. } => {
            let tallies = shares(source, seen, steps);
            let (good, of) =
                tallies.iter().fold((0, 0), |(good, of), tally| (good + tally.part, of + tally.of));
            (Series::Share(tallies), Value::Share { good, of, wilson: wilson(good, of) }, of, 100.0)
        }
        Formula::Percentile { p, .. } => {
            let times = Histogram::of(times(source, seen, steps));
            let n = times.n();
            let series = Series::Times { p: *p, times };
            let seconds = series.estimate()?;
            (series, Value::Seconds { p: *p, seconds }, n, 100.0)
        }
        Formula::Deduct { .. } => {
            if source != Source::Links {
                return None;
            }
            let mut checks: Vec<_> =
                seen.links.iter().map(|check| (check.day, check.home, check.elsewhere)).collect();
            // Sums of fractions depend on their order in the last digit.
            checks.sort_unstable();
            let home = mean(checks.iter().map(|(_, home, _)| f64::from(*home)))?;
            let elsewhere = mean(checks.iter().map(|(_, _, elsewhere)| f64::from(*elsewhere)))?;
            let worth = |(day, home, elsewhere): &(Day, u32, u32)| {
                Some((*day, deduct(formula, f64::from(*home), f64::from(*elsewhere))?))
            };
            let series = Series::Checks(checks.iter().filter_map(worth).collect());
            (series, Value::Faults { home, elsewhere }, checks.len() as u64, 100.0)
        }
        // Words and numbers of people.
        Formula::Linear(_) | Formula::Choice(_) => return None,
    };
    let points = points(formula, series.estimate()?);
    Some(Reading {
        state: State::Scored,
        points: Some(points),
        coverage,
        n,
        value: Some(value),
        source: Some(source),
        settled: None,
        series: Some(series),
    })
}

/// Good of all, by day.
fn shares(source: Source, seen: &Observed, steps: &[&StepSeries]) -> Vec<Tally> {
    let mut days: BTreeMap<Day, (u64, u64)> = BTreeMap::new();
    let mut add = |day: Day, good: u64, of: u64| {
        let sum = days.entry(day).or_default();
        *sum = (sum.0 + good, sum.1 + of);
    };
    match source {
        Source::Visits => {
            for day in visits(seen) {
                for (verdict, count) in &day.verdicts {
                    match verdict {
                        Verdict::Pass | Verdict::Degraded => add(day.day, *count, *count),
                        Verdict::Fail => add(day.day, 0, *count),
                        Verdict::Inconclusive => {}
                    }
                }
            }
        }
        Source::Steps => {
            for day in steps.iter().flat_map(|step| &step.days) {
                for (outcome, count) in &day.outcomes {
                    if outcome.credit().points().is_some() {
                        add(day.day, if outcome.goes_on() { *count } else { 0 }, *count);
                    }
                }
            }
        }
        Source::Tls | Source::Viewport | Source::Ipv6 | Source::Accessible | Source::Downloads => {
            for day in seen.traits.iter().filter(|day| day.fact == source) {
                add(day.day, day.yes, day.yes + day.no);
            }
        }
        Source::Links | Source::Coded => {}
    }
    days.into_iter().map(|(day, (part, of))| Tally { day, part, of }).collect()
}

/// Times, by day.
fn times<'a>(source: Source, seen: &'a Observed, steps: &[&'a StepSeries]) -> Vec<(Day, &'a Times)> {
    match source {
        Source::Visits => visits(seen).map(|day| (day.day, &day.times)).collect(),
        Source::Steps => steps.iter().flat_map(|step| &step.days).map(|day| (day.day, &day.times)).collect(),
        _ => Vec::new(),
    }
}

fn visits(seen: &Observed) -> impl Iterator<Item = &super::material::RunDay> {
    seen.runs.iter().filter(|series| series.kind == RunKind::Visit).flat_map(|series| &series.days)
}

/// Steps as they are shown, and their points by day; of all probes together, in the order of the
/// journey.
pub(super) fn step_tallies(steps: &[&StepSeries]) -> Vec<(StepCredit, Vec<Tally>)> {
    let mut together: BTreeMap<(&ScenarioId, &str), Vec<&StepSeries>> = BTreeMap::new();
    for series in steps {
        together.entry((&series.scenario, &series.step)).or_default().push(series);
    }
    let mut together: Vec<_> = together.into_iter().collect();
    together.sort_by_key(|((scenario, step), all)| {
        (*scenario, all.iter().map(|series| series.position).min(), *step)
    });
    together
        .into_iter()
        .map(|((scenario, step), all)| {
            let mut days: BTreeMap<Day, (u64, u64)> = BTreeMap::new();
            let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
            for day in all.iter().flat_map(|series| &series.days) {
                for (outcome, count) in day.outcomes.iter().filter(|(_, count)| *count > 0) {
                    *outcomes.entry(*outcome).or_default() += count;
                    if let Credit::Points(points) = outcome.credit() {
                        let sum = days.entry(day.day).or_default();
                        *sum = (sum.0 + u64::from(points) * count, sum.1 + count);
                    }
                }
            }
            let tallies: Vec<Tally> =
                days.into_iter().map(|(day, (part, of))| Tally { day, part, of }).collect();
            let shown = StepCredit {
                scenario: scenario.clone(),
                step: step.to_owned(),
                credit: credit(&tallies),
                outcomes: most_often_first(outcomes),
            };
            (shown, tallies)
        })
        .collect()
}

/// Counts in the order in which they are told; equal ones in the order of the method's table.
pub(super) fn most_often_first(outcomes: BTreeMap<Outcome, u64>) -> Vec<(Outcome, u64)> {
    let mut counts: Vec<_> = outcomes.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RunId;
    use crate::domain::profile::{Pieces, Scale};
    use crate::score::fixtures::{as_written, coded as wrote, id, settled, step, visits};
    use crate::score::material::{LinkCheck, RunSeries, TraitDay};

    const YES_NO: Formula = Formula::YesNo { yes: 100.0, no: 0.0 };

    fn everything() -> Observed {
        let mut seen = wrote(&[("A", "70")]);
        seen.runs = vec![visits(&[
            (0, &[(Verdict::Pass, 90), (Verdict::Degraded, 5), (Verdict::Inconclusive, 50)], &[(1000, 95)]),
            (1, &[(Verdict::Fail, 5)], &[]),
        ])];
        // A walk says nothing about how often the home page opened.
        seen.runs.push(RunSeries {
            kind: RunKind::Walk,
            ..visits(&[(0, &[(Verdict::Fail, 100)], &[(9000, 100)])])
        });
        seen.links = vec![check(1, 3, 0), check(0, 0, 0)];
        seen.traits = vec![
            TraitDay { day: 0, fact: Source::Tls, yes: 3, no: 1 },
            TraitDay { day: 0, fact: Source::Ipv6, yes: 0, no: 4 },
        ];
        seen
    }

    fn check(day: Day, home: u32, elsewhere: u32) -> LinkCheck {
        LinkCheck { run: RunId::from("r"), day, home, elsewhere, checked: 400 }
    }

    fn reading(seen: &Observed, steps: &[StepSeries], sources: &[Source], formula: Formula) -> Reading {
        let leaf = Leaf { sources: sources.to_vec(), formula, scale: Scale::Interval };
        read(&id("A"), &leaf, seen, &steps.iter().collect::<Vec<_>>())
    }

    /// Points, n, coverage.
    type Counted = (f64, u64, f64);

    #[test]
    fn each_source_counts_by_its_own_rules() {
        use Source::{Accessible, Coded, Downloads, Ipv6, Links, Steps, Tls, Visits};
        let steps = [
            step(
                "s",
                "find",
                0,
                "A",
                &[(0, &[(Outcome::Done, 8), (Outcome::Broken, 2), (Outcome::ProbeFault, 90)])],
            ),
            step("s", "form", 1, "A", &[(1, &[(Outcome::LoginWall, 8)])]),
            step("s", "gate", 2, "A", &[(2, &[(Outcome::MustMailPaper, 1), (Outcome::AppOnly, 1)])]),
        ];
        let links = Formula::Deduct { each: 1.0, elsewhere: 0.1, cap: 15.0, worth: 15.0 };
        let seconds = Pieces::new(vec![(0.0, 100.0), (10.0, 0.0)]).unwrap();
        let speed = Formula::Percentile { p: 75.0, pieces: seconds };
        let cases: [(&str, &[Source], Formula, Option<Counted>); 17] = [
            ("visits: good of good and failed", &[Visits], Formula::Share(None), Some((95.0, 100, 100.0))),
            ("visits: times of home visits alone", &[Visits], speed.clone(), Some((90.0, 95, 100.0))),
            ("links: the mean over checks", &[Links], links.clone(), Some((90.0, 2, 100.0))),
            ("facts: how often they held", &[Tls], YES_NO, Some((75.0, 4, 100.0))),
            ("facts: never is a zero that was seen", &[Ipv6], YES_NO, Some((0.0, 4, 100.0))),
            ("facts: never looked at is nothing", &[Accessible], YES_NO, None),
            ("downloads: none were made", &[Downloads], Formula::Share(None), None),
            ("coded", &[Coded], as_written(), Some((70.0, 1, 100.0))),
            ("coded: no word of the formula", &[Coded], YES_NO, None),
            // (80 + 37.5) / 2: the login wall has no credit and costs coverage, our fault costs nothing.
            (
                "steps: the mean of steps with credit",
                &[Steps],
                Formula::Steps,
                Some((58.75, 12, 200.0 / 3.0)),
            ),
            ("steps: those that worked", &[Steps], Formula::Share(None), Some((800.0 / 12.0, 12, 100.0))),
            ("steps: no times, no percentile", &[Steps], speed.clone(), None),
            (
                "the first that was observed",
                &[Downloads, Visits, Tls],
                Formula::Share(None),
                Some((95.0, 100, 100.0)),
            ),
            ("in the order of the profile", &[Tls, Visits], Formula::Share(None), Some((75.0, 4, 100.0))),
            ("links cannot serve a share", &[Links], Formula::Share(None), None),
            ("visits cannot serve a deduction", &[Visits], links, None),
            ("runs cannot serve numbers", &[Visits, Tls], as_written(), None),
        ];
        for (name, sources, formula, want) in cases {
            let reading = reading(&everything(), &steps, sources, formula);
            match (want, reading.points) {
                (Some((points, n, coverage)), Some(got)) => {
                    assert!((got - points).abs() < 1e-9, "{name}: {got}");
                    assert!((reading.coverage - coverage).abs() < 1e-9, "{name}: {}", reading.coverage);
                    assert_eq!((reading.n, reading.state), (n, State::Scored), "{name}");
                }
                (want, got) => {
                    assert_eq!(got, want.map(|_| 0.0), "{name}");
                    assert_eq!((reading.state, reading.n), (State::Unobserved, 0), "{name}");
                }
            }
        }
    }

    #[test]
    fn steps_are_told_even_where_they_have_no_points() {
        let walls = [step("s", "form", 1, "A", &[(0, &[(Outcome::LoginWall, 8)])])];
        let reading = reading(&Observed::default(), &walls, &[Source::Steps], Formula::Steps);
        assert_eq!((reading.points, reading.state), (None, State::Unobserved));
        let Some(Value::Steps { steps }) = reading.value else { panic!("its steps are told") };
        assert_eq!(steps[0].outcomes, [(Outcome::LoginWall, 8)]);
        assert_eq!(steps[0].credit, None);
    }

    #[test]
    fn what_was_never_reached_costs_coverage_and_no_points() {
        let steps = [
            step("s", "guide", 0, "A", &[(0, &[(Outcome::Done, 9)])]),
            step("s", "form", 1, "A", &[(0, &[(Outcome::LoginWall, 8), (Outcome::Done, 1)])]),
            step("s", "gate", 2, "A", &[(0, &[(Outcome::NotReached, 9)])]),
        ];
        let read = reading(&Observed::default(), &steps, &[Source::Steps], Formula::Steps);
        assert_eq!((read.points, read.n), (Some(100.0), 10));
        assert!((read.coverage - 200.0 / 3.0).abs() < 1e-9, "{}", read.coverage);
    }

    #[test]
    fn a_step_is_one_step_whatever_probes_walk_it() {
        let day = step("s", "gate", 1, "A", &[(0, &[(Outcome::OnlineReady, 1)])]);
        let night = StepSeries {
            probe: "night".into(),
            ..step("s", "gate", 1, "A", &[(0, &[(Outcome::Timeout, 3)])])
        };
        let other = step("r", "gate", 1, "A", &[(0, &[(Outcome::OnlineReady, 1)])]);
        let reading = reading(&Observed::default(), &[day, night, other], &[Source::Steps], Formula::Steps);
        // (100 + 0 + 0 + 0) / 4 of one scenario, 100 of the other.
        assert_eq!(reading.points, Some(62.5));
    }

    #[test]
    fn only_people_say_that_something_does_not_apply() {
        let mut seen = everything();
        seen.coded.insert(id("A"), settled(Some("na")));
        let reading = reading(&seen, &[], &[Source::Visits, Source::Coded], Formula::Share(None));
        assert_eq!((reading.state, reading.points, reading.n), (State::NotApplicable, None, 1));
    }

    #[test]
    fn what_coders_dispute_is_not_observed() {
        let mut seen = Observed::default();
        seen.coded.insert(id("A"), settled(None));
        let reading = reading(&seen, &[], &[Source::Coded], YES_NO);
        assert_eq!((reading.state, reading.points), (State::Unobserved, None));
        assert_eq!(reading.settled, Some(Settling::Disputed));
    }
}
