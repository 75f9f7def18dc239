//! The commands of the store as people meet them: `verify`, `backup`, `restore`, `export --format
//! parquet`, and a daemon whose database is damaged.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use assert_cmd::Command;
use mystery_shopper::store::{Access, Store};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::cargo_bin("shopper").unwrap();
    command.current_dir(folder).env_remove("SHOPPER_CONFIG").env_remove("STATE_DIRECTORY");
    let Output { status, stdout, stderr } = command.args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A folder with a configuration whose only target nobody answers for; the next slot is years away.
fn folder() -> tempfile::TempDir {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        r#"
[agent]
name = "test"
timezone = "UTC"
data_dir = "data"

[[target]]
id = "here"
name = "本机"
entry = "http://127.0.0.1:{port}/"
class = "test"

[[probe]]
id = "home"
visit = {{ within = "2s" }}
targets = ["*"]
schedule = "0 0 29 2 *"
"#
    );
    std::fs::write(folder.path().join("probes.toml"), settings).unwrap();
    folder
}

#[test]
fn records_are_verified_backed_up_restored_and_exported() {
    let folder = folder();
    let at = folder.path();
    for _ in 0..2 {
        let (code, _, complaint) = run(at, &["run", "--probe", "home"]);
        assert_eq!(code, Some(1), "{complaint}");
    }
    let (code, told, complaint) = run(at, &["verify", "--files"]);
    assert_eq!(code, Some(0), "{told}{complaint}");
    assert!(told.contains("2 runs") && told.contains("Nothing is wrong."), "{told}");

    let (code, _, complaint) = run(at, &["verify", "--key"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("there is no key yet") && complaint.contains("hint:"), "{complaint}");
    // The daemon's first start makes it.
    drop(Store::open(&at.join("data"), Access::Daemon).unwrap());
    let (code, key, _) = run(at, &["verify", "--key"]);
    assert_eq!((code, key.lines().next()), (Some(0), Some("-----BEGIN PUBLIC KEY-----")));
    std::fs::write(at.join("shopper.pub"), key).unwrap();
    let (code, ..) = run(at, &["verify", "--key", "shopper.pub"]);
    assert_eq!(code, Some(0));

    let (code, told, complaint) = run(at, &["backup", "copy"]);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(told.contains("The backup is in copy."), "{told}");
    let (code, _, complaint) = run(at, &["backup", "copy"]);
    assert_eq!(code, Some(3));
    assert!(complaint.contains("there is something in it already"), "{complaint}");
    let (code, told, complaint) = run(at, &["restore", "copy", "--to", "again", "--format", "json"]);
    assert_eq!(code, Some(0), "{complaint}");
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&report["clean"], &report["runs"]), (&Value::Bool(true), &Value::from(2)));

    let (code, ..) = run(at, &["export", "runs", "--format", "parquet", "--out", "runs.parquet"]);
    assert_eq!(code, Some(0));
    let file = std::fs::read(at.join("runs.parquet")).unwrap();
    assert_eq!((&file[..4], &file[file.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    let (code, _, complaint) = run(at, &["status", "--format", "parquet"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("only `shopper export` writes parquet"), "{complaint}");

    let database = rusqlite::Connection::open(at.join("data/shopper.db")).unwrap();
    database.execute_batch("UPDATE runs SET verdict = 'pass'").unwrap();
    drop(database);
    let (code, told, _) = run(at, &["verify"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.starts_with("changed: run ") && told.contains("(home on here, "), "{told}");
    let (code, told, _) = run(at, &["verify", "--format", "json"]);
    assert_eq!(code, Some(3));
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&report["findings"][1]["what"], &report["findings"][1]["with"]),
        (&"changed".into(), &"run".into())
    );
    let (code, schema, _) = run(at, &["schema", "verify"]);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(code, Some(0));
    for (field, _) in report.as_object().unwrap() {
        assert!(schema["properties"][field].is_object(), "{field}");
    }
    // A backup of such records is as good as they are, and says so.
    let (code, told, _) = run(at, &["backup", "second"]);
    assert_eq!(code, Some(3));
    assert!(told.contains("changed: run") && told.contains("The backup is in second."), "{told}");
}

#[test]
fn a_daemon_whose_database_is_damaged_starts_and_says_what_was_lost() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/shopper.db"), "nothing of the kind ".repeat(500)).unwrap();
    let mut daemon = std::process::Command::new(assert_cmd::cargo::cargo_bin!("shopper"))
        .args(["daemon", "--log", "json"])
        .current_dir(folder.path())
        .env_remove("SHOPPER_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = Vec::new();
    for line in BufReader::new(daemon.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        let ready = line.contains("\"message\":\"ready\"");
        log.push(line);
        if ready {
            break;
        }
    }
    let log = log.join("\n");
    assert!(log.contains("was put aside") && log.contains("records were lost"), "{log}");
    let (code, told, complaint) = run(folder.path(), &["status"]);
    assert_eq!(code, Some(0), "{complaint}");
    assert!(told.contains("were lost: the database was damaged"), "{told}");
    let (code, told, _) = run(folder.path(), &["verify"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("What was there is in damaged-"), "{told}");
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn scoring_refuses_what_it_cannot_mean_and_says_what_to_write() {
    let folder = folder();
    // (arguments, what is said)
    let cases: [(&[&str], &str); 6] = [
        (&["--period", "2026-13"], "its month is none of 01 to 12"),
        (&["--period", "2025-11..2025-10"], "the last month lies before the first"),
        (&["--period", "2199"], "lies in the future"),
        (&["--period", "2025-11", "--against", "2025"], "have days in common"),
        (&["--period", "2025-11", "--against", "letztes Jahr"], "a year of four digits"),
        (&["--period", "2025-11", "--target", "her"], "did you mean `here`?"),
    ];
    for (args, said) in cases {
        let (code, told, complaint) = run(folder.path(), &[&["score", "--profile", "d3"], args].concat());
        assert_eq!((code, told.as_str()), (Some(2), ""), "{args:?}: {complaint}");
        assert!(complaint.contains(said), "{args:?}: {complaint}");
    }
}
