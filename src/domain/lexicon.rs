//! The lexicon: phrases by which a page says how a journey ends.

use super::outcome::Outcome;

/// Phrases with what they mean. Order counts: the first entry that matches wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lexicon {
    /// Phrases that take a meaning back (`无需到窗口`): they are struck from the text first.
    pub negations: Vec<String>,
    /// The phrases, strongest outcome first.
    pub entries: Vec<LexiconEntry>,
}

/// The phrases of one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexiconEntry {
    /// What the phrases mean.
    pub outcome: Outcome,
    /// Texts to look for in what a citizen can see, white space folded, ASCII case ignored.
    pub phrases: Vec<String>,
}
