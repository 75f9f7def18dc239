//! What the judge says is told, written down: incidents that changed, notices, and a mail for each
//! recipient, in the transaction that the caller holds.
//!
//! Invariant: what was told is what stands in `notices`; asking again tells nothing twice.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, TransactionBehavior};

use super::error::StoreError;
use super::{Store, rows};
use crate::domain::ids::{IncidentId, NoticeId};
use crate::domain::incident::{Concern, Incident, Scope};
use crate::domain::notice::{Matter, NoticeKind};
use crate::judge::notice::{self, Setting, Witnesses};
use crate::judge::tell::{Known, Standing, Tell, tell};
use crate::plan::Plan;

/// So long a silence is remembered as the reason why something is told late.
const SILENCES: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What judging needs besides what is stored.
#[derive(Debug, Clone)]
pub struct JudgeContext {
    /// The rules, the routes, the windows; what targets and probes are called.
    pub plan: Arc<Plan>,
    /// What stands behind the `@` of Message-IDs.
    pub message_domain: String,
    /// The time of the decision.
    pub now: Timestamp,
}

impl JudgeContext {
    pub(super) fn setting(&self) -> Setting<'_> {
        Setting { plan: &self.plan, message_domain: &self.message_domain, now: self.now }
    }
}

/// A notice that was written, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailed {
    /// The incident.
    pub incident: IncidentId,
    /// What happened.
    pub kind: NoticeKind,
    /// What is wrong.
    pub concern: Concern,
    /// How many mails were put into the outbox.
    pub queued: usize,
    /// Why, as one English sentence.
    pub why: String,
}

impl Store {
    /// Tells what time alone decides: what a window, quiet hours or others that fail held back, reminders,
    /// and the next to be called. Call it every few seconds, and when the plan changed.
    pub async fn sweep(&self, context: JudgeContext) -> Result<Vec<Mailed>, StoreError> {
        // Most of the time there is nothing, and nothing needs no turn of the writer.
        if !self.read(rows::incident::any_to_tell).await? {
            return Ok(Vec::new());
        }
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mailed = carry_out(&tx, &context)?;
            tx.commit()?;
            Ok(mailed)
        })
        .await
    }
}

/// Asks the judge what is told and writes it.
pub(super) fn carry_out(tx: &Transaction<'_>, context: &JudgeContext) -> Result<Vec<Mailed>, StoreError> {
    let standing = standing(tx, context)?;
    if standing.incidents.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids = || IncidentId::new(fresh_id(context.now));
    let telling = tell(standing, &context.plan, &mut ids, &context.message_domain);
    // A wave before its members: they point at it.
    let (waves, others): (Vec<_>, Vec<_>) =
        telling.changed.iter().partition(|incident| matches!(incident.scope, Scope::Wave { .. }));
    for incident in waves.into_iter().chain(others) {
        rows::incident::save(tx, incident)?;
    }
    let mut mailed = Vec::new();
    for tell in &telling.notices {
        mailed.push(write(tx, tell, context)?);
    }
    for id in &telling.settled {
        rows::incident::settle(tx, id)?;
    }
    Ok(mailed)
}

fn standing(tx: &Transaction<'_>, context: &JudgeContext) -> Result<Standing, StoreError> {
    let now = context.now;
    let mut incidents = Vec::new();
    for incident in rows::incident::to_tell(tx)? {
        let told = rows::incident::told(tx, &incident.id)?;
        let (seen_at, recovering) = match incident.scope {
            Scope::Pair => {
                let state = rows::state::load(tx, &incident.probe, &incident.target)?;
                let own = state.open.as_ref().is_some_and(|open| open.id == incident.id);
                (state.seen_at.filter(|_| own), own && !state.good.is_empty() && !incident.flapping)
            }
            Scope::Vantage => {
                let blind = rows::state::load_vantage(tx, &context.plan.agent.name)?.blind;
                (blind.last().map(|run| run.at), false)
            }
            Scope::Wave { .. } => (None, false),
        };
        incidents.push(Known { incident, told, seen_at, recovering });
    }
    let ago = now.checked_sub(SILENCES).unwrap_or(Timestamp::MIN);
    Ok(Standing {
        now,
        incidents,
        suspects: rows::state::suspects(tx)?,
        silences: rows::silence::after(tx, ago)?,
    })
}

/// Writes one notice with its mails. Without recipients it is kept all the same: it is the record of
/// what was decided.
fn write(tx: &Transaction<'_>, tell: &Tell, context: &JudgeContext) -> Result<Mailed, StoreError> {
    let setting = context.setting();
    let incident = rows::incident::find(tx, &tell.incident)?;
    let matter = match incident.scope {
        Scope::Pair => pair(tx, tell, &incident, &setting)?,
        Scope::Vantage => {
            let state = rows::state::load_vantage(tx, &context.plan.agent.name)?;
            notice::ourselves(&incident, &state, &setting)
        }
        Scope::Wave { .. } => {
            let members = rows::incident::children(tx, &incident.id)?;
            match notice::wave(&incident, &members, &setting) {
                Some(matter) => matter,
                None => pair(tx, tell, &incident, &setting)?,
            }
        }
    };
    let id = NoticeId::new(fresh_id(context.now));
    let notice = notice::notice(id, tell, &incident, matter, &setting);
    // A reminder that still waits says less than what comes now; over is over for everybody.
    match tell.kind {
        NoticeKind::Resolved => rows::outbox::supersede(tx, &incident.id, None)?,
        _ => rows::outbox::supersede(tx, &incident.id, Some(&tell.to))?,
    };
    let queued = rows::incident::queue(tx, &notice, &tell.to)?;
    Ok(Mailed {
        incident: incident.id,
        kind: tell.kind,
        concern: incident.concern,
        queued,
        why: tell.why.clone(),
    })
}

/// What is said of one probe on one target, with the runs that show it.
fn pair(
    tx: &Transaction<'_>,
    tell: &Tell,
    incident: &Incident,
    setting: &Setting<'_>,
) -> Result<Matter, StoreError> {
    let witnesses = if tell.kind == NoticeKind::Resolved {
        let rules =
            setting.plan.probe(incident.probe.as_str()).map_or(setting.plan.alert, |probe| probe.alert);
        Witnesses { newest: rows::run::good_until(tx, incident, rules.recover.runs.max(1))?, in_all: 0 }
    } else {
        let state = rows::state::load(tx, &incident.probe, &incident.target)?;
        match (incident.concern, state.trouble) {
            (Concern::Outage, _) => {
                Witnesses { newest: state.failing, in_all: rows::run::failed_since(tx, incident)? }
            }
            (_, Some(trouble)) => Witnesses { newest: trouble.runs, in_all: 0 },
            _ => Witnesses { newest: incident.opened_by.clone().into_iter().collect(), in_all: 0 },
        }
    };
    let shown = match tell.kind {
        NoticeKind::Resolved => incident.closed_by.as_ref(),
        _ => witnesses.newest.last(),
    };
    // It may be gone by now; what is left is told without it.
    let run = shown.map(|run| rows::run::find(tx, run)).transpose()?.flatten();
    let with_it = rows::incident::children(tx, &incident.id)?;
    Ok(notice::pair(tell, incident, run.as_ref(), witnesses, &with_it, setting))
}

/// A UUID of version 7 for this time. The clock is handed in; the rest is random.
pub(super) fn fresh_id(now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
    uuid::Uuid::new_v7(at).to_string()
}
