//! What scoring asks of the store: what shows how a target is, and what was scored.

use mystery_shopper::domain::period::Period;
use mystery_shopper::plan::{Keep, read_period};
use mystery_shopper::score::card::Assessment;
use mystery_shopper::score::material::Exhibit;

use super::*;

const DAY: i64 = 86_400;

fn november() -> Period {
    read_period("2026-11", "Asia/Shanghai").unwrap()
}

fn shown(exhibits: &[Exhibit]) -> Vec<(&str, &str, Outcome)> {
    exhibits.iter().map(|it| (it.run.as_str(), it.step.as_str(), it.outcome)).collect()
}

#[tokio::test]
async fn what_cost_points_is_shown_first_with_its_picture() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let mut picture = None;
    for (id, seconds, ends) in [
        ("good-old", 0, &[Outcome::Done, Outcome::Done, Outcome::OnlineReady]),
        ("bad-old", 600, &[Outcome::Done, Outcome::ServerError, Outcome::NotReached]),
        ("window", DAY, &[Outcome::Done, Outcome::Done, Outcome::MustGoToWindow]),
        ("bad", 2 * DAY, &[Outcome::Done, Outcome::ServerError, Outcome::NotReached]),
        ("guide", 2 * DAY + 1200, &[Outcome::Done, Outcome::Done, Outcome::GuideOnly]),
        ("login", 3 * DAY - 600, &[Outcome::Done, Outcome::LoginWall, Outcome::NotReached]),
        ("good", 3 * DAY, &[Outcome::Done, Outcome::Done, Outcome::OnlineReady]),
        // Ours: the newest of all, and shown to nobody.
        ("rot", 4 * DAY, &[Outcome::Done, Outcome::ScriptRot, Outcome::NotReached]),
        ("ours", 4 * DAY + 600, &[Outcome::ProbeFault, Outcome::NotReached, Outcome::NotReached]),
        ("december", 10 * DAY, &[Outcome::Done, Outcome::Broken, Outcome::NotReached]),
    ] {
        let mut run = run(id, seconds, ends);
        if id == "bad" {
            let kept = store
                .put_evidence(b"jpeg".to_vec(), "image/jpeg", EvidenceKind::Screenshot, "")
                .await
                .unwrap();
            picture = Some(kept.hash.clone());
            run.steps[1].evidence = vec![kept];
        }
        store.record(run, context(seconds)).await.unwrap();
    }
    let mut by_hand = run("by-hand", 3 * DAY + 60, &[Outcome::Done, Outcome::Timeout, Outcome::NotReached]);
    by_hand.cause = Cause::Manual;
    store.record_manual(by_hand).await.unwrap();

    let exhibits = store.exhibits(&november(), &"demo-city".into()).await.unwrap();
    let want = [
        ("bad", "搜索事项", Outcome::ServerError),
        ("guide", "到达提交环节", Outcome::GuideOnly),
        ("window", "到达提交环节", Outcome::MustGoToWindow),
        ("login", "搜索事项", Outcome::LoginWall),
        ("good", "到达提交环节", Outcome::OnlineReady),
    ];
    assert_eq!(shown(&exhibits), want, "a picture before a newer run without one");
    let bad = &exhibits[0];
    assert_eq!((bad.at, &bad.picture), (at(2 * DAY + 1), &picture));
    assert_eq!((bad.url.as_str(), bad.phrase.as_deref()), ("http://city.example/搜索事项", Some("系统繁忙")));
    assert_eq!(bad.scenario.as_ref().map(AsRef::as_ref), Some("drug-licence"));
    assert_eq!(store.exhibits(&november(), &"other-city".into()).await.unwrap(), []);

    // What retention removed cannot be shown any more.
    let keep = Keep { runs: Some(Duration::from_hours(24 * 30)), ..Keep::default() };
    let now = at(32 * DAY);
    store.tidy(&keep, now).await.unwrap();
    let exhibits = store.exhibits(&november(), &"demo-city".into()).await.unwrap();
    assert!(exhibits.len() < want.len() && shown(&exhibits).contains(&want[4]), "{:?}", shown(&exhibits));
}

#[tokio::test]
async fn an_assessment_is_kept_once_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Command).unwrap();
    let assessment = |profile: &str| Assessment {
        profile: profile.into(),
        profile_hash: "ab".repeat(32),
        period: november(),
        cards: Vec::new(),
        reliability: std::collections::BTreeMap::new(),
        definitions: std::collections::BTreeMap::new(),
    };
    assert!(store.keep_assessment(&assessment("d3"), at(0)).await.unwrap());
    assert!(!store.keep_assessment(&assessment("d3"), at(60)).await.unwrap(), "the same again");
    assert!(store.keep_assessment(&assessment("d3-equal"), at(30)).await.unwrap());
    let all = store.assessments(None, 9).await.unwrap();
    let found: Vec<_> = all.iter().map(|kept| (kept.assessment.profile.as_str(), kept.made_at)).collect();
    assert_eq!(found, [("d3-equal", at(30)), ("d3", at(0))]);
    let [kept] = store.assessments(Some("d3"), 9).await.unwrap().try_into().unwrap();
    assert_eq!(kept.assessment, assessment("d3"));
    assert_eq!(store.assessments(None, 1).await.unwrap().len(), 1);
}
