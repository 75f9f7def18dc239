//! One thread that owns one connection and does one job after the other.
//!
//! SQLite blocks; the agent does not. Jobs wait in a bounded queue, so that a slow disk slows the
//! agent down instead of filling its memory.
//!
//! Invariant: an answer is given after the job has ended, so after its COMMIT. A caller that went
//! away does not stop a job that was taken.

use std::sync::Mutex;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;

/// How many jobs may wait.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

enum Message {
    Do(Job),
    Stop,
}

/// The handle of a thread. It ends when the handle is dropped; [`Worker::stop`] waits for that.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    /// Starts a thread. `keep` is dropped after the connection: the lock of the data folder.
    pub(super) fn start(
        name: &str,
        mut connection: Connection,
        keep: impl Send + 'static,
    ) -> Result<Self, StoreError> {
        let (jobs, mut queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Some(Message::Do(job)) = queue.blocking_recv() {
                    job(&mut connection);
                }
                if let Err((_, error)) = connection.close() {
                    tracing::warn!(%error, "could not close the database");
                }
                drop(keep);
            })
            .map_err(|source| StoreError::File { what: "start a thread for", path: name.into(), source })?;
        Ok(Self { jobs, thread: Mutex::new(Some(thread)) })
    }

    /// Does a job and waits for its answer.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody may be waiting any more; the work is done all the same.
            let _ = answer.send(job(connection));
        });
        self.jobs.send(Message::Do(job)).await.map_err(|_| StoreError::Closed)?;
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
