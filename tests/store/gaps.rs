//! Slots that share a row of gaps: recorded once, counted as what they are, chained, exported, and gone together.

use std::time::Duration;

use jiff::SignedDuration;
use mystery_shopper::domain::run::{Gap, GapReason};
use mystery_shopper::plan::Keep;
use mystery_shopper::store::{Access, ExportFormat, ExportKind, Store, Thing, VerifyOptions, Wrong};

use super::{at, exported};

const DAY: i64 = 86_400;

fn one(seconds: i64) -> Gap {
    Gap::one("drug-licence".into(), "demo-city".into(), at(seconds), GapReason::Overdue)
}

/// Every minute of two days.
fn many() -> Gap {
    Gap { until: at(2 * DAY), count: 2 * 1440 + 1, ..one(0) }
}

#[tokio::test]
async fn slots_that_share_a_row_are_counted_exported_and_removed_together() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record_gaps(vec![many(), one(2 * DAY + 60)]).await.unwrap();
    store.record_gaps(vec![many(), one(0)]).await.unwrap();
    let key = ("drug-licence".into(), "demo-city".into());
    assert_eq!(store.last_slots().await.unwrap(), [(key, at(2 * DAY + 60))].into());

    // Of the last 24 hours: one by itself, one that another row begins with, and the share of the many.
    let cases = [
        ("all but the first", 2 * DAY + 120, 1 + 1439),
        ("half of them", 2 * DAY + DAY / 2, 1 + 721),
        ("the last alone", 3 * DAY, 1 + 1),
        ("none", 3 * DAY + 61, 0),
    ];
    for (name, now, want) in cases {
        let report = store.status(at(now)).await.unwrap();
        let told: u64 = report.gaps_24h.iter().map(|(_, count)| count).sum();
        assert_eq!(told, want, "{name}");
    }
    let lines = exported(&store, ExportKind::Gaps, ExportFormat::Jsonl);
    let read: Vec<Gap> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, [one(0), many(), one(2 * DAY + 60)]);
    let csv = exported(&store, ExportKind::Gaps, ExportFormat::Csv);
    assert!(csv.contains("2026-11-22T04:00:00Z,overdue,2026-11-24T04:00:00Z,2881"), "{csv}");

    // A row goes with the last of its slots.
    let keep = Keep { evidence: None, runs: Some(Duration::from_hours(24)), size: None };
    let hour = SignedDuration::from_hours(1);
    assert_eq!(store.tidy(&keep, at(2 * DAY) + hour).await.unwrap().gaps, 1);
    assert_eq!(store.tidy(&keep, at(3 * DAY) + hour).await.unwrap().gaps, 2);
    let report = store.verify(VerifyOptions::default()).await.unwrap();
    assert!(report.clean, "{:?}", report.findings);
    assert_eq!((report.gaps, report.pruned), (0, 3));
}

#[tokio::test]
async fn whatever_is_done_to_slots_that_share_a_row_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record_gaps(vec![many(), one(2 * DAY + 60)]).await.unwrap();
    let database = rusqlite::Connection::open(dir.path().join("shopper.db")).unwrap();
    let cases = [
        ("fewer", "UPDATE gaps SET count = 7 WHERE count > 1", &[Wrong::Changed][..]),
        ("for another reason", "UPDATE gaps SET reason = 'lost' WHERE count > 1", &[Wrong::Changed]),
        ("gone", "DELETE FROM gaps WHERE count > 1", &[Wrong::Missing]),
        (
            "an earlier end",
            "UPDATE gaps SET until = until - 60000000 WHERE count > 1",
            &[Wrong::Missing, Wrong::Inserted],
        ),
        (
            "one that became many",
            "UPDATE gaps SET until = until + 60000000, count = 2 WHERE count = 1",
            &[Wrong::Missing, Wrong::Inserted],
        ),
        (
            "one that counts as many",
            "PRAGMA ignore_check_constraints = ON; UPDATE gaps SET count = 2 WHERE count = 1",
            &[Wrong::Missing],
        ),
    ];
    for (name, sql, want) in cases {
        database.execute_batch("CREATE TEMP TABLE before AS SELECT * FROM gaps").unwrap();
        database.execute_batch(sql).unwrap();
        let found = store.verify(VerifyOptions::default()).await.unwrap().findings;
        let found: Vec<(Wrong, Thing)> = found.iter().map(|one| (one.what, one.with)).collect();
        let want: Vec<(Wrong, Thing)> = want.iter().map(|what| (*what, Thing::Gap)).collect();
        assert_eq!(found, want, "{name}");
        database
            .execute_batch("DELETE FROM gaps; INSERT INTO gaps SELECT * FROM before; DROP TABLE before")
            .unwrap();
        assert!(store.verify(VerifyOptions::default()).await.unwrap().clean, "{name}: put right");
    }
}
