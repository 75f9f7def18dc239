//! The daemon walks a portal under the unit's own settings, with Chromium's sandbox on.
//!
//! systemd need not be there as the first process: what it would set is set here, from the lines of the
//! unit: the user, no capabilities, `no_new_privs`, the system call filters, a read-only system, a /tmp,
//! /dev and /proc of its own, no homes. An ordinary user cannot change users or mounts; there the filters
//! alone are proven, which is what Chromium's sandbox could break on.
//!
//! Not reproduced: `Delegate=` with its memory and process limits (`tests/browser/cgroup.rs` has those)
//! and `IPAddressDeny=`, which needs a control group of systemd's.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mystery_shopper::clock::Clock;
use mystery_shopper::demo::{City, Portal, PortalState};
use serde_json::Value;

use crate::filter::filters;
use crate::{UNIT, settings, values};

/// The daemon's user here: a number that nobody has.
const USER: u32 = 61_471;

/// Where the world of the daemon stands: every system has this folder, and it is empty.
const WORLD: &str = "/mnt";

/// In the second process: the command to run behind the filters.
const COMMAND: &str = "SHOPPER_TEST_CONFINED";

fn of_service(key: &str) -> Vec<String> {
    values(&settings(UNIT), "Service", key).into_iter().map(str::to_owned).collect()
}

/// Runs twice: here, where there is nothing to do, and in the process that the next test starts, which
/// puts itself behind the filters and becomes the daemon.
#[test]
fn a_process_behind_the_filters_becomes_the_daemon() {
    let Some(command) = std::env::var_os(COMMAND) else { return };
    for (setting, filter) in filters(of_service) {
        seccompiler::apply_filter(&filter).unwrap_or_else(|error| panic!("{setting}: {error}"));
    }
    let error = Command::new(command).args(["daemon", "--log", "json"]).env_remove(COMMAND).exec();
    panic!("the daemon was not started: {error}");
}

/// The world of the unit, made by root in a mount namespace of its own. The last line becomes another
/// user for good.
fn world() -> String {
    let yes = |key: &str| assert_eq!(of_service(key), ["yes"], "{key}");
    for key in ["NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables"] {
        yes(key);
    }
    assert_eq!(of_service("ProtectSystem"), ["strict"]);
    assert_eq!(of_service("ProtectProc"), ["invisible"]);
    assert_eq!(of_service("CapabilityBoundingSet"), [""]);
    let umask = of_service("UMask").remove(0);
    let files = of_service("LimitNOFILE").remove(0);
    format!(
        r#"set -e
mount -t tmpfs -o mode=755 world {WORLD}
cd {WORLD}
mkdir -m 700 state cache; mkdir -m 750 etc; mkdir -m 755 bin dev manager
# Where the manager listens, as /run/systemd is for a unit.
mount --bind "$FOLDER" manager
cp "$SHOPPER" bin/shopper; cp "$CONFINED" bin/confined
cp "$FOLDER"/probes.toml "$FOLDER"/look.toml etc/
chmod 640 etc/*; chgrp -R {USER} etc; chown {USER}:{USER} state cache
sed "\$a mystery-shopper:x:{USER}:{USER}::/nonexistent:/usr/sbin/nologin" /etc/passwd > bin/passwd
mount --bind bin/passwd /etc/passwd
for device in null zero full random urandom tty; do : > dev/$device; mount --bind /dev/$device dev/$device; done
mkdir -m 1777 dev/shm; mount -t tmpfs -o mode=1777 shm dev/shm
ln -s /proc/self/fd dev/fd
mount --rbind dev /dev
# Every file system read-only but these; those that are read-only already say so.
awk '{{ print $5 }}' /proc/self/mountinfo | grep -vE '^(/proc|/dev|/sys|{WORLD}|/etc/passwd)(/|$)' | while read -r at; do
  mount -o remount,bind,ro "$at" 2>/dev/null || true
done
test ! -w /usr -o "$(findmnt -no OPTIONS -T /usr | cut -d, -f1)" = ro
mount -t tmpfs -o mode=1777 tmp /tmp; mount -t tmpfs -o mode=1777 tmp /var/tmp
for home in /home /root /run/user; do test ! -d $home || mount -t tmpfs -o mode=000,ro home $home; done
mount -t proc -o hidepid=invisible proc /proc
mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys
hostname shopper-sandbox 2>/dev/null || true
ulimit -n {files}; ulimit -c 0; umask {umask}
cd {WORLD}/state
exec env -i PATH=/usr/bin:/bin HOME={WORLD}/cache STATE_DIRECTORY={WORLD}/state CACHE_DIRECTORY={WORLD}/cache \
  SHOPPER_CONFIG={WORLD}/etc/probes.toml RUST_BACKTRACE=1 {COMMAND}={WORLD}/bin/shopper \
  NOTIFY_SOCKET={WORLD}/manager/notify WATCHDOG_USEC=60000000 \
  setpriv --reuid={USER} --regid={USER} --clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs \
  {WORLD}/bin/confined --exact sandbox::a_process_behind_the_filters_becomes_the_daemon --nocapture --test-threads=1
"#
    )
}

/// The same for an ordinary user: the filters, and no new privileges.
fn filters_alone() -> String {
    format!(
        r#"set -e
mkdir -p "$FOLDER"/state
exec env {COMMAND}="$SHOPPER" STATE_DIRECTORY="$FOLDER"/state SHOPPER_CONFIG="$FOLDER"/probes.toml \
  WATCHDOG_USEC=60000000 setpriv --no-new-privs "$CONFINED" \
  --exact sandbox::a_process_behind_the_filters_becomes_the_daemon --nocapture --test-threads=1
"#
    )
}

/// The daemon, ended with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `/proc/PID/status` says of a process.
fn status(pid: u32, key: &str) -> String {
    status_of(pid, key).unwrap_or_default()
}

fn namespace(pid: u32, kind: &str) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap()
}

/// Every process below this one with its command line.
fn family(of: u32) -> Vec<(u32, String)> {
    let parent = |pid: u32| -> Option<u32> { status_of(pid, "PPid")?.parse().ok() };
    let all: Vec<u32> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    let mut family = vec![of];
    let mut next = 0;
    while let Some(&above) = family.get(next) {
        family.extend(all.iter().copied().filter(|pid| parent(*pid) == Some(above)));
        next += 1;
    }
    let line = |pid: u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    };
    family.into_iter().skip(1).filter_map(line).collect()
}

fn status_of(pid: u32, key: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?.trim().to_owned())
}

fn portal_settings(portal: &Portal) -> String {
    format!(
        r#"
[agent]
name = "sandbox"
[[target]]
id    = "city"
name  = "临海市网上办事大厅"
entry = "{}"
class = "test"
[[probe]]
id       = "walk"
scenario = "look.toml"
targets  = ["*"]
schedule = "*/2 * * * * *"
"#,
        portal.url(City::Linhai)
    )
}

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

fn start(folder: &Path, socket: &Path) -> Daemon {
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if root { "unshare" } else { "sh" });
    if root {
        command.args(["--mount", "--uts", "--ipc", "--propagation", "private", "sh"]);
    }
    let script = if root { world() } else { filters_alone() };
    let shopper = std::env::var_os("SHOPPER_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_shopper").into());
    let child = command
        .args(["-c", &script])
        .env("SHOPPER", shopper)
        .env("CONFINED", std::env::current_exe().unwrap())
        .env("FOLDER", folder)
        .env("NOTIFY_SOCKET", socket)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Daemon(child)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_walks_under_the_units_settings_with_chromiums_sandbox_on() {
    let folder = tempfile::tempdir().unwrap();
    let portal = Portal::bind(([127, 0, 0, 1], 0).into(), PortalState::new(Clock::system())).await.unwrap();
    std::fs::write(folder.path().join("probes.toml"), portal_settings(&portal)).unwrap();
    std::fs::write(folder.path().join("look.toml"), SCENARIO).unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    for path in [folder.path(), socket.as_path()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut daemon = start(folder.path(), &socket);
    let log = BufReader::new(daemon.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut heard = Vec::new();
    let walked = log
        .inspect(|line| heard.push(line.clone()))
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .find(|line| line["fields"]["message"] == "run ended");
    let Some(walked) = walked else { panic!("the daemon ended:\n{}", heard.join("\n")) };
    assert_eq!(walked["fields"]["verdict"], "pass", "{}", heard.join("\n"));

    // It told its manager so, through the filters.
    let mut told = [0_u8; 4096];
    let length = manager.recv(&mut told).unwrap();
    assert!(String::from_utf8_lossy(&told[..length]).contains("READY=1"));

    // A container may have put filters of its own around us already.
    let count = |pid: u32| status(pid, "Seccomp_filters").parse::<usize>().unwrap();
    let ours = count(std::process::id()) + filters(of_service).len();

    // The daemon itself: nobody, with nothing, behind filters.
    let pid = daemon.0.id();
    if rustix::process::geteuid().is_root() {
        assert_eq!(status(pid, "Uid").split_whitespace().next(), Some(USER.to_string().as_str()));
        assert_eq!(status(pid, "CapBnd"), "0000000000000000");
    }
    assert_eq!(
        (status(pid, "CapEff").as_str(), status(pid, "NoNewPrivs").as_str()),
        ("0000000000000000", "1")
    );
    assert_eq!((status(pid, "Seccomp").as_str(), count(pid)), ("2", ours));
    let browser = family(pid);
    assert!(!browser.iter().any(|(_, line)| line.contains("--no-sandbox")), "{browser:?}");

    // Its pages: in namespaces of their own, behind a filter of Chromium's own besides the unit's.
    let renderers: Vec<u32> =
        browser.iter().filter(|(_, line)| line.contains("--type=renderer")).map(|(pid, _)| *pid).collect();
    assert!(!renderers.is_empty(), "{browser:?}");
    for renderer in renderers {
        for kind in ["user", "pid", "net"] {
            assert_ne!(namespace(renderer, kind), namespace(pid, kind), "{kind}");
        }
        assert!(count(renderer) > ours, "{} and {ours}", count(renderer));
        assert_eq!(status(renderer, "Seccomp"), "2");
    }

    // And it ends as systemd ends it.
    rustix::process::kill_process(rustix::process::Pid::from_child(&daemon.0), rustix::process::Signal::TERM)
        .unwrap();
    assert!(daemon.0.wait().unwrap().success());
    // What the first process has not yet noticed has ended all the same.
    let lives = |pid: u32| status_of(pid, "State").is_some_and(|state| !state.starts_with('Z'));
    let left: Vec<_> = browser.iter().filter(|(pid, _)| lives(*pid)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    portal.stop().await;
}
