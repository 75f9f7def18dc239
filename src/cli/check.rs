//! `shopper check`: every fault of the configuration and of the scenarios.

use std::path::PathBuf;

use clap::Args;

use crate::plan::{Diagnostic, Faults, counted};

use super::{Exit, Fault, Format, Global, load, output};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Scenario files to check by themselves, instead of the configuration.
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
}

pub(super) fn check(global: &Global, args: &CheckArgs) -> Result<Exit, Fault> {
    if args.scenarios.is_empty() {
        return configuration(global);
    }
    let mut good = 0;
    let mut all: Vec<Diagnostic> = Vec::new();
    for file in &args.scenarios {
        match load::scenario_unbound(file) {
            Ok(warnings) => {
                good += 1;
                all.extend(warnings);
            }
            Err(faults) => all.extend(faults.diagnostics),
        }
    }
    // A fragment that several of them use tells its faults once.
    let all = Faults::new(all);
    if good < args.scenarios.len() {
        report_faults(global, &all);
        return Ok(Exit::BadInput);
    }
    report(global, &all.diagnostics);
    if global.format == Format::Human && !global.quiet {
        let (scenarios, warnings) = (counted(good, "scenario"), counted(all.diagnostics.len(), "warning"));
        output::line(&format!("{scenarios} checked, no faults, {warnings}."));
    }
    Ok(Exit::Done)
}

fn configuration(global: &Global) -> Result<Exit, Fault> {
    match crate::app::load(&global.config) {
        Ok(loaded) => {
            report(global, &loaded.warnings);
            if global.format == Format::Human && !global.quiet {
                let plan = &loaded.plan;
                output::line(&format!(
                    "{}: {}, {}, no faults, {}.",
                    global.config.display(),
                    counted(plan.targets.len(), "target"),
                    counted(plan.probes.len(), "probe"),
                    counted(loaded.warnings.len(), "warning")
                ));
            }
            Ok(Exit::Done)
        }
        Err(crate::app::AppError::Plan(faults)) => {
            report_faults(global, &faults);
            Ok(Exit::BadInput)
        }
        Err(other) => Err(other.into()),
    }
}

/// Tells warnings; people who asked for quiet hear of faults alone.
fn report(global: &Global, diagnostics: &[Diagnostic]) {
    if global.format == Format::Json {
        output::json(&diagnostics);
        return;
    }
    if global.quiet {
        return;
    }
    let colour = output::colours(&std::io::stderr());
    for diagnostic in diagnostics {
        output::note(&diagnostic.render(colour));
    }
}

fn report_faults(global: &Global, faults: &Faults) {
    if global.format == Format::Json {
        output::json(&faults.diagnostics);
    } else {
        output::note(faults.render(output::colours(&std::io::stderr())).trim_end());
    }
}
