//! Silences: somebody asked that nobody be told for a while.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{ProbeId, SilenceId, TargetId};

/// A time in which nobody is told of a target, of a probe, or of anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Silence {
    /// Its id.
    pub id: SilenceId,
    /// The target; every one when absent.
    pub target: Option<TargetId>,
    /// The probe; every one when absent.
    pub probe: Option<ProbeId>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who asked for it.
    pub made_by: String,
    /// Why.
    pub reason: String,
}

impl Silence {
    /// Whether it is about this probe and target; what is about ourselves is silenced by one that is
    /// about everything.
    pub fn is_about(&self, about: Option<(&ProbeId, &TargetId)>) -> bool {
        match about {
            Some((probe, target)) => {
                self.target.as_ref().is_none_or(|silenced| silenced == target)
                    && self.probe.as_ref().is_none_or(|silenced| silenced == probe)
            }
            None => self.target.is_none() && self.probe.is_none(),
        }
    }

    /// Whether it was in force at some time from one instant to another.
    pub fn overlaps(&self, from: Timestamp, to: Timestamp) -> bool {
        self.starts_at <= to && from < self.until
    }
}
