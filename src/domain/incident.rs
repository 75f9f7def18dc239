//! Incidents: what is wrong, how bad it is, and when it opens and closes.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{IncidentId, ProbeId, RunId, TargetId};
use super::outcome::Outcome;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// Citizens cannot use it.
    #[default]
    Outage,
    /// It works, but takes longer than the probe allows.
    Slow,
    /// More links are broken than the probe allows.
    Links,
    /// The page works and our script no longer fits it: ours, and never counted against the portal.
    ScriptRot,
    /// We cannot see: our own network, DNS or browser. Portals are spared.
    Vantage,
}

impl Concern {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Outage, Self::Slow, Self::Links, Self::ScriptRot, Self::Vantage];

    /// The name used in the configuration, the database and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Slow => "slow",
            Self::Links => "links",
            Self::ScriptRot => "script_rot",
            Self::Vantage => "vantage",
        }
    }

    /// The concern with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|concern| concern.name() == name)
    }

    /// How bad it is, when the probe does not say that it is less.
    pub fn severity(self) -> Severity {
        match self {
            Self::Outage | Self::Vantage => Severity::Outage,
            Self::Slow | Self::Links | Self::ScriptRot => Severity::Degraded,
        }
    }
}

/// How bad something is, the least first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing: digests, heartbeats.
    Info,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    #[default]
    Outage,
}

impl Severity {
    /// Every one, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Degraded, Self::Outage];

    /// The name used in the configuration, the database and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Degraded => "degraded",
            Self::Outage => "outage",
        }
    }

    /// The severity with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// What an incident is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One probe on one target.
    #[default]
    Pair,
    /// Many targets at once.
    Wave {
        /// What they have in common.
        shared: Shared,
    },
    /// Ourselves.
    Vantage,
}

impl Scope {
    /// The name used in the database and in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Wave { .. } => "wave",
            Self::Vantage => "vantage",
        }
    }

    /// What the targets of a wave have in common.
    pub fn shared(&self) -> Option<&Shared> {
        match self {
            Self::Wave { shared } => Some(shared),
            Self::Pair | Self::Vantage => None,
        }
    }
}

/// What the targets of a wave have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// A region.
    Region(String),
    /// A host that several targets stand on.
    Host(String),
}

impl Shared {
    /// The region's or the host's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Region(name) | Self::Host(name) => name,
        }
    }
}

/// Somebody took an incident upon himself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledgement {
    /// When.
    pub at: Timestamp,
    /// Who, as he calls himself or as the mail was addressed.
    pub by: String,
    /// What he says about it.
    pub note: Option<String>,
}

/// A confirmed incident: of one probe on one target, of many targets at once, or of ourselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// What is wrong.
    #[serde(default)]
    pub concern: Concern,
    /// How bad it is: the concern's severity, or less when the probe says so.
    #[serde(default)]
    pub severity: Severity,
    /// What it is about.
    #[serde(default)]
    pub scope: Scope,
    /// The incident that speaks for this one: nobody is told about this one alone.
    #[serde(default)]
    pub parent: Option<IncidentId>,
    /// It comes and goes, and is held open until it is steady.
    #[serde(default)]
    pub flapping: bool,
    /// Who took it upon himself.
    #[serde(default)]
    pub acknowledged: Option<Acknowledgement>,
    /// The probe; empty for a wave and for ourselves.
    pub probe: ProbeId,
    /// The target; empty for a wave and for ourselves.
    pub target: TargetId,
    /// When the first of the failing runs began.
    pub since: Timestamp,
    /// When it was confirmed.
    pub opened_at: Timestamp,
    /// The run that confirmed it; absent for a wave, and for ourselves.
    pub opened_by: Option<RunId>,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// The run that ended it.
    pub closed_by: Option<RunId>,
    /// When somebody was first told that it is open; absent while that is held back.
    #[serde(default)]
    pub told_at: Option<Timestamp>,
    /// When somebody was last told.
    pub last_notice_at: Option<Timestamp>,
    /// How often people were reminded.
    #[serde(default)]
    pub reminders: u32,
    /// The Message-ID of the first mail: the root of the thread, in angle brackets.
    pub thread: String,
    /// How the failing step ended.
    pub outcome: Outcome,
    /// The failing step.
    pub step: String,
}

/// How much has to be seen before something is believed: so many runs in a row, and so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Runs in a row; at least 1.
    pub runs: u32,
    /// Time from the first of them to the last; none when absent.
    pub time: Option<Duration>,
}

impl Threshold {
    /// So many runs in a row, however short the time.
    pub fn runs(runs: u32) -> Self {
        Self { runs, time: None }
    }
}

/// When an incident opens, closes and is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRules {
    /// Failed runs in a row before an incident opens.
    pub confirm: Threshold,
    /// Good runs in a row before it closes.
    pub recover: Threshold,
    /// How long after the first notice the first reminder goes out; each further gap is twice as long, up
    /// to a day or this, if it is longer. Never when absent.
    pub remind: Option<Duration>,
    /// Whether what comes and goes is held together as one incident.
    pub flapping: bool,
    /// So many targets of one region or host at once are one incident; 0: never.
    pub wave: u32,
    /// How long the first notice waits at most for others to be confirmed that fail at the same time.
    pub gather: Duration,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            confirm: Threshold::runs(2),
            recover: Threshold::runs(2),
            remind: Some(Duration::from_hours(4)),
            flapping: true,
            wave: 3,
            gather: Duration::from_mins(1),
        }
    }
}
