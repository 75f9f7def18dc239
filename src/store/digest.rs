//! What a digest or a heartbeat tells of a span of time, and that it was told.
//!
//! Invariant: a notice of this kind, its messages and the slot up to which it tells are one
//! transaction. A slot that was told is never told again, whoever asks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::error::StoreError;
use super::rows::run::GAPS_BETWEEN;
use super::rows::{self, at, micros, uint, word};
use super::{Store, status::VerdictCounts};
use crate::domain::ids::{ProbeId, ScenarioId, TargetId};
use crate::domain::incident::Incident;
use crate::domain::notice::{Notice, Recipient};
use crate::domain::verdict::Verdict;

/// What happened in a span of time, by probe and target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DigestRows {
    /// Incidents that were open in it, those that last first, then by their beginning.
    pub incidents: Vec<Incident>,
    /// Runs that began in it, without those made by hand.
    pub runs: Vec<(ProbeId, TargetId, VerdictCounts)>,
    /// Slots of it that did not become runs.
    pub gaps: Vec<(ProbeId, TargetId, u64)>,
    /// Scenarios whose script did not fit in it.
    pub script_rot: Vec<(ProbeId, TargetId, ScenarioId)>,
    /// Messages that were given up in it.
    pub undelivered: u64,
    /// Messages that wait now.
    pub pending: u64,
    /// The newest signed end of the chain of records: its number, its day, its link and the signature. Who
    /// keeps it elsewhere can show later that nothing before it was changed or cut off.
    pub head: Option<String>,
}

impl Store {
    /// What happened from `from` until `until`; the latter no longer belongs to it.
    pub async fn digest(&self, from: Timestamp, until: Timestamp) -> Result<DigestRows, StoreError> {
        self.read(move |connection| read(connection, from, until)).await
    }

    /// Up to which slot each recurring notice was told, by its name.
    pub async fn recurring(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        self.read(|connection| {
            let mut found = connection.prepare_cached("SELECT name, told_at FROM recurring")?;
            let rows = found.query_map([], |row| Ok((row.get("name")?, at(row, "told_at")?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Brings the list of recurring notices up to what the plan names: new ones begin at `now`, those
    /// that are not named are forgotten.
    pub async fn keep_recurring(&self, names: Vec<String>, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let list = rows::to_json("names", &names)?;
            tx.execute("DELETE FROM recurring WHERE name NOT IN (SELECT value FROM json_each(?1))", [&list])?;
            tx.execute(
                "INSERT OR IGNORE INTO recurring (name, told_at) SELECT value, ?2 FROM json_each(?1)",
                params![list, micros(now)],
            )?;
            Ok(tx.commit()?)
        })
        .await
    }

    /// Queues a recurring notice and notes that it tells up to `slot`. Returns how many messages were
    /// queued: none when it was told up to there already.
    pub async fn tell_recurring(
        &self,
        name: String,
        slot: Timestamp,
        notice: Notice,
        to: Vec<Recipient>,
    ) -> Result<usize, StoreError> {
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let news = tx.execute(
                "UPDATE recurring SET told_at = ?2 WHERE name = ?1 AND told_at < ?2",
                params![name, micros(slot)],
            )?;
            let queued = if news == 0 { 0 } else { rows::incident::queue(&tx, &notice, &to)? };
            tx.commit()?;
            Ok(queued)
        })
        .await
    }

    /// Sets back the slot of a recurring notice that lies in the future: the clock was wrong when it was
    /// told.
    pub async fn set_back_recurring(&self, name: String, to: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "UPDATE recurring SET told_at = ?2 WHERE name = ?1 AND told_at > ?2",
                params![name, micros(to)],
            )?;
            Ok(())
        })
        .await
    }
}

fn read(connection: &Connection, from: Timestamp, until: Timestamp) -> Result<DigestRows, StoreError> {
    let span = [micros(from), micros(until)];
    Ok(DigestRows {
        incidents: incidents(connection, span)?,
        runs: runs(connection, span)?,
        gaps: gaps(connection, span)?,
        script_rot: script_rot(connection, span)?,
        // When a message was given up is not kept; its last try was due just before.
        undelivered: count(
            connection,
            "SELECT count(*) FROM outbox WHERE state = 'failed' AND next_try_at >= ?1 AND next_try_at < ?2",
            params![span[0], span[1]],
        )?,
        pending: count(connection, "SELECT count(*) FROM outbox WHERE state = 'pending'", params![])?,
        head: head(connection)?,
    })
}

fn head(connection: &Connection) -> Result<Option<String>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT seq || ' ' || day || ' ' || lower(hex(link)) || ' ' || lower(hex(signature)) FROM heads
         ORDER BY seq DESC LIMIT 1",
    )?;
    Ok(found.query_row([], |row| row.get(0)).optional()?)
}

fn count(connection: &Connection, sql: &str, span: &[&dyn rusqlite::ToSql]) -> Result<u64, StoreError> {
    let mut found = connection.prepare_cached(sql)?;
    let count: i64 = found.query_row(span, |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

fn incidents(connection: &Connection, span: [i64; 2]) -> Result<Vec<Incident>, StoreError> {
    let sql = format!(
        "SELECT {} FROM incidents
         WHERE opened_at < ?2 AND (closed_at IS NULL OR closed_at >= ?1)
         ORDER BY closed_at IS NOT NULL, since, id",
        rows::incident::COLUMNS
    );
    let mut found = connection.prepare_cached(&sql)?;
    let rows = found.query_map(span, rows::incident::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn runs(
    connection: &Connection,
    span: [i64; 2],
) -> Result<Vec<(ProbeId, TargetId, VerdictCounts)>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT probe, target, verdict, count(*) AS count FROM runs
         WHERE state = 'finished' AND cause <> 'manual' AND started_at >= ?1 AND started_at < ?2
         GROUP BY probe, target, verdict",
    )?;
    let mut counts: BTreeMap<(ProbeId, TargetId), VerdictCounts> = BTreeMap::new();
    let mut rows = found.query(span)?;
    while let Some(row) = rows.next()? {
        let counts = counts.entry(pair(row)?).or_default();
        let count = uint(row, "count")?;
        match word(row, "verdict", Verdict::from_name)? {
            Verdict::Pass => counts.pass = count,
            Verdict::Degraded => counts.degraded = count,
            Verdict::Fail => counts.fail = count,
            Verdict::Inconclusive => counts.inconclusive = count,
        }
    }
    Ok(counts.into_iter().map(|((probe, target), counts)| (probe, target, counts)).collect())
}

fn gaps(connection: &Connection, span: [i64; 2]) -> Result<Vec<(ProbeId, TargetId, u64)>, StoreError> {
    let mut found = connection.prepare_cached(&format!(
        "SELECT probe, target, sum(count) AS count FROM ({GAPS_BETWEEN}) GROUP BY probe, target"
    ))?;
    let rows = found.query_map(span, |row| {
        let (probe, target) = pair(row)?;
        Ok((probe, target, uint(row, "count")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn script_rot(
    connection: &Connection,
    span: [i64; 2],
) -> Result<Vec<(ProbeId, TargetId, ScenarioId)>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT DISTINCT probe, target, scenario FROM runs
         WHERE started_at >= ?1 AND started_at < ?2 AND cause <> 'manual' AND scenario IS NOT NULL
             AND verdict = 'inconclusive'
             AND EXISTS (SELECT 1 FROM steps WHERE run = runs.id AND outcome = 'script_rot')
         ORDER BY scenario, probe, target",
    )?;
    let rows = found.query_map(span, |row| {
        let (probe, target) = pair(row)?;
        Ok((probe, target, ScenarioId::new(row.get::<_, String>("scenario")?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn pair(row: &rusqlite::Row<'_>) -> rusqlite::Result<(ProbeId, TargetId)> {
    let (probe, target): (String, String) = (row.get("probe")?, row.get("target")?);
    Ok((ProbeId::new(probe), TargetId::new(target)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::{Concern, Scope, Severity};
    use crate::domain::outcome::Outcome;
    use crate::store::Access;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn incident(id: &str, opened: i64, closed: Option<i64>) -> Incident {
        Incident {
            id: id.into(),
            concern: Concern::Outage,
            severity: Severity::Outage,
            scope: Scope::Pair,
            parent: None,
            flapping: false,
            acknowledged: None,
            probe: id.into(),
            target: "city".into(),
            since: at(opened),
            opened_at: at(opened),
            opened_by: None,
            closed_at: closed.map(at),
            closed_by: None,
            told_at: None,
            last_notice_at: None,
            reminders: 0,
            thread: format!("<{id}@example.org>"),
            outcome: Outcome::Broken,
            step: "visit".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_span_has_what_happened_in_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Access::Daemon).unwrap();
        // (id, began, cause, state, verdict, outcome of its step), in seconds; the span is 100 to 200.
        let runs = [
            ("r1", 99, "schedule", "finished", "fail", "broken"),
            ("r2", 100, "schedule", "finished", "pass", "done"),
            ("r3", 150, "confirmation", "finished", "fail", "broken"),
            ("r4", 150, "manual", "finished", "fail", "broken"),
            ("r5", 150, "schedule", "running", "", ""),
            ("r6", 160, "schedule", "finished", "inconclusive", "script_rot"),
            ("r7", 170, "schedule", "finished", "inconclusive", "probe_fault"),
            ("r8", 199, "schedule", "finished", "degraded", "login_wall"),
            ("r9", 200, "schedule", "finished", "inconclusive", "script_rot"),
        ];
        // (state, when its last try was due)
        let mails = [
            ("failed", 99),
            ("failed", 100),
            ("failed", 199),
            ("failed", 200),
            ("pending", 150),
            ("sent", 150),
        ];
        store
            .write(move |connection| {
                let tx = connection.transaction()?;
                for (id, began, cause, state, verdict, outcome) in runs {
                    let verdict = (!verdict.is_empty()).then_some(verdict);
                    tx.execute(
                        "INSERT INTO runs (id, probe, target, kind, state, cause, scheduled_at, started_at,
                             finished_at, verdict, scenario)
                         VALUES (?1, 'walk', 'city', 'walk', ?2, ?3, ?4, ?4, ?4, ?5, ?6)",
                        params![id, state, cause, began * 1_000_000, verdict, format!("s-{id}")],
                    )?;
                    if !outcome.is_empty() {
                        tx.execute(
                            "INSERT INTO steps (run, position, name, stage, measure, outcome, elapsed_ms, own_ms, attempts)
                             VALUES (?1, 0, 'open', 'find', '[]', ?2, 1, 0, 1)",
                            params![id, outcome],
                        )?;
                    }
                }
                for (number, (state, due)) in mails.into_iter().enumerate() {
                    let id = format!("n{number}");
                    tx.execute(
                        "INSERT INTO notices (id, kind, created_at, message_id, recipients, notice)
                         VALUES (?1, 'test', 0, ?1, '[]', '{}')",
                        [&id],
                    )?;
                    tx.execute(
                        "INSERT INTO outbox (notice, recipient, state, attempts, next_try_at) VALUES (?1, 'a', ?2, 1, ?3)",
                        params![id, state, i64::from(due) * 1_000_000],
                    )?;
                }
                for incident in [
                    incident("before", 50, Some(99)),
                    incident("into", 60, Some(100)),
                    incident("lasts", 70, None),
                    incident("within", 120, Some(130)),
                    incident("opens", 199, None),
                    incident("after", 200, None),
                ] {
                    rows::incident::save(&tx, &incident)?;
                }
                Ok(tx.commit()?)
            })
            .await
            .unwrap();
        let rows = store.digest(at(100), at(200)).await.unwrap();
        let ids: Vec<_> = rows.incidents.iter().map(|incident| incident.id.as_str()).collect();
        assert_eq!(ids, ["lasts", "opens", "into", "within"]);
        let counts = VerdictCounts { pass: 1, degraded: 1, fail: 1, inconclusive: 2 };
        assert_eq!(rows.runs, [("walk".into(), "city".into(), counts)]);
        assert_eq!(rows.script_rot, [("walk".into(), "city".into(), "s-r6".into())]);
        assert_eq!((rows.undelivered, rows.pending), (2, 1));
        assert_eq!(
            store.digest(at(0), at(0)).await.unwrap(),
            DigestRows { pending: 1, ..DigestRows::default() }
        );

        let numbers = store.numbers().await.unwrap();
        assert_eq!(numbers.open, [(Concern::Outage, Severity::Outage, 3)]);
        assert_eq!((numbers.outbox.pending, numbers.outbox.failed), (1, 4));
        assert!(numbers.database > 0 && numbers.space.is_some());
    }
}
