//! Two walks, one behind the other in the same warm browser: the second finds nothing of the first.
//!
//! The first walk looks as well, in the same places, and finds all of it: so the second can fail.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use mystery_shopper::browser::{Journey, JourneyOptions, Pool};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::place::{Geolocation, Place};
use mystery_shopper::domain::scenario::{Channel, Check, PageChoice, Verb};

use crate::world::*;

/// Writes the title when it has left a trace in every place that a page can write to.
const LEAVE: &str = "<!doctype html><meta charset=utf-8><link rel=icon href='data:,'><title>…</title>
<style>@font-face { font-family: f; src: url(/cached) }</style><button id=open onclick=\"window.open('/look', 'another')\">看</button><script>onload = async () => {
    document.cookie = 'trace=1; max-age=9999'; localStorage.trace = 1; sessionStorage.trace = 1; window.name = 'trace';
    await new Promise((done) => {
        const open = indexedDB.open('trace', 1);
        open.onupgradeneeded = () => open.result.createObjectStore('trace').put('trace', 'trace');
        open.onsuccess = () => { open.result.close(); done(); };
    });
    await (await caches.open('trace')).put('/trace', new Response('trace'));
    await navigator.serviceWorker.register('/worker.js'); await navigator.serviceWorker.ready;
    const worker = new SharedWorker('/shared.js'); await new Promise((done) => { worker.port.onmessage = done; worker.port.start(); });
    const root = await navigator.storage.getDirectory(); await root.getFileHandle('trace', { create: true });
    await navigator.storage.persist();
    await fetch('/cached'); await fetch('/etag'); await fetch('/login', { headers: { authorization: 'Basic eDp5' } });
    history.pushState({}, '', '/visited'); await new Promise((done) => { const x = new XMLHttpRequest(); x.open('GET', '/login', true, 'x', 'y'); x.onloadend = done; x.send(); });
    const channel = new BroadcastChannel('trace'); channel.onmessage = () => channel.postMessage('trace');
    await new Promise((done) => navigator.locks.request('trace', () => { done(); return new Promise(() => {}); }));
    document.title = 'left';
};</script>";

/// Lists what is found in each of those places.
const LOOK: &str = "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'><link rel=icon href='data:,'><title>…</title><script>onload = async () => {
    const found = [], see = (name, is) => { if (is) found.push(name); };
    see('storage', (await navigator.storage.estimate()).usage); see('persisted', await navigator.storage.persisted());
    see('cookie', document.cookie.includes('trace')); see('localStorage', localStorage.trace); see('sessionStorage', sessionStorage.trace);
    see('name', window.name); see('opener', window.opener); see('history', history.length > 2);
    see('IndexedDB', (await indexedDB.databases()).length); see('Cache API', (await caches.keys()).length);
    see('service worker', (await navigator.serviceWorker.getRegistrations()).length || navigator.serviceWorker.controller);
    const root = await navigator.storage.getDirectory(); for await (const [name] of root) see('file ' + name, true);
    for (const name of ['geolocation', 'notifications', 'camera', 'clipboard-read'])
        see('permission ' + name, (await navigator.permissions.query({ name })).state === 'granted');
    see('lock', (await navigator.locks.query()).held.length);
    see('shared worker', await new Promise((done) => { const worker = new SharedWorker('/shared.js'); worker.port.onmessage = (e) => done(e.data > 1); worker.port.start(); worker.onerror = () => done(true); }));
    await fetch('/cached'); await fetch('/etag');
    await fetch('/protected');
    const channel = new BroadcastChannel('trace'); channel.postMessage('x');
    see('broadcast', await new Promise((done) => { channel.onmessage = () => done(true); setTimeout(done, 300, false); }));
    const around = [Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.language, innerWidth, navigator.maxTouchPoints, /Mobile/.test(navigator.userAgent)];
    document.title = 'found [' + found.join(', ') + '] ' + around.join(' ');
};</script>";

/// What a look finds where everything was left. Not among them: `persisted`, which no browser grants
/// to a site that nobody uses, and passwords of HTTP, of which our browsers know none.
const ALL: &str = "Cache API, IndexedDB, broadcast, cookie, file trace, history, localStorage, lock, name, opener, \
    permission geolocation, service worker, sessionStorage, shared worker, storage";

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
        "/etag" if hit.headers.contains_key("if-none-match") => StatusCode::NOT_MODIFIED.into_response(),
        "/etag" => ([("etag", "\"trace\""), ("cache-control", "no-cache")], "x").into_response(),
        // In the same protection space: Chromium would send what it knows without being asked.
        "/protected" => "in".into_response(),
        "/login" if hit.headers.contains_key("authorization") => "in".into_response(),
        "/login" => (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=x")], "out").into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the page says that it found, and what it is told of the citizen.
async fn look(journey: &mut Journey) -> (BTreeSet<String>, String) {
    expect(journey, Check::Title(contains("found"))).await.unwrap();
    let title = journey.facts(soon(2)).await.title;
    let (found, around) = title.strip_prefix("found [").unwrap().split_once("] ").unwrap();
    let found = found.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (found, around.to_owned())
}

/// Headers by which a server knows somebody again, among these requests.
fn tokens(hits: &[Hit]) -> BTreeSet<&'static str> {
    let known = ["cookie", "if-none-match", "if-modified-since", "authorization"];
    known.into_iter().filter(|name| hits.iter().any(|hit| hit.headers.contains_key(*name))).collect()
}

fn paths(hits: &[Hit]) -> BTreeSet<&str> {
    hits.iter().map(|hit| hit.path.as_str()).collect()
}

fn ports(hits: &[Hit]) -> BTreeSet<u16> {
    hits.iter().map(|hit| hit.from.port()).collect()
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
        place: Place { geolocation: Some(Geolocation { latitude: 1.0, longitude: 2.0 }), ..Place::default() },
        origin: world.base.clone(),
        ..options()
    };
    let mut first = pool.open(phone, soon(20)).await.unwrap();
    let group = first.process_group();
    goto(&mut first, &world.url("/leave")).await.unwrap();
    let left = expect(&mut first, Check::Title(contains("left"))).await;
    assert!(left.is_ok(), "{:?}", first.facts(soon(2)).await.console_errors);
    let leaving = world.hits();

    // The test can fail: the same walk finds all of it, in a window that it opens and in its own.
    click(&mut first, css("#open")).await.unwrap();
    let (mut found, around) = look(&mut first).await;
    act(&mut first, Verb::Page(PageChoice::First)).await.unwrap();
    goto(&mut first, &world.url("/look")).await.unwrap();
    found.extend(look(&mut first).await.0);
    assert_eq!(found.into_iter().collect::<Vec<_>>().join(", "), ALL);
    assert_eq!(around, "Europe/Berlin en 390 5 true");
    let looking = world.hits().split_off(leaving.len());
    assert_eq!(tokens(&looking), BTreeSet::from(["cookie", "if-none-match"]));
    assert!(!paths(&looking).contains("/cached"), "{looking:?}");
    assert!(!ports(&looking).is_disjoint(&ports(&leaving)), "no connection was used twice");
    first.close().await;
    let before = world.hits();

    let mut second = pool.open(options(), soon(20)).await.unwrap();
    assert_eq!(second.process_group(), group, "the test is about one browser");
    goto(&mut second, &world.url("/look")).await.unwrap();
    let (found, around) = look(&mut second).await;
    assert_eq!(found, BTreeSet::new());
    assert_eq!(around, "Asia/Shanghai zh-CN 1280 0 false");
    second.close().await;

    // What the server saw of the second walk: everything asked for anew, nothing carried along.
    let hits = world.hits().split_off(before.len());
    for path in ["/look", "/cached", "/etag", "/shared.js", "/protected"] {
        assert!(paths(&hits).contains(path), "{path} came out of a cache: {hits:?}");
    }
    assert_eq!(tokens(&hits), BTreeSet::new());
    assert!(ports(&hits).is_disjoint(&ports(&before)), "a connection went on");
    for hit in &hits {
        let agent = hit.headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        assert!(!agent.contains("trace/1"), "{agent}");
    }
    assert!(!paths(&hits).contains("/leave"), "a page of the first walk went on: {hits:?}");
    pool.close().await;
    world.end().await;
}
