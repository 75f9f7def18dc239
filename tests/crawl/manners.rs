//! Manners: hosts that say no, rules, pauses, shares of the day, and what is remembered of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use mystery_shopper::clock::Clock;
use mystery_shopper::crawl::Settings;
use mystery_shopper::domain::host::HostMemory;
use mystery_shopper::domain::link::DoubtClass;
use mystery_shopper::http::address::Reach;
use mystery_shopper::http::manners::{Manners, Remember, Soon};
use mystery_shopper::plan::Render;

use crate::net::{Portal, client_with};
use crate::world::{Errand, Seer, anchors, classes, doubts, html, run, said, settings, status};

#[tokio::test]
async fn a_portal_that_says_no_is_left_alone() {
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/a>a</a><a href=/no>no</a><a href=/b>b</a><a href=/c>c</a>"))
            .route("/a", html("a"))
            .route("/no", get(|| async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "3600")]) })),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    let blocked = report.blocked.as_ref().expect("blocked");
    assert_eq!((blocked.status, blocked.url.as_str()), (Some(429), portal.url("/no").as_str()));
    assert_eq!(blocked.retry_after, Some(Duration::from_hours(1)));
    assert_eq!((report.faults.len(), report.links_checked, report.extent.unobserved), (0, 2, 1));
    assert!(report.extent.cut_short.is_some());
    assert_eq!(portal.count("/b") + portal.count("/c"), 0);
    assert_eq!(portal.count("/no"), 1);
}

#[tokio::test]
async fn one_closed_page_says_nothing_and_five_in_a_row_say_that_we_are_not_wanted() {
    let router = |closed: std::ops::Range<u16>| {
        Router::new().route("/", html(anchors("/p", 0..12))).route(
            "/p/{n}",
            get(move |Path(n): Path<u16>| async move {
                if closed.contains(&n) {
                    StatusCode::FORBIDDEN.into_response()
                } else {
                    Html("页").into_response()
                }
            }),
        )
    };
    let portal = Portal::serving(router(3..6)).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(
        (report.blocked.is_some(), report.faults.len(), doubts(&report, DoubtClass::Waf)),
        (false, 0, 3)
    );
    assert_eq!(report.links_checked, 12);

    let portal = Portal::serving(router(3..12)).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(report.blocked.and_then(|blocked| blocked.status), Some(403));
    assert_eq!((report.faults.len(), report.links_checked), (0, 8));
    assert_eq!(portal.count("/p/8"), 0);
}

#[tokio::test]
async fn a_firewall_page_is_a_no_and_a_quoted_phrase_is_none() {
    let firewall = "<title>提示</title><p>您的访问过于频繁，请稍后再试</p>";
    let portal = Portal::serving(Router::new().route("/", html(firewall))).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(report.blocked.and_then(|b| b.phrase).as_deref(), Some("访问过于频繁"));
    assert!(report.entry_text.contains("稍后再试"));

    let article = format!("<p>{}访问过于频繁</p><a href=/x>x</a>", "政务公开".repeat(300));
    let portal = Portal::serving(Router::new().route("/", html(article)).route("/x", html("x"))).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!((report.blocked, report.links_checked), (None, 1));
}

#[tokio::test]
async fn a_foreign_host_that_says_no_blocks_only_itself() {
    let foreign = Portal::serving(Router::new().route("/{n}", status(403))).await;
    let page = format!(
        "<a href='{}'>1</a><a href='{}'>2</a><a href=/mine>m</a>",
        foreign.foreign("/1"),
        foreign.foreign("/2")
    );
    let portal = Portal::serving(Router::new().route("/", html(page)).route("/mine", html("m"))).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(
        (report.blocked, report.extent.unobserved, report.links_checked, report.extent.cut_short.is_some()),
        (None, 2, 3, false)
    );
}

#[tokio::test]
async fn robots_rules_are_kept() {
    let robots = "User-agent: *\nDisallow: /all\n\nUser-agent: mystery-shopper\nDisallow: /private\n";
    let portal = Portal::serving(
        Router::new()
            .route("/robots.txt", get(move || async move { robots }))
            .route("/", html("<a href=/private/x>p</a><a href=/all/x>a</a><img src=/private/i.png>"))
            .route("/all/x", html("<a href=/private/y>y</a>")),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!((report.faults.len(), doubts(&report, DoubtClass::Robots), report.links_checked), (0, 3, 1));
    assert!(!portal.hits().iter().any(|hit| hit.path.starts_with("/private")));
    assert_eq!(portal.count("/robots.txt"), 1);
}

#[tokio::test]
async fn a_closed_entry_page_is_seen_but_not_searched() {
    let portal = Portal::serving(
        Router::new()
            .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /\n" }))
            .route("/", html("<title>门户</title><a href=/x>x</a>")),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(
        (report.entry.title.as_str(), doubts(&report, DoubtClass::Robots), report.links_checked),
        ("门户", 1, 0)
    );
    assert_eq!(portal.count("/x"), 0);
}

#[tokio::test]
async fn the_entry_page_is_seen_when_robots_txt_is_down() {
    let portal = Portal::serving(
        Router::new()
            .route("/robots.txt", status(503))
            .route("/", html("<title>门户</title><a href=/x>x</a>")),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert!(report.robots_down);
    assert_eq!(
        (report.entry.title.as_str(), report.extent.pages_read, doubts(&report, DoubtClass::Robots)),
        ("门户", 1, 1)
    );
    assert_eq!(portal.count("/x"), 0);
}

#[tokio::test]
async fn retry_after_is_honoured_and_a_long_one_ends_the_host() {
    let router = |seconds: &'static str| {
        Router::new()
            .route("/", html("<a href=/busy>b</a><a href=/next>n</a>"))
            .route("/busy", get(move || async move { (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds)]) }))
            .route("/next", html("n"))
    };
    let portal = Portal::serving(router("1")).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(
        (report.extent.unobserved, report.links_checked, report.extent.cut_short.is_some()),
        (1, 2, false)
    );
    let hits = portal.hits();
    let left = hits.iter().find(|hit| hit.path == "/busy").unwrap().left;
    let came = hits.iter().find(|hit| hit.path == "/next").unwrap().came;
    assert!(came >= left + Duration::from_millis(990), "{left:?} {came:?}");

    let portal = Portal::serving(router("86400")).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(
        (report.extent.unobserved, report.links_checked, report.extent.cut_short.is_some()),
        (0, 0, true)
    );
    assert_eq!(portal.count("/next"), 0);
}

#[tokio::test]
async fn a_host_gets_one_request_at_a_time_with_a_pause_between() {
    let links = anchors("", 0..6);
    let portal = Portal::serving(Router::new().route("/", html(links)).route("/{n}", html("x"))).await;
    let pause = Duration::from_millis(60);
    run(portal.url("/"), &Settings { link_interval: pause, page_interval: pause, ..settings() }).await;
    let hits: Vec<_> = portal.hits().into_iter().filter(|hit| hit.path != "/robots.txt").collect();
    assert_eq!(hits.len(), 7, "{hits:#?}");
    for pair in hits.windows(2) {
        assert!(pair[1].came >= pair[0].left + pause, "{:?} then {:?}", pair[0], pair[1]);
    }
}

#[tokio::test]
async fn a_foreign_no_behind_a_redirect_does_not_end_the_portal() {
    let foreign = Portal::serving(Router::new().route("/no", status(403))).await;
    let away = foreign.foreign("/no");
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/away>a</a><a href=/mine>m</a>"))
            .route("/away", get(move || async move { (StatusCode::FOUND, [(header::LOCATION, away)]) }))
            .route("/mine", html("m")),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!((report.blocked, report.extent.unobserved, report.links_checked), (None, 1, 2));
    assert_eq!(portal.count("/mine"), 1);
}

/// What outlives a process, without one.
#[derive(Default)]
struct Shelf(Mutex<HashMap<String, HostMemory>>);

impl Remember for Shelf {
    fn recall<'a>(&'a self, host: &'a str) -> Soon<'a, Option<HostMemory>> {
        Box::pin(async move { self.0.lock().unwrap().get(host).cloned() })
    }

    fn keep(&self, memory: HostMemory) -> Soon<'_, ()> {
        Box::pin(async move { drop(self.0.lock().unwrap().insert(memory.host.clone(), memory)) })
    }
}

fn live(settings: Settings) -> Settings {
    Settings { live: true, ..settings }
}

#[tokio::test]
async fn sitemaps_lead_to_pages_that_nothing_links_to() {
    let portal = Portal::serving(Router::new()).await;
    drop(portal);
    let asked = Arc::new(AtomicU32::new(0));
    let robots = Arc::new(Mutex::new(String::new()));
    let (said_by_robots, endless) = (robots.clone(), asked.clone());
    let portal = Portal::serving(
        Router::new()
            .route("/robots.txt", get(move || async move { said_by_robots.lock().unwrap().clone() }))
            .route("/", html("<p>欢迎</p><a href=/seen>s</a>"))
            .route("/seen", html("s"))
            .route("/index.xml", get(|| async { "<sitemapindex><sitemap><loc>/map.xml</loc></sitemap><sitemap><loc>/index.xml</loc></sitemap><sitemap><loc>http://127.0.0.9/x.xml</loc></sitemap><sitemap><loc>/endless/0</loc></sitemap></sitemapindex>" }))
            .route("/map.xml", get(|| async { "<urlset><url><loc>/only</loc></url><url><loc>/lost</loc></url><url><loc>http://127.0.0.9/foreign</loc></url></urlset>" }))
            // An index that names ten others, each time other ones.
            .route("/endless/{n}", get(move || {
                let n = endless.fetch_add(10, Ordering::SeqCst);
                async move {
                    let maps: Vec<_> = (n + 1..n + 11).map(|n| format!("<sitemap><loc>/endless/{n}</loc></sitemap>")).collect();
                    let maps = maps.concat();
                    format!("<sitemapindex>{maps}</sitemapindex>")
                }
            }))
            .route("/only", html("<p>只在地图里的一页</p>")),
    )
    .await;
    *robots.lock().unwrap() =
        format!("Sitemap: {}\nSitemap: http://127.0.0.9/map.xml\n", portal.url("/index.xml"));
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(classes(&report), [("/lost".to_owned(), "not_found")]);
    assert_eq!(
        (report.faults[0].element.as_str(), report.faults[0].page.as_str()),
        ("loc", portal.url("/map.xml").as_str())
    );
    assert_eq!((report.links_checked, report.extent.pages_read), (3, 3), "sitemaps are no pages");
    assert_eq!((portal.count("/index.xml"), portal.count("/map.xml"), portal.count("/only")), (1, 1, 1));
    let endless = portal.hits().iter().filter(|hit| hit.path.starts_with("/endless")).count();
    assert!(endless <= 50, "{endless} sitemaps");
    assert!(report.extent.cut_short.is_none());
}

#[tokio::test]
async fn a_crawl_delay_is_kept() {
    let portal = Portal::serving(
        Router::new()
            .route("/robots.txt", get(|| async { "User-agent: *\nCrawl-delay: 0.08\n" }))
            .route("/", html(anchors("", 0..3)))
            .route("/{n}", html("x")),
    )
    .await;
    run(portal.url("/"), &Settings { concurrency: 4, ..settings() }).await;
    let hits: Vec<_> = portal.hits().into_iter().filter(|hit| hit.path != "/robots.txt").collect();
    assert_eq!(hits.len(), 4);
    for pair in hits.windows(2) {
        assert!(pair[1].came >= pair[0].came + Duration::from_millis(80), "{pair:?}");
    }
}

#[tokio::test]
async fn a_good_copy_of_robots_txt_holds_while_it_is_down() {
    let up = Arc::new(AtomicU32::new(1));
    let seen = up.clone();
    let portal = Portal::serving(
        Router::new()
            .route(
                "/robots.txt",
                get(move || {
                    let up = seen.load(Ordering::SeqCst) == 1;
                    async move {
                        if up {
                            "User-agent: *\nDisallow: /closed\n".into_response()
                        } else {
                            StatusCode::BAD_GATEWAY.into_response()
                        }
                    }
                }),
            )
            .route("/", html("<p>欢迎</p><a href=/open>o</a><a href=/closed>c</a>"))
            .route("/open", html("o"))
            .route("/closed", html("c")),
    )
    .await;
    let shelf: Arc<Shelf> = Arc::default();
    let manners = || Manners::every(Duration::ZERO, Clock::system()).remembering(shelf.clone());
    Errand { manners: manners(), ..Errand::to(portal.url("/")) }.go().await;
    up.store(0, Ordering::SeqCst);
    let report = Errand { manners: manners(), ..Errand::to(portal.url("/")) }.go().await;
    assert_eq!(
        (report.robots_down, report.links_checked, doubts(&report, DoubtClass::Robots)),
        (false, 1, 1)
    );
    assert_eq!((portal.count("/open"), portal.count("/closed")), (2, 0));
    let report = Errand::to(portal.url("/")).go().await;
    assert_eq!((report.robots_down, doubts(&report, DoubtClass::Robots)), (true, 2), "without a copy");
}

#[tokio::test]
async fn a_second_host_of_the_portal_has_rules_and_a_memory_of_its_own() {
    let second =
        Portal::serving(Router::new().route("/robots.txt", status(503)).route("/{n}", html("x"))).await;
    let page = format!(
        "<p>欢迎</p><a href={0}>1</a><a href={1}>2</a>",
        second.foreign("/open"),
        second.foreign("/closed")
    );
    let portal = Portal::serving(Router::new().route("/", html(page))).await;
    let shelf: Arc<Shelf> = Arc::default();
    let host = format!("localhost:{}", second.address.port());
    let clock = Clock::system();
    let before = Manners::every(Duration::ZERO, clock.clone()).remembering(shelf.clone());
    before.note_robots(&host, b"User-agent: *\nDisallow: /closed\n".to_vec());
    before.take(&host, 9);
    before.keep(&host).await;
    let errand = || {
        let manners = Manners::every(Duration::ZERO, clock.clone()).remembering(shelf.clone());
        let mut errand = Errand { manners, ..Errand::to(portal.url("/")) };
        errand.target.hosts = vec!["localhost".to_owned()];
        errand
    };
    let report = errand().go().await;
    assert_eq!(said(&report, second.foreign("/open")), "fine");
    assert_eq!(said(&report, second.foreign("/closed")), "?robots", "its last good copy was recalled");
    assert_eq!(shelf.0.lock().unwrap()[&host].requests, 3, "one before, robots.txt and one page");

    before.cool(&host, Duration::from_hours(1), "it said 429");
    before.keep(&host).await;
    let asked = second.hits().len();
    let report = errand().go().await;
    assert_eq!(second.hits().len(), asked, "it wanted to be left alone");
    assert!(report.extent.cut_short.is_some_and(|why| why.contains("it said 429")));
}

#[tokio::test]
async fn a_day_has_one_share_for_all_crawls() {
    let portal =
        Portal::serving(Router::new().route("/", html(anchors("", 0..6))).route("/{n}", html("x"))).await;
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual("2026-11-28T00:00:00Z".parse().unwrap());
    let manners = Manners::every(Duration::ZERO, clock.clone());
    let errand = || Errand {
        manners: manners.clone(),
        journal: Some(folder.path().join("journal")),
        settings: Settings { daily: 5, ..settings() },
        ..Errand::to(portal.url("/"))
    };
    let first = errand().go().await;
    let why = first.extent.cut_short.unwrap();
    assert!(why.contains("the daily share of 5 requests is used up"), "{why}");
    assert_eq!((first.links_checked, portal.hits().len()), (3, 5));
    let nothing = errand().go().await;
    assert!(nothing.extent.cut_short.is_some() && nothing.extent.pages_read == 4);
    assert_eq!(nothing.links_checked, 3, "what was found before is not forgotten");
    assert_eq!(portal.count("/"), 1, "not even the entry page");
    clock.set("2026-11-29T00:00:01Z".parse().unwrap());
    let second = errand().go().await;
    assert_eq!((second.extent.cut_short, second.links_checked, second.extent.resumed), (None, 6, true));
    for n in 0..6 {
        assert_eq!(portal.count(&format!("/{n}")), 1, "{n} is asked once in all");
    }
    assert!(!folder.path().join("journal").exists(), "it is through");
}

#[tokio::test]
async fn the_very_last_link_may_be_one_too_many() {
    let portal =
        Portal::serving(Router::new().route("/", html(anchors("", 0..1))).route("/{n}", html("x"))).await;
    let settings = Settings { daily: 2, ..settings() };
    let report = Errand { settings, ..Errand::to(portal.url("/")) }.go().await;
    assert_eq!((report.links_checked, report.extent.cut_short.is_some()), (0, true));
}

#[tokio::test]
async fn a_wish_to_be_left_alone_may_be_a_date() {
    let busy = || async {
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "Sat, 28 Nov 2026 01:00:00 GMT")])
    };
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/busy>b</a><a href=/next>n</a>"))
            .route("/busy", get(busy))
            .route("/next", html("n")),
    )
    .await;
    let clock = Clock::manual("2026-11-28T00:00:00Z".parse().unwrap());
    let client = client_with(Reach::Local, Vec::new(), clock);
    let report = Errand { client, ..Errand::to(portal.url("/")) }.go().await;
    let why = report.extent.cut_short.unwrap();
    assert!(why.contains("it asks to be left alone for 3600 s"), "{why}");
    assert_eq!(portal.count("/next"), 0);
}

#[tokio::test]
async fn a_live_portal_that_says_no_is_not_contacted_until_it_has_cooled_down() {
    let entry_page = |code| {
        Router::new()
            .route(
                "/",
                get(move || async move {
                    (StatusCode::from_u16(code).unwrap(), Html("<p>欢</p><a href=/no>n</a>"))
                }),
            )
            .route("/no", status(429))
    };
    for (code, is_live) in [(200, true), (200, false), (403, true), (429, true), (429, false)] {
        let portal = Portal::serving(entry_page(code)).await;
        let settings = if is_live { live(settings()) } else { settings() };
        let errand = Errand { settings, ..Errand::to(portal.url("/")) };
        let first = errand.go().await;
        assert!(first.blocked.is_some(), "{code}");
        let asked = portal.hits().len();
        let second = errand.go().await;
        assert_eq!(
            portal.hits().len() == asked,
            is_live,
            "{code} live {is_live}: a test system is asked again"
        );
        assert_eq!(second.entry.transport.is_some_and(|t| t.detail.contains("left alone")), is_live);
    }
}

#[tokio::test]
async fn what_a_foreign_host_does_not_want_is_said_and_ends_nothing() {
    for (code, wait) in [(429, ""), (503, "86400")] {
        let foreign = Portal::serving(Router::new().fallback(move || async move {
            (StatusCode::from_u16(code).unwrap(), [(header::RETRY_AFTER, wait)])
        }))
        .await;
        let links = anchors(&foreign.foreign(""), 0..4);
        let portal = Portal::serving(
            Router::new().route("/", html(links + "<a href=/mine>m</a>")).route("/mine", html("m")),
        )
        .await;
        let report = run(portal.url("/"), &settings()).await;
        assert_eq!((report.extent.cut_short.as_deref(), report.extent.unobserved), (None, 4), "{code}");
        assert!(doubts(&report, DoubtClass::LeftAlone) >= 3, "{code}");
        let left: Vec<_> =
            report.extent.doubts.iter().filter(|doubt| doubt.class == DoubtClass::LeftAlone).collect();
        assert!(left.iter().all(|doubt| doubt.detail.starts_with("localhost:")), "{left:?}");
    }
}

#[tokio::test]
async fn a_live_host_gets_one_thing_at_a_time_with_a_browser_at_work() {
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<p>欢迎</p>".to_owned() + &anchors("/p", 0..8)))
            .route(
                "/p/{n}",
                get(|Path(n): Path<u16>| async move {
                    if n % 2 == 0 {
                        StatusCode::FORBIDDEN.into_response()
                    } else {
                        Html("页").into_response()
                    }
                }),
            )
            .route("/seen/{n}", html("x")),
    )
    .await;
    let mut eyes = Seer::default();
    eyes.takes = Duration::from_millis(30);
    for n in [0, 2, 4, 6] {
        eyes = eyes.shows(&format!("/p/{n}"), 200, "<p>页</p>");
    }
    let pause = Duration::from_millis(20);
    let settings =
        live(Settings { link_interval: pause, page_interval: pause, render: Render::Never, ..settings() });
    let errand = Errand { settings, eyes: Some(eyes), ..Errand::to(portal.url("/")) };
    let report = errand.go().await;
    assert_eq!((report.faults.len(), report.extent.unobserved, report.extent.settled_in_browser), (0, 0, 4));
    let hits: Vec<_> = portal.hits().into_iter().filter(|hit| hit.path != "/robots.txt").collect();
    for pair in hits.windows(2) {
        assert!(pair[1].came >= pair[0].left + pause, "{pair:?}");
    }
    // robots.txt, the entry page, eight links and four looks are counted for the day.
    let key = format!("127.0.0.1:{}", portal.address.port());
    assert_eq!(errand.manners.used(&key), 14);
}

#[tokio::test]
async fn no_host_has_more_under_way_than_it_may_and_every_request_says_who_asks() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (counting, peak) = (now.clone(), most.clone());
    let portal = Portal::serving(Router::new().route("/", html(anchors("/p", 0..30))).route(
        "/p/{n}",
        get(move || {
            let (now, most) = (counting.clone(), peak.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                Html("x")
            }
        }),
    ))
    .await;
    let report = run(portal.url("/"), &Settings { concurrency: 3, soft_404: true, ..settings() }).await;
    assert_eq!((report.links_checked, most.load(Ordering::SeqCst)), (30, 3));
    for hit in portal.hits() {
        assert!(
            hit.agent.starts_with("mystery-shopper/") && hit.agent.ends_with(" (+mailto:test@example.org)"),
            "{hit:?}"
        );
    }
}

#[tokio::test]
async fn a_pause_lies_between_a_head_and_the_get_after_it() {
    let foreign = Portal::serving(
        Router::new().route("/x", axum::routing::any(|| async { StatusCode::METHOD_NOT_ALLOWED })),
    )
    .await;
    let page = format!("<p>欢迎</p><a href={}>x</a>", foreign.foreign("/x"));
    let portal = Portal::serving(Router::new().route("/", html(page))).await;
    let pause = Duration::from_millis(40);
    run(portal.url("/"), &Settings { link_interval: pause, ..settings() }).await;
    let hits = foreign.hits();
    assert_eq!(hits.len(), 3, "HEAD, GET, and GET once more");
    for pair in hits.windows(2) {
        assert!(pair[1].came >= pair[0].left + pause, "{pair:?}");
    }
}
