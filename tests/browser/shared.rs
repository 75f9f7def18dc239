//! What the contexts of one browser could share beside what pages write (`isolation.rs`): the
//! clipboard, icons, visited links, and who must be asked over TLS. Each first walk finds what the
//! second must not.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use mystery_shopper::browser::{Doctor, Journey, JourneyOptions, Pool, Settings, StepError};
use mystery_shopper::domain::engine::Engine;
use mystery_shopper::domain::scenario::{Check, Verb};
use rcgen::PublicKeyData;
use sha2::Digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};

use crate::world::*;

const COPY: &str = "<title>页</title><input id=from value=trace><textarea id=to></textarea>
<button onclick=\"document.querySelector('#from').select(); document.title = 'copied ' + document.execCommand('copy')\">复制</button>";

async fn paste(journey: &mut Journey) -> Result<(), StepError> {
    click(journey, css("#to")).await?;
    act(journey, Verb::Press("Control+V".to_owned())).await?;
    expect_now(journey, Check::Value { of: css("#to"), value: contains("trace") }).await.map(drop)
}

async fn what_was_copied_is_gone(engine: Engine) {
    let world = World::of(&[("/", COPY)]).await;
    let pool = Pool::new(settings(world.temp.path(), 1));
    let options = || JourneyOptions { engine, ..options() };
    let mut first = pool.open(options(), soon(30)).await.unwrap();
    let group = first.process_group();
    goto(&mut first, &world.url("/")).await.unwrap();
    click(&mut first, css("button")).await.unwrap();
    expect(&mut first, Check::Title(contains("copied true"))).await.unwrap();
    paste(&mut first).await.unwrap();
    first.close().await;

    let mut second = pool.open(options(), soon(30)).await.unwrap();
    assert_eq!(second.process_group(), group, "the test is about one browser");
    goto(&mut second, &world.url("/")).await.unwrap();
    let pasted = paste(&mut second).await;
    assert!(matches!(&pasted, Err(StepError::Unmet(wait)) if wait.last_seen == "the value ``"), "{pasted:?}");
    second.close().await;
    pool.close().await;
    world.end().await;
}

#[tokio::test]
async fn the_clipboard_is_empty_for_the_next_walk() {
    what_was_copied_is_gone(Engine::Chromium).await;
}

#[tokio::test]
async fn the_clipboard_is_empty_for_the_next_walk_in_firefox() {
    what_was_copied_is_gone(Engine::Firefox).await;
}

const ICON: &str =
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><rect width='9' height='9'/></svg>";

fn with_icon(hit: &Hit) -> Option<Response> {
    Some(match hit.path.as_str() {
        "/icon" => {
            ([("cache-control", "max-age=9999"), ("content-type", "image/svg+xml")], ICON).into_response()
        }
        "/seen" => Html("<!doctype html><link rel=icon href=/icon><title>页</title>").into_response(),
        "/" => Html(
            "<!doctype html><meta charset=utf-8><link rel=icon href=/icon><title>页</title>
             <style>a { color: blue; font-size: 200px } a:visited { color: red }</style><a href=/seen>█</a>",
        )
        .into_response(),
        _ => return None,
    })
}

/// Pixels of the link that are red, as a visited one is, and blue.
async fn colours(journey: &mut Journey) -> (usize, usize) {
    let (bytes, _) = journey.screenshot(soon(10)).await.unwrap().finish().unwrap();
    let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
    let count = |is: fn(&image::Rgb<u8>) -> bool| picture.pixels().filter(|pixel| is(pixel)).count();
    (count(|c| c.0[0] > 150 && c.0[2] < 110), count(|c| c.0[2] > 150 && c.0[0] < 110))
}

/// Waits for the icon, which a browser asks for when it likes.
async fn icons(world: &World, since: usize) -> usize {
    let count = || world.hits()[since..].iter().filter(|hit| hit.path == "/icon").count();
    let deadline = soon(5);
    while count() == 0 && !deadline.passed() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    count()
}

#[tokio::test]
async fn icons_are_asked_for_anew_and_no_link_is_visited() {
    let world = World::answering(with_icon).await;
    let pool = Pool::new(settings(world.temp.path(), 1));
    let mut first = pool.open(options(), soon(30)).await.unwrap();
    let group = first.process_group();
    goto(&mut first, &world.url("/seen")).await.unwrap();
    assert_eq!(icons(&world, 0).await, 1);
    goto(&mut first, &world.url("/")).await.unwrap();
    // Chromium does not remember visited links in a user context at all: there is none to find.
    let (visited, fresh) = colours(&mut first).await;
    assert!(visited == 0 && fresh > 10_000, "{visited} {fresh}");
    first.close().await;
    // The second page of the walk took the icon from the cache.
    assert_eq!(icons(&world, 0).await, 1);

    let since = world.hits().len();
    let mut second = pool.open(options(), soon(30)).await.unwrap();
    assert_eq!(second.process_group(), group, "the test is about one browser");
    goto(&mut second, &world.url("/")).await.unwrap();
    assert_eq!(icons(&world, since).await, 1);
    let (visited, fresh) = colours(&mut second).await;
    assert!(visited == 0 && fresh > 10_000, "{visited} {fresh}");
    second.close().await;
    pool.close().await;
    world.end().await;
}

/// A server that speaks TLS and plain HTTP on one port and says which it was; over TLS it asks to be
/// called in no other way. Its port, and the hash of its key.
async fn strict() -> (u16, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(vec!["strict.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    let hash = sha2::Sha256::digest(key.subject_public_key_info());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut first = [0];
                // A handshake begins with 22, a request with a letter.
                match stream.peek(&mut first).await {
                    Ok(1) if first[0] == 22 => {
                        if let Ok(tls) = acceptor.accept(stream).await {
                            say(tls, "Strict-Transport-Security: max-age=9999\r\n", "over TLS").await;
                        }
                    }
                    _ => say(stream, "", "plain").await,
                }
            });
        }
    });
    (port, base64::engine::general_purpose::STANDARD.encode(hash))
}

async fn say(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    header: &str,
    title: &str,
) {
    let _ = stream.read(&mut [0; 8192]).await;
    let body = format!("<link rel=icon href='data:,'><title>{title}</title>");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{header}Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// The browser, told to take the key with this hash for certified: what comes with an error of its
/// certificate may demand nothing, and names of this machine never may.
async fn trusting(folder: &Path, hash: &str) -> PathBuf {
    let (real, _) = Doctor::examine(&settings(folder, 1)).await.chromium.unwrap();
    let program = folder.join("trusting");
    let script = format!(
        "#!/bin/sh\nexec {} --ignore-certificate-errors-spki-list={hash} '--host-resolver-rules=MAP strict.test 127.0.0.1' \"$@\"\n",
        real.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    program
}

#[tokio::test]
async fn a_demand_for_tls_is_forgotten() {
    let (port, hash) = strict().await;
    let tools = tempfile::tempdir().unwrap();
    let world = World::of(&[]).await;
    let chromium = Some(trusting(tools.path(), &hash).await);
    let pool = Pool::new(Settings { chromium, ..settings(world.temp.path(), 1) });
    let (plain, secure) = (format!("http://strict.test:{port}/"), format!("https://strict.test:{port}/"));
    let mut first = pool.open(options(), soon(30)).await.unwrap();
    let group = first.process_group();
    for (url, want) in [(&plain, "plain"), (&secure, "over TLS"), (&plain, "over TLS")] {
        goto(&mut first, url).await.unwrap();
        assert_eq!(first.facts(soon(2)).await.title, want, "{url}");
    }
    first.close().await;
    let mut second = pool.open(options(), soon(30)).await.unwrap();
    assert_eq!(second.process_group(), group, "the test is about one browser");
    goto(&mut second, &plain).await.unwrap();
    assert_eq!(second.facts(soon(2)).await.title, "plain");
    second.close().await;
    pool.close().await;
    world.end().await;
}
