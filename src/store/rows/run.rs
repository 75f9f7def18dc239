//! Runs with their steps, observations, evidence and link faults.

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, named_params, params};
use serde::Serialize;

use super::{at, int, json, maybe_json, micros, to_json, uint, word};
use crate::domain::ids::{EvidenceHash, ProbeId, RunId, TargetId};
use crate::domain::incident::Incident;
use crate::domain::observation::Evidence;
use crate::domain::run::{Cause, Gap, GapReason, Run, RunKind, StepRecord};
use crate::domain::scenario::Stage;
use crate::domain::verdict::Verdict;
use crate::store::RunStart;
use crate::store::chain;
use crate::store::error::StoreError;
use crate::store::rollup;

/// The name of a cause, and the run that is confirmed.
pub(in crate::store) fn cause_name(cause: &Cause) -> (&'static str, Option<&str>) {
    match cause {
        Cause::Schedule => ("schedule", None),
        Cause::Confirmation { of } => ("confirmation", Some(of.as_str())),
        Cause::Manual => ("manual", None),
    }
}

pub(in crate::store) fn kind_of(name: &str) -> Option<RunKind> {
    [RunKind::Walk, RunKind::Visit, RunKind::Crawl].into_iter().find(|kind| kind.name() == name)
}

pub(in crate::store) fn stage_of(name: &str) -> Option<Stage> {
    Stage::ALL.iter().find(|(known, _)| *known == name).map(|(_, stage)| *stage)
}

/// Writes that a run begins.
pub(in crate::store) fn begin(connection: &Connection, start: &RunStart) -> Result<(), StoreError> {
    let (cause, cause_of) = cause_name(&start.cause);
    connection
        .prepare_cached(
            "INSERT INTO runs (id, probe, target, kind, state, cause, cause_of, scheduled_at, started_at)
             VALUES (:id, :probe, :target, :kind, 'running', :cause, :cause_of, :scheduled_at, :started_at)",
        )?
        .execute(named_params! {
            ":id": start.id.as_str(),
            ":probe": start.probe.as_str(),
            ":target": start.target.as_str(),
            ":kind": start.kind.name(),
            ":cause": cause,
            ":cause_of": cause_of,
            ":scheduled_at": micros(start.scheduled_at),
            ":started_at": micros(start.started_at),
        })?;
    Ok(())
}

/// Turns runs that were cut short into gaps: whoever runs this holds the daemon's lock, so nobody
/// is working on them. Runs made by hand leave no slot behind.
pub(in crate::store) fn interrupt(tx: &Transaction<'_>) -> Result<Vec<Gap>, StoreError> {
    let mut cut = tx.prepare(
        "SELECT probe, target, scheduled_at FROM runs WHERE state = 'running' AND cause <> 'manual'
         ORDER BY scheduled_at",
    )?;
    let gaps = cut
        .query_map([], |row| {
            let (probe, target): (String, String) = (row.get("probe")?, row.get("target")?);
            let (probe, target) = (probe.as_str().into(), target.as_str().into());
            Ok(Gap::one(probe, target, at(row, "scheduled_at")?, GapReason::Interrupted))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    tx.execute("UPDATE runs SET state = 'interrupted' WHERE state = 'running'", [])?;
    add_gaps(tx, &gaps)?;
    Ok(gaps)
}

/// Writes gaps; one that is there already stays as it is. A run that was begun and whose end could
/// not be recorded is over: without this it would seem to go on until the next start.
pub(in crate::store) fn add_gaps(connection: &Connection, gaps: &[Gap]) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO gaps (probe, target, scheduled_at, until, reason, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut unrecorded = connection.prepare_cached(
        "UPDATE runs SET state = 'interrupted'
         WHERE probe = ?1 AND target = ?2 AND scheduled_at = ?3 AND state = 'running' AND cause <> 'manual'",
    )?;
    let losses = losses(connection)?;
    for gap in gaps {
        let (from, to) = (micros(gap.scheduled_at), micros(gap.until));
        let lost = losses.iter().any(|(since, until)| *since <= to && from <= *until);
        // Nothing is known of a slot whose record was lost, not even that the agent was late. Of
        // slots that are told of together nothing is claimed when that holds for some of them.
        let reason = if lost && gap.reason == GapReason::Overdue { GapReason::Lost } else { gap.reason };
        let (probe, target) = (gap.probe.as_str(), gap.target.as_str());
        let new = insert.execute(params![probe, target, from, to, reason.name(), int(gap.count)])?;
        if new > 0 {
            chain::append_gap(connection, gap)?;
            rollup::add_gap(connection, gap)?;
        }
        if gap.reason == GapReason::NotRecorded {
            unrecorded.execute(params![probe, target, from])?;
        }
    }
    Ok(())
}

/// The times of which records were lost.
fn losses(connection: &Connection) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut found = connection.prepare_cached("SELECT since, until FROM losses WHERE since IS NOT NULL")?;
    let rows = found.query_map([], |row| Ok((row.get("since")?, row.get("until")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many runs have failed since an incident began, those by hand left out. A run that could not
/// see is inconclusive, whatever it met: it says nothing about the portal and is none of them.
pub(in crate::store) fn failed_since(
    connection: &Connection,
    incident: &Incident,
) -> Result<u32, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT count(*) FROM runs
         WHERE probe = ?1 AND target = ?2 AND started_at >= ?3 AND verdict = 'fail' AND cause <> 'manual'",
    )?;
    let pair = params![incident.probe.as_str(), incident.target.as_str(), micros(incident.since)];
    Ok(found.query_row(pair, |row| row.get(0))?)
}

/// The newest good runs of a pair up to the one that ended an incident, oldest first.
pub(in crate::store) fn good_until(
    connection: &Connection,
    incident: &Incident,
    limit: u32,
) -> Result<Vec<RunId>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT id FROM runs
         WHERE probe = ?1 AND target = ?2 AND state = 'finished' AND cause <> 'manual'
             AND verdict IN ('pass', 'degraded') AND started_at >= ?3
             AND started_at <= (SELECT started_at FROM runs WHERE id = ?4)
         ORDER BY started_at DESC, id DESC LIMIT ?5",
    )?;
    let closed_by = incident.closed_by.as_ref().map(RunId::as_str);
    let wanted =
        params![incident.probe.as_str(), incident.target.as_str(), micros(incident.since), closed_by, limit];
    let rows = found.query_map(wanted, |row| Ok(RunId::new(row.get::<_, String>("id")?)))?;
    let mut runs = rows.collect::<Result<Vec<_>, _>>()?;
    runs.reverse();
    Ok(runs)
}

/// The run with this id, complete, if it ended and is still kept.
pub(in crate::store) fn find(connection: &Connection, id: &RunId) -> Result<Option<Run>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE state = 'finished' AND id = ?1");
    let mut found = connection.prepare_cached(&sql)?;
    let run = found.query_map([id.as_str()], read)?.next().transpose()?;
    run.map(|run| complete(connection, run)).transpose()
}

/// Writes a run that ended, with all that belongs to it. A run that was begun is completed.
pub(in crate::store) fn insert(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let (cause, cause_of) = cause_name(&run.cause);
    let visit = run.visit.as_ref().map(|visit| to_json("a visit", visit)).transpose()?;
    let canaries = (!run.canaries.is_empty()).then(|| to_json("the canaries", &run.canaries)).transpose()?;
    let crawl = run.crawl.as_ref().map(|crawl| to_json("the extent of a crawl", crawl)).transpose()?;
    let changed = tx
        .prepare_cached(
            "INSERT INTO runs (id, probe, target, kind, state, cause, cause_of, scheduled_at, started_at,
                 finished_at, elapsed_ms, attempts, verdict, reason, scenario, scenario_hash, scored, vantage,
                 links_checked, visit, crawl, canaries, browser, agent_version)
             VALUES (:id, :probe, :target, :kind, 'finished', :cause, :cause_of, :scheduled_at, :started_at,
                 :finished_at, :elapsed_ms, :attempts, :verdict, :reason, :scenario, :scenario_hash, :scored, :vantage,
                 :links_checked, :visit, :crawl, :canaries, :browser, :agent_version)
             ON CONFLICT (id) DO UPDATE SET
                 probe = excluded.probe, target = excluded.target, kind = excluded.kind, state = excluded.state,
                 cause = excluded.cause, cause_of = excluded.cause_of, scheduled_at = excluded.scheduled_at,
                 started_at = excluded.started_at, finished_at = excluded.finished_at,
                 elapsed_ms = excluded.elapsed_ms, attempts = excluded.attempts, verdict = excluded.verdict,
                 reason = excluded.reason, scenario = excluded.scenario, scenario_hash = excluded.scenario_hash,
                 scored = excluded.scored, vantage = excluded.vantage, links_checked = excluded.links_checked, visit = excluded.visit,
                 crawl = excluded.crawl, canaries = excluded.canaries, browser = excluded.browser, agent_version = excluded.agent_version
             WHERE runs.state <> 'finished'",
        )?
        .execute(named_params! {
            ":id": run.id.as_str(),
            ":probe": run.probe.as_str(),
            ":target": run.target.as_str(),
            ":kind": run.kind.name(),
            ":cause": cause,
            ":cause_of": cause_of,
            ":scheduled_at": micros(run.scheduled_at),
            ":started_at": micros(run.started_at),
            ":finished_at": micros(run.finished_at),
            ":elapsed_ms": int(run.elapsed_ms),
            ":attempts": run.attempts,
            ":verdict": run.verdict.name(),
            ":reason": run.reason,
            ":scenario": run.scenario.as_ref().map(AsRef::<str>::as_ref),
            ":scenario_hash": run.scenario_hash,
            ":scored": run.scored,
            ":vantage": run.vantage,
            ":links_checked": run.links_checked,
            ":visit": visit,
            ":crawl": crawl,
            ":canaries": canaries,
            ":browser": run.browser,
            ":agent_version": run.agent_version,
        })?;
    if changed == 0 {
        return Err(StoreError::AlreadyRecorded(run.id.clone()));
    }
    for (position, step) in run.steps.iter().enumerate() {
        insert_step(tx, &run.id, position, step)?;
    }
    super::links::insert(tx, run)
}

fn insert_step(
    tx: &Transaction<'_>,
    run: &RunId,
    position: usize,
    step: &StepRecord,
) -> Result<(), StoreError> {
    let position = int(position as u64);
    tx.prepare_cached(
        "INSERT INTO steps (run, position, name, stage, measure, outcome, credit, elapsed_ms, own_ms, attempts, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        run.as_str(),
        position,
        step.name,
        step.stage.name(),
        to_json("indicators", &step.measure)?,
        step.outcome.name(),
        step.credit,
        int(step.elapsed_ms),
        int(step.own_ms),
        step.attempts,
        step.error,
    ])?;
    tx.prepare_cached("INSERT INTO observations (run, position, facts) VALUES (?1, ?2, ?3)")?
        .execute(params![run.as_str(), position, to_json("observations", &step.facts)?])?;
    for (number, evidence) in step.evidence.iter().enumerate() {
        tx.prepare_cached(
            "INSERT INTO evidence (hash, mime, size) VALUES (?1, ?2, ?3)
                 ON CONFLICT (hash) DO UPDATE SET removed_at = NULL WHERE removed_at IS NOT NULL",
        )?
        .execute(params![evidence.hash.as_str(), evidence.mime, int(evidence.size)])?;
        tx.prepare_cached(
            "INSERT INTO step_evidence (run, position, number, kind, hash, label) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            run.as_str(),
            position,
            int(number as u64),
            kind_name(evidence)?,
            evidence.hash.as_str(),
            evidence.label,
        ])?;
    }
    Ok(())
}

/// The name of a kind of evidence, as JSON writes it.
fn kind_name(evidence: &Evidence) -> Result<String, StoreError> {
    Ok(to_json("a kind of evidence", &evidence.kind)?.trim_matches('"').to_owned())
}

/// What is known of a run that was cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct CutShort {
    pub(in crate::store) id: RunId,
    pub(in crate::store) probe: ProbeId,
    pub(in crate::store) target: TargetId,
    pub(in crate::store) kind: RunKind,
    pub(in crate::store) cause: Cause,
    pub(in crate::store) scheduled_at: Timestamp,
    pub(in crate::store) started_at: Timestamp,
}

/// A run that is over, one way or the other.
#[derive(Debug)]
pub(in crate::store) enum Ended {
    Finished(Box<Run>),
    Interrupted(CutShort),
}

/// Reads a run that is over; wants [`COLUMNS`] and `state`.
pub(in crate::store) fn read_ended(row: &Row<'_>) -> rusqlite::Result<Ended> {
    if row.get_ref("state")?.as_str()? == "finished" {
        return Ok(Ended::Finished(Box::new(read(row)?)));
    }
    Ok(Ended::Interrupted(CutShort {
        id: RunId::new(row.get::<_, String>("id")?),
        probe: row.get::<_, String>("probe")?.as_str().into(),
        target: row.get::<_, String>("target")?.as_str().into(),
        kind: word(row, "kind", kind_of)?,
        cause: cause(row)?,
        scheduled_at: at(row, "scheduled_at")?,
        started_at: at(row, "started_at")?,
    }))
}

fn cause(row: &Row<'_>) -> rusqlite::Result<Cause> {
    let of: Option<String> = row.get("cause_of")?;
    word(row, "cause", |name| match name {
        "schedule" => Some(Cause::Schedule),
        "manual" => Some(Cause::Manual),
        "confirmation" => Some(Cause::Confirmation { of: of.as_deref()?.into() }),
        _ => None,
    })
}

/// The columns that [`read`] wants.
pub(in crate::store) const COLUMNS: &str = "id, probe, target, kind, cause, cause_of, scheduled_at, started_at, \
     finished_at, elapsed_ms, attempts, verdict, reason, scenario, scenario_hash, scored, vantage, links_checked, \
     visit, crawl, canaries, browser, agent_version";

/// Reads a finished run without what belongs to it; [`complete`] adds that.
pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: RunId::new(row.get::<_, String>("id")?),
        probe: row.get::<_, String>("probe")?.as_str().into(),
        target: row.get::<_, String>("target")?.as_str().into(),
        kind: word(row, "kind", kind_of)?,
        scenario: row.get::<_, Option<String>>("scenario")?.as_deref().map(Into::into),
        scenario_hash: row.get("scenario_hash")?,
        scored: row.get("scored")?,
        vantage: row.get("vantage")?,
        cause: cause(row)?,
        scheduled_at: at(row, "scheduled_at")?,
        started_at: at(row, "started_at")?,
        finished_at: at(row, "finished_at")?,
        elapsed_ms: uint(row, "elapsed_ms")?,
        attempts: row.get("attempts")?,
        verdict: word(row, "verdict", Verdict::from_name)?,
        reason: row.get("reason")?,
        steps: Vec::new(),
        visit: maybe_json(row, "visit")?,
        link_faults: Vec::new(),
        links_checked: row.get("links_checked")?,
        crawl: maybe_json(row, "crawl")?,
        canaries: maybe_json(row, "canaries")?.unwrap_or_default(),
        browser: row.get("browser")?,
        agent_version: row.get("agent_version")?,
    })
}

/// Adds steps, observations, evidence and link faults to a run.
pub(in crate::store) fn complete(connection: &Connection, mut run: Run) -> Result<Run, StoreError> {
    let mut steps = connection.prepare_cached(
        "SELECT name, stage, measure, outcome, credit, elapsed_ms, own_ms, attempts, error, facts
         FROM steps JOIN observations USING (run, position) WHERE run = ?1 ORDER BY position",
    )?;
    run.steps = steps.query_map([run.id.as_str()], read_step)?.collect::<Result<_, _>>()?;
    let mut evidence = connection.prepare_cached(
        "SELECT position, kind, hash, mime, size, label FROM step_evidence JOIN evidence USING (hash)
         WHERE run = ?1 ORDER BY position, number",
    )?;
    let mut rows = evidence.query([run.id.as_str()])?;
    while let Some(row) = rows.next()? {
        let position = usize::try_from(uint(row, "position")?).unwrap_or(usize::MAX);
        let found = Evidence {
            kind: word(row, "kind", |name| serde_json::from_value(name.into()).ok())?,
            hash: EvidenceHash::new(row.get::<_, String>("hash")?),
            mime: row.get("mime")?,
            size: uint(row, "size")?,
            label: row.get("label")?,
        };
        if let Some(step) = run.steps.get_mut(position) {
            step.evidence.push(found);
        }
    }
    run.link_faults = super::links::of_run(connection, &run)?;
    Ok(run)
}

fn read_step(row: &Row<'_>) -> rusqlite::Result<StepRecord> {
    Ok(StepRecord {
        name: row.get("name")?,
        stage: word(row, "stage", stage_of)?,
        measure: json(row, "measure")?,
        outcome: super::outcome(row, "outcome")?,
        credit: row.get("credit")?,
        elapsed_ms: uint(row, "elapsed_ms")?,
        own_ms: uint(row, "own_ms")?,
        attempts: row.get("attempts")?,
        evidence: Vec::new(),
        error: row.get("error")?,
        facts: json(row, "facts")?,
    })
}

/// The slots without a run from `?1` up to, but not at, `?2`: `probe`, `target`, `reason` and `count`. Of
/// a row that stands for several and reaches over an end, as many are counted as fall within when they
/// are evenly spread.
pub(in crate::store) const GAPS_BETWEEN: &str = "
    SELECT probe, target, reason, 1 AS count FROM gaps
        WHERE scheduled_at >= ?1 AND scheduled_at < ?2 AND until = scheduled_at
    UNION ALL
    SELECT probe, target, reason,
        1 + CAST(round((count - 1.0) * (min(until, ?2) - max(scheduled_at, ?1)) / (until - scheduled_at)) AS INTEGER)
        FROM gaps WHERE until > scheduled_at AND until >= ?1 AND scheduled_at < ?2";

/// Reads a gap.
pub(in crate::store) fn read_gap(row: &Row<'_>) -> rusqlite::Result<Gap> {
    Ok(Gap {
        probe: row.get::<_, String>("probe")?.as_str().into(),
        target: row.get::<_, String>("target")?.as_str().into(),
        scheduled_at: at(row, "scheduled_at")?,
        reason: word(row, "reason", super::gap_reason)?,
        until: at(row, "until")?,
        count: uint(row, "count")?,
    })
}
