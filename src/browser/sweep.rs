//! Cleaning up after an agent that was killed: its browsers live on without it.
//!
//! Invariant: only processes that stand in the given folder are ended, and only that folder's
//! content is removed. The caller holds the lock that says that nobody else uses it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Stopwatch;

/// How long we wait for killed processes to vanish.
const VANISH: Duration = Duration::from_secs(3);

/// Ends every process whose working folder lies below `folder`, then empties it. How many
/// processes there were. Blocks.
pub fn sweep(folder: &Path) -> usize {
    let Ok(folder) = folder.canonicalize() else { return 0 };
    let found = inside(&folder);
    let watch = Stopwatch::start();
    let mut left = found.clone();
    while !left.is_empty() && watch.elapsed() < VANISH {
        for pid in &left {
            let _ = kill_process(*pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(10));
        left = inside(&folder);
    }
    if !left.is_empty() {
        tracing::error!(processes = left.len(), "processes of a killed agent's browsers outlive SIGKILL");
    }
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "could not remove what a killed agent left");
        }
    }
    found.len()
}

/// The processes that stand below the folder, zombies left out.
fn inside(folder: &Path) -> Vec<Pid> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            // A zombie has no working folder any more, and a stranger's cannot be read.
            let stands = std::fs::read_link(entry.path().join("cwd")).ok()?;
            within(&stands, folder).then(|| Pid::from_raw(pid)).flatten()
        })
        .collect()
}

/// Whether a working folder lies below `folder`; the kernel marks removed ones.
fn within(stands: &Path, folder: &Path) -> bool {
    let text = stands.to_string_lossy();
    let stands = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(&text));
    stands != folder && stands.starts_with(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_agent_left_is_ended_and_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("shopper-1-abc");
        std::fs::create_dir(&ours).unwrap();
        std::fs::write(ours.join("profile"), "x").unwrap();
        let sleeper =
            |at: &Path| std::process::Command::new("sleep").arg("300").current_dir(at).spawn().unwrap();
        let mut left = sleeper(&ours);
        let beside = tempfile::tempdir().unwrap();
        let mut stranger = sleeper(beside.path());
        assert_eq!(sweep(folder.path()), 1);
        assert!(!left.wait().unwrap().success());
        assert!(!ours.exists());
        assert!(stranger.try_wait().unwrap().is_none(), "a process elsewhere goes on");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
