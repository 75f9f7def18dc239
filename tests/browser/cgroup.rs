//! A browser stands in a control group of its own, and nothing that it started outlives that.
//!
//! Where no control group can be made (an ordinary user outside of a delegated unit), process groups
//! are tried alone, and the test says so.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use mystery_shopper::browser::{Doctor, Pool, Settings};
use rustix::process::{Pid, Signal};

use crate::world::*;

/// A control group for one test, below our own or the topmost.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let unified = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let top = unified.map(|line| PathBuf::from(line.split(' ').nth(4).unwrap()));
        let made = top.and_then(|top| {
            [top.join(group_of(std::process::id())?), top].into_iter().find_map(|around| {
                let home = around.join(format!("shopper-test-{name}-{}", std::process::id()));
                std::fs::create_dir(&home).ok().map(|()| Self(home))
            })
        });
        if made.is_none() {
            eprintln!("no control group can be made here: process groups are tried alone");
        }
        made
    }

    fn groups(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap().flatten();
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// The control group of a process, relative to the topmost.
fn group_of(pid: u32) -> Option<String> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups.lines().find_map(|line| line.strip_prefix("0::/")).map(str::to_owned)
}

fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Ends a process that is no child of ours.
fn end(pid: u32) {
    rustix::process::kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// A driver that leaves a process behind which has left everything that can be left: the group, the
/// session and the environment. It waits until it has been put into a control group, as real drivers
/// wait until they are asked for a session.
async fn leaving_driver(folder: &Path, grouped: bool) -> PathBuf {
    let (real, _) = Doctor::examine(&settings(folder, 1)).await.chromedriver.unwrap();
    let script = format!(
        "#!/bin/sh
case $1 in --version) exec {real} --version ;; esac
{wait}
env -i setsid sleep 600 <&- >&- 2>&- &
echo $! >{pid}.new; mv {pid}.new {pid}
exec {real} \"$@\"
",
        real = real.display(),
        pid = folder.join("left").display(),
        wait = if grouped { "until grep -q /shopper-[0-9] /proc/$$/cgroup; do sleep 0.01; done" } else { "" },
    );
    let program = folder.join("driver");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    program
}

/// Walks with that driver below `home` and gives what it left, once the browser has ended.
async fn walk(world: &World, home: &Path, grouped: bool) -> u32 {
    let tools = tempfile::tempdir().unwrap();
    let chromedriver = leaving_driver(tools.path(), grouped).await;
    let pool = Pool::new(Settings {
        chromedriver: Some(chromedriver),
        cgroup: Some(home.to_owned()),
        ..settings(world.temp.path(), 1)
    });
    let mut journey = pool.open(options(), soon(30)).await.unwrap();
    goto(&mut journey, &world.url("/")).await.unwrap();
    let left = std::fs::read_to_string(tools.path().join("left")).unwrap().trim().parse().unwrap();
    let driver = journey.process_group().unwrap();
    let members = group(driver);
    assert!(members.len() > 3 && lives(left), "{members:?}");
    assert!(members.iter().all(|(pid, _)| *pid != left), "it has left the process group");
    for pid in members.iter().map(|(pid, _)| *pid).chain([left]) {
        let group = group_of(pid).unwrap_or_default();
        let own = format!("/shopper-{}-{driver}", std::process::id());
        assert_eq!(group.ends_with(&own), grouped, "{pid} stands in {group}");
    }
    journey.close().await;
    pool.close().await;
    assert!(group(driver).is_empty());
    left
}

#[tokio::test]
async fn nothing_leaves_a_browsers_control_group() {
    let world = World::of(&[("/", "<title>首页</title>")]).await;
    if let Some(home) = Home::new("end") {
        let left = walk(&world, &home.0, true).await;
        assert!(!lives(left), "it outlived its control group");
        assert_eq!(home.groups(), [""; 0]);
    }
    // The test can fail: without a control group it lives on.
    let left = walk(&world, Path::new("/nowhere"), false).await;
    let survived = lives(left);
    if survived {
        end(left);
    }
    assert!(survived, "what is tried above is tried for nothing");
    world.end().await;
}

#[tokio::test]
async fn the_driver_killed_and_the_journey_forgotten_leave_no_control_group() {
    let Some(home) = Home::new("killed") else { return the_same_without().await };
    let world = World::of(&[("/", "<title>首页</title>")]).await;
    let grouped = Settings { cgroup: Some(home.0.clone()), ..settings(world.temp.path(), 2) };
    let pool = Pool::new(grouped);
    let forgotten = pool.open(options(), soon(30)).await.unwrap();
    let journey = pool.open(options(), soon(30)).await.unwrap();
    assert_eq!(home.groups().len(), 2);
    drop(forgotten);
    assert_eq!(home.groups().len(), 1);
    let driver = journey.process_group().unwrap();
    end(driver);
    journey.close().await;
    assert!(group(driver).is_empty());
    assert_eq!(home.groups(), [""; 0]);
    pool.close().await;
    world.end().await;
}

/// The fall-back: a place where no control group can be made is no reason not to walk.
async fn the_same_without() {
    let world = World::of(&[("/", "<title>首页</title>")]).await;
    let pool = Pool::new(Settings { cgroup: Some("/nowhere".into()), ..settings(world.temp.path(), 1) });
    let journey = pool.open(options(), soon(30)).await.unwrap();
    let driver = journey.process_group().unwrap();
    end(driver);
    journey.close().await;
    assert!(group(driver).is_empty());
    pool.close().await;
    world.end().await;
}

/// A process in a control group below `home`.
fn stranded(home: &Home, group: &str) -> Child {
    let folder = home.0.join(group);
    std::fs::create_dir(&folder).unwrap();
    let child = Command::new("sleep").arg("600").spawn().unwrap();
    std::fs::write(folder.join("cgroup.procs"), child.id().to_string()).unwrap();
    child
}

#[tokio::test]
async fn control_groups_of_a_killed_agent_are_ended() {
    let Some(home) = Home::new("sweep") else { return the_same_without().await };
    let world = World::of(&[("/", "<title>首页</title>")]).await;
    // No process has this id: it is above the kernel's largest.
    let mut orphan = stranded(&home, "shopper-4194999-7");
    std::fs::create_dir(home.0.join("shopper-4194999-7/below")).unwrap();
    let own = format!("shopper-{}-own", std::process::id());
    let mut ours = stranded(&home, &own);
    let mut strange = stranded(&home, "another-4194999-7");
    let pool = Pool::new(Settings { cgroup: Some(home.0.clone()), ..settings(world.temp.path(), 1) });
    pool.open(options(), soon(30)).await.unwrap().close().await;
    pool.close().await;
    assert!(!orphan.wait().unwrap().success());
    let mut left = home.groups();
    left.sort();
    assert_eq!(left, ["another-4194999-7", own.as_str()]);
    for (child, group) in [(&mut ours, own.as_str()), (&mut strange, "another-4194999-7")] {
        assert!(child.try_wait().unwrap().is_none(), "{group} belongs to somebody who lives");
        child.kill().unwrap();
        child.wait().unwrap();
        std::fs::remove_dir(home.0.join(group)).unwrap();
    }
    world.end().await;
}
