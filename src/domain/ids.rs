//! Identifiers as newtypes, so that a probe's id cannot be handed in where a target's is wanted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares a string newtype with the conversions that every id needs.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a text that is already known to be a valid id.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    )*};
}

ids! {
    /// A portal, as `[[target]] id` names it.
    TargetId;
    /// A probe, as `[[probe]] id` names it.
    ProbeId;
    /// A scenario, as its file's `id` names it.
    ScenarioId;
    /// One run: a UUID of version 7, so that ids sort by the time they were made.
    RunId;
    /// One incident: a UUID of version 7.
    IncidentId;
    /// One notice about an incident: a UUID of version 7.
    NoticeId;
    /// One silence: a UUID of version 7.
    SilenceId;
    /// A link fault: 16 hex digits made of its address.
    LinkFaultId;
    /// An evidence file: the lowercase hex SHA-256 of its content.
    EvidenceHash;
}

/// Whether `text` may be used as an id in a configuration: 1–64 of `a-z A-Z 0-9 - _ .`, and not
/// starting with a dot or a dash, so that ids are safe in file names, URLs and command lines.
pub fn is_valid_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !text.starts_with(['.', '-'])
}
