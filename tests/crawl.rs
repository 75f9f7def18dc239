//! Link checks against portals and hosts of every temper.

mod net;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use mystery_shopper::clock::{Clock, Deadline, Stopwatch};
use mystery_shopper::crawl::{CrawlReport, Progress, Settings, Tools, crawl};
use mystery_shopper::domain::ids::TargetId;
use mystery_shopper::domain::link::{DoubtClass, LinkClass, LinkFault};
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::place::Place;
use mystery_shopper::domain::target::{Target, TargetClass};
use mystery_shopper::http::manners::Manners;
use mystery_shopper::plan::CrawlPlan;
use mystery_shopper::plan::lexicon::built_in;
use net::{Portal, Raw, client, read_request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use url::Url;

const LONG: Duration = Duration::from_mins(1);

fn target(entry: Url) -> Target {
    Target {
        id: TargetId::new("city"),
        name: "示范市".to_owned(),
        labels: BTreeMap::new(),
        entry,
        class: TargetClass::Test,
        vars: BTreeMap::default(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        soft_404: true,
        assessed: None,
    }
}

fn settings() -> Settings {
    let entry = Url::parse("http://127.0.0.1/").unwrap();
    let plan = CrawlPlan::new(50, 1);
    let settings = Settings::of(&plan, &target(entry), Arc::new(built_in()));
    // Made-up names are asked for in a test of their own.
    Settings { retry_pause: Duration::from_millis(10), soft_404: false, concurrency: 1, ..settings }
}

async fn run(entry: Url, settings: &Settings) -> CrawlReport {
    // In a task of its own, as the runner has it: that needs a future that may change threads.
    let settings = settings.clone();
    tokio::spawn(async move {
        run_until(&entry, &settings, Deadline::after(LONG), &|_| (), &CancellationToken::new()).await
    })
    .await
    .unwrap()
}

async fn run_until(
    entry: &Url,
    settings: &Settings,
    deadline: Deadline,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
    cancel: &CancellationToken,
) -> CrawlReport {
    let (client, manners) = (client(), Manners::every(Duration::ZERO, Clock::system()));
    let tools = Tools { client: &client, eyes: None, manners: &manners, cancel, progress };
    crawl(tools, &target(entry.clone()), settings, None, deadline).await
}

/// How many links nothing is said of, for a reason.
fn doubts(report: &CrawlReport, class: DoubtClass) -> usize {
    report.extent.doubts.iter().filter(|doubt| doubt.class == class).count()
}

fn html(page: impl Into<String>) -> axum::routing::MethodRouter {
    let page: String = page.into();
    get(move || async move { Html(page) })
}

fn status(code: u16) -> axum::routing::MethodRouter {
    get(move || async move { StatusCode::from_u16(code).unwrap() })
}

/// A page of links to `prefix/n`.
fn anchors(prefix: &str, numbers: impl IntoIterator<Item = u16>) -> String {
    let links: Vec<_> = numbers.into_iter().map(|n| format!("<a href={prefix}/{n}>{n}</a>")).collect();
    links.concat()
}

fn classes(report: &CrawlReport) -> Vec<(String, &str)> {
    report
        .faults
        .iter()
        .map(|fault| (Url::parse(&fault.url).unwrap().path().to_owned(), fault.class.name()))
        .collect()
}

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
async fn broken_connections_are_faults_of_their_class() {
    let torn = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
        let _ = stream.set_zero_linger();
    })
    .await;
    let silent = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let page = format!(
        "<a href=http://localhost:{}/torn#part>1</a><a href=http://localhost:{}/silent>2</a><a href=http://localhost:{}/closed>3</a>\
         <a href=/loop>4</a>",
        torn.address.port(),
        silent.address.port(),
        closed.port()
    );
    let portal = Portal::serving(
        Router::new()
            .route("/", html(page))
            .route("/loop", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/loop")]) })),
    )
    .await;
    let report = run(portal.url("/"), &Settings { within: Duration::from_secs(1), ..settings() }).await;
    let want =
        [("/torn", "reset"), ("/silent", "timeout"), ("/closed", "refused"), ("/loop", "redirect_loop")];
    assert_eq!(classes(&report), want.map(|(path, class)| (path.to_owned(), class)));
}

#[tokio::test]
async fn a_host_that_is_down_does_not_break_each_of_its_links() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let page = anchors(&format!("http://localhost:{}", closed.port()), 0..9);
    let portal = Portal::serving(Router::new().route("/", html(page))).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!((report.faults.len(), report.extent.unobserved), (5, 4));
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

#[tokio::test]
async fn a_portal_that_goes_down_on_the_way_is_no_list_of_broken_links() {
    let asked = Arc::new(AtomicU32::new(0));
    let server = Raw::serving(move |mut stream: TcpStream| {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        async move {
            read_request(&mut stream).await;
            // robots.txt and the entry page are answered, and nothing after them.
            let body = if nth == 0 { String::new() } else { anchors("", 0..9) };
            if nth < 2 {
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length:";
                let _ = stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await;
            }
        }
    })
    .await;
    let report = run(server.url("/"), &settings()).await;
    assert_eq!((report.extent.pages_read, report.faults.len(), report.extent.unobserved), (1, 0, 9));
    assert!(report.extent.cut_short.is_some());
}
