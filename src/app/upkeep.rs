//! What the daemon does beside its runs: it gives old records their entries in the chain, makes a
//! backup a day, removes what need not be kept any more, and folds the log into the database.
//!
//! Invariant: nothing of this is in a hurry, and whatever fails is said and tried again. Only a database that
//! was damaged meanwhile ends the daemon, so that its next start can put it aside.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::plan::Plan;
use crate::store::{Store, StoreError};

/// The service starts first.
const AFTER: Duration = Duration::from_secs(60);
/// Between two rounds.
const EVERY: Duration = Duration::from_hours(1);
/// Walking through all evidence is for once a day.
const ROUNDS_A_DAY: u64 = 24;
/// Between two looks whether the database was damaged.
const LOOK: Duration = Duration::from_secs(10);
/// Between two steps of what is done bit by bit.
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the upkeep; it ends when `stop` is cancelled, and by itself only when the database was
/// damaged while the daemon was at work: then the daemon has to start afresh.
pub(super) fn start(
    store: Store,
    clock: Clock,
    plan: watch::Receiver<Arc<Plan>>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let work = async {
            tokio::select! {
                () = rounds(&store, &clock, &plan) => {}
                () = damage(&store) => {}
            }
        };
        // What was begun in a transaction is committed or was never there.
        let _ = stop.run_until_cancelled(work).await;
    })
}

/// Waits until the database turns out to be damaged.
async fn damage(store: &Store) {
    while !store.is_damaged().await {
        tokio::time::sleep(LOOK).await;
    }
    error!("the database was damaged while the daemon was at work; the next start puts it aside");
}

async fn rounds(store: &Store, clock: &Clock, plan: &watch::Receiver<Arc<Plan>>) {
    adopt(store, clock).await;
    tokio::time::sleep(AFTER).await;
    for round in 0_u64.. {
        let keep = plan.borrow().keep;
        // First, because it may make the room that a backup needs.
        told("remove old records", tidy(store, clock, &keep).await);
        if round % ROUNDS_A_DAY == 0 {
            told("remove files that no record names", sweep(store, clock).await);
        }
        told("back up the records", backup(store, clock).await);
        told("fold the log into the database", store.checkpoint().await);
        tokio::time::sleep(EVERY).await;
    }
}

fn told(what: &str, done: Result<(), StoreError>) {
    if let Err(error) = done {
        warn!(error = &error as &dyn std::error::Error, "could not {what}; it is tried again in an hour");
    }
}

async fn adopt(store: &Store, clock: &Clock) {
    loop {
        match store.adopt_some(clock.now()).await {
            Ok(true) => tokio::time::sleep(PAUSE).await,
            Ok(false) => return,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "could not chain records of before; it is tried again at the next start");
                return;
            }
        }
    }
}

async fn backup(store: &Store, clock: &Clock) -> Result<(), StoreError> {
    if let Some(folder) = store.daily_backup(clock.now()).await? {
        info!(folder = %folder.display(), "backed up");
    }
    Ok(())
}

async fn sweep(store: &Store, clock: &Clock) -> Result<(), StoreError> {
    let swept = store.sweep_evidence(clock.now()).await?;
    if swept > 0 {
        info!(swept, "removed evidence files that no record names");
    }
    Ok(())
}

async fn tidy(store: &Store, clock: &Clock, keep: &crate::plan::Keep) -> Result<(), StoreError> {
    let tidied = store.tidy(keep, clock.now()).await?;
    if tidied != crate::store::Tidied::default() {
        info!(files = tidied.files, runs = tidied.runs, gaps = tidied.gaps, "removed what need not be kept");
    }
    Ok(())
}
