//! Schedules: crontab expressions as people mean them, on top of the `cron` crate.

use jiff::Timestamp;

/// When a probe is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    source: String,
}

impl Schedule {
    /// The first slot after `after`.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let _ = (&self.source, after);
        None
    }
}
