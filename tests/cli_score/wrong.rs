//! What is asked wrongly, and what there is nothing to say about.

use std::path::Path;

use super::world::{self, database, done, folder, shipped, shopper, write};

/// A profile that is right, but for what is put in.
fn profile(more: &str) -> String {
    format!(
        "id = \"p\"\ntitle = \"P\"\n[[indicator]]\nid = \"H2\"\ntitle = \"H2\"\nweight = 1\nyes_no = true\n{more}"
    )
}

#[test]
fn what_is_asked_wrongly_is_told_with_what_to_do() {
    let folder = folder(3);
    let at = folder.path();
    database(at);
    let of = "[[indicator]]\nid = \"H3\"\nof = \"H9\"\ntitle = \"H3\"\nweight = 1\nyes_no = true\n";
    write(at, "of.toml", profile(of));
    let when =
        "[[finding]]\nid = \"f\"\nwhen = { indicator = \"H7\", is = \"no\" }\nsentence = \"{count}\"\n";
    write(at, "when.toml", profile(when));
    let period: &[&str] = &["--period", "2025-11"];
    let with = |more: &[&'static str]| [period, more].concat();
    let cases: [(Vec<&str>, &[&str]); 17] = [
        (vec![], &["no period is named", "write --period 2026-11"]),
        (vec!["--period", "soon"], &["`soon` is no period", "write a year (2026)"]),
        (vec!["--period", "2025-11..2025-10"], &["is empty", "write the earlier one first"]),
        (vec!["--period", "2025-11.."], &["has no end"]),
        (vec!["--period", "2199-11"], &["lies in the future", "choose one that has begun"]),
        (with(&["--against", "2025-10..2025-11"]), &["have days in common", "--against 2025-11"]),
        (with(&["--against", "then"]), &["`then` is no period"]),
        (with(&["--profile", "none"]), &["profiles/none.toml", "hint: "]),
        (with(&["--profile", "d4"]), &["profiles/d4.toml", "did you mean `profiles/d3.toml`?"]),
        (with(&["--profile", "none.toml"]), &["none.toml", "hint: "]),
        (with(&["--profile", "of.toml"]), &["`H9`", "of.toml:10:6", "hint: "]),
        (with(&["--profile", "when.toml"]), &["`H7`", "when.toml:10:22", "did you mean `H2`?"]),
        (with(&["--profile", "probes.toml"]), &["probes.toml"]),
        (with(&["--clusters", "0"]), &["no clusters in `--clusters 0`", "write 2 or more"]),
        (with(&["--clusters", "2", "--cut", "1"]), &["cannot be used with"]),
        (with(&["--cut=-1"]), &["`--cut -1` is no height"]),
        (with(&["--cut", "nan"]), &["is no height"]),
    ];
    for (args, wants) in &cases {
        for command in ["score", "report"] {
            refused(at, &[&[command], &args[..]].concat(), wants);
        }
    }
    let only: [(&[&str], &[&str]); 9] = [
        (&["score", "--target", "chengd"], &["there is no target `chengd`", "did you mean `chengdu`?"]),
        (&["score", "--format", "csv"], &["`shopper report` write csv", "write --format json"]),
        (&["report", "target", "chengd"], &["there is no target `chengd`", "did you mean `chengdu`?"]),
        (&["report", "target", "chengdu", "--format", "csv"], &["a letter is html, pdf or md"]),
        (&["report", "--format", "junit"], &["only `shopper crawl` writes junit"]),
        (&["report", "--language", "fr"], &["write zh-CN or en"]),
        (&["report", "--out", "none/x.html"], &["there is no folder `none`", "make it first"]),
        (&["report", "--format", "pdf", "--out", "none/x.pdf"], &["there is no folder `none`"]),
        (&["report", "--out", "profiles"], &["`profiles` is a folder", "name a file"]),
    ];
    for (args, wants) in only {
        refused(at, &[args, period].concat(), wants);
    }
    let nowhere = ["observe", "sheet", "--coder", "li", "--profile", "d3", "--out", "none/li.csv"];
    refused(at, &nowhere, &["there is no folder `none`"]);
    assert!(!at.join("none").exists());
}

fn refused(at: &Path, args: &[&str], wants: &[&str]) {
    let told = shopper(at, args);
    assert_eq!(told.code, Some(2), "{args:?}: {}", told.err);
    assert!(told.out.is_empty(), "{args:?}: {}", told.text());
    for want in wants {
        assert!(told.err.contains(want), "{args:?}: {want}:\n{}", told.err);
    }
}

#[test]
fn without_a_data_folder_nothing_is_scored_and_nothing_is_made() {
    let folder = folder(2);
    let at = folder.path();
    for command in ["score", "report"] {
        let told = shopper(at, &[command, "--period", "2025-11"]);
        assert_eq!((told.code, told.text()), (Some(3), ""), "{}", told.err);
        assert!(told.err.contains("there is no database yet; run a probe first"), "{}", told.err);
    }
    assert!(!at.join("data").exists());
}

/// Every cell of CSV as text; titles of d3 have no quotes.
fn columns<'a>(csv: &'a str, name: &str) -> Vec<&'a str> {
    let place = csv.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    csv.lines().skip(1).map(|line| line.split(',').nth(place).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_was_seen_no_format_says_0() {
    // An empty database with three cities, with one, and a period before anything was seen.
    for (cities, walked) in [(3, false), (1, false), (2, true)] {
        let folder = folder(cities);
        let at = folder.path();
        if walked {
            world::walks(at, "chengdu", super::Outcome::OnlineReady, 2).await;
        }
        database(at);
        let blank = |args: &[&str]| {
            let told = shopper(at, &[args, &["--period", "2024-05"]].concat());
            assert_eq!(told.code, Some(3), "{args:?}: {}", told.err);
            let noun = if cities == 1 { "1 target".to_owned() } else { format!("{cities} targets") };
            let note = format!("Nothing was seen of {noun} from 2024-05-01 to 2024-05-31");
            assert!(told.err.contains(&note), "{args:?}: {}", told.err);
            told
        };
        let told = blank(&["score"]);
        for row in told.text().lines().filter(|line| line.contains("市  ")) {
            assert_eq!(row.matches('–').count(), 8, "rank, total, interval, grade, four indicators: {row}");
        }
        assert!(told.text().contains("has no rank: nothing was seen of it."), "{}", told.text());
        let cards = blank(&["score", "--format", "json"]).json()["assessment"]["cards"].clone();
        let nodes = cards[0]["nodes"].as_array().unwrap().len();
        for card in cards.as_array().unwrap() {
            assert!(card["total"].is_null() && card["rank"].is_null() && card["grade"].is_null(), "{card}");
            let nodes = card["nodes"].as_array().unwrap();
            assert!(nodes.iter().all(|node| node["score"].is_null() && node["state"] == "unobserved"));
        }
        let csv = blank(&["report", "--format", "csv", "--profile", "d3"]);
        for column in ["score", "low", "high", "value", "rank"] {
            assert!(columns(csv.text(), column).iter().all(|cell| cell.is_empty()), "{column}");
        }
        let text = blank(&["report", "--format", "md", "--against", "2023-05", "--clusters", "2"]);
        let said = text.text();
        // Weights and corners of formulas are the profile's; before them stands what was seen. Coverage and n
        // of what was not seen are 0.
        let (seen, _) = said.split_once(". Method").unwrap();
        assert!(!seen.contains("0.00") && !seen.contains("**0**"), "{seen}");
        let rows: Vec<&str> = seen.lines().filter(|line| line.contains("| not observed |")).collect();
        assert_eq!(rows.len(), cities * nodes);
        assert!(rows.iter().all(|row| row.ends_with("| — | — | 0 | 0 | — | — |")), "{rows:#?}");
        assert!(said.contains("No clusters could be made") && !said.contains("Ranks that move"), "{said}");
        let html = blank(&["report", "--against", "2023-05"]);
        assert!(html.text().starts_with("<!DOCTYPE html>"), "{}", &html.text()[..99]);
        let letter = blank(&["report", "target", "chengdu", "--format", "md"]);
        assert!(
            letter.text().contains("Could not be observed, and does not count as 0"),
            "{}",
            letter.text()
        );
        let told = blank(&["report", "--format", "xlsx", "--out", "x.xlsx"]);
        assert!(told.out.is_empty());
        let mut book = super::formats::workbook(&at.join("x.xlsx"));
        assert_eq!(super::formats::totals(&mut book, "Unranked"), vec![None; cities]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_nobody_looked_at_lies_beside_one_that_was_seen() {
    let folder = folder(2);
    let at = folder.path();
    world::walks(at, "chengdu", super::Outcome::MustGoToWindow, 2).await;
    let told = done(at, &["score", "--period", "2025-11", "--clusters", "2", "--against", "2025-10"]);
    assert!(told.text().contains("昆明市 has no rank: nothing was seen of it."), "{}", told.text());
    assert!(told.text().contains("成都市 has no rank: 3"), "too little is known of it: {}", told.text());
    // The window was seen, and that is worth 0; nothing else of handling is.
    let csv = done(at, &["report", "--period", "2025-11", "--format", "csv"]);
    let of = |city: &str, id: &str| {
        let start = format!("{city},");
        let mut rows = csv.text().lines().filter(|line| line.starts_with(&start));
        rows.find(|line| line.contains(&format!(",{id},"))).unwrap().to_owned()
    };
    assert!(of("chengdu", "H1").contains(",scored,0.0000,"), "{}", of("chengdu", "H1"));
    for (city, id) in [("chengdu", "H2"), ("kunming", "H1"), ("kunming", "T1"), ("kunming", "total")] {
        assert!(of(city, id).contains(",unobserved,,,"), "{}", of(city, id));
    }
    // One that is asked for alone is scored, and nothing is kept of it.
    let one = done(at, &["score", "--period", "2025-11", "--target", "chengdu", "--format", "json"]);
    assert_eq!(one.json()["assessment"]["cards"].as_array().unwrap().len(), 1);
    write(at, "profiles/other.toml", shipped("site-check"));
    done(at, &["score", "--period", "2025-11", "--profile", "other", "--no-keep"]);
}
