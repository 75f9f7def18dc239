//! Incidents and notices.

use rusqlite::{Connection, Row, Transaction, named_params, params};

use super::{at, maybe_at, micros, outcome, to_json};
use crate::domain::ids::{IncidentId, RunId};
use crate::domain::incident::{Incident, Notice};
use crate::store::error::StoreError;

/// Every column, in the order of the domain type.
pub(in crate::store) const COLUMNS: &str = "id, probe, target, since, opened_at, opened_by, closed_at, closed_by, \
     last_notice_at, thread, outcome, step";

/// Reads an incident.
pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<Incident> {
    Ok(Incident {
        id: IncidentId::new(row.get::<_, String>("id")?),
        probe: row.get::<_, String>("probe")?.as_str().into(),
        target: row.get::<_, String>("target")?.as_str().into(),
        since: at(row, "since")?,
        opened_at: at(row, "opened_at")?,
        opened_by: RunId::new(row.get::<_, String>("opened_by")?),
        closed_at: maybe_at(row, "closed_at")?,
        closed_by: row.get::<_, Option<String>>("closed_by")?.map(RunId::new),
        last_notice_at: maybe_at(row, "last_notice_at")?,
        thread: row.get("thread")?,
        outcome: outcome(row, "outcome")?,
        step: row.get("step")?,
    })
}

/// The incident with this id.
pub(in crate::store) fn find(connection: &Connection, id: &IncidentId) -> Result<Incident, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM incidents WHERE id = ?1");
    let mut found = connection.prepare_cached(&sql)?;
    let mut rows = found.query_map([id.as_str()], read)?;
    match rows.next() {
        Some(incident) => Ok(incident?),
        None => Err(StoreError::NotFound { what: "incident", id: id.to_string() }),
    }
}

/// Writes an incident as it is now.
pub(in crate::store) fn save(tx: &Transaction<'_>, incident: &Incident) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO incidents (id, probe, target, since, opened_at, opened_by, closed_at, closed_by,
             last_notice_at, thread, outcome, step)
         VALUES (:id, :probe, :target, :since, :opened_at, :opened_by, :closed_at, :closed_by,
             :last_notice_at, :thread, :outcome, :step)
         ON CONFLICT (id) DO UPDATE SET closed_at = excluded.closed_at, closed_by = excluded.closed_by,
             last_notice_at = excluded.last_notice_at",
    )?
    .execute(named_params! {
        ":id": incident.id.as_str(),
        ":probe": incident.probe.as_str(),
        ":target": incident.target.as_str(),
        ":since": micros(incident.since),
        ":opened_at": micros(incident.opened_at),
        ":opened_by": incident.opened_by.as_str(),
        ":closed_at": incident.closed_at.map(micros),
        ":closed_by": incident.closed_by.as_ref().map(RunId::as_str),
        ":last_notice_at": incident.last_notice_at.map(micros),
        ":thread": incident.thread,
        ":outcome": incident.outcome.name(),
        ":step": incident.step,
    })?;
    Ok(())
}

/// Writes a notice and a mail to each recipient, due at once. Returns how many.
pub(in crate::store) fn queue(
    tx: &Transaction<'_>,
    notice: &Notice,
    recipients: &[String],
) -> Result<usize, StoreError> {
    tx.prepare_cached(
        "INSERT INTO notices (id, incident, kind, created_at, message_id, recipients, notice)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        notice.id.as_str(),
        notice.incident.as_str(),
        notice.kind.name(),
        micros(notice.created_at),
        notice.message_id,
        to_json("recipients", &recipients)?,
        to_json("a notice", notice)?,
    ])?;
    let mut insert = tx.prepare_cached(
        "INSERT OR IGNORE INTO outbox (notice, recipient, state, attempts, next_try_at)
         VALUES (?1, ?2, 'pending', 0, ?3)",
    )?;
    let mut queued = 0;
    for recipient in recipients {
        queued += insert.execute(params![notice.id.as_str(), recipient, micros(notice.created_at)])?;
    }
    Ok(queued)
}
