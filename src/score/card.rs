//! What scoring says: the scorecard of a target, and the assessment of many.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::material::{Period, Subject};
use crate::domain::coding::Settling;
use crate::domain::ids::ScenarioId;
use crate::domain::indicator::IndicatorId;
use crate::domain::outcome::Outcome;
use crate::domain::profile::{Source, Words};

/// What one target got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scorecard {
    /// Which target.
    pub target: Subject,
    /// Points of 100, bonus included, caps applied; absent when nothing was observed.
    pub total: Option<f64>,
    /// The total before bonus and caps.
    pub base: Option<f64>,
    /// A 95 % interval of the total, by bootstrap over days.
    pub interval: Option<Interval>,
    /// How much of the profile's weight was observed, in percent.
    pub coverage: f64,
    /// Its place among the ranked; equal totals (to two digits, as published) share one. Absent when the
    /// coverage is below the profile's floor.
    pub rank: Option<u32>,
    /// Its grade, as an index into the profile's; only what has a rank has a grade.
    pub grade: Option<usize>,
    /// Vetoes that hold.
    pub vetoes: Vec<VetoFlag>,
    /// Every node of the profile, parents before children.
    pub nodes: Vec<NodeScore>,
    /// Scenarios that are observed and not scored, against the same leaves.
    pub beside: Vec<Beside>,
    /// The profile's figures, as far as they are known: findings and clusters are made with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<IndicatorId, Value>,
    /// How walks of scored scenarios end most often, our own faults left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Outcome>,
}

/// A veto that holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VetoFlag {
    /// Its id in the profile.
    pub id: String,
    /// What it is called.
    pub title: Words,
    /// What the total was cut to, if it was.
    pub capped_at: Option<f64>,
}

/// What one indicator of one target got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeScore {
    /// Which.
    pub id: IndicatorId,
    /// What it is below.
    pub parent: Option<IndicatorId>,
    /// How deep, from 0.
    pub depth: usize,
    /// Whether it belongs to the bonus.
    pub bonus: bool,
    /// Its weight among its siblings.
    pub weight: f64,
    /// Whether it has points, and why not.
    pub state: State,
    /// Points of 100; there exactly when `scored`.
    pub score: Option<f64>,
    /// How much of it was observed, in percent of its weight.
    pub coverage: f64,
    /// A 95 % interval of the points, by bootstrap over days; of leaves that runs feed, and of nodes above them.
    pub interval: Option<Interval>,
    /// How many runs, checks or codings it stands on; of a node the sum of its leaves.
    pub n: u64,
    /// What was seen, before it became points; leaves only.
    pub value: Option<Value>,
    /// Which source was taken; leaves only.
    pub source: Option<Source>,
    /// How a coded value came about.
    pub settled: Option<Settling>,
}

/// Whether an indicator has points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has.
    Scored,
    /// It does not apply here, and leaves the denominator.
    NotApplicable,
    /// It could not be observed: leaves the denominator, and lowers coverage.
    Unobserved,
}

/// What was seen of a leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    /// So many of so many.
    Share {
        /// How many were good.
        good: u64,
        /// Of how many.
        of: u64,
        /// Wilson's 95 % interval of the share, in percent.
        wilson: Interval,
    },
    /// A percentile of times.
    Seconds {
        /// Which percentile.
        p: f64,
        /// The time.
        seconds: f64,
    },
    /// Faults, mean over the checks.
    Faults {
        /// On the home page, or as coded.
        home: f64,
        /// Elsewhere.
        elsewhere: f64,
    },
    /// Credit of steps.
    Steps {
        /// Each step that feeds the leaf.
        steps: Vec<StepCredit>,
    },
    /// A number.
    Number {
        /// The number.
        number: f64,
    },
    /// A word: a choice, `yes` or `no`.
    Word {
        /// The word.
        word: String,
    },
}

/// What a step was worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepCredit {
    /// The scenario.
    pub scenario: ScenarioId,
    /// The step.
    pub step: String,
    /// Its mean credit; absent when no run of it counts.
    pub credit: Option<f64>,
    /// How often it ended in which way, most often first.
    pub outcomes: Vec<(Outcome, u64)>,
}

/// A range of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A scenario beside the score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Beside {
    /// Which.
    pub scenario: ScenarioId,
    /// Points of leaves that its steps feed, by the same formulas.
    pub leaves: BTreeMap<IndicatorId, f64>,
    /// Its steps.
    pub steps: Vec<StepCredit>,
}

/// The scorecards of a period, and what they were made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assessment {
    /// The profile's id.
    pub profile: String,
    /// The SHA-256 of the profile's file.
    pub profile_hash: String,
    /// The period.
    pub period: Period,
    /// Every target, in the order in which they were handed in.
    pub cards: Vec<Scorecard>,
    /// Reliability of each indicator that two coders or more coded.
    pub reliability: BTreeMap<IndicatorId, Reliability>,
    /// How each leaf was measured (its sources and formula, as JSON): by which periods are compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub definitions: BTreeMap<IndicatorId, String>,
}

/// How well coders agree on an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reliability {
    /// Targets that two coders or more coded.
    pub units: u64,
    /// Raw agreement of pairs, in percent.
    pub agreement: f64,
    /// Cohen's κ of the two coders that share most targets; absent when it is not defined.
    pub kappa: Option<f64>,
    /// Krippendorff's α for the leaf's scale; absent when it is not defined (no variation at all).
    pub alpha: Option<f64>,
}

impl Reliability {
    /// Below this α an indicator is not reliable (Krippendorff 2004; method, section 2).
    pub const FLOOR: f64 = 0.667;

    /// Whether it is to be marked as not reliable.
    pub fn is_unreliable(&self) -> bool {
        self.alpha.is_some_and(|alpha| alpha < Self::FLOOR)
    }
}
