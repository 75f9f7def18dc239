//! Incidents → notices: what people are told, complete, so that a mail written again after a
//! restart says the same.
//!
//! Invariant: ids and times are handed in. The Message-ID is fixed here, before the first try; the
//! first notice of an incident is the root of its thread, and every later one answers it.

use jiff::Timestamp;

use crate::domain::ids::{IncidentId, NoticeId, RunId};
use crate::domain::incident::{Concern, Incident, Scope, Severity};
use crate::domain::link::LinkFault;
use crate::domain::notice::{BrokenLinks, Matter, NamedLink, Notice, NoticeFacts, NoticeKind};
use crate::domain::outcome::Outcome;
use crate::domain::run::{Run, RunKind, StepRecord};
use crate::domain::target::Target;
use crate::domain::visit::Visit;

use super::links;
use super::verdict::failing_step;

/// What a notice needs besides the run and the incident.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The portal.
    pub target: &'a Target,
    /// What the probe does, in people's words.
    pub probe_title: &'a str,
    /// Where the agent stands.
    pub vantage: &'a str,
    /// The IANA time zone in which times are written.
    pub timezone: &'a str,
    /// What stands behind the `@` of a Message-ID.
    pub message_domain: &'a str,
    /// The time of the decision.
    pub now: Timestamp,
}

/// The root of an incident's thread: the Message-ID of its first mail.
pub fn thread(incident: &IncidentId, domain: &str) -> String {
    message_id(incident.as_str(), domain)
}

/// The incident that a failed run opens.
pub fn opened(id: IncidentId, since: Timestamp, run: &Run, setting: &Setting<'_>) -> Incident {
    let failing = failing_step(&run.steps).map(|(_, step)| step).or_else(|| run.steps.last());
    Incident {
        thread: thread(&id, setting.message_domain),
        id,
        concern: Concern::Outage,
        severity: Severity::Outage,
        scope: Scope::Pair,
        parent: None,
        flapping: false,
        acknowledged: None,
        probe: run.probe.clone(),
        target: run.target.clone(),
        since,
        opened_at: setting.now,
        opened_by: Some(run.id.clone()),
        closed_at: None,
        closed_by: None,
        told_at: Some(setting.now),
        last_notice_at: Some(setting.now),
        reminders: 0,
        outcome: failing.map_or(Outcome::NotReached, |step| step.outcome),
        step: failing.map(|step| step.name.clone()).unwrap_or_default(),
    }
}

/// The runs that say what a notice says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnesses {
    /// The newest of them, oldest first.
    pub newest: Vec<RunId>,
    /// How many there are: a long outage has more than are remembered.
    pub in_all: u32,
}

/// The notice about `incident` after `run`; `runs` are those that say so.
///
/// A notice of an outage shows the step that fails now. A recovery shows the step that had failed,
/// as it looks now.
pub fn notice(
    id: NoticeId,
    kind: NoticeKind,
    incident: &Incident,
    run: &Run,
    runs: Witnesses,
    setting: &Setting<'_>,
) -> Notice {
    let root = kind == NoticeKind::Opened;
    let message_id =
        if root { incident.thread.clone() } else { message_id(id.as_str(), setting.message_domain) };
    Notice {
        id,
        incident: Some(incident.id.clone()),
        kind,
        concern: incident.concern,
        severity: incident.severity,
        created_at: setting.now,
        message_id,
        in_reply_to: (!root).then(|| incident.thread.clone()),
        matter: Matter::Facts(Box::new(facts(kind, incident, run, runs, setting))),
    }
}

fn facts(
    kind: NoticeKind,
    incident: &Incident,
    run: &Run,
    runs: Witnesses,
    setting: &Setting<'_>,
) -> NoticeFacts {
    let resolved = kind == NoticeKind::Resolved;
    let named = run.steps.iter().enumerate().find(|(_, step)| step.name == incident.step);
    let told = if resolved { named } else { failing_step(&run.steps).or(named) };
    let (at, step) = told
        .or_else(|| run.steps.iter().enumerate().next_back())
        .map_or((0, None), |(at, step)| (at, Some(step)));
    let position = if resolved { run.steps.iter().filter(|s| s.outcome.goes_on()).count() } else { at };
    let seen = step.filter(|_| !resolved);
    NoticeFacts {
        target: run.target.clone(),
        target_name: setting.target.name.clone(),
        region: setting.target.region().map(str::to_owned),
        entry: setting.target.entry.to_string(),
        probe: run.probe.clone(),
        probe_title: setting.probe_title.to_owned(),
        step: seen.map_or_else(|| incident.step.clone(), |step| step.name.clone()),
        position: (count(position), count(run.steps.len())),
        outcome: seen.map_or(incident.outcome, |step| step.outcome),
        url: url(run, step),
        status: status(run, step),
        error: seen.and_then(|step| step.error.clone()),
        phrase: seen.and_then(|step| step.facts.phrase.as_ref()).map(|phrase| phrase.phrase.clone()),
        links: broken_links(kind, incident, run),
        since: incident.since,
        confirmed_at: incident.opened_at,
        resolved_at: resolved.then_some(setting.now),
        runs_in_all: runs.in_all.max(count(runs.newest.len())),
        runs: runs.newest,
        screenshot: step.and_then(screenshot),
        vantage: setting.vantage.to_owned(),
        timezone: setting.timezone.to_owned(),
        slow: None,
        scenario: None,
        with_it: Vec::new(),
        tried: Vec::new(),
        acknowledged: incident.acknowledged.clone(),
        held_by: None,
    }
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
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::ids::{EvidenceHash, RunId};
    use crate::domain::observation::{Evidence, EvidenceKind, MainResponse};
    use crate::domain::place::Place;
    use crate::domain::run::Cause;
    use crate::domain::target::TargetClass;
    use crate::domain::verdict::Verdict;
    use crate::judge::verdict::tests::step;

    fn run(id: &str, outcomes: &[(&str, Outcome)]) -> Run {
        let at = Timestamp::from_second(1000).unwrap();
        let mut run = Run {
            id: id.into(),
            probe: "drug-licence".into(),
            target: "demo-city".into(),
            kind: RunKind::Walk,
            scenario: Some("drug-licence".into()),
            scenario_hash: None,
            vantage: "beijing-1".into(),
            cause: Cause::Schedule,
            scheduled_at: at,
            started_at: at,
            finished_at: at,
            elapsed_ms: 10,
            attempts: 1,
            verdict: Verdict::Fail,
            reason: String::new(),
            steps: outcomes.iter().map(|(name, outcome)| step(name, *outcome)).collect(),
            visit: None,
            link_faults: Vec::new(),
            links_checked: None,
            crawl: None,
            browser: None,
            canaries: Vec::new(),
            agent_version: "0.1.0".into(),
        };
        for step in &mut run.steps {
            step.facts.url = format!("http://city.example/{}", step.name);
            let hash = |label: &str| Evidence {
                kind: EvidenceKind::Screenshot,
                hash: EvidenceHash::new(format!("{label}-{}", step.name)),
                mime: "image/jpeg".into(),
                size: 1,
                label: label.into(),
            };
            step.evidence = vec![hash("early"), hash("last")];
        }
        run
    }

    fn target() -> Target {
        Target {
            id: "demo-city".into(),
            name: "示范市政务服务网".into(),
            labels: BTreeMap::from([("region".to_owned(), "西南".to_owned())]),
            entry: url::Url::parse("http://city.example/").unwrap(),
            class: TargetClass::Test,
            vars: BTreeMap::new(),
            secrets: Vec::new(),
            hosts: Vec::new(),
            marker: None,
            place: Place::default(),
            soft_404: true,
            assessed: None,
        }
    }

    #[test]
    fn a_thread_has_one_root_and_answers_to_it() {
        use Outcome::*;
        let target = target();
        let setting = Setting {
            target: &target,
            probe_title: "药品经营许可证核发",
            vantage: "beijing-1",
            timezone: "Asia/Shanghai",
            message_domain: "example.org",
            now: Timestamp::from_second(2000).unwrap(),
        };
        let mut failed = run("r2", &[("home", Done), ("form", ServerError), ("gate", NotReached)]);
        failed.steps[1].error = Some("The server answered with status 500.".into());
        failed.steps[1].facts.main =
            Some(MainResponse { url: String::new(), status: 500, mime: "text/html".into(), firewall: None });
        let since = Timestamp::from_second(900).unwrap();
        let incident = opened("i1".into(), since, &failed, &setting);
        assert_eq!((incident.step.as_str(), incident.outcome), ("form", ServerError));

        let runs = Witnesses { newest: vec![RunId::new("r1"), RunId::new("r2")], in_all: 43 };
        let first = notice("n1".into(), NoticeKind::Opened, &incident, &failed, runs, &setting);
        assert_eq!(first.message_id, "<i1@example.org>");
        assert_eq!(first.message_id, incident.thread);
        assert_eq!(first.in_reply_to, None);
        let facts = first.facts().unwrap();
        assert_eq!((facts.runs.len(), facts.runs_in_all), (2, 43));
        assert_eq!((facts.step.as_str(), facts.position, facts.status), ("form", (1, 3), Some(500)));
        assert_eq!(facts.screenshot.as_ref().map(EvidenceHash::as_str), Some("last-form"));
        assert_eq!(facts.error.as_deref(), Some("The server answered with status 500."));
        assert_eq!((facts.since, facts.resolved_at, facts.region.as_deref()), (since, None, Some("西南")));

        let good = run("r4", &[("home", Done), ("form", Done), ("gate", OnlineReady)]);
        let runs = Witnesses { newest: vec![RunId::new("r3"), RunId::new("r4")], in_all: 2 };
        let last = notice("n2".into(), NoticeKind::Resolved, &incident, &good, runs, &setting);
        assert_eq!(last.message_id, "<n2@example.org>");
        assert_eq!(last.in_reply_to.as_deref(), Some("<i1@example.org>"));
        let facts = last.facts().unwrap();
        assert_eq!((facts.step.as_str(), facts.outcome, facts.position), ("form", ServerError, (3, 3)));
        assert_eq!((facts.error.as_ref(), facts.resolved_at), (None, Some(setting.now)));
        assert_eq!(facts.screenshot.as_ref().map(EvidenceHash::as_str), Some("last-form"));
    }
}
