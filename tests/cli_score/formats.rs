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

/// A photograph of a hall.
fn photograph() -> Vec<u8> {
    let shade = |at: u32| u8::try_from(at % 200).unwrap();
    let hall = image::RgbImage::from_fn(640, 400, |x, y| image::Rgb([90, shade(x), shade(y)]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    hall.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_coders_kept_proves_what_it_cost() {
    let folder = seen().await;
    let at = folder.path();
    write(at, "hall.jpg", photograph());
    write(at, "reply.pdf", "%PDF-1.7 reply");
    write(at, "other.txt", "overruled");
    let add = |coder: &str, rest: &[&str]| {
        let who = [
            "observe",
            "add",
            "--profile",
            "d3",
            "--target",
            "kunming",
            "--time",
            "2025-11-20",
            "--coder",
            coder,
        ];
        done(at, &[&who[..], rest].concat());
    };
    add(
        "observer-1",
        &["--indicator", "H2", "--value", "mail", "--evidence", "other.txt", "--note", "据电话答复"],
    );
    add(
        "observer-2",
        &["--indicator", "H2", "--value", "window", "--evidence", "hall.jpg", "--note", "大厅取证处"],
    );
    add("observer-3", &["--indicator", "H2", "--value", "window"]);
    add("observer-1", &["--indicator", "H3", "--value", "no", "--evidence", "reply.pdf"]);

    let args = ["report", "target", "kunming", "--period", "2025-11", "--language", "zh-CN", "--format"];
    let of = |format: &str| done(at, &[&args[..], &[format]].concat()).text().to_owned();
    let (page, text) = (of("html"), of("md"));
    let pictures = page.matches("<img src=\"data:image/jpeg;base64,").count();
    assert_eq!(pictures, 1, "the photograph, made small");
    let whole = done(at, &["report", "--period", "2025-11", "--format", "md", "--language", "zh-CN"]);
    for told in [&page, &text, whole.text()] {
        for want in ["人工记录为“窗口领取”，备注“大厅取证处”", "PDF 文件，SHA-256 ", "JPEG 图片，SHA-256 "]
        {
            assert!(told.contains(want), "{want}: {told}");
        }
        assert!(
            !told.contains("observer-") && !told.contains("文本文件，"),
            "nobody's name, and nothing overruled"
        );
    }
    assert!(text.contains("F6 办事指南承诺全程网办（是或否）为是"), "{text}");
    let without = done(at, &[&args[..], &["md", "--no-evidence"]].concat());
    assert!(!without.text().contains("SHA-256"), "{}", without.text());
}

#[test]
fn words_of_citizens_are_told_apart_by_the_lists_beside_the_configuration() {
    let folder = folder(1);
    let at = folder.path();
    write(at, "posts.csv", "target,time,text,source\nchengdu,2025-11-03,排队排队，网站卡顿,论坛\n");
    done(at, &["observe", "posts", "import", "posts.csv"]);
    let report = ["report", "--period", "2025-11", "--format", "json"];
    let tone = |word: &str| {
        let told = super::world::shopper(at, &report);
        let words = told.json()["analysis"]["words"].as_array().unwrap().clone();
        words.into_iter().find(|one| one["word"] == word).unwrap()["tone"].as_i64()
    };
    assert_eq!(tone("卡顿"), Some(-1), "by the built-in lists");
    write(at, "lexicon/voices.toml", "praise = [\"排队\"]\n");
    assert_eq!((tone("排队"), tone("卡顿")), (Some(1), Some(0)));
    write(at, "lexicon/voices.toml", "praise = [3]\n");
    for command in ["report", "score"] {
        let told = super::world::shopper(at, &[command, "--period", "2025-11"]);
        assert_eq!(told.code, Some(2), "{}", told.err);
        assert!(told.err.contains(" lexicon/voices.toml:1:11"), "{}", told.err);
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
