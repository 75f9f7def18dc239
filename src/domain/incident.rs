//! Incidents and the notices about them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{EvidenceHash, IncidentId, NoticeId, ProbeId, RunId, TargetId};
use super::link::LinkClass;
use super::outcome::Outcome;

/// A confirmed outage of one probe on one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// The probe.
    pub probe: ProbeId,
    /// The target.
    pub target: TargetId,
    /// When the first of the failing runs began.
    pub since: Timestamp,
    /// When it was confirmed.
    pub opened_at: Timestamp,
    /// The run that confirmed it.
    pub opened_by: RunId,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// The run that ended it.
    pub closed_by: Option<RunId>,
    /// When somebody was last told.
    pub last_notice_at: Option<Timestamp>,
    /// The Message-ID of the first mail: the root of the thread, in angle brackets.
    pub thread: String,
    /// How the failing step ended.
    pub outcome: Outcome,
    /// The failing step.
    pub step: String,
}

/// Something to tell people about an incident. It carries all that a mail needs, so that a mail
/// written again after a restart says the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// The incident.
    pub incident: IncidentId,
    /// What happened.
    pub kind: NoticeKind,
    /// When it was decided.
    pub created_at: Timestamp,
    /// The Message-ID, fixed before the first try, in angle brackets.
    pub message_id: String,
    /// The root of the thread, for In-Reply-To and References; absent in the first mail.
    pub in_reply_to: Option<String>,
    /// What people need to know.
    pub facts: NoticeFacts,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// An outage was confirmed.
    Opened,
    /// It still lasts.
    Reminder,
    /// It is over.
    Resolved,
}

impl NoticeKind {
    /// The name used in the database and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reminder => "reminder",
            Self::Resolved => "resolved",
        }
    }
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeFacts {
    /// The target.
    pub target: TargetId,
    /// Its name.
    pub target_name: String,
    /// Its region, if it has one.
    pub region: Option<String>,
    /// Its home page.
    pub entry: String,
    /// The probe.
    pub probe: ProbeId,
    /// What the probe does, in people's words: the scenario's title, or the kind of check.
    pub probe_title: String,
    /// The failing step.
    pub step: String,
    /// How many steps worked before it, and how many there are.
    pub position: (u32, u32),
    /// How the step ended.
    pub outcome: Outcome,
    /// The address on which it ended.
    pub url: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong, as a sentence.
    pub error: Option<String>,
    /// The phrase or dialog by which the page said so.
    pub phrase: Option<String>,
    /// The links that do not work, when it is about their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<BrokenLinks>,
    /// Since when.
    pub since: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Timestamp,
    /// When it ended, for recoveries.
    pub resolved_at: Option<Timestamp>,
    /// The newest of the runs that say so, oldest first.
    pub runs: Vec<RunId>,
    /// How many runs say so; 0 in notices of earlier versions, which know no more than `runs`.
    #[serde(default)]
    pub runs_in_all: u32,
    /// The screenshot of the failing step.
    pub screenshot: Option<EvidenceHash>,
    /// Where the agent stands.
    pub vantage: String,
    /// The IANA time zone in which times are written.
    pub timezone: String,
}

/// What a mail says of links that do not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenLinks {
    /// How many there are.
    pub broken: u32,
    /// How many of them stand on the home page.
    pub on_home: u32,
    /// How many may be broken, when more are.
    pub limit: Option<u32>,
    /// The first of them, those of the home page before the others.
    pub first: Vec<NamedLink>,
}

/// A link that a mail names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedLink {
    /// Where it leads.
    pub url: String,
    /// What is wrong with it.
    pub class: LinkClass,
    /// The status, when there was an answer.
    pub status: Option<u16>,
}

/// When an incident opens, closes and is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRules {
    /// Failed runs in a row before an incident opens; at least 1.
    pub confirm: u32,
    /// Good runs in a row before it closes; at least 1.
    pub recover: u32,
    /// How long after a notice the next reminder goes out; never when absent.
    pub remind: Option<std::time::Duration>,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self { confirm: 2, recover: 2, remind: Some(std::time::Duration::from_hours(4)) }
    }
}

/// One mail that waits in the outbox: a notice to one recipient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its row in the outbox.
    pub id: i64,
    /// What is said.
    pub notice: Notice,
    /// The recipient of this mail.
    pub to: String,
    /// Every recipient of the notice, for the To header.
    pub all: Vec<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try_at: Timestamp,
}
