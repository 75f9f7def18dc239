//! A folder of an evaluator: a configuration, profiles, a data folder with runs, tables of coders.
//!
//! Everything was seen in November 2025, so no test depends on the day on which it runs.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use assert_cmd::Command;
use jiff::Timestamp;
use mystery_shopper::domain::ids::RunId;
use mystery_shopper::domain::indicator::IndicatorId;
use mystery_shopper::domain::observation::Facts;
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::run::{Cause, Run, RunKind, StepRecord};
use mystery_shopper::domain::scenario::Stage;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::judge::verdict;
use mystery_shopper::plan::load;
use mystery_shopper::store::{Access, JudgeContext, Store};

/// What one call came to: exit code, stdout, stderr.
pub struct Told {
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: String,
}

impl Told {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.err))
    }
}

/// Calls the program as somebody in that folder does. A panic is a fault, whatever was asked.
pub fn shopper(folder: &Path, args: &[&str]) -> Told {
    let mut command = Command::cargo_bin("shopper").unwrap();
    command.current_dir(folder).env_remove("SHOPPER_CONFIG").env_remove("STATE_DIRECTORY");
    let Output { status, stdout, stderr } = command.args(args).output().unwrap();
    let err = String::from_utf8(stderr).unwrap();
    assert!(!err.contains("panicked") && status.code() != Some(101), "{args:?}: {err}");
    Told { code: status.code(), out: stdout, err }
}

/// Calls it, and wants it to be done.
pub fn done(folder: &Path, args: &[&str]) -> Told {
    let told = shopper(folder, args);
    assert_eq!(told.code, Some(0), "{args:?}: {}", told.err);
    told
}

pub fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A profile that comes with the project.
pub fn shipped(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(format!("{name}.toml"));
    std::fs::read_to_string(file).unwrap()
}

pub const CITIES: [(&str, &str); 4] =
    [("chengdu", "成都市"), ("kunming", "昆明市"), ("guiyang", "贵阳市"), ("lhasa", "拉萨市")];

/// A folder with so many cities, which nobody asks anything, and `d3`.
pub fn folder(cities: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = "[agent]\nname = \"test\"\ntimezone = \"Asia/Shanghai\"\ndata_dir = \"data\"\ncontact = \"mailto:evaluators@example.org\"\nlanguage = \"en\"\n".to_owned();
    for (id, name) in &CITIES[..cities] {
        writeln!(
            settings,
            "\n[[target]]\nid = \"{id}\"\nname = \"{name}\"\nregion = \"西南\"\nentry = \"http://127.0.0.1:9/\"\nclass = \"test\""
        )
        .unwrap();
    }
    write(folder.path(), "probes.toml", settings);
    write(folder.path(), "profiles/d3.toml", shipped("d3"));
    folder
}

/// A database without a row.
pub fn database(folder: &Path) -> Store {
    Store::open(&folder.join("data"), Access::Command).unwrap()
}

fn step(name: &str, measure: &[&str], outcome: Outcome) -> StepRecord {
    StepRecord {
        name: name.into(),
        stage: Stage::Form,
        measure: measure.iter().map(|id| IndicatorId::parse(id).unwrap()).collect(),
        outcome,
        credit: outcome.credit().points(),
        elapsed_ms: 2000,
        own_ms: 20,
        attempts: 1,
        evidence: Vec::new(),
        error: None,
        facts: Facts { url: "http://city.example/".into(), title: "示范".into(), ..Facts::default() },
    }
}

/// A walk a day through the portal of a city, for some days.
pub async fn walks(folder: &Path, city: &str, ending: Outcome, days: i64) {
    let plan = Arc::new(load(folder, Path::new("probes.toml"), &DiskFiles::new(folder)).unwrap().plan);
    let store = Store::open(&folder.join("data"), Access::Command).unwrap();
    for day in 0..days {
        // From 4 November 2025 on, at noon in Shanghai.
        let at = |seconds| Timestamp::from_second(1_762_228_800 + day * 86_400 + seconds).unwrap();
        let steps = vec![
            step("打开门户", &["T1", "T3"], Outcome::Done),
            step("搜索事项", &["A1.search.found"], Outcome::Done),
            step("到达提交环节", &["H1"], ending),
        ];
        let (verdict, reason) = verdict(&steps);
        let run = Run {
            id: RunId::new(format!("{city}-{day}")),
            probe: "drug-licence".into(),
            target: city.into(),
            kind: RunKind::Walk,
            scenario: Some("drug-licence".into()),
            scenario_hash: Some("ab".repeat(32)),
            scored: true,
            vantage: "test".into(),
            cause: Cause::Schedule,
            scheduled_at: at(0),
            started_at: at(1),
            finished_at: at(7),
            elapsed_ms: 6000,
            attempts: 1,
            verdict,
            reason,
            steps,
            visit: None,
            link_faults: Vec::new(),
            links_checked: None,
            crawl: None,
            browser: Some("Chromium 156.0".into()),
            canaries: Vec::new(),
            agent_version: "0.1.0".into(),
        };
        let context =
            JudgeContext { plan: Arc::clone(&plan), message_domain: "example.org".into(), now: at(8) };
        store.record(run, context).await.unwrap();
    }
    store.close().await;
}

/// Fills a coder's sheet in, as he would: by what `answer` says of (target, indicator). An empty answer is
/// a question that he left out.
pub fn fill(sheet: &str, answer: impl Fn(&str, &str) -> String) -> String {
    let mut lines = sheet.trim_start_matches('\u{feff}').lines();
    let mut filled = format!("{}\n", lines.next().unwrap());
    for line in lines {
        let mut cells: Vec<String> = line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect();
        cells[3] = answer(&cells[2], &cells[1]);
        "2025-11-20".clone_into(&mut cells[4]);
        writeln!(filled, "{}", cells[..9].join(",")).unwrap();
    }
    filled
}
