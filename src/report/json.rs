//! JSON: assessment and analysis for programs, with a published schema (`schema/report.json`).
//!
//! Invariant: fields are added and never renamed; what could not be told is `null` or absent, never 0.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Dossier, ReportError};
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::Words;
use crate::score::analysis::Analysis;
use crate::score::card::Assessment;

/// What `shopper report --format json` writes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report<'a> {
    /// When it was made.
    pub made_at: Timestamp,
    /// Where the agent stands that observed.
    pub agent: &'a str,
    /// The version of the program.
    pub version: &'a str,
    /// What the profile is called.
    pub title: &'a Words,
    /// Below this coverage (percent) a target has no rank.
    pub coverage_floor: f64,
    /// Every indicator of the profile, parents before children.
    pub indicators: Vec<Indicator<'a>>,
    /// The scorecards.
    pub assessment: &'a Assessment,
    /// What can be said about them together.
    pub analysis: &'a Analysis,
    /// The assessment that it is compared with.
    pub against: Option<&'a Assessment>,
}

/// An indicator of the profile.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Indicator<'a> {
    /// Its id.
    pub id: &'a IndicatorId,
    /// What it is below.
    pub parent: Option<&'a IndicatorId>,
    /// What it is called.
    pub title: &'a Words,
    /// Its weight among its siblings.
    pub weight: f64,
    /// Whether it belongs to the bonus.
    pub bonus: bool,
    /// What is assumed of it, without a public source.
    pub assumed: Option<&'a Words>,
}

/// The report as JSON, with a line break at its end.
pub fn json(dossier: &Dossier) -> Result<String, ReportError> {
    let nodes = dossier.profile.nodes();
    let indicators = nodes.iter().map(|placed| Indicator {
        id: &placed.node.id,
        parent: placed.parent,
        title: &placed.node.title,
        weight: placed.node.weight,
        bonus: placed.bonus,
        assumed: placed.node.assumed.as_ref(),
    });
    let report = Report {
        made_at: dossier.made_at,
        agent: &dossier.agent.name,
        version: &dossier.agent.version,
        title: &dossier.profile.title,
        coverage_floor: dossier.profile.coverage_floor,
        indicators: indicators.collect(),
        assessment: &dossier.assessment,
        analysis: &dossier.analysis,
        against: dossier.against.as_ref(),
    };
    let mut text = serde_json::to_string_pretty(&report)?;
    text.push('\n');
    Ok(text)
}

/// The schema of it, with a line break at its end.
pub fn schema() -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Report<'_>))?;
    text.push('\n');
    Ok(text)
}
