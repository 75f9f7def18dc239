//! `shopper observe`: what people saw. Coders' values, figures from elsewhere, posts of citizens.
//!
//! Invariant: a table with one bad row changes nothing, and what is handed to a coder shows nothing that another one
//! said.

mod add;
mod compare;
mod import;
mod list;
mod period;
mod proof;
mod sheet;
mod voices;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::AppError;
use crate::app::{self};
use crate::clock::Clock;
use crate::domain::profile::Profile;
use crate::plan::Plan;
use crate::store::{Access, Store};

use super::{Exit, Fault, Global, load, output};

#[derive(Debug, Args)]
pub(super) struct ObserveArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Read a table (CSV) of observations; one bad row, and nothing of it is kept.
    Import(import::ImportArgs),
    /// Write down one observation.
    Add(add::AddArgs),
    /// Write a sheet for a coder to fill in. It shows nothing that others said.
    Sheet(sheet::SheetArgs),
    /// List what was written down.
    List(list::ListArgs),
    /// Say how well coders agree on each indicator, and where they do not.
    Compare(compare::CompareArgs),
    /// Posts of citizens.
    Posts {
        #[command(subcommand)]
        what: Posts,
    },
    /// Count the words of citizens' posts.
    Words(voices::WordsArgs),
}

#[derive(Debug, Subcommand)]
enum Posts {
    /// Read a table (CSV) of posts; personal data is masked before it is kept.
    Import(voices::PostsArgs),
}

pub(super) fn observe(global: &Global, args: ObserveArgs) -> Result<Exit, Fault> {
    match args.what {
        What::Import(args) => import::import(global, &args),
        What::Add(args) => add::add(global, args),
        What::Sheet(args) => sheet::sheet(global, &args),
        What::List(args) => list::list(global, args),
        What::Compare(args) => compare::compare(global, &args),
        What::Posts { what: Posts::Import(args) } => voices::posts(global, &args),
        What::Words(args) => voices::words(global, args),
    }
}

/// Reads a table in beside a running service, as `import` does: what stands in it was seen at `time`.
pub(super) async fn take(plan: &Plan, profile: &Profile, file: &Path, time: Timestamp) -> Result<(), Fault> {
    let text =
        std::fs::read_to_string(file).map_err(|source| AppError::Folder { path: file.to_owned(), source })?;
    import::take(&Desk::of(plan.clone()), Some(profile), file, &text, Some(time)).await.map(drop)
}

/// Which observations.
#[derive(Debug, Args)]
struct Which {
    /// Of this target.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Of this time: 2026-11, 2026-10..2026-11, 2026-11-03..2026-11-16; figures by the year that they are about.
    #[arg(long, value_name = "PERIOD")]
    period: Option<String>,
}

/// The configuration with what commands make of it.
struct Desk {
    plan: Plan,
    zone: TimeZone,
    now: Timestamp,
}

impl Desk {
    fn new(global: &Global) -> Result<Self, Fault> {
        Ok(Self::of(load::plan(global)?))
    }

    fn of(plan: Plan) -> Self {
        let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
        Self { plan, zone, now: Clock::system().now() }
    }

    fn open(&self, access: Access) -> Result<Store, Fault> {
        Ok(Store::open(&self.plan.agent.data_dir, access).map_err(|source| self.fault(source))?)
    }

    fn fault(&self, source: crate::store::StoreError) -> AppError {
        AppError::Store { folder: self.plan.agent.data_dir.clone(), source }
    }

    /// A target that has to be one of the configuration's.
    fn target(&self, id: Option<String>) -> Result<Option<crate::domain::ids::TargetId>, Fault> {
        let Some(id) = id else { return Ok(None) };
        match self.plan.target(&id) {
            Some(target) => Ok(Some(target.id.clone())),
            None => Err(Fault::unknown("target", &id, self.plan.targets.iter().map(|it| it.id.as_str()))),
        }
    }

    fn period(&self, text: Option<&str>) -> Result<Option<crate::score::material::Period>, Fault> {
        text.map(|text| period::period(text, &self.plan.agent.timezone)).transpose()
    }

    /// What a target is called.
    fn name(&self, id: &crate::domain::ids::TargetId) -> String {
        let known = self.plan.target(id.as_str());
        output::tame(known.map_or(id.as_str(), |target| target.name.as_str()))
    }
}

/// The text of a table.
fn table(global: &Global, file: &Path) -> Result<String, Fault> {
    /// The most bytes of one.
    const LIMIT: u64 = 64 << 20;
    let shown = file.display();
    let failed = |why: &dyn std::fmt::Display| {
        Fault::input(format!("could not read {shown}: {why}"), "name a CSV file that is there")
    };
    let size = std::fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > LIMIT {
        let hint = "cut it into several files; rows that are kept already are not kept twice";
        return Err(Fault::input(format!("{shown} is larger than {} MiB", LIMIT >> 20), hint));
    }
    let bytes = std::fs::read(file).map_err(|error| failed(&error))?;
    let Some((text, encoding)) = crate::plan::decode(&bytes) else {
        let hint = "save it as “CSV UTF-8” in the spreadsheet (a workbook such as .xlsx cannot be read)";
        return Err(Fault::input(format!("{shown} is text neither in UTF-8 nor in GB 18030"), hint));
    };
    if encoding == crate::plan::Encoding::Gb18030 && !global.quiet {
        output::note(&format!("{shown} is not UTF-8 and was read as GB 18030."));
    }
    Ok(text)
}

/// Reads the scoring profile that `--profile` names, and tells its warnings.
fn profile(global: &Global, file: Option<&PathBuf>) -> Result<Option<Profile>, Fault> {
    let Some(named) = file else { return Ok(None) };
    let (profile, warnings) = load::profile(&app::profile_file(&global.config, named))?;
    if !global.quiet {
        let colour = output::colours(&std::io::stderr());
        for warning in &warnings {
            output::note(warning.render(colour).trim_end());
        }
    }
    Ok(Some(profile))
}

/// What became of a table, or of one row.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(super) struct Imported {
    /// Rows that say something.
    rows: u64,
    /// Those that were not there yet, and are now.
    new: u64,
    /// Those that were there already.
    known: u64,
}

impl Imported {
    fn new(rows: usize, new: u64) -> Self {
        let rows = rows as u64;
        Self { rows, new, known: rows.saturating_sub(new) }
    }

    fn tell(&self, global: &Global, noun: &str) {
        if global.format == super::Format::Json {
            return output::json(self);
        }
        let count = crate::plan::counted(usize::try_from(self.rows).unwrap_or(usize::MAX), noun);
        output::line(&format!("{count}: {} new, {} already there.", self.new, self.known));
    }
}
