//! Silences.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{at, micros};
use crate::domain::ids::{ProbeId, SilenceId, TargetId};
use crate::domain::silence::Silence;
use crate::store::error::StoreError;

fn read(row: &Row<'_>) -> rusqlite::Result<Silence> {
    Ok(Silence {
        id: SilenceId::new(row.get::<_, String>("id")?),
        target: row.get::<_, Option<String>>("target")?.map(TargetId::new),
        probe: row.get::<_, Option<String>>("probe")?.map(ProbeId::new),
        starts_at: at(row, "starts_at")?,
        until: at(row, "until")?,
        made_by: row.get("made_by")?,
        reason: row.get("reason")?,
    })
}

/// Writes a silence.
pub(in crate::store) fn add(connection: &Connection, silence: &Silence) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO silences (id, target, probe, starts_at, until, made_by, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            silence.id.as_str(),
            silence.target.as_ref().map(TargetId::as_str),
            silence.probe.as_ref().map(ProbeId::as_str),
            micros(silence.starts_at),
            micros(silence.until),
            silence.made_by,
            silence.reason,
        ])?;
    Ok(())
}

/// Silences that end after an instant, the first to begin first.
pub(in crate::store) fn after(connection: &Connection, at: Timestamp) -> Result<Vec<Silence>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT id, target, probe, starts_at, until, made_by, reason FROM silences
         WHERE until > ?1 ORDER BY starts_at, id",
    )?;
    let rows = found.query_map([micros(at)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ends a silence now, unless it is over.
pub(in crate::store) fn end(
    connection: &Connection,
    id: &SilenceId,
    now: Timestamp,
) -> Result<Silence, StoreError> {
    connection
        .prepare_cached("UPDATE silences SET until = max(starts_at, ?2) WHERE id = ?1 AND until > ?2")?
        .execute(params![id.as_str(), micros(now)])?;
    let mut found = connection.prepare_cached(
        "SELECT id, target, probe, starts_at, until, made_by, reason FROM silences WHERE id = ?1",
    )?;
    let silence = found.query_map([id.as_str()], read)?.next().transpose()?;
    silence.ok_or_else(|| StoreError::NotFound { what: "silence", id: id.to_string() })
}
