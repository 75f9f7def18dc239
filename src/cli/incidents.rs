//! `shopper incidents`: outages.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
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
            output::line("No outages.");
            return Ok(Exit::Done);
        }
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_header(["target", "probe", "step", "outcome", "since", "until", "incident"]);
        for incident in &incidents {
            let name =
                plan.target(incident.target.as_str()).map_or(incident.target.as_str(), |target| &target.name);
            table.add_row([
                name.to_owned(),
                incident.probe.to_string(),
                output::tame(&incident.step),
                incident.outcome.to_string(),
                output::instant(incident.since, &zone),
                incident.closed_at.map_or("lasts still".to_owned(), |at| output::instant(at, &zone)),
                incident.id.to_string(),
            ]);
        }
        output::line(&table.to_string());
        Ok(Exit::Done)
    })
}
