//! Processes that are killed or stopped: ours, the driver's, the browser's.

use std::collections::BTreeSet;
use std::time::Duration;

use mystery_shopper::clock::Clock;
use mystery_shopper::demo::{City, Fault};
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::rig::{Daemon, PATIENCE, Rig, descendants, get, head, living, signal, vouched};

/// A number that is not random but looks so; the campaign can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[tokio::test]
async fn killed_in_mid_commit_it_resumes_and_loses_nothing() {
    let rig = Rig::visiting().await;
    let mut acknowledged = BTreeSet::new();
    // At the first, third … time that it waits for the disk, in the middle of the call.
    for when in [1, 3, 5, 8, 11] {
        let kill = format!("inject=fsync,fdatasync:signal=SIGKILL:when={when}");
        let strace = ["strace", "-f", "-qqq", "-o", "/dev/null"];
        let traced = [&strace[..], &["-e", "trace=fsync,fdatasync", "-e", &kill]].concat();
        let daemon = rig.start_with(&traced, &[]);
        let (status, log) = daemon.ended().await;
        assert!(!status.success(), "it was not killed at {when}:\n{}", log.join("\n"));
        acknowledged.extend(vouched(&log));
    }
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.recorded("home").await;
    acknowledged.extend(vouched(&daemon.stops().await));
    let records = rig.records();
    records.hold(&acknowledged);
    assert_eq!(records.number("SELECT count(*) FROM runs WHERE state = 'running'"), 0);
    rig.is_sound().await;
}

/// Kills at instants that nobody chose, in a busy hour that is as short as the test needs.
/// `CAMPAIGN_KILLS` says how many; `script/campaign` asks for 200.
#[tokio::test]
async fn killed_at_any_instant_nothing_acknowledged_is_lost_or_told_twice() {
    let kills = std::env::var("CAMPAIGN_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let mut dice = Dice(0x5EED_0005);
    let mut rig = Rig::walking().await;
    let mut acknowledged = BTreeSet::new();
    for kill in 0..kills {
        // The portal fails and recovers all the while, so that incidents and mails are on their way.
        rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, kill % 4 < 2);
        let mut daemon = rig.start();
        daemon.is_ready().await;
        tokio::time::sleep(Duration::from_millis(200 + dice.below(4_000))).await;
        acknowledged.extend(daemon.killed().await);
    }
    rig.portal.state().set_fault(City::Shifan, Fault::HomeDown, false);
    let mut daemon = rig.start();
    daemon.is_ready().await;
    // Until whatever is open is closed and told.
    daemon.ran("home", "pass").await;
    daemon.ran("home", "pass").await;
    daemon.ran("walk", "pass").await;
    let quiet = |rig: &Rig| {
        let records = rig.records();
        records.number("SELECT count(*) FROM incidents WHERE closed_at IS NULL")
            + records.number("SELECT count(*) FROM outbox WHERE state = 'pending'")
    };
    timeout(PATIENCE, async {
        while quiet(&rig) > 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    })
    .await
    .expect("all incidents closed and all mails sent");
    acknowledged.extend(vouched(&daemon.stops().await));
    let records = rig.records();
    records.hold(&acknowledged);
    rig.is_sound().await;
    // Every mail that a notice wanted arrived; one that arrived twice has the same Message-ID.
    let mut arrived = BTreeSet::new();
    while let Ok(mail) = rig.inbox.try_recv() {
        arrived.insert((head(&mail).0, mail.to.concat()));
    }
    let wanted: BTreeSet<(String, String)> = records
        .texts("SELECT message_id || ' ' || recipient FROM outbox JOIN notices ON notices.id = outbox.notice WHERE state = 'sent'")
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(id, to)| (id.trim_matches(['<', '>']).to_owned(), to.to_owned()))
        .collect();
    assert!(wanted.is_subset(&arrived), "lost: {:?}", wanted.difference(&arrived).collect::<Vec<_>>());
    assert!(arrived.is_subset(&wanted), "unknown: {:?}", arrived.difference(&wanted).collect::<Vec<_>>());
    assert_eq!(records.number("SELECT count(*) FROM outbox WHERE state = 'failed'"), 0);
}

/// The processes of a daemon's browsers whose command line fits.
fn browsers(daemon: &Daemon, fits: impl Fn(&str) -> bool) -> Vec<u32> {
    descendants(daemon.pid()).into_iter().filter(|(_, line)| fits(line)).map(|(pid, _)| pid).collect()
}

fn is_driver(line: &str) -> bool {
    line.contains("chromedriver")
}

fn is_browser(line: &str) -> bool {
    line.contains("--user-data-dir") && !line.contains("--type=") && !is_driver(line)
}

fn is_renderer(line: &str) -> bool {
    line.contains("--type=renderer")
}

/// Waits until a process of this kind is there in the middle of a walk.
async fn in_mid_walk(daemon: &Daemon, rig: &Rig, fits: fn(&str) -> bool) -> Vec<u32> {
    let since = Clock::system().now();
    timeout(PATIENCE, async {
        loop {
            let told = rig.shopper(&["status", "--format", "json"]).await;
            let status: Value = serde_json::from_str(&told.out).unwrap();
            let walks = status["probes"].as_array().unwrap().iter().any(|entry| {
                let began = entry["running_since"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
                entry["probe"] == "walk" && began.is_some_and(|at| at >= since)
            });
            let found = browsers(daemon, fits);
            if walks && !found.is_empty() {
                return found;
            }
        }
    })
    .await
    .expect("a walk under way")
}

/// Does something to a kind of process in the middle of a walk: the agent is at fault, tries afresh,
/// accuses nobody and leaves nothing behind.
async fn hurt(which: Signal, fits: fn(&str) -> bool) {
    let mut rig = Rig::walking().await;
    let mut daemon = rig.start();
    daemon.is_ready().await;
    daemon.ran("walk", "pass").await;
    rig.portal.state().set_slow_by(Duration::from_secs(4));
    rig.portal.state().set_fault(City::Linhai, Fault::Slow, true);
    let hurt = in_mid_walk(&daemon, &rig, fits).await;
    for pid in &hurt {
        signal(*pid, which);
    }
    let family = descendants(daemon.pid());
    rig.portal.state().set_fault(City::Linhai, Fault::Slow, false);
    let ended = daemon
        .says("that the walk ended", |fields| fields["message"] == "run ended" && fields["probe"] == "walk")
        .await;
    assert_ne!(ended["verdict"], "fail", "the portal was blamed: {ended}");
    // The slot is free again, in a browser of its own.
    daemon.ran("walk", "pass").await;
    let those: Vec<_> = family.into_iter().filter(|(pid, _)| hurt.contains(pid)).collect();
    assert_eq!(living(&those), Vec::<String>::new(), "what was hurt lives on");
    daemon.stops().await;
    assert!(rig.inbox.try_recv().is_err(), "somebody was told");
    assert_eq!(rig.records().number("SELECT count(*) FROM incidents"), 0);
    rig.is_sound().await;
}

#[tokio::test]
async fn a_killed_driver_is_our_fault() {
    hurt(Signal::KILL, is_driver).await;
}

#[tokio::test]
async fn a_killed_browser_is_our_fault() {
    hurt(Signal::KILL, is_browser).await;
}

#[tokio::test]
async fn a_killed_renderer_is_our_fault() {
    hurt(Signal::KILL, is_renderer).await;
}

#[tokio::test]
async fn a_stopped_driver_is_given_up() {
    hurt(Signal::STOP, is_driver).await;
}

#[tokio::test]
async fn a_stopped_browser_is_given_up() {
    hurt(Signal::STOP, is_browser).await;
}

/// The test plays systemd: it takes the signs of life, and does what systemd does when they stop.
#[tokio::test]
async fn a_stopped_daemon_is_missed_by_the_watchdog_and_started_again() {
    let rig = Rig::visiting().await;
    let socket = rig.folder().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let variables = [("NOTIFY_SOCKET", socket.clone().into()), ("WATCHDOG_USEC", "3000000".into())];
    let told = async |within: Duration| -> Option<String> {
        let mut buffer = [0; 4096];
        let length = timeout(within, manager.recv(&mut buffer)).await.ok()?.unwrap();
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    };
    let pinged = async || {
        while let Some(text) = told(PATIENCE).await {
            if text.contains("WATCHDOG=1") {
                return;
            }
        }
        panic!("no sign of life");
    };
    let daemon = rig.start_with(&[], &variables);
    let first = told(PATIENCE).await.unwrap();
    assert!(first.contains("READY=1") || first.contains("STATUS="), "{first}");
    pinged().await;
    pinged().await;
    daemon.signal(Signal::STOP);
    // What was on its way may still come; then nothing does for as long as systemd waits.
    while told(Duration::from_secs(3)).await.is_some() {}
    daemon.killed().await;
    let mut daemon = rig.start_with(&[], &variables);
    pinged().await;
    daemon.recorded("home").await;
    daemon.stops().await;
    rig.records().leave_no_slot_out("home", Duration::from_secs(2));
    rig.is_sound().await;
}

/// A driver that cannot drive: nothing can be walked, which is said, and no portal is blamed.
#[tokio::test]
async fn a_driver_that_is_missing_broken_or_of_another_version_blames_nobody() {
    let mut rig = Rig::walking().await;
    let good = std::fs::read_to_string(rig.folder().join("probes.toml")).unwrap();
    let old = rig.folder().join("old-chromedriver");
    std::fs::write(&old, "#!/bin/sh\necho 'ChromeDriver 90.0.4430.24 (old)'\n").unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (driver, said) in [
        ("/nonexistent/chromedriver", "chromedriver"),
        ("/bin/false", "/bin/false"),
        (old.to_str().unwrap(), "90"),
    ] {
        rig.configure(&format!("{good}\n[browser]\nchromedriver = \"{driver}\"\n"));
        let mut daemon = rig.start();
        let address = daemon.listens().await;
        daemon.is_ready().await;
        let ended = daemon.ran("walk", "inconclusive").await;
        assert!(ended["reason"].as_str().unwrap().contains(said), "{driver}: {ended}");
        let ready = get(&address, "/readyz").await;
        assert!(ready.starts_with("HTTP/1.1 503") && ready.contains(said), "{driver}: {ready}");
        assert!(get(&address, "/healthz").await.starts_with("HTTP/1.1 200"), "no reason to be started again");
        // What needs no browser goes on.
        daemon.ran("home", "pass").await;
        daemon.stops().await;
    }
    assert!(rig.inbox.try_recv().is_err(), "somebody was told of an outage");
    assert_eq!(rig.records().number("SELECT count(*) FROM incidents WHERE scope = 'pair'"), 0);
    rig.is_sound().await;
}
