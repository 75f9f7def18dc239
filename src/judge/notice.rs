//! Incidents → notices: what people are told, complete, so that a mail written again after a
//! restart says the same.
//!
//! Invariant: ids and times are handed in. The Message-ID is fixed here, before the first try; the
//! first notice of an incident is the root of its thread, and every later one answers it.

use jiff::Timestamp;

use super::doubt::tried;
use super::links;
use super::reading::{rotten, took};
use super::sight::VantageState;
use super::tell::Tell;
use super::verdict::failing_step;
use crate::domain::ids::{IncidentId, NoticeId, ProbeId, RunId, TargetId};
use crate::domain::incident::{Concern, Incident, Scope};
use crate::domain::link::LinkFault;
use crate::domain::notice::{
    BrokenLinks, Matter, Member, NamedLink, Notice, NoticeFacts, NoticeKind, Slowness, VantageFacts,
    WaveFacts,
};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Run, RunKind, StepRecord};
use crate::domain::target::Target;
use crate::domain::visit::Visit;
use crate::plan::{Plan, Probe};

/// How many members of a wave a mail names.
pub const NAMED_MEMBERS: usize = 30;

/// What a notice needs besides what it is about.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// What targets and probes are called, and where the agent stands.
    pub plan: &'a Plan,
    /// What stands behind the `@` of a Message-ID.
    pub message_domain: &'a str,
    /// The time of the decision.
    pub now: Timestamp,
}

impl<'a> Setting<'a> {
    fn target(&self, id: &TargetId) -> Option<&'a Target> {
        self.plan.target(id.as_str()).map(AsRef::as_ref)
    }

    fn probe(&self, id: &ProbeId) -> Option<&'a Probe> {
        self.plan.probe(id.as_str()).map(AsRef::as_ref)
    }

    /// What a probe does, in people's words; its id when it is no longer in the plan.
    pub fn probe_title(&self, id: &ProbeId) -> String {
        self.probe(id).map_or_else(|| id.to_string(), |probe| probe.work.title(self.plan.agent.language))
    }

    fn target_name(&self, id: &TargetId) -> String {
        self.target(id).map_or_else(|| id.to_string(), |target| target.name.clone())
    }
}

/// The root of an incident's thread: the Message-ID of its first mail.
pub fn thread(incident: &IncidentId, domain: &str) -> String {
    message_id(incident.as_str(), domain)
}

/// The incident that a run opens.
pub fn opened(
    id: IncidentId,
    concern: Concern,
    since: Timestamp,
    flapping: bool,
    run: &Run,
    setting: &Setting<'_>,
) -> Incident {
    let step = told_step(concern, run).map(|(_, step)| step).or_else(|| run.steps.last());
    let most = setting.probe(&run.probe).map(|probe| probe.severity);
    Incident {
        thread: thread(&id, setting.message_domain),
        id,
        concern,
        severity: most.map_or(concern.severity(), |most| concern.severity().min(most)),
        scope: Scope::Pair,
        parent: None,
        flapping,
        acknowledged: None,
        probe: run.probe.clone(),
        target: run.target.clone(),
        since,
        opened_at: setting.now,
        opened_by: Some(run.id.clone()),
        closed_at: None,
        closed_by: None,
        told_at: None,
        last_notice_at: None,
        reminders: 0,
        outcome: step.map_or(Outcome::NotReached, |step| step.outcome),
        step: step.map(|step| step.name.clone()).unwrap_or_default(),
    }
}

/// Turns what worked badly into an outage, in the same thread. Whoever took it upon himself took
/// something lesser: people are reminded again.
pub fn worsen(incident: &mut Incident, flapping: bool, run: &Run, setting: &Setting<'_>) {
    let outage = opened(incident.id.clone(), Concern::Outage, incident.since, flapping, run, setting);
    incident.concern = outage.concern;
    incident.severity = outage.severity;
    incident.flapping = flapping;
    incident.outcome = outage.outcome;
    incident.step = outage.step;
    incident.acknowledged = None;
    incident.reminders = 0;
}

/// The incident of our own that we cannot see.
pub fn lost_sight(id: IncidentId, since: Timestamp, setting: &Setting<'_>) -> Incident {
    Incident {
        thread: thread(&id, setting.message_domain),
        id,
        concern: Concern::Vantage,
        severity: Concern::Vantage.severity(),
        scope: Scope::Vantage,
        parent: None,
        flapping: false,
        acknowledged: None,
        probe: ProbeId::new(""),
        target: TargetId::new(""),
        since,
        opened_at: setting.now,
        opened_by: None,
        closed_at: None,
        closed_by: None,
        told_at: None,
        last_notice_at: None,
        reminders: 0,
        outcome: Outcome::ProbeFault,
        step: String::new(),
    }
}

/// The runs that say what a notice says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witnesses {
    /// The newest of them, oldest first.
    pub newest: Vec<RunId>,
    /// How many there are: a long outage has more than are remembered.
    pub in_all: u32,
}

/// The notice that is told.
pub fn notice(
    id: NoticeId,
    tell: &Tell,
    incident: &Incident,
    matter: Matter,
    setting: &Setting<'_>,
) -> Notice {
    let message_id =
        if tell.root { incident.thread.clone() } else { message_id(id.as_str(), setting.message_domain) };
    Notice {
        id,
        incident: Some(incident.id.clone()),
        kind: tell.kind,
        concern: incident.concern,
        severity: incident.severity,
        created_at: setting.now,
        message_id,
        in_reply_to: (!tell.root).then(|| incident.thread.clone()),
        matter,
    }
}

/// What is said of one probe on one target after `run`, which may be gone; `witnesses` are the runs that
/// say so, `with_it` the incidents that this one speaks for.
///
/// A notice of what lasts shows the step that fails now. A recovery shows the step that had failed, as
/// it looks now.
pub fn pair(
    tell: &Tell,
    incident: &Incident,
    run: Option<&Run>,
    witnesses: Witnesses,
    with_it: &[Incident],
    setting: &Setting<'_>,
) -> Matter {
    let resolved = tell.kind == NoticeKind::Resolved;
    let steps = run.map(|run| run.steps.as_slice()).unwrap_or_default();
    let named = steps.iter().enumerate().find(|(_, step)| step.name == incident.step);
    let told = if resolved { named } else { run.and_then(|run| told_step(incident.concern, run)).or(named) };
    let (at, step) = told
        .or_else(|| steps.iter().enumerate().next_back())
        .map_or((0, None), |(at, step)| (at, Some(step)));
    let position = if resolved { steps.iter().filter(|s| s.outcome.goes_on()).count() } else { at };
    let seen = step.filter(|_| !resolved);
    let target = setting.target(&incident.target);
    let probe = setting.probe(&incident.probe);
    let mut titles: Vec<String> = with_it.iter().map(|child| setting.probe_title(&child.probe)).collect();
    titles.dedup();
    Matter::Facts(Box::new(NoticeFacts {
        target: incident.target.clone(),
        target_name: setting.target_name(&incident.target),
        region: target.and_then(Target::region).map(str::to_owned),
        entry: target.map(|target| target.entry.to_string()).unwrap_or_default(),
        probe: incident.probe.clone(),
        probe_title: setting.probe_title(&incident.probe),
        step: seen.map_or_else(|| incident.step.clone(), |step| step.name.clone()),
        position: (count(position), count(steps.len())),
        outcome: seen.map_or(incident.outcome, |step| step.outcome),
        url: run.map(|run| url(run, step)).unwrap_or_default(),
        status: run.and_then(|run| status(run, step)),
        error: seen.and_then(|step| step.error.clone()),
        phrase: seen.and_then(|step| step.facts.phrase.as_ref()).map(|phrase| phrase.phrase.clone()),
        links: run.and_then(|run| broken_links(tell.kind, incident, run)),
        since: incident.since,
        confirmed_at: incident.opened_at,
        resolved_at: incident.closed_at,
        runs_in_all: witnesses.in_all.max(count(witnesses.newest.len())),
        runs: witnesses.newest,
        screenshot: step.and_then(screenshot),
        vantage: setting.plan.agent.name.clone(),
        timezone: setting.plan.agent.timezone.clone(),
        slow: slowness(incident, run, probe),
        scenario: run.and_then(|run| run.scenario.clone()).filter(|_| incident.concern == Concern::ScriptRot),
        with_it: titles,
        tried: run.map(|run| tried(run, setting.plan.agent.language)).unwrap_or_default(),
        acknowledged: incident.acknowledged.clone(),
        held_by: tell.held_by.clone(),
    }))
}

/// What is said of a wave; `members` are all of them, the first ones first.
pub fn wave(incident: &Incident, members: &[Incident], setting: &Setting<'_>) -> Option<Matter> {
    let Scope::Wave { shared } = &incident.scope else { return None };
    let over = members.iter().filter(|member| member.closed_at.is_some()).count();
    // Those that last are named before those that are over.
    let lasting = members.iter().filter(|member| member.closed_at.is_none());
    let named = lasting.chain(members.iter().filter(|member| member.closed_at.is_some()));
    Some(Matter::Wave(Box::new(WaveFacts {
        shared: shared.clone(),
        members: named.take(NAMED_MEMBERS).map(|member| self::member(member, setting)).collect(),
        in_all: count(members.len()),
        over: count(over),
        since: members.iter().map(|member| member.since).min().unwrap_or(incident.since),
        confirmed_at: incident.opened_at,
        resolved_at: incident.closed_at,
        vantage: setting.plan.agent.name.clone(),
        timezone: setting.plan.agent.timezone.clone(),
        acknowledged: incident.acknowledged.clone(),
    })))
}

/// One incident as it stands in a list.
pub fn member(incident: &Incident, setting: &Setting<'_>) -> Member {
    Member {
        incident: incident.id.clone(),
        target: incident.target.clone(),
        target_name: setting.target_name(&incident.target),
        probe_title: setting.probe_title(&incident.probe),
        step: incident.step.clone(),
        outcome: incident.outcome,
        concern: incident.concern,
        since: incident.since,
        closed_at: incident.closed_at,
    }
}

/// What is said of ourselves.
pub fn ourselves(incident: &Incident, state: &VantageState, setting: &Setting<'_>) -> Matter {
    Matter::Vantage(Box::new(VantageFacts {
        vantage: setting.plan.agent.name.clone(),
        canaries: state.canaries.clone(),
        runs: state.runs,
        since: incident.since,
        resolved_at: incident.closed_at,
        timezone: setting.plan.agent.timezone.clone(),
    }))
}

/// The step by which a run shows what is wrong, with its place.
fn told_step(concern: Concern, run: &Run) -> Option<(usize, &StepRecord)> {
    match concern {
        Concern::Outage | Concern::Links => failing_step(&run.steps),
        Concern::ScriptRot => {
            let name = &rotten(run)?.name;
            run.steps.iter().enumerate().find(|(_, step)| step.name == *name)
        }
        // The one that took most of the time.
        Concern::Slow => run.steps.iter().enumerate().max_by_key(|(_, step)| step.elapsed_ms),
        Concern::Vantage => None,
    }
}

fn slowness(incident: &Incident, run: Option<&Run>, probe: Option<&Probe>) -> Option<Slowness> {
    let (run, allowed) = (run?, probe?.slow?);
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let slow = Slowness { took_ms: ms(took(run)), allowed_ms: ms(allowed) };
    (incident.concern == Concern::Slow).then_some(slow)
}

/// The broken links of a link check, when the incident is about their number. A recovery from dead
/// pages says how many are left.
fn broken_links(kind: NoticeKind, incident: &Incident, run: &Run) -> Option<BrokenLinks> {
    let extent = run.crawl.as_ref().filter(|_| run.kind == RunKind::Crawl)?;
    let over = match kind {
        NoticeKind::Resolved => incident.outcome == Outcome::Broken,
        _ => extent.over_limit.is_some(),
    };
    let named =
        |fault: &LinkFault| NamedLink { url: fault.url.clone(), class: fault.class, status: fault.status };
    over.then(|| BrokenLinks {
        broken: count(run.link_faults.len()),
        on_home: count(links::on_home(&run.link_faults)),
        limit: extent.over_limit,
        first: links::first(&run.link_faults).map(named).collect(),
    })
}

/// Where the step ended; for a visit the address that was asked for, when nobody answered.
fn url(run: &Run, step: Option<&StepRecord>) -> String {
    let of_step = step.map(|step| step.facts.url.as_str()).filter(|url| !url.is_empty());
    let of_visit = own_visit(run).map(|visit| match visit.final_url.as_str() {
        "" => visit.url.as_str(),
        url => url,
    });
    of_step.or(of_visit).unwrap_or_default().to_owned()
}

/// The visit that the run was; what stands beside a walk tells of another request.
fn own_visit(run: &Run) -> Option<&Visit> {
    run.visit.as_ref().filter(|_| run.kind == RunKind::Visit)
}

fn status(run: &Run, step: Option<&StepRecord>) -> Option<u16> {
    let of_step = step.and_then(|step| step.facts.main.as_ref()).map(|main| main.status);
    of_step.or_else(|| own_visit(run).and_then(|visit| visit.status))
}

/// The step's own screenshot: the last one, taken when it ended.
fn screenshot(step: &StepRecord) -> Option<crate::domain::ids::EvidenceHash> {
    use crate::domain::observation::EvidenceKind::Screenshot;
    step.evidence.iter().rev().find(|evidence| evidence.kind == Screenshot).map(|e| e.hash.clone())
}

fn message_id(left: &str, domain: &str) -> String {
    format!("<{left}@{domain}>")
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
