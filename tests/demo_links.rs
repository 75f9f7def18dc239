//! `shopper crawl` with a browser against the demo portal: the dead links that the tour
//! (`docs/demo.md`) names are found, and nothing else.

use std::path::Path;

use mystery_shopper::clock::Clock;
use mystery_shopper::demo::{Portal, PortalState};

/// City by city: what is found, by class and path.
const PLANTED: [(&str, &[&str]); 3] = [
    (
        "/",
        &[
            "not_found /files/food-licence-form.docx",
            "not_found /notice/2019088",
            "not_found /sitemap",
            "wrong_type /files/temporary-id-form.doc",
        ],
    ),
    (
        "/linhai/",
        &[
            "fragment /linhai/evaluation#rules",
            "not_found /linhai/files/fishing-2016.doc",
            "not_found /linhai/hall/map.html",
            "not_found /linhai/hall/parking",
            "not_found /linhai/mailbox/write",
            "not_found /linhai/notice/2018",
            "soft_404 /linhai/policy/2019-37.html",
            "wrong_type /linhai/files/drug-licence-form.docx",
        ],
    ),
    (
        "/beishan/",
        &[
            "not_found /beishan/index_old.asp",
            "not_found /beishan/mail/list.asp?page=1",
            "not_found /beishan/news/20081103.htm",
        ],
    ),
];

async fn crawl(folder: &Path, entry: &str) -> serde_json::Value {
    let mut command = tokio::process::Command::new(assert_cmd::cargo::cargo_bin("shopper"));
    command.args(["crawl", entry, "--class", "test", "--format", "json"]);
    command.current_dir(folder).env_remove("SHOPPER_CONFIG").env("XDG_STATE_HOME", folder.join("state"));
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_planted_links_are_found_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let state = PortalState::new(Clock::system());
    let portal = Portal::bind("127.0.0.1:0".parse().unwrap(), state).await.unwrap();
    let origin = format!("http://{}", portal.addr());
    for (city, planted) in PLANTED {
        let run = crawl(folder.path(), &format!("{origin}{city}")).await;
        let mut found: Vec<String> = run["link_faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| {
                let path = fault["url"].as_str().unwrap().strip_prefix(&origin).unwrap();
                format!("{} {path}", fault["class"].as_str().unwrap())
            })
            .collect();
        found.sort();
        assert_eq!(found, planted, "{city}");
        let doubts = run["crawl"]["doubts"].as_array().unwrap();
        // What robots.txt closes to us, and the folder that a firewall guards.
        let known = |doubt: &&serde_json::Value| matches!(doubt["class"].as_str(), Some("robots" | "waf"));
        assert_eq!(doubts.iter().filter(known).count(), doubts.len(), "{doubts:?}");
    }
}
