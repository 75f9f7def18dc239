//! What a record is, as bytes that everybody computes alike.
//!
//! Each value is written with its type and its length, each row and table with its beginning and end,
//! so that no two records have the same bytes. The columns are listed here for each version: a
//! column that comes later belongs to no older digest.
//!
//! Invariant: a version, once released, is never changed. What is digested is what stands in the
//! database, not what somebody meant to write.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::{ProbeId, RunId, TargetId};
use crate::store::error::StoreError;
use crate::store::rows::micros;

/// A SHA-256.
pub(in crate::store) type Digest = [u8; 32];

/// The version by which new entries are made.
pub(in crate::store) const VERSION: i64 = 1;

/// The version of gaps that stand for several slots, which no older program could have written.
const SEVERAL: i64 = 2;

/// A run and what belongs to it: table, columns, and how its rows are found in their order.
const RUN_1: &[(&str, &str, &str)] = &[
    (
        "runs",
        "id, probe, target, kind, state, cause, cause_of, scheduled_at, started_at, finished_at, elapsed_ms, \
         attempts, verdict, reason, scenario, scenario_hash, vantage, links_checked, visit, crawl, canaries, \
         browser, agent_version",
        "id = ?1",
    ),
    (
        "steps",
        "position, name, stage, measure, outcome, credit, elapsed_ms, own_ms, attempts, error",
        "run = ?1 ORDER BY position",
    ),
    ("observations", "position, facts", "run = ?1 ORDER BY position"),
    (
        "step_evidence JOIN evidence USING (hash)",
        "position, number, kind, hash, mime, size, label",
        "run = ?1 ORDER BY position, number",
    ),
    (
        "link_faults",
        "number, id, page, url, text, status, class, on_home, element, attribute, line, col, pages, detail",
        "run = ?1 ORDER BY number",
    ),
];

/// Takes values one after the other.
pub(super) struct Encoder(Sha256);

impl Encoder {
    pub(super) fn new(what: &str) -> Self {
        let mut encoder = Self(Sha256::new());
        encoder.text("mystery-shopper");
        encoder.text(what);
        encoder
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.0.update([tag]);
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(super) fn null(&mut self) {
        self.0.update(b"n");
    }

    pub(super) fn int(&mut self, value: i64) {
        self.0.update(b"i");
        self.0.update(value.to_be_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.tagged(b't', text.as_bytes());
    }

    pub(super) fn maybe_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.tagged(b'b', bytes);
    }

    fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.null(),
            ValueRef::Integer(value) => self.int(value),
            ValueRef::Real(value) => {
                self.0.update(b"r");
                self.0.update(value.to_bits().to_be_bytes());
            }
            ValueRef::Text(bytes) => self.tagged(b't', bytes),
            ValueRef::Blob(bytes) => self.tagged(b'b', bytes),
        }
    }

    pub(super) fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}

/// The digest of a run by a version; nothing when there is no finished run of this id.
pub(in crate::store) fn run(
    connection: &Connection,
    id: &str,
    version: i64,
) -> Result<Option<Digest>, StoreError> {
    if version != VERSION {
        return Err(unknown(version));
    }
    let mut encoder = Encoder::new("run 1");
    for (table, columns, which) in RUN_1 {
        let mut found = connection.prepare_cached(&format!("SELECT {columns} FROM {table} WHERE {which}"))?;
        let (width, mut rows, mut count) = (found.column_count(), found.query([id])?, 0_i64);
        encoder.text(table);
        while let Some(row) = rows.next()? {
            encoder.0.update(b"(");
            for column in 0..width {
                encoder.value(row.get_ref(column)?);
            }
            encoder.0.update(b")");
            count += 1;
        }
        encoder.int(count);
        if *table == "runs" && count == 0 {
            return Ok(None);
        }
    }
    Ok(Some(encoder.finish()))
}

/// The digest of a gap by a version; nothing when there is none from the first of these slots to the
/// last.
pub(in crate::store) fn gap(
    connection: &Connection,
    (probe, target): (&str, &str),
    (first, last): (i64, i64),
    version: i64,
) -> Result<Option<Digest>, StoreError> {
    let (what, columns) = match version {
        // One slot.
        1 => ("gap 1", "probe, target, scheduled_at, reason"),
        SEVERAL => ("gap 2", "probe, target, scheduled_at, until, reason, count"),
        other => return Err(unknown(other)),
    };
    let mut found = connection.prepare_cached(&format!(
        "SELECT {columns} FROM gaps
         WHERE probe = ?1 AND target = ?2 AND scheduled_at = ?3 AND until = ?4 AND (count = 1) = ?5",
    ))?;
    let mut rows = found.query(params![probe, target, first, last, version != SEVERAL])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut encoder = Encoder::new(what);
    for column in 0..row.as_ref().column_count() {
        encoder.value(row.get_ref(column)?);
    }
    Ok(Some(encoder.finish()))
}

/// The digest of what one pruning removed: the entries that name it, and the files.
pub(in crate::store) fn pruning(connection: &Connection, seq: i64, why: &str) -> Result<Digest, StoreError> {
    let mut encoder = Encoder::new("prune 1");
    encoder.text(why);
    for sql in [
        "SELECT seq, what, id FROM chain WHERE pruned_by = ?1 ORDER BY seq",
        "SELECT hash FROM pruned_files WHERE seq = ?1 ORDER BY hash",
    ] {
        let mut found = connection.prepare_cached(sql)?;
        let (width, mut rows, mut count) = (found.column_count(), found.query([seq])?, 0_i64);
        while let Some(row) = rows.next()? {
            for column in 0..width {
                encoder.value(row.get_ref(column)?);
            }
            count += 1;
        }
        encoder.int(count);
    }
    Ok(encoder.finish())
}

/// The digest of a recorded loss; nothing when there is none of this id.
pub(in crate::store) fn loss(connection: &Connection, id: &str) -> Result<Option<Digest>, StoreError> {
    let mut found = connection
        .prepare_cached("SELECT since, until, why, kept_in FROM losses WHERE id = CAST(?1 AS INTEGER)")?;
    let mut rows = found.query([id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut encoder = Encoder::new("loss 1");
    for column in 0..4 {
        encoder.value(row.get_ref(column)?);
    }
    Ok(Some(encoder.finish()))
}

/// The id of a gap in the chain: its slot, or the first and the last of several.
pub(super) fn gap_id(probe: &str, target: &str, first: i64, last: i64) -> String {
    // Ids have no blanks, so this is unambiguous.
    let until = if last == first { String::new() } else { format!(" {last}") };
    format!("{probe} {target} {first}{until}")
}

/// The id of a gap in the chain, in SQL.
pub(in crate::store) const GAP_ID: &str = "gaps.probe || ' ' || gaps.target || ' ' || gaps.scheduled_at
     || CASE WHEN gaps.until > gaps.scheduled_at THEN ' ' || gaps.until ELSE '' END";

/// The last slot of a gap whose first one is `first`, by its id in the chain.
pub(in crate::store) fn last_slot(id: &str, first: i64) -> i64 {
    id.split(' ').nth(3).and_then(|last| last.parse().ok()).unwrap_or(first)
}

/// By which version a gap is digested.
pub(super) fn gap_version(first: i64, last: i64) -> i64 {
    if last == first { VERSION } else { SEVERAL }
}

/// Which record an entry is about.
pub(super) enum Subject<'a> {
    Run { id: &'a RunId, probe: &'a ProbeId, target: &'a TargetId, finished_at: jiff::Timestamp },
    Gap { probe: &'a str, target: &'a str, first: i64, last: i64 },
}

impl Subject<'_> {
    pub(super) fn at(&self) -> i64 {
        match self {
            Self::Run { finished_at, .. } => micros(*finished_at),
            Self::Gap { first, .. } => *first,
        }
    }
}

fn unknown(version: i64) -> StoreError {
    StoreError::unreadable(
        "an entry of the chain",
        format!("its digest is of version {version}, which this program does not know"),
    )
}
