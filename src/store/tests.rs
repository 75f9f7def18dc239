//! The store from inside: a full disk, which from outside only a file system of its own can show.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::domain::observation::Facts;
use crate::domain::outcome::Outcome;
use crate::domain::run::StepRecord;
use crate::domain::scenario::Stage;
use crate::plan::{Route, RouteFilter};

pub(super) fn run(id: &str, title: &str) -> Run {
    let at = Timestamp::from_second(1_795_320_000).unwrap();
    Run {
        id: id.into(),
        probe: "home".into(),
        target: "demo-city".into(),
        kind: RunKind::Visit,
        scenario: None,
        scenario_hash: None,
        scored: true,
        vantage: "beijing-1".into(),
        cause: Cause::Schedule,
        scheduled_at: at,
        started_at: at,
        finished_at: at,
        elapsed_ms: 1,
        attempts: 1,
        verdict: Verdict::Fail,
        reason: String::new(),
        steps: vec![StepRecord {
            name: "visit".into(),
            stage: Stage::Find,
            measure: Vec::new(),
            outcome: Outcome::Broken,
            credit: Some(0),
            elapsed_ms: 1,
            own_ms: 0,
            attempts: 1,
            evidence: Vec::new(),
            error: None,
            facts: Facts { title: title.into(), ..Facts::default() },
        }],
        visit: None,
        link_faults: Vec::new(),
        links_checked: None,
        crawl: None,
        browser: None,
        canaries: Vec::new(),
        agent_version: "0.1.0".into(),
    }
}

pub(super) fn context() -> JudgeContext {
    let mut plan = crate::judge::fixtures::plan(
        r#"
        [alert]
        confirm = 1
        [[target]]
        id = "demo-city"
        name = "示范市"
        entry = "http://city.example/"
        class = "test"
        [[probe]]
        id = "home"
        visit = {}
        targets = ["*"]
        schedule = "@hourly"
        "#,
    );
    plan.routes = vec![Route {
        to: vec!["oncall@example.org".into()],
        when: RouteFilter::default(),
        after: std::time::Duration::ZERO,
        quiet: None,
    }];
    JudgeContext {
        plan: Arc::new(plan),
        message_domain: "example.org".into(),
        now: Timestamp::from_second(1_795_320_060).unwrap(),
    }
}

#[tokio::test]
async fn a_full_disk_refuses_whole_runs_and_takes_them_when_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.limit_pages(1).await.unwrap(); // SQLite raises it to the present size: no page more
    let large = run("r1", &"长".repeat(200_000));
    let error = store.record(large.clone(), context()).await.unwrap_err();
    assert!(matches!(error, StoreError::DiskFull), "{error:?}");
    assert!(error.to_string().contains("disk is full"));
    let trouble = store.can_record().await.unwrap_err();
    assert!(trouble.contains("the disk is full"), "{trouble}");
    assert!(store.runs(RunFilter::default()).await.unwrap().is_empty(), "half a run");
    assert!(store.incidents(IncidentFilter::default()).await.unwrap().is_empty());
    assert_eq!(store.outbox_summary().await.unwrap().pending, 0);

    store.limit_pages(1_000_000).await.unwrap();
    let recorded = store.record(large, context()).await.unwrap();
    assert_eq!(recorded.queued, 1);
    store.can_record().await.expect("it takes records again");
    assert_eq!(store.runs(RunFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn when_space_is_short_evidence_stops_and_alerts_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_reserving(dir.path(), Access::Daemon, u64::MAX / 2).unwrap();
    let error = store
        .put_evidence(b"picture".to_vec(), "image/jpeg", EvidenceKind::Screenshot, "")
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::EvidenceStopped { .. }), "{error:?}");
    let recorded = store.record(run("r1", "首页"), context()).await.unwrap();
    assert_eq!(recorded.queued, 1);
}

#[tokio::test]
async fn an_incident_and_its_mails_are_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    // The last thing that recording writes fails: nothing of the rest may stay.
    store
        .write(|connection| {
            Ok(connection.execute_batch(
                "CREATE TRIGGER no_mail BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'no mail'); END",
            )?)
        })
        .await
        .unwrap();
    let error = store.record(run("r1", "首页"), context()).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_)), "{error:?}");
    for table in ["runs", "steps", "observations", "step_hours", "incidents", "notices", "probe_states"] {
        let rows: i64 = store
            .read(move |connection| {
                Ok(connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?)
            })
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn a_word_of_another_program_is_an_error_and_no_default() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record(run("r1", "首页"), context()).await.unwrap();
    store
        .write(|connection| Ok(connection.execute_batch("UPDATE steps SET outcome = 'wonderful'")?))
        .await
        .unwrap();
    let error = store.runs(RunFilter::default()).await.unwrap_err();
    let StoreError::Unreadable { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("wonderful"), "{source}");
}

#[tokio::test]
async fn of_the_runs_since_an_outage_began_only_those_that_failed_are_counted_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let later = |id: &str, minutes: i64| {
        let first = run(id, "");
        let at = first.started_at + jiff::SignedDuration::from_mins(minutes);
        Run { scheduled_at: at, started_at: at, finished_at: at, ..first }
    };
    let blind = Run { verdict: Verdict::Inconclusive, ..later("blind", 2) };
    let by_hand = Run { cause: Cause::Manual, ..later("by-hand", 3) };
    for run in [later("before", -60), later("first", 0), later("second", 1), blind] {
        store.record(run, context()).await.unwrap();
    }
    store.record_manual(by_hand).await.unwrap();
    let mut incident =
        store.incidents(IncidentFilter { open: true, since: None }).await.unwrap().pop().unwrap();
    incident.since = later("first", 0).started_at;
    let counted = store.read(move |connection| rows::run::failed_since(connection, &incident)).await.unwrap();
    assert_eq!(counted, 2, "neither the one that could not see, nor the one by hand");
}
