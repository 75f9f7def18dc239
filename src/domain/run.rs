//! Runs: one execution of a probe on a target, and what is kept of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{ProbeId, RunId, ScenarioId, TargetId};
use super::indicator::IndicatorId;
use super::link::{CrawlExtent, LinkFault};
use super::notice::CanaryFact;
use super::observation::{Evidence, Facts};
use super::outcome::Outcome;
use super::scenario::Stage;
use super::verdict::Verdict;
use super::visit::Visit;

/// Everything that is kept of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The probe.
    pub probe: ProbeId,
    /// The target.
    pub target: TargetId,
    /// What kind of run it was.
    pub kind: RunKind,
    /// The scenario, for walks.
    pub scenario: Option<ScenarioId>,
    /// The hash of the scenario and its fragments, for walks.
    pub scenario_hash: Option<String>,
    /// Whether its scenario counts for scores (`scored` in its file); otherwise it is shown beside them.
    #[serde(default = "counts", skip_serializing_if = "Clone::clone")]
    pub scored: bool,
    /// Where the agent stands: `[agent] name`.
    pub vantage: String,
    /// Why it was made.
    pub cause: Cause,
    /// When it should have begun; waiting is measured from here.
    pub scheduled_at: Timestamp,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How long it took, by the monotonic clock.
    pub elapsed_ms: u64,
    /// How many attempts it took.
    pub attempts: u32,
    /// What it says about the portal.
    pub verdict: Verdict,
    /// Why, in one sentence of English for people who read the log; never parsed.
    pub reason: String,
    /// The steps. A visit or a crawl is one step.
    pub steps: Vec<StepRecord>,
    /// The visit, for visits; for a walk that failed once more when it was to confirm a failure, the plain
    /// request of the home page beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<Visit>,
    /// Links that do not work, for crawls.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub link_faults: Vec<LinkFault>,
    /// How many links were checked, for crawls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links_checked: Option<u32>,
    /// How far it went and what it left open, for crawls.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crawl: Option<CrawlExtent>,
    /// What answers whenever we can see, asked after a run that failed: whether the fault may be our own.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub canaries: Vec<CanaryFact>,
    /// The browser and its version, for walks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The version of this program.
    pub agent_version: String,
}

/// Records of before scores were made count.
fn counts() -> bool {
    true
}

/// Kinds of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A scenario in a browser.
    Walk,
    /// One HTTP visit.
    Visit,
    /// A link check.
    Crawl,
}

/// Why a run was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The schedule.
    Schedule,
    /// To confirm another run that failed, or to confirm a recovery.
    Confirmation {
        /// The run in doubt.
        of: RunId,
    },
    /// Somebody asked on the command line.
    Manual,
}

/// What is kept of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Its name.
    pub name: String,
    /// Its part of the journey.
    pub stage: Stage,
    /// Indicators that it feeds.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub measure: Vec<IndicatorId>,
    /// How it ended.
    pub outcome: Outcome,
    /// What that is worth: 0–100, or `null` when unobserved or excluded.
    pub credit: Option<u8>,
    /// How long it took, from its first action to its last expectation. Taking evidence afterwards
    /// (the picture, reading the page) is no part of it; the run's own time has it.
    pub elapsed_ms: u64,
    /// Our own share of it: the pauses between two looks, and pictures that the step asks for.
    pub own_ms: u64,
    /// How many attempts the step took.
    pub attempts: u32,
    /// Files that prove it.
    pub evidence: Vec<Evidence>,
    /// What went wrong, as a whole sentence, when something did.
    pub error: Option<String>,
    /// What was seen.
    pub facts: Facts,
}

/// A scheduled slot that did not become a run, or many of them in a row for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The probe.
    pub probe: ProbeId,
    /// The target.
    pub target: TargetId,
    /// The slot; the first one, when there are several.
    pub scheduled_at: Timestamp,
    /// Why nothing ran.
    pub reason: GapReason,
    /// The last slot; the same one, unless there are several.
    pub until: Timestamp,
    /// How many slots there are from the first to the last.
    pub count: u64,
}

impl Gap {
    /// One slot that did not become a run.
    pub fn one(probe: ProbeId, target: TargetId, slot: Timestamp, reason: GapReason) -> Self {
        Self { probe, target, scheduled_at: slot, reason, until: slot, count: 1 }
    }
}

/// Why a slot did not become a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The agent was not running, or busy, until it was too late.
    Overdue,
    /// The run before it was still going.
    StillRunning,
    /// The agent was asked to stop.
    ShuttingDown,
    /// The target asked us to stay away for a while (captcha, firewall, 429).
    CoolingDown,
    /// The run was cut short by a crash or a kill.
    Interrupted,
    /// It ran, but the data folder took no record of it: the disk was full, or broken.
    NotRecorded,
    /// Whether it ran is not known any more: the record of that time was lost with a damaged
    /// database.
    Lost,
}

impl GapReason {
    /// The name used in the database and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::StillRunning => "still_running",
            Self::ShuttingDown => "shutting_down",
            Self::CoolingDown => "cooling_down",
            Self::Interrupted => "interrupted",
            Self::NotRecorded => "not_recorded",
            Self::Lost => "lost",
        }
    }
}

impl RunKind {
    /// The name used in the database and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Visit => "visit",
            Self::Crawl => "crawl",
        }
    }
}

impl Run {
    /// The step at which the journey ended, when it did not go through.
    pub fn ending(&self) -> Option<&StepRecord> {
        self.steps.iter().find(|step| !step.outcome.goes_on())
    }
}
