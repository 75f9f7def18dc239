//! What is judged how, and how far a crawl goes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use mystery_shopper::clock::{Deadline, Stopwatch};
use mystery_shopper::crawl::{Progress, Settings};
use mystery_shopper::domain::link::{LinkClass, LinkFault};
use mystery_shopper::domain::observation::TransportClass;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::net::Portal;
use crate::world::{LONG, anchors, classes, html, run, run_until, settings, status};

#[tokio::test]
async fn links_of_the_entry_page_and_one_level_below() {
    let outside = Portal::serving(Router::new().route("/fine", html("<a href=/never>x</a>"))).await;
    let home = format!(
        "<title>门户</title><p>欢迎</p><a href=/gone>药品经营许可</a><a href=/guide#top>指南</a><a href=/guide#end>again</a>\
         <a href='{0}'>外站</a><img src=/seal.png alt=徽标><a href=mailto:a@b.cn>m</a>\
         <form action=/submit><button>提交</button></form>",
        outside.foreign("/fine"),
    );
    let guide = format!(
        "<a href=/>home</a><a href=deep>更多</a><a href=/missing>旧链接</a><a href='{}'>x</a>",
        outside.foreign("/fine")
    );
    let portal = Portal::serving(
        Router::new()
            .route("/", html(home))
            .route("/gone", status(410))
            .route("/guide", html(guide))
            .route("/deep", html("<a href=/too-deep>x</a>"))
            .route("/submit", html("submitted")),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    let fault = |page: &str, path: &str, text: &str, status: u16, class: &str, column: u32, on_home: bool| {
        LinkFault {
            page: portal.url(page).to_string(),
            text: text.to_owned(),
            status: (status > 0).then_some(status),
            detail: match status {
                0 => "The page is there, but it has no place called `end`.".to_owned(),
                _ => format!("It answered with status {status}."),
            },
            element: if path.ends_with("png") { "img" } else { "a" }.to_owned(),
            attribute: if path.ends_with("png") { "src" } else { "href" }.to_owned(),
            line: 1,
            column,
            on_home,
            ..LinkFault::new(portal.url(path), LinkClass::from_name(class).unwrap())
        }
    };
    let want = vec![
        fault("/", "/gone", "药品经营许可", 410, "gone", 27, true),
        fault("/", "/guide#end", "again", 0, "fragment", 76, true),
        fault("/", "/seal.png", "徽标", 404, "not_found", 148, true),
        fault("/guide", "/missing", "旧链接", 404, "not_found", 38, false),
    ];
    assert_eq!(report.faults, want);
    assert_eq!((report.extent.pages_read, report.links_checked, report.extent.unobserved), (3, 7, 0));
    assert!(report.extent.cut_short.is_none() && report.blocked.is_none());
    assert_eq!(
        (report.entry.title.as_str(), report.entry.main.as_ref().map(|m| m.status)),
        ("门户", Some(200))
    );
    assert!(report.entry_text.contains("欢迎"));
    // Asked once when it works, twice when it does not, never when it is a form or too deep.
    for (path, times) in [
        ("/", 1),
        ("/guide", 1),
        ("/deep", 1),
        ("/gone", 2),
        ("/missing", 2),
        ("/submit", 1),
        ("/too-deep", 0),
    ] {
        assert_eq!(portal.count(path), times, "{path}: {:#?}", portal.hits());
    }
    assert_eq!((outside.count("/fine"), outside.count("/never"), outside.count("/robots.txt")), (1, 0, 0));
}

#[tokio::test]
async fn depth_and_pages_are_limits() {
    let portal = Portal::serving(
        Router::new().route("/", html("<a href=/p/0>0</a><a href=/p/1>1</a><a href=/p/2>2</a>")).route(
            "/p/{n}",
            get(|Path(n): Path<u32>| async move { Html(format!("<a href=/leaf/{n}>leaf</a>")) }),
        ),
    )
    .await;
    let cases = [
        // pages allowed, depth, pages read, links checked
        (50, 0, 1, 3),
        (50, 1, 4, 6),
        (2, 1, 2, 4),
        (1, 9, 1, 3),
    ];
    for (max_pages, depth, pages, links) in cases {
        let report = run(portal.url("/"), &Settings { max_pages, depth, ..settings() }).await;
        assert_eq!(
            (report.extent.pages_read, report.links_checked),
            (pages, links),
            "{max_pages} pages, depth {depth}"
        );
    }
    let report = run(portal.url("/"), &Settings { max_links: 2, ..settings() }).await;
    assert_eq!((report.links_checked, report.extent.cut_short.is_some()), (2, true));
}

#[tokio::test]
async fn a_fault_that_passes_by_itself_is_none() {
    let asked = Arc::new(AtomicU32::new(0));
    let portal = Portal::serving(Router::new().route("/", html("<a href=/flaky>x</a>")).route(
        "/flaky",
        get(move || {
            let first = asked.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if first {
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                } else {
                    Html("<a href=/below>b</a>").into_response()
                }
            }
        }),
    ))
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(classes(&report), [("/below".to_owned(), "not_found")], "the page is read on the second look");
    assert_eq!(portal.count("/flaky"), 2);
}

#[tokio::test]
async fn soft_answers_are_counted_and_never_faults() {
    let soft = [401, 405, 412, 501, 503];
    let links = anchors("/s", soft);
    let out_of_bounds = "<a href='http://169.254.169.254/meta'>m</a>";
    let portal =
        Portal::serving(Router::new().route("/", html(links + out_of_bounds)).route(
            "/s/{code}",
            get(|Path(code): Path<u16>| async move { StatusCode::from_u16(code).unwrap() }),
        ))
        .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(report.faults, []);
    assert_eq!((report.links_checked, report.extent.unobserved), (6, 6));
    // What may pass is asked once more, from fresh; what says who we are is not.
    for (code, times) in [(401, 1), (405, 2), (412, 1), (501, 2), (503, 2)] {
        assert_eq!(portal.count(&format!("/s/{code}")), times, "{code}");
    }
}

#[tokio::test]
async fn when_time_is_up_nothing_is_called_broken() {
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/a>a</a><a href=/hang>h</a><a href=/b>b</a>"))
            .route("/a", html("a"))
            .route("/hang", get(std::future::pending::<()>)),
    )
    .await;
    let deadline = Deadline::after(Duration::from_secs(3));
    let report = run_until(&portal.url("/"), &settings(), deadline, &|_| (), &CancellationToken::new()).await;
    assert_eq!((report.faults.len(), report.links_checked, report.extent.cut_short.is_some()), (0, 1, true));
}

#[tokio::test]
async fn a_stop_ends_the_crawl_at_once_and_progress_is_told() {
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/a>a</a><a href=/hang>h</a>"))
            .route("/a", html("a"))
            .route("/hang", get(std::future::pending::<()>)),
    )
    .await;
    let stop = CancellationToken::new();
    let told: Mutex<Vec<Progress>> = Mutex::default();
    let watch = Stopwatch::start();
    let progress = |now: Progress<'_>| {
        told.lock().unwrap().push(Progress { waits_for: None, ..now });
        if now.links_done == 1 {
            stop.cancel();
        }
    };
    let report = run_until(&portal.url("/"), &settings(), Deadline::after(LONG), &progress, &stop).await;
    assert_eq!((report.links_checked, report.faults.len(), report.extent.cut_short.is_some()), (1, 0, true));
    assert!(watch.elapsed() < LONG / 2);
    let told = told.into_inner().unwrap();
    assert_eq!(told.last().map(|p| (p.pages_read, p.links_done, p.links_found)), Some((2, 1, 2)));
}

#[tokio::test]
async fn an_entry_page_that_fails_is_a_fact_and_no_link_fault() {
    let portal = Portal::serving(Router::new().route("/", status(502))).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(report.entry.main.map(|m| m.status), Some(502));
    assert_eq!((report.faults.len(), report.extent.pages_read), (0, 0));

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let report = run(Url::parse(&format!("http://{closed}/")).unwrap(), &settings()).await;
    assert_eq!(report.entry.transport.map(|t| t.class), Some(TransportClass::Refused));
}

#[tokio::test]
async fn a_gbk_page_keeps_its_words() {
    let page = encoding_rs::GBK.encode("<meta charset=gbk><a href=/x>食品经营许可</a>").0.into_owned();
    let portal = Portal::serving(
        Router::new().route("/", get(move || async move { ([(header::CONTENT_TYPE, "text/html")], page) })),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(report.faults[0].text, "食品经营许可");
}
