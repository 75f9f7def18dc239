//! `shopper silence`: nobody is told for a while.

use std::time::Duration;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
use crate::clock::Clock;
use crate::domain::ids::{ProbeId, SilenceId, TargetId};
use crate::domain::silence::Silence;
use crate::plan::{Plan, parse_duration};
use crate::store::{Access, Store, StoreError};

use super::{Exit, Fault, Format, Global, ack, load, output};

#[derive(Debug, Args)]
pub(super) struct SilenceArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Tell nobody for a while, from now on; runs go on and are recorded.
    Add(AddArgs),
    /// List the silences that are in force.
    List,
    /// End a silence: what began in it and lasts is told.
    End {
        /// The silence, as `shopper silence list` names it.
        id: String,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// Of this target.
    #[arg(long, value_name = "ID", required_unless_present_any = ["probe", "all"])]
    target: Option<String>,
    /// Of this probe.
    #[arg(long, value_name = "ID")]
    probe: Option<String>,
    /// Of everything, also that we cannot see.
    #[arg(long, conflicts_with_all = ["target", "probe"])]
    all: bool,
    /// For so long: 30m, 2h, 1d.
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    time: Duration,
    /// Why; mails that come late say it.
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who you are [default: the name you are logged in with].
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text, Duration::from_mins(1)..=Duration::from_hours(30 * 24))
}

pub(super) fn silence(global: &Global, args: SilenceArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir.clone();
    let now = Clock::system().now();
    let access = if matches!(args.what, What::List) { Access::ReadOnly } else { Access::Command };
    let made = match args.what {
        What::Add(args) => Asked::Add(made(args, &plan, now)?),
        What::List => Asked::List,
        What::End { id } => Asked::End(id),
    };
    app::block_on(async move {
        let fault = |source| AppError::Store { folder: folder.clone(), source };
        let store = Store::open(&folder, access).map_err(fault)?;
        let silences = match made {
            Asked::Add(silence) => vec![store.silence(silence).await.map_err(fault)?],
            Asked::List => store.silences(now).await.map_err(fault)?,
            Asked::End(id) => match store.end_silence(SilenceId::new(&*id), now).await {
                Ok(silence) => vec![silence],
                Err(StoreError::NotFound { .. }) => {
                    let known = store.silences(now).await.map_err(fault)?;
                    return Err(Fault::unknown("silence", &id, known.iter().map(|known| known.id.as_str())));
                }
                Err(error) => return Err(fault(error).into()),
            },
        };
        store.close().await;
        if global.format == Format::Json {
            output::json(&silences);
        } else {
            print(&silences, &plan);
        }
        Ok(Exit::Done)
    })
}

enum Asked {
    Add(Silence),
    List,
    End(String),
}

fn made(args: AddArgs, plan: &Plan, now: jiff::Timestamp) -> Result<Silence, Fault> {
    if let Some(target) = args.target.as_deref().filter(|id| plan.target(id).is_none()) {
        return Err(Fault::unknown("target", target, plan.targets.iter().map(|target| target.id.as_str())));
    }
    if let Some(probe) = args.probe.as_deref().filter(|id| plan.probe(id).is_none()) {
        return Err(Fault::unknown("probe", probe, plan.probes.iter().map(|probe| probe.id.as_str())));
    }
    if args.why.trim().is_empty() {
        return Err(Fault::input("a silence without a reason", "say why: --why \"moving the server\""));
    }
    Ok(Silence {
        // The store makes it.
        id: SilenceId::new(""),
        target: args.target.map(TargetId::new),
        probe: args.probe.map(ProbeId::new),
        starts_at: now,
        until: now + args.time,
        made_by: ack::name(args.by)?,
        reason: args.why.trim().to_owned(),
    })
}

fn print(silences: &[Silence], plan: &Plan) {
    if silences.is_empty() {
        output::line("No silence is in force.");
        return;
    }
    let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(["target", "probe", "from", "until", "by", "why", "silence"]);
    for silence in silences {
        let target = silence.target.as_ref().map(|id| match plan.target(id.as_str()) {
            Some(target) => target.name.clone(),
            None => id.to_string(),
        });
        table.add_row([
            target.unwrap_or_else(|| "every one".to_owned()),
            silence.probe.as_ref().map_or_else(|| "every one".to_owned(), ToString::to_string),
            output::instant(silence.starts_at, &zone),
            output::instant(silence.until, &zone),
            output::tame(&silence.made_by),
            output::tame(&silence.reason),
            silence.id.to_string(),
        ]);
    }
    output::line(&table.to_string());
}
