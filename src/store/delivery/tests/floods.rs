//! Floods that somebody does not get, and what is older than they are, in a real database.

use super::*;

/// The names of the incidents that this notice says nobody was told of, and how many there are.
fn unheard(notice: &Notice) -> (Vec<&str>, u32) {
    let Matter::Undeliverable(facts) = &notice.matter else { panic!("{notice:?}") };
    let Some(unheard) = &facts.unheard else { return (Vec::new(), 0) };
    let names = unheard.incidents.iter().map(|member| member.target_name.as_str()).collect();
    (names, unheard.incidents_in_all)
}

async fn flood(store: &Store, person: &str, seconds: i64) -> Outgoing {
    let flood = |mail: &Outgoing| mail.to == person.into() && mail.notice.kind == NoticeKind::Flood;
    due(store, seconds).await.into_iter().find(flood).unwrap()
}

/// Says that these incidents are over.
async fn close(store: &Store, numbers: std::ops::Range<i64>) {
    let job = move |connection: &mut Connection| {
        let tx = connection.transaction()?;
        for n in numbers {
            rows::incident::save(&tx, &Incident { closed_at: Some(at(50)), ..incident(n, 0) })?;
        }
        Ok(tx.commit()?)
    };
    store.write(job).await.unwrap();
}

#[tokio::test]
async fn what_only_one_person_had_of_a_flood_is_told_to_those_who_hear_of_its_like() {
    let (_dir, store) = world();
    // Of sixty incidents, more than are named, one is another person's too, and one is over.
    queue_all(&store, (0..69).map(|n| opened(n, n)).collect(), &[ONCALL]).await;
    queue_all(&store, vec![opened(70, 70)], &[ONCALL, OPS]).await;
    store.outbox_relieve(at(100), Vec::new()).await.unwrap();
    close(&store, 48..49).await;
    let first = flood(&store, ONCALL, 100).await;
    let plan = telling(&[ONCALL, LEAD]);
    let heard = store.outbox_failed(first.id, at(110), "550 no such user", &plan).await.unwrap();
    assert_eq!(heard, [LEAD.into(), OPS.into()]);
    let told = due(&store, 110).await.into_iter().find(|mail| mail.to == LEAD.into()).unwrap().notice;
    let (names, in_all) = unheard(&told);
    assert_eq!((names.len(), in_all), (39, 58), "neither what is another's nor what is over: {names:?}");
    assert!(names.contains(&"City 10") && !names.contains(&"City 48"), "{names:?}");
    assert_eq!(told.severity, Severity::Outage);

    // What everybody was told of is no news, however often somebody is not told.
    let (_dir, store) = world();
    queue_all(&store, (0..20).map(|n| opened(n, n)).collect(), &[ONCALL, OPS]).await;
    store.outbox_relieve(at(100), Vec::new()).await.unwrap();
    let first = flood(&store, ONCALL, 100).await;
    let second = flood(&store, OPS, 100).await;
    store.outbox_sent(second.id, at(105)).await.unwrap();
    assert_eq!(store.outbox_failed(first.id, at(110), "550", &plan).await.unwrap(), [OPS.into()]);
    let told = due(&store, 110).await.into_iter().find(|mail| mail.notice.kind == NoticeKind::Undeliverable);
    assert_eq!(unheard(&told.unwrap().notice), (Vec::new(), 0));
}

#[tokio::test]
async fn two_who_cannot_be_told_are_not_each_others_hope() {
    let (_dir, store) = world();
    queue_all(&store, (0..20).map(|n| opened(n, n)).collect(), &[ONCALL, OPS]).await;
    store.outbox_relieve(at(100), Vec::new()).await.unwrap();
    let plan = telling(&[ONCALL, LEAD]);
    let [first, second] = [flood(&store, ONCALL, 100).await, flood(&store, OPS, 100).await];
    assert_eq!(store.outbox_failed(first.id, at(110), "550", &plan).await.unwrap(), [OPS.into()]);
    let heard = store.outbox_failed(second.id, at(120), "404", &plan).await.unwrap();
    assert_eq!(heard, [LEAD.into(), ONCALL.into()]);
    let told = due(&store, 120).await.into_iter().find(|mail| mail.to == LEAD.into()).unwrap().notice;
    assert_eq!(unheard(&told).1, 10);
    // One who gets it is enough.
    let (_dir, store) = world();
    queue_all(&store, (0..20).map(|n| opened(n, n)).collect(), &[ONCALL, OPS]).await;
    store.outbox_relieve(at(100), Vec::new()).await.unwrap();
    let [first, second] = [flood(&store, ONCALL, 100).await, flood(&store, OPS, 100).await];
    store.outbox_sent(first.id, at(110)).await.unwrap();
    assert_eq!(store.outbox_failed(second.id, at(120), "404", &plan).await.unwrap(), [ONCALL.into()]);
}

#[tokio::test]
async fn a_flood_does_not_overtake_what_it_says_the_end_of() {
    // The mail that says that it is down waits for its second try; that it is over would be in the flood.
    let (_dir, store) = world();
    queue_all(&store, (0..13).map(|n| opened(n, n)).collect(), &[ONCALL]).await;
    let down = due(&store, 20).await.remove(0);
    store.outbox_retry(down.id, at(300), "no connection").await.unwrap();
    queue_all(&store, vec![notice(0, NoticeKind::Resolved, 30)], &[ONCALL]).await;
    assert_eq!(store.outbox_relieve(at(40), Vec::new()).await.unwrap(), 5);
    let mails = due(&store, 1_000).await;
    assert!(mails.iter().all(|mail| mail.notice.incident != Some("i0".into())), "{mails:?}");
    let told = flood(&store, ONCALL, 40).await;
    let Matter::Digest(facts) = &told.notice.matter else { panic!("{told:?}") };
    let member = facts.incidents.iter().find(|member| member.incident == "i0".into()).unwrap();
    assert!(member.closed_at.is_some());
    assert_eq!((mails.len(), facts.incidents_in_all), (10, 4));

    // It is on its way: what says that it is over waits for what becomes of that.
    let (_dir, store) = world();
    queue_all(&store, (0..13).map(|n| opened(n, n)).collect(), &[ONCALL]).await;
    let down = due(&store, 20).await.remove(0);
    queue_all(&store, vec![notice(0, NoticeKind::Resolved, 30)], &[ONCALL]).await;
    store.outbox_relieve(at(40), vec![down.id]).await.unwrap();
    let told = flood(&store, ONCALL, 40).await;
    let Matter::Digest(facts) = &told.notice.matter else { panic!("{told:?}") };
    assert!(facts.incidents.iter().all(|member| member.incident != "i0".into()), "{facts:?}");
    store.outbox_retry(down.id, at(300), "no connection").await.unwrap();
    assert!(due(&store, 40).await.iter().all(|mail| mail.notice.kind != NoticeKind::Resolved));
}

#[tokio::test]
async fn a_flood_of_tomorrow_holds_nothing_up() {
    // The clock was an hour ahead when the last one was written.
    let (_dir, store) = world();
    queue_all(&store, (0..20).map(|n| opened(n, 3_600)).collect(), &[ONCALL]).await;
    store.outbox_relieve(at(3_600), Vec::new()).await.unwrap();
    for mail in due(&store, 3_600).await {
        store.outbox_sent(mail.id, at(3_600)).await.unwrap();
    }
    queue_all(&store, (20..30).map(|n| opened(n, 0)).collect(), &[ONCALL]).await;
    assert_eq!(store.outbox_relieve(at(0), Vec::new()).await.unwrap(), 0);
    assert_eq!(due(&store, 0).await.len(), 10);
}
