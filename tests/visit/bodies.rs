//! Bodies of every kind of malice: bombs, drips, no end, broken off, wrongly framed.

use std::io::Write as _;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::domain::observation::TransportClass;
use mystery_shopper::visit::MAX_BODY;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

use crate::net::{Portal, Raw, client, read_request};
use crate::world::{SHORT, class, detail, see, see_with};

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
    let bombs = [
        ("gzip", gzip_bomb()),
        ("zstd", zstd_bomb()),
        ("br", brotli(&vec![0; 16 * 1024 * 1024]).await),
        // A bomb in a bomb: 16 MiB, twice over.
        ("gzip, gzip", gzip(&gzip_bomb())),
    ];
    for (encoding, bomb) in bombs {
        assert!(bomb.len() < 100_000);
        let sent = bomb.len() as u64;
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
        assert!(seen.visit.cut && seen.visit.raw_bytes <= sent, "{encoding}: {}", seen.visit.raw_bytes);
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
    let chunked = |body: &'static [u8]| {
        Raw::serving(move |mut stream: TcpStream| async move {
            read_request(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";
            let _ = stream.write_all(head).await;
            let _ = stream.write_all(body).await;
            let _ = stream.shutdown().await;
        })
    };
    let chunks = chunked(b"5\r\nhello\r\nzz\r\nnonsense\r\n").await;
    let short = chunked(b"ff\r\nhello").await;
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let nobody = Url::parse(&format!("http://{closed}/")).unwrap();
    let cases = [
        ("half close", half.url("/"), Some(200), TransportClass::Reset),
        ("chunks that are none", chunks.url("/"), Some(200), TransportClass::Reset),
        ("a chunk cut short", short.url("/"), Some(200), TransportClass::Reset),
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

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn brotli(bytes: &[u8]) -> Vec<u8> {
    use async_compression::{Level, tokio::write::BrotliEncoder};
    let mut encoder = BrotliEncoder::with_quality(Vec::new(), Level::Fastest);
    encoder.write_all(bytes).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

/// A server of one body in one encoding.
async fn encoded(encoding: &'static str, body: Vec<u8>) -> Portal {
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_ENCODING, encoding), (header::CONTENT_TYPE, "text/html")], body) }
    };
    Portal::serving(Router::new().route("/", get(answer))).await
}

#[tokio::test]
async fn every_encoding_is_read_and_both_sizes_are_counted() {
    let page = format!("<title>门户</title>{}", "<p>办事指南".repeat(1000));
    let bytes = page.as_bytes();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(bytes).unwrap();
    let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    bare.write_all(bytes).unwrap();
    let half = bytes.len() / 2;
    let members = [gzip(&bytes[..half]), gzip(&bytes[half..])].concat();
    let bodies = [
        ("gzip", gzip(bytes)),
        ("x-gzip", gzip(bytes)),
        ("gzip", members),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("br", brotli(bytes).await),
        ("gzip, br", brotli(&gzip(bytes)).await),
        ("identity", bytes.to_vec()),
        ("unheard-of", bytes.to_vec()),
    ];
    for (encoding, body) in bodies {
        let sent = body.len() as u64;
        let seen = see(encoded(encoding, body).await.url("/")).await;
        assert_eq!(
            (class(&seen), seen.visit.title.as_str()),
            (None, "门户"),
            "{encoding}: {}",
            detail(&seen)
        );
        assert_eq!((seen.visit.bytes, seen.visit.raw_bytes), (bytes.len() as u64, sent), "{encoding}");
    }
    let seen = see(encoded("gzip", Vec::new()).await.url("/")).await;
    assert_eq!((class(&seen), seen.visit.bytes), (None, 0), "nothing is no faulty gzip: {}", detail(&seen));
    let mut torn = gzip(bytes);
    torn.truncate(torn.len() / 2);
    assert_eq!(class(&see(encoded("gzip", torn).await.url("/")).await), Some(TransportClass::Reset));
    let seen = see(encoded("gzip", b"not gzip".to_vec()).await.url("/")).await;
    assert_eq!(class(&seen), Some(TransportClass::Other), "{}", detail(&seen));
}

#[tokio::test]
async fn a_stream_that_unfolds_to_nothing_stops_at_the_raw_cap() {
    let server = Raw::serving(|mut stream: TcpStream| async move {
        read_request(&mut stream).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n";
        let _ = stream.write_all(head).await;
        let _ = stream.write_all(&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]).await;
        // Empty stored blocks, for ever.
        let much = [0, 0, 0, 0xFF, 0xFF].repeat(13_000);
        while stream.write_all(&much).await.is_ok() {}
    })
    .await;
    let seen = see(server.url("/")).await;
    assert!(seen.visit.cut && seen.visit.bytes == 0, "{}", detail(&seen));
    assert!(seen.visit.raw_bytes >= MAX_BODY as u64 && seen.visit.raw_bytes < 2 * MAX_BODY as u64);
}

#[tokio::test]
async fn a_page_of_fifty_megabytes_is_too_large() {
    let body = vec![b'x'; 50 * 1024 * 1024];
    let portal = encoded("identity", body).await;
    let seen = see(portal.url("/")).await;
    assert!(seen.visit.cut);
    assert_eq!((seen.visit.bytes, class(&seen)), (MAX_BODY as u64, Some(TransportClass::Other)));
    assert!(seen.visit.content.is_none(), "what does not end is not read");
}
