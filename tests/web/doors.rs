//! Who is answered, and how: hosts, headers, and the port's limits.

use std::sync::Arc;

use axum::http::StatusCode;
use mystery_shopper::web::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::desk::{Office, get, key, token};

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let office = Office::new();
    let router = office.router();
    let ack = format!("/ack/{}", token("a@b.example"));
    let paths = ["/healthz", "/readyz", "/metrics", ack.as_str(), "/ack/x", "/nothing", "/", "//etc/passwd"];
    for path in paths {
        for host in ["127.0.0.1:8787", "evil.example"] {
            let answer = get(&router, path, &[("host", host)]).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{path}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            for (name, want) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cache-control", "no-store"),
                ("x-frame-options", "DENY"),
            ] {
                assert_eq!(answer.header(name), want, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn only_our_own_names_are_answered() {
    let office = Office::new();
    let router = office.router();
    let cases = [
        ("/healthz", "watch.example.org", StatusCode::OK),
        ("/healthz", "127.0.0.1:8787", StatusCode::OK),
        ("/metrics", "evil.example", StatusCode::FORBIDDEN),
        ("/readyz", "evil.example", StatusCode::FORBIDDEN),
        ("/../../etc/passwd", "localhost", StatusCode::NOT_FOUND),
        ("/..%2f..%2fetc%2fpasswd", "localhost", StatusCode::NOT_FOUND),
        ("/healthz/..", "localhost", StatusCode::NOT_FOUND),
        ("/", "localhost", StatusCode::NOT_FOUND),
    ];
    for (path, host, want) in cases {
        let request = axum::http::Request::get(path).header("host", host);
        let answer = super::desk::ask(&router, request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, want, "{host}{path}");
    }
    let twice = get(&router, "/healthz", &[("host", "localhost"), ("host", "evil.example")]).await;
    assert_eq!(twice.status, StatusCode::FORBIDDEN, "whom of the two would a proxy have believed?");
    *office.broken.lock().unwrap() = Some("The disk is full.".to_owned());
    let answer = get(&router, "/readyz", &[]).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "The disk is full.\n")
    );
}

/// Sends `bytes` to a port of its own, and reads until the other side hangs up.
async fn exchange(bytes: &[u8]) -> String {
    let office = Office::new();
    let stop = CancellationToken::new();
    let clock = office.clock.clone();
    let at = serve("127.0.0.1:0".parse().unwrap(), Arc::clone(&office), clock, Some(key()), stop.clone());
    let mut stream = TcpStream::connect(at.await.unwrap()).await.unwrap();
    let mut said = Vec::new();
    // It may hang up before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.read_to_end(&mut said).await;
    stop.cancel();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_port_answers_one_request_and_hangs_up() {
    let said = exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("alive\n"), "{said}");
}

#[tokio::test]
async fn requests_without_measure_are_refused() {
    let many = (0..100).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
    let long = format!("X: {}\r\n", "y".repeat(64 * 1024));
    for headers in [many, long] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let said = exchange(request.as_bytes()).await;
        assert!(!said.contains("alive"), "{said}");
    }
    let said = exchange(b"\x16\x03\x01\x02\x00\x01\x00").await;
    assert!(!said.contains("alive"), "{said}");
}

/// Time is tokio's and runs ahead while everybody waits, so this takes no time.
#[tokio::test(start_paused = true)]
async fn whoever_never_ends_his_request_is_hung_up_on() {
    let body = format!(
        "POST /ack/{} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\nform=",
        token("a@b.example")
    );
    for half in ["GET /healthz HTTP/1.1\r\nHost: loc", "", &body] {
        let said = exchange(half.as_bytes()).await;
        assert!(!said.contains("200 OK"), "{said}");
    }
}
