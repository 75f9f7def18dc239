//! One host and our manners towards it: its turn, its robots.txt, its wish to be left alone.
//!
//! Invariant: whoever holds a [`Host`] is the only one who talks to that host in this crawl.

use std::time::Duration;

use texting_robots::Robot;
use url::Url;

use crate::clock::{Deadline, Stopwatch};
use crate::http::{AGENT, Answer, Client, Get};

/// Google's limit, which RFC 9309 asks for as the least.
const MAX_ROBOTS: usize = 512 * 1024;
/// A longer `Crawl-delay` is shortened to this.
const MAX_DELAY: f32 = 30.0;
/// After so many failures of the connection in a row a host counts as down.
const DOWN_AFTER: u32 = 5;

/// What robots.txt allows.
#[derive(Debug, Default)]
pub enum Robots {
    /// Not asked for yet.
    #[default]
    Unknown,
    /// There is none.
    Open,
    /// These rules.
    Rules(Box<Robot>),
    /// It could not be had: everything is closed (RFC 9309, section 2.3.1.4).
    Down,
}

impl Robots {
    /// Reads the answer to a request for robots.txt.
    pub async fn read(answer: Answer) -> Self {
        if answer.transport.is_some() {
            return Self::Down;
        }
        match answer.status {
            Some(200..=299) => {
                // Off the async threads, and a parser's panic is a file that could not be had.
                let parsed =
                    tokio::task::spawn_blocking(move || Robot::new(AGENT, &answer.body).ok().map(Box::new))
                        .await;
                match parsed {
                    Ok(Some(robot)) => Self::Rules(robot),
                    Ok(None) => Self::Open,
                    Err(_) => Self::Down,
                }
            }
            Some(429 | 500..=599) | None => Self::Down,
            Some(_) => Self::Open,
        }
    }

    /// Whether `url` may be asked for.
    pub fn allow(&self, url: &Url) -> bool {
        match self {
            Self::Unknown | Self::Open => true,
            Self::Rules(robot) => robot.allowed(url.as_str()),
            Self::Down => false,
        }
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

/// One host.
#[derive(Debug, Default)]
pub struct Host {
    /// What its robots.txt allows; asked for only on the portal's own hosts.
    pub robots: Robots,
    /// Whether it is left alone for the rest of this crawl.
    pub stopped: bool,
    last: Option<Stopwatch>,
    not_before: Option<Deadline>,
    failures: u32,
}

impl Host {
    /// How long to wait before the next request, when `interval` has to lie between two.
    pub fn wait(&self, interval: Duration) -> Duration {
        let interval = interval.max(self.robots.delay());
        let turn = self.last.map_or(Duration::ZERO, |last| interval.saturating_sub(last.elapsed()));
        turn.max(self.not_before.map_or(Duration::ZERO, Deadline::remaining))
    }

    /// Notes an answer of this host: the turn, a `Retry-After`, failures in a row.
    pub fn note(&mut self, answer: &Answer, max_wait: Duration) {
        use crate::domain::observation::TransportClass::{Refused, Reset, Timeout};
        self.note_turn();
        if let (Some(503), Some(wait)) = (answer.status, answer.retry_after) {
            if wait > max_wait {
                self.stopped = true;
            } else {
                self.not_before = Some(Deadline::after(wait));
            }
        }
        let failed = answer.transport.as_ref().is_some_and(|t| matches!(t.class, Refused | Reset | Timeout));
        self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
    }

    /// Notes only that a request was made: a redirect led elsewhere, and the rest is that host's.
    pub fn note_turn(&mut self) {
        self.last = Some(Stopwatch::start());
    }

    /// Whether the host counts as down: asking on would only name each of its links broken.
    pub fn is_down(&self) -> bool {
        self.failures >= DOWN_AFTER
    }

    /// Asks for robots.txt.
    pub async fn fetch_robots(&mut self, client: &Client, any: &Url, within: Deadline) {
        let Ok(url) = any.join("/robots.txt") else {
            self.robots = Robots::Open;
            return;
        };
        let answer = client.get(&Get { url, max_body: MAX_ROBOTS, fresh: false }, within).await;
        self.last = Some(Stopwatch::start());
        self.robots = Robots::read(answer).await;
    }
}

/// The name under which a host is known: with its port when that is not the scheme's own. http
/// and https of one name are one host to be polite to, and share a robots.txt here.
pub fn key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
