//! Retention: what is older than it has to be kept, or too much, is removed: evidence first, then runs
//! and gaps. Incidents and what is rolled up by the hour stay. What was removed is told by the chain.
//!
//! Invariant: what an open incident or a mail that waits names is kept. Each step takes the writer for
//! a moment only. A file goes after the commit that says so, and never one that somebody just kept
//! anew.

mod files;
mod runs;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

use super::error::StoreError;
use super::evidence;
use super::rows::uint;
use super::worker::Sync;
use super::{Store, Weight, blocking, chain};
use crate::plan::Keep;

/// How many files, or gaps, go in one step.
const FILES: usize = 100;
/// Between two steps others have the writer.
const PAUSE: Duration = Duration::from_millis(50);
/// What is younger stays, however short room is; a file that was kept anew since then as well.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// Why something goes, as the chain tells it.
const AGE: &str = "age";
const SIZE: &str = "size";

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Evidence files.
    pub files: u64,
    /// Runs with all that belongs to them.
    pub runs: u64,
    /// Gaps.
    pub gaps: u64,
}

impl Store {
    /// Removes what need not be kept any more, in small steps.
    pub async fn tidy(&self, keep: &Keep, now: Timestamp) -> Result<Tidied, StoreError> {
        let mut tidied = Tidied::default();
        // A file goes with the last run that shows it at the latest.
        if let Some(age) = keep.evidence.or(keep.runs).and_then(|age| before(now, age)) {
            self.remove_old_files(age, now, &mut tidied).await?;
        }
        // Records that have no entry yet cannot be said to be removed; what is not in the hours yet would
        // be lost to them.
        let adopted = self.read(|it| {
            let sql = "SELECT NOT EXISTS (SELECT 1 FROM to_chain) AND NOT EXISTS (SELECT 1 FROM to_roll_up)";
            Ok(it.query_row(sql, [], |row| row.get(0))?)
        });
        if adopted.await? {
            if let Some(age) = keep.runs.and_then(|age| before(now, age)) {
                while self.remove_runs(age, AGE, now, &mut tidied).await? {}
                while self.remove_gaps(age, now, &mut tidied).await? {}
            }
            if let Some(size) = keep.size {
                self.shrink(size, now, &mut tidied).await?;
            }
        }
        Ok(tidied)
    }

    /// Removes files of the evidence folder that no record names. They are a day old: a run that goes on
    /// names its files in the end. Says how many.
    pub async fn sweep_evidence(&self, now: Timestamp) -> Result<u64, StoreError> {
        let inner = std::sync::Arc::clone(&self.inner);
        let settled = blocking(move || Ok(evidence::settled(&inner.dir, now - FRESH))).await?;
        let mut swept = 0;
        for piece in settled.chunks(FILES) {
            let asked = piece.to_vec();
            let nobodys = self.read(move |connection| files::unnamed(connection, asked)).await?;
            swept += self.unlink(nobodys, now).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(swept)
    }

    async fn remove_old_files(
        &self,
        until: Timestamp,
        now: Timestamp,
        tidied: &mut Tidied,
    ) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let from = after.clone();
            let piece = self.read(move |connection| files::page(connection, &from, FILES)).await?;
            let Some(last) = piece.last() else { return Ok(()) };
            after.clone_from(last);
            self.remove_files(piece, until, AGE, now, tidied).await?;
        }
    }

    /// Removes those of the files that no younger and no protected run shows; says how many.
    async fn remove_files(
        &self,
        hashes: Vec<String>,
        until: Timestamp,
        why: &'static str,
        now: Timestamp,
        tidied: &mut Tidied,
    ) -> Result<u64, StoreError> {
        let inner = std::sync::Arc::clone(&self.inner);
        let settled = move || {
            Ok(hashes.into_iter().filter(|it| evidence::is_settled(&inner.dir, it, now - FRESH)).collect())
        };
        let settled: Vec<String> = blocking(settled).await?;
        // Most of what is looked at stays; the writer is asked for the rest only.
        let old = self
            .read(move |connection| {
                files::removable(connection, settled, until, &Protected::read(connection)?)
            })
            .await?;
        if old.is_empty() {
            return Ok(0);
        }
        let marked = self
            .join(Weight::Small, Sync::Disk, move |tx| {
                let still = files::removable(tx, old, until, &Protected::read(tx)?)?;
                files::mark(tx, &still, now)?;
                if !still.is_empty() {
                    chain::append_pruning(tx, now, why, &[], &still)?;
                }
                Ok(still)
            })
            .await?;
        let removed = marked.len() as u64;
        self.unlink(marked, now).await?;
        tidied.files += removed;
        tokio::time::sleep(PAUSE).await;
        Ok(removed)
    }

    async fn unlink(&self, hashes: Vec<String>, now: Timestamp) -> Result<u64, StoreError> {
        let inner = std::sync::Arc::clone(&self.inner);
        blocking(move || {
            Ok(hashes.iter().filter(|it| evidence::unlink(&inner.dir, it, now - FRESH)).count() as u64)
        })
        .await
    }

    /// Removes some of the oldest runs; says whether there may be more.
    async fn remove_runs(
        &self,
        until: Timestamp,
        why: &'static str,
        now: Timestamp,
        tidied: &mut Tidied,
    ) -> Result<bool, StoreError> {
        let removed = self
            .join(Weight::Small, Sync::Disk, move |tx| {
                runs::remove_some(tx, until, &Protected::read(tx)?, why, now)
            })
            .await?;
        tidied.runs += removed;
        tokio::time::sleep(PAUSE).await;
        Ok(removed > 0)
    }

    async fn remove_gaps(
        &self,
        until: Timestamp,
        now: Timestamp,
        tidied: &mut Tidied,
    ) -> Result<bool, StoreError> {
        let removed = self
            .join(Weight::Small, Sync::Disk, move |tx| runs::remove_gaps(tx, until, FILES, AGE, now))
            .await?;
        tidied.gaps += removed;
        tokio::time::sleep(PAUSE).await;
        Ok(removed > 0)
    }

    /// Removes the oldest evidence, then the oldest runs, until what is kept is no more than `size`.
    async fn shrink(&self, size: u64, now: Timestamp, tidied: &mut Tidied) -> Result<(), StoreError> {
        let until = now - FRESH;
        let mut oldest = Vec::new().into_iter().peekable();
        loop {
            let excess = self.read(weigh).await?.saturating_sub(size);
            if excess == 0 {
                return Ok(());
            }
            if oldest.peek().is_none() {
                let found = self.read(move |connection| files::oldest(connection, until)).await?;
                oldest = found.into_iter().peekable();
            }
            let (mut piece, mut freed) = (Vec::new(), 0);
            while freed < excess
                && piece.len() < FILES
                && let Some((hash, bytes)) = oldest.next()
            {
                freed += bytes;
                piece.push(hash);
            }
            // What has to stay comes up again and again; runs make room as well.
            if self.remove_files(piece, until, SIZE, now, tidied).await? == 0
                && oldest.peek().is_none()
                && !self.remove_runs(until, SIZE, now, tidied).await?
            {
                tracing::warn!(size, "more is kept than [store] keep allows, and all of it is needed");
                return Ok(());
            }
        }
    }
}

fn before(now: Timestamp, age: Duration) -> Option<Timestamp> {
    now.checked_sub(age).ok()
}

/// How much room the records and their evidence take.
fn weigh(connection: &Connection) -> Result<u64, StoreError> {
    let ask = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let pages = ask("page_count")? - ask("freelist_count")?;
    let database = pages.saturating_mul(ask("page_size")?).unsigned_abs();
    let sum = "SELECT coalesce(sum(size), 0) AS size FROM evidence WHERE removed_at IS NULL";
    let files: u64 = connection.query_row(sum, [], |row| uint(row, "size"))?;
    Ok(database + files)
}

/// What has to stay, however old it is.
struct Protected {
    /// Open incidents: probe, target, since when.
    open: Vec<(String, String, i64)>,
    /// Mails that wait, and what the judge remembers; they name runs and files.
    texts: String,
}

impl Protected {
    fn read(connection: &Connection) -> Result<Self, StoreError> {
        let mut found = connection.prepare_cached(
            "SELECT probe, target, since, coalesce(opened_by, '') FROM incidents WHERE closed_at IS NULL",
        )?;
        let (mut open, mut texts) = (Vec::new(), String::new());
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            open.push((row.get(0)?, row.get(1)?, row.get(2)?));
            texts.push_str(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?);
            texts.push(' ');
        }
        for sql in [
            "SELECT notice FROM notices WHERE id IN (SELECT notice FROM outbox WHERE state = 'pending')",
            "SELECT failing || good FROM probe_states",
        ] {
            let mut found = connection.prepare_cached(sql)?;
            let mut rows = found.query([])?;
            while let Some(row) = rows.next()? {
                texts.push_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?);
                texts.push(' ');
            }
        }
        Ok(Self { open, texts })
    }

    fn run(&self, id: &str, probe: &str, target: &str, started_at: i64) -> bool {
        self.open.iter().any(|(p, t, since)| p == probe && t == target && started_at >= *since)
            || self.texts.contains(id)
    }

    fn file(&self, hash: &str) -> bool {
        self.texts.contains(hash)
    }
}
