//! What systemd is told.

use std::collections::HashMap;

use std::sync::Mutex;

use jiff::Timestamp;
use tokio::sync::watch;

use super::super::dispatch::{Dispatcher, Executor, Ledger};
use super::super::fixtures::{at, plan};
use super::super::{Fault, Finished, Job, Limits, PairKey};
use super::*;
use crate::clock::Clock;
use crate::domain::ids::TargetId;
use crate::domain::run::Gap;

struct Nothing;

impl Executor for Nothing {
    async fn run(&self, _: Job, _: CancellationToken) -> Finished {
        Finished::default()
    }
}

impl Ledger for Nothing {
    async fn last_slots(&self) -> Result<HashMap<PairKey, Timestamp>, Fault> {
        Ok(HashMap::new())
    }

    async fn cooling(&self) -> Result<Vec<(TargetId, Timestamp)>, Fault> {
        Ok(Vec::new())
    }

    async fn record_gaps(&self, _: &[Gap]) -> Result<(), Fault> {
        Ok(())
    }
}

fn dispatcher() -> Dispatcher<Nothing, Nothing> {
    let clock = Clock::manual(at("12:00:00"));
    Dispatcher::new(Arc::new(Nothing), Arc::new(Nothing), clock, Limits::default())
}

/// A service manager that remembers what it was told.
fn service(watchdog: Option<u64>) -> (Service, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let memory = Arc::clone(&told);
    let send = move |states: &[NotifyState<'_>]| {
        memory.lock().unwrap().extend(states.iter().map(ToString::to_string));
        Ok(())
    };
    (Service { send: Arc::new(send), watchdog: watchdog.map(Duration::from_secs) }, told)
}

#[test]
fn states_are_told_in_systemds_words() {
    let (service, told) = service(None);
    service.ready("3 pairs");
    service.reloading();
    service.stopping("draining");
    let told = told.lock().unwrap().join("\n");
    let words: Vec<_> = told.lines().filter(|line| !line.starts_with("MONOTONIC_USEC=")).collect();
    assert_eq!(words, ["READY=1", "STATUS=3 pairs", "RELOADING=1", "STOPPING=1", "STATUS=draining"]);
}

#[test]
fn a_manager_that_is_gone_is_no_reason_to_fail() {
    let send = |_: &[NotifyState<'_>]| Err(io::Error::from(io::ErrorKind::ConnectionRefused));
    Service { send: Arc::new(send), watchdog: None }.ready("up");
}

/// Runs twice: here, where nobody listens, and in a process that the next test starts.
#[test]
fn a_program_tells_whoever_started_it() {
    let service = Service::system();
    service.ready("up");
    let watched = std::env::var_os("WATCHDOG_USEC").map(|_| Duration::from_secs(20));
    assert_eq!(service.watchdog, watched);
}

#[test]
fn a_real_socket_hears_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "scheduler::service::tests::a_program_tells_whoever_started_it"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "20000000")
        .env_remove("WATCHDOG_PID")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let mut heard = [0; 256];
    let length = socket.recv(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard[..length]), "READY=1\nSTATUS=up\n");
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_fed_while_the_loop_goes_round_and_not_after() {
    let (service, told) = service(Some(60));
    let dispatcher = dispatcher();
    let pulse = dispatcher.pulse();
    let (_plan, plans) = watch::channel(plan(1, &[]));
    let (shutdown, done) = (CancellationToken::new(), CancellationToken::new());
    let ran = tokio::spawn(dispatcher.run(plans, shutdown.clone()));
    let watching = {
        let (service, pulse, done) = (service.clone(), pulse.clone(), done.clone());
        tokio::spawn(async move { service.watch(&pulse, &done).await })
    };
    let fed = || told.lock().unwrap().iter().filter(|state| *state == "WATCHDOG=1").count();
    tokio::time::sleep(Duration::from_secs(599)).await;
    assert_eq!(fed(), 20, "every half minute");
    assert!(
        told.lock().unwrap().iter().any(|s| s.starts_with("STATUS=0 pairs")),
        "{:?}",
        told.lock().unwrap()
    );
    // The loop ends, the process lives on: that is not alive.
    shutdown.cancel();
    ran.await.unwrap().unwrap();
    let before = fed();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(fed(), before);
    done.cancel();
    watching.await.unwrap();
}

#[test]
fn the_status_is_one_line() {
    let pair = PairKey { probe: "p".into(), target: "t".into() };
    let standing = Standing {
        pairs: 4,
        running: vec![pair],
        waiting: 2,
        next_at: Some(at("12:15:00")),
        ..Standing::default()
    };
    assert_eq!(
        line(&standing),
        "4 pairs of probe and target, 1 running, 2 waiting, next at 2026-11-22T12:15:00Z"
    );
    let standing = Standing { draining: true, ..standing };
    assert!(line(&standing).ends_with("stopping"));
}
