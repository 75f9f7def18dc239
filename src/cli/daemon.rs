//! `shopper daemon`: the service.

use std::path::Path;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::app::{self, AppError, Service, ServiceOptions};
use crate::plan::Work;
use crate::scheduler;

use super::{Exit, Fault, Global, load, output};

#[derive(Debug, Args)]
pub(super) struct DaemonArgs {
    /// Where the log goes.
    #[arg(long, value_enum, default_value_t = Log::Auto)]
    log: Log,
}

/// Where the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Log {
    /// To the journal under systemd, otherwise to stderr.
    Auto,
    /// To the journal.
    Journal,
    /// To stderr, for people.
    Text,
    /// To stderr, a JSON object a line.
    Json,
}

pub(super) fn daemon(global: &Global, args: &DaemonArgs) -> Result<Exit, Fault> {
    log_to(args.log)?;
    let plan = load::plan(global)?;
    let config = global.config.clone();
    app::block_on(serve(Arc::new(plan), config))
}

async fn serve(plan: Arc<crate::plan::Plan>, config: std::path::PathBuf) -> Result<Exit, Fault> {
    let signals = |kind| signal(kind).map_err(AppError::Runtime);
    let (mut terminate, mut interrupt, mut hang_up) = (
        signals(SignalKind::terminate())?,
        signals(SignalKind::interrupt())?,
        signals(SignalKind::hangup())?,
    );
    let service = Service::start(Arc::clone(&plan), ServiceOptions::default()).await?;
    let manager = scheduler::Service::system();
    manager.ready("ready");
    info!(
        version = env!("CARGO_PKG_VERSION"), vantage = plan.agent.name, probes = plan.probes.len(),
        targets = plan.targets.len(), data_dir = %plan.agent.data_dir.display(), "ready"
    );
    // Asking browsers for their versions takes longer than everything before.
    tokio::spawn(say_what_is_missing(Arc::clone(&plan)));
    let done = CancellationToken::new();
    let watchdog = {
        let (manager, pulse, done) = (manager.clone(), service.pulse().clone(), done.clone());
        tokio::spawn(async move { manager.watch(&pulse, &done).await })
    };
    let mut health = tokio::time::interval(std::time::Duration::from_secs(5));
    let mut exit = Exit::Done;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                manager.reloading();
                reload(&service, &config);
                manager.ready("ready");
            }
            _ = health.tick() => if service.is_dead() {
                error!("a part of the service ended by itself; it stops so that it is started afresh");
                exit = Exit::OwnFault;
                break;
            }
        }
    }
    info!("stopping: nothing new is started, runs that go on may end");
    manager.stopping("draining");
    tokio::select! {
        () = service.stop() => {}
        _ = interrupt.recv() => warn!("interrupted a second time: not everything was drained"),
    }
    done.cancel();
    let _ = watchdog.await;
    info!("stopped");
    Ok(exit)
}

/// Takes over the new configuration, all of it or nothing.
fn reload(service: &Service, config: &Path) {
    match app::load(config) {
        Ok(loaded) => service.reload(Arc::new(loaded.plan)),
        Err(AppError::Plan(faults)) => {
            for diagnostic in &faults.diagnostics {
                error!("{}", diagnostic.render(false));
            }
            error!("the new configuration has faults and is not used; the old one stays in force");
        }
        Err(error) => {
            error!(
                error = &error as &dyn std::error::Error,
                "the new configuration could not be read; the old one stays in force"
            );
        }
    }
}

/// Says what walks will miss. The service goes on: visits need no browser.
async fn say_what_is_missing(plan: Arc<crate::plan::Plan>) {
    if !plan.probes.iter().any(|probe| matches!(probe.work, Work::Walk(_))) {
        return;
    }
    for finding in super::doctor::browser_findings(&plan).await {
        if !finding.good {
            error!(hint = finding.hint.as_deref().unwrap_or_default(), "{}", finding.text);
        }
    }
}

fn log_to(log: Log) -> Result<(), Fault> {
    let filter = EnvFilter::try_from_env("SHOPPER_LOG").unwrap_or_else(|_| output::filter("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let journal = match log {
        Log::Journal => true,
        Log::Auto => std::env::var_os("JOURNAL_STREAM").is_some(),
        Log::Text | Log::Json => false,
    };
    if journal {
        match tracing_journald::layer() {
            Ok(layer) => {
                registry.with(layer).init();
                return Ok(());
            }
            Err(error) if log == Log::Journal => {
                return Err(AppError::Output(error).into());
            }
            Err(_) => {}
        }
        let registry = tracing_subscriber::registry().with(output::filter("info"));
        registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).init();
        return Ok(());
    }
    if log == Log::Json {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).init();
    } else {
        let colour = output::colours(&std::io::stderr());
        let layer = tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(std::io::stderr);
        registry.with(layer).init();
    }
    Ok(())
}
