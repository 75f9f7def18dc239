//! `shopper incidents`: what was wrong, and what is.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
use crate::domain::ids::IncidentId;
use crate::domain::incident::{Concern, Incident, Scope, Shared};
use crate::plan::Plan;
use crate::store::{Access, IncidentFilter, Store};

use super::{Exit, Fault, Format, Global, load, output};

#[derive(Debug, Args)]
pub(super) struct IncidentsArgs {
    /// Those that last still.
    #[arg(long)]
    open: bool,
    /// Those that lasted at this instant or later, such as 2026-11-01T00:00:00+08:00.
    #[arg(long, value_name = "INSTANT")]
    since: Option<Timestamp>,
}

pub(super) fn incidents(global: &Global, args: &IncidentsArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir.clone();
    let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
    app::block_on(async move {
        let fault = |source| AppError::Store { folder: folder.clone(), source };
        let store = Store::open(&folder, Access::ReadOnly).map_err(fault)?;
        let filter = IncidentFilter { open: args.open, since: args.since };
        let incidents = store.incidents(filter).await.map_err(fault)?;
        if global.format == Format::Json {
            output::json(&incidents);
            return Ok(Exit::Done);
        }
        if incidents.is_empty() {
            output::line("No incidents.");
            return Ok(Exit::Done);
        }
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "target",
            "probe",
            "what",
            "step",
            "outcome",
            "since",
            "until",
            "taken on by",
            "incident",
        ]);
        for (incident, depth) in below_each_other(&incidents) {
            let indent = if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
            table.add_row([
                format!("{indent}{}", place(&plan, incident)),
                incident.probe.to_string(),
                what(incident),
                output::tame(&incident.step),
                incident.outcome.to_string(),
                output::instant(incident.since, &zone),
                incident.closed_at.map_or("lasts still".to_owned(), |at| output::instant(at, &zone)),
                incident.acknowledged.as_ref().map(|ack| output::tame(&ack.by)).unwrap_or_default(),
                incident.id.to_string(),
            ]);
        }
        output::line(&table.to_string());
        Ok(Exit::Done)
    })
}

/// Every incident behind the one that speaks for it, with how deep it stands.
fn below_each_other(incidents: &[Incident]) -> Vec<(&Incident, usize)> {
    let listed = |id: &IncidentId| incidents.iter().any(|incident| incident.id == *id);
    let mut lines = Vec::new();
    let mut waiting: Vec<(&Incident, usize)> = Vec::new();
    for root in incidents.iter().filter(|incident| !incident.parent.as_ref().is_some_and(listed)) {
        waiting.push((root, 0));
        while let Some((incident, depth)) = waiting.pop() {
            lines.push((incident, depth));
            let children = incidents.iter().filter(|child| child.parent.as_ref() == Some(&incident.id));
            waiting.extend(children.map(|child| (child, depth + 1)));
        }
    }
    lines
}

/// Where it is: a target, many of them, or here.
fn place(plan: &Plan, incident: &Incident) -> String {
    match &incident.scope {
        Scope::Pair => {
            let target = plan.target(incident.target.as_str());
            target.map_or_else(|| incident.target.to_string(), |target| target.name.clone())
        }
        Scope::Wave { shared: Shared::Region(name) } => format!("many of {}", output::tame(name)),
        Scope::Wave { shared: Shared::Host(name) } => format!("many on {}", output::tame(name)),
        Scope::Vantage => "we ourselves".to_owned(),
    }
}

/// What is wrong, and how bad that is when it is not what the kind says.
fn what(incident: &Incident) -> String {
    let concern = match incident.concern {
        Concern::Outage => "outage",
        Concern::Slow => "slow",
        Concern::Links => "broken links",
        Concern::ScriptRot => "script rot",
        Concern::Vantage => "cannot see",
    };
    let severity = incident.severity;
    let less = (severity != incident.concern.severity()).then(|| format!(", {}", severity.name()));
    let flapping = if incident.flapping { ", comes and goes" } else { "" };
    format!("{concern}{}{flapping}", less.unwrap_or_default())
}

/// An incident in a few words, for a sentence about it.
pub(super) fn about(plan: &Plan, incident: &Incident) -> String {
    let probe = if incident.scope == Scope::Pair { format!(" ({})", incident.probe) } else { String::new() };
    format!("{} at {}{probe}", what(incident), place(plan, incident))
}
