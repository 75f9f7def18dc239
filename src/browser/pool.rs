//! Browsers, kept warm: each slot walks one journey at a time, in a fresh user context.
//!
//! Invariant: a browser in which anything odd happened is never used again, and none outlives the
//! pool.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use url::Url;

use crate::clock::Deadline;
use crate::domain::engine::Engine;
use crate::domain::place::Place;

use super::canary::{self, OwnSight};
use super::journey::Journey;
use super::ladder::{self, Rung, Rungs, Tally};
use super::memory;
use super::prepare::{Prepared, forget_clipboard, prepare};
use super::session::{Browser, Kind};
use super::source::Source;
use super::spare::Making;
use super::{BrowserError, Guard, JourneyOptions, Settings};

/// Time for a warm browser to open a journey before it is taken for dead.
const OPEN: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(super) struct Inner {
    settings: Settings,
    slots: Arc<Semaphore>,
    warm: Mutex<Vec<Browser>>,
    source: Source,
    closed: AtomicBool,
    rungs: Tally,
    started: AtomicU64,
}

/// How the browsers do, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Journeys that may be open at once.
    pub slots: u64,
    /// Journeys that are open, or about to be.
    pub in_use: u64,
    /// Browsers that rest.
    pub warm: u64,
    /// Browsers that were started since the pool was made.
    pub started: u64,
    /// What freed slots since then.
    pub freed: Rungs,
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
            source: Source::new(&settings),
            settings,
            slots,
            warm: Mutex::default(),
            closed: AtomicBool::new(false),
            rungs: Tally::default(),
            started: AtomicU64::new(0),
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
        let kind = Kind::of(&options);
        while let Some(mut browser) = inner.take_fitting(kind) {
            if !browser.wire().is_closed() {
                match inner.prepare_again(&mut browser, &options, deadline.tightened(OPEN)).await {
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
        let mut browser = inner.source.start(kind, deadline).await?;
        inner.started.fetch_add(1, Ordering::Relaxed);
        match prepare(&mut browser, &options, deadline).await {
            Ok(page) => Ok(Journey::new(Seat::new(browser, permit, inner), options, page)),
            Err(error) => {
                browser.end(false).await;
                Err(error)
            }
        }
    }

    /// Opens a page of our own in a browser of the kind that such a journey takes: the one that walked
    /// last, if it rests. A browser may be waited for, or started, until `deadline`; the page then has
    /// `canary::TIME`.
    pub async fn see_own_page(
        &self,
        of: &JourneyOptions,
        deadline: Deadline,
    ) -> Result<OwnSight, BrowserError> {
        let kind = Kind::of(of);
        let url = self.inner.source.own_page().await.and_then(|page| page.url(kind.loopback));
        let host = url.as_ref().and_then(Url::host_str).map(str::to_owned);
        let guard = Guard {
            live: kind.live,
            allow: Vec::new(),
            loopback: kind.loopback,
            hosts: host.into_iter().collect(),
        };
        // A proxy on the portal's way is not on the way to us.
        let options = JourneyOptions { guard, place: Place::default(), ..of.clone() };
        Ok(canary::see(self.open(options, deadline).await?, url.as_ref()).await)
    }

    /// Why no browser can be had, when the last that was wanted could not, and that will not pass by
    /// itself; a sentence without its head and its dot.
    pub fn trouble(&self) -> Option<String> {
        self.inner.source.trouble()
    }

    /// What freed its slots until now. A journey that is dropped without being closed is not among
    /// them: its browser is killed at once.
    pub fn rungs(&self) -> Rungs {
        self.inner.rungs.read()
    }

    /// How the browsers do.
    pub fn census(&self) -> Census {
        let slots = self.inner.settings.sessions.max(1);
        Census {
            slots: slots as u64,
            in_use: slots.saturating_sub(self.inner.slots.available_permits()) as u64,
            warm: self.inner.warm().len() as u64,
            started: self.inner.started.load(Ordering::Relaxed),
            freed: self.rungs(),
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

    /// Prepares a browser that another journey has used.
    async fn prepare_again(
        &self,
        browser: &mut Browser,
        options: &JourneyOptions,
        deadline: Deadline,
    ) -> Result<Prepared, BrowserError> {
        let prepared = prepare(browser, options, deadline).await?;
        if !prepared.has_empty_clipboard() && !self.settings.headed && !browser.classic {
            forget_clipboard(browser.wire(), prepared.page(), deadline).await?;
        }
        Ok(prepared)
    }

    /// Whether the context for the next journey is made now. In a window that a person watches it would
    /// stand there empty; Firefox makes its contexts in no time.
    fn prepares_ahead(&self, browser: &Browser) -> bool {
        browser.kind.engine == Engine::Chromium
            && !browser.classic
            && !self.settings.headed
            && browser.spare.is_none()
            && browser.journeys < self.settings.retire_after
            && !self.closed.load(Ordering::SeqCst)
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

    /// Whether a browser has walked enough, or grown too large.
    async fn is_worn(&self, browser: &Browser) -> bool {
        if browser.journeys >= self.settings.retire_after {
            return true;
        }
        let Some(group) = browser.process_group() else { return false };
        let limit = self.settings.retire_above;
        let size = tokio::task::spawn_blocking(move || memory::above(group, limit)).await.unwrap_or_default();
        if let Some(bytes) = size {
            tracing::info!(bytes, "a browser has grown too large and is replaced");
        }
        size.is_some()
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
        let Some(mut browser) = self.browser.take() else {
            return;
        };
        let pool = &self.pool;
        if odd.is_none() && pool.prepares_ahead(&browser) {
            browser.spare = Some(Making::begin(browser.wire().clone(), Deadline::after(OPEN)));
        }
        let rung = ladder::climb(&browser, page, odd).await;
        pool.rungs.count(rung);
        browser.tracker.end();
        if matches!(rung, Rung::Kill(_)) {
            browser.end(false).await;
        } else if pool.closed.load(Ordering::SeqCst) || pool.is_worn(&browser).await {
            browser.end(true).await;
        } else {
            pool.warm().push(browser);
        }
        if self.pool.closed.load(Ordering::SeqCst) {
            // The pool was closed while this browser was being put back.
            while let Some(browser) = self.pool.take_warm() {
                browser.end(true).await;
            }
        }
    }
}
