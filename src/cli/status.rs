//! `shopper status`: how every target, and the agent itself, are doing.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
use crate::clock::Clock;
use crate::plan::Plan;
use crate::store::{Access, ProbeStatus, StatusReport, Store};

use super::{Exit, Fault, Format, Global, load, output};

#[derive(Debug, Args)]
pub(super) struct StatusArgs {}

pub(super) fn status(global: &Global, _args: &StatusArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir.clone();
    app::block_on(async move {
        let fault = |source| AppError::Store { folder: folder.clone(), source };
        let store = Store::open(&folder, Access::ReadOnly).map_err(fault)?;
        let report = store.status(Clock::system().now()).await.map_err(fault)?;
        if global.format == Format::Json {
            output::json(&report);
        } else {
            print(&plan, &report);
        }
        let down = report.probes.iter().any(|probe| probe.incident.is_some());
        Ok(if down { Exit::Portal } else { Exit::Done })
    })
}

fn print(plan: &Plan, report: &StatusReport) {
    let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "target",
        "probe",
        "last run",
        "verdict",
        "ended at",
        "24 h: pass/degr/fail/incon",
        "outage since",
    ]);
    for probe in &report.probes {
        let name = plan.target(probe.target.as_str()).map_or(probe.target.as_str(), |target| &target.name);
        let (when, verdict, ending) = last(probe, &zone);
        let counts = probe.runs_24h;
        table.add_row([
            name.to_owned(),
            probe.probe.to_string(),
            when,
            verdict,
            ending,
            format!("{}/{}/{}/{}", counts.pass, counts.degraded, counts.fail, counts.inconclusive),
            probe.incident.as_ref().map_or(String::new(), |incident| output::instant(incident.since, &zone)),
        ]);
    }
    if report.probes.is_empty() {
        output::line("Nothing has run yet.");
    } else {
        output::line(&table.to_string());
    }
    let outbox = &report.outbox;
    output::line(&format!("mail: {} waiting, {} given up", outbox.pending, outbox.failed));
    if let Some(error) = &outbox.last_error {
        output::line(&format!("  the last trouble: {}", output::tame(error)));
    }
    let gaps: Vec<String> =
        report.gaps_24h.iter().map(|(reason, count)| format!("{count} {}", reason.name())).collect();
    if !gaps.is_empty() {
        output::line(&format!("slots of the last 24 h in which nothing ran: {}", gaps.join(", ")));
    }
}

fn last(probe: &ProbeStatus, zone: &TimeZone) -> (String, String, String) {
    match &probe.last {
        None => {
            let going = if probe.running_since.is_some() { "going on" } else { "never" };
            (going.to_owned(), String::new(), String::new())
        }
        Some(last) => {
            let ending = match (&last.step, last.outcome) {
                (Some(step), Some(outcome)) => format!("{} ({outcome})", output::tame(step)),
                _ => "the end".to_owned(),
            };
            (output::instant(last.started_at, zone), last.verdict.to_string(), ending)
        }
    }
}
