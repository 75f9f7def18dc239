//! Which evidence files may go.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::Protected;
use crate::store::error::StoreError;
use crate::store::rows::{int, micros, uint};

/// How many of the oldest are looked for at once: finding them means looking at all.
const OLDEST: usize = 5000;

/// Files that are kept, in the order of their names.
pub(super) fn page(connection: &Connection, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT hash FROM evidence WHERE removed_at IS NULL AND hash > ?1 ORDER BY hash LIMIT ?2",
    )?;
    let rows = found.query_map(params![after, int(limit as u64)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Files that are kept, those first that were shown longest ago; none that was shown since.
pub(super) fn oldest(connection: &Connection, until: Timestamp) -> Result<Vec<(String, u64)>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT e.hash AS hash, e.size AS size, coalesce(max(r.finished_at), 0) AS shown_at FROM evidence e
             LEFT JOIN step_evidence s ON s.hash = e.hash LEFT JOIN runs r ON r.id = s.run
         WHERE e.removed_at IS NULL AND NOT EXISTS (SELECT 1 FROM codings c WHERE c.evidence = e.hash) GROUP BY e.hash HAVING shown_at < ?1 ORDER BY shown_at LIMIT ?2",
    )?;
    let rows = found.query_map(params![micros(until), int(OLDEST as u64)], |row| {
        Ok((row.get("hash")?, uint(row, "size")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Those of the files that only runs show which ended before `until` and need not stay. What proves what a person
/// saw stays.
pub(super) fn removable(
    connection: &Connection,
    hashes: Vec<String>,
    until: Timestamp,
    protected: &Protected,
) -> Result<Vec<String>, StoreError> {
    let mut shown = connection.prepare_cached(
        "SELECT r.id, r.probe, r.target, r.started_at, r.finished_at
         FROM step_evidence s JOIN runs r ON r.id = s.run WHERE s.hash = ?1",
    )?;
    let mut coded = connection.prepare_cached("SELECT 1 FROM codings WHERE evidence = ?1")?;
    let mut old = Vec::new();
    'files: for hash in hashes {
        if protected.file(&hash) || coded.exists([&hash])? {
            continue;
        }
        let mut rows = shown.query([&hash])?;
        while let Some(row) = rows.next()? {
            let (id, probe, target): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let ended: Option<i64> = row.get(4)?;
            if ended.is_none_or(|ended| ended >= micros(until))
                || protected.run(&id, &probe, &target, row.get(3)?)
            {
                continue 'files;
            }
        }
        drop(rows);
        old.push(hash);
    }
    Ok(old)
}

/// Notes that files are gone.
pub(super) fn mark(tx: &Transaction<'_>, hashes: &[String], now: Timestamp) -> Result<(), StoreError> {
    let mut mark = tx.prepare_cached("UPDATE evidence SET removed_at = ?2 WHERE hash = ?1")?;
    for hash in hashes {
        mark.execute(params![hash, micros(now)])?;
    }
    Ok(())
}

/// Those of the files that no row says are kept.
pub(super) fn unnamed(connection: &Connection, hashes: Vec<String>) -> Result<Vec<String>, StoreError> {
    let mut named =
        connection.prepare_cached("SELECT 1 FROM evidence WHERE hash = ?1 AND removed_at IS NULL")?;
    let mut nobodys = Vec::new();
    for hash in hashes {
        if !named.exists([&hash])? {
            nobodys.push(hash);
        }
    }
    Ok(nobodys)
}
