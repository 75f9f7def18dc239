//! Disks that are full, that cannot be written, that lie; and somebody else who holds the database.

use std::path::Path;
use std::time::Duration;

use mystery_shopper::demo::{City, Fault};

use crate::rig::{Rig, alone, get, head, must};

/// Puts a small disk where the data is kept.
fn small_disk(rig: &Rig, options: &str) {
    let data = rig.folder().join("data");
    std::fs::create_dir_all(&data).unwrap();
    must("mount", &["-t", "tmpfs", "-o", options, "campaign", data.to_str().unwrap()]);
}

/// Fills a disk to its last byte.
fn fill(file: &Path) {
    let file = std::fs::File::create(file).unwrap();
    let mut at = 0;
    for size in [1 << 20, 1 << 12] {
        let block = vec![b'x'; size];
        while std::os::unix::fs::FileExt::write_all_at(&file, &block, at).is_ok() {
            at += size as u64;
        }
    }
}

#[tokio::test]
async fn on_a_full_disk_evidence_stops_first_and_alerts_go_on() {
    if !alone("disk::on_a_full_disk_evidence_stops_first_and_alerts_go_on") {
        return;
    }
    let mut rig = Rig::walking().await;
    // Less than what evidence leaves free: no picture is kept from the beginning.
    small_disk(&rig, "size=48m,mode=700");
    let mut daemon = rig.start();
    let address = daemon.listens().await;
    daemon.is_ready().await;
    daemon.ran("walk", "pass").await;
    daemon.recorded("walk").await;
    assert_eq!(rig.records().number("SELECT count(*) FROM evidence"), 0, "evidence on a disk that is short");
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    let (outage, ..) = head(&rig.mail().await);

    // Not a byte is left.
    let ballast = rig.folder().join("data/ballast");
    fill(&ballast);
    daemon.mentions("could not keep a run").await;
    daemon.ran("home", "fail").await;
    let ready = get(&address, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    let healthy = get(&address, "/healthz").await;
    assert!(healthy.starts_with("HTTP/1.1 200"), "no reason to be started again: {healthy}");

    // Room again: it goes on by itself, and the recovery is told in the outage's thread.
    std::fs::remove_file(&ballast).unwrap();
    daemon.recorded("home").await;
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, false);
    loop {
        let (_, reply, _) = head(&rig.mail().await);
        if reply.is_some_and(|reply| reply == outage) {
            break;
        }
    }
    daemon.stops().await;
    rig.records().leave_no_slot_out("home", Duration::from_secs(2));
    rig.is_sound().await;
}

#[tokio::test]
async fn without_an_inode_results_and_mails_go_on() {
    if !alone("disk::without_an_inode_results_and_mails_go_on") {
        return;
    }
    let mut rig = Rig::visiting().await;
    small_disk(&rig, "size=300m,nr_inodes=64,mode=700");
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    for number in 0..64 {
        // The last of them finds none.
        let _ = std::fs::write(rig.folder().join(format!("data/file-{number}")), "");
    }
    assert!(std::fs::write(rig.folder().join("data/one-more"), "").is_err(), "an inode is left");
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    rig.mail().await;
    daemon.recorded("home").await;
    daemon.stops().await;
    rig.is_sound().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_said_at_once() {
    if !alone("disk::a_folder_that_cannot_be_written_is_said_at_once") {
        return;
    }
    let rig = Rig::visiting().await;
    small_disk(&rig, "size=48m,mode=700");
    let data = rig.folder().join("data");
    must("mount", &["-o", "remount,ro", data.to_str().unwrap()]);
    let (status, log) = rig.start().ended().await;
    // Our own fault: systemd tries a few times and then leaves it, with the reason in its status.
    assert_eq!(status.code(), Some(3), "{log:?}");
    let said = log.join("\n");
    assert!(said.contains("data") && said.to_lowercase().contains("read-only"), "{said}");
}

/// For 60 s when `CAMPAIGN_LONG` is set.
#[tokio::test]
async fn while_somebody_else_holds_the_database_it_waits() {
    let rig = Rig::visiting().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    let hold = if std::env::var_os("CAMPAIGN_LONG").is_some() { 60 } else { 12 };
    let other = rusqlite::Connection::open(rig.folder().join("data/shopper.db")).unwrap();
    other.busy_timeout(Duration::from_secs(30)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    daemon.ran("home", "pass").await;
    tokio::time::sleep(Duration::from_secs(hold)).await;
    other.execute_batch("ROLLBACK").unwrap();
    daemon.recorded("home").await;
    daemon.recorded("home").await;
    daemon.stops().await;
    let records = rig.records();
    records.leave_no_slot_out("home", Duration::from_secs(2));
    let lost = records.number("SELECT count(*) FROM gaps WHERE reason = 'not_recorded'");
    assert_eq!(lost, 0, "a run that waited was lost");
    rig.is_sound().await;
}

/// A database that was damaged while the daemon was off: moved aside, and the loss is on record.
async fn damaged(how: impl FnOnce(&Path)) {
    let rig = Rig::visiting().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    for _ in 0..3 {
        daemon.recorded("home").await;
    }
    // Stopped in order, so that all of it stands in the one file.
    daemon.stops().await;
    let told = rig.shopper(&["verify"]).await;
    assert_eq!(told.code, Some(0), "sound before: {told:?}");
    how(&rig.folder().join("data"));
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    let log = daemon.stops().await;
    let moved = std::fs::read_dir(rig.folder().join("data"))
        .unwrap()
        .flatten()
        .any(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("damaged-")));
    assert!(moved, "the damaged database is kept aside:\n{}", log.join("\n"));
    assert_eq!(rig.records().number("SELECT count(*) FROM losses"), 1, "the loss is on record");
    let status = rig.shopper(&["status"]).await;
    assert!(status.out.contains("damaged") || status.out.contains("lost"), "{status:?}");
    rig.is_sound().await;
}

#[tokio::test]
async fn a_truncated_database_is_moved_aside() {
    damaged(|data| {
        let database = std::fs::OpenOptions::new().write(true).open(data.join("shopper.db")).unwrap();
        let length = database.metadata().unwrap().len();
        database.set_len(length / 2).unwrap();
        let _ = std::fs::remove_file(data.join("shopper.db-wal"));
        let _ = std::fs::remove_file(data.join("shopper.db-shm"));
    })
    .await;
}

#[tokio::test]
async fn a_database_whose_head_was_overwritten_is_moved_aside() {
    damaged(|data| {
        let database = std::fs::OpenOptions::new().write(true).open(data.join("shopper.db")).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&database, &[0xA5; 4096], 0).unwrap();
        let _ = std::fs::remove_file(data.join("shopper.db-wal"));
        let _ = std::fs::remove_file(data.join("shopper.db-shm"));
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_damaged_under_a_working_daemon_ends_it_and_is_moved_aside() {
    let rig = Rig::visiting().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    for _ in 0..3 {
        daemon.recorded("home").await;
    }
    // All of it into the one file; then everything behind its first page is gone. What the daemon
    // remembers of it is no longer true once somebody else has written.
    let path = rig.folder().join("data/shopper.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.busy_timeout(Duration::from_secs(30)).unwrap();
    let mut fold = other.prepare("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    fold.query_row([], |_| Ok(())).unwrap();
    drop(fold);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let rest = usize::try_from(file.metadata().unwrap().len()).unwrap() - 4096;
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![0xA5; rest], 4096).unwrap();
    other.pragma_update(None, "application_id", 7).unwrap();
    drop(other);
    let (status, log) = daemon.ended().await;
    let log = log.join("\n");
    assert_eq!(status.code(), Some(3), "by itself, and so that systemd starts it again: {log}");
    assert!(log.contains("damaged while the daemon was at work"), "{log}");

    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    daemon.stops().await;
    assert_eq!(rig.records().number("SELECT count(*) FROM losses"), 1, "the loss is on record");
    let status = rig.shopper(&["status"]).await;
    assert!(status.out.contains("were lost"), "{status:?}");
    rig.is_sound().await;
}

#[tokio::test]
async fn a_changed_byte_and_a_lost_log_are_named() {
    // A byte inside a record: SQLite's own check need not see it, the chain does.
    let rig = Rig::visiting().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    for _ in 0..3 {
        daemon.recorded("home").await;
    }
    daemon.stops().await;
    let path = rig.folder().join("data/shopper.db");
    let run =
        rig.records().texts("SELECT id FROM runs WHERE state = 'finished' ORDER BY id LIMIT 1").remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let reason = b"The one step worked.";
    let changed = bytes.windows(reason.len()).position(|window| window == reason).expect("a reason");
    bytes[changed] = b'A';
    std::fs::write(&path, &bytes).unwrap();
    let told = rig.shopper(&["verify"]).await;
    assert_eq!(told.code, Some(3), "{told:?}");
    let all = told.out + &told.err;
    let runs = rig.records().texts("SELECT id FROM runs WHERE reason LIKE 'Ahe%'");
    assert_eq!(runs.len(), 1);
    assert!(all.contains(&runs[0]), "the changed run {} (of {run} …) is named: {all}", runs[0]);
}

#[tokio::test]
async fn a_deleted_log_is_a_loss_that_shows() {
    let rig = Rig::visiting().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    daemon.stops().await;
    // The head of the day is signed when it stops. What comes after stands in the log alone.
    let mut daemon = rig.start();
    daemon.is_ready().await;
    for _ in 0..3 {
        daemon.recorded("home").await;
    }
    let vouched = daemon.killed().await;
    std::fs::remove_file(rig.folder().join("data/shopper.db-wal")).unwrap();
    let _ = std::fs::remove_file(rig.folder().join("data/shopper.db-shm"));
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    daemon.stops().await;
    let there: Vec<String> = rig.records().texts("SELECT id FROM runs");
    if vouched.iter().all(|run| there.contains(run)) {
        // It had been folded into the database before the kill: nothing was lost.
        return;
    }
    let gaps = rig.records().number("SELECT count(*) FROM gaps");
    let losses = rig.records().number("SELECT count(*) FROM losses");
    assert!(gaps + losses > 0, "a loss that nothing tells of");
    rig.records().leave_no_slot_out("home", Duration::from_secs(2));
}
