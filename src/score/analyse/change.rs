//! Change: an assessment against an earlier one, on what is comparable.
//!
//! A leaf is comparable when it was measured alike: the same id, the same sources, the same formula, and on
//! each target by the same of its sources: a browser is no faster than a request because a year has passed. A
//! title or a weight may have changed. Both periods are then summed up with the weights of now, for
//! each target over the leaves that have points in both periods, so that a change of the profile or of
//! what could be observed is never told as a change of the portal.
//!
//! Invariant: a node is told only when every leaf below it that anybody has points for is comparable.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::TargetId;
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{Node, NodeKind, Profile, Source};
use crate::score::analysis::{Change, Mover, NodeChange};
use crate::score::assess::definition;
use crate::score::card::{Assessment, NodeScore, Scorecard};
use crate::score::digits::{mean, published_order};
use crate::score::tree::weighted;

/// Points of leaves that count for a comparison, then and now.
type Pairs<'a> = BTreeMap<&'a IndicatorId, (f64, f64)>;

/// Compares two assessments.
pub(super) fn change(profile: &Profile, now: &Assessment, before: &Assessment) -> Change {
    let leaves = profile.leaves();
    let same_file = profile.hash == before.profile_hash;
    let comparable: BTreeSet<&IndicatorId> = leaves
        .iter()
        .filter(|(id, (_, leaf))| same_file || before.definitions.get(**id) == Some(&definition(leaf)))
        .map(|(id, _)| *id)
        .collect();
    let earlier: BTreeMap<&TargetId, &Scorecard> =
        before.cards.iter().map(|card| (&card.target.id, card)).collect();
    let both: Vec<(&Scorecard, &Scorecard, Pairs<'_>)> = now
        .cards
        .iter()
        .filter_map(|card| {
            let then = earlier.get(&card.target.id)?;
            Some((*then, card, pairs(then, card, &comparable)))
        })
        .collect();

    let observed: BTreeSet<&IndicatorId> = now
        .cards
        .iter()
        .chain(&before.cards)
        .flat_map(|card| &card.nodes)
        .filter(|node| node.score.is_some())
        .map(|node| &node.id)
        .collect();
    let nodes = profile.nodes().into_iter().filter_map(|placed| {
        let whole =
            leaves_below(placed.node).iter().all(|id| comparable.contains(id) || !observed.contains(id));
        if !whole {
            return None;
        }
        let points: Vec<(f64, f64)> =
            both.iter().filter_map(|(.., pairs)| node(placed.node, pairs)).collect();
        Some(NodeChange {
            id: placed.node.id.clone(),
            before: mean(points.iter().map(|(then, _)| *then))?,
            after: mean(points.iter().map(|(_, now)| *now))?,
            n: points.len() as u64,
        })
    });
    let mut movers: Vec<Mover> = both
        .iter()
        .filter_map(|(then, card, pairs)| {
            let (before, after) = siblings(&profile.tree, pairs)?;
            Some(Mover { target: card.target.id.clone(), before, after, ranks: (then.rank, card.rank) })
        })
        .collect();
    movers.sort_by(|one, other| {
        published_order(other.after - other.before, one.after - one.before)
            .then_with(|| one.target.cmp(&other.target))
    });
    let changed =
        leaves.keys().copied().chain(before.definitions.keys()).filter(|id| !comparable.contains(id));
    Change {
        against: (before.period.first, before.period.last),
        nodes: nodes.collect(),
        not_comparable: changed.cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        movers,
    }
}

/// Points of comparable leaves that a target has in both periods.
fn pairs<'a>(then: &Scorecard, now: &'a Scorecard, comparable: &BTreeSet<&IndicatorId>) -> Pairs<'a> {
    let earlier: BTreeMap<&IndicatorId, (f64, Option<Source>)> =
        then.nodes.iter().filter_map(|node| Some((&node.id, (node.score?, node.source)))).collect();
    let pair = |node: &'a NodeScore| {
        let (before, source) = *earlier.get(&node.id)?;
        Some((&node.id, (before, node.score?))).filter(|_| source == node.source)
    };
    now.nodes.iter().filter(|node| comparable.contains(&node.id)).filter_map(pair).collect()
}

/// A node then and now, with the weights of now.
fn node(node: &Node, pairs: &Pairs<'_>) -> Option<(f64, f64)> {
    match &node.kind {
        NodeKind::Leaf(_) => pairs.get(&node.id).copied(),
        NodeKind::Parent(children) => siblings(children, pairs),
    }
}

fn siblings(nodes: &[Node], pairs: &Pairs<'_>) -> Option<(f64, f64)> {
    let points: Vec<(f64, (f64, f64))> =
        nodes.iter().filter_map(|it| Some((it.weight, node(it, pairs)?))).collect();
    let then = weighted(points.iter().map(|(weight, (then, _))| (*weight, *then)))?;
    let now = weighted(points.iter().map(|(weight, (_, now))| (*weight, *now)))?;
    Some((then, now))
}

fn leaves_below(node: &Node) -> Vec<&IndicatorId> {
    match &node.kind {
        NodeKind::Leaf(_) => vec![&node.id],
        NodeKind::Parent(children) => children.iter().flat_map(leaves_below).collect(),
    }
}
