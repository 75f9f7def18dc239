//! `shopper restore`: a backup becomes a data folder. No configuration is needed.

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;

use crate::app::AppError;
use crate::store::Store;

use super::{Exit, Fault, Format, Global, output, verify};

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "BACKUP")]
    from: PathBuf,
    /// The data folder that it becomes; empty, or not there yet.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

pub(super) fn restore(global: &Global, args: &RestoreArgs) -> Result<Exit, Fault> {
    let restored = Store::restore(&args.from, &args.to);
    let report = restored.map_err(|source| AppError::Store { folder: args.to.clone(), source })?;
    if global.format == Format::Json {
        output::json(&report);
    } else if !global.quiet || !report.clean {
        for line in verify::told(&report, &TimeZone::UTC) {
            output::line(&line);
        }
        output::line(&format!(
            "The records are in {}. Name it as data_dir, and start the daemon.",
            args.to.display()
        ));
    }
    Ok(verify::exit(&report))
}
