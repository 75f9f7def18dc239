//! How many steps a second the store takes, each acknowledged when it is on the disk, beside plain
//! SQLite: `script/bench-store` calls this program and makes a table of what it prints.
//!
//! ```text
//! store FOLDER [--rounds N] [--seconds N] [--writers N]
//! ```
//!
//! *store*: so many writers hand in a run of six steps at a time and wait until it is acknowledged: chained,
//! judged, rolled up, with its facts. *alone*: one writer. *plain*: the same rows of runs, steps and
//! facts, made before, inserted by prepared statements into the same tables, as many runs to a
//! transaction as the store takes together, and nothing else; WAL and `synchronous=FULL` in all
//! three. Sides take turns; each round has a new database.

#![expect(clippy::print_stdout, reason = "what was measured goes to stdout")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::domain::ids::RunId;
use mystery_shopper::domain::observation::{Facts, MainResponse};
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::run::{Cause, Run, RunKind, StepRecord};
use mystery_shopper::domain::scenario::Stage;
use mystery_shopper::domain::verdict::Verdict;
use mystery_shopper::plan::{FileFault, Files, load};
use mystery_shopper::store::{Access, JudgeContext, Store, VerifyOptions};
use rusqlite::{Connection, params};

type Fault = Box<dyn Error + Send + Sync>;

/// Steps of a run.
const STEPS: usize = 6;
/// Probes on targets.
const PAIRS: i64 = 200;
/// As many runs as the store takes into one transaction.
const GROUP: i64 = 64;

#[derive(Debug, Clone, Copy)]
struct Size {
    rounds: u64,
    seconds: u64,
    writers: u64,
}

fn main() -> Result<(), Fault> {
    let given: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [folder, options @ ..] = given.as_slice() else {
        return Err("name a folder on the disk in question".into());
    };
    let mut size = Size { rounds: 5, seconds: 4, writers: 64 };
    for pair in options.chunks(2) {
        let [name, value] = pair else { return Err("every option has a value".into()) };
        let value = value.parse()?;
        match name.as_str() {
            "--rounds" => size.rounds = value,
            "--seconds" => size.seconds = value,
            "--writers" => size.writers = value,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)?;
    let span = Duration::from_secs(size.seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (mut store, mut alone, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let place = tempfile::tempdir_in(&folder)?;
        store.push(runtime.block_on(ours(place.path(), span, size.writers))?);
        let place = tempfile::tempdir_in(&folder)?;
        alone.push(runtime.block_on(ours(place.path(), span, 1))?);
        let place = tempfile::tempdir_in(&folder)?;
        bare.push(plain(place.path(), span)?);
    }
    let told = serde_json::json!({ "steps": STEPS, "store": store, "alone": alone, "plain": bare });
    println!("{told}");
    Ok(())
}

fn run(number: i64) -> Run {
    let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_795_320_000 + number);
    let step = |position: usize| StepRecord {
        name: format!("第{position}步"),
        stage: Stage::Form,
        measure: Vec::new(),
        outcome: Outcome::Done,
        credit: None,
        elapsed_ms: 900 + u64::try_from(number % 700).unwrap_or_default(),
        own_ms: 40,
        attempts: 1,
        evidence: Vec::new(),
        error: None,
        facts: Facts {
            url: format!("http://city.example/item/{number}/{position}"),
            title: "药品经营许可证核发_示范市政务服务网".into(),
            main: Some(MainResponse {
                firewall: None,
                url: "http://city.example/item".into(),
                status: 200,
                mime: "text/html".into(),
            }),
            ..Facts::default()
        },
    };
    Run {
        id: RunId::new(uuid::Uuid::now_v7().to_string()),
        probe: format!("probe-{}", number % PAIRS).as_str().into(),
        target: "demo-city".into(),
        kind: RunKind::Walk,
        scenario: Some("drug-licence".into()),
        scenario_hash: Some("ab".repeat(32)),
        scored: true,
        vantage: "bench".into(),
        cause: Cause::Schedule,
        scheduled_at: at,
        started_at: at,
        finished_at: at + SignedDuration::from_secs(6),
        elapsed_ms: 6000,
        attempts: 1,
        verdict: Verdict::Pass,
        reason: "Every step went through.".into(),
        steps: (0..STEPS).map(step).collect(),
        visit: None,
        link_faults: Vec::new(),
        links_checked: None,
        crawl: None,
        browser: Some("Chromium".into()),
        canaries: Vec::new(),
        agent_version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// The configuration whose one probe the runs are of.
struct OneFile;

impl Files for OneFile {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        self.exists(path).map(|()| PLAN.to_owned())
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        if path == Path::new("probes.toml") { Ok(()) } else { Err(FileFault::NotFound(Vec::new())) }
    }
}

const PLAN: &str = r#"
[agent]
name = "bench"
[[target]]
id = "demo-city"
name = "示范市政务服务网"
entry = "http://city.example/"
class = "test"
[[probe]]
id = "drug-licence"
visit = {}
targets = ["*"]
schedule = "@hourly"
"#;

fn context() -> Result<JudgeContext, Fault> {
    let loaded = load(Path::new(""), Path::new("probes.toml"), &OneFile);
    let plan = loaded.map_err(|faults| format!("{} faults", faults.diagnostics.len()))?.plan;
    Ok(JudgeContext {
        plan: Arc::new(plan),
        message_domain: "example.org".into(),
        now: Timestamp::from_second(1_795_330_000)?,
    })
}

/// Steps a second through the store.
async fn ours(folder: &Path, span: Duration, writers: u64) -> Result<f64, Fault> {
    let store = Store::open(folder, Access::Daemon)?;
    let context = context()?;
    let watch = Stopwatch::start();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let (store, context) = (store.clone(), context.clone());
        tasks.spawn(async move {
            let mut number = i64::try_from(writer)?;
            let mut recorded = 0_u64;
            while watch.elapsed() < span {
                store.record(run(number), context.clone()).await?;
                recorded += 1;
                number += i64::try_from(writers)?;
            }
            Ok::<u64, Fault>(recorded)
        });
    }
    let mut recorded = 0;
    while let Some(done) = tasks.join_next().await {
        recorded += done??;
    }
    let elapsed = watch.elapsed();
    let report = store.verify(VerifyOptions::default()).await?;
    store.close().await;
    if !report.clean || report.runs != recorded {
        return Err(format!("{recorded} runs were acknowledged, and verifying came to {report:?}").into());
    }
    Ok((recorded * STEPS as u64) as f64 / elapsed.as_secs_f64())
}

/// Steps a second through SQLite alone.
fn plain(folder: &Path, span: Duration) -> Result<f64, Fault> {
    // Its tables, and no thread of its.
    drop(Store::open(folder, Access::Command)?);
    let connection = Connection::open(folder.join("shopper.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    let facts =
        run(0).steps.iter().map(|step| serde_json::to_string(&step.facts)).collect::<Result<Vec<_>, _>>()?;
    let watch = Stopwatch::start();
    let (mut number, mut steps) = (0_i64, 0_u64);
    while watch.elapsed() < span {
        let tx = connection.unchecked_transaction()?;
        let mut runs = tx.prepare_cached(
            "INSERT INTO runs (id, probe, target, kind, state, cause, scheduled_at, started_at, finished_at, elapsed_ms,
                 attempts, verdict, reason, scenario, scenario_hash, vantage, browser, agent_version)
             VALUES (?1, ?2, 'demo-city', 'walk', 'finished', 'schedule', ?3, ?3, ?3, 6000, 1, 'pass',
                 'Every step went through.', 'drug-licence', ?4, 'bench', 'Chromium', '0.1.0')",
        )?;
        let mut step = tx.prepare_cached(
            "INSERT INTO steps (run, position, name, stage, measure, outcome, elapsed_ms, own_ms, attempts)
             VALUES (?1, ?2, '第一步', 'form', '[]', 'done', 1234, 40, 1)",
        )?;
        let mut seen =
            tx.prepare_cached("INSERT INTO observations (run, position, facts) VALUES (?1, ?2, ?3)")?;
        for _ in 0..GROUP {
            let id = uuid::Uuid::now_v7().to_string();
            runs.execute(params![id, format!("probe-{}", number % PAIRS), number, "ab".repeat(32)])?;
            for (position, facts) in (0_i64..).zip(&facts) {
                step.execute(params![id, position])?;
                seen.execute(params![id, position, facts])?;
                steps += 1;
            }
            number += 1;
        }
        drop((runs, step, seen));
        tx.commit()?;
    }
    Ok(steps as f64 / watch.elapsed().as_secs_f64())
}
