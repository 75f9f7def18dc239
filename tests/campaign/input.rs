//! What people, or those who mean ill, hand in: configurations, scenarios, requests.

use std::os::unix::fs::FileExt as _;

use rustix::process::Signal;

use crate::rig::{Rig, ask, get};

#[tokio::test]
async fn bad_scenarios_are_told_by_line_and_the_old_plan_stays() {
    let rig = Rig::visiting().await;
    let good = std::fs::read_to_string(rig.folder().join("probes.toml")).unwrap();
    let with = |path: &str| {
        format!(
            "{good}\n[[probe]]\nid = \"bad\"\nscenario = {path:?}\ntargets = [\"shifan\"]\nschedule = \"0 3 * * *\"\n"
        )
    };
    let step = |body: &str| {
        format!("id = \"bad\"\ntitle = \"t\"\n[[step]]\nname = \"s\"\nstage = \"find\"\n{body}\n")
    };
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let nested = format!("do = {deep}");
    let write = |text: &str| std::fs::write(rig.folder().join("bad.toml"), text).unwrap();
    let mut daemon = rig.start();
    daemon.is_ready().await;
    let cases: [(&str, &str, Option<String>, &str); 6] = [
        ("a path that leads out", "../bad.toml", None, "probes.toml:"),
        ("an unknown key", "bad.toml", Some(step("clikc = 1")), "bad.toml:"),
        ("a wrong type", "bad.toml", Some(step("do = 7")), "bad.toml:"),
        ("deep nesting", "bad.toml", Some(step(&nested)), "bad.toml"),
        (
            "shell text",
            "bad.toml",
            Some(step("do = [{ goto = \"$(touch pwned); `id`\" }]\nwithin = \"1 fortnight\"")),
            "bad.toml:",
        ),
        ("no text at all", "bad.toml", Some("\u{0}\u{1}\u{2}".to_owned()), "bad.toml"),
    ];
    for (what, path, text, place) in cases {
        if let Some(text) = text {
            write(&text);
        }
        rig.configure(&with(path));
        let told = rig.shopper(&["check"]).await;
        assert_eq!(told.code, Some(2), "{what}: {told:?}");
        let all = told.out + &told.err;
        assert!(all.contains(place), "{what}: {all}");
        daemon.signal(Signal::HUP);
        daemon.mentions("the old one stays in force").await;
        daemon.recorded("home").await;
    }
    // A file of a gigabyte that takes no room on the disk.
    let huge = std::fs::File::create(rig.folder().join("bad.toml")).unwrap();
    huge.set_len(1 << 30).unwrap();
    huge.write_all_at(b"id = \"bad\"\n", 0).unwrap();
    let told = rig.shopper(&["check"]).await;
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!((told.out + &told.err).contains("bad.toml"));
    daemon.signal(Signal::HUP);
    daemon.mentions("the old one stays in force").await;
    rig.configure(&good);
    assert!(!rig.folder().join("pwned").exists());
    daemon.recorded("home").await;
    daemon.stops().await;
    rig.records().leave_no_slot_out("home", std::time::Duration::from_secs(2));
}

#[tokio::test]
async fn requests_from_elsewhere_get_nothing() {
    let rig = Rig::visiting().await;
    let mut daemon = rig.start();
    let at = daemon.listens().await;
    daemon.is_ready().await;
    assert!(get(&at, "/healthz").await.starts_with("HTTP/1.1 200"));
    let foreign = ask(&at, "GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await;
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    for path in ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/ack/../../data/lock", "/nothing"] {
        let answer = get(&at, path).await;
        let refused =
            ["HTTP/1.1 400", "HTTP/1.1 403", "HTTP/1.1 404"].iter().any(|head| answer.starts_with(head));
        assert!(refused && !answer.contains("root:x:0"), "{path}: {answer}");
    }
    let post = format!(
        "POST /ack/x HTTP/1.1\r\nHost: {at}\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=b"
    );
    let answer = ask(&at, &post).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    daemon.stops().await;
}
