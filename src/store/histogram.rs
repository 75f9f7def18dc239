//! Times of steps and of runs, rolled up by hour: HDR histograms that can be merged over any span, so that a
//! percentile over a year needs no single run.
//!
//! A histogram holds the times of steps that *worked* (`done`, `online_ready`), 1 ms to 1 h with
//! three significant digits; longer ones count as 1 h. A step that failed says how long we waited,
//! not how long the portal took: it is counted by its outcome only.
//!
//! Of runs, the times of those that came to a verdict about the portal (`pass`, `degraded`) are held;
//! all are counted by their verdict. Only runs of the schedule are in both (`rollup.rs`, which writes them).
//!
//! Invariant: nothing here reads a single run.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::rollup::{counts, hour_of};
use super::rows::{micros, uint};
use super::sparse::{DIGITS, LONGEST_MS};
use super::status::VerdictCounts;
use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::outcome::Outcome;

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

/// Merges the hours of runs from `since` (inclusive, rounded down to its hour) to `until` (exclusive).
pub(super) fn runs(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
    since: Timestamp,
    until: Timestamp,
) -> Result<RunTimes, StoreError> {
    let span = params![probe.as_str(), target.as_str(), hour_of(since), micros(until)];
    let mut hours = connection.prepare_cached(
        "SELECT pass, degraded, fail, inconclusive, times FROM run_hours
         WHERE probe = ?1 AND target = ?2 AND kind IN ('walk', 'visit', 'crawl') AND hour >= ?3 AND hour < ?4",
    )?;
    let mut rows = hours.query(span)?;
    let (mut verdicts, mut times) = (VerdictCounts::default(), empty()?);
    while let Some(row) = rows.next()? {
        verdicts.pass += uint(row, "pass")?;
        verdicts.degraded += uint(row, "degraded")?;
        verdicts.fail += uint(row, "fail")?;
        verdicts.inconclusive += uint(row, "inconclusive")?;
        add(&mut times, row)?;
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

/// Merges the hours from `since` (inclusive, rounded down to its hour) to `until` (exclusive), by
/// step, in the order in which the steps first appeared.
pub(super) fn merged(
    connection: &Connection,
    probe: &ProbeId,
    target: &TargetId,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<StepTimes>, StoreError> {
    let span = params![probe.as_str(), target.as_str(), hour_of(since), micros(until)];
    let mut hours = connection.prepare_cached(
        "SELECT h.step AS step, outcomes, times FROM step_hours h
             LEFT JOIN feeds f ON f.probe = h.probe AND f.scenario = h.scenario AND f.step = h.step
         WHERE h.probe = ?1 AND h.target = ?2 AND hour >= ?3 AND hour < ?4 ORDER BY hour, position",
    )?;
    let mut found: Vec<Gathered> = Vec::new();
    let mut rows = hours.query(span)?;
    while let Some(row) = rows.next()? {
        let step = row.get_ref("step")?.as_str().map_err(rusqlite::Error::from)?;
        let place = if let Some(place) = found.iter().position(|(name, ..)| name == step) {
            place
        } else {
            found.push((step.to_owned(), empty()?, Vec::new()));
            found.len() - 1
        };
        let (_, times, outcomes) = &mut found[place];
        for (outcome, count) in counts(row.get_ref("outcomes")?.as_str().map_err(rusqlite::Error::from)?)? {
            match outcomes.iter_mut().find(|(known, _)| *known == outcome) {
                Some((_, sum)) => *sum += count,
                None => outcomes.push((outcome, count)),
            }
        }
        add(times, row)?;
    }
    Ok(found.into_iter().map(summed).collect())
}

/// Adds the times of an hour, if it has any.
fn add(times: &mut Histogram<u64>, row: &Row<'_>) -> Result<(), StoreError> {
    let Some(bytes) = row.get_ref("times")?.as_blob_or_null().map_err(rusqlite::Error::from)? else {
        return Ok(());
    };
    times.add(decode(bytes)?).map_err(|error| StoreError::unreadable("times of an hour", error.to_string()))
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
    Histogram::new_with_bounds(1, LONGEST_MS, DIGITS)
        .map_err(|error| StoreError::unwritable("times of an hour", error))
}

fn decode(mut bytes: &[u8]) -> Result<Histogram<u64>, StoreError> {
    Deserializer::new()
        .deserialize(&mut bytes)
        .map_err(|error| StoreError::unreadable("times of an hour", error.to_string()))
}
