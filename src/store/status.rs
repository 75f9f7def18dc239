//! How everything stands, in one reading.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::folder::{self, Space};
use super::links::{self, LinkCounts};
use super::rows::outbox::OutboxSummary;
use super::rows::{self, at, gap_reason, micros, uint, word};
use crate::domain::ids::{ProbeId, RunId, TargetId};
use crate::domain::incident::Incident;
use crate::domain::outcome::Outcome;
use crate::domain::run::{GapReason, RunKind};
use crate::domain::verdict::Verdict;

/// How many losses are told.
const LOSSES: usize = 10;

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// When it was read.
    pub at: Timestamp,
    /// The agent itself.
    pub agent: AgentStatus,
    /// Each probe on each target that ever ran, in order of their ids.
    pub probes: Vec<ProbeStatus>,
    /// The mail.
    pub outbox: OutboxSummary,
    /// Slots of the last 24 hours that did not become a run, by reason.
    pub gaps_24h: Vec<(GapReason, u64)>,
    /// Records that were lost, the newest first; at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
}

/// Records that were lost with a damaged database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// The time of the newest record that is left; none when nothing is.
    pub since: Option<Timestamp>,
    /// When it was noticed.
    pub until: Timestamp,
    /// What was wrong.
    pub why: String,
    /// The folder, below the data folder, with what was put aside.
    pub kept_in: Option<String>,
}

/// Losses, the newest first.
pub(super) fn losses(connection: &Connection, limit: usize) -> Result<Vec<Loss>, StoreError> {
    let mut found = connection
        .prepare_cached("SELECT since, until, why, kept_in FROM losses ORDER BY id DESC LIMIT ?1")?;
    let rows = found.query_map([rows::int(limit as u64)], |row| {
        Ok(Loss {
            since: rows::maybe_at(row, "since")?,
            until: at(row, "until")?,
            why: row.get("why")?,
            kept_in: row.get("kept_in")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How the agent itself stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Whether a daemon works on the data folder.
    pub running: bool,
    /// Its process id.
    pub pid: Option<u32>,
    /// When the newest run ended that was recorded.
    pub last_record_at: Option<Timestamp>,
    /// The room on the disk, when it can be told.
    pub space: Option<Space>,
}

/// How one probe on one target stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeStatus {
    /// The probe.
    pub probe: ProbeId,
    /// The target.
    pub target: TargetId,
    /// The newest run that ended.
    pub last: Option<LastRun>,
    /// When the run that is going on began.
    pub running_since: Option<Timestamp>,
    /// The open incident.
    pub incident: Option<Incident>,
    /// Runs of the last 24 hours by verdict.
    pub runs_24h: VerdictCounts,
    /// Slots of the last 24 hours that did not become a run.
    pub gaps_24h: u64,
    /// How many links are broken, when it checks links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<LinkCounts>,
}

/// The newest run of a probe on a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Its id.
    pub id: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// The step at which it ended, when it did not go through.
    pub step: Option<String>,
    /// How that step ended.
    pub outcome: Option<Outcome>,
}

/// How many runs had which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VerdictCounts {
    /// Good runs.
    pub pass: u64,
    /// Runs that did not end online.
    pub degraded: u64,
    /// Failed runs.
    pub fail: u64,
    /// Runs that say nothing.
    pub inconclusive: u64,
}

impl VerdictCounts {
    /// The count of a verdict.
    pub(super) fn of(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Degraded => &mut self.degraded,
            Verdict::Fail => &mut self.fail,
            Verdict::Inconclusive => &mut self.inconclusive,
        }
    }
}

type Pair = (String, String);

/// Reads how everything stands; the daemon and the room are looked at in `dir`.
pub(super) fn read(
    connection: &Connection,
    now: Timestamp,
    dir: &Path,
    reserve: u64,
) -> Result<StatusReport, StoreError> {
    let day_ago = micros(now) - 24 * 3600 * 1_000_000;
    let mut probes: BTreeMap<Pair, ProbeStatus> = BTreeMap::new();
    newest(connection, &mut probes)?;
    running(connection, &mut probes)?;
    incidents(connection, &mut probes)?;
    counts(connection, day_ago, &mut probes)?;
    let gaps = gaps(connection, day_ago, &mut probes)?;
    Ok(StatusReport {
        at: now,
        agent: agent(connection, dir, reserve)?,
        probes: probes.into_values().collect(),
        outbox: rows::outbox::summary(connection)?,
        gaps_24h: gaps,
        losses: losses(connection, LOSSES)?,
    })
}

fn agent(connection: &Connection, dir: &Path, reserve: u64) -> Result<AgentStatus, StoreError> {
    let (running, pid) = folder::daemon(dir);
    // By their beginning, for which there is an index.
    let mut newest = connection.prepare_cached(
        "SELECT finished_at FROM runs WHERE state = 'finished' ORDER BY started_at DESC LIMIT 1",
    )?;
    let last_record_at = newest.query_map([], |row| at(row, "finished_at"))?.next().transpose()?;
    let space = folder::free(dir).ok().map(|free| Space { free, reserve });
    Ok(AgentStatus { running, pid, last_record_at, space })
}

fn of(probes: &mut BTreeMap<Pair, ProbeStatus>, pair: Pair) -> &mut ProbeStatus {
    probes.entry(pair).or_insert_with_key(|(probe, target)| ProbeStatus {
        probe: probe.as_str().into(),
        target: target.as_str().into(),
        last: None,
        running_since: None,
        incident: None,
        runs_24h: VerdictCounts::default(),
        gaps_24h: 0,
        links: None,
    })
}

fn pair(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pair> {
    Ok((row.get("probe")?, row.get("target")?))
}

fn newest(connection: &Connection, probes: &mut BTreeMap<Pair, ProbeStatus>) -> Result<(), StoreError> {
    let mut pairs = connection.prepare_cached("SELECT DISTINCT probe, target FROM runs")?;
    let mut last = connection.prepare_cached(
        "SELECT id, kind, started_at, finished_at, elapsed_ms, verdict, reason FROM runs
         WHERE probe = ?1 AND target = ?2 AND state = 'finished' ORDER BY started_at DESC, id DESC LIMIT 1",
    )?;
    let mut ending =
        connection.prepare_cached("SELECT name, outcome FROM steps WHERE run = ?1 ORDER BY position")?;
    let mut rows = pairs.query([])?;
    while let Some(row) = rows.next()? {
        let pair = pair(row)?;
        let mut found = last.query(params![pair.0, pair.1])?;
        let Some(row) = found.next()? else { continue };
        let crawls = row.get::<_, String>("kind")? == RunKind::Crawl.name();
        let mut run = LastRun {
            id: RunId::new(row.get::<_, String>("id")?),
            started_at: at(row, "started_at")?,
            finished_at: at(row, "finished_at")?,
            elapsed_ms: uint(row, "elapsed_ms")?,
            verdict: word(row, "verdict", Verdict::from_name)?,
            reason: row.get("reason")?,
            step: None,
            outcome: None,
        };
        let mut steps = ending.query([run.id.as_str()])?;
        while let Some(row) = steps.next()? {
            let outcome = rows::outcome(row, "outcome")?;
            if !outcome.goes_on() {
                run.step = Some(row.get("name")?);
                run.outcome = Some(outcome);
                break;
            }
        }
        let status = of(probes, pair);
        status.last = Some(run);
        if crawls {
            status.links = links::counts(connection, &status.probe, &status.target)?;
        }
    }
    Ok(())
}

fn running(connection: &Connection, probes: &mut BTreeMap<Pair, ProbeStatus>) -> Result<(), StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT probe, target, max(started_at) AS started_at FROM runs WHERE state = 'running' GROUP BY probe, target",
    )?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        of(probes, pair(row)?).running_since = Some(at(row, "started_at")?);
    }
    Ok(())
}

fn incidents(connection: &Connection, probes: &mut BTreeMap<Pair, ProbeStatus>) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {} FROM incidents WHERE closed_at IS NULL AND scope = 'pair'",
        rows::incident::COLUMNS
    );
    let mut found = connection.prepare_cached(&sql)?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        of(probes, pair(row)?).incident = Some(rows::incident::read(row)?);
    }
    Ok(())
}

fn counts(
    connection: &Connection,
    since: i64,
    probes: &mut BTreeMap<Pair, ProbeStatus>,
) -> Result<(), StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT probe, target, verdict, count(*) AS count FROM runs
         WHERE state = 'finished' AND started_at >= ?1 GROUP BY probe, target, verdict",
    )?;
    let mut rows = found.query([since])?;
    while let Some(row) = rows.next()? {
        let count = uint(row, "count")?;
        let verdict = word(row, "verdict", Verdict::from_name)?;
        *of(probes, pair(row)?).runs_24h.of(verdict) = count;
    }
    Ok(())
}

fn gaps(
    connection: &Connection,
    since: i64,
    probes: &mut BTreeMap<Pair, ProbeStatus>,
) -> Result<Vec<(GapReason, u64)>, StoreError> {
    let mut found = connection.prepare_cached(&format!(
        "SELECT probe, target, reason, sum(count) AS count FROM ({})
         GROUP BY probe, target, reason ORDER BY reason",
        rows::run::GAPS_BETWEEN
    ))?;
    let mut all: Vec<(GapReason, u64)> = Vec::new();
    let mut rows = found.query([since, i64::MAX])?;
    while let Some(row) = rows.next()? {
        let (reason, count) = (word(row, "reason", gap_reason)?, uint(row, "count")?);
        of(probes, pair(row)?).gaps_24h += count;
        match all.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += count,
            None => all.push((reason, count)),
        }
    }
    Ok(all)
}
