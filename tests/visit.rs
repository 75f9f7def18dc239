//! One visit against servers of every temper.

mod net;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use mystery_shopper::clock::{Clock, Deadline, Stopwatch};
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::http::address::Reach;
use mystery_shopper::http::failure::offline;
use mystery_shopper::http::{Client, user_agent};
use mystery_shopper::visit::{MAX_BODY, Seen, VisitTarget, visit};
use net::{Portal, Raw, client, client_with, read_request};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

/// Long enough that only a server that really hangs runs into it.
const LONG: Duration = Duration::from_mins(1);
/// Short enough to wait for in a test.
const SHORT: Duration = Duration::from_secs(2);

async fn see_with(client: &Client, url: Url, within: Duration) -> Seen {
    let target = VisitTarget { url, marker: Some("办事 指南".to_owned()), within, waited: Duration::ZERO };
    let client = client.clone();
    // In a task of its own, as the runner has it: that needs a future that may change threads.
    tokio::spawn(async move { visit(&client, &target, Deadline::after(LONG)).await }).await.unwrap()
}

async fn see(url: Url) -> Seen {
    see_with(&client(), url, LONG).await
}

fn class(seen: &Seen) -> Option<TransportClass> {
    seen.visit.transport.as_ref().map(|t| t.class)
}

fn detail(seen: &Seen) -> &str {
    seen.visit.transport.as_ref().map_or("", |t| t.detail.as_str())
}

#[tokio::test]
async fn an_ordinary_page_is_recorded_as_it_is() {
    let page =
        "<title> 市政务\n服务网 </title><p>欢迎</p><h2>办事\n指南</h2><script>var x='系统异常'</script>";
    let portal = Portal::serving(Router::new().route(
        "/",
        get(move |headers: HeaderMap| async move {
            let language = headers[header::ACCEPT_LANGUAGE].to_str().unwrap().to_owned();
            (
                [
                    (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                    (header::CONTENT_LANGUAGE, language),
                ],
                page,
            )
        }),
    ))
    .await;
    let seen = see(portal.url("/")).await;
    assert_eq!(seen.visit.status, Some(200));
    assert_eq!(seen.visit.title, "市政务 服务网");
    assert_eq!(seen.visit.bytes, page.len() as u64);
    assert_eq!(seen.visit.marker_found, Some(true));
    assert_eq!(seen.visit.transport, None);
    assert_eq!(seen.visit.certificate_days, None);
    assert_eq!(seen.text, "欢迎 办事 指南");
    assert_eq!(seen.facts.main.as_ref().map(|m| (m.status, m.mime.as_str())), Some((200, "text/html")));
    assert_eq!(seen.facts.title, seen.visit.title);
    assert_eq!(portal.hits()[0].agent, user_agent(Some("mailto:test@example.org")));
}

#[tokio::test]
async fn a_page_without_its_marker_says_so() {
    let portal =
        Portal::serving(Router::new().route("/", get(|| async { axum::response::Html("<p>维护中</p>") })))
            .await;
    assert_eq!(see(portal.url("/")).await.visit.marker_found, Some(false));
}

#[tokio::test]
async fn statuses_are_facts() {
    let portal = Portal::serving(
        Router::new()
            .route("/gone", get(|| async { StatusCode::GONE }))
            .route("/down", get(|| async { StatusCode::SERVICE_UNAVAILABLE })),
    )
    .await;
    for (path, status) in [("/gone", 410), ("/down", 503), ("/nowhere", 404)] {
        let seen = see(portal.url(path)).await;
        assert_eq!((seen.visit.status, seen.visit.transport), (Some(status), None), "{path}");
    }
}

fn to(location: &str) -> impl IntoResponse + use<> {
    (StatusCode::FOUND, [(header::LOCATION, location.to_owned())])
}

#[tokio::test]
async fn redirects_are_followed_and_recorded() {
    let portal = Portal::serving(
        Router::new()
            .route("/", get(|| async { to("/a") }))
            .route("/a", get(|| async { (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "b?x=1#y")]) }))
            .route("/b", get(|| async { axum::response::Html("<title>到了</title>") })),
    )
    .await;
    let seen = see(portal.url("/")).await;
    let hops = vec![(portal.url("/").to_string(), 302), (portal.url("/a").to_string(), 301)];
    assert_eq!(seen.visit.redirects, hops);
    assert_eq!(seen.visit.final_url, portal.url("/b?x=1#y").to_string());
    assert_eq!((seen.visit.status, seen.visit.title.as_str()), (Some(200), "到了"));
}

#[tokio::test]
async fn redirects_without_end_are_a_class_of_their_own() {
    let portal = Portal::serving(
        Router::new()
            .route("/circle", get(|| async { to("/back") }))
            .route("/back", get(|| async { to("/circle") }))
            .route(
                "/count/{n}",
                get(|axum::extract::Path(n): axum::extract::Path<u32>| async move {
                    to(&format!("/count/{}", n + 1))
                }),
            ),
    )
    .await;
    for path in ["/circle", "/count/0"] {
        let seen = see(portal.url(path)).await;
        assert_eq!(class(&seen), Some(TransportClass::RedirectLoop), "{path}");
        assert_eq!(seen.visit.status, None);
    }
    assert_eq!(portal.count("/circle"), 1);
    assert_eq!(portal.hits().iter().filter(|h| h.path.starts_with("/count")).count(), 11);
}

#[tokio::test]
async fn a_portal_that_wants_its_cookie_back_is_no_loop() {
    let portal = Portal::serving(Router::new().route(
        "/",
        get(|headers: HeaderMap| async move {
            if headers.get(header::COOKIE).is_some_and(|c| c == "seen=1") {
                axum::response::Html("<title>门户</title>").into_response()
            } else {
                ([(header::SET_COOKIE, "seen=1; Path=/; HttpOnly")], to("/")).into_response()
            }
        }),
    ))
    .await;
    assert_eq!(see(portal.url("/")).await.visit.title, "门户");
}

#[tokio::test]
async fn redirects_out_of_bounds_are_refused() {
    let router = [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/",
        "javascript:1",
        "http://[fe80::1]/",
    ]
    .into_iter()
    .enumerate()
    .fold(Router::new(), |router, (n, location)| {
        router.route(&format!("/{n}"), get(move || async move { to(location) }))
    });
    let portal = Portal::serving(router).await;
    for n in 0..5 {
        let seen = see(portal.url(&format!("/{n}"))).await;
        assert_eq!(class(&seen), Some(TransportClass::Policy), "{n}: {}", detail(&seen));
        assert_eq!(seen.visit.redirects.len(), 1);
        assert_eq!(seen.visit.status, None);
    }
}

#[tokio::test]
async fn a_portal_elsewhere_cannot_lead_us_to_this_machine() {
    let portal = Portal::serving(Router::new().route("/", get(|| async { "here" }))).await;
    let client = client_with(Reach::Public, Vec::new(), Clock::system());
    for url in [portal.url("/").to_string(), portal.foreign("/")] {
        let seen = see_with(&client, Url::parse(&url).unwrap(), LONG).await;
        assert_eq!(class(&seen), Some(TransportClass::Policy), "{url}");
    }
    assert!(portal.hits().is_empty());
}

#[tokio::test]
async fn a_gbk_page_is_read_by_its_meta() {
    let html = "<meta http-equiv=Content-Type content='text/html; charset=gb2312'><title>药品经营许可证</title><p>办事 指南";
    let body = encoding_rs::GBK.encode(html).0.into_owned();
    let portal = Portal::serving(Router::new().route(
        "/",
        get(move || {
            let body = body.clone();
            async move { ([(header::CONTENT_TYPE, "text/html")], body) }
        }),
    ))
    .await;
    let seen = see(portal.url("/")).await;
    assert_eq!(seen.visit.title, "药品经营许可证");
    assert_eq!(seen.visit.marker_found, Some(true));
}

#[tokio::test]
async fn a_file_instead_of_a_page_is_no_page() {
    let portal = Portal::serving(
        Router::new()
            .route(
                "/a",
                get(|| async {
                    (
                        [(header::CONTENT_DISPOSITION, "Attachment; filename=x.html")],
                        axum::response::Html("x"),
                    )
                }),
            )
            .route("/b", get(|| async { ([(header::CONTENT_TYPE, "application/octet-stream")], "x") })),
    )
    .await;
    for path in ["/a", "/b"] {
        let seen = see(portal.url(path)).await;
        assert_eq!((seen.visit.status, class(&seen)), (Some(200), Some(TransportClass::Download)), "{path}");
    }
}

/// 64 MiB of zeros as a zstd frame: 512 blocks that each say "this byte, 128 KiB times".
fn zstd_bomb() -> Vec<u8> {
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58];
    for n in 0..512_u32 {
        let header = (131_072 << 3) | (1 << 1) | u32::from(n == 511);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// 16 MiB of zeros.
fn gzip_bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..16 {
        encoder.write_all(&vec![0; 1024 * 1024]).unwrap();
    }
    encoder.finish().unwrap()
}

#[tokio::test]
async fn bombs_stop_at_the_cap() {
    for (encoding, bomb) in [("gzip", gzip_bomb()), ("zstd", zstd_bomb())] {
        assert!(bomb.len() < 100_000);
        let portal =
            Portal::serving(Router::new().route(
                "/",
                get(move || {
                    let bomb = bomb.clone();
                    async move {
                        ([(header::CONTENT_ENCODING, encoding), (header::CONTENT_TYPE, "text/html")], bomb)
                    }
                }),
            ))
            .await;
        let seen = see(portal.url("/")).await;
        assert_eq!(seen.visit.bytes, MAX_BODY as u64, "{encoding}: {}", detail(&seen));
        assert_eq!(class(&seen), Some(TransportClass::Other), "{encoding}");
        assert!(detail(&seen).contains("8 MiB"), "{encoding}: {}", detail(&seen));
    }
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n";

#[tokio::test]
async fn an_endless_body_stops_at_the_cap() {
    let server = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n").await;
        let much = vec![b'x'; 65_536];
        while stream.write_all(&much).await.is_ok() {}
    })
    .await;
    let seen = see(server.url("/")).await;
    assert_eq!((seen.visit.status, class(&seen)), (Some(200), Some(TransportClass::Other)));
    assert_eq!(seen.visit.bytes, MAX_BODY as u64);
}

#[tokio::test]
async fn a_drip_is_cut_off_when_its_time_is_up() {
    let server = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(HEAD).await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let watch = Stopwatch::start();
    let seen = see_with(&client(), server.url("/"), SHORT).await;
    assert_eq!((seen.visit.status, class(&seen)), (Some(200), Some(TransportClass::Timeout)));
    assert!(seen.visit.bytes > 0 && seen.visit.bytes < 1000);
    assert!(watch.elapsed() >= SHORT && watch.elapsed() < SHORT * 4, "{:?}", watch.elapsed());
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let server = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let seen = see_with(&client(), server.url("/"), Duration::from_millis(300)).await;
    assert_eq!((seen.visit.status, class(&seen)), (None, Some(TransportClass::Timeout)));
    assert_eq!(detail(&seen), "no answer in time");
}

#[tokio::test]
async fn broken_connections_have_their_class() {
    let half = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(HEAD).await;
        let _ = stream.write_all(b"<title>half").await;
        let _ = stream.shutdown().await;
    })
    .await;
    let torn = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(HEAD).await;
        let _ = stream.write_all(b"<title>torn").await;
        let _ = stream.set_zero_linger();
    })
    .await;
    let silent = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
    })
    .await;
    let foreign = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n").await;
    })
    .await;
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let nobody = Url::parse(&format!("http://{closed}/")).unwrap();
    let cases = [
        ("half close", half.url("/"), Some(200), TransportClass::Reset),
        ("reset in mid-body", torn.url("/"), None, TransportClass::Reset),
        ("closed without a word", silent.url("/"), None, TransportClass::Reset),
        ("not HTTP", foreign.url("/"), None, TransportClass::Other),
        ("nobody listens", nobody, None, TransportClass::Refused),
    ];
    for (name, url, status, want) in cases {
        let seen = see(url).await;
        assert_eq!(class(&seen), Some(want), "{name}: {}", detail(&seen));
        // A reset may overtake the head that was sent before it.
        if name != "reset in mid-body" {
            assert_eq!(seen.visit.status, status, "{name}");
        }
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_from_a_machine_without_a_network() {
    // A label of more than 63 bytes fails in the resolver itself: no query leaves the machine.
    let url = Url::parse(&format!("http://{}.invalid/", "a".repeat(64))).unwrap();
    let seen = see(url).await;
    let want = if offline() { TransportClass::Ours } else { TransportClass::Dns };
    assert_eq!(class(&seen), Some(want), "{}", detail(&seen));
}

/// A server with a certificate for `name` that ends in the year `end`; its certificate.
async fn secure(name: &str, end: i32) -> (Raw, Vec<u8>) {
    use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(end, 1, 31);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let der = certificate.der().clone();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], private)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Raw::serving(move |stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(stream).await {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 16\r\n\r\n<title>s</title>";
                let _ = tls.write_all(answer).await;
                let _ = tls.shutdown().await;
            }
        }
    })
    .await;
    (server, der.to_vec())
}

fn https(address: SocketAddr) -> Url {
    Url::parse(&format!("https://localhost:{}/", address.port())).unwrap()
}

#[tokio::test]
async fn certificates_are_dated_and_described() {
    let today = Clock::manual("2099-01-01T00:00:00Z".parse().unwrap());
    let (good, authority) = secure("localhost", 2099).await;
    let trusting = client_with(Reach::Local, vec![authority], today);
    let seen = see_with(&trusting, https(good.address), LONG).await;
    assert_eq!((seen.visit.status, seen.visit.certificate_days), (Some(200), Some(30)), "{}", detail(&seen));
    assert_eq!(seen.visit.title, "s");

    // A further authority, so that a machine without any authority gives the same answer.
    let seen = see_with(&trusting, https(secure("localhost", 2098).await.0.address), LONG).await;
    assert_eq!((class(&seen), seen.visit.status), (Some(TransportClass::Tls), None));
    assert!(
        detail(&seen).contains("not valid") || detail(&seen).contains("self-signed"),
        "{}",
        detail(&seen)
    );

    let (other, authority) = secure("other.example", 2099).await;
    let trusting = client_with(Reach::Local, vec![authority], Clock::system());
    let seen = see_with(&trusting, https(other.address), LONG).await;
    assert_eq!(class(&seen), Some(TransportClass::Tls));
    assert!(detail(&seen).contains("another name"), "{}", detail(&seen));

    let (ended, authority) = secure("localhost", 2020).await;
    let trusting = client_with(Reach::Local, vec![authority], Clock::system());
    let seen = see_with(&trusting, https(ended.address), LONG).await;
    assert_eq!(class(&seen), Some(TransportClass::Tls));
    assert_eq!(detail(&seen), "the certificate ended on 2020-01-31");
    assert!(seen.visit.certificate_days.is_some_and(|days| days < 0));
}

#[tokio::test]
async fn plain_http_where_tls_is_expected_is_a_tls_fault() {
    let portal = Portal::serving(Router::new()).await;
    let seen = see(https(portal.address)).await;
    assert_eq!(class(&seen), Some(TransportClass::Tls), "{}", detail(&seen));
}
