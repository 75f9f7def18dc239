//! The tables of steps × targets: a table for every probe, a row for every step, a column for
//! every target, so that long walks grow downwards and fit a terminal of 100 columns.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::run::{Run, RunKind, StepRecord};
use crate::plan::Plan;

use super::output::{seconds, tame};

/// A probe on a target.
pub(super) type Pair = (ProbeId, TargetId);

/// The latest run of each probe on each target.
pub(super) type Latest = BTreeMap<Pair, std::sync::Arc<Run>>;

/// Columns of a terminal that does not say how wide it is.
const WIDTH: u16 = 100;

/// A table for every probe that ran.
pub(super) fn render(plan: &Plan, latest: &Latest) -> String {
    let mut text = String::new();
    for probe in &plan.probes {
        let runs: Vec<(&str, &Run)> = probe
            .targets
            .iter()
            .filter_map(|target| {
                let run = latest.get(&(probe.id.clone(), target.id.clone()))?;
                Some((target.name.as_str(), run.as_ref()))
            })
            .collect();
        if runs.is_empty() {
            continue;
        }
        let title = crate::app::title_of(&probe.work, plan.agent.language);
        let _ = write!(text, "{title}\n{}\n\n", table(&runs));
    }
    text.trim_end().to_owned()
}

fn table(runs: &[(&str, &Run)]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(WIDTH);
    }
    table.set_header(std::iter::once("step").chain(runs.iter().map(|(name, _)| *name)));
    let steps = runs.iter().map(|(_, run)| run.steps.len()).max().unwrap_or_default();
    for index in 0..steps {
        let name = runs.iter().find_map(|(_, run)| run.steps.get(index)).map(|step| tame(&step.name));
        let cells = runs.iter().map(|(_, run)| run.steps.get(index).map_or_else(String::new, cell));
        table.add_row(name.into_iter().chain(cells));
    }
    if runs.iter().any(|(_, run)| run.kind == RunKind::Crawl) {
        let broken = runs.iter().map(|(_, run)| {
            format!("{} of {}", run.link_faults.len(), run.links_checked.unwrap_or_default())
        });
        table.add_row(std::iter::once("broken links".to_owned()).chain(broken));
    }
    let verdicts = runs.iter().map(|(_, run)| run.verdict.name().to_owned());
    table.add_row(std::iter::once("verdict".to_owned()).chain(verdicts));
    table
}

fn cell(step: &StepRecord) -> String {
    if step.attempts == 0 {
        "–".to_owned()
    } else {
        format!("{} · {}", step.outcome, seconds(step.elapsed_ms))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::outcome::Outcome;
    use crate::domain::run::Cause;
    use crate::domain::verdict::Verdict;
    use crate::judge::verdict::tests::step;

    #[test]
    fn a_long_walk_through_three_cities_fits_a_hundred_columns() {
        let run = |target: &str| {
            let mut steps: Vec<_> =
                (1..=12).map(|n| step(&format!("填写第{n}页申请信息"), Outcome::Done)).collect();
            steps.push(step("到达提交环节", Outcome::PreReviewOrBooking));
            Arc::new(Run {
                id: "r".into(),
                probe: "walk".into(),
                target: target.into(),
                kind: RunKind::Walk,
                scenario: None,
                scenario_hash: None,
                scored: true,
                vantage: "here".into(),
                cause: Cause::Manual,
                scheduled_at: jiff::Timestamp::UNIX_EPOCH,
                started_at: jiff::Timestamp::UNIX_EPOCH,
                finished_at: jiff::Timestamp::UNIX_EPOCH,
                elapsed_ms: 1,
                attempts: 1,
                verdict: Verdict::Degraded,
                reason: String::new(),
                steps,
                visit: None,
                link_faults: Vec::new(),
                links_checked: None,
                crawl: None,
                browser: None,
                canaries: Vec::new(),
                agent_version: String::new(),
            })
        };
        let cities = ["示范市政务服务网", "临海市网上办事大厅", "北山市政务公开网"];
        let runs: Vec<_> = cities.iter().map(|name| (*name, run(name))).collect();
        let runs: Vec<_> = runs.iter().map(|(name, run)| (*name, run.as_ref())).collect();
        let text = table(&runs).to_string();
        let narrow = |c: char| c.is_ascii() || c == '·' || matches!(c, '\u{2500}'..='\u{257f}');
        let width = |line: &str| line.chars().map(|c| if narrow(c) { 1 } else { 2 }).sum::<usize>();
        assert!(text.lines().all(|line| width(line) <= 100), "{text}");
        assert!(text.contains("pre_review_or_booking") && text.contains("degraded"), "{text}");
    }
}
