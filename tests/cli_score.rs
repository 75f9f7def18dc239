//! `shopper score` and `shopper report` as evaluators meet them: what was not seen has no number, what is
//! wrong is told with what to do, and a changed weight changes the ranking.

#[path = "cli_score/coders.rs"]
mod coders;
#[path = "cli_score/formats.rs"]
mod formats;
#[path = "cli_score/world.rs"]
mod world;
#[path = "cli_score/wrong.rs"]
mod wrong;

use std::fmt::Write as _;
use std::path::Path;

use mystery_shopper::domain::outcome::Outcome;
use serde_json::Value;

use world::{done, fill, folder, shipped, walks, write};

/// Totals, ranks and coverages of the cities, as programs read them.
fn ranking(folder: &Path, profile: &str) -> Vec<(String, Option<u64>, f64)> {
    let told = done(folder, &["score", "--period", "2025-11", "--profile", profile, "--format", "json"]);
    let cards = told.json()["assessment"]["cards"].as_array().unwrap().clone();
    let one = |card: &Value| {
        let id = card["target"]["id"].as_str().unwrap().to_owned();
        (id, card["rank"].as_u64(), card["total"].as_f64().unwrap())
    };
    cards.iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_weights_sees_another_ranking() {
    let folder = folder(2);
    let at = folder.path();
    for (city, _) in &world::CITIES[..2] {
        walks(at, city, Outcome::OnlineReady, 3).await;
    }
    // Chengdu has the better guide, Kunming answers better; in handling they are alike.
    let answer = |target: &str, indicator: &str| {
        let good = match indicator.as_bytes()[0] {
            b'A' => target == "chengdu",
            b'I' => target == "kunming",
            _ => true,
        };
        let word = match (indicator, good) {
            ("A1.search.rank", true) => "1",
            ("A1.clicks", true) => "3",
            ("A1.search.rank" | "A1.clicks" | "A2" | "A3", false) => "8",
            ("A2" | "A3", true) => "0",
            ("H2", _) => "electronic",
            ("I1.chatbot", true) => "works",
            ("I2.channel", true) => "full",
            ("I2.reply", true) => "solved",
            ("I1.chatbot" | "I2.channel" | "I2.reply", false) => "none",
            (_, true) => "yes",
            (_, false) => "no",
        };
        word.to_owned()
    };
    let sheet = done(at, &["observe", "sheet", "--coder", "li", "--profile", "d3"]);
    write(at, "li.csv", fill(sheet.text(), answer));
    done(at, &["observe", "import", "li.csv", "--profile", "d3"]);

    let published = ranking(at, "d3");
    let places = |ranking: &[(String, Option<u64>, f64)]| -> Vec<_> {
        ranking.iter().map(|(id, rank, _)| (id.clone(), *rank)).collect()
    };
    let want =
        |first, second| vec![("chengdu".to_owned(), Some(first)), ("kunming".to_owned(), Some(second))];
    assert_eq!(places(&published), want(2, 1), "interaction weighs more than the guide");

    // The copy, with the guide worth sixty.
    let guide = "id      = \"A\"\ntitle   = { zh = \"办事指南\", en = \"Service guide\" }\nweight  = 20";
    let copy = shipped("d3");
    assert_eq!(copy.matches(guide).count(), 1);
    let copy = copy.replace(guide, &guide.replace("20", "60")).replace("= \"d3\"", "= \"mine\"");
    write(at, "my.toml", copy);
    let checked = done(at, &["check", "my.toml"]);
    assert!(checked.text().contains("1 profile checked, no faults, 0 warnings."), "{}", checked.text());
    let mine = ranking(at, "my.toml");
    assert_eq!(places(&mine), want(1, 2), "{mine:?}");

    // People see the same, the best first, and the profile's hash stands in the report.
    let told = done(at, &["score", "--period", "2025-11", "--profile", "my.toml"]);
    let rows: Vec<&str> = told.text().lines().filter(|line| line.contains('市')).collect();
    assert!(rows[0].contains("成都市") && rows[1].contains("昆明市"), "{}", told.text());
    let report = done(at, &["report", "--period", "2025-11", "--profile", "my.toml", "--format", "md"]);
    let hash =
        done(at, &["report", "--period", "2025-11", "--profile", "my.toml", "--format", "json"]).json();
    let hash = hash["assessment"]["profile_hash"].as_str().unwrap().to_owned();
    assert_eq!(hash, sha256(&at.join("my.toml")));
    assert!(report.text().contains(&hash), "{}", report.text());

    // The equal weights that come with the project can be asked for by name as well.
    write(at, "profiles/d3-equal.toml", shipped("d3-equal"));
    assert_eq!(ranking(at, "d3-equal").len(), 2);
}

/// The SHA-256 of a file, as `sha256sum` prints it.
fn sha256(file: &Path) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(std::fs::read(file).unwrap());
    hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
