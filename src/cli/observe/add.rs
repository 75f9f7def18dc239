//! `shopper observe add`: one observation, by the rules of a table with one row.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::app;
use crate::plan::observations::{self, Ground};

use super::import::keep;
use super::proof::Proofs;
use super::{Desk, Exit, Fault, Global, Imported, profile};

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Who saw it: a name or an initial.
    #[arg(long, value_name = "NAME")]
    coder: String,
    /// What about: an indicator such as H2.
    #[arg(long, value_name = "ID")]
    indicator: String,
    /// Of which portal.
    #[arg(long, value_name = "ID")]
    target: String,
    /// What: yes, no, na, a word of the profile, or a number.
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// When it was seen [default: now].
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// In your own words.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// A file that shows it; it is kept.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Where a figure comes from.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Which year a figure is about.
    #[arg(long, value_name = "YEAR")]
    year: Option<String>,
    /// Take only the indicators and words of this scoring profile.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

pub(super) fn add(global: &Global, args: AddArgs) -> Result<Exit, Fault> {
    let desk = Desk::new(global)?;
    let profile = profile(global, args.profile.as_ref())?;
    let folder = args.evidence.as_deref().and_then(Path::parent).unwrap_or(Path::new(".")).to_owned();
    let proofs = Proofs::new(&folder);
    let evidence =
        args.evidence.as_deref().and_then(Path::file_name).map(|it| it.to_string_lossy().into_owned());
    let cells = [
        ("coder", Some(args.coder)),
        ("indicator", Some(args.indicator)),
        ("target", Some(args.target)),
        ("value", Some(args.value)),
        ("time", args.time),
        ("note", args.note),
        ("evidence", evidence),
        ("source", args.source),
        ("year", args.year),
    ];
    let names: Vec<&str> = cells.iter().map(|(name, _)| *name).collect();
    let row: Vec<String> =
        cells.iter().map(|(_, cell)| quoted(cell.as_deref().unwrap_or_default())).collect();
    let text = format!("{}\n{}\n", names.join(","), row.join(","));
    let ground = Ground {
        targets: &desk.plan.targets,
        profile: profile.as_ref(),
        zone: &desk.zone,
        now: desk.now,
        time: Some(desk.now),
        files: &proofs,
    };
    // The row stands in no file that could be shown.
    let found = observations::read(Path::new("the command line"), &text, &ground).map_err(|faults| {
        let said: Vec<&str> = faults.diagnostics.iter().map(|it| it.message.as_str()).collect();
        let hints: Vec<&str> = faults.diagnostics.iter().filter_map(|it| it.hint.as_deref()).collect();
        Fault::input(said.join("; "), hints.join("; "))
    })?;
    if found.is_empty() {
        return Err(Fault::input("the value is empty", "what was not seen is not written down"));
    }
    let new = app::block_on(keep(&desk, &proofs, found))?;
    Imported::new(1, new).tell(global, "row");
    Ok(Exit::Done)
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}
