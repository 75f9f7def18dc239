//! The clock: the only place that asks what time it is.
//!
//! Wall time (for records and schedules) and monotonic time (for deadlines and durations) are
//! different things: the first may jump, the second never does. A test moves a
//! [`Clock::manual`] by hand; deadlines follow tokio's time, which tests can pause.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the wall-clock time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    manual: Option<Arc<Mutex<Timestamp>>>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { manual: None }
    }

    /// A clock that stands still until [`Clock::set`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self { manual: Some(Arc::new(Mutex::new(start))) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.manual {
            Some(manual) => *manual.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            None => Timestamp::now(),
        }
    }

    /// Moves a manual clock; a system clock stays as it is.
    pub fn set(&self, to: Timestamp) {
        if let Some(manual) = &self.manual {
            *manual.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = to;
        }
    }
}

/// Measures a duration by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start in whole milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        millis(self.elapsed())
    }
}

/// A point in monotonic time by which something must be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// The deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct DeadlinePassed;

impl Deadline {
    /// A deadline so long from now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The earlier of this one and one so long from now.
    #[must_use]
    pub fn tightened(self, time: Duration) -> Self {
        self.min(Self::after(time))
    }

    /// The same deadline so much later.
    #[must_use]
    pub fn extended(self, time: Duration) -> Self {
        Self(self.0 + time)
    }

    /// What is left; zero when it passed.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it passed.
    pub fn passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The instant, for `sleep_until`.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Waits for `future`, but not past the deadline. The future is dropped then.
    pub async fn limit<F: Future>(self, future: F) -> Result<F::Output, DeadlinePassed> {
        tokio::time::timeout_at(self.0, future).await.map_err(|_| DeadlinePassed)
    }
}

/// A duration in whole milliseconds.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
