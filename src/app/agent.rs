//! The agent: makes the runs that the dispatcher asks for, and keeps and judges them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::clock::Clock;
use crate::domain::ids::RunId;
use crate::domain::language::Language;
use crate::domain::outcome::Outcome;
use crate::domain::run::Run;
use crate::domain::target::TargetClass;
use crate::judge::sight::Sight;
use crate::plan::{Plan, Work};
use crate::runner::{Order, Runner, Silent, kind_of, new_run_id};
use crate::scheduler::{Executor, Finished, Job};
use crate::store::{JudgeContext, Recorded, RunStart, Store};

/// How long a live portal that showed a captcha or a firewall is left alone (method, 5.3).
const COOL_DOWN: Duration = Duration::from_hours(24);

/// Tries to keep a record before it is given up, with a pause between them: a disk that is full
/// or a lock that is held may come free.
const KEEP_TRIES: u32 = 5;
const KEEP_PAUSE: Duration = Duration::from_secs(2);

/// Makes, keeps and judges runs.
#[derive(Debug, Clone)]
pub struct Agent {
    pub(super) runner: Runner,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) plan: watch::Receiver<Arc<Plan>>,
    /// The domain of Message-IDs.
    pub(super) message_domain: String,
    /// Wakes the outbox when mail was queued.
    pub(super) mail_queued: Arc<Notify>,
    /// Tells whoever listens what was recorded.
    pub(super) runs: broadcast::Sender<Arc<Run>>,
}

impl Executor for Agent {
    async fn run(&self, job: Job, cancel: CancellationToken) -> Finished {
        let plan = Arc::clone(&self.plan.borrow());
        let id = new_run_id();
        let start = RunStart {
            id: id.clone(),
            probe: job.probe.id.clone(),
            target: job.target.id.clone(),
            scheduled_at: job.scheduled_at,
            started_at: self.clock.now(),
            cause: job.cause.clone(),
            kind: kind_of(&job.probe.work),
        };
        if let Err(error) = self.store.begin(start).await {
            // The run goes on: an outage must be seen even when the disk is in trouble.
            error!(run = %id, error = &error as &dyn std::error::Error, "could not note the start of a run");
        }
        let order = Order {
            id,
            probe: job.probe.id.clone(),
            work: job.probe.work.clone(),
            engine: job.probe.engine,
            target: Arc::clone(&job.target),
            scheduled_at: job.scheduled_at,
            cause: job.cause.clone(),
            agent: Arc::new(plan.agent.clone()),
            lexicon: Arc::clone(&plan.lexicon),
            root: plan.root.clone(),
            vars: std::collections::BTreeMap::new(),
            slow: Duration::ZERO,
            hold: false,
            fresh: false,
            looks: true,
            known: Vec::new(),
            canary: Some(Arc::new(plan.canary.clone())),
        };
        let run = self.runner.run(&order, &Silent, &cancel).await;
        info!(
            run = %run.id, probe = %run.probe, target = %run.target, verdict = %run.verdict,
            elapsed_ms = run.elapsed_ms, attempts = run.attempts, reason = run.reason, "run ended"
        );
        let blocked = run.ending().is_some_and(|step| step.outcome == Outcome::CaptchaWaf);
        let cool_down = (blocked && job.target.class == TargetClass::Live).then_some(COOL_DOWN);
        if let Some(time) = cool_down {
            self.leave_alone(&run, time).await;
        }
        let kept = self.keep(run, &plan).await;
        let unrecorded = kept.is_err();
        Finished { confirm: kept.unwrap_or_default(), cool_down, unrecorded }
    }
}

impl Agent {
    /// Remembers across restarts that the target wants to be left alone.
    async fn leave_alone(&self, run: &Run, time: Duration) {
        let until = self.clock.now() + time;
        warn!(target_id = %run.target, %until, "the portal keeps us out; it is left alone");
        if let Err(error) = self.store.cool_down(run.target.clone(), until, run.reason.clone()).await {
            error!(error = &error as &dyn std::error::Error, "could not note a cool-down");
        }
    }

    /// Keeps and judges a run; its id when it wants to be confirmed.
    async fn keep(&self, run: Run, plan: &Arc<Plan>) -> Result<Option<RunId>, Lost> {
        for attempt in 1..=KEEP_TRIES {
            let context = JudgeContext {
                plan: Arc::clone(plan),
                message_domain: self.message_domain.clone(),
                now: self.clock.now(),
            };
            match self.store.record(run.clone(), context).await {
                Ok(recorded) => {
                    say_what_changed(&run, &recorded);
                    super::teller::say(&recorded.mailed);
                    // What is said here has been committed: it survives a kill and a power cut.
                    debug!(run = %run.id, probe = %run.probe, slot = %run.scheduled_at, "run recorded");
                    if recorded.queued > 0 {
                        self.mail_queued.notify_one();
                    }
                    let confirm = recorded.confirm.then(|| run.id.clone());
                    // Nobody listening is no fault.
                    let _ = self.runs.send(Arc::new(run));
                    return Ok(confirm);
                }
                Err(error) => {
                    error!(
                        run = %run.id, attempt, error = &error as &dyn std::error::Error,
                        "could not keep a run"
                    );
                    tokio::time::sleep(KEEP_PAUSE * attempt).await;
                }
            }
        }
        error!(run = %run.id, verdict = %run.verdict, reason = run.reason, "a run was lost: the data folder takes no records");
        Err(Lost)
    }
}

/// A run could not be kept.
#[derive(Debug)]
struct Lost;

/// What became of incidents, in the log.
fn say_what_changed(run: &Run, recorded: &Recorded) {
    if let (Some(act), Some(incident)) = (recorded.act.name(), &recorded.incident) {
        warn!(
            run = %run.id, %incident, probe = %run.probe, target = %run.target, act, why = recorded.why,
            mails = recorded.queued, "incident changed"
        );
    }
    match &recorded.sight {
        Sight::Same => {}
        Sight::Doubtful => {
            warn!(run = %run.id, "a run failed and our own canaries did not answer: it says nothing about the portal");
        }
        Sight::Lost { since } => {
            error!(run = %run.id, %since, "we cannot see: our canaries do not answer; portals are spared");
        }
        Sight::Back { incident } => warn!(run = %run.id, %incident, "we see again"),
    }
}

/// What a probe does, in people's words.
pub fn title_of(work: &Work, language: Language) -> String {
    work.title(language)
}
