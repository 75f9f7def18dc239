//! The command line as people meet it: exit codes, messages, JSON.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn shopper(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("shopper").unwrap();
    command.current_dir(folder).env_remove("SHOPPER_CONFIG").env_remove("STATE_DIRECTORY");
    command
}

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = shopper(folder).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A folder with a configuration that has one target and one probe.
fn folder(probe: &str) -> tempfile::TempDir {
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
entry = "http://127.0.0.1:9/"
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
    assert!(out.contains("1 targets, 1 probes, no faults"), "{out}");
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
    let faults: serde_json::Value = serde_json::from_str(&out).unwrap();
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
    let (code, _, err) = run(folder.path(), &["run", "--scenario", "s.toml", "--url", "http://127.0.0.1:9/"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("--contact") && err.contains("--class test"), "{err}");
}

#[test]
fn a_portal_that_nobody_serves_failed_and_that_is_exit_code_1() {
    let folder = folder(HOME);
    let (code, out, err) = run(folder.path(), &["run", "--probe", "home", "--format", "json"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let run: serde_json::Value = serde_json::from_str(&out).unwrap();
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
fn schemas_are_json_and_completions_name_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["probes", "scenario", "fragment", "lexicon", "run"] {
        let (code, out, _) = run(folder.path(), &["schema", kind]);
        assert_eq!(code, Some(0));
        let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
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
