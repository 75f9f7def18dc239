//! Second opinions: what a browser settles, and what stays in doubt without one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, any, get};
use mystery_shopper::clock::Clock;
use mystery_shopper::crawl::{CrawlReport, Settings};
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::http::address::Reach;
use mystery_shopper::plan::Render;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::net::{Portal, Raw, client_with};
use crate::world::{Errand, Seer, classes, html, said, settings, status};

const CHALLENGE: &str = "<script>document.cookie='__jsl_clearance=1;'+x</script>";
const ARTICLE: &str = "<title>指南</title><p>办事指南：申请人应当具备与经营相适应的场所。</p>";

fn challenge(code: u16) -> MethodRouter {
    get(move || async move { (StatusCode::from_u16(code).unwrap(), Html(CHALLENGE)) })
}

/// The first answer, and every later one.
fn first_then(first: u16, later: u16) -> MethodRouter {
    let asked = Arc::new(AtomicU32::new(0));
    get(move || {
        let code = if asked.fetch_add(1, Ordering::SeqCst) == 0 { first } else { later };
        async move { StatusCode::from_u16(code).unwrap().into_response() }
    })
}

#[tokio::test]
async fn a_browser_settles_what_a_request_cannot() {
    let see = Seer::default;
    let cases: Vec<(&str, MethodRouter, Seer, &str, usize)> = vec![
        ("403 for us alone", status(403), see().shows("/x", 200, ARTICLE), "fine", 1),
        ("403 for both", status(403), see().shows("/x", 403, "no"), "?waf", 1),
        ("405 for both", status(405), see().shows("/x", 405, "no"), "client_error", 1),
        ("405 for us alone", status(405), see().shows("/x", 200, ARTICLE), "fine", 1),
        ("503 for both", status(503), see().shows("/x", 503, "no"), "server_error", 1),
        ("503 that passes", first_then(503, 204), see().shows("/x", 503, "no"), "fine", 0),
        ("521 and a script", challenge(521), see().shows("/x", 200, ARTICLE), "fine", 1),
        ("412 and a script", challenge(412), see().shows("/x", 200, ARTICLE), "fine", 1),
        ("200 and a script", challenge(200), see().shows("/x", 200, ARTICLE), "fine", 1),
        ("a script that browsers fail", challenge(521), see().marked("/x", 521, CHALLENGE, "jsl"), "?waf", 1),
        ("it is gone behind the script", challenge(521), see().shows("/x", 404, "no"), "not_found", 1),
        (
            "an error page behind the script",
            challenge(521),
            see().shows("/x", 200, "页面不存在"),
            "soft_404",
            1,
        ),
        ("no browser", status(403), see(), "?waf", 1),
        ("no browser for a 503", status(503), see(), "?unsure", 1),
        ("a browser gets a file", status(403), see().fails("/x", TransportClass::Download), "fine", 1),
        ("a browser gets no answer", status(503), see().fails("/x", TransportClass::Reset), "reset", 1),
        ("our guard", status(403), see().fails("/x", TransportClass::Policy), "?redirect_policy", 1),
        ("404 needs no second opinion", status(404), see().shows("/x", 200, ARTICLE), "not_found", 0),
    ];
    for (name, router, eyes, want, looks) in cases {
        let portal = Portal::serving(
            Router::new()
                .route("/", html("<p>欢迎光临</p><a href=/x>x</a><a href=/y>y</a>"))
                .route("/x", router)
                .route("/y", html("y")),
        )
        .await;
        let errand = Errand { eyes: Some(eyes), ..Errand::to(portal.url("/")) };
        let report = errand.go().await;
        assert_eq!(said(&report, portal.url("/x")), want, "{name}: {report:#?}");
        assert_eq!(errand.eyes.unwrap().looks().len(), looks, "{name}");
        assert_eq!(
            (said(&report, portal.url("/y")).as_str(), report.extent.cut_short),
            ("fine", None),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_page_that_only_browsers_get_is_read_as_they_draw_it() {
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/x>x</a>"))
            .route("/x", status(403))
            .route("/there", html("t")),
    )
    .await;
    let drawn = format!("{ARTICLE}<a href=/there>t</a><a href=/lost>丢</a>");
    let errand =
        Errand { eyes: Some(Seer::default().shows("/x", 200, &drawn)), ..Errand::to(portal.url("/")) };
    let report = errand.go().await;
    assert_eq!(classes(&report), [("/lost".to_owned(), "not_found")]);
    let fault = &report.faults[0];
    assert_eq!((fault.page.as_str(), fault.line, fault.column), (portal.url("/x").as_str(), 0, 0));
    assert_eq!(
        (report.extent.pages_read, report.extent.settled_in_browser, report.extent.unobserved),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn looks_are_counted_and_forms_are_not_opened() {
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/a>a</a><a href=/b>b</a><form method=post action=/f></form>"))
            .route("/a", status(403))
            .route("/b", status(403))
            .route("/f", any(|| async { StatusCode::FORBIDDEN })),
    )
    .await;
    let eyes = || {
        Some(Seer::default().shows("/a", 200, ARTICLE).shows("/b", 200, ARTICLE).shows("/f", 200, ARTICLE))
    };
    let settings = Settings { looks: 1, ..settings() };
    let errand = Errand { eyes: eyes(), settings, ..Errand::to(portal.url("/")) };
    let report = errand.go().await;
    assert_eq!(["/a", "/b", "/f"].map(|path| said(&report, portal.url(path))), ["fine", "?waf", "fine"]);
    assert_eq!(errand.eyes.unwrap().looks(), ["/a"]);
    let doubt = &report.extent.doubts[0];
    assert_eq!(doubt.detail, "It answered with status 403. No browser looked at it.");
}

#[tokio::test]
async fn a_challenge_before_the_entry_page() {
    let router = || Router::new().route("/", challenge(521)).route("/a", html("a"));
    let drawn = "<title>门户</title><p>欢迎</p><a href=/a>a</a><a href=/b>b</a>";
    let portal = Portal::serving(router()).await;
    let errand = Errand { eyes: Some(Seer::default().shows("/", 200, drawn)), ..Errand::to(portal.url("/")) };
    let report = errand.go().await;
    assert_eq!((report.blocked.as_ref(), report.entry.title.as_str()), (None, "门户"));
    assert_eq!(report.entry.main.as_ref().map(|main| main.status), Some(200));
    assert_eq!((classes(&report), report.links_checked), (vec![("/b".to_owned(), "not_found")], 2));

    for eyes in [None, Some(Seer::default()), Some(Seer::default().marked("/", 521, CHALLENGE, "jsl"))] {
        let portal = Portal::serving(router()).await;
        let report = Errand { eyes, ..Errand::to(portal.url("/")) }.go().await;
        let blocked = report.blocked.expect("blocked");
        assert_eq!((blocked.status, blocked.phrase.as_deref()), (Some(521), Some("jsl")));
        assert_eq!((report.links_checked, portal.count("/a")), (0, 0));
    }
}

#[tokio::test]
async fn a_page_that_scripts_draw_is_drawn() {
    const SHELL: &str =
        "<title>应用</title><a href=/plain>p</a><div id=app></div><script src=/app.js></script>";
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<p>欢迎光临示范市政务服务网</p><a href=/app>a</a>"))
            .route("/app", html(SHELL))
            .route(
                "/app.js",
                get(|| async {
                    ([(header::CONTENT_TYPE, "text/javascript")], "document.createElement('a')")
                }),
            ),
    )
    .await;
    let drawn = "<title>应用</title><a href=/plain>p</a><div id=app><a href=/from-script>s</a></div>";
    let lost = |report: &CrawlReport| classes(report).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    // rendering, what a browser draws, the faults, pages rendered
    let cases = [
        (Render::Auto, Some(drawn), vec!["/from-script", "/plain"], 1),
        (Render::Always, Some(drawn), vec!["/from-script", "/plain"], 1),
        (Render::Never, Some(drawn), vec!["/plain"], 0),
        // Nobody can look: what the source says is read still.
        (Render::Auto, None, vec!["/plain"], 0),
        (Render::Auto, Some("<title>x</title>您访问的页面不存在"), vec!["/app"], 1),
    ];
    for (render, drawn, want, rendered) in cases {
        let mut eyes = Seer::default().shows("/", 200, "<p>欢迎光临示范市政务服务网</p><a href=/app>a</a>");
        if let Some(drawn) = drawn {
            eyes = eyes.shows("/app", 200, drawn);
        }
        let settings = Settings { render, ..settings() };
        let errand = Errand { eyes: Some(eyes), settings, ..Errand::to(portal.url("/")) };
        let report = errand.go().await;
        assert_eq!(lost(&report), want, "{render:?} {drawn:?}");
        let entry = u32::from(render == Render::Always);
        assert_eq!(report.extent.rendered, rendered + entry, "{render:?} {drawn:?}");
        let by_script = report.faults.iter().find(|fault| fault.url.ends_with("/from-script"));
        assert!(by_script.is_none_or(|fault| (fault.line, fault.column) == (0, 0)));
    }
    let report = Errand::to(portal.url("/")).go().await;
    assert_eq!(lost(&report), ["/plain"], "without eyes the source is all there is");
}

#[tokio::test]
async fn places_that_scripts_may_make_are_looked_for() {
    const PAGE: &str = "<p>办事指南</p><script>document.body.innerHTML = x</script>";
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<p>欢</p><a href=/p#made>1</a><a href=/p#lost>2</a>"))
            .route("/p", html(PAGE)),
    )
    .await;
    let made = "<p>办事指南</p><h2 id=made>x</h2>";
    let see = Seer::default;
    let cases = [
        ("in the document as drawn", Some(see().shows("/p", 200, made)), ["fine", "fragment"]),
        ("nobody looks", None, ["?unsure", "?unsure"]),
        ("no browser", Some(see()), ["?unsure", "?unsure"]),
        (
            "a login in its place",
            Some(see().marked("/p", 200, "<p>登录</p>", "login-form")),
            ["?unsure", "?unsure"],
        ),
        ("a check in its place", Some(see().marked("/p", 200, CHALLENGE, "jsl")), ["?unsure", "?unsure"]),
        ("refused", Some(see().shows("/p", 403, "no")), ["?unsure", "?unsure"]),
        ("no document", Some(see().shows("/p", 200, "")), ["?unsure", "?unsure"]),
    ];
    for (name, eyes, want) in cases {
        let settings = Settings { render: Render::Never, ..settings() };
        let errand = Errand { settings, eyes, ..Errand::to(portal.url("/")) };
        let report = errand.go().await;
        let got = ["/p#made", "/p#lost"].map(|path| said(&report, portal.url(path)));
        assert_eq!(got, want, "{name}");
        let looks = errand.eyes.map_or(0, |eyes| eyes.looks().len());
        assert!(looks <= 1, "{name}: a page is looked at once for all its places");
    }
}

#[tokio::test]
async fn places_are_missed_only_on_pages_that_were_read_whole() {
    let long = format!("<p>{}</p><i id=end>x</i>", "长".repeat(3 << 20));
    let foreign = "<p>指南</p><script src=http://127.0.0.2:9/x.js></script>";
    let portal = Portal::serving(
        Router::new()
            .route("/", html("<a href=/long#end>1</a><a href=/long#lost>2</a><a href=/foreign#lost>3</a>"))
            .route("/long", html(long))
            .route("/foreign", html(foreign)),
    )
    .await;
    let settings = Settings { external: false, ..settings() };
    let report = Errand { settings, ..Errand::to(portal.url("/")) }.go().await;
    assert_eq!(classes(&report), [], "behind the cap, or made by a script that nobody read");
}

#[tokio::test]
async fn a_chain_that_browsers_complete_is_settled_by_one() {
    use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
    let key = || rcgen::KeyPair::generate().unwrap();
    let authority = |name: &str| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params
    };
    let (root_key, between_key, leaf_key) = (key(), key(), key());
    let root = authority("root");
    let trusted = root.self_signed(&root_key).unwrap().der().to_vec();
    // The intermediate certificate is never sent, so nobody needs to sign it here.
    let between = rcgen::Issuer::new(authority("between"), between_key);
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &between).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Raw::serving(move |stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(stream).await {
                let _ = tls.shutdown().await;
            }
        }
    })
    .await;
    let link = format!("https://localhost:{}/x", server.address.port());
    let portal =
        Portal::serving(Router::new().route("/", html(format!("<p>欢</p><a href={link}>x</a>")))).await;
    let see = Seer::default;
    for (eyes, want) in [
        (None, "?unsure"),
        (Some(see().shows("/x", 200, ARTICLE)), "fine"),
        (Some(see().fails("/x", TransportClass::Tls)), "tls"),
    ] {
        let client = client_with(Reach::Local, vec![trusted.clone()], Clock::system());
        let settings = Settings { within: Duration::from_secs(5), ..settings() };
        let report = Errand { settings, client, eyes, ..Errand::to(portal.url("/")) }.go().await;
        assert_eq!(said(&report, &link), want, "{report:#?}");
    }
}
