//! Sensitivity: what ranks do when a first-level weight moves by ten points of a hundred, up and down,
//! and the others give or take in proportion.
//!
//! Invariant: the same targets are ranked with every set of weights; bonus and caps stay as they are.

use std::cmp::Ordering;

use super::{first_level, ranked};
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::Profile;
use crate::score::analysis::Sensitivity;
use crate::score::assess::bonus_points;
use crate::score::card::Scorecard;
use crate::score::digits::two_digits;
use crate::score::place;
use crate::score::tree::weighted;

/// By how many points of a hundred a weight moves.
const STEP: f64 = 10.0;

/// For each first-level indicator, up and down. A weight below ten goes down to 0 and no further; `by`
/// says how far it went.
pub(super) fn sensitivity(profile: &Profile, cards: &[Scorecard]) -> Vec<Sensitivity> {
    let ranked: Vec<&Scorecard> = ranked(cards).collect();
    let sum: f64 = profile.tree.iter().map(|node| node.weight).sum();
    let weights: Vec<(&IndicatorId, f64)> =
        profile.tree.iter().map(|node| (&node.id, 100.0 * node.weight / sum)).collect();
    if weights.len() < 2 {
        return Vec::new();
    }
    let mut answer = Vec::new();
    let before = standing(profile, &ranked, &weights);
    for (id, weight) in &weights {
        for step in [STEP, -STEP] {
            let to = (weight + step).clamp(0.0, 100.0);
            let scale = (100.0 - to) / (100.0 - weight);
            let moved: Vec<_> = weights
                .iter()
                .map(|(other, weight)| (*other, if other == id { to } else { weight * scale }))
                .collect();
            answer.push(against(&before, &standing(profile, &ranked, &moved), id, to - weight));
        }
    }
    answer
}

/// Total, rank and grade of each target.
type Standing = Vec<(Option<f64>, Option<u32>, Option<usize>)>;

fn standing(profile: &Profile, cards: &[&Scorecard], weights: &[(&IndicatorId, f64)]) -> Standing {
    let totals: Vec<Option<f64>> = cards.iter().map(|card| total(profile, card, weights)).collect();
    let ranks = place::ranks(&totals);
    let grades = totals.iter().map(|total| total.and_then(|total| place::grade(profile, total)));
    totals.iter().zip(ranks).zip(grades).map(|((total, rank), grade)| (*total, rank, grade)).collect()
}

fn total(profile: &Profile, card: &Scorecard, weights: &[(&IndicatorId, f64)]) -> Option<f64> {
    let weight = |id: &IndicatorId| weights.iter().find(|(other, _)| *other == id).map(|(_, weight)| *weight);
    let base = weighted(first_level(card).filter_map(|node| Some((weight(&node.id)?, node.score?))))?;
    let bonus = card.nodes.iter().filter(|node| node.depth == 0 && node.bonus);
    let holds = |id: &str| card.vetoes.iter().any(|veto| veto.id == id);
    let cap =
        profile.vetoes.iter().filter(|veto| holds(&veto.id)).filter_map(|veto| veto.cap).reduce(f64::min);
    Some(place::total(profile, base, bonus_points(bonus.map(|node| (node.weight, node.score))), cap))
}

fn against(before: &Standing, after: &Standing, id: &IndicatorId, by: f64) -> Sensitivity {
    let places =
        before.iter().zip(after).filter_map(|((_, then, _), (_, now, _))| Some((*then)?.abs_diff((*now)?)));
    let totals: Vec<(f64, f64)> =
        before.iter().zip(after).filter_map(|((then, ..), (now, ..))| Some(((*then)?, (*now)?))).collect();
    Sensitivity {
        id: id.clone(),
        by,
        moved: places.clone().filter(|places| *places > 0).count() as u64,
        most: places.max().unwrap_or(0),
        regraded: before.iter().zip(after).filter(|((.., then), (.., now))| then != now).count() as u64,
        tau: kendall(&totals),
    }
}

/// Kendall's τ-b of pairs of totals, equal to two digits being ties. Absent with fewer than two, or when
/// one side is all ties.
fn kendall(totals: &[(f64, f64)]) -> Option<f64> {
    let rounded: Vec<(f64, f64)> =
        totals.iter().map(|(one, other)| (two_digits(*one), two_digits(*other))).collect();
    let (mut concordant, mut discordant, mut ties_before, mut ties_after) = (0_u64, 0_u64, 0_u64, 0_u64);
    for (place, one) in rounded.iter().enumerate() {
        for other in rounded.iter().skip(place + 1) {
            match (one.0.total_cmp(&other.0), one.1.total_cmp(&other.1)) {
                (Ordering::Equal, Ordering::Equal) => {}
                (Ordering::Equal, _) => ties_before += 1,
                (_, Ordering::Equal) => ties_after += 1,
                (here, there) if here == there => concordant += 1,
                _ => discordant += 1,
            }
        }
    }
    let untied = (concordant + discordant) as f64;
    let below = ((untied + ties_before as f64) * (untied + ties_after as f64)).sqrt();
    (below > 0.0).then(|| (concordant as f64 - discordant as f64) / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(f64, f64)];

    /// The third is the example in the documentation of `scipy.stats.kendalltau`.
    #[test]
    fn tau_counts_pairs_and_ties() {
        let cases: [(&str, Pairs, Option<f64>); 6] = [
            ("the same order", &[(3.0, 9.0), (2.0, 5.0), (1.0, 1.0)], Some(1.0)),
            ("the opposite", &[(3.0, 1.0), (2.0, 5.0), (1.0, 9.0)], Some(-1.0)),
            (
                "ties on both sides",
                &[(12.0, 1.0), (2.0, 4.0), (1.0, 7.0), (12.0, 1.0), (2.0, 0.0)],
                Some(-0.471_404_520_791_031_7),
            ),
            ("one pair", &[(1.0, 2.0)], None),
            ("nobody", &[], None),
            ("all alike", &[(1.0, 2.0), (1.0, 3.0)], None),
        ];
        for (name, totals, want) in cases {
            match (kendall(totals), want) {
                (Some(tau), Some(want)) => assert!((tau - want).abs() < 1e-12, "{name}: {tau}"),
                (tau, want) => assert_eq!(tau, want, "{name}"),
            }
        }
    }
}
