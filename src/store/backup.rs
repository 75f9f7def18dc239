//! Backups: a copy of everything that is kept, made beside a running daemon, and put back.
//!
//! ```text
//! backup/shopper.db      the database, whole, in one file
//! backup/evidence/…      the files that it names; links to the same files where the disk is the same
//! backup/heads.jsonl     the signed heads, and chain.pub, the keys by which they are signed
//! backup/backup.json     what it is; written when everything has been verified
//! ```
//!
//! The signing key stays where it is: whoever has a backup cannot sign in our name.
//!
//! Invariant: a folder with `backup.json` is a whole backup. What a kill leaves has another name.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chain::heads;
use super::error::StoreError;
use super::evidence::{self, sync_folder};
use super::verify::{Thing, VerifyOptions, VerifyReport, verify};
use super::{DATABASE, FOLDER_MODE, Store, blocking, folder, open};

/// The folder below the data folder with the daemon's own backups.
const FOLDER: &str = "backups";
/// What makes a folder a backup.
const MANIFEST: &str = "backup.json";
/// How many of its own the daemon keeps.
const KEPT: usize = 3;
/// How many pages are copied at a time.
const PAGES: i32 = 512;
/// Between two pieces others have the disk.
const PAUSE: Duration = Duration::from_millis(1);

/// What a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// When it was made.
    pub made_at: Timestamp,
    /// By which version of this program.
    pub agent_version: String,
    /// How many evidence files it holds.
    pub files: u64,
    /// What verifying it came to.
    pub verified: VerifyReport,
}

impl Store {
    /// Makes a backup in a folder that is not there yet, or empty. Writers go on meanwhile.
    pub async fn backup(&self, to: &Path, now: Timestamp) -> Result<Manifest, StoreError> {
        let (dir, to) = (self.folder().to_owned(), to.to_owned());
        blocking(move || make(&dir, &to, now, true)).await
    }

    /// Makes the daemon's own backup unless there is one of today (UTC), and keeps the newest three.
    /// Says where it is; nothing when there was none to be made, or no room.
    pub async fn daily_backup(&self, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
        let (dir, reserve) = (self.folder().to_owned(), self.inner.reserve);
        blocking(move || daily(&dir, reserve, now)).await
    }

    /// Puts a backup into a folder that is not there yet, or empty. What is told is how the restored
    /// records were verified.
    pub fn restore(from: &Path, to: &Path) -> Result<VerifyReport, StoreError> {
        restore(from, to)
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| StoreError::file(what, path, source)
}

/// Refuses a folder that has something in it.
fn refuse_taken(path: &Path) -> Result<(), StoreError> {
    if let (true, pid) = folder::daemon(path) {
        return Err(StoreError::Locked { path: path.to_owned(), pid });
    }
    match std::fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed("read", path)(source)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(StoreError::NotEmpty { path: path.to_owned() }),
        },
    }
}

/// Builds a folder under another name, and gives it its own when it is whole.
fn build<T>(path: &Path, fill: impl FnOnce(&Path) -> Result<T, StoreError>) -> Result<T, StoreError> {
    refuse_taken(path)?;
    let path = std::path::absolute(path).map_err(failed("find", path))?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(StoreError::NotEmpty { path });
    };
    let mut part = OsStr::new(".").to_owned();
    part.push(name);
    part.push(format!(".{}.part", std::process::id()));
    let part = parent.join(part);
    let mut folders = std::fs::DirBuilder::new();
    let made = folders.recursive(true).mode(FOLDER_MODE).create(parent);
    made.and_then(|()| std::fs::DirBuilder::new().mode(FOLDER_MODE).create(&part))
        .map_err(failed("create", &part))?;
    let filled = fill(&part).and_then(|value| {
        sync_folder(&part)
            .and_then(|()| std::fs::rename(&part, &path))
            .and_then(|()| sync_folder(parent))
            .map_err(failed("create", &path))?;
        Ok(value)
    });
    if filled.is_err() {
        // Half a copy is worth nothing, and its room may be needed.
        let _ = std::fs::remove_dir_all(&part);
    }
    filled
}

fn make(dir: &Path, to: &Path, now: Timestamp, read_files: bool) -> Result<Manifest, StoreError> {
    build(to, |part| {
        // Heads first and files twice: what comes meanwhile is then more than the database names,
        // never less.
        copy_if_there(dir, part, heads::FILE)?;
        copy_if_there(dir, part, heads::PUBLIC)?;
        evidence::copy_all(dir, part)?;
        copy_database(dir, part)?;
        let copy = open_copy(part)?;
        let files = evidence::copy_named(&copy, dir, part)?;
        let options = VerifyOptions { files: read_files, ..VerifyOptions::default() };
        let verified = sound(part, verify(&copy, part, &options)?)?;
        drop(copy);
        let manifest =
            Manifest { made_at: now, agent_version: env!("CARGO_PKG_VERSION").to_owned(), files, verified };
        let text = serde_json::to_string_pretty(&manifest)
            .map_err(|error| StoreError::unwritable("what the backup is", error))?;
        heads::write_whole(part, MANIFEST, &text)?;
        Ok(manifest)
    })
}

/// A copy that cannot be read is none. One of records that somebody changed is as good as they are.
fn sound(path: &Path, report: VerifyReport) -> Result<VerifyReport, StoreError> {
    match report.findings.iter().find(|finding| finding.with == Thing::Database) {
        Some(finding) => {
            Err(StoreError::Corrupt { path: path.join(DATABASE), detail: finding.detail.clone() })
        }
        None => Ok(report),
    }
}

fn copy_if_there(from: &Path, to: &Path, name: &str) -> Result<(), StoreError> {
    let (old, new) = (from.join(name), to.join(name));
    match copy_file(&old, &new) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        copied => copied.map_err(failed("copy", &old)),
    }
}

/// Copies a file and waits for the disk.
pub(super) fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from, to)?;
    let file = File::open(to)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.sync_all()
}

/// Copies the database as it is at this moment.
fn copy_database(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = open::reader(&from.join(DATABASE))?;
    // A snapshot of its own, so that what is written meanwhile does not make it begin anew.
    let snapshot = source.unchecked_transaction()?;
    let _: i64 = snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let path = to.join(DATABASE);
    open::make_file(&path)?;
    let mut copy = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    Backup::new(&snapshot, &mut copy)?.run_to_completion(PAGES, PAUSE, None)?;
    // In one file, which can be read where nothing may be written.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    copy.close().map_err(|(_, error)| StoreError::from(error))?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(failed("write", &path))
}

fn open_copy(folder: &Path) -> Result<Connection, StoreError> {
    open::reader(&folder.join(DATABASE))
}

fn restore(from: &Path, to: &Path) -> Result<VerifyReport, StoreError> {
    if !from.join(MANIFEST).is_file() {
        return Err(StoreError::NoBackup { path: from.to_owned() });
    }
    build(to, |part| {
        copy_if_there(from, part, heads::FILE)?;
        copy_if_there(from, part, heads::PUBLIC)?;
        copy_file(&from.join(DATABASE), &part.join(DATABASE))
            .map_err(failed("copy", &from.join(DATABASE)))?;
        evidence::copy_all(from, part)?;
        let options = VerifyOptions { files: true, ..VerifyOptions::default() };
        sound(from, verify(&open_copy(part)?, part, &options)?)
    })
}

/// The daemon's own backups, the oldest first.
pub(super) fn kept(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir.join(FOLDER)) else { return Vec::new() };
    let folders = entries.flatten().map(|entry| entry.path());
    let mut kept: Vec<PathBuf> = folders.filter(|path| path.join(MANIFEST).is_file()).collect();
    // Their names begin with the instant.
    kept.sort();
    kept
}

fn daily(dir: &Path, reserve: u64, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    let place = dir.join(FOLDER);
    sweep(&place);
    let mut old = kept(dir);
    let today = heads::day(now);
    if old.last().is_some_and(|newest| name_of(newest).starts_with(&today)) {
        return Ok(None);
    }
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let wanted = size(&dir.join(DATABASE)).saturating_add(size(&dir.join(format!("{DATABASE}-wal"))));
    // The newest stays until another is there.
    while folder::free(dir)? < reserve.saturating_add(wanted) {
        if old.len() < 2 {
            tracing::warn!(wanted, "there is no room for today's backup");
            return Ok(None);
        }
        let oldest = old.remove(0);
        std::fs::remove_dir_all(&oldest).map_err(failed("remove", &oldest))?;
    }
    let to = place.join(now.strftime("%Y-%m-%dT%H-%M-%SZ").to_string());
    let manifest = make(dir, &to, now, false)?;
    if !manifest.verified.clean {
        tracing::error!(
            findings = manifest.verified.findings.len(),
            "the records are damaged; `shopper verify` names what is wrong"
        );
    }
    old.push(to.clone());
    for oldest in &old[..old.len().saturating_sub(KEPT)] {
        std::fs::remove_dir_all(oldest).map_err(failed("remove", oldest))?;
    }
    Ok(Some(to))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Removes what a kill left half made.
fn sweep(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if entry.path().extension() == Some(OsStr::new("part")) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Puts the database of a backup where ours was. Evidence that is gone comes back as well.
pub(super) fn take_back(backup: &Path, dir: &Path) -> Result<(), StoreError> {
    let part = dir.join(".shopper.db.part");
    copy_file(&backup.join(DATABASE), &part).map_err(failed("copy", &backup.join(DATABASE)))?;
    evidence::copy_all(backup, dir)?;
    std::fs::rename(&part, dir.join(DATABASE))
        .and_then(|()| sync_folder(dir))
        .map_err(failed("create", &dir.join(DATABASE)))
}

/// The names of all evidence that a database names.
pub(super) fn named(connection: &Connection) -> Result<HashSet<String>, StoreError> {
    let mut found = connection.prepare("SELECT hash FROM evidence")?;
    let rows = found.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
