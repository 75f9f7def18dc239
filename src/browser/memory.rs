//! How much memory browsers take, and whether there is room for another.
//!
//! Invariant: what cannot be read is no reason to refuse anything; a kernel without these files is
//! treated as one with room.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::Deadline;

use super::BrowserError;
use super::driver;

/// What must be free before a browser is started: what one takes (about 260 MiB) and a reserve
/// for its pages and for ourselves.
pub const NEEDED: u64 = 384 << 20;

/// The pause between looks while memory is short.
const LOOK: Duration = Duration::from_millis(500);

/// What a group of processes takes together when that is more than `limit` bytes: shared pages divided
/// among those that share them (PSS).
///
/// The kernel walks every page of a process for that, 40 ms for a browser, which stands still meanwhile.
/// So what it has counted anyway is looked at first: all that the processes have for themselves, and
/// the program's files once.
pub fn above(group: u32, limit: u64) -> Option<u64> {
    let read = |file: &str| -> Vec<String> {
        let paths = driver::members(group).map(|(pid, _)| format!("/proc/{pid}/{file}"));
        paths.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
    };
    if estimate(&read("status")) < limit - limit / 8 {
        return None;
    }
    let size = read("smaps_rollup").iter().filter_map(|rollup| kibibytes(rollup, "Pss:")).sum();
    (size > limit).then_some(size)
}

/// About what processes take together, by their `/proc/*/status`.
fn estimate(processes: &[String]) -> u64 {
    let get = |status: &String, key: &str| kibibytes(status, key).unwrap_or(0);
    let own: u64 = processes.iter().map(|status| get(status, "RssAnon:") + get(status, "RssShmem:")).sum();
    own + processes.iter().map(|status| get(status, "RssFile:")).max().unwrap_or(0)
}

/// Bytes that may still be taken: what the machine has available, or what the control groups (v2)
/// around this process leave, whichever is less. `root` is the root of the file system.
pub fn room(root: &Path) -> Option<u64> {
    let machine = std::fs::read_to_string(root.join("proc/meminfo"))
        .ok()
        .and_then(|meminfo| kibibytes(&meminfo, "MemAvailable:"));
    groups(root).into_iter().filter_map(|group| left_in(&group)).chain(machine).min()
}

/// Waits until there is room for a browser. A shortage is said once, by whoever meets it first, however
/// many wait for its end; `short` is what they know of it together.
pub async fn wait_for_room(root: &Path, short: &AtomicBool, deadline: Deadline) -> Result<(), BrowserError> {
    loop {
        let Some(free) = room(root).filter(|free| *free < NEEDED) else {
            if short.swap(false, Ordering::Relaxed) {
                tracing::info!("memory is no longer short: browsers are started again");
            }
            return Ok(());
        };
        if !short.swap(true, Ordering::Relaxed) {
            tracing::warn!(free, needed = NEEDED, "memory is short: browsers wait before they are started");
        }
        if deadline.passed() {
            return Err(BrowserError::NoMemory { free: free >> 20, needed: NEEDED >> 20 });
        }
        // Nobody tells when memory is given back.
        let _ = deadline.limit(tokio::time::sleep(LOOK)).await;
    }
}

/// The control group of this process and those around it.
fn groups(root: &Path) -> Vec<PathBuf> {
    let top = root.join("sys/fs/cgroup");
    let own = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return Vec::new();
    };
    top.join(path).ancestors().take_while(|folder| folder.starts_with(&top)).map(Path::to_owned).collect()
}

/// What a group leaves of its limits; pages of files that it can drop at once count as free.
fn left_in(group: &Path) -> Option<u64> {
    let read = |file: &str| std::fs::read_to_string(group.join(file)).ok();
    let limit = |file: &str| read(file)?.trim().parse::<u64>().ok();
    let limit = limit("memory.max").into_iter().chain(limit("memory.high")).min()?;
    let current: u64 = read("memory.current")?.trim().parse().ok()?;
    let stat = read("memory.stat").unwrap_or_default();
    let files = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse().ok());
    Some(limit.saturating_sub(current.saturating_sub(files.unwrap_or(0))))
}

/// `Pss:   1234 kB` in bytes.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files<'a> = Vec<(&'a str, &'a str)>;

    /// A machine as files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable:  2097152 kB\n");
    const OWN: (&str, &str) = ("proc/self/cgroup", "4:memory:/old\n0::/system.slice/shopper.service/main\n");
    const SERVICE: &str = "sys/fs/cgroup/system.slice/shopper.service";

    #[test]
    fn the_smallest_limit_around_us_counts() {
        let (max, high) = (format!("{SERVICE}/memory.max"), format!("{SERVICE}/memory.high"));
        let (current, stat) = (format!("{SERVICE}/memory.current"), format!("{SERVICE}/memory.stat"));
        let gib = |n: u64| (n << 30).to_string();
        let (two, one, three) = (gib(2), gib(1), gib(3));
        let cases: Vec<(&str, Files<'_>, Option<u64>)> = vec![
            ("nothing can be read", vec![], None),
            ("the machine alone", vec![MEMINFO], Some(2 << 30)),
            ("no limit", vec![MEMINFO, OWN, (&max, "max"), (&current, &one)], Some(2 << 30)),
            (
                "the lower of two limits",
                vec![MEMINFO, OWN, (&max, &three), (&high, &two), (&current, &one)],
                Some(1 << 30),
            ),
            (
                "files that can be dropped",
                vec![
                    MEMINFO,
                    OWN,
                    (&max, &two),
                    (&current, &one),
                    (&stat, "anon 5\ninactive_file 1048576\n"),
                ],
                Some((1 << 30) + (1 << 20)),
            ),
            ("over its limit", vec![MEMINFO, OWN, (&high, &one), (&current, &two)], Some(0)),
        ];
        for (name, files, want) in cases {
            assert_eq!(room(machine(&files).path()), want, "{name}");
        }
    }

    #[tokio::test]
    async fn a_browser_waits_for_room_until_its_deadline() {
        let short = machine(&[("proc/meminfo", "MemAvailable: 102400 kB\n")]);
        let known = AtomicBool::new(false);
        let fault = wait_for_room(short.path(), &known, Deadline::after(Duration::from_millis(50)))
            .await
            .unwrap_err();
        assert!(known.load(Ordering::Relaxed), "it was said, and is not said again");
        assert!(fault.to_string().contains("100 MiB of memory are free and one needs 384 MiB"), "{fault}");
        // Memory that comes back in time is enough.
        let meminfo = short.path().join("proc/meminfo");
        let waiting = wait_for_room(short.path(), &known, Deadline::after(Duration::from_secs(20)));
        let giving = async { std::fs::write(meminfo, "MemAvailable: 1048576 kB\n").unwrap() };
        let (waited, ()) = tokio::join!(waiting, giving);
        waited.unwrap();
        assert!(!known.load(Ordering::Relaxed), "the next shortage is said again");
        // A machine that says nothing has room.
        assert!(wait_for_room(machine(&[]).path(), &known, Deadline::after(Duration::ZERO)).await.is_ok());
    }

    #[test]
    fn processes_of_a_group_have_a_size() {
        let group = rustix::process::getpgrp().as_raw_nonzero().get().unsigned_abs();
        assert!(above(group, 1 << 20) > Some(1 << 20));
        assert_eq!(above(group, 1 << 40), None);
        let status =
            |anon, file| format!("Name: x\nRssAnon: {anon} kB\nRssFile: {file} kB\nRssShmem: 1 kB\n");
        assert_eq!(estimate(&[status(10, 300), status(20, 200)]), 332 << 10);
        assert_eq!(kibibytes("Rss: 9 kB\nPss:      12 kB\nPss_Dirty: 3 kB\n", "Pss:"), Some(12 << 10));
    }
}
