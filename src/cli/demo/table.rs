//! The table of targets × steps.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use crate::domain::ids::{ProbeId, TargetId};
use crate::domain::run::{Run, RunKind};
use crate::plan::Plan;

use super::output::{seconds, tame};

/// The latest run of each probe on each target.
pub(super) type Latest = BTreeMap<(ProbeId, TargetId), std::sync::Arc<Run>>;

/// A table for every walk (targets × steps), and one for visits and link checks.
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
        let Some((_, first)) = runs.first() else { continue };
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        let mut header = vec![crate::app::title_of(&probe.work, plan.agent.language)];
        header.extend(first.steps.iter().map(|step| step.name.clone()));
        header.push("verdict".to_owned());
        table.set_header(header);
        for (name, run) in &runs {
            let mut row = vec![(*name).to_owned()];
            row.extend(run.steps.iter().map(|step| {
                if step.attempts == 0 {
                    return "–".to_owned();
                }
                format!("{}\n{}", step.outcome, seconds(step.elapsed_ms))
            }));
            let mut verdict = run.verdict.name().to_owned();
            if run.kind == RunKind::Crawl {
                let checked = run.links_checked.unwrap_or_default();
                verdict = format!("{verdict}\n{} of {checked} broken", run.link_faults.len());
            }
            row.push(tame(&verdict).replace(" of", "\u{a0}of"));
            table.add_row(row);
        }
        text.push_str(&format!("{table}\n\n"));
    }
    text.trim_end().to_owned()
}
