//! Clocks that jump. The daemon runs under libfaketime, which changes the wall clock and leaves the
//! monotonic one alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::rig::Rig;

/// The library of the Debian package `faketime`.
fn library() -> PathBuf {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let found = places.iter().map(|place| Path::new(place).join("faketime/libfaketimeMT.so.1"));
    found.into_iter().find(|path| path.exists()).expect("libfaketime (script/bootstrap installs it)")
}

/// What a daemon is started with so that its wall clock follows a file.
fn following(file: &Path) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", library().into()),
        ("FAKETIME_TIMESTAMP_FILE", file.into()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ("DONT_FAKE_MONOTONIC", "1".into()),
    ]
}

#[tokio::test]
async fn an_hour_forth_and_back_makes_no_burst_and_loses_no_slot_without_a_record() {
    let rig = Rig::bare().await;
    let probe = Rig::visit().replace("*/2 *", "*/4 *");
    rig.configure(&rig.settings(&rig.sink.address().to_string(), &[probe]));
    let file = rig.folder().join("clock");
    std::fs::write(&file, "+0").unwrap();
    let mut daemon = rig.start_with(&[], &following(&file));
    daemon.is_ready().await;
    daemon.recorded("home").await;
    std::fs::write(&file, "+3600").unwrap();
    let before = rig.records().number("SELECT count(*) FROM runs");
    // The missed slots are gaps, and the next run is on time.
    daemon.recorded("home").await;
    daemon.recorded("home").await;
    let after = rig.records().number("SELECT count(*) FROM runs");
    assert!(after - before < 10, "a burst of {} runs", after - before);
    std::fs::write(&file, "+0").unwrap();
    tokio::time::sleep(Duration::from_secs(9)).await;
    let log = daemon.stops().await;
    let records = rig.records();
    // Up to where it had been an hour ahead, every slot is there once.
    records.leave_no_slot_out("home", Duration::from_secs(4));
    let late = records.number("SELECT count(*) FROM gaps WHERE reason = 'overdue'");
    assert!(late > 800, "{late} slots of the hour are on record:\n{}", log.len());
    rig.is_sound().await;
}

#[tokio::test]
async fn when_summer_time_ends_every_slot_comes_once() {
    let rig = Rig::bare().await;
    let probe = Rig::visit().replace("*/2 * * * * *", "*/5 * * * * *");
    let settings = rig.settings(&rig.sink.address().to_string(), &[probe]);
    rig.configure(&settings.replace("Asia/Shanghai", "Europe/Berlin"));
    let file = rig.folder().join("clock");
    // Ten seconds before 3:00 becomes 2:00 again.
    std::fs::write(&file, "@2026-10-25 00:59:50").unwrap();
    let mut variables = following(&file);
    variables.push(("TZ", "UTC".into()));
    let mut daemon = rig.start_with(&[], &variables);
    daemon.is_ready().await;
    let last = "2026-10-25T01:00:15";
    loop {
        let run = daemon.recorded("home").await;
        if run["slot"].as_str().unwrap_or_default() >= last {
            break;
        }
    }
    daemon.stops().await;
    rig.records().leave_no_slot_out("home", Duration::from_secs(5));
    let runs =
        rig.records().number("SELECT count(*) FROM runs WHERE cause = 'schedule' AND state = 'finished'");
    assert!((4..=8).contains(&runs), "{runs} runs in 25 seconds");
    rig.is_sound().await;
}
