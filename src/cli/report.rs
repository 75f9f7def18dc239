//! `shopper report`: an assessment as people and programs read it.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::app::{self, AppError};
use crate::clock::Clock;
use crate::domain::ids::TargetId;
use crate::domain::language::Language;
use crate::plan::Plan;
use crate::report::{self, Dossier};

use super::score::{Asked, told, unfinished};
use super::{Exit, Fault, Format, Global, load, out_file};

/// `--format html` (the default), `pdf`, `xlsx`, `csv`, `json` or `md`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    asked: Asked,
    /// The language; that of the agent when absent.
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = language)]
    language: Option<Language>,
    /// Into this file instead of stdout.
    #[arg(long, short, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave pictures and what they show out.
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

pub(super) fn report(global: &Global, args: &ReportArgs) -> Result<Exit, Fault> {
    let kind = kind(global.format, args)?;
    out_file::check(args.out.as_deref())?;
    let plan = load::plan(global)?;
    let now = Clock::system().now();
    let letter = match &args.of {
        Some(Of::Target { id }) => {
            let Some(target) = plan.target(id) else {
                let known = plan.targets.iter().map(|target| target.id.as_str());
                return Err(Fault::unknown("target", id, known));
            };
            Some(target.id.clone())
        }
        None => None,
    };
    let (profile, order) = args.asked.read(global, &plan, now)?;
    let language = args.language.unwrap_or(plan.agent.language);
    app::block_on(async {
        // All targets, also for a letter: findings and ranks are made with all of them.
        let scored = app::score(&plan, &profile, &order, now).await?;
        if !global.quiet {
            unfinished(&scored);
        }
        let exit = told(&scored);
        let evidence: Vec<TargetId> = match &letter {
            _ if args.no_evidence => Vec::new(),
            Some(id) => vec![id.clone()],
            None => plan.targets.iter().map(|target| target.id.clone()).collect(),
        };
        let dossier = app::dossier(&plan, profile, scored, language, &evidence).await?;
        write(kind, args, &plan, &dossier, letter.as_ref()).await?;
        Ok(exit)
    })
}

/// What is to be written.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Pdf,
    Of(report::Format),
}

/// Whether the format is one of reports, or of letters; asked before anything is scored.
fn kind(format: Format, args: &ReportArgs) -> Result<Kind, Fault> {
    let kind = match format {
        Format::Human | Format::Html => Kind::Of(report::Format::Html),
        Format::Pdf => Kind::Pdf,
        Format::Md => Kind::Of(report::Format::Md),
        _ if args.of.is_some() => {
            return Err(Fault::input("a letter is html, pdf or md", "write --format html, pdf or md"));
        }
        Format::Xlsx => Kind::Of(report::Format::Xlsx),
        Format::Csv => Kind::Of(report::Format::Csv),
        Format::Json => Kind::Of(report::Format::Json),
        Format::Jsonl | Format::Parquet | Format::Junit => {
            let hint = "write --format html, pdf, xlsx, csv, json or md";
            return Err(Fault::input("this is no format of reports", hint));
        }
    };
    let binary = matches!(kind, Kind::Pdf | Kind::Of(report::Format::Xlsx));
    if binary && args.out.is_none() && std::io::stdout().is_terminal() {
        return Err(Fault::input("this format is nothing for a terminal", "name a file with --out"));
    }
    Ok(kind)
}

/// Writes a report, or a letter.
async fn write(
    kind: Kind,
    args: &ReportArgs,
    plan: &Plan,
    dossier: &Dossier,
    letter: Option<&TargetId>,
) -> Result<(), Fault> {
    let page = || match letter {
        Some(id) => report::letter::html(dossier, id),
        None => report::html(dossier),
    };
    let page = || page().map_err(AppError::Report);
    let bytes = match (kind, letter) {
        (Kind::Pdf, _) => app::pdf(plan, &page()?).await?,
        (Kind::Of(report::Format::Md), Some(id)) => {
            report::letter::md(dossier, id).map_err(AppError::Report)?.into_bytes()
        }
        (Kind::Of(_), Some(_)) => page()?.into_bytes(),
        (Kind::Of(format), None) => report::written(dossier, format).map_err(AppError::Report)?,
    };
    match &args.out {
        Some(path) => out_file::write(path, &bytes)?,
        // A reader that went away (`| head`) has what it wanted.
        None => match std::io::stdout().write_all(&bytes) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                return Err(AppError::Folder { path: "stdout".into(), source: error }.into());
            }
            _ => {}
        },
    }
    Ok(())
}
