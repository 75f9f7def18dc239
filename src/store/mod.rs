//! The store: everything that is kept, in one SQLite file and a folder of evidence.
//!
//! One thread writes; what it acknowledged has been committed to the disk (`synchronous=FULL`), so
//! it survives a kill and a power cut. Another thread reads. Both answer asynchronously.
//!
//! Invariant: a run, what the judge made of it and the mails about it are one transaction. SQL is
//! spoken in this room only.

mod assessments;
mod backup;
mod chain;
mod codings;
pub mod csv;
mod damage;
mod delivery;
mod digest;
mod error;
mod evidence;
mod exhibits;
mod export;
mod folder;
mod histogram;
mod hosts;
mod keep;
mod links;
mod material;
#[cfg(test)]
mod material_tests;
mod numbers;
mod open;
mod outbox;
mod record;
mod rollup;
mod rows;
mod secret;
mod sparse;
mod status;
mod stuck;
mod tell;
#[cfg(test)]
mod tests;
mod traits;
#[cfg(test)]
mod upgrade_tests;
mod upkeep;
mod verify;
mod views;
mod wish;
mod worker;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::clock::Clock;
use crate::domain::ids::{EvidenceHash, IncidentId, ProbeId, RunId, TargetId};
use crate::domain::incident::Incident;
use crate::domain::observation::{Evidence, EvidenceKind};
use crate::domain::run::{Cause, Gap, Run, RunKind};
use crate::domain::verdict::Verdict;

pub use assessments::KeptAssessment;
pub use backup::Manifest;
pub use codings::{CodingFilter, PostFilter};
pub use digest::DigestRows;
pub use error::StoreError;
pub use export::{Export, ExportFormat, ExportKind};
pub use folder::Space;
pub use histogram::{RunTimes, StepTimes};
pub use keep::Tidied;
pub use links::{LinkChanges, LinkCounts};
pub use numbers::{Numbers, Waiting};
pub use record::Recorded;
pub use rows::outbox::{GivenUp, OutboxSummary};
pub use status::{AgentStatus, LastRun, Loss, ProbeStatus, StatusReport, VerdictCounts};
pub use tell::{JudgeContext, Mailed};

pub use verify::{Finding, Thing, VerifyOptions, VerifyReport, Wrong};

use worker::{Sync, Worker};

/// The database file in the data folder.
const DATABASE: &str = "shopper.db";

/// Who may look into the data folder: its owner.
const FOLDER_MODE: u32 = 0o700;

/// Evidence leaves so many bytes free for results and mails.
const EVIDENCE_RESERVE: u64 = 200_000_000;

/// How the data folder is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By the daemon: it takes the folder's lock, and turns runs that were cut short into gaps.
    Daemon,
    /// By a command that writes, such as `shopper run`, beside a daemon or without one.
    Command,
    /// By a command that only reads. There must be a database already.
    ReadOnly,
}

/// A handle on the store; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    writer: Option<Worker>,
    reader: Worker,
    interrupted: Vec<Gap>,
    reserve: u64,
    /// Signs the chain; the daemon's alone.
    signer: Option<chain::heads::Signer>,
    /// The day whose head is signed.
    signed: Mutex<Option<String>>,
    /// Why the last write failed, if it did.
    trouble: Mutex<Option<Trouble>>,
}

/// Why a write failed.
#[derive(Debug)]
struct Trouble {
    /// As text that fits after "could not".
    why: String,
    /// Whether only a run that is recorded shows that it is over.
    lasts: bool,
    /// Whether the database is damaged, as far as the write could tell.
    damaged: bool,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// A run, with all that belongs to it.
    Run,
    /// Something else.
    Small,
}

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStart {
    /// Its id.
    pub id: RunId,
    /// The probe.
    pub probe: ProbeId,
    /// The target.
    pub target: TargetId,
    /// What kind of run it is.
    pub kind: RunKind,
    /// Why it is made.
    pub cause: Cause,
    /// When it should have begun.
    pub scheduled_at: Timestamp,
    /// When it begins.
    pub started_at: Timestamp,
}

/// Which incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IncidentFilter {
    /// Only those that are open.
    pub open: bool,
    /// Only those that were open at this time or later.
    pub since: Option<Timestamp>,
}

/// Which runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Of this probe.
    pub probe: Option<ProbeId>,
    /// On this target.
    pub target: Option<TargetId>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// That began at this time or later.
    pub since: Option<Timestamp>,
    /// That began before this time.
    pub until: Option<Timestamp>,
    /// At most so many; all of them when absent.
    pub limit: Option<usize>,
}

impl Store {
    /// Opens the store in `data_dir`; the folder and the database are made when they are missing
    /// (not for [`Access::ReadOnly`]). Blocks for a moment.
    pub fn open(data_dir: &Path, access: Access) -> Result<Self, StoreError> {
        Self::open_reserving(data_dir, access, EVIDENCE_RESERVE)
    }

    /// Like [`Store::open`], with another amount of bytes that evidence must leave free.
    pub fn open_reserving(data_dir: &Path, access: Access, reserve: u64) -> Result<Self, StoreError> {
        let open::Opened { writer, reader, lock } = open::open(data_dir, access)?;
        let (mut interrupted, mut signer, mut newest_head) = (Vec::new(), None, None);
        let writer = match writer {
            None => None,
            Some(mut connection) => {
                if access == Access::Daemon {
                    // First, because it may make the room that the rest needs.
                    evidence::sweep(data_dir);
                    interrupted = match interrupt(&mut connection) {
                        // Those runs are found again at the next start; an agent that still
                        // watches is worth more than one that refuses to.
                        Err(StoreError::DiskFull) => {
                            tracing::error!("the disk is full: runs that were cut short stay unmarked");
                            Vec::new()
                        }
                        other => other?,
                    };
                    newest_head = chain::heads::newest_day(&connection)?;
                    signer = signer_of(data_dir);
                }
                let mut tip = chain::tip::Tip::open(data_dir);
                let after = move |connection: &Connection| {
                    // Held as long as anything may be written.
                    let _ = &lock;
                    tip.note(connection);
                };
                Some(Worker::start("store-write", connection, after)?)
            }
        };
        let reader = Worker::start("store-read", reader, |_| {})?;
        let dir = data_dir.to_owned();
        Ok(Self {
            inner: Arc::new(Inner {
                dir,
                writer,
                reader,
                interrupted,
                reserve,
                signer,
                signed: Mutex::new(newest_head),
                trouble: Mutex::default(),
            }),
        })
    }

    /// The runs that a crash or a kill cut short, found when the daemon opened the store.
    pub fn interrupted(&self) -> &[Gap] {
        &self.inner.interrupted
    }

    /// Finishes what waits and closes the database; later calls fail with
    /// [`StoreError::Closed`]. Without it the last handle closes it a moment after it is dropped.
    pub async fn close(&self) {
        self.sign_head(Clock::system().now()).await;
        // The writer last: only it can fold the log into the database and remove it.
        self.inner.reader.stop().await;
        if let Some(writer) = &self.inner.writer {
            writer.stop().await;
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_noting(Weight::Small, job).await
    }

    /// Writes, and notes what it says about the next write.
    async fn write_noting<T: Send + 'static>(
        &self,
        weight: Weight,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = self.inner.writer.as_ref().ok_or(StoreError::ReadOnly)?.call(job).await;
        self.note(weight, &result);
        result
    }

    /// Notes what a write says about the next one.
    fn note<T>(&self, weight: Weight, result: &Result<T, StoreError>) {
        let mut trouble = self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            // A disk that takes gaps again is no proof that a damaged database takes runs.
            Ok(_) if weight == Weight::Small && trouble.as_ref().is_some_and(|old| old.lasts) => {}
            Ok(_) => *trouble = None,
            Err(error) if error.is_of_the_disk() => {
                let lasts = weight == Weight::Run && !error.may_pass();
                let damaged = matches!(error, StoreError::Corrupt { .. });
                *trouble = Some(Trouble { why: error.with_causes(), lasts, damaged });
            }
            // Says nothing about the next write.
            Err(_) => {}
        }
    }

    /// Like [`Store::write_noting`], in a transaction that is shared with whatever waits.
    async fn join<T: Send + 'static>(
        &self,
        weight: Weight,
        sync: Sync,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = self.inner.writer.as_ref().ok_or(StoreError::ReadOnly)?.join(sync, job).await;
        self.note(weight, &result);
        result
    }

    /// Tries whether the data folder takes records: the last write went well, and one more, that
    /// leaves nothing behind, does too.
    ///
    /// # Errors
    /// Why not, as text that fits after "could not".
    pub async fn can_record(&self) -> Result<Space, String> {
        if let Some(trouble) = &*self.inner.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(trouble.why.clone());
        }
        let inner = Arc::clone(&self.inner);
        let tried = blocking(move || {
            folder::try_writing(&inner.dir)?;
            Ok(Space { free: folder::free(&inner.dir)?, reserve: inner.reserve })
        });
        tried.await.map_err(|error| error.with_causes())
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.reader.call(|connection| job(connection)).await
    }

    /// Writes that a run begins, so that a kill leaves a trace of it. A power cut within seconds may
    /// take the trace away: the slot is then one in which nothing ran, and half of all waiting for
    /// the disk is saved.
    pub async fn begin(&self, start: RunStart) -> Result<(), StoreError> {
        self.join(Weight::Small, Sync::Later, move |tx| rows::run::begin(tx, &start)).await
    }

    /// Stores a run that ended, judges it, and queues the mails that follow, in one transaction.
    /// When it fails nothing of it is stored, and it may be tried again.
    pub async fn record(&self, run: Run, context: JudgeContext) -> Result<Recorded, StoreError> {
        let now = context.now;
        let recorded =
            self.join(Weight::Run, Sync::Disk, move |tx| record::record(tx, run, &context)).await?;
        self.sign_new_day(now).await;
        Ok(recorded)
    }

    /// Stores a run that somebody asked for on the command line. It opens and closes nothing, and
    /// nobody is told. Returns the run with what is known of its broken links.
    pub async fn record_manual(&self, run: Run) -> Result<Run, StoreError> {
        self.join(Weight::Small, Sync::Disk, move |tx| record::record_manual(tx, run)).await
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.inner.dir
    }

    /// Keeps a file, named by its content. No row is written: the run that names it does that.
    /// [`StoreError::EvidenceStopped`] means that space is short: go on without.
    pub async fn put_evidence(
        &self,
        bytes: Vec<u8>,
        mime: &str,
        kind: EvidenceKind,
        label: &str,
    ) -> Result<Evidence, StoreError> {
        if self.inner.writer.is_none() {
            return Err(StoreError::ReadOnly);
        }
        let (inner, mime, label) = (Arc::clone(&self.inner), mime.to_owned(), label.to_owned());
        blocking(move || evidence::put(&inner.dir, inner.reserve, &bytes, &mime, kind, &label)).await
    }

    /// Reads an evidence file with its media type.
    pub async fn read_evidence(&self, hash: &EvidenceHash) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        let (inner, wanted) = (Arc::clone(&self.inner), hash.clone());
        let Some((bytes, by_name)) = blocking(move || evidence::read(&inner.dir, &wanted)).await? else {
            return Ok(None);
        };
        let hash = hash.clone();
        let by_row: Option<String> = self
            .read(move |connection| {
                let mut found = connection.prepare_cached("SELECT mime FROM evidence WHERE hash = ?1")?;
                let mut rows = found.query([hash.as_str()])?;
                Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
            })
            .await?;
        Ok(Some((bytes, by_row.unwrap_or(by_name))))
    }

    /// Stores slots that did not become runs, all or none. One that is stored already is no error.
    pub async fn record_gaps(&self, gaps: Vec<Gap>) -> Result<(), StoreError> {
        self.join(Weight::Small, Sync::Disk, move |tx| rows::run::add_gaps(tx, &gaps)).await
    }

    /// Stores a slot that did not become a run.
    pub async fn record_gap(&self, gap: Gap) -> Result<(), StoreError> {
        self.record_gaps(vec![gap]).await
    }

    /// The newest slot of a probe on a target that was run or recorded as a gap.
    pub async fn last_slot(
        &self,
        probe: &ProbeId,
        target: &TargetId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let key = (probe.clone(), target.clone());
        Ok(self.last_slots().await?.remove(&key))
    }

    /// The newest slot of every probe on every target that was run or recorded as a gap. Runs made
    /// by hand belong to no slot.
    pub async fn last_slots(&self) -> Result<HashMap<(ProbeId, TargetId), Timestamp>, StoreError> {
        self.read(|connection| {
            let mut found = connection.prepare_cached(
                "SELECT probe, target, max(slot) AS slot FROM (
                     SELECT probe, target, max(scheduled_at) AS slot FROM runs WHERE cause <> 'manual'
                     GROUP BY probe, target
                     UNION ALL
                     SELECT probe, target, max(until) FROM gaps GROUP BY probe, target
                 ) GROUP BY probe, target",
            )?;
            let rows = found.query_map([], |row| {
                let key: (String, String) = (row.get("probe")?, row.get("target")?);
                Ok(((key.0.as_str().into(), key.1.as_str().into()), rows::at(row, "slot")?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Incidents, newest first.
    pub async fn incidents(&self, filter: IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {} FROM incidents
                 WHERE (closed_at IS NULL OR NOT ?1) AND (?2 IS NULL OR closed_at IS NULL OR closed_at >= ?2)
                 ORDER BY opened_at DESC, id DESC",
                rows::incident::COLUMNS
            );
            let mut found = connection.prepare_cached(&sql)?;
            let since = filter.since.map(rows::micros);
            let rows = found.query_map(params![filter.open, since], rows::incident::read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The incident with this id, if there is one.
    pub async fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
        let id = id.clone();
        self.read(move |connection| match rows::incident::find(connection, &id) {
            Ok(incident) => Ok(Some(incident)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Runs that ended, newest first, with all that belongs to them.
    pub async fn runs(&self, filter: RunFilter) -> Result<Vec<Run>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {} FROM runs
                 WHERE state = 'finished' AND (?1 IS NULL OR probe = ?1) AND (?2 IS NULL OR target = ?2)
                     AND (?3 IS NULL OR verdict = ?3)
                     AND (?4 IS NULL OR started_at >= ?4) AND (?5 IS NULL OR started_at < ?5)
                 ORDER BY started_at DESC, id DESC LIMIT ?6",
                rows::run::COLUMNS
            );
            let mut found = connection.prepare_cached(&sql)?;
            let limit = filter.limit.map_or(-1, |limit| rows::int(limit as u64));
            let runs = found
                .query_map(
                    params![
                        filter.probe.as_ref().map(ProbeId::as_str),
                        filter.target.as_ref().map(TargetId::as_str),
                        filter.verdict.map(Verdict::name),
                        filter.since.map(rows::micros),
                        filter.until.map(rows::micros),
                        limit,
                    ],
                    rows::run::read,
                )?
                .collect::<Result<Vec<_>, _>>()?;
            runs.into_iter().map(|run| rows::run::complete(connection, run)).collect()
        })
        .await
    }

    /// The run with this id, if it ended.
    pub async fn run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        let id = id.clone();
        self.read(move |connection| rows::run::find(connection, &id)).await
    }

    /// How everything stands at `now`.
    pub async fn status(&self, now: Timestamp) -> Result<StatusReport, StoreError> {
        let inner = Arc::clone(&self.inner);
        self.read(move |connection| status::read(connection, now, &inner.dir, inner.reserve)).await
    }

    /// How long the steps of a probe on a target took, merged over the hours from `since` to
    /// `until`.
    pub async fn step_times(
        &self,
        probe: &ProbeId,
        target: &TargetId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<StepTimes>, StoreError> {
        let (probe, target) = (probe.clone(), target.clone());
        self.read(move |connection| histogram::merged(connection, &probe, &target, since, until)).await
    }

    /// How runs of a probe on a target went and how long they took, merged over the hours from
    /// `since` to `until`. It holds for runs that retention has removed, too.
    pub async fn run_times(
        &self,
        probe: &ProbeId,
        target: &TargetId,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<RunTimes, StoreError> {
        let (probe, target) = (probe.clone(), target.clone());
        self.read(move |connection| histogram::runs(connection, &probe, &target, since, until)).await
    }

    /// Writes an export to `out`, row by row, and says how many. Blocks, on a connection of its
    /// own: call it in `spawn_blocking`.
    pub fn export(&self, export: &Export, out: &mut (dyn std::io::Write + Send)) -> Result<u64, StoreError> {
        let connection = open::reader(&self.inner.dir.join(DATABASE))?;
        export::write(&connection, export, out)
    }

    /// Limits the database to so many pages, as a full disk does.
    #[cfg(test)]
    async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        self.write(move |connection| Ok(connection.pragma_update(None, "max_page_count", pages)?)).await
    }
}

/// The key that signs the chain. Without one the agent records all the same, and says so.
fn signer_of(dir: &Path) -> Option<chain::heads::Signer> {
    let signer = chain::heads::Signer::of(dir);
    signer.inspect_err(|error| tracing::error!(why = error.with_causes(), "the chain cannot be signed")).ok()
}

/// Turns runs that were cut short into gaps.
fn interrupt(connection: &mut Connection) -> Result<Vec<Gap>, StoreError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let gaps = rows::run::interrupt(&tx)?;
    tx.commit()?;
    Ok(gaps)
}

/// Keeps a file in a folder without a database, named by its content.
pub async fn keep_in_folder(
    folder: PathBuf,
    bytes: Vec<u8>,
    mime: &str,
    kind: EvidenceKind,
    label: &str,
) -> Result<Evidence, StoreError> {
    let (mime, label) = (mime.to_owned(), label.to_owned());
    blocking(move || {
        use std::os::unix::fs::DirBuilderExt;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|source| StoreError::NotWritable { path: folder.clone(), source })?;
        evidence::put(&folder, 0, &bytes, &mime, kind, &label)
    })
    .await
}

/// Does blocking work on tokio's blocking threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}
