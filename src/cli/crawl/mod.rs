//! `shopper crawl`: the links of a page and of the pages below it.
//!
//! A crawl is a run like any other; what is its own is how it is shown: with a bar while it goes on,
//! as a table, JSON, CSV or JUnit XML at its end, and beside what the last crawl of the same address
//! found.

mod args;
mod bar;
mod csv;
mod junit;
mod memory;
pub(in crate::cli) mod table;
mod width;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::app::{self, Workshop, WorkshopOptions};
use crate::domain::run::Run;
use crate::domain::target::TargetClass;
use crate::domain::verdict::Verdict;
use crate::plan::Work;
use crate::runner::Order;

pub(super) use self::args::CrawlArgs;
use self::args::{Forms, Report};
use self::bar::Bar;
use self::memory::{Changes, Memory, Reach, Remembered};
use super::output::{self, Narrator};
use super::run::Job;
use super::{Exit, Fault, Global};

/// A live host is not asked more often than this.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn crawl(global: &Global, args: &CrawlArgs) -> Result<Exit, Fault> {
    let Forms { stdout, file } = args.forms(global.format)?;
    let (plan, target) = args.lone.target(global, &args.url)?;
    if target.class == TargetClass::Live && args.interval.is_some_and(|pause| pause < LIVE_INTERVAL) {
        return Err(Fault::input(
            "a live portal is not asked more than once a second",
            "give --interval 1s or more, or --class test if this is a system of your own",
        ));
    }
    let crawling = args.plan();
    let reach = Reach::of(&crawling);
    // A file that cannot be written is better known before the crawl than after it.
    let mut file = file.map(|(path, report)| open(path).map(|file| (path, file, report))).transpose()?;
    let memory = app::state_folder().map(|state| Memory::of(&state, &args.url));
    let before = memory.as_ref().map(|memory| memory.read(&args.url, reach)).transpose();
    let before = before.unwrap_or_else(|why| {
        output::note(&format!("warning: {why}; every broken link counts as new"));
        None
    });
    let before = before.unwrap_or_else(|| Remembered { reach, ..Remembered::default() });

    let loud = stdout == Report::Table && !global.quiet;
    let order = Order {
        fresh: args.fresh,
        looks: !args.no_browser,
        known: before.known(),
        ..Job::lone(target, Work::Crawl(crawling)).order(&plan, now())
    };
    if loud {
        let title = app::title_of(&order.work, plan.agent.language);
        output::line(&format!("{title} · {} ({})", order.target.name, order.target.entry));
    }
    let (mut run, interrupted) = app::block_on(async {
        let workshop = Workshop::open(&plan, WorkshopOptions { headed: false, keep: false })?;
        let cancel = app::interrupted();
        let bar = Bar::new(global.quiet);
        let run = Box::pin(workshop.run(&order, &bar, &cancel)).await;
        drop(bar);
        workshop.close().await;
        Ok::<_, Fault>((run?, cancel.is_cancelled()))
    })?;

    let changes = memory::compare(&before, &run, run.finished_at);
    date(&mut run, &changes);
    if let Some(memory) = memory {
        let remembered = Remembered {
            entry: args.url.to_string(),
            reach: before.reach,
            narrower: false,
            faults: changes.faults.clone(),
        };
        if let Err(why) = memory.write(&remembered) {
            output::note(&format!("warning: {why}; the next crawl will not know what is new"));
        }
    }
    if let Some((path, file, report)) = &mut file {
        into(file, *report, &run, &changes).map_err(|error| unwritable(path, &error))?;
    }
    show(stdout, global.quiet, &run, &changes);
    if interrupted && !global.quiet {
        output::note("Interrupted; what was found until then stands above.");
    }
    Ok(exit_of(&run, interrupted))
}

/// The time of an order from the command line.
fn now() -> Timestamp {
    crate::clock::Clock::system().now()
}

/// Puts into the faults what is known from earlier crawls.
fn date(run: &mut Run, changes: &Changes) {
    let finished = run.finished_at;
    for fault in &mut run.link_faults {
        fault.first_seen_at = Some(changes.still.get(&fault.id).copied().unwrap_or(finished));
        fault.last_seen_at = Some(finished);
    }
}

fn open(path: &Path) -> Result<File, Fault> {
    // What it held is kept until there is something better.
    let opened = File::options().write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::input(format!("could not write `{}`: {error}", path.display()), "name a file that can be written")
}

fn into(file: &mut File, report: Report, run: &Run, changes: &Changes) -> std::io::Result<()> {
    // Pipes and devices have no length.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    let mut out = std::io::BufWriter::new(file);
    write(&mut out, report, run, changes)?;
    out.flush()
}

fn write(out: &mut dyn Write, report: Report, run: &Run, changes: &Changes) -> std::io::Result<()> {
    match report {
        Report::Table => writeln!(out, "{}", table::render(run, Some(changes), table::width())),
        Report::Json => {
            serde_json::to_writer_pretty(&mut *out, run)?;
            writeln!(out)
        }
        Report::Csv => csv::write(out, run, changes),
        Report::Junit => junit::write(out, run, changes),
    }
}

fn show(report: Report, quiet: bool, run: &Run, changes: &Changes) {
    if report == Report::Table && quiet {
        output::line(&format!("{}\t{}\t{}", run.target, run.verdict, output::tame(&run.reason)));
        return;
    }
    // A reader that went away is no fault of ours.
    let _ = write(&mut std::io::BufWriter::new(std::io::stdout().lock()), report, run, changes);
    if report == Report::Table {
        output::line(&Narrator::new().verdict(run));
    }
}

/// What was found broken is broken, even when the crawl could not be brought to its end.
fn exit_of(run: &Run, interrupted: bool) -> Exit {
    let failed = matches!(run.verdict, Verdict::Fail | Verdict::Degraded) || !run.link_faults.is_empty();
    match run.verdict {
        _ if interrupted => Exit::Interrupted,
        _ if failed => Exit::Portal,
        Verdict::Inconclusive => Exit::OwnFault,
        Verdict::Pass | Verdict::Degraded | Verdict::Fail => Exit::Done,
    }
}

#[cfg(test)]
mod tests;
