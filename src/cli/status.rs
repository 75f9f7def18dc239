//! `shopper status`: how every target, and the agent itself, are doing.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
use crate::clock::Clock;
use crate::domain::verdict::Verdict;
use crate::plan::Plan;
use crate::store::{
    Access, AgentStatus, GivenUp, LinkCounts, OutboxSummary, ProbeStatus, Space, StatusReport, Store,
};

use super::{Exit, Fault, Format, Global, load, output};

/// How many probes are named for one reason.
const NAMED: usize = 3;

#[derive(Debug, Args)]
pub(super) struct StatusArgs {}

pub(super) fn status(global: &Global, _args: &StatusArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir.clone();
    app::block_on(async move {
        let fault = |source| AppError::Store { folder: folder.clone(), source };
        let store = Store::open(&folder, Access::ReadOnly).map_err(fault)?;
        let report = store.status(Clock::system().now()).await.map_err(fault)?;
        if global.format == Format::Json {
            output::json(&report);
        } else {
            print(&plan, &report);
        }
        let down = report.probes.iter().any(|probe| probe.incident.is_some());
        Ok(if down { Exit::Portal } else { Exit::Done })
    })
}

fn print(plan: &Plan, report: &StatusReport) {
    let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
    for line in agent(&report.agent, &zone) {
        output::line(&line);
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "target",
        "probe",
        "last run",
        "verdict",
        "ended at",
        "24 h: pass/degr/fail/incon",
        "outage since",
    ]);
    for probe in &report.probes {
        let (when, verdict, ending) = last(probe, &zone);
        let counts = probe.runs_24h;
        table.add_row([
            name(plan, probe).to_owned(),
            probe.probe.to_string(),
            when,
            verdict,
            ending,
            format!("{}/{}/{}/{}", counts.pass, counts.degraded, counts.fail, counts.inconclusive),
            probe.incident.as_ref().map_or(String::new(), |incident| output::instant(incident.since, &zone)),
        ]);
    }
    if report.probes.is_empty() {
        output::line("Nothing has run yet.");
    } else {
        output::line(&table.to_string());
    }
    for line in silent(plan, &report.probes) {
        output::line(&line);
    }
    for lost in &report.losses {
        output::line(&super::verify::loss(lost, &zone));
    }
    let outbox = &report.outbox;
    let bundled = match outbox.bundled {
        0 => String::new(),
        n => format!(", {n} told together with others"),
    };
    output::line(&format!("mail: {} waiting, {} given up{bundled}", outbox.pending, outbox.failed));
    if let Some(line) = waits(outbox, report.at, &zone) {
        output::line(&format!("  {line}"));
    }
    for person in &outbox.given_up {
        output::line(&format!("  {}", not_told(person, &zone)));
    }
    if let Some(error) = &outbox.last_error {
        output::line(&format!("  the last trouble: {}", output::tame(error)));
    }
    let gaps: Vec<String> =
        report.gaps_24h.iter().map(|(reason, count)| format!("{count} {}", reason.name())).collect();
    if !gaps.is_empty() {
        output::line(&format!("slots of the last 24 h in which nothing ran: {}", gaps.join(", ")));
    }
}

/// How the agent itself does: a sentence each.
fn agent(agent: &AgentStatus, zone: &TimeZone) -> Vec<String> {
    let daemon = match (agent.running, agent.pid, agent.last_record_at) {
        (true, Some(pid), _) => format!("The daemon is running (process {pid})."),
        (true, None, _) => "The daemon is running.".to_owned(),
        (false, _, Some(at)) => {
            let at = output::instant(at, zone);
            format!("The daemon is not running; the last record is of {at}. Start it with `shopper daemon`.")
        }
        (false, _, None) => "The daemon is not running. Start it with `shopper daemon`.".to_owned(),
    };
    let short = agent.space.filter(Space::is_short).map(|space| {
        format!(
            "Only {} are free on the disk of the data folder: no screenshots are kept until {} are. Free some space.",
            output::megabytes(space.free),
            output::megabytes(space.reserve)
        )
    });
    [Some(daemon), short].into_iter().flatten().collect()
}

/// Why the newest runs say nothing about their portals, a line for each reason: one missing
/// program silences many probes.
fn silent(plan: &Plan, probes: &[ProbeStatus]) -> Vec<String> {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for probe in probes {
        let Some(last) = probe.last.as_ref().filter(|last| last.verdict == Verdict::Inconclusive) else {
            continue;
        };
        let name = format!("{} ({})", name(plan, probe), probe.probe);
        match reasons.iter_mut().find(|(reason, _)| *reason == last.reason) {
            Some((_, names)) => names.push(name),
            None => reasons.push((&last.reason, vec![name])),
        }
    }
    let told = |(reason, names): (&str, Vec<String>)| {
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = names[..names.len().min(NAMED)].join(", ");
        format!("inconclusive: {names}{more}: {}", output::tame(reason))
    };
    reasons.into_iter().map(told).collect()
}

/// How long the oldest mail waits, and when the next is tried.
fn waits(outbox: &OutboxSummary, now: Timestamp, zone: &TimeZone) -> Option<String> {
    let oldest = outbox.oldest_pending_at?;
    let minutes = now.duration_since(oldest).as_mins().max(0);
    let age = match (minutes / 60, minutes % 60) {
        (0, 0) => "less than a minute".to_owned(),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    let next = match outbox.next_try_at {
        Some(at) if at > now => format!(", the next try is at {}", output::instant(at, zone)),
        _ => ", the next try is due".to_owned(),
    };
    Some(format!("the oldest has waited since {} ({age}){next}", output::instant(oldest, zone)))
}

/// Who was not told, and why.
fn not_told(person: &GivenUp, zone: &TimeZone) -> String {
    let mails = if person.mails == 1 { "1 mail".to_owned() } else { format!("{} mails", person.mails) };
    let error = person.error.as_deref().map(output::tame).unwrap_or_default();
    let at = output::instant(person.newest_at, zone);
    format!("given up: {mails} to {}, the newest of {at}: {error}", output::tame(&person.to))
}

fn name<'a>(plan: &'a Plan, probe: &'a ProbeStatus) -> &'a str {
    plan.target(probe.target.as_str()).map_or(probe.target.as_str(), |target| &target.name)
}

fn last(probe: &ProbeStatus, zone: &TimeZone) -> (String, String, String) {
    match &probe.last {
        None => {
            let going = if probe.running_since.is_some() { "going on" } else { "never" };
            (going.to_owned(), String::new(), String::new())
        }
        Some(last) => {
            let step = last.step.as_ref().zip(last.outcome);
            let step = step.map(|(step, outcome)| format!("{} ({outcome})", output::tame(step)));
            let ending = match (step, probe.links.and_then(broken)) {
                (Some(step), Some(links)) => format!("{step}: {links}"),
                (Some(only), None) | (None, Some(only)) => only,
                (None, None) => "the end".to_owned(),
            };
            (output::instant(last.started_at, zone), last.verdict.to_string(), ending)
        }
    }
}

/// How many links are broken, when any are or were until now.
fn broken(links: LinkCounts) -> Option<String> {
    let LinkCounts { broken, new, fixed } = links;
    if broken + fixed == 0 {
        return None;
    }
    let noun = if broken == 1 { "link" } else { "links" };
    let parts = [format!("{broken} broken {noun}"), format!("{new} new"), format!("{fixed} mended")];
    let told = parts.into_iter().zip([true, new > 0, fixed > 0]).filter(|(_, told)| *told);
    Some(told.map(|(part, _)| part).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_agent_says_how_it_does() {
        let space = |free| Some(Space { free, reserve: 200_000_000 });
        let told = |running, pid, last_record_at, space| {
            agent(&AgentStatus { running, pid, last_record_at, space }, &TimeZone::UTC).join("\n")
        };
        assert_eq!(told(true, Some(7), Some(at(0)), space(u64::MAX)), "The daemon is running (process 7).");
        assert_eq!(told(true, None, None, None), "The daemon is running.");
        assert_eq!(
            told(false, None, Some(at(0)), None),
            "The daemon is not running; the last record is of 1970-01-01 00:00:00. Start it with `shopper daemon`."
        );
        assert!(told(true, None, None, space(12_000_000)).contains("\nOnly 12 MB are free"));
    }

    #[test]
    fn broken_links_are_counted() {
        let told = |broken, new, fixed| super::broken(LinkCounts { broken, new, fixed });
        assert_eq!(told(0, 0, 0), None);
        assert_eq!(told(1, 0, 0).unwrap(), "1 broken link");
        assert_eq!(told(12, 3, 1).unwrap(), "12 broken links, 3 new, 1 mended");
        assert_eq!(told(0, 0, 2).unwrap(), "0 broken links, 2 mended");
    }

    #[test]
    fn what_waits_says_for_how_long() {
        let told = |oldest: Option<i64>, next, now| {
            let outbox = OutboxSummary {
                oldest_pending_at: oldest.map(at),
                next_try_at: Some(at(next)),
                ..OutboxSummary::default()
            };
            waits(&outbox, at(now), &TimeZone::UTC)
        };
        assert_eq!(told(None, 0, 0), None);
        assert_eq!(
            told(Some(60), 8000, 7440).unwrap(),
            "the oldest has waited since 1970-01-01 00:01:00 (2 h 3 min), the next try is at 1970-01-01 02:13:20"
        );
        assert_eq!(
            told(Some(60), 80, 90).unwrap(),
            "the oldest has waited since 1970-01-01 00:01:00 (less than a minute), the next try is due"
        );
    }

    #[test]
    fn whoever_was_not_told_is_named() {
        let person = GivenUp {
            to: "oncall@example.org".to_owned(),
            mails: 2,
            newest_at: at(60),
            error: Some("550 no\u{1b}[2J such user".to_owned()),
        };
        assert_eq!(
            not_told(&person, &TimeZone::UTC),
            "given up: 2 mails to oncall@example.org, the newest of 1970-01-01 00:01:00: 550 no [2J such user"
        );
    }
}
