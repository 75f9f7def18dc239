//! Records of before the chain get their entries, a few at a time, oldest first, marked as late: what
//! happened to them before nobody can tell.
//!
//! Invariant: once the entry `adopted` stands, no record is ever adopted again.

use rusqlite::{Connection, Transaction};

use super::digest::{Encoder, Subject};
use super::{What, append, record};
use crate::domain::ids::{ProbeId, RunId, TargetId};
use crate::store::error::StoreError;
use crate::store::{rollup, rows};

/// Adopts up to so many records; says whether more wait.
pub(in crate::store) fn some(tx: &Transaction<'_>, limit: usize, now: i64) -> Result<bool, StoreError> {
    let mut found = tx.prepare_cached(
        "SELECT position, what, id, probe, target, at FROM to_chain ORDER BY position LIMIT ?1",
    )?;
    let waiting: Vec<(i64, Option<String>, String, String, i64)> = found
        .query_map([rows::int(limit as u64)], |row| {
            Ok((row.get("position")?, row.get("id")?, row.get("probe")?, row.get("target")?, row.get("at")?))
        })?
        .collect::<Result<_, _>>()?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let mut last = 0;
    for (position, id, probe, target, at) in waiting {
        last = position;
        match id {
            Some(id) => {
                let (id, probe, target) = (RunId::new(id), ProbeId::new(probe), TargetId::new(target));
                let finished_at = jiff::Timestamp::from_microsecond(at)
                    .map_err(|error| StoreError::unreadable("the end of a run", error))?;
                let subject = Subject::Run { id: &id, probe: &probe, target: &target, finished_at };
                if record(tx, &subject, true)? {
                    rollup::adopt(tx, &id)?;
                }
            }
            None => {
                record(tx, &Subject::Gap { probe: &probe, target: &target, first: at, last: at }, true)?;
            }
        }
    }
    tx.execute("DELETE FROM to_chain WHERE position <= ?1", [last])?;
    let more: bool = tx.query_row("SELECT EXISTS (SELECT 1 FROM to_chain)", [], |row| row.get(0))?;
    if !more {
        end(tx, now)?;
    }
    Ok(more)
}

/// Notes that nothing of before is left.
pub(super) fn end(connection: &Connection, now: i64) -> Result<(), StoreError> {
    let late: i64 =
        connection.query_row("SELECT count(*) FROM chain WHERE late = 1", [], |row| row.get(0))?;
    let mut encoder = Encoder::new("adopted 1");
    encoder.int(late);
    append(connection, (What::Adopted, "adopted"), None, (now, false), encoder.finish())?;
    Ok(())
}
