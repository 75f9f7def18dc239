//! The ledger of link faults, asked: what changed with the newest check, and what is broken now.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::{Store, rows};
use crate::domain::ids::{ProbeId, RunId, TargetId};
use crate::domain::ledger::Known;

/// What the newest link check of a probe on a target changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChanges {
    /// The check.
    pub run: RunId,
    /// When it ended.
    pub at: Timestamp,
    /// Links that it found broken and that were not before.
    pub new: Vec<Known>,
    /// Links that it found broken as the check before did.
    pub still: Vec<Known>,
    /// Links that it found mended, or on no page any more.
    pub fixed: Vec<Known>,
    /// Links that were broken before and of which it says nothing.
    pub unseen: Vec<Known>,
}

/// How many links of a probe on a target are broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LinkCounts {
    /// Links that are broken, as far as is known.
    pub broken: u64,
    /// Those of them that the newest check found first.
    pub new: u64,
    /// Links that the newest check found mended.
    pub fixed: u64,
}

impl Store {
    /// What the newest link check of a probe on a target changed; nothing when there was none.
    pub async fn link_changes(
        &self,
        probe: &ProbeId,
        target: &TargetId,
    ) -> Result<Option<LinkChanges>, StoreError> {
        let (probe, target) = (probe.clone(), target.clone());
        self.read(move |connection| changes(connection, &probe, &target)).await
    }

    /// The links of a probe on a target that are broken, as far as is known: those of the home page
    /// first, then those that are broken longest.
    pub async fn open_links(&self, probe: &ProbeId, target: &TargetId) -> Result<Vec<Known>, StoreError> {
        let (probe, target) = (probe.clone(), target.clone());
        self.read(move |connection| rows::links::open(connection, &probe, &target)).await
    }
}

fn changes(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
) -> Result<Option<LinkChanges>, StoreError> {
    // Three questions, one state.
    let snapshot = connection.unchecked_transaction()?;
    let Some((run, at)) = rows::links::newest_check(&snapshot, probe, target)? else { return Ok(None) };
    let (found, unseen): (Vec<_>, Vec<_>) =
        rows::links::open(&snapshot, probe, target)?.into_iter().partition(|known| known.last_run == run);
    let (new, still) = found.into_iter().partition(|known| known.opened_at == at);
    let fixed = rows::links::fixed_by(&snapshot, probe, target, at)?;
    Ok(Some(LinkChanges { run, at, new, still, fixed, unseen }))
}

/// How many links are broken; nothing when none was ever checked.
pub(super) fn counts(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
) -> Result<Option<LinkCounts>, StoreError> {
    let Some((run, at)) = rows::links::newest_check(connection, probe, target)? else { return Ok(None) };
    let mut counted = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE fixed_at IS NULL) AS broken,
             count(*) FILTER (WHERE fixed_at IS NULL AND last_run = ?3 AND opened_at = ?4) AS new,
             count(*) FILTER (WHERE fixed_at = ?4) AS fixed
         FROM links WHERE probe = ?1 AND target = ?2 AND (fixed_at IS NULL OR fixed_at = ?4)",
    )?;
    let key = params![probe.as_str(), target.as_str(), run.as_str(), rows::micros(at)];
    let counts = counted.query_row(key, |row| {
        Ok(LinkCounts {
            broken: rows::uint(row, "broken")?,
            new: rows::uint(row, "new")?,
            fixed: rows::uint(row, "fixed")?,
        })
    })?;
    Ok(Some(counts))
}
