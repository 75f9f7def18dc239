//! One host and our manners towards it: its turn, its robots.txt, its wish to be left alone.
//!
//! Invariant: nothing here sends anything; what a host has told us once holds for the whole crawl.

use std::time::Duration;

use texting_robots::Robot;
use url::Url;

use super::atlas::No;
use crate::clock::{Deadline, Stopwatch};
use crate::domain::observation::TransportClass;
use crate::http::AGENT;

/// Google's limit, which RFC 9309 asks for as the least.
pub(super) const MAX_ROBOTS: usize = 512 * 1024;
/// A longer `Crawl-delay` is shortened to this.
const MAX_DELAY: f32 = 30.0;
/// After so many failures of the connection in a row a host counts as down.
const DOWN_AFTER: u32 = 5;
/// After so many refusals in a row it is us that a host does not want, and not a page.
const UNWANTED_AFTER: u32 = 5;
/// Sitemaps of one host that are read at most.
const MAX_SITEMAPS: usize = 10;

/// What robots.txt allows.
#[derive(Debug, Default)]
pub enum Robots {
    /// There is none, or the host is not the portal's own: links of others are asked for once.
    #[default]
    Open,
    /// These rules.
    Rules(Box<Robot>),
    /// It could not be had, and no earlier copy is known: everything is closed (RFC 9309, 2.3.1.4).
    Down,
}

impl Robots {
    /// Reads a file. It costs a moment: call it off the async threads.
    pub fn read(body: &[u8]) -> Self {
        Robot::new(AGENT, body).ok().map_or(Self::Open, |robot| Self::Rules(Box::new(robot)))
    }

    /// Whether `url` may be asked for.
    pub fn allow(&self, url: &str) -> bool {
        match self {
            Self::Open => true,
            Self::Rules(robot) => robot.allowed(url),
            Self::Down => false,
        }
    }

    /// Sitemaps that it names, as long as `own` says that they are the portal's.
    pub fn sitemaps(&self, own: impl Fn(&Url) -> bool) -> Vec<String> {
        let Self::Rules(robot) = self else { return Vec::new() };
        let urls = robot.sitemaps.iter().filter_map(|text| Url::parse(text).ok());
        urls.filter(own).take(MAX_SITEMAPS).map(String::from).collect()
    }

    fn delay(&self) -> Duration {
        match self {
            Self::Rules(robot) => robot
                .delay
                .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
                .map(|seconds| Duration::from_secs_f32(seconds.min(MAX_DELAY)))
                .unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

/// Why a host is not asked any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It gives no answers.
    Down,
    /// It does not want us, and this is how it said so.
    Unwanted(String),
    /// Not today: what is left is for the next crawl.
    Later(String),
}

/// One host.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// Its name, with its port when that is not the scheme's own.
    pub key: String,
    /// How it was first spoken to: `http` or `https`.
    pub scheme: &'static str,
    /// Whether it is the portal's own.
    pub own: bool,
    /// What its robots.txt allows; asked for only on the portal's own hosts.
    pub robots: Robots,
    /// Why it is left alone for the rest of this crawl.
    pub stop: Option<Stop>,
    /// When it was last asked.
    pub last: Option<Stopwatch>,
    /// Links that were called broken since it last gave an answer.
    pub streak: Vec<No>,
    not_before: Option<Deadline>,
    failures: u32,
    refusals: u32,
}

impl Host {
    /// A host that was not asked yet.
    pub(super) fn new(key: String, own: bool, stop: Option<Stop>) -> Self {
        Self { key, own, stop, scheme: "http", ..Self::default() }
    }

    /// Whether it gives no answers any more: asking on would only name each of its links broken.
    pub(super) fn is_down(&self) -> bool {
        self.failures >= DOWN_AFTER
    }

    /// What has to lie between two requests, when `interval` is wanted.
    pub(super) fn pause(&self, interval: Duration) -> Duration {
        interval.max(self.robots.delay())
    }

    /// How long to wait before the next request, when `interval` has to lie between two.
    pub(super) fn wait(&self, interval: Duration) -> Duration {
        let interval = self.pause(interval);
        let turn = if interval.is_zero() {
            Duration::ZERO
        } else {
            self.last.map_or(Duration::ZERO, |last| interval.saturating_sub(last.elapsed()))
        };
        turn.max(self.not_before.map_or(Duration::ZERO, Deadline::remaining))
    }

    /// Notes that it was asked just now.
    pub(super) fn note_turn(&mut self) {
        self.last = Some(Stopwatch::start());
    }

    /// Notes its answer: failures and refusals in a row. Of others' hosts only first answers count, so
    /// that it is no matter of luck how many of their links are asked.
    pub(super) fn note(&mut self, refused: bool, transport: Option<TransportClass>, second: bool) {
        use TransportClass::{Refused, Reset, Timeout};
        let failed = matches!(transport, Some(Refused | Reset | Timeout));
        if !failed {
            self.failures = 0;
            self.streak.clear();
        } else if self.own || !second {
            self.failures = self.failures.saturating_add(1);
        }
        self.refusals = if refused { self.refusals.saturating_add(1) } else { 0 };
        if self.stop.is_none() && self.is_down() && self.own {
            self.stop = Some(Stop::Down);
        }
    }

    /// Notes that a browser was let in.
    pub(super) fn welcome(&mut self) {
        self.refusals = 0;
    }

    /// Whether it refuses one page after the other.
    pub(super) fn is_unwelcoming(&self) -> bool {
        self.refusals >= UNWANTED_AFTER
    }

    /// Notes that it asked to be left alone for a while; a wish longer than `most` ends the crawl
    /// of it.
    pub(super) fn rest(&mut self, wait: Duration, most: Duration) {
        if wait > most {
            self.stop = Some(Stop::Later(format!("it asks to be left alone for {} s", wait.as_secs())));
        } else {
            self.not_before = Some(Deadline::after(wait));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_for_us_and_sitemaps_for_the_portal() {
        let file = b"User-agent: mystery-shopper\nDisallow: /closed/\nCrawl-delay: 2\n\
            User-agent: *\nDisallow: /\nSitemap: http://a.cn/map.xml\nSitemap: http://evil.cn/map.xml";
        let robots = Robots::read(file);
        assert!(robots.allow("http://a.cn/open") && !robots.allow("http://a.cn/closed/x"));
        assert_eq!(robots.delay(), Duration::from_secs(2));
        assert_eq!(robots.sitemaps(|url| url.host_str() == Some("a.cn")), ["http://a.cn/map.xml"]);
        assert!(Robots::read(b"").allow("http://a.cn/x"));
        assert!(!Robots::Down.allow("http://a.cn/x"));
    }

    #[test]
    fn a_portal_that_goes_down_is_an_outage_and_no_list_of_links() {
        let mut host = Host { own: true, ..Host::default() };
        for _ in 0..4 {
            host.note(false, Some(TransportClass::Refused), false);
        }
        host.note(false, None, true);
        assert_eq!(host.stop, None);
        for _ in 0..5 {
            host.note(false, Some(TransportClass::Timeout), true);
        }
        assert_eq!(host.stop, Some(Stop::Down));
    }

    #[test]
    fn a_short_wish_is_waited_for_and_a_long_one_ends_it() {
        let most = Duration::from_mins(2);
        let mut host = Host::default();
        host.rest(Duration::from_secs(30), most);
        assert!(host.wait(Duration::ZERO) > Duration::from_secs(28) && host.stop.is_none());
        host.rest(Duration::from_hours(1), most);
        assert!(matches!(host.stop, Some(Stop::Later(_))));
    }
}
