//! The service as a process: an outage from its first sign to the recovery mail, a kill in the
//! middle, a second daemon, a broken configuration, and the end.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mail_parser::MessageParser;
use mystery_shopper::clock::{Clock, Stopwatch};
use mystery_shopper::demo::sink::{Behaviour, Received, Sink};
use mystery_shopper::demo::{City, Fault, Portal, PortalState};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// The longest that anything may take here. Everything is awaited, so a good run is far quicker.
const PATIENCE: Duration = Duration::from_secs(60);

const SCENARIO: &str = r#"
id = "look"
title = "看一看"
[[step]]
name = "打开首页"
stage = "find"
do = [{ goto = "{entry}" }]
expect = [{ text = "事项清单" }]
within = "30s"
"#;

fn settings(portal: &Portal, sink: &Sink) -> String {
    let (healthy, failing) = (portal.url(City::Linhai), portal.url(City::Shifan));
    let smtp = sink.address();
    format!(
        r#"
[agent]
name     = "test"
timezone = "Asia/Shanghai"
data_dir = "data"
[web]
listen = "127.0.0.1:0"
[mail]
smtp = "smtp://{smtp}"
from = "Mystery shopper <alerts@test.example>"
[[mail.route]]
to = ["oncall@test.example"]

[[target]]
id    = "failing"
name  = "示范市政务服务网"
entry = "{failing}"
class = "test"
[[target]]
id    = "healthy"
name  = "临海市网上办事大厅"
entry = "{healthy}"
class = "test"

[[probe]]
id       = "home"
visit    = {{ within = "2s" }}
targets  = ["failing"]
schedule = "*/2 * * * * *"
[[probe]]
id       = "walk"
scenario = "look.toml"
targets  = ["healthy"]
schedule = "*/2 * * * * *"
"#
    )
}

/// A daemon and its log.
struct Daemon {
    child: Child,
    log: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
    heard: Vec<String>,
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("shopper"))
            .args(["daemon", "--log", "json"])
            .current_dir(folder)
            .env_remove("SHOPPER_CONFIG")
            .env_remove("STATE_DIRECTORY")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("SHOPPER_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log, heard: Vec::new() }
    }

    fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap(), signal).unwrap();
    }

    /// The fields of the next line of the log that fits.
    async fn says(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = timeout(PATIENCE, async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                let entry: Option<Value> = serde_json::from_str(&line).ok();
                self.heard.push(line);
                if let Some(entry) = entry.filter(|entry| fits(&entry["fields"])) {
                    return Some(entry["fields"].clone());
                }
            }
            None
        })
        .await;
        match found {
            Ok(Some(fields)) => fields,
            _ => panic!("the log never said {what}:\n{}", self.heard.join("\n")),
        }
    }

    /// The next run of a probe with this verdict.
    async fn ran(&mut self, probe: &str, verdict: &str) {
        let fits = |fields: &Value| {
            fields["message"] == "run ended" && fields["probe"] == probe && fields["verdict"] == verdict
        };
        self.says(&format!("that {probe} ended as {verdict}"), fits).await;
    }

    /// Waits for the end, and reads what is left of the log.
    async fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        while let Some(line) = self.log.next_line().await.unwrap() {
            self.heard.push(line);
        }
        (status, self.heard)
    }
}

async fn shopper(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(assert_cmd::cargo::cargo_bin("shopper"))
        .args(args)
        .current_dir(folder)
        .env_remove("SHOPPER_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Waits until a run of the probe goes on that began after an instant: one that began before may end before
/// anything is done to it.
async fn under_way(folder: &Path, probe: &str, after: jiff::Timestamp) {
    let begun = |entry: &Value| {
        let since = entry["running_since"].as_str().and_then(|since| since.parse::<jiff::Timestamp>().ok());
        since.is_some_and(|since| since >= after)
    };
    timeout(PATIENCE, async {
        loop {
            let (_, out, _) = shopper(folder, &["status", "--format", "json"]).await;
            let status: Value = serde_json::from_str(&out).unwrap();
            let probes = status["probes"].as_array().unwrap();
            if probes.iter().any(|entry| entry["probe"] == probe && begun(entry)) {
                return;
            }
        }
    })
    .await
    .unwrap();
}

async fn mail(inbox: &mut UnboundedReceiver<Received>) -> Received {
    timeout(PATIENCE, inbox.recv()).await.expect("a mail").unwrap()
}

/// Message-ID, In-Reply-To and subject.
fn head(mail: &Received) -> (String, Option<String>, String) {
    let message = MessageParser::new().parse(&mail.raw).unwrap();
    (
        message.message_id().unwrap().to_owned(),
        message.in_reply_to().as_text().map(str::to_owned),
        message.subject().unwrap().to_owned(),
    )
}

/// What stands behind the parent of each process, with its command line.
fn descendants(of: u32) -> Vec<(u32, String)> {
    let all: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent = stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut family = vec![of];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family.into_iter().skip(1).filter_map(|pid| Some((pid, command_line(pid)?))).collect()
}

/// The command line of a process that lives; none for a zombie.
fn command_line(pid: u32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).replace('\0', " "))
}

async fn get(address: &str, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn an_outage_is_told_once_and_so_is_its_end_whatever_happens_between() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let portal = Portal::bind(([127, 0, 0, 1], 0).into(), PortalState::new(Clock::system())).await.unwrap();
    let (sink, mut inbox) = Sink::start(&folder.join("mails"), Behaviour::default()).await.unwrap();
    let good = settings(&portal, &sink);
    std::fs::write(folder.join("probes.toml"), &good).unwrap();
    std::fs::write(folder.join("look.toml"), SCENARIO).unwrap();

    // Healthy: both kinds of runs pass, and nobody gets mail.
    let mut daemon = Daemon::start(folder);
    daemon.says("that it is ready", |fields| fields["message"] == "ready").await;
    daemon.ran("home", "pass").await;
    daemon.ran("walk", "pass").await;

    // An outage: one mail.
    portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    let outage = mail(&mut inbox).await;
    let (outage_id, reply, subject) = head(&outage);
    assert_eq!(outage.to, ["oncall@test.example"]);
    assert_eq!(reply, None);
    assert!(subject.contains("示范市政务服务网"), "{subject}");

    // Killed in the middle of a walk.
    portal.state().set_fault(City::Linhai, Fault::Slow, true);
    under_way(folder, "walk", Clock::system().now()).await;
    let orphans = descendants(daemon.pid());
    daemon.signal(Signal::KILL);
    let (status, _) = daemon.ended().await;
    assert_eq!(status.code(), None);
    portal.state().set_fault(City::Linhai, Fault::Slow, false);

    // The next one goes on where that one was: the outage lasts, and nobody is told again.
    let mut daemon = Daemon::start(folder);
    let listening = daemon.says("where it listens", |fields| fields["message"] == "listening").await;
    let address = listening["at"].as_str().unwrap().to_owned();
    daemon.says("that it is ready", |fields| fields["message"] == "ready").await;
    daemon.ran("walk", "pass").await;
    let left: Vec<_> =
        orphans.iter().filter(|(pid, line)| command_line(*pid).as_ref() == Some(line)).collect();
    assert!(left.is_empty(), "the killed daemon's browsers live on: {left:?}");
    daemon.ran("home", "fail").await;
    let (code, out, err) = shopper(folder, &["export", "gaps"]).await;
    assert_eq!(code, Some(0), "{err}");
    let interrupted = |line: &str| line.contains("\"walk\"") && line.contains("\"interrupted\"");
    assert!(out.lines().any(interrupted), "{out}");

    // A second daemon on the same folder.
    let pid = daemon.pid();
    let (status, log) = Daemon::start(folder).ended().await;
    assert_eq!(status.code(), Some(3), "{log:?}");
    assert!(log.iter().any(|line| line.contains(&pid.to_string())), "{log:?}");

    // A broken configuration is not taken over; the old one stays in force.
    std::fs::write(folder.join("probes.toml"), good.replace("visit    =", "vizit    =")).unwrap();
    daemon.signal(Signal::HUP);
    let fault = daemon
        .says("which fault", |fields| fields["message"].as_str().is_some_and(|m| m.contains("vizit")))
        .await;
    assert!(fault["message"].as_str().unwrap().contains("probes.toml:"), "{fault}");
    daemon
        .says("that the old one stays", |fields| {
            fields["message"].as_str().is_some_and(|m| m.contains("the old one stays in force"))
        })
        .await;
    daemon.ran("home", "fail").await;

    // One without faults is, and the log says what it changes.
    std::fs::write(folder.join("probes.toml"), good.replace("临海市网上办事大厅", "临海市")).unwrap();
    daemon.signal(Signal::HUP);
    let says = |wanted: &'static str| move |fields: &Value| fields["change"] == wanted;
    daemon.says("what changed", says("target healthy changed")).await;

    let health = get(&address, "/healthz").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("alive\n"), "{health}");

    // The recovery: one mail, in the outage's thread.
    assert!(inbox.try_recv().is_err(), "a second outage mail");
    portal.state().set_fault(City::Shifan, Fault::HomeDown, false);
    let recovery = mail(&mut inbox).await;
    let (recovery_id, reply, subject) = head(&recovery);
    assert_eq!(reply.as_deref(), Some(outage_id.as_str()), "{subject}");
    assert_ne!(recovery_id, outage_id);
    daemon.ran("home", "pass").await;

    // The end: soon, clean, and with nothing left behind.
    daemon.ran("walk", "pass").await;
    let family = descendants(daemon.pid());
    assert!(family.iter().any(|(_, line)| line.contains("chromedriver")), "{family:?}");
    let watch = Stopwatch::start();
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{log:?}");
    assert!(watch.elapsed_ms() < 15_000, "{}", watch.elapsed_ms());
    let left: Vec<_> =
        family.iter().filter(|(pid, line)| command_line(*pid).as_ref() == Some(line)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(inbox.try_recv().is_err(), "more than one mail for the outage and one for its end");
    portal.stop().await;
}

#[tokio::test]
async fn what_a_maintenance_window_held_is_told_when_the_window_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let portal = Portal::bind(([127, 0, 0, 1], 0).into(), PortalState::new(Clock::system())).await.unwrap();
    let (sink, mut inbox) = Sink::start(&folder.join("mails"), Behaviour::default()).await.unwrap();
    let all = settings(&portal, &sink);
    let without = all.split("[[probe]]\nid       = \"walk\"").next().unwrap();
    let window = "[[maintenance]]\nname = \"night\"\ntargets = [\"failing\"]\nschedule = \"* * * * *\"\nlasts = \"5m\"\n";
    std::fs::write(folder.join("probes.toml"), format!("{without}{window}")).unwrap();
    portal.state().set_fault(City::Shifan, Fault::HomeDown, true);
    let mut daemon = Daemon::start(folder);
    let opened = daemon.says("that it opened", |fields| fields["message"] == "incident changed").await;
    assert_eq!((&opened["act"], &opened["mails"]), (&"opened".into(), &0.into()), "{opened}");
    daemon.ran("home", "fail").await;
    assert!(inbox.try_recv().is_err(), "nobody is told inside");

    let id = opened["incident"].as_str().unwrap();
    let (code, _, err) = shopper(folder, &["ack", id, "--by", "li"]).await;
    assert_eq!(code, Some(0), "{err}");
    std::fs::write(folder.join("probes.toml"), without).unwrap();
    daemon.signal(Signal::HUP);
    let told = daemon.says("that it was told", |fields| fields["message"] == "told").await;
    assert_eq!((&told["kind"], &told["mails"], &told["incident"]), (&"opened".into(), &1.into(), &id.into()));
    let outage = mail(&mut inbox).await;
    assert_eq!(head(&outage).1, None, "the root of its thread");

    portal.state().set_fault(City::Shifan, Fault::HomeDown, false);
    let recovery = mail(&mut inbox).await;
    assert_eq!(head(&recovery).1, Some(head(&outage).0));
    let (_, out, _) = shopper(folder, &["incidents", "--format", "json"]).await;
    let incidents: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(incidents.as_array().unwrap().len(), 1, "{out}");
    assert_eq!(incidents[0]["acknowledged"]["by"], "li", "{out}");
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{log:?}");
    portal.stop().await;
}

#[tokio::test]
async fn a_run_that_cannot_be_recorded_is_a_gap_and_the_service_says_that_it_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let portal = Portal::bind(([127, 0, 0, 1], 0).into(), PortalState::new(Clock::system())).await.unwrap();
    let entry = portal.url(City::Shifan);
    let settings = format!(
        r#"
[agent]
name     = "test"
timezone = "Asia/Shanghai"
data_dir = "data"
[web]
listen = "127.0.0.1:0"
[[target]]
id    = "city"
name  = "示范市政务服务网"
entry = "{entry}"
class = "test"
[[probe]]
id       = "home"
visit    = {{ within = "2s" }}
targets  = ["city"]
schedule = "*/2 * * * * *"
"#
    );
    std::fs::write(folder.join("probes.toml"), settings).unwrap();
    let mut daemon = Daemon::start(folder);
    let listening = daemon.says("where it listens", |fields| fields["message"] == "listening").await;
    let address = listening["at"].as_str().unwrap().to_owned();
    daemon.ran("home", "pass").await;
    let ready = get(&address, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.ends_with("ready\n"), "{ready}");

    // The database takes no results any more, as a full disk does.
    let database = rusqlite::Connection::open(folder.join("data/shopper.db")).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER full BEFORE UPDATE ON runs WHEN new.state = 'finished'
             BEGIN SELECT raise(ABORT, 'no room'); END",
        )
        .unwrap();
    daemon.says("that a run is not kept", |fields| fields["message"] == "could not keep a run").await;
    let ready = get(&address, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.ends_with(".\n") && ready.contains("no room"), "{ready}");
    let lost = |fields: &Value| fields["message"].as_str().is_some_and(|m| m.starts_with("a run was lost"));
    daemon.says("that a run was lost", lost).await;
    database.execute_batch("DROP TRIGGER full").unwrap();
    daemon.ran("home", "pass").await;
    daemon.signal(Signal::TERM);
    let (status, log) = daemon.ended().await;
    assert_eq!(status.code(), Some(0), "{log:?}");

    // Every slot from the first to the last is there once.
    let slots = |query: &str| -> Vec<i64> {
        let mut found = database.prepare(query).unwrap();
        let rows = found.query_map([], |row| row.get(0)).unwrap();
        rows.map(|slot| slot.unwrap()).collect()
    };
    let lost = slots("SELECT scheduled_at FROM gaps WHERE reason = 'not_recorded'");
    assert_eq!(lost.len(), 1, "{log:?}");
    let all = slots(
        "SELECT scheduled_at FROM runs WHERE state = 'finished' UNION ALL SELECT scheduled_at FROM gaps ORDER BY 1",
    );
    assert!(all.windows(2).all(|pair| pair[1] - pair[0] == 2_000_000), "{all:?}");
    assert!(slots("SELECT scheduled_at FROM runs WHERE state = 'running'").is_empty());
    portal.stop().await;
}
