//! Who hears of what waits, as a table.

use super::*;
use crate::domain::ids::IncidentId;
use crate::domain::notice::TestFacts;
use crate::judge::fixtures::plan;
use crate::plan::{QuietHours, Route, RouteFilter};

const NOW: i64 = 100_000;

fn at(minutes_ago: i64) -> Timestamp {
    Timestamp::from_second(NOW - minutes_ago * 60).unwrap()
}

/// A message of so many minutes ago that failed once and is tried again in a minute.
fn waits(id: i64, to: &str, kind: NoticeKind, minutes_ago: i64, others: &[&str]) -> Waiting {
    let facts = TestFacts { vantage: "here".into(), timezone: "UTC".into() };
    let notice = Notice {
        id: format!("n{id}").as_str().into(),
        incident: Some(IncidentId::new(format!("i{id}"))),
        kind,
        concern: Concern::Outage,
        severity: Severity::Outage,
        created_at: at(minutes_ago),
        message_id: format!("<n{id}@mail.example>"),
        in_reply_to: None,
        matter: Matter::Test(Box::new(facts)),
    };
    Waiting {
        id,
        to: to.into(),
        notice,
        attempts: 3,
        next_try_at: at(-1),
        error: Some("451 busy".to_owned()),
        told: false,
        others: others.iter().map(|other| (*other).into()).collect(),
    }
}

fn told(message: Waiting) -> Waiting {
    Waiting { told: true, ..message }
}

fn route(to: &[&str]) -> Route {
    Route {
        to: to.iter().map(|to| (*to).into()).collect(),
        when: RouteFilter::default(),
        after: Duration::ZERO,
        quiet: None,
    }
}

/// `whom → to`, one for each; `nobody` when there is no other way, `known` when all know.
fn show(found: &[Stuck]) -> Vec<String> {
    let names = |list: &[Recipient]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
    let told = |one: &Stuck| match (one.known, one.to.is_empty()) {
        (true, _) => "known".to_owned(),
        (false, true) => "nobody".to_owned(),
        (false, false) => names(&one.to),
    };
    found.iter().map(|one| format!("{} → {}", names(&one.whom), told(one))).collect()
}

/// What it is, what waits, routes besides, told so many minutes ago, whether mail works, who hears.
type Row = (&'static str, Vec<Waiting>, Vec<Route>, Option<i64>, bool, Vec<&'static str>);

#[test]
fn what_waits_too_long_is_told_by_a_way_that_works() {
    use NoticeKind::{Digest, Escalated, Opened, Reminder, Resolved, Undeliverable, Worsened};
    let flying = |message: Waiting| Waiting { next_try_at: at(0), ..message };
    let untried = |message: Waiting| Waiting { attempts: 0, ..message };
    let slow = |mut message: Waiting| {
        (message.notice.concern, message.notice.severity) = (Concern::Slow, Severity::Degraded);
        message
    };
    let cases: Vec<Row> = vec![
        ("nothing waits", vec![], vec![route(&["hook:ops"])], None, true, vec![]),
        ("not yet", vec![waits(1, "a@x", Opened, 14, &["hook:ops"])], vec![], None, false, vec![]),
        (
            "a webhook of the same route",
            vec![waits(1, "a@x", Opened, 15, &["hook:ops"])],
            vec![route(&["hook:other"])],
            None,
            false,
            vec!["a@x → hook:ops"],
        ),
        (
            "a webhook of another route, when there is none of the same",
            vec![waits(1, "a@x", Opened, 15, &[])],
            vec![route(&["hook:other", "b@x"])],
            None,
            false,
            vec!["a@x → hook:other"],
        ),
        (
            "that route takes outages only",
            vec![slow(waits(1, "a@x", Opened, 15, &[]))],
            vec![route(&["hook:other"])],
            None,
            false,
            vec!["a@x → nobody"],
        ),
        ("nobody else", vec![waits(1, "a@x", Opened, 15, &[])], vec![], None, false, vec!["a@x → nobody"]),
        (
            "the next to be called are called when they would be anyway",
            vec![waits(1, "a@x", Opened, 15, &[])],
            vec![Route { after: Duration::from_mins(30), ..route(&["hook:lead"]) }],
            None,
            false,
            vec!["a@x → nobody"],
        ),
        (
            "the other one is in trouble as well",
            vec![waits(1, "a@x", Opened, 15, &["hook:ops"]), waits(2, "hook:ops", Opened, 2, &["a@x"])],
            vec![],
            None,
            false,
            vec!["a@x → nobody"],
        ),
        (
            "all mail is stuck: one notice",
            vec![
                waits(1, "a@x", Opened, 15, &["b@x", "hook:ops"]),
                waits(2, "b@x", Opened, 15, &["a@x", "hook:ops"]),
            ],
            vec![],
            None,
            false,
            vec!["a@x+b@x → hook:ops"],
        ),
        (
            "only one mailbox is stuck",
            vec![waits(1, "a@x", Opened, 15, &["b@x"])],
            vec![],
            None,
            true,
            vec!["a@x → b@x"],
        ),
        (
            "a webhook is stuck, by mail",
            vec![waits(1, "hook:ops", Opened, 15, &["a@x"])],
            vec![],
            None,
            false,
            vec!["hook:ops → a@x"],
        ),
        (
            "a webhook that is alone in its route, by another route",
            vec![waits(1, "hook:ops", Worsened, 15, &[])],
            vec![route(&["hook:ops", "a@x"])],
            None,
            false,
            vec!["hook:ops → a@x"],
        ),
        (
            "a flood is one notice",
            (1..=40).map(|n| waits(n, "a@x", Opened, 15, &["hook:ops"])).collect(),
            vec![],
            None,
            false,
            vec!["a@x → hook:ops"],
        ),
        (
            "digests and notices about notices may wait",
            vec![
                waits(1, "a@x", Digest, 90, &["hook:ops"]),
                waits(2, "b@x", Undeliverable, 90, &["hook:ops"]),
            ],
            vec![route(&["hook:ops"])],
            None,
            false,
            vec![],
        ),
        (
            "it was never tried: the agent was off",
            vec![untried(waits(1, "a@x", Opened, 900, &["hook:ops"]))],
            vec![],
            None,
            false,
            vec![],
        ),
        (
            "it is tried just now",
            vec![flying(waits(1, "a@x", Opened, 900, &["hook:ops"]))],
            vec![],
            None,
            false,
            vec![],
        ),
        (
            "a recovery that waits is told as well",
            vec![waits(1, "a@x", Resolved, 15, &["hook:ops"])],
            vec![],
            None,
            false,
            vec!["a@x → hook:ops"],
        ),
        ("once", vec![told(waits(1, "a@x", Opened, 600, &["hook:ops"]))], vec![], Some(585), false, vec![]),
        (
            "a new outage of which the others heard themselves",
            vec![
                told(waits(1, "a@x", Opened, 600, &["hook:ops"])),
                waits(2, "a@x", Opened, 15, &["hook:ops"]),
            ],
            vec![],
            Some(585),
            false,
            vec!["a@x → known"],
        ),
        (
            "a new outage of which nobody heard",
            vec![told(waits(1, "a@x", Opened, 600, &[])), waits(2, "a@x", Escalated, 15, &[])],
            vec![route(&["hook:other"])],
            Some(585),
            false,
            vec!["a@x → hook:other"],
        ),
        (
            "but not within an hour",
            vec![told(waits(1, "a@x", Opened, 70, &[])), waits(2, "a@x", Opened, 15, &[])],
            vec![route(&["hook:other"])],
            Some(55),
            false,
            vec![],
        ),
        (
            "a new outage behind what failed, which is not tried before it",
            vec![told(waits(1, "a@x", Opened, 600, &[])), untried(waits(2, "a@x", Opened, 15, &[]))],
            vec![route(&["hook:other"])],
            Some(585),
            false,
            vec!["a@x → hook:other"],
        ),
        (
            "a reminder behind it is nothing new",
            vec![told(waits(1, "a@x", Opened, 600, &[])), waits(2, "a@x", Reminder, 15, &[])],
            vec![route(&["hook:other"])],
            Some(585),
            false,
            vec![],
        ),
    ];
    for (name, waiting, routes, last, mail_works, want) in cases {
        let mut plan = plan("");
        plan.routes = routes;
        let last = last.map(|ago| (Recipient::from("a@x"), at(ago))).into_iter().collect();
        let outbox = Outbox { waiting: &waiting, last, mail_works, now: at(0) };
        assert_eq!(show(&stuck(&outbox, &plan)), want, "{name}");
    }
}

#[test]
fn quiet_hours_are_kept_for_what_waits_for_another() {
    let slow = |severity| {
        let mut message = waits(1, "a@x", NoticeKind::Opened, 15, &[]);
        message.notice.severity = severity;
        vec![message]
    };
    let midnight = jiff::civil::Time::midnight();
    let quiet = QuietHours { from: midnight, until: midnight, unless: Severity::Outage };
    let when = RouteFilter { severities: Severity::ALL.to_vec(), ..RouteFilter::default() };
    let mut plan = plan("");
    plan.routes = vec![Route { quiet: Some(quiet), when, ..route(&["hook:other"]) }];
    for (severity, want) in [(Severity::Degraded, "a@x → nobody"), (Severity::Outage, "a@x → hook:other")]
    {
        let waiting = slow(severity);
        let outbox = Outbox { waiting: &waiting, last: BTreeMap::new(), mail_works: true, now: at(0) };
        assert_eq!(show(&stuck(&outbox, &plan)), [want]);
    }
}

#[test]
fn the_notice_says_how_bad_the_worst_of_it_is() {
    let mut lesser = waits(1, "a@x", NoticeKind::Opened, 20, &["hook:ops"]);
    lesser.notice.severity = Severity::Degraded;
    let waiting = vec![
        lesser,
        waits(2, "a@x", NoticeKind::Opened, 15, &["hook:ops"]),
        waits(3, "b@x", NoticeKind::Opened, 15, &["hook:ops"]),
    ];
    let outbox = Outbox { waiting: &waiting, last: BTreeMap::new(), mail_works: false, now: at(0) };
    let found = stuck(&outbox, &plan(""));
    assert_eq!(found[0].messages, [1, 2, 3]);
    let notice = outbox.notice("n9".into(), &found[0]).unwrap();
    assert_eq!((notice.kind, notice.severity), (NoticeKind::Undeliverable, Severity::Outage));
    assert_eq!((notice.message_id.as_str(), notice.created_at), ("<n9@mail.example>", at(0)));
    let Matter::Undeliverable(facts) = &notice.matter else { panic!("{notice:?}") };
    assert_eq!((facts.error.as_str(), facts.attempts), ("451 busy", 3));
    let waits = facts.waiting.as_ref().unwrap();
    assert_eq!((waits.since, waits.others.as_slice()), (at(20), ["b@x".into()].as_slice()));
}
