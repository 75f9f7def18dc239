//! The demo as a newcomer plays it, from the first walk to the report, with real browsers.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

const CITIES: [&str; 3] = ["示范市政务服务网", "临海市网上办事大厅", "北山市政务公开网"];

fn shopper(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::cargo_bin("shopper").unwrap();
    command.current_dir(folder).env_remove("SHOPPER_CONFIG").env_remove("STATE_DIRECTORY");
    let Output { status, stdout, stderr } = command.args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_story_ends_with_ranks_for_every_city_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) =
        shopper(folder.path(), &["demo", "--once", "--folder", "demo", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(0), "{out}\n{err}");
    let (_, end) = out.split_once("5. The assessment").expect("a fifth act");
    for city in CITIES {
        assert!(
            end.lines().any(|line| line.contains(city) && line.contains('%')),
            "no row of {city}:\n{end}"
        );
    }
    let page = folder.path().join("demo/report.html");
    assert!(end.contains(page.to_str().unwrap()), "{end}");

    let page = std::fs::read_to_string(page).unwrap();
    for city in CITIES {
        assert!(page.contains(city), "{city} is not in the report");
    }
    assert!(page.contains("演示数据，虚构"), "it says what was made up");
    for loads in ["<script", "stylesheet", "@import", "href=\"http", "src=\"http", "src=\"/", "url(http"] {
        assert!(!page.contains(loads), "the report is not one file: {loads}");
    }

    // What the story printed is what anybody gets from its folder afterwards.
    let again = end.lines().find(|line| line.contains("--period")).expect("a command for the PDF");
    let period = again.split("--period ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let (code, out, err) = shopper(
        folder.path(),
        &["--config", "demo/probes.toml", "--format", "json", "score", "--period", period, "--no-keep"],
    );
    assert_eq!(code, Some(0), "{err}");
    let scored: Value = serde_json::from_str(&out).unwrap();
    let cards = scored["assessment"]["cards"].as_array().unwrap();
    assert_eq!(cards.len(), CITIES.len());
    for card in cards {
        assert!(card["rank"].is_u64() && card["total"].is_f64(), "{card}");
        assert!(card["coverage"].as_f64().unwrap() >= 70.0, "{card}");
        // Walked, visited, looked through for dead links, and coded by people.
        for leaf in ["A1.search.found", "T1", "T2", "H2"] {
            let node = card["nodes"].as_array().unwrap().iter().find(|node| node["id"] == leaf).unwrap();
            assert_eq!(node["state"], "scored", "{leaf} of {}", card["target"]["name"]);
        }
    }

    let (code, out, err) = shopper(
        folder.path(),
        &["--config", "demo/probes.toml", "--format", "json", "observe", "compare", "--profile", "d3"],
    );
    assert_eq!(code, Some(0), "{err}");
    let compared: Value = serde_json::from_str(&out).unwrap();
    let settled: Vec<&Value> = compared
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["disagreements"].as_array().unwrap())
        .map(|one| &one["how"])
        .collect();
    assert_eq!(settled, ["third_coder"], "{compared}");
}
