//! What the command line says about a crawl.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::plan::{CrawlPlan, Render};

use super::super::lone::LoneArgs;
use super::super::run::parse_time;
use super::super::{Fault, Format};

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
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(in crate::cli) struct CrawlArgs {
    /// The page to begin with.
    #[arg(value_name = "URL", value_parser = crate::plan::parse_address)]
    pub(super) url: url::Url,
    #[command(flatten)]
    pub(super) lone: LoneArgs,
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
    pub(super) interval: Option<Duration>,
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
    /// Open no browser: what a request cannot settle stays open, and pages that scripts draw are not read.
    #[arg(long, conflicts_with = "render")]
    pub(super) no_browser: bool,
    /// Begin anew instead of going on where an earlier crawl was stopped.
    #[arg(long)]
    pub(super) fresh: bool,
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
pub(super) enum Report {
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
pub(super) struct Forms<'a> {
    /// The form of stdout.
    pub stdout: Report,
    /// A file, with its form.
    pub file: Option<(&'a Path, Report)>,
}

pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
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
    /// The plan of the crawl.
    pub(super) fn plan(&self) -> CrawlPlan {
        CrawlPlan {
            max_links: self.max_links,
            render: if self.no_browser { Render::Never } else { self.render.into() },
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
    pub(super) fn forms(&self, format: Format) -> Result<Forms<'_>, Fault> {
        let stdout = match format {
            Format::Json => Report::Json,
            Format::Csv => Report::Csv,
            Format::Junit => Report::Junit,
            // What is for other commands does not come here.
            _ => Report::Table,
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
