//! The command line as people meet it: exit codes, messages, JSON.

#[path = "cli/wishes.rs"]
mod wishes;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Output, Stdio};

use assert_cmd::Command;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn shopper(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("shopper").unwrap();
    command.current_dir(folder).env_remove("SHOPPER_CONFIG").env_remove("STATE_DIRECTORY");
    command.env("XDG_STATE_HOME", folder.join("state"));
    command
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = shopper(folder).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A port on which nobody listens any more.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A folder with a configuration that has one target, on which nobody listens, and these probes.
fn folder(probe: &str) -> tempfile::TempDir {
    folder_at(&format!("http://127.0.0.1:{}/", free_port()), probe)
}

/// The same with a target at this address.
fn folder_at(entry: &str, probe: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        r#"
[agent]
name = "test"
timezone = "Asia/Shanghai"
data_dir = "data"

[[target]]
id = "here"
name = "本机"
entry = "{entry}"
class = "test"

{probe}
"#
    );
    std::fs::write(folder.path().join("probes.toml"), settings).unwrap();
    folder
}

const HOME: &str = r#"
[[probe]]
id = "home"
visit = { within = "2s" }
targets = ["*"]
schedule = "*/30 * * * *"
"#;

#[test]
fn a_good_configuration_passes_and_says_what_it_holds() {
    let folder = folder(HOME);
    let (code, out, _) = run(folder.path(), &["check"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("1 target, 1 probe, no faults"), "{out}");
}

#[test]
fn a_missing_configuration_is_bad_input_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = run(folder.path(), &["check"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("could not read the configuration `probes.toml`"), "{err}");
    assert!(err.contains("hint: "), "{err}");
}

#[test]
fn every_fault_is_listed_with_its_place() {
    let folder = folder(
        "[[probe]]\nid = \"home\"\nvizit = { within = \"2s\" }\ntargets = [\"hera\"]\nschedule = \"61 * * * *\"\n",
    );
    let (code, _, err) = run(folder.path(), &["check"]);
    assert_eq!(code, Some(2));
    for part in ["probes.toml:", "vizit", "did you mean `visit`?", "hera", "did you mean `here`?", "61"] {
        assert!(err.contains(part), "{part} is missing in:\n{err}");
    }
}

#[test]
fn faults_come_as_json_too() {
    let folder = folder("[[probe]]\nid = \"home\"\nvizit = 1\n");
    let (code, out, _) = run(folder.path(), &["check", "--format", "json"]);
    assert_eq!(code, Some(2));
    let faults: Value = serde_json::from_str(&out).unwrap();
    assert!(faults.as_array().is_some_and(|list| !list.is_empty()), "{out}");
    assert_eq!(faults[0]["file"], "probes.toml");
    assert!(faults[0]["line"].as_u64().is_some());
}

#[test]
fn unknown_words_on_the_command_line_are_bad_input() {
    let folder = folder(HOME);
    for args in [
        &["clik"][..],
        &["run"],
        &["run", "--probe", "home", "--scenario", "x.toml"],
        &["run", "--scenario", "x.toml"],
        &["--format", "xml", "check"],
        &["run", "--probe", "home", "--slow", "soon"],
    ] {
        let (code, _, err) = run(folder.path(), args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
    }
}

#[test]
fn an_unknown_probe_or_target_is_named_with_its_neighbour() {
    let folder = folder(HOME);
    let (code, _, err) = run(folder.path(), &["run", "--probe", "hone"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("there is no probe `hone`") && err.contains("did you mean `home`?"), "{err}");
    let (code, _, err) = run(folder.path(), &["run", "--probe", "home", "--target", "there"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("did you mean `here`?"), "{err}");
}

#[test]
fn a_live_address_needs_a_contact() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("s.toml"),
        "id = \"s\"\ntitle = \"t\"\n[[step]]\nname = \"open\"\nstage = \"find\"\ndo = [{ goto = \"{entry}\" }]\n",
    )
    .unwrap();
    let url = format!("http://127.0.0.1:{}/", free_port());
    let (code, _, err) = run(folder.path(), &["run", "--scenario", "s.toml", "--url", &url]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("--contact") && err.contains("--class test"), "{err}");
}

#[test]
fn a_portal_that_nobody_serves_failed_and_that_is_exit_code_1() {
    let folder = folder(HOME);
    let (code, out, err) = run(folder.path(), &["run", "--probe", "home", "--format", "json"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let run: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(run["verdict"], "fail");
    assert_eq!(run["target"], "here");
    assert_eq!(run["steps"][0]["outcome"], "unreachable");
    assert_eq!(run["steps"][0]["credit"], 0);
}

#[test]
fn a_data_folder_that_cannot_be_written_is_our_own_fault() {
    let folder = folder(HOME);
    std::fs::write(folder.path().join("data"), "a file where a folder should be").unwrap();
    let (code, _, err) = run(folder.path(), &["run", "--probe", "home"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("data folder") && err.contains("because: "), "{err}");
}

#[test]
fn what_is_said_of_an_address_needs_an_address() {
    let folder = folder(HOME);
    let (code, _, err) = run(folder.path(), &["run", "--probe", "home", "--class", "test"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("go with --url"), "{err}");
}

#[test]
fn schemas_are_json_and_completions_name_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["probes", "scenario", "fragment", "lexicon", "run"] {
        let (code, out, _) = run(folder.path(), &["schema", kind]);
        assert_eq!(code, Some(0));
        let schema: Value = serde_json::from_str(&out).unwrap();
        assert!(schema.get("properties").is_some(), "{kind}");
    }
    let (code, out, _) = run(folder.path(), &["completions", "bash"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("incidents") && out.contains("doctor"));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let binary = assert_cmd::cargo::cargo_bin("shopper");
    let script = format!("{} completions bash | head -c 10", binary.display());
    let output =
        std::process::Command::new("bash").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}

const SCENARIO: &str = r#"
id = "look"
title = "看一看"
[[step]]
name = "打开首页"
stage = "find"
do = [{ goto = "{entry}" }]
expect = [{ text = "事项" }]
within = "60s"
"#;

const WALK: &str = r#"
[[probe]]
id = "walk"
scenario = "look.toml"
targets = ["*"]
schedule = "0 3 * * *"
"#;

/// What each request is answered with; [`None`] never answers.
type Answer = fn(&str) -> Option<String>;

/// A small portal on a thread of its own; it goes with the test.
fn portal(answer: Answer) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut line = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let _ = reader.read_line(&mut line);
                let path = line.split_whitespace().nth(1).unwrap_or("/").to_owned();
                let Some(body) = answer(&path) else {
                    // Until the other side goes away.
                    let _ = reader.read_to_end(&mut Vec::new());
                    return;
                };
                let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                // The rest of the request is read, so that closing does not cut the answer short.
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = reader.read_to_end(&mut Vec::new());
            });
        }
    });
    format!("http://{address}/")
}

fn silent(_: &str) -> Option<String> {
    None
}

fn healthy(path: &str) -> Option<String> {
    let page = "<!doctype html><title>门户</title><link rel=icon href='data:,'><h1>事项</h1>\
                <a href=/guide>办事指南</a> <a href=/gone>旧链接</a>";
    match path {
        "/" | "/guide" => Some(page.to_owned()),
        "/never" => None,
        _ => Some(String::new()),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Probes, files beside the configuration, and what has to be said about them.
type Broken = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn faults_of_every_kind_are_told_with_file_and_line() {
    let cases: [Broken; 5] = [
        (
            "[[probe]]\nid = \"p\"\nscenario = \"none.toml\"\ntargets = [\"*\"]\nschedule = \"0 3 * * *\"\n",
            &[],
            &["probes.toml:", "there is no file `none.toml`"],
        ),
        (
            WALK,
            &[
                (
                    "look.toml",
                    "id = \"look\"\ntitle = \"t\"\n[[step]]\nname = \"一\"\nstage = \"find\"\ndo = [{ use = \"a.toml\" }]\n",
                ),
                ("a.toml", "do = [{ use = \"b.toml\" }]\n"),
                ("b.toml", "do = [{ use = \"a.toml\" }]\n"),
            ],
            &["b.toml:1:", "a.toml"],
        ),
        (
            "[[probe]]\nid = \"p\"\nvisit = {}\ntargets = [\"*\"]\nschedule = \"0 3 * * *\"\n\
             [[probe]]\nid = \"p\"\nvisit = {}\ntargets = [\"*\"]\nschedule = \"0 4 * * *\"\n",
            &[],
            &["probes.toml:", "two probes", "`p`"],
        ),
        (
            "[[target]]\nid = \"there\"\nname = \"那里\"\nclass = \"test\"\n",
            &[],
            &["probes.toml:", "entry", "hint: "],
        ),
        ("[[probe]\n", &[], &["probes.toml:"]),
    ];
    for (probe, files, parts) in cases {
        let folder = folder(probe);
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        for command in [&["check"][..], &["run", "--probe", "p"], &["daemon"], &["status"]] {
            let (code, _, err) = run(folder.path(), command);
            assert_eq!(code, Some(2), "{command:?}: {err}");
            for part in parts {
                assert!(err.contains(part), "{command:?}: {part} is missing in:\n{err}");
            }
        }
    }
}

#[test]
fn a_walk_without_a_driver_is_our_own_fault_and_says_what_to_install() {
    let folder = folder(&format!("[browser]\nchromedriver = \"/nonexistent/chromedriver\"\n{WALK}"));
    std::fs::write(folder.path().join("look.toml"), SCENARIO).unwrap();
    let (code, out, err) = run(folder.path(), &["run", "--probe", "walk"]);
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.contains("probe_fault") && out.contains("install"), "{out}{err}");
    let (_, out, err) = run(folder.path(), &["status"]);
    assert!(out.contains("The daemon is not running; the last record is of 2"), "{out}{err}");
    assert!(out.contains("inconclusive: 本机 (walk): ") && out.contains("chromedriver"), "{out}{err}");
    let (_, out, _) = run(folder.path(), &["status", "--format", "json"]);
    assert_eq!(json(&out)["agent"]["running"], false, "{out}");
    let (code, out, _) = run(folder.path(), &["doctor", "--format", "json"]);
    assert_eq!(code, Some(3));
    let findings = json(&out);
    let bad: Vec<_> =
        findings.as_array().unwrap().iter().filter(|finding| finding["good"] == false).collect();
    assert!(
        bad.iter().any(|finding| finding["text"].as_str().unwrap().contains("/nonexistent/chromedriver")),
        "{out}"
    );
    assert!(bad.iter().all(|finding| finding["hint"].is_string()), "{out}");
}

#[test]
fn a_sound_machine_is_what_the_doctor_finds() {
    let folder = folder(HOME);
    let (code, out, _) = run(folder.path(), &["doctor", "--format", "json"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(json(&out).as_array().unwrap().iter().all(|finding| finding["good"] == true), "{out}");
}

/// Processes whose command line or environment names this folder.
fn users_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap().as_bytes();
    let holds = |bytes: &[u8]| bytes.windows(folder.len()).any(|window| window == folder);
    let pids = std::fs::read_dir("/proc").unwrap();
    pids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|line| !line.is_empty())?;
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            (holds(&line) || holds(&environment)).then(|| String::from_utf8_lossy(&line).replace('\0', " "))
        })
        // The crash handler stands outside the group and goes by itself.
        .filter(|line| !line.contains("crashpad"))
        .collect()
}

#[test]
fn an_interrupt_ends_a_run_at_once_and_leaves_nothing() {
    let folder = folder_at(&portal(silent), WALK);
    std::fs::write(folder.path().join("look.toml"), SCENARIO).unwrap();
    let temp = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("shopper"))
        .args(["run", "--probe", "walk"])
        .current_dir(folder.path())
        .env_remove("SHOPPER_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .env("TMPDIR", temp.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The browser is there and the step has begun.
    assert!(lines.by_ref().any(|line| line.unwrap().contains("1/1")));
    let watch = mystery_shopper::clock::Stopwatch::start();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(4), "{rest:?}");
    assert!(watch.elapsed_ms() < 8_000, "{}", watch.elapsed_ms());
    assert_eq!(users_of(temp.path()), Vec::<String>::new());
    let left: Vec<_> = std::fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Nothing can be cleared up by a run that is killed; the next one does it.
#[test]
fn what_a_killed_run_left_is_cleared_by_the_next() {
    let silent = portal(silent);
    let place = tempfile::tempdir().unwrap();
    let temp = tempfile::tempdir().unwrap();
    let scenario = "id = 'a'\ntitle = '一'\n[[step]]\nname = '一'\nstage = 'find'\ndo = [{ goto = '{entry}' }]\nwithin = '20s'\n";
    std::fs::write(place.path().join("a.toml"), scenario).unwrap();
    let walk = |url: &str| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("shopper"));
        command
            .current_dir(place.path())
            .env("TMPDIR", temp.path())
            .env("XDG_STATE_HOME", temp.path().join("state"));
        command.args(["run", "--scenario", "a.toml", "--class", "test", "--url", url]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut killed = walk(&silent).spawn().unwrap();
    for _ in 0..400 {
        if users_of(temp.path()).iter().any(|line| line.contains("--user-data-dir")) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!users_of(temp.path()).is_empty(), "there was a browser to leave behind");
    let status = walk(&portal(healthy)).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(users_of(temp.path()), Vec::<String>::new());
    let left: Vec<_> =
        std::fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["state"], "folders");
}

#[test]
fn what_was_run_is_kept_shown_and_exported() {
    let folder = folder_at(&portal(healthy), &format!("{HOME}{WALK}"));
    let folder = folder.path();
    std::fs::write(folder.join("look.toml"), SCENARIO).unwrap();
    let (code, out, err) =
        run(folder, &["run", "--probe", "walk", "--keep", "har,accessibility", "--format", "json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let kept: Vec<String> = json(&out)["steps"][0]["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap().to_owned())
        .collect();
    for kind in ["screenshot", "accessibility", "har"] {
        assert!(kept.iter().any(|one| one == kind), "{kind} is not among {kept:?}");
    }
    follows(&json(&out), &json(&run(folder, &["schema", "run"]).1));
    let (code, out, err) = run(folder, &["run", "--probe", "home"]);
    assert_eq!(code, Some(0), "{out}{err}");

    let (code, out, _) = run(folder, &["status"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("本机") && out.contains("mail: 0 waiting"), "{out}");
    let (_, out, _) = run(folder, &["status", "--format", "json"]);
    assert_eq!(json(&out)["probes"].as_array().unwrap().len(), 2, "{out}");
    let (code, out, _) = run(folder, &["incidents"]);
    assert_eq!((code, out.as_str()), (Some(0), "No incidents.\n"));
    let (_, out, _) = run(folder, &["incidents", "--format", "json", "--open"]);
    assert_eq!(json(&out), serde_json::json!([]));

    let (code, out, _) = run(folder, &["export", "runs", "--format", "jsonl"]);
    assert_eq!(code, Some(0));
    let runs: Vec<Value> = out.lines().map(json).collect();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0]["probe"], "walk");
    let (code, out, _) = run(folder, &["export", "steps", "--format", "csv"]);
    assert_eq!(code, Some(0));
    let mut lines = out.lines();
    let columns = lines.next().unwrap();
    assert!(columns.contains("outcome") && columns.contains("elapsed_ms"), "{columns}");
    assert_eq!(lines.count(), 2, "{out}");
    let (code, _, err) = run(folder, &["check", "--format", "csv"]);
    assert_eq!(code, Some(2), "{err}");
}

/// Whether a value has what its schema requires and nothing that it does not name, as deep as
/// objects, lists and references go.
fn follows(value: &Value, schema: &Value) {
    fn walk(value: &Value, schema: &Value, root: &Value, at: &str) -> usize {
        let mut schema = schema;
        while let Some(name) = schema["$ref"].as_str() {
            schema = root.pointer(&name[1..]).unwrap_or_else(|| panic!("{at}: no {name}"));
        }
        let mut seen = 1;
        if let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(object.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
            }
            for (name, value) in object {
                let schema = properties.get(name).unwrap_or_else(|| panic!("{at}: {name} is in no schema"));
                seen += walk(value, schema, root, &format!("{at}/{name}"));
            }
        }
        for (i, value) in value.as_array().into_iter().flatten().enumerate() {
            seen += walk(value, &schema["items"], root, &format!("{at}/{i}"));
        }
        let allowed = &schema["type"];
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = match allowed {
            Value::String(one) => one == kind,
            Value::Array(many) => many.iter().any(|one| one == kind),
            _ => true,
        };
        assert!(fits, "{at}: {kind} instead of {allowed}");
        seen
    }
    assert!(walk(value, schema, schema, "") > 20, "{value}");
}

#[test]
fn a_visit_and_a_link_check_need_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let portal = portal(healthy);
    let (code, out, err) =
        run(folder.path(), &["visit", &portal, "--class", "test", "--marker", "事项", "--format", "json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(json(&out)["visit"]["marker_found"], true);
    let (code, out, _) = run(folder.path(), &["visit", &portal, "--class", "test", "--marker", "没有"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("broken"), "{out}");
    let (code, out, err) = run(folder.path(), &["crawl", &portal, "--class", "test", "--format", "json"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let crawled = json(&out);
    assert_eq!(crawled["verdict"], "degraded");
    assert!(crawled["links_checked"].as_u64().unwrap() >= 2, "{out}");
    let faults = crawled["link_faults"].as_array().unwrap();
    assert!(faults.iter().any(|fault| fault["text"] == "旧链接" && fault["status"] == 404), "{out}");
    let (code, _, err) = run(folder.path(), &["visit", "ftp://127.0.0.1/"]);
    assert_eq!(code, Some(2), "{err}");
}

/// A process that ends with the test, also with one that fails.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_mail_server_that_refuses_keeps_nobody_from_watching() {
    let smtp = free_port();
    let often = HOME.replace("*/30 * * * *", "*/2 * * * * *");
    let folder = folder(&format!(
        "{often}\n[alert]\nconfirm = 1\n[mail]\nsmtp = \"smtp://127.0.0.1:{smtp}\"\nfrom = \"a@test.example\"\n\
         [[mail.route]]\nto = [\"b@test.example\"]\n"
    ));
    let folder = folder.path();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("shopper"));
    command
        .args(["daemon", "--log", "json"])
        .current_dir(folder)
        .env_remove("SHOPPER_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .env_remove("NOTIFY_SOCKET")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = Ended(command.spawn().unwrap());
    let log = BufReader::new(child.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (speaker, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || log.for_each(|line| drop(speaker.send(line))));
    let mut said = Vec::new();
    let mut hears = |what: &str| loop {
        let Ok(line) = lines.recv_timeout(std::time::Duration::from_secs(30)) else {
            panic!("the log never said {what}: {said:#?}");
        };
        let found = line.contains(what);
        said.push(line);
        if found {
            break;
        }
    };
    hears("incident changed");
    // It was tried, and runs go on.
    hears("mail not accepted");
    hears("run ended");
    let (code, out, err) = run(folder, &["status"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("mail: 1 waiting") && out.contains("the last trouble: "), "{out}");
    assert!(out.contains(&format!("The daemon is running (process {}).", child.0.id())), "{out}");
    let (_, out, _) = run(folder, &["incidents", "--open", "--format", "json"]);
    assert_eq!(json(&out)[0]["outcome"], "unreachable", "{out}");
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}
