//! Places: totals, grades and ranks.
//!
//! Invariant: grades, ranks and the bonus are decided by totals as they are published, to two digits.

use std::cmp::Ordering;

use super::card::Scorecard;
use super::digits::{published_order, two_digits};
use crate::domain::profile::Profile;

/// The total of a base: bonus points if the base is above the bonus' threshold, then the cap of vetoes.
pub(super) fn total(profile: &Profile, base: f64, bonus: f64, cap: Option<f64>) -> f64 {
    let above = |bound| published_order(base, bound) == Ordering::Greater;
    let earned = profile.bonus.as_ref().is_some_and(|it| above(it.above));
    let sum = if earned { base + bonus } else { base };
    cap.map_or(sum, |cap| sum.min(cap))
}

/// The grade of a total: the first whose least total it reaches.
pub(super) fn grade(profile: &Profile, total: f64) -> Option<usize> {
    profile.grades.iter().position(|grade| published_order(total, grade.from) != Ordering::Less)
}

/// Ranks, by totals as published; equal ones share a rank and the next ranks are left free (1, 2, 2, 4).
/// What has no total has no rank.
pub(super) fn ranks(totals: &[Option<f64>]) -> Vec<Option<u32>> {
    let mut sorted: Vec<f64> = totals.iter().flatten().map(|total| two_digits(*total)).collect();
    sorted.sort_by(|one, other| other.total_cmp(one));
    let rank = |total: f64| {
        let better = sorted.partition_point(|other| published_order(*other, total) == Ordering::Greater);
        u32::try_from(better).unwrap_or(u32::MAX).saturating_add(1)
    };
    totals.iter().map(|total| total.map(rank)).collect()
}

/// Gives ranks and grades to the cards that are covered well enough: a total of a quarter of the profile is
/// no ground to call a portal good or bad.
pub(super) fn rank(cards: &mut [Scorecard], profile: &Profile) {
    let covered = |card: &Scorecard| published_order(card.coverage, profile.coverage_floor) != Ordering::Less;
    let totals: Vec<_> = cards.iter().map(|card| card.total.filter(|_| covered(card))).collect();
    for (card, rank) in cards.iter_mut().zip(ranks(&totals)) {
        card.rank = rank;
        card.grade = card.total.filter(|_| rank.is_some()).and_then(|total| grade(profile, total));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::{Bonus, Grade, Words};
    use crate::score::fixtures::profile;

    type Ranks = Vec<Option<u32>>;

    #[test]
    fn equal_totals_share_a_rank() {
        let cases: [(&str, Vec<Option<f64>>, Ranks); 4] = [
            ("in order", vec![Some(90.0), Some(80.0)], vec![Some(1), Some(2)]),
            (
                "equal to two digits",
                vec![Some(80.0), Some(90.001), Some(90.004), Some(91.0)],
                vec![Some(4), Some(2), Some(2), Some(1)],
            ),
            ("one without a total takes no place", vec![None, Some(1.0)], vec![None, Some(1)]),
            ("nobody", vec![], vec![]),
        ];
        for (name, totals, want) in cases {
            assert_eq!(ranks(&totals), want, "{name}");
        }
    }

    #[test]
    fn grades_are_those_of_the_number_that_is_read() {
        let mut profile = profile(vec![]);
        profile.grades = [90.0, 80.0, 70.0].map(|from| Grade { title: Words::default(), from }).to_vec();
        let cases = [(90.0, Some(0)), (89.996, Some(0)), (89.99, Some(1)), (70.0, Some(2)), (69.0, None)];
        for (total, want) in cases {
            assert_eq!(grade(&profile, total), want, "{total}");
        }
    }

    #[test]
    fn a_bonus_is_for_those_who_are_good_already() {
        let mut profile = profile(vec![]);
        profile.bonus = Some(Bonus { above: 80.0, tree: vec![] });
        let cases = [
            ("above", 80.5, None, 90.5),
            ("just not above", 80.0, None, 80.0),
            ("nor where it is published as just that", 80.004, None, 80.004),
            ("below", 70.0, None, 70.0),
            ("the cap comes last", 95.0, Some(59.0), 59.0),
            ("a cap lifts nobody", 40.0, Some(59.0), 40.0),
        ];
        for (name, base, cap, want) in cases {
            assert!((total(&profile, base, 10.0, cap) - want).abs() < 1e-9, "{name}");
        }
    }
}
