//! The data folder as people ask about it: is a daemon at work on it, is there room, and does it
//! take records?
//!
//! Invariant: nothing that is written here stays, not even after a kill.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::error::StoreError;

/// As much as a run with its steps and mails may need at once.
const ROOM: usize = 64 * 1024;

/// Tells the files of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The room on the disk of the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Free bytes.
    pub free: u64,
    /// Evidence is kept only while more than this is free.
    pub reserve: u64,
}

impl Space {
    /// Whether evidence is no longer kept.
    pub fn is_short(&self) -> bool {
        self.free < self.reserve
    }
}

/// Bytes that we may still write.
pub(super) fn free(dir: &Path) -> Result<u64, StoreError> {
    let stat = rustix::fs::statvfs(dir).map_err(|error| StoreError::file("look at", dir, error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Writes something and throws it away: a database that is there already opens on a full disk, too.
/// Blocks.
pub(super) fn try_writing(dir: &Path) -> Result<(), StoreError> {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!(".try-{}-{number}", std::process::id()));
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let tried = opened.and_then(|mut file| {
        // Without its name at once, so that a kill leaves nothing.
        std::fs::remove_file(&path)?;
        file.write_all(&vec![0xA5; ROOM])?;
        file.sync_all()
    });
    tried.map_err(|source| StoreError::file("write", &path, source))
}

/// The daemon that works on the folder: whether there is one, and its process id as far as it could
/// write that down.
pub(super) fn daemon(dir: &Path) -> (bool, Option<u32>) {
    let Ok(mut file) = File::open(dir.join("lock")) else { return (false, None) };
    // Ours only for this moment; a daemon that starts just now asks again.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            (true, text.trim().parse().ok())
        }
        Ok(()) | Err(TryLockError::Error(_)) => (false, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        try_writing(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let error = try_writing(&dir.path().join("none")).unwrap_err();
        assert!(error.to_string().contains(".try-"), "{error}");
        // A disk without any room, which every Linux has.
        if let Ok(mut full) = OpenOptions::new().write(true).open("/dev/full") {
            let error = full.write_all(&[0]).unwrap_err();
            assert!(matches!(StoreError::file("write", dir.path(), error), StoreError::DiskFull));
        }
    }

    #[test]
    fn a_lock_that_nobody_holds_is_no_daemon() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(daemon(dir.path()), (false, None));
        std::fs::write(dir.path().join("lock"), "123\n").unwrap();
        assert_eq!(daemon(dir.path()), (false, None), "what a killed daemon left");
        let held = File::open(dir.path().join("lock")).unwrap();
        held.try_lock().unwrap();
        assert_eq!(daemon(dir.path()), (true, Some(123)));
    }

    #[test]
    fn space_is_short_below_what_evidence_leaves() {
        assert!(Space { free: 9, reserve: 10 }.is_short());
        assert!(!Space { free: 10, reserve: 10 }.is_short());
    }
}
