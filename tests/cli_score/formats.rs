//! Reports as files: a workbook that opens, a letter that names nobody else, a PDF that a browser printed.

use std::fmt::Write as _;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;

use calamine::{Data, Reader as _, Xlsx};

use super::Outcome;
use super::world::{CITIES, done, folder, walks, write};

pub type Book = Xlsx<BufReader<std::fs::File>>;

pub fn workbook(file: &Path) -> Book {
    calamine::open_workbook(file).unwrap()
}

/// The totals of a sheet, row by row; nothing where the cell is empty.
pub fn totals(book: &mut Book, sheet: &str) -> Vec<Option<f64>> {
    let range = book.worksheet_range(sheet).unwrap();
    let mut rows = range.rows();
    let place = rows.next().unwrap().iter().position(|cell| *cell == "Total").unwrap();
    rows.map(|row| match &row[place] {
        Data::Float(total) => Some(*total),
        Data::Empty => None,
        other => panic!("{other:?} is no number"),
    })
    .collect()
}

/// Three cities that were walked, and of which figures are known; one that nobody looked at.
async fn seen() -> tempfile::TempDir {
    let folder = folder(4);
    let at = folder.path();
    for ((city, _), ending) in
        CITIES.iter().zip([Outcome::OnlineReady, Outcome::MustGoToWindow, Outcome::OnlineReady])
    {
        walks(at, city, ending, 3).await;
    }
    let mut rows = "coder,indicator,target,value,time,source,year\n".to_owned();
    for (target, users, rating) in [("chengdu", 900, "4.8"), ("kunming", 120, "3.1"), ("guiyang", 880, "4.7")]
    {
        writeln!(rows, "li,F4,{target},{users},2025-11-20,年报,2025").unwrap();
        writeln!(rows, "li,F5,{target},{rating},2025-11-20,商店,2025").unwrap();
    }
    rows.push_str("li,F6,kunming,yes,2025-11-20,,\nli,F6,chengdu,yes,2025-11-20,,\n");
    write(at, "figures.csv", rows);
    done(at, &["observe", "import", "figures.csv", "--profile", "d3"]);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_the_same_in_every_format() {
    let folder = seen().await;
    let at = folder.path();
    let of = |format: &str, more: &[&str]| {
        let args = ["report", "--period", "2025-11", "--format", format];
        done(at, &[&args[..], more].concat())
    };
    let json = of("json", &["--clusters", "2"]).json();
    let cards = json["assessment"]["cards"].as_array().unwrap();
    let totals_of: Vec<Option<f64>> = cards.iter().map(|card| card["total"].as_f64()).collect();
    assert!(totals_of[..3].iter().all(Option::is_some) && totals_of[3].is_none(), "{totals_of:?}");
    // Whoever has no number at all is like nobody; the other three fall apart by theirs.
    let clusters = &json["analysis"]["clusters"];
    assert_eq!(clusters["items"], serde_json::json!(["chengdu", "kunming", "guiyang"]));
    assert_eq!(
        (&clusters["labels"], &clusters["dropped"]),
        (&serde_json::json!([1, 2, 1]), &serde_json::json!([]))
    );

    of("xlsx", &["--out", "x.xlsx"]);
    let mut book = workbook(&at.join("x.xlsx"));
    let mut told = totals(&mut book, "Unranked");
    let mut want = totals_of;
    for totals in [&mut told, &mut want] {
        totals.sort_by(|a, b| a.unwrap_or(-1.0).total_cmp(&b.unwrap_or(-1.0)));
    }
    let close = |(a, b): (&Option<f64>, &Option<f64>)| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 0.01,
        (a, b) => a == b,
    };
    assert!(told.len() == want.len() && told.iter().zip(&want).all(close), "{told:?} {want:?}");

    // What the guide claims, by a coder's yes, against what the walk met; where the walk ends online the
    // claim of the guide need not be known.
    let claim = "In 1 of 3 cities (33.33 %) the guide claims that everything is done online";
    let text = of("md", &["--language", "en", "--clusters", "2"]);
    assert!(text.text().contains(claim), "{}", text.text());
    assert!(text.text().contains("3 portals were put into 2 clusters"), "{}", text.text());
    // Nobody is ranked, so nobody leads: there are no places, regions or grades, and no zeros for them.
    assert!(text.text().contains("None was observed well enough for a rank"), "{}", text.text());
    for word in ["Regions", "By grade", "Excellent"] {
        assert!(!text.text().contains(word), "{word}: {}", text.text());
    }
    let page = of("html", &["--language", "zh-CN", "--out", "report.html"]);
    assert!(page.out.is_empty());
    let page = std::fs::read_to_string(at.join("report.html")).unwrap();
    let claim = "1 个城市（33.33%）的办事指南承诺“全程网办”";
    assert!(page.contains(claim) && page.contains("未观测到"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_names_its_portal_alone() {
    let folder = seen().await;
    let args = ["report", "target", "kunming", "--period", "2025-11", "--format"];
    for format in ["md", "html"] {
        let told = done(folder.path(), &[&args[..], &[format]].concat());
        let letter = told.text();
        assert!(letter.contains("昆明市") && letter.contains("evaluators@example.org"), "{letter}");
        for (_, other) in CITIES.iter().filter(|(id, _)| *id != "kunming") {
            assert!(!letter.contains(other), "{other}: {letter}");
        }
    }
}

/// What a program of poppler says; `script/bootstrap` installs them.
fn poppler(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("poppler-utils is installed");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_printed_by_the_browser() {
    let folder = seen().await;
    let at = folder.path();
    let args = ["report", "--period", "2025-11", "--format", "pdf", "--language", "zh-CN", "--out", "x.pdf"];
    let told = done(at, &args);
    assert!(told.out.is_empty());
    let file = at.join("x.pdf");
    let file = file.to_str().unwrap();
    let facts = poppler("pdfinfo", &[file]);
    let pages = facts.lines().find_map(|line| line.strip_prefix("Pages:")).unwrap().trim();
    assert!(pages.parse::<u32>().unwrap() >= 6, "the summary, the scores, four portals: {facts}");
    let text = poppler("pdftotext", &["-layout", file, "-"]);
    for want in ["网上政务服务能力评估报告", "昆明市", "事项办理", &format!("{pages} / {pages}")]
    {
        assert!(text.contains(want), "{want}: {text}");
    }
}
