//! The tree: points and coverage of every node, from the leaves up.
//!
//! `score(parent) = Σ weight·score / Σ weight` over the children that have points;
//! `coverage(parent) = Σ weight·coverage / Σ weight` over the children that apply.
//!
//! Invariant: a child that was not observed changes its parent's coverage and not its points; one that
//! does not apply changes neither. A draw of the bootstrap goes the same way as the estimate.

use std::collections::BTreeMap;

use super::bootstrap::Draws;
use super::card::{NodeScore, State};
use super::formula;
use super::reading::Reading;
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{Leaf, Node, NodeKind};

/// What comes up from a node.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub state: State,
    pub score: Option<f64>,
    pub coverage: f64,
    pub n: u64,
    /// Its points in each draw; absent when they are the same in all.
    pub drawn: Option<Vec<f64>>,
}

/// Goes up the trees of a profile for one target.
pub(super) struct Climb<'a> {
    pub readings: BTreeMap<&'a IndicatorId, Reading>,
    pub draws: &'a Draws,
    /// Nodes as they are shown, parents before children.
    pub nodes: Vec<NodeScore>,
}

impl<'a> Climb<'a> {
    /// Scores siblings and everything below them, and answers what comes up from them together.
    pub(super) fn siblings(
        &mut self,
        siblings: &'a [Node],
        depth: usize,
        parent: Option<&IndicatorId>,
        bonus: bool,
    ) -> Vec<(f64, Branch)> {
        siblings.iter().map(|node| (node.weight, self.node(node, depth, parent, bonus))).collect()
    }

    fn node(&mut self, node: &'a Node, depth: usize, parent: Option<&IndicatorId>, bonus: bool) -> Branch {
        let place = self.nodes.len();
        self.nodes.push(NodeScore {
            id: node.id.clone(),
            parent: parent.cloned(),
            depth,
            bonus,
            weight: node.weight,
            state: State::Unobserved,
            score: None,
            coverage: 0.0,
            interval: None,
            n: 0,
            value: None,
            source: None,
            settled: None,
        });
        let (branch, reading) = match &node.kind {
            NodeKind::Parent(children) => {
                (together(&self.siblings(children, depth + 1, Some(&node.id), bonus)), None)
            }
            NodeKind::Leaf(leaf) => {
                let reading = self.readings.remove(&node.id);
                (self.leaf(leaf, reading.as_ref()), reading)
            }
        };
        if let Some(shown) = self.nodes.get_mut(place) {
            shown.state = branch.state;
            shown.score = branch.score;
            shown.coverage = branch.coverage;
            shown.n = branch.n;
            shown.interval = interval(&branch);
            if let Some(reading) = reading {
                shown.value = reading.value;
                shown.source = reading.source;
                shown.settled = reading.settled;
            }
        }
        branch
    }

    fn leaf(&self, leaf: &Leaf, reading: Option<&Reading>) -> Branch {
        let Some(reading) = reading else {
            return Branch { state: State::Unobserved, score: None, coverage: 0.0, n: 0, drawn: None };
        };
        let drawn = reading.series.as_ref().zip(reading.points).and_then(|(series, estimate)| {
            self.draws.each(series, |number| number.map_or(estimate, |it| formula::points(&leaf.formula, it)))
        });
        Branch {
            state: reading.state,
            score: reading.points,
            coverage: reading.coverage,
            n: reading.n,
            drawn,
        }
    }
}

/// What siblings come to together.
pub(super) fn together(siblings: &[(f64, Branch)]) -> Branch {
    let applies = |branch: &Branch| branch.state != State::NotApplicable;
    let scored = || siblings.iter().filter_map(|(weight, branch)| Some((*weight, branch.score?, branch)));
    let n = siblings.iter().map(|(_, branch)| branch.n).sum();
    let observed =
        weighted(siblings.iter().filter(|(_, it)| applies(it)).map(|(weight, it)| (*weight, it.coverage)));
    let score = weighted(scored().map(|(weight, score, _)| (weight, score)));
    let state = match (score, observed) {
        (Some(_), _) => State::Scored,
        (None, Some(_)) => State::Unobserved,
        (None, None) => State::NotApplicable,
    };
    let all: f64 = scored().map(|(weight, ..)| weight).sum();
    let length = scored().find_map(|(.., branch)| branch.drawn.as_ref().map(Vec::len));
    let drawn = length.map(|length| {
        let mut sums = vec![0.0; length];
        for (weight, score, branch) in scored() {
            match &branch.drawn {
                Some(each) => sums.iter_mut().zip(each).for_each(|(sum, it)| *sum += weight * it / all),
                None => sums.iter_mut().for_each(|sum| *sum += weight * score / all),
            }
        }
        sums
    });
    Branch { state, score, coverage: observed.unwrap_or(100.0), n, drawn }
}

/// The 95 % interval of a branch.
pub(super) fn interval(branch: &Branch) -> Option<super::card::Interval> {
    super::bootstrap::interval(branch.score?, branch.drawn.as_deref()?)
}

/// The weighted mean; absent of nothing.
pub(super) fn weighted(numbers: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, weights) = numbers
        .fold((0.0, 0.0), |(sum, weights), (weight, number)| (sum + weight * number, weights + weight));
    (weights > 0.0).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_of_what_was_observed_and_coverage_of_what_applies() {
        let scored =
            |score| Branch { state: State::Scored, score: Some(score), coverage: 100.0, n: 1, drawn: None };
        let partly = |score| Branch { coverage: 50.0, ..scored(score) };
        let unseen = Branch { state: State::Unobserved, score: None, coverage: 0.0, n: 0, drawn: None };
        let absent = Branch { state: State::NotApplicable, score: None, coverage: 100.0, n: 2, drawn: None };
        let cases = [
            ("weights", vec![(3.0, scored(100.0)), (1.0, scored(60.0))], State::Scored, Some(90.0), 100.0),
            (
                "not observed: no zero, less coverage",
                vec![(3.0, scored(80.0)), (1.0, unseen.clone())],
                State::Scored,
                Some(80.0),
                75.0,
            ),
            (
                "does not apply: neither",
                vec![(3.0, scored(80.0)), (1.0, absent.clone())],
                State::Scored,
                Some(80.0),
                100.0,
            ),
            (
                "partly observed: its points count whole",
                vec![(1.0, partly(60.0)), (1.0, scored(80.0))],
                State::Scored,
                Some(70.0),
                75.0,
            ),
            ("nothing observed", vec![(1.0, unseen.clone())], State::Unobserved, None, 0.0),
            (
                "one not observed, one does not apply",
                vec![(1.0, unseen), (9.0, absent.clone())],
                State::Unobserved,
                None,
                0.0,
            ),
            ("nothing applies", vec![(1.0, absent)], State::NotApplicable, None, 100.0),
            ("a zero that was seen", vec![(1.0, scored(0.0))], State::Scored, Some(0.0), 100.0),
        ];
        for (name, siblings, state, score, coverage) in cases {
            let branch = together(&siblings);
            assert_eq!((branch.state, branch.score, branch.coverage), (state, score, coverage), "{name}");
        }
    }

    #[test]
    fn what_nobody_draws_is_the_same_in_every_draw() {
        let drawn = Branch {
            state: State::Scored,
            score: Some(50.0),
            coverage: 100.0,
            n: 9,
            drawn: Some(vec![40.0, 60.0]),
        };
        let coded = Branch { score: Some(100.0), drawn: None, ..drawn.clone() };
        let both = together(&[(1.0, drawn), (1.0, coded.clone())]);
        assert_eq!(both.drawn, Some(vec![70.0, 80.0]));
        assert_eq!(together(&[(1.0, coded)]).drawn, None);
    }
}
