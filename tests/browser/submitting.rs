//! A hostile page tries every way that we know to send something: on a test system each of them
//! reaches the server, on a live target none does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use futures_util::StreamExt;
use mystery_shopper::browser::{Guard, JourneyOptions};
use mystery_shopper::clock::Stopwatch;

use crate::world::*;

/// A way to send something: its name, which is also the path that it sends to, and the page.
/// `go` is what the button does; `OTHER` is the same server under another name, `SOCKET` a server
/// for web sockets.
const WAYS: &[(&str, &str)] = &[
    ("form", "<form method=post action=/got/form><input name=a value=1><button id=go>下一步</button></form>"),
    (
        "formaction",
        "<form action=/nothing><input name=a value=1><button id=go formmethod=post formaction=/got/formaction>下一步</button></form>",
    ),
    (
        "submit",
        "<form method=post action=/got/submit id=f><input name=a value=1></form><script>go = () => f.submit()</script>",
    ),
    (
        "request-submit",
        "<form method=post action=/got/request-submit id=f><input name=a value=1></form><script>go = () => f.requestSubmit()</script>",
    ),
    (
        "multipart",
        "<form method=post enctype=multipart/form-data action=/got/multipart><input name=a value=1><button id=go>下一步</button></form>",
    ),
    (
        "new-tab",
        "<form method=post target=_blank action=/got/new-tab><input name=a value=1><button id=go>下一步</button></form>",
    ),
    (
        "new-window",
        "<form method=post target=w action=/got/new-window id=f><input name=a value=1></form><script>go = () => { open('', 'w', 'width=300,height=300'); f.submit() }</script>",
    ),
    (
        "written-window",
        "<script>go = () => { const w = open('about:blank'); w.document.write('<form method=post action=/got/written-window><input name=a value=1></form>'); w.document.forms[0].submit() }</script>",
    ),
    (
        "inner-frame",
        "<iframe name=i></iframe><form method=post target=i action=/got/inner-frame><input name=a value=1><button id=go>下一步</button></form>",
    ),
    (
        "srcdoc-frame",
        "<script>go = () => { const f = document.createElement('iframe'); f.srcdoc = '<form method=post action=/got/srcdoc-frame><input name=a value=1></form><script>document.forms[0].submit()</' + 'script>'; document.body.append(f) }</script>",
    ),
    (
        "foreign-frame",
        "<script>go = () => { const f = document.createElement('iframe'); f.src = 'OTHER/frame/foreign-frame'; document.body.append(f) }</script>",
    ),
    (
        "data-frame",
        "<script>go = () => { const f = document.createElement('iframe'); f.src = 'data:text/html,<form method=post action=' + location.origin + '/got/data-frame><input name=a value=1></form><script>document.forms[0].submit()</' + 'script>'; document.body.append(f) }</script>",
    ),
    ("fetch", "<script>go = () => fetch('/got/fetch', { method: 'POST', body: 'a=1' })</script>"),
    (
        "fetch-foreign",
        "<script>go = () => fetch('OTHER/got/fetch-foreign', { method: 'POST', mode: 'no-cors', body: 'a=1' })</script>",
    ),
    ("put", "<script>go = () => fetch('/got/put', { method: 'PUT', body: 'a=1' })</script>"),
    ("patch", "<script>go = () => fetch('/got/patch', { method: 'PATCH', body: 'a=1' })</script>"),
    ("delete", "<script>go = () => fetch('/got/delete', { method: 'DELETE' })</script>"),
    ("own-verb", "<script>go = () => fetch('/got/own-verb', { method: 'APPLY', body: 'a=1' })</script>"),
    (
        "keepalive",
        "<script>go = () => { fetch('/got/keepalive', { method: 'POST', body: 'a=1', keepalive: true }); location = '/empty' }</script>",
    ),
    (
        "pagehide",
        "<script>go = () => { addEventListener('pagehide', () => fetch('/got/pagehide', { method: 'POST', body: 'a=1', keepalive: true })); location = '/empty' }</script>",
    ),
    (
        "fetch-later",
        "<script>go = () => { fetchLater('/got/fetch-later', { method: 'POST', body: 'a=1' }); location = '/empty' }</script>",
    ),
    (
        "xhr",
        "<script>go = () => { const x = new XMLHttpRequest(); x.open('POST', '/got/xhr'); x.send('a=1') }</script>",
    ),
    (
        "xhr-sync",
        "<script>go = () => { const x = new XMLHttpRequest(); x.open('POST', '/got/xhr-sync', false); try { x.send('a=1') } catch {} }</script>",
    ),
    ("beacon", "<script>go = () => navigator.sendBeacon('/got/beacon', 'a=1')</script>"),
    (
        "beacon-at-the-end",
        "<script>go = () => { addEventListener('pagehide', () => navigator.sendBeacon('/got/beacon-at-the-end', 'a=1')); location = '/empty' }</script>",
    ),
    ("ping", "<a id=go href=/empty ping=/got/ping>下一步</a>"),
    (
        "worker",
        "<script>go = () => new Worker(URL.createObjectURL(new Blob([`fetch('${location.origin}/got/worker', { method: 'POST', body: 'a=1' })`])))</script>",
    ),
    (
        "nested-worker",
        "<script>go = () => new Worker(URL.createObjectURL(new Blob([`new Worker(URL.createObjectURL(new Blob([\"fetch('${location.origin}/got/nested-worker', { method: 'POST', body: 'a=1' })\"])))`])))</script>",
    ),
    ("shared-worker", "<script>go = () => new SharedWorker('/shared.js?shared-worker')</script>"),
    (
        "service-worker",
        "<script>go = async () => { await navigator.serviceWorker.register('/service.js'); const r = await navigator.serviceWorker.ready; r.active.postMessage('service-worker') }</script>",
    ),
    (
        "service-worker-relay",
        "<script>go = async () => { await navigator.serviceWorker.register('/service.js'); await navigator.serviceWorker.ready; const i = document.createElement('iframe'); i.src = '/relay/service-worker-relay'; document.body.append(i) }</script>",
    ),
    (
        "policy-report",
        "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"><script>go = () => { const i = document.createElement('iframe'); i.src = '/reporting/policy-report'; document.body.append(i) }</script>",
    ),
    (
        "socket",
        "<script>go = () => { const s = new WebSocket('SOCKET/got/socket'); s.onopen = () => s.send('a=1') }</script>",
    ),
    (
        "worker-socket",
        "<script>go = () => new Worker(URL.createObjectURL(new Blob([`const s = new WebSocket('SOCKET/got/worker-socket'); s.onopen = () => s.send('a=1')`])))</script>",
    ),
    (
        "stream",
        "<script>go = async () => { const s = new WebSocketStream('SOCKET/got/stream'); const { writable } = await s.opened; writable.getWriter().write('a=1') }</script>",
    ),
];

type Got = Arc<Mutex<Vec<String>>>;

/// A server for web sockets that keeps what each was told.
async fn socket_server() -> (String, Got) {
    let got = Got::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("ws://{}", listener.local_addr().unwrap());
    let keep = Arc::clone(&got);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let keep = Arc::clone(&keep);
            tokio::spawn(async move {
                let mut path = String::new();
                #[expect(clippy::result_large_err, reason = "the handshake's own type")]
                let look = |request: &tokio_tungstenite::tungstenite::handshake::server::Request, answer| {
                    request.uri().path().clone_into(&mut path);
                    Ok(answer)
                };
                let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
                if let Some(Ok(_)) = socket.next().await {
                    keep.lock().unwrap().push(path);
                }
            });
        }
    });
    (base, got)
}

const SERVICE: &str = "self.onactivate = (e) => e.waitUntil(clients.claim());
self.onmessage = (e) => fetch('/got/' + e.data, { method: 'POST', body: 'a=1' });
self.onfetch = (e) => { const u = new URL(e.request.url); if (u.pathname.startsWith('/relay/'))
  e.respondWith(fetch('/got/' + u.pathname.slice(7), { method: 'POST', body: 'a=1' }).then(() => new Response('x'))); };";

fn page(hit: &Hit, socket: &str) -> Option<Response> {
    let host = hit.headers[header::HOST].to_str().unwrap();
    let other = format!("http://{}", host.replace("127.0.0.1", "localhost"));
    let script = |text: String| Some(([(header::CONTENT_TYPE, "text/javascript")], text).into_response());
    if let Some(name) = hit.path.strip_prefix("/way/") {
        let (_, body) = WAYS.iter().find(|(way, _)| *way == name)?;
        let body = body.replace("OTHER", &other).replace("SOCKET", socket);
        let button =
            if body.contains("id=go") { "" } else { "<button onclick=go() id=go>下一步</button>" };
        return Some(
            Html(format!(
                "<!doctype html><meta charset=utf-8><link rel=icon href='data:,'><body>{body}{button}"
            ))
            .into_response(),
        );
    }
    if let Some(name) = hit.path.strip_prefix("/frame/") {
        let own = format!("http://{}", host.replace("localhost", "127.0.0.1"));
        return Some(
            Html(format!(
                "<form method=post action={own}/got/{name}><input name=a value=1></form><script>document.forms[0].submit()</script>"
            ))
            .into_response(),
        );
    }
    if let Some(name) = hit.path.strip_prefix("/reporting/") {
        let policy = format!("img-src 'none'; report-uri /got/{name}");
        return Some(([(header::CONTENT_SECURITY_POLICY, policy)], Html("<img src=/x.png>")).into_response());
    }
    match hit.path.as_str() {
        "/empty" => Some(Html("<title>空</title>").into_response()),
        "/service.js" => script(SERVICE.to_owned()),
        "/shared.js" => {
            script("fetch('/got/' + location.search.slice(1), { method: 'POST', body: 'a=1' })".to_owned())
        }
        path if path.starts_with("/got/") => Some("ok".into_response()),
        _ => None,
    }
}

/// Presses every button; the ways that reached a server.
async fn try_all(live: bool) -> (Vec<String>, Vec<(String, Vec<String>)>) {
    let (socket, told) = socket_server().await;
    let world = World::answering(move |hit| page(hit, &socket)).await;
    let guard = Guard {
        live,
        loopback: true,
        allow: Vec::new(),
        hosts: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
    };
    let mut stopped: Vec<(String, Vec<String>)> = Vec::new();
    for (way, _) in WAYS {
        let options = JourneyOptions { guard: guard.clone(), ..options() };
        let mut journey = world.journey_with(options).await;
        goto(&mut journey, &world.url(&format!("/way/{way}"))).await.unwrap();
        // What was refused says so; here only counts what arrives.
        let _ = click(&mut journey, css("#go")).await;
        let got = format!("/got/{way}");
        let arrived = || {
            world.hits().iter().any(|hit| hit.path == got && hit.method != "GET")
                || told.lock().unwrap().contains(&got)
        };
        let watch = Stopwatch::start();
        while watch.elapsed() < Duration::from_secs(5) && (live || !arrived()) {
            let facts = journey.facts(soon(2)).await;
            if let Some(stop) = facts.stopped.iter().find(|stop| stop.url.ends_with(&got)) {
                stopped.push(((*way).to_owned(), stop.fields.clone()));
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Pages also send when they end.
        journey.close().await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut arrived: Vec<String> = world
        .hits()
        .iter()
        .filter(|hit| !["GET", "HEAD", "OPTIONS"].contains(&hit.method.as_str()))
        .map(|hit| hit.path.clone())
        .chain(told.lock().unwrap().iter().cloned())
        .map(|path| path.replace("/got/", ""))
        .collect();
    arrived.sort();
    arrived.dedup();
    world.end().await;
    (arrived, stopped)
}

#[tokio::test]
async fn every_way_of_sending_works_on_a_test_system() {
    let (arrived, stopped) = try_all(false).await;
    let missing: Vec<&str> =
        WAYS.iter().map(|(way, _)| *way).filter(|way| !arrived.iter().any(|got| got == way)).collect();
    assert!(missing.is_empty(), "these ways never work, so stopping them proves nothing: {missing:?}");
    assert!(stopped.is_empty(), "{stopped:?}");
}

#[tokio::test]
async fn no_way_of_sending_works_on_a_live_target() {
    let (arrived, stopped) = try_all(true).await;
    assert!(arrived.is_empty(), "these reached a live target: {arrived:?}");
    let silent: Vec<&str> =
        WAYS.iter().map(|(way, _)| *way).filter(|way| !stopped.iter().any(|(got, _)| got == way)).collect();
    assert!(silent.is_empty(), "these left no record: {silent:?}");
    // Names of fields are known wherever the browser tells of the body.
    let named = stopped.iter().filter(|(_, fields)| *fields == ["a"]).count();
    assert!(named >= 20, "only {named} records name their field: {stopped:?}");
}
