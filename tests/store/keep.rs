//! Retention: what is old goes, what is needed stays, and what went is told from what is missing.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use mystery_shopper::domain::observation::EvidenceKind;
use mystery_shopper::domain::run::{Gap, GapReason, Run};
use mystery_shopper::plan::Keep;
use mystery_shopper::store::{Access, RunFilter, Store, Thing, Tidied, VerifyOptions, VerifyReport, Wrong};

use super::{at, bad, context, good, ids};

const DAY: i64 = 86_400;

/// Gives a run a picture of its own, of the run's age.
async fn pictured(store: &Store, mut run: Run, text: &str) -> (Run, String) {
    let bytes = text.as_bytes().to_vec();
    let shot = store.put_evidence(bytes, "image/jpeg", EvidenceKind::Screenshot, "home").await.unwrap();
    let hash = shot.hash.as_str().to_owned();
    age(store.folder(), &hash, run.finished_at);
    run.steps[0].evidence.push(shot);
    (run, hash)
}

fn path(dir: &Path, hash: &str) -> std::path::PathBuf {
    dir.join("evidence").join(&hash[..2]).join(format!("{hash}.jpg"))
}

fn age(dir: &Path, hash: &str, at: jiff::Timestamp) {
    let file = std::fs::File::options().write(true).open(path(dir, hash)).unwrap();
    file.set_modified(at.into()).unwrap();
}

async fn verified(store: &Store) -> VerifyReport {
    store.verify(VerifyOptions { files: true, ..VerifyOptions::default() }).await.unwrap()
}

#[tokio::test]
async fn old_evidence_goes_then_old_runs_and_the_chain_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let mut hashes = Vec::new();
    for i in 0..10 {
        let (run, hash) = pictured(&store, good(&format!("r{i}"), i * 10 * DAY), &format!("p{i}")).await;
        hashes.push(hash);
        store.record(run, context(i * 10 * DAY)).await.unwrap();
    }
    // The same picture, shown again by the newest run.
    let (run, again) = pictured(&store, good("r10", 100 * DAY), "p0").await;
    assert_eq!(again, hashes[0]);
    store.record(run, context(100 * DAY)).await.unwrap();
    for i in 0..3 {
        let gap = Gap::one("drug-licence".into(), "demo-city".into(), at(i * 45 * DAY), GapReason::Overdue);
        store.record_gap(gap).await.unwrap();
    }
    let now = at(100 * DAY) + SignedDuration::from_hours(1);
    let days = |n: u64| Some(Duration::from_hours(24 * n));
    let before = store.run_times(&"drug-licence".into(), &"demo-city".into(), at(0), now).await.unwrap();

    let keep = Keep { evidence: days(35), runs: days(75), size: None };
    let tidied = store.tidy(&keep, now).await.unwrap();
    assert_eq!(tidied, Tidied { files: 6, runs: 3, gaps: 1 });
    let there: Vec<bool> = hashes.iter().map(|hash| path(dir.path(), hash).exists()).collect();
    assert_eq!(there, [true, false, false, false, false, false, false, true, true, true]);
    assert_eq!(store.runs(RunFilter::default()).await.unwrap().len(), 8);
    let report = verified(&store).await;
    assert!(report.clean, "{:?}", report.findings);
    assert_eq!((report.runs, report.gaps, report.pruned), (8, 2, 4));
    assert_eq!(store.tidy(&keep, now).await.unwrap(), Tidied::default(), "all is done");
    let after = store.run_times(&"drug-licence".into(), &"demo-city".into(), at(0), now).await.unwrap();
    assert_eq!((before, after.verdicts.pass), (after, 11), "what is rolled up stays");

    // A picture that went and is taken again is kept as new.
    let (run, back) = pictured(&store, good("r11", 101 * DAY), "p1").await;
    store.record(run, context(101 * DAY)).await.unwrap();
    assert!(verified(&store).await.clean);
    std::fs::remove_file(path(dir.path(), &back)).unwrap();
    let found = verified(&store).await.findings;
    assert!(matches!(found.as_slice(), [one] if one.id == back && one.what == Wrong::Missing), "{found:?}");
    store.close().await;

    // Who removes a run and says that it was retention is found out.
    let database = rusqlite::Connection::open(dir.path().join("shopper.db")).unwrap();
    database
        .execute_batch(
            "PRAGMA foreign_keys = ON; DELETE FROM runs WHERE id = 'r8';
             UPDATE chain SET pruned_by = (SELECT max(seq) FROM chain WHERE what = 'prune') WHERE id = 'r8'",
        )
        .unwrap();
    let found = verified(&Store::open(dir.path(), Access::ReadOnly).unwrap()).await.findings;
    assert!(found.iter().any(|one| one.with == Thing::Pruning && one.what == Wrong::Changed), "{found:?}");
}

#[tokio::test]
async fn what_an_open_incident_or_a_waiting_mail_names_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let mut hashes = Vec::new();
    let runs = [good("r0", 0), bad("r1", DAY), bad("r2", 2 * DAY)];
    for (i, run) in runs.into_iter().enumerate() {
        let seconds = i64::try_from(i).unwrap() * DAY;
        let (run, hash) = pictured(&store, run, &format!("p{i}")).await;
        hashes.push(hash);
        store.record(run, context(seconds)).await.unwrap();
    }
    let month = Some(Duration::from_hours(24 * 30));
    let keep = Keep { evidence: month, runs: month, size: Some(1) };
    let tidied = store.tidy(&keep, at(400 * DAY)).await.unwrap();
    assert_eq!(tidied, Tidied { files: 1, runs: 1, gaps: 0 });
    assert_eq!(ids(&store.runs(RunFilter::default()).await.unwrap()), ["r2", "r1"]);
    assert!(path(dir.path(), &hashes[1]).exists() && path(dir.path(), &hashes[2]).exists());
    assert!(verified(&store).await.clean);
}

#[tokio::test]
async fn what_is_too_much_goes_the_oldest_first_and_evidence_before_runs() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let mut hashes = Vec::new();
    for i in 0..6 {
        let text = format!("{i}").repeat(1_000_000);
        let (run, hash) = pictured(&store, good(&format!("r{i}"), i * DAY), &text).await;
        hashes.push(hash);
        store.record(run, context(i * DAY)).await.unwrap();
    }
    let now = at(30 * DAY);
    let there = || hashes.iter().map(|hash| path(dir.path(), hash).exists()).collect::<Vec<_>>();
    let keep = Keep { size: Some(7_000_000), ..Keep::default() };
    assert_eq!(store.tidy(&keep, now).await.unwrap(), Tidied::default(), "there is room");
    let keep = Keep { size: Some(1_500_000), ..Keep::default() };
    let tidied = store.tidy(&keep, now).await.unwrap();
    assert_eq!((tidied.files, tidied.runs), (5, 0));
    assert_eq!(there(), [false, false, false, false, false, true]);
    assert!(verified(&store).await.clean);
}

#[tokio::test]
async fn files_that_no_record_names_are_swept_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let (run, named) = pictured(&store, good("r0", 0), "named").await;
    store.record(run, context(0)).await.unwrap();
    let (_, orphan) = pictured(&store, good("r1", 0), "orphan").await;
    let (_, fresh) = pictured(&store, good("r2", 9 * DAY), "fresh").await;
    assert_eq!(store.sweep_evidence(at(9 * DAY) + SignedDuration::from_hours(1)).await.unwrap(), 1);
    let there = [&named, &orphan, &fresh].map(|hash| path(dir.path(), hash).exists());
    assert_eq!(there, [true, false, true]);
}
