//! What scores are made of: the observations of a period, summed by day.
//!
//! Days, because a day is what the bootstrap draws: runs of one day are not independent of each other.
//! All series are sums, so it does not matter whether they were made of raw rows or of rollups.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::coding::Settled;
use crate::domain::ids::{EvidenceHash, ProbeId, RunId, ScenarioId, TargetId};
use crate::domain::indicator::IndicatorId;
use crate::domain::outcome::Outcome;
use crate::domain::profile::Source;
use crate::domain::run::RunKind;
use crate::domain::scenario::Stage;
use crate::domain::verdict::Verdict;

pub use crate::domain::period::{Day, Period};

/// A portal, as assessments name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Its id.
    pub id: TargetId,
    /// Its name.
    pub name: String,
    /// Its labels; `region`, `province` and `channel` have a meaning in reports.
    pub labels: BTreeMap<String, String>,
}

impl Subject {
    /// The label `region`.
    pub fn region(&self) -> Option<&str> {
        self.labels.get("region").map(String::as_str)
    }
}

/// Everything that was seen of one target in a period.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// Runs, by probe.
    pub runs: Vec<RunSeries>,
    /// Steps of walks, by probe, scenario and step.
    pub steps: Vec<StepSeries>,
    /// Whole link checks, oldest first.
    pub links: Vec<LinkCheck>,
    /// Facts that hold or do not, each time they were looked at.
    pub traits: Vec<TraitDay>,
    /// What people wrote down; figures of another year than the period's are left out by whoever fills this.
    pub coded: BTreeMap<IndicatorId, Settled>,
    /// Slots that did not become a run.
    pub gaps: u64,
}

/// The runs of a probe on the target.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSeries {
    /// The probe.
    pub probe: ProbeId,
    /// What it does.
    pub kind: RunKind,
    /// By day, days rising.
    pub days: Vec<RunDay>,
}

/// One day of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDay {
    /// The day.
    pub day: Day,
    /// How many runs had which verdict.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Times of those that ended `pass` or `degraded`.
    pub times: Times,
}

/// One step of a scenario, as a probe walked it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepSeries {
    /// The probe.
    pub probe: ProbeId,
    /// The scenario.
    pub scenario: ScenarioId,
    /// Whether the scenario counts for the score (`scored` in its file).
    pub scored: bool,
    /// The step's name.
    pub step: String,
    /// Its place in the scenario, from 0.
    pub position: u32,
    /// Where in the journey it stands.
    pub stage: Stage,
    /// The indicators that it feeds.
    pub measure: Vec<IndicatorId>,
    /// By day, days rising.
    pub days: Vec<StepDay>,
}

/// One day of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDay {
    /// The day.
    pub day: Day,
    /// How often it ended in which way; `not_reached` where the portal ended the journey before it.
    pub outcomes: Vec<(Outcome, u64)>,
    /// Times of those that worked.
    pub times: Times,
}

/// Times as a histogram: `(milliseconds, how many)`, milliseconds rising, as precise as the rollups
/// (three digits).
pub type Times = Vec<(u32, u32)>;

/// A link check that went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCheck {
    /// The run.
    pub run: RunId,
    /// The day.
    pub day: Day,
    /// Links that do not work and stand on the home page.
    pub home: u32,
    /// Links that do not work and stand on other pages only.
    pub elsewhere: u32,
    /// How many were checked.
    pub checked: u32,
}

/// How often a fact held on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraitDay {
    /// The day.
    pub day: Day,
    /// Which fact: `Tls`, `Viewport`, `Ipv6`, `Accessible` or `Downloads`.
    pub fact: Source,
    /// How often it held.
    pub yes: u64,
    /// How often it did not.
    pub no: u64,
}

/// Something that shows what was seen, for the page of a target: the newest of each kind of ending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exhibit {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub at: Timestamp,
    /// The scenario.
    pub scenario: Option<ScenarioId>,
    /// The step.
    pub step: String,
    /// How the step ended.
    pub outcome: Outcome,
    /// The page on which it ended.
    pub url: String,
    /// The phrase that decided, if one did.
    pub phrase: Option<String>,
    /// Its picture.
    pub picture: Option<EvidenceHash>,
}
