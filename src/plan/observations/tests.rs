//! Tables of coders: what is read, and every fault with its place.

use std::collections::BTreeMap;

use super::*;
use crate::domain::place::Place;
use crate::domain::profile::{Choice, Condition, Figure, Finding, Scale, Words};
use crate::domain::target::TargetClass;
use crate::domain::template::Vars;

/// A folder in which `shot.png` lies, and a film.
struct Folder;

impl Files for Folder {
    fn read(&self, _: &Path) -> Result<String, FileFault> {
        Err(FileFault::NotFound(Vec::new()))
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        match path.to_str().unwrap_or_default() {
            "proof/shot.png" => Ok(()),
            "film.mp4" => Err(FileFault::TooLarge { limit: 20 << 20 }),
            path if path.starts_with("..") => Err(FileFault::Outside),
            _ => Err(FileFault::NotFound(vec!["shot.png".to_owned()])),
        }
    }
}

fn target(id: &str, name: &str) -> Target {
    Target {
        id: id.into(),
        name: name.to_owned(),
        labels: BTreeMap::new(),
        entry: url::Url::parse("http://a.cn/").unwrap(),
        class: TargetClass::Test,
        vars: Vars::default(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        soft_404: true,
        assessed: None,
    }
}

fn title(zh: &str, en: &str) -> Words {
    Words { zh: zh.to_owned(), en: en.to_owned() }
}

fn id(text: &str) -> IndicatorId {
    IndicatorId::parse(text).unwrap()
}

fn node(name: &str, kind: NodeKind) -> Node {
    Node { id: id(name), title: title("证照", "licence"), weight: 1.0, assumed: None, kind }
}

fn leaf(name: &str, source: Source, formula: Formula) -> Node {
    node(name, NodeKind::Leaf(Leaf { sources: vec![source], formula, scale: Scale::Ordinal }))
}

fn profile() -> Profile {
    let choice =
        |word: &str, zh: &str, points| Choice { word: word.to_owned(), title: title(zh, word), points };
    let choices = vec![choice("electronic", "电子证照", 100.0), choice("window", "窗口领取", 0.0)];
    let h = node(
        "H",
        NodeKind::Parent(vec![
            leaf("H1", Source::Steps, Formula::Steps),
            leaf("H2", Source::Coded, Formula::Choice(choices)),
            leaf("H3", Source::Coded, Formula::YesNo { yes: 100.0, no: 0.0 }),
            leaf("A2", Source::Coded, Formula::Share(None)),
        ]),
    );
    Profile {
        id: "d3".to_owned(),
        title: title("三", "three"),
        hash: String::new(),
        coverage_floor: 70.0,
        grades: Vec::new(),
        tree: vec![h],
        bonus: None,
        vetoes: Vec::new(),
        findings: Vec::new(),
        figures: vec![Figure { id: id("F1.users"), title: title("用户", "users") }],
    }
}

/// Reads a table against two portals, in Shanghai, at the end of November 2026.
fn with<T>(profile: Option<&Profile>, time: Option<&str>, look: impl FnOnce(&Ground<'_>) -> T) -> T {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let targets = [("chengdu", "成都市"), ("kunming", "昆明市")].map(|(id, name)| Arc::new(target(id, name)));
    look(&Ground {
        targets: &targets,
        profile,
        zone: &zone,
        now: "2026-11-29T12:00:00Z".parse().unwrap(),
        time: time.map(|time| time.parse().unwrap()),
        files: &Folder,
    })
}

fn faults(profile: Option<&Profile>, text: &str) -> Faults {
    with(profile, None, |ground| read(Path::new("codings.csv"), text, ground)).unwrap_err()
}

#[test]
fn rows_become_observations() {
    let text = "\
coder,indicator,target,value,time,note,evidence,source,year
li,H2,chengdu,electronic,2026-11-03,办证大厅 13800138000,proof\\shot.png,,
wang,H2,chengdu,window,2026/11/03 14:05,,,,
wang,H3,kunming,na,2026-11-03T06:05:00Z,,,,
wang,A2,kunming,87.5,2026-11-03,,,,
li,F1.users,kunming,1200000,2026-11-04,,,年报,2025
li,H3,chengdu,,,,,,
";
    let profile = profile();
    let read = with(Some(&profile), None, |ground| read(Path::new("codings.csv"), text, ground)).unwrap();
    let told: Vec<_> = read
        .iter()
        .map(|one| {
            let it = &one.coding;
            (
                it.coder.as_str(),
                it.indicator.as_str(),
                it.target.as_str(),
                it.value.as_str(),
                it.at.to_string(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("li", "H2", "chengdu", "electronic", "2026-11-02T16:00:00Z".to_owned()),
            ("wang", "H2", "chengdu", "window", "2026-11-03T06:05:00Z".to_owned()),
            ("wang", "H3", "kunming", "na", "2026-11-03T06:05:00Z".to_owned()),
            ("wang", "A2", "kunming", "87.5", "2026-11-02T16:00:00Z".to_owned()),
            ("li", "F1.users", "kunming", "1200000", "2026-11-03T16:00:00Z".to_owned()),
        ],
        "an empty value is no row"
    );
    assert_eq!(read[0].evidence, Some(PathBuf::from("proof/shot.png")));
    assert_eq!(read[0].coding.note, "办证大厅 ███", "what is somebody's own is masked");
    assert_eq!((read[4].coding.source.as_str(), read[4].coding.year), ("年报", Some(2025)));
}

#[test]
fn one_time_may_stand_for_all_rows_that_say_none() {
    let text = "coder,indicator,target,value\nli,H3,chengdu,yes\n";
    let read =
        with(None, Some("2026-11-05T00:00:00Z"), |ground| read(Path::new("x.csv"), text, ground)).unwrap();
    assert_eq!(read[0].coding.at.to_string(), "2026-11-05T00:00:00Z");
    assert_eq!(faults(None, text).diagnostics[0].message, "the row has a value and no time");
}

#[test]
fn every_fault_of_every_row_is_listed_with_place_and_hint() {
    let text = "\
coder,indicator,target,value,time,note,evidence,source,year
,H2,chengdu,electronic,2026-11-03,,,,
li,H9,chengd,yes,3.11.2026,,,,
li,H1,成都市,1,2026-11-30,,,,
li,h2,chengdu,x,2026-11-03,,shots.png,,
li,H,chengdu,x,2026-11-03,,../a.png,,
li,H2,chengdu,electronc,2026-11-03,,film.mp4,,
li,A2,chengdu,\"1,200\",2026-11-03,,,,
li,F1.users,chengdu,many,2026-11-03,,,年报,2027
li,F1.users,chengdu,5,2026-11-03,,,年报,
li,F1.users,chengdu,5,2026-11-03,,,,2025
li,H3,chengdu,yes,2026-11-03,,,,
li,H3,chengdu,no,2026-11-03,,,,
";
    let faults = faults(Some(&profile()), text);
    let told: Vec<_> = faults
        .diagnostics
        .iter()
        .map(|it| {
            let place = it.at.place.as_ref().unwrap();
            let hint = it.hint.as_deref().unwrap_or("-");
            format!("{}:{} {} | {hint}", place.line, place.column, it.message)
        })
        .collect();
    assert_eq!(
        told,
        [
            "2:1 the row has a value and no coder | say who saw it: a name or an initial",
            "3:4 the profile `d3` has no indicator `H9` | did you mean `H2`?",
            "3:7 there is no target `chengd` | did you mean `chengdu`?",
            "3:18 `3.11.2026` is no time | write 2026-11-03, 2026-11-03 14:05 or 2026-11-03T14:05:00+08:00",
            "4:4 `H1` is measured by the program in the profile `d3` | known indicators for people: `A2`, `H2`, `H3` and `F1.users`",
            "4:7 there is no target `成都市` | write its id, `chengdu`",
            "4:13 `2026-11-30` lies in the future | write when it was seen",
            "5:4 `h2` is no indicator | an indicator is a capital letter with a number, such as H2 or I1.human-chat",
            "5:29 there is no file `shots.png` | did you mean `shot.png`?",
            "6:4 `H` stands on what is below it in the profile `d3` | did you mean `H2`?",
            "6:28 `../a.png` leaves the folder of the table | put files of proof beside the table, or in folders below it",
            "7:15 `electronc` is no value of `H2` | did you mean `electronic`?",
            "7:37 `film.mp4` is too large | a file of proof may have up to 20 MiB",
            "8:15 `1,200` is no number | write 1200, without commas, blanks and units",
            "9:21 `many` is no number | -",
            "9:42 `2027` is no year that a figure can be about | write a year from 1990 to 2026",
            "10:36 a figure has a source and no year | say which year it is about",
            "11:37 a figure has a year and no source | say where it comes from",
            "13:15 `li` says `no` here and `yes` of the same on line 12 | remove one of them, or give the one that corrects the other a later time",
        ]
    );
    let shown = faults.render(false);
    let first = "\
error: the profile `d3` has no indicator `H9`
 --> codings.csv:3:4
  |
3 | li,H9,chengd,yes,3.11.2026,,,,
  |    ^^
hint: did you mean `H2`?
";
    assert!(shown.contains(first), "{shown}");
    assert!(shown.ends_with("19 faults in 1 file"), "{shown}");
}

#[test]
fn a_sheet_asks_for_every_leaf_of_every_portal_and_reads_back_when_it_is_filled() {
    let mut profile = profile();
    // A number from elsewhere is no question for people; a figure that a finding asks for yes or no is one.
    profile.figures.push(Figure { id: id("F6"), title: title("承诺", "claim") });
    profile.findings.push(Finding {
        id: "claim".to_owned(),
        when: Condition::Not(Box::new(Condition::Is { indicator: id("F6"), words: vec!["yes".to_owned()] })),
        sentence: title("", ""),
    });
    let rows = with(None, None, |ground| blank_sheet(&profile, ground.targets, "li", Language::Chinese));
    let lines: Vec<String> = rows.iter().map(|row| row.join("|")).collect();
    assert_eq!(lines[0], "coder|indicator|target|value|time|note|evidence|source|year|title|allowed");
    assert_eq!(lines.len(), 1 + 2 * 4, "what the program measures is not asked for");
    assert_eq!(lines[4], "li|F6|chengdu|||||||成都市 · 承诺|yes / no / na（不适用）");
    assert_eq!(
        lines[1],
        "li|H2|chengdu|||||||成都市 · 证照|electronic（电子证照） / window（窗口领取） / na（不适用）"
    );
    let filled = rows
        .iter()
        .map(|row| {
            let mut row = row.clone();
            if row[1] == "H3" || row[1] == "F6" {
                "yes".clone_into(&mut row[3]);
                "2026-11-03".clone_into(&mut row[4]);
            }
            row.join(",")
        })
        .collect::<Vec<_>>()
        .join("\n");
    let read = with(Some(&profile), None, |ground| read(Path::new("x.csv"), &filled, ground)).unwrap();
    assert_eq!(read.len(), 4);
    let wrong = with(Some(&profile), None, |ground| {
        let text = "coder,indicator,target,value,time\nli,F6,chengdu,1,2026-11-03\n";
        super::read(Path::new("x.csv"), text, ground).unwrap_err().render(false)
    });
    assert!(wrong.contains("`1` is no value of `F6`"), "{wrong}");
}
