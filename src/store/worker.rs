//! One thread that owns one connection and does one job after the other.
//!
//! SQLite blocks; the agent does not. Jobs wait in a bounded queue, so that a slow disk slows the
//! agent down instead of filling its memory. Jobs that write records share a transaction with those
//! that wait beside them: waiting for the disk is most of the work, and one wait serves them all.
//!
//! Invariant: an answer is given after the job has ended, so after its COMMIT. A caller that went
//! away does not stop a job that was taken. Of jobs that share a transaction, one that fails leaves
//! nothing behind and takes none of the others along.

use std::sync::Mutex;
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;
use super::open::unsynced;

/// How many jobs may wait.
const QUEUE: usize = 64;

/// How many jobs may share a transaction.
const GROUP: usize = QUEUE;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A job that shares a transaction; without one it is told why there is none.
type Shared = Box<dyn FnOnce(Result<&Transaction<'_>, StoreError>) -> Done + Send>;

/// What a job came to. Nobody knows of it before the transaction has ended.
struct Done {
    /// Why it failed, if it did.
    fault: Option<StoreError>,
    /// Answers whoever asked, with how the transaction ended.
    tell: Box<dyn FnOnce(Result<(), StoreError>)>,
}

enum Message {
    /// Has the connection to itself.
    Alone(Job),
    /// Shares a transaction.
    Join(Shared, Sync),
    Stop,
}

/// Whether a job's answer waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sync {
    /// It survives a power cut.
    Disk,
    /// It survives a kill; the next write that waits takes it along.
    Later,
}

/// The handle of a thread. It ends when the handle is dropped; [`Worker::stop`] waits for that.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    /// Starts a thread. `after` is called when something may have been written, before anybody is
    /// answered; it is dropped after the connection.
    pub(super) fn start(
        name: &str,
        mut connection: Connection,
        mut after: impl FnMut(&Connection) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (jobs, mut queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut next = None;
                while let Some(message) = next.take().or_else(|| queue.blocking_recv()) {
                    match message {
                        Message::Alone(job) => {
                            job(&mut connection);
                            after(&connection);
                        }
                        Message::Join(job, sync) => {
                            next = share(&connection, (job, sync), &mut queue, &mut after);
                        }
                        Message::Stop => break,
                    }
                }
                if let Err((_, error)) = connection.close() {
                    tracing::warn!(%error, "could not close the database");
                }
                drop(after);
            })
            .map_err(|source| StoreError::File { what: "start a thread for", path: name.into(), source })?;
        Ok(Self { jobs, thread: Mutex::new(Some(thread)) })
    }

    /// Does a job that has the connection to itself, and waits for its answer.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody may be waiting any more; the work is done all the same.
            let _ = answer.send(job(connection));
        });
        self.jobs.send(Message::Alone(job)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Does a job in a transaction that it may share with others, and waits until that has been
    /// committed. When the job fails nothing of it stays.
    pub(super) async fn join<T: Send + 'static>(
        &self,
        sync: Sync,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Shared = Box::new(move |tx| {
            let result = tx.and_then(job);
            let fault = result.as_ref().err().map(StoreError::again);
            let tell = Box::new(move |ended: Result<(), StoreError>| {
                let _ = answer.send(result.and_then(|value| ended.map(|()| value)));
            });
            Done { fault, tell }
        });
        self.jobs.send(Message::Join(job, sync)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Ends the thread after the jobs that wait, and waits until its connection is closed.
    pub(super) async fn stop(&self) {
        let _ = self.jobs.send(Message::Stop).await;
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("a thread of the store ended in a panic");
            }
        }
    }
}

/// Does a job together with those that wait behind it. Gives back a message that came after them
/// and is of another kind.
fn share(
    connection: &Connection,
    first: (Shared, Sync),
    queue: &mut mpsc::Receiver<Message>,
    after: &mut impl FnMut(&Connection),
) -> Option<Message> {
    let (mut jobs, mut sync, mut next) = (vec![first.0], first.1, None);
    while jobs.len() < GROUP {
        match queue.try_recv() {
            Ok(Message::Join(job, wanted)) => {
                jobs.push(job);
                if wanted == Sync::Disk {
                    sync = Sync::Disk;
                }
            }
            Ok(other) => {
                next = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    while !jobs.is_empty() {
        let (done, ended, left) = match sync {
            Sync::Disk => together(connection, jobs),
            Sync::Later => {
                let mut jobs = Some(jobs);
                let worked = unsynced(connection, |it| Ok(together(it, jobs.take().unwrap_or_default())));
                match worked {
                    Ok(worked) => worked,
                    // Nothing was begun, or nothing more can be.
                    Err(error) => refuse(jobs.take().unwrap_or_default(), &error),
                }
            }
        };
        after(connection);
        for one in done {
            (one.tell)(ended.as_ref().copied().map_err(StoreError::again));
        }
        jobs = left;
    }
    next
}

/// The jobs that ran, how their transaction ended, and the jobs that have not run yet because it
/// ended before them.
type Worked = (Vec<Done>, Result<(), StoreError>, Vec<Shared>);

fn together(connection: &Connection, jobs: Vec<Shared>) -> Worked {
    let tx = match Transaction::new_unchecked(connection, TransactionBehavior::Immediate) {
        Ok(tx) => tx,
        Err(error) => return refuse(jobs, &error.into()),
    };
    let mut done = Vec::with_capacity(jobs.len());
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        let one = apart(&tx, job);
        let fault = one.fault.as_ref().map(StoreError::again);
        done.push(one);
        // After some faults of the disk SQLite gives up the whole transaction: what ran before is
        // undone as well, and says so.
        if tx.is_autocommit() {
            return (done, Err(fault.unwrap_or(StoreError::Closed)), jobs.collect());
        }
    }
    (done, tx.commit().map_err(StoreError::from), Vec::new())
}

/// Does a job so that it can be undone alone.
fn apart(tx: &Transaction<'_>, job: Shared) -> Done {
    let say = |sql: &str| tx.prepare_cached(sql).and_then(|mut it| it.execute([])).map(|_| ());
    if let Err(error) = say("SAVEPOINT job") {
        return job(Err(error.into()));
    }
    let done = job(Ok(tx));
    let ended = match done.fault {
        None => say("RELEASE job"),
        Some(_) if tx.is_autocommit() => Ok(()),
        Some(_) => say("ROLLBACK TO job").and_then(|()| say("RELEASE job")),
    };
    match ended {
        Ok(()) => done,
        Err(error) => {
            // What stays of it cannot be told any more: nothing of the whole transaction may.
            let _ = tx.execute_batch("ROLLBACK");
            Done { fault: Some(error.into()), ..done }
        }
    }
}

fn refuse(jobs: Vec<Shared>, error: &StoreError) -> Worked {
    (jobs.into_iter().map(|job| job(Err(error.again()))).collect(), Ok(()), Vec::new())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn insert(tx: &Transaction<'_>, value: i64) -> Result<i64, StoreError> {
        tx.execute("INSERT INTO t (v) VALUES (?1)", [value])?;
        Ok(value)
    }

    fn values(connection: &mut Connection) -> Result<Vec<i64>, StoreError> {
        let mut found = connection.prepare("SELECT v FROM t ORDER BY v")?;
        let rows = found.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A worker on a table, and how many transactions it has ended.
    fn worker() -> (Worker, Arc<AtomicUsize>) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (v INTEGER NOT NULL CHECK (v < 100)) STRICT").unwrap();
        let ended = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ended);
        let worker = Worker::start("test", connection, move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        (worker.unwrap(), ended)
    }

    /// Keeps the worker busy until the sender is dropped or used.
    async fn hold(worker: &Arc<Worker>) -> std::sync::mpsc::Sender<()> {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let held = Arc::clone(worker);
        tokio::spawn(async move {
            let job = move |_: &mut Connection| {
                let _ = begun.send(());
                let _ = wait.recv();
                Ok(())
            };
            held.call(job).await
        });
        begins.await.unwrap();
        go
    }

    #[tokio::test]
    async fn jobs_that_wait_share_a_commit_and_one_that_fails_is_undone_alone() {
        let (worker, ended) = worker();
        let worker = Arc::new(worker);
        let go = hold(&worker).await;
        let jobs: Vec<_> = [1, 2, 100, 3]
            .map(|value| {
                let worker = Arc::clone(&worker);
                tokio::spawn(async move {
                    worker
                        .join(Sync::Disk, move |tx| insert(tx, value - 1).and_then(|_| insert(tx, value)))
                        .await
                })
            })
            .into();
        while worker.jobs.capacity() > QUEUE - 4 {
            tokio::task::yield_now().await;
        }
        drop(go);
        let mut good = Vec::new();
        for job in jobs {
            good.push(job.await.unwrap().is_ok());
        }
        assert_eq!(good, [true, true, false, true]);
        assert_eq!(ended.load(Ordering::Relaxed), 2, "the one that held, and one for all four");
        assert_eq!(worker.call(values).await.unwrap(), [0, 1, 1, 2, 2, 3], "99 is undone with 100");
    }

    #[tokio::test]
    async fn when_the_whole_transaction_is_lost_nobody_hears_that_he_was_kept() {
        let (worker, _) = worker();
        let worker = Arc::new(worker);
        let go = hold(&worker).await;
        let join = |value: i64, lose: bool| {
            let worker = Arc::clone(&worker);
            tokio::spawn(async move {
                let job = move |tx: &Transaction<'_>| {
                    insert(tx, value)?;
                    if lose {
                        // What SQLite does by itself when the disk is full.
                        tx.execute_batch("ROLLBACK")?;
                        return Err(StoreError::DiskFull);
                    }
                    Ok(value)
                };
                worker.join(Sync::Later, job).await
            })
        };
        let (before, losing) = (join(1, false), join(2, true));
        while worker.jobs.capacity() > QUEUE - 2 {
            tokio::task::yield_now().await;
        }
        let behind = join(3, false);
        while worker.jobs.capacity() > QUEUE - 3 {
            tokio::task::yield_now().await;
        }
        drop(go);
        assert!(matches!(before.await.unwrap(), Err(StoreError::DiskFull)));
        assert!(matches!(losing.await.unwrap(), Err(StoreError::DiskFull)));
        assert_eq!(behind.await.unwrap().unwrap(), 3, "it had not run, and runs anew");
        assert_eq!(worker.call(values).await.unwrap(), [3]);
    }
}
