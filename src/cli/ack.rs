//! `shopper ack`: somebody takes an incident upon himself.

use clap::Args;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
use crate::clock::Clock;
use crate::domain::ids::IncidentId;
use crate::domain::incident::Incident;
use crate::store::{Access, IncidentFilter, Store, StoreError};

use super::{Exit, Fault, Format, Global, incidents, load, output};

#[derive(Debug, Args)]
pub(super) struct AckArgs {
    /// The incident, as mails and `shopper incidents` name it.
    id: String,
    /// Who you are [default: the name you are logged in with].
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// What others should know.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

pub(super) fn ack(global: &Global, args: AckArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir.clone();
    let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
    let by = name(args.by)?;
    app::block_on(async move {
        let fault = |source| AppError::Store { folder: folder.clone(), source };
        let store = Store::open(&folder, Access::Command).map_err(fault)?;
        let now = Clock::system().now();
        let asked = store.acknowledge(IncidentId::new(&*args.id), by.clone(), args.note, now).await;
        let incident = match asked {
            Ok(incident) => incident,
            Err(StoreError::NotFound { .. }) => {
                let open = IncidentFilter { open: true, since: None };
                let open = store.incidents(open).await.map_err(fault)?;
                return Err(Fault::unknown("incident", &args.id, open.iter().map(|known| known.id.as_str())));
            }
            Err(error) => return Err(fault(error).into()),
        };
        store.close().await;
        if global.format == Format::Json {
            output::json(&incident);
        } else {
            let about = incidents::about(&plan, &incident);
            output::line(&format!("{about}: {}", said(&incident, &by, now, &zone)));
        }
        Ok(Exit::Done)
    })
}

/// What became of it, as a sentence.
fn said(incident: &Incident, by: &str, now: jiff::Timestamp, zone: &TimeZone) -> String {
    match (&incident.acknowledged, incident.closed_at) {
        (_, Some(at)) => {
            format!("it is over since {}; there is nothing to take on.", output::instant(at, zone))
        }
        (Some(ack), None) if ack.at == now && ack.by == by => {
            format!(
                "it is yours, {}. Nobody is reminded and nobody else is called, unless it gets worse.",
                output::tame(by)
            )
        }
        (Some(ack), None) => {
            format!("{} took it on already, at {}.", output::tame(&ack.by), output::instant(ack.at, zone))
        }
        (None, None) => "nobody took it on.".to_owned(),
    }
}

/// Who asks: as he says, or as he is logged in.
pub(super) fn name(given: Option<String>) -> Result<String, Fault> {
    let logged_in = || ["USER", "LOGNAME"].iter().find_map(|key| std::env::var(key).ok());
    let name = given.or_else(logged_in).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.ok_or_else(|| Fault::input("nobody knows who you are", "say it: --by NAME"))
}
