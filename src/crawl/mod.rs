//! Link checking: which links of a portal's first pages lead nowhere.
//!
//! `extract` finds the links of a page, `settle` reads an answer, `host` knows the manners towards
//! one host, `walk` goes through the levels.
//!
//! Invariants: one request at a time to a host; a link is asked for once, and once more afresh
//! before it is called broken; a form is never sent; a host that does not want us is left alone.

mod extract;
mod eyes;
mod host;
mod settle;
mod walk;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Deadline;
use crate::domain::link::LinkFault;
use crate::domain::observation::Facts;
use crate::domain::target::{Target, TargetClass};
use crate::http::Client;

pub use extract::{Link, Links, MAX_LINKS, links};
pub use eyes::{Eyes, Looking, Sight};
pub use settle::{Settled, settle};

/// How a crawl goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many pages are read at most, the entry page included.
    pub max_pages: u32,
    /// How many levels below the entry page are read; links of the last level are checked still.
    pub depth: u32,
    /// How many links are checked at most.
    pub max_links: u32,
    /// Time for one request.
    pub within: Duration,
    /// Between the end of a request to a host and the next page read there.
    pub page_interval: Duration,
    /// Between the end of a request to a host and the next link checked there.
    pub link_interval: Duration,
    /// Between a failure and the second look.
    pub retry_pause: Duration,
    /// A longer `Retry-After` ends the crawl of that host.
    pub max_wait: Duration,
    /// How many hosts are asked side by side.
    pub hosts_at_once: usize,
    /// Texts by which a firewall's page is known, on pages of few words.
    pub firewall_phrases: Vec<String>,
}

impl Settings {
    /// The manners for a class of targets: 10 s between pages and 1 s between links on a live
    /// portal (method, section 5), no waiting on a test system.
    pub fn for_class(class: TargetClass, max_pages: u32, depth: u32) -> Self {
        let live = class == TargetClass::Live;
        let seconds = |live_seconds| Duration::from_secs(if live { live_seconds } else { 0 });
        Self {
            max_pages,
            depth,
            max_links: 20_000,
            within: Duration::from_secs(20),
            page_interval: seconds(10),
            link_interval: seconds(1),
            retry_pause: if live { Duration::from_secs(5) } else { Duration::from_millis(500) },
            max_wait: Duration::from_mins(2),
            hosts_at_once: 8,
            firewall_phrases: FIREWALL.iter().map(|&phrase| phrase.to_owned()).collect(),
        }
    }
}

/// What firewalls say (method, section 4, `captcha_waf`). Words that a login page says too are
/// left out: they would end the crawl of a healthy portal.
const FIREWALL: [&str; 7] = [
    "访问过于频繁",
    "请求被拦截",
    "访问被拦截",
    "请求已被拦截",
    "访问已被拦截",
    "拖动滑块",
    "请完成安全验证",
];

/// What a crawl found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrawlReport {
    /// Links that do not work, those of the home page first.
    pub faults: Vec<LinkFault>,
    /// Links that were asked for.
    pub links_checked: u32,
    /// Pages whose links were read, the entry page included.
    pub pages_read: u32,
    /// Links of which nothing can be said: the answer does not tell, or the host was left alone.
    pub unsettled: u32,
    /// Links and pages that robots.txt closes to us.
    pub skipped_by_robots: u32,
    /// Whether a robots.txt of the portal could not be had; only the entry page is asked for then.
    pub robots_down: bool,
    /// The entry page, for classifying.
    pub entry: Facts,
    /// What a citizen would see of the entry page.
    pub entry_text: String,
    /// How the portal told us to stay away, if it did.
    pub blocked: Option<Blocked>,
    /// Whether time, a limit or a stop ended the crawl early.
    pub cut_short: bool,
}

/// A portal that told us to stay away: stop and cool down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The host, with its port when that is not the usual one.
    pub host: String,
    /// The address that said so.
    pub url: String,
    /// The status.
    pub status: Option<u16>,
    /// The firewall's phrase, when it was one.
    pub phrase: Option<String>,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
}

/// How far a crawl is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Pages read.
    pub pages_read: u32,
    /// Links done with.
    pub links_done: u32,
    /// Links found so far.
    pub links_found: u32,
}

/// Reads the entry page of `target` and the pages below it, and checks their links, until
/// `deadline` or `cancel`. It never fails: what was seen until then is reported.
pub async fn crawl(
    client: &Client,
    target: &Target,
    settings: &Settings,
    deadline: Deadline,
    cancel: &CancellationToken,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> CrawlReport {
    walk::Walk::new(client, target, settings, deadline, cancel, progress).run().await
}
