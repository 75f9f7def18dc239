//! Manners: one budget for all that this agent asks of a host, whoever asks.
//!
//! Walks, visits and link checks of one process share it: when a host was last asked, how much of
//! its day is used, its last good robots.txt, and until when it wants to be left alone. What has to
//! outlive the process is kept by a [`Remember`].
//!
//! Invariant: a request to a live host that is not counted here is a fault of its caller; nothing
//! here sends anything.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::Url;

use crate::clock::{Clock, Stopwatch};
use crate::domain::host::{HostMemory, RobotsCopy};
use crate::domain::target::{Target, TargetClass};

/// Hosts that are kept in memory at most; those asked longest ago are forgotten first.
const KEPT: usize = 4_096;

/// A future that may cross threads.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Keeps what is known of hosts when the process ends.
pub trait Remember: Send + Sync {
    /// What is known of a host.
    fn recall<'a>(&'a self, host: &'a str) -> Soon<'a, Option<HostMemory>>;
    /// Keeps what is known.
    fn keep(&self, memory: HostMemory) -> Soon<'_, ()>;
}

/// What this agent owes the hosts it asks. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Manners {
    interval: Duration,
    clock: Clock,
    memory: Option<Arc<dyn Remember>>,
    hosts: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Debug)]
struct Known {
    last: Option<Stopwatch>,
    /// What was kept of it is in its memory.
    recalled: bool,
    memory: HostMemory,
}

impl fmt::Debug for Manners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manners").field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl Manners {
    /// Manners with this time between two navigations on one live host; the method (section 5.3)
    /// wants ten seconds. Nothing outlives the process.
    pub fn every(interval: Duration, clock: Clock) -> Self {
        Self { interval, clock, memory: None, hosts: Arc::default() }
    }

    /// The same, with somebody who remembers.
    #[must_use]
    pub fn remembering(self, memory: Arc<dyn Remember>) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Recalls what is known of a host, unless that was done before.
    pub async fn recall(&self, host: &str) {
        let Some(memory) = &self.memory else { return };
        if self.hosts().get(host).is_some_and(|known| known.recalled) {
            return;
        }
        let kept = memory.recall(host).await;
        self.with(host, |known| {
            if !std::mem::replace(&mut known.recalled, true) {
                known.memory.join(kept);
            }
        });
    }

    /// Keeps what is known of a host.
    pub async fn keep(&self, host: &str) {
        // What is kept is not to be written over by less.
        self.recall(host).await;
        let known = self.hosts().get(host).map(|known| known.memory.clone());
        if let (Some(memory), Some(known)) = (&self.memory, known) {
            memory.keep(known).await;
        }
    }

    /// Counts one request to a host, now; whether its share of `daily` requests allowed it.
    pub fn take(&self, host: &str, daily: u32) -> bool {
        let today = self.today();
        self.with(host, |known| {
            if known.memory.day != today {
                known.memory.day = today;
                known.memory.requests = 0;
            }
            if known.memory.requests >= daily {
                return false;
            }
            known.memory.requests += 1;
            known.last = Some(Stopwatch::start());
            true
        })
    }

    /// How much of its day is used.
    pub fn used(&self, host: &str) -> u32 {
        let today = self.today();
        self.with(host, |known| if known.memory.day == today { known.memory.requests } else { 0 })
    }

    /// The time since this agent last asked the host.
    pub fn since(&self, host: &str) -> Option<Duration> {
        self.hosts().get(host)?.last.map(|last| last.elapsed())
    }

    /// The last good robots.txt.
    pub fn robots(&self, host: &str) -> Option<RobotsCopy> {
        self.hosts().get(host)?.memory.robots.clone()
    }

    /// Notes a robots.txt; an empty one means that there is none.
    pub fn note_robots(&self, host: &str, body: Vec<u8>) {
        let fetched_at = self.clock.now();
        self.with(host, |known| known.memory.robots = Some(RobotsCopy { body, fetched_at }));
    }

    /// Notes that a host wants to be left alone for so long.
    pub fn cool(&self, host: &str, time: Duration, reason: &str) {
        let until = self.clock.now().saturating_add(time).unwrap_or(Timestamp::MAX);
        self.with(host, |known| {
            if known.memory.cool_until.is_none_or(|old| old < until) {
                known.memory.cool_until = Some(until);
                reason.clone_into(&mut known.memory.cool_reason);
            }
        });
    }

    /// For how long a host still wants to be left alone, and why.
    pub fn cooling(&self, host: &str) -> Option<(Duration, String)> {
        let now = self.clock.now();
        let hosts = self.hosts();
        let known = hosts.get(host)?;
        let left = known.memory.cool_until?.duration_since(now);
        let left = Duration::try_from(left).ok().filter(|left| !left.is_zero())?;
        Some((left, known.memory.cool_reason.clone()))
    }

    /// How long a navigation to the target has to wait from now. Test systems need no pause.
    pub fn due_in(&self, target: &Target) -> Duration {
        let Some(host) = paced(target) else { return Duration::ZERO };
        self.since(&host).map_or(Duration::ZERO, |since| self.interval.saturating_sub(since))
    }

    /// Counts a navigation to the target, now.
    pub fn note(&self, target: &Target) {
        if let Some(host) = paced(target) {
            self.take(&host, u32::MAX);
        }
    }

    fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, host: &str, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut hosts = self.hosts();
        if !hosts.contains_key(host) {
            if hosts.len() >= KEPT {
                forget(&mut hosts);
            }
            let memory = HostMemory::new(host, self.today());
            hosts.insert(host.to_owned(), Known { last: None, recalled: false, memory });
        }
        match hosts.get_mut(host) {
            Some(known) => change(known),
            // It was put in above.
            None => change(&mut Known {
                last: None,
                recalled: false,
                memory: HostMemory::new(host, self.today()),
            }),
        }
    }
}

/// Forgets a quarter of the hosts, those asked longest ago; who wants to be left alone goes last.
fn forget(hosts: &mut HashMap<String, Known>) {
    let mut idle: Vec<_> = hosts
        .iter()
        .map(|(host, known)| {
            let idle = known.last.map_or(Duration::MAX, |last| last.elapsed());
            (known.memory.cool_until.is_some(), std::cmp::Reverse(idle), host.clone())
        })
        .collect();
    idle.sort_unstable();
    for (_, _, host) in idle.into_iter().take(KEPT / 4) {
        hosts.remove(&host);
    }
}

/// The name under which a host is known: with its port when that is not the scheme's own. http
/// and https of one name are one host to be polite to, and share a robots.txt here.
pub fn host_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn paced(target: &Target) -> Option<String> {
    (target.class == TargetClass::Live).then(|| host_key(&target.entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manners(now: &str) -> (Manners, Clock) {
        let clock = Clock::manual(now.parse().unwrap());
        (Manners::every(Duration::from_secs(10), clock.clone()), clock)
    }

    #[test]
    fn a_day_has_its_share_and_the_next_one_its_own() {
        let (manners, clock) = manners("2026-11-28T23:59:00Z");
        assert!(manners.take("a.cn", 2) && manners.take("a.cn", 2));
        assert!(!manners.take("a.cn", 2), "the share is used up");
        assert!(manners.take("b.cn", 2), "every host has its own");
        assert_eq!((manners.used("a.cn"), manners.used("b.cn")), (2, 1));
        clock.set("2026-11-29T00:00:01Z".parse().unwrap());
        assert_eq!(manners.used("a.cn"), 0);
        assert!(manners.take("a.cn", 2));
    }

    #[test]
    fn a_host_is_left_alone_until_its_time_has_passed() {
        let (manners, clock) = manners("2026-11-28T00:00:00Z");
        manners.cool("a.cn", Duration::from_hours(24), "429");
        manners.cool("a.cn", Duration::from_secs(1), "a shorter wish changes nothing");
        let (left, why) = manners.cooling("a.cn").unwrap();
        assert_eq!((left, why.as_str()), (Duration::from_hours(24), "429"));
        assert_eq!(manners.cooling("b.cn"), None);
        clock.set("2026-11-29T00:00:00Z".parse().unwrap());
        assert_eq!(manners.cooling("a.cn"), None);
    }

    #[test]
    fn a_page_full_of_hosts_does_not_make_us_forget_who_said_no() {
        let (manners, _) = manners("2026-11-28T00:00:00Z");
        manners.cool("no.cn", Duration::from_hours(1), "429");
        for n in 0..3 * KEPT {
            manners.take(&format!("h{n}.cn"), 9);
        }
        assert!(manners.cooling("no.cn").is_some());
        assert!(manners.hosts().len() <= KEPT);
    }

    #[tokio::test]
    async fn what_is_known_outlives_the_process() {
        #[derive(Default)]
        struct Shelf(Mutex<HashMap<String, HostMemory>>);
        impl Remember for Shelf {
            fn recall<'a>(&'a self, host: &'a str) -> Soon<'a, Option<HostMemory>> {
                Box::pin(async move { self.0.lock().unwrap().get(host).cloned() })
            }
            fn keep(&self, memory: HostMemory) -> Soon<'_, ()> {
                Box::pin(async move { drop(self.0.lock().unwrap().insert(memory.host.clone(), memory)) })
            }
        }
        let shelf: Arc<Shelf> = Arc::default();
        let (first, clock) = manners("2026-11-28T00:00:00Z");
        let first = first.remembering(Arc::clone(&shelf) as Arc<dyn Remember>);
        first.recall("a.cn").await;
        first.take("a.cn", 9);
        first.note_robots("a.cn", b"User-agent: *".to_vec());
        first.keep("a.cn").await;
        let next_shelf = shelf as Arc<dyn Remember>;
        let next = Manners::every(Duration::ZERO, clock.clone()).remembering(Arc::clone(&next_shelf));
        assert_eq!(next.robots("a.cn"), None, "not recalled yet");
        next.recall("a.cn").await;
        assert_eq!(next.robots("a.cn").unwrap().body, b"User-agent: *");
        assert_eq!(next.used("a.cn"), 1);
        let late = Manners::every(Duration::ZERO, clock).remembering(Arc::clone(&next_shelf));
        late.take("a.cn", 9);
        late.recall("a.cn").await;
        assert_eq!(late.used("a.cn"), 2, "what was asked before it was recalled is counted, too");
        assert!(late.robots("a.cn").is_some());
    }
}
