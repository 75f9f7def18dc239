//! Where browsers come from: programs of this machine, or WebDrivers elsewhere.
//!
//! Invariant: no browser that cannot be proven to submit nothing is started for a live target.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use crate::clock::Deadline;
use crate::domain::engine::Engine;

use super::canary::OwnPage;
use super::driver::sweep;
use super::endpoints::Endpoints;
use super::engine::{self, Ability};
use super::find::{Doctor, Programs};
use super::gecko;
use super::memory;
use super::session::{Browser, Kind};
use super::trouble::Troubles;
use super::{BrowserError, Settings};

/// Where browsers come from.
#[derive(Debug)]
pub struct Source {
    settings: Settings,
    swept: OnceCell<()>,
    chromium: OnceCell<Programs>,
    firefox: OnceCell<gecko::Programs>,
    endpoints: Endpoints,
    own_page: OnceCell<Option<OwnPage>>,
    /// Memory was short when a browser was last wanted, and that was said.
    short: AtomicBool,
    troubles: Troubles,
}

impl Source {
    /// Nothing is looked for before it is needed.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            swept: OnceCell::new(),
            chromium: OnceCell::new(),
            firefox: OnceCell::new(),
            endpoints: Endpoints::new(&settings.remote),
            own_page: OnceCell::new(),
            short: AtomicBool::new(false),
            troubles: Troubles::default(),
        }
    }

    /// A page of our own that the browsers of this machine can open; none when it cannot be served, or
    /// when they are elsewhere.
    pub async fn own_page(&self) -> Option<&OwnPage> {
        if !self.settings.remote.is_empty() {
            return None;
        }
        let serve = || async {
            OwnPage::serve()
                .await
                .inspect_err(|error| tracing::warn!(%error, "our own page for browsers cannot be served"))
                .ok()
        };
        self.own_page.get_or_init(serve).await.as_ref()
    }

    /// Starts a browser of this kind.
    pub async fn start(&self, kind: Kind, deadline: Deadline) -> Result<Browser, BrowserError> {
        if kind.live && !engine::can(kind.engine, Ability::RequestFilter) {
            return Err(BrowserError::Unguarded {
                reason: format!("{} has no such filter", kind.engine.title()),
                hint: "walk live targets with browser = \"chromium\"",
            });
        }
        if !self.settings.remote.is_empty() {
            return self.endpoints.start(&self.settings, kind, deadline).await;
        }
        let sweep_once = self.swept.get_or_init(|| async {
            let Settings { temp, cgroup, .. } = self.settings.clone();
            // Nothing found is nothing to do; a failed sweep leaves what was there.
            let _ = tokio::task::spawn_blocking(move || sweep(&temp, cgroup.as_deref())).await;
        });
        sweep_once.await;
        self.troubles.pause(kind.engine)?;
        memory::wait_for_room(Path::new("/"), &self.short, deadline).await?;
        let started = self.start_here(kind, deadline).await;
        match &started {
            Ok(_) => self.troubles.worked(kind.engine),
            Err(error) => self.troubles.failed(kind.engine, error),
        }
        started
    }

    /// Why no browser can be had, as far as is known since the last that was wanted.
    pub fn trouble(&self) -> Option<String> {
        let short = || {
            let short = self.short.load(Ordering::Relaxed);
            short.then(|| "memory is too short for another browser".to_owned())
        };
        self.troubles.any().map(|error| error.to_string()).or_else(short)
    }

    async fn start_here(&self, kind: Kind, deadline: Deadline) -> Result<Browser, BrowserError> {
        match kind.engine {
            Engine::Chromium => {
                let find = || async { Doctor::examine(&self.settings).await.programs() };
                let programs = self.chromium.get_or_try_init(find).await?;
                let own_page = self.own_page().await;
                Box::pin(Browser::start(&self.settings, programs, kind, own_page, deadline)).await
            }
            Engine::Firefox => {
                let programs = self.firefox.get_or_try_init(|| gecko::find(&self.settings)).await?;
                Browser::start_firefox(&self.settings, programs, kind, deadline).await
            }
        }
    }
}
