//! Two coders with a profile, from the blank sheet to the mark in the report.

use super::world::{done, fill, folder, shopper, write};

#[test]
fn coders_who_do_not_agree_are_marked_in_every_report() {
    let folder = folder(4);
    let at = folder.path();
    let sheet = done(at, &["observe", "sheet", "--coder", "li", "--profile", "d3"]);
    let rows = sheet.text().lines().count();
    assert_eq!(rows, 1 + 4 * 18, "seventeen indicators are for people, and a figure is a yes or no");

    // A complaint and clicks on which they lie apart a little; a licence on which they contradict each other.
    let said = |coder: usize| {
        move |target: &str, indicator: &str| {
            let city =
                ["chengdu", "kunming", "guiyang", "lhasa"].iter().position(|id| *id == target).unwrap();
            let word = match indicator {
                "I2.reply" => {
                    [["solved", "solved"], ["referred", "solved"], ["none", "none"], ["ineffective", "none"]]
                        [city][coder]
                }
                "A1.clicks" => [["3", "3"], ["4", "4.0"], ["6", "6"], ["7", "6"]][city][coder],
                "H2" => [
                    ["mail", "window"],
                    ["window", "electronic"],
                    ["electronic", "window"],
                    ["window", "mail"],
                ][city][coder],
                "H3" => ["yes", "yes", "no", "na"][city],
                _ => "",
            };
            word.to_owned()
        }
    };
    for (coder, name) in ["li", "wang"].into_iter().enumerate() {
        let out = format!("{name}.csv");
        done(at, &["observe", "sheet", "--coder", name, "--profile", "d3", "--out", &out]);
        let sheet = std::fs::read_to_string(at.join(&out)).unwrap();
        write(at, &out, fill(&sheet, said(coder)));
        let told = done(at, &["observe", "import", &out, "--profile", "d3"]);
        assert_eq!(told.text(), "16 rows: 16 new, 0 already there.\n");
        let told = done(at, &["observe", "import", &out, "--profile", "d3"]);
        assert_eq!(told.text(), "16 rows: 0 new, 16 already there.\n");
    }

    let compare = ["observe", "compare", "--period", "2025-11"];
    let with = done(at, &[&compare[..], &["--profile", "d3", "--format", "json"]].concat()).json();
    let of = |id: &str| with.as_array().unwrap().iter().find(|one| one["indicator"] == id).unwrap();
    let facts = ["I2.reply", "A1.clicks", "H2", "H3"].map(|id| {
        let one = of(id);
        (
            id,
            one["scale"].as_str().unwrap(),
            one["level"].as_str().unwrap(),
            one["disagreements"].as_array().unwrap().len(),
        )
    });
    assert_eq!(
        facts,
        [
            ("I2.reply", "ordinal", "reliable", 2),
            ("A1.clicks", "interval", "reliable", 1),
            ("H2", "ordinal", "not_reliable", 4),
            ("H3", "nominal", "reliable", 0),
        ]
    );
    // Without the profile the words have no order, and the same replies look less alike.
    let without = done(at, &[&compare[..], &["--format", "json"]].concat()).json();
    let nominal = without.as_array().unwrap().iter().find(|one| one["indicator"] == "I2.reply").unwrap();
    assert_eq!((&nominal["scale"], &nominal["level"]), (&"nominal".into(), &"not_reliable".into()));
    let told = done(at, &[&compare[..], &["--profile", "d3"]].concat());
    assert!(told.text().contains("H2 of 成都市: li says mail, wang says window."), "{}", told.text());
    // People read all three α as well: values with an order and a distance have each.
    let row = told.text().lines().find(|line| line.contains("I2.reply ")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert!(cells[7..10].iter().all(|alpha| alpha.parse::<f64>().is_ok()) && cells[10] == "ordinal", "{row}");

    // What nobody settled is not observed; the mark stands beside the title, in every format and language.
    let report = |more: &[&str]| done(at, &[&["report", "--period", "2025-11", "--format"], more].concat());
    let english = report(&["md"]);
    assert!(
        english.text().contains("H2 How the licence is delivered \\[not reliable\\]"),
        "{}",
        english.text()
    );
    assert!(!english.text().contains("Reply \\[not reliable\\]"), "{}", english.text());
    let chinese = report(&["html", "--language", "zh-CN"]);
    assert!(chinese.text().contains("证照送达方式〔信度不足〕"));
    let csv = report(&["csv"]);
    let h2: Vec<&str> = csv.text().lines().filter(|line| line.contains(",H2,")).collect();
    assert_eq!(h2.len(), 4);
    assert!(
        h2.iter().all(|line| line.contains(",unobserved,,,") && line.contains(",disputed,false,")),
        "{h2:?}"
    );

    // A value that the profile does not know is refused with the row.
    let wrong =
        "coder,indicator,target,value,time\nli,H2,chengdu,by post,2025-11-20\nli,H1,chengdu,yes,2025-11-20\n";
    write(at, "wrong.csv", wrong);
    let told = shopper(at, &["observe", "import", "wrong.csv", "--profile", "d3"]);
    assert_eq!(told.code, Some(2));
    assert!(
        told.err.contains("wrong.csv:2:15") && told.err.contains("measured by the program"),
        "{}",
        told.err
    );
}
