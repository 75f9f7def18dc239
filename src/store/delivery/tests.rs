//! Floods and messages that could not be delivered, in a real database.

mod floods;
mod stuck;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::domain::incident::{Concern, Incident, Scope, Severity};
use crate::domain::notice::{NoticeFacts, NoticeKind, Outgoing};
use crate::domain::outcome::Outcome;
use crate::judge::fixtures::plan;
use crate::plan::{Route, RouteFilter};
use crate::store::{Access, Store};

const ONCALL: &str = "oncall@example.org";
const LEAD: &str = "lead@example.org";
const OPS: &str = "hook:ops";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_320_000 + seconds).unwrap()
}

fn incident(n: i64, seconds: i64) -> Incident {
    Incident {
        id: format!("i{n}").as_str().into(),
        concern: Concern::Outage,
        severity: Severity::Outage,
        scope: Scope::Pair,
        parent: None,
        flapping: false,
        acknowledged: None,
        probe: format!("p{n}").as_str().into(),
        target: "city".into(),
        since: at(seconds),
        opened_at: at(seconds),
        opened_by: None,
        closed_at: None,
        closed_by: None,
        told_at: None,
        last_notice_at: None,
        reminders: 0,
        thread: format!("<i{n}@example.org>"),
        outcome: Outcome::Timeout,
        step: "home".to_owned(),
    }
}

fn notice(n: i64, kind: NoticeKind, seconds: i64) -> Notice {
    let facts = NoticeFacts {
        target: "city".into(),
        target_name: format!("City {n}"),
        region: None,
        entry: "http://city.example/".to_owned(),
        probe: format!("p{n}").as_str().into(),
        probe_title: "home page".to_owned(),
        step: "home".to_owned(),
        position: (0, 1),
        outcome: Outcome::Timeout,
        url: "http://city.example/".to_owned(),
        status: None,
        error: None,
        phrase: None,
        links: None,
        since: at(seconds),
        confirmed_at: at(seconds),
        resolved_at: (kind == NoticeKind::Resolved).then(|| at(seconds)),
        runs: Vec::new(),
        runs_in_all: 2,
        screenshot: None,
        vantage: "beijing-1".to_owned(),
        timezone: "Asia/Shanghai".to_owned(),
        slow: None,
        scenario: None,
        with_it: Vec::new(),
        tried: Vec::new(),
        acknowledged: None,
        held_by: None,
    };
    Notice {
        id: format!("n{n}-{}", kind.name()).as_str().into(),
        incident: Some(format!("i{n}").as_str().into()),
        kind,
        concern: Concern::Outage,
        severity: Severity::Outage,
        created_at: at(seconds),
        message_id: format!("<n{n}-{}@example.org>", kind.name()),
        in_reply_to: None,
        matter: Matter::Facts(Box::new(facts)),
    }
}

fn world() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    (dir, store)
}

/// Opens an incident for each notice that opens one, and queues the notices.
async fn queue_all(store: &Store, notices: Vec<Notice>, to: &[&str]) {
    let to: Vec<Recipient> = to.iter().map(|to| (*to).into()).collect();
    let job = move |connection: &mut Connection| {
        let tx = connection.transaction()?;
        for notice in &notices {
            let n = notice.incident.as_ref().unwrap().as_str()[1..].parse().unwrap();
            rows::incident::save(&tx, &incident(n, 0))?;
            rows::incident::queue(&tx, notice, &to)?;
        }
        Ok(tx.commit()?)
    };
    store.write(job).await.unwrap();
}

fn opened(n: i64, seconds: i64) -> Notice {
    notice(n, NoticeKind::Opened, seconds)
}

/// A plan that tells nobody of anything.
fn nobody() -> Arc<Plan> {
    Arc::new(plan(""))
}

/// A plan that tells these at once of every outage, and somebody else after a while.
fn telling(people: &[&str]) -> Arc<Plan> {
    let mut plan = plan("");
    let route = |to: Vec<Recipient>, after| Route { to, when: RouteFilter::default(), after, quiet: None };
    let at_once = people.iter().map(|person| (*person).into()).collect();
    plan.routes = vec![route(at_once, Duration::ZERO), route(vec!["boss@example.org".into()], ONCE_IN)];
    Arc::new(plan)
}

async fn due(store: &Store, seconds: i64) -> Vec<Outgoing> {
    store.outbox_due(at(seconds), 100).await.unwrap()
}

#[tokio::test]
async fn a_refusal_is_told_to_the_others_once_a_day() {
    let (_dir, store) = world();
    queue_all(&store, vec![opened(1, 0), opened(2, 0)], &[ONCALL, LEAD, OPS]).await;
    let mails = due(&store, 0).await;
    let to_oncall: Vec<i64> =
        mails.iter().filter(|mail| mail.to == ONCALL.into()).map(|mail| mail.id).collect();
    let heard = store.outbox_failed(to_oncall[0], at(10), "550 no such user", &nobody()).await.unwrap();
    assert_eq!(heard, [LEAD.into(), OPS.into()], "webhooks included");
    assert_eq!(store.outbox_failed(to_oncall[1], at(20), "550 no such user", &nobody()).await.unwrap(), []);
    // It is marked once.
    assert!(store.outbox_failed(to_oncall[0], at(30), "550", &nobody()).await.is_err());

    let undeliverable: Vec<Outgoing> = due(&store, 30)
        .await
        .into_iter()
        .filter(|mail| mail.notice.kind == NoticeKind::Undeliverable)
        .collect();
    assert_eq!(undeliverable.len(), 2);
    let Matter::Undeliverable(facts) = &undeliverable[0].notice.matter else { panic!("{undeliverable:?}") };
    assert_eq!((&facts.to, facts.about.as_str(), facts.attempts), (&ONCALL.into(), "City 1 – home", 1));
    assert_eq!(facts.error, "550 no such user");

    // Never about itself, whoever does not get it.
    for mail in &undeliverable {
        assert_eq!(store.outbox_failed(mail.id, at(40), "550", &nobody()).await.unwrap(), []);
    }
    // Another day it is news again.
    queue_all(&store, vec![opened(3, 90_000)], &[ONCALL, LEAD]).await;
    let again = due(&store, 90_000).await;
    let again =
        again.iter().find(|mail| mail.notice.incident == Some("i3".into()) && mail.to == ONCALL.into());
    let heard = store.outbox_failed(again.unwrap().id, at(90_010), "550", &nobody()).await.unwrap();
    assert_eq!(heard, [LEAD.into()]);
    let given_up = store.outbox_summary().await.unwrap().given_up;
    assert_eq!(given_up.iter().find(|person| person.to == ONCALL).unwrap().mails, 3);
}

#[tokio::test]
async fn what_nobody_else_was_told_is_told_to_those_who_hear_of_its_like() {
    let (_dir, store) = world();
    queue_all(&store, vec![opened(1, 0)], &[ONCALL]).await;
    let mail = due(&store, 0).await.remove(0);
    let plan = telling(&[ONCALL, OPS, LEAD, OPS]);
    let heard = store.outbox_failed(mail.id, at(10), "550 no such user", &plan).await.unwrap();
    assert_eq!(heard, [LEAD.into(), OPS.into()], "each once, not the one who is gone, nobody too early");
    let told = due(&store, 30).await;
    assert_eq!(told.iter().map(|mail| mail.to.clone()).collect::<Vec<_>>(), heard);
    let Matter::Undeliverable(facts) = &told[0].notice.matter else { panic!("{told:?}") };
    let unheard = facts.unheard.as_ref().unwrap();
    assert_eq!((unheard.incidents[0].target_name.as_str(), unheard.incidents_in_all), ("City 1", 1));
    assert_eq!(told[0].notice.severity, Severity::Outage, "as urgent as what it stands for");

    // The next outage is news, however lately it was told that the address is dead; that one is over is not.
    queue_all(&store, vec![opened(3, 60), notice(1, NoticeKind::Resolved, 60)], &[ONCALL]).await;
    let mut again: Vec<_> =
        due(&store, 60).await.into_iter().filter(|mail| mail.to == ONCALL.into()).collect();
    again.sort_by_key(|mail| mail.id);
    let [next, over] = again.as_slice() else { panic!("{again:?}") };
    assert_eq!(store.outbox_failed(next.id, at(70), "550", &plan).await.unwrap(), [LEAD.into(), OPS.into()]);
    assert_eq!(store.outbox_failed(over.id, at(70), "550", &plan).await.unwrap(), []);

    // A digest is no alarm: whoever is told of outages need not hear that somebody got none.
    store.queue_alone(Notice { incident: None, ..notice(2, NoticeKind::Digest, 0) }, vec![LEAD.into()]).await;
    let digest = due(&store, 40).await.into_iter().find(|mail| mail.notice.kind == NoticeKind::Digest);
    assert_eq!(store.outbox_failed(digest.unwrap().id, at(50), "550", &plan).await.unwrap(), []);
}

#[tokio::test]
async fn a_flood_becomes_one_message_and_nothing_is_lost() {
    let (_dir, store) = world();
    queue_all(&store, (0..30).map(|n| opened(n, n)).collect(), &[ONCALL, OPS]).await;
    // One of them is on its way: it is not put together with others.
    let busy = due(&store, 100).await.into_iter().find(|mail| mail.to == ONCALL.into()).unwrap();
    assert_eq!(store.outbox_relieve(at(100), vec![busy.id]).await.unwrap(), 40);
    let mails = due(&store, 100).await;
    for person in [ONCALL, OPS] {
        let mine: Vec<_> = mails.iter().filter(|mail| mail.to == person.into()).collect();
        let floods = mine.iter().filter(|mail| mail.notice.kind == NoticeKind::Flood).count();
        assert_eq!((mine.len(), floods), (11, 1), "{person}");
    }
    let is_flood = |mail: &&Outgoing| mail.notice.kind == NoticeKind::Flood;
    let flood: Vec<Outgoing> = mails.iter().filter(is_flood).cloned().collect();
    let Matter::Digest(facts) = &flood[0].notice.matter else { panic!("{flood:?}") };
    assert_eq!((facts.incidents_in_all, facts.incidents.len()), (20, 20));
    let summary = store.outbox_summary().await.unwrap();
    assert_eq!((summary.pending, summary.sent, summary.bundled), (22, 0, 40));

    // Later mail waits for it: it may tell that what they say is over is down.
    queue_all(&store, vec![notice(29, NoticeKind::Resolved, 99)], &[OPS]).await;
    assert!(due(&store, 100).await.iter().all(|mail| mail.notice.kind != NoticeKind::Resolved));
    for mail in &mails {
        store.outbox_sent(mail.id, at(101)).await.unwrap();
    }
    // What comes right behind a flood is held for a while, recoveries too, and then told at once.
    let resolved = |n| notice(n, NoticeKind::Resolved, 120 + n);
    queue_all(&store, (0..29).map(resolved).collect(), &[ONCALL]).await;
    assert_eq!(store.outbox_relieve(at(200), Vec::new()).await.unwrap(), 30);
    assert!(due(&store, 200).await.iter().all(|mail| mail.to != ONCALL.into()));
    assert_eq!(store.outbox_relieve(at(201), Vec::new()).await.unwrap(), 0, "once is enough");
    assert_eq!(store.outbox_relieve(at(701), Vec::new()).await.unwrap(), 19);
    let mails = due(&store, 701).await;
    let singles = mails.iter().filter(|mail| mail.to == ONCALL.into() && !is_flood(mail)).count();
    assert_eq!(singles, 10, "there is room for ten again");

    // The last message that tells many things says that they are over.
    let flood: Vec<Outgoing> = mails.iter().filter(is_flood).cloned().collect();
    let Matter::Digest(facts) = &flood[0].notice.matter else { panic!("{flood:?}") };
    assert!(facts.incidents.iter().all(|member| member.closed_at.is_some()), "{facts:?}");

    // Not delivered, it is told to those who were told of the same incidents.
    let heard = store.outbox_failed(flood[0].id, at(800), "550", &nobody()).await.unwrap();
    assert_eq!(heard, [OPS.into()]);
}

#[tokio::test]
async fn what_others_wait_for_is_nobodys_flood() {
    let (_dir, store) = world();
    queue_all(&store, (0..6).map(|n| opened(n, n)).collect(), &[ONCALL]).await;
    queue_all(&store, (10..15).map(|n| opened(n, n)).collect(), &[LEAD]).await;
    assert_eq!(store.outbox_relieve(at(100), Vec::new()).await.unwrap(), 0);
    assert_eq!(due(&store, 100).await.len(), 11);
}
