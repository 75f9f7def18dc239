//! Servers and pages that are broken, or mean harm: bounded time and memory, a precise class, and
//! the crawl goes on.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get};
use mystery_shopper::clock::Deadline;
use mystery_shopper::crawl::{CrawlReport, Seen, Settings, Settled, settle};
use mystery_shopper::domain::link::DoubtClass;
use mystery_shopper::http::Get;
use mystery_shopper::http::address::Reach;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

use crate::net::{Portal, Raw, client_with, read_request};
use crate::world::{Errand, LONG, anchors, classes, html, run, said, settings};

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

const HOME: &str = "<p>欢迎</p><a href=/bad>b</a><a href=/good>g</a><a href=/gone>x</a>";

/// A crawl of a portal with one bad link; the good and the broken one beside it are judged.
async fn beside(bad: MethodRouter, settings: &Settings) -> (Portal, CrawlReport) {
    let portal =
        Portal::serving(Router::new().route("/", html(HOME)).route("/good", html("g")).route("/bad", bad))
            .await;
    let report = run(portal.url("/"), settings).await;
    assert_eq!(said(&report, portal.url("/good")), "fine");
    assert_eq!(said(&report, portal.url("/gone")), "not_found");
    assert_eq!((portal.count("/good"), portal.count("/gone")), (1, 2));
    (portal, report)
}

async fn class_of(bad: MethodRouter, settings: &Settings) -> String {
    let (portal, report) = beside(bad, settings).await;
    assert_eq!(report.extent.cut_short, None);
    said(&report, portal.url("/bad"))
}

/// A piece of a body without end.
static PIECE: [u8; 64 << 10] = [b' '; 64 << 10];

/// A body of pieces that never ends.
fn endless(piece: &'static [u8], pause: Duration) -> Body {
    Body::from_stream(futures_util::stream::unfold((), move |()| async move {
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(piece)), ()))
    }))
}

fn page_with(body: impl Fn() -> Body + Clone + Send + Sync + 'static) -> MethodRouter {
    get(move || async move { ([(header::CONTENT_TYPE, "text/html")], body()) })
}

#[tokio::test]
async fn bodies_without_end_cost_bounded_time_and_memory() {
    let short = Settings { within: Duration::from_millis(300), ..settings() };
    assert_eq!(class_of(page_with(|| endless(b"x", Duration::from_millis(20))), &short).await, "timeout");
    assert_eq!(class_of(page_with(|| endless(&PIECE, Duration::ZERO)), &settings()).await, "fine");
    let fifty = || {
        Body::from_stream(futures_util::stream::iter(
            (0..800).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&PIECE))),
        ))
    };
    assert_eq!(class_of(get(move || async move { fifty() }), &settings()).await, "fine");
}

#[tokio::test]
async fn redirects_without_end() {
    let chain = get(|Query(query): Query<std::collections::HashMap<String, u32>>| async move {
        let n = query.get("n").copied().unwrap_or(0);
        if n < 10_000 {
            (StatusCode::FOUND, [(header::LOCATION, format!("/bad?n={}", n + 1))]).into_response()
        } else {
            Html("at last").into_response()
        }
    });
    let (portal, report) = beside(chain, &settings()).await;
    assert_eq!(said(&report, portal.url("/bad")), "redirect_loop");
    assert_eq!(
        report.faults.iter().find(|fault| fault.url.ends_with("/bad")).unwrap().detail,
        "More than 10 redirects."
    );
    let hops = portal.hits().iter().filter(|hit| hit.path.starts_with("/bad")).count();
    assert_eq!(hops, 22, "eleven requests, twice");
    let to_itself = get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/bad")]) });
    assert_eq!(class_of(to_itself, &settings()).await, "redirect_loop");
}

#[tokio::test]
async fn redirects_that_leave_the_web_are_refused_and_recorded() {
    let cases = [
        ("file:///etc/passwd", "Refused: file: addresses are not requested."),
        (
            "http://169.254.169.254/latest/meta-data/",
            "Refused: 169.254.169.254 is a link-local or metadata address.",
        ),
        (
            "http://[::ffff:169.254.169.254]/",
            "Refused: ::ffff:169.254.169.254 is a link-local or metadata address.",
        ),
        ("http://100.100.100.200/", "Refused: 100.100.100.200 is a metadata address."),
        ("http://127.0.0.1:22/", "Refused: port 22 is closed to browsers."),
        ("javascript:alert(1)", "Refused: javascript: addresses are not requested."),
    ];
    for (to, want) in cases {
        let bad = get(move || async move { (StatusCode::FOUND, [(header::LOCATION, to)]) });
        let (portal, report) = beside(bad, &settings()).await;
        assert_eq!(said(&report, portal.url("/bad")), "?redirect_policy", "{to}");
        let doubt = report.extent.doubts.iter().find(|doubt| doubt.url.ends_with("/bad")).unwrap();
        assert_eq!((doubt.detail.as_str(), doubt.page.as_str()), (want, portal.url("/").as_str()));
    }
}

#[tokio::test]
async fn a_portal_elsewhere_cannot_lead_us_to_this_machine() {
    let here = Portal::serving(Router::new().fallback(|| async { "secret" })).await;
    let client = client_with(Reach::Public, Vec::new(), mystery_shopper::clock::Clock::system());
    let port = here.address.port();
    for host in
        ["127.0.0.1", "localhost", "a.localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"]
    {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let answer = client.get(&Get::page(url, 99), Deadline::after(LONG)).await;
        let transport = answer.transport.unwrap();
        let seen = Seen { transport: Some((transport.class, &transport.detail)), ..Seen::default() };
        let Settled::Doubt(DoubtClass::RedirectPolicy, why) = settle(&seen) else {
            panic!("{host}: {transport:?}")
        };
        assert!(why.contains("loopback") || why.contains("this machine"), "{host}: {why}");
    }
    assert_eq!(here.hits().len(), 0);
}

#[tokio::test]
async fn answers_that_are_no_answers() {
    // What is sent, and what that is.
    let gzip = |body: &[u8]| {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
    let whole = gzip("<p>办事指南</p>".repeat(500).as_bytes());
    let torn = &whole[..whole.len() / 2];
    let with = |more: &str, body: &[u8]| [format!("{head}{more}\r\n").as_bytes(), body].concat();
    let zipped =
        |body: &[u8]| with(&format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", body.len()), body);
    let mut bomb_of_headers = String::new();
    for n in 0..20_000 {
        let _ = write!(bomb_of_headers, "X-{n}: {n}\r\n");
    }
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        (
            "chunks that are none",
            with("Transfer-Encoding: chunked\r\n", b"ZZ\r\nxx\r\n"),
            &["other", "reset"],
        ),
        ("a chunk that breaks off", with("Transfer-Encoding: chunked\r\n", b"ff\r\nxx"), &["reset"]),
        ("gzip that breaks off", zipped(torn), &["other", "reset"]),
        ("gzip that is none", zipped(b"<p>plain</p>"), &["other"]),
        ("headers without end", with(&bomb_of_headers, b""), &["other"]),
        ("one header without end", with(&format!("X: {}\r\n", "y".repeat(2 << 20)), b""), &["other"]),
        ("no HTTP", b"220 mail.example.org ESMTP\r\n".to_vec(), &["other"]),
        ("nothing", Vec::new(), &["reset"]),
        (
            "invalid UTF-8",
            with("", b"<title>\xff\xfe\xc3(</title>\xf0\x28\x8c\x28 <a href=/\xff>x</a>"),
            &["fine"],
        ),
        ("a status that is none", b"HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n".to_vec(), &["?unsure"]),
    ];
    for (name, bytes, want) in cases {
        let bytes = Arc::new(bytes);
        let server = Raw::serving(move |mut stream: TcpStream| {
            let bytes = bytes.clone();
            async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await;
        let bad = format!("http://localhost:{}/bad", server.address.port());
        let page = HOME.replace("/bad", &bad);
        let portal = Portal::serving(Router::new().route("/", html(page)).route("/good", html("g"))).await;
        let mut errand = Errand::to(portal.url("/"));
        errand.settings.within = Duration::from_secs(5);
        // As a page of the portal: only those are read.
        errand.target.hosts = vec!["localhost".to_owned()];
        errand.manners.note_robots(&format!("localhost:{}", server.address.port()), Vec::new());
        let report = errand.go().await;
        let got = said(&report, &bad);
        assert!(want.contains(&got.as_str()), "{name}: {got} {:?}", report.extent.doubts);
        assert_eq!(
            (said(&report, portal.url("/good")), said(&report, portal.url("/gone"))),
            ("fine".into(), "not_found".into()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn bombs_go_off_in_a_box() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..640 {
        encoder.write_all(&PIECE).unwrap();
    }
    let bomb = Bytes::from(encoder.finish().unwrap());
    let serve = |kind: &'static str, bomb: Bytes| {
        get(move || async move { ([(header::CONTENT_TYPE, kind), (header::CONTENT_ENCODING, "gzip")], bomb) })
    };
    assert_eq!(class_of(serve("text/html", bomb.clone()), &settings()).await, "fine");
    let page = HOME.replace("/bad", "/bad.zip");
    let portal = Portal::serving(
        Router::new()
            .route("/", html(page))
            .route("/good", html("g"))
            .route("/bad.zip", serve("application/zip", bomb)),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(classes(&report), [("/bad.zip".to_owned(), "wrong_type"), ("/gone".to_owned(), "not_found")]);
}

#[tokio::test]
async fn addresses_of_every_kind() {
    let home: Arc<std::sync::Mutex<String>> = Arc::default();
    let page = home.clone();
    let portal = Portal::serving(Router::new().fallback(move |uri: axum::http::Uri| {
        let page = page.lock().unwrap().clone();
        async move {
            match uri.path() {
                "/" if uri.query().is_none() => Html(page).into_response(),
                "/lost" | "/robots.txt" => StatusCode::NOT_FOUND.into_response(),
                _ => Html("x").into_response(),
            }
        }
    }))
    .await;
    let port = portal.address.port();
    let page = format!(
        "<a href='javascript:void(0)'>1</a><a href='data:text/html,x'>2</a><a href=mailto:a@b.cn>3</a><a href=tel:12345>4</a>\
         <a href=' /with space '>5</a><a href='/办事/指南'>6</a><a href='/%B0%EC%CA%C2'>7</a>\
         <a href='http://１２７.０.０.１:{port}/wide'>8</a><a href='//127.0.0.1:{port}/relative'>9</a>\
         <a href='http://user:secret@127.0.0.1:{port}/named'>10</a><a href='/a/../b/./c'>11</a><a href='?q=1'>12</a>\
         <a href='/%zz%'>13</a><a href='\\back\\slash'>14</a><a href='http://[::1'>15</a><a href='/lost'>16</a>"
    );
    *home.lock().unwrap() = page;
    let entry = portal.url("/");
    let report = run(entry.clone(), &settings()).await;
    let found: Vec<_> = report
        .faults
        .iter()
        .map(|fault| (fault.url.replace(entry.as_str(), "/"), fault.class.name()))
        .collect();
    assert_eq!(found, [("http://[::1".to_owned(), "malformed"), ("/lost".to_owned(), "not_found")]);
    let asked: Vec<String> = portal.hits().into_iter().map(|hit| hit.path).collect();
    for path in [
        "/with%20space",
        "/%E5%8A%9E%E4%BA%8B/%E6%8C%87%E5%8D%97",
        "/%B0%EC%CA%C2",
        "/wide",
        "/relative",
        "/named",
        "/b/c",
        "/?q=1",
        "/%zz%",
        "/back/slash",
    ] {
        assert_eq!(asked.iter().filter(|asked| *asked == path).count(), 1, "{path}: {asked:?}");
    }
    assert_eq!((asked.len(), report.extent.unobserved), (14, 0), "{asked:?}");
}

#[tokio::test]
async fn pages_that_lead_in_circles_or_on_and_on() {
    // A calendar: each page leads to ever new ones.
    let calendar = get(|Query(query): Query<std::collections::HashMap<String, u64>>| async move {
        let n = query.get("n").copied().unwrap_or(0);
        Html(format!(
            "<p>日历</p><a href='/cal?n={}'>下月</a><a href='/cal?n={}'>明年</a>",
            n * 2 + 1,
            n * 2 + 2
        ))
    });
    let portal = Portal::serving(
        Router::new().route("/", html("<p>欢迎</p><a href=/cal>日历</a>")).route("/cal", calendar),
    )
    .await;
    let bounded = |max_pages, depth, max_links| Settings { max_pages, depth, max_links, ..settings() };
    // limits, pages read, links checked
    for (limits, pages, links) in
        [(bounded(10, 99, 1_000), 10, 19), (bounded(500, 3, 1_000), 8, 15), (bounded(500, 99, 30), 31, 30)]
    {
        let report = run(portal.url("/"), &limits).await;
        assert_eq!((report.extent.pages_read, report.links_checked), (pages, links), "{limits:?}");
        assert_eq!(report.extent.cut_short.is_some(), limits.max_links == 30);
    }
    let cycle = "<p>圈</p><a href=/a>a</a><a href=/b>b</a><a href=/>h</a><iframe src=/frames></iframe>";
    let frames = "<frameset><frame src=/frames><frame src=/a><frame src=/lost></frameset>";
    let portal = Portal::serving(
        Router::new()
            .route("/", html(cycle))
            .route("/a", html(cycle))
            .route("/b", html(cycle))
            .route("/frames", html(frames)),
    )
    .await;
    let report = run(portal.url("/"), &bounded(500, 99, 1_000)).await;
    assert_eq!(classes(&report), [("/lost".to_owned(), "not_found")]);
    assert_eq!((report.extent.pages_read, report.links_checked, portal.hits().len()), (4, 4, 7));
}

#[tokio::test]
async fn a_page_of_more_links_than_anybody_follows() {
    let mut page = String::from(HOME);
    for n in 0..50_000 {
        let _ = write!(page, "<a href=/{n}>");
    }
    let portal = Portal::serving(
        Router::new().route("/", html(page)).route("/good", html("g")).route("/{n}", html("x")),
    )
    .await;
    let report =
        run(portal.url("/"), &Settings { max_links: 100, concurrency: 8, depth: 0, ..settings() }).await;
    assert_eq!((report.links_checked, report.extent.links_known), (100, 100));
    assert!(report.extent.cut_short.is_some());
}

#[tokio::test]
async fn a_page_that_names_a_thousand_hosts() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut page = String::from(HOME);
    for n in 0..1_000 {
        let _ = write!(page, "<a href=http://127.1.{}.{}:{port}/>h</a>", n / 250, n % 250 + 1);
    }
    let portal = Portal::serving(Router::new().route("/", html(page)).route("/good", html("g"))).await;
    let report = run(portal.url("/"), &Settings { at_once: 64, depth: 0, ..settings() }).await;
    assert_eq!(report.faults.iter().filter(|fault| fault.class.name() == "refused").count(), 1_000);
    assert_eq!((said(&report, portal.url("/good")).as_str(), report.links_checked), ("fine", 1_003));
}

#[tokio::test]
async fn words_of_pages_are_short_and_inert() {
    let title = "标".repeat(50_000);
    let page = format!(
        "<title>{title}</title><p>欢迎</p><a href=/gone>\u{1b}[31m红\u{1b}[0m\r\n字\u{7}\u{202e}{}</a><a href='http://[\u{1b}]'>坏</a>",
        "长".repeat(1_000)
    );
    let portal = Portal::serving(Router::new().route("/", html(page))).await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(report.entry.title.chars().count(), 300);
    assert_eq!(report.faults.len(), 2);
    for fault in &report.faults {
        assert!(fault.text.chars().count() <= 80, "{}", fault.text);
        let words = [&fault.text, &fault.url, &fault.detail, &fault.page];
        assert!(words.iter().all(|text| !text.contains(char::is_control)), "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_a_head_is_asked_with_get() {
    let foreign = Portal::serving(Router::new().route(
        "/x",
        get(|method: axum::http::Method| async move {
            if method == axum::http::Method::HEAD {
                std::future::pending::<()>().await;
            }
            "x"
        }),
    ))
    .await;
    let portal = Portal::serving(
        Router::new().route("/", html(format!("<p>欢</p><a href={}>x</a>", foreign.foreign("/x")))),
    )
    .await;
    let report = run(portal.url("/"), &Settings { within: Duration::from_millis(600), ..settings() }).await;
    assert_eq!(said(&report, foreign.foreign("/x")), "fine");
}

#[tokio::test]
async fn a_second_look_that_the_end_cuts_off_accuses_nobody() {
    let portal = Portal::serving(Router::new().route("/", html("<p>欢</p><a href=/slow>s</a>")).route(
        "/slow",
        get(|| async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            StatusCode::INTERNAL_SERVER_ERROR
        }),
    ))
    .await;
    // The first answer is a fault, the second is not over when time is up.
    for ms in [450, 550] {
        let errand = Errand { time: Duration::from_millis(ms), ..Errand::to(portal.url("/")) };
        let report = errand.go().await;
        assert_eq!(
            (report.faults, report.links_checked, report.extent.cut_short.as_deref()),
            (vec![], 0, Some("Its time was up."))
        );
    }
}

#[tokio::test]
async fn a_form_that_falls_over_without_its_fields_is_not_accused() {
    let portal = Portal::serving(
        Router::new()
            .route(
                "/",
                html("<p>欢</p><form method=post action=/f></form><form method=post action=/lost></form>"),
            )
            .route("/f", get(|| async { StatusCode::INTERNAL_SERVER_ERROR })),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(
        [said(&report, portal.url("/f")), said(&report, portal.url("/lost"))],
        ["?unsure", "not_found"]
    );
}

#[tokio::test]
async fn a_link_that_a_form_names_too_is_asked_as_a_page() {
    // The form is met first and lenient; the page that links there as well comes later.
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<p>欢</p><form method=post action=/x></form><a href=/later>l</a>"))
            .route("/later", html("<p>后</p><a href=/x>x</a>"))
            .route("/x", get(|Path(()): Path<()>| async { StatusCode::BAD_REQUEST })),
    )
    .await;
    let report = run(portal.url("/"), &settings()).await;
    assert_eq!(said(&report, portal.url("/x")), "client_error");
}
