//! `/metrics`, read by a parser of the tests' own that knows the OpenMetrics 1.0 text format and lets
//! nothing pass that it does not allow.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use jiff::SignedDuration;
use mystery_shopper::browser::{Census, Rungs};
use mystery_shopper::domain::incident::{Concern, Severity};
use mystery_shopper::domain::observation::Facts;
use mystery_shopper::domain::outcome::Outcome;
use mystery_shopper::domain::run::{Cause, Gap, GapReason, Run, RunKind, StepRecord};
use mystery_shopper::domain::scenario::Stage;
use mystery_shopper::domain::verdict::Verdict;
use mystery_shopper::store::{Numbers, Space, Waiting};
use mystery_shopper::web::metrics::{Mail, Process, Reading, Recorder};

use super::desk::{Office, get, now};

/// Names as no plan allows them: the format has to survive them all the same.
const HOSTILE: &str = "a\"b\\c\nd} 1\n# EOF\n{le=\"+Inf\"}长\u{202e}";

type Labels = Vec<(String, String)>;

/// Labels as tests name them.
type Named<'a> = &'a [(&'a str, &'a str)];

/// One series of a histogram.
#[derive(Debug, Default)]
struct Series {
    buckets: Vec<(f64, f64)>,
    sum: Option<f64>,
    count: Option<f64>,
}

/// One family as it was read.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: Option<String>,
    unit: Option<String>,
    samples: Vec<(String, Labels, f64)>,
}

/// Reads an exposition or says what is wrong with it.
fn parse(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("does not end with # EOF")?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut current, mut seen) = (String::new(), BTreeSet::new());
    for line in body.split_terminator('\n') {
        let fault = |why: &str| Err(format!("{why}: {line}"));
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let (Some(what), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) else {
                return fault("not a comment of the format");
            };
            if name != current {
                if families.contains_key(name) {
                    return fault("a family in two parts");
                }
                name.clone_into(&mut current);
                families.insert(current.clone(), Family::default());
            }
            let family = families.get_mut(name).unwrap();
            if !family.samples.is_empty() {
                return fault("said after the samples");
            }
            match what {
                "HELP" if family.help.is_none() => family.help = Some(rest.to_owned()),
                "TYPE" if family.kind.is_empty() => rest.clone_into(&mut family.kind),
                "UNIT" if family.unit.is_none() && name.ends_with(&format!("_{rest}")) => {
                    family.unit = Some(rest.to_owned());
                }
                _ => return fault("said twice, or wrong"),
            }
            continue;
        }
        let (name, labels, value) = sample(line).ok_or(format!("not a sample: {line}"))?;
        let Some(family) = families.get_mut(&current) else { return fault("before its family") };
        let suffix = name.strip_prefix(&current).unwrap_or("?");
        let allowed: &[&str] = match family.kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => return Err(format!("unknown type {other}")),
        };
        if !allowed.contains(&suffix) {
            return fault("not of its family");
        }
        if family.kind == "counter" && value < 0.0 {
            return fault("a counter below nothing");
        }
        if !seen.insert((name.clone(), labels.clone())) {
            return fault("the same series twice");
        }
        family.samples.push((name, labels, value));
    }
    for (name, family) in &families {
        if family.help.as_ref().is_none_or(String::is_empty) || family.kind.is_empty() {
            return Err(format!("{name} lacks help or type"));
        }
        if family.kind == "histogram" {
            buckets(name, family)?;
        }
    }
    Ok(families)
}

/// `name{label="value",…} value`, without a timestamp.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, quoted) = rest.split_once("=\"")?;
            let plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if label.is_empty() || !plain || labels.iter().any(|(known, _)| known == label) {
                return None;
            }
            let (mut value, mut chars) = (String::new(), quoted.char_indices());
            let after = loop {
                match chars.next()? {
                    (at, '"') => break &quoted[at + 1..],
                    (_, '\\') => match chars.next()?.1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        _ => return None,
                    },
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => break rest = after.strip_prefix('}')?,
            }
        }
    }
    let value = rest.strip_prefix(' ')?;
    let known = value.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    if name.is_empty() || !known { None } else { Some((name.to_owned(), labels, value.parse().ok()?)) }
}

/// Whether every histogram's buckets rise to `+Inf`, and that is its count.
fn buckets(name: &str, family: &Family) -> Result<(), String> {
    let mut sets: BTreeMap<Labels, Series> = BTreeMap::new();
    for (sample, labels, value) in &family.samples {
        let mut labels = labels.clone();
        let le = labels.iter().position(|(label, _)| label == "le").map(|at| labels.remove(at).1);
        let set = sets.entry(labels).or_default();
        match sample.strip_prefix(name) {
            Some("_bucket") => {
                let le = le.ok_or(format!("{name} has a bucket without le"))?;
                let bound = if le == "+Inf" { f64::INFINITY } else { le.parse().map_err(|_| le.clone())? };
                set.buckets.push((bound, *value));
            }
            Some("_sum") => set.sum = Some(*value),
            _ => set.count = Some(*value),
        }
    }
    for (labels, Series { buckets, sum, count }) in sets {
        let rises = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let last = buckets.last().is_some_and(|(bound, all)| *bound == f64::INFINITY && Some(*all) == count);
        if !rises || !last || sum.is_none() {
            return Err(format!("{name}{labels:?} is no histogram: {buckets:?}, {sum:?}, {count:?}"));
        }
    }
    Ok(())
}

fn run(probe: &str, target: &str, verdict: Verdict, elapsed_ms: u64) -> Run {
    let late = SignedDuration::from_millis(30);
    Run {
        id: "r".into(),
        probe: probe.into(),
        target: target.into(),
        kind: RunKind::Visit,
        scenario: None,
        scenario_hash: None,
        scored: true,
        vantage: "v".into(),
        cause: Cause::Schedule,
        scheduled_at: now(),
        started_at: now() + late,
        finished_at: now() + late,
        elapsed_ms,
        attempts: 1,
        verdict,
        reason: String::new(),
        steps: vec![StepRecord {
            name: "visit".into(),
            stage: Stage::Find,
            measure: Vec::new(),
            outcome: Outcome::Done,
            credit: None,
            elapsed_ms,
            own_ms: 0,
            attempts: 1,
            evidence: Vec::new(),
            error: None,
            facts: Facts::default(),
        }],
        visit: None,
        link_faults: Vec::new(),
        links_checked: None,
        crawl: None,
        canaries: Vec::new(),
        browser: None,
        agent_version: String::new(),
    }
}

/// A busy agent.
fn reading() -> Reading {
    let recorder = Recorder::default();
    recorder.run(&run("home", "city", Verdict::Pass, 200));
    recorder.run(&run("home", "city", Verdict::Fail, 700_000));
    recorder.run(&run(HOSTILE, HOSTILE, Verdict::Pass, 1));
    recorder.run(&run("gone", "city", Verdict::Pass, 1));
    let mut early = run("home", "city", Verdict::Pass, 250);
    (early.cause, early.started_at) = (Cause::Manual, now());
    recorder.run(&early);
    recorder.gaps(&[Gap::one("home".into(), "city".into(), now(), GapReason::Overdue)]);
    recorder.mail(Mail::Deferred);
    recorder.missed(3);
    let numbers = Numbers {
        open: vec![(Concern::Outage, Severity::Outage, 2)],
        outbox: Waiting { pending: 1, failed: 4, oldest_pending_at: Some(now()) },
        heartbeat_at: Some(now()),
        database: 4096,
        wal: 0,
        space: Some(Space { free: 1, reserve: 2 }),
    };
    Reading {
        counted: recorder.counted(|probe, _| probe.as_str() != "gone"),
        browsers: Census {
            slots: 2,
            in_use: 1,
            warm: 1,
            started: 5,
            freed: Rungs { kill: 1, ..Rungs::default() },
        },
        store: Some(numbers),
        process: Process::read(),
        at_seconds: now().as_second() as f64 + 90.0,
        ..Reading::default()
    }
}

fn value(families: &BTreeMap<String, Family>, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let family = families.get(family).unwrap_or_else(|| panic!("no family {family}"));
    let fits =
        |have: &Labels| labels.iter().all(|want| have.iter().any(|(n, v)| (n.as_str(), v.as_str()) == *want));
    family.samples.iter().find(|(name, have, _)| !name.ends_with("_bucket") && fits(have)).map(|s| s.2)
}

#[tokio::test]
async fn the_exposition_is_open_metrics_to_the_letter_whatever_things_are_called() {
    let office = Office::new();
    *office.reading.lock().unwrap() = reading();
    let answer = get(&office.router(), "/metrics", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let families = parse(&answer.body).unwrap_or_else(|why| panic!("{why}\n\n{}", answer.body));
    let cases: &[(&str, Named<'_>, f64)] = &[
        ("shopper_runs", &[("probe", "home"), ("target", "city"), ("verdict", "pass")], 2.0),
        ("shopper_runs", &[("probe", "home"), ("target", "city"), ("verdict", "fail")], 1.0),
        ("shopper_runs", &[("probe", "home"), ("target", "city"), ("verdict", "degraded")], 0.0),
        ("shopper_runs", &[("probe", HOSTILE), ("target", HOSTILE), ("verdict", "pass")], 1.0),
        ("shopper_runs_uncounted", &[], 3.0),
        ("shopper_steps", &[("probe", "home"), ("outcome", "done")], 3.0),
        ("shopper_gaps", &[("reason", "overdue")], 1.0),
        ("shopper_mails", &[("result", "deferred")], 1.0),
        ("shopper_incidents_open", &[("concern", "outage"), ("severity", "outage")], 2.0),
        ("shopper_incidents_open", &[("concern", "vantage"), ("severity", "outage")], 0.0),
        ("shopper_outbox_pending", &[], 1.0),
        ("shopper_outbox_failed", &[], 4.0),
        ("shopper_outbox_oldest_age_seconds", &[], 90.0),
        ("shopper_heartbeat_timestamp_seconds", &[], 1_795_320_000.0),
        ("shopper_store_up", &[], 1.0),
        ("shopper_store_database_bytes", &[], 4096.0),
        ("shopper_evidence_stopped", &[], 1.0),
        ("shopper_browsers_started", &[], 5.0),
        ("shopper_browser_slots_in_use", &[], 1.0),
        ("shopper_browser_slots_freed", &[("way", "kill")], 1.0),
        ("shopper_build", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ];
    for (family, labels, want) in cases {
        assert_eq!(value(&families, family, labels), Some(*want), "{family} {labels:?}");
    }
    assert_eq!(
        value(&families, "shopper_runs", &[("probe", "gone")]),
        None,
        "a probe that is planned no more"
    );
    assert_eq!(value(&families, "shopper_steps", &[("probe", "gone")]), None);
    let bucket = |family: &str, le: &str, labels: &[(&str, &str)]| {
        let samples = &families[family].samples;
        let fits = |have: &Labels, n: &str, v: &str| have.iter().any(|(a, b)| a == n && b == v);
        samples
            .iter()
            .find(|(_, have, _)| fits(have, "le", le) && labels.iter().all(|(n, v)| fits(have, n, v)))
            .map(|sample| sample.2)
    };
    let home = [("probe", "home")];
    assert_eq!(bucket("shopper_run_duration_seconds", "0.25", &home), Some(2.0), "the bound belongs to it");
    assert_eq!(bucket("shopper_run_duration_seconds", "600.0", &home), Some(2.0));
    assert_eq!(bucket("shopper_run_duration_seconds", "+Inf", &home), Some(3.0));
    // The run by hand has no slot, so it cannot be late.
    assert_eq!(bucket("shopper_start_lateness_seconds", "0.05", &[]), Some(4.0));
    assert_eq!(bucket("shopper_start_lateness_seconds", "0.025", &[]), Some(0.0));
    for (name, family) in &families {
        let base = ["seconds", "bytes"];
        assert!(family.unit.as_deref().is_none_or(|unit| base.contains(&unit)), "{name} has no base unit");
        assert!(!name.ends_with("_ms") && !name.ends_with("_total"), "{name}");
    }
}

#[tokio::test]
async fn an_agent_without_a_store_still_says_how_it_does() {
    let office = Office::new();
    let families = parse(&get(&office.router(), "/metrics", &[]).await.body).unwrap();
    assert_eq!(value(&families, "shopper_store_up", &[]), Some(0.0));
    assert!(!families.contains_key("shopper_outbox_pending"), "nothing is better than a guess");
}

#[tokio::test]
async fn whoever_asks_for_plain_text_alone_gets_the_format_of_before() {
    let office = Office::new();
    *office.reading.lock().unwrap() = reading();
    let both = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    let cases =
        [("text/plain;version=0.0.4", false), ("text/plain", false), (both, true), ("*/*", true), ("", true)];
    for (accept, open) in cases {
        let answer = get(&office.router(), "/metrics", &[("accept", accept)]).await;
        assert_eq!(
            answer.header("content-type").starts_with("application/openmetrics-text"),
            open,
            "{accept}"
        );
        assert_eq!(answer.body.ends_with("# EOF\n"), open, "{accept}");
        assert_eq!(answer.body.contains("# TYPE shopper_runs_total counter\n"), !open, "{accept}");
    }
}

#[test]
fn the_parser_of_these_tests_finds_faults() {
    let head = "# HELP a Text.\n# TYPE a counter\n";
    let cases = [
        ("a_total 1\n", true),
        ("a_total{b=\"c\\\"\\\\\\n\"} 1.5\n", true),
        ("a 1\n", false),
        ("a_total -1\n", false),
        ("a_total 1 \n", false),
        ("a_total{b=\"c} 1\n", false),
        ("a_total{b=\"\\t\"} 1\n", false),
        ("a_total{b=\"c\",b=\"d\"} 1\n", false),
        ("a_total 1\na_total 2\n", false),
        ("a_total 1\n# UNIT a seconds\n", false),
        ("a_total 1\n# EOF\n", false),
        ("a_total NaN\n", false),
        ("\n", false),
    ];
    for (samples, good) in cases {
        let read = parse(&format!("{head}{samples}# EOF\n"));
        assert_eq!(read.is_ok(), good, "{samples}: {read:?}");
    }
    assert!(parse(&format!("{head}a_total 1\n")).is_err(), "no end");
    let falls = "# HELP h Text.\n# TYPE h histogram\nh_sum 1\nh_count 1\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\n# EOF\n";
    assert!(parse(falls).is_err());
}
