//! Our own vantage is disturbed: the network is gone, or leads nowhere. Whatever a run meets then, it says
//! nothing about the portal.
//!
//! Browsers that do not start are ours, too: said with what to do, tried again later, seen from outside.
//!
//! The worlds are network namespaces of their own, made by `unshare`: as root, or where users may make
//! user namespaces.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// No interface but loopback.
const GONE: &str = "ip link set lo up";

/// A way out that swallows every packet.
const NOWHERE: &str = "ip link set lo up && ip link add near type veth peer name far \
    && ip addr add 192.0.2.2/24 dev near && ip link set near up && ip link set far up \
    && ip route add default via 192.0.2.1 && ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev near";

const SCENARIO: &str = r#"
id = "look"
title = "看一看"
[[step]]
name = "打开首页"
stage = "find"
do = [{ goto = "{entry}" }]
expect = [{ text = "办事指南" }]
within = "6s"
"#;

/// The portals stand elsewhere, by their names; nobody here can reach them.
fn settings(canary: &str) -> String {
    format!(
        r#"
[agent]
name     = "test"
contact  = "mailto:test@example.org"
data_dir = "data"
{canary}
[[target]]
id       = "by-name"
name     = "某市"
entry    = "http://zwfw.portal.example/"
class    = "test"
[[target]]
id       = "by-address"
name     = "某县"
entry    = "http://198.51.100.7/"
class    = "test"
[[probe]]
id       = "home"
visit    = {{ within = "3s" }}
targets  = ["*"]
schedule = "0 * * * *"
[[probe]]
id       = "walk"
scenario = "look.toml"
targets  = ["*"]
schedule = "0 * * * *"
"#
    )
}

const CANARIES: &str = "[canary]\nnames = [\"www.example.org\"]\nsites = [\"http://203.0.113.9/\"]\n";

/// Runs a shell line in a network namespace of its own.
fn apart(folder: &Path, line: &str) -> Output {
    let flags = if rustix::process::geteuid().is_root() { "--net" } else { "--user --map-root-user --net" };
    Command::new("unshare")
        .args(flags.split(' '))
        .args(["sh", "-c", line])
        .current_dir(folder)
        .env_remove("SHOPPER_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .output()
        .unwrap()
}

/// The run of a probe on a target in a world, and the exit code.
fn run(folder: &Path, world: &str, probe: &str, target: &str) -> (Value, Option<i32>) {
    let shopper = assert_cmd::cargo::cargo_bin("shopper");
    let line =
        format!("{world} && exec {} run --probe {probe} --target {target} --format json", shopper.display());
    let output = apart(folder, &line);
    let said = String::from_utf8_lossy(&output.stdout);
    let run = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}\n{}", String::from_utf8_lossy(&output.stderr)));
    (run, output.status.code())
}

#[test]
fn no_portal_is_blamed_while_we_cannot_see() {
    let worlds = [
        // Even without canaries: the run itself, or its own name, says that there is no network.
        ("no network at all", GONE, ""),
        ("no network at all, with canaries", GONE, CANARIES),
        ("a network that leads nowhere", NOWHERE, CANARIES),
    ];
    // They wait most of the time.
    std::thread::scope(|scope| {
        for (name, world, canary) in worlds {
            scope.spawn(move || every_run_spares_the_portal(name, world, canary));
        }
    });
}

fn every_run_spares_the_portal(name: &str, world: &str, canary: &str) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("look.toml"), SCENARIO).unwrap();
    std::fs::write(folder.join("probes.toml"), settings(canary)).unwrap();
    for (probe, target) in
        [("home", "by-name"), ("home", "by-address"), ("walk", "by-name"), ("walk", "by-address")]
    {
        let (run, code) = run(folder, world, probe, target);
        let context = format!("{name}, {probe} on {target}: {}", run["reason"]);
        assert_eq!((run["verdict"].as_str(), code), (Some("inconclusive"), Some(3)), "{context}");
        let canaries = run["canaries"].as_array().cloned().unwrap_or_default();
        let at_fault = canaries.iter().filter(|fact| !fact["fault"].is_null()).count();
        assert!(at_fault > 0, "{context}: {canaries:?}");
        // The browser itself is well, and is not what is complained of.
        let browser = canaries.iter().find(|fact| fact["canary"] == "browser");
        assert_eq!(browser.is_some(), probe == "walk", "{context}: {canaries:?}");
        assert!(browser.is_none_or(|fact| fact["fault"].is_null()), "{context}: {canaries:?}");
    }
}

/// A daemon with one walk every second, and what it logs. It is killed at the end at the latest.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_driver_of_another_version_blames_no_portal_and_is_seen_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let driver = folder.join("chromedriver");
    std::fs::write(&driver, "#!/bin/sh\necho $$ >> asked\necho ChromeDriver 99.0.4844.51\n").unwrap();
    std::fs::set_permissions(&driver, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.join("look.toml"), SCENARIO).unwrap();
    let settings = r#"
[agent]
name     = "test"
data_dir = "data"
[browser]
chromedriver = "chromedriver"
[web]
listen = "127.0.0.1:0"
[[target]]
id    = "here"
name  = "某市"
entry = "http://127.0.0.1:9/"
class = "test"
[[probe]]
id       = "walk"
scenario = "look.toml"
targets  = ["*"]
schedule = "* * * * * *"
"#;
    std::fs::write(folder.join("probes.toml"), settings).unwrap();
    let shopper = |args: &[&str]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("shopper"));
        command.args(args).current_dir(folder).env_remove("SHOPPER_CONFIG").env_remove("STATE_DIRECTORY");
        command.env_remove("NOTIFY_SOCKET").env_remove("SHOPPER_LOG");
        command
    };
    let mut child =
        shopper(&["daemon", "--log", "json"]).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let daemon = Daemon(child);
    let mut log = log.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let listening = log.find(|line| line["fields"]["message"] == "listening").unwrap();
    let address = listening["fields"]["at"].as_str().unwrap().to_owned();
    let ended = |line: &Value| line["fields"]["message"] == "run ended";
    // The first meets it, the others hear of it while it is left alone.
    for _ in 0..4 {
        let run = log.find(ended).unwrap();
        assert_eq!(run["fields"]["verdict"], "inconclusive", "{run}");
        let reason = run["fields"]["reason"].as_str().unwrap();
        assert!(reason.contains("99.0.4844.51") && reason.contains("install the same version"), "{reason}");
    }
    let ready = get(&address, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("99.0.4844.51"), "{ready}");
    let said = |args: &[&str]| String::from_utf8(shopper(args).output().unwrap().stdout).unwrap();
    let status = said(&["status"]);
    assert!(status.contains("99.0.4844.51"), "{status}");
    assert_eq!(said(&["incidents", "--format", "json"]).trim(), "[]");
    rustix::process::kill_process(rustix::process::Pid::from_child(&daemon.0), rustix::process::Signal::TERM)
        .unwrap();
    // A walk tries twice, and most find that it is left alone: the program is asked fewer times.
    let walks = 4 + log.filter(ended).count();
    let asked = std::fs::read_to_string(folder.join("asked")).unwrap().lines().count();
    assert!(asked < 2 * walks, "asked {asked} times for {walks} walks");
}
