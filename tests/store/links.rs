//! Link checks in the store: what is new, still there and mended, and what is remembered of hosts.

use jiff::civil::date;
use mystery_shopper::domain::host::{HostMemory, RobotsCopy};
use mystery_shopper::domain::ids::{ProbeId, TargetId};
use mystery_shopper::domain::incident::Concern;
use mystery_shopper::domain::ledger::Known;
use mystery_shopper::domain::link::{CrawlExtent, DoubtClass, LinkDoubt};

use crate::*;

const PORTAL: &str = "http://city.example/";

pub fn fault(path: &str) -> LinkFault {
    LinkFault {
        status: Some(404),
        detail: "The server answered with status 404.".into(),
        page: PORTAL.into(),
        element: "a".into(),
        attribute: "href".into(),
        line: 12,
        column: 5,
        text: "旧通知".into(),
        pages: 3,
        on_home: true,
        ..LinkFault::new(format!("{PORTAL}{path}"), LinkClass::NotFound)
    }
}

/// A whole link check that found these.
pub fn crawl(id: &str, seconds: i64, faults: &[LinkFault]) -> Run {
    let steps = vec![step("检查链接", Outcome::Done)];
    let (verdict, reason) = crawl_verdict(&steps, faults, None);
    Run {
        probe: "links".into(),
        kind: RunKind::Crawl,
        scenario: None,
        scenario_hash: None,
        scored: true,
        verdict,
        reason,
        steps,
        link_faults: faults.to_vec(),
        links_checked: Some(70),
        crawl: Some(CrawlExtent { pages_read: 9, links_known: 70, requests: 71, ..CrawlExtent::default() }),
        browser: None,
        ..good(id, seconds)
    }
}

fn key() -> (ProbeId, TargetId) {
    ("links".into(), "demo-city".into())
}

fn paths(known: &[Known]) -> Vec<&str> {
    known.iter().filter_map(|known| known.url.strip_prefix(PORTAL)).collect()
}

#[tokio::test]
async fn a_link_is_new_then_still_there_then_mended_then_new_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let (probe, target) = key();
    assert_eq!(store.link_changes(&probe, &target).await.unwrap(), None);
    let told = async || {
        let changes = store.link_changes(&probe, &target).await.unwrap().unwrap();
        let lists = [&changes.new, &changes.still, &changes.fixed, &changes.unseen];
        (changes.run.to_string(), lists.map(|list| paths(list).join(" ")))
    };
    let want = |run: &str, lists: [&str; 4]| (run.to_owned(), lists.map(str::to_owned));

    store.record(crawl("r1", 0, &[fault("a"), fault("b")]), context(0)).await.unwrap();
    assert_eq!(told().await, want("r1", ["a b", "", "", ""]));
    store.record(crawl("r2", 100, &[fault("b"), fault("c")]), context(100)).await.unwrap();
    assert_eq!(told().await, want("r2", ["c", "b", "a", ""]));
    // A check that was stopped, and one that was kept out, mend nothing.
    let mut stopped = crawl("r3", 200, &[fault("d")]);
    stopped.crawl.as_mut().unwrap().cut_short = Some("the time was over".into());
    store.record(stopped, context(200)).await.unwrap();
    assert_eq!(told().await, want("r3", ["d", "", "", "b c"]));
    let mut kept_out = crawl("r4", 300, &[]);
    kept_out.steps[0].outcome = Outcome::CaptchaWaf;
    kept_out.verdict = Verdict::Inconclusive;
    store.record(kept_out, context(300)).await.unwrap();
    assert_eq!(told().await, want("r4", ["", "", "", "b c d"]));
    let mut down = crawl("r5", 400, &[]);
    down.steps[0].outcome = Outcome::Maintenance;
    down.verdict = Verdict::Fail;
    store.record(down, context(400)).await.unwrap();
    assert_eq!(told().await, want("r5", ["", "", "", "b c d"]));
    // One that fails by its number of broken links alone has looked at all of them.
    let mut over = crawl("r6", 500, &[fault("b"), fault("a")]);
    over.steps[0].outcome = Outcome::Broken;
    over.verdict = Verdict::Fail;
    let extent = over.crawl.as_mut().unwrap();
    extent.over_limit = Some(1);
    extent.unobserved = 1;
    extent.doubts = vec![LinkDoubt {
        url: format!("{PORTAL}c"),
        page: PORTAL.into(),
        class: DoubtClass::Waf,
        status: Some(412),
        detail: "A firewall answered.".into(),
    }];
    store.record(over, context(500)).await.unwrap();
    assert_eq!(told().await, want("r6", ["a", "b", "d", "c"]));

    // By hand as well, and the run comes back with what is known of its links.
    let mut by_hand = crawl("r7", 600, &[fault("a"), fault("e")]);
    by_hand.cause = Cause::Manual;
    let kept = store.record_manual(by_hand).await.unwrap();
    assert_eq!(told().await, want("r7", ["e", "a", "b c", ""]));
    let seen: Vec<_> =
        kept.link_faults.iter().map(|fault| (fault.first_seen_at, fault.last_seen_at)).collect();
    assert_eq!(seen, [(Some(at(5)), Some(at(605))), (Some(at(605)), Some(at(605)))]);
    assert_eq!(store.run(&kept.id).await.unwrap().as_ref(), Some(&kept));

    let open = store.open_links(&probe, &target).await.unwrap();
    assert_eq!(paths(&open), ["a", "e"]);
    let a = &open[0];
    assert_eq!((a.first_seen_at, a.opened_at, a.last_seen_at), (at(5), at(505), at(605)));
    assert_eq!((a.first_run.as_str(), a.last_run.as_str(), a.pages), ("r1", "r7", 3));
    assert!(store.open_links(&"other".into(), &target).await.unwrap().is_empty());

    let status = store.status(at(700)).await.unwrap();
    let links = status.probes[0].links.unwrap();
    assert_eq!((links.broken, links.new, links.fixed), (2, 1, 2));
}

#[tokio::test]
async fn a_link_check_reads_back_with_its_extent_and_all_of_its_faults() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let mut first = crawl("r1", 0, &[fault("a"), LinkFault { line: 0, column: 0, ..fault("b#part") }]);
    store.record(first.clone(), context(0)).await.unwrap();
    for fault in &mut first.link_faults {
        (fault.first_seen_at, fault.last_seen_at) = (Some(at(5)), Some(at(5)));
    }
    assert_eq!(store.run(&first.id).await.unwrap().as_ref(), Some(&first));
    // What is found again is known to last.
    store.record(crawl("r2", 100, &[fault("a")]), context(100)).await.unwrap();
    first.link_faults[0].last_seen_at = Some(at(105));
    assert_eq!(store.run(&first.id).await.unwrap().as_ref(), Some(&first));
    // Another portal's links, and a walk's, are none of its own.
    let elsewhere = Run { target: "other-city".into(), ..crawl("r3", 200, &[fault("a")]) };
    store.record(elsewhere, context(200)).await.unwrap();
    let walk = Run { link_faults: vec![fault("c")], ..good("w1", 300) };
    store.record(walk.clone(), context(300)).await.unwrap();
    let (probe, target) = key();
    assert_eq!(paths(&store.open_links(&probe, &target).await.unwrap()), ["a"]);
    assert!(store.open_links(&walk.probe, &target).await.unwrap().is_empty());
    assert_eq!(store.status(at(400)).await.unwrap().probes.iter().filter(|p| p.links.is_some()).count(), 2);
}

#[tokio::test]
async fn too_many_broken_links_are_an_incident_with_the_links_in_its_mail() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let judged = |id: &str, seconds, faults: &[LinkFault]| {
        let mut run = crawl(id, seconds, faults);
        let extent = run.crawl.as_mut().unwrap();
        if let Some(over) = links::outcome(run.steps[0].outcome, faults, Some(2)) {
            over.tell(&mut run.steps[0], extent);
        }
        (run.verdict, run.reason) = crawl_verdict(&run.steps, faults, Some(2));
        run
    };
    let faults = [LinkFault { on_home: false, ..fault("a") }, fault("b"), fault("c"), fault("d")];
    // Each link was asked for twice: one check is proof enough.
    let opened = store.record(judged("r2", 60, &faults), context(60)).await.unwrap();
    assert!(matches!(opened.act, Act::Open { .. }), "{opened:?}");
    let incident = store.incidents(IncidentFilter::default()).await.unwrap().remove(0);
    assert_eq!((incident.step.as_str(), incident.outcome), ("检查链接", Outcome::Broken));
    assert_eq!((incident.concern, incident.severity), (Concern::Links, Severity::Degraded));
    let notice = store.outbox_due(at(9999), 1).await.unwrap().remove(0).notice;
    let links = notice.facts().unwrap().links.clone().unwrap();
    assert_eq!((links.broken, links.on_home, links.limit), (4, 3, Some(2)));
    assert_eq!(
        links.first.iter().map(|link| link.url.as_str()).collect::<Vec<_>>(),
        ["http://city.example/b", "http://city.example/c", "http://city.example/d"]
    );

    // Fewer are no outage any more.
    store.record(judged("r3", 120, &faults[..1]), context(120)).await.unwrap();
    let closed = store.record(judged("r4", 180, &faults[..1]), context(180)).await.unwrap();
    assert!(matches!(closed.act, Act::Close { .. }), "{closed:?}");
    let all = store.outbox_due(at(9999), 10).await.unwrap();
    let resolved = all.iter().find(|mail| mail.notice.kind == NoticeKind::Resolved);
    // The first mails still wait, and each person gets them in order.
    assert!(resolved.is_none());
    for mail in all {
        store.outbox_sent(mail.id, at(200)).await.unwrap();
    }
    let resolved = store.outbox_due(at(9999), 1).await.unwrap().remove(0).notice;
    assert_eq!(
        resolved.facts().unwrap().links.as_ref().map(|links| (links.broken, links.limit)),
        Some((1, None))
    );
}

#[tokio::test]
async fn a_host_is_remembered_beside_what_another_process_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let day = date(2026, 11, 22);
    assert_eq!(store.host("city.example:8080").await.unwrap(), None);
    let copy =
        |text: &str, seconds| Some(RobotsCopy { body: text.as_bytes().to_vec(), fetched_at: at(seconds) });
    let whole = HostMemory {
        robots: copy("User-agent: *\nDisallow: /x\n", 10),
        requests: 40,
        cool_until: Some(at(500)),
        cool_reason: "429".into(),
        ..HostMemory::new("city.example:8080", day)
    };
    store.keep_host(whole.clone()).await.unwrap();
    assert_eq!(store.host("city.example:8080").await.unwrap().as_ref(), Some(&whole));
    assert_eq!((whole.requests_on(day), whole.requests_on(date(2026, 11, 23))), (40, 0));

    // Nothing new takes nothing away: no copy, an earlier end, a smaller count.
    let less = HostMemory {
        requests: 7,
        cool_until: Some(at(400)),
        cool_reason: "403".into(),
        ..HostMemory::new("city.example:8080", day)
    };
    store.keep_host(less).await.unwrap();
    store
        .keep_host(HostMemory { requests: 999, ..HostMemory::new("city.example:8080", date(2026, 11, 21)) })
        .await
        .unwrap();
    store
        .keep_host(HostMemory { robots: copy("old", 5), ..HostMemory::new("city.example:8080", day) })
        .await
        .unwrap();
    assert_eq!(store.host("city.example:8080").await.unwrap().as_ref(), Some(&whole));

    // What is newer wins, each for itself; a day begins with its own count.
    let newer = HostMemory {
        robots: copy("", 20),
        requests: 3,
        cool_until: Some(at(600)),
        cool_reason: "the firewall of the portal".into(),
        ..HostMemory::new("city.example:8080", date(2026, 11, 23))
    };
    store.keep_host(newer.clone()).await.unwrap();
    store.close().await;
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    assert_eq!(store.host("city.example:8080").await.unwrap(), Some(newer));
    assert_eq!(store.host("city.example").await.unwrap(), None);
}
