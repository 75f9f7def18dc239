//! The bootstrap: how sure points are that come from runs, by drawing days again and again.
//!
//! Days are drawn and not runs, because what fails at ten fails at a quarter past as well. For each
//! target the same days are drawn for all of its leaves: a bad day is bad for all of them.
//!
//! Invariant: the same seed, target and days give the same draws on every machine and in every version.

use std::collections::BTreeSet;

use super::card::Interval;
use super::material::Day;
use super::series::Series;
use crate::domain::ids::TargetId;

/// Days drawn for a target.
#[derive(Debug, Clone)]
pub(super) struct Draws {
    /// A row has how often each day was drawn.
    width: usize,
    rows: Vec<u32>,
}

impl Draws {
    /// Draws as many of `days` as there are, `resamples` times. Fewer than two days tell nothing of how
    /// days differ: nothing is drawn then.
    pub(super) fn of(days: &BTreeSet<Day>, target: &TargetId, seed: u64, resamples: u32) -> Self {
        let days: Vec<Day> = days.iter().copied().collect();
        let width = days.last().filter(|_| days.len() > 1).map_or(0, |last| usize::from(*last) + 1);
        let resamples = usize::try_from(resamples).unwrap_or(usize::MAX);
        let mut rows = vec![0; width.saturating_mul(resamples)];
        let mut chance = Chance(seed ^ hash(target.as_str()));
        if width > 0 {
            for row in rows.chunks_mut(width) {
                for _ in 0..days.len() {
                    let drawn = chance.pick(&days).and_then(|day| row.get_mut(usize::from(*day)));
                    if let Some(times) = drawn {
                        *times += 1;
                    }
                }
            }
        }
        Self { width, rows }
    }

    /// What a series comes to in each draw, through `points`; a draw without any of its days gives
    /// nothing to it. Absent when no draws could differ: it was seen on fewer than two days.
    pub(super) fn each(&self, series: &Series, points: impl Fn(Option<f64>) -> f64) -> Option<Vec<f64>> {
        if self.rows.is_empty() || series.days().len() < 2 {
            return None;
        }
        Some(self.rows.chunks(self.width).map(|row| points(series.drawn(row))).collect())
    }
}

/// The 95 % percentile interval of draws. It is stretched to its estimate where it does not reach it
/// (few days, or a formula that is level on one side): an interval without what it is about would be
/// read as a mistake, and a wider one claims less.
pub(super) fn interval(estimate: f64, drawn: &[f64]) -> Option<Interval> {
    let mut sorted = drawn.to_vec();
    let cut = sorted.len() / 40;
    let last = sorted.len().checked_sub(1)?;
    let low = *sorted.select_nth_unstable_by(cut, f64::total_cmp).1;
    let high = *sorted.select_nth_unstable_by(last - cut, f64::total_cmp).1;
    Some(Interval { low: low.min(estimate), high: high.max(estimate) })
}

/// SplitMix64 (Steele, Lea and Flood 2014). Written out, because published intervals must not change
/// with the version of a crate.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of them, by the upper half of a product (Lemire 2019); what that prefers is below 2⁻⁵⁰.
    fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        let place = (u128::from(self.next()) * among.len() as u128) >> 64;
        among.get(usize::try_from(place).ok()?)
    }
}

/// FNV-1a: draws of a target must not depend on which others are scored with it.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::series::Tally;

    /// The first numbers of the reference implementation for the seed 1234567.
    #[test]
    fn chance_is_the_reference() {
        let mut chance = Chance(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| chance.next()).collect();
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn draws_are_of_the_days_that_were_seen_and_always_as_many() {
        let days = BTreeSet::from([2, 3, 7]);
        let draws = Draws::of(&days, &TargetId::from("beishan"), 1, 50);
        for row in draws.rows.chunks(8) {
            assert_eq!(row.iter().sum::<u32>(), 3);
            assert_eq!(row[2] + row[3] + row[7], 3);
        }
        let same = Draws::of(&days, &TargetId::from("beishan"), 1, 50);
        let other = Draws::of(&days, &TargetId::from("linhai"), 1, 50);
        assert_eq!(draws.rows, same.rows);
        assert_ne!(draws.rows, other.rows);
    }

    #[test]
    fn one_day_has_no_interval() {
        let tally = |day| Tally { day, part: 1, of: 2 };
        let (one, two) = (Series::Share(vec![tally(3)]), Series::Share(vec![tally(3), tally(4)]));
        let drawn = |days: &[Day], series| {
            let draws = Draws::of(&days.iter().copied().collect(), &TargetId::from("t"), 1, 10);
            draws.each(series, |number| number.unwrap_or(-1.0)).map(|drawn| drawn.len())
        };
        assert_eq!(drawn(&[3], &one), None, "one day in all");
        assert_eq!(drawn(&[3, 4], &one), None, "one day of this leaf");
        assert_eq!(drawn(&[3, 4], &two), Some(10));
    }

    /// The bootstrap of a mean has the standard error of the mean: ninety days alternating between 0 and
    /// 100 have 50 ± 1.96 · 50/√90 = 50 ± 10.3.
    #[test]
    fn the_interval_is_as_wide_as_the_theory_says() {
        let tallies: Vec<Tally> = (0..90).map(|day| Tally { day, part: u64::from(day % 2), of: 1 }).collect();
        let series = Series::Share(tallies);
        let draws = Draws::of(&series.days(), &TargetId::from("t"), 7, 4000);
        let means = draws.each(&series, |number| number.unwrap_or(0.0)).unwrap();
        let interval = interval(50.0, &means).unwrap();
        assert!((interval.low - 39.7).abs() < 1.2 && (interval.high - 60.3).abs() < 1.2, "{interval:?}");
    }

    #[test]
    fn an_interval_contains_its_estimate() {
        assert_eq!(interval(9.0, &[1.0, 2.0, 3.0]), Some(Interval { low: 1.0, high: 9.0 }));
        assert_eq!(interval(9.0, &[]), None);
    }
}
