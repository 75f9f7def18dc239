//! `shopper backup`: a copy of everything that is kept, beside a running daemon or without one.

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
use crate::clock::Clock;
use crate::store::{Access, Store};

use super::{Exit, Fault, Format, Global, load, output, verify};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The folder that becomes the backup; empty, or not there yet.
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
}

pub(super) fn backup(global: &Global, args: &BackupArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir.clone();
    let fault = |source| AppError::Store { folder: folder.clone(), source };
    let store = Store::open(&folder, Access::ReadOnly).map_err(fault)?;
    let made = app::block_on(async { store.backup(&args.to, Clock::system().now()).await.map_err(fault) })?;
    if global.format == Format::Json {
        output::json(&made);
    } else if !global.quiet || !made.verified.clean {
        let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
        for line in verify::told(&made.verified, &zone) {
            output::line(&line);
        }
        output::line(&format!("The backup is in {}.", args.to.display()));
    }
    Ok(verify::exit(&made.verified))
}
