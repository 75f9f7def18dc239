//! What `/proc` knows: which browser a connection belongs to, its processes, what is left of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process.
pub struct Process {
    pub pid: u32,
    parent: u32,
    pub group: u32,
    dead: bool,
}

/// Every process of the machine.
pub fn all() -> Vec<Process> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(stat).collect()
}

fn stat(pid: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may itself contain brackets and blanks.
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse().ok();
    Some(Process { pid, parent: number(1)?, group: number(2)?, dead: fields.first() == Some(&"Z") })
}

fn words(pid: u32) -> String {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&text).replace('\0', " ")
}

/// The temporary folder that a process was given.
fn home(pid: u32) -> Option<String> {
    let text = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    text.split('\0').find_map(|entry| entry.strip_prefix("TMPDIR=")).map(str::to_owned)
}

/// The groups of the drivers that we have now: our living children.
pub fn drivers() -> BTreeSet<u32> {
    let own = std::process::id();
    all()
        .into_iter()
        .filter(|one| one.parent == own && !one.dead && one.group == one.pid)
        .map(|one| one.pid)
        .collect()
}

/// The process group that holds the near end of a connection from this port of loopback.
pub fn group_of(port: u16) -> Option<u32> {
    let inode = sockets().into_iter().find(|socket| socket.port == port && !socket.listens)?.inode;
    let groups = drivers();
    all()
        .into_iter()
        .find(|one| groups.contains(&one.group) && holds(one.pid, &BTreeSet::from([inode])))
        .map(|one| one.group)
}

struct Socket {
    port: u16,
    listens: bool,
    inode: u64,
}

fn sockets() -> Vec<Socket> {
    let text = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let read = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let port = u16::from_str_radix(fields.get(1)?.split(':').nth(1)?, 16).ok()?;
        Some(Socket { port, listens: *fields.get(3)? == "0A", inode: fields.get(9)?.parse().ok()? })
    };
    text.lines().skip(1).filter_map(read).collect()
}

fn holds(pid: u32, inodes: &BTreeSet<u64>) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|to| {
        let inode = to.to_str().and_then(|to| to.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        inode.is_some_and(|inode| inodes.contains(&inode))
    })
}

/// Which of a browser's processes are meant.
#[derive(Clone, Copy)]
pub enum Whom {
    /// The page's, and whatever waits to become one; not the driver's own, which is the oldest.
    Pages,
    /// Every renderer.
    Renderers,
    /// The browser itself.
    Browser,
    /// chromedriver.
    Driver,
}

/// Sends a signal to processes of a group; whether there were any.
pub fn strike(group: u32, whom: Whom, signal: Signal) -> bool {
    let members = all().into_iter().filter(|one| one.group == group && !one.dead);
    let mut found: Vec<(u32, u32)> = members
        .filter_map(|one| {
            let words = words(one.pid);
            let renderer = words
                .split_whitespace()
                .find_map(|word| word.strip_prefix("--renderer-client-id=")?.parse().ok());
            let fits = match whom {
                Whom::Pages | Whom::Renderers => words.contains("--type=renderer"),
                Whom::Browser => words.contains("--user-data-dir") && !words.contains("--type="),
                Whom::Driver => one.pid == group,
            };
            fits.then_some((renderer.unwrap_or(0), one.pid))
        })
        .collect();
    found.sort_unstable();
    if matches!(whom, Whom::Pages) && !found.is_empty() {
        found.remove(0);
    }
    let pids = found.into_iter().filter_map(|(_, pid)| Pid::from_raw(i32::try_from(pid).ok()?));
    pids.filter(|pid| kill_process(*pid, signal).is_ok()).count() > 0
}

/// What is left of browsers that are gone.
pub struct Left {
    pub browsers: usize,
    pub processes: Vec<String>,
    pub folders: usize,
    pub ports: Vec<u16>,
}

/// Looks for processes that are of no living browser but of a known group or with our folder in their
/// command or environment, for folders without a browser, and for ports that such processes listen on.
pub fn left(temp: &Path, known: &BTreeSet<u32>) -> Left {
    let living = drivers();
    let own = std::process::id();
    let name = temp.as_os_str().as_encoded_bytes();
    let mentions = |pid: u32, what: &str| {
        let text = fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
        text.windows(name.len()).any(|part| part == name)
    };
    // Crash handlers leave the group; those of a living browser name its folder, which is its driver's own.
    let homes: Vec<String> = living.iter().filter_map(|driver| home(*driver)).collect();
    let at_home = |pid: u32| {
        homes.iter().any(|home| words(pid).contains(home) || self::home(pid).as_ref() == Some(home))
    };
    let strays: Vec<u32> = all()
        .into_iter()
        .filter(|one| one.pid != own && !one.dead && !living.contains(&one.group))
        .filter(|one| {
            known.contains(&one.group) || mentions(one.pid, "cmdline") || mentions(one.pid, "environ")
        })
        .filter(|one| known.contains(&one.group) || !at_home(one.pid))
        .map(|one| one.pid)
        .collect();
    let listening: Vec<Socket> = sockets().into_iter().filter(|socket| socket.listens).collect();
    let held = |socket: &Socket| strays.iter().any(|pid| holds(*pid, &BTreeSet::from([socket.inode])));
    Left {
        browsers: living.len(),
        ports: listening.iter().filter(|socket| held(socket)).map(|socket| socket.port).collect(),
        processes: strays
            .iter()
            .map(|pid| format!("{pid} {}", words(*pid).chars().take(200).collect::<String>()))
            .collect(),
        folders: fs::read_dir(temp).map_or(0, Iterator::count).saturating_sub(living.len()),
    }
}
