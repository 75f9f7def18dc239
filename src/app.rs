//! The wiring: the only place that knows every floor.
//!
//! Loads plans, opens workshops (store, browsers, runner) for commands, and runs the service.

mod agent;
mod bridge;
mod changes;
mod error;
mod front;
mod periodic;
mod post;
mod profiles;
mod report;
mod score;
mod service;
mod shelf;
mod teller;
mod upkeep;
mod voices;
mod workshop;

use std::future::Future;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::files::DiskFiles;
use crate::plan::{self, Loaded, Plan, WebDriver};

pub use agent::title_of;
pub use bridge::AckLink;
pub use error::AppError;
pub use post::{PostOffice, mailer, sender};
pub use profiles::Profiles;
pub use report::{dossier, pdf};
pub use score::{ScoreOrder, Scored, profile_file, score};
pub use service::{ENDING, Service, ServiceOptions};
pub use voices::voice_words;
pub use workshop::{Workshop, WorkshopOptions, state_folder};

/// Loads the configuration file and everything that it names.
pub fn load(config: &Path) -> Result<Loaded, AppError> {
    let absolute = std::path::absolute(config)
        .map_err(|source| AppError::NoConfig { path: config.to_owned(), source })?;
    if let Err(source) = std::fs::metadata(&absolute) {
        return Err(AppError::NoConfig { path: config.to_owned(), source });
    }
    let (Some(root), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        let source = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(AppError::NoConfig { path: config.to_owned(), source });
    };
    let files = DiskFiles::new(root);
    // Files are named beside the configuration, as it was named to us.
    let beside = |file: &Path| config.parent().map_or_else(|| file.to_owned(), |folder| folder.join(file));
    let loaded = plan::load(root, Path::new(name), &files);
    let mut loaded = loaded.map_err(|faults| AppError::Plan(faults.renamed(beside)))?;
    plan::diagnostic::rename(&mut loaded.warnings, beside);
    if let Some(folder) = std::env::var_os("STATE_DIRECTORY").filter(|folder| !folder.is_empty()) {
        // Under systemd the unit says where state is kept; the configuration's word is for hand use.
        loaded.plan.agent.data_dir = folder.into();
    }
    Ok(loaded)
}

/// Runs a command's future to its end on a runtime of its own.
pub fn block_on<T, E: From<AppError>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(AppError::Runtime)?;
    let done = runtime.block_on(future);
    // A task that hangs must not keep a finished command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    done
}

/// A token that Ctrl-C, SIGTERM or a closed terminal cancels. Further signals change nothing: what
/// is under way ends in seconds, and a process that died sooner would leave its browsers behind.
pub fn interrupted() -> CancellationToken {
    use tokio::signal::unix::{SignalKind, signal};
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hang_up)] = kinds.map(signal) else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
        cancel.cancel();
        // The receivers stay until the process ends, so that the signals stay caught.
        std::future::pending::<()>().await;
    });
    token
}

/// Time between two navigations on one live host (method, section 5.3).
const PACE: std::time::Duration = std::time::Duration::from_secs(10);

/// A browser walks so many journeys. It grows by a MiB with each, so this keeps it within a quarter of what it
/// began with (docs/performance.md, Memory); a new one costs a second of CPU.
const RETIRE_AFTER: u32 = 50;

/// How browsers are started for this plan.
pub fn browser_settings(plan: &Plan, headed: bool, temp: std::path::PathBuf) -> crate::browser::Settings {
    crate::browser::Settings {
        sessions: plan.browser.sessions,
        remote: match &plan.browser.webdriver {
            WebDriver::Spawn => Vec::new(),
            WebDriver::Remote(urls) => urls.clone(),
        },
        chromium: plan.browser.chromium.clone(),
        chromedriver: plan.browser.chromedriver.clone(),
        firefox: plan.browser.firefox.clone(),
        geckodriver: plan.browser.geckodriver.clone(),
        headed,
        temp,
        cgroup: None,
        retire_after: RETIRE_AFTER,
        retire_above: plan.browser.memory,
    }
}
