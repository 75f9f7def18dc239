//! What digests and heartbeats say, out of what the store counted and the plan names.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::ids::{IncidentId, ProbeId, TargetId};
use crate::domain::incident::{Concern, Incident, Scope, Severity, Shared};
use crate::domain::notice::{DigestFacts, HeartbeatFacts, Member};
use crate::plan::{Plan, RouteFilter};
use crate::store::DigestRows;

use super::super::agent::title_of;

/// Incidents that a digest names; more are counted.
const NAMED: usize = 50;

/// What a digest says of the time from `span.0` until `span.1`.
pub(super) fn digest(
    rows: &DigestRows,
    plan: &Plan,
    filter: &RouteFilter,
    span: (Timestamp, Timestamp),
) -> DigestFacts {
    let incidents = told(&rows.incidents, plan, filter);
    let mut runs = [0; 4];
    for (probe, target, counts) in &rows.runs {
        if place(plan, filter, probe, target) {
            let counts = [counts.pass, counts.degraded, counts.fail, counts.inconclusive];
            runs.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
    let gaps = rows.gaps.iter().filter(|(probe, target, _)| place(plan, filter, probe, target));
    let rot = rows.script_rot.iter().filter(|(probe, target, _)| place(plan, filter, probe, target));
    DigestFacts {
        from: span.0,
        until: span.1,
        incidents_in_all: u32::try_from(incidents.len()).unwrap_or(u32::MAX),
        incidents: incidents.into_iter().take(NAMED).map(|incident| member(incident, rows, plan)).collect(),
        runs,
        gaps: gaps.map(|(_, _, count)| count).sum(),
        script_rot: rot
            .map(|(_, _, scenario)| scenario.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        undelivered: rows.undelivered,
        vantage: plan.agent.name.clone(),
        timezone: plan.agent.timezone.clone(),
    }
}

/// What a sign of life says of the time since the last one.
pub(super) fn heartbeat(rows: &DigestRows, plan: &Plan, next_at: Option<Timestamp>) -> HeartbeatFacts {
    let lasting =
        rows.incidents.iter().filter(|incident| incident.closed_at.is_none() && incident.parent.is_none());
    HeartbeatFacts {
        next_at,
        runs: rows.runs.iter().map(|(_, _, c)| c.pass + c.degraded + c.fail + c.inconclusive).sum(),
        open: u32::try_from(lasting.count()).unwrap_or(u32::MAX),
        mails_stuck: rows.pending + rows.undelivered,
        head: rows.head.clone(),
        vantage: plan.agent.name.clone(),
        timezone: plan.agent.timezone.clone(),
    }
}

/// The incidents that a digest tells of: those that the filter takes, without those for which another
/// one speaks that is told, too. A wave is told when one of its members is.
fn told<'a>(incidents: &'a [Incident], plan: &Plan, filter: &RouteFilter) -> Vec<&'a Incident> {
    let takes = |incident: &Incident| {
        let kind = (filter.concerns.is_empty() || filter.concerns.contains(&incident.concern))
            && filter.severities.contains(&incident.severity);
        let here = match &incident.scope {
            Scope::Pair => place(plan, filter, &incident.probe, &incident.target),
            Scope::Wave { .. } => incidents.iter().any(|member| {
                member.parent.as_ref() == Some(&incident.id)
                    && place(plan, filter, &member.probe, &member.target)
            }),
            // What is about ourselves is about everything that we watch.
            Scope::Vantage => true,
        };
        kind && here
    };
    let fitting: Vec<&Incident> = incidents.iter().filter(|incident| takes(incident)).collect();
    let ids: BTreeSet<&IncidentId> = fitting.iter().map(|incident| &incident.id).collect();
    let alone = |incident: &&Incident| incident.parent.as_ref().is_none_or(|parent| !ids.contains(parent));
    fitting.iter().copied().filter(alone).collect()
}

/// Whether a filter takes what is about this probe and target, whatever it is. What is gone from the plan
/// has no labels, and is taken by filters that name none.
fn place(plan: &Plan, filter: &RouteFilter, probe: &ProbeId, target: &TargetId) -> bool {
    let place = RouteFilter { concerns: Vec::new(), severities: Severity::ALL.to_vec(), ..filter.clone() };
    if let Some(target) = plan.target(target.as_str()) {
        return place.takes(Some((probe, target)), Concern::Outage, Severity::Outage);
    }
    let named = |names: &[String], id: &str| names.is_empty() || names.iter().any(|name| name == id);
    place.labels.is_empty()
        && place.classes.is_empty()
        && named(&place.targets, target.as_str())
        && named(&place.probes, probe.as_str())
}

fn member(incident: &Incident, rows: &DigestRows, plan: &Plan) -> Member {
    let language = plan.agent.language;
    let (target_name, probe_title) = match &incident.scope {
        Scope::Pair => {
            let target = plan.target(incident.target.as_str());
            let probe = plan.probe(incident.probe.as_str());
            (
                target.map_or_else(|| incident.target.to_string(), |target| target.name.clone()),
                probe.map_or_else(|| incident.probe.to_string(), |probe| title_of(&probe.work, language)),
            )
        }
        Scope::Wave { shared: Shared::Region(name) | Shared::Host(name) } => {
            let members = rows.incidents.iter().filter(|one| one.parent.as_ref() == Some(&incident.id));
            let targets = members.map(|one| &one.target).collect::<BTreeSet<_>>().len();
            let title = match language {
                crate::domain::language::Language::Chinese => format!("{targets} 个网站"),
                crate::domain::language::Language::English => format!("{targets} sites"),
            };
            (name.clone(), title)
        }
        Scope::Vantage => {
            (plan.agent.name.clone(), language.pick("我方观测点", "our own vantage").to_owned())
        }
    };
    Member {
        incident: incident.id.clone(),
        target: incident.target.clone(),
        target_name,
        probe_title,
        step: incident.step.clone(),
        outcome: incident.outcome,
        concern: incident.concern,
        since: incident.since,
        closed_at: incident.closed_at,
    }
}
