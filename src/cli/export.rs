//! `shopper export`: results for other programs.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::app::AppError;
use crate::store::{Access, Export, ExportFormat, ExportKind, Store, StoreError};

use super::out_file::OutFile;
use super::{Exit, Fault, Format, Global, load, out_file};

/// `--format jsonl` (the default), `--format csv` or `--format parquet`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// What is written.
    #[arg(value_enum)]
    what: What,
    /// From this instant on, such as 2026-11-01T00:00:00+08:00.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    since: Option<Timestamp>,
    /// Before this instant.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    until: Option<Timestamp>,
    /// Into this file instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Runs that are over, a line each; in JSON Lines with their steps and facts.
    Runs,
    /// Steps.
    Steps,
    /// Facts of each step.
    Observations,
    /// Links that do not work, as each link check found them.
    LinkFaults,
    /// Links that were ever found broken, each once: since when, and when they were mended.
    Links,
    /// Outages.
    Incidents,
    /// Slots in which nothing ran, with the reason.
    Gaps,
}

pub(super) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        "write day, time and offset from UTC, such as 2026-11-01T00:00:00+08:00 or 2026-11-01T00:00:00Z"
            .to_owned()
    })
}

pub(super) fn export(global: &Global, args: &ExportArgs) -> Result<Exit, Fault> {
    out_file::check(args.out.as_deref())?;
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir;
    let fault = |source| AppError::Store { folder: folder.clone(), source };
    let store = Store::open(&folder, Access::ReadOnly).map_err(fault)?;
    let kind = match args.what {
        What::Runs => ExportKind::Runs,
        What::Steps => ExportKind::Steps,
        What::Observations => ExportKind::Observations,
        What::LinkFaults => ExportKind::LinkFaults,
        What::Links => ExportKind::Links,
        What::Incidents => ExportKind::Incidents,
        What::Gaps => ExportKind::Gaps,
    };
    let format = match global.format {
        Format::Csv => ExportFormat::Csv,
        Format::Parquet => ExportFormat::Parquet,
        _ => ExportFormat::Jsonl,
    };
    if format == ExportFormat::Parquet && args.out.is_none() && std::io::stdout().is_terminal() {
        return Err(Fault::input("Parquet is nothing for a terminal", "name a file: --out runs.parquet"));
    }
    let export = Export { kind, format, since: args.since, until: args.until };
    let written = match &args.out {
        Some(path) => {
            let mut file = OutFile::create(path)?;
            let written = store.export(&export, &mut std::io::BufWriter::new(&mut file));
            if written.is_ok() {
                file.keep()?;
            }
            written
        }
        None => store.export(&export, &mut std::io::BufWriter::new(std::io::stdout())),
    };
    match written {
        // The reader went away (`| head`): it has what it wanted.
        Err(StoreError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(fault(error).into()),
        Ok(_) => Ok(Exit::Done),
    }
}
