//! One HTTP visit: what was asked, what came, how long each part took.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::observation::Transport;

/// One HTTP visit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Visit {
    /// The address that was asked for.
    pub url: String,
    /// The address that answered.
    pub final_url: String,
    /// The final status, when there was an answer.
    pub status: Option<u16>,
    /// Redirect hops: address and status of each.
    pub redirects: Vec<(String, u16)>,
    /// From the first byte sent to the last byte read, in milliseconds.
    pub total_ms: u64,
    /// Decoded bytes of the body that were read.
    pub bytes: u64,
    /// Days until the certificate ends; negative when it has ended; absent without TLS.
    pub certificate_days: Option<i64>,
    /// Whether the usable marker stood in the page; absent when the target names none.
    pub marker_found: Option<bool>,
    /// The title of the page.
    pub title: String,
    /// Why there was no answer.
    pub transport: Option<Transport>,
}
