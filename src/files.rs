//! Files on disk, for the plan: what lies below the configuration's folder, and nothing else.
//!
//! Invariant: no path leads out of the folder, neither by `..` nor as an absolute path nor through
//! a symbolic link; and no file makes us read more than [`LIMIT`] bytes.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use crate::plan::{FileFault, Files};

/// How many bytes a configuration file may have: 1 MiB.
pub const LIMIT: u64 = 1 << 20;

/// How many names of a folder are offered instead of a missing one.
const MOST_NAMES: usize = 1000;

/// The files below a folder.
#[derive(Debug, Clone)]
pub struct DiskFiles {
    root: PathBuf,
}

impl DiskFiles {
    /// The files below `root`; an empty path is the working folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self { root: if root.as_os_str().is_empty() { PathBuf::from(".") } else { root } }
    }

    /// The files of a folder below the root whose names end in `.toml`, by name; none when there is no such
    /// folder. Names that begin with a dot are left out, as editors keep their own files so.
    pub fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let Ok(root) = self.root.canonicalize() else { return Vec::new() };
        let names = neighbours(&root.join(folder).join("*"), &root);
        let names = names.into_iter().filter(|name| {
            !name.starts_with('.') && Path::new(name).extension().is_some_and(|kind| kind == "toml")
        });
        names.map(|name| folder.join(name)).collect()
    }

    /// The real path of a regular file below the root.
    fn locate(&self, path: &Path) -> Result<PathBuf, FileFault> {
        if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(FileFault::Outside);
        }
        let root = self.root.canonicalize().map_err(|error| unreadable(&error))?;
        let full = root.join(path);
        let real = match full.canonicalize() {
            Ok(real) => real,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(FileFault::NotFound(neighbours(&full, &root)));
            }
            Err(error) => return Err(unreadable(&error)),
        };
        if !real.starts_with(&root) {
            return Err(FileFault::Outside);
        }
        let meta = fs::metadata(&real).map_err(|error| unreadable(&error))?;
        if !meta.is_file() {
            return Err(FileFault::Unreadable("it is not a file".to_owned()));
        }
        Ok(real)
    }
}

impl Files for DiskFiles {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        let real = self.locate(path)?;
        let file = File::open(real).map_err(|error| unreadable(&error))?;
        let mut bytes = Vec::new();
        // The size that the folder claims may be wrong, so the reading itself is bounded.
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if bytes.len() as u64 > LIMIT {
            return Err(FileFault::TooLarge { limit: LIMIT });
        }
        String::from_utf8(bytes)
            .map_err(|error| FileFault::NotUtf8 { offset: error.utf8_error().valid_up_to() })
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        self.locate(path).map(drop)
    }
}

fn unreadable(error: &std::io::Error) -> FileFault {
    FileFault::Unreadable(error.to_string())
}

/// The names beside a missing file, as long as its folder is inside the root.
fn neighbours(full: &Path, root: &Path) -> Vec<String> {
    let folder = full.parent().and_then(|folder| folder.canonicalize().ok());
    let Some(folder) = folder.filter(|folder| folder.starts_with(root)) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.take(MOST_NAMES).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_the_folder_is_read() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("conf");
        fs::create_dir_all(root.join("scenarios")).unwrap();
        fs::write(outer.path().join("secret.toml"), "x = 1").unwrap();
        fs::write(root.join("scenarios/药品.toml"), "y = 2").unwrap();
        fs::write(root.join("big.toml"), vec![b'#'; usize::try_from(LIMIT).unwrap() + 1]).unwrap();
        File::create(root.join("huge.toml")).unwrap().set_len(1 << 30).unwrap();
        fs::write(root.join("most.toml"), vec![b'#'; usize::try_from(LIMIT).unwrap()]).unwrap();
        fs::write(root.join("gbk.toml"), [b'#', b' ', 0xb8, 0xd0]).unwrap();
        std::os::unix::fs::symlink("../secret.toml", root.join("out.toml")).unwrap();
        std::os::unix::fs::symlink("scenarios/药品.toml", root.join("in.toml")).unwrap();
        std::os::unix::fs::symlink("loop.toml", root.join("loop.toml")).unwrap();
        let files = DiskFiles::new(&root);
        let read = |path: &str| files.read(Path::new(path));

        assert_eq!(read("scenarios/药品.toml"), Ok("y = 2".to_owned()));
        assert_eq!(read("in.toml"), Ok("y = 2".to_owned()));
        assert_eq!(read("most.toml").map(|text| text.len() as u64), Ok(LIMIT));
        assert_eq!(read("out.toml"), Err(FileFault::Outside));
        assert_eq!(read("../secret.toml"), Err(FileFault::Outside));
        assert_eq!(read("/etc/hostname"), Err(FileFault::Outside));
        assert_eq!(read("big.toml"), Err(FileFault::TooLarge { limit: LIMIT }));
        assert_eq!(read("huge.toml"), Err(FileFault::TooLarge { limit: LIMIT }));
        assert_eq!(read("gbk.toml"), Err(FileFault::NotUtf8 { offset: 2 }));
        assert_eq!(read("scenarios/药.toml"), Err(FileFault::NotFound(vec!["药品.toml".to_owned()])));
        assert_eq!(read("none/a.toml"), Err(FileFault::NotFound(Vec::new())));
        assert!(matches!(read("scenarios"), Err(FileFault::Unreadable(_))));
        fs::write(root.join("scenarios/.药品.toml"), "").unwrap();
        fs::write(root.join("scenarios/药品.txt"), "").unwrap();
        assert_eq!(files.list(Path::new("scenarios")), [Path::new("scenarios/药品.toml")]);
        assert!(files.list(Path::new("none")).is_empty() && files.list(Path::new("..")).is_empty());
        assert!(matches!(read("loop.toml"), Err(FileFault::Unreadable(_))));
        assert_eq!(files.exists(Path::new("in.toml")), Ok(()));
        assert_eq!(files.exists(Path::new("out.toml")), Err(FileFault::Outside));
    }
}
