//! The unit keeps the daemon in, and still lets Chromium's own sandbox work.
//!
//! The file itself is read in every run; where systemd is installed its own judgement is asked
//! as well.

#[path = "systemd/filter.rs"]
mod filter;
#[path = "systemd/sandbox.rs"]
mod sandbox;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const UNIT: &str = include_str!("../systemd/mystery-shopper.service");

/// `systemd-analyze security` counts in tenths; lower is better.
const EXPOSURE: u32 = 25;

/// Section, key and value of every line, continued lines not used in our unit.
fn settings(unit: &str) -> Vec<(&str, &str, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for line in unit.lines().map(str::trim) {
        assert!(!line.ends_with('\\'), "continued lines are not read here: {line}");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            found.push((section, key, value));
        }
    }
    found
}

fn values<'a>(settings: &[(&str, &str, &'a str)], section: &str, key: &str) -> Vec<&'a str> {
    settings.iter().filter(|(s, k, _)| *s == section && *k == key).map(|(_, _, value)| *value).collect()
}

#[test]
fn the_unit_has_every_setting_that_it_needs() {
    let settings = settings(UNIT);
    let wanted: &[(&str, &str, &[&str])] = &[
        ("Unit", "StartLimitIntervalSec", &["10min"]),
        ("Unit", "StartLimitBurst", &["5"]),
        ("Service", "Type", &["notify"]),
        ("Service", "WatchdogSec", &["60s"]),
        ("Service", "Restart", &["always"]),
        ("Service", "KillMode", &["mixed"]),
        ("Service", "TimeoutStopSec", &["45s"]),
        ("Service", "ExecReload", &["/bin/kill -HUP $MAINPID"]),
        ("Service", "User", &["mystery-shopper"]),
        ("Service", "UMask", &["0077"]),
        ("Service", "StateDirectory", &["mystery-shopper"]),
        ("Service", "CacheDirectory", &["mystery-shopper"]),
        ("Service", "LoadCredential", &["smtp-password"]),
        ("Service", "Delegate", &["cpu memory pids"]),
        ("Service", "NoNewPrivileges", &["yes"]),
        ("Service", "CapabilityBoundingSet", &[""]),
        ("Service", "ProtectSystem", &["strict"]),
        ("Service", "ProtectHome", &["yes"]),
        ("Service", "PrivateTmp", &["yes"]),
        ("Service", "PrivateDevices", &["yes"]),
        ("Service", "ProtectKernelTunables", &["yes"]),
        ("Service", "ProtectKernelModules", &["yes"]),
        ("Service", "ProtectKernelLogs", &["yes"]),
        ("Service", "ProtectClock", &["yes"]),
        ("Service", "ProtectHostname", &["yes"]),
        ("Service", "ProtectProc", &["invisible"]),
        ("Service", "LockPersonality", &["yes"]),
        ("Service", "RestrictRealtime", &["yes"]),
        ("Service", "RestrictSUIDSGID", &["yes"]),
        ("Service", "KeyringMode", &["private"]),
        ("Service", "RestrictNamespaces", &["user pid net"]),
        ("Service", "RestrictAddressFamilies", &["AF_UNIX AF_INET AF_INET6 AF_NETLINK"]),
        ("Service", "SystemCallArchitectures", &["native"]),
        ("Service", "SystemCallFilter", &["@system-service", "~@privileged @resources", "chroot capset"]),
        ("Service", "SystemCallErrorNumber", &["EPERM"]),
        ("Service", "IPAddressDeny", &["169.254.0.0/16 fe80::/10"]),
        ("Install", "WantedBy", &["multi-user.target"]),
    ];
    for (section, key, want) in wanted {
        assert_eq!(values(&settings, section, key), *want, "[{section}] {key}");
    }
    for key in ["MemoryHigh", "MemoryMax", "TasksMax", "ExecStart"] {
        assert_eq!(values(&settings, "Service", key).len(), 1, "[Service] {key}");
    }
    // Each of these breaks the browser or its sandbox.
    for key in ["MemoryDenyWriteExecute", "ProcSubset", "ProtectControlGroups"] {
        assert!(values(&settings, "Service", key).is_empty(), "[Service] {key} must not be set");
    }
}

#[test]
fn every_file_means_the_same_user_and_folders() {
    let sysusers = include_str!("../systemd/sysusers.d/mystery-shopper.conf");
    let tmpfiles = include_str!("../systemd/tmpfiles.d/mystery-shopper.conf");
    assert!(sysusers.lines().any(|line| line.starts_with("u mystery-shopper ")), "{sysusers}");
    assert!(
        tmpfiles.lines().any(|line| line.starts_with("d /etc/mystery-shopper 0750 root mystery-shopper"))
    );
    let settings = settings(UNIT);
    let start = values(&settings, "Service", "ExecStart");
    assert_eq!(start, ["shopper --config /etc/mystery-shopper/probes.toml daemon"]);
}

#[test]
fn the_daemon_has_stopped_before_systemd_loses_patience() {
    let settings = settings(UNIT);
    let seconds = |key| values(&settings, "Service", key)[0].trim_end_matches('s').parse().unwrap();
    let limits = mystery_shopper::scheduler::Limits::default();
    let all = limits.drain + limits.clean_up + mystery_shopper::app::ENDING;
    // The rest is for closing the store and for a busy machine.
    assert!(all + Duration::from_secs(2) < Duration::from_secs(seconds("TimeoutStopSec")), "{all:?}");
}

/// Runs `systemd-analyze`; [`None`] where systemd is not installed.
fn analyze(arguments: &[&str], unit: &Path) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).arg(unit).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("systemd-analyze is not installed: only the file itself was checked");
            None
        }
        Err(error) => panic!("systemd-analyze: {error}"),
    }
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn systemd_itself_accepts_the_unit() {
    // Verification wants the program to be there: the one that was just built stands in.
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("mystery-shopper.service");
    let here = UNIT.replace("ExecStart=shopper", concat!("ExecStart=", env!("CARGO_BIN_EXE_shopper")));
    assert_ne!(here, UNIT);
    std::fs::write(&unit, here).unwrap();
    if let Some(output) = analyze(&["verify", "--recursive-errors=no", "--man=no"], &unit) {
        assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
    }
    let threshold = format!("--threshold={EXPOSURE}");
    if let Some(output) = analyze(&["security", "--offline=true", &threshold], &unit) {
        assert!(output.status.success(), "{}", said(&output));
    }
    // The test can fail: without the system call filter the exposure is too high.
    let open: Vec<&str> = UNIT.lines().filter(|line| !line.starts_with("SystemCall")).collect();
    std::fs::write(&unit, open.join("\n")).unwrap();
    if let Some(output) = analyze(&["security", "--offline=true", &threshold], &unit) {
        assert!(!output.status.success(), "{}", said(&output));
    }
}
