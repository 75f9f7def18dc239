//! Indicators that a step or a visit feeds, such as `T1` (reachability).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The id of an indicator in a scoring profile: one capital letter and a number (`T1`, `H1`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct IndicatorId(String);

impl IndicatorId {
    /// Reads `text` as an indicator id; `None` when it has another shape.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let letter = chars.next()?;
        let digits = chars.as_str();
        let good = letter.is_ascii_uppercase()
            && (1..=2).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit());
        good.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
