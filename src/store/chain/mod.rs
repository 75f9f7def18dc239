//! The chain over all records: each finished run and each gap gets an entry that holds a digest of the
//! record and, over that, of the entry before it. Whoever changes, removes, reorders or puts in a
//! record has to make all later entries anew, and the signed heads (`heads.rs`) show that he did.
//!
//! What retention removes and what was lost are entries as well, so that a record that is gone for
//! a reason is told from one that is missing.
//!
//! Invariant: an entry is written in the transaction that stores its record, and never changed.

pub(super) mod adopt;
pub(super) mod digest;
pub(super) mod heads;
pub(super) mod tip;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use self::digest::{Digest, Encoder, Subject, VERSION};
use super::error::StoreError;
use crate::domain::run::Run;

/// What the first entry follows.
pub(super) const BEFORE_ALL: Digest = [0; 32];

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The beginning.
    Genesis,
    /// A finished run.
    Run,
    /// A slot that did not become a run.
    Gap,
    /// All records that were there before the chain have their entries.
    Adopted,
    /// Records or files that retention removed.
    Prune,
    /// Records that were lost.
    Loss,
}

impl What {
    const ALL: [(&'static str, Self); 6] = [
        ("genesis", Self::Genesis),
        ("run", Self::Run),
        ("gap", Self::Gap),
        ("adopted", Self::Adopted),
        ("prune", Self::Prune),
        ("loss", Self::Loss),
    ];

    /// The name in the database.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
    }
}

/// An entry as it stands in the database.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) what: What,
    pub(super) id: String,
    pub(super) probe: Option<String>,
    pub(super) target: Option<String>,
    pub(super) at: i64,
    pub(super) version: i64,
    pub(super) late: bool,
    pub(super) digest: Digest,
    pub(super) link: Digest,
    pub(super) pruned_by: Option<i64>,
}

impl Entry {
    /// The columns that [`Entry::read`] wants.
    pub(super) const COLUMNS: &str =
        "seq, what, id, probe, target, at, version, late, digest, link, pruned_by";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get("seq")?,
            what: super::rows::word(row, "what", What::from_name)?,
            id: row.get("id")?,
            probe: row.get("probe")?,
            target: row.get("target")?,
            at: row.get("at")?,
            version: row.get("version")?,
            late: row.get("late")?,
            digest: row.get("digest")?,
            link: row.get("link")?,
            pruned_by: row.get("pruned_by")?,
        })
    }

    /// The link that this entry has at this place behind that link.
    pub(super) fn link_behind(&self, seq: i64, before: &Digest) -> Digest {
        let mut encoder = Encoder::new("link 1");
        encoder.bytes(before);
        encoder.int(seq);
        encoder.text(self.what.name());
        encoder.text(&self.id);
        encoder.maybe_text(self.probe.as_deref());
        encoder.maybe_text(self.target.as_deref());
        encoder.int(self.at);
        encoder.int(self.version);
        encoder.int(self.late.into());
        encoder.bytes(&self.digest);
        encoder.finish()
    }
}

/// The newest entry: its number and its link.
pub(super) fn newest(connection: &Connection) -> Result<Option<(i64, Digest)>, StoreError> {
    let mut found = connection.prepare_cached("SELECT seq, link FROM chain ORDER BY seq DESC LIMIT 1")?;
    Ok(found.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// When the newest record was made that has an entry.
pub(super) fn newest_at(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let mut found = connection
        .prepare_cached("SELECT at FROM chain WHERE what IN ('run', 'gap') ORDER BY seq DESC LIMIT 1")?;
    Ok(found.query_row([], |row| row.get(0)).optional()?)
}

/// Appends an entry of the present version; says its number.
fn append(
    connection: &Connection,
    entry: (What, &str),
    place: Option<(&str, &str)>,
    when: (i64, bool),
    digest: Digest,
) -> Result<i64, StoreError> {
    append_as(VERSION, connection, entry, place, when, digest)
}

/// Appends an entry whose digest is of some version; says its number.
fn append_as(
    version: i64,
    connection: &Connection,
    (what, id): (What, &str),
    place: Option<(&str, &str)>,
    (at, late): (i64, bool),
    digest: Digest,
) -> Result<i64, StoreError> {
    // Without a beginning there is one to be complained about by `verify`, not by every record.
    let (last, before) = newest(connection)?.unwrap_or((-1, BEFORE_ALL));
    let entry = Entry {
        seq: last + 1,
        what,
        id: id.to_owned(),
        probe: place.map(|(probe, _)| probe.to_owned()),
        target: place.map(|(_, target)| target.to_owned()),
        at,
        version,
        late,
        digest,
        link: BEFORE_ALL,
        pruned_by: None,
    };
    let link = entry.link_behind(entry.seq, &before);
    // An entry of this id can only be there when somebody took its record away; that is found by
    // `verify`, and what is recorded now is no less worth.
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO chain (seq, what, id, probe, target, at, version, late, digest, link)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            entry.seq,
            what.name(),
            entry.id,
            entry.probe,
            entry.target,
            at,
            version,
            late,
            digest,
            link
        ])?;
    Ok(entry.seq)
}

/// Begins the chain of a database that has none.
pub(super) fn begin(connection: &Connection, now: jiff::Timestamp) -> Result<(), StoreError> {
    if newest(connection)?.is_some() {
        return Ok(());
    }
    let waiting: i64 = connection.query_row("SELECT count(*) FROM to_chain", [], |row| row.get(0))?;
    let mut encoder = Encoder::new("genesis 1");
    encoder.int(waiting);
    let now = super::rows::micros(now);
    append(connection, (What::Genesis, "genesis"), None, (now, false), encoder.finish())?;
    if waiting == 0 {
        adopt::end(connection, now)?;
    }
    Ok(())
}

/// Appends a run that was stored just now.
pub(super) fn append_run(tx: &Transaction<'_>, run: &Run) -> Result<(), StoreError> {
    let subject =
        Subject::Run { id: &run.id, probe: &run.probe, target: &run.target, finished_at: run.finished_at };
    record(tx, &subject, false).map(|_| ())
}

/// Appends a gap that was stored just now.
pub(super) fn append_gap(connection: &Connection, gap: &crate::domain::run::Gap) -> Result<(), StoreError> {
    let (probe, target) = (gap.probe.as_str(), gap.target.as_str());
    let (first, last) = (super::rows::micros(gap.scheduled_at), super::rows::micros(gap.until));
    let subject = Subject::Gap { probe, target, first, last };
    record(connection, &subject, false).map(|_| ())
}

/// Appends a record; says whether there is one.
fn record(connection: &Connection, subject: &Subject<'_>, late: bool) -> Result<bool, StoreError> {
    let when = (subject.at(), late);
    match subject {
        Subject::Run { id, probe, target, .. } => {
            let Some(digest) = digest::run(connection, id.as_str(), VERSION)? else { return Ok(false) };
            let place = Some((probe.as_str(), target.as_str()));
            append(connection, (What::Run, id.as_str()), place, when, digest)?;
        }
        Subject::Gap { probe, target, first, last } => {
            let version = digest::gap_version(*first, *last);
            let Some(digest) = digest::gap(connection, (probe, target), (*first, *last), version)? else {
                return Ok(false);
            };
            let id = digest::gap_id(probe, target, *first, *last);
            let place = Some((*probe, *target));
            append_as(version, connection, (What::Gap, &id), place, when, digest)?;
        }
    }
    Ok(true)
}

/// Notes that retention removed runs and gaps (by their entries) and files (by their hashes), for
/// a reason.
pub(super) fn append_pruning(
    tx: &Transaction<'_>,
    now: jiff::Timestamp,
    why: &str,
    entries: &[i64],
    files: &[String],
) -> Result<(), StoreError> {
    let (last, _) = newest(tx)?.unwrap_or((-1, BEFORE_ALL));
    let seq = last + 1;
    // The entries point at one that comes in a moment, before the transaction ends.
    tx.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    let mut mark = tx.prepare_cached("UPDATE chain SET pruned_by = ?2 WHERE seq = ?1")?;
    for entry in entries {
        mark.execute([*entry, seq])?;
    }
    let mut gone = tx.prepare_cached("INSERT OR IGNORE INTO pruned_files (hash, seq) VALUES (?1, ?2)")?;
    for hash in files {
        gone.execute(params![hash, seq])?;
    }
    let digest = digest::pruning(tx, seq, why)?;
    append(tx, (What::Prune, &format!("{seq} {why}")), None, (super::rows::micros(now), false), digest)?;
    Ok(())
}

/// Writes down that records were lost: since the newest that is left, until now.
pub(super) fn append_loss(
    tx: &Transaction<'_>,
    now: jiff::Timestamp,
    why: &str,
    kept_in: Option<&str>,
) -> Result<(), StoreError> {
    let (since, until) = (newest_at(tx)?, super::rows::micros(now));
    tx.execute(
        "INSERT INTO losses (since, until, why, kept_in) VALUES (?1, ?2, ?3, ?4)",
        params![since, until, why, kept_in],
    )?;
    let id = tx.last_insert_rowid().to_string();
    if let Some(digest) = digest::loss(tx, &id)? {
        append(tx, (What::Loss, &id), None, (until, false), digest)?;
    }
    Ok(())
}
