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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::{Gap, GapReason};
    use crate::judge::fixtures;
    use crate::store::Access;

    /// Lets time of the runtime pass until something holds; the store works in time of its own.
    async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..4000 {
            if holds().await {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        panic!("never: {what}");
    }

    #[tokio::test(start_paused = true)]
    async fn records_are_backed_up_once_a_day_and_removed_when_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let backups = || {
            let found = std::fs::read_dir(folder.path().join("backups")).into_iter().flatten().flatten();
            let mut names: Vec<_> = found.filter_map(|it| it.file_name().into_string().ok()).collect();
            names.sort();
            names
        };
        let store = Store::open_reserving(folder.path(), Access::Daemon, 0).unwrap();
        let start: jiff::Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let clock = Clock::manual(start);
        let days = |count: i64| jiff::SignedDuration::from_hours(24 * count);
        let slot = |probe: &str, at| Gap::one(probe.into(), "city".into(), at, GapReason::Overdue);
        store.record_gaps(vec![slot("old", start - days(40)), slot("new", start)]).await.unwrap();
        let (plan_in, plan) = watch::channel(Arc::new(fixtures::plan("[store]\nkeep = { runs = \"30d\" }")));
        let stop = CancellationToken::new();
        let upkeep = super::start(store.clone(), clock.clone(), plan, stop.clone());

        until("a backup", async || backups().len() == 1).await;
        let kept = store.last_slots().await.unwrap();
        let kept: Vec<&str> = kept.keys().map(|(probe, _)| probe.as_str()).collect();
        assert_eq!(kept, ["new"], "what is old goes first, so that the backup need not hold it");

        // Hours later there is nothing to do; what the configuration says now is what counts.
        plan_in.send_replace(Arc::new(fixtures::plan("[store]\nkeep = { runs = \"400d\" }")));
        clock.set(start + days(1));
        until("a backup of the next day", async || backups().len() == 2).await;
        clock.set(start + days(5));
        until("a third", async || backups().len() == 3).await;
        clock.set(start + days(35));
        until("the oldest of four goes", async || {
            backups().last().is_some_and(|it| it.contains("2026-07-06"))
        })
        .await;
        assert_eq!(backups().len(), 3);
        assert_eq!(store.last_slots().await.unwrap().len(), 1);

        stop.cancel();
        upkeep.await.unwrap();
        store.close().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_and_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_reserving(folder.path(), Access::Daemon, 0).unwrap();
        let clock = Clock::manual("2026-06-01T12:00:00Z".parse().unwrap());
        // Where backups would go stands a file.
        let place = folder.path().join("backups");
        std::fs::write(&place, "").unwrap();
        let (_plan_in, plan) = watch::channel(Arc::new(fixtures::plan("")));
        let upkeep = start(store.clone(), clock, plan, CancellationToken::new());
        for _ in 0..40 {
            tokio::time::sleep(EVERY).await;
            assert!(!upkeep.is_finished());
        }
        std::fs::remove_file(&place).unwrap();
        until("a backup", async || std::fs::read_dir(&place).is_ok_and(|it| it.count() == 1)).await;
        upkeep.abort();
    }
}
