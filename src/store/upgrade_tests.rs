//! A database of every earlier version, with rows in every table, is brought up to date, read,
//! verified and written to.

use rusqlite::Connection;

use super::codings::tests::coding;
use super::tests::{context, run};
use super::*;
use crate::domain::outcome::Outcome;
use crate::domain::period::Period;

/// Rows in every table of the first version.
const FIRST: &str = "
    INSERT INTO runs (id, probe, target, kind, state, cause, scheduled_at, started_at, finished_at, elapsed_ms,
            attempts, verdict, reason, scenario, scenario_hash, vantage, links_checked, browser, agent_version)
        VALUES ('old1', 'home', 'demo-city', 'walk', 'finished', 'schedule', 1000000, 1000000, 3000000, 2000, 1, 'fail',
                'broken', 's', 'ab', 'here', NULL, 'Chromium', '0.1.0'),
               ('old2', 'home', 'demo-city', 'crawl', 'finished', 'schedule', 4000000, 4000000, 5000000, 900, 1, 'pass',
                '', NULL, NULL, 'here', 7, NULL, '0.1.0'),
               ('by-hand', 'home', 'demo-city', 'visit', 'finished', 'manual', 6000000, 6000000, 6500000, 500, 1, 'pass',
                '', NULL, NULL, 'here', NULL, NULL, '0.1.0');
    INSERT INTO runs (id, probe, target, kind, state, cause, scheduled_at, started_at)
        VALUES ('cut', 'home', 'demo-city', 'walk', 'running', 'schedule', 7000000, 7000000);
    INSERT INTO steps VALUES ('old1', 0, '打开', 'find', '[]', 'broken', 0, 2000, 10, 1, 'status 500'),
                             ('old2', 0, 'links', 'find', '[]', 'done', NULL, 900, 0, 1, NULL);
    INSERT INTO observations VALUES ('old1', 0, '{\"url\":\"http://a.cn/\",\"title\":\"首页\"}'),
                                    ('old2', 0, '{\"url\":\"http://a.cn/\",\"title\":\"\"}');
    INSERT INTO evidence (hash, mime, size)
        VALUES ('2cea274d0bedc39ec4ab6ba9e59ec889e3ed6fb56a1cf088a64d9b383378dc97', 'image/jpeg', 7);
    INSERT INTO step_evidence VALUES ('old1', 0, 0, 'screenshot',
        '2cea274d0bedc39ec4ab6ba9e59ec889e3ed6fb56a1cf088a64d9b383378dc97', 'home');
    INSERT INTO link_faults (run, number, page, url, text, status, class, on_home)
        VALUES ('old2', 0, 'http://a.cn/', 'http://a.cn/gone', '', 404, 'not_found', 1);
    INSERT INTO gaps VALUES ('home', 'demo-city', 2000000, 'overdue');
    INSERT INTO step_hour_outcomes VALUES ('home', 'demo-city', '打开', 0, 'broken', 1);
    INSERT INTO outbox (notice, recipient, state, attempts, next_try_at) VALUES ('n1', 'a@example.org', 'pending', 1, 5);
    INSERT INTO cool_downs VALUES ('demo-city', 9000000, '429');";

/// Incidents and notices as they were until the third version, and since the fourth.
const UNTIL_THIRD: &str = "
    INSERT INTO incidents (id, probe, target, since, opened_at, opened_by, last_notice_at, thread, outcome, step)
        VALUES ('i1', 'home', 'demo-city', 1000000, 3000000, 'old1', 3000000, '<i1@x>', 'broken', '打开');";
const SINCE_FOURTH: &str = "
    INSERT INTO incidents (id, concern, severity, scope, flapping, probe, target, since, opened_at, opened_by, reminders, thread,
            outcome, step, settled)
        VALUES ('i1', 'outage', 'outage', 'pair', 0, 'home', 'demo-city', 1000000, 3000000, 'old1', 0, '<i1@x>', 'broken', '打开', 0);
    INSERT INTO vantage_states VALUES ('here', '{\"blind\":[],\"runs\":0,\"seeing\":0,\"canaries\":[],\"open\":null}');
    INSERT INTO silences VALUES ('s1', NULL, 'home', 0, 1, 'me', 'works');";
const NOTICES: &str = "
    INSERT INTO probe_states (probe, target, failing, failing_since, good, doubts, incident)
        VALUES ('home', 'demo-city', '[]', 1000000, '[]', 0, 'i1');
    INSERT INTO notices (id, incident, kind, created_at, message_id, recipients, notice)
        VALUES ('n1', 'i1', 'opened', 3000000, '<m1@x>', '[\"a@example.org\"]', '{\"id\":\"n1\",\"incident\":\"i1\",\"kind\":\"opened\",
            \"created_at\":\"1970-01-01T00:00:03Z\",\"message_id\":\"<m1@x>\",\"in_reply_to\":null,\"facts\":{\"target\":\"demo-city\",
            \"target_name\":\"示范市\",\"region\":null,\"entry\":\"http://a.cn/\",\"probe\":\"home\",\"probe_title\":\"首页\",\"step\":\"打开\",
            \"position\":[1,1],\"outcome\":\"broken\",\"url\":\"http://a.cn/\",\"status\":500,\"error\":null,\"phrase\":null,
            \"since\":\"1970-01-01T00:00:01Z\",\"confirmed_at\":\"1970-01-01T00:00:03Z\",\"resolved_at\":null,\"runs\":[\"old1\"],
            \"screenshot\":null,\"vantage\":\"here\",\"timezone\":\"UTC\"}}');";
/// What the third version brought.
const THIRD: &str = "
    INSERT INTO links VALUES ('home', 'demo-city', 'f', 'http://a.cn/gone', 'not_found', 404, 'http://a.cn/', '', 1, 1,
        5000000, 5000000, 5000000, NULL, 'old2', 'old2');
    INSERT INTO hosts (host, day, requests) VALUES ('a.cn', '2026-11-22', 3);";

/// What the fifth version brought, before its daemon gave the records of before their entries.
fn fifth(connection: &mut Connection, dir: &Path) {
    let at = |second| Timestamp::from_second(second).unwrap();
    let tx = connection.transaction().unwrap();
    tx.execute_batch(
        "INSERT INTO to_chain (what, id, probe, target, at)
             SELECT 'run', id, probe, target, finished_at AS at FROM runs WHERE state = 'finished'
             UNION ALL SELECT 'gap', NULL, probe, target, scheduled_at FROM gaps ORDER BY at;
         INSERT INTO run_hour_verdicts VALUES ('gone', 'demo-city', 0, 'pass', 3), ('gone', 'demo-city', 0, 'fail', 1);
         INSERT INTO recurring VALUES ('heartbeat', 1);",
    )
    .unwrap();
    let mut times = sparse::Times::default();
    times.record(1234);
    tx.execute("INSERT INTO run_hours VALUES ('gone', 'demo-city', 0, ?1)", [times.encode()]).unwrap();
    chain::begin(&tx, at(8)).unwrap();
    chain::append_loss(&tx, at(9), "the database was damaged", None).unwrap();
    chain::append_pruning(&tx, at(9), "age", &[], &["ab".repeat(32)]).unwrap();
    tx.commit().unwrap();
    chain::heads::Signer::of(dir).unwrap().sign(connection, dir, at(9)).unwrap();
}

/// What the eighth version brought.
const EIGHTH: &str = "
    INSERT INTO codings (id, coder, indicator, target, value, at, note, source, made_at)
        VALUES ('c', 'old', 'H2', 'gone', 'mail', 5000000, '', '', 6000000);
    INSERT INTO posts (id, target, at, text, source, made_at) VALUES ('p', 'gone', 5000000, '打不开', '', 6000000);";

/// A database of this version, with rows in every table.
fn make(dir: &Path, version: usize) {
    let mut connection = Connection::open(dir.join(DATABASE)).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    open::migrate_to(&mut connection, version);
    // As they were written, in whatever order.
    connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
    let slot = if version < 7 { "2000000, 'overdue'" } else { "2000000, 2000000, 'overdue', 1" };
    connection.execute_batch(&FIRST.replace("2000000, 'overdue'", slot)).unwrap();
    connection.execute_batch(if version < 4 { UNTIL_THIRD } else { SINCE_FOURTH }).unwrap();
    connection.execute_batch(NOTICES).unwrap();
    if version >= 3 {
        connection.execute_batch(THIRD).unwrap();
    }
    if version >= 5 {
        fifth(&mut connection, dir);
    }
    if version >= 8 {
        connection.execute_batch(EIGHTH).unwrap();
    }
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('step_hours', 'run_hours')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for table in tables {
        let rows: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert!(rows > 0, "version {version}: nothing in {table}");
    }
}

#[tokio::test]
async fn a_database_of_every_earlier_version_is_upgraded_read_verified_and_written() {
    assert_eq!(open::newest(), 9, "a new version wants a row in this test");
    for version in 1..=8 {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), version);
        let picture = b"picture";
        evidence::put(dir.path(), 0, picture, "image/jpeg", EvidenceKind::Screenshot, "").unwrap();
        let store = Store::open(dir.path(), Access::Daemon).unwrap();
        let [gap] = store.interrupted() else { panic!("version {version}: {:?}", store.interrupted()) };
        assert_eq!(gap.scheduled_at.as_second(), 7, "version {version}");

        let runs = store.runs(RunFilter::default()).await.unwrap();
        let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(ids, ["by-hand", "old2", "old1"], "version {version}");
        assert_eq!(runs[2].steps[0].facts.title, "首页", "version {version}");
        assert_eq!(runs[2].steps[0].evidence.len(), 1, "version {version}");
        assert_eq!(runs[1].link_faults.len(), 1, "version {version}");
        let incidents = store.incidents(IncidentFilter { open: true, since: None }).await.unwrap();
        assert_eq!(incidents.len(), 1, "version {version}");
        let now = Timestamp::from_second(1_795_320_000).unwrap();
        let mails = store.outbox_due(now, 9).await.unwrap();
        assert_eq!(mails.len(), 1, "version {version}");
        assert!(mails[0].notice.facts().is_some(), "version {version}");
        assert_eq!(store.outbox_summary().await.unwrap().pending, 1, "version {version}");
        assert_eq!(store.status(now).await.unwrap().losses.is_empty(), version < 5, "version {version}");

        // Before the old records have their entries, while they get them, and after.
        let waiting = |report: &VerifyReport| (report.clean, report.waiting, report.runs, report.gaps);
        let report = store.verify(VerifyOptions::default()).await.unwrap();
        assert_eq!(waiting(&report), (true, 4, 0, 1), "version {version}: {:?}", report.findings);
        store.record(run("new", "首页"), context()).await.unwrap();
        assert!(!store.adopt_some(now).await.unwrap(), "four are done at once");
        let all = VerifyOptions { files: true, ..VerifyOptions::default() };
        let report = store.verify(all.clone()).await.unwrap();
        assert_eq!(waiting(&report), (true, 0, 4, 2), "version {version}: {:?}", report.findings);
        let (probe, target) = ("home".into(), "demo-city".into());
        let times = store.run_times(&probe, &target, Timestamp::UNIX_EPOCH, now).await.unwrap();
        // Not the one by hand.
        let counted = (times.verdicts.pass, times.verdicts.fail, times.max_ms);
        assert_eq!(counted, (1, 1, 900), "version {version}");
        let coding = coding("li", "yes");
        let twice = vec![coding.clone(), coding.clone()];
        assert_eq!(store.add_codings(twice).await.unwrap(), 1, "version {version}");
        let kept = store.codings(CodingFilter::default()).await.unwrap();
        assert_eq!(kept.len(), if version < 8 { 1 } else { 2 }, "version {version}");
        assert_eq!(kept.last(), Some(&coding), "version {version}");
        let hours = store.step_times(&probe, &target, Timestamp::UNIX_EPOCH, now).await.unwrap();
        let broken = hours.iter().find(|times| times.step == "打开").map(|times| times.outcomes.clone());
        assert_eq!(broken, Some(vec![(Outcome::Broken, 1)]), "version {version}");
        // What scoring asks: of hours of before what is known by now, and their gaps.
        let january =
            Period::new("1970-01-01".parse().unwrap(), "1970-01-31".parse().unwrap(), "UTC").unwrap();
        let material = store.material(&january, std::slice::from_ref(&target)).await.unwrap();
        let observed = &material[&target];
        let [walked] = observed.steps.as_slice() else { panic!("version {version}: {:?}", observed.steps) };
        assert_eq!((walked.scenario.as_str(), walked.step.as_str()), ("s", "打开"), "version {version}");
        assert_eq!(walked.days[0].outcomes, [(Outcome::Broken, 1)], "version {version}");
        assert_eq!(observed.gaps, 2, "version {version}");
        let kinds: Vec<_> = observed.runs.iter().map(|it| (it.probe.as_str(), it.kind.name())).collect();
        let mut want = vec![("home", "crawl"), ("home", "walk")];
        if version >= 5 {
            want.insert(0, ("gone", "walk"));
            assert_eq!(observed.runs[0].days[0].times, [(1234, 1)]);
        }
        assert_eq!(kinds, want, "version {version}");
        for (name, kind) in ExportKind::ALL {
            let export = Export { kind, format: ExportFormat::Csv, since: None, until: None };
            let rows = store.export(&export, &mut Vec::new()).unwrap();
            assert!(rows > 0 || version < 3 && kind == ExportKind::Links, "version {version}: no {name}");
        }
        store.close().await;

        let store = Store::open(dir.path(), Access::Daemon).unwrap();
        assert!(store.verify(all).await.unwrap().clean, "version {version}: after a restart");
        store.close().await;
        // Nobody can make a record old afterwards.
        let database = Connection::open(dir.path().join(DATABASE)).unwrap();
        database
            .execute_batch(
                "UPDATE runs SET id = 'forged' WHERE id = 'by-hand';
                 INSERT INTO to_chain (what, id, probe, target, at) VALUES ('run', 'forged', 'home', 'demo-city', 6500000)",
            )
            .unwrap();
        drop(database);
        let store = Store::open(dir.path(), Access::Daemon).unwrap();
        store.adopt_some(now).await.unwrap();
        let found = store.verify(VerifyOptions::default()).await.unwrap().findings;
        let what: Vec<_> = found.iter().map(|one| (one.what, one.id.as_str())).collect();
        assert!(
            what.contains(&(Wrong::Missing, "by-hand")) && what.contains(&(Wrong::Inserted, "forged")),
            "{what:?}"
        );
    }
}
