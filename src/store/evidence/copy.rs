//! Evidence files in a backup and back: links to the same content where the disk is the same, copies
//! elsewhere. Files are never changed, so a link is as good as a copy.

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rusqlite::Connection;

use super::{FOLDER, find, is_hash, sync_folder};
use crate::domain::ids::EvidenceHash;
use crate::store::FOLDER_MODE;
use crate::store::backup::{copy_file, named};
use crate::store::error::StoreError;

/// Copies all files that are not there yet.
pub(in crate::store) fn copy_all(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = from.join(FOLDER);
    let folders = match std::fs::read_dir(&source) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| StoreError::file("read", &source, error))?,
    };
    for folder in folders.flatten() {
        let path = folder.path();
        let Ok(files) = std::fs::read_dir(&path) else { continue };
        for file in files.flatten() {
            let name = file.file_name();
            let stem = name.to_str().and_then(|name| name.split_once('.')).map(|(stem, _)| stem);
            if stem.is_some_and(is_hash) {
                one(&file.path(), to)?;
            }
        }
    }
    Ok(())
}

/// Copies the files that a database names and that are not there yet; says how many of them are
/// there in the end. What retention has removed is not missed.
pub(in crate::store) fn copy_named(database: &Connection, from: &Path, to: &Path) -> Result<u64, StoreError> {
    let mut there = 0;
    for hash in named(database)? {
        let hash = EvidenceHash::new(hash);
        if find(to, &hash)?.is_none() {
            let Some((path, _)) = find(from, &hash)? else { continue };
            one(&path, to)?;
        }
        there += 1;
    }
    Ok(there)
}

fn one(file: &Path, to: &Path) -> Result<(), StoreError> {
    let (Some(folder), Some(name)) = (file.parent().and_then(Path::file_name), file.file_name()) else {
        return Ok(());
    };
    let folder = to.join(FOLDER).join(folder);
    let new = folder.join(name);
    if new.exists() {
        return Ok(());
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
    let copied = made.and_then(|()| match std::fs::hard_link(file, &new) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        // Another disk, or one without links.
        Err(_) => {
            let part = folder.join(format!(".{}.part", name.to_string_lossy()));
            copy_file(file, &part)?;
            std::fs::rename(&part, &new)
        }
        Ok(()) => Ok(()),
    });
    match copied.and_then(|()| sync_folder(&folder)) {
        // Retention removed it just now.
        Err(error) if error.kind() == ErrorKind::NotFound && !file.exists() => Ok(()),
        other => other.map_err(|source| StoreError::file("copy", file, source)),
    }
}
