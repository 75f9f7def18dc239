//! The store in a few numbers, for those who ask every few seconds.
//!
//! Invariant: what is asked has an index or a few rows. Nothing here grows with the history.

use jiff::Timestamp;
use rusqlite::Connection;

use super::error::StoreError;
use super::folder::{self, Space};
use super::rows::{maybe_at, uint, word};
use super::{DATABASE, Store};
use crate::domain::incident::{Concern, Severity};

/// The heartbeats among which the newest delivered one is looked for.
const HEARTBEATS: u32 = 16;

/// The store in a few numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// How many incidents last, by what is wrong and how bad it is; those that are none are absent.
    pub open: Vec<(Concern, Severity, u64)>,
    /// Messages that wait or were given up.
    pub outbox: Waiting,
    /// When the newest heartbeat was delivered to somebody.
    pub heartbeat_at: Option<Timestamp>,
    /// Bytes of the database.
    pub database: u64,
    /// Bytes of its write-ahead log.
    pub wal: u64,
    /// The room on the disk, when it can be told.
    pub space: Option<Space>,
}

/// Messages that wait or were given up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Those that wait.
    pub pending: u64,
    /// Those that were given up.
    pub failed: u64,
    /// When the oldest that waits was written.
    pub oldest_pending_at: Option<Timestamp>,
}

impl Store {
    /// The store in a few numbers.
    pub async fn numbers(&self) -> Result<Numbers, StoreError> {
        let inner = std::sync::Arc::clone(&self.inner);
        self.read(move |connection| {
            let size = |name: String| std::fs::metadata(inner.dir.join(name)).map_or(0, |file| file.len());
            Ok(Numbers {
                open: open(connection)?,
                outbox: waiting(connection)?,
                heartbeat_at: heartbeat(connection)?,
                database: size(DATABASE.to_owned()),
                wal: size(format!("{DATABASE}-wal")),
                space: folder::free(&inner.dir).ok().map(|free| Space { free, reserve: inner.reserve }),
            })
        })
        .await
    }
}

fn open(connection: &Connection) -> Result<Vec<(Concern, Severity, u64)>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT concern, severity, count(*) AS count FROM incidents WHERE closed_at IS NULL
         GROUP BY concern, severity",
    )?;
    let rows = found.query_map([], |row| {
        let concern = word(row, "concern", Concern::from_name)?;
        Ok((concern, word(row, "severity", Severity::from_name)?, uint(row, "count")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn waiting(connection: &Connection) -> Result<Waiting, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending') AS pending,
                (SELECT count(*) FROM outbox WHERE state = 'failed') AS failed,
                (SELECT min(created_at) FROM outbox JOIN notices ON notices.id = outbox.notice
                 WHERE state = 'pending') AS oldest",
    )?;
    Ok(found.query_row([], |row| {
        Ok(Waiting {
            pending: uint(row, "pending")?,
            failed: uint(row, "failed")?,
            oldest_pending_at: maybe_at(row, "oldest")?,
        })
    })?)
}

fn heartbeat(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut found = connection.prepare_cached(
        "SELECT max(sent_at) AS sent_at FROM outbox WHERE state = 'sent' AND notice IN
             (SELECT id FROM notices WHERE kind = 'heartbeat' ORDER BY created_at DESC LIMIT ?1)",
    )?;
    Ok(found.query_row([HEARTBEATS], |row| maybe_at(row, "sent_at"))?)
}
