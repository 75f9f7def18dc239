//! Indicators: what a scoring profile asks, such as `T1` (reachability), and what a step, a visit or a
//! coder answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The id of an indicator in a scoring profile: a capital letter, up to two digits, and parts behind
/// dots (`T`, `T1`, `T4.ipv6`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct IndicatorId(String);

impl IndicatorId {
    /// Reads `text` as an indicator id; `None` when it has another shape.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let head = parts.next()?;
        let digits = head.strip_prefix(|first: char| first.is_ascii_uppercase())?;
        let good = digits.len() <= 2
            && digits.bytes().all(|b| b.is_ascii_digit())
            && parts.all(|part| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            })
            && text.len() <= 40;
        good.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for IndicatorId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_shape() {
        let cases = [
            ("T", true),
            ("T1", true),
            ("H12", true),
            ("T4.ipv6", true),
            ("I1.human-chat", true),
            ("", false),
            ("t1", false),
            ("T123", false),
            ("T1.", false),
            ("T1.IPv6", false),
            ("1T", false),
            ("T1 ", false),
        ];
        for (text, want) in cases {
            assert_eq!(IndicatorId::parse(text).is_some(), want, "{text}");
        }
    }
}
