//! Plans for this room's tests.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::incident::{AlertRules, Severity};
use crate::domain::language::Language;
use crate::domain::place::Place;
use crate::domain::scenario::Scenario;
use crate::domain::target::{Target, TargetClass};
use crate::plan::cron::Schedule;
use crate::plan::{Agent, BrowserPlan, Plan, Probe, WebPlan, Work};

/// 2026-11-22 at this time of day, UTC.
pub(super) fn at(time: &str) -> Timestamp {
    Timestamp::from_str(&format!("2026-11-22T{time}Z")).unwrap()
}

/// The time of day, for assertions that people can read.
pub(super) fn clock_face(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// A test target on a host of its own.
pub(super) fn target(id: &str) -> Arc<Target> {
    target_on(id, &format!("http://{id}.example/"), TargetClass::Test)
}

pub(super) fn target_on(id: &str, entry: &str, class: TargetClass) -> Arc<Target> {
    Arc::new(Target {
        id: TargetId::new(id),
        name: id.to_owned(),
        labels: std::collections::BTreeMap::new(),
        entry: entry.parse().unwrap(),
        class,
        vars: std::collections::BTreeMap::new(),
        secrets: Vec::new(),
        hosts: Vec::new(),
        marker: None,
        place: Place::default(),
        soft_404: class == TargetClass::Test,
        assessed: None,
    })
}

pub(super) fn walk() -> Work {
    Work::Walk(Arc::new(Scenario::default()))
}

pub(super) fn visit() -> Work {
    Work::Visit { within: Duration::from_secs(15) }
}

pub(super) fn probe(
    id: &str,
    work: Work,
    schedule: &str,
    jitter: u64,
    targets: &[&Arc<Target>],
) -> Arc<Probe> {
    Arc::new(Probe {
        id: ProbeId::new(id),
        work,
        engine: crate::domain::engine::Engine::Chromium,
        targets: targets.iter().map(|target| Arc::clone(target)).collect(),
        schedule: Schedule::parse(schedule, "UTC").unwrap().0,
        jitter: Duration::from_secs(jitter),
        alert: AlertRules::default(),
        severity: Severity::Outage,
        slow: None,
    })
}

pub(super) fn plan(sessions: usize, probes: &[&Arc<Probe>]) -> Arc<Plan> {
    Arc::new(Plan {
        root: PathBuf::from("/nowhere"),
        hash: String::new(),
        agent: Agent {
            name: "here".to_owned(),
            contact: None,
            timezone: "UTC".to_owned(),
            language: Language::English,
            data_dir: PathBuf::from("/nowhere/data"),
        },
        browser: BrowserPlan::spawning(sessions),
        web: WebPlan::default(),
        mail: None,
        hooks: Vec::new(),
        routes: Vec::new(),
        maintenance: Vec::new(),
        canary: crate::plan::CanaryPlan::default(),
        keep: crate::plan::Keep::default(),
        alert: AlertRules::default(),
        targets: Vec::new(),
        probes: probes.iter().map(|probe| Arc::clone(probe)).collect(),
        lexicon: Arc::default(),
    })
}
