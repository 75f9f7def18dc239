//! The end of the chain, noted beside the database after each commit.
//!
//! A database whose log (`-wal`) was deleted, or that was put back to an older copy, is sound; only
//! what was written last is not in it. This note shows it. It is written without waiting for the
//! disk, after the commit that did wait: after a power cut it may be older than the database, and
//! never says more.
//!
//! Invariant: the note never names an entry that was not committed.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use super::digest::Digest;
use crate::store::error::StoreError;

/// The file beside the database.
pub(in crate::store) const FILE: &str = "chain.tip";

/// Writes the note.
#[derive(Debug)]
pub(in crate::store) struct Tip {
    file: Option<File>,
    seq: i64,
}

impl Tip {
    /// Opens the note. Where that cannot be done the store works without it.
    pub(in crate::store) fn open(dir: &Path) -> Self {
        let path = dir.join(FILE);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        if let Err(error) = &file {
            tracing::warn!(%error, path = %path.display(), "could not note the end of the chain");
        }
        Self { file: file.ok(), seq: -1 }
    }

    /// Notes the end of the chain, if it has moved.
    pub(in crate::store) fn note(&mut self, connection: &Connection) {
        let Some(file) = &self.file else { return };
        let Ok(Some((seq, link))) = super::newest(connection) else { return };
        if seq == self.seq {
            return;
        }
        // Always of the same length, so that it is written over whole.
        let text = format!("{seq:020} {}\n", hex::encode(link));
        match file.write_all_at(text.as_bytes(), 0) {
            Ok(()) => self.seq = seq,
            Err(error) => tracing::debug!(%error, "could not note the end of the chain"),
        }
    }
}

/// What the note says; nothing when there is none that can be read.
fn read(dir: &Path) -> Option<(i64, Digest)> {
    let text = std::fs::read_to_string(dir.join(FILE)).ok()?;
    let (seq, link) = text.lines().next()?.split_once(' ')?;
    let link = hex::decode(link).ok()?.try_into().ok()?;
    Some((seq.parse().ok()?, link))
}

/// Whether the database lacks what had been committed to it.
pub(in crate::store) fn lacks(connection: &Connection, dir: &Path) -> Result<bool, StoreError> {
    let Some((seq, link)) = read(dir) else { return Ok(false) };
    let mut found = connection.prepare_cached("SELECT link FROM chain WHERE seq = ?1")?;
    let stored: Option<Digest> = found.query_row([seq], |row| row.get(0)).optional()?;
    Ok(stored != Some(link))
}
