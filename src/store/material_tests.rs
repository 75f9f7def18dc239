//! What is read from the hours is what the runs themselves say, whatever they are, and stays so when
//! retention has removed them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::{context, run};
use super::{Access, RunFilter, Store, material, open, rollup, sparse, traits};
use crate::domain::ids::{ScenarioId, TargetId};
use crate::domain::indicator::IndicatorId;
use crate::domain::link::{CrawlExtent, LinkClass, LinkFault};
use crate::domain::observation::{DownloadFact, Facts};
use crate::domain::outcome::Outcome;
use crate::domain::period::Period;
use crate::domain::run::{Cause, Gap, GapReason, Run, RunKind, StepRecord};
use crate::domain::scenario::Stage;
use crate::domain::verdict::Verdict;
use crate::domain::visit::{SecondLook, Visit};
use crate::plan::Keep;
use crate::score::material::{LinkCheck, Observed, RunDay, RunSeries, StepDay, StepSeries, Times, TraitDay};

/// 2026-11-22T04:00:00Z, minus two days.
const BEGIN: i64 = 1_795_320_000 - 2 * 86_400;
/// Runs are strewn over five days, of which three are the period's.
const MINUTES: i64 = 5 * 24 * 60;

const TARGETS: [&str; 3] = ["a-city", "b-city", "c-city"];

#[derive(Debug, Clone)]
struct Spec {
    minute: i64,
    target: usize,
    what: usize,
    verdict: usize,
    outcome: usize,
    ms: u64,
    cause: u8,
    odd: u8,
}

fn spec() -> impl Strategy<Value = Spec> {
    let ms = prop_oneof![0..3_000_u64, 0..20_000_u64, Just(5_000_000_u64)];
    (0..MINUTES, 0..2_usize, 0..5_usize, 0..4_usize, 0..Outcome::ALL.len(), ms, 0..8_u8, 0..8_u8).prop_map(
        |(minute, target, what, verdict, outcome, ms, cause, odd)| Spec {
            minute,
            target,
            what,
            verdict,
            outcome,
            ms,
            cause,
            odd,
        },
    )
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + minute * 60).unwrap()
}

fn step(name: &str, outcome: Outcome, ms: u64, measure: &str) -> StepRecord {
    StepRecord {
        name: name.into(),
        stage: Stage::Form,
        measure: vec![IndicatorId::parse(measure).unwrap()],
        outcome,
        credit: outcome.credit().points(),
        elapsed_ms: ms,
        own_ms: 0,
        attempts: 1,
        evidence: Vec::new(),
        error: None,
        facts: Facts::default(),
    }
}

/// A run of one of five probes: two that walk the same scenario, one whose scenario is not scored, visits,
/// link checks. In the middle of the time the scenarios are written anew.
fn made(number: usize, spec: &Spec) -> Run {
    let verdicts = [Verdict::Pass, Verdict::Degraded, Verdict::Fail, Verdict::Inconclusive];
    let outcome = Outcome::ALL[spec.outcome];
    let late = spec.minute > MINUTES / 2;
    let (probe, kind, scenario) = [
        ("licence", RunKind::Walk, Some("drug")),
        ("licence-2", RunKind::Walk, Some("drug")),
        ("id-card", RunKind::Walk, Some(if late { "id-2" } else { "id" })),
        ("home", RunKind::Visit, None),
        ("links", RunKind::Crawl, None),
    ][spec.what];
    let mut made = Run {
        probe: probe.into(),
        target: TARGETS[spec.target].into(),
        kind,
        scenario: scenario.map(Into::into),
        scored: probe != "id-card",
        cause: match spec.cause {
            0 => Cause::Manual,
            1 => Cause::Confirmation { of: "x".into() },
            _ => Cause::Schedule,
        },
        scheduled_at: at(spec.minute),
        started_at: at(spec.minute),
        finished_at: at(spec.minute) + SignedDuration::from_secs(5),
        elapsed_ms: spec.ms,
        verdict: verdicts[spec.verdict],
        ..run(&format!("r{number:04}"), "首页")
    };
    match kind {
        RunKind::Walk => {
            let then = if outcome.goes_on() { Outcome::OnlineReady } else { Outcome::NotReached };
            made.steps = vec![
                step("搜索", Outcome::Done, spec.ms / 2, "A1"),
                step("填表", outcome, spec.ms, if late { "H1.new" } else { "H1" }),
                step("提交", then, spec.ms / 3, "H1"),
            ];
            made.steps[0].own_ms = made.steps[0].elapsed_ms / 4;
            made.steps[0].facts.downloads = (0..spec.odd % 3)
                .map(|n| DownloadFact {
                    name: "a.pdf".into(),
                    url: String::new(),
                    size: 1,
                    kind: "pdf".into(),
                    opens: n == 0,
                    sha256: String::new(),
                })
                .collect();
        }
        RunKind::Visit => {
            made.visit = Some(Visit {
                final_url: if spec.odd == 0 { "http://a.cn/" } else { "https://a.cn/" }.into(),
                status: Some(200),
                ipv6: Some(spec.odd > 2).filter(|_| spec.odd != 7),
                viewport: Some(spec.odd != 1),
                accessibility: (spec.odd != 5).then(Vec::new),
                second_look: (spec.odd == 4).then(SecondLook::default),
                ..Visit::default()
            });
        }
        RunKind::Crawl => {
            let cut = (spec.odd == 0).then(|| "time is up".to_owned());
            made.crawl = Some(CrawlExtent { cut_short: cut, ..CrawlExtent::default() });
            made.steps[0].outcome = outcome;
            made.links_checked = Some(70);
            let fault = |n: u8| LinkFault {
                on_home: n.is_multiple_of(2),
                ..LinkFault::new(format!("http://a.cn/{n}"), LinkClass::NotFound)
            };
            made.link_faults = (0..spec.odd).map(fault).collect();
        }
    }
    made
}

/// The same from the runs themselves.
fn from_raw(runs: &[Run], gaps: &[Gap], period: &Period, target: &str) -> Observed {
    let days = period.days();
    let hour = |at: Timestamp| Timestamp::from_microsecond(rollup::hour_of(at)).unwrap();
    let counted: Vec<&Run> = runs.iter().filter(|run| run.cause == Cause::Schedule).collect();
    let inside: Vec<(u16, &Run)> = counted
        .iter()
        .filter(|run| run.target.as_str() == target)
        .filter_map(|run| Some((days.of(hour(run.started_at))?, *run)))
        .collect();
    let times = |all: &[u64]| {
        let mut sums: BTreeMap<u32, u32> = BTreeMap::new();
        for ms in all {
            *sums.entry(sparse::rounded(*ms)).or_default() += 1;
        }
        sums.into_iter().collect::<Times>()
    };

    let mut series: BTreeMap<(String, &str), BTreeMap<u16, Vec<&Run>>> = BTreeMap::new();
    for (day, run) in &inside {
        let key = (run.probe.to_string(), run.kind.name());
        series.entry(key).or_default().entry(*day).or_default().push(run);
    }
    let runs_of = |((probe, _), by_day): ((String, &str), BTreeMap<u16, Vec<&Run>>)| RunSeries {
        probe: probe.as_str().into(),
        kind: by_day.values().next().unwrap()[0].kind,
        days: by_day
            .into_iter()
            .map(|(day, runs)| {
                let verdicts = [Verdict::Pass, Verdict::Degraded, Verdict::Fail, Verdict::Inconclusive];
                let count = |verdict| runs.iter().filter(|run| run.verdict == verdict).count() as u64;
                let says = |run: &&&Run| matches!(run.verdict, Verdict::Pass | Verdict::Degraded);
                // A visit takes as long as its request; whoever needs a browser to settle it took no time.
                let taken = |run: &&Run| match (run.kind, &run.visit) {
                    (RunKind::Visit, Some(Visit { second_look: Some(_), .. })) => None,
                    (RunKind::Visit, _) => Some(run.steps[0].elapsed_ms),
                    _ => Some(run.elapsed_ms),
                };
                let ms: Vec<u64> = runs.iter().filter(says).filter_map(taken).collect();
                RunDay {
                    day,
                    verdicts: verdicts.map(|it| (it, count(it))).into_iter().filter(|it| it.1 > 0).collect(),
                    times: times(&ms),
                }
            })
            .collect(),
    };

    let mut steps: BTreeMap<(String, ScenarioId, usize), StepSeries> = BTreeMap::new();
    let mut by_day: BTreeMap<(String, ScenarioId, usize), BTreeMap<u16, Vec<&StepRecord>>> = BTreeMap::new();
    for (day, run) in &inside {
        let Some(scenario) = &run.scenario else { continue };
        // The second step is how these walks end.
        let end = run.steps[1].outcome;
        let ours = [Outcome::ScriptRot, Outcome::BlockedByPolicy, Outcome::ProbeFault].contains(&end);
        let blind = run.verdict == Verdict::Inconclusive && crate::judge::verdict::is_failure(end);
        let said = |place: usize| match place {
            1 => !blind && end != Outcome::NotReached,
            2 => end.goes_on() || !(ours || blind || end == Outcome::NotReached),
            _ => true,
        };
        for (place, step) in run.steps.iter().enumerate().filter(|(place, _)| said(*place)) {
            let key = (run.probe.to_string(), scenario.clone(), place);
            by_day.entry(key).or_default().entry(*day).or_default().push(step);
        }
    }
    for (key, found) in by_day {
        let (probe, scenario, place) = key.clone();
        // What it is about says the newest run of the probe on any target.
        let newest = counted
            .iter()
            .filter(|run| run.probe.as_str() == probe && run.scenario.as_ref() == Some(&scenario))
            .max_by_key(|run| (run.started_at, run.id.clone()))
            .unwrap();
        let days = found.into_iter().map(|(day, steps)| {
            let mut outcomes: BTreeMap<Outcome, u64> = BTreeMap::new();
            for step in &steps {
                *outcomes.entry(step.outcome).or_default() += 1;
            }
            let worked = steps.iter().filter(|step| step.outcome.goes_on());
            let ms: Vec<u64> = worked.map(|step| step.elapsed_ms - step.own_ms).collect();
            StepDay { day, outcomes: outcomes.into_iter().collect(), times: times(&ms) }
        });
        let series = StepSeries {
            probe: probe.as_str().into(),
            scenario,
            scored: newest.scored,
            step: newest.steps[place].name.clone(),
            position: u32::try_from(place).unwrap(),
            stage: newest.steps[place].stage,
            measure: newest.steps[place].measure.clone(),
            days: days.collect(),
        };
        steps.insert(key, series);
    }

    let mut facts: BTreeMap<(u16, usize), (u64, u64)> = BTreeMap::new();
    for (day, run) in &inside {
        for (place, tally) in traits::of(run).into_iter().enumerate().filter(|it| it.1.yes + it.1.no > 0) {
            let fact = facts.entry((*day, place)).or_default();
            *fact = (fact.0 + u64::from(tally.yes), fact.1 + u64::from(tally.no));
        }
    }
    let mut links: Vec<(Timestamp, LinkCheck)> = counted
        .iter()
        .filter(|run| run.target.as_str() == target)
        .filter_map(|run| {
            let (day, found) = (days.of(run.started_at)?, traits::checked(run)?);
            let (home, elsewhere, checked) = (found.home, found.elsewhere, found.links);
            Some((run.started_at, LinkCheck { run: run.id.clone(), day, home, elsewhere, checked }))
        })
        .collect();
    links.sort_by(|a, b| (a.0, &a.1.run).cmp(&(b.0, &b.1.run)));
    let missing = |gap: &&Gap| gap.target.as_str() == target && days.of(hour(gap.scheduled_at)).is_some();
    Observed {
        runs: series.into_iter().map(runs_of).collect(),
        steps: steps.into_values().collect(),
        links: links.into_iter().map(|it| it.1).collect(),
        traits: facts
            .into_iter()
            .map(|((day, place), (yes, no))| TraitDay { day, fact: traits::FACTS[place], yes, no })
            .collect(),
        coded: BTreeMap::new(),
        gaps: gaps.iter().filter(missing).count() as u64,
    }
}

fn gap(minute: i64, target: usize) -> Gap {
    let reason = GapReason::Overdue;
    Gap::one("home".into(), TARGETS[target].into(), at(minute), reason)
}

async fn compare(zone: &str, specs: Vec<Spec>, gaps: Vec<Gap>) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Daemon).unwrap();
    for (number, spec) in specs.iter().enumerate() {
        store.record(made(number, spec), context()).await.unwrap();
    }
    // The same gap twice is one.
    store.record_gaps(gaps.iter().chain(&gaps).cloned().collect()).await.unwrap();
    let period = Period::new("2026-11-21".parse().unwrap(), "2026-11-23".parse().unwrap(), zone).unwrap();
    let targets: Vec<TargetId> = TARGETS.map(Into::into).to_vec();

    let raw = store.runs(RunFilter::default()).await.unwrap();
    let by_hours = store.material(&period, &targets).await.unwrap();
    assert_eq!(by_hours.len(), TARGETS.len());
    for target in &targets {
        let want = from_raw(&raw, &gaps, &period, target.as_str());
        assert_eq!(by_hours[target], want, "{zone} {target}");
    }
    assert_eq!(by_hours[&targets[2]], Observed::default(), "nothing is known of it");

    // A database of before, whose facts are made up from its runs.
    let again = store
        .write({
            let (period, targets) = (period.clone(), targets.clone());
            move |connection| {
                let tx = connection.transaction()?;
                tx.execute_batch(
                    "UPDATE run_hours SET tls_yes = 0, tls_no = 0, viewport_yes = 0, viewport_no = 0, ipv6_yes = 0,
                         ipv6_no = 0, accessible_yes = 0, accessible_no = 0, downloads_yes = 0, downloads_no = 0;
                     DELETE FROM feeds; DELETE FROM link_checks;
                     INSERT INTO to_roll_up (run)
                         SELECT id FROM runs WHERE state = 'finished' AND cause <> 'manual' ORDER BY started_at",
                )?;
                while rollup::catch_up(&tx, 7)? {}
                tx.commit()?;
                material::read(connection, &period, targets)
            }
        })
        .await
        .unwrap();
    assert_eq!(again, by_hours);

    let keep = Keep { runs: Some(Duration::from_hours(24)), ..Keep::default() };
    let tidied = store.tidy(&keep, at(MINUTES) + SignedDuration::from_hours(24 * 400)).await.unwrap();
    assert!(specs.is_empty() || tidied.runs > 0, "{tidied:?}");
    assert_eq!(store.material(&period, &targets).await.unwrap(), by_hours, "after retention");
    store.close().await;
    open::reader(&dir.path().join(super::DATABASE)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn hours_say_what_the_runs_say(
        mut specs in prop::collection::vec(spec(), 0..120),
        gaps in prop::collection::btree_set((0..MINUTES, 0..2_usize), 0..20),
        zone in prop_oneof![Just("Asia/Shanghai"), Just("Asia/Kolkata"), Just("UTC"), Just("America/St_Johns")],
    ) {
        specs.sort_by_key(|spec| spec.minute);
        let gaps = gaps.into_iter().map(|(minute, target)| gap(minute, target)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(zone, specs, gaps));
    }
}
