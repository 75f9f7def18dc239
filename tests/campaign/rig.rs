//! What every test of the campaign needs: the program as a daemon in a folder of its own, the portal
//! and the mail server that it meets, and a way to ask what became of every slot.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mail_parser::MessageParser;
use mystery_shopper::clock::Clock;
use mystery_shopper::demo::sink::{Behaviour, Received, Sink};
use mystery_shopper::demo::{City, Portal, PortalState};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// The longest that anything may take. Everything is awaited, so a good run is far quicker.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A walk that any page of the demo's Linhai passes.
pub const SCENARIO: &str = r#"
id = "look"
title = "看一看"
deadline = "20s"
[[step]]
name = "打开首页"
stage = "find"
do = [{ goto = "{entry}" }]
expect = [{ text = "事项清单" }]
within = "15s"
"#;

/// The program under test.
pub fn program() -> PathBuf {
    std::env::var_os("SHOPPER_UNDER_TEST")
        .map_or_else(|| assert_cmd::cargo::cargo_bin("shopper"), PathBuf::from)
}

/// Runs the named test once more in a network and mounts of its own, and answers whether this *is*
/// that second time. The first time it only watches that the second one passes.
pub fn alone(test: &str) -> bool {
    const MARK: &str = "CAMPAIGN_ALONE";
    if std::env::var(MARK).is_ok_and(|name| name == test) {
        let up = std::process::Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap();
        assert!(up.success(), "the loopback of the new network does not come up");
        return true;
    }
    let mut unshare = std::process::Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let output = unshare
        .args(["--net", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MARK, test)
        .output()
        .expect("unshare (Debian package util-linux)");
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "the test `{test}` was not found:\n{told}");
    false
}

/// Runs a program of the machine that has to succeed.
pub fn must(program: &str, args: &[&str]) {
    let output = std::process::Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed (script/bootstrap installs it): {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with a configuration, a portal and a mail server.
pub struct Rig {
    folder: TempDir,
    pub portal: Portal,
    pub sink: Sink,
    pub inbox: UnboundedReceiver<Received>,
}

impl Rig {
    /// A rig whose daemon visits Shifan's home page every two seconds.
    pub async fn visiting() -> Self {
        let rig = Self::bare().await;
        rig.configure(&rig.settings(&rig.sink.address().to_string(), &[Rig::visit()]));
        rig
    }

    /// Besides it walks through Linhai.
    pub async fn walking() -> Self {
        let rig = Self::bare().await;
        rig.configure(&rig.settings(&rig.sink.address().to_string(), &[Rig::visit(), Self::walk()]));
        rig
    }

    /// A rig without a configuration.
    pub async fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let portal =
            Portal::bind(([127, 0, 0, 1], 0).into(), PortalState::new(Clock::system())).await.unwrap();
        let (sink, inbox) = Sink::start(&folder.path().join("mails"), Behaviour::default()).await.unwrap();
        std::fs::write(folder.path().join("look.toml"), SCENARIO).unwrap();
        Self { folder, portal, sink, inbox }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The probe that visits.
    pub fn visit() -> String {
        "[[probe]]\nid = \"home\"\nvisit = { within = \"5s\" }\ntargets = [\"shifan\"]\nschedule = \"*/2 * * * * *\"\n"
            .to_owned()
    }

    /// The probe that walks.
    pub fn walk() -> String {
        "[[probe]]\nid = \"walk\"\nscenario = \"look.toml\"\ntargets = [\"linhai\"]\nschedule = \"*/3 * * * * *\"\n"
            .to_owned()
    }

    /// A configuration with these probes.
    pub fn settings(&self, smtp: &str, probes: &[String]) -> String {
        let (shifan, linhai) = (self.portal.url(City::Shifan), self.portal.url(City::Linhai));
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
to = ["oncall@test.example", "second@test.example"]
[[target]]
id    = "shifan"
name  = "示范市政务服务网"
entry = "{shifan}"
class = "test"
[[target]]
id    = "linhai"
name  = "临海市网上办事大厅"
entry = "{linhai}"
class = "test"
{}"#,
            probes.concat()
        )
    }

    pub fn configure(&self, settings: &str) {
        std::fs::write(self.folder().join("probes.toml"), settings).unwrap();
    }

    pub fn start(&self) -> Daemon {
        self.start_with(&[], &[])
    }

    /// Starts the daemon below another program, with further variables.
    pub fn start_with(&self, before: &[&str], variables: &[(&str, OsString)]) -> Daemon {
        Daemon::start(self.folder(), before, variables)
    }

    /// Runs a command to its end.
    pub async fn shopper(&self, args: &[&str]) -> Told {
        let output = command(self.folder(), &[]).args(args).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Told { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The next mail.
    pub async fn mail(&mut self) -> Received {
        timeout(PATIENCE, self.inbox.recv()).await.expect("a mail").unwrap()
    }

    /// The records as they are.
    pub fn records(&self) -> Records {
        Records::of(&self.folder().join("data"))
    }

    /// Nothing of the records is damaged, doubled or lost, whatever was done to the daemon.
    pub async fn is_sound(&self) {
        let records = self.records();
        records.are_whole();
        let told = self.shopper(&["verify"]).await;
        assert_eq!(told.code, Some(0), "{told:?}");
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

fn command(folder: &Path, before: &[&str]) -> Command {
    let mut command = match before {
        [] => Command::new(program()),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program());
            command
        }
    };
    for name in ["SHOPPER_CONFIG", "STATE_DIRECTORY", "NOTIFY_SOCKET", "SHOPPER_LOG", "CAMPAIGN_ALONE"] {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A daemon and its log.
pub struct Daemon {
    child: Child,
    log: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
    pub heard: Vec<String>,
}

impl Daemon {
    fn start(folder: &Path, before: &[&str], variables: &[(&str, OsString)]) -> Self {
        let mut child = command(folder, before)
            .args(["daemon", "--log", "json"])
            // `run recorded` is what the daemon vouches for.
            .env("SHOPPER_LOG", "mystery_shopper=debug")
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log, heard: Vec::new() }
    }

    /// The process that was started: the daemon, or the program before it.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub fn signal(&self, which: Signal) {
        signal(self.pid(), which);
    }

    /// The fields of the next line of the log that fits.
    pub async fn says(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
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

    /// A line whose message contains this.
    pub async fn mentions(&mut self, words: &str) -> Value {
        self.says(words, |fields| fields["message"].as_str().is_some_and(|m| m.contains(words))).await
    }

    pub async fn is_ready(&mut self) {
        self.says("that it is ready", |fields| fields["message"] == "ready").await;
    }

    /// Where it listens; asked before it says that it is ready.
    pub async fn listens(&mut self) -> String {
        let at = self.says("where it listens", |fields| fields["message"] == "listening").await;
        at["at"].as_str().unwrap().to_owned()
    }

    /// The next run of a probe with this verdict.
    pub async fn ran(&mut self, probe: &str, verdict: &str) -> Value {
        let fits = |fields: &Value| {
            fields["message"] == "run ended" && fields["probe"] == probe && fields["verdict"] == verdict
        };
        self.says(&format!("that {probe} ended as {verdict}"), fits).await
    }

    /// The next run of a probe that is recorded, whatever its verdict.
    pub async fn recorded(&mut self, probe: &str) -> Value {
        let fits = |fields: &Value| fields["message"] == "run recorded" && fields["probe"] == probe;
        self.says(&format!("that a run of {probe} is recorded"), fits).await
    }

    /// Waits for the end, and reads what is left of the log.
    pub async fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("an end").unwrap();
        while let Ok(Ok(Some(line))) = timeout(Duration::from_secs(1), self.log.next_line()).await {
            self.heard.push(line);
        }
        (status, self.heard)
    }

    /// Asks it to stop, which it does in time, well, and leaving no process behind.
    pub async fn stops(self) -> Vec<String> {
        let family = descendants(self.pid());
        self.signal(Signal::TERM);
        let (status, log) = self.ended().await;
        assert_eq!(status.code(), Some(0), "{}", log.join("\n"));
        assert_eq!(living(&family), Vec::<String>::new());
        log
    }

    /// Kills it as a power cut would; what it vouched for until then.
    pub async fn killed(self) -> BTreeSet<String> {
        self.signal(Signal::KILL);
        let (_, log) = self.ended().await;
        vouched(&log)
    }
}

/// The runs that a log says are recorded.
pub fn vouched(log: &[String]) -> BTreeSet<String> {
    log.iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|entry| entry["fields"]["message"] == "run recorded")
        .filter_map(|entry| entry["fields"]["run"].as_str().map(str::to_owned))
        .collect()
}

pub fn signal(pid: u32, which: Signal) {
    // One that has just ended by itself is as well.
    let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), which);
}

/// Everything below a process, with its command lines.
pub fn descendants(of: u32) -> Vec<(u32, String)> {
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

/// Those of these processes that live.
pub fn living(family: &[(u32, String)]) -> Vec<String> {
    let lives = family.iter().filter(|(pid, line)| command_line(*pid).as_ref() == Some(line));
    lives.map(|(pid, line)| format!("{pid} {line}")).collect()
}

/// Message-ID, In-Reply-To and subject.
pub fn head(mail: &Received) -> (String, Option<String>, String) {
    let message = MessageParser::new().parse(&mail.raw).unwrap();
    (
        message.message_id().unwrap().to_owned(),
        message.in_reply_to().as_text().map(str::to_owned),
        message.subject().unwrap().to_owned(),
    )
}

/// Sends a request as it is written; the whole answer.
pub async fn ask(address: &str, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

pub async fn get(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")).await
}

/// The database, read beside the daemon or after it.
pub struct Records(rusqlite::Connection);

impl Records {
    pub fn of(data: &Path) -> Self {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = rusqlite::Connection::open_with_flags(data.join("shopper.db"), flags).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        Self(connection)
    }

    /// The first column of a question, as texts.
    pub fn texts(&self, question: &str) -> Vec<String> {
        let mut found = self.0.prepare(question).unwrap();
        let rows = found.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        let text = |value| match value {
            rusqlite::types::Value::Text(text) => text,
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        rows.map(|value| text(value.unwrap())).collect()
    }

    pub fn number(&self, question: &str) -> i64 {
        self.0.query_row(question, [], |row| row.get(0)).unwrap()
    }

    /// The promises that hold at any time: the file is sound, an incident is opened and told once, no
    /// slot is there twice, and no time is negative.
    pub fn are_whole(&self) {
        assert_eq!(self.texts("PRAGMA integrity_check"), ["ok"]);
        assert_eq!(self.texts("PRAGMA foreign_key_check"), Vec::<String>::new());
        let twice = "SELECT probe || target FROM incidents WHERE closed_at IS NULL AND scope = 'pair'
             GROUP BY probe, target HAVING count(*) > 1";
        assert_eq!(self.texts(twice), Vec::<String>::new(), "two open incidents of one probe");
        let told = "SELECT incident FROM notices WHERE kind IN ('opened', 'resolved')
             GROUP BY incident, kind HAVING count(*) > 1";
        assert_eq!(self.texts(told), Vec::<String>::new(), "an incident told twice");
        let untold =
            "SELECT id FROM incidents WHERE closed_at IS NOT NULL AND told_at IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM notices WHERE incident = incidents.id AND kind = 'resolved')";
        assert_eq!(self.texts(untold), Vec::<String>::new(), "a recovery that nobody was told");
        let slots = "SELECT probe || ' ' || scheduled_at FROM
             (SELECT probe, target, scheduled_at FROM runs WHERE cause = 'schedule'
              UNION ALL SELECT probe, target, scheduled_at FROM gaps
                 WHERE reason NOT IN ('interrupted', 'not_recorded'))
             GROUP BY probe, target, scheduled_at HAVING count(*) > 1";
        assert_eq!(self.texts(slots), Vec::<String>::new(), "a slot that is there twice");
        let negative = "SELECT id FROM runs WHERE elapsed_ms < 0";
        assert_eq!(self.texts(negative), Vec::<String>::new(), "a negative time");
    }

    /// These runs are all there, and ended.
    pub fn hold(&self, runs: &BTreeSet<String>) {
        let there: BTreeSet<String> =
            self.texts("SELECT id FROM runs WHERE state = 'finished'").into_iter().collect();
        let lost: Vec<_> = runs.difference(&there).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }

    /// The slots of a probe that ended as a run or a gap, in order, each once: microseconds.
    pub fn slots(&self, probe: &str) -> Vec<i64> {
        let question = format!(
            "SELECT scheduled_at FROM runs WHERE probe = '{probe}' AND cause = 'schedule' AND state <> 'running'
             UNION SELECT scheduled_at FROM gaps WHERE probe = '{probe}' ORDER BY 1"
        );
        let mut found = self.0.prepare(&question).unwrap();
        let rows = found.query_map([], |row| row.get(0)).unwrap();
        rows.map(|slot| slot.unwrap()).collect()
    }

    /// Every slot of a probe from its first to its last is there.
    pub fn leave_no_slot_out(&self, probe: &str, every: Duration) {
        let slots = self.slots(probe);
        let every = i64::try_from(every.as_micros()).unwrap();
        let holes: Vec<_> = slots.windows(2).filter(|pair| pair[1] - pair[0] != every).collect();
        assert!(holes.is_empty() && slots.len() > 1, "{holes:?} among {} slots", slots.len());
    }
}
