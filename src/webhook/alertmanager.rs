//! Alertmanager's API version 2: `POST /api/v2/alerts`.
//!
//! Labels say which alert it is and are the same from opening to recovery, in a message of its own or
//! in one about many; everything that changes or is not known everywhere is an annotation. An alert that lasts is told anew by reminders; `endsAt` is set by the recovery.
//! Alertmanager drops an alert that nobody repeats within its `resolve_timeout` (5 minutes), so one
//! that is open gets an `endsAt` far ahead.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Message;
use super::payload::{members, times};
use crate::domain::incident::Concern;
use crate::domain::notice::{Matter, Member, Notice, NoticeKind};

/// How long an alert lives that nobody ends: more than the longest gap between reminders, which is a
/// day unless the configuration says more.
const LIVES: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A message that is about no incident ends by itself.
const SHORT: SignedDuration = SignedDuration::from_hours(1);

#[derive(Serialize)]
struct Alert {
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    #[serde(rename = "startsAt")]
    starts_at: Timestamp,
    #[serde(rename = "endsAt")]
    ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

/// The alerts of a message, as a JSON array: one, or one for each incident of a flood.
pub fn alerts(message: &Message<'_>) -> String {
    let alerts = match message.notice.kind {
        NoticeKind::Flood => members(message).0.iter().map(|member| of_member(member, message)).collect(),
        _ => vec![of_notice(message)],
    };
    serde_json::to_string(&alerts).unwrap_or_default()
}

fn of_notice(message: &Message<'_>) -> Alert {
    let notice = message.notice;
    let mut labels = named([
        ("alertname", alert_name(notice).to_owned()),
        ("incident", notice.incident.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("vantage", notice.place().0.to_owned()),
    ]);
    let (label, value) = match &notice.matter {
        Matter::Facts(facts) => ("target", facts.target.to_string()),
        Matter::Wave(facts) => ("shared", facts.shared.name().to_owned()),
        Matter::Undeliverable(facts) => ("recipient", facts.to.to_string()),
        _ => ("target", String::new()),
    };
    labels.extend(named([(label, value)]));
    let mut annotations = named([
        ("summary", message.title.to_owned()),
        ("description", message.text.to_owned()),
        ("severity", notice.severity.name().to_owned()),
        ("concern", notice.concern.name().to_owned()),
        ("kind", notice.kind.name().to_owned()),
    ]);
    if let Some(facts) = notice.facts() {
        annotations.extend(named([
            ("target_name", facts.target_name.clone()),
            ("probe", facts.probe.to_string()),
            ("region", facts.region.clone().unwrap_or_default()),
        ]));
    }
    if let Some(page) = message.acknowledge {
        annotations.insert("acknowledge".to_owned(), page.to_string().into());
    }
    let (since, resolved_at) = times(&notice.matter);
    let lives = if since.is_some() { LIVES } else { SHORT };
    Alert {
        labels,
        annotations,
        starts_at: since.unwrap_or(notice.created_at),
        ends_at: resolved_at.unwrap_or_else(|| later(notice.created_at, lives)),
        generator_url: notice.facts().map(|facts| facts.url.clone()).filter(|url| is_web(url)),
    }
}

/// The same alert as its own notice would have made, with less to read.
fn of_member(member: &Member, message: &Message<'_>) -> Alert {
    let labels = named([
        ("alertname", concern_name(member.concern).to_owned()),
        ("incident", member.incident.to_string()),
        ("target", member.target.to_string()),
        ("vantage", message.notice.place().0.to_owned()),
    ]);
    let summary = format!("{}: {}, {}", member.target_name, member.probe_title, member.step);
    let annotations = named([
        ("summary", summary),
        ("severity", member.concern.severity().name().to_owned()),
        ("concern", member.concern.name().to_owned()),
    ]);
    let ends_at = member.closed_at.unwrap_or_else(|| later(message.notice.created_at, LIVES));
    Alert { labels, annotations, starts_at: member.since, ends_at, generator_url: None }
}

fn named<const N: usize>(pairs: [(&str, String); N]) -> Map<String, Value> {
    pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// The alert's name: what is wrong, in Alertmanager's way of writing.
fn alert_name(notice: &Notice) -> &'static str {
    match &notice.matter {
        Matter::Wave(_) => "PortalWave",
        Matter::Digest(_) => "ShopperDigest",
        Matter::Heartbeat(_) => "ShopperHeartbeat",
        Matter::Undeliverable(_) => "ShopperUndeliverable",
        Matter::Test(_) => "ShopperTest",
        Matter::Vantage(_) => "ShopperBlind",
        // What is slow and then down is one incident, and one alert.
        Matter::Facts(_) => concern_name(notice.concern),
    }
}

fn concern_name(concern: Concern) -> &'static str {
    match concern {
        Concern::Outage | Concern::Slow | Concern::Links => "PortalTrouble",
        Concern::ScriptRot => "ShopperScriptRot",
        Concern::Vantage => "ShopperBlind",
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

fn is_web(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}
