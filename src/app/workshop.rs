//! A workshop: what one command needs to make runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::browser::{self, Pool};
use crate::clock::Clock;
use crate::domain::run::Run;
use crate::http::manners::Manners;
use crate::plan::Plan;
use crate::runner::{Keeper, Order, Runner, Watch};
use crate::store::{Access, Store};

use super::shelf::Shelf;
use super::{AppError, PACE, browser_settings};

/// How a workshop is set up.
#[derive(Debug, Clone, Copy)]
pub struct WorkshopOptions {
    /// Whether a person wants to watch.
    pub headed: bool,
    /// Whether results go into the plan's data folder; otherwise only pictures are kept, aside.
    pub keep: bool,
}

/// Store, browsers and runner for a command.
#[derive(Debug)]
pub struct Workshop {
    clock: Clock,
    pool: Arc<Pool>,
    runner: Runner,
    store: Option<Store>,
    pictures: Option<PathBuf>,
    /// Browsers keep their files here; it goes when the workshop goes.
    _temp: TempDir,
}

impl Workshop {
    /// Sets up what is needed. No browser starts before the first walk.
    pub fn open(plan: &Plan, options: WorkshopOptions) -> Result<Self, AppError> {
        let clock = Clock::system();
        let temp = temp_folder()?;
        let pool = Arc::new(Pool::new(browser_settings(plan, options.headed, temp.path().to_owned())));
        let (keeper, store, pictures) = if options.keep {
            let folder = plan.agent.data_dir.clone();
            let store =
                Store::open(&folder, Access::Command).map_err(|source| AppError::Store { folder, source })?;
            (Keeper::Store(store.clone()), Some(store), None)
        } else {
            let folder = pictures_folder();
            (Keeper::Folder(folder.clone()), None, Some(folder))
        };
        let mut manners = Manners::every(PACE, clock.clone());
        let mut journals = state_folder().map(|state| state.join("crawls"));
        if let Some(store) = &store {
            manners = manners.remembering(Arc::new(Shelf(store.clone())));
            journals = Some(store.folder().join("crawls"));
        }
        let runner = Runner::new(Arc::clone(&pool), keeper, clock.clone(), manners);
        let runner = match journals {
            Some(folder) => runner.with_journals(folder),
            None => runner,
        };
        Ok(Self { clock, pool, runner, store, pictures, _temp: temp })
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where pictures are when there is no store.
    pub fn evidence_folder(&self) -> Option<&Path> {
        self.pictures.as_deref()
    }

    /// Makes one run and keeps it.
    pub async fn run(
        &self,
        order: &Order,
        watch: &dyn Watch,
        cancel: &CancellationToken,
    ) -> Result<Run, AppError> {
        let run = Box::pin(self.runner.run(order, watch, cancel)).await;
        let Some(store) = &self.store else { return Ok(run) };
        let kept = store.record_manual(run).await;
        kept.map_err(|source| AppError::Store { folder: store.folder().to_owned(), source })
    }

    /// Ends the browsers.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// Where pictures of runs without a configuration are kept.
fn pictures_folder() -> PathBuf {
    state_folder().unwrap_or_else(|| std::env::temp_dir().join("mystery-shopper")).join("pictures")
}

/// The user's own state folder, for what is kept of runs without a configuration; absent for a user
/// without a home.
pub fn state_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("mystery-shopper"))
}

/// A folder for browsers.
pub(super) fn temp_folder() -> Result<TempDir, AppError> {
    browser::temp_folder().map_err(|source| AppError::Folder { path: std::env::temp_dir(), source })
}
