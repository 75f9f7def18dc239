//! Browsers, kept warm: each slot walks one journey at a time, in a fresh user context.
//!
//! Invariant: a browser in which anything odd happened is never used again, and none outlives the
//! pool.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::clock::Deadline;
use crate::domain::scenario::Channel;

use super::bidi::{CallError, Wire};
use super::driver::sweep;
use super::filter::{self, Teller};
use super::find::{Doctor, Programs};
use super::journey::Journey;
use super::session::{Browser, Kind, fault};
use super::{BrowserError, Guard, JourneyOptions, Settings};

/// Time for a user context to go away.
const REMOVE: Duration = Duration::from_secs(1);

/// Time for a warm browser to open a journey before it is taken for dead.
const OPEN: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(super) struct Inner {
    settings: Settings,
    slots: Arc<Semaphore>,
    warm: Mutex<Vec<Browser>>,
    programs: OnceCell<Programs>,
    next_remote: AtomicUsize,
    closed: AtomicBool,
}

/// Browsers, kept warm.
#[derive(Debug)]
pub struct Pool {
    inner: Arc<Inner>,
}

impl Pool {
    /// Prepares a pool. Browsers start when they are first needed.
    pub fn new(settings: Settings) -> Self {
        let slots = Arc::new(Semaphore::new(settings.sessions.max(1)));
        let inner = Inner {
            settings,
            slots,
            warm: Mutex::default(),
            programs: OnceCell::new(),
            next_remote: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Waits for a free browser, starts one if none is warm, and opens a fresh user context with
    /// one empty page.
    pub async fn open(&self, options: JourneyOptions, deadline: Deadline) -> Result<Journey, BrowserError> {
        let inner = &self.inner;
        let permit = deadline.limit(Arc::clone(&inner.slots).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(BrowserError::Busy);
        };
        let kind = Kind::of(&options.guard);
        while let Some(browser) = inner.take_fitting(kind) {
            if !browser.wire().is_closed() {
                match prepare(&browser, &options, deadline.tightened(OPEN)).await {
                    Ok(page) => return Ok(Journey::new(Seat::new(browser, permit, inner), options, page)),
                    Err(error) => tracing::warn!(%error, "a warm browser failed and is replaced"),
                }
            }
            browser.end(false).await;
        }
        // Never more browsers than slots: one of another kind makes room.
        if let Some(browser) = inner.take_surplus() {
            browser.end(true).await;
        }
        let browser = inner.start(kind, deadline).await?;
        match prepare(&browser, &options, deadline).await {
            Ok(page) => Ok(Journey::new(Seat::new(browser, permit, inner), options, page)),
            Err(error) => {
                browser.end(false).await;
                Err(error)
            }
        }
    }

    /// Ends every browser, waits until its processes are reaped and its folders gone. Journeys
    /// that are still under way end theirs when they are closed or dropped.
    pub async fn close(&self) {
        self.inner.closed.store(true, Ordering::SeqCst);
        self.inner.slots.close();
        while let Some(browser) = self.inner.take_warm() {
            browser.end(true).await;
        }
    }
}

impl Inner {
    fn warm(&self) -> MutexGuard<'_, Vec<Browser>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_warm(&self) -> Option<Browser> {
        self.warm().pop()
    }

    fn take_fitting(&self, kind: Kind) -> Option<Browser> {
        let mut warm = self.warm();
        let at = warm.iter().rposition(|browser| browser.kind == kind)?;
        Some(warm.remove(at))
    }

    /// The browser that has rested longest, when every slot has one already.
    fn take_surplus(&self) -> Option<Browser> {
        let mut warm = self.warm();
        (warm.len() > self.slots.available_permits()).then(|| warm.remove(0))
    }

    async fn start(&self, kind: Kind, deadline: Deadline) -> Result<Browser, BrowserError> {
        if !self.settings.remote.is_empty() {
            let turn = self.next_remote.fetch_add(1, Ordering::Relaxed);
            let url = &self.settings.remote[turn % self.settings.remote.len()];
            return Browser::remote(url, &self.settings, kind, deadline).await;
        }
        let programs = self
            .programs
            .get_or_try_init(|| async {
                let temp = self.settings.temp.clone();
                // Nothing found is nothing to do; a failed sweep leaves what was there.
                let _ = tokio::task::spawn_blocking(move || sweep(&temp)).await;
                Doctor::examine(&self.settings).await.programs()
            })
            .await?;
        Browser::start(&self.settings, programs, kind, deadline).await
    }
}

/// A browser in use, with the slot that it takes.
#[derive(Debug)]
pub(super) struct Seat {
    browser: Option<Browser>,
    // Dropped after the browser, so that a slot is free only when its processes are gone.
    _permit: OwnedSemaphorePermit,
    pool: Arc<Inner>,
}

impl Seat {
    fn new(mut browser: Browser, permit: OwnedSemaphorePermit, pool: &Arc<Inner>) -> Self {
        browser.journeys += 1;
        Self { browser: Some(browser), _permit: permit, pool: Arc::clone(pool) }
    }

    /// The browser; absent only while it is being given back.
    pub fn browser(&self) -> Option<&Browser> {
        self.browser.as_ref()
    }

    /// Removes the user context and gives the browser back, or ends it.
    pub async fn give_back(mut self, page: &Prepared, odd: Option<String>) {
        let Some(browser) = self.browser.take() else {
            return;
        };
        let settings = &self.pool.settings;
        let mut why = odd;
        if why.is_none() && browser.wire().is_closed() {
            why = Some("its connection closed".to_owned());
        }
        if why.is_none() {
            let deadline = Deadline::after(REMOVE);
            let undo = page.undo.iter().map(|(method, params)| (*method, params.clone()));
            let remove = ("browser.removeUserContext", json!({ "userContext": page.user_context }));
            let calls =
                undo.chain([remove]).map(|(method, params)| browser.wire().call(method, params, deadline));
            why = join_all(calls).await.into_iter().find_map(Result::err).map(|error| error.to_string());
        }
        browser.tracker.end();
        if let Some(why) = why {
            tracing::info!(%why, "a browser is thrown away");
            browser.end(false).await;
        } else if browser.journeys >= settings.retire_after || self.pool.closed.load(Ordering::SeqCst) {
            browser.end(true).await;
        } else {
            self.pool.warm().push(browser);
        }
        if self.pool.closed.load(Ordering::SeqCst) {
            // The pool was closed while this browser was being put back.
            while let Some(browser) = self.pool.take_warm() {
                browser.end(true).await;
            }
        }
    }
}

/// A fresh user context and its first page.
#[derive(Debug)]
pub(super) struct Prepared {
    user_context: String,
    /// What has to be undone in the browser itself before the next journey.
    undo: Vec<(&'static str, Value)>,
}

impl Prepared {
    /// The user context, for commands that concern all of its pages.
    pub fn user_context(&self) -> &str {
        &self.user_context
    }
}

/// Opens a user context with one empty page, set up as the journey wants it.
async fn prepare(
    browser: &Browser,
    options: &JourneyOptions,
    deadline: Deadline,
) -> Result<Prepared, BrowserError> {
    let wire = browser.wire();
    let fault = |error: CallError| fault(wire, error);
    let made = wire.call("browser.createUserContext", json!({}), deadline).await.map_err(fault)?;
    let user_context = made["userContext"].as_str().unwrap_or_default().to_owned();
    browser.tracker.begin(user_context.clone(), options.guard.clone());

    // Sent one behind the other without waiting; the browser keeps the order.
    let calls = set_up(browser, options, &user_context)
        .into_iter()
        .map(|(method, params)| wire.call(method, params, deadline));
    let mut results = join_all(calls).await;
    let page = results.pop().unwrap_or(Err(CallError::Closed)).map_err(fault)?;
    let mut undo = Vec::new();
    for result in results {
        let result = result.map_err(fault)?;
        if let Some(id) = result["intercept"].as_str() {
            undo.push(("network.removeIntercept", json!({ "intercept": id })));
        } else if let Some(id) = result["collector"].as_str() {
            undo.push(("network.removeDataCollector", json!({ "collector": id })));
        }
    }
    let page = page["context"].as_str().unwrap_or_default().to_owned();
    let known = browser.tracker.wait(deadline, |state| {
        state.current.clone_from(&page);
        state.contexts.contains_key(&page).then_some(())
    });
    known.await.ok_or_else(|| BrowserError::Hung("browsingContext.create".to_owned()))?;
    if options.channel == Channel::Mobile {
        make_mobile(wire, &page, deadline).await?;
    }
    if let Some(teller) = &browser.teller {
        prove_filter(browser, teller, &options.guard, &page, deadline).await?;
    }
    Ok(Prepared { user_context, undo })
}

/// Gives the filter the journey's rules and sends a request that it must refuse, from the
/// journey's own page.
async fn prove_filter(
    browser: &Browser,
    teller: &Teller,
    guard: &Guard,
    page: &str,
    deadline: Deadline,
) -> Result<(), BrowserError> {
    let wire = browser.wire();
    let unguarded = |reason: String| BrowserError::Unguarded { reason, hint: filter::HINT };
    teller.obey(wire, guard, deadline).await.map_err(|error| match error {
        CallError::Refused { message, .. } => BrowserError::Unguarded {
            reason: format!("it does not take the rules: {message}"),
            hint: filter::RULES_HINT,
        },
        gone => fault(wire, gone),
    })?;
    let send = json!({
        "expression": format!("fetch({:?}, {{ method: 'POST', mode: 'no-cors' }}).catch(() => null)", filter::PROOF),
        "awaitPromise": true,
        "target": { "context": page },
    });
    wire.call("script.evaluate", send, deadline).await.map_err(|error| fault(wire, error))?;
    let said = browser.tracker.wait(deadline, |state| state.proof.clone()).await;
    // What it refused until now belongs to nobody.
    teller.take(wire, deadline).await.map_err(|error| unguarded(error.to_string()))?;
    match said.as_deref() {
        Some(filter::REFUSED) => Ok(()),
        other => {
            Err(unguarded(format!("a request that must be refused met {}", other.unwrap_or("no answer"))))
        }
    }
}

fn set_up(browser: &Browser, options: &JourneyOptions, user_context: &str) -> Vec<(&'static str, Value)> {
    let contexts = json!([user_context]);
    let mobile = options.channel == Channel::Mobile;
    let mut agent = if mobile { phone_agent(&browser.user_agent) } else { browser.user_agent.clone() };
    if !options.user_agent.is_empty() {
        agent.push(' ');
        agent.push_str(&options.user_agent);
    }
    let tag = options.language.tag();
    let mut calls = vec![
        ("emulation.setUserAgentOverride", json!({ "userAgent": agent, "userContexts": contexts })),
        ("emulation.setLocaleOverride", json!({ "locale": tag, "userContexts": contexts })),
        ("emulation.setTimezoneOverride", json!({ "timezone": options.timezone, "userContexts": contexts })),
        (
            "browser.setDownloadBehavior",
            json!({ "downloadBehavior": { "type": "denied" }, "userContexts": contexts }),
        ),
    ];
    let (width, height, ratio) = if mobile { (390, 844, 3.0) } else { (1280, 800, 1.0) };
    let size = json!({ "width": width, "height": height });
    calls.push((
        "browsingContext.setViewport",
        json!({ "viewport": size, "devicePixelRatio": ratio, "userContexts": contexts }),
    ));
    if mobile {
        calls.push(("emulation.setTouchOverride", json!({ "maxTouchPoints": 5, "userContexts": contexts })));
    }
    calls.extend(intercepts(options));
    calls.push(("browsingContext.create", json!({ "type": "tab", "userContext": user_context })));
    calls
}

/// Requests are held back only where something may have to be stopped: each costs a round trip.
fn intercepts(options: &JourneyOptions) -> Vec<(&'static str, Value)> {
    let mut calls = Vec::new();
    if options.guard.live {
        calls.push(("network.addIntercept", json!({ "phases": ["beforeRequestSent"] })));
        calls.push((
            "network.addDataCollector",
            json!({ "dataTypes": ["request"], "maxEncodedDataSize": 1 << 20 }),
        ));
    } else if !options.guard.loopback {
        let hosts = ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"];
        let patterns: Vec<Value> =
            hosts.iter().map(|host| json!({ "type": "pattern", "hostname": host })).collect();
        calls.push((
            "network.addIntercept",
            json!({ "phases": ["beforeRequestSent"], "urlPatterns": patterns }),
        ));
    }
    calls
}

/// Makes one page a phone's: BiDi's viewport leaves `<meta name=viewport>` aside.
pub(super) async fn make_mobile(wire: &Wire, page: &str, deadline: Deadline) -> Result<(), BrowserError> {
    let fault = |error: CallError| fault(wire, error);
    let session = wire.cdp_session(page, deadline).await.map_err(fault)?;
    let phone = json!({ "width": 390, "height": 844, "deviceScaleFactor": 3, "mobile": true });
    wire.cdp(Some(&session), "Emulation.setDeviceMetricsOverride", phone, deadline).await.map_err(fault)?;
    Ok(())
}

/// A phone's User-Agent with this browser's own version.
fn phone_agent(own: &str) -> String {
    let version = own
        .split_whitespace()
        .find_map(|word| word.split_once("Chrome/").map(|(_, version)| version))
        .unwrap_or("0.0.0.0");
    format!(
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} Mobile Safari/537.36"
    )
}
