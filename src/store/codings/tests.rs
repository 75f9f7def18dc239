//! Codings are kept once, found by period, and their proofs outlive retention.

use jiff::SignedDuration;

use super::*;
use crate::domain::indicator::IndicatorId;
use crate::domain::observation::EvidenceKind;
use crate::plan::Keep;
use crate::store::{Access, VerifyOptions, Wrong};

/// What a coder says of H2.
pub(in crate::store) fn coding(coder: &str, value: &str) -> Coding {
    Coding {
        coder: coder.to_owned(),
        indicator: IndicatorId::parse("H2").unwrap(),
        target: "demo-city".into(),
        value: value.to_owned(),
        at: "2026-11-03T06:05:00Z".parse().unwrap(),
        note: String::new(),
        evidence: None,
        source: String::new(),
        year: None,
    }
}

fn november() -> Period {
    Period {
        first: "2026-11-01".parse().unwrap(),
        last: "2026-11-30".parse().unwrap(),
        timezone: "UTC".to_owned(),
        from: "2026-11-01T00:00:00Z".parse().unwrap(),
        until: "2026-12-01T00:00:00Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn a_row_is_kept_once_and_never_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Command).unwrap();
    let first = coding("li", "yes");
    let figure = |year| Coding { source: "年报".to_owned(), year: Some(year), ..coding("li", "5") };
    let early = Coding { at: "2026-10-31T23:59:59Z".parse().unwrap(), ..coding("wang", "no") };
    let all = vec![first.clone(), early.clone(), figure(2026), figure(2025)];
    assert_eq!(store.add_codings(all.clone()).await.unwrap(), 4);
    assert_eq!(store.add_codings(all.clone()).await.unwrap(), 0, "they are all there");
    // Each field tells rows apart.
    let noted = Coding { note: "x".to_owned(), ..first.clone() };
    assert_eq!(store.add_codings(vec![first.clone(), noted.clone()]).await.unwrap(), 1);
    assert_eq!(store.codings(CodingFilter::default()).await.unwrap().len(), 5);
    let of = |filter| async { store.codings(filter).await.unwrap() };
    let wang = CodingFilter { coder: Some("wang".to_owned()), ..CodingFilter::default() };
    assert_eq!(of(wang).await, [early]);
    let in_november = CodingFilter { period: Some(november()), ..CodingFilter::default() };
    assert_eq!(of(in_november).await, [first, figure(2026), noted], "figures by their year");
    store.close().await;

    let database = rusqlite::Connection::open(dir.path().join(crate::store::DATABASE)).unwrap();
    for sql in ["UPDATE codings SET value = 'no'", "DELETE FROM codings"] {
        let refused = database.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("never"), "{refused}");
    }
}

#[tokio::test]
async fn posts_are_kept_once_and_masked() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Command).unwrap();
    let post = |at: &str, text| Post::new("demo-city".into(), at.parse().unwrap(), text, "论坛");
    let posts =
        vec![post("2026-11-05T00:00:00Z", "打不开，电话13800138000"), post("2026-10-05T00:00:00Z", "卡顿")];
    assert_eq!(store.add_posts(posts.clone()).await.unwrap(), 2);
    assert_eq!(store.add_posts(posts).await.unwrap(), 0);
    let texts = |posts: Vec<Post>| posts.into_iter().map(|post| post.text).collect::<Vec<_>>();
    let all = store.posts(PostFilter::default()).await.unwrap();
    assert_eq!(texts(all), ["卡顿", "打不开，电话███"]);
    let november = PostFilter { target: Some("demo-city".into()), period: Some(november()) };
    assert_eq!(texts(store.posts(november).await.unwrap()), ["打不开，电话███"]);
}

#[tokio::test]
async fn a_proof_stays_and_is_missed_when_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    let put =
        |text: &'static [u8]| store.put_evidence(text.to_vec(), "image/png", EvidenceKind::Screenshot, "");
    let (proof, nobodys) = (put(b"proof").await.unwrap(), put(b"nobody's").await.unwrap());
    let proven = Coding { evidence: Some(proof.hash.clone()), ..coding("li", "yes") };
    assert_eq!(store.add_codings(vec![proven.clone()]).await.unwrap(), 1);
    let unproven = Coding { evidence: Some("0".repeat(64).as_str().into()), ..coding("li", "no") };
    let refused = store.add_codings(vec![coding("li", "na"), unproven]).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { .. }), "{refused}");
    assert_eq!(store.codings(CodingFilter::default()).await.unwrap(), [proven], "all or none");

    // A year later, when everything else is too old and too much.
    let later = Clock::system().now() + SignedDuration::from_hours(24 * 400);
    let day = std::time::Duration::from_hours(24);
    let keep = Keep { evidence: Some(day), runs: Some(day), size: Some(1) };
    store.adopt_some(later).await.unwrap();
    store.tidy(&keep, later).await.unwrap();
    assert_eq!(store.sweep_evidence(later).await.unwrap(), 1);
    assert!(store.read_evidence(&proof.hash).await.unwrap().is_some());
    assert!(store.read_evidence(&nobodys.hash).await.unwrap().is_none());

    let files = || VerifyOptions { files: true, ..VerifyOptions::default() };
    let report = store.verify(files()).await.unwrap();
    assert_eq!((report.clean, report.files), (true, Some(1)), "{:?}", report.findings);
    let (path, _) = evidence::find(dir.path(), &proof.hash).unwrap().unwrap();
    std::fs::write(&path, "forged").unwrap();
    assert_eq!(store.verify(files()).await.unwrap().findings[0].what, Wrong::Changed);
    std::fs::remove_file(&path).unwrap();
    let found = store.verify(files()).await.unwrap().findings.remove(0);
    assert_eq!(
        (found.what, found.detail.as_str()),
        (Wrong::Missing, "a person's observation shows it and it is not there")
    );
}
