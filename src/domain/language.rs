//! The languages in which mails, reports and pages are written.

use serde::{Deserialize, Serialize};

/// A language that people are addressed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// Simplified Chinese, `zh-CN`.
    #[default]
    #[serde(rename = "zh-CN")]
    Chinese,
    /// English, `en`.
    #[serde(rename = "en")]
    English,
}

/// The months in English, January first.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Language {
    /// Every language with its tag, in the order in which they are listed to people.
    pub const ALL: [(&'static str, Self); 2] = [("zh-CN", Self::Chinese), ("en", Self::English)];

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// Picks the text of this language.
    pub fn pick<'a>(self, chinese: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::Chinese => chinese,
            Self::English => english,
        }
    }
}
