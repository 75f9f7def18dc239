//! Two walks, one behind the other in the same warm browser: the second finds nothing of the first.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use mystery_shopper::browser::{JourneyOptions, Pool};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::scenario::{Channel, Check};

use crate::world::*;

/// Writes the title when it has left a trace in every place that a page can write to.
const LEAVE: &str = "<!doctype html><meta charset=utf-8><link rel=icon href=/icon><title>…</title>
<style>@font-face { font-family: f; src: url(/cached) }</style><script>onload = async () => {
    document.cookie = 'trace=1; max-age=9999'; localStorage.trace = 1; sessionStorage.trace = 1; window.name = 'trace';
    await new Promise((done) => {
        const open = indexedDB.open('trace', 1);
        open.onupgradeneeded = () => open.result.createObjectStore('trace').put('trace', 'trace');
        open.onsuccess = () => { open.result.close(); done(); };
    });
    await (await caches.open('trace')).put('/trace', new Response('trace'));
    await navigator.serviceWorker.register('/worker.js'); await navigator.serviceWorker.ready;
    new SharedWorker('/shared.js').port.start();
    const root = await navigator.storage.getDirectory(); await root.getFileHandle('trace', { create: true });
    await fetch('/cached'); await fetch('/etag'); await fetch('/login', { headers: { authorization: 'Basic eDp5' } });
    history.pushState({}, '', '/visited'); await new Promise((done) => { const x = new XMLHttpRequest(); x.open('GET', '/login', true, 'x', 'y'); x.onloadend = done; x.send(); });
    new BroadcastChannel('trace').onmessage = () => {};
    document.title = 'left';
};</script>";

/// Lists what is found in each of those places.
const LOOK: &str = "<!doctype html><meta charset=utf-8><link rel=icon href=/icon><title>…</title><script>onload = async () => {
    const found = [], see = (name, is) => { if (is) found.push(name); };
    see('cookie', document.cookie.includes('trace')); see('localStorage', localStorage.trace); see('sessionStorage', sessionStorage.trace);
    see('name', window.name); see('opener', window.opener); see('history', history.length > 2);
    see('IndexedDB', (await indexedDB.databases()).length); see('Cache API', (await caches.keys()).length);
    see('service worker', (await navigator.serviceWorker.getRegistrations()).length || navigator.serviceWorker.controller);
    const root = await navigator.storage.getDirectory(); for await (const [name] of root) see('file ' + name, true);
    for (const name of ['geolocation', 'notifications', 'camera', 'clipboard-read'])
        see('permission ' + name, (await navigator.permissions.query({ name })).state === 'granted');
    see('shared worker', await new Promise((done) => { const worker = new SharedWorker('/shared.js'); worker.port.onmessage = (e) => done(e.data > 1); worker.port.start(); worker.onerror = () => done(true); }));
    await fetch('/cached'); await fetch('/etag');
    await fetch('/protected');
    const channel = new BroadcastChannel('trace'); channel.onmessage = () => see('broadcast', true); channel.postMessage('x');
    const around = [Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.language, innerWidth, navigator.maxTouchPoints, /Mobile/.test(navigator.userAgent)];
    document.title = 'found [' + found.join(', ') + '] ' + around.join(' ');
};</script>";

fn answer(hit: &Hit) -> Response {
    let script = [("content-type", "text/javascript")];
    let long = [("cache-control", "max-age=9999"), ("content-type", "font/woff2")];
    match hit.path.as_str() {
        "/leave" => (
            [("set-cookie", "server-trace=1; Max-Age=9999; HttpOnly"), ("strict-transport-security", "max-age=9999")],
            Html(LEAVE),
        )
            .into_response(),
        "/look" => Html(LOOK).into_response(),
        "/worker.js" => (script, "self.onfetch = () => {}; self.oninstall = () => skipWaiting(); self.onactivate = (e) => e.waitUntil(clients.claim());").into_response(),
        "/shared.js" => (script, "let seen = 0; onconnect = (e) => e.ports[0].postMessage(++seen);").into_response(),
        "/cached" => (long, "x").into_response(),
        "/icon" => ([("cache-control", "max-age=9999"), ("content-type", "image/png")], "x").into_response(),
        "/etag" if hit.headers.contains_key("if-none-match") => StatusCode::NOT_MODIFIED.into_response(),
        "/etag" => ([("etag", "\"trace\""), ("cache-control", "no-cache")], "x").into_response(),
        // In the same protection space: Chromium would send what it knows without being asked.
        "/protected" => "in".into_response(),
        "/login" if hit.headers.contains_key("authorization") => "in".into_response(),
        "/login" => (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=x")], "out").into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn the_next_walk_in_a_warm_browser_finds_nothing_of_the_last() {
    let world = World::answering(|hit| Some(answer(hit))).await;
    let pool = Pool::new(settings(world.temp.path(), 1));
    let phone = JourneyOptions {
        channel: Channel::Mobile,
        language: Language::English,
        timezone: "Europe/Berlin".to_owned(),
        user_agent: "trace/1".to_owned(),
        ..options()
    };
    let mut first = pool.open(phone, soon(20)).await.unwrap();
    let group = first.process_group();
    goto(&mut first, &world.url("/leave")).await.unwrap();
    let left = expect(&mut first, Check::Title(contains("left"))).await;
    assert!(left.is_ok(), "{:?}", first.facts(soon(2)).await.console_errors);
    first.close().await;
    let before = world.hits().len();

    let mut second = pool.open(options(), soon(20)).await.unwrap();
    assert_eq!(second.process_group(), group, "the test is about one browser");
    goto(&mut second, &world.url("/look")).await.unwrap();
    expect(&mut second, Check::Title(contains("found"))).await.unwrap();
    let title = second.facts(soon(2)).await.title;
    assert_eq!(title, "found [] Asia/Shanghai zh-CN 1280 0 false");
    second.close().await;

    // What the server saw of the second walk: everything asked for anew, nothing carried along.
    let hits = world.hits().split_off(before);
    for path in ["/look", "/cached", "/etag", "/shared.js", "/protected"] {
        assert!(hits.iter().any(|hit| hit.path == path), "{path} came out of a cache: {hits:?}");
    }
    for hit in &hits {
        for header in ["cookie", "if-none-match", "if-modified-since", "authorization"] {
            assert!(!hit.headers.contains_key(header), "{} carried {header}", hit.path);
        }
        let agent = hit.headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        assert!(!agent.contains("trace/1"), "{agent}");
    }
    let left: Vec<_> = hits.iter().filter(|hit| hit.path == "/leave").collect();
    assert!(left.is_empty(), "a page of the first walk went on: {left:?}");
    pool.close().await;
    world.end().await;
}
