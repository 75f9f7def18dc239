//! What stands by the hour: how runs and their steps ended and how long they took, which facts held, how
//! many slots did not become runs; and what goes with it: what the steps are about, whole link checks.
//!
//! An hour is one of UTC, and a run belongs to the one in which it began. Only runs of the schedule are a
//! sample: runs by hand are made when somebody wants to look, and runs that confirm others follow upon
//! failures, so that one bad minute would be counted two or three times.
//!
//! What we met while we could not see ourselves is nobody's, and what stands behind the step at which a
//! portal ended a journey was not reached: that is counted, because it was not observed.
//!
//! Invariant: a run changes each of its hours once, in the transaction that stores the run, and nothing
//! of it is ever removed.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params, params};

use super::error::StoreError;
use super::rows::{self, int, micros, to_json, word};
use super::sparse::Times;
use super::traits::{self, FACTS, Tally};
use crate::domain::ids::RunId;
use crate::domain::outcome::{Credit, Outcome};
use crate::domain::run::{Cause, Gap, Run, RunKind, StepRecord};
use crate::domain::verdict::Verdict;
use crate::judge::verdict::is_failure;

/// An hour in microseconds.
pub(super) const HOUR: i64 = 3_600_000_000;

/// A day in microseconds.
const DAY: i64 = 24 * HOUR;

/// A feed is written again after a day, so that it is known how long it has been there.
const FEED_AGE: i64 = DAY;

/// The instant at which the hour of another begins.
pub(super) fn hour_of(at: Timestamp) -> i64 {
    micros(at).div_euclid(HOUR) * HOUR
}

/// Adds a run.
pub(super) fn add(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    if run.cause != Cause::Schedule {
        return Ok(());
    }
    let ended = Some((run.verdict, taken(run)));
    add_to_hour(tx, &Hour::of(run), ended, traits::of(run))?;
    add_steps(tx, run)?;
    add_feeds(tx, run)?;
    add_check(tx, run)
}

/// Counts a run that was stored by a version that did not yet; its steps were counted then.
pub(super) fn adopt(tx: &Transaction<'_>, id: &RunId) -> Result<(), StoreError> {
    let mut found = tx.prepare_cached(
        "SELECT probe, target, kind, started_at, verdict,
             CASE kind WHEN 'visit' THEN (SELECT elapsed_ms FROM steps WHERE run = id ORDER BY position LIMIT 1)
                 ELSE elapsed_ms END AS taken
         FROM runs WHERE id = ?1 AND cause = 'schedule'",
    )?;
    let mut rows = found.query([id.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let (probe, target, kind): (String, String, String) =
        (row.get("probe")?, row.get("target")?, row.get("kind")?);
    let hour =
        Hour { target: &target, probe: &probe, kind: &kind, at: hour_of(rows::at(row, "started_at")?) };
    let taken: Option<i64> = row.get("taken")?;
    let ended = Some((word(row, "verdict", Verdict::from_name)?, taken.map(i64::unsigned_abs)));
    add_to_hour(tx, &hour, ended, [Tally::default(); FACTS.len()])
}

/// Adds facts, feeds and link checks of up to so many runs of a version that did not keep them; says
/// whether more wait.
pub(super) fn catch_up(tx: &Transaction<'_>, limit: usize) -> Result<bool, StoreError> {
    let mut found = tx.prepare_cached("SELECT position, run FROM to_roll_up ORDER BY position LIMIT ?1")?;
    let waiting: Vec<(i64, RunId)> = found
        .query_map([int(limit as u64)], |row| Ok((row.get(0)?, RunId::new(row.get::<_, String>(1)?))))?
        .collect::<Result<_, _>>()?;
    let Some((last, _)) = waiting.last() else { return Ok(false) };
    for (_, id) in &waiting {
        // Retention may have been here first.
        let Some(run) = rows::run::find(tx, id)?.filter(|run| run.cause == Cause::Schedule) else { continue };
        let tallies = traits::of(&run);
        if tallies != [Tally::default(); FACTS.len()] {
            add_to_hour(tx, &Hour::of(&run), None, tallies)?;
        }
        add_feeds(tx, &run)?;
        add_check(tx, &run)?;
    }
    tx.execute("DELETE FROM to_roll_up WHERE position <= ?1", [last])?;
    Ok(tx.query_row("SELECT EXISTS (SELECT 1 FROM to_roll_up)", [], |row| row.get(0))?)
}

/// Adds slots that did not become a run. Many that share a row are spread evenly over it, day by day: an
/// agent that was off for a year should not write nine thousand hours for each pair when it starts.
pub(super) fn add_gap(connection: &Connection, gap: &Gap) -> Result<(), StoreError> {
    let mut add = connection.prepare_cached(
        "INSERT INTO gap_hours (target, probe, hour, count) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET count = count + ?4",
    )?;
    let first = hour_of(gap.scheduled_at);
    let days = (hour_of(gap.until) - first) / DAY + 1;
    // So many slots lie before the day.
    let before = |day: i64| int(gap.count) * day / days;
    for day in 0..days {
        let count = before(day + 1) - before(day);
        if count > 0 {
            let hour = first + day * DAY;
            add.execute(params![gap.target.as_str(), gap.probe.as_str(), hour, count])?;
        }
    }
    Ok(())
}

/// The key of an hour of runs.
struct Hour<'a> {
    target: &'a str,
    probe: &'a str,
    kind: &'a str,
    at: i64,
}

impl<'a> Hour<'a> {
    fn of(run: &'a Run) -> Self {
        Self {
            target: run.target.as_str(),
            probe: run.probe.as_str(),
            kind: run.kind.name(),
            at: hour_of(run.started_at),
        }
    }
}

/// Adds a run and what it says about facts to its hour.
fn add_to_hour(
    tx: &Transaction<'_>,
    key: &Hour<'_>,
    ended: Option<(Verdict, Option<u64>)>,
    facts: [Tally; FACTS.len()],
) -> Result<(), StoreError> {
    let times = match ended {
        Some((verdict, Some(ms))) if is_timed(verdict) => {
            let stored: Option<Option<Vec<u8>>> = tx
                .prepare_cached(
                    "SELECT times FROM run_hours WHERE target = ?1 AND probe = ?2 AND kind = ?3 AND hour = ?4",
                )?
                .query_row(params![key.target, key.probe, key.kind, key.at], |row| row.get(0))
                .optional()?;
            Some(with(stored.flatten(), ms)?)
        }
        _ => None,
    };
    let count = |wanted| u8::from(ended.is_some_and(|(verdict, _)| verdict == wanted));
    let [tls, viewport, ipv6, accessible, downloads] = facts;
    tx.prepare_cached(
        "INSERT INTO run_hours (target, probe, kind, hour, pass, degraded, fail, inconclusive, times, tls_yes,
             tls_no, viewport_yes, viewport_no, ipv6_yes, ipv6_no, accessible_yes, accessible_no,
             downloads_yes, downloads_no)
         VALUES (:target, :probe, :kind, :hour, :pass, :degraded, :fail, :inconclusive, :times, :tls_yes,
             :tls_no, :viewport_yes, :viewport_no, :ipv6_yes, :ipv6_no, :accessible_yes, :accessible_no,
             :downloads_yes, :downloads_no)
         ON CONFLICT DO UPDATE SET
             pass = pass + excluded.pass, degraded = degraded + excluded.degraded, fail = fail + excluded.fail,
             inconclusive = inconclusive + excluded.inconclusive, times = coalesce(excluded.times, times),
             tls_yes = tls_yes + excluded.tls_yes, tls_no = tls_no + excluded.tls_no,
             viewport_yes = viewport_yes + excluded.viewport_yes, viewport_no = viewport_no + excluded.viewport_no,
             ipv6_yes = ipv6_yes + excluded.ipv6_yes, ipv6_no = ipv6_no + excluded.ipv6_no,
             accessible_yes = accessible_yes + excluded.accessible_yes,
             accessible_no = accessible_no + excluded.accessible_no,
             downloads_yes = downloads_yes + excluded.downloads_yes,
             downloads_no = downloads_no + excluded.downloads_no",
    )?
    .execute(named_params! {
        ":target": key.target,
        ":probe": key.probe,
        ":kind": key.kind,
        ":hour": key.at,
        ":pass": count(Verdict::Pass),
        ":degraded": count(Verdict::Degraded),
        ":fail": count(Verdict::Fail),
        ":inconclusive": count(Verdict::Inconclusive),
        ":times": times,
        ":tls_yes": tls.yes,
        ":tls_no": tls.no,
        ":viewport_yes": viewport.yes,
        ":viewport_no": viewport.no,
        ":ipv6_yes": ipv6.yes,
        ":ipv6_no": ipv6.no,
        ":accessible_yes": accessible.yes,
        ":accessible_no": accessible.no,
        ":downloads_yes": downloads.yes,
        ":downloads_no": downloads.no,
    })?;
    Ok(())
}

/// How long the portal took, of a run. Of a visit that is the request alone, without the pauses that we owe a
/// host; of one that only a browser could settle, nothing.
fn taken(run: &Run) -> Option<u64> {
    if run.kind != RunKind::Visit {
        return Some(run.elapsed_ms);
    }
    let looked = run.visit.as_ref().is_some_and(|visit| visit.second_look.is_some());
    run.steps.first().filter(|_| !looked).map(|step| step.elapsed_ms)
}

/// Whether the time of a run with this verdict says how long the portal takes.
fn is_timed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Pass | Verdict::Degraded)
}

/// The times of an hour with one more.
fn with(stored: Option<Vec<u8>>, ms: u64) -> Result<Vec<u8>, StoreError> {
    let stored = stored.map(|bytes| Times::decode(&bytes)).transpose();
    let mut times =
        stored.map_err(|why| StoreError::unreadable("times of an hour", why))?.unwrap_or_default();
    times.record(ms);
    Ok(times.encode())
}

/// The steps that say something: which of them the portal answers for, and which it kept from being seen.
fn counted(run: &Run) -> impl Iterator<Item = &StepRecord> {
    // A run that failed while none of our canaries answered is inconclusive, and so is one at a wall.
    let blind = run.verdict == Verdict::Inconclusive && run.steps.iter().any(|step| is_failure(step.outcome));
    let reached = |step: &&StepRecord| step.outcome != Outcome::NotReached;
    let end = run.steps.iter().rev().find(reached).map(|step| step.outcome);
    // Behind the gate there is nothing to reach, and what our own fault kept from us is our gap.
    let theirs = end.is_some_and(|end| !end.goes_on() && end.credit() != Credit::Excluded) && !blind;
    run.steps.iter().filter(move |step| match step.outcome {
        Outcome::NotReached => theirs,
        outcome => !(blind && is_failure(outcome)),
    })
}

fn add_steps(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let hour = hour_of(run.started_at);
    let scenario = run.scenario.as_ref().map_or("", |scenario| scenario.as_str());
    let mut find = tx.prepare_cached(
        "SELECT outcomes, times FROM step_hours
         WHERE target = ?1 AND probe = ?2 AND scenario = ?3 AND step = ?4 AND hour = ?5",
    )?;
    let mut save = tx.prepare_cached(
        "INSERT OR REPLACE INTO step_hours (target, probe, scenario, step, hour, outcomes, times)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for step in counted(run) {
        let (target, probe) = (run.target.as_str(), run.probe.as_str());
        let stored: Option<(String, Option<Vec<u8>>)> = find
            .query_row(params![target, probe, scenario, step.name, hour], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (outcomes, times) = stored.unwrap_or_default();
        let mut counts = counts(&outcomes)?;
        match counts.iter_mut().find(|(outcome, _)| *outcome == step.outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((step.outcome, 1)),
        }
        // What we ourselves waited is not the portal's time.
        let ms = step.elapsed_ms.saturating_sub(step.own_ms);
        let times = if step.outcome.goes_on() { Some(with(times, ms)?) } else { times };
        save.execute(params![target, probe, scenario, step.name, hour, written(&counts), times])?;
    }
    Ok(())
}

/// How often a step ended in which way, as it stands in `step_hours.outcomes`; an empty text is nothing.
pub(super) fn counts(text: &str) -> Result<Vec<(Outcome, u64)>, StoreError> {
    let odd = || StoreError::unreadable("outcomes of an hour", format!("`{text}` is not understood"));
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let pairs = inner.split(',').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, count) = pair.split_once(':').ok_or_else(odd)?;
            let outcome = Outcome::from_name(name.trim_matches('"')).ok_or_else(odd)?;
            Ok((outcome, count.parse().map_err(|_| odd())?))
        })
        .collect()
}

fn written(counts: &[(Outcome, u64)]) -> String {
    let pairs: Vec<String> = counts.iter().map(|(outcome, count)| format!("\"{outcome}\":{count}")).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Notes what the steps of a walk are about. Where all is as it was nothing is written.
fn add_feeds(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let Some(scenario) = run.scenario.as_ref().filter(|_| run.kind == RunKind::Walk) else { return Ok(()) };
    let mut save = tx.prepare_cached(
        "INSERT INTO feeds (probe, scenario, step, position, stage, measure, scored, seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET position = excluded.position, stage = excluded.stage,
             measure = excluded.measure, scored = excluded.scored, seen_at = excluded.seen_at
         WHERE excluded.seen_at >= feeds.seen_at
             AND (excluded.position <> feeds.position OR excluded.stage <> feeds.stage
                 OR excluded.measure <> feeds.measure OR excluded.scored <> feeds.scored
                 OR excluded.seen_at >= feeds.seen_at + ?9)",
    )?;
    for (position, step) in run.steps.iter().enumerate() {
        save.execute(params![
            run.probe.as_str(),
            scenario.as_str(),
            step.name,
            int(position as u64),
            step.stage.name(),
            to_json("indicators", &step.measure)?,
            run.scored,
            micros(run.started_at),
            FEED_AGE,
        ])?;
    }
    Ok(())
}

/// Keeps a link check that went through.
fn add_check(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let Some(found) = traits::checked(run) else { return Ok(()) };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO link_checks (target, at, run, probe, home, elsewhere, checked)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        run.target.as_str(),
        micros(run.started_at),
        run.id.as_str(),
        run.probe.as_str(),
        found.home,
        found.elsewhere,
        found.links,
    ])?;
    Ok(())
}
