//! The data folder: made, locked and checked before anything is read from it.
//!
//! ```text
//! data/shopper.db (+ -wal, -shm)   results
//! data/evidence/ab/abcdef….jpg     evidence, named by its SHA-256
//! data/link.key                    signs links in mails
//! data/lock                        held by the daemon, with its process id
//! data/schema.lock                 held by whoever opens the database for writing, for a moment
//! data/chain.tip …                 the chain's end, its keys and its heads (`chain/`)
//! data/backups/…                   the daemon's own backups (`backup.rs`)
//! data/damaged-…/                  what was put aside (`damage.rs`)
//! ```
//!
//! Invariant: the folder is 0700 and its files 0600 from the moment they exist. Two daemons never
//! work on one folder: the lock is the kernel's, so a kill leaves no stale one behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::error::StoreError;
use super::{Access, DATABASE, FOLDER_MODE, chain, damage, views};
use crate::clock::Clock;

/// The migrations, append-only: a released one is never changed.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001.sql")),
    M::up(include_str!("migrations/0002.sql")),
    M::up(include_str!("migrations/0003.sql")),
    M::up(include_str!("migrations/0004.sql")).foreign_key_check(),
    M::up(include_str!("migrations/0005.sql")),
    M::up(include_str!("migrations/0006.sql")),
    M::up(include_str!("migrations/0007.sql")),
    M::up(include_str!("migrations/0008.sql")),
    M::up(include_str!("migrations/0009.sql")),
];

/// How many statements stay prepared: recording a link check that opens an incident asks more than
/// rusqlite's usual 16.
const STATEMENTS: usize = 64;

/// How long a writer waits for another process.
const PATIENCE: Duration = Duration::from_mins(1);

/// What opening yields.
pub(super) struct Opened {
    /// For writing; absent for [`Access::ReadOnly`].
    pub(super) writer: Option<Connection>,
    /// For reading.
    pub(super) reader: Connection,
    /// The daemon's lock.
    pub(super) lock: Option<File>,
}

/// Opens the database in `dir`.
pub(super) fn open(dir: &Path, access: Access) -> Result<Opened, StoreError> {
    let path = dir.join(DATABASE);
    if access == Access::ReadOnly {
        return Ok(Opened { writer: None, reader: reader(&path)?, lock: None });
    }
    make_folder(dir)?;
    let lock = (access == Access::Daemon).then(|| take_lock(dir)).transpose()?;
    // Making the database, switching it to WAL and migrating are for one process at a time.
    let schema_path = dir.join("schema.lock");
    let schema = make_file(&schema_path)?;
    schema.lock().map_err(|source| StoreError::file("lock", &schema_path, source))?;
    let now = Clock::system().now();
    let mut replaced = Vec::new();
    let mut writer = loop {
        match writer(&path, access, now) {
            // The agent watches on, and says what was lost.
            Err(StoreError::Corrupt { detail, .. }) if access == Access::Daemon => {
                replaced.push(damage::replace(dir, &detail, now, &replaced)?);
            }
            other => break other?,
        }
    };
    // Commands as well: what they write next would hide it.
    damage::note_losses(&mut writer, dir, &replaced, now)?;
    let reader = reader(&path)?;
    Ok(Opened { writer: Some(writer), reader, lock })
}

/// A connection that writes, to a database of the newest schema.
fn writer(path: &Path, access: Access, now: jiff::Timestamp) -> Result<Connection, StoreError> {
    make_file(path)?;
    let mut writer = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&writer).map_err(|error| in_file(error, path))?;
    // Before anything is built on it.
    if access == Access::Daemon {
        check(&writer, path)?;
    }
    migrate(&mut writer).map_err(|error| named(error, path))?;
    if chain::newest(&writer)?.is_none() {
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        chain::begin(&tx, now)?;
        tx.commit()?;
    }
    views::make(&writer)?;
    Ok(writer)
}

fn make_folder(dir: &Path) -> Result<(), StoreError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(dir)
        .map_err(|source| StoreError::NotWritable { path: dir.to_owned(), source })
}

/// Opens a file for reading and writing, made with mode 0600 when it is new.
pub(super) fn make_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(
        |source| match source.kind() {
            std::io::ErrorKind::StorageFull => StoreError::DiskFull,
            _ => StoreError::NotWritable { path: path.to_owned(), source },
        },
    )
}

/// Takes the daemon's lock and writes our process id into it.
fn take_lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let mut file = make_file(&path)?;
    // `shopper status` holds it for a moment to see whether anybody else does.
    let mut tried = file.try_lock();
    for _ in 0..10 {
        if !matches!(tried, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        tried = file.try_lock();
    }
    match tried {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // The other daemon may be about to write it; then we name no process.
            let _ = file.read_to_string(&mut text);
            return Err(StoreError::Locked { path: dir.to_owned(), pid: text.trim().parse().ok() });
        }
        Err(TryLockError::Error(source)) => return Err(StoreError::file("lock", &path, source)),
    }
    // The number is for people only; on a full disk the daemon goes on without it.
    let written =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    if let Err(error) = written {
        tracing::warn!(%error, path = %path.display(), "could not write the process id into the lock");
    }
    Ok(file)
}

fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.pragma_update(None, "cell_size_check", "ON")?;
    // After a checkpoint the log shrinks to this, so that one large crawl does not keep the space.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)
}

/// Writes something small without waiting until it is on the disk: it survives a kill, and the next
/// write that does wait takes it along.
pub(super) fn unsynced<T>(
    connection: &Connection,
    write: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let written = write(connection);
    connection.pragma_update(None, "synchronous", "FULL")?;
    written
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    refuse_newer(connection)?;
    if version(connection)? < MIGRATIONS.len() {
        // They are made anew afterwards; a table that a view names could not be renamed.
        views::drop_all(connection)?;
    }
    // A table that others point at is made anew by dropping it. What points at nothing afterwards is
    // found before anything is committed.
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    let migrated = Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => StoreError::from(err),
        other => StoreError::Schema(other),
    });
    connection.pragma_update(None, "foreign_keys", "ON")?;
    migrated
}

/// The newest version of the schema.
#[cfg(test)]
pub(super) fn newest() -> usize {
    MIGRATIONS.len()
}

/// Makes a database of an earlier version.
#[cfg(test)]
pub(super) fn migrate_to(connection: &mut Connection, version: usize) {
    Migrations::from_slice(MIGRATIONS).to_version(connection, version).unwrap();
}

fn version(connection: &Connection) -> Result<usize, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // A negative version is none that we write; as a huge one it is refused as newer.
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}

fn refuse_newer(connection: &Connection) -> Result<(), StoreError> {
    let (found, known) = (version(connection)?, MIGRATIONS.len());
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}

/// Damage is found when the daemon starts, not when it first touches the page.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let said: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| in_file(error, path))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Corrupt { path: path.to_owned(), detail: said }) }
}

/// A connection that can only read.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let found = version(&connection).map_err(|error| named(error, path))?;
    refuse_newer(&connection)?;
    let known = MIGRATIONS.len();
    if found < known { Err(StoreError::OlderSchema { found, known }) } else { Ok(connection) }
}

fn in_file(error: rusqlite::Error, path: &Path) -> StoreError {
    named(StoreError::from(error), path)
}

/// Puts the whole path into a fault that could not know it.
fn named(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Corrupt { detail, .. } => StoreError::Corrupt { path: path.to_owned(), detail },
        StoreError::Database(rusqlite::Error::SqliteFailure(code, detail))
            if matches!(code.code, rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) =>
        {
            let said = detail.unwrap_or_else(|| code.to_string());
            StoreError::NotWritable { path: PathBuf::from(path), source: std::io::Error::other(said) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;
    use crate::domain::link::{LinkClass, LinkFault, identity};

    #[test]
    fn migrations_make_a_sound_schema() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), MIGRATIONS.len());
        let tables: Vec<String> = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(tables.len() >= 16);
        for table in tables {
            assert!(table.contains("STRICT"), "{table}");
        }
    }

    #[test]
    fn mails_of_an_older_database_are_kept_and_outdated_reminders_are_not_sent() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", "ON").unwrap();
        Migrations::from_slice(MIGRATIONS).to_version(&mut connection, 1).unwrap();
        connection
            .execute_batch(
                "INSERT INTO runs (id, probe, target, kind, state, cause, scheduled_at, started_at)
                     VALUES ('r', 'p', 't', 'visit', 'running', 'schedule', 0, 0);
                 INSERT INTO incidents (id, probe, target, since, opened_at, opened_by, closed_at, closed_by,
                         thread, outcome, step)
                     VALUES ('over', 'p', 't', 0, 0, 'r', 9, 'r', '<1@x>', 'broken', ''),
                            ('lasts', 'p', 't', 0, 0, 'r', NULL, NULL, '<2@x>', 'broken', '');
                 INSERT INTO notices (id, incident, kind, created_at, message_id, recipients, notice)
                     VALUES ('n1', 'over', 'opened', 0, '<1@x>', '[]', '{}'),
                            ('n2', 'over', 'reminder', 0, '<2@x>', '[]', '{}'),
                            ('n3', 'lasts', 'reminder', 0, '<3@x>', '[]', '{}');
                 INSERT INTO outbox (id, notice, recipient, state, attempts, next_try_at)
                     VALUES (7, 'n1', 'a', 'pending', 2, 5), (8, 'n2', 'a', 'pending', 0, 5),
                            (9, 'n3', 'a', 'pending', 0, 5);",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let kept: Vec<(i64, String)> = connection
            .prepare("SELECT id, state FROM outbox ORDER BY id")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let want = [(7, "pending"), (8, "superseded"), (9, "pending")];
        assert_eq!(kept, want.map(|(id, state)| (id, state.to_owned())));
    }

    #[test]
    fn link_faults_of_an_older_database_are_read_and_compared_with_what_comes() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", "ON").unwrap();
        Migrations::from_slice(MIGRATIONS).to_version(&mut connection, 2).unwrap();
        connection
            .execute_batch(
                "INSERT INTO runs (id, probe, target, kind, state, cause, scheduled_at, started_at, finished_at,
                         elapsed_ms, attempts, verdict, reason, vantage, links_checked, agent_version)
                     VALUES ('r', 'links', 't', 'crawl', 'finished', 'schedule', 0, 0, 9, 1, 1, 'degraded', '',
                         'here', 70, '0.1.0');
                 INSERT INTO link_faults (run, number, page, url, text, status, class, on_home)
                     VALUES ('r', 0, 'http://a.cn/', 'http://a.cn/gone', '旧通知', 404, 'not_found', 1),
                            ('r', 1, 'http://a.cn/', 'http://a.cn/odd', '', NULL, 'of_another_time', 0);",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let sql = format!("SELECT {} FROM runs", rows::run::COLUMNS);
        let old = connection.query_row(&sql, [], rows::run::read).unwrap();
        let mut old = rows::run::complete(&connection, old).unwrap();
        assert_eq!((old.crawl.as_ref(), old.links_checked), (None, Some(70)));
        let mut want = LinkFault {
            page: "http://a.cn/".into(),
            text: "旧通知".into(),
            status: Some(404),
            on_home: true,
            ..LinkFault::new("http://a.cn/gone", LinkClass::NotFound)
        };
        assert_eq!(old.link_faults[0], want);
        assert_eq!(old.link_faults[0].id, identity("http://a.cn/gone"));
        assert_eq!(old.link_faults[1].class, LinkClass::Other);

        // The ledger begins with the first check of this version.
        let tx = connection.transaction().unwrap();
        let open = |tx: &Connection| rows::links::open(tx, &"links".into(), &"t".into()).unwrap();
        assert_eq!(open(&tx), []);
        old.id = "s".into();
        old.link_faults.truncate(1);
        rows::run::insert(&tx, &old).unwrap();
        rows::links::update(&tx, &mut old).unwrap();
        assert_eq!(open(&tx).len(), 1);
        let again = rows::links::of_run(&tx, &old).unwrap();
        (want.first_seen_at, want.last_seen_at) = (Some(old.finished_at), Some(old.finished_at));
        assert_eq!(again, [want]);
    }

    #[test]
    fn whatever_becomes_of_a_small_write_the_next_waits_for_the_disk() {
        let connection = Connection::open_in_memory().unwrap();
        let synced = |it: &Connection| it.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
        assert_eq!(unsynced(&connection, |it| Ok(synced(it)?)).unwrap(), 1);
        assert_eq!(synced(&connection).unwrap(), 2);
        unsynced(&connection, |_| Err::<(), _>(StoreError::Closed)).unwrap_err();
        assert_eq!(synced(&connection).unwrap(), 2);
    }

    #[test]
    fn the_documentation_names_every_column_and_its_questions_can_be_asked() {
        let page = include_str!("../../docs/data.md");
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let columns: Vec<(String, String)> = connection
            .prepare(
                "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
            )
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(columns.len() > 80);
        for (table, column) in columns {
            let heading = page
                .split("\n### ")
                .find(|part| part.lines().next().is_some_and(|line| line.contains(&format!("`{table}`"))));
            let part = heading.unwrap_or_else(|| panic!("no heading for {table}"));
            let named =
                part.contains(&format!("`{column}`")) || part.contains(&format!("`{table}.{column}`"));
            assert!(named || column == "id", "{table}.{column} is not told");
        }
        views::make(&connection).unwrap();
        let questions: Vec<&str> =
            page.split("```sql").skip(1).map(|part| part.split("```").next().unwrap()).collect();
        assert_eq!(questions.len(), 2);
        for question in questions {
            connection.execute_batch(question).unwrap();
        }
    }
}
