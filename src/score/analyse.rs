//! Analysing: what many scorecards say together, and against an earlier assessment.
//!
//! Invariant: everything follows from the profile and from scorecards, so that an old assessment can be
//! analysed again; what was not observed is in no denominator.

mod change;
mod channels;
mod findings;
mod regions;
mod sensitivity;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::analysis::{Analysis, GradeCount, Mean};
use super::card::{Assessment, NodeScore, Scorecard};
use super::digits::{mean, percent};
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::Profile;

/// Analyses an assessment. `clusters` and `words` of the answer are left empty.
///
/// What is said about totals (their mean, grades, regions) is about the ranked: a total of little that was
/// observed is shown and says nothing about the others. Means of indicators are of all targets that have
/// points for them.
pub fn analyse(profile: &Profile, now: &Assessment, against: Option<&Assessment>) -> Analysis {
    Analysis {
        mean: mean(ranked(&now.cards).filter_map(|card| card.total)),
        means: means(&now.cards),
        grades: grades(profile, &now.cards),
        regions: regions::regions(&now.cards),
        findings: findings::findings(profile, &now.cards),
        change: against.map(|before| change::change(profile, now, before)),
        sensitivity: sensitivity::sensitivity(profile, &now.cards),
        channels: channels::channels(&now.cards),
        clusters: None,
        words: Vec::new(),
    }
}

fn means(cards: &[Scorecard]) -> BTreeMap<IndicatorId, Mean> {
    let mut scores: BTreeMap<&IndicatorId, Vec<f64>> = BTreeMap::new();
    for node in cards.iter().flat_map(|card| &card.nodes) {
        if let Some(score) = node.score {
            scores.entry(&node.id).or_default().push(score);
        }
    }
    let one = |scores: Vec<f64>| Some(Mean { n: scores.len() as u64, mean: mean(scores)? });
    scores.into_iter().filter_map(|(id, scores)| Some((id.clone(), one(scores)?))).collect()
}

fn grades(profile: &Profile, cards: &[Scorecard]) -> Vec<GradeCount> {
    let all = ranked(cards).count() as u64;
    if all == 0 {
        return Vec::new();
    }
    let counted = (0..).zip(&profile.grades).map(|(place, grade)| {
        let count = cards.iter().filter(|card| card.grade == Some(place)).count() as u64;
        GradeCount {
            title: grade.title.clone(),
            from: grade.from,
            count,
            share: percent(count, all).unwrap_or(0.0),
        }
    });
    counted.collect()
}

/// The cards that were observed well enough to be ranked.
fn ranked(cards: &[Scorecard]) -> impl Iterator<Item = &Scorecard> {
    cards.iter().filter(|card| card.rank.is_some())
}

/// The nodes of the first level, without the bonus.
fn first_level(card: &Scorecard) -> impl Iterator<Item = &NodeScore> {
    card.nodes.iter().filter(|node| node.depth == 0 && !node.bonus)
}
