//! Hosts: what is remembered of one between two link checks, so that its manners last longer than a
//! check does.

use jiff::Timestamp;
use jiff::civil::Date;

/// What is remembered of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMemory {
    /// The host, with its port when that is not the usual one.
    pub host: String,
    /// The last good copy of its robots.txt.
    pub robots: Option<RobotsCopy>,
    /// The day (UTC) that [`requests`](Self::requests) belongs to.
    pub day: Date,
    /// How many requests were made to it on that day.
    pub requests: u32,
    /// Until when it is left alone, when it asked us to stay away.
    pub cool_until: Option<Timestamp>,
    /// Why, in a few words; empty when it did not.
    pub cool_reason: String,
}

/// A copy of a robots.txt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsCopy {
    /// Its bytes, as they came.
    pub body: Vec<u8>,
    /// When they came.
    pub fetched_at: Timestamp,
}

impl HostMemory {
    /// A host of which nothing is known on this day.
    pub fn new(host: impl Into<String>, day: Date) -> Self {
        Self {
            host: host.into(),
            robots: None,
            day,
            requests: 0,
            cool_until: None,
            cool_reason: String::new(),
        }
    }

    /// Adds what was kept of the host before this memory began.
    pub fn join(&mut self, kept: Option<Self>) {
        let Some(kept) = kept else { return };
        self.requests = self.requests.saturating_add(kept.requests_on(self.day));
        self.robots = self.robots.take().or(kept.robots);
        if kept.cool_until > self.cool_until {
            self.cool_until = kept.cool_until;
            self.cool_reason = kept.cool_reason;
        }
    }

    /// How many requests were made to it on `day`: none when another day is remembered.
    pub fn requests_on(&self, day: Date) -> u32 {
        if self.day == day { self.requests } else { 0 }
    }
}
