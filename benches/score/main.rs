//! How long it takes to read a quarter of a year for scoring: `script/bench-score` calls this program and
//! makes a table of what it prints.
//!
//! ```text
//! score make FOLDER [--targets N] [--probes N] [--raw-days N]
//! score hours FOLDER        what `shopper score` reads: the hours
//! score raw FOLDER          the same counts and times from the runs and steps themselves
//! ```
//!
//! *make*: a database as a year of probing leaves it: every probe on every target every 15 minutes, a step a
//! run. Hours of the whole year are written in the order of time, as the recorder does; their histograms
//! are HDR's own, picked from a few thousand. Of the newest `--raw-days` the runs are there as well. A folder
//! that is made is used again.
//!
//! Each reading is a process of its own, so that its memory is its own.

#![expect(clippy::print_stdout, reason = "what was measured goes to stdout")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2Serializer};
use mystery_shopper::clock::Stopwatch;
use mystery_shopper::domain::ids::TargetId;
use mystery_shopper::domain::period::Period;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::profile::load_profile;
use mystery_shopper::plan::read_period;
use mystery_shopper::score;
use mystery_shopper::score::material::{Observed, Subject};
use mystery_shopper::store::{Access, Store};
use rusqlite::{Connection, OpenFlags, params};

type Fault = Box<dyn Error + Send + Sync>;

const ZONE: &str = "Asia/Shanghai";
const YEAR: &str = "2026";
const QUARTER: &str = "2026-Q4";
const HOUR: i64 = 3_600_000_000;
const QUARTER_HOUR: i64 = HOUR / 4;
/// How many histograms there are to pick from.
const POOL: usize = 4096;

#[derive(Debug, Clone, Copy)]
struct Size {
    targets: i64,
    probes: i64,
    raw_days: i64,
}

fn main() -> Result<(), Fault> {
    let given: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [what, folder, options @ ..] = given.as_slice() else {
        return Err("say what to do (make, hours, raw) and name a folder".into());
    };
    let mut size = Size { targets: 55, probes: 6, raw_days: 365 };
    for pair in options.chunks(2) {
        let [name, value] = pair else { return Err("every option has a value".into()) };
        let value = value.parse()?;
        match name.as_str() {
            "--targets" => size.targets = value,
            "--probes" => size.probes = value,
            "--raw-days" => size.raw_days = value,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let folder = PathBuf::from(folder);
    match what.as_str() {
        "make" => make(&folder, size),
        "hours" => hours(&folder),
        "raw" => raw(&folder),
        other => Err(format!("there is no `{other}`; there are make, hours and raw").into()),
    }
}

fn period(text: &str) -> Result<Period, Fault> {
    read_period(text, ZONE).map_err(|fault| fault.message.into())
}

/// Numbers that are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn pool(dice: &mut Dice) -> Result<Vec<Vec<u8>>, Fault> {
    (0..POOL)
        .map(|_| {
            let mut times = Histogram::<u64>::new_with_bounds(1, 3_600_000, 3)?;
            let typical = 400 + dice.roll(4_000);
            for _ in 0..4 {
                times.saturating_record(typical + dice.roll(typical));
            }
            let mut bytes = Vec::new();
            V2Serializer::new().serialize(&times, &mut bytes)?;
            Ok(bytes)
        })
        .collect()
}

/// A probe: two of six are visits.
fn probe(number: i64) -> (String, &'static str, &'static str) {
    if number % 3 == 2 {
        (format!("visit-{number}"), "visit", "")
    } else {
        (format!("walk-{number}"), "walk", "licence")
    }
}

fn make(folder: &Path, size: Size) -> Result<(), Fault> {
    let finished = folder.join("finished");
    if finished.exists() {
        return Ok(());
    }
    let _ = std::fs::remove_dir_all(folder);
    drop(Store::open(folder, Access::Command)?);
    let connection = Connection::open(folder.join("shopper.db"))?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -800_000)?;
    let year = period(YEAR)?;
    let (from, until) = (year.from.as_microsecond(), year.until.as_microsecond());
    let mut dice = Dice(7);
    let pool = pool(&mut dice)?;
    let pairs: Vec<(String, (String, &str, &str))> = (0..size.targets)
        .flat_map(|target| (0..size.probes).map(move |number| (format!("city-{target:02}"), probe(number))))
        .collect();

    let tx = connection.unchecked_transaction()?;
    for number in 0..size.probes {
        let (name, _, scenario) = probe(number);
        if !scenario.is_empty() {
            tx.execute(
                "INSERT INTO feeds (probe, scenario, step, position, stage, measure, scored, seen_at)
                 VALUES (?1, ?2, 'open', 0, 'form', '[\"H1\"]', 1, ?3)",
                params![name, scenario, until],
            )?;
        }
    }
    let mut run_hour = tx.prepare(
        "INSERT INTO run_hours (target, probe, kind, hour, pass, degraded, fail, inconclusive, times, tls_yes,
             tls_no, viewport_yes, viewport_no, ipv6_yes, ipv6_no, accessible_yes, accessible_no,
             downloads_yes, downloads_no)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0, ?7, ?8, 0, ?8, 0, 0, ?8, ?8, 0, 0, 0)",
    )?;
    let mut step_hour = tx.prepare(
        "INSERT INTO step_hours (target, probe, scenario, step, hour, outcomes, times)
         VALUES (?1, ?2, ?3, 'open', ?4, ?5, ?6)",
    )?;
    let mut hour = from.div_euclid(HOUR) * HOUR;
    while hour < until {
        for (target, (probe, kind, scenario)) in &pairs {
            let failed = i64::from(dice.roll(100) == 0);
            let times = &pool[usize::try_from(dice.roll(POOL as u64))?];
            let looked = if *kind == "visit" { 4 } else { 0 };
            run_hour.execute(params![target, probe, kind, hour, 4 - failed, failed, times, looked])?;
            let outcomes = if failed == 1 { "{\"done\":3,\"timeout\":1}" } else { "{\"done\":4}" };
            step_hour.execute(params![target, probe, scenario, hour, outcomes, times])?;
        }
        hour += HOUR;
    }
    drop((run_hour, step_hour));
    tx.commit()?;
    make_runs(&connection, &pairs, (until - size.raw_days * 24 * HOUR).max(from), until, &mut dice)?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    std::fs::write(finished, "")?;
    Ok(())
}

/// The runs themselves, with their steps and facts, in the order of time.
fn make_runs(
    connection: &Connection,
    pairs: &[(String, (String, &str, &str))],
    from: i64,
    until: i64,
    dice: &mut Dice,
) -> Result<(), Fault> {
    let facts = r#"{"url":"http://city.example/item/17","title":"药品经营许可证核发_示范市政务服务网","main":{"url":"http://city.example/item","status":200,"mime":"text/html"}}"#;
    let (mut at, mut number) = (from, 0_i64);
    while at < until {
        let tx = connection.unchecked_transaction()?;
        let mut run = tx.prepare_cached(
            "INSERT INTO runs (id, probe, target, kind, state, cause, scheduled_at, started_at, finished_at, elapsed_ms,
                 attempts, verdict, reason, scenario, scenario_hash, vantage, agent_version)
             VALUES (?1, ?2, ?3, ?4, 'finished', 'schedule', ?5, ?5, ?5, ?6, 1, ?7, 'The one step worked.', ?8,
                 'c0ffee', 'bench', '0.1.0')",
        )?;
        let mut step = tx.prepare_cached(
            "INSERT INTO steps (run, position, name, stage, measure, outcome, elapsed_ms, own_ms, attempts)
             VALUES (?1, 0, 'open', 'form', '[\"H1\"]', ?2, ?3, 40, 1)",
        )?;
        let mut seen =
            tx.prepare_cached("INSERT INTO observations (run, position, facts) VALUES (?1, 0, ?2)")?;
        for _ in 0..96 {
            for (target, (probe, kind, scenario)) in pairs {
                number += 1;
                let id = format!("0199{number:028x}");
                let failed = dice.roll(400) == 0;
                let ms = i64::try_from(400 + dice.roll(4_000))?;
                let scenario = Some(*scenario).filter(|scenario| !scenario.is_empty());
                run.execute(params![
                    id,
                    probe,
                    target,
                    kind,
                    at,
                    ms,
                    if failed { "fail" } else { "pass" },
                    scenario
                ])?;
                step.execute(params![id, if failed { "timeout" } else { "done" }, ms])?;
                seen.execute(params![id, facts])?;
            }
            at += QUARTER_HOUR;
        }
        drop((run, step, seen));
        tx.commit()?;
    }
    Ok(())
}

/// What `shopper score` does, without printing: hours, and scorecards with a thousand draws each by `d3`.
fn hours(folder: &Path) -> Result<(), Fault> {
    let watch = Stopwatch::start();
    let quarter = period(QUARTER)?;
    let profile = load_profile(Path::new("profiles/d3.toml"), &DiskFiles::new(Path::new(".")));
    let profile = profile.map_err(|faults| format!("{faults:?}"))?.0;
    let of_city = |(id, observed): (TargetId, Observed)| {
        (Subject { name: id.to_string(), id, labels: BTreeMap::new() }, observed)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (counted, times) = runtime.block_on(async {
        let store = Store::open(folder, Access::ReadOnly)?;
        let targets: Vec<TargetId> =
            (0..55).map(|number| TargetId::new(format!("city-{number:02}"))).collect();
        let material = store.material(&quarter, &targets).await?;
        let (mut counted, mut times) = (0, 0);
        for day in material.values().flat_map(|it| &it.runs).flat_map(|it| &it.days) {
            counted += day.verdicts.iter().map(|(_, count)| count).sum::<u64>();
            times += day.times.len();
        }
        let observed: Vec<(Subject, Observed)> = material.into_iter().map(of_city).collect();
        let assessment = score::assess(&profile, &quarter, &observed, &score::Options::default());
        score::analyse(&profile, &assessment, None);
        let seen = assessment.cards.iter().filter(|card| card.total.is_some_and(f64::is_finite)).count();
        if seen != observed.len() {
            return Err(format!("{seen} of {} targets have a total", observed.len()).into());
        }
        Ok::<_, Fault>((counted, times))
    })?;
    tell(watch.elapsed_ms(), counted, times)
}

/// Target, probe and day; how often runs or steps ended in which way, and how long they took.
type Sums = BTreeMap<(String, String, u16), (BTreeMap<String, u64>, BTreeMap<i64, u32>)>;

/// The same counts and times from the raw rows: whole tables of one quarter, read once each.
fn raw(folder: &Path) -> Result<(), Fault> {
    let watch = Stopwatch::start();
    let quarter = period(QUARTER)?;
    let days = quarter.days();
    let connection =
        Connection::open_with_flags(folder.join("shopper.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let span = params![quarter.from.as_microsecond(), quarter.until.as_microsecond()];
    let day = |at| Ok::<_, Fault>(days.of(jiff::Timestamp::from_microsecond(at)?).unwrap_or_default());
    let (mut runs, mut steps): (Sums, Sums) = Default::default();
    let mut found = connection.prepare(
        "SELECT target, probe, started_at, verdict, elapsed_ms FROM runs
         WHERE started_at >= ?1 AND started_at < ?2 AND state = 'finished' AND cause <> 'manual'",
    )?;
    let mut rows = found.query(span)?;
    while let Some(row) = rows.next()? {
        let (ended, times) = runs.entry((row.get(0)?, row.get(1)?, day(row.get(2)?)?)).or_default();
        *ended.entry(row.get(3)?).or_default() += 1;
        *times.entry(row.get(4)?).or_default() += 1;
    }
    let mut found = connection.prepare(
        "SELECT r.target, r.probe, r.started_at, s.outcome, s.elapsed_ms FROM runs r JOIN steps s ON s.run = r.id
         WHERE r.started_at >= ?1 AND r.started_at < ?2 AND r.state = 'finished' AND r.cause <> 'manual'",
    )?;
    let mut rows = found.query(span)?;
    while let Some(row) = rows.next()? {
        let (ended, times) = steps.entry((row.get(0)?, row.get(1)?, day(row.get(2)?)?)).or_default();
        *ended.entry(row.get(3)?).or_default() += 1;
        *times.entry(row.get(4)?).or_default() += 1;
    }
    let counted = runs.values().flat_map(|it| it.0.values()).sum();
    let times = runs.values().map(|it| it.1.len()).sum();
    tell(watch.elapsed_ms(), counted, times)
}

fn tell(ms: u64, runs: u64, times: usize) -> Result<(), Fault> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 =
        peak.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).ok_or("no VmHWM")?;
    println!("{}", serde_json::json!({ "ms": ms, "peak_kb": peak, "runs": runs, "times": times }));
    Ok(())
}
