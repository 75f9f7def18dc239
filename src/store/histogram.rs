//! Times of steps and of runs, rolled up by hour: HDR histograms that can be merged over any span, so that a
//! percentile over a year needs no single run.
//!
//! A histogram holds the times of steps that *worked* (`done`, `online_ready`), 1 ms to 1 h with
//! three significant digits; longer ones count as 1 h. A step that failed says how long we waited,
//! not how long the portal took: it is counted by its outcome only.
//!
//! Of runs, the times of those that came to a verdict about the portal (`pass`, `degraded`) are held;
//! all are counted by their verdict, those by hand left out.
//!
//! Invariant: a run changes each of its steps' hours once, in the transaction that stores the run.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::rows::{micros, outcome, uint, word};
use super::status::VerdictCounts;
use crate::domain::ids::{ProbeId, RunId, TargetId};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Cause, Run};
use crate::domain::verdict::Verdict;

/// The longest time that is told apart, in milliseconds.
const LONGEST_MS: u64 = 3_600_000;

/// An hour in microseconds.
const HOUR: i64 = 3_600_000_000;

/// How long a step took over some span of time, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTimes {
    /// The step.
    pub step: String,
    /// How often it worked.
    pub count: u64,
    /// Half of them took at most so many milliseconds.
    pub p50_ms: u64,
    /// Nine of ten.
    pub p90_ms: u64,
    /// Ninety-nine of a hundred.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
    /// How often it ended in which way, in the order of the method's table.
    pub outcomes: Vec<(Outcome, u64)>,
}

/// How long runs took over some span of time, and how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunTimes {
    /// How many runs had which verdict.
    pub verdicts: VerdictCounts,
    /// How many of them are timed: good ones and those that did not end online.
    pub count: u64,
    /// Half of them took at most so many milliseconds.
    pub p50_ms: u64,
    /// Nine of ten.
    pub p90_ms: u64,
    /// Ninety-nine of a hundred.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

/// A step with its times and how often it ended in which way.
type Gathered = (String, Histogram<u64>, Vec<(Outcome, u64)>);

/// Adds a run and its steps to their hour, the one in which the run began.
pub(super) fn add(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    if run.cause != Cause::Manual {
        let pair = (run.probe.as_str(), run.target.as_str());
        add_run(tx, pair, micros(run.started_at), run.elapsed_ms, run.verdict)?;
    }
    add_steps(tx, run)
}

/// Adds a run that was stored by a version that did not yet; its steps were added then.
pub(super) fn adopt(tx: &Transaction<'_>, id: &RunId) -> Result<(), StoreError> {
    let mut found = tx.prepare_cached(
        "SELECT probe, target, started_at, elapsed_ms, verdict FROM runs WHERE id = ?1 AND cause <> 'manual'",
    )?;
    let mut rows = found.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let (probe, target): (String, String) = (row.get("probe")?, row.get("target")?);
    let verdict = word(row, "verdict", Verdict::from_name)?;
    add_run(tx, (&probe, &target), row.get("started_at")?, uint(row, "elapsed_ms")?, verdict)
}

fn add_run(
    tx: &Transaction<'_>,
    (probe, target): (&str, &str),
    started_at: i64,
    elapsed_ms: u64,
    verdict: Verdict,
) -> Result<(), StoreError> {
    let hour = started_at.div_euclid(HOUR) * HOUR;
    tx.prepare_cached(
        "INSERT INTO run_hour_verdicts (probe, target, hour, verdict, count) VALUES (?1, ?2, ?3, ?4, 1)
         ON CONFLICT DO UPDATE SET count = count + 1",
    )?
    .execute(params![probe, target, hour, verdict.name()])?;
    if !is_timed(verdict) {
        return Ok(());
    }
    let stored: Option<Vec<u8>> = tx
        .prepare_cached("SELECT times FROM run_hours WHERE probe = ?1 AND target = ?2 AND hour = ?3")?
        .query_row(params![probe, target, hour], |row| row.get(0))
        .optional()?;
    let mut times = stored.map_or_else(empty, |bytes| decode(&bytes))?;
    times.saturating_record(elapsed_ms.max(1));
    tx.prepare_cached(
        "INSERT INTO run_hours (probe, target, hour, times) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET times = excluded.times",
    )?
    .execute(params![probe, target, hour, encode(&times)?])?;
    Ok(())
}

/// Whether the time of a run with this verdict says how long the portal takes.
fn is_timed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Degraded)
}

/// Merges the hours of runs from `since` (inclusive, rounded down to its hour) to `until` (exclusive).
pub(super) fn runs(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
    since: Timestamp,
    until: Timestamp,
) -> Result<RunTimes, StoreError> {
    let span = params![probe.as_str(), target.as_str(), micros(since).div_euclid(HOUR) * HOUR, micros(until)];
    let mut verdicts = VerdictCounts::default();
    let mut counts = connection.prepare_cached(
        "SELECT verdict, sum(count) AS count FROM run_hour_verdicts
         WHERE probe = ?1 AND target = ?2 AND hour >= ?3 AND hour < ?4 GROUP BY verdict",
    )?;
    let mut rows = counts.query(span)?;
    while let Some(row) = rows.next()? {
        *verdicts.of(word(row, "verdict", Verdict::from_name)?) = uint(row, "count")?;
    }
    let mut hours = connection.prepare_cached(
        "SELECT times FROM run_hours WHERE probe = ?1 AND target = ?2 AND hour >= ?3 AND hour < ?4",
    )?;
    let mut rows = hours.query(span)?;
    let mut times = empty()?;
    while let Some(row) = rows.next()? {
        let hour = decode(row.get_ref("times")?.as_blob().map_err(rusqlite::Error::from)?)?;
        times.add(hour).map_err(|error| StoreError::unreadable("run times", error.to_string()))?;
    }
    Ok(RunTimes {
        verdicts,
        count: times.len(),
        p50_ms: times.value_at_quantile(0.5),
        p90_ms: times.value_at_quantile(0.9),
        p99_ms: times.value_at_quantile(0.99),
        max_ms: times.max(),
    })
}

fn add_steps(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let hour = micros(run.started_at).div_euclid(HOUR) * HOUR;
    let (probe, target) = (run.probe.as_str(), run.target.as_str());
    for step in run.steps.iter().filter(|step| step.outcome != Outcome::NotReached) {
        tx.prepare_cached(
            "INSERT INTO step_hour_outcomes (probe, target, step, hour, outcome, count)
             VALUES (?1, ?2, ?3, ?4, ?5, 1) ON CONFLICT DO UPDATE SET count = count + 1",
        )?
        .execute(params![probe, target, step.name, hour, step.outcome.name()])?;
        if !step.outcome.goes_on() {
            continue;
        }
        let key = params![probe, target, step.name, hour];
        let stored: Option<Vec<u8>> = tx
            .prepare_cached(
                "SELECT times FROM step_hours WHERE probe = ?1 AND target = ?2 AND step = ?3 AND hour = ?4",
            )?
            .query_row(key, |row| row.get(0))
            .optional()?;
        let mut times = match stored {
            Some(bytes) => decode(&bytes)?,
            None => empty()?,
        };
        times.saturating_record(step.elapsed_ms.max(1));
        tx.prepare_cached(
            "INSERT INTO step_hours (probe, target, step, hour, times) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET times = excluded.times",
        )?
        .execute(params![probe, target, step.name, hour, encode(&times)?])?;
    }
    Ok(())
}

/// Merges the hours from `since` (inclusive, rounded down to its hour) to `until` (exclusive), by
/// step, in the order in which the steps first appeared.
pub(super) fn merged(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<StepTimes>, StoreError> {
    let span = params![probe.as_str(), target.as_str(), micros(since).div_euclid(HOUR) * HOUR, micros(until)];
    let mut found: Vec<Gathered> = Vec::new();
    let mut counts = connection.prepare_cached(
        "SELECT step, outcome, sum(count) AS count FROM step_hour_outcomes
         WHERE probe = ?1 AND target = ?2 AND hour >= ?3 AND hour < ?4 GROUP BY step, outcome",
    )?;
    let mut rows = counts.query(span)?;
    while let Some(row) = rows.next()? {
        let step: String = row.get("step")?;
        let counted = (outcome(row, "outcome")?, uint(row, "count")?);
        match found.iter_mut().find(|(name, ..)| *name == step) {
            Some((_, _, outcomes)) => outcomes.push(counted),
            None => found.push((step, empty()?, vec![counted])),
        }
    }
    let mut hours = connection.prepare_cached(
        "SELECT step, times FROM step_hours
         WHERE probe = ?1 AND target = ?2 AND hour >= ?3 AND hour < ?4 ORDER BY hour, rowid",
    )?;
    let mut rows = hours.query(span)?;
    let mut order: Vec<String> = Vec::new();
    while let Some(row) = rows.next()? {
        let step: String = row.get("step")?;
        if let Some((_, times, _)) = found.iter_mut().find(|(name, ..)| *name == step) {
            let hour = decode(row.get_ref("times")?.as_blob().map_err(rusqlite::Error::from)?)?;
            times.add(hour).map_err(|error| StoreError::unreadable("step times", error.to_string()))?;
        }
        if !order.contains(&step) {
            order.push(step);
        }
    }
    let place = |step: &str| order.iter().position(|known| known == step).unwrap_or(usize::MAX);
    found.sort_by_key(|(step, ..)| place(step));
    Ok(found.into_iter().map(summed).collect())
}

fn summed((step, times, mut outcomes): Gathered) -> StepTimes {
    outcomes.sort();
    StepTimes {
        step,
        count: times.len(),
        p50_ms: times.value_at_quantile(0.5),
        p90_ms: times.value_at_quantile(0.9),
        p99_ms: times.value_at_quantile(0.99),
        max_ms: times.max(),
        outcomes,
    }
}

fn empty() -> Result<Histogram<u64>, StoreError> {
    Histogram::new_with_bounds(1, LONGEST_MS, 3).map_err(|error| StoreError::unwritable("step times", error))
}

fn encode(times: &Histogram<u64>) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    V2Serializer::new()
        .serialize(times, &mut bytes)
        .map_err(|error| StoreError::unwritable("step times", error.to_string()))?;
    Ok(bytes)
}

fn decode(mut bytes: &[u8]) -> Result<Histogram<u64>, StoreError> {
    Deserializer::new()
        .deserialize(&mut bytes)
        .map_err(|error| StoreError::unreadable("step times", error.to_string()))
}
