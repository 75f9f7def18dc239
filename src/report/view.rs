//! The dossier as the content asks for it: titles, names, order.
//!
//! Invariant: every name that comes from a portal or a person is cleaned here (one line, no hidden
//! characters); an indicator that is not reliable says so wherever its title stands, and so does a finding that
//! rests on one.

use std::collections::BTreeMap;

use crate::domain::ids::{ScenarioId, TargetId};
use crate::domain::indicator::IndicatorId;
use crate::domain::language::Language;
use crate::domain::profile::{Condition, Node, Placed};
use crate::mail::say::line;
use crate::score::analysis::Found;
use crate::score::card::{NodeScore, Reliability, Scorecard};

use super::Dossier;

/// How long a name may be.
const NAME: usize = 60;
/// How long other texts may be.
const TEXT: usize = 400;

/// The dossier with its look-ups.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub dossier: &'a Dossier,
    pub language: Language,
    placed: Vec<Placed<'a>>,
    by_id: BTreeMap<&'a IndicatorId, &'a Node>,
    cards: BTreeMap<&'a TargetId, &'a Scorecard>,
}

impl<'a> View<'a> {
    /// Looks at a dossier.
    pub fn of(dossier: &'a Dossier) -> Self {
        let placed = dossier.profile.nodes();
        Self {
            dossier,
            language: dossier.language,
            by_id: placed.iter().map(|placed| (&placed.node.id, placed.node)).collect(),
            cards: dossier.assessment.cards.iter().map(|card| (&card.target.id, card)).collect(),
            placed,
        }
    }

    /// The text in the report's language.
    pub fn pick<'t>(&self, chinese: &'t str, english: &'t str) -> &'t str {
        self.language.pick(chinese, english)
    }

    /// Whether the report is written in Chinese.
    pub fn is_chinese(&self) -> bool {
        self.language == Language::Chinese
    }

    /// Every node of the profile.
    pub fn placed(&self) -> &[Placed<'a>] {
        &self.placed
    }

    /// The first level, without the bonus.
    pub fn firsts(&self) -> &'a [Node] {
        &self.dossier.profile.tree
    }

    /// A node.
    pub fn node(&self, id: &IndicatorId) -> Option<&'a Node> {
        self.by_id.get(id).copied()
    }

    /// Whether a node stands below another, at whatever depth.
    pub fn is_below(&self, id: &IndicatorId, above: &IndicatorId) -> bool {
        let parent = |id: &IndicatorId| {
            self.placed.iter().find(|placed| placed.node.id == *id).and_then(|placed| placed.parent)
        };
        std::iter::successors(parent(id), |id| parent(id)).any(|found| found == above)
    }

    /// An indicator's title with its id, and whether it is not reliable: `T1 可及性`.
    pub fn title(&self, id: &IndicatorId) -> String {
        format!("{id} {}", self.name_of(id)).trim_end().to_owned()
    }

    /// An indicator's title for a chart, which cuts the ends of long ones: the mark stands before it.
    pub fn label(&self, id: &IndicatorId) -> String {
        let label = format!("{id} {}", self.bare_name(id));
        let mark = if self.is_unreliable(id) { self.mark().trim_start() } else { "" };
        let gap = if mark.is_empty() || self.is_chinese() { "" } else { " " };
        format!("{mark}{gap}{}", label.trim_end())
    }

    /// An indicator's title without its id.
    pub fn name_of(&self, id: &IndicatorId) -> String {
        let mark = if self.is_unreliable(id) { self.mark() } else { "" };
        format!("{}{mark}", self.bare_name(id))
    }

    /// A finding's sentence, marked when it rests on an indicator that is not reliable.
    pub fn finding(&self, found: &Found) -> String {
        let rule = self.dossier.profile.findings.iter().find(|rule| rule.id == found.id);
        let mark = if rule.is_some_and(|rule| self.is_doubtful(&rule.when)) { self.mark() } else { "" };
        format!("{}{mark}", clean(found.sentence.pick(self.language)))
    }

    /// Whether a condition asks an indicator that is not reliable.
    fn is_doubtful(&self, when: &Condition) -> bool {
        match when {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().any(|part| self.is_doubtful(part)),
            Condition::Not(part) => self.is_doubtful(part),
            Condition::Is { indicator, .. }
            | Condition::Value { indicator, .. }
            | Condition::Score { indicator, .. }
            | Condition::Outcome { indicator, .. } => self.is_unreliable(indicator),
        }
    }

    /// What stands behind a title that is not reliable.
    fn mark(&self) -> &'static str {
        self.language.pick("〔信度不足〕", " [not reliable]")
    }

    fn bare_name(&self, id: &IndicatorId) -> String {
        let figures = &self.dossier.profile.figures;
        let words = self.by_id.get(id).map(|node| &node.title);
        let words =
            words.or_else(|| figures.iter().find(|figure| figure.id == *id).map(|figure| &figure.title));
        words.map(|words| clean(words.pick(self.language))).unwrap_or_default()
    }

    /// Whether coders agree too little on the indicator.
    pub fn is_unreliable(&self, id: &IndicatorId) -> bool {
        self.dossier.assessment.reliability.get(id).is_some_and(Reliability::is_unreliable)
    }

    /// A card.
    pub fn card(&self, id: &TargetId) -> Option<&'a Scorecard> {
        self.cards.get(id).copied()
    }

    /// A target's name.
    pub fn target(&self, id: &TargetId) -> String {
        let name = self.cards.get(id).map(|card| clean_name(&card.target.name)).unwrap_or_default();
        if name.is_empty() { clean_name(id.as_str()) } else { name }
    }

    /// A scenario's title.
    pub fn scenario(&self, id: &ScenarioId) -> String {
        clean_name(self.dossier.scenarios.get(id).map_or(id.as_str(), String::as_str))
    }

    /// A target's region.
    pub fn region(card: &Scorecard) -> String {
        clean_name(card.target.region().unwrap_or_default())
    }

    /// Targets with a rank, the best first.
    pub fn ranked(&self) -> Vec<&'a Scorecard> {
        let cards = &self.dossier.assessment.cards;
        let mut ranked: Vec<&Scorecard> = cards.iter().filter(|card| card.rank.is_some()).collect();
        ranked.sort_by(|a, b| a.rank.cmp(&b.rank).then_with(|| a.target.id.cmp(&b.target.id)));
        ranked
    }

    /// Targets without one, in the order of the assessment.
    pub fn unranked(&self) -> Vec<&'a Scorecard> {
        self.dossier.assessment.cards.iter().filter(|card| card.rank.is_none()).collect()
    }

    /// How many targets have a total, ranked or not.
    pub fn with_total(&self) -> usize {
        self.dossier.assessment.cards.iter().filter(|card| card.total.is_some()).count()
    }

    /// The title of a card's grade.
    pub fn grade(&self, card: &Scorecard) -> String {
        let grade = card.grade.and_then(|index| self.dossier.profile.grades.get(index));
        grade.map(|grade| clean(grade.title.pick(self.language))).unwrap_or_default()
    }

    /// The points that a target has for an indicator.
    pub fn score(card: &Scorecard, id: &IndicatorId) -> Option<f64> {
        card.nodes.iter().find(|node| node.id == *id).and_then(|node| node.score)
    }

    /// The leaves of a card, with their nodes in the profile.
    pub fn leaves<'c>(&self, card: &'c Scorecard) -> impl Iterator<Item = (&'c NodeScore, &'a Node)> {
        card.nodes.iter().filter_map(|score| {
            let node = self.node(&score.id)?;
            matches!(node.kind, crate::domain::profile::NodeKind::Leaf(_)).then_some((score, node))
        })
    }
}

/// A name as one harmless line.
pub(super) fn clean_name(text: &str) -> String {
    line(text, NAME)
}

/// Any other text as one harmless line.
pub(super) fn clean(text: &str) -> String {
    line(text, TEXT)
}
