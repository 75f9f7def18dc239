//! The lexicon: phrases by which a page says how a journey ends.

use super::outcome::Outcome;

/// Phrases with what they mean. Order counts: the first entry that matches wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lexicon {
    /// Phrases that take a meaning back (`无需到窗口`): they are struck from the text first.
    pub negations: Vec<String>,
    /// Phrases by which a sentence leaves a choice (`也可`, `任选`): what it names beside is no refusal.
    pub alternatives: Vec<String>,
    /// The phrases, strongest outcome first.
    pub entries: Vec<LexiconEntry>,
}

/// The phrases of one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexiconEntry {
    /// What the phrases mean.
    pub outcome: Outcome,
    /// Whether the phrases only name a way. They count on a page that nowhere says that the item is
    /// handled online (a phrase of `online_ready`): a guide lists all of its ways.
    pub unless_offered: bool,
    /// Texts to look for in what a citizen can see, white space folded, ASCII case ignored.
    pub phrases: Vec<String>,
}
