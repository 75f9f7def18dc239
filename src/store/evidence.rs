//! Evidence files, named by the SHA-256 of their content.
//!
//! A file is written under a temporary name, synced, renamed, and its folder synced, before any
//! row names it: a row never points at half a file. The same content is kept once.
//!
//! Invariant: evidence is the first to stop when space runs out. Results and alerts still fit into
//! what it leaves free.

mod copy;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::error::StoreError;
use crate::domain::ids::EvidenceHash;
use crate::domain::observation::{Evidence, EvidenceKind};

pub(super) use copy::{copy_all, copy_named};

/// The folder below the data folder.
const FOLDER: &str = "evidence";

/// Media types and the ending of their files. Types that are not here end in `.bin`; the row knows
/// better, and files are found by their hash alone.
const ENDINGS: &[(&str, &str)] = &[
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/html", "html.txt"),
    ("text/plain", "txt"),
    ("application/json", "json"),
];

/// The type of files with an unknown ending.
const UNKNOWN: &str = "application/octet-stream";

/// Tells temporary files of one process apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Writes a file unless its content is kept already. Blocks.
pub(super) fn put(
    dir: &Path,
    reserve: u64,
    bytes: &[u8],
    mime: &str,
    kind: EvidenceKind,
    label: &str,
) -> Result<Evidence, StoreError> {
    let hash = EvidenceHash::new(hex::encode(Sha256::digest(bytes)));
    let evidence =
        Evidence { kind, hash, mime: mime.to_owned(), size: bytes.len() as u64, label: label.to_owned() };
    let folder = folder(dir, &evidence.hash);
    let path = folder.join(format!("{}.{}", evidence.hash, ending(mime)));
    // From now on it is as young as one that is written now: retention leaves it alone.
    match File::open(&path).and_then(|file| touch(&file)) {
        Ok(()) => return Ok(evidence),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // It is there all the same.
        Err(_) if path.exists() => return Ok(evidence),
        Err(_) => {}
    }
    let free = super::folder::free(dir)?;
    if free < reserve.saturating_add(evidence.size) {
        return Err(StoreError::EvidenceStopped { free, reserve });
    }
    make_folders(dir, &folder)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".{}-{number}.part", std::process::id()));
    let written = write(&temporary, &path, bytes).and_then(|()| sync_folder(&folder));
    written.map_err(|source| {
        // Half a file is worth nothing, and its room may be needed.
        let _ = std::fs::remove_file(&temporary);
        StoreError::file("write", &path, source)
    })?;
    Ok(evidence)
}

/// Reads a file by its hash, with its media type as far as the name tells it. Blocks.
pub(super) fn read(dir: &Path, hash: &EvidenceHash) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    let Some((path, mime)) = find(dir, hash)? else { return Ok(None) };
    let bytes = std::fs::read(&path).map_err(|source| StoreError::file("read", &path, source))?;
    Ok(Some((bytes, mime.to_owned())))
}

/// Finds a file by its hash, with its media type as far as the name tells it.
pub(super) fn find(dir: &Path, hash: &EvidenceHash) -> Result<Option<(PathBuf, &'static str)>, StoreError> {
    if !is_hash(hash.as_str()) {
        return Ok(None);
    }
    let folder = folder(dir, hash);
    let files = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| StoreError::file("read", &folder, source))?,
    };
    for file in files {
        let file = file.map_err(|source| StoreError::file("read", &folder, source))?;
        let name = file.file_name();
        let Some((stem, ending)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
        if stem == hash.as_str() {
            let mime = ENDINGS.iter().find(|(_, known)| *known == ending).map_or(UNKNOWN, |(mime, _)| mime);
            return Ok(Some((file.path(), mime)));
        }
    }
    Ok(None)
}

/// Marks a file as written now, by the file system's clock.
fn touch(file: &File) -> std::io::Result<()> {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
    Ok(rustix::fs::futimens(file, &times)?)
}

/// Whether a file was last kept before `until`, or is gone.
pub(super) fn is_settled(dir: &Path, hash: &str, until: Timestamp) -> bool {
    match find(dir, &EvidenceHash::new(hash)) {
        Ok(Some((path, _))) => written_before(&path, until),
        Ok(None) => true,
        Err(_) => false,
    }
}

fn written_before(path: &Path, until: Timestamp) -> bool {
    let written = std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    written.and_then(|at| Timestamp::try_from(at).ok()).is_some_and(|at| at < until)
}

/// Removes a file that was last kept before `until`; says whether it is gone.
pub(super) fn unlink(dir: &Path, hash: &str, until: Timestamp) -> bool {
    match find(dir, &EvidenceHash::new(hash)) {
        Ok(Some((path, _))) => written_before(&path, until) && std::fs::remove_file(&path).is_ok(),
        Ok(None) => true,
        Err(_) => false,
    }
}

/// The hashes of all files that were last kept before `until`.
pub(super) fn settled(dir: &Path, until: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(folders) = std::fs::read_dir(dir.join(FOLDER)) else { return found };
    for folder in folders.flatten() {
        let Ok(files) = std::fs::read_dir(folder.path()) else { continue };
        for file in files.flatten() {
            let name = file.file_name();
            let stem = name.to_str().and_then(|name| name.split_once('.')).map(|(stem, _)| stem);
            if let Some(stem) = stem.filter(|stem| is_hash(stem))
                && written_before(&file.path(), until)
            {
                found.push(stem.to_owned());
            }
        }
    }
    found
}

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its content is what its name says.
    Whole,
    /// It is not.
    Changed,
    /// There is no such file.
    Missing,
}

/// Reads a whole file, a piece at a time, and says how it stands. Blocks.
pub(super) fn state(dir: &Path, hash: &EvidenceHash) -> Result<State, StoreError> {
    let Some((path, _)) = find(dir, hash)? else { return Ok(State::Missing) };
    let read = File::open(&path).and_then(|mut file| {
        let (mut sum, mut piece) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hex::encode(sum.finalize())),
                count => sum.update(&piece[..count]),
            }
        }
    });
    match read {
        Ok(found) if found == hash.as_str() => Ok(State::Whole),
        Ok(_) => Ok(State::Changed),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(State::Missing),
        Err(source) => Err(StoreError::file("read", &path, source)),
    }
}

/// Removes what a kill left half written. Blocks.
pub(super) fn sweep(dir: &Path) {
    let Ok(folders) = std::fs::read_dir(dir.join(FOLDER)) else { return };
    for folder in folders.flatten() {
        let Ok(files) = std::fs::read_dir(folder.path()) else { continue };
        for file in files.flatten() {
            if file.path().extension().is_some_and(|ending| ending == "part") {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

/// Whether a text is the hash of something, so that it is safe in a path.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn folder(dir: &Path, hash: &EvidenceHash) -> PathBuf {
    dir.join(FOLDER).join(&hash.as_str()[..2])
}

fn ending(mime: &str) -> &'static str {
    ENDINGS.iter().find(|(known, _)| *known == mime).map_or("bin", |(_, ending)| ending)
}

/// Makes both levels, and syncs a folder when a new one stands in it.
fn make_folders(dir: &Path, folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| sync_folder(&dir.join(FOLDER)))
        .and_then(|()| sync_folder(dir))
        .map_err(|source| StoreError::file("create", folder, source))
}

fn write(temporary: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(temporary, path)
}

pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn put_text(dir: &Path, reserve: u64, text: &str) -> Result<Evidence, StoreError> {
        put(dir, reserve, text.as_bytes(), "image/jpeg", EvidenceKind::Screenshot, "home")
    }

    #[test]
    fn content_is_kept_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let first = put_text(dir.path(), 0, "picture").unwrap();
        let again = put_text(dir.path(), 0, "picture").unwrap();
        assert_eq!(first, again);
        // echo -n picture | sha256sum
        assert_eq!(first.hash.as_str(), "2cea274d0bedc39ec4ab6ba9e59ec889e3ed6fb56a1cf088a64d9b383378dc97");
        let path = folder(dir.path(), &first.hash).join(format!("{}.jpg", first.hash));
        assert_eq!(std::fs::read(&path).unwrap(), b"picture");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            read(dir.path(), &first.hash).unwrap(),
            Some((b"picture".to_vec(), "image/jpeg".to_owned()))
        );
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "no temporary file stays");
    }

    #[test]
    fn what_is_no_hash_never_becomes_a_path() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["", "..", "../../etc/passwd", "é", &"A".repeat(64), &"a".repeat(63)] {
            assert_eq!(read(dir.path(), &EvidenceHash::new(name)).unwrap(), None, "{name}");
        }
        assert_eq!(read(dir.path(), &EvidenceHash::new("a".repeat(64))).unwrap(), None);
    }

    #[test]
    fn evidence_stops_while_there_is_still_room_for_results() {
        let dir = tempfile::tempdir().unwrap();
        let refused = put_text(dir.path(), u64::MAX / 2, "picture").unwrap_err();
        assert!(matches!(refused, StoreError::EvidenceStopped { .. }), "{refused}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing half is left");
    }

    #[test]
    fn half_files_of_a_kill_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let kept = put_text(dir.path(), 0, "picture").unwrap();
        let half = folder(dir.path(), &kept.hash).join(".1-1.part");
        std::fs::write(&half, "pic").unwrap();
        sweep(dir.path());
        assert!(!half.exists());
        assert!(read(dir.path(), &kept.hash).unwrap().is_some());
    }
}
