//! Crawls that are stopped and go on, and crawls that come out the same every time.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse};
use mystery_shopper::clock::Clock;
use mystery_shopper::crawl::{CrawlReport, Progress, Settings};
use mystery_shopper::http::manners::Manners;
use tokio::sync::Notify;
use url::Url;

use crate::linksite::Size;
use crate::linksite::serve::Served;
use crate::net::Portal;
use crate::world::{Errand, html, run, settings};

/// What two reports of one site have in common, however they came about.
fn gist(report: &CrawlReport) -> String {
    let extent = &report.extent;
    let mut doubts = extent.doubts.clone();
    doubts.sort_by(|a, b| a.url.cmp(&b.url));
    format!(
        "{:#?} checked {} pages {} known {} unobserved {} {doubts:#?}",
        report.faults, report.links_checked, extent.pages_read, extent.links_known, extent.unobserved
    )
}

fn errand(served: &Served, journal: &Path) -> Errand {
    let mut errand = Errand::to(Url::parse(&served.site.url(0)).unwrap());
    errand.settings =
        Settings { max_pages: 1_000, depth: 20, concurrency: 4, soft_404: true, ..errand.settings };
    errand.settings.max_links = 10_000;
    errand.settings.retry_pause = Duration::from_millis(1);
    errand.journal = Some(journal.to_owned());
    errand
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_that_was_stopped_goes_on_and_finds_the_same() {
    let served = Served::start(Size::SMALL, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let whole = errand(&served, &path).go().await;
    assert!(whole.extent.cut_short.is_none() && !path.exists());
    let asked = served.take_hits();

    // Stopped by somebody, twice.
    let mut report = None;
    for done in [60, 150] {
        let stopped = errand(&served, &path);
        let stop = stopped.cancel.clone();
        report = Some(
            stopped
                .watched(&|now| {
                    if now.links_done >= done {
                        stop.cancel();
                    }
                })
                .await,
        );
        assert_eq!(report.as_ref().unwrap().extent.cut_short.as_deref(), Some("It was stopped."));
    }
    assert!(report.is_some_and(|report| report.extent.resumed && report.links_checked >= 150));
    let rest = errand(&served, &path).go().await;
    assert!(rest.extent.resumed && rest.extent.cut_short.is_none() && !path.exists());
    assert_eq!(gist(&rest), gist(&whole));
    // What was under way when it was stopped is asked for again, and nothing else.
    let again = served.take_hits();
    let beyond: Vec<_> = again
        .iter()
        .filter(|(what, times)| **times > asked.get(*what).copied().unwrap_or(0))
        .filter(|(what, _)| {
            !["/robots.txt", "/sitemap.xml", "no-such-page"].iter().any(|own| what.contains(own))
        })
        .collect();
    assert!(beyond.len() <= 2 * 16 + 1, "{beyond:#?}");
    assert!(asked.keys().all(|what| again.contains_key(what)), "and nothing is left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_that_was_killed_goes_on_as_well() {
    let served = Served::start(Size::SMALL, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let whole = errand(&served, &path).go().await;
    // Dropped in the middle: nothing is flushed, and the last line is half written.
    let (killed, middle) = (errand(&served, &path), Notify::new());
    let progress = |now: Progress<'_>| {
        if now.links_done >= 200 {
            middle.notify_one();
        }
    };
    tokio::select! {
        _ = killed.watched(&progress) => panic!("it should have been killed"),
        () = middle.notified() => {}
    }
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"p\":{\"n\":3,\"u\":\"http").unwrap();
    let rest = errand(&served, &path).go().await;
    assert_eq!(gist(&rest), gist(&whole));
}

#[tokio::test]
async fn time_and_shares_of_the_day_are_no_loss() {
    let portal = Portal::serving(site()).await;
    let whole = run(portal.url("/"), &deep()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let clock = Clock::manual("2026-11-01T00:00:00Z".parse().unwrap());
    let manners = Manners::every(Duration::ZERO, clock.clone());
    let mut report = None;
    for day in 1..=28 {
        clock.set(format!("2026-11-{day:02}T00:00:00Z").parse().unwrap());
        let errand = Errand {
            settings: Settings { daily: 24, ..deep() },
            manners: manners.clone(),
            journal: Some(path.clone()),
            ..Errand::to(portal.url("/"))
        };
        let part = errand.go().await;
        let through = part.extent.cut_short.is_none();
        report = Some(part);
        if through {
            break;
        }
    }
    assert_eq!(gist(&report.unwrap()), gist(&whole), "by shares of a day");

    let errand =
        |time| Errand { settings: deep(), time, journal: Some(path.clone()), ..Errand::to(portal.url("/")) };
    let mut report = errand(Duration::from_millis(40)).go().await;
    for _ in 0..100 {
        if report.extent.cut_short.is_none() {
            break;
        }
        report = errand(Duration::from_millis(60)).go().await;
    }
    assert_eq!(gist(&report), gist(&whole), "by slices of time");
}

#[tokio::test]
async fn a_journal_of_another_crawl_is_begun_anew_and_one_of_none_as_well() {
    let portal = Portal::serving(
        Router::new().route("/", html("<a href=/a>a</a><a href=/b>b</a>")).route("/a", html("a")),
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let errand = |depth| {
        let settings = Settings { depth, ..settings() };
        Errand { settings, journal: Some(path.clone()), ..Errand::to(portal.url("/")) }
    };
    let stopped = errand(1);
    let stop = stopped.cancel.clone();
    stopped
        .watched(&|now| {
            if now.links_done == 1 {
                stop.cancel();
            }
        })
        .await;
    assert!(path.exists());
    let report = errand(2).go().await;
    assert_eq!((report.extent.resumed, report.links_checked, report.faults.len()), (false, 2, 1));

    // Stopped before the entry page came.
    let early = errand(1);
    early.cancel.cancel();
    assert_eq!(early.go().await.extent.pages_read, 0);
    let report = errand(1).go().await;
    assert_eq!((report.extent.resumed, report.links_checked, report.faults.len()), (false, 2, 1));
}

#[tokio::test]
async fn a_portal_that_is_down_for_a_moment_costs_no_journal() {
    let up = Arc::new(AtomicU32::new(1));
    let seen = up.clone();
    let portal = Portal::serving(Router::new().fallback(move |uri: Uri| {
        let up = seen.load(Ordering::SeqCst) == 1;
        async move {
            match uri.path() {
                "/" if up => Html("<a href=/a>a</a><a href=/b>b</a>").into_response(),
                "/a" => Html("a").into_response(),
                "/" => StatusCode::BAD_GATEWAY.into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }
    }))
    .await;
    let folder = tempfile::tempdir().unwrap();
    let errand = || Errand { journal: Some(folder.path().join("journal")), ..Errand::to(portal.url("/")) };
    let first = errand();
    let stop = first.cancel.clone();
    first
        .watched(&|now| {
            if now.links_done == 1 {
                stop.cancel();
            }
        })
        .await;
    up.store(0, Ordering::SeqCst);
    let down = errand().go().await;
    assert_eq!((down.extent.resumed, down.links_checked), (true, 1));
    assert!(down.extent.cut_short.is_some());
    up.store(1, Ordering::SeqCst);
    let last = errand().go().await;
    assert_eq!(
        (last.extent.resumed, last.links_checked, last.extent.links_known, last.faults.len()),
        (true, 2, 2, 1)
    );
    assert_eq!(portal.count("/a"), 1);
}

fn deep() -> Settings {
    Settings { depth: 4, max_pages: 500, soft_404: true, retry_pause: Duration::from_millis(1), ..settings() }
}

fn number(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// A site of levels with short cuts between them, faults everywhere, and pages at the very edge.
fn page_of(path: &str) -> axum::response::Response {
    const WIDE: u64 = 6;
    let parts: Vec<u64> = path.split('/').filter_map(|part| part.parse().ok()).collect();
    let (level, i) = match (path, &parts[..]) {
        ("/", _) => (0, 0),
        (_, [level, i]) if *level <= 6 && *i < WIDE => (*level, *i),
        _ if path.starts_with("/soft/") => {
            return Html("<p>您要的内容已经搬家，请从首页重新进入办事大厅。</p>").into_response();
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let mut page = format!(
        "<title>第{level}层</title><p id=top{i}>{}</p>",
        "办事指南".repeat(20 + usize::try_from(i).unwrap())
    );
    for n in 0..3 {
        let _ = write!(page, "<a href=/{}/{}>{n}</a>", level + 1, (i * 3 + n) % WIDE);
    }
    let _ = write!(page, "<a href=/{}/{}>short</a>", level + 2, number((level, i)) % WIDE);
    let _ = write!(page, "<a href=/{}/{}#top{}>place</a>", level + 1, i, (i + level) % WIDE);
    let _ = write!(
        page,
        "<a href=/gone/{}>gone</a><a href=/soft/{}>soft</a>",
        number(path) % 7,
        number((path, 1)) % 5
    );
    Html(page).into_response()
}

fn site() -> Router {
    Router::new().fallback(|uri: Uri| async move { page_of(uri.path()) })
}

#[tokio::test]
async fn twenty_crawls_of_one_site_say_the_same() {
    let round = Arc::new(AtomicU32::new(0));
    let now = round.clone();
    let portal = Portal::serving(Router::new().fallback(move |uri: Uri| {
        let round = now.load(Ordering::SeqCst);
        async move {
            // Answers come in another order each time; one page is much later than the rest.
            let late =
                if uri.path() == format!("/1/{}", round % 3) { 12 } else { number((uri.path(), round)) % 4 };
            tokio::time::sleep(Duration::from_millis(late)).await;
            page_of(uri.path())
        }
    }))
    .await;
    let mut first = None;
    for n in 0..20 {
        round.store(n, Ordering::SeqCst);
        let report = run(portal.url("/"), &Settings { concurrency: 8, ..deep() }).await;
        assert!(report.extent.cut_short.is_none());
        let gist = gist(&report);
        let first = first.get_or_insert_with(|| gist.clone());
        assert_eq!(&gist, first, "round {n}");
    }
}
