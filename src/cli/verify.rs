//! `shopper verify`: whether the records are as they were written.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::{self, AppError};
use crate::plan::counted;
use crate::store::{Access, Finding, Loss, Store, VerifyOptions, VerifyReport};

use super::export::parse_instant;
use super::{Exit, Fault, Format, Global, load, output};

/// Exit code 3: something is wrong with the records.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Only records of this instant or later, such as 2026-11-01T00:00:00+08:00; the chain and its heads are looked at whole.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    since: Option<Timestamp>,
    /// Read every evidence file as well.
    #[arg(long)]
    files: bool,
    /// Ask for signatures by the keys in this file (PEM); without a file: print the public keys.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "not given, given alone, given with a file")]
    key: Option<Option<PathBuf>>,
}

pub(super) fn verify(global: &Global, args: &VerifyArgs) -> Result<Exit, Fault> {
    let plan = load::plan(global)?;
    let folder = plan.agent.data_dir.clone();
    let fault = |source| AppError::Store { folder: folder.clone(), source };
    let store = Store::open(&folder, Access::ReadOnly).map_err(fault)?;
    let keys = match &args.key {
        None => None,
        Some(None) => {
            let Some(keys) = store.public_keys().map_err(fault)? else {
                let hint = "the daemon makes it at its first start: run `shopper daemon` once";
                return Err(Fault::input("there is no key yet", hint));
            };
            output::line(keys.trim_end());
            return Ok(Exit::Done);
        }
        Some(Some(path)) => {
            let read = std::fs::read_to_string(path);
            Some(read.map_err(|source| AppError::Folder { path: path.clone(), source })?)
        }
    };
    let options = VerifyOptions { since: args.since, files: args.files, keys };
    let report = app::block_on(async { store.verify(options).await.map_err(fault) })?;
    if global.format == Format::Json {
        output::json(&report);
    } else {
        let zone = TimeZone::get(&plan.agent.timezone).unwrap_or(TimeZone::UTC);
        for line in told(&report, &zone) {
            output::line(&line);
        }
    }
    Ok(exit(&report))
}

/// What a verification means.
pub(super) fn exit(report: &VerifyReport) -> Exit {
    if report.clean { Exit::Done } else { Exit::OwnFault }
}

/// A report for people: what is wrong first, then what was looked at.
pub(super) fn told(report: &VerifyReport, zone: &TimeZone) -> Vec<String> {
    let mut lines: Vec<String> = report.findings.iter().map(|found| finding(found, zone)).collect();
    if report.more > 0 {
        lines.push(format!("… and {} more", report.more));
    }
    lines.extend(report.losses.iter().map(|one| loss(one, zone)));
    let mut seen = vec![many(report.runs, "run"), many(report.gaps, "gap")];
    seen.extend((report.pruned > 0).then(|| format!("{} removed by retention", report.pruned)));
    seen.push(many(report.heads, "signed head"));
    seen.extend(report.files.map(|files| many(files, "evidence file")));
    let until = report.until.map(|at| format!(", up to {}", output::instant(at, zone))).unwrap_or_default();
    lines.push(format!("Verified: {} entries, {}{until}.", report.entries, seen.join(", ")));
    if report.waiting > 0 {
        let waiting = report.waiting;
        lines.push(format!(
            "{waiting} records of an older version wait for their entries: the daemon makes them."
        ));
    }
    lines.push(if report.clean {
        "Nothing is wrong.".to_owned()
    } else {
        "The records are not as they were written. Keep the data folder as it is, and compare it with a backup.".to_owned()
    });
    lines
}

/// A number of things, as [`counted`] says it.
fn many(number: u64, noun: &str) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn finding(found: &Finding, zone: &TimeZone) -> String {
    let Finding { what, with, id, probe, target, at, detail, .. } = found;
    let place = probe.as_ref().zip(target.as_ref()).map(|(probe, target)| format!("{probe} on {target}"));
    let at = at.map(|at| output::instant(at, zone));
    let about: Vec<String> = [place, at].into_iter().flatten().collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    output::tame(&format!("{}: {} {id}{about}: {detail}", what.name(), with.name()))
}

/// What was lost, in a sentence.
pub(super) fn loss(loss: &Loss, zone: &TimeZone) -> String {
    let until = output::instant(loss.until, zone);
    let span = match loss.since {
        Some(since) => format!("from {} until {until}", output::instant(since, zone)),
        None => format!("before {until}"),
    };
    let kept =
        loss.kept_in.as_ref().map(|folder| format!(" What was there is in {folder}.")).unwrap_or_default();
    output::tame(&format!("Records {span} were lost: {}.{kept}", loss.why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Thing, Wrong};

    #[test]
    fn what_is_wrong_is_named_before_what_was_looked_at() {
        let at = Timestamp::from_second(60).ok();
        let finding = Finding {
            what: Wrong::Changed,
            with: Thing::Run,
            id: "r7".to_owned(),
            entry: Some(3),
            probe: Some("home".to_owned()),
            target: Some("city".to_owned()),
            at,
            detail: "it is not what was recorded\u{1b}[2J".to_owned(),
        };
        let loss = Loss {
            since: None,
            until: at.unwrap(),
            why: "it broke".to_owned(),
            kept_in: Some("damaged-1".to_owned()),
        };
        let report = VerifyReport {
            clean: false,
            entries: 9,
            runs: 6,
            gaps: 1,
            pruned: 0,
            waiting: 0,
            heads: 2,
            files: Some(4),
            until: at,
            losses: vec![loss],
            findings: vec![finding],
            more: 5,
        };
        let lines = told(&report, &TimeZone::UTC);
        assert_eq!(
            lines[..4],
            [
                "changed: run r7 (home on city, 1970-01-01 00:01:00): it is not what was recorded [2J",
                "… and 5 more",
                "Records before 1970-01-01 00:01:00 were lost: it broke. What was there is in damaged-1.",
                "Verified: 9 entries, 6 runs, 1 gap, 2 signed heads, 4 evidence files, up to 1970-01-01 00:01:00.",
            ]
        );
        assert_eq!(exit(&report), Exit::OwnFault);
        let clean = VerifyReport { clean: true, findings: Vec::new(), more: 0, losses: Vec::new(), ..report };
        assert_eq!(told(&clean, &TimeZone::UTC).last().unwrap(), "Nothing is wrong.");
    }
}
