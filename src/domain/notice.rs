//! Notices: what people are told, by what way, complete.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{EvidenceHash, IncidentId, NoticeId, ProbeId, RunId, ScenarioId, TargetId};
use super::incident::{Acknowledgement, Concern, Severity, Shared};
use super::link::LinkClass;
use super::outcome::Outcome;

/// Something to tell people. It carries all that a mail needs, so that a mail written again after a
/// restart says the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// The incident, when it is about one.
    pub incident: Option<IncidentId>,
    /// What happened.
    pub kind: NoticeKind,
    /// What is wrong, when it is about an incident.
    #[serde(default)]
    pub concern: Concern,
    /// How bad it is.
    #[serde(default)]
    pub severity: Severity,
    /// When it was decided.
    pub created_at: Timestamp,
    /// The Message-ID, fixed before the first try, in angle brackets.
    pub message_id: String,
    /// The root of the thread, for In-Reply-To and References; absent in the first mail.
    pub in_reply_to: Option<String>,
    /// What people need to know.
    #[serde(flatten)]
    pub matter: Matter,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// An incident was confirmed.
    Opened,
    /// What worked badly does not work at all now.
    Worsened,
    /// It comes and goes; it is called over when it is steady.
    Flapping,
    /// It still lasts.
    Reminder,
    /// It still lasts and nobody took it upon himself: the next ones are told.
    Escalated,
    /// It is over.
    Resolved,
    /// A day or a week in numbers.
    Digest,
    /// We are alive.
    Heartbeat,
    /// So much happened at once that one mail tells it all.
    Flood,
    /// Somebody could not be told.
    Undeliverable,
    /// Somebody tries whether mail arrives.
    Test,
}

impl NoticeKind {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Opened,
        Self::Worsened,
        Self::Flapping,
        Self::Reminder,
        Self::Escalated,
        Self::Resolved,
        Self::Digest,
        Self::Heartbeat,
        Self::Flood,
        Self::Undeliverable,
        Self::Test,
    ];

    /// The name used in the database and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Worsened => "worsened",
            Self::Flapping => "flapping",
            Self::Reminder => "reminder",
            Self::Escalated => "escalated",
            Self::Resolved => "resolved",
            Self::Digest => "digest",
            Self::Heartbeat => "heartbeat",
            Self::Flood => "flood",
            Self::Undeliverable => "undeliverable",
            Self::Test => "test",
        }
    }
}

impl Notice {
    /// What it says of one probe on one target, when it is about that.
    pub fn facts(&self) -> Option<&NoticeFacts> {
        match &self.matter {
            Matter::Facts(facts) => Some(facts),
            _ => None,
        }
    }

    /// Where the agent stands, and the IANA time zone in which times are written.
    pub fn place(&self) -> (&str, &str) {
        match &self.matter {
            Matter::Facts(facts) => (&facts.vantage, &facts.timezone),
            Matter::Wave(facts) => (&facts.vantage, &facts.timezone),
            Matter::Vantage(facts) => (&facts.vantage, &facts.timezone),
            Matter::Digest(facts) => (&facts.vantage, &facts.timezone),
            Matter::Heartbeat(facts) => (&facts.vantage, &facts.timezone),
            Matter::Undeliverable(facts) => (&facts.vantage, &facts.timezone),
            Matter::Test(facts) => (&facts.vantage, &facts.timezone),
        }
    }

    /// What it says of one probe on one target, to be changed.
    pub fn facts_mut(&mut self) -> Option<&mut NoticeFacts> {
        match &mut self.matter {
            Matter::Facts(facts) => Some(facts),
            _ => None,
        }
    }
}

/// What people need to know, by what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// One probe on one target. Called `facts` since the first version.
    Facts(Box<NoticeFacts>),
    /// Many targets at once.
    Wave(Box<WaveFacts>),
    /// Ourselves.
    Vantage(Box<VantageFacts>),
    /// A day, a week, or a flood.
    Digest(Box<DigestFacts>),
    /// A sign of life.
    Heartbeat(Box<HeartbeatFacts>),
    /// Somebody could not be told.
    Undeliverable(Box<UndeliverableFacts>),
    /// A test.
    Test(Box<TestFacts>),
}

/// Who is told, and by what way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub enum Recipient {
    /// A mail address.
    Mail(String),
    /// A webhook, by its name in the configuration. Written `hook:name`; no mail address has a colon.
    Hook(String),
}

impl From<String> for Recipient {
    fn from(text: String) -> Self {
        match text.strip_prefix("hook:") {
            Some(name) => Self::Hook(name.to_owned()),
            None => Self::Mail(text),
        }
    }
}

impl From<&str> for Recipient {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.to_string()
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mail(address) => f.write_str(address),
            Self::Hook(name) => write!(f, "hook:{name}"),
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
    /// How long the journey took and may take, when it is slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slowness>,
    /// The scenario and who wrote it, when its script no longer fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioId>,
    /// What else fails on the target and is told with this: the probes' titles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with_it: Vec<String>,
    /// What was tried besides the runs, as sentences: the raw visit, the canaries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// Who took it upon himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
    /// Why this is told later than it was decided: a maintenance window or quiet hours that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}

/// How long a journey took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slowness {
    /// So long, in milliseconds.
    pub took_ms: u64,
    /// It may take so long.
    pub allowed_ms: u64,
}

/// What a mail says of many targets at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaveFacts {
    /// What they have in common.
    pub shared: Shared,
    /// The incidents that it speaks for, the first ones first.
    pub members: Vec<Member>,
    /// How many there are in all; fewer may be named.
    pub in_all: u32,
    /// How many of them are over.
    pub over: u32,
    /// Since when the first of them lasts.
    pub since: Timestamp,
    /// When it was confirmed.
    pub confirmed_at: Timestamp,
    /// When the last of them ended, for recoveries.
    pub resolved_at: Option<Timestamp>,
    /// Where the agent stands.
    pub vantage: String,
    /// The IANA time zone in which times are written.
    pub timezone: String,
    /// Who took it upon himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledgement>,
}

/// One incident in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub incident: IncidentId,
    /// The target.
    pub target: TargetId,
    /// Its name.
    pub target_name: String,
    /// What the probe does, in people's words.
    pub probe_title: String,
    /// The failing step.
    pub step: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What is wrong.
    pub concern: Concern,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub closed_at: Option<Timestamp>,
}

/// What a mail says of ourselves: we cannot see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VantageFacts {
    /// Where the agent stands.
    pub vantage: String,
    /// The canaries, what was asked of them and what came.
    pub canaries: Vec<CanaryFact>,
    /// How many runs since then say nothing because of it.
    pub runs: u32,
    /// Since when.
    pub since: Timestamp,
    /// When it ended, for recoveries.
    pub resolved_at: Option<Timestamp>,
    /// The IANA time zone in which times are written.
    pub timezone: String,
}

/// Something that answers whenever we can see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CanaryFact {
    /// What it is.
    pub canary: Canary,
    /// What was asked: an address, a name.
    pub asked: String,
    /// What was wrong with the answer, as a sentence; nothing when it was as it should be.
    pub fault: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// What answers whenever we can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Canary {
    /// A page of our own on loopback, in the same browser.
    Browser,
    /// A name that always resolves.
    Dns,
    /// An unrelated site.
    Site,
}

/// What a digest says: of a day, a week, or a flood of incidents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DigestFacts {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The incidents that were open then, those that last first.
    pub incidents: Vec<Member>,
    /// How many there were; fewer may be named.
    pub incidents_in_all: u32,
    /// Runs by verdict: pass, degraded, fail, inconclusive.
    pub runs: [u64; 4],
    /// Slots that did not become runs.
    pub gaps: u64,
    /// Scripts that no longer fit, by scenario.
    pub script_rot: Vec<ScenarioId>,
    /// Mails that could not be delivered.
    pub undelivered: u64,
    /// Where the agent stands.
    pub vantage: String,
    /// The IANA time zone in which times are written.
    pub timezone: String,
}

/// What a sign of life says. That it does not come is the message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatFacts {
    /// When the next one is due.
    pub next_at: Option<Timestamp>,
    /// Runs since the last one.
    pub runs: u64,
    /// Incidents that last.
    pub open: u32,
    /// Mails that wait or were given up.
    pub mails_stuck: u64,
    /// The newest signed head of the chain of records, as text, when there is one.
    pub head: Option<String>,
    /// Where the agent stands.
    pub vantage: String,
    /// The IANA time zone in which times are written.
    pub timezone: String,
}

/// Whom we could not tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndeliverableFacts {
    /// Who was not told.
    pub to: Recipient,
    /// The subject of what he was not told, in short: target and step.
    pub about: String,
    /// What the server said.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What waits, when it was not given up and is still tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingFacts>,
    /// What it was about, when nobody else was told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard: Option<UnheardFacts>,
    /// Where the agent stands.
    pub vantage: String,
    /// The IANA time zone in which times are written.
    pub timezone: String,
}

/// What nobody was told, because the only one who was to hear of it cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnheardFacts {
    /// The incidents, those that last before the others; the first of them.
    pub incidents: Vec<Member>,
    /// How many there are.
    pub incidents_in_all: u32,
}

/// What waits for somebody who cannot be told at present, so that another one hears of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingFacts {
    /// Since when the oldest of it waits.
    pub since: Timestamp,
    /// Who else cannot be told by the same way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Recipient>,
    /// The incidents that it is about, those that last first; fewer than all may be named.
    pub incidents: Vec<Member>,
    /// How many there are.
    pub incidents_in_all: u32,
}

/// What a test says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestFacts {
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

/// One message that waits in the outbox: a notice to one recipient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its row in the outbox.
    pub id: i64,
    /// What is said.
    pub notice: Notice,
    /// The recipient.
    pub to: Recipient,
    /// Every recipient of the notice; those with mail addresses stand in the To header.
    pub all: Vec<Recipient>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try_at: Timestamp,
}
