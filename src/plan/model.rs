//! The typed plan.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::domain::engine::Engine;
use crate::domain::ids::ProbeId;
use crate::domain::incident::{AlertRules, Concern, Severity};
use crate::domain::language::Language;
use crate::domain::lexicon::Lexicon;
use crate::domain::scenario::Scenario;
use crate::domain::target::Target;

use super::alarm::{CanaryPlan, DigestPlan, HeartbeatPlan, Hook, Maintenance, Route};
use super::cron::Schedule;
use super::store::Keep;

/// Everything that the configuration says.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder of the configuration file; relative paths start here.
    pub root: PathBuf,
    /// SHA-256 over every file that was read, lowercase hex.
    pub hash: String,
    /// `[agent]`
    pub agent: Agent,
    /// `[browser]`
    pub browser: BrowserPlan,
    /// `[web]`
    pub web: WebPlan,
    /// `[mail]`; no mail without it.
    pub mail: Option<MailPlan>,
    /// `[[webhook]]`
    pub hooks: Vec<Hook>,
    /// `[[mail.route]]`, then those of webhooks, in file order.
    pub routes: Vec<Route>,
    /// `[alert]`
    pub alert: AlertRules,
    /// `[[maintenance]]`
    pub maintenance: Vec<Maintenance>,
    /// `[canary]`
    pub canary: CanaryPlan,
    /// `[store]`
    pub keep: Keep,
    /// `[[target]]`, in file order.
    pub targets: Vec<Arc<Target>>,
    /// `[[probe]]`, in file order.
    pub probes: Vec<Arc<Probe>>,
    /// The phrases: the built-in ones, or those of `lexicon/` beside the configuration.
    pub lexicon: Arc<Lexicon>,
}

/// Who and where we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The vantage; stored with every run.
    pub name: String,
    /// How to reach us, as a `mailto:` or `https:` address; sent in the User-Agent.
    pub contact: Option<String>,
    /// The IANA time zone of schedules and mails.
    pub timezone: String,
    /// The language of mails, reports and pages.
    pub language: Language,
    /// Where everything is kept, made absolute against [`Plan::root`].
    pub data_dir: PathBuf,
}

/// How browsers are had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserPlan {
    /// How many walks go on at once.
    pub sessions: usize,
    /// Where sessions come from.
    pub webdriver: WebDriver,
    /// The browser, when it is not where Debian puts it.
    pub chromium: Option<PathBuf>,
    /// The driver, when it is not on the PATH.
    pub chromedriver: Option<PathBuf>,
    /// Firefox, when it is not where Debian puts it.
    pub firefox: Option<PathBuf>,
    /// Firefox's driver, when it is not on the PATH.
    pub geckodriver: Option<PathBuf>,
    /// A browser that takes more bytes than this after a walk is replaced.
    pub memory: u64,
}

impl BrowserPlan {
    /// What a browser may take unless the configuration says otherwise: 1 GiB.
    pub const MEMORY: u64 = 1 << 30;

    /// So many browsers of our own, found by themselves.
    pub fn spawning(sessions: usize) -> Self {
        Self {
            sessions,
            webdriver: WebDriver::Spawn,
            chromium: None,
            chromedriver: None,
            firefox: None,
            geckodriver: None,
            memory: Self::MEMORY,
        }
    }
}

/// Where sessions come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebDriver {
    /// Our own chromedriver processes.
    Spawn,
    /// Selenium Grid or any other W3C WebDriver end points.
    Remote(Vec<Url>),
}

/// `[web]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebPlan {
    /// Where `/healthz` and the pages are served; nowhere when absent.
    pub listen: Option<SocketAddr>,
    /// The address at which people reach that, for links in mails; none are written without it.
    pub public: Option<Url>,
}

/// `[mail]`
#[derive(Debug, Clone, PartialEq)]
pub struct MailPlan {
    /// The server.
    pub smtp: SmtpServer,
    /// Where the password is found.
    pub password: Option<SecretRef>,
    /// The sender, as `Name <address>` or an address.
    pub from: String,
    /// Days and weeks in numbers.
    pub digests: Vec<DigestPlan>,
    /// Signs of life.
    pub heartbeat: Option<HeartbeatPlan>,
    /// A message that waits for longer is told in another way.
    pub stuck_after: Duration,
}

impl MailPlan {
    /// The limit that holds when the configuration names none.
    pub const STUCK_AFTER: Duration = Duration::from_mins(15);
}

/// An SMTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// How the connection is secured.
    pub security: SmtpSecurity,
    /// The host.
    pub host: String,
    /// The port: 465 for `smtps`, 587 for `smtp` when none is given.
    pub port: u16,
    /// The user name, when the server wants one.
    pub user: Option<String>,
}

/// How an SMTP connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte: `smtps://`.
    Tls,
    /// STARTTLS, required: `smtp://`.
    StartTls,
    /// In clear: `smtp://` to a loopback address only.
    Plain,
}

/// Where a secret is found; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// A file in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`).
    Credential(String),
    /// An environment variable.
    Env(String),
    /// A file that only its owner can read.
    File(PathBuf),
}

/// Targets × what is done × when.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Its id.
    pub id: ProbeId,
    /// What is done.
    pub work: Work,
    /// The browser that walks it.
    pub engine: Engine,
    /// Where, in file order, at least one.
    pub targets: Vec<Arc<Target>>,
    /// When.
    pub schedule: Schedule,
    /// Each slot starts up to so much later, a fixed delay per probe, target and slot.
    pub jitter: Duration,
    /// When incidents open, close and are repeated: `[alert]`, or what the probe says.
    pub alert: AlertRules,
    /// What its incidents are at most, however bad.
    pub severity: Severity,
    /// A run that works but takes longer is slow; never when absent.
    pub slow: Option<Duration>,
}

/// What a probe does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Walks a scenario in a browser.
    Walk(Arc<Scenario>),
    /// Visits the entry page by HTTP.
    Visit {
        /// Time for the visit.
        within: Duration,
    },
    /// Checks the links of the entry page and below.
    Crawl(CrawlPlan),
}

impl Work {
    /// What is done, in people's words: the scenario's title, or the kind of check.
    pub fn title(&self, language: Language) -> String {
        match self {
            Self::Walk(scenario) => scenario.title.clone(),
            Self::Visit { .. } => language.pick("首页访问", "Home page").to_owned(),
            Self::Crawl(_) => language.pick("链接检查", "Link check").to_owned(),
        }
    }
}

/// `crawl = { … }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrawlPlan {
    /// How many pages are read at most, the entry page included.
    pub max_pages: u32,
    /// How many levels below the entry page are read.
    pub depth: u32,
    /// How many links are checked at most.
    pub max_links: u32,
    /// Whether pages are rendered in a browser to find their links.
    pub render: Render,
    /// Whether links to other hosts are checked, each once.
    pub external: bool,
    /// Whether the places inside pages (`#part`) are checked.
    pub fragments: bool,
    /// Between the end of a request to a host and the next one there; the class's own when absent:
    /// 1 s on a live target, none on a test system.
    pub interval: Option<Duration>,
    /// Requests to one host at a time; the class's own when absent: 1 on a live target, 4 on a test
    /// system.
    pub concurrency: Option<u32>,
    /// How many requests all probes together may make to one host on one day (UTC).
    pub daily: u32,
    /// More broken links than this make the run fail; they never do when absent.
    pub limit: Option<u32>,
    /// Time for one request.
    pub within: Duration,
    /// Time for the whole check. What is left then is done by the next run.
    pub time: Duration,
}

/// Whether pages are rendered in a browser to find their links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Render {
    /// When the source has almost no text or links and runs scripts.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Every page.
    Always,
}

impl CrawlPlan {
    /// The plan that holds when a probe says nothing but how far.
    pub fn new(max_pages: u32, depth: u32) -> Self {
        Self {
            max_pages,
            depth,
            max_links: 20_000,
            render: Render::Auto,
            external: true,
            fragments: true,
            interval: None,
            concurrency: None,
            daily: 5_000,
            limit: None,
            within: Duration::from_secs(20),
            time: Duration::from_hours(1),
        }
    }
}

impl Plan {
    /// Whether a probe is walked with this engine.
    pub fn walks_with(&self, engine: Engine) -> bool {
        self.probes.iter().any(|probe| matches!(probe.work, Work::Walk(_)) && probe.engine == engine)
    }

    /// The probe with this id.
    pub fn probe(&self, id: &str) -> Option<&Arc<Probe>> {
        self.probes.iter().find(|probe| probe.id.as_str() == id)
    }

    /// The target with this id.
    pub fn target(&self, id: &str) -> Option<&Arc<Target>> {
        self.targets.iter().find(|target| target.id.as_str() == id)
    }

    /// A message that waits for longer is told in another way; webhooks alone have the usual limit.
    pub fn stuck_after(&self) -> Duration {
        self.mail.as_ref().map_or(MailPlan::STUCK_AFTER, |mail| mail.stuck_after)
    }

    /// The routes that a notice takes which is about this probe and target, or about ourselves.
    pub fn routes_of(
        &self,
        about: Option<(&ProbeId, &Target)>,
        concern: Concern,
        severity: Severity,
    ) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(move |route| route.when.takes(about, concern, severity))
    }
}
