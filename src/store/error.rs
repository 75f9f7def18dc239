//! What can go wrong with the store, told apart by what one does about it.

use std::path::PathBuf;

use crate::domain::ids::RunId;

/// Why something could not be stored or read. Each text fits after "could not …".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon uses the data folder.
    #[error("use the data folder {path}: {} uses it already; stop that one first or choose another data_dir", daemon(*.pid))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process id of the other daemon, when it could be read.
        pid: Option<u32>,
    },
    /// The data folder or a file in it cannot be written.
    #[error("write to {path}")]
    NotWritable {
        /// What cannot be written.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no database yet, and this store was opened for reading only.
    #[error("read {path}: there is no database yet; run a probe first")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The disk is full. Nothing was written; what was acknowledged before is safe.
    #[error("write to the database: the disk is full; free some space and try again")]
    DiskFull,
    /// Too little space is left to keep evidence; results and alerts go on.
    #[error(
        "keep evidence: only {} MB are free, and {} MB are reserved for results",
        .free / 1_000_000,
        .reserve / 1_000_000
    )]
    EvidenceStopped {
        /// Free bytes.
        free: u64,
        /// Bytes that evidence must leave free.
        reserve: u64,
    },
    /// The database is damaged.
    #[error(
        "read the database {path}: it is damaged ({detail}); start the daemon, which puts it aside and takes its newest backup, or restore one"
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "read the database: its schema is version {found}, this program knows up to {known}; use the newer program"
    )]
    NewerSchema {
        /// The schema's version.
        found: usize,
        /// The newest version that this program knows.
        known: usize,
    },
    /// The database was written by an older version and is open for reading only.
    #[error(
        "read the database: its schema is version {found}, this program wants {known}; start the daemon once to bring it up to date"
    )]
    OlderSchema {
        /// The schema's version.
        found: usize,
        /// The version that is wanted.
        known: usize,
    },
    /// A folder that is to be filled has something in it.
    #[error(
        "write to {path}: there is something in it already; name a folder that is empty or not there yet"
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder is no backup, or not a whole one.
    #[error(
        "restore from {path}: it is no backup (there is no backup.json in it); name a folder that `shopper backup` made"
    )]
    NoBackup {
        /// The folder.
        path: PathBuf,
    },
    /// Something was to be written, and this store was opened for reading only.
    #[error("write to a store that is open for reading only")]
    ReadOnly,
    /// The run is stored already.
    #[error("record run {0} a second time")]
    AlreadyRecorded(RunId),
    /// There is no such row.
    #[error("find {what} {id}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Another process held the database for too long.
    #[error("write to the database: another process has locked it for a minute")]
    Busy,
    /// The store was closed.
    #[error("use a store that is closed")]
    Closed,
    /// A value in the database is none that this program writes.
    #[error("read {what} from the database")]
    Unreadable {
        /// What was to be read.
        what: &'static str,
        /// Why it cannot be.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value cannot be written in its stored form.
    #[error("write {what} in its stored form")]
    Unwritable {
        /// What was to be written.
        what: &'static str,
        /// Why it cannot be.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file could not be read or written.
    #[error("{what} {path}")]
    File {
        /// What was done: "read", "create" …
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An export could not be written to where it goes.
    #[error("write the export")]
    Output(#[source] std::io::Error),
    /// Something that was to be committed together could not be.
    #[error("commit it together with other records: one of them could not {0}")]
    Together(String),
    /// Another fault of the database.
    #[error("use the database")]
    Database(#[source] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("bring the database's schema up to date")]
    Schema(#[source] rusqlite_migration::Error),
}

fn daemon(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another daemon".to_owned(), |pid| format!("another daemon (process {pid})"))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let rusqlite::Error::SqliteFailure(code, detail) = &error else {
            return match error {
                rusqlite::Error::FromSqlConversionFailure(_, _, source) => {
                    Self::Unreadable { what: "a row", source }
                }
                other => Self::Database(other),
            };
        };
        match (code.code, code.extended_code) {
            // The shared-memory file of the WAL could not grow.
            (ErrorCode::DiskFull, _) | (_, rusqlite::ffi::SQLITE_IOERR_SHMSIZE) => Self::DiskFull,
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Busy,
            (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Self::Corrupt {
                path: super::DATABASE.into(),
                detail: detail.clone().unwrap_or_else(|| code.to_string()),
            },
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether other writes will fail for the same reason.
    pub(super) fn is_of_the_disk(&self) -> bool {
        matches!(
            self,
            Self::DiskFull
                | Self::NotWritable { .. }
                | Self::Corrupt { .. }
                | Self::Busy
                | Self::File { .. }
                | Self::Together(_)
                | Self::Database(_)
        )
    }

    /// Whether it is over as soon as any write goes well.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::DiskFull | Self::NotWritable { .. } | Self::Busy)
    }

    /// The same fault for another who met it: not every cause can be copied, what one does about it
    /// can.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::DiskFull => Self::DiskFull,
            Self::Busy => Self::Busy,
            Self::Closed => Self::Closed,
            Self::Corrupt { path, detail } => Self::Corrupt { path: path.clone(), detail: detail.clone() },
            Self::Database(rusqlite::Error::SqliteFailure(code, detail)) => {
                Self::Database(rusqlite::Error::SqliteFailure(*code, detail.clone()))
            }
            other => Self::Together(other.with_causes()),
        }
    }

    /// The error with its causes, on one line.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }

    /// A fault of a file system call on `path`, told apart by what one does about it.
    pub(super) fn file(what: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
                Self::NotWritable { path: path.into(), source }
            }
            _ => Self::File { what, path: path.into(), source },
        }
    }

    /// A value that cannot be turned into what is stored.
    pub(super) fn unwritable(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unwritable { what, source: source.into() }
    }

    /// A stored value that cannot be understood.
    pub(super) fn unreadable(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unreadable { what, source: source.into() }
    }
}
