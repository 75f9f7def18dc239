//! The order of mails: what waits for whom, and what is not sent any more.

use mystery_shopper::domain::notice::Outgoing;

use super::*;

/// What is due, as recipient and kind.
async fn due(store: &Store, seconds: i64) -> Vec<(String, NoticeKind)> {
    let mails = store.outbox_due(at(seconds), 10).await.unwrap();
    mails.into_iter().map(|mail| (mail.to.to_string(), mail.notice.kind)).collect()
}

async fn mail_to(store: &Store, to: &str) -> Outgoing {
    let mails = store.outbox_due(at(99_999), 10).await.unwrap();
    mails.into_iter().find(|mail| mail.to == to.into()).unwrap()
}

fn each(to: &[(&str, NoticeKind)]) -> Vec<(String, NoticeKind)> {
    to.iter().map(|(to, kind)| ((*to).to_owned(), *kind)).collect()
}

const ONCALL: &str = "oncall@example.org";
const LEAD: &str = "lead@example.org";

/// An outage that is confirmed 66 seconds after the start of the world.
async fn outage() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    store.record(bad("r1", 0), context(0)).await.unwrap();
    store.record(bad("r2", 60), context(60)).await.unwrap();
    (dir, store)
}

async fn recovery(store: &Store, seconds: i64) {
    for i in 0..2 {
        let id = format!("good-{seconds}-{i}");
        store.record(good(&id, seconds + i * 60), context(seconds + i * 60)).await.unwrap();
    }
}

#[tokio::test]
async fn a_mail_waits_while_an_earlier_one_of_its_incident_waits_for_the_same_person() {
    use NoticeKind::{Opened, Resolved};
    let (_dir, store) = outage().await;
    // One server is busy for an hour; the other person was told at once.
    store.outbox_retry(mail_to(&store, ONCALL).await.id, at(3900), "451 busy").await.unwrap();
    store.outbox_sent(mail_to(&store, LEAD).await.id, at(70)).await.unwrap();
    recovery(&store, 300).await;
    assert_eq!(due(&store, 400).await, each(&[(LEAD, Resolved)]), "the other person is not held up");

    // The outage is told first although it is over, and then its end.
    assert_eq!(due(&store, 3900).await, each(&[(LEAD, Resolved), (ONCALL, Opened)]));
    let opened = mail_to(&store, ONCALL).await;
    store.outbox_sent(opened.id, at(3901)).await.unwrap();
    assert_eq!(due(&store, 3901).await, each(&[(ONCALL, Resolved), (LEAD, Resolved)]));
    let resolved = mail_to(&store, ONCALL).await.notice;
    assert_eq!(resolved.in_reply_to.as_deref(), Some(opened.notice.message_id.as_str()));
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_up_nothing() {
    use NoticeKind::Opened;
    let (_dir, store) = outage().await;
    // An hour is what the other side may ask for; the other mail was never tried.
    store.outbox_retry(mail_to(&store, ONCALL).await.id, at(60 + 3780), "429").await.unwrap();
    assert_eq!(due(&store, 60).await, [], "both wait, one of them for six seconds");
    // Two hours back: nothing waits so long, so both are tried now.
    assert_eq!(due(&store, -7200).await, each(&[(LEAD, Opened), (ONCALL, Opened)]));
    // A quarter of an hour is more than any mail waits that was never tried.
    assert_eq!(due(&store, -900).await, each(&[(LEAD, Opened), (ONCALL, Opened)]));
}

#[tokio::test]
async fn another_incident_is_another_matter() {
    use NoticeKind::{Opened, Resolved};
    let (_dir, store) = outage().await;
    store.outbox_retry(mail_to(&store, ONCALL).await.id, at(3900), "451 busy").await.unwrap();
    recovery(&store, 300).await;
    store.record(bad("r3", 600), context(600)).await.unwrap();
    store.record(bad("r4", 660), context(660)).await.unwrap();
    let due = due(&store, 700).await;
    assert_eq!(due, each(&[(LEAD, Opened), (ONCALL, Opened), (LEAD, Opened)]), "never {Resolved:?} first");
}

#[tokio::test]
async fn a_mail_that_was_given_up_holds_up_nobody() {
    let (_dir, store) = outage().await;
    store
        .outbox_failed(mail_to(&store, ONCALL).await.id, at(9999), "550 no such user", &context(0).plan)
        .await
        .unwrap();
    recovery(&store, 300).await;
    assert_eq!(mail_to(&store, ONCALL).await.notice.kind, NoticeKind::Resolved);

    // And the summary says who was not told.
    let summary = store.outbox_summary().await.unwrap();
    let [person] = &summary.given_up[..] else { panic!("{summary:?}") };
    assert_eq!((person.to.as_str(), person.mails, person.newest_at), (ONCALL, 1, at(66)));
    assert_eq!(person.error.as_deref(), Some("550 no such user"));
}

#[tokio::test]
async fn a_reminder_gives_way_to_a_newer_one_and_to_the_recovery() {
    use NoticeKind::{Opened, Reminder, Resolved};
    let (_dir, store) = outage().await;
    for mail in store.outbox_due(at(100), 10).await.unwrap() {
        store.outbox_sent(mail.id, at(100)).await.unwrap();
    }
    store.record(bad("r3", 3700), context(3700)).await.unwrap();
    let old = mail_to(&store, ONCALL).await;
    // The second reminder goes to one of the two only: the other keeps the first.
    let fewer = telling(12_000, &[ONCALL]);
    store.record(bad("r4", 12_000), fewer).await.unwrap();
    assert_eq!(due(&store, 13_000).await, each(&[(LEAD, Reminder), (ONCALL, Reminder)]));
    assert_ne!(mail_to(&store, ONCALL).await.id, old.id);
    // It was on its way when it was superseded: what became of it is no fault.
    store.outbox_retry(old.id, at(13_001), "451 busy").await.unwrap();
    store.outbox_failed(old.id, at(14_000), "550 no such user", &context(0).plan).await.unwrap();

    recovery(&store, 14_000).await;
    assert_eq!(due(&store, 99_999).await, each(&[(ONCALL, Resolved), (LEAD, Resolved)]));
    let summary = store.outbox_summary().await.unwrap();
    assert_eq!((summary.pending, summary.sent, summary.failed, summary.superseded), (2, 2, 0, 3));
    assert_eq!(summary.last_error, None);

    // Never told of the outage: its mail stays, and the reminders go.
    let (_dir, store) = outage().await;
    store.record(bad("r3", 3700), context(3700)).await.unwrap();
    recovery(&store, 9000).await;
    assert_eq!(due(&store, 99_999).await, each(&[(ONCALL, Opened), (LEAD, Opened)]));
    assert_eq!(store.outbox_summary().await.unwrap().superseded, 2);
}

#[tokio::test]
async fn a_reminder_knows_how_many_runs_failed() {
    let (_dir, store) = outage().await;
    for i in 2..43 {
        store.record(bad(&format!("r{}", i + 1), i * 60), context(i * 60)).await.unwrap();
    }
    let mut manual = bad("m1", 3000);
    manual.cause = Cause::Manual;
    store.record(manual, context(3000)).await.unwrap();
    for mail in store.outbox_due(at(100), 10).await.unwrap() {
        assert_eq!(mail.notice.facts().unwrap().runs_in_all, 2);
        store.outbox_sent(mail.id, at(100)).await.unwrap();
    }
    store.record(bad("r44", 3700), context(3700)).await.unwrap();
    let notice = mail_to(&store, ONCALL).await.notice;
    let facts = notice.facts().unwrap();
    assert_eq!((facts.runs_in_all, facts.runs.len()), (44, 20));
}
