//! Scenarios that are observed and not scored: the same steps, the same formulas, beside the total.
//!
//! Invariant: nothing here reaches a node's points.

use std::collections::BTreeMap;

use super::card::Beside;
use super::feeds::{Feeds, takes_steps};
use super::material::{Observed, StepSeries};
use super::reading::{by_runs, step_tallies};
use crate::domain::ids::ScenarioId;
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{Leaf, Node, Source};

/// What every scenario that is not scored would give to the leaves that its steps feed.
pub(super) fn beside(
    seen: &Observed,
    feeds: &Feeds<'_>,
    leaves: &BTreeMap<&IndicatorId, (&Node, &Leaf)>,
) -> Vec<Beside> {
    let mut scenarios: BTreeMap<&ScenarioId, Vec<&StepSeries>> = BTreeMap::new();
    for series in seen.steps.iter().filter(|series| !series.scored) {
        scenarios.entry(&series.scenario).or_default().push(series);
    }
    scenarios
        .into_iter()
        .map(|(scenario, steps)| {
            let points =
                leaves.iter().filter(|(_, (_, leaf))| takes_steps(leaf)).filter_map(|(id, (_, leaf))| {
                    let fed: Vec<&StepSeries> = steps
                        .iter()
                        .copied()
                        .filter(|step| feeds.leaves(&step.measure).contains(*id))
                        .collect();
                    let reading = by_runs(&leaf.formula, Source::Steps, seen, &fed)?;
                    Some(((*id).clone(), reading.points?))
                });
            Beside {
                scenario: scenario.clone(),
                leaves: points.collect(),
                steps: step_tallies(&steps).into_iter().map(|(step, _)| step).collect(),
            }
        })
        .collect()
}
