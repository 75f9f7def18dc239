//! Backups and what they are for: a database that is damaged, cut off or put back.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use mystery_shopper::clock::Clock;
use mystery_shopper::domain::ids::RunId;
use mystery_shopper::domain::observation::EvidenceKind;
use mystery_shopper::domain::run::{Gap, GapReason, Run};
use mystery_shopper::store::{Access, ExportFormat, ExportKind, RunFilter, Store, StoreError, VerifyOptions};

use super::{at, context, exported, good, ids};

/// A run of some minutes ago, by the machine's clock.
fn recent(id: &str, minutes: i64) -> Run {
    let at = Clock::system().now() - SignedDuration::from_mins(minutes);
    Run { id: RunId::new(id), scheduled_at: at, started_at: at, finished_at: at, ..good(id, 0) }
}

async fn clean(store: &Store) {
    let report = store.verify(VerifyOptions { files: true, ..VerifyOptions::default() }).await.unwrap();
    assert!(report.clean, "{:?}", report.findings);
}

#[tokio::test]
async fn a_backup_beside_a_busy_daemon_becomes_a_data_folder_again() {
    let dir = tempfile::tempdir().unwrap();
    let (data, copy, again) =
        (dir.path().join("data"), dir.path().join("copies/one"), dir.path().join("again"));
    let store = Store::open(&data, Access::Daemon).unwrap();
    for i in 0..30 {
        let mut run = good(&format!("r{i:02}"), i * 60);
        let picture = format!("picture {i}").into_bytes();
        let shot = store.put_evidence(picture, "image/jpeg", EvidenceKind::Screenshot, "home").await.unwrap();
        run.steps[0].evidence.push(shot);
        store.record(run, context(i * 60)).await.unwrap();
    }
    let busy = {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 30..200 {
                store.record(good(&format!("r{i:03}"), i * 60), context(i * 60)).await.unwrap();
            }
        })
    };
    let made = store.backup(&copy, at(0)).await.unwrap();
    assert!(made.verified.clean && made.verified.runs >= 30, "{made:?}");
    assert_eq!((made.files, made.verified.files), (30, Some(30)));
    busy.await.unwrap();
    let taken = store.backup(&copy, at(0)).await.unwrap_err();
    assert!(matches!(taken, StoreError::NotEmpty { .. }), "{taken}");

    let used = Store::restore(&copy, &data).unwrap_err();
    assert!(matches!(used, StoreError::Locked { .. }), "{used}");
    let none = Store::restore(&data, &again).unwrap_err();
    assert!(matches!(none, StoreError::NoBackup { .. }), "{none}");
    assert!(Store::restore(&copy, &again).unwrap().clean);
    assert!(!again.join("chain.key").exists(), "the signing key stays where it is");
    let restored = Store::open(&again, Access::Daemon).unwrap();
    assert!(restored.status(at(0)).await.unwrap().losses.is_empty());
    restored.record(good("after", 90_000), context(90_000)).await.unwrap();
    restored.close().await;
    clean(&Store::open(&again, Access::ReadOnly).unwrap()).await;
    store.close().await;
}

#[tokio::test]
async fn the_daemon_makes_a_backup_a_day_and_keeps_three() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record(good("r0", 0), context(0)).await.unwrap();
    let day = |n: i64| at(n * 86_400);
    assert!(store.daily_backup(day(0)).await.unwrap().is_some());
    assert_eq!(store.daily_backup(day(0) + SignedDuration::from_hours(2)).await.unwrap(), None, "one a day");
    // What a kill left of one.
    std::fs::create_dir(dir.path().join("backups/.2026-11-22.1.part")).unwrap();
    for n in 1..5 {
        store.daily_backup(day(n)).await.unwrap();
    }
    let mut kept: Vec<_> = std::fs::read_dir(dir.path().join("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(
        kept.iter().map(|name| &name[..10]).collect::<Vec<_>>(),
        ["2026-11-24", "2026-11-25", "2026-11-26"]
    );
}

/// Spoils a database.
type Blow = fn(&Path);

#[tokio::test]
async fn a_damaged_database_is_put_aside_and_the_newest_backup_takes_its_place() {
    let blows: &[(&str, Blow)] = &[
        ("pages overwritten", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            for page in bytes.chunks_mut(4096).skip(2) {
                page[..64].fill(0xA5);
            }
            std::fs::write(path, bytes).unwrap();
        }),
        ("no database at all", |path| std::fs::write(path, "nothing of the kind ".repeat(500)).unwrap()),
        ("cut off", |path| {
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }),
    ];
    for (name, blow) in blows {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Access::Daemon).unwrap();
        store.record(recent("before", 60), context(0)).await.unwrap();
        store.daily_backup(Clock::system().now()).await.unwrap();
        for i in 0..30 {
            store.record(recent(&format!("lost{i}"), 50), context(0)).await.unwrap();
        }
        store.close().await;
        blow(&dir.path().join("shopper.db"));

        let store = Store::open(dir.path(), Access::Daemon).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(ids(&store.runs(RunFilter::default()).await.unwrap()), ["before"], "{name}");
        let losses = store.status(at(0)).await.unwrap().losses;
        let [loss] = losses.as_slice() else { panic!("{name}: {losses:?}") };
        assert!(loss.why.contains("damaged"), "{name}: {}", loss.why);
        assert!(loss.since.is_some_and(|since| since < loss.until), "{name}");
        let aside = dir.path().join(loss.kept_in.as_ref().unwrap());
        assert!(aside.join("shopper.db").exists(), "{name}");
        // The slots of that time have their reason.
        let slot = |minutes| {
            Gap::one(
                "drug-licence".into(),
                "demo-city".into(),
                Clock::system().now() - SignedDuration::from_mins(minutes),
                GapReason::Overdue,
            )
        };
        store.record_gaps(vec![slot(55), slot(600)]).await.unwrap();
        let gaps = exported(&store, ExportKind::Gaps, ExportFormat::Jsonl);
        let reasons: Vec<bool> = gaps.lines().map(|line| line.contains("\"lost\"")).collect();
        assert_eq!(reasons, [false, true], "{name}: {gaps}");
        store.record(recent("after", 1), context(0)).await.unwrap();
        store.close().await;
        let store = Store::open(dir.path(), Access::Daemon).unwrap();
        clean(&store).await;
        assert_eq!(store.status(at(0)).await.unwrap().losses.len(), 1, "{name}: told once");
    }
}

#[tokio::test]
async fn without_a_backup_the_agent_begins_anew_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record(good("r0", 0), context(0)).await.unwrap();
    store.close().await;
    let path = dir.path().join("shopper.db");
    std::fs::write(&path, "nothing of the kind ".repeat(500)).unwrap();
    // Only the daemon may do this: a command says what is wrong.
    for access in [Access::Command, Access::ReadOnly] {
        let error = Store::open(dir.path(), access).unwrap_err();
        assert!(matches!(&error, StoreError::Corrupt { path: named, .. } if *named == path), "{error:?}");
    }
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    assert!(store.runs(RunFilter::default()).await.unwrap().is_empty());
    let losses = store.status(at(0)).await.unwrap().losses;
    assert!(losses[0].since.is_none() && losses[0].why.contains("no backup"), "{losses:?}");
    store.record(good("r1", 60), context(60)).await.unwrap();
    clean(&store).await;
}

#[tokio::test]
async fn a_log_that_was_deleted_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (data, killed) = (dir.path().join("data"), dir.path().join("killed"));
    let store = Store::open(&data, Access::Daemon).unwrap();
    store.record(good("r0", 0), context(0)).await.unwrap();
    store.checkpoint().await.unwrap();
    for i in 1..5 {
        store.record(good(&format!("r{i}"), i * 60), context(i * 60)).await.unwrap();
    }
    // As a kill leaves the folder, but for the log.
    std::fs::create_dir(&killed).unwrap();
    for name in ["shopper.db", "chain.tip", "chain.key", "chain.pub", "heads.jsonl"] {
        std::fs::copy(data.join(name), killed.join(name)).unwrap();
    }
    store.close().await;
    // Nor may a command hide it by writing first.
    let command = Store::open(&killed, Access::Command).unwrap();
    command.record_manual(good("m0", 600)).await.unwrap();
    command.close().await;
    let store = Store::open(&killed, Access::Daemon).unwrap();
    let losses = store.status(at(0)).await.unwrap().losses;
    let [loss] = losses.as_slice() else { panic!("{losses:?}") };
    assert_eq!(loss.since, Some(Timestamp::from_second(at(5).as_second()).unwrap()), "the end of r0");
    assert!(loss.why.contains("shopper.db-wal") && loss.kept_in.is_none(), "{loss:?}");
    clean(&store).await;
    store.close().await;
    let store = Store::open(&data, Access::Daemon).unwrap();
    assert!(store.status(at(0)).await.unwrap().losses.is_empty(), "nothing is missing there");
}
