//! What keeps browsers of this machine from starting, and how long it is left alone.
//!
//! Programs that are missing, or do not fit together, do not mend themselves: they are tried again after
//! a second, then two, four … a minute at most, and whoever wants a browser meanwhile hears at once why
//! there is none.
//!
//! Invariant: a fault that may pass with the next try (a hung start, short memory) is no trouble here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Deadline;
use crate::domain::engine::Engine;

use super::BrowserError;

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How long something that failed so often in a row is left alone.
pub(super) fn pause_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE)
}

/// What ails each kind of browser.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<HashMap<Engine, Trouble>>);

#[derive(Debug)]
struct Trouble {
    error: BrowserError,
    failures: u32,
    until: Deadline,
}

impl Troubles {
    /// Why a browser is not even tried to be started now.
    pub fn pause(&self, engine: Engine) -> Result<(), BrowserError> {
        match self.all().get(&engine) {
            Some(trouble) if !trouble.until.passed() => Err(trouble.error.clone()),
            _ => Ok(()),
        }
    }

    /// A browser did not start.
    pub fn failed(&self, engine: Engine, error: &BrowserError) {
        use BrowserError::{Missing, VersionMismatch, WontStart};
        if !matches!(error, Missing { .. } | VersionMismatch { .. } | WontStart { .. }) {
            return;
        }
        let mut all = self.all();
        let failures = all.get(&engine).map_or(0, |trouble| trouble.failures).saturating_add(1);
        let pause = pause_after(failures);
        if failures == 1 {
            tracing::error!(engine = engine.title(), %error, "no browser starts, so nothing can be walked");
        }
        all.insert(engine, Trouble { error: error.clone(), failures, until: Deadline::after(pause) });
    }

    /// A browser started.
    pub fn worked(&self, engine: Engine) {
        if self.all().remove(&engine).is_some() {
            tracing::info!(engine = engine.title(), "browsers start again");
        }
    }

    /// What ails browsers, if anything does.
    pub fn any(&self) -> Option<BrowserError> {
        self.all().values().next().map(|trouble| trouble.error.clone())
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Engine, Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_mend_itself_is_left_alone_longer_each_time() {
        let troubles = Troubles::default();
        let mismatch = BrowserError::VersionMismatch { driver: "155.0.1".into(), browser: "156.0.8".into() };
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(troubles.pause(Engine::Chromium).is_ok(), "{seconds}");
            troubles.failed(Engine::Chromium, &mismatch);
            tokio::time::advance(Duration::from_millis(seconds * 1000 - 1)).await;
            let said = troubles.pause(Engine::Chromium).unwrap_err().to_string();
            assert!(said.contains("155.0.1") && said.contains("156.0.8"), "{said}");
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(troubles.pause(Engine::Firefox).is_ok());
        troubles.worked(Engine::Chromium);
        assert!(troubles.any().is_none());
        // What may pass by itself is tried again at once.
        troubles.failed(Engine::Chromium, &BrowserError::Hung("new session".into()));
        assert!(troubles.any().is_none());
    }
}
