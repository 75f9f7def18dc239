//! Regions, by the label `region` of targets.
//!
//! Invariant: only targets with a rank count; a region without any is left out.

use std::collections::BTreeMap;

use super::{first_level, ranked};
use crate::domain::indicator::IndicatorId;
use crate::score::analysis::{Analysis, Region};
use crate::score::card::Scorecard;
use crate::score::digits::{mean, published_order};
use crate::score::place;

/// How many are meant by the best of all; with ties at the last place it may be a few more.
const TOP: u32 = 10;

/// Regions, the best first; equal ones by name.
pub(super) fn regions(cards: &[Scorecard]) -> Vec<Region> {
    let mut together: BTreeMap<&str, Vec<&Scorecard>> = BTreeMap::new();
    for card in ranked(cards) {
        if let Some(region) = card.target.region() {
            together.entry(region).or_default().push(card);
        }
    }
    let mut regions: Vec<Region> =
        together.into_iter().filter_map(|(name, cards)| region(name, &cards)).collect();
    let ranks = place::ranks(&regions.iter().map(|region| Some(region.mean)).collect::<Vec<_>>());
    for (region, rank) in regions.iter_mut().zip(ranks) {
        region.rank = rank.unwrap_or_default();
    }
    regions.sort_by(|one, other| one.rank.cmp(&other.rank).then_with(|| one.name.cmp(&other.name)));
    regions
}

fn region(name: &str, cards: &[&Scorecard]) -> Option<Region> {
    let mut order = cards.to_vec();
    order.sort_by(|one, other| {
        let totals = published_order(other.total.unwrap_or_default(), one.total.unwrap_or_default());
        totals.then_with(|| one.target.id.cmp(&other.target.id))
    });
    let mut scores: BTreeMap<&IndicatorId, Vec<f64>> = BTreeMap::new();
    for node in cards.iter().flat_map(|card| first_level(card)) {
        scores.entry(&node.id).or_default().extend(node.score);
    }
    Some(Region {
        name: name.to_owned(),
        rank: 0,
        mean: mean(cards.iter().filter_map(|card| card.total))?,
        n: cards.len() as u64,
        best: order.first()?.target.id.clone(),
        worst: order.last()?.target.id.clone(),
        in_top_ten: cards.iter().filter(|card| card.rank.is_some_and(|rank| rank <= TOP)).count() as u64,
        means: scores.into_iter().filter_map(|(id, scores)| Some((id.clone(), mean(scores)?))).collect(),
    })
}

impl Analysis {
    /// Between the best region's mean and the last one's; absent with fewer than two regions.
    pub fn region_gap(&self) -> Option<f64> {
        match self.regions.as_slice() {
            [first, .., last] => Some(first.mean - last.mean),
            _ => None,
        }
    }
}
