//! What scores are made of, read from what is kept by the hour: no single run is looked at, so a year takes
//! no longer than its hours, and runs that retention removed count as they did.
//!
//! An hour belongs to the day, in the period's time zone, in which it begins. In zones that are half an hour
//! off a day so begins with the first whole hour of UTC in it.
//!
//! Targets are read in two halves, each on a connection of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::error::StoreError;
use super::rollup::counts;
use super::rows::{self, micros, uint};
use super::traits::FACTS;
use super::{DATABASE, Store, blocking, open, sparse};
use crate::domain::ids::{ProbeId, RunId, ScenarioId, TargetId};
use crate::domain::outcome::Outcome;
use crate::domain::period::{Day, Days, Period};
use crate::domain::verdict::Verdict;
use crate::score::material::{LinkCheck, Observed, RunDay, RunSeries, StepDay, StepSeries, Times, TraitDay};

impl Store {
    /// Everything that was seen of these targets in a period, without what people wrote down. A target
    /// of which nothing is known is there, with nothing.
    pub async fn material(
        &self,
        period: &Period,
        targets: &[TargetId],
    ) -> Result<BTreeMap<TargetId, Observed>, StoreError> {
        let (one, other) = targets.split_at(targets.len() / 2);
        let [one, other] = [one, other].map(|half| {
            let (path, period, half) = (self.folder().join(DATABASE), period.clone(), half.to_vec());
            blocking(move || read(&open::reader(&path)?, &period, half))
        });
        let (mut all, rest) = tokio::try_join!(one, other)?;
        all.extend(rest);
        Ok(all)
    }

    /// How many runs of an older version wait for the agent to take what they saw into the hours.
    pub async fn catching_up(&self) -> Result<u64, StoreError> {
        let path = self.folder().join(DATABASE);
        blocking(move || {
            let sql = "SELECT count(*) AS runs FROM to_roll_up";
            Ok(open::reader(&path)?.query_row(sql, [], |row| uint(row, "runs"))?)
        })
        .await
    }
}

/// Reads some targets.
pub(super) fn read(
    connection: &Connection,
    period: &Period,
    targets: Vec<TargetId>,
) -> Result<BTreeMap<TargetId, Observed>, StoreError> {
    // One state of the database for all questions.
    let connection = connection.unchecked_transaction()?;
    let days = period.days();
    let span = Span { from: micros(period.from), until: micros(period.until), days: &days };
    let all = targets.into_iter().map(|target| {
        let mut observed = Observed::default();
        runs(&connection, &target, &span, &mut observed)?;
        observed.steps = steps(&connection, &target, &span)?;
        observed.links = links(&connection, &target, &span)?;
        observed.gaps = gaps(&connection, &target, &span)?;
        Ok((target, observed))
    });
    all.collect()
}

/// A period as it is asked for.
struct Span<'a> {
    from: i64,
    until: i64,
    days: &'a Days,
}

impl Span<'_> {
    /// The day of an instant, which lies inside.
    fn day(&self, at: i64) -> Result<Day, StoreError> {
        let instant = Timestamp::from_microsecond(at).ok();
        let day = instant.and_then(|instant| self.days.of(instant));
        day.ok_or_else(|| StoreError::unreadable("an hour", format!("{at} lies outside of the period")))
    }
}

/// A day that is being summed up. Hours come in order, so one is under way at a time.
struct Summing {
    day: Day,
    times: Times,
}

impl Summing {
    fn new(day: Day) -> Self {
        Self { day, times: Times::new() }
    }

    /// Adds the times of an hour, if it has any.
    fn add(&mut self, row: &Row<'_>, column: usize) -> Result<(), StoreError> {
        let Some(bytes) = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)? else {
            return Ok(());
        };
        let take = |ms, count| self.times.push((ms, u32::try_from(count).unwrap_or(u32::MAX)));
        sparse::times(bytes, take).map_err(|why| StoreError::unreadable("times of an hour", why))
    }

    /// The times of the day, each once, rising.
    fn times(&mut self) -> Times {
        self.times.sort_unstable();
        let mut whole: Times = Vec::with_capacity(self.times.len());
        for (ms, count) in self.times.drain(..) {
            match whole.last_mut() {
                Some((last, sum)) if *last == ms => *sum = sum.saturating_add(count),
                _ => whole.push((ms, count)),
            }
        }
        whole.shrink_to_fit();
        whole
    }
}

/// The columns of `run_hours` that are counts of verdicts, in their order.
const VERDICTS: [Verdict; 4] = [Verdict::Pass, Verdict::Degraded, Verdict::Fail, Verdict::Inconclusive];

/// Runs and facts.
fn runs(
    connection: &Connection,
    target: &TargetId,
    span: &Span<'_>,
    observed: &mut Observed,
) -> Result<(), StoreError> {
    let mut next = connection.prepare_cached(
        "SELECT probe, kind FROM run_hours WHERE target = ?1 AND (probe, kind) > (?2, ?3)
         ORDER BY probe, kind LIMIT 1",
    )?;
    let mut hours = connection.prepare_cached(
        "SELECT hour, times, pass, degraded, fail, inconclusive, tls_yes, tls_no, viewport_yes, viewport_no,
             ipv6_yes, ipv6_no, accessible_yes, accessible_no, downloads_yes, downloads_no
         FROM run_hours WHERE target = ?1 AND probe = ?2 AND kind = ?3 AND hour >= ?4 AND hour < ?5
         ORDER BY hour",
    )?;
    let mut facts: BTreeMap<(Day, usize), (u64, u64)> = BTreeMap::new();
    let (mut probe, mut kind) = (String::new(), String::new());
    loop {
        let mut found = next.query(params![target.as_str(), probe, kind])?;
        let Some(row) = found.next()? else { break };
        (probe, kind) = (row.get(0)?, row.get(1)?);
        let mut series = RunSeries {
            probe: ProbeId::new(probe.as_str()),
            kind: rows::word(row, "kind", rows::run::kind_of)?,
            days: Vec::new(),
        };
        drop(found);
        let mut sums = [0_u64; VERDICTS.len()];
        let mut summing: Option<Summing> = None;
        let mut end = |summing: Option<Summing>, sums: &mut [u64; VERDICTS.len()]| {
            let Some(mut day) = summing else { return };
            let counted = VERDICTS.into_iter().zip(std::mem::take(sums)).filter(|(_, count)| *count > 0);
            let verdicts: Vec<(Verdict, u64)> = counted.collect();
            // An hour may stand there for its facts alone, until its runs are counted.
            if !verdicts.is_empty() {
                series.days.push(RunDay { day: day.day, verdicts, times: day.times() });
            }
        };
        let mut found = hours.query(params![target.as_str(), probe, kind, span.from, span.until])?;
        while let Some(row) = found.next()? {
            let day = span.day(row.get(0)?)?;
            if summing.as_ref().is_none_or(|summing| summing.day != day) {
                end(summing.replace(Summing::new(day)), &mut sums);
            }
            if let Some(summing) = &mut summing {
                summing.add(row, 1)?;
            }
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum += number(row, 2 + place)?;
            }
            for place in 0..FACTS.len() {
                let (yes, no) = (number(row, 6 + 2 * place)?, number(row, 7 + 2 * place)?);
                if yes + no > 0 {
                    let fact = facts.entry((day, place)).or_default();
                    *fact = (fact.0 + yes, fact.1 + no);
                }
            }
        }
        end(summing, &mut sums);
        if !series.days.is_empty() {
            observed.runs.push(series);
        }
    }
    observed.traits = facts
        .into_iter()
        .map(|((day, place), (yes, no))| TraitDay { day, fact: FACTS[place], yes, no })
        .collect();
    Ok(())
}

/// A number that is never negative.
fn number(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// Every step that was ever counted of a target: probe, scenario and name. The index is asked for the next
/// one each time, so that hours are not read for it.
pub(super) fn steps_of(
    connection: &Connection,
    target: &TargetId,
) -> Result<Vec<(String, String, String)>, StoreError> {
    let mut next = connection.prepare_cached(
        "SELECT probe, scenario, step FROM step_hours
         WHERE target = ?1 AND (probe, scenario, step) > (?2, ?3, ?4) ORDER BY probe, scenario, step LIMIT 1",
    )?;
    let mut all: Vec<(String, String, String)> = Vec::new();
    loop {
        let (probe, scenario, step) = all.last().cloned().unwrap_or_default();
        let mut found = next.query(params![target.as_str(), probe, scenario, step])?;
        let Some(row) = found.next()? else { return Ok(all) };
        all.push((row.get(0)?, row.get(1)?, row.get(2)?));
    }
}

/// Steps of walks.
fn steps(connection: &Connection, target: &TargetId, span: &Span<'_>) -> Result<Vec<StepSeries>, StoreError> {
    let mut about = connection.prepare_cached(
        "SELECT position, stage, measure, scored FROM feeds WHERE probe = ?1 AND scenario = ?2 AND step = ?3",
    )?;
    let mut hours = connection.prepare_cached(
        "SELECT hour, times, outcomes FROM step_hours
         WHERE target = ?1 AND probe = ?2 AND scenario = ?3 AND step = ?4 AND hour >= ?5 AND hour < ?6
         ORDER BY hour",
    )?;
    let mut all = Vec::new();
    for (probe, scenario, step) in steps_of(connection, target)? {
        // Visits and link checks have no scenario; of what nothing says what it is about, nothing is fed.
        let mut found = about.query(params![probe, scenario, step])?;
        let Some(row) = found.next()? else { continue };
        let mut series = StepSeries {
            probe: ProbeId::new(probe.as_str()),
            scenario: ScenarioId::new(scenario.as_str()),
            scored: row.get("scored")?,
            step: step.clone(),
            position: row.get("position")?,
            stage: rows::word(row, "stage", rows::run::stage_of)?,
            measure: rows::json(row, "measure")?,
            days: Vec::new(),
        };
        drop(found);
        let mut summing: Option<Summing> = None;
        let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
        let mut end = |summing: Option<Summing>, outcomes: &mut BTreeMap<Outcome, u64>| {
            let Some(mut day) = summing else { return };
            let outcomes = std::mem::take(outcomes).into_iter().collect();
            series.days.push(StepDay { day: day.day, outcomes, times: day.times() });
        };
        let key = params![target.as_str(), probe, scenario, step, span.from, span.until];
        let mut found = hours.query(key)?;
        while let Some(row) = found.next()? {
            let day = span.day(row.get(0)?)?;
            if summing.as_ref().is_none_or(|summing| summing.day != day) {
                end(summing.replace(Summing::new(day)), &mut outcomes);
            }
            if let Some(summing) = &mut summing {
                summing.add(row, 1)?;
            }
            for (outcome, count) in counts(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)? {
                *outcomes.entry(outcome).or_default() += count;
            }
        }
        end(summing, &mut outcomes);
        if !series.days.is_empty() {
            all.push(series);
        }
    }
    // As a citizen meets them.
    all.sort_by(|a: &StepSeries, b: &StepSeries| {
        (&a.probe, &a.scenario, a.position).cmp(&(&b.probe, &b.scenario, b.position))
    });
    Ok(all)
}

fn links(connection: &Connection, target: &TargetId, span: &Span<'_>) -> Result<Vec<LinkCheck>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT run, at, home, elsewhere, checked FROM link_checks
         WHERE target = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, run",
    )?;
    let mut rows = found.query(params![target.as_str(), span.from, span.until])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(LinkCheck {
            run: RunId::new(row.get::<_, String>("run")?),
            day: span.day(row.get("at")?)?,
            home: row.get("home")?,
            elsewhere: row.get("elsewhere")?,
            checked: row.get("checked")?,
        });
    }
    Ok(all)
}

fn gaps(connection: &Connection, target: &TargetId, span: &Span<'_>) -> Result<u64, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT coalesce(sum(count), 0) AS gaps FROM gap_hours WHERE target = ?1 AND hour >= ?2 AND hour < ?3",
    )?;
    Ok(found.query_row(params![target.as_str(), span.from, span.until], |row| uint(row, "gaps"))?)
}
