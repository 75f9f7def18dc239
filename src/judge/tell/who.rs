//! Who has to be told, and who has to wait: routes, quiet hours, windows and silences.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Board;
use crate::domain::ids::{IncidentId, TargetId};
use crate::domain::incident::{AlertRules, Concern, Incident, Scope, Severity};
use crate::domain::notice::Recipient;
use crate::domain::target::Target;
use crate::plan::{Maintenance, Probe, Route, Work};

/// Somebody whom a route names.
pub(super) struct Listener {
    /// Who.
    pub to: Recipient,
    /// Whether he can be told now.
    pub ready: bool,
    /// Whether he is told only because it lasts.
    pub next: bool,
}

/// One route's word about somebody.
struct Call {
    to: Recipient,
    after: Duration,
    quiet: bool,
}

impl Board<'_> {
    /// The rules of an incident: its probe's, or those of everything.
    pub(super) fn rules(&self, incident: &Incident) -> AlertRules {
        self.plan.probe(incident.probe.as_str()).map_or(self.plan.alert, |probe| probe.alert)
    }

    /// The probe and target of an incident, as far as they are in the plan.
    pub(super) fn pair(&self, incident: &Incident) -> Option<(&Probe, &Target)> {
        let probe = self.plan.probe(incident.probe.as_str())?;
        let target = self.target(&incident.target)?;
        probe.targets.iter().any(|on| on.id == target.id).then_some((probe.as_ref(), target))
    }

    pub(super) fn target(&self, id: &TargetId) -> Option<&Target> {
        self.plan.target(id.as_str()).map(AsRef::as_ref)
    }

    /// An incident and those that it speaks for and that last, itself first.
    pub(super) fn family(&self, at: usize) -> Vec<usize> {
        let mut family = vec![at];
        let mut next = 0;
        while let Some(parent) = family.get(next).map(|at| &self.known[*at].incident.id) {
            let children = self.known.iter().enumerate().filter(|(_, child)| {
                child.incident.parent.as_ref() == Some(parent) && child.incident.closed_at.is_none()
            });
            let found: Vec<usize> =
                children.map(|(child, _)| child).filter(|child| !family.contains(child)).collect();
            family.extend(found);
            next += 1;
        }
        family
    }

    /// Those of the family that are about something in the plan and that no window and no silence covers.
    pub(super) fn uncovered(&self, at: usize) -> Vec<usize> {
        let mut family = self.family(at);
        family.retain(|at| {
            let incident = &self.known[*at].incident;
            match incident.scope {
                // It has no pair of its own; its members have.
                Scope::Wave { .. } => false,
                Scope::Pair if self.pair(incident).is_none() => false,
                Scope::Pair | Scope::Vantage => self.cover(incident, self.now, self.now).is_none(),
            }
        });
        family
    }

    /// The window or the silence that covered an incident at some time.
    fn cover(&self, incident: &Incident, from: Timestamp, to: Timestamp) -> Option<String> {
        let language = self.plan.agent.language;
        let pair = (incident.scope == Scope::Pair).then_some((&incident.probe, &incident.target));
        let target = self.target(&incident.target);
        let fits = |window: &&Maintenance| match pair {
            Some((probe, _)) => target.is_some_and(|target| window.is_about(probe, target)),
            None => window.is_about_everything(),
        };
        let mut windows = self.plan.maintenance.iter().filter(fits);
        if let Some(window) = windows.find(|window| window.when.overlaps(from, to)) {
            let named = language.pick("维护窗口“{}”", "the maintenance window “{}”");
            return Some(named.replace("{}", &window.name));
        }
        let silence = self.silences.iter().find(|s| s.is_about(pair) && s.overlaps(from, to))?;
        let named = language.pick("静默（{}）", "a silence ({})");
        Some(named.replace("{}", &silence.reason))
    }

    /// Whom the routes name for a family, each once.
    pub(super) fn audience(&self, at: usize, family: &[usize]) -> Vec<Listener> {
        let mut calls: Vec<Call> = Vec::new();
        for member in family {
            calls.extend(self.calls(&self.known[*member].incident, self.now));
        }
        let known = &self.known[at];
        let at_once = calls.iter().any(|call| call.after.is_zero());
        let begun = known.told.first().map(|told| told.at);
        let since = if at_once { begun } else { Some(begun.unwrap_or(known.incident.opened_at)) };
        let lasts = since.map(|since| self.now.duration_since(since));
        let mut audience: Vec<Listener> = Vec::new();
        for call in calls {
            let next = !call.after.is_zero();
            let after = SignedDuration::try_from(call.after).unwrap_or(SignedDuration::MAX);
            // Who was told already hears on, whoever took it upon himself since.
            let told = known.told.iter().any(|told| told.to.contains(&call.to));
            let lasts_long =
                known.incident.acknowledged.is_none() && lasts.is_some_and(|lasts| lasts >= after);
            let ready = (!next || told || lasts_long) && !call.quiet;
            let listener = Listener { to: call.to, ready, next };
            match audience.iter_mut().find(|known| known.to == listener.to) {
                // A route that is ready outdoes one that waits, and one that calls at once outdoes the next.
                Some(known) if (!known.ready, known.next) > (!ready, next) => *known = listener,
                Some(_) => {}
                None => audience.push(listener),
            }
        }
        audience
    }

    /// What the routes say of one incident at some time.
    fn calls(&self, incident: &Incident, at: Timestamp) -> Vec<Call> {
        let (about, authors) = match (&incident.scope, self.pair(incident)) {
            (Scope::Vantage, _) => (None, &[][..]),
            (Scope::Pair, Some((probe, target))) => {
                (Some((&probe.id, target)), authors(probe, incident.concern))
            }
            // A wave has no pair of its own; its members have.
            (Scope::Pair | Scope::Wave { .. }, _) => return Vec::new(),
        };
        let routes = self.plan.routes_of(about, incident.concern, incident.severity);
        let mut calls = Vec::new();
        for route in routes {
            let quiet = self.keeps_quiet(route, incident.severity, at);
            calls.extend(route.to.iter().map(|to| Call { to: to.clone(), after: route.after, quiet }));
        }
        let authors = authors.iter().map(|author| Recipient::Mail(author.clone()));
        calls.extend(authors.map(|to| Call { to, after: Duration::ZERO, quiet: false }));
        calls
    }

    fn keeps_quiet(&self, route: &Route, severity: Severity, at: Timestamp) -> bool {
        route
            .quiet
            .is_some_and(|quiet| severity < quiet.unless && quiet.covers(at, &self.plan.agent.timezone))
    }

    /// Whether it is quiet for somebody who has to be told of an end: every route that names him is.
    pub(super) fn is_quiet(&self, at: usize, who: &Recipient) -> bool {
        let mut calls: Vec<Call> = Vec::new();
        for member in self.all_of(&self.known[at].incident.id) {
            calls.extend(self.calls(&self.known[member].incident, self.now));
        }
        calls.retain(|call| call.to == *who);
        !calls.is_empty() && calls.iter().all(|call| call.quiet)
    }

    /// An incident and its members, whether they last or not.
    fn all_of(&self, id: &IncidentId) -> Vec<usize> {
        let of =
            |known: &super::Known| known.incident.id == *id || known.incident.parent.as_ref() == Some(id);
        (0..self.known.len()).filter(|at| of(&self.known[*at])).collect()
    }

    /// Why these people are told later than it was known.
    pub(super) fn held_by(&self, at: usize, family: &[usize], to: &[Recipient]) -> Option<String> {
        let opened_at = self.known[at].incident.opened_at;
        if opened_at >= self.now {
            return None;
        }
        let members = || family.iter().map(|at| &self.known[*at].incident);
        if let Some(cover) = members().find_map(|member| self.cover(member, member.opened_at, self.now)) {
            return Some(cover);
        }
        let quiet_then = members().any(|member| {
            let calls = self.calls(member, member.opened_at);
            to.iter().all(|to| calls.iter().any(|call| call.to == *to && call.quiet))
        });
        let text = self.plan.agent.language.pick("免打扰时段", "quiet hours");
        (quiet_then && !to.is_empty()).then(|| text.to_owned())
    }

    /// Whether the first notice waits for others that fail at the same time: the home page of the same
    /// target, or enough targets of the same region or host to make a wave.
    pub(super) fn gathers(&self, at: usize) -> bool {
        let incident = &self.known[at].incident;
        if incident.scope != Scope::Pair || incident.concern != Concern::Outage {
            return false;
        }
        let gather = SignedDuration::try_from(self.rules(incident).gather).unwrap_or(SignedDuration::MAX);
        if self.now.duration_since(incident.opened_at) >= gather {
            return false;
        }
        let Some((probe, target)) = self.pair(incident) else { return false };
        let is_visit = |probe: &Probe| matches!(probe.work, Work::Visit { .. });
        let home = self.suspects.iter().any(|(suspect, on)| {
            *on == target.id && self.plan.probe(suspect.as_str()).is_some_and(|probe| is_visit(probe))
        });
        (home && !is_visit(probe)) || self.may_be_a_wave(target, incident)
    }

    /// Whether those that fail and are not confirmed yet would make a wave of it.
    fn may_be_a_wave(&self, target: &Target, incident: &Incident) -> bool {
        let wave = self.plan.alert.wave as usize;
        if wave < 2 {
            return false;
        }
        super::fold::shared_of(target).into_iter().any(|shared| {
            let shares = |id: &TargetId| {
                self.target(id).is_some_and(|target| super::fold::shared_of(target).contains(&shared))
            };
            let mut others: Vec<&TargetId> = Vec::new();
            let suspects = self.suspects.iter().map(|(_, target)| target);
            let mut failing = false;
            for suspect in suspects.filter(|id| **id != target.id && shares(id)) {
                failing = true;
                others.push(suspect);
            }
            for known in &self.known {
                let other = &known.incident;
                let near = incident.opened_at.duration_since(other.opened_at).abs() <= super::WAVE_SPAN;
                if other.concern == Concern::Outage
                    && other.closed_at.is_none()
                    && near
                    && other.target != target.id
                    && shares(&other.target)
                {
                    others.push(&other.target);
                }
            }
            others.sort();
            others.dedup();
            failing && others.len() + 1 >= wave
        })
    }
}

/// Who wrote the scenario, when its script no longer fits.
fn authors(probe: &Probe, concern: Concern) -> &[String] {
    match &probe.work {
        Work::Walk(scenario) if concern == Concern::ScriptRot => &scenario.authors,
        _ => &[],
    }
}
