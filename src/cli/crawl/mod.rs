//! `shopper crawl`: the links of a page and of the pages below it.
//!
//! A crawl is a run like any other; what is its own is how it is shown: with a bar while it goes on,
//! as a table, JSON, CSV or JUnit XML at its end, and beside what the last crawl of the same address
//! found.

mod bar;
mod csv;
mod junit;
mod memory;
pub(in crate::cli) mod table;
mod width;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::app::{self, Workshop, WorkshopOptions};
use crate::domain::run::Run;
use crate::domain::target::TargetClass;
use crate::domain::verdict::Verdict;
use crate::plan::{CrawlPlan, Render, Work};
use crate::runner::Order;

use self::bar::Bar;
use self::memory::{Changes, Memory, Reach, Remembered};
use super::lone::LoneArgs;
use super::output::{self, Narrator};
use super::run::{Job, parse_time};
use super::{Exit, Fault, Format, Global};

/// A live host is not asked more often than this.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

const AFTER: &str = "\
Forms:
  --format says what stdout gets: human (a table), json (the run), csv (a row for every broken link) or
  junit (XML for build servers). --out FILE writes one of them into a file besides; its form is that
  of --report, or of the file's ending (.csv, .xml, .json, .txt). --report without --out is what stdout
  gets instead of a table.

New, still, fixed:
  What a crawl found is remembered for its address in the state folder (XDG_STATE_HOME, or
  ~/.local/state) and compared with the next one's.

Exit codes:
  0 every link works · 1 something is broken · 2 bad input · 3 nothing can be said · 4 interrupted";

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct CrawlArgs {
    /// The page to begin with.
    #[arg(value_name = "URL", value_parser = crate::plan::parse_address)]
    url: url::Url,
    #[command(flatten)]
    lone: LoneArgs,
    /// How many pages are read at most.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_pages: u32,
    /// How many levels below the first page are read.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(..=20))]
    depth: u32,
    /// How many links are checked at most.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_links: u32,
    /// Whether pages are drawn in a browser to find their links.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = RenderName::Auto)]
    render: RenderName,
    /// How many requests go to one host at a time [default: 1 for a live portal, 4 for a test system].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    concurrency: Option<u32>,
    /// Pause between two requests to one host, such as 500ms; up to 10m [default: 1s for a live portal, which is the least there, 0 for a test system].
    #[arg(long, value_name = "TIME", value_parser = parse_interval)]
    interval: Option<Duration>,
    /// How many requests one host gets on one day (UTC).
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    daily: u32,
    /// Leave links to other hosts alone.
    #[arg(long)]
    no_external: bool,
    /// Do not look whether the place in a page (`#part`) is there.
    #[arg(long)]
    no_fragments: bool,
    /// More broken links than this are a failure of the portal; fewer only degrade it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    limit: Option<u32>,
    /// Time for one request, 1s to 5m.
    #[arg(long, value_name = "TIME", value_parser = parse_within, default_value = "20s")]
    within: Duration,
    /// Time for the whole crawl, 1s to 1d.
    #[arg(long, value_name = "TIME", value_parser = parse_whole, default_value = "1h")]
    time: Duration,
    /// Begin anew instead of going on where an earlier crawl was stopped.
    #[arg(long)]
    fresh: bool,
    /// The form of --out, or of stdout without it.
    #[arg(long, value_enum, value_name = "FORM")]
    report: Option<Report>,
    /// Write a report into this file besides.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// When pages are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RenderName {
    /// When the source has almost no text or links.
    Auto,
    /// Never.
    Never,
    /// Every page.
    Always,
}

impl From<RenderName> for Render {
    fn from(name: RenderName) -> Self {
        match name {
            RenderName::Auto => Self::Auto,
            RenderName::Never => Self::Never,
            RenderName::Always => Self::Always,
        }
    }
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Report {
    /// For people.
    Table,
    /// The whole run.
    Json,
    /// For spreadsheets.
    Csv,
    /// For build servers.
    Junit,
}

/// What is written where.
struct Forms<'a> {
    stdout: Report,
    file: Option<(&'a Path, Report)>,
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    // Nothing has no unit.
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    parse_time(text, Duration::ZERO..=Duration::from_mins(10))
}

fn parse_within(text: &str) -> Result<Duration, String> {
    parse_time(text, Duration::from_secs(1)..=Duration::from_mins(5))
}

fn parse_whole(text: &str) -> Result<Duration, String> {
    parse_time(text, Duration::from_secs(1)..=Duration::from_hours(24))
}

impl CrawlArgs {
    fn plan(&self) -> CrawlPlan {
        CrawlPlan {
            max_links: self.max_links,
            render: self.render.into(),
            external: !self.no_external,
            fragments: !self.no_fragments,
            interval: self.interval,
            concurrency: self.concurrency,
            daily: self.daily,
            limit: self.limit,
            within: self.within,
            time: self.time,
            ..CrawlPlan::new(self.max_pages, self.depth)
        }
    }

    /// What is written where.
    fn forms(&self, format: Format) -> Result<Forms<'_>, Fault> {
        let stdout = match format {
            Format::Human | Format::Jsonl => Report::Table,
            Format::Json => Report::Json,
            Format::Csv => Report::Csv,
            Format::Junit => Report::Junit,
        };
        match (&self.out, self.report) {
            (Some(file), report) => {
                let report = report.or_else(|| by_ending(file)).ok_or_else(|| {
                    Fault::input(
                        format!("`{}` does not say what it is to hold", file.display()),
                        "name it .csv, .xml, .json or .txt, or add --report",
                    )
                })?;
                Ok(Forms { stdout, file: Some((file, report)) })
            }
            (None, Some(report)) if format == Format::Human => Ok(Forms { stdout: report, file: None }),
            (None, Some(report)) if report != stdout => Err(Fault::input(
                "--report and --format ask for two forms, and there is one stdout",
                "leave one of them out, or add --out FILE for the report",
            )),
            (None, _) => Ok(Forms { stdout, file: None }),
        }
    }
}

fn by_ending(file: &Path) -> Option<Report> {
    match file.extension()?.to_str()? {
        "csv" => Some(Report::Csv),
        "xml" => Some(Report::Junit),
        "json" => Some(Report::Json),
        "txt" => Some(Report::Table),
        _ => None,
    }
}

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
    let order = Order { fresh: args.fresh, ..Job::lone(target, Work::Crawl(crawling)).order(&plan, now()) };
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
pub(in crate::cli) mod tests {
    use super::*;
    use crate::domain::ids::{ProbeId, RunId, TargetId};
    use crate::domain::link::{CrawlExtent, DoubtClass, LinkClass, LinkDoubt, LinkFault};
    use crate::domain::outcome::Outcome;
    use crate::domain::run::{Cause, RunKind};
    use crate::judge::verdict::tests::step;

    /// A fault with this status.
    pub(super) fn fault(url: &str, status: u16) -> LinkFault {
        let class = if status >= 500 { LinkClass::ServerError } else { LinkClass::NotFound };
        LinkFault { status: Some(status), ..LinkFault::new(url, class) }
    }

    /// A crawl that found these.
    pub(super) fn run(link_faults: Vec<LinkFault>) -> Run {
        let at: Timestamp = "2026-11-28T08:00:00Z".parse().unwrap();
        let verdict = if link_faults.is_empty() { Verdict::Pass } else { Verdict::Degraded };
        Run {
            id: RunId::new("r1"),
            probe: ProbeId::new("manual"),
            target: TargetId::new("a.cn"),
            kind: RunKind::Crawl,
            scenario: None,
            scenario_hash: None,
            vantage: "command-line".to_owned(),
            cause: Cause::Manual,
            scheduled_at: at,
            started_at: at,
            finished_at: at,
            elapsed_ms: 61_230,
            attempts: 1,
            verdict,
            reason: "4 links do not work, 1 of them on the home page.".to_owned(),
            steps: vec![step("检查链接", Outcome::Done)],
            visit: None,
            links_checked: Some(340),
            link_faults,
            crawl: None,
            browser: None,
            agent_version: "0.1.0".to_owned(),
        }
    }

    /// A crawl with faults of every shape.
    pub(super) fn sample() -> Run {
        let on = |fault: LinkFault| LinkFault {
            page: "http://a.cn/".to_owned(),
            element: "a".to_owned(),
            attribute: "href".to_owned(),
            line: 12,
            column: 5,
            ..fault
        };
        let long = "http://a.cn/办事/指南/2026/企业开办/一件事一次办/材料清单/下载/申请表样表.docx?版本=最新&来源=首页";
        let long = url::Url::parse(long).unwrap();
        let home = LinkFault {
            text: "申请表下载".to_owned(),
            pages: 12,
            on_home: true,
            ..on(fault(long.as_str(), 404))
        };
        let wrong = LinkFault {
            text: "一个说明很长很长很长很长很长很长很长很长很长的附件链接".to_owned(),
            detail: "claims to be a PDF and begins with `<html`".to_owned(),
            page: "http://a.cn/list/really/deep/in/the/portal/page-1.html".to_owned(),
            ..on(LinkFault::new("http://a.cn/a.pdf", LinkClass::WrongType))
        };
        let rendered = LinkFault {
            line: 0,
            column: 0,
            attribute: "onclick".to_owned(),
            ..on(fault("http://b.cn/x", 503))
        };
        let hostile = LinkFault {
            text: "\u{1b}[31m<&\"\u{202e}".to_owned(),
            ..on(LinkFault::new("file:///C:/a.doc", LinkClass::LocalAddress))
        };
        let doubt = |url: &str, class| LinkDoubt {
            url: url.to_owned(),
            page: "http://a.cn/".to_owned(),
            class,
            status: Some(412),
            detail: "a script has to run first".to_owned(),
        };
        let extent = CrawlExtent {
            pages_read: 40,
            links_known: 350,
            unobserved: 6,
            doubts: (0..5)
                .map(|n| doubt(&format!("http://a.cn/waf/{n}"), DoubtClass::Waf))
                .chain([doubt("http://c.cn/login", DoubtClass::Login)])
                .collect(),
            rendered: 2,
            settled_in_browser: 3,
            requests: 512,
            cut_short: Some("its time was up".to_owned()),
            resumed: true,
        };
        Run { crawl: Some(extent), ..run(vec![home, wrong, rendered, hostile]) }
    }

    #[test]
    fn what_was_found_broken_counts_first() {
        let broken = vec![fault("http://a.cn/1", 404)];
        let with = |faults: &[LinkFault], verdict| Run { verdict, ..run(faults.to_vec()) };
        let cases = [
            ("all works", with(&[], Verdict::Pass), false, Exit::Done),
            ("a broken link", with(&broken, Verdict::Degraded), false, Exit::Portal),
            ("the entry page is down", with(&[], Verdict::Fail), false, Exit::Portal),
            ("kept out", with(&[], Verdict::Inconclusive), false, Exit::OwnFault),
            (
                "kept out, but broken links were found",
                with(&broken, Verdict::Inconclusive),
                false,
                Exit::Portal,
            ),
            ("interrupted", with(&broken, Verdict::Inconclusive), true, Exit::Interrupted),
        ];
        for (name, run, interrupted, want) in cases {
            assert_eq!(exit_of(&run, interrupted), want, "{name}");
        }
    }

    #[test]
    fn an_interval_may_be_nothing() {
        assert_eq!(parse_interval("0"), Ok(Duration::ZERO));
        assert_eq!(parse_interval("0ms"), Ok(Duration::ZERO));
        assert_eq!(parse_interval("1500ms"), Ok(Duration::from_millis(1500)));
        assert!(parse_interval("5").unwrap_err().contains("without a unit"));
    }
}
