//! `shopper observe sheet`: what a coder fills in, without what others said.

use std::io::{IsTerminal as _, Write};
use std::path::PathBuf;

use clap::Args;

use crate::app::AppError;
use crate::plan::observations::blank_sheet;
use crate::store::csv::{self, Cell};

use super::super::out_file::{self, OutFile};
use super::{Desk, Exit, Fault, Global, profile};

/// Spreadsheets take a file with this mark for UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Debug, Args)]
pub(super) struct SheetArgs {
    /// Who is going to fill it in.
    #[arg(long, value_name = "NAME")]
    coder: String,
    /// The scoring profile whose questions are for people.
    #[arg(long, value_name = "FILE")]
    profile: PathBuf,
    /// Into this file instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn sheet(global: &Global, args: &SheetArgs) -> Result<Exit, Fault> {
    out_file::check(args.out.as_deref())?;
    if let Some(path) = args.out.as_ref().filter(|path| path.is_file()) {
        // It may be filled in.
        let text = format!("there is a file `{}` already, which a coder may have filled in", path.display());
        return Err(Fault::input(text, "name another file with --out, or move this one away"));
    }
    let desk = Desk::new(global)?;
    let Some(profile) = profile(global, Some(&args.profile))? else { return Ok(Exit::Done) };
    let rows = blank_sheet(&profile, &desk.plan.targets, &args.coder, desk.plan.agent.language);
    if rows.len() == 1 {
        let hint = "a leaf for people has \"coded\" among its sources";
        return Err(Fault::input(format!("the profile `{}` asks nothing of people", profile.id), hint));
    }
    if let Some(path) = &args.out {
        let mut file = OutFile::create(path)?;
        write(&mut file, &rows, true).map_err(|source| AppError::Folder { path: path.clone(), source })?;
        file.keep()?;
    } else {
        let mut out = std::io::stdout();
        let marked = !out.is_terminal();
        // A reader that went away has what it wanted.
        let _ = write(&mut out, &rows, marked);
    }
    Ok(Exit::Done)
}

fn write(out: &mut dyn Write, rows: &[Vec<String>], marked: bool) -> std::io::Result<()> {
    let mut bytes = if marked { MARK.to_vec() } else { Vec::new() };
    for row in rows {
        let cells: Vec<Cell<'_>> = row.iter().map(|cell| Cell::Text(cell)).collect();
        csv::record(&mut bytes, &cells)?;
    }
    out.write_all(&bytes)
}
