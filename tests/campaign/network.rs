//! Networks that are gone, that lose packets, and servers that break off or never end.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::{Rig, Told, alone, must};

/// A target that stands elsewhere, where nothing leads.
fn elsewhere(rig: &Rig, entry: &str) -> String {
    let settings = rig.settings(&rig.sink.address().to_string(), &[Rig::visit()]);
    let shifan = settings.lines().find(|line| line.starts_with("entry")).unwrap().to_owned();
    settings.replacen(&shifan, &format!("entry = \"{entry}\""), 1)
}

/// We cannot see: nothing is said of the portal, and people are told once that we cannot.
async fn blind(entry: &str) {
    let mut rig = Rig::bare().await;
    rig.configure(&elsewhere(&rig, entry));
    let mut daemon = rig.start();
    daemon.is_ready().await;
    for _ in 0..4 {
        daemon.ran("home", "inconclusive").await;
    }
    daemon.stops().await;
    let records = rig.records();
    assert_eq!(records.number("SELECT count(*) FROM runs WHERE verdict = 'fail'"), 0, "a portal was blamed");
    assert_eq!(records.number("SELECT count(*) FROM incidents WHERE scope = 'pair'"), 0);
    let own = records.number("SELECT count(*) FROM incidents WHERE scope = 'vantage'");
    assert_eq!(own, 1, "one incident of our own vantage point");
    rig.mail().await;
    rig.mail().await;
    assert!(rig.inbox.try_recv().is_err(), "one mail to each of the two recipients");
    rig.is_sound().await;
}

#[tokio::test]
async fn without_a_network_we_say_that_we_cannot_see() {
    if alone("network::without_a_network_we_say_that_we_cannot_see") {
        blind("http://192.0.2.7/").await;
    }
}

#[tokio::test]
async fn without_names_we_say_that_we_cannot_see() {
    if alone("network::without_names_we_say_that_we_cannot_see") {
        blind("http://portal.gov.example/").await;
    }
}

#[tokio::test]
async fn thirty_in_a_hundred_packets_lost_is_no_outage() {
    if !alone("network::thirty_in_a_hundred_packets_lost_is_no_outage") {
        return;
    }
    let rig = Rig::bare().await;
    let port = rig.portal.addr().port().to_string();
    must("nft", &["add", "table", "inet", "campaign"]);
    must("nft", &["add", "chain", "inet", "campaign", "way", "{ type filter hook input priority 0; }"]);
    for side in ["dport", "sport"] {
        let lose = ["tcp", side, port.as_str(), "numgen", "random", "mod", "100", "<", "30", "drop"];
        must("nft", &[&["add", "rule", "inet", "campaign", "way"][..], &lose].concat());
    }
    let probe = Rig::visit().replace("5s", "30s").replace("*/2 *", "*/10 *");
    rig.configure(&rig.settings(&rig.sink.address().to_string(), &[probe]));
    let mut daemon = rig.start();
    daemon.is_ready().await;
    for _ in 0..4 {
        daemon.recorded("home").await;
    }
    daemon.stops().await;
    let records = rig.records();
    assert_eq!(records.number("SELECT count(*) FROM incidents"), 0, "an outage that was none");
    assert!(records.number("SELECT count(*) FROM runs WHERE verdict = 'pass'") > 0);
    rig.is_sound().await;
}

/// A server that answers everything in the same way, byte by byte as it is told.
async fn answering(
    how: fn(tokio::net::TcpStream) -> futures_util::future::BoxFuture<'static, ()>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 2048];
                let _ = stream.read(&mut request).await;
                how(stream).await;
            });
        }
    });
    at
}

/// What a visit of it is called, by the program.
async fn visited(rig: &Rig, at: SocketAddr, within: &str) -> (Option<i32>, String, Value) {
    let url = format!("http://{at}/");
    let Told { code, out, err } =
        rig.shopper(&["visit", &url, "--class", "test", "--within", within, "--format", "json"]).await;
    let said: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    (code, said["visit"]["failure"].as_str().unwrap_or_default().to_owned(), said)
}

/// A gigabyte of zeros in a few kilobytes: gzip members may follow each other.
fn bomb() -> &'static [u8] {
    static BOMB: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BOMB.get_or_init(|| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![0; 16 << 20]).unwrap();
        packed.finish().unwrap().repeat(64)
    })
}

#[tokio::test]
async fn answers_that_break_off_drip_never_end_or_explode_have_a_class_of_their_own() {
    let rig = Rig::bare().await;
    let cut = answering(|mut stream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<p>half").await;
            let _ = stream.flush().await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
        })
    })
    .await;
    let drip = answering(|mut stream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        })
    })
    .await;
    let endless = answering(|mut stream| {
        Box::pin(async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n").await;
            let block = vec![b'x'; 1 << 16];
            while stream.write_all(&block).await.is_ok() {}
        })
    })
    .await;
    // Packed before anybody waits for it.
    bomb();
    let exploding = answering(|mut stream| {
        Box::pin(async move {
            let packed = bomb();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                packed.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(packed).await;
        })
    })
    .await;
    for (what, at, within, class) in [
        ("cut off", cut, "10s", "reset"),
        ("dripping", drip, "3s", "timeout"),
        ("endless", endless, "10s", "too_large"),
        ("a bomb", exploding, "20s", "too_large"),
    ] {
        let (code, got, said) = visited(&rig, at, within).await;
        assert_eq!((code, got.as_str()), (Some(1), class), "{what}: {said}");
    }
}

#[tokio::test]
async fn a_redirect_to_where_nobody_should_go_is_refused() {
    let rig = Rig::bare().await;
    for (what, to) in
        [("file", "file:///etc/passwd"), ("metadata", "http://169.254.169.254/latest/meta-data/")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let head =
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 2048];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(head.as_bytes()).await;
            }
        });
        let (code, class, said) = visited(&rig, at, "10s").await;
        // Our own rule stopped us, so nothing is said of the portal.
        assert_eq!((code, class.as_str()), (Some(3), "redirect_policy"), "{what}: {said}");
        // And in the browser.
        let scenario = "id = \"look\"\ntitle = \"t\"\n[[step]]\nname = \"open\"\nstage = \"find\"\ndo = [{ goto = \"{entry}\" }]\nexpect = [{ text = \"x\" }]\nwithin = \"10s\"\n";
        std::fs::write(rig.folder().join("go.toml"), scenario).unwrap();
        let url = format!("http://{at}/");
        let told = rig
            .shopper(&["run", "--scenario", "go.toml", "--url", &url, "--class", "test", "--format", "json"])
            .await;
        let run: Value = serde_json::from_str(&told.out).unwrap_or_else(|_| panic!("{told:?}"));
        assert_ne!(run["verdict"], "pass", "{what}: {run}");
        assert!(!told.out.contains("root:x:0"), "{what}: it was read");
    }
}
