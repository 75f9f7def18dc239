//! What is remembered of a host from one run to the next: its robots.txt, its daily share, its
//! wish to be left alone.

use jiff::Timestamp;
use jiff::civil::Date;

/// What is remembered of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMemory {
    /// The host, with its port when that is not the scheme's own.
    pub host: String,
    /// The last robots.txt that could be had.
    pub robots: Option<RobotsCopy>,
    /// The day (UTC) that `requests` counts.
    pub day: Date,
    /// Requests of all probes on that day.
    pub requests: u32,
    /// Until when it wants to be left alone.
    pub cool_until: Option<Timestamp>,
    /// Why.
    pub cool_reason: String,
}

/// A copy of a robots.txt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsCopy {
    /// The file.
    pub body: Vec<u8>,
    /// When it was had.
    pub fetched_at: Timestamp,
}

impl HostMemory {
    /// A host of which nothing is known on `day`.
    pub fn blank(host: impl Into<String>, day: Date) -> Self {
        Self {
            host: host.into(),
            robots: None,
            day,
            requests: 0,
            cool_until: None,
            cool_reason: String::new(),
        }
    }
}
