//! Deliveries: when so much waits for one person that it is told in one message, and what is told
//! of messages that could not be delivered.
//!
//! Invariants: nothing that waits is dropped, it is told in another message, and does not arrive behind
//! one that says what became of it since; nobody is told about a message that says that a message could
//! not be delivered.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::ids::{IncidentId, NoticeId};
use crate::domain::incident::{Concern, Severity};
use crate::domain::notice::{
    DigestFacts, Matter, Member, Notice, NoticeFacts, NoticeKind, Recipient, UndeliverableFacts, UnheardFacts,
};
use crate::plan::Plan;

/// So many messages about incidents reach one person within [`WINDOW`] one by one; whatever more
/// waits then is told in one.
pub const ROOM: usize = 10;

/// The time in which they are counted, and the least time between two messages that tell many things.
pub const WINDOW: Duration = Duration::from_mins(10);

/// An undeliverable message is told of once in this time for each person.
pub const ONCE_IN: Duration = Duration::from_hours(24);

/// No message that failed is tried later than this: an hour that the other side asked for, and a little more.
pub const LONGEST_WAIT: Duration = Duration::from_mins(65);

/// How many incidents a message names that tells many things.
const NAMED: usize = 40;

/// What is done about the messages that wait for one person, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relief {
    /// They go one by one.
    Nothing,
    /// All behind so many are told in one message.
    Bundle(usize),
    /// All behind so many wait until then: one message told many things just now.
    Hold(usize, Timestamp),
}

/// What is done when `waiting` messages wait for a person who got `sent` within [`WINDOW`], and was
/// told many things at once at `flooded_at`.
pub fn relief(waiting: usize, sent: usize, flooded_at: Option<Timestamp>, now: Timestamp) -> Relief {
    let room = ROOM.saturating_sub(sent);
    if waiting <= room {
        return Relief::Nothing;
    }
    match flooded_at.and_then(|at| at.checked_add(WINDOW).ok()) {
        Some(until) if until > now => Relief::Hold(room, until),
        _ => Relief::Bundle(room),
    }
}

/// Whether a notice can be told together with others: it is about incidents, and says nothing that a
/// line in a list would not.
pub fn bundles(notice: &Notice) -> bool {
    use NoticeKind::{Escalated, Flapping, Opened, Reminder, Resolved, Worsened};
    matches!(notice.kind, Opened | Worsened | Flapping | Reminder | Escalated | Resolved)
        && matches!(notice.matter, Matter::Facts(_) | Matter::Wave(_))
}

/// Which of these messages, oldest first, are told in one when there is room for so many of them: all
/// behind those, and whatever else is about the same incidents. What is about an incident of which a
/// message is on its way (`going`) is not, and waits for that one.
pub fn bundled(waiting: &[&Notice], going: &[Notice], room: usize) -> Vec<usize> {
    let about: Vec<BTreeSet<IncidentId>> = waiting.iter().map(|notice| is_about(notice)).collect();
    let kept = sharing(&about, going.iter().flat_map(is_about).collect());
    let rest = (room..waiting.len()).filter(|at| !kept.contains(at));
    sharing(&about, rest.flat_map(|at| about[at].clone()).collect()).into_iter().collect()
}

/// Those that are about any of these incidents, or about any of which one of those is.
fn sharing(about: &[BTreeSet<IncidentId>], mut incidents: BTreeSet<IncidentId>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    loop {
        let more = (0..about.len()).filter(|at| !found.contains(at) && !about[*at].is_disjoint(&incidents));
        let more: Vec<usize> = more.collect();
        if more.is_empty() {
            return found;
        }
        incidents.extend(more.iter().flat_map(|at| about[*at].iter().cloned()));
        found.extend(more);
    }
}

/// The incidents of a notice: its own, and those for which that speaks.
fn is_about(notice: &Notice) -> BTreeSet<IncidentId> {
    let members = members(notice).into_iter().map(|member| member.incident);
    notice.incident.iter().cloned().chain(members).collect()
}

/// One notice that tells what all these, oldest first, would have told; [`None`] when there are none.
pub fn flood(id: NoticeId, notices: &[Notice], now: Timestamp) -> Option<Notice> {
    let first = notices.first()?;
    let (vantage, timezone) = first.place();
    let (incidents, in_all) = gathered(notices.iter());
    let mut script_rot = Vec::new();
    for script in notices.iter().filter_map(|notice| notice.facts()?.scenario.clone()) {
        if !script_rot.contains(&script) {
            script_rot.push(script);
        }
    }
    let worst = notices.iter().max_by_key(|notice| notice.severity)?;
    let facts = DigestFacts {
        from: first.created_at,
        until: now,
        incidents,
        incidents_in_all: in_all,
        runs: [0; 4],
        gaps: 0,
        script_rot,
        undelivered: 0,
        vantage: vantage.to_owned(),
        timezone: timezone.to_owned(),
    };
    let matter = Matter::Digest(Box::new(facts));
    let kind = NoticeKind::Flood;
    Some(beside(id, kind, (worst.concern, worst.severity), first, now, matter))
}

/// What is left to tell of a notice that tells many things when only these incidents count.
pub fn only(failed: &Notice, incidents: &[IncidentId]) -> Notice {
    let mut failed = failed.clone();
    if let Matter::Digest(facts) = &mut failed.matter {
        facts.incidents.retain(|member| incidents.contains(&member.incident));
        facts.incidents_in_all = count(incidents.len());
    }
    failed
}

/// The notice that says that `failed` did not reach `to`; [`None`] when it is such a notice itself. When
/// nobody else was told the same (`alone`) it says what `failed` was about, and is as urgent.
pub fn undeliverable(
    id: NoticeId,
    failed: &Notice,
    to: &Recipient,
    (error, attempts): (&str, u32),
    alone: bool,
    now: Timestamp,
) -> Option<Notice> {
    if failed.kind == NoticeKind::Undeliverable {
        return None;
    }
    let (vantage, timezone) = failed.place();
    let facts = UndeliverableFacts {
        to: to.clone(),
        about: about(failed),
        error: error.to_owned(),
        attempts,
        waiting: None,
        unheard: alone.then(|| {
            let (incidents, named) = gathered(std::iter::once(failed));
            let in_all = match &failed.matter {
                Matter::Digest(facts) => facts.incidents_in_all,
                _ => named,
            };
            UnheardFacts { incidents, incidents_in_all: in_all }
        }),
        vantage: vantage.to_owned(),
        timezone: timezone.to_owned(),
    };
    let matter = Matter::Undeliverable(Box::new(facts));
    let ours = (Concern::Vantage, if alone { failed.severity } else { Severity::Degraded });
    Some(beside(id, NoticeKind::Undeliverable, ours, failed, now, matter))
}

/// Who hears of what somebody was not told when nobody else was told the same: all who are told at once of
/// incidents like this one, unless it would break their rest.
pub fn at_once<'p>(notice: &Notice, plan: &'p Plan) -> impl Iterator<Item = &'p Recipient> {
    let severity = notice.severity;
    plan.routes_of(None, notice.concern, severity)
        .filter(|route| route.after.is_zero())
        .filter(move |route| route.quiet.is_none_or(|quiet| severity >= quiet.unless))
        .flat_map(|route| &route.to)
}

/// A notice of its own, about no incident, by the same agent as another one.
pub(super) fn beside(
    id: NoticeId,
    kind: NoticeKind,
    (concern, severity): (Concern, Severity),
    other: &Notice,
    now: Timestamp,
    matter: Matter,
) -> Notice {
    let domain = other.message_id.trim_end_matches('>').rsplit('@').next().unwrap_or("localhost");
    Notice {
        message_id: format!("<{id}@{domain}>"),
        id,
        incident: None,
        kind,
        concern,
        severity,
        created_at: now,
        in_reply_to: None,
        matter,
    }
}

/// What a notice is about, in short.
pub(super) fn about(notice: &Notice) -> String {
    match &notice.matter {
        Matter::Facts(facts) => format!("{} – {}", facts.target_name, facts.step),
        Matter::Wave(facts) => facts.shared.name().to_owned(),
        Matter::Vantage(facts) => facts.vantage.clone(),
        _ => notice.kind.name().to_owned(),
    }
}

/// The incidents of these notices, oldest first, as they stand now: those that last before the others,
/// and how many there are in all.
pub(super) fn gathered<'a>(notices: impl Iterator<Item = &'a Notice>) -> (Vec<Member>, u32) {
    let mut incidents: Vec<Member> = Vec::new();
    for member in notices.flat_map(members) {
        // What was written last is how it stands.
        match incidents.iter_mut().find(|known| known.incident == member.incident) {
            Some(known) => *known = member,
            None => incidents.push(member),
        }
    }
    incidents.sort_by_key(|member| (member.closed_at.is_some(), member.since));
    let in_all = count(incidents.len());
    incidents.truncate(NAMED);
    (incidents, in_all)
}

/// The incidents that a notice is about.
fn members(notice: &Notice) -> Vec<Member> {
    match (&notice.matter, &notice.incident) {
        (Matter::Facts(facts), Some(incident)) => vec![member(facts, notice, incident)],
        (Matter::Wave(facts), _) => facts.members.clone(),
        (Matter::Digest(facts), _) => facts.incidents.clone(),
        _ => Vec::new(),
    }
}

fn member(facts: &NoticeFacts, notice: &Notice, incident: &IncidentId) -> Member {
    Member {
        incident: incident.clone(),
        target: facts.target.clone(),
        target_name: facts.target_name.clone(),
        probe_title: facts.probe_title.clone(),
        step: facts.step.clone(),
        outcome: facts.outcome,
        concern: notice.concern,
        since: facts.since,
        closed_at: facts.resolved_at,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn ten_come_one_by_one() {
        let now = at(10_000);
        let cases = [
            ("nothing waits", 0, 0, None, Relief::Nothing),
            ("ten at once", 10, 0, None, Relief::Nothing),
            ("eleven at once", 11, 0, None, Relief::Bundle(10)),
            ("seven were sent, three wait", 3, 7, None, Relief::Nothing),
            ("seven were sent, thirty wait", 30, 7, None, Relief::Bundle(3)),
            ("ten were sent, one waits", 1, 10, None, Relief::Bundle(0)),
            ("more were sent than there is room", 2, 14, None, Relief::Bundle(0)),
            ("a flood was told just now", 5, 10, Some(at(9_900)), Relief::Hold(0, at(10_500))),
            ("a flood was told long ago", 5, 10, Some(at(9_400)), Relief::Bundle(0)),
            ("there is room again behind a flood", 5, 0, Some(at(9_900)), Relief::Nothing),
        ];
        for (name, waiting, sent, flooded_at, want) in cases {
            assert_eq!(relief(waiting, sent, flooded_at, now), want, "{name}");
        }
    }

    #[test]
    fn nobody_is_told_that_nobody_could_be_told() {
        let to = Recipient::from("a@example.org");
        let facts = crate::domain::notice::TestFacts { vantage: "here".into(), timezone: "UTC".into() };
        let test = Notice {
            id: "n1".into(),
            incident: None,
            kind: NoticeKind::Test,
            concern: Concern::Outage,
            severity: Severity::Info,
            created_at: at(0),
            message_id: "<n1@mail.example>".to_owned(),
            in_reply_to: None,
            matter: Matter::Test(Box::new(facts)),
        };
        let told = undeliverable("n2".into(), &test, &to, ("550", 1), false, at(1)).unwrap();
        assert_eq!(told.message_id, "<n2@mail.example>");
        assert_eq!(told.place(), ("here", "UTC"));
        assert_eq!(undeliverable("n3".into(), &told, &to, ("550", 1), false, at(2)), None);
        assert!(!bundles(&test) && !bundles(&told));
        assert_eq!(flood("n4".into(), &[], at(3)), None);
    }
}
