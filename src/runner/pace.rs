//! Manners: the pause between navigations on a live portal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::domain::target::{Target, TargetClass};

/// Hosts that are remembered at most; the ones visited longest ago are forgotten first.
const REMEMBERED: usize = 4096;

/// Keeps navigations on the same live host apart. Shared by all runs of an agent.
#[derive(Debug, Clone)]
pub struct Pace {
    interval: Duration,
    last: Arc<Mutex<HashMap<String, Stopwatch>>>,
}

impl Default for Pace {
    /// Ten seconds (method, section 5.3).
    fn default() -> Self {
        Self::every(Duration::from_secs(10))
    }
}

impl Pace {
    /// A pace with this time between two navigations on one live host.
    pub fn every(interval: Duration) -> Self {
        Self { interval, last: Arc::default() }
    }

    /// How long a navigation to the target has to wait from now. Test systems need no pause.
    pub fn due_in(&self, target: &Target) -> Duration {
        let Some(host) = paced_host(target) else { return Duration::ZERO };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(host).map_or(Duration::ZERO, |watch| self.interval.saturating_sub(watch.elapsed()))
    }

    /// Notes that the target was navigated now.
    pub fn note(&self, target: &Target) {
        let Some(host) = paced_host(target) else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= REMEMBERED {
            let oldest = last.iter().max_by_key(|(_, watch)| watch.elapsed()).map(|(host, _)| host.clone());
            oldest.map(|host| last.remove(&host));
        }
        last.insert(host.to_owned(), Stopwatch::start());
    }
}

fn paced_host(target: &Target) -> Option<&str> {
    (target.class == TargetClass::Live).then(|| target.entry.host_str()).flatten()
}
