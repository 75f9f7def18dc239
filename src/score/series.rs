//! Series: what was seen of a leaf, summed up by day once, so that any mixture of days is a few sums.
//!
//! Invariant: the estimate and each draw of the bootstrap are made by the same code; the estimate is
//! the draw in which every day comes once.

use std::collections::BTreeSet;

use super::digits::{mean, percent};
use super::histogram::{Histogram, times_drawn};
use super::material::Day;

/// So many of so many on a day; or a sum of points and how many they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// The day.
    pub day: Day,
    /// How many were good, or the sum of their points.
    pub part: u64,
    /// Of how many.
    pub of: u64,
}

/// What was seen, by day.
#[derive(Debug, Clone)]
pub(super) enum Series {
    /// A share: good of all.
    Share(Vec<Tally>),
    /// Credit of steps: points of each, by day.
    Steps(Vec<Vec<Tally>>),
    /// Times, of which a percentile is wanted.
    Times { p: f64, times: Histogram },
    /// Points of single checks, which have been through their formula already.
    Checks(Vec<(Day, f64)>),
}

impl Series {
    /// The days on which anything was seen.
    pub(super) fn days(&self) -> BTreeSet<Day> {
        let seen = |tallies: &[Tally]| -> BTreeSet<Day> {
            tallies.iter().filter(|tally| tally.of > 0).map(|tally| tally.day).collect()
        };
        match self {
            Self::Share(tallies) => seen(tallies),
            Self::Steps(steps) => steps.iter().flat_map(|step| seen(step)).collect(),
            Self::Times { times, .. } => times.days().collect(),
            Self::Checks(checks) => checks.iter().map(|(day, _)| *day).collect(),
        }
    }

    /// The estimate: percent, mean credit, seconds, mean points.
    pub(super) fn estimate(&self) -> Option<f64> {
        let last = self.days().last().copied()?;
        self.drawn(&vec![1; usize::from(last) + 1])
    }

    /// The same of days drawn: `drawn` says how often, by day. Absent when nothing was seen on them.
    ///
    /// A step of which nothing was seen on the days drawn keeps its mean over all of them: that the draw
    /// missed its days says nothing about it.
    pub(super) fn drawn(&self, drawn: &[u32]) -> Option<f64> {
        match self {
            Self::Share(tallies) => {
                let (part, of) = sums(tallies, drawn);
                percent(part, of)
            }
            Self::Steps(steps) => mean(steps.iter().filter_map(|step| {
                let (part, of) = sums(step, drawn);
                if of > 0 { Some(part as f64 / of as f64) } else { credit(step) }
            })),
            Self::Times { p, times } => times.percentile(*p, drawn),
            Self::Checks(checks) => {
                let (sum, n) = checks.iter().fold((0.0, 0), |(sum, n), (day, points)| {
                    let times = times_drawn(drawn, *day);
                    (sum + points * times as f64, n + times)
                });
                (n > 0).then(|| sum / n as f64)
            }
        }
    }
}

/// The mean points of a step over all its days.
pub(super) fn credit(step: &[Tally]) -> Option<f64> {
    let (part, of) = step.iter().fold((0, 0), |(part, of), tally| (part + tally.part, of + tally.of));
    (of > 0).then(|| part as f64 / of as f64)
}

fn sums(tallies: &[Tally], drawn: &[u32]) -> (u64, u64) {
    tallies.iter().fold((0, 0), |(part, of), tally| {
        let times = times_drawn(drawn, tally.day);
        (part + times * tally.part, of + times * tally.of)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_as_often_as_they_are_drawn() {
        let tally = |day, part, of| Tally { day, part, of };
        let share = Series::Share(vec![tally(0, 9, 10), tally(2, 5, 10)]);
        let steps =
            Series::Steps(vec![vec![tally(0, 200, 2)], vec![tally(1, 50, 2), tally(2, 150, 2)], vec![]]);
        let checks = Series::Checks(vec![(0, 80.0), (2, 90.0), (2, 100.0)]);
        let cases: [(&str, &Series, [u32; 3], Option<f64>); 8] = [
            ("a share of all days", &share, [1, 1, 1], Some(70.0)),
            ("a share of one day thrice", &share, [3, 0, 0], Some(90.0)),
            ("a share of days without anything", &share, [0, 3, 0], None),
            ("steps: the mean of the means", &steps, [1, 1, 1], Some(75.0)),
            ("steps: one keeps its mean", &steps, [0, 0, 3], Some(87.5)),
            ("steps: a step never seen is no step", &steps, [3, 0, 0], Some(75.0)),
            ("checks: the mean", &checks, [1, 1, 1], Some(90.0)),
            ("checks: one day twice", &checks, [2, 0, 1], Some(87.5)),
        ];
        for (name, series, drawn, want) in cases {
            assert_eq!(series.drawn(&drawn), want, "{name}");
        }
        assert_eq!(share.estimate(), Some(70.0));
        assert_eq!(Series::Share(vec![tally(4, 0, 0)]).estimate(), None, "nothing of nothing is no zero");
    }
}
