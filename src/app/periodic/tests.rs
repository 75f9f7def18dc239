use tempfile::TempDir;

use super::*;
use crate::domain::incident::{Incident, Scope, Shared};
use crate::domain::notice::{DigestFacts, HeartbeatFacts};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Gap, GapReason};
use crate::files::DiskFiles;
use crate::plan::{DigestPlan, HeartbeatPlan};
use crate::store::{Access, DigestRows, VerdictCounts};

const PLAN: &str = r#"
[agent]
name     = "berlin-1"
timezone = "Europe/Berlin"
language = "en"
[mail]
smtp = "smtp://127.0.0.1:2525"
from = "alerts@example.org"
[[mail.route]]
to = ["oncall@example.org"]
[[target]]
id     = "north"
name   = "Northern town"
region = "north"
entry  = "http://127.0.0.1:9/"
class  = "test"
[[target]]
id     = "south"
name   = "Southern town"
region = "south"
entry  = "http://127.0.0.1:9/"
class  = "test"
[[probe]]
id       = "home"
visit    = { within = "2s" }
targets  = ["*"]
schedule = "0 0 1 1 *"
"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text, "Europe/Berlin").unwrap().0
}

fn everything() -> RouteFilter {
    RouteFilter { severities: Severity::ALL.to_vec(), ..RouteFilter::default() }
}

/// A store, a plan with what is to be told, and a clock.
struct Desk {
    store: Store,
    plan: watch::Sender<Arc<Plan>>,
    clock: Clock,
    adopted: Option<Arc<Plan>>,
    bell: Arc<Notify>,
    _folder: TempDir,
}

impl Desk {
    fn new(digests: &[&str], heartbeat: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("probes.toml");
        std::fs::write(&file, PLAN).unwrap();
        let loaded = crate::plan::load(
            folder.path(),
            std::path::Path::new("probes.toml"),
            &DiskFiles::new(folder.path()),
        );
        let mut plan = loaded.unwrap().plan;
        let mail = plan.mail.as_mut().unwrap();
        mail.digests = digests
            .iter()
            .map(|text| DigestPlan {
                to: vec!["boss@example.org".into(), "hook:room".into()],
                when: everything(),
                schedule: schedule(text),
            })
            .collect();
        mail.heartbeat = heartbeat
            .map(|text| HeartbeatPlan { to: vec!["watch@example.org".into()], schedule: schedule(text) });
        let store = Store::open(&folder.path().join("data"), Access::Daemon).unwrap();
        Self {
            store,
            plan: watch::Sender::new(Arc::new(plan)),
            clock: Clock::manual(Timestamp::UNIX_EPOCH),
            adopted: None,
            bell: Arc::default(),
            _folder: folder,
        }
    }

    fn clerk(&self) -> Clerk {
        Clerk {
            store: self.store.clone(),
            clock: self.clock.clone(),
            plan: self.plan.subscribe(),
            message_domain: "example.org".to_owned(),
            mail_queued: Arc::clone(&self.bell),
        }
    }

    /// Looks at the clock once; when it would look again.
    async fn turn(&mut self, now: &str) -> Option<Timestamp> {
        let plan = Arc::clone(&self.plan.borrow());
        let clerk = self.clerk();
        clerk.turn(&plan, &mut self.adopted, at(now)).await.unwrap()
    }

    /// What was queued since the last call, one notice each.
    async fn queued(&self) -> Vec<Notice> {
        let far = at("2100-01-01T00:00:00Z");
        let mut notices: Vec<Notice> = Vec::new();
        for mail in self.store.outbox_due(far, 1000).await.unwrap() {
            self.store.outbox_sent(mail.id, far).await.unwrap();
            if !notices.iter().any(|notice| notice.id == mail.notice.id) {
                notices.push(mail.notice);
            }
        }
        notices
    }

    async fn spans(&self) -> Vec<(Timestamp, Timestamp)> {
        let digests = self.queued().await;
        digests.iter().map(digest).map(|facts| (facts.from, facts.until)).collect()
    }
}

fn digest(notice: &Notice) -> &DigestFacts {
    match &notice.matter {
        Matter::Digest(facts) => facts,
        other => panic!("no digest: {other:?}"),
    }
}

fn heartbeat(notice: &Notice) -> &HeartbeatFacts {
    match &notice.matter {
        Matter::Heartbeat(facts) => facts,
        other => panic!("no heartbeat: {other:?}"),
    }
}

#[tokio::test]
async fn a_digest_tells_of_each_day_once_however_long_the_day_is() {
    // Berlin sets its clocks back on 25 October 2026 at 01:00 UTC: 08:00 there is 06:00 UTC before and
    // 07:00 UTC after, and that day has 25 hours.
    let mut desk = Desk::new(&["0 8 * * *"], None);
    let cases = [
        ("the first look begins the count", "2026-10-23T12:00:00Z", None),
        ("a second before", "2026-10-24T05:59:59Z", None),
        ("at the slot", "2026-10-24T06:00:00Z", Some(("2026-10-23T12:00:00Z", "2026-10-24T06:00:00Z"))),
        ("again in the same second", "2026-10-24T06:00:00Z", None),
        ("later that day", "2026-10-24T20:00:00Z", None),
        ("the hour that it would be without the change", "2026-10-25T06:30:00Z", None),
        ("a little late", "2026-10-25T07:00:20Z", Some(("2026-10-24T06:00:00Z", "2026-10-25T07:00:00Z"))),
        ("the clock is set back an hour", "2026-10-25T06:30:00Z", None),
        ("and comes to the slot again", "2026-10-25T07:00:00Z", None),
        (
            "off for three days",
            "2026-10-28T12:00:00Z",
            Some(("2026-10-25T07:00:00Z", "2026-10-28T07:00:00Z")),
        ),
        ("the day after", "2026-10-29T07:00:00Z", Some(("2026-10-28T07:00:00Z", "2026-10-29T07:00:00Z"))),
    ];
    for (name, now, want) in cases {
        desk.turn(now).await;
        let want: Vec<_> = want.iter().map(|(from, until)| (at(from), at(until))).collect();
        assert_eq!(desk.spans().await, want, "{name}");
    }
}

#[tokio::test]
async fn a_restart_neither_doubles_nor_loses_one() {
    let mut desk = Desk::new(&["0 8 * * *", "0 8 * * *", "0 9 * * 1"], Some("0 * * * *"));
    desk.turn("2026-06-01T00:10:00Z").await;
    for (now, want) in [
        // 08:00 in Berlin; two digests with one schedule are two. The heartbeats in between were missed.
        ("2026-06-01T06:00:00Z", (2, 1)),
        ("2026-06-01T06:00:01Z", (0, 0)),
        // 09:00: a Monday.
        ("2026-06-01T07:00:00Z", (1, 1)),
        ("2026-06-02T06:00:00Z", (2, 1)),
    ] {
        desk.adopted = None;
        desk.turn(now).await;
        let queued = desk.queued().await;
        let digests = queued.iter().filter(|notice| notice.kind == NoticeKind::Digest).count();
        assert_eq!((digests, queued.len() - digests), want, "{now}");
        assert!(queued.iter().all(|notice| notice.incident.is_none() && notice.in_reply_to.is_none()));
    }
    // What is taken out of the plan and put back in begins anew.
    let full = Arc::clone(&desk.plan.borrow());
    let mut empty = Plan::clone(&full);
    empty.mail = None;
    desk.plan.send_replace(Arc::new(empty));
    assert_eq!(desk.turn("2026-06-02T12:00:00Z").await, None);
    desk.plan.send_replace(full);
    assert_eq!(desk.turn("2026-06-20T05:00:00Z").await, Some(at("2026-06-20T06:00:00Z")));
    assert_eq!(desk.queued().await, []);
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_silences_nobody() {
    let mut desk = Desk::new(&[], Some("0 * * * *"));
    desk.turn("2036-01-01T00:30:00Z").await;
    desk.turn("2026-06-01T00:30:00Z").await;
    desk.turn("2026-06-01T01:00:00Z").await;
    let queued = desk.queued().await;
    assert_eq!(queued.len(), 1);
    assert_eq!(heartbeat(&queued[0]).next_at, Some(at("2026-06-01T02:00:00Z")));
    assert_eq!(queued[0].message_id, format!("<{}@example.org>", queued[0].id));
}

#[tokio::test]
async fn the_numbers_are_those_of_the_store() {
    let mut desk = Desk::new(&["0 8 * * *"], Some("0 8 * * *"));
    desk.turn("2026-06-01T06:00:00Z").await;
    let gap = |slot: &str| Gap::one("home".into(), "north".into(), at(slot), GapReason::Overdue);
    // The first is told by the digest before, the last by the one after.
    let gaps =
        ["2026-06-01T05:59:59Z", "2026-06-01T06:00:00Z", "2026-06-02T05:59:59Z", "2026-06-02T06:00:00Z"];
    desk.store.record_gaps(gaps.map(gap).to_vec()).await.unwrap();
    desk.turn("2026-06-02T06:00:00Z").await;
    let queued = desk.queued().await;
    assert_eq!(queued.len(), 2);
    assert_eq!(digest(&queued[0]).gaps, 2);
    let beat = heartbeat(&queued[1]);
    // The digest waits when the heartbeat is written.
    assert_eq!((beat.runs, beat.open, beat.mails_stuck), (0, 0, 2));
    assert_eq!(desk.store.numbers().await.unwrap().heartbeat_at, Some(at("2100-01-01T00:00:00Z")));
}

#[tokio::test]
async fn the_loop_tells_what_is_due_and_rings() {
    let desk = Desk::new(&["0 8 * * *"], None);
    desk.clock.set(at("2026-06-01T07:00:00Z"));
    let names = items(desk.plan.borrow().mail.as_ref().unwrap()).into_keys().collect();
    desk.store.keep_recurring(names, at("2026-06-01T05:00:00Z")).await.unwrap();
    let stop = CancellationToken::new();
    let loops = tokio::spawn(desk.clerk().run(stop.clone()));
    desk.bell.notified().await;
    assert_eq!(desk.spans().await, [(at("2026-06-01T05:00:00Z"), at("2026-06-01T06:00:00Z"))]);
    stop.cancel();
    loops.await.unwrap();
}

#[test]
fn the_newest_slot_is_found_after_any_absence() {
    let cases = [
        ("* * * * *", "2026-06-01T00:00:30Z", "2026-06-01T00:00:59Z", None),
        ("* * * * *", "2026-06-01T00:00:30Z", "2026-06-01T00:01:00Z", Some("2026-06-01T00:01:00Z")),
        ("* * * * *", "2020-01-01T00:00:00Z", "2026-06-01T00:00:59Z", Some("2026-06-01T00:00:00Z")),
        ("0 8 * * 1", "2026-06-01T06:00:00Z", "2026-06-08T05:59:59Z", None),
        ("0 8 * * 1", "2026-06-01T06:00:00Z", "2026-06-30T00:00:00Z", Some("2026-06-29T06:00:00Z")),
        ("0 0 1 1 *", "2026-06-01T00:00:00Z", "2027-06-01T00:00:00Z", Some("2026-12-31T23:00:00Z")),
        // The hour that does not exist in spring is made up for right after it; the one that comes twice
        // in autumn counts once.
        ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T00:59:59Z", None),
        ("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", Some("2026-03-29T01:00:00Z")),
        ("30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-25T20:00:00Z", None),
    ];
    for (text, from, now, want) in cases {
        assert_eq!(
            newest_slot(&schedule(text), at(from), at(now)),
            want.map(at),
            "{text} from {from} to {now}"
        );
    }
}

fn incident(id: &str, target: &str) -> Incident {
    Incident {
        id: id.into(),
        concern: Concern::Outage,
        severity: Severity::Outage,
        scope: Scope::Pair,
        parent: None,
        flapping: false,
        acknowledged: None,
        probe: "home".into(),
        target: target.into(),
        since: at("2026-06-01T01:00:00Z"),
        opened_at: at("2026-06-01T01:01:00Z"),
        opened_by: None,
        closed_at: None,
        closed_by: None,
        told_at: None,
        last_notice_at: None,
        reminders: 0,
        thread: format!("<{id}@example.org>"),
        outcome: Outcome::Broken,
        step: "visit".to_owned(),
    }
}

#[tokio::test]
async fn a_digest_tells_what_its_filter_takes() {
    let desk = Desk::new(&[], None);
    let plan = Arc::clone(&desk.plan.borrow());
    let wave = |id: &str, members: &str| {
        let shared = Shared::Region(members.to_owned());
        Incident { scope: Scope::Wave { shared }, probe: "".into(), target: "".into(), ..incident(id, "") }
    };
    let folded = |id: &str, target: &str, parent: &str| Incident {
        parent: Some(parent.into()),
        ..incident(id, target)
    };
    let slow = Incident { concern: Concern::Slow, severity: Severity::Degraded, ..incident("slow", "north") };
    let vantage = Incident {
        scope: Scope::Vantage,
        concern: Concern::Vantage,
        probe: "".into(),
        target: "".into(),
        ..incident("us", "")
    };
    let counts = |pass, fail| VerdictCounts { pass, fail, ..VerdictCounts::default() };
    let rows = DigestRows {
        incidents: vec![
            wave("wave", "south"),
            folded("w1", "south", "wave"),
            folded("w2", "gone", "wave"),
            folded("child", "north", "not in this time"),
            slow,
            vantage,
        ],
        runs: vec![
            ("home".into(), "north".into(), counts(5, 1)),
            ("home".into(), "south".into(), counts(0, 7)),
        ],
        gaps: vec![("home".into(), "south".into(), 3), ("home".into(), "gone".into(), 2)],
        script_rot: vec![
            ("home".into(), "north".into(), "licence".into()),
            ("home".into(), "south".into(), "licence".into()),
        ],
        undelivered: 4,
        pending: 0,
        head: Some("7 2026-11-28 ab cd".to_owned()),
    };
    let labels = |region: &str| vec![("region".to_owned(), region.to_owned())];
    let north = RouteFilter { labels: labels("north"), ..everything() };
    let south = RouteFilter { labels: labels("south"), ..everything() };
    let cases = [
        ("everything", everything(), vec!["wave", "child", "slow", "us"], [5, 0, 8, 0], 5, 1),
        ("outages", RouteFilter::default(), vec!["wave", "child", "us"], [5, 0, 8, 0], 5, 1),
        ("the north", north.clone(), vec!["child", "slow", "us"], [5, 0, 1, 0], 0, 1),
        ("the south", south, vec!["wave", "us"], [0, 0, 7, 0], 3, 1),
        (
            "what is slow",
            RouteFilter { concerns: vec![Concern::Slow], ..everything() },
            vec!["slow"],
            [5, 0, 8, 0],
            5,
            1,
        ),
        (
            "one target",
            RouteFilter { targets: vec!["gone".to_owned()], concerns: vec![Concern::Outage], ..everything() },
            vec!["wave"],
            [0; 4],
            2,
            0,
        ),
    ];
    let span = (at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"));
    for (name, filter, incidents, runs, gaps, rot) in cases {
        let facts = facts::digest(&rows, &plan, &filter, span);
        let ids: Vec<_> = facts.incidents.iter().map(|member| member.incident.to_string()).collect();
        assert_eq!(ids, incidents, "{name}");
        assert_eq!((facts.runs, facts.gaps, facts.script_rot.len()), (runs, gaps, rot), "{name}");
        assert_eq!((facts.from, facts.until, facts.undelivered), (span.0, span.1, 4), "{name}");
    }
    let all = facts::digest(&rows, &plan, &everything(), span);
    let names: Vec<_> =
        all.incidents.iter().map(|m| (m.target_name.as_str(), m.probe_title.as_str())).collect();
    let want = [
        ("south", "2 sites"),
        ("Northern town", "Home page"),
        ("Northern town", "Home page"),
        ("berlin-1", "our own vantage"),
    ];
    assert_eq!(names, want);
    let beat = facts::heartbeat(&rows, &plan, None);
    assert_eq!((beat.runs, beat.open, beat.mails_stuck), (13, 3, 4), "what others speak for is not counted");
    assert_eq!(
        beat.head.as_deref(),
        Some("7 2026-11-28 ab cd"),
        "whoever keeps it can show later that nothing was cut off"
    );
}
