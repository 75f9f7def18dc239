//! A warm browser: a WebDriver session, its BiDi connection and the process below.
//!
//! Invariant: a [`Browser`] that is dropped takes its processes and its folder with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::clock::Deadline;
use crate::domain::engine::Engine;

use super::bidi::command::{AddIntercept, AddPreloadScript, Evaluate, Evaluated, GetTree, Subscribe, Target};
use super::bidi::{CallError, Connection, Wire};
use super::canary::OwnPage;
use super::driver::{Driver, chromedriver};
use super::elsewhere::{self, Lost};
use super::endpoints::Place;
use super::engine::{self, Ability};
use super::events::Tracker;
use super::filter::{self, Teller};
use super::find::{Programs, ask_remote};
use super::gecko;
use super::page;
use super::spare::Making;
use super::{BrowserError, JourneyOptions, Settings};

/// A browser must be up within this; a cold disk needs a few seconds.
const START: Duration = Duration::from_secs(30);

/// Time for an orderly end before the process group is killed.
const GOODBYE: Duration = Duration::from_secs(2);

/// The folder of the profile, within that of the driver.
const PROFILE: &str = "profile";

/// The same for a browser elsewhere, whose processes are not ours to kill.
const FAREWELL: Duration = Duration::from_secs(10);

/// A running browser.
#[derive(Debug)]
pub struct Browser {
    connection: Connection,
    /// What happens in it.
    pub tracker: Arc<Tracker>,
    client: Option<fantoccini::Client>,
    driver: Option<Driver>,
    /// Its name and version.
    pub name: String,
    /// Its own User-Agent.
    pub user_agent: String,
    /// How many journeys it has walked.
    pub journeys: u32,
    /// What it was started for.
    pub kind: Kind,
    /// Whether it has no BiDi: what only events tell is not known.
    pub classic: bool,
    /// Whether its WebDriver is on this machine, though not ours.
    beside: bool,
    /// Where its profile is, on whatever machine.
    profile: Option<String>,
    /// Its place at a WebDriver elsewhere.
    _place: Option<Place>,
    /// Where its request filter says what it refused.
    pub teller: Option<Teller>,
    /// A user context for the next journey.
    pub spare: Option<Making>,
}

/// What cannot be changed in a running browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Which browser it is.
    pub engine: Engine,
    /// Whether its pages may reach loopback addresses.
    pub loopback: bool,
    /// Whether it has the request filter of live targets.
    pub live: bool,
}

impl Kind {
    /// The kind of browser that a journey needs.
    pub fn of(options: &JourneyOptions) -> Self {
        let guard = &options.guard;
        // Only Chromium is told of it when it starts.
        let loopback = guard.loopback || !engine::can(options.engine, Ability::Resolver);
        Self { engine: options.engine, loopback, live: guard.live }
    }
}

impl Browser {
    /// Starts chromedriver and Chromium on this machine.
    pub async fn start(
        settings: &Settings,
        programs: &Programs,
        kind: Kind,
        own_page: Option<&OwnPage>,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        let deadline = deadline.tightened(START);
        let driver = Driver::start(chromedriver(programs), settings, deadline).await?;
        let args = arguments(settings, driver.folder(), kind, own_page);
        let mut options = chrome(kind, &args);
        options["binary"] = json!(programs.chromium);
        Self::below(driver, options, kind, deadline).await
    }

    /// Starts one that reaches no address at all, for pages that lie on this machine.
    pub async fn start_apart(
        settings: &Settings,
        programs: &Programs,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        let deadline = deadline.tightened(START);
        let kind = Kind { engine: Engine::Chromium, loopback: false, live: false };
        let driver = Driver::start(chromedriver(programs), settings, deadline).await?;
        let mut args = arguments(settings, driver.folder(), kind, None);
        args.retain(|arg| !arg.starts_with(RESOLVER));
        args.push(format!("{RESOLVER}MAP * ~NOTFOUND"));
        let mut options = chrome(kind, &args);
        options["binary"] = json!(programs.chromium);
        Self::below(driver, options, kind, deadline).await
    }

    /// Starts geckodriver and Firefox on this machine.
    pub async fn start_firefox(
        settings: &Settings,
        programs: &gecko::Programs,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        let deadline = deadline.tightened(START);
        let driver = Driver::start(gecko::launch(programs), settings, deadline).await?;
        Self::below(driver, gecko::options(Some(programs), settings.headed), kind, deadline).await
    }

    /// Opens a session of a driver of our own.
    async fn below(
        driver: Driver,
        options: Value,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        // On any failure the driver is dropped, and with it whatever it started.
        match Self::connect(&driver.url(), options, kind, deadline).await {
            Ok(browser) => Ok(Self { driver: Some(driver), ..browser }),
            Err(error) => {
                driver.end().await;
                Err(error)
            }
        }
    }

    /// Opens a session at a WebDriver elsewhere.
    pub async fn remote(
        url: &url::Url,
        settings: &Settings,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        let options = match kind.engine {
            Engine::Chromium => {
                let mut args = arguments(settings, Path::new(""), kind, None);
                if super::guard::is_inner(url) && rustix::process::geteuid().is_root() {
                    // A driver on this machine most likely runs as we do.
                    args.push("--no-sandbox".to_owned());
                }
                chrome(kind, &args)
            }
            Engine::Firefox => gecko::options(None, settings.headed),
        };
        let deadline = deadline.tightened(START);
        match Self::connect(url.as_str(), options, kind, deadline).await {
            // fantoccini's words for a far end that is not there, or is something else, help nobody.
            Err(BrowserError::Command { reason, .. }) => {
                let reason = match ask_remote(url).await {
                    Err(BrowserError::Command { reason, .. }) => reason,
                    _ => reason,
                };
                Err(BrowserError::Remote { url: url.to_string(), reason })
            }
            result => result,
        }
    }

    async fn connect(
        url: &str,
        options: Value,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        engine::say(kind.engine);
        let (name, key) = match kind.engine {
            Engine::Chromium => ("chrome", "goog:chromeOptions"),
            Engine::Firefox => ("firefox", "moz:firefoxOptions"),
        };
        let mut capabilities = fantoccini::wd::Capabilities::new();
        capabilities.insert("browserName".to_owned(), json!(name));
        capabilities.insert("webSocketUrl".to_owned(), json!(true));
        // Dialogs are answered by the tracker, at once and always.
        capabilities.insert("unhandledPromptBehavior".to_owned(), json!("ignore"));
        capabilities
            .insert("timeouts".to_owned(), json!({ "pageLoad": 30_000, "script": 10_000, "implicit": 0 }));
        capabilities.insert(key.to_owned(), options);
        let refused = |reason: String| {
            if reason.contains("Chrome instance exited") || reason.contains("Process unexpectedly closed") {
                let hint = "run `shopper doctor`, which starts it and shows what it says";
                return BrowserError::WontStart { reason: "it ended at once".to_owned(), hint };
            }
            let reason = reason.chars().take(300).collect();
            BrowserError::Command { command: "new session".to_owned(), reason }
        };
        let client = match new_session(url, capabilities.clone(), deadline).await? {
            // A far end that has never heard of BiDi may refuse even to be asked for it.
            Err(reason) if reason.contains("webSocketUrl") => {
                capabilities.remove("webSocketUrl");
                new_session(url, capabilities, deadline).await?
            }
            made => made,
        };
        let client = client.map_err(refused)?;
        let answer = client.capabilities().cloned().unwrap_or_default();
        let socket = answer.get("webSocketUrl").and_then(Value::as_str);
        let tracker = Tracker::new();
        let connection = match socket {
            Some(socket) => deadline
                .limit(Connection::open(socket, Arc::<Tracker>::clone(&tracker)))
                .await
                .map_err(|_| BrowserError::Hung("BiDi socket".to_owned()))?
                .map_err(refused)?,
            None if kind.live => {
                // Whatever this says, the session is not used.
                let _ = deadline.limit(client.close()).await;
                return Err(BrowserError::Unguarded {
                    reason: "its WebDriver offers no BiDi (webSocketUrl)".to_owned(),
                    hint: "walk live targets with a WebDriver that has it",
                });
            }
            None => {
                engine::say_classic(url);
                Connection::classic(client.clone(), Arc::<Tracker>::clone(&tracker))
            }
        };
        let classic = socket.is_none();
        let wire = connection.wire();
        let ready = async {
            wire.call(&Subscribe { events: &engine::events(kind.engine) }, deadline).await?;
            let preload = AddPreloadScript { function_declaration: page::PRELOAD, sandbox: page::SANDBOX };
            wire.call(&preload, deadline).await?;
            if !engine::can(kind.engine, Ability::NoPasswords) {
                let hold = AddIntercept { phases: ["authRequired"], url_patterns: Vec::new() };
                wire.call(&hold, deadline).await?;
            }
            let tree = wire.call(&GetTree { max_depth: 0 }, deadline).await?;
            let first = tree.contexts.first().map(|entry| entry.context.clone()).unwrap_or_default();
            let evaluate = Evaluate {
                expression: "navigator.userAgent",
                await_promise: false,
                target: Target { context: &first, sandbox: None },
                user_activation: false,
            };
            wire.call(&evaluate, deadline).await
        };
        let user_agent = match ready.await.map_err(|error| fault(wire, error))? {
            Evaluated::Success { result } => result.value.as_str().unwrap_or_default().to_owned(),
            Evaluated::Exception { .. } => String::new(),
        };
        let teller = if kind.live {
            let attached = Teller::attach(wire, deadline).await;
            Some(attached.map_err(|error| BrowserError::Unguarded {
                reason: format!("it was not loaded: {error}"),
                hint: filter::HINT,
            })?)
        } else {
            None
        };
        let chromium = answer.get("chrome").map(|chrome| &chrome["userDataDir"]);
        let profile = chromium.or_else(|| answer.get("moz:profile"));
        let profile = profile.and_then(Value::as_str).map(str::to_owned);
        let version = answer.get("browserVersion").and_then(Value::as_str).unwrap_or("of unknown version");
        Ok(Self {
            name: if classic {
                format!("{} {version} (classic WebDriver, no events)", kind.engine.title())
            } else {
                format!("{} {version}", kind.engine.title())
            },
            classic,
            user_agent,
            tracker,
            client: Some(client),
            driver: None,
            profile,
            beside: url::Url::parse(url).is_ok_and(|url| super::guard::is_inner(&url)),
            _place: None,
            connection,
            journeys: 0,
            kind,
            teller,
            spare: None,
        })
    }

    /// Remembers whose slot it takes.
    pub fn with_place(self, place: Place) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// The sending end of its connection.
    pub fn wire(&self) -> &Wire {
        self.connection.wire()
    }

    /// Whether it runs on this machine, so that its files can be reached.
    pub fn is_local(&self) -> bool {
        self.driver.is_some()
    }

    /// Where its downloads lie; absent when a WebDriver elsewhere does not say where its profile is.
    pub fn downloads(&self) -> Option<String> {
        if self.is_local() {
            return Some(self.folder().to_string_lossy().into_owned());
        }
        let profile = self.profile.as_deref().filter(|_| !self.classic)?;
        // A far end may be of another system.
        let separator = if profile.contains('\\') { '\\' } else { '/' };
        Some(format!("{}{separator}shopper-downloads", profile.trim_end_matches(separator)))
    }

    /// Hands a file over; the path by which the browser finds it.
    pub async fn hand_over(&self, file: &Path, deadline: Deadline) -> Result<String, Lost> {
        let here = file.to_string_lossy().into_owned();
        match &self.client {
            Some(client) if !self.is_local() => match elsewhere::send(client, file, deadline).await {
                // A driver of this machine that knows no such thing finds the file where it is.
                Err(Lost::File(_)) if self.beside => Ok(here),
                sent => sent,
            },
            _ => Ok(here),
        }
    }

    /// Its own folder; empty for a remote one.
    pub fn folder(&self) -> &Path {
        self.driver.as_ref().map_or(Path::new(""), Driver::folder)
    }

    /// The folder of its profile.
    pub fn profile(&self) -> PathBuf {
        self.folder().join(PROFILE)
    }

    /// The process group of driver and browser; absent for a remote one.
    pub fn process_group(&self) -> Option<u32> {
        self.driver.as_ref().and_then(Driver::pid)
    }

    /// Ends it. A browser that is well says goodbye; any other is killed at once.
    pub async fn end(mut self, well: bool) {
        if let Some(client) = self.client.take()
            && (well || self.driver.is_none())
            && !self.wire().is_closed()
        {
            // The group is killed next, whatever this says.
            let time = if self.is_local() { GOODBYE } else { FAREWELL };
            let _ = Deadline::after(time).limit(client.close()).await;
        }
        if let Some(driver) = self.driver.take() {
            driver.end().await;
        }
    }
}

/// Asks for a session; what the far end said when it made none.
async fn new_session(
    url: &str,
    capabilities: fantoccini::wd::Capabilities,
    deadline: Deadline,
) -> Result<Result<fantoccini::Client, String>, BrowserError> {
    let mut builder = fantoccini::ClientBuilder::new(HttpConnector::new());
    let made = deadline.limit(builder.capabilities(capabilities).connect(url)).await;
    let made = made.map_err(|_| BrowserError::Hung("new session".to_owned()))?;
    Ok(made.map_err(|error| error.to_string()))
}

/// What a failed command says about the browser.
pub fn fault(wire: &Wire, error: CallError) -> BrowserError {
    match error {
        CallError::Timeout(command) => BrowserError::Hung(command.to_owned()),
        CallError::Unreadable(command, reason) => {
            BrowserError::Command { command: command.to_owned(), reason }
        }
        CallError::Closed => BrowserError::Died("its connection closed".to_owned()),
        CallError::Refused { code, message } => {
            let gone = code == "invalid session id"
                || ["crashed", "disconnected", "not connected to DevTools", "session deleted"]
                    .iter()
                    .any(|part| message.contains(part));
            if gone || wire.is_closed() {
                BrowserError::Died(message)
            } else {
                BrowserError::Command { command: code, reason: message }
            }
        }
    }
}

/// Parts of Chromium that no page sees and that cost time, or that would change what a portal
/// gets: addresses stay http when they are http, nothing is translated or looked up elsewhere.
/// The two pop-ups of the address bar are pages of their own, loaded again for every window that
/// a journey opens: half a second of CPU a walk. A page's own timers wait for the next frame after a
/// press unless they are told not to: 16 ms for each. A frame of its own for every document of one site
/// (`RenderDocument`) is 9 % of a walk's CPU; a process kept ready for another site is started for every
/// context and hardly ever used: 5 % of it, and a seventh of the time in which a context opens.
const OFF: [&str; 10] = [
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "Translate",
    "OptimizationHints",
    "MediaRouter",
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "DeferRendererTasksAfterInput",
    "RenderDocument",
    "SpareRendererForSitePerProcess",
];

/// A picture is drawn for itself, and the page's window need not draw again for it: a twelfth of the
/// CPU of a walk with a picture after every step.
const ON: &str = "CDPScreenshotNewSurface";

/// The only way to log in over HTTP that the browser knows, and there is none of that name. Without a
/// window a browser that is asked for a password waits for ever, and with it every page that wants a
/// picture of that server; this one shows the answer (401) as it came. It costs no time, as holding
/// every request back would, and it holds in workers.
const NO_SCHEME: &str = "none";

/// How the browser is told where names lead.
const RESOLVER: &str = "--host-resolver-rules=";

/// What chromedriver is told about the browser.
fn chrome(kind: Kind, args: &[String]) -> Value {
    let mut options = json!({ "args": args, "localState": { "auth.schemes": NO_SCHEME } });
    if kind.live {
        options["extensions"] = json!([filter::extension()]);
        options["prefs"] = filter::preferences();
    }
    options
}

/// The browser's command line.
fn arguments(settings: &Settings, folder: &Path, kind: Kind, own_page: Option<&OwnPage>) -> Vec<String> {
    let mut args: Vec<String> = [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-breakpad",
        "--disable-field-trial-config",
        "--disable-back-forward-cache",
        "--disable-background-timer-throttling",
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--password-store=basic",
        "--window-size=1280,900",
    ]
    .map(str::to_owned)
    .to_vec();
    args.push(format!("--disable-features={}", OFF.join(",")));
    args.push(format!("--enable-features={ON}"));
    if !settings.headed {
        args.push("--headless=new".to_owned());
    }
    if settings.remote.is_empty() {
        args.push(format!("--user-data-dir={}", folder.join(PROFILE).display()));
        if rustix::process::geteuid().is_root() {
            // Chromium's own sandbox does not work for root.
            args.push("--no-sandbox".to_owned());
        }
        if has_small_shm() {
            args.push("--disable-dev-shm-usage".to_owned());
        }
    }
    if !kind.live {
        args.push("--disable-extensions".to_owned());
    }
    if !kind.loopback {
        // A page could otherwise call chromedriver's port and end it. The guard says so as well,
        // but only where it holds requests back.
        let inner = ["localhost", "*.localhost", "127.*", "[::1]", "169.254.*", "0.0.0.0"];
        let rules = own_page.map(OwnPage::rule).into_iter();
        let rules: Vec<String> = rules.chain(inner.map(|host| format!("MAP {host} ~NOTFOUND"))).collect();
        args.push(format!("{RESOLVER}{}", rules.join(",")));
    }
    args
}

/// Whether `/dev/shm` is too small for a browser, as in many containers.
fn has_small_shm() -> bool {
    rustix::fs::statvfs("/dev/shm").map_or(true, |shm| shm.f_frsize * shm.f_bavail < 256 << 20)
}
