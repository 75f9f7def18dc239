//! Human observations: what a coder wrote down about a target, and figures that come from elsewhere.
//!
//! Values are kept as they were written; a profile says what they mean. Nothing is ever changed: a
//! coder who writes again about the same indicator, target and year has corrected himself, and the
//! newest counts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{EvidenceHash, TargetId};
use super::indicator::IndicatorId;

/// One value that one coder wrote down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coding {
    /// Who: a name or an initial, without the `source:` of figures.
    pub coder: String,
    /// What about.
    pub indicator: IndicatorId,
    /// Of whom.
    pub target: TargetId,
    /// What: `yes`, `no`, a word of the profile's choices, a number, or `na` (does not apply).
    pub value: String,
    /// When it was seen.
    pub at: Timestamp,
    /// In his own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// A file that shows it, kept with the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceHash>,
    /// Where a figure from elsewhere comes from: a report, a store of apps.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The year that a figure is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<i16>,
}

impl Coding {
    /// The value of something that does not apply.
    pub const OPEN: &str = "na";
}

/// The number that a value is, if it is one.
pub fn number(value: &str) -> Option<f64> {
    // No value is −0.
    value.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number + 0.0)
}

/// What counts of all that coders wrote about one indicator of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settled {
    /// The value; absent while coders disagree and nobody has settled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How it came about.
    pub how: Settling,
    /// The codings that it was made of, each coder's newest.
    pub codings: Vec<Coding>,
}

/// How a value came to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settling {
    /// One coder only.
    Single,
    /// All coders say the same.
    Agreed,
    /// Two disagreed, a third settled it.
    ThirdCoder,
    /// They disagree, and nobody has settled it: it counts as not observed.
    Disputed,
}
