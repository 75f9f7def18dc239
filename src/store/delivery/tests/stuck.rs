//! What waits too long, in a real database.

use super::*;
use crate::store::JudgeContext;

/// Who is told at once of every outage and was not told of these.
const OTHER: &str = "hook:other";

/// What is told at this second, while that one is told at once of every outage.
async fn tell(store: &Store, seconds: i64) -> Vec<(Vec<String>, Vec<String>)> {
    let mut plan = plan("");
    let when = RouteFilter::default();
    plan.routes = vec![Route { to: vec![OTHER.into()], when, after: Duration::ZERO, quiet: None }];
    let context =
        JudgeContext { plan: Arc::new(plan), message_domain: "example.org".to_owned(), now: at(seconds) };
    let names = |people: Vec<Recipient>| people.iter().map(ToString::to_string).collect();
    let stuck = store.tell_stuck(context).await.unwrap().unwrap_or_default();
    stuck.into_iter().map(|one| (names(one.whom), names(one.to))).collect()
}

/// The notices about messages that were not delivered, with whom they are for.
async fn notices(store: &Store) -> Vec<Outgoing> {
    let mut all = due(store, 1_000_000).await;
    all.retain(|mail| mail.notice.kind == NoticeKind::Undeliverable);
    all
}

/// Every due message for these fails, and is tried again after so many seconds.
async fn fail(store: &Store, people: &[&str], seconds: i64, pause: i64) {
    for mail in due(store, seconds).await {
        if people.iter().any(|person| mail.to == (*person).into()) {
            store.outbox_retry(mail.id, at(seconds + pause), "no connection").await.unwrap();
        }
    }
}

async fn deliver(store: &Store, person: &str, seconds: i64) {
    for mail in due(store, 1_000_000).await {
        if mail.to == person.into() {
            store.outbox_sent(mail.id, at(seconds)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_waits_is_told_once_whatever_is_restarted() {
    let (dir, store) = world();
    queue_all(&store, vec![opened(1, 0)], &[ONCALL, LEAD, OPS]).await;
    deliver(&store, OPS, 1).await;
    fail(&store, &[ONCALL, LEAD], 1, 1000).await;
    assert_eq!(tell(&store, 899).await, []);
    let want = [(vec![LEAD.to_owned(), ONCALL.to_owned()], vec![OPS.to_owned()])];
    assert_eq!(tell(&store, 900).await, want);
    store.close().await;

    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    for seconds in [901, 5_000, 80_000] {
        fail(&store, &[ONCALL, LEAD], seconds, 900).await;
        assert_eq!(tell(&store, seconds).await, [], "{seconds}");
    }
    let told = notices(&store).await;
    let [one] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(one.to, OPS.into());
    let Matter::Undeliverable(facts) = &one.notice.matter else { panic!("{one:?}") };
    let waiting = facts.waiting.as_ref().unwrap();
    assert_eq!((waiting.since, waiting.incidents_in_all), (at(0), 1));
    assert_eq!(waiting.incidents[0].target_name, "City 1");
    assert_eq!(facts.error, "no connection");
    deliver(&store, OPS, 80_001).await;

    // It is another thing that it is given up at last.
    let oncall = due(&store, 1_000_000).await.into_iter().find(|mail| mail.to == ONCALL.into()).unwrap();
    let heard = store.outbox_failed(oncall.id, at(80_010), "no connection", &nobody()).await.unwrap();
    assert_eq!(heard, [LEAD.into(), OPS.into()]);
    // What is delivered late says nothing more.
    deliver(&store, LEAD, 80_020).await;
    assert_eq!(tell(&store, 90_000).await, []);
}

#[tokio::test]
async fn a_flood_that_waits_is_told_once_and_the_next_trouble_again() {
    let (_dir, store) = world();
    queue_all(&store, (0..40).map(|n| opened(n, 0)).collect(), &[ONCALL, OPS]).await;
    store.outbox_relieve(at(0), Vec::new()).await.unwrap();
    deliver(&store, OPS, 1).await;
    fail(&store, &[ONCALL], 1, 1000).await;
    assert_eq!(tell(&store, 900).await.len(), 1);
    let told = notices(&store).await;
    let [one] = told.as_slice() else { panic!("{told:?}") };
    let Matter::Undeliverable(facts) = &one.notice.matter else { panic!("{one:?}") };
    assert_eq!(facts.waiting.as_ref().unwrap().incidents_in_all, 40);
    deliver(&store, OPS, 901).await;

    // More comes of which nobody else is told, and stands in one message behind what waits.
    queue_all(&store, (40..45).map(|n| opened(n, 4_000)).collect(), &[ONCALL]).await;
    store.outbox_relieve(at(4_000), Vec::new()).await.unwrap();
    fail(&store, &[ONCALL], 4_000, 1000).await;
    assert_eq!(tell(&store, 4_001).await, []);
    fail(&store, &[ONCALL], 5_100, 1000).await;
    assert_eq!(tell(&store, 5_101).await, [(vec![ONCALL.to_owned()], vec![OTHER.to_owned()])]);
    deliver(&store, OTHER, 5_102).await;
    fail(&store, &[ONCALL], 80_000, 1000).await;
    assert_eq!(tell(&store, 80_001).await, []);

    // All of it arrives; the next time is a new one.
    for n in 0..3 {
        deliver(&store, ONCALL, 80_010 + n).await;
    }
    assert_eq!(store.outbox_summary().await.unwrap().oldest_pending_at, None);
    queue_all(&store, vec![opened(90, 90_000)], &[ONCALL, OPS]).await;
    deliver(&store, OPS, 90_001).await;
    fail(&store, &[ONCALL], 90_001, 1000).await;
    assert_eq!(tell(&store, 90_900).await.len(), 1);
}

#[tokio::test]
async fn what_stands_how_is_counted_as_it_happens() {
    let (_dir, store) = world();
    queue_all(&store, (0..30).map(|n| opened(n, n)).collect(), &[ONCALL, LEAD]).await;
    store.outbox_relieve(at(40), Vec::new()).await.unwrap();
    deliver(&store, LEAD, 41).await;
    let one = due(&store, 50).await.into_iter().next().unwrap();
    store.outbox_failed(one.id, at(50), "550 no such user", &nobody()).await.unwrap();
    let summary = store.outbox_summary().await.unwrap();
    let counted = |connection: &Connection| {
        let mut found = connection.prepare("SELECT state, count(*) FROM outbox GROUP BY state")?;
        let rows = found
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        Ok(rows.collect::<Result<std::collections::BTreeMap<_, _>, _>>()?)
    };
    let counted = store.read(counted).await.unwrap();
    let of = |state: &str| counted.get(state).copied().unwrap_or_default();
    assert_eq!(
        (summary.pending, summary.sent, summary.failed, summary.bundled, summary.superseded),
        (of("pending"), of("sent"), of("failed"), of("bundled"), of("superseded"))
    );
    assert!(summary.pending > 0 && summary.sent > 0 && summary.failed == 1 && summary.bundled > 0);
    assert_eq!(summary.last_error.as_deref(), Some("550 no such user"));
}
