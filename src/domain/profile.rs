//! Scoring profiles: a tree of indicators with weights, and for each leaf where its value comes from
//! and how it becomes points.
//!
//! Invariant: a [`Profile`] that was read cannot be wrong: ids are unique, weights are positive and
//! finite, pieces rise in their first number, conditions name indicators that exist. Scores and
//! coverages are points of 100.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::indicator::IndicatorId;
use super::language::Language;
use super::outcome::Outcome;

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Words {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// The text of a language.
    pub fn pick(&self, language: Language) -> &str {
        language.pick(&self.zh, &self.en)
    }
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Its id, for file names and command lines: `d3`.
    pub id: String,
    /// What it is called.
    pub title: Words,
    /// The SHA-256 of the file's text in hex: by which a scorecard says what it was made with.
    pub hash: String,
    /// Below this coverage (percent) a target is shown and not ranked.
    pub coverage_floor: f64,
    /// Grades, the best first.
    pub grades: Vec<Grade>,
    /// The first level.
    pub tree: Vec<Node>,
    /// Points beside the hundred.
    pub bonus: Option<Bonus>,
    /// What may not happen.
    pub vetoes: Vec<Veto>,
    /// Sentences for the report.
    pub findings: Vec<Finding>,
    /// Further numbers of targets that are not scored: for clusters and tables.
    pub figures: Vec<Figure>,
}

/// A grade.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grade {
    /// What it is called.
    pub title: Words,
    /// The least total of it, included.
    pub from: f64,
}

/// Points that are added to the total of a target whose total is high enough already.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bonus {
    /// Added only when the total is above this.
    pub above: f64,
    /// What earns them; a node adds its weight times its score over 100.
    pub tree: Vec<Node>,
}

/// An indicator of the tree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Node {
    /// Its id.
    pub id: IndicatorId,
    /// What it is called.
    pub title: Words,
    /// Its weight among its siblings: any positive number.
    pub weight: f64,
    /// Set when a figure of it is not from a public source; what is assumed.
    pub assumed: Option<Words>,
    /// What is below it, or how it is measured.
    pub kind: NodeKind,
}

/// What is below an indicator.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Further indicators: its score is their weighted mean, of those that could be observed.
    Parent(Vec<Node>),
    /// Nothing: it is measured itself.
    Leaf(Leaf),
}

/// How a leaf is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leaf {
    /// Where its value comes from; the first that was observed is taken.
    pub sources: Vec<Source>,
    /// How the value becomes points.
    pub formula: Formula,
    /// How its values relate to each other; what α is made with.
    pub scale: Scale,
}

/// Where the value of a leaf comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// HTTP visits of the target's home page: how many opened, and how long they took.
    Visits,
    /// The steps of walks that name the leaf in `measure`.
    Steps,
    /// Whole link checks: broken links of the home page, and of other pages.
    Links,
    /// Visits again: whether TLS was valid.
    Tls,
    /// Whether the page was made for small screens.
    Viewport,
    /// Whether the entry has an IPv6 address that answers.
    Ipv6,
    /// Whether no critical accessibility rule was broken.
    Accessible,
    /// Files that walks downloaded: how many came as what they say they are.
    Downloads,
    /// What people wrote down, or figures from elsewhere, under the leaf's id.
    Coded,
}

/// How a value becomes points.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// The mean credit of the steps (method, section 4): the mean over runs of each step, then over steps.
    Steps,
    /// A share in percent (good of all), as points, or through pieces.
    Share(Option<Pieces>),
    /// A percentile (1–99) of times in seconds, through pieces.
    Percentile {
        /// Which.
        p: f64,
        /// Seconds to points.
        pieces: Pieces,
    },
    /// Points taken off for each fault: `100 · (1 − min(cap, Σ points·count) / worth)`, at least 0. Of
    /// links, the mean over the checks of the period.
    Deduct {
        /// For each fault of the home page, or for each that was coded.
        each: f64,
        /// For each fault elsewhere; links only.
        elsewhere: f64,
        /// The most that is taken off.
        cap: f64,
        /// What a hundred points are worth in the unit of the above.
        worth: f64,
    },
    /// A number, through pieces.
    Linear(Pieces),
    /// Points for yes and for no; of a fact that was looked at often, the mean.
    YesNo {
        /// For yes.
        yes: f64,
        /// For no.
        no: f64,
    },
    /// Points for each of a few words that a coder may choose from, in order.
    Choice(Vec<Choice>),
}

/// A word that a coder may choose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// As it stands in the file.
    pub word: String,
    /// As it is shown.
    pub title: Words,
    /// Points of 100.
    pub points: f64,
}

/// Straight lines between points `(value, points)`, level before the first and behind the last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Pieces(Vec<(f64, f64)>);

impl Pieces {
    /// Takes corners; `None` unless there is one at least and their values rise.
    pub fn new(corners: Vec<(f64, f64)>) -> Option<Self> {
        let rise = corners.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let finite = corners.iter().all(|(x, y)| x.is_finite() && y.is_finite());
        (!corners.is_empty() && rise && finite).then_some(Self(corners))
    }

    /// The corners, values rising.
    pub fn corners(&self) -> &[(f64, f64)] {
        &self.0
    }

    /// The points of a value.
    pub fn at(&self, value: f64) -> f64 {
        let right = self.0.partition_point(|(x, _)| *x <= value);
        match (right.checked_sub(1).and_then(|left| self.0.get(left)), self.0.get(right)) {
            (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (value - x0) / (x1 - x0),
            (Some((_, y)), None) | (None, Some((_, y))) => *y,
            (None, None) => 0.0,
        }
    }
}

/// How values relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Names only.
    Nominal,
    /// In an order: choices, by their place in the profile.
    Ordinal,
    /// Differences mean something.
    Interval,
}

/// Something that may not happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Veto {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: Words,
    /// When it holds.
    pub when: Condition,
    /// The most that a target's total may then be; nothing: it is shown only.
    pub cap: Option<f64>,
}

/// A sentence of the report about how many targets something holds for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Its id.
    pub id: String,
    /// When it holds for a target.
    pub when: Condition,
    /// With `{count}`, `{share}` (percent, two digits), `{n}` (targets of which it is known) and `{examples}`.
    pub sentence: Words,
}

/// A number of targets that is not scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Its id, under which it is imported.
    pub id: IndicatorId,
    /// What it is called, with its unit.
    pub title: Words,
}

/// A condition over what was seen of one target. It holds, does not, or cannot be told because
/// something was not observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Every one of them holds.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The raw value of a leaf is one of these words: choices, `yes`, `no`.
    Is {
        /// The leaf.
        indicator: IndicatorId,
        /// The words.
        words: Vec<String>,
    },
    /// The raw value (percent of a share, seconds of a percentile, broken links, the number itself) lies
    /// inside bounds.
    Value {
        /// The leaf.
        indicator: IndicatorId,
        /// The bounds.
        within: Bounds,
        /// Not told before so much was observed.
        at_least_n: u64,
    },
    /// The points of any node lie inside bounds.
    Score {
        /// The node.
        indicator: IndicatorId,
        /// The bounds.
        within: Bounds,
    },
    /// The step that feeds a leaf ends most often in one of these outcomes.
    Outcome {
        /// The leaf.
        indicator: IndicatorId,
        /// The outcomes.
        outcomes: Vec<Outcome>,
    },
}

impl Condition {
    /// Whether part of it asks an indicator for a word.
    fn asks_words_of(&self, id: &IndicatorId) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.asks_words_of(id)),
            Self::Not(part) => part.asks_words_of(id),
            Self::Is { indicator, .. } => indicator == id,
            Self::Value { .. } | Self::Score { .. } | Self::Outcome { .. } => false,
        }
    }
}

/// A range of numbers. A side that is absent is open.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bounds {
    /// Not below this.
    pub at_least: Option<f64>,
    /// Above this.
    pub above: Option<f64>,
    /// Not above this.
    pub at_most: Option<f64>,
    /// Below this.
    pub below: Option<f64>,
}

impl Bounds {
    /// Whether a number lies inside.
    pub fn hold(&self, value: f64) -> bool {
        self.at_least.is_none_or(|bound| value >= bound)
            && self.above.is_none_or(|bound| value > bound)
            && self.at_most.is_none_or(|bound| value <= bound)
            && self.below.is_none_or(|bound| value < bound)
    }
}

impl Profile {
    /// Whether a figure is answered with yes or no: a condition asks it for one of the two. The others are numbers.
    pub fn is_yes_or_no(&self, figure: &Figure) -> bool {
        let findings = self.findings.iter().map(|finding| &finding.when);
        findings.chain(self.vetoes.iter().map(|veto| &veto.when)).any(|when| when.asks_words_of(&figure.id))
    }

    /// Every node from the top, parents before children, with its depth (0 at the first level) and its
    /// parent; the bonus behind the hundred.
    pub fn nodes(&self) -> Vec<Placed<'_>> {
        fn down<'a>(
            out: &mut Vec<Placed<'a>>,
            nodes: &'a [Node],
            depth: usize,
            parent: Option<&'a IndicatorId>,
            bonus: bool,
        ) {
            for node in nodes {
                out.push(Placed { node, depth, parent, bonus });
                if let NodeKind::Parent(children) = &node.kind {
                    down(out, children, depth + 1, Some(&node.id), bonus);
                }
            }
        }
        let mut out = Vec::new();
        down(&mut out, &self.tree, 0, None, false);
        if let Some(bonus) = &self.bonus {
            down(&mut out, &bonus.tree, 0, None, true);
        }
        out
    }

    /// The leaves by their ids.
    pub fn leaves(&self) -> BTreeMap<&IndicatorId, (&Node, &Leaf)> {
        self.nodes().into_iter().filter_map(leaf_of).map(|(node, leaf)| (&node.id, (node, leaf))).collect()
    }
}

fn leaf_of(placed: Placed<'_>) -> Option<(&Node, &Leaf)> {
    match &placed.node.kind {
        NodeKind::Leaf(leaf) => Some((placed.node, leaf)),
        NodeKind::Parent(_) => None,
    }
}

/// A node with its place in the tree.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The node.
    pub node: &'a Node,
    /// How deep it stands, from 0.
    pub depth: usize,
    /// What it is below.
    pub parent: Option<&'a IndicatorId>,
    /// Whether it belongs to the bonus.
    pub bonus: bool,
}
