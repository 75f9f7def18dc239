//! The store from outside: what is acknowledged survives a kill, two daemons do not meet, and
//! nothing half is left behind.

#[path = "store/backup.rs"]
mod backup;
#[path = "store/chain.rs"]
mod chain;
#[path = "store/parquet.rs"]
mod columns;
#[path = "store/gaps.rs"]
mod gaps;
#[path = "store/hours.rs"]
mod hours;
#[path = "store/keep.rs"]
mod keep;
#[path = "store/links.rs"]
mod ledger;
#[path = "store/outbox.rs"]
mod outbox;
#[path = "store/scoring.rs"]
mod scoring;
#[path = "store/telling.rs"]
mod telling;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mystery_shopper::domain::ids::RunId;
use mystery_shopper::domain::incident::Severity;
use mystery_shopper::domain::indicator::IndicatorId;
use mystery_shopper::domain::link::{LinkClass, LinkFault};
use mystery_shopper::domain::notice::NoticeKind;
use mystery_shopper::domain::observation::{
    DialogFact, EvidenceKind, Facts, MainResponse, PhraseFact, PhrasePlace,
};
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::run::{Cause, Gap, GapReason, Run, RunKind, StepRecord};
use mystery_shopper::domain::scenario::Stage;
use mystery_shopper::domain::verdict::Verdict;
use mystery_shopper::domain::visit::Visit;
use mystery_shopper::judge::{Act, crawl_verdict, links, verdict};
use mystery_shopper::plan::{FileFault, Files, Route, RouteFilter, load};
use mystery_shopper::store::{
    Access, Export, ExportFormat, ExportKind, IncidentFilter, JudgeContext, RunFilter, RunStart, Store,
    StoreError,
};

fn at(seconds: i64) -> Timestamp {
    // 2026-11-22T04:00:00Z
    Timestamp::from_second(1_795_320_000 + seconds).unwrap()
}

fn step(name: &str, outcome: Outcome) -> StepRecord {
    StepRecord {
        name: name.into(),
        stage: Stage::Form,
        measure: vec![IndicatorId::parse("T1").unwrap()],
        outcome,
        credit: outcome.credit().points(),
        elapsed_ms: 1234,
        own_ms: 34,
        attempts: 1,
        evidence: Vec::new(),
        error: (!outcome.goes_on()).then(|| "The server answered with status 500.".to_owned()),
        facts: Facts {
            url: format!("http://city.example/{name}"),
            title: "示范市政务服务网".into(),
            main: Some(MainResponse {
                firewall: None,
                url: "http://city.example/".into(),
                status: if outcome.goes_on() { 200 } else { 500 },
                mime: "text/html".into(),
            }),
            dialogs: vec![DialogFact {
                kind: "alert".into(),
                text: "=1+1\r\n系统繁忙".into(),
                accepted: true,
            }],
            phrase: Some(PhraseFact {
                phrase: "系统繁忙".into(),
                context: "系统繁忙，请稍后再试".into(),
                place: PhrasePlace::Dialog,
                area: None,
            }),
            ..Facts::default()
        },
    }
}

/// A run that began so many seconds after the start of the world.
fn run(id: &str, seconds: i64, outcomes: &[Outcome]) -> Run {
    let names = ["打开门户", "搜索事项", "到达提交环节"];
    let steps: Vec<StepRecord> = outcomes.iter().zip(names).map(|(o, name)| step(name, *o)).collect();
    let (verdict, reason) = verdict(&steps);
    Run {
        id: RunId::new(id),
        probe: "drug-licence".into(),
        target: "demo-city".into(),
        kind: RunKind::Walk,
        scenario: Some("drug-licence".into()),
        scenario_hash: Some("ab".repeat(32)),
        scored: true,
        vantage: "beijing-1".into(),
        cause: Cause::Schedule,
        scheduled_at: at(seconds),
        started_at: at(seconds + 1),
        finished_at: at(seconds + 5),
        elapsed_ms: 4000,
        attempts: 1,
        verdict,
        reason,
        steps,
        visit: None,
        link_faults: Vec::new(),
        links_checked: None,
        crawl: None,
        browser: Some("Chromium 156.0".into()),
        canaries: Vec::new(),
        agent_version: "0.1.0".into(),
    }
}

fn good(id: &str, seconds: i64) -> Run {
    run(id, seconds, &[Outcome::Done, Outcome::Done, Outcome::OnlineReady])
}

fn bad(id: &str, seconds: i64) -> Run {
    run(id, seconds, &[Outcome::Done, Outcome::ServerError, Outcome::NotReached])
}

/// Everything that is judged here.
const PLAN: &str = r#"
[agent]
name = "beijing-1"
timezone = "Asia/Shanghai"
[alert]
remind = "1h"
[[target]]
id = "demo-city"
name = "示范市政务服务网"
region = "西南"
entry = "http://city.example/"
class = "test"
[[target]]
id = "other-city"
name = "另一市"
entry = "http://other.example/"
class = "test"
[[probe]]
id = "drug-licence"
crawl = {}
targets = ["*"]
schedule = "@hourly"
[[probe]]
id = "links"
crawl = {}
targets = ["*"]
schedule = "@hourly"
"#;

struct OneFile(&'static str);

impl Files for OneFile {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        let here = path == Path::new("probes.toml");
        if here { Ok(self.0.to_owned()) } else { Err(FileFault::NotFound(Vec::new())) }
    }

    fn exists(&self, _path: &Path) -> Result<(), FileFault> {
        Err(FileFault::NotFound(Vec::new()))
    }
}

/// What is judged at some time, and told to these people.
fn telling(seconds: i64, to: &[&str]) -> JudgeContext {
    let mut plan = load(Path::new(""), Path::new("probes.toml"), &OneFile(PLAN)).unwrap().plan;
    let when = RouteFilter { severities: Severity::ALL.to_vec(), ..RouteFilter::default() };
    let to: Vec<_> = to.iter().map(|to| (*to).into()).collect();
    if !to.is_empty() {
        plan.routes = vec![Route { to, when, after: Duration::ZERO, quiet: None }];
    }
    JudgeContext { plan: Arc::new(plan), message_domain: "example.org".into(), now: at(seconds + 6) }
}

fn context(seconds: i64) -> JudgeContext {
    telling(seconds, &["oncall@example.org", "lead@example.org"])
}

fn start(run: &Run) -> RunStart {
    RunStart {
        id: run.id.clone(),
        probe: run.probe.clone(),
        target: run.target.clone(),
        kind: run.kind,
        cause: run.cause.clone(),
        scheduled_at: run.scheduled_at,
        started_at: run.started_at,
    }
}

fn exported(store: &Store, kind: ExportKind, format: ExportFormat) -> String {
    let mut out = Vec::new();
    store.export(&Export { kind, format, since: None, until: None }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn ids(runs: &[Run]) -> Vec<&str> {
    runs.iter().map(|run| run.id.as_str()).collect()
}

#[tokio::test]
async fn a_run_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_reserving(dir.path(), Access::Daemon, 0).unwrap();
    let mut walk = bad("r1", 0);
    walk.cause = Cause::Confirmation { of: "r0".into() };
    let shot =
        store.put_evidence(b"jpeg".to_vec(), "image/jpeg", EvidenceKind::Screenshot, "首页").await.unwrap();
    let file =
        store.put_evidence(b"doc".to_vec(), "application/x-odd", EvidenceKind::Download, "").await.unwrap();
    walk.steps[1].evidence = vec![shot.clone(), file.clone()];
    walk.steps[2].evidence = vec![shot.clone()];
    store.begin(start(&walk)).await.unwrap();
    store.record(walk.clone(), context(0)).await.unwrap();

    let mut crawl = good("r2", 60);
    crawl.kind = RunKind::Crawl;
    crawl.cause = Cause::Manual;
    crawl.visit = Some(Visit { url: "http://city.example/".into(), total_ms: 12, ..Visit::default() });
    crawl.links_checked = Some(70);
    crawl.link_faults = vec![LinkFault {
        page: "http://city.example/".into(),
        text: "旧\"通知".into(),
        status: Some(404),
        on_home: true,
        ..LinkFault::new("http://city.example/gone", LinkClass::NotFound)
    }];
    store.record(crawl.clone(), context(60)).await.unwrap();
    // Since when they are known stands in the ledger.
    (crawl.link_faults[0].first_seen_at, crawl.link_faults[0].last_seen_at) = (Some(at(65)), Some(at(65)));

    assert_eq!(store.run(&walk.id).await.unwrap().as_ref(), Some(&walk));
    assert_eq!(store.runs(RunFilter::default()).await.unwrap(), [crawl.clone(), walk.clone()]);
    let failed = RunFilter { verdict: Some(Verdict::Fail), ..RunFilter::default() };
    assert_eq!(ids(&store.runs(failed).await.unwrap()), ["r1"]);
    let newest = RunFilter { limit: Some(1), probe: Some("drug-licence".into()), ..RunFilter::default() };
    assert_eq!(ids(&store.runs(newest).await.unwrap()), ["r2"]);
    let early = RunFilter { until: Some(at(30)), since: Some(at(0)), ..RunFilter::default() };
    assert_eq!(ids(&store.runs(early).await.unwrap()), ["r1"]);

    let (bytes, mime) = store.read_evidence(&file.hash).await.unwrap().unwrap();
    assert_eq!((bytes.as_slice(), mime.as_str()), (&b"doc"[..], "application/x-odd"));
    assert_eq!(store.read_evidence(&"0".repeat(64).as_str().into()).await.unwrap(), None);

    let twice = store.record(walk.clone(), context(0)).await.unwrap_err();
    assert!(matches!(&twice, StoreError::AlreadyRecorded(id) if *id == walk.id), "{twice}");
    assert_eq!(store.runs(RunFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_outage_is_confirmed_told_once_and_its_recovery_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let first = store.record(bad("r1", 0), context(0)).await.unwrap();
    assert!(first.confirm && first.queued == 0 && first.incident.is_none(), "{first:?}");
    assert!(store.outbox_due(at(9999), 10).await.unwrap().is_empty());

    let second = store.record(bad("r2", 60), context(60)).await.unwrap();
    let Act::Open { incident, since, runs, .. } = &second.act else { panic!("{second:?}") };
    assert_eq!((*since, second.queued, second.confirm), (at(1), 2, false));
    assert_eq!(runs.iter().map(RunId::as_str).collect::<Vec<_>>(), ["r1", "r2"]);
    assert_eq!(second.incident.as_ref(), Some(incident));

    let mails = store.outbox_due(at(9999), 10).await.unwrap();
    assert_eq!(
        mails.iter().map(|m| m.to.to_string()).collect::<Vec<_>>(),
        ["oncall@example.org", "lead@example.org"]
    );
    assert_eq!(mails[0].all.len(), 2);
    let opened = &mails[0].notice;
    assert_eq!((opened.kind, opened.in_reply_to.as_ref()), (NoticeKind::Opened, None));
    assert_eq!(
        (opened.facts().unwrap().step.as_str(), opened.facts().unwrap().position),
        ("搜索事项", (1, 3))
    );
    assert_eq!(opened.facts().unwrap().status, Some(500));
    assert!(store.outbox_due(at(10), 10).await.unwrap().is_empty(), "not due before it was written");

    // One goes out; the other is tried again, and then given up. A restart lies between.
    store.outbox_sent(mails[0].id, at(70)).await.unwrap();
    store.outbox_retry(mails[1].id, at(200), "451 greylisted").await.unwrap();
    store.close().await;
    assert!(matches!(store.status(at(0)).await, Err(StoreError::Closed)));
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    assert!(store.outbox_due(at(199), 10).await.unwrap().is_empty());
    let again = store.outbox_due(at(200), 10).await.unwrap();
    assert_eq!((again.len(), again[0].attempts), (1, 1));
    assert_eq!(again[0].notice, *opened, "it says the same after a restart");
    let summary = store.outbox_summary().await.unwrap();
    assert_eq!((summary.pending, summary.sent, summary.failed), (1, 1, 0));
    assert_eq!((summary.next_try_at, summary.oldest_pending_at), (Some(at(200)), Some(at(66))));
    assert_eq!(summary.last_error.as_deref(), Some("451 greylisted"));
    store.outbox_failed(again[0].id, at(9999), "550 no such user", &context(0).plan).await.unwrap();
    assert_eq!(store.outbox_summary().await.unwrap().failed, 1);
    assert!(matches!(
        store.outbox_failed(4711, at(9999), "x", &context(0).plan).await,
        Err(StoreError::NotFound { .. })
    ));

    // Still failing: silent at first, then a reminder in the same thread.
    let third = store.record(bad("r3", 600), context(600)).await.unwrap();
    assert_eq!((third.act, third.queued), (Act::Nothing, 0));
    assert_eq!(third.incident.as_ref(), Some(incident));
    let fourth = store.record(bad("r4", 3700), context(3700)).await.unwrap();
    assert_eq!(fourth.mailed[0].kind, NoticeKind::Reminder, "{fourth:?}");
    let reminder = store.outbox_due(at(9999), 10).await.unwrap().remove(0).notice;
    assert_eq!(reminder.in_reply_to.as_deref(), Some(opened.message_id.as_str()));
    assert_ne!(reminder.message_id, opened.message_id);

    // A run by hand changes nothing.
    let mut manual = good("m1", 3800);
    manual.cause = Cause::Manual;
    let by_hand = store.record(manual, context(3800)).await.unwrap();
    assert_eq!((by_hand.act, by_hand.confirm), (Act::Nothing, false));

    let fifth = store.record(good("r5", 4000), context(4000)).await.unwrap();
    assert!(fifth.confirm, "{fifth:?}");
    assert_eq!(store.incidents(IncidentFilter { open: true, since: None }).await.unwrap().len(), 1);
    let sixth = store.record(good("r6", 4100), context(4100)).await.unwrap();
    assert!(matches!(sixth.act, Act::Close { .. }), "{sixth:?}");
    let resolved: Vec<_> = store
        .outbox_due(at(99_999), 10)
        .await
        .unwrap()
        .into_iter()
        .filter(|mail| mail.notice.kind == NoticeKind::Resolved)
        .collect();
    assert_eq!(resolved.len(), 2);
    assert_eq!(resolved[0].notice.in_reply_to.as_deref(), Some(opened.message_id.as_str()));

    assert!(store.incidents(IncidentFilter { open: true, since: None }).await.unwrap().is_empty());
    let all = store.incidents(IncidentFilter::default()).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].closed_at, all[0].closed_by.as_ref().map(RunId::as_str)),
        (Some(at(4106)), Some("r6"))
    );
    let later = IncidentFilter { open: false, since: Some(at(5000)) };
    assert!(store.incidents(later).await.unwrap().is_empty());

    // A new outage is a new incident.
    store.record(bad("r7", 5000), context(5000)).await.unwrap();
    let eighth = store.record(bad("r8", 5060), context(5060)).await.unwrap();
    assert!(matches!(&eighth.act, Act::Open { incident: new, .. } if new != incident), "{eighth:?}");
}

#[tokio::test]
async fn nobody_to_tell_is_no_reason_to_forget_the_incident() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let quiet = |seconds| telling(seconds, &[]);
    store.record(bad("r1", 0), quiet(0)).await.unwrap();
    let opened = store.record(bad("r2", 60), quiet(60)).await.unwrap();
    assert_eq!(opened.queued, 0);
    assert_eq!(store.incidents(IncidentFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn slots_and_gaps_and_cool_downs_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let key = ("drug-licence".into(), "demo-city".into());
    assert!(store.last_slots().await.unwrap().is_empty());
    store.record(good("r1", 0), context(0)).await.unwrap();
    assert_eq!(store.last_slot(&key.0, &key.1).await.unwrap(), Some(at(0)));
    let gap = |seconds, reason| Gap::one("drug-licence".into(), "demo-city".into(), at(seconds), reason);
    let both = vec![gap(900, GapReason::Overdue), gap(1800, GapReason::StillRunning)];
    store.record_gaps(both.clone()).await.unwrap();
    store.record_gap(both[0].clone()).await.unwrap();
    assert_eq!(store.last_slots().await.unwrap(), [(key.clone(), at(1800))].into());
    let mut manual = good("m1", 99_000);
    manual.cause = Cause::Manual;
    store.record(manual, context(99_000)).await.unwrap();
    assert_eq!(store.last_slots().await.unwrap(), [(key, at(1800))].into(), "by hand is no slot");

    store.cool_down("demo-city".into(), at(100), "429".into()).await.unwrap();
    store.cool_down("demo-city".into(), at(50), "429".into()).await.unwrap();
    assert_eq!(store.cooling(at(60)).await.unwrap(), [("demo-city".into(), at(100))]);
    assert!(store.cooling(at(100)).await.unwrap().is_empty());

    // A run whose end the store did not take is over all the same.
    let lost = good("r2", 1900);
    store.begin(start(&lost)).await.unwrap();
    assert!(store.status(at(1901)).await.unwrap().probes[0].running_since.is_some());
    store.record_gap(gap(1900, GapReason::NotRecorded)).await.unwrap();
    assert_eq!(store.status(at(1902)).await.unwrap().probes[0].running_since, None);

    let report = store.status(at(1900)).await.unwrap();
    assert_eq!(
        report.gaps_24h,
        [(GapReason::NotRecorded, 1), (GapReason::Overdue, 1), (GapReason::StillRunning, 1)]
    );
    assert_eq!(report.probes.len(), 1);
    assert_eq!(report.probes[0].gaps_24h, 3);
}

#[tokio::test]
async fn the_status_says_how_each_probe_stands() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record(good("old", -100_000), context(-100_000)).await.unwrap();
    store.record(bad("r1", 0), context(0)).await.unwrap();
    store.record(bad("r2", 60), context(60)).await.unwrap();
    store.begin(start(&good("r3", 120))).await.unwrap();
    let report = store.status(at(130)).await.unwrap();
    let [probe] = &report.probes[..] else { panic!("{report:?}") };
    let last = probe.last.as_ref().unwrap();
    assert_eq!((last.id.as_str(), last.verdict), ("r2", Verdict::Fail));
    assert_eq!((last.step.as_deref(), last.outcome), (Some("搜索事项"), Some(Outcome::ServerError)));
    assert_eq!((probe.runs_24h.fail, probe.runs_24h.pass), (2, 0));
    assert_eq!(probe.running_since, Some(at(121)));
    assert!(probe.incident.is_some());
    assert_eq!(report.outbox.pending, 2);
    // The daemon is this process.
    assert_eq!((report.agent.running, report.agent.pid), (true, Some(std::process::id())));
    assert_eq!(report.agent.last_record_at, Some(at(65)));
    assert!(report.agent.space.is_some_and(|space| space.free > 0 && space.reserve > 0));
    let back: mystery_shopper::store::StatusReport =
        serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(back, report);

    store.close().await;
    let reading = Store::open(dir.path(), Access::ReadOnly).unwrap();
    let agent = reading.status(at(130)).await.unwrap().agent;
    assert!(!agent.running && agent.last_record_at == Some(at(65)), "{agent:?}");
    Store::open(dir.path(), Access::Daemon).expect("asking leaves no lock behind");
}

#[tokio::test]
async fn times_of_steps_are_merged_over_hours() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    for i in 0..100 {
        // Four hours, 25 runs in each; the portal's first step takes 10, 20, … 1000 ms.
        let mut run = good(&format!("r{i:03}"), i * 144);
        // What we waited ourselves is not its time.
        run.steps[0].elapsed_ms = (u64::try_from(i).unwrap() + 1) * 10 + run.steps[0].own_ms;
        run.steps[1].elapsed_ms = 10_000_000;
        store.record(run, context(i * 144)).await.unwrap();
    }
    store.record(bad("rx", 200), context(200)).await.unwrap();
    let (probe, target) = ("drug-licence".into(), "demo-city".into());
    let times = store.step_times(&probe, &target, at(0), at(4 * 3600)).await.unwrap();
    assert_eq!(
        times.iter().map(|t| t.step.as_str()).collect::<Vec<_>>(),
        ["打开门户", "搜索事项", "到达提交环节"]
    );
    let first = &times[0];
    assert_eq!(first.count, 101);
    // Three significant digits.
    assert!(first.p50_ms.abs_diff(500) <= 10 && first.p90_ms.abs_diff(910) <= 10, "{first:?}");
    assert!(first.p99_ms.abs_diff(1000) <= 10 && first.max_ms >= 1000, "{first:?}");
    assert_eq!(times[1].outcomes, [(Outcome::Done, 100), (Outcome::ServerError, 1)]);
    assert_eq!(times[1].count, 100, "a failure is counted, its waiting is not");
    assert!(times[1].max_ms.abs_diff(3_600_000) < 3_600, "an hour at most: {}", times[1].max_ms);
    let third = [(Outcome::OnlineReady, 100), (Outcome::NotReached, 1)];
    assert_eq!(times[2].outcomes, third, "the portal kept it from being reached");
    let hour = store.step_times(&probe, &target, at(3600), at(7200)).await.unwrap();
    assert_eq!(hour[0].count, 25);
    assert!(store.step_times(&probe, &"other".into(), at(0), at(7200)).await.unwrap().is_empty());
}

#[tokio::test]
async fn exports_are_stable() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_reserving(dir.path(), Access::Daemon, 0).unwrap();
    let mut walk = bad("r1", 0);
    walk.steps[1].error = Some("=HYPERLINK(\"http://evil\",\"x\")\u{1b}[2J".into());
    walk.steps[0].evidence =
        vec![store.put_evidence(b"jpeg".to_vec(), "image/jpeg", EvidenceKind::Screenshot, "").await.unwrap()];
    walk.link_faults = vec![LinkFault {
        page: "http://city.example/".into(),
        text: "@SUM(1), \"旧\"".into(),
        ..LinkFault::new("http://city.example/gone", LinkClass::Dns)
    }];
    store.record(walk, context(0)).await.unwrap();
    store.record(bad("r2", 60), context(60)).await.unwrap();
    let old = LinkFault { text: "=cmd()".into(), ..ledger::fault("old") };
    for (id, seconds, faults) in
        [("c1", 70, &[old, ledger::fault("lasting")][..]), ("c2", 80, &[ledger::fault("lasting")])]
    {
        let crawl = Run { cause: Cause::Manual, ..ledger::crawl(id, seconds, faults) };
        store.record_manual(crawl).await.unwrap();
    }
    store
        .record_gap(Gap::one("drug-licence".into(), "demo-city".into(), at(900), GapReason::Overdue))
        .await
        .unwrap();
    // A kill cuts the third short.
    let mut third = good("r3", 120);
    third.cause = Cause::Confirmation { of: "r2".into() };
    store.begin(start(&third)).await.unwrap();
    store.close().await;
    let store = Store::open_reserving(dir.path(), Access::Daemon, 0).unwrap();
    store.begin(start(&good("r4", 180))).await.unwrap();
    let incident = store.incidents(IncidentFilter::default()).await.unwrap().remove(0).id;
    let mut all = String::new();
    for (name, kind) in ExportKind::ALL {
        for (ending, format) in [("csv", ExportFormat::Csv), ("jsonl", ExportFormat::Jsonl)] {
            let text = exported(&store, kind, format).replace(incident.as_str(), "INCIDENT");
            // CRLF is part of the form; snapshots keep only LF.
            writeln!(all, "== {name}.{ending}\n{}", text.replace("\r\n", "␍\n")).unwrap();
        }
    }
    insta::assert_snapshot!("exports", all);

    // JSON Lines are the types of the house.
    let runs = exported(&store, ExportKind::Runs, ExportFormat::Jsonl);
    let (finished, cut): (Vec<&str>, Vec<&str>) =
        runs.lines().partition(|line| line.contains("\"state\":\"finished\""));
    let read: Vec<Run> = finished.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ids(&read), ["r1", "r2", "c1", "c2"]);
    assert!(cut.len() == 1 && cut[0].contains("\"interrupted\"") && cut[0].contains("\"r3\""), "{cut:?}");
    let mut out = Vec::new();
    let span = Export {
        kind: ExportKind::Runs,
        format: ExportFormat::Csv,
        since: Some(at(30)),
        until: Some(at(61)),
    };
    assert_eq!(store.export(&span, &mut out).unwrap(), 0, "until is exclusive, since inclusive");
}

#[tokio::test]
async fn a_second_daemon_is_refused_and_commands_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Store::open(dir.path(), Access::Daemon).unwrap();
    let refused = Store::open(dir.path(), Access::Daemon).unwrap_err();
    let StoreError::Locked { pid, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(*pid, Some(std::process::id()));
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");

    let command = Store::open(dir.path(), Access::Command).unwrap();
    command.record(good("r1", 0), context(0)).await.unwrap();
    assert_eq!(ids(&daemon.runs(RunFilter::default()).await.unwrap()), ["r1"]);
    let reading = Store::open(dir.path(), Access::ReadOnly).unwrap();
    assert_eq!(ids(&reading.runs(RunFilter::default()).await.unwrap()), ["r1"]);
    assert!(matches!(reading.record(good("r2", 9), context(9)).await, Err(StoreError::ReadOnly)));
    assert!(matches!(
        reading.put_evidence(vec![1], "image/png", EvidenceKind::Screenshot, "").await,
        Err(StoreError::ReadOnly)
    ));

    daemon.close().await;
    Store::open(dir.path(), Access::Daemon).expect("the lock is free again");
}

#[tokio::test]
async fn folders_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    std::fs::write(&file, "not a folder").unwrap();
    let error = Store::open(&file, Access::Daemon).unwrap_err();
    assert!(matches!(&error, StoreError::NotWritable { path, .. } if *path == file), "{error:?}");
    let error = Store::open(&file.join("below"), Access::Command).unwrap_err();
    assert!(matches!(&error, StoreError::NotWritable { .. }), "{error:?}");
    let error = Store::open(Path::new("/proc/mystery-shopper"), Access::Daemon).unwrap_err();
    assert!(matches!(&error, StoreError::NotWritable { .. }), "{error:?}");
    let error = Store::open(&dir.path().join("none"), Access::ReadOnly).unwrap_err();
    assert!(matches!(&error, StoreError::Missing { .. }), "{error:?}");
    assert!(!dir.path().join("none").exists(), "reading makes nothing");
}

#[tokio::test]
async fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a/b");
    let store = Store::open_reserving(&data, Access::Daemon, 0).unwrap();
    store.put_evidence(b"x".to_vec(), "image/png", EvidenceKind::Screenshot, "").await.unwrap();
    store.record(good("r1", 0), context(0)).await.unwrap();
    let mut folders = vec![data];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{folder:?}");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
                files += 1;
            }
        }
    }
    assert!(files >= 5, "database, -wal, -shm, locks, evidence: {files}");
}

#[tokio::test]
async fn damage_and_foreign_versions_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    for i in 0..50 {
        store.record(bad(&format!("r{i}"), i * 60), context(i * 60)).await.unwrap();
    }
    store.close().await;
    let path = dir.path().join("shopper.db");
    let whole = std::fs::read(&path).unwrap();

    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&99u32.to_be_bytes()); // user_version
    std::fs::write(&path, &newer).unwrap();
    for access in [Access::Daemon, Access::Command, Access::ReadOnly] {
        let error = Store::open(dir.path(), access).unwrap_err();
        assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{access:?}: {error:?}");
    }

    let mut torn = whole.clone();
    for page in torn.chunks_mut(4096).skip(2) {
        page[..64].fill(0xA5);
    }
    std::fs::write(&path, &torn).unwrap();
    let store = Store::open(dir.path(), Access::Daemon).expect("the daemon goes on with an empty one");
    assert!(store.runs(RunFilter::default()).await.unwrap().is_empty());
}

/// Set in the child of the kill test: the data folder that it writes to.
const CHILD: &str = "MYSTERY_SHOPPER_STORE_CHILD";

/// The child of the test below: begins and records runs until it is killed, and names each one
/// only after the store has acknowledged it. Without the variable this test has nothing to do.
#[tokio::test]
async fn child_that_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let store = Store::open(Path::new(&dir), Access::Daemon).unwrap();
    let before = store.runs(RunFilter::default()).await.unwrap().len();
    for i in i64::try_from(before).unwrap().. {
        // Failing and good runs in turn, so that incidents and mails are written as well.
        let id = format!("run-{}-{i:06}", std::process::id());
        let run = if (i / 4) % 2 == 0 { bad(&id, i * 60) } else { good(&id, i * 60) };
        store.begin(start(&run)).await.unwrap();
        println!("began {id}");
        store.record(run, context(i * 60)).await.unwrap();
        println!("recorded {id}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    let mut interrupted = 0;
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_writes_until_it_is_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        // Kill at another place each time: after a `began` (so in the middle of a record) or after
        // a `recorded`.
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, id)) = line.split_once("recorded ") {
                acknowledged.push(id.to_owned());
            }
            seen += usize::from(line.contains("began ") || line.contains("recorded "));
            if seen >= 11 + 6 * round + round % 2 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it still said before it died was acknowledged, too.
        for line in lines.map_while(Result::ok) {
            if let Some((_, id)) = line.split_once("recorded ") {
                acknowledged.push(id.to_owned());
            }
        }

        let store = Store::open(dir.path(), Access::Daemon).expect("it opens after a kill");
        interrupted += store.interrupted().len();
        let kept = store.runs(RunFilter::default()).await.unwrap();
        let kept_ids = ids(&kept);
        for id in &acknowledged {
            assert!(kept_ids.contains(&id.as_str()), "{id} was acknowledged and is lost");
        }
        assert!(kept.iter().all(|run| run.steps.len() == 3), "half a run");
        let open = store.incidents(IncidentFilter { open: true, since: None }).await.unwrap();
        assert!(open.len() <= 1);
        store.close().await;
        let database = rusqlite::Connection::open(dir.path().join("shopper.db")).unwrap();
        let check: String = database.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        // Every opened or closed incident has its notice, and every notice its two mails.
        let lonely: i64 = database
            .query_row(
                "SELECT (SELECT count(*) FROM incidents WHERE id NOT IN (SELECT incident FROM notices WHERE kind IN ('opened', 'flapping')))
                      + (SELECT count(*) FROM incidents WHERE closed_at IS NOT NULL
                           AND id NOT IN (SELECT incident FROM notices WHERE kind = 'resolved'))
                      + (SELECT count(*) FROM notices WHERE (SELECT count(*) FROM outbox WHERE notice = notices.id) <> 2)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(lonely, 0);
    }
    assert!(acknowledged.len() >= 60, "{} runs", acknowledged.len());
    let store = Store::open(dir.path(), Access::ReadOnly).unwrap();
    let gaps = exported(&store, ExportKind::Gaps, ExportFormat::Jsonl);
    assert_eq!(gaps.lines().count(), interrupted, "each run that was cut short is a gap");
    assert!(gaps.lines().all(|line| line.contains("interrupted")));
}

#[tokio::test]
async fn a_run_that_was_cut_short_becomes_a_gap_and_may_still_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let mut manual = good("m1", 30);
    manual.cause = Cause::Manual;
    store.begin(start(&good("r1", 0))).await.unwrap();
    store.begin(start(&manual)).await.unwrap();
    store.close().await;
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let [gap] = store.interrupted() else { panic!("{:?}", store.interrupted()) };
    assert_eq!((gap.scheduled_at, gap.reason), (at(0), GapReason::Interrupted));
    assert_eq!(store.last_slot(&gap.probe, &gap.target).await.unwrap(), Some(at(0)));
    assert!(store.runs(RunFilter::default()).await.unwrap().is_empty());
    assert_eq!(store.status(at(60)).await.unwrap().probes[0].running_since, None);
    // `shopper run` was going on while the daemon started: its result is not lost.
    store.record(manual, context(30)).await.unwrap();
    assert_eq!(ids(&store.runs(RunFilter::default()).await.unwrap()), ["m1"]);
    store.close().await;
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    assert!(store.interrupted().is_empty(), "told once");
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Store::open(dir.path(), Access::Daemon).unwrap();
    let command = Store::open(dir.path(), Access::Command).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..60 {
        let store = if i % 3 == 0 { command.clone() } else { daemon.clone() };
        tasks.spawn(async move { store.record(good(&format!("r{i}"), i * 60), context(i * 60)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(daemon.runs(RunFilter::default()).await.unwrap().len(), 60);
    let (probe, target) = ("drug-licence".into(), "demo-city".into());
    let times =
        daemon.step_times(&probe, &target, at(0), at(0) + SignedDuration::from_hours(2)).await.unwrap();
    assert_eq!(times[0].count, 60);
}
