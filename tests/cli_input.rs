//! What people type on the command line, and what they are told when it cannot be right.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn shopper(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("shopper")
        .unwrap()
        .current_dir(folder)
        .env_remove("SHOPPER_CONFIG")
        .env_remove("STATE_DIRECTORY")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Every command is bad input, and what is said has this part.
fn refused(folder: &Path, cases: &[(&[&str], &str)]) {
    for (args, part) in cases {
        let (code, _, err) = shopper(folder, args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(part), "{args:?}: {part} is missing in:\n{err}");
    }
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

const SCENARIO: &str = "id = \"s\"\ntitle = \"t\"\n[[step]]\nname = \"open\"\nstage = \"find\"\n";

#[test]
fn a_contact_on_the_command_line_is_held_to_the_same_rules_as_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    refused(
        folder.path(),
        &[
            (&["visit", "http://127.0.0.1:1/", "--contact", ""], "is no way to reach you"),
            (
                &["visit", "http://127.0.0.1:1/", "--contact", "a@b.example"],
                "did you mean `mailto:a@b.example`?",
            ),
            (&["crawl", "http://127.0.0.1:1/", "--contact", "me"], "write \"mailto:"),
            (
                &["run", "--scenario", "s.toml", "--url", "http://127.0.0.1:1/", "--contact", "a@b"],
                "is no way to reach you",
            ),
        ],
    );
}

#[test]
fn addresses_times_and_kinds_say_how_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    refused(
        folder.path(),
        &[
            (&["visit", "nonsense"], "did you mean `https://nonsense`?"),
            (&["visit", "zwfw.example.org:8080"], "did you mean `https://zwfw.example.org:8080`?"),
            (
                &["run", "--scenario", "s.toml", "--url", "127.0.0.1:18777"],
                "did you mean `http://127.0.0.1:18777`?",
            ),
            (&["crawl", "ftp://example.org/"], "starts with http:// or https://"),
            (&["visit", "http://127.0.0.1:1/", "--within", "0s"], "must be from 1s to 5m"),
            (&["visit", "http://127.0.0.1:1/", "--within", "2h"], "must be from 1s to 5m"),
            (&["run", "--probe", "p", "--slow", "2h"], "must be from 0s to 1m"),
            (&["run", "--probe", "p", "--keep", "har,movie"], "it is one of whole_page, har, dom"),
            (&["crawl", "http://127.0.0.1:1/", "--depth", "99"], "20"),
            (&["export", "runs", "--since", "yesterday"], "such as 2026-11-01T00:00:00+08:00"),
        ],
    );
}

#[test]
fn a_window_needs_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "s.toml", &format!("{SCENARIO}do = [{{ goto = \"{{entry}}\" }}]\n"));
    let args = ["run", "--scenario", "s.toml", "--url", "http://127.0.0.1:1/", "--class", "test", "--headed"];
    refused(folder.path(), &[(&args, "neither DISPLAY nor WAYLAND_DISPLAY is set")]);
}

#[test]
fn a_scenario_by_itself_may_lean_on_the_variables_of_a_target() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let fills = |what: &str| {
        format!(
            "{SCENARIO}do = [{{ goto = \"{{entry}}\" }}, {{ fill = \"label=密码\", with = \"{{password}}\" }}, \
             {{ fill = \"label=企业名称\", with = \"{what}\" }}]\n"
        )
    };
    write(folder, "s.toml", &fills("药房"));
    let (code, out, err) = shopper(folder, &["check", "s.toml"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert_eq!(out, "1 scenario checked, no faults, 0 warnings.\n");
    write(folder, "s.toml", &fills("{company}"));
    let (code, out, err) = shopper(folder, &["check", "s.toml"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("warning: variable `{company}` has no value in this file"), "{err}");
    assert!(err.contains("a target's `vars` or --var company=…"), "{err}");
    assert!(out.ends_with("no faults, 1 warning.\n"), "{out}");
    let (code, out, err) = shopper(folder, &["check", "s.toml", "--quiet"]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", ""), "only faults are told");
    // A walk needs the values.
    let walk = ["run", "--scenario", "s.toml", "--url", "http://127.0.0.1:1/", "--class", "test"];
    refused(folder, &[(&walk, "give --var password=…"), (&walk, "give --var company=…")]);
}

#[test]
fn faults_name_files_as_they_can_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let uses = format!("{SCENARIO}do = [{{ use = \"../../fragments/a.toml\" }}]\n");
    write(folder, "scenarios/city/a.toml", &uses);
    write(folder, "fragments/a.toml", "do = [{ click = \"text=药\" }]\n");
    let (code, _, err) = shopper(folder, &["check", "scenarios/city/a.toml"]);
    assert_eq!(code, Some(0), "{err}");
    write(folder, "fragments/a.toml", "do = [{ clik = \"text=药\" }]\n");
    refused(
        folder,
        &[
            (&["check", "scenarios/city/a.toml"], "--> fragments/a.toml:1:9"),
            (&["check", "scenarios/city/a.toml"], "1 fault in 1 file"),
            (&["check", "fragments/a.toml"], "--> fragments/a.toml:1:1"),
            (&["check", "fragments/a.toml"], "this is a fragment, not a scenario"),
            (&["check", "scenarios/city/none.toml"], "--> scenarios/city/none.toml"),
        ],
    );
    write(folder, "conf/probes.toml", "[agent]\nnam = \"x\"\n");
    refused(folder, &[(&["check", "--config", "conf/probes.toml"], "--> conf/probes.toml:2:1")]);
}

#[test]
fn a_city_or_a_fault_of_the_demo_that_is_not_there_is_named_with_those_that_are() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, out, err) = shopper(folder, &["demo", "fault", "list"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("home-down") && out.is_ascii(), "{out}");
    refused(
        folder,
        &[
            (&["demo", "fault", "home-down", "--city", "nowhere"], "demo-city, linhai-city, beishan-city"),
            (&["demo", "fault", "home-dwn"], "did you mean `home-down`?"),
            (&["demo", "fault", "home-down", "--portal", "127.0.0.1:1"], "start `shopper demo` first"),
        ],
    );
}

#[test]
fn a_port_that_is_taken_is_no_place_for_the_portal() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, err) = shopper(folder.path(), &["demo", "portal", "--listen", &address]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains(&format!("could not listen on {address}")) && err.contains("hint: "), "{err}");
}

#[test]
fn the_schema_of_runs_fits_one_run_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = shopper(folder.path(), &["schema", "run"]);
    assert_eq!(code, Some(0));
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert!(schema["properties"]["verdict"].is_object(), "{out}");
    let (_, help, _) = shopper(folder.path(), &["schema", "--help"]);
    assert!(help.contains("a list of such objects"), "{help}");
}

const CONFIGURATION: &str = r#"
[agent]
name = "a"

[[target]]
id = "city"
name = "示范市"
entry = "http://127.0.0.1:1/"
class = "test"

[[probe]]
id = "walk"
scenario = "scenarios/s.toml"
targets = ["*"]
schedule = "@daily"
"#;

fn with_profile(measure: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let d3 = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/d3.toml")).unwrap();
    write(folder.path(), "probes.toml", CONFIGURATION);
    write(folder.path(), "profiles/d3.toml", &d3);
    let step = format!("{SCENARIO}measure = {measure}\ndo = [{{ goto = \"{{entry}}\" }}]\n");
    write(folder.path(), "scenarios/s.toml", &step);
    folder
}

#[test]
fn profiles_beside_the_configuration_are_checked_with_it() {
    let folder = with_profile("[\"T1\", \"A1\", \"A2.basis\"]");
    let folder = folder.path();
    let (code, out, err) = shopper(folder, &["check"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert_eq!(out, "probes.toml: 1 target, 1 probe, 1 profile, no faults, 0 warnings.\n");
    // What an editor leaves behind is none of them.
    write(folder, "profiles/.d3.toml", "x");
    write(folder, "profiles/notes.txt", "x");
    let (code, out, err) = shopper(folder, &["check", "profiles/d3.toml", "scenarios/s.toml"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert_eq!(out, "1 scenario and 1 profile checked, no faults, 0 warnings.\n");

    // A copy that is still called as before can be told from its model by nobody.
    std::fs::copy(folder.join("profiles/d3.toml"), folder.join("profiles/mine.toml")).unwrap();
    let (code, out, err) = shopper(folder, &["check"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("warning: the profile of `profiles/d3.toml` has the id `d3` as well"), "{err}");
    assert!(err.contains("--> profiles/mine.toml"), "{err}");
    assert!(out.ends_with("2 profiles, no faults, 1 warning.\n"), "{out}");

    // Faults of profile and configuration are told together, with their places.
    write(folder, "profiles/mine.toml", "id = \"mine\"\ntitle = \"甲\"\nindicators = []\n");
    write(folder, "probes.toml", &CONFIGURATION.replace("class =", "clas = 1\nclass ="));
    let (code, _, err) = shopper(folder, &["check"]);
    assert_eq!(code, Some(2), "{err}");
    for part in
        ["unknown key `clas`", "profiles/mine.toml:3:1", "did you mean `indicator`?", "2 faults in 2 files"]
    {
        assert!(err.contains(part), "{part} is missing in:\n{err}");
    }
    let (_, out, _) = shopper(folder, &["check", "profiles/mine.toml", "--format", "json"]);
    let faults: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(faults[0]["file"], "profiles/mine.toml", "{out}");
}

#[test]
fn what_no_profile_knows_is_told_where_it_is_measured() {
    let folder = with_profile("[\"T1\", \"A1.search.fond\", \"Z9\"]");
    let folder = folder.path();
    for args in [&["check"][..], &["check", "scenarios/s.toml"]] {
        let (code, _, err) = shopper(folder, args);
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains("no profile has an indicator `A1.search.fond`"), "{err}");
        assert!(err.contains("hint: did you mean `A1.search.found`?"), "{err}");
        assert!(err.contains("scenarios/s.toml:6:"), "{err}");
        assert!(
            err.contains("take `Z9` out of `measure`, or write it into a profile in `profiles/`"),
            "{err}"
        );
    }
    // Where nobody scores there is nothing to miss.
    std::fs::remove_dir_all(folder.join("profiles")).unwrap();
    let (code, out, err) = shopper(folder, &["check"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
}
