//! What the judge remembers between runs: of a probe on a target, and of our own sight.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{json, maybe_at, maybe_json, micros, to_json, word};
use crate::domain::ids::{IncidentId, ProbeId, TargetId};
use crate::domain::incident::Concern;
use crate::judge::flapping::History;
use crate::judge::sight::VantageState;
use crate::judge::{OpenIncident, ProbeState};
use crate::store::error::StoreError;

/// Reads the state; a probe that never ran has an empty one.
pub(in crate::store) fn load(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
) -> Result<ProbeState, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT failing, failing_since, good, good_since, doubts, trouble, history, seen_at,
             incidents.id AS open, concern, flapping
         FROM probe_states LEFT JOIN incidents ON incidents.id = incident AND closed_at IS NULL
         WHERE probe_states.probe = ?1 AND probe_states.target = ?2",
    )?;
    let state = found
        .query_row(params![probe.as_str(), target.as_str()], |row| {
            let open = match row.get::<_, Option<String>>("open")? {
                None => None,
                Some(id) => Some(OpenIncident {
                    id: IncidentId::new(id),
                    concern: word(row, "concern", Concern::from_name)?,
                    flapping: row.get("flapping")?,
                }),
            };
            Ok(ProbeState {
                failing: json(row, "failing")?,
                failing_since: maybe_at(row, "failing_since")?,
                good: json(row, "good")?,
                good_since: maybe_at(row, "good_since")?,
                doubts: row.get("doubts")?,
                trouble: maybe_json(row, "trouble")?,
                history: History::new(row.get::<_, String>("history")?),
                seen_at: maybe_at(row, "seen_at")?,
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
    let trouble = state.trouble.as_ref().map(|trouble| to_json("trouble", trouble)).transpose()?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO probe_states (probe, target, failing, failing_since, good, good_since, doubts,
             trouble, history, seen_at, incident)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        probe.as_str(),
        target.as_str(),
        to_json("failing runs", &state.failing)?,
        state.failing_since.map(micros),
        to_json("good runs", &state.good)?,
        state.good_since.map(micros),
        state.doubts,
        trouble,
        state.history.as_str(),
        state.seen_at.map(micros),
        state.open.as_ref().map(|open| open.id.as_str()),
    ])?;
    Ok(())
}

/// Pairs that fail and whose failure is not confirmed yet.
pub(in crate::store) fn suspects(connection: &Connection) -> Result<Vec<(ProbeId, TargetId)>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT probe_states.probe AS probe, probe_states.target AS target
         FROM probe_states LEFT JOIN incidents ON incidents.id = incident AND closed_at IS NULL
         WHERE failing_since IS NOT NULL AND coalesce(concern, '') <> 'outage'
         ORDER BY probe_states.probe, probe_states.target",
    )?;
    let rows = found.query_map([], |row| {
        let (probe, target): (String, String) = (row.get("probe")?, row.get("target")?);
        Ok((ProbeId::new(probe), TargetId::new(target)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is known about our own sight under this name. Whether it is lost the incident says, by whatever name
/// it was opened: there is one agent, and one such incident.
pub(in crate::store) fn load_vantage(
    connection: &Connection,
    vantage: &str,
) -> Result<VantageState, StoreError> {
    let mut found = connection.prepare_cached("SELECT state FROM vantage_states WHERE vantage = ?1")?;
    let state: Option<VantageState> = found.query_row([vantage], |row| json(row, "state")).optional()?;
    let mut open = connection
        .prepare_cached("SELECT id FROM incidents WHERE scope = 'vantage' AND closed_at IS NULL")?;
    let open = open.query_row([], |row| Ok(IncidentId::new(row.get::<_, String>(0)?))).optional()?;
    Ok(VantageState { open, ..state.unwrap_or_default() })
}

/// Writes it.
pub(in crate::store) fn save_vantage(
    tx: &Transaction<'_>,
    vantage: &str,
    state: &VantageState,
) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR REPLACE INTO vantage_states (vantage, state) VALUES (?1, ?2)")?
        .execute(params![vantage, to_json("our own sight", state)?])?;
    Ok(())
}
