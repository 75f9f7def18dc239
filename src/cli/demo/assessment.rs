//! The end of the story: what the service saw and what people wrote down become scorecards and a report.
//!
//! Invariant: nothing is scored here that `shopper observe import`, `shopper score` and `shopper report` would not
//! score in the same way from the demo's folder.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::{self, AppError, ScoreOrder};
use crate::clock::Clock;
use crate::domain::period::Period;
use crate::plan::Plan;
use crate::report;

use super::super::{Exit, Fault, load, observe, out_file, output, score};

/// The observations of people, below the demo's folder. They are made up, as the cities are.
const OBSERVED: &str = "observations/demo.csv";

/// The profile by which the cities are scored, below the demo's folder.
const PROFILE: &str = "profiles/d3.toml";

/// The report, below the demo's folder.
const REPORT: &str = "report.html";

/// What is said before.
pub(super) const INTRODUCED: &str =
    "\n5. The assessment: a hundred points for each city, by profiles/d3.toml.
   Walks, visits and link checks saw some of it. What no program can see was written down by two coders, and a
   third settled where they disagree: observations/demo.csv, invented for this demo as the cities are.
   Intervals (95%) need runs of two days.";

/// Scores all cities over the days of the story, prints the scores and writes the report.
pub(super) async fn close(plan: &Plan, folder: &Path, began: Timestamp) -> Result<Exit, Fault> {
    let (profile, _) = load::profile(&folder.join(PROFILE))?;
    observe::take(plan, &profile, &folder.join(OBSERVED), began).await?;
    let now = Clock::system().now();
    let period = days(plan, began, now)?;
    let named = match (period.first, period.last) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}..{last}"),
    };
    let order = ScoreOrder { period, against: None, targets: Vec::new(), cut: None, keep: true };
    let scored = app::score(plan, &profile, &order, now).await?;
    let language = plan.agent.language;
    output::line("");
    score::print(&profile, &scored, language);
    let exit = score::told(&scored);

    let all: Vec<_> = plan.targets.iter().map(|target| target.id.clone()).collect();
    let dossier = app::dossier(plan, profile, scored, language, &all).await?;
    let page = report::html(&dossier).map_err(AppError::Report)?;
    let path = folder.join(REPORT);
    out_file::write(&path, page.as_bytes())?;
    output::line(&format!("\nThe report is {}", path.display()));
    output::line("It is one file that needs nothing else: open it in any browser, or print it. As a PDF:");
    let config = folder.join("probes.toml");
    output::line(&format!(
        "   shopper --config {} report --period {named} --format pdf --out report.pdf",
        config.display()
    ));
    Ok(exit)
}

/// The days of the story: one, unless it went on over midnight.
fn days(plan: &Plan, began: Timestamp, now: Timestamp) -> Result<Period, AppError> {
    let timezone = &plan.agent.timezone;
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
    Period::new(day(began), day(now), timezone)
        .ok_or_else(|| AppError::Other("the days of the story are no period".to_owned()))
}
