//! Text, CSV, JSON and workbooks.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use calamine::{Data, Reader, Xlsx};
use mystery_shopper::domain::language::Language;
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::profile::{Condition, Figure};
use mystery_shopper::report;
use mystery_shopper::score::card::{Assessment, Value};

use super::world;

#[test]
fn a_small_report_as_text() {
    insta::assert_snapshot!("report-zh", report::md(&world::dossier(3, Language::Chinese)));
    insta::assert_snapshot!("report-en", report::md(&world::dossier(3, Language::English)));
}

#[test]
fn reports_about_nothing_say_so() {
    insta::assert_snapshot!("none-zh", report::md(&world::dossier(0, Language::Chinese)));
    insta::assert_snapshot!("unobserved-en", report::md(&world::unobserved(1, Language::English)));
}

#[test]
fn letters_as_text() {
    for (name, language) in [("letter-zh", Language::Chinese), ("letter-en", Language::English)] {
        let dossier = world::dossier(7, language);
        let id = &dossier.assessment.cards[1].target.id;
        insta::assert_snapshot!(name, report::letter::md(&dossier, id).unwrap());
    }
}

#[test]
fn sentences_say_which_case_holds() {
    let letter = |dossier: &report::Dossier, id: &str| report::letter::md(dossier, &id.into()).unwrap();
    // A period of one day.
    for (language, want) in [
        (Language::English, "On 1 October 2026 we looked at"),
        (Language::Chinese, "我们于2026年10月1日以普通办事群众的身份"),
    ] {
        let mut dossier = world::dossier(2, language);
        dossier.assessment.period.last = dossier.assessment.period.first;
        assert!(letter(&dossier, "city-01").contains(want), "{}", letter(&dossier, "city-01"));
    }
    // Nothing can be compared, or nothing changed.
    let mut dossier = world::dossier(2, Language::Chinese);
    for node in &mut dossier.analysis.change.as_mut().unwrap().nodes {
        node.after = node.before;
    }
    assert!(report::md(&dossier).contains("相比，可比指标的平均得分没有变化。"));
    dossier.analysis.change.as_mut().unwrap().nodes.clear();
    assert!(report::md(&dossier).contains("相比，没有可比指标。"));
    // No number tells portals apart.
    let mut dossier = world::dossier(10, Language::Chinese);
    dossier.analysis.clusters.as_mut().unwrap().used.clear();
    assert!(report::md(&dossier).contains("没有一项数值是各评估对象都有、且不全相同的。"));
    // A coverage that lies below the floor by a hair.
    let mut dossier = world::dossier(2, Language::English);
    (dossier.assessment.cards[0].coverage, dossier.assessment.cards[0].rank) = (69.96, None);
    assert!(report::md(&dossier).contains("Coverage is 69.96%, below the floor of 70% for a rank."));
}

#[test]
fn a_yes_or_no_of_a_figure_is_a_word_of_the_language() {
    for (language, letter, row) in [
        (Language::Chinese, "F6 承诺全程网办为是", "| F6 承诺全程网办 | 是 | 2026年11月4日 |"),
        (Language::English, "F6 All of it online is yes", "| F6 All of it online | yes | 4 November 2026 |"),
    ] {
        let mut dossier = world::dossier(2, language);
        dossier.profile.figures = vec![Figure {
            id: world::id("F6"),
            title: world::words("承诺全程网办", "All of it online"),
        }];
        dossier.profile.findings[0].when =
            Condition::Is { indicator: world::id("F6"), words: vec!["yes".to_owned()] };
        dossier.analysis.findings[0].targets = vec!["city-02".into()];
        let coding = dossier.codings.last_mut().unwrap();
        (coding.indicator, coding.value) = (world::id("F6"), "yes".to_owned());
        let told = report::letter::md(&dossier, &"city-02".into()).unwrap();
        assert!(told.contains(letter) && told.contains(row), "{told}");
        assert!(report::md(&dossier).contains(row));
    }
}

#[test]
fn what_was_left_out_is_counted_for_each_portal() {
    let mut dossier = world::dossier(2, Language::English);
    for node in &mut dossier.assessment.cards[1].nodes {
        if let Some(Value::Steps { steps }) = &mut node.value {
            // The same step feeds two indicators.
            steps[0].step = "进入在线办理".to_owned();
            steps[0].outcomes = vec![
                (Outcome::Done, 5),
                (Outcome::LoginWall, 4),
                (Outcome::NotReached, 9),
                (Outcome::ScriptRot, 2),
                (Outcome::ProbeFault, 1),
            ];
        }
    }
    let name = &dossier.assessment.cards[1].target.name;
    assert!(report::md(&dossier).contains(&format!("| {name} | 4 | 3 |")), "{}", report::md(&dossier));
}

fn csv(dossier: &report::Dossier) -> String {
    String::from_utf8(report::written(dossier, report::Format::Csv).unwrap()).unwrap()
}

#[test]
fn the_long_table_as_csv() {
    insta::assert_snapshot!("csv", csv(&world::dossier(2, Language::English)));
}

#[test]
fn no_name_is_a_formula_in_csv() {
    let mut dossier = world::dossier(1, Language::Chinese);
    dossier.assessment.cards[0].target.name = "=HYPERLINK(\"http://evil.example\")".to_owned();
    let text = csv(&dossier);
    assert!(text.contains("\"'=HYPERLINK(") && !text.contains(",=") && !text.contains(",\"="), "{text}");
}

#[test]
fn the_same_dossier_gives_the_same_bytes() {
    let dossier = world::dossier(9, Language::Chinese);
    assert_eq!(report::html(&dossier).unwrap(), report::html(&dossier).unwrap());
    assert_eq!(report::xlsx(&dossier).unwrap(), report::xlsx(&dossier).unwrap());
}

#[test]
fn json_can_be_read_back_and_its_schema_is_published() {
    let dossier = world::dossier(7, Language::Chinese);
    let value: serde_json::Value = serde_json::from_str(&report::json(&dossier).unwrap()).unwrap();
    let read: Assessment = serde_json::from_value(value["assessment"].clone()).unwrap();
    let names = |assessment: &Assessment| -> Vec<_> {
        assessment.cards.iter().map(|card| (card.target.clone(), card.rank, card.nodes.len())).collect()
    };
    assert_eq!(names(&read), names(&dossier.assessment));
    assert!(value["assessment"]["cards"][6]["nodes"][1]["score"].is_null(), "not observed is null, not 0");
    assert_eq!(value["indicators"].as_array().unwrap().len(), dossier.profile.nodes().len());
    let schema = report::schema().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.json");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &schema).unwrap();
    }
    let copy = fs::read_to_string(file).unwrap();
    assert!(copy == schema, "schema/report.json is old: run this test with BLESS=1");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let known: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let written: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(written, known);
}

fn workbook(dossier: &report::Dossier) -> Xlsx<std::io::Cursor<Vec<u8>>> {
    calamine::open_workbook_from_rs(std::io::Cursor::new(report::xlsx(dossier).unwrap())).unwrap()
}

#[test]
fn the_head_of_every_sheet_stays_in_sight() {
    let bytes = report::xlsx(&world::dossier(7, Language::Chinese)).unwrap();
    let mut parts = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let sheets: Vec<String> = parts
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .filter(|name| name.starts_with("xl/worksheets/"))
        .collect();
    assert!(sheets.len() > 5, "{sheets:?}");
    for name in sheets {
        let mut text = String::new();
        parts.by_name(&name).unwrap().read_to_string(&mut text).unwrap();
        let pane =
            r#"<pane xSplit="1" ySplit="1" topLeftCell="B2" activePane="bottomRight" state="frozen"/>"#;
        assert!(text.contains(pane), "{name}: {}", &text[..text.len().min(600)]);
    }
}

#[test]
fn a_workbook_has_a_sheet_a_table_and_real_numbers() {
    let dossier = world::dossier(55, Language::English);
    let mut book = workbook(&dossier);
    let names = book.sheet_names();
    for wanted in [
        "Scores",
        "Unranked",
        "Indicators",
        "Provinces",
        "Regions",
        "Findings",
        "Change",
        "Movers",
        "Sensitivity",
        "Channels",
        "Clusters",
        "Reliability",
        "Profile",
        "About",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:?}");
    }
    let scores = book.worksheet_range("Scores").unwrap();
    let ranked = dossier.assessment.cards.iter().filter(|card| card.rank.is_some()).count();
    assert_eq!(scores.height(), ranked + 1);
    let at = |title: &str| scores.rows().next().unwrap().iter().position(|cell| *cell == title).unwrap();
    let totals: Vec<f64> = scores
        .rows()
        .skip(1)
        .map(|row| match &row[at("Total")] {
            Data::Float(total) => *total,
            other => panic!("{other:?} is no number"),
        })
        .collect();
    let best = dossier.assessment.cards.iter().filter_map(|card| card.total).fold(0.0, f64::max);
    assert!((totals[0] - best).abs() < 1e-9, "the best is the first");
    assert!(totals.windows(2).all(|pair| pair[0] >= pair[1]));
    // The outcome stands beside the points of a channel.
    let channels = book.worksheet_range("Channels").unwrap();
    let head: Vec<String> = channels.rows().next().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(head[1..5], ["国家平台", "国家平台 outcome", "本地门户", "本地门户 outcome"]);
    assert!(
        matches!(&channels.rows().nth(1).unwrap()[1..3], [Data::Float(_), Data::String(word)] if word == "ready to submit"),
        "{:?}",
        channels.rows().nth(1)
    );
    // What each sheet shows, and of how many, stands on the last.
    let about = book.worksheet_range("About").unwrap();
    let told = |sheet: &str| {
        let row = about.rows().find(|row| row[0].to_string() == format!("sheet “{sheet}”")).unwrap();
        row[1].to_string()
    };
    for name in names.iter().filter(|name| *name != "About") {
        assert!(!told(name).is_empty(), "{name}");
    }
    assert!(told("Scores").starts_with(&format!("Totals and first-level points of 100 (n={ranked})")));
    assert!(told("Scores").contains("ties share a rank"), "its note as well");
    let indicators = book.worksheet_range("Indicators").unwrap();
    let nodes: usize = dossier.assessment.cards.iter().map(|card| card.nodes.len()).sum();
    assert_eq!(indicators.height(), nodes + 1);
}

#[test]
fn what_was_not_observed_is_an_empty_cell() {
    let mut book = workbook(&world::unobserved(2, Language::English));
    let unranked = book.worksheet_range("Unranked").unwrap();
    let total = unranked.rows().next().unwrap().iter().position(|cell| *cell == "Total").unwrap();
    assert!(unranked.rows().skip(1).all(|row| row[total] == Data::Empty));
}

#[test]
fn no_name_is_a_formula_in_a_workbook() {
    let mut dossier = world::dossier(2, Language::Chinese);
    dossier.assessment.cards[0].target.name = "=cmd|'/c calc'!A1".to_owned();
    let mut book = workbook(&dossier);
    for name in book.sheet_names() {
        let formulas = book.worksheet_formula(&name).unwrap();
        assert!(formulas.used_cells().next().is_none(), "{name}");
    }
    let scores = book.worksheet_range("总分与名次").unwrap();
    assert!(scores.used_cells().any(|(.., cell)| *cell == Data::String("=cmd|'/c calc'!A1".to_owned())));
}
