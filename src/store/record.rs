//! One run, stored and judged in one transaction: the run with all that belongs to it, the
//! rolled-up times, the ledger of broken links, the judge's memory, the incident, and a mail to
//! each recipient.
//!
//! Invariant: all or nothing. An incident without its mails, or a mail without its incident, can
//! not exist, whenever the power fails.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::chain;
use super::error::StoreError;
use super::rollup;
use super::rows;
use super::tell::{JudgeContext, Mailed, carry_out, fresh_id};
use crate::domain::ids::IncidentId;
use crate::domain::run::{Cause, Run};
use crate::judge::sight::{self, Sight};
use crate::judge::tell::gap;
use crate::judge::{Act, RunSummary, decide, notice, reading};

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
    /// The notices that were written, about this pair or another.
    pub mailed: Vec<Mailed>,
    /// What the run said about our own sight, when it changed anything.
    pub sight: Sight,
}

/// Stores and judges a run.
pub(super) fn record(
    tx: &Transaction<'_>,
    mut run: Run,
    context: &JudgeContext,
) -> Result<Recorded, StoreError> {
    rows::run::insert(tx, &run)?;
    chain::append_run(tx, &run)?;
    rollup::add(tx, &run)?;
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
        return Ok(Recorded {
            act: Act::Nothing,
            why,
            incident: still,
            confirm: false,
            queued: 0,
            mailed: Vec::new(),
            sight: Sight::Same,
        });
    }
    let sight = look(tx, run, context)?;
    let probe = context.plan.probe(run.probe.as_str());
    let rules = probe.map_or(context.plan.alert, |probe| probe.alert);
    let summary = RunSummary {
        id: run.id.clone(),
        started_at: run.started_at,
        reading: reading(run, probe.and_then(|probe| probe.slow)),
        incident: IncidentId::new(fresh_id(context.now)),
    };
    let decided = decide(&before, &summary, &rules);
    let incident = change(tx, &decided.act, run, context)?.or(still);
    // Where all is well it stays as it was, run after run.
    if decided.state != before {
        rows::state::save(tx, &run.probe, &run.target, &decided.state)?;
    }
    let changed = decided.act.name().is_some() || matches!(sight, Sight::Lost { .. } | Sight::Back { .. });
    let mailed = if changed || reminds(tx, incident.as_ref(), rules.remind, context.now)? {
        carry_out(tx, context)?
    } else {
        Vec::new()
    };
    Ok(Recorded {
        confirm: decided.act == Act::Confirm || sight == Sight::Doubtful,
        queued: mailed.iter().map(|mailed| mailed.queued).sum(),
        act: decided.act,
        why: decided.why,
        incident,
        mailed,
        sight,
    })
}

/// Whether people may have to be reminded of an incident by this run. What else time decides is the
/// sweep's: looking at every open incident after every run is too much work when hundreds last.
fn reminds(
    tx: &Transaction<'_>,
    incident: Option<&IncidentId>,
    remind: Option<Duration>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (Some(id), Some(remind)) = (incident, remind) else { return Ok(false) };
    let incident = rows::incident::find(tx, id)?;
    let remind = SignedDuration::try_from(remind).unwrap_or(SignedDuration::MAX);
    let due = |told| now.duration_since(told) >= gap(remind, incident.reminders);
    Ok(incident.parent.is_none()
        && incident.acknowledged.is_none()
        && incident.last_notice_at.is_some_and(due))
}

/// Writes what the judge decided about the pair's incident.
fn change(
    tx: &Transaction<'_>,
    act: &Act,
    run: &Run,
    context: &JudgeContext,
) -> Result<Option<IncidentId>, StoreError> {
    let setting = context.setting();
    let incident = match act {
        Act::Nothing | Act::Confirm => return Ok(None),
        Act::Open { incident, concern, since, flapping, .. } => {
            notice::opened(incident.clone(), *concern, *since, *flapping, run, &setting)
        }
        Act::Worsen { incident, flapping, .. } => {
            let mut worse = rows::incident::find(tx, incident)?;
            notice::worsen(&mut worse, *flapping, run, &setting);
            worse
        }
        Act::Flap { incident, flapping } => {
            let mut turned = rows::incident::find(tx, incident)?;
            turned.flapping = *flapping;
            turned
        }
        Act::Close { incident, .. } => {
            let mut over = rows::incident::find(tx, incident)?;
            over.closed_at = Some(context.now);
            over.closed_by = Some(run.id.clone());
            over
        }
    };
    rows::incident::save(tx, &incident)?;
    Ok(Some(incident.id))
}

/// Judges whether we can see at all.
fn look(tx: &Transaction<'_>, run: &Run, context: &JudgeContext) -> Result<Sight, StoreError> {
    let vantage = &context.plan.agent.name;
    let before = rows::state::load_vantage(tx, vantage)?;
    let (state, sight) = sight::watch(&before, run, &IncidentId::new(fresh_id(context.now)));
    match &sight {
        Sight::Same | Sight::Doubtful => {}
        Sight::Lost { since } => {
            if let Some(id) = &state.open {
                rows::incident::save(tx, &notice::lost_sight(id.clone(), *since, &context.setting()))?;
            }
        }
        Sight::Back { incident } => {
            let mut over = rows::incident::find(tx, incident)?;
            over.closed_at = Some(context.now);
            over.closed_by = Some(run.id.clone());
            rows::incident::save(tx, &over)?;
        }
    }
    if state != before {
        rows::state::save_vantage(tx, vantage, &state)?;
    }
    Ok(sight)
}
