//! What the judge remembers of a probe on a target between runs.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{at, json, maybe_at, micros, to_json};
use crate::domain::ids::{IncidentId, ProbeId, TargetId};
use crate::judge::{OpenIncident, ProbeState};
use crate::store::error::StoreError;

/// Reads the state; a probe that never ran has an empty one.
pub(in crate::store) fn load(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
) -> Result<ProbeState, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT failing, failing_since, good, doubts, incidents.id AS open, opened_at,
             coalesce(last_notice_at, opened_at) AS last_notice_at
         FROM probe_states LEFT JOIN incidents ON incidents.id = incident AND closed_at IS NULL
         WHERE probe_states.probe = ?1 AND probe_states.target = ?2",
    )?;
    let state = found
        .query_row(params![probe.as_str(), target.as_str()], |row| {
            let open = match row.get::<_, Option<String>>("open")? {
                None => None,
                Some(id) => Some(OpenIncident {
                    id: IncidentId::new(id),
                    opened_at: at(row, "opened_at")?,
                    last_notice_at: at(row, "last_notice_at")?,
                }),
            };
            Ok(ProbeState {
                failing: json(row, "failing")?,
                failing_since: maybe_at(row, "failing_since")?,
                good: json(row, "good")?,
                doubts: row.get("doubts")?,
                open,
            })
        })
        .optional()?;
    Ok(state.unwrap_or_default())
}

/// Writes the state. The incident's own row is written apart, and before.
pub(in crate::store) fn save(
    tx: &Transaction<'_>,
    probe: &ProbeId,
    target: &TargetId,
    state: &ProbeState,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO probe_states (probe, target, failing, failing_since, good, doubts, incident)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        probe.as_str(),
        target.as_str(),
        to_json("failing runs", &state.failing)?,
        state.failing_since.map(micros),
        to_json("good runs", &state.good)?,
        state.doubts,
        state.open.as_ref().map(|open| open.id.as_str()),
    ])?;
    Ok(())
}
