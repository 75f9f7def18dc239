//! `shopper observe import`: a table of observations, all of it or nothing.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::app;
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
    let proofs = Proofs::new(args.file.parent().unwrap_or(Path::new(".")));
    let time = args.time.as_deref().map(|text| time(&desk, text)).transpose()?;
    let ground = Ground {
        targets: &desk.plan.targets,
        profile: profile.as_ref(),
        zone: &desk.zone,
        now: desk.now,
        time,
        files: &proofs,
    };
    let found = observations::read(&args.file, &text, &ground)?;
    let rows = found.len();
    keep(&desk, &proofs, found).map(|new| {
        Imported::new(rows, new).tell(global, "row");
        Exit::Done
    })
}

/// Keeps observations with their proofs; says how many are new.
pub(super) fn keep(desk: &Desk, proofs: &Proofs<'_>, mut found: Vec<Observation>) -> Result<u64, Fault> {
    let store = desk.open(Access::Command)?;
    app::block_on(async {
        proofs.keep(desk, &store, &mut found).await?;
        let codings = found.into_iter().map(|one| one.coding).collect();
        let new = store.add_codings(codings).await.map_err(|source| desk.fault(source))?;
        store.close().await;
        Ok(new)
    })
}

fn time(desk: &Desk, text: &str) -> Result<jiff::Timestamp, Fault> {
    observations::read_time(text, &desk.zone, desk.now).map_err(|(message, hint)| Fault::input(message, hint))
}
