//! Control groups (cgroup v2): where ours was delegated to us, each driver and its browser stand in
//! one of their own below it, which a single write kills. A process can leave its process group and
//! its session; it does not leave its control group by itself.
//!
//! No controllers are enabled for these groups, because limits are meant for all browsers and us
//! together. So the kernel's rule that processes stand in leaves only does not apply, and the daemon
//! stays where systemd put it.
//!
//! Invariant: without a group that is ours to divide, nothing here touches anything, and process
//! groups do the work alone.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;
use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Stopwatch;

use super::driver::is_orphan;

/// The control group below which browsers get theirs: `given`, or that of this process; absent when
/// it may not be divided.
///
/// Being able to write is what counts: systemd gives a delegated group to the unit's user. Root can
/// write everywhere, so the topmost group, which is nobody's, is left alone unless it is `given`.
pub fn home(given: Option<&Path>) -> Option<PathBuf> {
    let own = || {
        let read = |file: &str| fs::read_to_string(Path::new("/proc/self").join(file)).ok();
        own(&read("mountinfo")?, &read("cgroup")?)
    };
    let home = given.map(Path::to_owned).or_else(own)?;
    // A process is moved by whoever may write to the group that both places have in common.
    let may = |path: &Path| rustix::fs::access(path, Access::WRITE_OK).is_ok();
    (may(&home) && may(&home.join("cgroup.procs"))).then_some(home)
}

/// What happens to browsers of this process, for people.
pub fn way(given: Option<&Path>) -> String {
    match home(given) {
        Some(home) => format!("each browser gets a control group of its own below {}", home.display()),
        None => {
            "browsers end with their process groups: no control group is delegated (Delegate=)".to_owned()
        }
    }
}

/// The folder of this process's group in the unified hierarchy, unless it is the topmost.
fn own(mountinfo: &str, cgroup: &str) -> Option<PathBuf> {
    let path = Path::new(cgroup.lines().find_map(|line| line.strip_prefix("0::"))?);
    // Outside of our cgroup namespace the kernel writes `/../…`.
    let is_named = path.components().any(|part| matches!(part, Component::Normal(_)));
    let is_inside = path.components().all(|part| part != Component::ParentDir);
    if !is_named || !is_inside {
        return None;
    }
    mountinfo.lines().filter_map(mounted).find_map(|(root, at)| Some(at.join(path.strip_prefix(root).ok()?)))
}

/// Which part of the unified hierarchy a line of `mountinfo` puts where; [`None`] for another file
/// system. Before the dash: id, parent, device, root, mount point, options and optional fields.
fn mounted(line: &str) -> Option<(&Path, &Path)> {
    let (before, after) = line.split_once(" - ")?;
    if after.split(' ').next() != Some("cgroup2") {
        return None;
    }
    let mut fields = before.split(' ').skip(3);
    Some((Path::new(fields.next()?), Path::new(fields.next()?)))
}

/// A control group of a driver and whatever it starts. Whoever has one ends it.
#[derive(Debug)]
pub struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// Makes a group below `home` and puts a process into it.
    ///
    /// That comes after the process was started, and what it started until then stays outside. No
    /// driver starts anything before it is asked for a session, and we ask later.
    pub fn around(pid: u32, home: &Path) -> Result<Self> {
        let folder = home.join(format!("shopper-{}-{pid}", std::process::id()));
        fs::create_dir(&folder)?;
        if let Err(error) = fs::write(folder.join("cgroup.procs"), pid.to_string()) {
            let _ = fs::remove_dir(&folder);
            return Err(error);
        }
        Ok(Self { folder })
    }

    /// Kills everything in it, waits until that is gone, and removes it. Gives up when `started`
    /// is `limit` ago.
    pub fn end(self, started: Stopwatch, limit: Duration) {
        if let Err(error) = end(&self.folder, started, limit) {
            tracing::error!(group = %self.folder.display(), %error, "a browser's control group is left");
        }
    }
}

/// Ends the groups that processes of ours which were killed left below `home`. Their names begin like
/// those of the folders, so the same rule says whose they were.
pub fn sweep(home: &Path, limit: Duration) {
    let groups = fs::read_dir(home).into_iter().flatten().flatten().map(|entry| entry.path());
    for group in groups.filter(|group| is_orphan(group)) {
        match end(&group, Stopwatch::start(), limit) {
            Ok(()) => {
                tracing::info!(group = %group.display(), "a control group of a killed process of ours is gone");
            }
            Err(error) => {
                tracing::error!(group = %group.display(), %error, "an old control group is left");
            }
        }
    }
}

fn end(group: &Path, started: Stopwatch, limit: Duration) -> Result<()> {
    loop {
        kill(group);
        match is_populated(group) {
            Ok(false) => match remove(group) {
                Err(error) if started.elapsed() > limit => return Err(error),
                // The last process is on its way out.
                Err(error) if error.kind() == ErrorKind::ResourceBusy => {}
                ended => return ended,
            },
            Ok(true) if started.elapsed() > limit => {
                return Err(Error::new(ErrorKind::TimedOut, "its processes outlive SIGKILL"));
            }
            Ok(true) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Kills a group at once with all below; before Linux 5.14 its processes one by one, again and again.
fn kill(group: &Path) {
    if fs::write(group.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
        // It may have ended meanwhile.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Whether a group, or one below, has a process that lives.
fn is_populated(group: &Path) -> Result<bool> {
    let events = fs::read_to_string(group.join("cgroup.events"))?;
    Ok(events.lines().any(|line| line == "populated 1"))
}

/// Removes a group and those below, which only a process inside can have made. Their files go by
/// themselves.
fn remove(group: &Path) -> Result<()> {
    for entry in fs::read_dir(group)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that still has groups of the first version beside those of the second.
    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
    const UNIFIED: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 master:2 - cgroup2 cgroup2 rw,nsdelegate\n";
    /// A container that sees its own part only.
    const PART: &str = "30 23 0:26 /box/7 /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
    const OLD: &str = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

    #[test]
    fn our_own_group_is_found() {
        const SERVICE: &str = "0::/system.slice/shopper.service\n";
        let cases = [
            ("systemd", UNIFIED, SERVICE, Some("/sys/fs/cgroup/system.slice/shopper.service")),
            (
                "two versions",
                HYBRID,
                "4:memory:/old\n0::/system.slice/shopper.service\n",
                Some("/sys/fs/cgroup/unified/system.slice/shopper.service"),
            ),
            ("a part of all", PART, "0::/box/7/shopper\n", Some("/sys/fs/cgroup/shopper")),
            ("the whole of a part", PART, "0::/box/7\n", Some("/sys/fs/cgroup/")),
            ("another part", PART, SERVICE, None),
            ("the topmost", UNIFIED, "0::/\n", None),
            ("outside of the namespace", UNIFIED, "0::/../other\n", None),
            ("the first version only", OLD, "4:memory:/old\n", None),
            ("nothing is mounted", OLD, SERVICE, None),
            ("nothing is known", "", "", None),
        ];
        for (name, mountinfo, cgroup, want) in cases {
            assert_eq!(own(mountinfo, cgroup).as_deref(), want.map(Path::new), "{name}");
        }
    }

    #[test]
    fn only_what_can_be_written_is_divided() {
        assert_eq!(home(Some(Path::new("/nowhere"))), None);
        let folder = tempfile::tempdir().unwrap();
        // An ordinary folder is no control group.
        assert_eq!(home(Some(folder.path())), None);
        fs::write(folder.path().join("cgroup.procs"), "").unwrap();
        assert_eq!(home(Some(folder.path())).as_deref(), Some(folder.path()));
    }
}
