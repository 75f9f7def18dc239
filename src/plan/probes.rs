//! `[[probe]]`: targets × what is done × when.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::alert;
use super::crawl;
use super::cron::Schedule;
use super::diagnostic::Diagnostic;
use super::load::Drafts;
use super::model::{Probe, Work};
use super::scenario::{Ground, valid_id};
use super::scope::Loader;
use super::table::{Fields, Item, Text};
use super::targets::{TargetDraft, unique};
use super::words::{listed, suggest, suggest_or_list};
use crate::domain::engine::Engine;
use crate::domain::ids::ProbeId;
use crate::domain::incident::{AlertRules, Severity};

/// What a probe's incidents may be at most.
const SEVERITIES: [(&str, Severity); 3] =
    [("outage", Severity::Outage), ("degraded", Severity::Degraded), ("info", Severity::Info)];

/// A probe, and what messages about it need.
#[derive(Debug, Clone)]
pub(super) struct ProbeDraft {
    /// The probe, unless a part of it is missing.
    pub probe: Option<Arc<Probe>>,
    /// Its id, when it has one.
    pub id: Option<String>,
    /// The bytes of its id.
    pub span: std::ops::Range<usize>,
    /// Nobody wants to hear of it: `tell = "nobody"`.
    pub untold: bool,
}

/// Reads all probes and the scenarios that they name.
pub(super) fn read(
    loader: &Loader<'_>,
    fields: &Fields<'_>,
    timezone: &str,
    targets: &[TargetDraft],
    alert: AlertRules,
) -> Vec<ProbeDraft> {
    let tables = fields.get("probe").map(|item| item.tables("a probe")).unwrap_or_default();
    let mut lines = BTreeMap::new();
    let mut scenarios = Drafts::default();
    let read = tables.into_iter().map(|table| {
        let id_item = table.need("id", "write id = \"drug-licence\"");
        let id = id_item.as_ref().and_then(valid_id).map(|id| ProbeId::new(id.as_str()));
        if let (Some(id), Some(item)) = (&id, &id_item) {
            unique(id.as_str(), item, &mut lines, "probes");
        }
        let span = id_item.as_ref().map_or(table.span.clone(), Item::span);
        let chosen = table.need("targets", "write targets = [\"*\"] for all of them");
        let chosen = chosen.and_then(|item| choose(&item, targets));
        let work = work(loader, &table, chosen.as_deref(), targets, &mut scenarios);
        let when =
            table.need("schedule", "write schedule = \"*/15 8-21 * * *\"").and_then(|item| item.filled());
        let when = when.and_then(|text| schedule(&text, timezone));
        let limits = Duration::ZERO..=Duration::from_hours(24);
        let jitter = table.get("jitter").and_then(|item| item.duration(limits)).unwrap_or_default();
        let engine = engine(&table, chosen.as_deref());
        let untold = untold(&table);
        let severity = table.get("severity").and_then(|item| item.choice(&SEVERITIES)).unwrap_or_default();
        let longest = Duration::from_millis(1)..=Duration::from_hours(24);
        let slow = table.get("slow").and_then(|item| item.duration(longest));
        let alert = alert::of_probe(&table, alert);
        table.finish();
        let probe = id.clone().zip(work).zip(chosen).zip(when).map(|(((id, work), chosen), schedule)| {
            let targets = chosen.iter().map(|draft| Arc::clone(&draft.target)).collect();
            Arc::new(Probe { id, work, engine, targets, schedule, jitter, alert, severity, slow })
        });
        ProbeDraft { probe, id: id.map(|id| id.as_str().to_owned()), span, untold }
    });
    read.collect()
}

/// `tell = "nobody"`: the probe is watched, and its outages are nobody's.
fn untold(fields: &Fields<'_>) -> bool {
    fields.get("tell").and_then(|item| item.choice(&[("nobody", true)])).unwrap_or(false)
}

/// The browser of a walk. What keeps anything from being submitted to a live target is a part of
/// Chromium, so no other engine walks one.
fn engine(fields: &Fields<'_>, chosen: Option<&[&TargetDraft]>) -> Engine {
    let Some(item) = fields.get("browser") else {
        return Engine::default();
    };
    let walks = fields.entries().iter().any(|entry| entry.name == "scenario");
    if !walks && fields.entries().iter().any(|entry| matches!(entry.name, "visit" | "crawl")) {
        item.error(
            "`browser` is for walks",
            "take it out: visits use none, and a link check looks with Chromium where it has to".to_owned(),
        );
        return Engine::default();
    }
    let Some(engine) = item.choice(&Engine::ALL) else {
        return Engine::default();
    };
    let live = chosen.unwrap_or_default().iter().find(|draft| draft.ground().live);
    if let Some(live) = live.filter(|_| engine != Engine::Chromium) {
        let name = live.target.id.as_str();
        item.error(
            format!("{} walks no live target, and `{name}` is one", engine.title()),
            "only Chromium has the request filter that keeps anything from being submitted: leave `browser` out, or name targets with class = \"test\"".to_owned(),
        );
    }
    engine
}

/// What is done: exactly one of `scenario`, `visit` and `crawl`.
fn work(
    loader: &Loader<'_>,
    fields: &Fields<'_>,
    chosen: Option<&[&TargetDraft]>,
    all: &[TargetDraft],
    scenarios: &mut Drafts,
) -> Option<Work> {
    const KINDS: [&str; 3] = ["scenario", "visit", "crawl"];
    if fields.entries().iter().all(|item| !KINDS.contains(&item.name)) {
        // Asked for, so that a misspelt one is told which it is like.
        for kind in KINDS {
            fields.get(kind);
        }
        let hint =
            "write scenario = \"scenarios/….toml\", visit = { within = \"15s\" } or crawl = { depth = 1 }";
        let message = "a probe needs one of `scenario`, `visit` and `crawl`";
        fields.reader.error(fields.span.clone(), message, hint.to_owned());
        return None;
    }
    let item = fields.only(&KINDS, &[], "probe")?;
    match item.name {
        "scenario" => walk(loader, &item, chosen, all, scenarios),
        "visit" => {
            let fields = item.table("a visit")?;
            let limits = Duration::from_secs(1)..=Duration::from_mins(5);
            let within = fields.get("within").map(|item| item.duration(limits));
            fields.finish();
            Some(Work::Visit { within: within.unwrap_or(Some(Duration::from_secs(15)))? })
        }
        _ => crawl::read(&item, chosen).map(Work::Crawl),
    }
}

fn walk(
    loader: &Loader<'_>,
    item: &Item<'_>,
    chosen: Option<&[&TargetDraft]>,
    all: &[TargetDraft],
    scenarios: &mut Drafts,
) -> Option<Work> {
    let text = item.filled()?;
    let path = Loader::below(Path::new(""), &text)?;
    let draft = scenarios.get(loader, &path, &text)?;
    if let Some(chosen) = chosen {
        let grounds: Vec<_> = chosen.iter().map(|draft| draft.ground()).collect();
        draft.check(&grounds, &mut loader.out.borrow_mut());
    } else if !all.is_empty() {
        // Which targets are meant is not known: only what none of them could give is told.
        let vars = all.iter().flat_map(|draft| draft.target.vars.clone()).collect();
        let any = Ground { name: None, vars: &vars, live: false, spots: None };
        draft.check(&[any], &mut loader.out.borrow_mut());
    }
    let shared = scenarios.shared(&path)?;
    let twin = scenarios.ids().find(|(other, scenario)| {
        *other != path && scenario.id == shared.id && !shared.id.as_str().is_empty()
    });
    if let Some((other, _)) = twin {
        let message = format!("two scenarios have the id `{}`", shared.id);
        text.error(message, format!("the other one is `{}`; give each an id of its own", other.display()));
    }
    Some(Work::Walk(shared))
}

/// The targets that a probe chooses, in file order.
fn choose<'t>(item: &Item<'_>, targets: &'t [TargetDraft]) -> Option<Vec<&'t TargetDraft>> {
    let items = if item.is_table() {
        vec![item.clone()]
    } else {
        if item.is_text() {
            item.wrong("a list or a table", "put it between [ and ]: [\"*\"]".to_owned());
            return None;
        }
        item.list("a list of targets")?
    };
    let mut chosen = vec![false; targets.len()];
    let mut faulty = false;
    for item in &items {
        let fits: Option<Vec<bool>> = if item.is_table() {
            by_labels(item, targets)
        } else {
            item.filled().and_then(|text| by_id(&text, targets))
        };
        match fits {
            Some(fits) => chosen.iter_mut().zip(fits).for_each(|(all, one)| *all |= one),
            None => faulty = true,
        }
    }
    let found: Vec<_> = targets.iter().zip(&chosen).filter(|(_, yes)| **yes).map(|(t, _)| t).collect();
    if found.is_empty() {
        if !faulty {
            let hint = if targets.is_empty() {
                "write a [[target]] first"
            } else {
                "write targets = [\"*\"] for all"
            };
            item.error("this chooses no target", hint.to_owned());
        }
        return None;
    }
    (!faulty).then_some(found)
}

fn by_id(text: &Text<'_>, targets: &[TargetDraft]) -> Option<Vec<bool>> {
    if text.value == "*" {
        return Some(vec![true; targets.len()]);
    }
    let fits: Vec<_> = targets.iter().map(|draft| draft.target.id.as_str() == text.value).collect();
    if !fits.contains(&true) {
        let ids: Vec<_> = targets.iter().map(|draft| draft.target.id.as_str()).collect();
        text.error(format!("unknown target `{}`", text.value), suggest_or_list(text.value, &ids, "targets"));
        return None;
    }
    Some(fits)
}

/// `{ region = "…" }`: targets that carry all these labels.
fn by_labels(item: &Item<'_>, targets: &[TargetDraft]) -> Option<Vec<bool>> {
    let fields = item.table("a choice of targets")?;
    let entries = fields.entries();
    let mut fits = vec![true; targets.len()];
    let mut good = !entries.is_empty();
    if entries.is_empty() {
        item.error("this chooses no target", "write { region = \"…\" }, or \"*\" for all".to_owned());
    }
    for entry in &entries {
        let Some(text) = label(entry, targets) else {
            good = false;
            continue;
        };
        for (fit, draft) in fits.iter_mut().zip(targets) {
            *fit &= draft.target.labels.get(entry.name).is_some_and(|value| value == text.value);
        }
    }
    good.then_some(fits)
}

/// The value of a label that at least one target carries.
pub(super) fn label<'a>(item: &Item<'a>, targets: &[TargetDraft]) -> Option<Text<'a>> {
    let text = item.filled()?;
    let values: Vec<_> =
        targets.iter().filter_map(|draft| draft.target.labels.get(item.name)).map(String::as_str).collect();
    if values.is_empty() {
        let names = targets.iter().flat_map(|draft| draft.target.labels.keys().map(String::as_str));
        let hint = suggest(item.name, names)
            .unwrap_or_else(|| "labels are `region` and what stands in a target's `labels`".to_owned());
        item.reader.error(item.key.clone(), format!("no target has the label `{}`", item.name), hint);
        return None;
    }
    if !values.contains(&text.value) {
        let mut known = values.clone();
        known.sort_unstable();
        known.dedup();
        let hint = suggest(text.value, known.iter().copied())
            .unwrap_or_else(|| format!("targets have {}", listed(&known)));
        text.error(format!("no target has the {} `{}`", item.name, text.value), hint);
        return None;
    }
    Some(text)
}

/// Reads a schedule; its faults and warnings stand inside the text.
pub(super) fn schedule(text: &Text<'_>, timezone: &str) -> Option<Schedule> {
    match Schedule::parse(text.value, timezone) {
        Ok((schedule, warnings)) => {
            for warning in warnings {
                let spot = text.reader.source.spot(text.inside(&warning.span));
                text.reader.note(Diagnostic::warning(spot, warning.message).hinted(warning.hint));
            }
            Some(schedule)
        }
        Err(fault) => {
            text.error_at(&fault.span, fault.message, fault.hint);
            None
        }
    }
}
