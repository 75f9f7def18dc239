//! Scoring, wired: what was seen by the hour, what people wrote down, and a profile become scorecards and what
//! can be said about them.

use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::AppError;
use crate::domain::ids::TargetId;
use crate::domain::period::Period;
use crate::domain::profile::Profile;
use crate::domain::target::Target;
use crate::plan::{Diagnostic, Faults, Plan};
use crate::score::analysis::Analysis;
use crate::score::card::Assessment;
use crate::score::material::{Observed, Subject};
use crate::store::{Access, Store, StoreError};

/// What is to be scored.
#[derive(Debug, Clone)]
pub struct ScoreOrder {
    /// The period.
    pub period: Period,
    /// An earlier period to compare with.
    pub against: Option<Period>,
    /// Only these targets; all of the plan's when there is none.
    pub targets: Vec<TargetId>,
    /// Whether the assessment is kept. One of some targets only never is: its ranks are no ranks.
    pub keep: bool,
}

/// What scoring came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scored {
    /// When it was made.
    pub made_at: Timestamp,
    /// The version of this program.
    pub agent_version: String,
    /// The scorecards.
    pub assessment: Assessment,
    /// The scorecards of the earlier period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Assessment>,
    /// What can be said about them.
    pub analysis: Analysis,
}

impl Scored {
    /// Whether nothing at all was seen: a total then means nothing, and no card has one.
    pub fn is_blank(&self) -> bool {
        self.assessment.cards.iter().all(|card| card.total.is_none())
    }
}

/// Reads a profile, named as a file, or as what stands in `profiles/` beside the configuration.
pub fn profile(config: &Path, named: &Path) -> Result<(Profile, Vec<Diagnostic>), Faults> {
    let beside = || {
        let name = named.to_str().filter(|name| !name.contains(['/', '.']))?;
        Some(config.parent()?.join("profiles").join(format!("{name}.toml")))
    };
    let file = if named.exists() { named.to_owned() } else { beside().unwrap_or_else(|| named.to_owned()) };
    read_profile(&file)
}

/// Scores.
pub async fn score(
    plan: &Plan,
    profile: &Profile,
    order: &ScoreOrder,
    now: Timestamp,
) -> Result<Scored, AppError> {
    let folder = &plan.agent.data_dir;
    let fault = |source: StoreError| AppError::Store { folder: folder.clone(), source };
    let store = Store::open(folder, Access::ReadOnly).map_err(fault)?;
    let chosen = |target: &&Target| order.targets.is_empty() || order.targets.contains(&target.id);
    let subjects: Vec<Subject> = plan.targets.iter().map(AsRef::as_ref).filter(chosen).map(subject).collect();
    let assessment = assessed(&store, profile, &order.period, &subjects).await.map_err(fault)?;
    let against = match &order.against {
        Some(period) => Some(assessed(&store, profile, period, &subjects).await.map_err(fault)?),
        None => None,
    };
    store.close().await;
    let analysis = analyse(profile, &assessment, against.as_ref());
    let agent_version = env!("CARGO_PKG_VERSION").to_owned();
    let scored = Scored { made_at: now, agent_version, assessment, against, analysis };
    if order.keep && order.targets.is_empty() && !scored.is_blank() {
        let store = Store::open(folder, Access::Command).map_err(fault)?;
        store.keep_assessment(&scored.assessment, now).await.map_err(fault)?;
        store.close().await;
    }
    Ok(scored)
}

async fn assessed(
    store: &Store,
    profile: &Profile,
    period: &Period,
    subjects: &[Subject],
) -> Result<Assessment, StoreError> {
    let ids: Vec<TargetId> = subjects.iter().map(|subject| subject.id.clone()).collect();
    let mut material = store.material(period, &ids).await?;
    // What people wrote down is put into `coded` here, once the store has it.
    let observed: Vec<(Subject, Observed)> = subjects
        .iter()
        .map(|subject| (subject.clone(), material.remove(&subject.id).unwrap_or_default()))
        .collect();
    Ok(assess(profile, period, &observed))
}

fn subject(target: &Target) -> Subject {
    Subject { id: target.id.clone(), name: target.name.clone(), labels: target.labels.clone() }
}

// On merging: `plan::profile::load_profile` with `DiskFiles`, `score::assess`, `score::analyse`.

fn read_profile(file: &Path) -> Result<(Profile, Vec<Diagnostic>), Faults> {
    let _ = file;
    Err(Faults { diagnostics: Vec::new() })
}

fn assess(profile: &Profile, period: &Period, observed: &[(Subject, Observed)]) -> Assessment {
    let _ = observed;
    Assessment {
        profile: profile.id.clone(),
        profile_hash: profile.hash.clone(),
        period: period.clone(),
        cards: Vec::new(),
        reliability: std::collections::BTreeMap::new(),
    }
}

fn analyse(_profile: &Profile, _now: &Assessment, _against: Option<&Assessment>) -> Analysis {
    Analysis::default()
}
