//! The service: store, browsers, dispatcher and outbox, from start to drained.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::browser::{self, Pool};
use crate::clock::{Clock, Deadline};
use crate::domain::run::Run;
use crate::domain::token::{self, Key};
use crate::http::manners::Manners;
use crate::plan::{MailPlan, Plan};
use crate::runner::{Keeper, Runner};
use crate::scheduler::{self, Dispatcher, Limits, Pulse};
use crate::store::{Access, Store};
use crate::web::{self, metrics::Recorder};

use super::agent::Agent;
use super::bridge::{AckLink, Books, Letters};
use super::changes::changes;
use super::front::{self, Front};
use super::periodic::Clerk;
use super::post::PostOffice;
use super::shelf::Shelf;
use super::teller::Teller;
use super::upkeep;
use super::{AppError, PACE, browser_settings};

/// How long mail under way and resting browsers have, once the last run has ended, when the service stops.
/// With the dispatcher's own limits it stays below the unit's `TimeoutStopSec=`.
pub const ENDING: Duration = Duration::from_secs(5);

/// What a service can be told besides its plan.
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    /// The pause before a failed run is confirmed.
    pub confirm_pause: Duration,
    /// Time between two navigations on a live host.
    pub pace: Duration,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self { confirm_pause: Limits::default().confirm_pause, pace: PACE }
    }
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    plan: watch::Sender<Arc<Plan>>,
    pulse: Pulse,
    runs: broadcast::Sender<Arc<Run>>,
    store: Store,
    pool: Arc<Pool>,
    stop: CancellationToken,
    mails_stop: CancellationToken,
    listening: Option<SocketAddr>,
    dispatcher: JoinHandle<()>,
    teller: JoinHandle<()>,
    mails: Option<JoinHandle<()>>,
    upkeep: JoinHandle<()>,
}

impl Service {
    /// Starts everything. Fails when the data folder is taken or cannot be used, or when the mail
    /// settings cannot work; a missing browser is said in the log and again by every walk.
    pub async fn start(plan: Arc<Plan>, options: ServiceOptions) -> Result<Self, AppError> {
        let clock = Clock::system();
        let folder = plan.agent.data_dir.clone();
        let store = Store::open(&folder, Access::Daemon)
            .map_err(|source| AppError::Store { folder: folder.clone(), source })?;
        let office = PostOffice::of(&plan, &clock)?;
        let message_domain = office.as_ref().map_or("localhost", PostOffice::message_domain).to_owned();
        let temp = browser_folder(&folder)?;
        // At once, not when the first browser starts: that may be hours away.
        let swept = temp.clone();
        if tokio::task::spawn_blocking(move || browser::sweep(&swept, None)).await.is_err() {
            warn!("what a killed agent left could not be cleared away");
        }
        info!("{}", browser::way_of_ending(None));
        let pool = Arc::new(Pool::new(browser_settings(&plan, false, temp)));
        let runner = Runner::new(
            Arc::clone(&pool),
            Keeper::Store(store.clone()),
            clock.clone(),
            Manners::every(options.pace, clock.clone()).remembering(Arc::new(Shelf(store.clone()))),
        )
        .with_journals(folder.join("crawls"));
        let key = if plan.web.listen.is_some() { link_key(&store).await } else { None };
        let (plan_in, plan_out) = watch::channel(plan);
        let (runs, _) = broadcast::channel(256);
        let recorder = Arc::new(Recorder::default());
        tokio::spawn(front::count(runs.subscribe(), Arc::clone(&recorder)));
        let books = Arc::new(Books {
            store: store.clone(),
            clock: clock.clone(),
            recorder: Arc::clone(&recorder),
            plan: plan_out.clone(),
        });
        let stop = CancellationToken::new();
        let mails_stop = CancellationToken::new();

        let acknowledge = ack_link(plan_out.clone(), key.clone());
        let letters = office.map(|office| Letters { office, store: store.clone(), acknowledge });
        let worker = letters
            .map(|letters| scheduler::Mailer::new(Arc::clone(&books), Arc::new(letters), clock.clone()));
        let bell = worker.as_ref().map(scheduler::Mailer::bell);
        if worker.is_none() {
            warn!("nobody is told about outages: the configuration has neither [mail] nor [[webhook]]");
        }
        let bell = bell.unwrap_or_default();
        let teller = Teller {
            store: store.clone(),
            clock: clock.clone(),
            plan: plan_out.clone(),
            message_domain: message_domain.clone(),
            mail_queued: Arc::clone(&bell),
            helpless: std::collections::HashSet::new(),
        };
        let agent = Agent {
            runner,
            store: store.clone(),
            clock: clock.clone(),
            plan: plan_out.clone(),
            message_domain,
            mail_queued: bell,
            runs: runs.clone(),
        };
        let upkeep = upkeep::start(store.clone(), clock.clone(), plan_out.clone(), stop.clone());
        let limits = Limits { confirm_pause: options.confirm_pause, ..Limits::default() };
        let clerk = Clerk {
            store: store.clone(),
            clock: clock.clone(),
            plan: plan_out.clone(),
            message_domain: agent.message_domain.clone(),
            mail_queued: Arc::clone(&agent.mail_queued),
        };
        tokio::spawn(clerk.run(stop.clone()));
        let dispatcher = Dispatcher::new(Arc::new(agent), books, clock.clone(), limits);
        let pulse = dispatcher.pulse();
        let shutdown = stop.clone();
        let dispatcher = tokio::spawn(async move {
            match dispatcher.run(plan_out, shutdown).await {
                Ok(drained) => info!(
                    finished = drained.finished,
                    cancelled = drained.cancelled,
                    abandoned = drained.abandoned,
                    unsaved = drained.unsaved,
                    "drained"
                ),
                Err(error) => {
                    error!(error = &error as &dyn std::error::Error, "the dispatcher could not begin");
                }
            }
        });
        let mut listening = None;
        let listen = plan_in.borrow().web.listen;
        if let Some(listen) = listen {
            let front = Front {
                pulse: pulse.clone(),
                store: store.clone(),
                pool: Arc::clone(&pool),
                plan: plan_in.subscribe(),
                clock: clock.clone(),
                recorder,
            };
            match web::serve(listen, Arc::new(front), clock, key, stop.clone()).await {
                Ok(at) => {
                    info!(%at, "listening");
                    listening = Some(at);
                }
                // Watching portals outranks being watched.
                Err(error) => error!(%listen, %error, "could not listen; the service goes on without"),
            }
        }
        let teller = tokio::spawn(teller.run(mails_stop.clone()));
        let shutdown = mails_stop.clone();
        let mails = worker.map(|worker| tokio::spawn(worker.run(shutdown)));
        Ok(Self {
            plan: plan_in,
            pulse,
            runs,
            store,
            pool,
            stop,
            mails_stop,
            listening,
            dispatcher,
            teller,
            mails,
            upkeep,
        })
    }

    /// Where the listener listens, if it does.
    pub fn listening(&self) -> Option<SocketAddr> {
        self.listening
    }

    /// Every run that is recorded from now on.
    pub fn runs(&self) -> broadcast::Receiver<Arc<Run>> {
        self.runs.subscribe()
    }

    /// The handle by which one sees that the dispatcher lives.
    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the dispatcher ended by itself, which it never should, or the database was damaged: the
    /// service has to be started afresh.
    pub fn is_dead(&self) -> bool {
        self.dispatcher.is_finished() || self.upkeep.is_finished()
    }

    /// Takes over a new plan; running jobs go on as they began. The log says what changed, by ids, and
    /// what only a restart can change (data folder, browsers, mail).
    pub fn reload(&self, plan: Arc<Plan>) {
        let old = Arc::clone(&self.plan.borrow());
        for change in changes(&old, &plan) {
            info!(change, "reload: {change}");
        }
        let fixed = [
            ("agent.data_dir", old.agent.data_dir != plan.agent.data_dir),
            ("browser", old.browser != plan.browser),
            ("web.listen", old.web.listen != plan.web.listen),
            ("agent.language (of mails)", old.agent.language != plan.agent.language),
            ("mail (server, password, sender)", !same_server(old.mail.as_ref(), plan.mail.as_ref())),
            ("webhook", old.hooks != plan.hooks),
        ];
        for (key, changed) in fixed {
            if changed {
                warn!(key, "this change needs a restart and is not in force yet");
            }
        }
        info!(
            probes = plan.probes.len(),
            targets = plan.targets.len(),
            hash = plan.hash,
            unchanged = old.hash == plan.hash,
            "the new configuration is in force"
        );
        self.plan.send_replace(plan);
        self.pulse.wake();
    }

    /// Starts nothing more, lets runs end, sends what mail can be sent, ends the browsers. Runs have the
    /// dispatcher's limits, all else [`ENDING`].
    pub async fn stop(self) {
        self.stop.cancel();
        // A panic inside is in the log already.
        let _ = self.dispatcher.await;
        let limit = Deadline::after(ENDING);
        self.mails_stop.cancel();
        let _ = self.teller.await;
        let mails = async {
            let Some(mut mails) = self.mails else { return };
            if limit.limit(&mut mails).await.is_err() {
                warn!("a mail server takes its time: what is not sent yet is sent after the next start");
                mails.abort();
            }
        };
        let browsers = async {
            if limit.limit(self.pool.close()).await.is_err() {
                warn!("browsers did not end in time and are killed");
            }
        };
        tokio::join!(mails, browsers);
        let _ = self.upkeep.await;
        self.store.close().await;
    }
}

/// The page on which the reader of a mail acknowledges; none while there is no such page.
fn ack_link(plan: watch::Receiver<Arc<Plan>>, key: Option<Key>) -> AckLink {
    Arc::new(move |incident, recipient, at| {
        let public = plan.borrow().web.public.clone()?;
        Some(token::link(&public, key.as_ref()?, incident, recipient, at))
    })
}

/// The key of links in mails. Without one the service goes on, as long as the disk will not take it.
async fn link_key(store: &Store) -> Option<Key> {
    let key = store.link_key().await;
    key.inspect_err(|error| {
        let error = error as &dyn std::error::Error;
        error!(error, "links in mails cannot be used; `shopper ack` can");
    })
    .ok()
}

fn same_server(old: Option<&MailPlan>, new: Option<&MailPlan>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => {
            old.smtp == new.smtp && old.password == new.password && old.from == new.from
        }
        (None, None) => true,
        _ => false,
    }
}

/// The folder below the data folder in which browsers keep their files. What a killed agent left
/// there is removed by the pool.
fn browser_folder(data: &std::path::Path) -> Result<PathBuf, AppError> {
    let folder = data.join("browsers");
    std::fs::create_dir_all(&folder).map_err(|source| AppError::Folder { path: folder.clone(), source })?;
    Ok(folder)
}
