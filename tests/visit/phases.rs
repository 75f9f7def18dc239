//! The parts of a visit: in order, adding up, each as long as the server made it; families by themselves.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::domain::visit::{FamilyFault, Hop, IpFamily, Span};
use mystery_shopper::visit::VisitTarget;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::certificates::Secure;
use crate::net::{Portal, Raw, client, read_request};
use crate::world::{LONG, SHORT, class, detail, see, see_target, see_with};

const PAUSE: Duration = Duration::from_millis(120);
/// What a busy machine may add before a test calls it wrong.
const SLACK: f64 = 400.0;

fn lasted(span: Option<Span>, name: &str) {
    let ms = span.unwrap_or_else(|| panic!("{name} is absent")).ms;
    assert!((119.0..120.0 + SLACK).contains(&ms), "{name} took {ms} ms");
}

fn in_order(hop: &Hop) {
    let spans: Vec<_> = hop.phases.named().collect();
    for pair in spans.windows(2) {
        let [(first, a), (second, b)] = pair else { continue };
        assert!(b.at_ms + 0.0015 >= a.end_ms(), "{second} begins before {first} ends: {spans:?}");
        assert!(b.at_ms - a.end_ms() < SLACK, "a gap before {second}: {spans:?}");
    }
}

#[tokio::test]
async fn parts_are_in_order_and_add_up() {
    let portal = Portal::serving(Router::new().route("/", get(|| async { "x" }))).await;
    let url = Url::parse(&portal.foreign("/")).unwrap();
    let waited = Duration::from_millis(1500);
    let target = VisitTarget { url, marker: None, within: LONG, waited };
    let seen = see_target(&client(), target).await;
    let [hop] = seen.visit.hops.as_slice() else { panic!("{}", detail(&seen)) };
    let names: Vec<_> = hop.phases.named().map(|(name, _)| name).collect();
    assert_eq!(names, ["dns", "tcp", "request", "first_byte", "body"]);
    in_order(hop);
    let first = hop.phases.dns.unwrap();
    assert!(first.at_ms >= 1500.0 && first.at_ms < 1500.0 + SLACK, "from the appointed time: {first:?}");
    let sum: f64 = hop.phases.named().map(|(_, span)| span.ms).sum();
    let whole = seen.visit.done_ms - seen.visit.waited_ms;
    assert!(sum <= whole + 0.01 && whole - sum < 50.0, "{sum} of {whole} ms");
    assert_eq!(seen.visit.waited_ms.to_bits(), 1500.0_f64.to_bits());
    assert_eq!((hop.protocol.as_deref(), hop.status), (Some("HTTP/1.1"), Some(200)));
    assert!(hop.tls.is_none() && hop.certificate.is_none() && hop.hsts.is_none());
}

#[tokio::test]
async fn a_slow_first_byte_is_the_first_bytes_time() {
    let server = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        tokio::time::sleep(PAUSE).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").await;
    })
    .await;
    let seen = see(server.url("/")).await;
    let phases = seen.visit.hops[0].phases;
    lasted(phases.first_byte, "first_byte");
    assert!(phases.request.unwrap().ms < 119.0 && phases.body.unwrap().ms < 119.0, "{phases:?}");
    assert!(phases.dns.is_none(), "an IP address is asked of nobody");
}

#[tokio::test]
async fn a_slow_body_is_the_bodys_time_and_a_head_in_pieces_begins_with_its_first_byte() {
    let server = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await;
        tokio::time::sleep(PAUSE).await;
        let _ = stream.write_all(b"ngth: 1\r\n\r\nx").await;
    })
    .await;
    let phases = see(server.url("/")).await.visit.hops[0].phases;
    lasted(phases.body, "body");
    assert!(phases.first_byte.unwrap().ms < 119.0, "{phases:?}");
}

#[tokio::test]
async fn a_slow_handshake_is_tls_time() {
    let secure = Secure::new("localhost").slow(PAUSE).serve().await;
    let seen = see_with(&secure.client(), secure.url(), LONG).await;
    let hop = &seen.visit.hops[0];
    lasted(hop.phases.tls, "tls");
    in_order(hop);
    assert!(hop.phases.tcp.unwrap().ms < 119.0);
}

#[tokio::test]
async fn where_the_time_ran_out_can_be_seen() {
    let silent = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let seen = see_with(&client(), silent.url("/"), Duration::from_millis(300)).await;
    assert_eq!(class(&seen), Some(TransportClass::Timeout));
    assert!(seen.visit.hops[0].phases.first_byte.unwrap().ms > 200.0, "{:?}", seen.visit.hops[0]);
    let mute = Raw::serving(|stream: TcpStream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let url = Url::parse(&mute.url("/").as_str().replace("http:", "https:")).unwrap();
    let seen = see_with(&client(), url, Duration::from_millis(300)).await;
    assert_eq!(
        (class(&seen), detail(&seen)),
        (Some(TransportClass::Timeout), "the TLS handshake did not end in time")
    );
    let phases = seen.visit.hops[0].phases;
    assert!(phases.tls.unwrap().ms > 200.0 && phases.request.is_none());
}

/// Whether this machine has IPv6 on its loopback.
async fn six() -> bool {
    TcpListener::bind("[::1]:0").await.is_ok()
}

#[tokio::test]
async fn families_are_told_apart() {
    let portal = Portal::serving(Router::new().route("/", get(|| async { "x" }))).await;
    let port = portal.address.port();
    // Names below `localhost` always have both families.
    let url = Url::parse(&format!("http://both.localhost:{port}/")).unwrap();
    let seen = see_with(&client(), url, SHORT).await;
    assert_eq!((seen.visit.status, seen.visit.ipv6), (Some(200), Some(true)), "{}", detail(&seen));
    let of = |family| seen.visit.families.iter().find(|one| one.family == family).unwrap();
    let four = of(IpFamily::Ipv4);
    assert_eq!((four.used, four.connected, four.error), (true, Some(true), None));
    assert!(four.connect_ms.is_some());
    let other = of(IpFamily::Ipv6);
    let want = if six().await { FamilyFault::Refused } else { FamilyFault::NoRoute };
    assert_eq!((other.used, other.connected, other.error), (false, Some(false), Some(want)));
    let seen = see(portal.url("/")).await;
    assert_eq!((seen.visit.ipv6, seen.visit.families.len()), (Some(false), 1));
}

#[tokio::test]
async fn ipv6_is_taken_first_and_ipv4_is_tried_by_itself() {
    if !six().await {
        return;
    }
    let served = |listener: TcpListener| {
        tokio::spawn(async move {
            let mut requests = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                requests += 1;
                read_request(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").await;
            }
            requests
        })
    };
    let four = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = four.local_addr().unwrap().port();
    let Ok(six) = TcpListener::bind(("::1", port)).await else { return };
    let servers = (served(four), served(six));
    let url = Url::parse(&format!("http://both.localhost:{port}/")).unwrap();
    let seen = see_with(&client(), url, SHORT).await;
    let families: Vec<_> =
        seen.visit.families.iter().map(|one| (one.family, one.used, one.connected)).collect();
    assert_eq!(families, [(IpFamily::Ipv6, true, Some(true)), (IpFamily::Ipv4, false, Some(true))]);
    assert!(seen.visit.hops[0].address.unwrap().is_ipv6());
    drop(servers);
}
