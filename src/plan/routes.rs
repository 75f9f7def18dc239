//! Who is told what: the ways of `[[mail.route]]`, `[[webhook]]`, `[[mail.digest]]` and
//! `[mail.heartbeat]`, and who would be told nothing.
//!
//! Invariant: nobody is subscribed by accident. A way has a recipient that exists, takes outages
//! only unless it says more, and a probe that no way takes is a fault.

use std::time::Duration;

use jiff::civil::Time;

use super::alarm::{DigestPlan, HeartbeatPlan, QuietHours, Route, RouteFilter};
use super::post::address;
use super::probes::{ProbeDraft, label, schedule};
use super::table::{Fields, Item, Reader, Text};
use super::targets::TargetDraft;
use super::words::{listed, suggest_or_list};
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::Recipient;
use crate::domain::target::TargetClass;

/// What routes refer to.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The targets.
    pub targets: &'a [TargetDraft],
    /// The probes.
    pub probes: &'a [ProbeDraft],
    /// The names of webhooks.
    pub hooks: &'a [String],
    /// The zone of schedules.
    pub timezone: &'a str,
}

/// How many targets a message names.
const NAMED: usize = 3;

/// The longest wait before the next ones are told.
const LONGEST_WAIT: Duration = Duration::from_hours(7 * 24);

/// `[[mail.route]]`.
pub(super) fn route(fields: Fields<'_>, known: Known<'_>) -> Option<Route> {
    let to = recipients(&fields, "a route without a recipient", known);
    let (when, after, quiet) = way(&fields, known);
    fields.finish();
    Some(Route { to: to?, when, after, quiet })
}

/// `when`, `after` and `quiet`, as routes and webhooks have them.
pub(super) fn way(fields: &Fields<'_>, known: Known<'_>) -> (RouteFilter, Duration, Option<QuietHours>) {
    let when = fields.get("when").map(|item| filter(&item, RouteFilter::default(), known));
    let after = fields.get("after").and_then(|item| item.duration(Duration::from_mins(1)..=LONGEST_WAIT));
    let quiet = fields.get("quiet").and_then(|item| quiet(&item));
    (when.unwrap_or_default(), after.unwrap_or_default(), quiet)
}

/// `[[mail.digest]]`: it tells of everything that is wrong unless it says less.
pub(super) fn digest(fields: Fields<'_>, known: Known<'_>) -> Option<DigestPlan> {
    let to = recipients(&fields, "a digest without a recipient", known);
    let all = RouteFilter { severities: Severity::ALL.to_vec(), ..RouteFilter::default() };
    let when = match fields.get("when") {
        Some(item) => filter(&item, all, known),
        None => all,
    };
    let slots = fields.need("schedule", "write schedule = \"0 9 * * *\", or \"0 9 * * 1\" for Mondays");
    let slots = slots.and_then(|item| item.filled()).and_then(|text| schedule(&text, known.timezone));
    fields.finish();
    Some(DigestPlan { to: to?, when, schedule: slots? })
}

/// `[mail.heartbeat]`.
pub(super) fn heartbeat(item: &Item<'_>, known: Known<'_>) -> Option<HeartbeatPlan> {
    let fields = item.table("[mail.heartbeat]")?;
    let to = recipients(&fields, "a heartbeat without a recipient", known);
    let slots = fields.need("schedule", "write schedule = \"0 9 * * *\"");
    let slots = slots.and_then(|item| item.filled()).and_then(|text| schedule(&text, known.timezone));
    fields.finish();
    Some(HeartbeatPlan { to: to?, schedule: slots? })
}

/// `to`: mail addresses, or `hook:` and the name of a webhook.
fn recipients(fields: &Fields<'_>, nobody: &str, known: Known<'_>) -> Option<Vec<Recipient>> {
    let hint = "write to = [\"oncall@example.org\"]";
    let item = fields.need("to", hint)?;
    let texts = item.one_or_more()?;
    if texts.is_empty() {
        item.error(nobody, hint.to_owned());
    }
    let read: Vec<_> = texts.iter().filter_map(|text| recipient(text, known)).collect();
    (!read.is_empty()).then_some(read)
}

fn recipient(text: &Text<'_>, known: Known<'_>) -> Option<Recipient> {
    let Some(name) = text.value.strip_prefix("hook:") else {
        return address(text).map(Recipient::Mail);
    };
    if known.hooks.iter().any(|hook| hook == name) {
        return Some(Recipient::Hook(name.to_owned()));
    }
    let names: Vec<&str> = known.hooks.iter().map(String::as_str).collect();
    let hint = if names.is_empty() {
        Some("add a [[webhook]] with this name".to_owned())
    } else {
        suggest_or_list(name, &names, "webhooks")
    };
    text.error(format!("unknown webhook `{name}`"), hint);
    None
}

/// `when = { region = "…", severity = ["outage", "degraded"] }`.
fn filter(item: &Item<'_>, mut filter: RouteFilter, known: Known<'_>) -> RouteFilter {
    let Some(fields) = item.table("a route's `when`") else { return filter };
    let severities = Severity::ALL.map(|severity| (severity.name(), severity));
    let concerns = Concern::ALL.map(|concern| (concern.name(), concern));
    for entry in fields.entries() {
        match entry.name {
            "severity" => {
                let wanted = choices(&entry, &severities);
                filter.severities = if wanted.is_empty() { filter.severities } else { wanted };
            }
            "concern" => filter.concerns = choices(&entry, &concerns),
            "class" => {
                let classes = [("live", TargetClass::Live), ("test", TargetClass::Test)];
                filter.classes = choices(&entry, &classes);
            }
            "target" => {
                let ids: Vec<_> = known.targets.iter().map(|draft| draft.target.id.as_str()).collect();
                filter.targets = existing(&entry, &ids, "target");
            }
            "probe" => {
                let ids: Vec<_> = known.probes.iter().filter_map(|draft| draft.id.as_deref()).collect();
                filter.probes = existing(&entry, &ids, "probe");
            }
            name => {
                if let Some(text) = label(&entry, known.targets) {
                    filter.labels.push((name.to_owned(), text.value.to_owned()));
                }
            }
        }
    }
    // Only degraded things are slow, rotten or full of dead links: whoever asks for them by name
    // would hear nothing with outages alone.
    let asked = fields.entries().iter().any(|entry| entry.name == "severity");
    if !asked {
        for severity in filter.concerns.iter().map(|concern| concern.severity()) {
            if !filter.severities.contains(&severity) {
                filter.severities.push(severity);
            }
        }
    }
    filter
}

/// One of several names, or a list of them.
fn choices<T: Copy>(item: &Item<'_>, known: &[(&'static str, T)]) -> Vec<T> {
    if item.is_list() {
        let items = item.list("a list of names").unwrap_or_default();
        if items.is_empty() {
            item.error(format!("`{}` takes nothing", item.name), "leave it out".to_owned());
        }
        return items.iter().filter_map(|item| item.choice(known)).collect();
    }
    item.choice(known).into_iter().collect()
}

/// One or more ids that have to exist.
fn existing(item: &Item<'_>, ids: &[&str], noun: &str) -> Vec<String> {
    let texts = item.one_or_more().unwrap_or_default();
    if item.is_list() && texts.is_empty() {
        item.error(format!("`{}` takes nothing", item.name), "leave it out for all of them".to_owned());
    }
    for text in texts.iter().filter(|text| !ids.contains(&text.value)) {
        let hint = suggest_or_list(text.value, ids, &format!("{noun}s"));
        text.error(format!("unknown {noun} `{}`", text.value), hint);
    }
    texts.iter().map(|text| text.value.to_owned()).collect()
}

/// `quiet = { from = "22:00", until = "07:00", unless = "outage" }`.
fn quiet(item: &Item<'_>) -> Option<QuietHours> {
    let fields = item.table("quiet hours")?;
    let from = fields.need("from", "write from = \"22:00\"").and_then(|item| time(&item));
    let until = fields.need("until", "write until = \"07:00\"").and_then(|item| time(&item));
    let bad = [("outage", Severity::Outage), ("degraded", Severity::Degraded)];
    let unless = fields.get("unless").map(|item| item.choice(&bad));
    if let (Some(from), Some(until)) = (from, until)
        && from == until
    {
        item.error("quiet hours that never end", "let them end at another time than they begin".to_owned());
    }
    fields.finish();
    Some(QuietHours { from: from?, until: until?, unless: unless.unwrap_or(Some(Severity::Outage))? })
}

/// `"22:00"`.
fn time(item: &Item<'_>) -> Option<Time> {
    let text = item.filled()?;
    let read = Time::strptime("%H:%M", text.value);
    if read.is_err() {
        text.error(
            format!("`{}` is not a time of day", text.value),
            "write hours and minutes, such as \"22:00\"".to_owned(),
        );
    }
    read.ok()
}

/// Keeps probes that are nobody's (`tell = "nobody"`) out of the routes that take every probe.
pub(super) fn leave_out(routes: &mut [Route], probes: &[ProbeDraft]) {
    if !probes.iter().any(|draft| draft.untold) {
        return;
    }
    let told: Vec<String> =
        probes.iter().filter(|draft| !draft.untold).filter_map(|draft| draft.id.clone()).collect();
    for route in routes.iter_mut().filter(|route| route.when.probes.is_empty()) {
        // An empty list would mean every probe; none is called "".
        route.when.probes = if told.is_empty() { vec![String::new()] } else { told.clone() };
    }
}

/// Refuses probes whose outages nobody would hear of at once, and those that are nobody's and yet
/// have a route of their own.
pub(super) fn check_heard(routes: &[Route], probes: &[ProbeDraft], reader: Reader<'_>) {
    for draft in probes {
        let Some(probe) = &draft.probe else { continue };
        let span = draft.span.clone();
        if draft.untold {
            if routes.iter().any(|route| route.when.probes.iter().any(|id| id == probe.id.as_str())) {
                let message = format!("a route names `{}`, and nobody is to be told about it", probe.id);
                let hint = "take tell = \"nobody\" out, or the probe out of the route's `when`".to_owned();
                reader.error(span, message, hint);
            }
            continue;
        }
        let severity = probe.severity.min(Severity::Outage);
        let unheard: Vec<&str> = probe
            .targets
            .iter()
            .filter(|target| {
                let about = Some((&probe.id, &***target));
                let mut at_once = routes.iter().filter(|route| route.after.is_zero());
                !at_once.any(|route| route.when.takes(about, Concern::Outage, severity))
            })
            .map(|target| target.id.as_str())
            .collect();
        if unheard.len() == probe.targets.len() {
            let message = format!("nobody is told about outages of `{}`", probe.id);
            let hint =
                "add a [[mail.route]] or [[webhook]] that takes it at once, or write tell = \"nobody\"";
            reader.error(span, message, hint.to_owned());
        } else if !unheard.is_empty() {
            let more = match unheard.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let named = listed(&unheard[..unheard.len().min(NAMED)]);
            let message = format!("nobody is told about outages of `{}` on {named}{more}", probe.id);
            reader.warn(span, message, "add a route that takes these targets, too".to_owned());
        }
    }
}
