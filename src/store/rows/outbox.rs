//! The outbox: one row per notice and recipient.
//!
//! Invariant: the mails of one incident reach a person in the order in which they were written. A
//! later one is not due while an earlier one waits, nor while one waits that tells of many incidents;
//! one that was given up, superseded or bundled holds up nobody.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{at, json, maybe_at, micros, uint};
use crate::domain::ids::IncidentId;
use crate::domain::notice::{Outgoing, Recipient};
use crate::judge::delivery::{LONGEST_WAIT, WINDOW};
use crate::store::error::StoreError;

/// How the mail stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OutboxSummary {
    /// Mails that wait.
    pub pending: u64,
    /// Mails that were given up.
    pub failed: u64,
    /// Mails that were taken by the server.
    pub sent: u64,
    /// Reminders that were dropped because newer mail says more.
    #[serde(default)]
    pub superseded: u64,
    /// Mails whose matter was told in one with much else.
    #[serde(default)]
    pub bundled: u64,
    /// When the oldest waiting mail was written.
    pub oldest_pending_at: Option<Timestamp>,
    /// When the next one is tried.
    pub next_try_at: Option<Timestamp>,
    /// The people who were not told, by address.
    #[serde(default)]
    pub given_up: Vec<GivenUp>,
    /// What the server (or the network) said to the newest mail that waits or was given up.
    pub last_error: Option<String>,
}

/// Mails to one person that were given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// The person.
    pub to: String,
    /// How many mails.
    pub mails: u64,
    /// When the newest of them was written.
    pub newest_at: Timestamp,
    /// What the server said to that one.
    pub error: Option<String>,
}

/// Mails whose time has come and before which no other mail of the same incident waits for the same
/// person, the longest due first. What should wait longer than anything can wait was written before the
/// clock was set back: its time has come, too.
pub(in crate::store) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Outgoing>, StoreError> {
    let mut due = connection.prepare_cached(
        "SELECT outbox.id AS id, notices.notice AS notice, recipient, recipients, attempts, next_try_at
         FROM outbox JOIN notices ON notices.id = outbox.notice
         WHERE state = 'pending'
             AND (next_try_at <= ?1 OR next_try_at > ?1 + CASE attempts WHEN 0 THEN ?3 ELSE ?4 END)
             AND NOT EXISTS (
                 SELECT 1 FROM outbox AS earlier JOIN notices AS told ON told.id = earlier.notice
                 WHERE earlier.state = 'pending' AND earlier.recipient = outbox.recipient
                     AND earlier.id < outbox.id
                     AND (told.incident = notices.incident OR told.kind = 'flood')
             )
         ORDER BY next_try_at, outbox.id LIMIT ?2",
    )?;
    // What was never tried waits at most for its turn behind a message that tells many things.
    let [held, retried] =
        [WINDOW, LONGEST_WAIT].map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
    let asked = params![micros(now), super::int(limit as u64), held, retried];
    let rows = due.query_map(asked, |row| {
        Ok(Outgoing {
            id: row.get("id")?,
            notice: json(row, "notice")?,
            to: row.get::<_, String>("recipient")?.into(),
            all: json(row, "recipients")?,
            attempts: row.get("attempts")?,
            next_try_at: at(row, "next_try_at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The server took it.
pub(in crate::store) fn sent(connection: &Connection, id: i64, at: Timestamp) -> Result<(), StoreError> {
    let changed = connection.execute(
        "UPDATE outbox SET state = 'sent', sent_at = ?2, attempts = attempts + 1, error = NULL WHERE id = ?1",
        params![id, micros(at)],
    )?;
    one(connection, changed, id)
}

/// Drops the reminders of an incident that still wait: for those who are told anew, or for everybody
/// when it is over. Nobody is helped by an old "still down" behind a newer mail.
pub(in crate::store) fn supersede(
    connection: &Connection,
    incident: &IncidentId,
    told: Option<&[Recipient]>,
) -> Result<usize, StoreError> {
    let told = told.map(|told| super::to_json("recipients", &told)).transpose()?;
    let dropped = connection
        .prepare_cached(
            "UPDATE outbox SET state = 'superseded'
             WHERE state = 'pending'
                 AND notice IN (SELECT id FROM notices WHERE incident = ?1 AND kind = 'reminder')
                 AND (?2 IS NULL OR recipient IN (SELECT value FROM json_each(?2)))",
        )?
        .execute(params![incident.as_str(), told])?;
    Ok(dropped)
}

/// It will be tried again.
pub(in crate::store) fn retry(
    connection: &Connection,
    id: i64,
    next_try_at: Timestamp,
    error: &str,
) -> Result<(), StoreError> {
    let changed = connection.execute(
        "UPDATE outbox SET next_try_at = ?2, attempts = attempts + 1, error = ?3
         WHERE id = ?1 AND state = 'pending'",
        params![id, micros(next_try_at), error],
    )?;
    one(connection, changed, id)
}

/// It is given up. Answers whether it waited until now.
pub(in crate::store) fn failed(connection: &Connection, id: i64, error: &str) -> Result<bool, StoreError> {
    let changed = connection.execute(
        "UPDATE outbox SET state = 'failed', attempts = attempts + 1, error = ?2
         WHERE id = ?1 AND state = 'pending'",
        params![id, error],
    )?;
    one(connection, changed, id)?;
    Ok(changed == 1)
}

/// That the mail was there to be marked. One that was superseded or bundled while it was on its way
/// needs no mark any more.
fn one(connection: &Connection, changed: usize, id: i64) -> Result<(), StoreError> {
    let superseded = |id| {
        let mut found = connection
            .prepare_cached("SELECT 1 FROM outbox WHERE id = ?1 AND state IN ('superseded', 'bundled')")?;
        found.exists([id])
    };
    if changed == 1 || superseded(id)? {
        Ok(())
    } else {
        Err(StoreError::NotFound { what: "waiting mail", id: id.to_string() })
    }
}

/// How the mail stands. How many there are of each is counted as it happens; all else asks those that
/// wait or were given up, by an index.
pub(in crate::store) fn summary(connection: &Connection) -> Result<OutboxSummary, StoreError> {
    let mut summary = OutboxSummary { given_up: given_up(connection)?, ..OutboxSummary::default() };
    let mut counts = connection.prepare_cached("SELECT state, count FROM outbox_counts")?;
    let mut counts = counts.query([])?;
    while let Some(row) = counts.next()? {
        let count = uint(row, "count")?;
        match row.get_ref("state")?.as_str().map_err(rusqlite::Error::from)? {
            "pending" => summary.pending = count,
            "failed" => summary.failed = count,
            "sent" => summary.sent = count,
            "superseded" => summary.superseded = count,
            "bundled" => summary.bundled = count,
            _ => {}
        }
    }
    let mut rest = connection.prepare_cached(
        "SELECT (SELECT min(created_at) FROM outbox JOIN notices ON notices.id = outbox.notice
                 WHERE state = 'pending') AS oldest,
                (SELECT min(next_try_at) FROM outbox WHERE state = 'pending') AS next,
                (SELECT error FROM
                     (SELECT id, error FROM outbox WHERE state = 'pending' AND error IS NOT NULL
                      UNION ALL SELECT id, error FROM outbox WHERE state = 'failed' AND error IS NOT NULL)
                 ORDER BY id DESC LIMIT 1) AS error",
    )?;
    (summary.oldest_pending_at, summary.next_try_at, summary.last_error) =
        rest.query_row([], |row| Ok((maybe_at(row, "oldest")?, maybe_at(row, "next")?, row.get("error")?)))?;
    Ok(summary)
}

fn given_up(connection: &Connection) -> Result<Vec<GivenUp>, StoreError> {
    // With max() SQLite takes the other columns from the row that has the maximum.
    let mut found = connection.prepare_cached(
        "SELECT recipient, count(*) AS mails, max(created_at) AS newest, error
         FROM outbox JOIN notices ON notices.id = outbox.notice
         WHERE state = 'failed' GROUP BY recipient ORDER BY recipient",
    )?;
    let rows = found.query_map([], |row| {
        Ok(GivenUp {
            to: row.get("recipient")?,
            mails: uint(row, "mails")?,
            newest_at: at(row, "newest")?,
            error: row.get("error")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
