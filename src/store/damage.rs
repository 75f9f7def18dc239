//! What is done with a database that cannot be used any more, so that the agent watches on: it is
//! put aside whole, the newest backup takes its place, and what is missing is written down.
//!
//! Invariant: nothing is deleted. The database, its log and its index of the log move together, into
//! a folder of their own.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::backup;
use super::chain::{self, tip};
use super::error::StoreError;
use super::evidence::sync_folder;
use super::{DATABASE, FOLDER_MODE};

/// What happened to the database before it was opened.
#[derive(Debug)]
pub(super) struct Replaced {
    /// What was wrong with it.
    why: String,
    /// The folder into which it was put.
    kept_in: String,
    /// The backup that took its place.
    from: Option<PathBuf>,
}

/// Puts a damaged database aside and the newest backup in its place, if there is one that has not been
/// tried yet.
pub(super) fn replace(
    dir: &Path,
    why: &str,
    now: Timestamp,
    tried: &[Replaced],
) -> Result<Replaced, StoreError> {
    let kept_in = put_aside(dir, now)?;
    tracing::error!(why, kept_in, "the database is damaged and was put aside");
    let used = |folder: &PathBuf| tried.iter().any(|old| old.from.as_ref() == Some(folder));
    let from = backup::kept(dir).into_iter().rev().find(|folder| !used(folder));
    if let Some(folder) = &from {
        backup::take_back(folder, dir)?;
        tracing::error!(backup = %folder.display(), "the newest backup was put in its place");
    } else {
        tracing::error!("there is no backup: the agent begins with an empty database");
    }
    Ok(Replaced { why: why.to_owned(), kept_in, from })
}

/// Moves the database and what belongs to it into a new folder; says which.
fn put_aside(dir: &Path, now: Timestamp) -> Result<String, StoreError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let stamp = now.strftime("%Y-%m-%dT%H-%M-%SZ");
    let mut name = format!("damaged-{stamp}");
    for number in 2.. {
        if !dir.join(&name).exists() {
            break;
        }
        name = format!("damaged-{stamp}-{number}");
    }
    let folder = dir.join(&name);
    let made = std::fs::DirBuilder::new().mode(FOLDER_MODE).create(&folder);
    made.map_err(|source| StoreError::file("create", &folder, source))?;
    // The log first: a database without it would look sound.
    for ending in ["-wal", "-shm", ""] {
        let file = format!("{DATABASE}{ending}");
        match std::fs::rename(dir.join(&file), folder.join(&file)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            moved => moved.map_err(|source| StoreError::file("put aside", dir.join(&file), source))?,
        }
    }
    sync_folder(dir).map_err(|source| StoreError::file("write", dir, source))?;
    Ok(name)
}

/// Writes down what is missing in a database that was opened just now: because it took the place of
/// a damaged one, or because it lacks what had been committed.
pub(super) fn note_losses(
    connection: &mut Connection,
    dir: &Path,
    replaced: &[Replaced],
    now: Timestamp,
) -> Result<(), StoreError> {
    let lacks = tip::lacks(connection, dir)?;
    if replaced.is_empty() && !lacks {
        return Ok(());
    }
    let (why, kept_in) = match replaced.last() {
        Some(last) => {
            let instead = match &last.from {
                Some(folder) => format!("the backup {} took its place", folder.display()),
                None => "there was no backup".to_owned(),
            };
            let why: Vec<&str> = replaced.iter().map(|one| one.why.as_str()).collect();
            (format!("the database was damaged ({}); {instead}", why.join("; ")), Some(last.kept_in.as_str()))
        }
        None => (
            "the database lacked what had been committed to it: its log (shopper.db-wal) was removed, \
             or an older copy was put in its place"
                .to_owned(),
            None,
        ),
    };
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    chain::append_loss(&tx, now, &why, kept_in)?;
    tx.commit()?;
    tracing::error!(why, "records were lost; `shopper status` and `shopper verify` say of which time");
    Ok(())
}
