//! Messages that wait too long: who hears in another way what somebody cannot be told at present.
//!
//! Invariants: only messages about incidents count, and only those of people whose other side did not take one;
//! what is told once is not told again while it waits; nobody is told by a way that does not work
//! either, or about incidents whose like no route of his takes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::delivery::{about, at_once, beside, gathered};
use crate::domain::ids::NoticeId;
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::{Matter, Notice, NoticeKind, Recipient, UndeliverableFacts, WaitingFacts};
use crate::plan::Plan;

/// The least time between two notices about what waits for one person.
pub const AGAIN_IN: Duration = Duration::from_hours(1);

/// A message that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its row in the outbox.
    pub id: i64,
    /// Whom it is for.
    pub to: Recipient,
    /// What it says.
    pub notice: Notice,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try_at: Timestamp,
    /// What the other side said last.
    pub error: Option<String>,
    /// Whether somebody else heard already that it waits.
    pub told: bool,
    /// Who else was told the same.
    pub others: Vec<Recipient>,
}

/// How the outbox stands.
#[derive(Debug)]
pub struct Outbox<'a> {
    /// Everything that waits, oldest first.
    pub waiting: &'a [Waiting],
    /// When somebody last heard what waits for these.
    pub last: BTreeMap<Recipient, Timestamp>,
    /// Whether the mail server took any mail since the oldest of it was written.
    pub mail_works: bool,
    /// Now.
    pub now: Timestamp,
}

/// People and webhooks who cannot be told at present, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Who cannot be told: one webhook, or people by mail.
    pub whom: Vec<Recipient>,
    /// Since when the oldest message waits.
    pub since: Timestamp,
    /// The messages that it is about, by their rows.
    pub messages: Vec<i64>,
    /// Who hears of it; nobody when there is no other way.
    pub to: Vec<Recipient>,
    /// Whether those who can be told know all of it: they were told the same, and that it does not
    /// arrive elsewhere.
    pub known: bool,
}

/// Whether a message of this kind is about an incident and is not meant for later.
pub fn is_urgent(kind: NoticeKind) -> bool {
    use NoticeKind::{Escalated, Flapping, Flood, Opened, Reminder, Resolved, Worsened};
    matches!(kind, Opened | Worsened | Flapping | Reminder | Escalated | Resolved | Flood)
}

/// Whether a message of this kind says what was not told before.
pub fn is_news(kind: NoticeKind) -> bool {
    is_urgent(kind) && !matches!(kind, NoticeKind::Reminder | NoticeKind::Resolved)
}

/// Who cannot be told and who hears of it instead, one for each way and audience.
pub fn stuck(outbox: &Outbox<'_>, plan: &Plan) -> Vec<Stuck> {
    let mut people: Vec<&Recipient> = outbox.waiting.iter().map(|message| &message.to).collect();
    people.sort();
    people.dedup();
    let due: Vec<&Recipient> = people.into_iter().filter(|person| outbox.is_due(person, plan)).collect();
    let mut found: Vec<Stuck> = Vec::new();
    for person in &due {
        // Those of one way are told of together, as soon as a try of one of them has failed.
        if !due.iter().any(|other| same_way(person, other) && outbox.waits_for_a_try(other)) {
            continue;
        }
        let one = outbox.instead(person, plan);
        let like = |known: &&mut Stuck| {
            same_way(&known.whom[0], person) && (&known.to, known.known) == (&one.to, one.known)
        };
        match found.iter_mut().find(like) {
            Some(known) => {
                known.since = known.since.min(one.since);
                known.whom.extend(one.whom);
                known.messages.extend(one.messages);
            }
            None => found.push(one),
        }
    }
    found
}

impl Outbox<'_> {
    fn of<'s>(&'s self, person: &'s Recipient) -> impl Iterator<Item = &'s Waiting> {
        self.waiting.iter().filter(move |message| message.to == *person && is_urgent(message.notice.kind))
    }

    /// Whether it is time that another one hears what waits for this person.
    fn is_due(&self, person: &Recipient, plan: &Plan) -> bool {
        let passed = |at: &Timestamp, time| at.checked_add(time).is_ok_and(|until| until <= self.now);
        let again = self.of(person).any(|message| message.told);
        // What stands behind a message that failed is not tried itself, and waits all the same.
        self.of(person).any(|message| message.attempts > 0)
            && self.last.get(person).is_none_or(|at| passed(at, AGAIN_IN))
            && self.of(person).any(|message| {
                !message.told
                    && passed(&message.notice.created_at, plan.stuck_after())
                    && (!again || is_news(message.notice.kind))
            })
    }

    /// Whether a message for this person failed and is not due just now: after a start old messages
    /// are tried before anybody hears that they wait.
    fn waits_for_a_try(&self, person: &Recipient) -> bool {
        self.of(person).any(|message| message.attempts > 0 && message.next_try_at > self.now)
    }

    /// Whether what waits for one person can be told to another.
    fn reaches(&self, other: &Recipient, instead_of: &Recipient) -> bool {
        let fails = |message: &Waiting| message.to == *other && message.attempts > 0;
        let works =
            self.mail_works || !matches!((instead_of, other), (Recipient::Mail(_), Recipient::Mail(_)));
        other != instead_of && works && !self.waiting.iter().any(fails)
    }

    /// Who hears what waits for this person: those who were told the same; where there are none, all
    /// who are told at once of incidents like this one.
    fn instead(&self, person: &Recipient, plan: &Plan) -> Stuck {
        let again = self.of(person).any(|message| message.told);
        let fresh: Vec<&Waiting> = self.of(person).filter(|message| !message.told).collect();
        let mut to: Vec<Recipient> = Vec::new();
        let mut known = again;
        for message in &fresh {
            let same: Vec<&Recipient> =
                message.others.iter().filter(|other| self.reaches(other, person)).collect();
            if !same.is_empty() {
                if !again {
                    to.extend(same.into_iter().cloned());
                }
                continue;
            }
            known = false;
            to.extend(at_once(&message.notice, plan).filter(|other| self.reaches(other, person)).cloned());
        }
        to.sort();
        to.dedup();
        Stuck {
            whom: vec![person.clone()],
            since: fresh.iter().map(|message| message.notice.created_at).min().unwrap_or(self.now),
            messages: fresh.iter().map(|message| message.id).collect(),
            to,
            known,
        }
    }

    /// The notice that says what waits for those who cannot be told.
    pub fn notice(&self, id: NoticeId, stuck: &Stuck) -> Option<Notice> {
        let told = |message: &&Waiting| stuck.messages.contains(&message.id);
        let messages: Vec<&Waiting> = self.waiting.iter().filter(told).collect();
        let first = &messages.first()?.notice;
        let (to, others) = stuck.whom.split_first()?;
        let (vantage, timezone) = first.place();
        let (incidents, incidents_in_all) = gathered(messages.iter().map(|message| &message.notice));
        let worst = messages.iter().map(|message| message.notice.severity).max();
        let facts = UndeliverableFacts {
            to: to.clone(),
            about: about(first),
            error: messages.iter().rev().find_map(|message| message.error.clone()).unwrap_or_default(),
            attempts: messages.iter().map(|message| message.attempts).max().unwrap_or_default(),
            waiting: Some(WaitingFacts {
                since: stuck.since,
                others: others.to_vec(),
                incidents,
                incidents_in_all,
            }),
            unheard: None,
            vantage: vantage.to_owned(),
            timezone: timezone.to_owned(),
        };
        let ours = (Concern::Vantage, worst.unwrap_or(Severity::Degraded));
        let matter = Matter::Undeliverable(Box::new(facts));
        Some(beside(id, NoticeKind::Undeliverable, ours, first, self.now, matter))
    }
}

/// Whether two are told by the same way: all mail goes through one server, a webhook is alone.
fn same_way(one: &Recipient, other: &Recipient) -> bool {
    one == other || matches!((one, other), (Recipient::Mail(_), Recipient::Mail(_)))
}

#[cfg(test)]
#[path = "stuck_tests.rs"]
mod tests;
