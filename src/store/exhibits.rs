//! What shows how a target is: the newest run of each kind of ending, with its picture.
//!
//! Which endings there were, and when last, is known by the hour; only the runs of those few hours are
//! looked at. What retention has removed is not there any more: then there is less to show.
//!
//! Invariant: what cost points comes first, whatever was seen since; what is our own fault is shown to nobody.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::StoreError;
use super::material::steps_of;
use super::rollup::{HOUR, counts};
use super::rows::{at, micros};
use super::{DATABASE, Store, blocking, open};
use crate::domain::ids::{EvidenceHash, RunId, ScenarioId, TargetId};
use crate::domain::outcome::{Credit, Outcome};
use crate::domain::period::Period;
use crate::score::material::Exhibit;

/// So many at most: the first in their order.
const MOST: usize = 60;

impl Store {
    /// Of a target in a period: for each scenario, step and way in which journeys ended there, the newest
    /// run; a journey that went through ends at its last step. First what cost points, then what could not be
    /// seen, last what went well; of each what has a picture before what has none, and the newest before older.
    pub async fn exhibits(&self, period: &Period, target: &TargetId) -> Result<Vec<Exhibit>, StoreError> {
        let (path, period, target) = (self.folder().join(DATABASE), period.clone(), target.clone());
        blocking(move || read(&open::reader(&path)?, &period, &target)).await
    }
}

/// An ending, as hours know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ending {
    probe: String,
    scenario: String,
    step: String,
    outcome: Outcome,
}

/// Whether an ending shows anything of the portal: our own faults do not, and a step that was not reached ended
/// in no way at all.
fn tells(outcome: Outcome) -> bool {
    outcome != Outcome::NotReached && outcome.credit() != Credit::Excluded
}

/// How far behind an outcome is shown.
fn place(outcome: Outcome) -> u8 {
    match outcome.credit() {
        Credit::Points(0..100) => 0,
        Credit::Unobserved => 1,
        Credit::Points(_) | Credit::Excluded => 2,
    }
}

fn read(connection: &Connection, period: &Period, target: &TargetId) -> Result<Vec<Exhibit>, StoreError> {
    let connection = connection.unchecked_transaction()?;
    let mut newest: Vec<(i64, Ending)> =
        endings(&connection, period, target)?.into_iter().map(|(ending, hour)| (hour, ending)).collect();
    newest.retain(|(_, ending)| tells(ending.outcome));
    newest.sort_by(|a, b| place(a.1.outcome).cmp(&place(b.1.outcome)).then_with(|| b.cmp(a)));
    let mut all: Vec<Exhibit> = Vec::new();
    for (hour, ending) in newest {
        let Some(found) = find(&connection, target, &ending, hour)? else { continue };
        // Two probes may walk the same scenario.
        let same = |it: &Exhibit| {
            (&it.scenario, &it.step, it.outcome) == (&found.scenario, &found.step, found.outcome)
        };
        match all.iter().position(same) {
            Some(known) if all[known].at >= found.at => {}
            Some(known) => all[known] = found,
            None => all.push(found),
        }
        if all.len() == MOST {
            break;
        }
    }
    let order = |it: &Exhibit| (place(it.outcome), it.picture.is_none(), Reverse(it.at));
    all.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.run.cmp(&b.run)));
    Ok(all)
}

/// Every way in which steps of the target ended in the period, and the hour in which that was last so.
fn endings(
    connection: &Connection,
    period: &Period,
    target: &TargetId,
) -> Result<BTreeMap<Ending, i64>, StoreError> {
    let mut hours = connection.prepare_cached(
        "SELECT hour, outcomes FROM step_hours
         WHERE target = ?1 AND probe = ?2 AND scenario = ?3 AND step = ?4 AND hour >= ?5 AND hour < ?6
         ORDER BY hour DESC",
    )?;
    let mut newest: BTreeMap<Ending, i64> = BTreeMap::new();
    for (probe, scenario, step) in steps_of(connection, target)? {
        // Most hours say the same as another.
        let mut seen: HashSet<String> = HashSet::new();
        let key = params![target.as_str(), probe, scenario, step, micros(period.from), micros(period.until)];
        let mut rows = hours.query(key)?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if seen.contains(text) {
                continue;
            }
            seen.insert(text.to_owned());
            for (outcome, _) in counts(text)? {
                let (probe, scenario, step) = (probe.clone(), scenario.clone(), step.clone());
                newest.entry(Ending { probe, scenario, step, outcome }).or_insert(row.get(0)?);
            }
        }
    }
    Ok(newest)
}

/// The newest run of an hour that ended so, if it is still there.
fn find(
    connection: &Connection,
    target: &TargetId,
    ending: &Ending,
    hour: i64,
) -> Result<Option<Exhibit>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT r.id AS run, r.started_at AS started_at, o.facts ->> '$.url' AS url,
             o.facts ->> '$.phrase.phrase' AS phrase,
             (SELECT hash FROM step_evidence e JOIN evidence USING (hash)
                 WHERE e.run = s.run AND e.position = s.position AND e.kind = 'screenshot'
                     AND removed_at IS NULL ORDER BY number DESC LIMIT 1) AS picture
         FROM runs r JOIN steps s ON s.run = r.id JOIN observations o ON o.run = s.run AND o.position = s.position
         WHERE r.probe = ?1 AND r.target = ?2 AND r.started_at >= ?3 AND r.started_at < ?4
             AND r.state = 'finished' AND r.cause <> 'manual' AND coalesce(r.scenario, '') = ?5
             AND s.name = ?6 AND s.outcome = ?7
             -- What failed while we could not see proves nothing.
             AND (r.verdict <> 'inconclusive' OR s.outcome NOT IN
                 ('broken', 'server_error', 'timeout', 'unreachable', 'maintenance', 'session_expired'))
             AND (s.outcome NOT IN ('done', 'online_ready')
                 OR NOT EXISTS (SELECT 1 FROM steps later
                     WHERE later.run = s.run AND later.position > s.position
                         AND later.outcome <> 'not_reached'))
         ORDER BY r.started_at DESC, r.id DESC LIMIT 1",
    )?;
    let key = params![
        ending.probe,
        target.as_str(),
        hour,
        hour + HOUR,
        ending.scenario,
        ending.step,
        ending.outcome.name(),
    ];
    let found = found.query_row(key, |row| {
        let begun: Timestamp = at(row, "started_at")?;
        Ok(Exhibit {
            run: RunId::new(row.get::<_, String>("run")?),
            at: begun,
            scenario: (!ending.scenario.is_empty()).then(|| ScenarioId::new(ending.scenario.as_str())),
            step: ending.step.clone(),
            outcome: ending.outcome,
            url: row.get::<_, Option<String>>("url")?.unwrap_or_default(),
            phrase: row.get("phrase")?,
            picture: row.get::<_, Option<String>>("picture")?.map(EvidenceHash::new),
        })
    });
    Ok(found.optional()?)
}
