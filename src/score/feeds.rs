//! Feeds: which leaf of a profile a step belongs to.
//!
//! A step names what it feeds in `measure`. Scenarios outlive profiles, and profiles differ in how
//! finely they ask, so three rules, tried in order for each name:
//!
//! 1. It is a leaf: the step feeds it, if the leaf takes `steps` at all.
//! 2. It is a parent: the step feeds the one leaf below it that takes `steps`. When several do, nobody
//!    can tell which was meant, and it feeds none of them.
//! 3. The profile does not know it, but it is a part (`T4.ipv6`) of a leaf (`T4`) that the profile does
//!    not divide: the step feeds that leaf.
//!
//! Invariant: a name feeds one leaf at most, and a step feeds a leaf once however often it names it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{Leaf, Node, NodeKind, Profile, Source};

/// The leaf that each name feeds.
pub(super) struct Feeds<'a> {
    /// Names of leaves that take steps, and of parents above just one of them.
    fed: BTreeMap<&'a IndicatorId, &'a IndicatorId>,
    parents: BTreeSet<&'a IndicatorId>,
    known: BTreeSet<&'a IndicatorId>,
}

impl<'a> Feeds<'a> {
    /// Looks through a profile, bonus included.
    pub(super) fn of(profile: &'a Profile) -> Self {
        let mut feeds = Self { fed: BTreeMap::new(), parents: BTreeSet::new(), known: BTreeSet::new() };
        let bonus = profile.bonus.iter().flat_map(|bonus| &bonus.tree);
        for node in profile.tree.iter().chain(bonus) {
            feeds.enter(node);
        }
        feeds
    }

    /// Takes a node in and answers the leaves below it that take steps.
    fn enter(&mut self, node: &'a Node) -> Vec<&'a IndicatorId> {
        self.known.insert(&node.id);
        let below = match &node.kind {
            NodeKind::Leaf(leaf) if takes_steps(leaf) => vec![&node.id],
            NodeKind::Leaf(_) => Vec::new(),
            NodeKind::Parent(children) => {
                self.parents.insert(&node.id);
                children.iter().flat_map(|child| self.enter(child)).collect()
            }
        };
        if let [leaf] = below[..] {
            self.fed.insert(&node.id, leaf);
        }
        below
    }

    /// The leaf that a name feeds.
    fn leaf(&self, name: &IndicatorId) -> Option<&'a IndicatorId> {
        if self.known.contains(name) {
            return self.fed.get(name).copied();
        }
        let mut text = name.as_str();
        while let Some((whole, _)) = text.rsplit_once('.') {
            let whole_id = IndicatorId::parse(whole)?;
            if self.known.contains(&whole_id) {
                let undivided = !self.parents.contains(&whole_id);
                return self.fed.get(&whole_id).filter(|_| undivided).copied();
            }
            text = whole;
        }
        None
    }

    /// The leaves that a step feeds.
    pub(super) fn leaves(&self, measure: &[IndicatorId]) -> BTreeSet<&'a IndicatorId> {
        measure.iter().filter_map(|name| self.leaf(name)).collect()
    }
}

/// Whether a leaf may be fed by steps.
pub(super) fn takes_steps(leaf: &Leaf) -> bool {
    leaf.sources.contains(&Source::Steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::profile::Formula;
    use crate::score::fixtures::{id, leaf, parent, profile};

    #[test]
    fn a_name_feeds_one_leaf_or_none() {
        let steps = |name: &str| leaf(name, 1.0, &[Source::Steps], Formula::Steps);
        let coded = |name: &str| leaf(name, 1.0, &[Source::Coded], Formula::YesNo { yes: 100.0, no: 0.0 });
        let profile = profile(vec![
            parent(
                "A",
                1.0,
                vec![parent("A1", 1.0, vec![steps("A1.search"), coded("A1.clicks")]), steps("A2")],
            ),
            parent("H", 1.0, vec![steps("H1"), coded("H3")]),
        ]);
        let feeds = Feeds::of(&profile);
        let cases = [
            ("a leaf", "A2", Some("A2")),
            ("a leaf with dots", "A1.search", Some("A1.search")),
            ("a leaf that takes no steps", "H3", None),
            ("a parent above one leaf that takes steps", "A1", Some("A1.search")),
            ("a parent above two", "A", None),
            ("a higher parent above one", "H", Some("H1")),
            ("a part of a leaf that is not divided", "A2.basis", Some("A2")),
            ("a part of a part of it", "A2.basis.law", Some("A2")),
            ("a part that a divided parent does not know", "A1.order", None),
            ("a part of a leaf that takes no steps", "H3.form", None),
            ("nothing that the profile knows", "Z9", None),
        ];
        for (name, measured, want) in cases {
            let leaves = feeds.leaves(&[id(measured)]);
            assert_eq!(leaves.first().map(|leaf| leaf.as_str()), want, "{name}");
        }
        assert_eq!(feeds.leaves(&[id("A1"), id("A1.search")]).len(), 1, "once, however often it is named");
    }
}
