//! The engines that journeys are walked with.

use serde::{Deserialize, Serialize};

/// A browser's engine: which family of browsers walks a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Chromium and what is built on it. The only one that walks live targets.
    #[default]
    Chromium,
    /// Firefox.
    Firefox,
}

impl Engine {
    /// Every engine with its name, in the order in which they are listed to people.
    pub const ALL: [(&'static str, Self); 2] = [("chromium", Self::Chromium), ("firefox", Self::Firefox)];

    /// Its name, as people write it: `Chromium`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
        }
    }
}
