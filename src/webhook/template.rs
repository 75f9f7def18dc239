//! A template of the user's own, filled in.

use super::Message;
use super::payload::{id, times};
use crate::plan::hook_template::HookText;

/// The JSON of a message.
pub(super) fn fill(template: &HookText, message: &Message<'_>) -> String {
    template.fill(|name| value(name, message))
}

/// What a name of [`NAMES`](crate::plan::hook_template::NAMES) stands for; nothing when there is none.
pub(super) fn value(name: &str, message: &Message<'_>) -> Option<String> {
    let notice = message.notice;
    let facts = notice.facts();
    let (since, resolved_at) = times(&notice.matter);
    Some(match name {
        "title" => message.title.to_owned(),
        "text" => message.text.to_owned(),
        "kind" => notice.kind.name().to_owned(),
        "concern" => notice.concern.name().to_owned(),
        "severity" => notice.severity.name().to_owned(),
        "incident" => notice.incident.as_ref()?.to_string(),
        "message_id" => id(message).to_owned(),
        "created_at" => notice.created_at.to_string(),
        "since" => since?.to_string(),
        "resolved_at" => resolved_at?.to_string(),
        "target" => facts?.target.to_string(),
        "target_name" => facts?.target_name.clone(),
        "region" => facts?.region.clone()?,
        "entry" => facts?.entry.clone(),
        "probe" => facts?.probe.to_string(),
        "probe_title" => facts?.probe_title.clone(),
        "step" => facts?.step.clone(),
        "outcome" => facts?.outcome.name().to_owned(),
        "url" => facts?.url.clone(),
        "status" => facts?.status?.to_string(),
        "error" => facts?.error.clone()?,
        "acknowledge" => message.acknowledge?.to_string(),
        "command" => format!("shopper ack {}", notice.incident.as_ref()?),
        "vantage" => notice.place().0.to_owned(),
        _ => return None,
    })
}
