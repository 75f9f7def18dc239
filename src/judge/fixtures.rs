//! What the tests of this room judge: runs made of outcomes.

use std::path::Path;

use jiff::Timestamp;

use crate::domain::ids::EvidenceHash;
use crate::domain::notice::{Canary, CanaryFact};
use crate::domain::observation::{Evidence, EvidenceKind, Facts};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Cause, Run, RunKind, StepRecord};
use crate::domain::scenario::Stage;
use crate::plan::{FileFault, Files, Plan, load};

/// A step that ended so.
pub(crate) fn step(name: &str, outcome: Outcome) -> StepRecord {
    let facts = Facts { url: format!("http://city.example/{name}"), ..Facts::default() };
    let shot = |label: &str| Evidence {
        kind: EvidenceKind::Screenshot,
        hash: EvidenceHash::new(format!("{label}-{name}")),
        mime: "image/jpeg".into(),
        size: 1,
        label: label.into(),
    };
    StepRecord {
        name: name.into(),
        stage: Stage::Find,
        measure: Vec::new(),
        outcome,
        credit: outcome.credit().points(),
        elapsed_ms: 120,
        own_ms: 20,
        attempts: 1,
        evidence: vec![shot("early"), shot("last")],
        error: None,
        facts,
    }
}

/// A walk whose steps `s0`, `s1` … ended so.
pub(crate) fn run(id: &str, outcomes: &[Outcome]) -> Run {
    let at = Timestamp::from_second(1000).unwrap();
    let steps: Vec<_> = outcomes.iter().enumerate().map(|(i, o)| step(&format!("s{i}"), *o)).collect();
    let (verdict, reason) = super::verdict(&steps);
    Run {
        id: id.into(),
        probe: "drug-licence".into(),
        target: "demo-city".into(),
        kind: RunKind::Walk,
        scenario: Some("drug-licence".into()),
        scenario_hash: None,
        scored: true,
        vantage: "beijing-1".into(),
        cause: Cause::Schedule,
        scheduled_at: at,
        started_at: at,
        finished_at: at,
        elapsed_ms: 10,
        attempts: 1,
        verdict,
        reason,
        steps,
        visit: None,
        link_faults: Vec::new(),
        links_checked: None,
        crawl: None,
        browser: None,
        canaries: Vec::new(),
        agent_version: "0.1.0".into(),
    }
}

/// A canary and what was wrong with it.
pub(crate) fn canary(canary: Canary, fault: Option<&str>) -> CanaryFact {
    CanaryFact { canary, asked: "example.org".into(), fault: fault.map(str::to_owned), elapsed_ms: 12 }
}

/// A configuration with an agent and whatever `text` says.
pub(crate) fn plan(text: &str) -> Plan {
    struct One(String);
    impl Files for One {
        fn read(&self, path: &Path) -> Result<String, FileFault> {
            let name = path.to_string_lossy();
            if name == "probes.toml" { Ok(self.0.clone()) } else { Err(FileFault::NotFound(Vec::new())) }
        }
        fn exists(&self, _path: &Path) -> Result<(), FileFault> {
            Err(FileFault::NotFound(Vec::new()))
        }
    }
    let files = One(format!("[agent]\nname = \"beijing-1\"\ntimezone = \"Asia/Shanghai\"\n{text}"));
    match load(Path::new(""), Path::new("probes.toml"), &files) {
        Ok(loaded) => loaded.plan,
        Err(faults) => panic!("{faults}"),
    }
}
