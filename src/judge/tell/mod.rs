//! Incidents → who is told what, and when: decided apart from opening, because people are told
//! later than something is known (maintenance, quiet hours, others that fail at the same time), more
//! often (reminders, the next to be called) or not at all (silences, what another mail tells).
//!
//! It is asked after every run that touched an incident, and again whenever time alone may have
//! decided something. Everything that was told comes in with the incidents, so asking twice tells
//! once. Each decision carries its reason.
//!
//! Invariant: nobody is told of an end who was not told of the beginning, and everybody who was is
//! told of the end in the same thread. An incident that lasts and that a route takes is told as soon
//! as no window, silence or quiet hour covers it.

mod fold;
#[cfg(test)]
mod tests;
mod who;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::{IncidentId, ProbeId, TargetId};
use crate::domain::incident::{Concern, Incident, Scope};
use crate::domain::notice::{NoticeKind, Recipient};
use crate::domain::silence::Silence;
use crate::plan::Plan;

/// Outages that open within so long of each other may be one wave; a wave that grows is told again
/// when so long has passed.
pub const WAVE_SPAN: SignedDuration = SignedDuration::from_mins(10);

/// No gap between reminders is longer, unless the first one is.
const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(24);

/// How everything stands that somebody may have to be told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The time.
    pub now: Timestamp,
    /// Every incident about which something may be left to tell, open ones and others.
    pub incidents: Vec<Known>,
    /// Pairs that fail and are not confirmed yet.
    pub suspects: Vec<(ProbeId, TargetId)>,
    /// Silences, those that ended lately too.
    pub silences: Vec<Silence>,
}

/// An incident, and what was told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The incident.
    pub incident: Incident,
    /// What was told, oldest first.
    pub told: Vec<Told>,
    /// When the newest run began that shows it.
    pub seen_at: Option<Timestamp>,
    /// Whether the newest run was good.
    pub recovering: bool,
}

/// A notice that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub kind: NoticeKind,
    /// When.
    pub at: Timestamp,
    /// What was wrong.
    pub concern: Concern,
    /// To whom.
    pub to: Vec<Recipient>,
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Telling {
    /// Incidents that are new or stand otherwise from now on.
    pub changed: Vec<Incident>,
    /// What is told, in this order.
    pub notices: Vec<Tell>,
    /// Incidents about which nothing is left to tell.
    pub settled: Vec<IncidentId>,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    /// The incident.
    pub incident: IncidentId,
    /// What happened.
    pub kind: NoticeKind,
    /// Whether it is the root of the incident's thread.
    pub root: bool,
    /// To whom; to nobody when no route takes it.
    pub to: Vec<Recipient>,
    /// Why it is told later than it was known.
    pub held_by: Option<String>,
    /// Why it is told, as one English sentence for the log.
    pub why: String,
}

/// Decides what is told. `ids` makes an id for each wave; `domain` stands behind the `@` of its thread.
pub fn tell(standing: Standing, plan: &Plan, ids: &mut dyn FnMut() -> IncidentId, domain: &str) -> Telling {
    let Standing { now, incidents, suspects, silences } = standing;
    let before: Vec<Incident> = incidents.iter().map(|known| known.incident.clone()).collect();
    let mut board = Board { now, known: incidents, suspects, silences, plan, notices: Vec::new() };
    board.fold(ids, domain);
    // The first that opened is told first, so that what it speaks for follows.
    let mut order: Vec<usize> = (0..board.known.len()).collect();
    order.sort_by_key(|at| (board.known[*at].incident.opened_at, *at));
    let mut settled = Vec::new();
    for at in order {
        if board.known[at].incident.closed_at.is_some() {
            if board.tell_end(at) && board.is_settled(at) {
                settled.push(board.known[at].incident.id.clone());
            }
        } else if !board.is_folded(at) {
            board.tell_open(at);
        }
    }
    let changed = board.known.into_iter().map(|known| known.incident).enumerate();
    let changed = changed.filter(|(at, incident)| before.get(*at) != Some(incident));
    Telling { changed: changed.map(|(_, incident)| incident).collect(), notices: board.notices, settled }
}

/// Everything on one table.
struct Board<'a> {
    now: Timestamp,
    known: Vec<Known>,
    suspects: Vec<(ProbeId, TargetId)>,
    silences: Vec<Silence>,
    plan: &'a Plan,
    notices: Vec<Tell>,
}

impl Board<'_> {
    /// Tells whoever knows of it that it is over; whether nobody is left to be told.
    fn tell_end(&mut self, at: usize) -> bool {
        let known = &self.known[at];
        let resolved = |told: &&Told| told.kind == NoticeKind::Resolved;
        let (ends, rest): (Vec<&Told>, Vec<&Told>) = known.told.iter().partition(resolved);
        let mut waiting: Vec<Recipient> = Vec::new();
        for to in rest.iter().flat_map(|told| &told.to) {
            if !waiting.contains(to) && !ends.iter().any(|told| told.to.contains(to)) {
                waiting.push(to.clone());
            }
        }
        // Told to nobody, its end is told to nobody as well: the record of it.
        let unheard = waiting.is_empty() && !rest.is_empty() && ends.is_empty();
        let (later, to): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|to| self.is_quiet(at, to));
        if !to.is_empty() || unheard {
            self.say(at, NoticeKind::Resolved, to, None, "It is over, and this is who knew of it.");
        }
        later.is_empty()
    }

    /// Whether nothing can come any more of an incident whose end was told.
    fn is_settled(&self, at: usize) -> bool {
        let Incident { id, parent, .. } = &self.known[at].incident;
        let lasts = |id: &IncidentId| {
            let found = self.known.iter().find(|known| known.incident.id == *id);
            found.is_some_and(|known| known.incident.closed_at.is_none())
        };
        let children = self.known.iter().filter(|known| known.incident.parent.as_ref() == Some(id));
        !parent.as_ref().is_some_and(lasts)
            && !children.into_iter().any(|child| child.incident.closed_at.is_none())
    }

    /// Tells what has to be told of an incident that lasts and speaks for itself.
    fn tell_open(&mut self, at: usize) {
        let family = self.uncovered(at);
        if family.is_empty() {
            return;
        }
        let first = self.known[at].told.is_empty();
        if first && self.gathers(at) {
            return;
        }
        let audience = self.audience(at, &family);
        if audience.is_empty() && first {
            self.say(at, NoticeKind::Opened, Vec::new(), None, "No route takes it: nobody is told.");
            return;
        }
        let (mut opened, mut worsened, mut flapping, mut escalated, mut reminded) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let due = self.reminder_is_due(at, &family);
        let flaps = self.known[at].incident.flapping;
        for who in audience.into_iter().filter(|who| who.ready) {
            let told: Vec<&Told> =
                self.known[at].told.iter().filter(|told| told.to.contains(&who.to)).collect();
            let wants = match told.last() {
                None if who.next && !first => &mut escalated,
                None => &mut opened,
                // Who hears anew that it comes and goes hears with that that it does not work.
                Some(_) if flaps && !self.knows_that_it_flaps(at, &told) => &mut flapping,
                Some(last) if self.is_worse(at, &told, last.at) => &mut worsened,
                Some(_) if due => &mut reminded,
                Some(_) => continue,
            };
            wants.push(who.to);
        }
        let (begins, why) = if flaps {
            (NoticeKind::Flapping, "It comes and goes; it is told once and held open until it is steady.")
        } else {
            (NoticeKind::Opened, "It was confirmed, and a route takes it.")
        };
        if !opened.is_empty() {
            let held_by = self.held_by(at, &family, &opened);
            self.say(at, begins, opened, held_by, why);
        }
        let mut say = |kind, to: Vec<Recipient>, why: &str| {
            if !to.is_empty() {
                self.say(at, kind, to, None, why);
            }
        };
        say(
            NoticeKind::Escalated,
            escalated,
            "It still lasts and nobody took it upon himself: the next are told.",
        );
        say(NoticeKind::Worsened, worsened, "It is worse than what was told.");
        say(NoticeKind::Flapping, flapping, "It comes and goes from now on.");
        if !reminded.is_empty() {
            say(NoticeKind::Reminder, reminded, "It still lasts, and a reminder is due.");
            let incident = &mut self.known[at].incident;
            incident.reminders = incident.reminders.saturating_add(1);
        }
    }

    /// Whether somebody who was told knows too little by now: he knows of something slow that does not
    /// work at all, or of a wave without its newest members.
    fn is_worse(&self, at: usize, told: &[&Told], last: Timestamp) -> bool {
        let incident = &self.known[at].incident;
        if incident.concern == Concern::Outage && told.iter().all(|told| told.concern != Concern::Outage) {
            return true;
        }
        matches!(incident.scope, Scope::Wave { .. })
            && self.now.duration_since(last) >= WAVE_SPAN
            && self.known.iter().filter(|member| member.told.is_empty()).any(|member| {
                let member = &member.incident;
                // When it opened says nothing: it may have been held before it joined.
                let unheard = member.told_at.is_none_or(|told| told > last && told <= self.now);
                member.parent.as_ref() == Some(&incident.id) && member.closed_at.is_none() && unheard
            })
    }

    /// Whether somebody knows that it comes and goes: he was told so, or was called when it was known.
    fn knows_that_it_flaps(&self, at: usize, told: &[&Told]) -> bool {
        let flaps = |told: &&Told| told.kind == NoticeKind::Flapping;
        let known_since = self.known[at].told.iter().filter(flaps).map(|told| told.at).min();
        told.iter().any(|told| {
            let called = told.kind == NoticeKind::Escalated;
            flaps(told) || (called && known_since.is_some_and(|since| told.at >= since))
        })
    }

    /// Whether people have to be reminded: the gaps grow, a run has shown it since, nobody took it upon
    /// himself, and it does not seem to recover.
    fn reminder_is_due(&self, at: usize, family: &[usize]) -> bool {
        let known = &self.known[at];
        let incident = &known.incident;
        let Some(remind) = self.rules(incident).remind else { return false };
        let kinds = [NoticeKind::Opened, NoticeKind::Worsened, NoticeKind::Flapping, NoticeKind::Reminder];
        let Some(last) =
            known.told.iter().filter(|told| kinds.contains(&told.kind)).map(|told| told.at).max()
        else {
            return false;
        };
        let first = SignedDuration::try_from(remind).unwrap_or(SignedDuration::MAX);
        let gap = gap(first, incident.reminders);
        let shown = family.iter().any(|at| {
            let member = &self.known[*at];
            // What was seen before a long silence of our own is no news.
            let fresh = |seen: Timestamp| seen > last && self.now.duration_since(seen) < gap;
            !member.recovering && member.seen_at.is_some_and(fresh)
        });
        incident.acknowledged.is_none() && shown && self.now.duration_since(last) >= gap
    }

    /// Writes down that something is told.
    fn say(&mut self, at: usize, kind: NoticeKind, to: Vec<Recipient>, held_by: Option<String>, why: &str) {
        let root = self.known[at].told.is_empty();
        let now = self.now;
        if kind != NoticeKind::Resolved {
            for member in self.family(at) {
                self.known[member].incident.told_at.get_or_insert(now);
            }
        }
        let known = &mut self.known[at];
        known.incident.last_notice_at = Some(now);
        known.told.push(Told { kind, at: now, concern: known.incident.concern, to: to.clone() });
        let incident = known.incident.id.clone();
        self.notices.push(Tell { incident, kind, root, to, held_by, why: why.to_owned() });
    }
}

/// The time from one notice to the next reminder, after so many of them.
pub fn gap(first: SignedDuration, reminders: u32) -> SignedDuration {
    let factor = 1_i32.checked_shl(reminders).filter(|factor| *factor > 0 && reminders < 31);
    let grown = factor.and_then(|factor| first.checked_mul(factor)).unwrap_or(SignedDuration::MAX);
    grown.min(first.max(LONGEST_GAP))
}
