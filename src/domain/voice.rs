//! Voices of citizens: what they post about portals, and the words by which they praise and complain.
//!
//! Invariant: the text of a [`Post`] holds no personal data that can be known by its form.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::TargetId;
use super::masks::Masks;

/// What a citizen wrote about a portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Post {
    /// Which portal.
    pub target: TargetId,
    /// When it was posted.
    pub at: Timestamp,
    /// What it says, personal data masked.
    pub text: String,
    /// Where: a store of apps, a forum, a hotline's log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl Post {
    /// A post; personal data in its text is masked.
    pub fn new(target: TargetId, at: Timestamp, text: &str, source: &str) -> Self {
        Self { target, at, text: Masks::new().text(text).into_owned(), source: source.to_owned() }
    }
}

/// The words that posts are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoiceWords {
    /// Words that complain.
    pub complaints: Vec<String>,
    /// Words that praise.
    pub praise: Vec<String>,
    /// Words that turn the next one into its opposite.
    pub negations: Vec<String>,
    /// Words that are not counted.
    pub ignored: Vec<String>,
}
