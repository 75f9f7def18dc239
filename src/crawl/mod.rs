//! Link checking: which links of a portal lead nowhere.
//!
//! `walk` goes on until nothing is left; `question` decides what is asked; `ask` asks, in tasks of their own; `read` takes the links of a
//! page; `atlas` knows every link once; `frontier` and `host` are the manners; `settle` and `soft`
//! judge an answer, `take` and `looked` do what follows from it, `names` takes back what was our own
//! DNS; `journal` lets a crawl that was
//! stopped go on; `report` sums up.
//!
//! Invariants: a link is called broken by its second answer or by a browser; a form is never sent;
//! a host that does not want us is left alone.

mod ask;
mod atlas;
mod enter;
mod eyes;
mod frontier;
mod host;
mod journal;
mod looked;
mod names;
mod question;
pub mod read;
mod report;
mod settle;
mod soft;
mod take;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::clock::{Deadline, Stopwatch};
use crate::domain::lexicon::Lexicon;
use crate::domain::link::{CrawlExtent, KnownFault, LinkFault};
use crate::domain::observation::Facts;
use crate::domain::target::{Target, TargetClass};
use crate::http::Client;
use crate::http::manners::Manners;
use crate::plan::{CrawlPlan, Render};

pub use eyes::{Eyes, Looking, Sight};
pub use host::Robots;
pub use settle::{Seen, Settled, settle, settle_sight};

/// How a crawl goes.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    /// How many pages are read at most, the entry page included.
    pub max_pages: u32,
    /// How many levels below the entry page are read; links of the last level are checked still.
    pub depth: u32,
    /// How many links are checked at most.
    pub max_links: u32,
    /// Whether pages are rendered to find their links.
    pub render: Render,
    /// Whether links to other hosts are checked.
    pub external: bool,
    /// Whether places inside pages are checked.
    pub fragments: bool,
    /// Whether made-up names may be asked for, to know soft 404s.
    pub soft_404: bool,
    /// Time for one request.
    pub within: Duration,
    /// Time for one look in a browser.
    pub look_within: Duration,
    /// Looks in a browser at most.
    pub looks: u32,
    /// Between the end of a request to a host and the next page read there.
    pub page_interval: Duration,
    /// Between the end of a request to a host and the next link checked there.
    pub link_interval: Duration,
    /// Between a failure and the second look.
    pub retry_pause: Duration,
    /// A longer `Retry-After` ends the crawl of that host.
    pub max_wait: Duration,
    /// How long a live host that does not want us is left alone.
    pub cool_down: Duration,
    /// Requests to one host at a time.
    pub concurrency: u32,
    /// Requests to all hosts at a time.
    pub at_once: usize,
    /// Requests to one host a day, of all probes together.
    pub daily: u32,
    /// Whether the target is live: the strictest manners.
    pub live: bool,
    /// The phrases by which error pages are known.
    pub lexicon: Arc<Lexicon>,
    /// Texts by which a firewall's page is known, on pages of few words.
    pub firewall_phrases: Vec<String>,
    /// Faults that were known before, to be told which of them are mended.
    pub known: Vec<KnownFault>,
}

impl Settings {
    /// The settings that a plan asks for on a target. Where it says nothing: 10 s between pages and
    /// 1 s between links on a live portal, one at a time (method, section 5); no waiting and four at
    /// a time on a test system.
    pub fn of(plan: &CrawlPlan, target: &Target, lexicon: Arc<Lexicon>) -> Self {
        let live = target.class == TargetClass::Live;
        let seconds = |live_seconds| Duration::from_secs(if live { live_seconds } else { 0 });
        let concurrency = plan.concurrency.unwrap_or(if live { 1 } else { 4 }).max(1);
        Self {
            max_pages: plan.max_pages,
            depth: plan.depth,
            max_links: plan.max_links,
            render: plan.render,
            external: plan.external,
            fragments: plan.fragments,
            soft_404: target.soft_404,
            within: plan.within,
            look_within: Duration::from_secs(30),
            looks: if live { 50 } else { 500 },
            page_interval: plan.interval.unwrap_or(seconds(10)),
            link_interval: plan.interval.unwrap_or(seconds(1)),
            retry_pause: if live { Duration::from_secs(5) } else { Duration::from_millis(500) },
            max_wait: Duration::from_mins(2),
            cool_down: Duration::from_hours(24),
            concurrency,
            at_once: (concurrency as usize).saturating_mul(2).clamp(8, 128),
            daily: plan.daily,
            live,
            lexicon,
            known: Vec::new(),
            firewall_phrases: FIREWALL.iter().map(|&phrase| phrase.to_owned()).collect(),
        }
    }

    /// By what a crawl is known that may go on where another one was stopped.
    fn fingerprint(&self, target: &Target) -> String {
        let reach = (
            target.entry.as_str(),
            &target.hosts,
            self.max_pages,
            self.depth,
            self.max_links,
            (self.render, self.external, self.fragments, self.soft_404),
        );
        hex::encode(&Sha256::digest(format!("{reach:?}").as_bytes())[..16])
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

/// What a crawl works with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Asks.
    pub client: &'a Client,
    /// Looks, when a request cannot tell.
    pub eyes: Option<&'a dyn Eyes>,
    /// What is owed to hosts.
    pub manners: &'a Manners,
    /// Ends the crawl.
    pub cancel: &'a CancellationToken,
    /// Is told how far it is.
    pub progress: &'a (dyn Fn(Progress<'_>) + Send + Sync),
}

/// Where a crawl keeps what it found, so that the next one can go on when it is stopped.
#[derive(Debug, Clone)]
pub struct JournalPlace {
    /// The file.
    pub path: PathBuf,
    /// Whether what is there is thrown away first.
    pub anew: bool,
    /// The time by the wall clock.
    pub now: Timestamp,
}

/// What a crawl found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrawlReport {
    /// Links that do not work, those of the home page first, then by the depth of the page.
    pub faults: Vec<LinkFault>,
    /// Links that were asked for.
    pub links_checked: u32,
    /// How far it went, and what it left open.
    pub extent: CrawlExtent,
    /// Whether a robots.txt of the portal could not be had and no copy is known; only the entry
    /// page is asked for then.
    pub robots_down: bool,
    /// The entry page, for classifying.
    pub entry: Facts,
    /// What a citizen would see of the entry page.
    pub entry_text: String,
    /// How the portal told us to stay away, if it did.
    pub blocked: Option<Blocked>,
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
    /// The firewall's mark or phrase, or what it did.
    pub phrase: Option<String>,
    /// What `Retry-After` asks for.
    pub retry_after: Option<Duration>,
}

/// How far a crawl is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress<'a> {
    /// Pages read.
    pub pages_read: u32,
    /// Links done with.
    pub links_done: u32,
    /// Links found so far.
    pub links_found: u32,
    /// Links that do not work so far.
    pub broken: u32,
    /// The host whose turn is waited for, when nothing else goes on meanwhile.
    pub waits_for: Option<&'a str>,
}

/// Reads the entry page of `target` and the pages below it, and checks their links, until
/// `deadline` or a stop. It never fails: what was seen until then is reported, and the journal, if
/// there is one, leads the next crawl on from there.
pub async fn crawl(
    tools: Tools<'_>,
    target: &Target,
    settings: &Settings,
    journal: Option<JournalPlace>,
    deadline: Deadline,
) -> CrawlReport {
    let watch = Stopwatch::start();
    let fingerprint = settings.fingerprint(target);
    let room = settings.max_links as usize;
    let opened = match journal {
        Some(JournalPlace { path, anew, now }) => {
            let opening = move || {
                if anew {
                    // A crawl that holds it goes on with its own copy.
                    let _ = std::fs::remove_file(&path);
                }
                journal::Journal::open(&path, &fingerprint, now, room)
            };
            tokio::task::spawn_blocking(opening).await.ok()
        }
        None => None,
    };
    let (journal, found) =
        opened.map_or_else(|| (journal::Journal::none(), None), |opened| (opened.journal, opened.atlas));
    let mut walk = walk::Walk::new(tools, target, settings, deadline, journal, found);
    walk.loaded(watch.elapsed());
    Box::pin(walk.run()).await
}
