//! Looks of the crawl: what a browser sees of a page, and when it says nothing at all.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use mystery_shopper::browser::Settings;
use mystery_shopper::clock::{Deadline, Stopwatch};
use mystery_shopper::crawl::{Eyes, Sight};
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::target::TargetClass;
use mystery_shopper::runner::{BrowserEyes, Order};
use url::Url;

use crate::town::*;

const STEP: &str = "[[step]]\nname = \"一\"\nstage = \"find\"\ndo = [{ goto = \"{entry}\" }]\n";

fn soon(seconds: u64) -> Deadline {
    Deadline::after(Duration::from_secs(seconds))
}

fn test(town: &Town, site: &Site) -> BrowserEyes {
    town.runner.eyes(&order(&site.base, STEP))
}

async fn look(eyes: &BrowserEyes, url: &str, seconds: u64) -> Option<Sight> {
    eyes.look(&url.parse().unwrap(), soon(seconds)).await
}

/// A challenge as firewalls serve it: an empty page whose script sets a cookie and comes again.
fn challenge(status: u16, after: u32) -> Response {
    page_with(
        status,
        &format!(
            "<script>setTimeout(() => {{ document.cookie = 'passed=1; path=/'; location.reload(); }}, {after});</script>"
        ),
    )
}

fn passed(hit: &Hit) -> bool {
    hit.headers.get("cookie").is_some_and(|cookie| cookie.to_str().unwrap().contains("passed=1"))
}

/// A body that begins and never ends.
fn endless(beginning: &'static str) -> Response {
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(beginning))]);
    let body = Body::from_stream(first.chain(futures_util::stream::pending()));
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}

async fn answer(hit: Hit) -> Response {
    match hit.path.as_str() {
        "/app" => page(
            "<title>大厅</title><base href='/deep/'><main id=app></main><div id=host></div><script>\
             fetch('/data').then((r) => r.json()).then((names) => { app.innerHTML = names.map((name) => \
             `<a href='item/${name}' onclick=\"window.open('/pop/${name}')\">事项 ${name}</a>`).join(''); });\
             host.attachShadow({ mode: 'open' }).innerHTML = '<a href=\"/in/shadow\">影子</a>';</script>",
        ),
        "/data" => {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            ([(CONTENT_TYPE, "application/json")], "[1, 2, 3]").into_response()
        }
        "/late" => page(
            "<div id=a></div><script>setTimeout(() => a.innerText = '终于有了这一页的内容', 2000)</script>",
        ),
        "/ticks" => page(
            "<h1>办事大厅</h1><p id=p></p><script>setInterval(() => p.innerText = '再等 ' + Math.random(), 50)</script>",
        ),
        "/route" => page(
            "<title>壳</title><div id=a></div><script>history.replaceState(null, '', '/route/7');\
             document.title = '第七页'; a.innerHTML = '<a href=\"8\">下一页</a>';</script>",
        ),
        "/412" | "/503" | "/521" if passed(&hit) => page("<title>进来了</title><h1>办事指南</h1>"),
        "/412" => challenge(412, 0),
        "/503" => challenge(503, 3_000),
        "/521" => challenge(521, 200),
        "/circles" => challenge(412, 100),
        "/403" => page_with(403, "<title>禁止</title><h1>禁止访问</h1>"),
        "/404" => page_with(404, "<title>没有</title><h1>页面不存在</h1><script>1</script>"),
        "/slow-words" => endless("<!doctype html><title>慢</title><h1>先看这些</h1>"),
        "/slow-nothing" => endless("<!doctype html><title>慢</title>"),
        "/never" => std::future::pending().await,
        "/loop" => page("<h1>环</h1><script>for(;;);</script>"),
        "/file" => {
            ([(CONTENT_TYPE, "application/zip"), (CONTENT_DISPOSITION, "attachment; filename=a.zip")], "PK")
                .into_response()
        }
        "/away" => (
            axum::http::StatusCode::FOUND,
            [(
                LOCATION,
                format!(
                    "http://127.0.0.1:{}/403",
                    hit.headers["host"].to_str().unwrap().split(':').nth(1).unwrap()
                ),
            )],
        )
            .into_response(),
        "/posts" => page(
            "<h1>发</h1><form id=f action=/sent method=post><input name=a value=1></form><script>\
             navigator.sendBeacon('/beacon', 'x'); fetch('/api', { method: 'POST', body: 'x' }).catch(() => 0);\
             setTimeout(() => f.submit(), 300);</script>",
        ),
        "/log-in" => page(
            "<h1>用户登录</h1><form><input name=u><input name=p type=password><button>登录</button></form>",
        ),
        "/204" => axum::http::StatusCode::NO_CONTENT.into_response(),
        "/pdf" => ([(CONTENT_TYPE, "application/pdf")], "%PDF-1.4\n%%EOF\n").into_response(),
        "/xml" => ([(CONTENT_TYPE, "text/xml")], "<a><b href='/x'>树</b></a>").into_response(),
        "/text" => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], "字").into_response(),
        "/waf" => {
            let mut response = page_with(403, "<h1>拦截</h1>");
            response.headers_mut().insert("server", "Safeline".parse().unwrap());
            response.headers_mut().insert(SET_COOKIE, "x=1".parse().unwrap());
            response
        }
        _ => page("<title>好</title><h1>好</h1>"),
    }
}

#[tokio::test]
async fn a_page_that_its_script_draws_is_seen_with_its_links() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let eyes = test(&town, &site);
    let sight = look(&eyes, &format!("{}/app", site.base), 30).await.unwrap();
    assert_eq!((sight.status, &sight.transport, sight.title.as_str()), (Some(200), &None, "大厅"));
    for part in [
        "<a href=\"item/3\"",
        "onclick=\"window.open('/pop/3')\"",
        "<base href=\"/deep/\">",
        "<a href=\"/in/shadow\">影子</a>",
    ] {
        assert!(sight.html.contains(part), "{part} is missing in {}", sight.html);
    }
    assert!(sight.text.contains("事项 3") && sight.text.contains("影子"), "{}", sight.text);

    let sight = look(&eyes, &format!("{}/route", site.base), 30).await.unwrap();
    assert_eq!(sight.url.as_str(), format!("{}/route/7", site.base));
    assert_eq!(sight.title, "第七页");

    let sight = look(&eyes, &format!("{}/late", site.base), 30).await.unwrap();
    assert!(sight.text.contains("终于有了"), "{}", sight.text);

    let watch = Stopwatch::start();
    let sight = look(&eyes, &format!("{}/ticks", site.base), 30).await.unwrap();
    assert!(sight.text.contains("办事大厅") && watch.elapsed_ms() < 5_000, "{}", watch.elapsed_ms());

    let sight = look(&eyes, &format!("{}/log-in", site.base), 30).await.unwrap();
    assert_eq!(sight.challenges, ["login-form"]);
    let contact = site.hits()[0].headers["user-agent"].to_str().unwrap().to_owned();
    assert!(contact.contains("mailto:test@example.org"), "{contact}");
    town.end().await;
}

#[tokio::test]
async fn a_script_that_has_to_run_first_has_its_time() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let eyes = test(&town, &site);
    for path in ["/412", "/503", "/521"] {
        let sight = look(&eyes, &format!("{}{path}", site.base), 30).await.unwrap();
        assert_eq!((sight.status, sight.title.as_str()), (Some(200), "进来了"), "{path}: {sight:?}");
    }
    // One that never lets us in ends too.
    let watch = Stopwatch::start();
    let sight = look(&eyes, &format!("{}/circles", site.base), 30).await.unwrap();
    assert_eq!(sight.status, Some(412));
    assert!(watch.elapsed_ms() < 15_000, "{}", watch.elapsed_ms());
    town.end().await;
}

#[tokio::test]
async fn what_the_portal_answers_is_told_as_it_is() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let eyes = test(&town, &site);
    let watch = Stopwatch::start();
    let sight = look(&eyes, &format!("{}/403", site.base), 30).await.unwrap();
    assert_eq!((sight.status, sight.transport, sight.text.trim()), (Some(403), None, "禁止访问"));
    let sight = look(&eyes, &format!("{}/404", site.base), 30).await.unwrap();
    assert_eq!((sight.status, sight.transport, sight.title.as_str()), (Some(404), None, "没有"));
    let sight = look(&eyes, &format!("{}/waf", site.base), 30).await.unwrap();
    assert_eq!(sight.firewall.as_deref(), Some("server: Safeline"));
    assert!(watch.elapsed_ms() < 10_000, "{}", watch.elapsed_ms());

    let refused = format!("http://127.0.0.1:{}/x", free_port());
    let sight = look(&eyes, &refused, 30).await.unwrap();
    assert_eq!(sight.transport.unwrap().class, TransportClass::Refused);
    assert_eq!((sight.status, sight.url.as_str()), (None, refused.as_str()));

    let sight = look(&eyes, &format!("{}/file", site.base), 30).await.unwrap();
    let lost = sight.transport.unwrap();
    assert_eq!((lost.class, lost.detail.as_str()), (TransportClass::Download, "the file a.zip"));
    assert_eq!(sight.url.as_str(), format!("{}/file", site.base));

    for (path, status, text) in
        [("/204", 204, ""), ("/pdf", 200, ""), ("/xml", 200, "树"), ("/text", 200, "字")]
    {
        let url = format!("{}{path}", site.base);
        let sight = look(&eyes, &url, 30).await.unwrap();
        assert_eq!((sight.status, sight.url.as_str()), (Some(status), url.as_str()), "{sight:?}");
        assert!(sight.text.contains(text), "{sight:?}");
        // The browser's own viewers are no pages of the portal.
        assert!(path == "/204" || sight.html.is_empty(), "{sight:?}");
    }
    town.end().await;
}

#[tokio::test]
async fn a_page_without_end_is_what_can_be_read_of_it() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let eyes = test(&town, &site);
    let sight = look(&eyes, &format!("{}/slow-words", site.base), 6).await.unwrap();
    assert_eq!((sight.status, sight.transport, sight.text.trim()), (Some(200), None, "先看这些"));
    // Silence proves nothing against a page that had no time.
    assert_eq!(look(&eyes, &format!("{}/never", site.base), 3).await, None);
    for path in ["/slow-nothing", "/never"] {
        let watch = Stopwatch::start();
        let sight = look(&eyes, &format!("{}{path}", site.base), 14).await.unwrap();
        assert_eq!(sight.transport.unwrap().class, TransportClass::Timeout, "{path}");
        assert!(watch.elapsed_ms() < 20_000, "{path}: {}", watch.elapsed_ms());
    }
    town.end().await;
}

#[tokio::test]
async fn what_may_be_our_own_fault_says_nothing() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let eyes = test(&town, &site);
    let watch = Stopwatch::start();
    assert_eq!(look(&eyes, &format!("{}/loop", site.base), 4).await, None);
    assert!(watch.elapsed_ms() < 15_000, "{}", watch.elapsed_ms());
    // The next look gets a browser that works.
    let fine = format!("{}/", site.base);
    assert_eq!(look(&eyes, &fine, 30).await.unwrap().title, "好");
    assert_eq!(
        look(&eyes, "http://169.254.169.254/latest", 20).await.unwrap().transport.unwrap().class,
        TransportClass::Policy
    );
    town.end().await;

    let town = Town::with(|settings| Settings { chromedriver: Some("/bin/false".into()), ..settings });
    assert_eq!(look(&test(&town, &site), &fine, 20).await, None);
    town.end().await;
}

#[tokio::test]
async fn looks_are_taken_in_turn_and_one_that_is_dropped_frees_its_browser() {
    let site = Site::open(answer).await;
    let town = Town::new(2);
    let eyes = test(&town, &site);
    let never: Url = format!("{}/never", site.base).parse().unwrap();
    let fine: Url = format!("{}/", site.base).parse().unwrap();
    let dropped = tokio::time::timeout(Duration::from_secs(3), eyes.look(&never, soon(30))).await;
    assert!(dropped.is_err());
    let (one, two) = tokio::join!(eyes.look(&fine, soon(30)), eyes.look(&fine, soon(30)));
    assert!(one.is_some() && two.is_some());
    town.end().await;
}

fn live_order(site: &Site, class: TargetClass) -> Order {
    order_for(&site.base, STEP, class, &mystery_shopper::domain::template::Vars::new())
}

#[tokio::test]
async fn nothing_is_submitted_and_a_link_may_lead_to_another_host() {
    let site = Site::open(answer).await;
    let town = Town::new(1);
    let elsewhere = site.base.replace("127.0.0.1", "localhost");
    // The portal's own page, and a page of somebody else that a test system links to.
    for (class, base) in [(TargetClass::Live, &site.base), (TargetClass::Test, &elsewhere)] {
        let eyes = town.runner.eyes(&live_order(&site, class));
        let sight = look(&eyes, &format!("{base}/posts"), 30).await.unwrap();
        assert_eq!((sight.status, sight.text.trim()), (Some(200), "发"), "{sight:?}");
        let sight = look(&eyes, &format!("{elsewhere}/away"), 30).await.unwrap();
        assert_eq!(sight.status, Some(403), "{sight:?}");
        assert_eq!(sight.url.as_str(), format!("{}/403", site.base));
    }
    let sent: Vec<Hit> = site.hits().into_iter().filter(|hit| hit.method != "GET").collect();
    assert!(sent.is_empty(), "{sent:?}");
    town.end().await;
}
