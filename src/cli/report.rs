//! `shopper report`: an assessment as people and programs read it.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::app::AppError;
use crate::browser;
use crate::clock::Deadline;
use crate::domain::ids::TargetId;
use crate::domain::language::Language;
use crate::report::{self, Dossier};

use super::{Exit, Fault, Format, Global};

/// Time for a browser to print a report: a minute is the promise, a busy machine gets more.
const PRINT: Duration = Duration::from_secs(300);

/// `--format html` (the default), `pdf`, `xlsx`, `csv`, `json` or `md`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = false)]
pub(super) struct ReportArgs {
    /// The profile with which is scored.
    #[arg(long, global = true, value_name = "FILE", default_value = "profiles/d3.toml")]
    profile: PathBuf,
    /// Months or days, both ends included: 2026-10..2026-11, 2026-11, 2026-11-01..2026-11-15.
    #[arg(long, global = true, value_name = "PERIOD")]
    period: Option<String>,
    /// A period to compare with.
    #[arg(long, global = true, value_name = "PERIOD")]
    against: Option<String>,
    /// The language; that of the agent when absent.
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = language)]
    language: Option<Language>,
    /// Into this file instead of stdout.
    #[arg(long, short, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave pictures out.
    #[arg(long, global = true)]
    no_evidence: bool,
    #[command(subcommand)]
    of: Option<Of>,
}

#[derive(Debug, Subcommand)]
enum Of {
    /// A letter to one portal.
    Target {
        /// Its id.
        id: String,
    },
}

fn language(text: &str) -> Result<Language, String> {
    let found = Language::ALL.iter().find(|(tag, _)| *tag == text).map(|(_, language)| *language);
    found.ok_or_else(|| "write zh-CN or en".to_owned())
}

/// Writes a report, or a letter, in the format that was asked for.
async fn write(
    global: &Global,
    args: &ReportArgs,
    dossier: &Dossier,
    browsers: &browser::Settings,
) -> Result<Exit, Fault> {
    let letter = match &args.of {
        Some(Of::Target { id }) => Some(TargetId::new(id.clone())),
        None => None,
    };
    let page = || match &letter {
        Some(id) => report::letter::html(dossier, id),
        None => report::html(dossier),
    };
    let bytes = match (global.format, &letter) {
        (Format::Human | Format::Html, _) => page()?.into_bytes(),
        (Format::Pdf, _) => browser::print(browsers, &page()?, Deadline::after(PRINT)).await?,
        (Format::Md, Some(id)) => report::letter::md(dossier, id)?.into_bytes(),
        (Format::Md, None) => report::written(dossier, report::Format::Md)?,
        (_, Some(_)) => {
            return Err(Fault::input("a letter is html, pdf or md", "write --format html, pdf or md"));
        }
        (Format::Xlsx, None) => report::written(dossier, report::Format::Xlsx)?,
        (Format::Csv, None) => report::written(dossier, report::Format::Csv)?,
        (Format::Json, None) => report::written(dossier, report::Format::Json)?,
        _ => {
            return Err(Fault::input(
                "this is no format of reports",
                "write --format html, pdf, xlsx, csv, json or md",
            ));
        }
    };
    let binary = matches!(global.format, Format::Pdf | Format::Xlsx);
    match &args.out {
        Some(path) => put(path, &bytes)?,
        None if binary && std::io::stdout().is_terminal() => {
            return Err(Fault::input("this format is nothing for a terminal", "name a file with --out"));
        }
        // A reader that went away (`| head`) has what it wanted.
        None => match std::io::stdout().write_all(&bytes) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                return Err(AppError::Folder { path: "stdout".into(), source: error }.into());
            }
            _ => {}
        },
    }
    Ok(Exit::Done)
}

/// Beside the file first, so that a report that was cut short never stands where a whole one was.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let fault = |source| AppError::Folder { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
    file.write_all(bytes).map_err(fault)?;
    file.persist(path).map_err(|error| fault(error.error))?;
    Ok(())
}
