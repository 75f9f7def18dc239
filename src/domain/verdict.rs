//! Verdicts: what a whole run says about the portal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The verdict of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every step that can be observed works.
    Pass,
    /// The portal works, but the journey does not end online, or links are broken.
    Degraded,
    /// The portal failed: unreachable, broken, an error, too slow.
    Fail,
    /// Says nothing about the portal: our own fault, or we were kept out.
    Inconclusive,
}

impl Verdict {
    /// The name used in the database and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Degraded => "degraded",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Finds a verdict by its [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pass, Self::Degraded, Self::Fail, Self::Inconclusive]
            .into_iter()
            .find(|verdict| verdict.name() == name)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
