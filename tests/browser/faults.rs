//! Servers that do not answer as they should: each is told apart.

use std::io::{Read, Write};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use mystery_shopper::browser::StepError;
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::scenario::{Check, Verb};
use mystery_shopper::domain::template::Template;

use crate::world::*;

/// A server that does what it likes with each connection.
fn raw(behave: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let behave = std::sync::Arc::new(behave);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let behave = std::sync::Arc::clone(&behave);
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                behave(stream);
            });
        }
    });
    base
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Keeps a connection open until the other side leaves.
fn hold(mut stream: std::net::TcpStream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

#[tokio::test]
async fn transport_faults_have_their_class() {
    use TransportClass as C;
    let world = World::of(&[("/", "<title>好</title>")]).await;
    let reset = raw(|stream| {
        // Unread bytes at closing make it a reset.
        let _ = socket_reset(stream);
    });
    let empty = raw(drop);
    let half = raw(|mut stream| {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n<title>half</title>",
        );
    });
    let circle = raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    });
    let cases = [
        (format!("http://127.0.0.1:{}/", free_port()), C::Refused),
        ("http://no-such-host.invalid/".to_owned(), C::Dns),
        (reset, C::Reset),
        (empty, C::Reset),
        (half, C::Reset),
        (circle, C::RedirectLoop),
        (world.base.replace("http:", "https:"), C::Tls),
        ("http://127.0.0.1:1/".to_owned(), C::Policy),
    ];
    let mut journey = world.journey().await;
    for (url, want) in cases {
        journey.begin_step();
        match goto(&mut journey, &url).await {
            Err(StepError::Navigation(why)) => assert!(why.contains("ERR_"), "{why}"),
            other => panic!("{url}: {other:?}"),
        }
        let facts = journey.facts(soon(2)).await;
        assert_eq!(
            facts.transport.as_ref().map(|transport| transport.class),
            Some(want),
            "{url}: {:?}",
            facts.transport
        );
        assert!(facts.url.starts_with(&url), "{} {url}", facts.url);
    }
    // After all that the same journey works.
    journey.begin_step();
    goto(&mut journey, &world.url("/")).await.unwrap();
    let facts = journey.facts(soon(2)).await;
    assert_eq!((facts.title.as_str(), facts.transport), ("好", None));
    journey.close().await;
    world.end().await;
}

fn socket_reset(stream: std::net::TcpStream) -> std::io::Result<()> {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    drop(stream);
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_at_the_deadline() {
    let world = World::of(&[("/", "<title>好</title>")]).await;
    let silent = raw(hold);
    let mut journey = world.journey().await;
    let watch = Stopwatch::start();
    let verb = Verb::Goto(Template::literal(silent));
    match act_within(&mut journey, verb, 1_000).await {
        Err(StepError::Navigation(why)) => assert!(why.contains("no answer"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(watch.elapsed_ms() < 4_000, "{}", watch.elapsed_ms());
    let facts = journey.facts(soon(2)).await;
    assert_eq!(facts.transport.unwrap().class, TransportClass::Timeout);
    assert!(journey.screenshot(soon(1)).await.is_ok() || watch.elapsed_ms() < 8_000);
    journey.close().await;
    // The slot is free for the next.
    let mut journey = world.at("/").await;
    assert_eq!(journey.facts(soon(2)).await.title, "好");
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn a_dripping_page_is_still_loading_and_a_missing_picture_is_no_reason_to_wait() {
    let world = World::of(&[("/", "<title>好</title>")]).await;
    let drip = raw(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>drip</title>");
        while stream.write_all(b"<p>x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let picture = raw(hold);
    let body = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>pic</title><img src='{picture}/a.png'>"
    );
    let page = raw(move |mut stream| {
        let _ = stream.write_all(body.as_bytes());
    });
    let mut journey = world.journey().await;
    assert!(matches!(
        act_within(&mut journey, Verb::Goto(Template::literal(drip)), 1_000).await,
        Err(StepError::Loading(_))
    ));
    journey.close().await;
    let mut journey = world.journey().await;
    goto(&mut journey, &page).await.unwrap();
    expect_now(&mut journey, Check::Title(contains("pic"))).await.unwrap();
    journey.close().await;
    world.end().await;
}

#[tokio::test]
async fn errors_of_pages_and_requests_are_facts() {
    let world = World::answering(|hit| match hit.path.as_str() {
        "/" => Some(
            Html("<!doctype html><title>错</title><script src=/gone.js></script><script src=/broken.js></script><script>console.error('坏了', 1); setTimeout(() => { throw new Error('抛出'); }, 0); console.log('无事');</script>")
                .into_response(),
        ),
        "/broken.js" => Some((StatusCode::INTERNAL_SERVER_ERROR, "x").into_response()),
        "/500" => Some((StatusCode::INTERNAL_SERVER_ERROR, Html("<title>500</title>系统异常")).into_response()),
        "/refresh" => Some(Html("<title>转</title><script>location.replace('/500')</script>").into_response()),
        _ => None,
    })
    .await;
    let mut journey = world.at("/").await;
    let unmet = expect_now(&mut journey, Check::NoConsoleError).await;
    assert!(matches!(unmet, Err(StepError::Unmet(_))));
    // A browser under load tells of a request later than of the page that it belongs to.
    let mut facts = journey.facts(soon(2)).await;
    for _ in 0..40 {
        if facts.failed_requests.len() >= 2 && facts.console_errors.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        facts = journey.facts(soon(2)).await;
    }
    assert!(
        facts.console_errors.iter().any(|error| error.text.contains("坏了")),
        "{:?}",
        facts.console_errors
    );
    assert!(
        facts.console_errors.iter().any(|error| error.text.contains("抛出")),
        "{:?}",
        facts.console_errors
    );
    assert_eq!(facts.console_errors.len(), 2);
    let failed: Vec<_> =
        facts.failed_requests.iter().map(|r| (r.url.replace(&world.base, ""), r.status)).collect();
    assert!(failed.contains(&("/gone.js".to_owned(), Some(404))), "{failed:?}");
    assert!(failed.contains(&("/broken.js".to_owned(), Some(500))), "{failed:?}");
    journey.begin_step();
    // A page that goes on by script is waited for; its last answer counts.
    goto(&mut journey, &world.url("/refresh")).await.unwrap();
    expect(&mut journey, Check::Status(vec![500])).await.unwrap();
    let facts = journey.facts(soon(2)).await;
    assert_eq!(facts.main.unwrap().status, 500);
    assert_eq!((facts.title.as_str(), facts.transport), ("500", None));
    journey.close().await;
    world.end().await;
}
