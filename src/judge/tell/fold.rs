//! What speaks for what: the home page for everything on its target, a wave for many targets of
//! one region or host.
//!
//! Invariant: whoever is folded has a parent that lasts, or that ended after the last run which
//! showed the folded one: until a newer run says so, nobody knows that it lasts.

use std::collections::BTreeMap;

use super::{Board, Known, WAVE_SPAN};
use crate::domain::ids::{IncidentId, ProbeId, TargetId};
use crate::domain::incident::{Concern, Incident, Scope, Shared};
use crate::domain::target::Target;
use crate::judge::notice;
use crate::plan::Work;

/// What a target may share with others: its host, its region.
pub(super) fn shared_of(target: &Target) -> Vec<Shared> {
    let host = target.entry.host_str().map(|host| Shared::Host(host.to_owned()));
    let region = target.region().map(|region| Shared::Region(region.to_owned()));
    host.into_iter().chain(region).collect()
}

impl Board<'_> {
    /// Puts every incident below the one that speaks for it.
    pub(super) fn fold(&mut self, ids: &mut dyn FnMut() -> IncidentId, domain: &str) {
        self.unfold();
        self.fold_into_homes();
        self.fold_into_waves();
        self.make_waves(ids, domain);
        self.close_waves();
    }

    /// The incident with this id.
    fn find(&self, id: &IncidentId) -> Option<&Known> {
        self.known.iter().find(|known| known.incident.id == *id)
    }

    /// Whether another incident speaks for it, which lasts or is only just over.
    pub(super) fn is_folded(&self, at: usize) -> bool {
        self.known[at].incident.parent.is_some()
    }

    /// Whether an incident that lasts speaks for it.
    fn has_lasting_parent(&self, at: usize) -> bool {
        let parent = self.known[at].incident.parent.as_ref().and_then(|parent| self.find(parent));
        parent.is_some_and(|parent| parent.incident.closed_at.is_none())
    }

    /// An outage of one pair that lasts and for which nothing that lasts speaks.
    fn is_alone(&self, at: usize) -> bool {
        let incident = &self.known[at].incident;
        incident.scope == Scope::Pair
            && incident.concern == Concern::Outage
            && incident.closed_at.is_none()
            && !self.has_lasting_parent(at)
    }

    /// Whoever was seen again after what spoke for him was over speaks for himself.
    fn unfold(&mut self) {
        for at in 0..self.known.len() {
            let known = &self.known[at];
            let Some(parent) = &known.incident.parent else { continue };
            let over = match self.find(parent).map(|parent| parent.incident.closed_at) {
                None => true,
                Some(None) => false,
                Some(Some(over)) => known.seen_at.is_some_and(|seen| seen > over),
            };
            if over && known.incident.closed_at.is_none() {
                self.known[at].incident.parent = None;
            }
        }
    }

    /// A target whose home page is down has one incident: that one.
    fn fold_into_homes(&mut self) {
        let mut homes: BTreeMap<TargetId, IncidentId> = BTreeMap::new();
        for known in &self.known {
            let incident = &known.incident;
            if incident.scope == Scope::Pair
                && incident.concern == Concern::Outage
                && incident.closed_at.is_none()
                && self.is_home(&incident.probe)
            {
                homes.entry(incident.target.clone()).or_insert_with(|| incident.id.clone());
            }
        }
        for at in 0..self.known.len() {
            let incident = &self.known[at].incident;
            if self.is_alone(at)
                && !self.is_home(&incident.probe)
                && let Some(home) = homes.get(&incident.target)
            {
                self.known[at].incident.parent = Some(home.clone());
            }
        }
    }

    fn is_home(&self, probe: &ProbeId) -> bool {
        self.plan.probe(probe.as_str()).is_some_and(|probe| matches!(probe.work, Work::Visit { .. }))
    }

    /// What opened within ten minutes of the newest member of a wave that lasts is one of them. What opened
    /// long before and was held until now is news of its own.
    fn fold_into_waves(&mut self) {
        for wave in 0..self.known.len() {
            let Incident { scope: Scope::Wave { shared }, closed_at: None, id, .. } =
                &self.known[wave].incident
            else {
                continue;
            };
            let (id, shared) = (id.clone(), shared.clone());
            let member = |known: &&Known| known.incident.parent.as_ref() == Some(&id);
            let newest = self.known.iter().filter(member).map(|known| known.incident.opened_at).max();
            let Some(newest) = newest else { continue };
            for at in 0..self.known.len() {
                let apart = self.known[at].incident.opened_at.duration_since(newest).abs();
                if apart <= WAVE_SPAN
                    && !self.was_told_as_less(at)
                    && self.joins_waves(at)
                    && self.shared(at).contains(&shared)
                {
                    self.known[at].incident.parent = Some(id.clone());
                }
            }
        }
    }

    /// Whether people know of it, but not as an outage that stands for itself: as something slow, or by what
    /// spoke for it and is over. It is told by itself once more before a wave that was told speaks for it.
    fn was_told_as_less(&self, at: usize) -> bool {
        let known = &self.known[at];
        known.incident.told_at.is_some() && known.told.iter().all(|told| told.concern != Concern::Outage)
    }

    /// Whether it may be one of many: alone, in the plan, and covered by nothing.
    fn joins_waves(&self, at: usize) -> bool {
        self.is_alone(at) && !self.is_kept_down(at) && !self.uncovered(at).is_empty()
    }

    /// Whether it still waits below a parent that is over.
    fn is_kept_down(&self, at: usize) -> bool {
        self.is_folded(at) && !self.has_lasting_parent(at)
    }

    fn shared(&self, at: usize) -> Vec<Shared> {
        self.target(&self.known[at].incident.target).map(shared_of).unwrap_or_default()
    }

    /// Enough targets with something in common that broke within ten minutes are a wave.
    fn make_waves(&mut self, ids: &mut dyn FnMut() -> IncidentId, domain: &str) {
        let wave = self.plan.alert.wave as usize;
        if wave < 2 {
            return;
        }
        // A host is more to the point than a region: it is tried first.
        for host in [true, false] {
            let mut groups: BTreeMap<String, (Shared, Vec<usize>)> = BTreeMap::new();
            for at in (0..self.known.len()).filter(|at| self.joins_waves(*at)) {
                for shared in self.shared(at) {
                    if let (Shared::Host(name), true) | (Shared::Region(name), false) = (&shared, host) {
                        let name = name.clone();
                        groups.entry(name).or_insert_with(|| (shared, Vec::new())).1.push(at);
                    }
                }
            }
            for (shared, members) in groups.into_values() {
                let members = self.at_once(members, wave);
                // What everybody was told of one by one needs no other mail.
                if members.iter().any(|at| self.known[*at].told.is_empty()) {
                    self.make_wave(&ids(), &shared, &members, domain);
                }
            }
        }
    }

    /// The most of these that opened within ten minutes; none when they are too few targets.
    fn at_once(&self, mut members: Vec<usize>, wave: usize) -> Vec<usize> {
        let opened = |at: &usize| self.known[*at].incident.opened_at;
        members.sort_by_key(|at| (opened(at), *at));
        let spans = (0..members.len()).map(|from| {
            let until = opened(&members[from]) + WAVE_SPAN;
            members[from..].iter().take_while(|at| opened(at) <= until).copied().collect::<Vec<usize>>()
        });
        let targets = |span: &Vec<usize>| {
            let mut targets: Vec<_> = span.iter().map(|at| &self.known[*at].incident.target).collect();
            targets.sort();
            targets.dedup();
            targets.len()
        };
        let best = spans.max_by_key(|span| targets(span)).unwrap_or_default();
        if targets(&best) >= wave { best } else { Vec::new() }
    }

    fn make_wave(&mut self, id: &IncidentId, shared: &Shared, members: &[usize], domain: &str) {
        let incidents: Vec<&Incident> = members.iter().map(|at| &self.known[*at].incident).collect();
        let Some(first) = incidents.iter().min_by_key(|incident| incident.since) else { return };
        let incident = Incident {
            thread: notice::thread(id, domain),
            id: id.clone(),
            concern: Concern::Outage,
            severity: incidents.iter().map(|incident| incident.severity).max().unwrap_or_default(),
            scope: Scope::Wave { shared: shared.clone() },
            parent: None,
            flapping: false,
            acknowledged: None,
            probe: ProbeId::new(""),
            target: TargetId::new(""),
            since: first.since,
            opened_at: self.now,
            opened_by: None,
            closed_at: None,
            closed_by: None,
            told_at: None,
            last_notice_at: None,
            reminders: 0,
            outcome: first.outcome,
            step: first.step.clone(),
        };
        for at in members {
            self.known[*at].incident.parent = Some(id.clone());
        }
        self.known.push(Known { incident, told: Vec::new(), seen_at: None, recovering: false });
    }

    /// A wave is over when its members are. One whose probe is no longer in the plan is not waited for.
    fn close_waves(&mut self) {
        for at in 0..self.known.len() {
            let Incident { scope: Scope::Wave { .. }, closed_at: None, id, .. } = &self.known[at].incident
            else {
                continue;
            };
            let members = || self.known.iter().filter(|known| known.incident.parent.as_ref() == Some(id));
            let lasts =
                |known: &Known| known.incident.closed_at.is_none() && self.pair(&known.incident).is_some();
            if members().any(lasts) {
                continue;
            }
            let over = members().filter_map(|known| known.incident.closed_at).max().unwrap_or(self.now);
            self.known[at].incident.closed_at = Some(over);
        }
    }
}
