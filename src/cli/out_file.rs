//! The file that `--out` names.
//!
//! Invariant: a file that was cut short never stands where a whole one was, or where one is expected.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Fault;
use crate::app::AppError;

/// A file that is being written, and stands in its place when it is whole.
#[derive(Debug)]
pub(super) struct OutFile {
    path: PathBuf,
    into: Into,
}

#[derive(Debug)]
enum Into {
    /// Beside its place.
    Beside(NamedTempFile),
    /// Straight into what is no file: a pipe, a terminal.
    Through(File),
}

impl OutFile {
    /// Begins one.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        check(Some(path))?;
        let fault = |source| AppError::Folder { path: path.to_owned(), source };
        let into = if path.exists() && !path.is_file() {
            // A pipe in its place would be replaced by a file, and whoever reads it would wait for ever.
            Into::Through(File::options().write(true).open(path).map_err(fault)?)
        } else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            // As any other new file: it is made to be handed on.
            let anybody = Permissions::from_mode(0o666);
            let folder = folder.unwrap_or(Path::new("."));
            Into::Beside(tempfile::Builder::new().permissions(anybody).tempfile_in(folder).map_err(fault)?)
        };
        Ok(Self { path: path.to_owned(), into })
    }

    /// It is whole.
    ///
    /// # Errors
    /// When it cannot be put into its place.
    pub fn keep(self) -> Result<(), Fault> {
        let Self { path, into } = self;
        match into {
            Into::Through(_) => Ok(()),
            Into::Beside(file) => {
                let kept = file.persist(&path).map_err(|error| error.error);
                Ok(kept.map(drop).map_err(|source| AppError::Folder { path, source })?)
            }
        }
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.into {
            Into::Beside(file) => file.write(bytes),
            Into::Through(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.into {
            Into::Beside(file) => file.flush(),
            Into::Through(file) => file.flush(),
        }
    }
}

/// Writes a whole file.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let mut file = OutFile::create(path)?;
    file.write_all(bytes).map_err(|source| AppError::Folder { path: path.to_owned(), source })?;
    file.keep()
}

/// Whether a file can be written where `--out` says; asked before the work and not after it.
///
/// # Errors
/// When its folder is not there, or it is a folder itself.
pub(super) fn check(out: Option<&Path>) -> Result<(), Fault> {
    let Some(out) = out else { return Ok(()) };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let text = format!("there is no folder `{}`", folder.display());
        return Err(Fault::input(text, "make it first, or name another file with --out"));
    }
    if out.is_dir() {
        return Err(Fault::input(format!("`{}` is a folder", out.display()), "name a file in it with --out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::thread;

    use super::*;

    #[test]
    fn what_was_cut_short_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        fs::write(&path, "the old one").unwrap();
        let mut file = OutFile::create(&path).unwrap();
        file.write_all(b"half of the n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "the old one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing lies about");
        write(&path, b"the new one").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "the new one");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o600, 0o600);
    }

    #[test]
    fn a_pipe_stays_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let reader = thread::spawn({
            let path = path.clone();
            move || {
                let mut text = String::new();
                File::open(path).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        write(&path, b"through it").unwrap();
        assert_eq!(reader.join().unwrap(), "through it");
        assert!(!path.is_file());
    }

    #[test]
    fn where_nothing_can_be_written_is_said_before() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(None).is_ok());
        assert!(check(Some(Path::new("report.html"))).is_ok());
        assert!(check(Some(folder.path())).is_err());
        assert!(OutFile::create(&folder.path().join("none/report.html")).is_err());
    }
}
