//! What can be said about many scorecards together.
//!
//! Invariant: everything here follows from scorecards alone, so an old assessment can be analysed again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::ids::TargetId;
use crate::domain::indicator::IndicatorId;
use crate::domain::outcome::Outcome;
use crate::domain::profile::Words;

/// Everything that a report says beside the scorecards.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// The mean of the totals of the ranked targets.
    pub mean: Option<f64>,
    /// The mean points of each indicator over the targets that have points for it, and how many they are.
    pub means: BTreeMap<IndicatorId, Mean>,
    /// How many of the ranked targets have which grade, the best first; empty when none is ranked.
    pub grades: Vec<GradeCount>,
    /// Regions, the best first.
    pub regions: Vec<Region>,
    /// Sentences of the profile, filled in.
    pub findings: Vec<Found>,
    /// Against another period.
    pub change: Option<Change>,
    /// What ranks do when weights move.
    pub sensitivity: Vec<Sensitivity>,
    /// Targets that are one portal each of several channels of the same place, side by side.
    pub channels: Option<Channels>,
    /// Targets that are alike in their numbers.
    pub clusters: Option<Clusters>,
    /// Words of citizens' posts, most frequent first.
    pub words: Vec<WordCount>,
}

/// A mean over targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Of how many targets.
    pub n: u64,
}

/// How many targets have a grade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GradeCount {
    /// The grade.
    pub title: Words,
    /// The least total of it.
    pub from: f64,
    /// How many.
    pub count: u64,
    /// In percent of the ranked targets.
    pub share: f64,
}

/// A region, by the label `region` of its targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its place; equal means (to two digits) share one.
    pub rank: u32,
    /// The mean of its targets' totals.
    pub mean: f64,
    /// How many targets it has with a total.
    pub n: u64,
    /// The best of them.
    pub best: TargetId,
    /// The last of them.
    pub worst: TargetId,
    /// How many of the ten best of all are in it.
    pub in_top_ten: u64,
    /// Its means by first-level indicator.
    pub means: BTreeMap<IndicatorId, f64>,
}

/// A finding of the profile, filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Of how many targets it holds.
    pub count: u64,
    /// Of how many it is known whether it holds.
    pub n: u64,
    /// `count` in percent of `n`, to two digits.
    pub share: f64,
    /// All of which it holds, the lowest total first.
    pub targets: Vec<TargetId>,
    /// The sentence.
    pub sentence: Words,
}

/// A period against an earlier one, on what is comparable: the same leaf id with the same sources and formula.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The other period's first and last day.
    pub against: (jiff::civil::Date, jiff::civil::Date),
    /// Leaves that are comparable, and nodes all of whose observed leaves are: means then and now over the
    /// targets that have points in both.
    pub nodes: Vec<NodeChange>,
    /// Leaves that are not comparable, because the profile changed.
    pub not_comparable: Vec<IndicatorId>,
    /// Targets by their change of the total over comparable leaves, the largest rise first.
    pub movers: Vec<Mover>,
}

/// How an indicator moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeChange {
    /// Which.
    pub id: IndicatorId,
    /// The mean then.
    pub before: f64,
    /// The mean now.
    pub after: f64,
    /// Over how many targets.
    pub n: u64,
}

/// How a target moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mover {
    /// Which.
    pub target: TargetId,
    /// Its points then, over comparable leaves.
    pub before: f64,
    /// Now.
    pub after: f64,
    /// Its rank then and now, when it had one.
    pub ranks: (Option<u32>, Option<u32>),
}

/// What ranks do when one first-level weight moves by ten points of a hundred.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sensitivity {
    /// Whose weight.
    pub id: IndicatorId,
    /// By how many points of a hundred.
    pub by: f64,
    /// How many ranks move.
    pub moved: u64,
    /// By how many places at most.
    pub most: u32,
    /// How many change their grade.
    pub regraded: u64,
    /// Kendall's τ-b of the two rankings; absent with fewer than two ranked.
    pub tau: Option<f64>,
}

/// Places × channels, by the labels `province` (else `region`) and `channel` of targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Channels {
    /// The channels, in the order in which they first appear.
    pub channels: Vec<String>,
    /// A row for each place.
    pub rows: Vec<ChannelRow>,
}

/// A place's channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelRow {
    /// The place.
    pub place: String,
    /// A cell for each channel; absent where the place has none.
    pub cells: Vec<Option<ChannelCell>>,
}

/// One channel of one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelCell {
    /// The target.
    pub target: TargetId,
    /// Its total.
    pub total: Option<f64>,
    /// How its scored scenarios end most often.
    pub outcome: Option<Outcome>,
}

/// A hierarchical clustering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clusters {
    /// What was clustered, in order.
    pub items: Vec<TargetId>,
    /// The numbers that it was done with, z-scores of them.
    pub used: Vec<IndicatorId>,
    /// Numbers that were dropped because all items have the same, or one has none.
    pub dropped: Vec<IndicatorId>,
    /// Merges in order: items are 0 … n−1, the cluster of merge i is n + i (as SciPy's linkage matrix).
    pub merges: Vec<Merge>,
    /// The cluster of each item, from 1, numbered by size (largest first), then by first item.
    pub labels: Vec<u32>,
    /// The table of means of each cluster.
    pub means: Vec<ClusterMeans>,
}

/// Two clusters that became one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Merge {
    /// The one with the smaller number.
    pub left: u32,
    /// The other.
    pub right: u32,
    /// Ward's distance.
    pub height: f64,
    /// How many items it has.
    pub size: u32,
}

/// What a cluster is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterMeans {
    /// Its label.
    pub label: u32,
    /// How many items it has.
    pub size: u32,
    /// The mean of each number that was used, in its own unit.
    pub means: BTreeMap<IndicatorId, f64>,
}

/// How often a word was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WordCount {
    /// The word.
    pub word: String,
    /// How often.
    pub count: u64,
    /// In how many posts.
    pub posts: u64,
    /// What it says of the portal: 1 praise, −1 complaint, 0 neither.
    pub tone: i8,
}
