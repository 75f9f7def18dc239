//! Old runs and gaps go, with all that belongs to them.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::Protected;
use crate::store::chain::{self, digest::GAP_ID};
use crate::store::error::StoreError;
use crate::store::rows::{int, micros};

/// How many runs are looked at in one step. Those that have to stay are passed over.
const LOOKED_AT: usize = 500;
/// So many rows may go in one step; a larger run goes alone.
const ROWS: u64 = 200;

/// Removes some of the oldest runs that began before `until`; says how many.
pub(super) fn remove_some(
    tx: &Transaction<'_>,
    until: Timestamp,
    protected: &Protected,
    why: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut found = tx.prepare_cached(
        "SELECT r.id, r.probe, r.target, r.started_at, c.seq,
             1 + (SELECT count(*) FROM steps WHERE run = r.id) * 3
               + (SELECT count(*) FROM link_faults WHERE run = r.id) AS width
         FROM runs r LEFT JOIN chain c ON c.what = 'run' AND c.id = r.id
         WHERE r.started_at < ?1 AND r.state <> 'running' ORDER BY r.started_at LIMIT ?2",
    )?;
    let mut rows = found.query(params![micros(until), int(LOOKED_AT as u64)])?;
    let (mut ids, mut entries, mut width) = (Vec::new(), Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (id, probe, target): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if protected.run(&id, &probe, &target, row.get(3)?) {
            continue;
        }
        width += row.get::<_, i64>("width")?.unsigned_abs();
        if width > ROWS && !ids.is_empty() {
            break;
        }
        entries.extend(row.get::<_, Option<i64>>("seq")?);
        ids.push(id);
    }
    drop(rows);
    let mut remove = tx.prepare_cached("DELETE FROM runs WHERE id = ?1")?;
    for id in &ids {
        remove.execute([id])?;
    }
    if !entries.is_empty() {
        chain::append_pruning(tx, now, why, &entries, &[])?;
    }
    Ok(ids.len() as u64)
}

/// Removes some of the oldest gaps before `until`; says how many.
pub(super) fn remove_gaps(
    tx: &Transaction<'_>,
    until: Timestamp,
    limit: usize,
    why: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    // One that stands for several slots goes with the last of them.
    let mut found = tx.prepare_cached(&format!(
        "SELECT gaps.probe, gaps.target, gaps.scheduled_at, gaps.until, c.seq FROM gaps
             LEFT JOIN chain c ON c.what = 'gap' AND c.id = {GAP_ID}
         WHERE gaps.scheduled_at < ?1 AND gaps.until < ?1 ORDER BY gaps.scheduled_at LIMIT ?2",
    ))?;
    let old: Vec<(String, String, i64, i64, Option<i64>)> = found
        .query_map(params![micros(until), int(limit as u64)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut remove = tx.prepare_cached(
        "DELETE FROM gaps WHERE probe = ?1 AND target = ?2 AND scheduled_at = ?3 AND until = ?4",
    )?;
    let mut entries = Vec::with_capacity(old.len());
    for (probe, target, first, last, seq) in &old {
        remove.execute(params![probe, target, first, last])?;
        entries.extend(*seq);
    }
    if !entries.is_empty() {
        chain::append_pruning(tx, now, why, &entries, &[])?;
    }
    Ok(old.len() as u64)
}
