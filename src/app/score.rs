//! Scoring, wired: what was seen by the hour, what people wrote down, and a profile become scorecards and what
//! can be said about them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AppError, voice_words};
use crate::domain::ids::TargetId;
use crate::domain::indicator::IndicatorId;
use crate::domain::period::Period;
use crate::domain::profile::Profile;
use crate::domain::target::Target;
use crate::plan::Plan;
use crate::score::analysis::Analysis;
use crate::score::card::{Assessment, Scorecard, Value};
use crate::score::material::{Observed, Subject};
use crate::score::ward::Cut;
use crate::score::{self, agreement, voices, ward};
use crate::store::{Access, CodingFilter, PostFilter, Store, StoreError};

/// What is to be scored.
#[derive(Debug, Clone)]
pub struct ScoreOrder {
    /// The period.
    pub period: Period,
    /// An earlier period to compare with.
    pub against: Option<Period>,
    /// Only these targets; all of the plan's when there is none.
    pub targets: Vec<TargetId>,
    /// Where targets that are alike are told apart; they are not clustered without.
    pub cut: Option<Cut>,
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
    /// Runs of an older version whose facts, feeds and link checks the agent has not made up for yet. While
    /// there are some, what stands on them may look unobserved.
    #[serde(default)]
    pub catching_up: u64,
}

impl Scored {
    /// Whether nothing at all was seen: a total then means nothing, and no card has one.
    pub fn is_blank(&self) -> bool {
        self.assessment.cards.iter().all(|card| card.total.is_none())
    }
}

/// The file of a profile that is named as a file, or as what stands in `profiles/` beside the configuration.
pub fn profile_file(config: &Path, named: &Path) -> PathBuf {
    let beside = || {
        let name = named.to_str().filter(|name| !name.contains(['/', '.']))?;
        Some(config.parent()?.join("profiles").join(format!("{name}.toml")))
    };
    if named.exists() { named.to_owned() } else { beside().unwrap_or_else(|| named.to_owned()) }
}

/// Scores.
///
/// # Errors
/// When the lists of citizens' words have faults, or the store cannot be read.
pub async fn score(
    plan: &Plan,
    profile: &Profile,
    order: &ScoreOrder,
    now: Timestamp,
) -> Result<Scored, AppError> {
    let folder = &plan.agent.data_dir;
    let fault = |source: StoreError| AppError::Store { folder: folder.clone(), source };
    let lists = voice_words(plan).map_err(AppError::Plan)?;
    let store = Store::open(folder, Access::ReadOnly).map_err(fault)?;
    let chosen = |target: &&Target| order.targets.is_empty() || order.targets.contains(&target.id);
    let subjects: Vec<Subject> = plan.targets.iter().map(AsRef::as_ref).filter(chosen).map(subject).collect();
    let assessment = assessed(&store, profile, &order.period, &subjects).await.map_err(fault)?;
    let against = match &order.against {
        Some(period) => Some(assessed(&store, profile, period, &subjects).await.map_err(fault)?),
        None => None,
    };
    let mut analysis = score::analyse(profile, &assessment, against.as_ref());
    let filter = PostFilter { target: None, period: Some(order.period.clone()) };
    let mut posts = store.posts(filter).await.map_err(fault)?;
    posts.retain(|post| subjects.iter().any(|subject| subject.id == post.target));
    let catching_up = store.catching_up().await.map_err(fault)?;
    store.close().await;
    if !posts.is_empty() {
        analysis.words = voices::words_by(&posts, &lists);
    }
    analysis.clusters = order.cut.map(|cut| ward::cluster(&numbers(&assessment), cut));
    let agent_version = env!("CARGO_PKG_VERSION").to_owned();
    let scored = Scored { made_at: now, agent_version, assessment, against, analysis, catching_up };
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
    let filter = CodingFilter { period: Some(period.clone()), ..CodingFilter::default() };
    let mut codings = store.codings(filter).await?;
    codings.retain(|coding| ids.contains(&coding.target));
    let settled = agreement::settle(codings);
    let reliability = agreement::reliability(profile, &settled);
    for ((target, indicator), value) in settled {
        material.entry(target).or_default().coded.insert(indicator, value);
    }
    let observed: Vec<(Subject, Observed)> = subjects
        .iter()
        .map(|subject| (subject.clone(), material.remove(&subject.id).unwrap_or_default()))
        .collect();
    let assessment = score::assess(profile, period, &observed, &score::Options::default());
    Ok(Assessment { reliability, ..assessment })
}

/// The numbers by which targets are clustered: figures, and leaves that are numbers themselves. A target without
/// any is left out: nobody can say whom it is like.
fn numbers(assessment: &Assessment) -> Vec<(TargetId, BTreeMap<IndicatorId, Option<f64>>)> {
    let number = |value: &Value| match value {
        Value::Number { number } => Some(*number),
        _ => None,
    };
    let of = |card: &Scorecard| -> BTreeMap<IndicatorId, f64> {
        let leaves = card.nodes.iter().filter_map(|node| Some((&node.id, node.value.as_ref()?)));
        let numbers =
            leaves.chain(&card.figures).filter_map(|(id, value)| Some((id.clone(), number(value)?)));
        numbers.collect()
    };
    let cards = assessment.cards.iter().map(|card| (card.target.id.clone(), of(card)));
    let cards: Vec<_> = cards.filter(|(_, numbers)| !numbers.is_empty()).collect();
    // What somebody has and another lacks is a gap, and not nothing.
    let all: BTreeSet<IndicatorId> = cards.iter().flat_map(|(_, numbers)| numbers.keys().cloned()).collect();
    let whole = |numbers: &BTreeMap<IndicatorId, f64>| {
        all.iter().map(|id| (id.clone(), numbers.get(id).copied())).collect()
    };
    cards.iter().map(|(target, numbers)| (target.clone(), whole(numbers))).collect()
}

fn subject(target: &Target) -> Subject {
    Subject { id: target.id.clone(), name: target.name.clone(), labels: target.labels.clone() }
}
