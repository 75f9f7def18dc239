//! A warm browser: a WebDriver session, its BiDi connection and the process below.
//!
//! Invariant: a [`Browser`] that is dropped takes its processes and its folder with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::clock::Deadline;

use super::bidi::command::{AddPreloadScript, Evaluate, Evaluated, GetTree, Subscribe, Target};
use super::bidi::{CallError, Connection, Wire, event};
use super::driver::Driver;
use super::events::Tracker;
use super::filter::{self, Teller};
use super::find::{Programs, ask_remote};
use super::page;
use super::{BrowserError, Guard, Settings};

/// A browser must be up within this; a cold disk needs a few seconds.
const START: Duration = Duration::from_secs(30);

/// Time for an orderly end before the process group is killed.
const GOODBYE: Duration = Duration::from_secs(2);

/// The folder of the profile, within that of the driver.
const PROFILE: &str = "profile";

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
    /// Where its request filter says what it refused.
    pub teller: Option<Teller>,
}

/// What cannot be changed in a running browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Whether its pages may reach loopback addresses.
    loopback: bool,
    /// Whether it has the request filter of live targets.
    live: bool,
}

impl Kind {
    /// The kind of browser that a journey needs.
    pub fn of(guard: &Guard) -> Self {
        Self { loopback: guard.loopback, live: guard.live }
    }
}

impl Browser {
    /// Starts chromedriver and Chromium on this machine.
    pub async fn start(
        settings: &Settings,
        programs: &Programs,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        let deadline = deadline.tightened(START);
        let driver = Driver::start(programs, &settings.temp, deadline).await?;
        let args = arguments(settings, driver.folder(), kind);
        let mut options = chrome(kind, &args);
        options["binary"] = json!(programs.chromium);
        let url = driver.url();
        // On any failure the driver is dropped, and with it whatever it started.
        match Self::connect(&url, Some(options), kind, deadline).await {
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
        let mut args = arguments(settings, Path::new(""), kind);
        let here = super::guard::is_inner(url);
        if here && rustix::process::geteuid().is_root() {
            // A driver on this machine most likely runs as we do.
            args.push("--no-sandbox".to_owned());
        }
        let deadline = deadline.tightened(START);
        match Self::connect(url.as_str(), Some(chrome(kind, &args)), kind, deadline).await {
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
        chrome: Option<Value>,
        kind: Kind,
        deadline: Deadline,
    ) -> Result<Self, BrowserError> {
        let mut capabilities = fantoccini::wd::Capabilities::new();
        capabilities.insert("browserName".to_owned(), json!("chrome"));
        capabilities.insert("webSocketUrl".to_owned(), json!(true));
        // Dialogs are answered by the tracker, at once and always.
        capabilities.insert("unhandledPromptBehavior".to_owned(), json!("ignore"));
        capabilities
            .insert("timeouts".to_owned(), json!({ "pageLoad": 30_000, "script": 10_000, "implicit": 0 }));
        if let Some(chrome) = chrome {
            capabilities.insert("goog:chromeOptions".to_owned(), chrome);
        }
        let refused = |reason: String| {
            if reason.contains("Chrome instance exited") {
                let hint = "run `shopper doctor`, which starts it and shows what it says";
                return BrowserError::WontStart { reason: "it ended at once".to_owned(), hint };
            }
            let reason = reason.chars().take(300).collect();
            BrowserError::Command { command: "new session".to_owned(), reason }
        };
        let mut builder = fantoccini::ClientBuilder::new(HttpConnector::new());
        let client = deadline
            .limit(builder.capabilities(capabilities).connect(url))
            .await
            .map_err(|_| BrowserError::Hung("new session".to_owned()))?
            .map_err(|error| refused(error.to_string()))?;
        let answer = client.capabilities().cloned().unwrap_or_default();
        let socket = answer
            .get("webSocketUrl")
            .and_then(Value::as_str)
            .ok_or_else(|| refused("it offers no BiDi socket (webSocketUrl)".to_owned()))?;
        let tracker = Tracker::new();
        let connection = deadline
            .limit(Connection::open(socket, Arc::<Tracker>::clone(&tracker)))
            .await
            .map_err(|_| BrowserError::Hung("BiDi socket".to_owned()))?
            .map_err(refused)?;
        let wire = connection.wire();
        let ready = async {
            wire.call(&Subscribe { events: event::NAMES }, deadline).await?;
            let preload = AddPreloadScript { function_declaration: page::PRELOAD, sandbox: page::SANDBOX };
            wire.call(&preload, deadline).await?;
            let tree = wire.call(&GetTree { max_depth: 0 }, deadline).await?;
            let first = tree.contexts.first().map(|entry| entry.context.clone()).unwrap_or_default();
            let evaluate = Evaluate {
                expression: "navigator.userAgent",
                await_promise: false,
                target: Target { context: &first, sandbox: None },
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
        let version = answer.get("browserVersion").and_then(Value::as_str).unwrap_or("of unknown version");
        Ok(Self {
            name: format!("Chromium {version}"),
            user_agent,
            tracker,
            client: Some(client),
            driver: None,
            connection,
            journeys: 0,
            kind,
            teller,
        })
    }

    /// The sending end of its connection.
    pub fn wire(&self) -> &Wire {
        self.connection.wire()
    }

    /// Whether it runs on this machine, so that its files can be reached.
    pub fn is_local(&self) -> bool {
        self.driver.is_some()
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
            let _ = Deadline::after(GOODBYE).limit(client.close()).await;
        }
        if let Some(driver) = self.driver.take() {
            driver.end().await;
        }
    }
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
/// a journey opens: half a second of CPU a walk.
const OFF: [&str; 7] = [
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "Translate",
    "OptimizationHints",
    "MediaRouter",
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
];

/// A picture is drawn for itself, and the page's window need not draw again for it: a twelfth of the
/// CPU of a walk with a picture after every step.
const ON: &str = "CDPScreenshotNewSurface";

/// What chromedriver is told about the browser.
fn chrome(kind: Kind, args: &[String]) -> Value {
    let mut options = json!({ "args": args });
    if kind.live {
        options["extensions"] = json!([filter::extension()]);
        options["prefs"] = filter::preferences();
    }
    options
}

/// The browser's command line.
fn arguments(settings: &Settings, folder: &Path, kind: Kind) -> Vec<String> {
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
        let rules = inner.map(|host| format!("MAP {host} ~NOTFOUND"));
        args.push(format!("--host-resolver-rules={}", rules.join(",")));
    }
    args
}

/// Whether `/dev/shm` is too small for a browser, as in many containers.
fn has_small_shm() -> bool {
    rustix::fs::statvfs("/dev/shm").map_or(true, |shm| shm.f_frsize * shm.f_bavail < 256 << 20)
}
