//! Our own JSON, for programs that are written for it.
//!
//! Invariant: within version 1 keys are added and none changes its meaning or goes away. The schema
//! is `shopper schema webhook`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::{Matter, Member, NoticeKind};
use crate::domain::outcome::Outcome;

use super::Message;

/// The version of what is written here.
pub const VERSION: u32 = 1;

/// What a webhook with the template `generic` is sent.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Payload {
    /// Keys are added within a version, none changes or goes away.
    pub version: u32,
    /// The same for every try of one notice to one webhook: what was seen already can be dropped.
    pub id: String,
    /// What happened.
    pub kind: NoticeKind,
    /// What is wrong.
    pub concern: Concern,
    /// How bad it is.
    pub severity: Severity,
    /// When it was decided.
    pub created_at: Timestamp,
    /// The incident, when it is about one.
    pub incident: Option<String>,
    /// The subject of its mail.
    pub title: String,
    /// The text of its mail.
    pub text: String,
    /// Where somebody says that he takes care of it.
    pub acknowledge: Option<String>,
    /// Where the agent stands.
    pub vantage: String,
    /// The portal, when it is about one.
    pub target: Option<About>,
    /// What is done there, when it is about one.
    pub probe: Option<About>,
    /// The portal's region.
    pub region: Option<String>,
    /// The portal's home page.
    pub entry: Option<String>,
    /// The step.
    pub step: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The address on which it ended.
    pub url: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// What went wrong, as a sentence.
    pub error: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When it ended, for recoveries.
    pub resolved_at: Option<Timestamp>,
    /// The incidents of a wave, a digest or a flood, or of what waits for somebody else; fewer than all may be named.
    pub incidents: Vec<Listed>,
    /// How many there are in all.
    pub incidents_in_all: u32,
}

/// A portal or a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct About {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One incident of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listed {
    /// Its id.
    pub incident: String,
    /// The portal.
    pub target: About,
    /// What is done there, in people's words.
    pub probe: String,
    /// The step.
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

impl Payload {
    /// What a message says.
    pub fn of(message: &Message<'_>) -> Self {
        let notice = message.notice;
        let facts = notice.facts();
        let (members, in_all) = members(message);
        let (since, resolved_at) = times(&notice.matter);
        Self {
            version: VERSION,
            id: id(message).to_owned(),
            kind: notice.kind,
            concern: notice.concern,
            severity: notice.severity,
            created_at: notice.created_at,
            incident: notice.incident.as_ref().map(ToString::to_string),
            title: message.title.to_owned(),
            text: message.text.to_owned(),
            acknowledge: message.acknowledge.map(ToString::to_string),
            vantage: notice.place().0.to_owned(),
            target: facts
                .map(|facts| About { id: facts.target.to_string(), name: facts.target_name.clone() }),
            probe: facts.map(|facts| About { id: facts.probe.to_string(), name: facts.probe_title.clone() }),
            region: facts.and_then(|facts| facts.region.clone()),
            entry: facts.map(|facts| facts.entry.clone()),
            step: facts.map(|facts| facts.step.clone()),
            outcome: facts.map(|facts| facts.outcome),
            url: facts.map(|facts| facts.url.clone()),
            status: facts.and_then(|facts| facts.status),
            error: facts.and_then(|facts| facts.error.clone()),
            since,
            resolved_at,
            incidents: members.iter().map(Listed::of).collect(),
            incidents_in_all: in_all,
        }
    }

    /// As JSON. There is nothing in it that JSON could not carry.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Listed {
    fn of(member: &Member) -> Self {
        Self {
            incident: member.incident.to_string(),
            target: About { id: member.target.to_string(), name: member.target_name.clone() },
            probe: member.probe_title.clone(),
            step: member.step.clone(),
            outcome: member.outcome,
            concern: member.concern,
            since: member.since,
            closed_at: member.closed_at,
        }
    }
}

/// What every try of a notice has in common: its Message-ID without the brackets.
pub fn id<'a>(message: &Message<'a>) -> &'a str {
    message.notice.message_id.trim_start_matches('<').trim_end_matches('>')
}

/// The incidents of a message about several, and how many there are.
pub fn members<'a>(message: &Message<'a>) -> (&'a [Member], u32) {
    match &message.notice.matter {
        Matter::Wave(facts) => (&facts.members, facts.in_all),
        Matter::Digest(facts) => (&facts.incidents, facts.incidents_in_all),
        Matter::Undeliverable(facts) => {
            facts.waiting.as_ref().map_or((&[], 0), |waits| (&waits.incidents, waits.incidents_in_all))
        }
        _ => (&[], 0),
    }
}

/// Since when, and until when.
pub fn times(matter: &Matter) -> (Option<Timestamp>, Option<Timestamp>) {
    match matter {
        Matter::Facts(facts) => (Some(facts.since), facts.resolved_at),
        Matter::Wave(facts) => (Some(facts.since), facts.resolved_at),
        Matter::Vantage(facts) => (Some(facts.since), facts.resolved_at),
        _ => (None, None),
    }
}
