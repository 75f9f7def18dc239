//! `shopper observe` as coders and evaluators meet it: tables in, disagreements and words out.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    shopper(folder, &[&["observe"], args].concat())
}

fn shopper(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::cargo_bin("shopper").unwrap();
    command.current_dir(folder).env_remove("SHOPPER_CONFIG").env_remove("STATE_DIRECTORY");
    let Output { status, stdout, stderr } = command.args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A folder with a configuration of three portals, which nobody asks anything.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut settings =
        "[agent]\nname = \"test\"\ntimezone = \"Asia/Shanghai\"\ndata_dir = \"data\"\n".to_owned();
    for (id, name) in [("chengdu", "成都市"), ("kunming", "昆明市"), ("guiyang", "贵阳市")] {
        let target =
            format!("id = \"{id}\"\nname = \"{name}\"\nentry = \"http://127.0.0.1:9/\"\nclass = \"test\"\n");
        settings.push_str("\n[[target]]\n");
        settings.push_str(&target);
    }
    std::fs::write(folder.path().join("probes.toml"), settings).unwrap();
    folder
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let (code, out, err) = run(folder, &[args, &["--format", "json"]].concat());
    assert_eq!(code, Some(0), "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

const HEADER: &str = "coder,indicator,target,value,time,note,evidence\n";

#[test]
fn two_coders_disagree_and_a_third_settles() {
    let folder = folder();
    let at = folder.path();
    write(at, "in/shots/hall.png", b"\x89PNG\r\n\x1a\nhall");
    let li = "li,H2,chengdu,window,2026-11-03,大厅,shots/hall.png\nli,H2,kunming,mail,2026-11-03,,\nli,H2,guiyang,mail,2026-11-03,,\n";
    write(at, "in/li.csv", format!("{HEADER}{li}"));
    let (code, out, err) = run(at, &["import", "in/li.csv"]);
    assert_eq!((code, out.as_str()), (Some(0), "3 rows: 3 new, 0 already there.\n"), "{err}");
    let (_, out, _) = run(at, &["import", "in/li.csv"]);
    assert_eq!(out, "3 rows: 0 new, 3 already there.\n", "twice changes nothing");
    let (code, out, _) = run(at, &["compare"]);
    assert_eq!((code, out.as_str()), (Some(0), "Nothing was coded by two coders yet.\n"));

    // A Chinese spreadsheet writes GBK, and has columns of its own order.
    let wang = "指标;门户;值;时间;编码员;备注\nH2;chengdu;mail;2026-11-04 09:30;wang;见公告\nH2;kunming;mail;2026/11/4;wang;\nH2;guiyang;mail;2026-11-04;wang;\n";
    let (wang, _, _) = encoding_rs::GB18030.encode(wang);
    write(at, "wang.csv", wang);
    let (code, out, err) = run(at, &["import", "wang.csv"]);
    assert_eq!((code, out.as_str()), (Some(0), "3 rows: 3 new, 0 already there.\n"), "{err}");
    assert!(err.contains("wang.csv is not UTF-8 and was read as GB 18030."), "{err}");

    let (_, out, _) = run(at, &["compare"]);
    assert!(out.contains("66.67 %") && out.contains("not reliable (below .667)"), "{out}");
    let row: Vec<&str> = out.lines().find(|line| line.contains("H2 ")).unwrap().split_whitespace().collect();
    assert_eq!(row[..3], ["H2", "3", "li,"], "{out}");
    // By each metric: equal or not, by order, by difference. Words that no profile orders have only the first.
    assert_eq!(row[7..11], ["0.000", "–", "–", "nominal"], "{out}");
    assert!(out.contains("α nominal") && out.contains("ordinal") && out.contains("interval"), "{out}");
    let open = "H2 of 成都市: li says window, wang says mail. Nothing counts until a third coder codes it.";
    assert!(out.contains(open), "{out}");
    let third = ["add", "--coder", "zhao", "--indicator", "H2", "--target", "chengdu", "--value", "window"];
    let (code, out, err) = run(at, &[&third[..], &["--time", "2026-11-05"]].concat());
    assert_eq!((code, out.as_str()), (Some(0), "1 row: 1 new, 0 already there.\n"), "{err}");
    let (_, out, _) = run(at, &["compare", "--period", "2026-11"]);
    assert!(out.contains("zhao says window. A third coder settled it: window counts."), "{out}");

    let compared = json(at, &["compare"]);
    let one = &compared[0];
    assert_eq!((&one["indicator"], &one["units"]), (&"H2".into(), &3.into()));
    assert_eq!(one["kappa_of"], serde_json::json!(["li", "wang", 3]));
    assert!(one["alpha"]["nominal"].is_number() && one["alpha"]["interval"].is_null(), "{one}");
    assert_eq!(
        (&one["disagreements"][0]["value"], &one["disagreements"][0]["how"]),
        (&"window".into(), &"third_coder".into())
    );
    assert_eq!(json(at, &["compare", "--period", "2026-10"]), Value::Array(Vec::new()));

    let listed = json(at, &["list", "--coder", "wang"]);
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!((&listed[0]["at"], &listed[0]["note"]), (&"2026-11-04T01:30:00Z".into(), &"见公告".into()));
    let proof = json(at, &["list", "--coder", "li"])[0]["evidence"].as_str().unwrap().to_owned();
    let kept = at.join("data/evidence").join(&proof[..2]).join(format!("{proof}.png"));
    assert_eq!(std::fs::read(kept).unwrap(), b"\x89PNG\r\n\x1a\nhall");
}

#[test]
fn a_table_with_one_bad_row_changes_nothing() {
    let folder = folder();
    let at = folder.path();
    let rows = "li,H2,chengdu,window,2026-11-03,,\nli,H2,chengd,window,2026-13-03,,\nli,H2,kunming,mail,2026-11-03,,none.png\n";
    write(at, "bad.csv", format!("{HEADER}{rows}"));
    let (code, out, err) = run(at, &["import", "bad.csv"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    let first = "\
error: there is no target `chengd`
 --> bad.csv:3:7
  |
3 | li,H2,chengd,window,2026-13-03,,
  |       ^^^^^^
hint: did you mean `chengdu`?
";
    assert!(err.starts_with(first), "{err}");
    assert!(err.contains("bad.csv:3:21") && err.contains("bad.csv:4:32"), "{err}");
    assert!(err.trim_end().ends_with("3 faults in 1 file"), "{err}");
    assert!(!at.join("data").exists(), "not even a folder is made");

    let film = std::fs::File::create(at.join("film.mp4")).unwrap();
    film.set_len(30 << 20).unwrap();
    write(at, "table.xlsx", b"PK\x03\x04\xff\xff\x80");
    write(at, "film.csv", format!("{HEADER}li,H2,chengdu,window,2026-11-03,,film.mp4\n"));
    let add = ["add", "--coder", "li", "--indicator", "H2", "--target", "chengdu"];
    let wrong: [(&[&str], &str); 8] = [
        (&["import", "film.csv"], "`film.mp4` is too large"),
        (&["import", "table.xlsx"], "neither in UTF-8 nor in GB 18030"),
        (&["import", "none.csv"], "could not read none.csv"),
        (&["import", "film.csv", "--time", "soon"], "`soon` is no time"),
        (&[&add[..], &["--value", ""]].concat(), "the value is empty"),
        (&[&add[..], &["--value", "5", "--year", "2025"]].concat(), "a figure has a year and no source"),
        (&["compare", "--period", "2026-12..2026-11"], "the last month lies before the first"),
        (&["list", "--target", "chengd"], "did you mean `chengdu`?"),
    ];
    for (args, want) in wrong {
        let (code, _, err) = run(at, args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(want), "{args:?}: {err}");
    }
}

#[test]
fn a_sheet_is_never_written_over_a_filled_in_one() {
    let folder = folder();
    let at = folder.path();
    let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/d3.toml");
    let sheet = ["sheet", "--coder", "li", "--profile", profile, "--out", "li.csv"];
    let (code, _, err) = run(at, &sheet);
    assert_eq!(code, Some(0), "{err}");
    let blank = std::fs::read_to_string(at.join("li.csv")).unwrap();
    assert!(blank.contains("chengdu") && blank.lines().count() > 10, "{blank}");
    write(at, "li.csv", "an evening's work");
    let (code, _, err) = run(at, &sheet);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("`li.csv` already") && err.contains("--out"), "{err}");
    assert_eq!(std::fs::read_to_string(at.join("li.csv")).unwrap(), "an evening's work");
    // Exports look before they work, as reports do.
    let (code, _, err) = shopper(at, &["export", "runs", "--out", "none/runs.jsonl"]);
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn figures_come_with_their_source_and_year() {
    let folder = folder();
    let at = folder.path();
    let add = |target: &str, value: &str, year: &str| {
        let figure =
            ["add", "--coder", "li", "--indicator", "F1.users", "--target", target, "--value", value];
        let (code, _, err) = run(at, &[&figure[..], &["--source", "年报", "--year", year]].concat());
        assert_eq!(code, Some(0), "{err}");
    };
    add("chengdu", "1843000", "2025");
    add("chengdu", "-3.5", "2024");
    let of = |period| json(at, &["list", "--period", period]).as_array().unwrap().len();
    assert_eq!((of("2025-01..2025-12"), of("2024-01..2025-12"), of("2026-11")), (1, 2, 0));
    let (_, out, _) = run(at, &["list"]);
    assert!(out.contains("年报 (2024)") && out.contains("-3.5"), "{out}");
}

#[test]
fn posts_are_masked_and_their_words_counted() {
    let folder = folder();
    let at = folder.path();
    let rows = "target,time,text,source\nchengdu,2026-11-03,\"无法打开，卡顿，联系我13800138000\",论坛\nkunming,2026-11-04,卡顿卡顿,论坛\n";
    write(at, "posts.csv", rows);
    let (code, out, err) = run(at, &["posts", "import", "posts.csv"]);
    assert_eq!((code, out.as_str()), (Some(0), "2 posts: 2 new, 0 already there.\n"), "{err}");
    let (_, out, _) = run(at, &["posts", "import", "posts.csv"]);
    assert_eq!(out, "2 posts: 0 new, 2 already there.\n");
    let words = json(at, &["words"]);
    assert_eq!(words[0], serde_json::json!({ "word": "卡顿", "count": 3, "posts": 2, "tone": -1 }));
    assert!(
        words.as_array().unwrap().iter().any(|one| one["word"] == "无法打开" && one["tone"] == -1),
        "{words}"
    );
    let (_, out, _) = run(at, &["words", "--target", "kunming", "--period", "2026-11"]);
    assert!(out.contains("卡顿") && out.contains("complaint") && out.contains("Words of 1 post."), "{out}");
    let bytes = std::fs::read(at.join("data/shopper.db")).unwrap();
    assert!(!bytes.windows(11).any(|piece| piece == b"13800138000"), "it was never kept");

    write(at, "lexicon/voices.toml", "complaints = [3]\n");
    let (code, _, err) = run(at, &["words"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("lexicon/voices.toml:1:15"), "{err}");
}

#[test]
fn what_is_printed_for_programs_has_a_schema() {
    let folder = folder();
    for (of, field) in [("list", "coder"), ("compare", "disagreements"), ("words", "tone")] {
        let (code, out, err) = shopper(folder.path(), &["schema", &format!("observe-{of}")]);
        assert_eq!(code, Some(0), "{err}");
        let schema: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(schema["type"], "array", "{of}");
        assert!(out.contains(&format!("\"{field}\"")), "{of}: {out}");
    }
    let (_, out, _) = shopper(folder.path(), &["schema", "observe-import"]);
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert!(schema["properties"]["known"].is_object(), "{out}");
}
