//! The dossier: everything that a report is made of.
//!
//! Invariant: it is complete; a report asks nobody for anything and knows no clock.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::coding::Coding;
use crate::domain::ids::{EvidenceHash, ScenarioId, TargetId};
use crate::domain::indicator::IndicatorId;
use crate::domain::language::Language;
use crate::domain::profile::Profile;
use crate::score::agreement;
use crate::score::analysis::Analysis;
use crate::score::card::Assessment;
use crate::score::material::Exhibit;

/// Everything that a report is made of.
#[derive(Debug, Clone)]
pub struct Dossier {
    /// The profile with which it was scored.
    pub profile: Profile,
    /// The scorecards.
    pub assessment: Assessment,
    /// What can be said about them together.
    pub analysis: Analysis,
    /// The assessment that it is compared with; the analysis was made with the same.
    pub against: Option<Assessment>,
    /// What shows what was seen, by target.
    pub exhibits: BTreeMap<TargetId, Vec<Shown>>,
    /// What people kept to show what they saw, by target: of values that count.
    pub proofs: BTreeMap<TargetId, Vec<Proof>>,
    /// What people wrote down in the period; settled values stand in the scorecards already.
    pub codings: Vec<Coding>,
    /// What scenarios are called; one that is absent is shown by its id.
    pub scenarios: BTreeMap<ScenarioId, String>,
    /// When the report was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub agent: Agent,
    /// The language in which it is written.
    pub language: Language,
}

/// Who looked, and answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// `[agent] name`: where it stands.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// `[agent] contact`: where a portal can answer; a `mailto:` or `https:` address.
    pub contact: Option<String>,
}

/// An exhibit with its picture.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What it shows.
    pub exhibit: Exhibit,
    /// The picture as it is kept; made small by the report.
    pub picture: Option<Image>,
}

/// A file that somebody kept to show what he wrote down. Who it was is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What about.
    pub indicator: IndicatorId,
    /// What was written down.
    pub value: String,
    /// When it was seen.
    pub at: Timestamp,
    /// In the coder's own words; may be empty.
    pub note: String,
    /// The file.
    pub hash: EvidenceHash,
    /// Its media type.
    pub mime: String,
    /// What can be shown of it; a file that is no picture is named only.
    pub picture: Option<Image>,
}

/// Of what people wrote down about a target, what counts: the codings that say what their value was settled to.
pub fn counting(codings: &[Coding], target: &TargetId) -> Vec<Coding> {
    let theirs = codings.iter().filter(|coding| coding.target == *target).cloned().collect();
    let settled = agreement::settle(theirs);
    let agreeing = settled.into_values().flat_map(|settled| {
        let value = settled.value;
        let says = move |coding: &Coding| {
            value.as_deref().is_some_and(|value| agreement::same(value, &coding.value))
        };
        settled.codings.into_iter().filter(says)
    });
    agreeing.collect()
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub mime: String,
}
