//! `shopper observe import`: a table of observations, all of it or nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use crate::app;
use crate::domain::profile::Profile;
use crate::plan::observations::{self, Ground, Observation};
use crate::store::Access;

use super::proof::Proofs;
use super::{Desk, Exit, Fault, Global, Imported, profile, table};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The table: columns coder, indicator, target, value, time, note, evidence, source, year, in any order.
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Take only the indicators and words of this scoring profile.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// When rows without a time were seen: 2026-11-03, 2026-11-03T14:05:00+08:00.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
}

pub(super) fn import(global: &Global, args: &ImportArgs) -> Result<Exit, Fault> {
    let desk = Desk::new(global)?;
    let profile = profile(global, args.profile.as_ref())?;
    let text = table(global, &args.file)?;
    let time = args.time.as_deref().map(|text| time(&desk, text)).transpose()?;
    let taken = app::block_on(take(&desk, profile.as_ref(), &args.file, &text, time))?;
    taken.tell(global, "row");
    Ok(Exit::Done)
}

/// Reads the text of a table and keeps what stands in it.
pub(super) async fn take(
    desk: &Desk,
    profile: Option<&Profile>,
    file: &Path,
    text: &str,
    time: Option<Timestamp>,
) -> Result<Imported, Fault> {
    let proofs = Proofs::new(file.parent().unwrap_or(Path::new(".")));
    let ground = Ground {
        targets: &desk.plan.targets,
        profile,
        zone: &desk.zone,
        now: desk.now,
        time,
        files: &proofs,
    };
    let found = observations::read(file, text, &ground)?;
    let rows = found.len();
    Ok(Imported::new(rows, keep(desk, &proofs, found).await?))
}

/// Keeps observations with their proofs; says how many are new.
pub(super) async fn keep(
    desk: &Desk,
    proofs: &Proofs<'_>,
    mut found: Vec<Observation>,
) -> Result<u64, Fault> {
    let store = desk.open(Access::Command)?;
    proofs.keep(desk, &store, &mut found).await?;
    let codings = found.into_iter().map(|one| one.coding).collect();
    let new = store.add_codings(codings).await.map_err(|source| desk.fault(source))?;
    store.close().await;
    Ok(new)
}

fn time(desk: &Desk, text: &str) -> Result<Timestamp, Fault> {
    observations::read_time(text, &desk.zone, desk.now).map_err(|(message, hint)| Fault::input(message, hint))
}
