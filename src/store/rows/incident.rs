//! Incidents and notices.

use rusqlite::{Connection, Row, Transaction, named_params, params};

use super::{at, json, maybe_at, maybe_json, micros, outcome, to_json, word};
use crate::domain::ids::{IncidentId, RunId};
use crate::domain::incident::{Acknowledgement, Concern, Incident, Scope, Severity, Shared};
use crate::domain::notice::{Notice, NoticeKind, Recipient};
use crate::judge::tell::Told;
use crate::store::error::StoreError;

/// Every column, in the order of the domain type.
pub(in crate::store) const COLUMNS: &str = "id, concern, severity, scope, shared, parent, flapping, probe, target, since, \
     opened_at, opened_by, closed_at, closed_by, told_at, last_notice_at, reminders, thread, outcome, step, \
     acked_at, acked_by, ack_note";

/// Reads an incident.
pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<Incident> {
    Ok(Incident {
        id: IncidentId::new(row.get::<_, String>("id")?),
        concern: word(row, "concern", Concern::from_name)?,
        severity: word(row, "severity", Severity::from_name)?,
        scope: scope(row)?,
        parent: row.get::<_, Option<String>>("parent")?.map(IncidentId::new),
        flapping: row.get("flapping")?,
        acknowledged: acknowledged(row)?,
        probe: row.get::<_, String>("probe")?.as_str().into(),
        target: row.get::<_, String>("target")?.as_str().into(),
        since: at(row, "since")?,
        opened_at: at(row, "opened_at")?,
        opened_by: row.get::<_, Option<String>>("opened_by")?.map(RunId::new),
        closed_at: maybe_at(row, "closed_at")?,
        closed_by: row.get::<_, Option<String>>("closed_by")?.map(RunId::new),
        told_at: maybe_at(row, "told_at")?,
        last_notice_at: maybe_at(row, "last_notice_at")?,
        reminders: row.get("reminders")?,
        thread: row.get("thread")?,
        outcome: outcome(row, "outcome")?,
        step: row.get("step")?,
    })
}

fn scope(row: &Row<'_>) -> rusqlite::Result<Scope> {
    let shared: Option<Shared> = maybe_json(row, "shared")?;
    word(row, "scope", |name| match (name, &shared) {
        ("pair", None) => Some(Scope::Pair),
        ("vantage", None) => Some(Scope::Vantage),
        ("wave", Some(shared)) => Some(Scope::Wave { shared: shared.clone() }),
        _ => None,
    })
}

fn acknowledged(row: &Row<'_>) -> rusqlite::Result<Option<Acknowledgement>> {
    let Some(at) = maybe_at(row, "acked_at")? else { return Ok(None) };
    Ok(Some(Acknowledgement { at, by: row.get("acked_by")?, note: row.get("ack_note")? }))
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
    let shared = incident.scope.shared().map(|shared| to_json("what a wave shares", shared)).transpose()?;
    tx.prepare_cached(
        "INSERT INTO incidents (id, concern, severity, scope, shared, parent, flapping, probe, target, since,
             opened_at, opened_by, closed_at, closed_by, told_at, last_notice_at, reminders, thread, outcome,
             step, acked_at, acked_by, ack_note, settled)
         VALUES (:id, :concern, :severity, :scope, :shared, :parent, :flapping, :probe, :target, :since,
             :opened_at, :opened_by, :closed_at, :closed_by, :told_at, :last_notice_at, :reminders, :thread,
             :outcome, :step, :acked_at, :acked_by, :ack_note, 0)
         ON CONFLICT (id) DO UPDATE SET concern = excluded.concern, severity = excluded.severity,
             parent = excluded.parent, flapping = excluded.flapping, closed_at = excluded.closed_at,
             closed_by = excluded.closed_by, told_at = excluded.told_at,
             last_notice_at = excluded.last_notice_at, reminders = excluded.reminders,
             outcome = excluded.outcome, step = excluded.step, acked_at = excluded.acked_at,
             acked_by = excluded.acked_by, ack_note = excluded.ack_note",
    )?
    .execute(named_params! {
        ":id": incident.id.as_str(),
        ":concern": incident.concern.name(),
        ":severity": incident.severity.name(),
        ":scope": incident.scope.name(),
        ":shared": shared,
        ":parent": incident.parent.as_ref().map(IncidentId::as_str),
        ":flapping": incident.flapping,
        ":told_at": incident.told_at.map(micros),
        ":reminders": incident.reminders,
        ":acked_at": incident.acknowledged.as_ref().map(|ack| micros(ack.at)),
        ":acked_by": incident.acknowledged.as_ref().map(|ack| &ack.by),
        ":ack_note": incident.acknowledged.as_ref().and_then(|ack| ack.note.as_ref()),
        ":probe": incident.probe.as_str(),
        ":target": incident.target.as_str(),
        ":since": micros(incident.since),
        ":opened_at": micros(incident.opened_at),
        ":opened_by": incident.opened_by.as_ref().map(RunId::as_str),
        ":closed_at": incident.closed_at.map(micros),
        ":closed_by": incident.closed_by.as_ref().map(RunId::as_str),
        ":last_notice_at": incident.last_notice_at.map(micros),
        ":thread": incident.thread,
        ":outcome": incident.outcome.name(),
        ":step": incident.step,
    })?;
    Ok(())
}

/// Says that nothing is left to tell about an incident.
pub(in crate::store) fn settle(tx: &Transaction<'_>, id: &IncidentId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE incidents SET settled = 1 WHERE id = ?1")?.execute([id.as_str()])?;
    Ok(())
}

/// Whether something may be left to tell about any incident.
pub(in crate::store) fn any_to_tell(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM incidents WHERE settled = 0 LIMIT 1")?.exists([])?)
}

/// Incidents about which something may be left to tell, the first that opened first.
pub(in crate::store) fn to_tell(connection: &Connection) -> Result<Vec<Incident>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM incidents WHERE settled = 0 ORDER BY opened_at, id");
    let mut found = connection.prepare_cached(&sql)?;
    let rows = found.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The incidents for which another one speaks, the first ones first.
pub(in crate::store) fn children(
    connection: &Connection,
    parent: &IncidentId,
) -> Result<Vec<Incident>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM incidents WHERE parent = ?1 ORDER BY since, id");
    let mut found = connection.prepare_cached(&sql)?;
    let rows = found.query_map([parent.as_str()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What was told about an incident, oldest first.
pub(in crate::store) fn told(connection: &Connection, id: &IncidentId) -> Result<Vec<Told>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT kind, created_at, recipients, notice ->> '$.concern' AS concern FROM notices
         WHERE incident = ?1
             AND kind IN ('opened', 'worsened', 'flapping', 'reminder', 'escalated', 'resolved')
         ORDER BY created_at, id",
    )?;
    let rows = found.query_map([id.as_str()], |row| {
        // Notices of earlier versions name no concern: they were about outages.
        let concern: Option<String> = row.get("concern")?;
        Ok(Told {
            kind: word(row, "kind", |name| NoticeKind::ALL.into_iter().find(|kind| kind.name() == name))?,
            at: at(row, "created_at")?,
            concern: concern.as_deref().and_then(Concern::from_name).unwrap_or_default(),
            to: json(row, "recipients")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes a notice and a mail to each recipient, due at once. Returns how many.
pub(in crate::store) fn queue(
    tx: &Transaction<'_>,
    notice: &Notice,
    recipients: &[Recipient],
) -> Result<usize, StoreError> {
    tx.prepare_cached(
        "INSERT INTO notices (id, incident, kind, created_at, message_id, recipients, notice)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        notice.id.as_str(),
        notice.incident.as_ref().map(IncidentId::as_str),
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
        queued +=
            insert.execute(params![notice.id.as_str(), recipient.to_string(), micros(notice.created_at)])?;
    }
    Ok(queued)
}
