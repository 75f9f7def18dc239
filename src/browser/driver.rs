//! One driver process (chromedriver, geckodriver) with the browser below it, in a process group, a
//! folder and, where there is one to be had, a control group of its own.
//!
//! Invariant: when a [`Driver`] is gone, however it went, its groups are killed and reaped and its
//! folder removed.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::sync::oneshot;

use crate::clock::{Deadline, Stopwatch};

use super::cgroup::{self, Cgroup};
use super::find::Programs;
use super::port;
use super::{BrowserError, Settings};

/// How long we wait for a killed group to vanish.
const VANISH: Duration = Duration::from_secs(5);

/// How a driver is started.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its name, for people.
    pub name: &'static str,
    /// Its arguments.
    pub args: &'static [&'static str],
    /// Whether its port is chosen so that no page reaches it, and told to it with a secret path.
    pub hidden: bool,
    /// The port in a line of its output.
    pub port_in: fn(&str) -> Option<u16>,
}

/// How chromedriver is started.
pub fn chromedriver(programs: &Programs) -> Launch<'_> {
    Launch { program: &programs.chromedriver, name: "chromedriver", args: &[], hidden: true, port_in }
}

/// A running driver.
#[derive(Debug)]
pub struct Driver {
    port: u16,
    /// The secret path below which it answers, if it has one.
    base: Option<String>,
    group: Option<Group>,
}

/// A process group, its control group and its folder; all are gone when this is dropped.
#[derive(Debug)]
struct Group {
    child: Child,
    cgroup: Option<Cgroup>,
    folder: PathBuf,
}

impl Driver {
    /// Starts a driver: where it is open to any page of loopback, on a port that pages cannot reach.
    pub async fn start(
        launch: Launch<'_>,
        settings: &Settings,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        if !launch.hidden {
            return Self::start_at(None, launch, settings, deadline).await;
        }
        for port in port::choices() {
            match Self::start_at(Some(port), launch, settings, deadline).await {
                // Another took the port meanwhile.
                Err(BrowserError::Missing { .. }) if port != 0 && !port::is_free(port) => {}
                result => return result,
            }
        }
        Err(BrowserError::Busy)
    }

    async fn start_at(
        at: Option<u16>,
        launch: Launch<'_>,
        settings: &Settings,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        let temp = &settings.temp;
        let fault = |reason: String| BrowserError::Missing {
            program: launch.program.display().to_string(),
            reason,
            hint: "run `shopper doctor`".to_owned(),
        };
        let folder = make_folder(temp).map_err(|error| {
            fault(format!("its temporary folder in {} cannot be made: {error}", temp.display()))
        })?;
        // Nobody can guess it: a version 7 UUID has 74 random bits.
        let base = at.map(|_| uuid::Uuid::now_v7().simple().to_string());
        let hidden = at.zip(base.as_ref());
        let hidden = hidden.map(|(port, base)| [format!("--port={port}"), format!("--url-base={base}")]);
        let spawned = Command::new(launch.program)
            .args(launch.args)
            .args(hidden.into_iter().flatten())
            .env("TMPDIR", &folder)
            // Names of files may be Chinese, whatever the service's own locale is.
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &folder)
            .env("XDG_CONFIG_HOME", &folder)
            .env("XDG_CACHE_HOME", &folder)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                let _ = std::fs::remove_dir_all(&folder);
                return Err(fault(error.to_string()));
            }
        };
        let stdout = child.stdout.take();
        let cgroup = cgroup::home(settings.cgroup.as_deref()).and_then(|home| {
            Cgroup::around(child.id(), &home)
                .inspect_err(|error| {
                    tracing::warn!(home = %home.display(), %error, "a browser gets no control group");
                })
                .ok()
        });
        let group = Group { child, cgroup, folder };
        let (say, port) = oneshot::channel();
        let (launch_name, port_in) = (launch.name, launch.port_in);
        // A thread, not a task: it ends with the pipe, that is, with the driver.
        std::thread::Builder::new()
            .name(format!("{}-output", launch.name))
            .spawn(move || {
                let mut say = Some(say);
                for line in
                    stdout.into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok)
                {
                    tracing::debug!(target: "driver", name = launch_name, "{line}");
                    if let Some(port) = port_in(&line)
                        && let Some(say) = say.take()
                    {
                        let _ = say.send(port);
                    }
                }
            })
            .map_err(|error| fault(error.to_string()))?;
        match deadline.limit(port).await {
            Ok(Ok(port)) => {
                if at.is_some() && !port::is_closed_to_pages(port) {
                    tracing::warn!(port, "every port that pages cannot reach is taken");
                }
                Ok(Self { port, base, group: Some(group) })
            }
            Ok(Err(_)) => Err(fault("it ended before it was ready".to_owned())),
            Err(_) => Err(BrowserError::Hung(format!("start of {}", launch.name))),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        match &self.base {
            Some(base) => format!("http://127.0.0.1:{}/{base}/", self.port),
            None => format!("http://127.0.0.1:{}", self.port),
        }
    }

    /// The folder of this driver and its browser.
    pub fn folder(&self) -> &Path {
        self.group.as_ref().map_or(Path::new(""), |group| &group.folder)
    }

    /// The id of the process, which is also that of its group.
    pub fn pid(&self) -> Option<u32> {
        self.group.as_ref().map(|group| group.child.id())
    }

    /// Kills the groups, waits until they are reaped, removes the folder.
    pub async fn end(mut self) {
        if let Some(group) = self.group.take() {
            // Killing takes 2–160 ms; the runtime goes on meanwhile.
            let _ = tokio::task::spawn_blocking(move || drop(group)).await;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let started = Stopwatch::start();
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        if let Some(cgroup) = self.cgroup.take() {
            cgroup.end(started, VANISH);
        }
        // All that is left where there was a control group, and all there is where there was none.
        loop {
            let _ = kill_process_group(pid, Signal::KILL);
            let reaped = matches!(self.child.try_wait(), Ok(Some(_)) | Err(_));
            if reaped && (test_kill_process_group(pid).is_err() || only_zombies(self.child.id())) {
                break;
            }
            if started.elapsed() > VANISH {
                tracing::error!(group = self.child.id(), "processes of a browser outlive SIGKILL");
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // Crash handlers leave the group, and outlive a killed browser by a moment or for good.
        kill_users(&self.folder, started);
        remove(&self.folder, started);
    }
}

/// Kills whatever was given this folder as its own. A browser that was just being started has
/// children a moment later.
fn kill_users(folder: &Path, started: Stopwatch) {
    let mut name = b"TMPDIR=".to_vec();
    name.extend(folder.as_os_str().as_encoded_bytes());
    loop {
        let users: Vec<u32> =
            processes().filter(|pid| has_variable(*pid, &name) && !has_ended(*pid)).collect();
        if users.is_empty() || started.elapsed() > VANISH {
            break;
        }
        for pid in users.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Removes the folder; what a process outside the group (the crash handler) still writes for a
/// moment is removed at the next try.
fn remove(folder: &Path, started: Stopwatch) {
    loop {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => return,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) if started.elapsed() > VANISH => {
                tracing::error!(folder = %folder.display(), %error, "could not remove a browser's folder");
                return;
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Whether what is left of a group has ended and only waits for its parent (init) to notice.
fn only_zombies(group: u32) -> bool {
    members(group).all(|(_, state)| state == 'Z')
}

/// Processes of a group with their states, from `/proc/*/stat`.
pub(super) fn members(group: u32) -> impl Iterator<Item = (u32, char)> {
    processes().filter_map(move |pid| {
        let (state, pgrp) = state_and_group(pid)?;
        (pgrp == group).then_some((pid, state))
    })
}

fn state_and_group(pid: u32) -> Option<(char, u32)> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// State and process group; the name in brackets may itself contain brackets and blanks.
fn parse_stat(stat: &str) -> Option<(char, u32)> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}

/// Whether a process has certainly ended. One that nobody has asked about yet has, too; one that
/// cannot be looked at has not.
fn has_ended(pid: u32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => parse_stat(&stat).is_some_and(|(state, _)| state == 'Z'),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Clears what a process of ours that was killed left in `temp`: browsers that run on, and folders.
/// Folders and control groups carry the id of the process that made them; those of living ones and of
/// other users are left alone. Control groups are looked for below `cgroup`, or our own.
pub fn sweep(temp: &Path, cgroup: Option<&Path>) {
    if let Some(home) = cgroup::home(cgroup) {
        cgroup::sweep(&home, VANISH);
    }
    let folders = std::fs::read_dir(temp).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in folders.filter(|folder| is_orphan(folder)) {
        let started = Stopwatch::start();
        kill_users(&folder, started);
        tracing::info!(folder = %folder.display(), "what a killed process of ours left is cleared away");
        remove(&folder, started);
        // Renderers carry no environment and write for a moment longer than their browser lives.
        std::thread::sleep(Duration::from_millis(50));
        remove(&folder, started);
    }
}

/// Whether a folder was made by a process of ours that has ended.
pub(super) fn is_orphan(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let owner = name.strip_prefix("shopper-").and_then(|rest| rest.split('-').next());
    let is_dead = owner.and_then(|owner| owner.parse::<u32>().ok()).is_some_and(has_ended);
    is_dead
        && std::fs::symlink_metadata(folder)
            .is_ok_and(|data| data.is_dir() && data.uid() == rustix::process::geteuid().as_raw())
}

/// Whether a process was given this variable, or a path below the one in it.
fn has_variable(pid: u32, variable: &[u8]) -> bool {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environ.split(|byte| *byte == 0).any(|entry| {
        entry.strip_prefix(variable).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// A folder for browsers below the system's temporary one, readable by us alone. What killed runs
/// left there is cleared first.
pub fn temp_folder() -> std::io::Result<tempfile::TempDir> {
    let all = std::env::temp_dir();
    sweep(&all, None);
    tempfile::Builder::new().prefix(&format!("shopper-{}-", std::process::id())).tempdir_in(all)
}

fn processes() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn make_folder(temp: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(temp)?;
    let name = format!("shopper-{}-", std::process::id());
    Ok(tempfile::Builder::new().prefix(&name).tempdir_in(temp)?.keep())
}

/// `ChromeDriver was started successfully on port 39067.`
fn port_in(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("ChromeDriver was started successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_drivers_own_words() {
        assert_eq!(port_in("ChromeDriver was started successfully on port 39067."), Some(39067));
        assert_eq!(port_in("Starting ChromeDriver 156 on port 0"), None);
    }

    #[test]
    fn a_process_that_ended_is_told_from_one_that_lives() {
        let mut child = Command::new("true").spawn().unwrap();
        assert!(!has_ended(std::process::id()));
        // Ended, and not yet waited for.
        let watch = Stopwatch::start();
        while !has_ended(child.id()) && watch.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(has_ended(child.id()));
        child.wait().unwrap();
        assert!(has_ended(child.id()));
        assert_eq!(parse_stat("7 (a b) c) S 1 42 42 0"), Some(('S', 42)));
    }

    #[test]
    fn our_own_group_is_found_in_proc() {
        let group = rustix::process::getpgrp().as_raw_nonzero().get().unsigned_abs();
        assert!(members(group).any(|(pid, _)| pid == std::process::id()));
    }
}
