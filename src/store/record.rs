//! One run, stored and judged in one transaction: the run with all that belongs to it, the
//! rolled-up times, the ledger of broken links, the judge's memory, the incident, and a mail to
//! each recipient.
//!
//! Invariant: all or nothing. An incident without its mails, or a mail without its incident, can
//! not exist, whenever the power fails.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::chain;
use super::error::StoreError;
use super::histogram;
use super::rows;
use crate::domain::ids::{IncidentId, NoticeId, RunId};
use crate::domain::incident::{AlertRules, Incident};
use crate::domain::notice::{NoticeKind, Recipient};
use crate::domain::run::{Cause, Run};
use crate::domain::target::Target;
use crate::judge::notice::{self, Setting, Witnesses};
use crate::judge::{Act, RunSummary, decide};

/// What judging a run needs besides the run.
#[derive(Debug, Clone)]
pub struct JudgeContext {
    /// When incidents open, close and are repeated.
    pub rules: AlertRules,
    /// Who is told; nobody when empty.
    pub recipients: Vec<Recipient>,
    /// The portal.
    pub target: Arc<Target>,
    /// What the probe does, in people's words.
    pub probe_title: String,
    /// What stands behind the `@` of Message-IDs.
    pub message_domain: String,
    /// The IANA time zone in which mails write times.
    pub timezone: String,
    /// Where the agent stands.
    pub vantage: String,
    /// The time of the decision.
    pub now: Timestamp,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What the judge decided.
    pub act: Act,
    /// Why, as one English sentence for the log.
    pub why: String,
    /// The incident that is open, or that this run closed.
    pub incident: Option<IncidentId>,
    /// Whether a fresh run is wanted at once.
    pub confirm: bool,
    /// How many mails were put into the outbox.
    pub queued: usize,
}

/// Stores and judges a run.
pub(super) fn record(
    tx: &Transaction<'_>,
    mut run: Run,
    context: &JudgeContext,
) -> Result<Recorded, StoreError> {
    rows::run::insert(tx, &run)?;
    chain::append_run(tx, &run)?;
    histogram::add(tx, &run)?;
    rows::links::update(tx, &mut run)?;
    judge(tx, &run, context)
}

/// Stores a run that somebody asked for.
pub(super) fn record_manual(tx: &Transaction<'_>, mut run: Run) -> Result<Run, StoreError> {
    rows::run::insert(tx, &run)?;
    chain::append_run(tx, &run)?;
    rows::links::update(tx, &mut run)?;
    Ok(run)
}

fn judge(tx: &Transaction<'_>, run: &Run, context: &JudgeContext) -> Result<Recorded, StoreError> {
    let before = rows::state::load(tx, &run.probe, &run.target)?;
    let still = before.open.as_ref().map(|open| open.id.clone());
    if run.cause == Cause::Manual {
        let why = "A run that somebody asked for opens and closes nothing.".to_owned();
        return Ok(Recorded { act: Act::Nothing, why, incident: still, confirm: false, queued: 0 });
    }
    let summary = RunSummary {
        id: run.id.clone(),
        started_at: run.started_at,
        verdict: run.verdict,
        now: context.now,
        incident: IncidentId::new(fresh_id(context.now)),
    };
    let decided = decide(&before, &summary, &context.rules);
    let (incident, queued) = match &decided.act {
        Act::Nothing | Act::Confirm => (still, 0),
        Act::Open { incident, since, runs } => {
            let opened = notice::opened(incident.clone(), *since, run, &setting(context));
            rows::incident::save(tx, &opened)?;
            (Some(incident.clone()), tell(tx, NoticeKind::Opened, &opened, run, runs, context)?)
        }
        Act::Remind { incident, runs } => {
            let mut lasting = rows::incident::find(tx, incident)?;
            lasting.last_notice_at = Some(context.now);
            rows::incident::save(tx, &lasting)?;
            rows::outbox::supersede(tx, incident, Some(&context.recipients))?;
            (Some(incident.clone()), tell(tx, NoticeKind::Reminder, &lasting, run, runs, context)?)
        }
        Act::Close { incident, runs } => {
            let mut over = rows::incident::find(tx, incident)?;
            over.closed_at = Some(context.now);
            over.closed_by = Some(run.id.clone());
            over.last_notice_at = Some(context.now);
            rows::incident::save(tx, &over)?;
            rows::outbox::supersede(tx, incident, None)?;
            (Some(incident.clone()), tell(tx, NoticeKind::Resolved, &over, run, runs, context)?)
        }
    };
    // Where all is well it stays as it was, run after run.
    if decided.state != before {
        rows::state::save(tx, &run.probe, &run.target, &decided.state)?;
    }
    let confirm = decided.act == Act::Confirm;
    Ok(Recorded { act: decided.act, why: decided.why, incident, confirm, queued })
}

/// Writes the notice and its mails. Without recipients the notice is kept all the same: it is the
/// record of what was decided.
fn tell(
    tx: &Transaction<'_>,
    kind: NoticeKind,
    incident: &Incident,
    run: &Run,
    runs: &[RunId],
    context: &JudgeContext,
) -> Result<usize, StoreError> {
    let id = NoticeId::new(fresh_id(context.now));
    let in_all = match kind {
        NoticeKind::Resolved => 0,
        _ => rows::run::failed_since(tx, incident)?,
    };
    let runs = Witnesses { newest: runs.to_vec(), in_all };
    let notice = notice::notice(id, kind, incident, run, runs, &setting(context));
    rows::incident::queue(tx, &notice, &context.recipients)
}

fn setting(context: &JudgeContext) -> Setting<'_> {
    Setting {
        target: &context.target,
        probe_title: &context.probe_title,
        vantage: &context.vantage,
        timezone: &context.timezone,
        message_domain: &context.message_domain,
        now: context.now,
    }
}

/// A UUID of version 7 for this time. The clock is handed in; the rest is random.
pub(super) fn fresh_id(now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
    uuid::Uuid::new_v7(at).to_string()
}
