//! Servers that ask for a password: no page waits for one that nobody will type.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use mystery_shopper::browser::{JourneyOptions, StepError};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::place::{Place, Proxy, ProxyKind};
use mystery_shopper::domain::scenario::{Check, Verb};
use mystery_shopper::domain::template::Template;

use crate::world::*;

/// Ways in which a page asks for something that wants a password; each ends with its title.
const PAGES: [(&str, &str); 8] = [
    ("/picture", "<img src=/basic onerror='document.title = \"went on\"'>"),
    ("/sheet", "<link rel=stylesheet href=/basic><script>document.title = 'went on'</script>"),
    ("/script", "<script src=/basic></script><script>document.title = 'went on'</script>"),
    ("/frame", "<iframe src=/digest onload='document.title = \"went on\"'></iframe>"),
    (
        "/fetch",
        "<script>fetch('/basic').then((r) => { if (r.status == 401) document.title = 'went on' })</script>",
    ),
    (
        "/sync",
        "<script>const x = new XMLHttpRequest(); x.open('GET', '/digest', false); x.send(); document.title = x.status == 401 && 'went on'</script>",
    ),
    (
        "/worker",
        "<script>new Worker('/worker.js').onmessage = (e) => { document.title = e.data == 401 && 'went on' }</script>",
    ),
    // Whoever brings a password of his own logs in as ever.
    (
        "/own",
        "<script>fetch('/basic', { headers: { authorization: 'Basic eDp5' } }).then((r) => { if (r.ok) document.title = 'went on' })</script>",
    ),
];

fn asks(with: &'static str) -> Response {
    let asked = [(header::WWW_AUTHENTICATE, with)];
    (StatusCode::UNAUTHORIZED, asked, Html("<meta charset=utf-8><title>请登录</title>")).into_response()
}

fn answer(hit: &Hit) -> Option<Response> {
    let page = PAGES.iter().find(|(path, _)| *path == hit.path);
    Some(match (page, hit.path.as_str()) {
        (Some((_, body)), _) => {
            Html(format!("<!doctype html><link rel=icon href='data:,'>{body}")).into_response()
        }
        (_, "/basic") if hit.headers.contains_key("authorization") => "in".into_response(),
        (_, "/basic") => asks("Basic realm=x"),
        (_, "/digest") => asks("Digest realm=\"x\", nonce=\"n\", qop=\"auth\""),
        (_, "/worker.js") => {
            let script = "fetch('/basic').then((r) => postMessage(r.status))";
            ([("content-type", "text/javascript")], script).into_response()
        }
        _ => return None,
    })
}

async fn nobody_waits(engine: Engine) {
    let world = World::answering(answer).await;
    let mut journey = world.journey_with(JourneyOptions { engine, ..options() }).await;
    for (path, _) in PAGES {
        journey.begin_step();
        let verb = Verb::Goto(Template::literal(world.url(path)));
        act_within(&mut journey, verb, 5_000).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let went_on = expect(&mut journey, Check::Title(contains("went on"))).await;
        went_on.unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    // A page that wants one itself is shown with what it says, so that it can be called a login wall.
    for path in ["/basic", "/digest"] {
        journey.begin_step();
        goto(&mut journey, &world.url(path)).await.unwrap();
        let facts = journey.facts(soon(2)).await;
        assert_eq!((facts.title.as_str(), facts.main.unwrap().status), ("请登录", 401), "{path}");
        assert_eq!(facts.transport, None, "{path}");
    }
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn nobody_waits_for_a_password() {
    nobody_waits(Engine::Chromium).await;
}

#[tokio::test]
async fn nobody_waits_for_a_password_in_firefox() {
    nobody_waits(Engine::Firefox).await;
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_ours() {
    let (proxy, _) = serve(|_| {
        let asked = [(header::PROXY_AUTHENTICATE, "Basic realm=x")];
        Some((StatusCode::PROXY_AUTHENTICATION_REQUIRED, asked, "no").into_response())
    })
    .await;
    let address = proxy.replace("http://", "");
    let place = Place { proxy: Some(Proxy { kind: ProxyKind::Http, address }), ..Place::default() };
    let world = World::of(&[]).await;
    let mut journey = world.journey_with(JourneyOptions { place, ..options() }).await;
    // What the proxy says in place of a page has status 407, which is judged to be ours.
    goto(&mut journey, "http://portal.invalid/").await.unwrap();
    assert_eq!(journey.facts(soon(2)).await.main.map(|main| main.status), Some(407));
    journey.begin_step();
    let went = goto(&mut journey, "https://portal.invalid/").await;
    assert!(matches!(went, Err(StepError::Navigation(_))), "{went:?}");
    let transport = journey.facts(soon(2)).await.transport;
    assert_eq!(transport.as_ref().map(|t| t.class), Some(TransportClass::Ours), "{transport:?}");
    journey.close().await;
    world.end().await;
}
