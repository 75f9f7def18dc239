//! A database that somebody laid hands on: whatever he did is found, and named.

use std::path::Path;

use mystery_shopper::domain::ids::RunId;
use mystery_shopper::domain::link::{LinkClass, LinkFault};
use mystery_shopper::domain::observation::EvidenceKind;
use mystery_shopper::domain::run::{Gap, GapReason, RunKind};
use mystery_shopper::store::{Access, Store, Thing, VerifyOptions, VerifyReport, Wrong};

use super::{at, bad, context, good};

/// A folder with six runs (one with evidence, one with a link fault), two gaps, and signed heads of
/// two days.
async fn fill(dir: &Path) -> String {
    let store = Store::open(dir, Access::Daemon).unwrap();
    let picture = b"picture".to_vec();
    let shot = store.put_evidence(picture, "image/jpeg", EvidenceKind::Screenshot, "home").await.unwrap();
    let hash = shot.hash.as_str().to_owned();
    for i in 0..6 {
        let seconds = i * 6 * 3600;
        let mut run = if i == 2 { bad("r2", seconds) } else { good(&format!("r{i}"), seconds) };
        if i == 1 {
            run.steps[0].evidence.push(shot.clone());
        }
        if i == 4 {
            run.kind = RunKind::Crawl;
            run.link_faults.push(LinkFault::new("http://city.example/gone", LinkClass::NotFound));
        }
        store.record(run, context(seconds)).await.unwrap();
    }
    let gap = |seconds| Gap::one("drug-licence".into(), "demo-city".into(), at(seconds), GapReason::Overdue);
    store.record_gaps(vec![gap(50_000), gap(60_000), gap(50_000)]).await.unwrap();
    store.close().await;
    hash
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn verified(dir: &Path) -> VerifyReport {
    let store = Store::open(dir, Access::ReadOnly).unwrap();
    store.verify(VerifyOptions { files: true, ..VerifyOptions::default() }).await.unwrap()
}

#[tokio::test]
async fn whatever_is_done_to_the_records_is_found_and_named() {
    use Thing::{Chain, Entry, File, Gap as Slot, Head, Run};
    use Wrong::{BadSignature, Changed, Inserted, Missing, Reordered, Truncated, Unreadable};
    type Hand = fn(&Path, &str);

    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let hash = fill(&whole).await;
    let report = verified(&whole).await;
    assert!(report.clean, "{:?}", report.findings);
    assert_eq!((report.runs, report.gaps, report.files, report.heads), (6, 2, Some(1), 3));
    assert_eq!(report.until, Some(at(5 * 6 * 3600 + 5)));

    let slot = format!("drug-licence demo-city {}", at(50_000).as_microsecond());
    let strange = format!("drug-licence demo-city {}", at(70_000).as_microsecond());
    let sql: &[(&str, &str, (Wrong, Thing, &str))] = &[
        ("a verdict", "UPDATE runs SET verdict = 'pass', reason = '' WHERE id = 'r2'", (Changed, Run, "r2")),
        ("a time", "UPDATE runs SET elapsed_ms = elapsed_ms - 1 WHERE id = 'r0'", (Changed, Run, "r0")),
        ("an outcome", "UPDATE steps SET outcome = 'done' WHERE run = 'r2'", (Changed, Run, "r2")),
        ("a NULL for a text", "UPDATE steps SET error = '' WHERE run = 'r0'", (Changed, Run, "r0")),
        (
            "a fact",
            "UPDATE observations SET facts = replace(facts, '500', '200') WHERE run = 'r2'",
            (Changed, Run, "r2"),
        ),
        ("a step that goes", "DELETE FROM steps WHERE run = 'r3' AND position = 2", (Changed, Run, "r3")),
        ("a step that comes", "INSERT INTO observations VALUES ('r3', 9, '{}')", (Changed, Run, "r3")),
        ("whose evidence it is", "UPDATE step_evidence SET label = 'x'", (Changed, Run, "r1")),
        ("evidence's type", "UPDATE evidence SET mime = 'text/html'", (Changed, Run, "r1")),
        ("a broken link", "UPDATE link_faults SET url = 'http://else.example/'", (Changed, Run, "r4")),
        ("a run that goes", "DELETE FROM runs WHERE id = 'r3'", (Missing, Run, "r3")),
        (
            "a run that never ended",
            "UPDATE runs SET state = 'interrupted' WHERE id = 'r3'",
            (Changed, Run, "r3"),
        ),
        (
            "a run that goes with its entry",
            "DELETE FROM runs WHERE id = 'r3'; DELETE FROM chain WHERE id = 'r3'",
            (Missing, Entry, "5"),
        ),
        (
            "a run that comes",
            "CREATE TEMP TABLE t AS SELECT * FROM runs WHERE id = 'r0'; UPDATE t SET id = 'x'; INSERT INTO runs SELECT * FROM t",
            (Inserted, Run, "x"),
        ),
        (
            "a gap's reason",
            "UPDATE gaps SET reason = 'cooling_down' WHERE scheduled_at % 60000000 = 20000000",
            (Changed, Slot, &slot),
        ),
        (
            "a gap that goes",
            "DELETE FROM gaps WHERE scheduled_at % 60000000 = 20000000",
            (Missing, Slot, &slot),
        ),
        (
            "a gap that comes",
            "INSERT INTO gaps SELECT probe, target, scheduled_at + 10000000000, until + 10000000000, reason, count FROM gaps WHERE scheduled_at % 60000000 = 0",
            (Inserted, Slot, &strange),
        ),
        (
            "an entry's record",
            "UPDATE chain SET digest = zeroblob(32) WHERE id = 'r2'",
            (Changed, Entry, "r2"),
        ),
        ("an entry's place", "UPDATE chain SET target = 'elsewhere' WHERE id = 'r2'", (Changed, Entry, "r2")),
        (
            "an entry that claims to be old",
            "UPDATE chain SET late = 1 WHERE id = 'r2'",
            (Inserted, Entry, "r2"),
        ),
        (
            "two entries that change places",
            "UPDATE chain SET seq = 99 WHERE seq = 3; UPDATE chain SET seq = 3 WHERE seq = 5; UPDATE chain SET seq = 5 WHERE seq = 99",
            (Reordered, Entry, "r1"),
        ),
        (
            "two neighbours that change places",
            "UPDATE chain SET seq = 99 WHERE seq = 3; UPDATE chain SET seq = 3 WHERE seq = 4; UPDATE chain SET seq = 4 WHERE seq = 99",
            (Reordered, Entry, "r2"),
        ),
        (
            "the end cut off, with its heads",
            "DELETE FROM gaps; DELETE FROM runs WHERE id = 'r5'; DELETE FROM heads WHERE seq > 5;
             DELETE FROM chain WHERE seq > 6",
            (Truncated, Chain, "9"),
        ),
        (
            "everything cut off",
            "DELETE FROM heads; DELETE FROM runs; DELETE FROM gaps; DELETE FROM chain",
            (Truncated, Chain, "9"),
        ),
        ("the beginning", "DELETE FROM chain WHERE seq = 0", (Missing, Entry, "0")),
        (
            "a word that nobody writes",
            "PRAGMA ignore_check_constraints = ON; UPDATE chain SET what = 'x' WHERE seq = 4",
            (Unreadable, Thing::Database, "shopper.db"),
        ),
    ];
    for (number, (name, sql, (what, with, id))) in sql.iter().enumerate() {
        let folder = dir.path().join(number.to_string());
        copy(&whole, &folder);
        let database = rusqlite::Connection::open(folder.join("shopper.db")).unwrap();
        database.pragma_update(None, "foreign_keys", "ON").unwrap();
        database.execute_batch(sql).unwrap();
        drop(database);
        expect(name, &verified(&folder).await, *what, *with, id);
    }

    let files: &[(&str, Hand, (Wrong, Thing, &str))] = &[
        (
            "a file's content",
            |dir, hash| std::fs::write(picture(dir, hash), "another").unwrap(),
            (Changed, File, &hash),
        ),
        (
            "a file that goes",
            |dir, hash| std::fs::remove_file(picture(dir, hash)).unwrap(),
            (Missing, File, &hash),
        ),
        (
            "a head that goes",
            |dir, _| edit(dir, |text| text.split_inclusive('\n').skip(1).collect()),
            (Missing, Head, "2"),
        ),
        (
            "a head's signature",
            |dir, _| edit(dir, |text| text.replacen("signature\":\"", "signature\":\"00", 1)),
            (BadSignature, Head, "2"),
        ),
        (
            "a head's day",
            |dir, _| edit(dir, |text| text.replacen("2026-11-22", "2026-11-21", 1)),
            (BadSignature, Head, "2"),
        ),
        (
            "a line that is no head",
            |dir, _| edit(dir, |text| format!("{text}{{}}\n")),
            (Unreadable, Head, "heads.jsonl:4"),
        ),
        (
            "another key",
            |dir, _| std::fs::write(dir.join("chain.pub"), "").unwrap(),
            (BadSignature, Head, "2"),
        ),
    ];
    for (number, (name, hand, (what, with, id))) in files.iter().enumerate() {
        let folder = dir.path().join(format!("f{number}"));
        copy(&whole, &folder);
        hand(&folder, &hash);
        expect(name, &verified(&folder).await, *what, *with, id);
    }
    // What a kill left of a line is no head.
    edit(&whole, |text| format!("{text}{{\"day\":"));
    assert!(verified(&whole).await.clean);
}

fn expect(name: &str, report: &VerifyReport, what: Wrong, with: Thing, id: &str) {
    let found =
        report.findings.iter().find(|found| (found.what, found.with, found.id.as_str()) == (what, with, id));
    let Some(found) = found else {
        panic!("{name}: {what:?} {with:?} {id} is not among {:#?}", report.findings)
    };
    assert!(!report.clean, "{name}");
    if matches!(with, Thing::Run | Thing::Gap | Thing::File) {
        assert_eq!(found.probe.as_deref(), Some("drug-licence"), "{name}");
        assert_eq!(found.target.as_deref(), Some("demo-city"), "{name}");
        assert!(found.at.is_some(), "{name}");
    }
}

fn picture(dir: &Path, hash: &str) -> std::path::PathBuf {
    dir.join("evidence").join(&hash[..2]).join(format!("{hash}.jpg"))
}

fn edit(dir: &Path, change: impl Fn(String) -> String) {
    let path = dir.join("heads.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, change(text)).unwrap();
}

#[tokio::test]
async fn later_records_are_verified_alone_and_by_a_key_from_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path()).await;
    let store = Store::open(dir.path(), Access::ReadOnly).unwrap();
    let keys = store.public_keys().unwrap();
    let since = VerifyOptions { since: Some(at(4 * 6 * 3600)), keys, ..VerifyOptions::default() };
    let report = store.verify(since.clone()).await.unwrap();
    assert!(report.clean, "{:?}", report.findings);
    assert_eq!((report.runs, report.gaps, report.entries), (2, 0, 10));
    // RFC 8032, test 1: nobody here has its private half.
    let other = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let report = store.verify(VerifyOptions { keys: Some(other.to_owned()), ..since }).await.unwrap();
    assert_eq!(report.findings.len(), 3);
    assert!(report.findings.iter().all(|found| found.what == Wrong::BadSignature), "{:?}", report.findings);
}

#[tokio::test]
async fn runs_by_hand_and_runs_of_several_processes_are_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Store::open(dir.path(), Access::Daemon).unwrap();
    let command = Store::open(dir.path(), Access::Command).unwrap();
    for i in 0..10 {
        let mut run = good(&format!("r{i}"), i * 60);
        if i % 2 == 0 {
            run.id = RunId::new(format!("m{i}"));
            command.record_manual(run).await.unwrap();
        } else {
            daemon.record(run, context(i * 60)).await.unwrap();
        }
    }
    let report = daemon.verify(VerifyOptions::default()).await.unwrap();
    assert!(report.clean, "{:?}", report.findings);
    assert_eq!(report.runs, 10);
    command.close().await;
    daemon.close().await;
    assert!(verified(dir.path()).await.clean);
}
