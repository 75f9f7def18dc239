//! Our own vantage is disturbed: the network is gone, or leads nowhere. Whatever a run meets then, it says
//! nothing about the portal.
//!
//! The worlds are network namespaces of their own, made by `unshare`: as root, or where users may make
//! user namespaces.

use std::path::Path;
use std::process::{Command, Output};

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
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("look.toml"), SCENARIO).unwrap();
    let worlds = [
        // Even without canaries: the run itself, or its own name, says that there is no network.
        ("no network at all", GONE, ""),
        ("no network at all, with canaries", GONE, CANARIES),
        ("a network that leads nowhere", NOWHERE, CANARIES),
    ];
    for (name, world, canary) in worlds {
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
}
