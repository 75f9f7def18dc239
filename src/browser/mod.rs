//! The browser: real Chromium, driven over WebDriver BiDi.
//!
//! fantoccini makes and ends the WebDriver session and serves the rare classic commands; a small
//! BiDi client of our own carries steps and events. Each run gets a fresh user context in a warm
//! browser ([`Pool::open`]); whatever happens, no session outlives its deadline or leaves a
//! process or a file behind.
//!
//! Invariant: nothing here decides what a page *means*. It reports facts and states; the judge
//! and the runner name outcomes.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::engine::Engine;
use crate::domain::language::Language;
use crate::domain::place::{Place, Screen};
use crate::domain::scenario::{AllowedRequest, Channel};

mod actions;
mod bidi;
mod canary;
mod cgroup;
mod checks;
mod driver;
mod elsewhere;
mod endpoints;
mod engine;
mod events;
mod filter;
pub mod find;
mod gecko;
mod guard;
pub mod har;
mod hatch;
mod journey;
mod ladder;
mod memory;
mod network;
mod page;
mod picture;
mod pool;
mod port;
mod prepare;
mod print;
mod session;
mod source;
mod spare;
mod split;
mod traffic;
mod trial;
mod trouble;
mod veil;

pub use canary::OwnSight;
pub use cgroup::way as way_of_ending;
pub use driver::{sweep, temp_folder};
pub use find::{Doctor, ask_remote};
pub use gecko::look as firefox;
pub use journey::{Journey, Standing};
pub use ladder::Rungs;
pub use memory::{NEEDED, room};
pub use picture::{Picture, Unpaintable};
pub use pool::{Census, Pool};
pub use print::print;
pub use trial::{Trial, trial};

/// How browsers are started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many browsers, each walking one journey at a time.
    pub sessions: usize,
    /// End points of remote WebDrivers; our own chromedriver processes when empty.
    pub remote: Vec<url::Url>,
    /// The browser; found by itself when absent.
    pub chromium: Option<PathBuf>,
    /// The driver; found by itself when absent.
    pub chromedriver: Option<PathBuf>,
    /// Firefox; found by itself when absent.
    pub firefox: Option<PathBuf>,
    /// Firefox's driver; found by itself when absent.
    pub geckodriver: Option<PathBuf>,
    /// Whether a person wants to watch.
    pub headed: bool,
    /// The folder in which each session gets its own temporary folder.
    pub temp: PathBuf,
    /// The control group (cgroup v2), as its folder, below which each session gets one of its own;
    /// that of this process when absent, if it is delegated to us.
    pub cgroup: Option<PathBuf>,
    /// A browser is replaced by a fresh one after so many journeys.
    pub retire_after: u32,
    /// A browser is replaced by a fresh one when all of its processes together take more than so
    /// many bytes (PSS) after a journey.
    pub retire_above: u64,
}

/// What one journey needs.
#[derive(Debug, Clone)]
pub struct JourneyOptions {
    /// The browser that walks it.
    pub engine: Engine,
    /// The kind of screen.
    pub channel: Channel,
    /// The language asked for in `Accept-Language`.
    pub language: Language,
    /// The IANA time zone that pages see, when the place names none.
    pub timezone: String,
    /// Where the citizen sits.
    pub place: Place,
    /// The origin that is told the place, when there is one to tell.
    pub origin: String,
    /// The screen, when it is not the channel's usual one.
    pub screen: Option<Screen>,
    /// Appended to the browser's own User-Agent: product, version and contact.
    pub user_agent: String,
    /// What may be requested.
    pub guard: Guard,
    /// A pause before every action, for people who watch.
    pub slow: Duration,
}

/// What a journey may request.
#[derive(Debug, Clone)]
pub struct Guard {
    /// On a live target every request that could submit is stopped in the browser.
    pub live: bool,
    /// Reviewed requests that may pass all the same.
    pub allow: Vec<AllowedRequest>,
    /// Whether pages may call loopback addresses: only when the target itself is local.
    pub loopback: bool,
    /// Hosts that documents (pages and frames) may come from; `*.example.org` covers those below.
    pub hosts: Vec<String>,
}

/// What an action reported besides the facts.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// The text that a `read` kept.
    pub read: Option<String>,
    /// A picture that a `shot` took.
    pub shot: Option<Picture>,
    /// Our own share of the time: polling between looks, not the page's.
    pub own: Duration,
}

/// Why an action or an expectation came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The element never came, or never in the state that the action needs.
    #[error("{0}")]
    NotFound(Wait),
    /// The element is there, but not visible, stable, enabled, or something covers it.
    #[error("{0}")]
    NotReady(Wait),
    /// More than one element fits; the first ten, described.
    #[error("`{locator}` fits {count} elements: {}", .elements.join("; "))]
    Ambiguous {
        /// The locator.
        locator: String,
        /// How many fit.
        count: usize,
        /// What they look like.
        elements: Vec<String>,
    },
    /// An expectation did not come true.
    #[error("{0}")]
    Unmet(Wait),
    /// A navigation got no answer; the facts say why.
    #[error("the page did not load: {0}")]
    Navigation(String),
    /// A navigation got an answer, but the page was not loaded when time was up.
    #[error("the page was still loading when its time was up: {0}")]
    Loading(String),
    /// Our own guard refused.
    #[error("refused by our own guard: {0}")]
    Refused(String),
    /// The scenario asks for what cannot be, whatever the page says.
    #[error("{0}")]
    Script(&'static str),
    /// A file is not there, or not what the scenario says.
    #[error("{0}")]
    File(String),
    /// The browser or its driver failed.
    #[error(transparent)]
    Browser(#[from] BrowserError),
}

/// A wait that ran out: what for, how long, and what was last seen.
#[derive(Debug, Clone)]
pub struct Wait {
    /// The locator or expectation, as the author wrote it.
    pub what: String,
    /// How long was waited.
    pub waited: Duration,
    /// The state last seen, in a few words: "no element", "hidden", "covered by `<div class=mask>`".
    pub last_seen: String,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, waited, last_seen } = self;
        write!(f, "waited {:.1} s for `{what}`; last seen: {last_seen}", waited.as_secs_f64())
    }
}

/// A fault of ours: browser, driver, machine.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BrowserError {
    /// A program is not installed, or cannot be run.
    #[error("could not start {program}: {reason}; {hint}")]
    Missing {
        /// The program.
        program: String,
        /// What the system said.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Driver and browser are of different major versions.
    #[error(
        "chromedriver is version {driver} and the browser is version {browser}; install the same version of both"
    )]
    VersionMismatch {
        /// The driver's version.
        driver: String,
        /// The browser's version.
        browser: String,
    },
    /// The driver or browser did not answer in time; the session is thrown away.
    #[error("the browser did not answer `{0}` in time")]
    Hung(String),
    /// The browser, a tab or the driver died.
    #[error("the browser died: {0}")]
    Died(String),
    /// The driver refused a command.
    #[error("the driver refused `{command}`: {reason}")]
    Command {
        /// The command.
        command: String,
        /// What the driver said.
        reason: String,
    },
    /// The browser ends as soon as it is started.
    #[error("the browser does not start: {reason}; {hint}")]
    WontStart {
        /// Its last words.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// A WebDriver on another machine cannot be used.
    #[error("the WebDriver at {url} takes no session: {reason}")]
    Remote {
        /// Its address.
        url: String,
        /// What it said, or why it said nothing.
        reason: String,
    },
    /// The browser does not obey the request filter, so it must not meet a live portal.
    #[error(
        "the browser does not obey the filter that keeps anything from being submitted ({reason}), so it walks no live portal; {hint}"
    )]
    Unguarded {
        /// What was seen.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// The machine, or our share of it, has too little memory for another browser.
    #[error(
        "no browser was started, because {free} MiB of memory are free and one needs {needed} MiB; give the service more memory, or lower `sessions` under [browser]"
    )]
    NoMemory {
        /// What is free, in MiB.
        free: u64,
        /// What a browser needs, in MiB.
        needed: u64,
    },
    /// No browser became free in time.
    #[error("no browser was free in time")]
    Busy,
}
