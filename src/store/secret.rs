//! The key that signs links in mails: made at the first start, kept beside the database.
//!
//! Invariant: the file is 0600 from its first byte and never half written: it gets its name when it
//! is complete and on the disk. A key that is there is never overwritten, so that links stay good.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use super::error::StoreError;
use super::{Store, blocking};
use crate::domain::token::Key;

/// The file in the data folder.
const FILE: &str = "link.key";

impl Store {
    /// The key that signs links, made when there is none.
    pub async fn link_key(&self) -> Result<Key, StoreError> {
        let inner = std::sync::Arc::clone(&self.inner);
        blocking(move || key(&inner.dir)).await
    }
}

/// Reads the key, or makes it.
fn key(dir: &Path) -> Result<Key, StoreError> {
    let path = dir.join(FILE);
    match read(&path) {
        Err(StoreError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    let fault = |what, source| StoreError::file(what, &path, source);
    let mut bytes = [0; 32];
    let mut rest = &mut bytes[..];
    while !rest.is_empty() {
        let got = rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| fault("find random bytes for", error.into()))?;
        rest = &mut rest[got..];
    }
    let written = tempfile::Builder::new().prefix(".link.key-").tempfile_in(dir).and_then(|mut half| {
        half.write_all(&bytes)?;
        half.as_file().sync_all()?;
        // Whoever was quicker wins, and both use his key.
        match half.persist_noclobber(&path) {
            Err(fault) if fault.error.kind() != ErrorKind::AlreadyExists => Err(fault.error),
            _ => Ok(()),
        }
    });
    written.map_err(|error| fault("write", error))?;
    let folder = std::fs::File::open(dir).and_then(|folder| folder.sync_all());
    folder.map_err(|error| fault("write", error))?;
    read(&path)
}

fn read(path: &Path) -> Result<Key, StoreError> {
    let fault = |source| StoreError::file("read", path, source);
    let mut bytes = Vec::new();
    // One byte more than a key has, so that a longer file is seen.
    std::fs::File::open(path).and_then(|file| file.take(33).read_to_end(&mut bytes)).map_err(fault)?;
    let bytes = bytes.try_into().map_err(|_| {
        let text = "it is no key of 32 bytes; remove it, and links in mails that were sent are refused";
        fault(std::io::Error::new(ErrorKind::InvalidData, text))
    })?;
    Ok(Key::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::token::{form, is_form};

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = key(dir.path()).unwrap();
        let again = key(dir.path()).unwrap();
        assert!(is_form(&again, "link", &form(&first, "link")));
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half made stays");
        let other = tempfile::tempdir().unwrap();
        assert!(
            !is_form(&key(other.path()).unwrap(), "link", &form(&first, "link")),
            "each agent has its own"
        );
    }

    #[test]
    fn many_who_start_at_once_use_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let forms: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| form(&key(dir.path()).unwrap(), "link"))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(forms.iter().all(|one| *one == forms[0]), "{forms:?}");
    }

    #[test]
    fn what_is_no_key_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        for content in [&b"short"[..], &[1; 33]] {
            std::fs::write(dir.path().join(FILE), content).unwrap();
            let error = key(dir.path()).unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains("remove it"), "{source}");
            assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), content);
        }
    }
}
