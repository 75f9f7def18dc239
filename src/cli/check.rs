//! `shopper check`: every fault of the configuration, of the scenarios and of the profiles.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::app::Profiles;
use crate::plan::{Diagnostic, Faults, Loaded, Work, counted, diagnostic};

use super::{Exit, Fault, Format, Global, load, output};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Scenarios and profiles to check by themselves, instead of the configuration.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn check(global: &Global, args: &CheckArgs) -> Result<Exit, Fault> {
    if args.files.is_empty() {
        return configuration(global);
    }
    let (mut scenarios, mut profiles) = (0, 0);
    let mut all: Vec<Diagnostic> = Vec::new();
    for file in &args.files {
        let (checked, count) = if load::is_profile(file) {
            (load::profile(file).map(|(_, warnings)| warnings), &mut profiles)
        } else {
            (load::scenario_unbound(file), &mut scenarios)
        };
        match checked {
            Ok(warnings) => {
                *count += 1;
                all.extend(warnings);
            }
            Err(faults) => all.extend(faults.diagnostics),
        }
    }
    let faulty = scenarios + profiles < args.files.len();
    if !faulty && scenarios > 0 {
        all.extend(
            args.files
                .iter()
                .filter(|file| !load::is_profile(file))
                .flat_map(|file| load::unknown_measures(file)),
        );
    }
    // A fragment that several of them use tells its faults once.
    let all = Faults::new(all);
    if faulty {
        report_faults(global, &all);
        return Ok(Exit::BadInput);
    }
    report(global, &all.diagnostics);
    if global.format == Format::Human && !global.quiet {
        let kinds = [(scenarios, "scenario"), (profiles, "profile")];
        let kinds: Vec<_> = kinds.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(*n, noun)).collect();
        let warnings = counted(all.diagnostics.len(), "warning");
        output::line(&format!("{} checked, no faults, {warnings}.", kinds.join(" and ")));
    }
    Ok(Exit::Done)
}

fn configuration(global: &Global) -> Result<Exit, Fault> {
    let loaded = match crate::app::load(&global.config) {
        Ok(loaded) => Ok(loaded),
        Err(crate::app::AppError::Plan(faults)) => Err(faults),
        Err(other) => return Err(other.into()),
    };
    let root = global.config.parent().unwrap_or(Path::new(""));
    let profiles = Profiles::beside(root);
    let mut beside = profiles.diagnostics.clone();
    if let Ok(loaded) = &loaded {
        beside.extend(measures(loaded, &profiles, root));
    }
    diagnostic::rename(&mut beside, |file| root.join(file));
    match loaded {
        Ok(loaded) if !profiles.is_faulty() => {
            let all = Faults::new([loaded.warnings, beside].concat()).diagnostics;
            report(global, &all);
            if global.format == Format::Human && !global.quiet {
                let plan = &loaded.plan;
                let mut kinds =
                    vec![counted(plan.targets.len(), "target"), counted(plan.probes.len(), "probe")];
                if !profiles.good.is_empty() {
                    kinds.push(counted(profiles.good.len(), "profile"));
                }
                let (file, warnings) = (global.config.display(), counted(all.len(), "warning"));
                output::line(&format!("{file}: {}, no faults, {warnings}.", kinds.join(", ")));
            }
            Ok(Exit::Done)
        }
        other => {
            let plan = other.map_or_else(|faults| faults.diagnostics, |loaded| loaded.warnings);
            report_faults(global, &Faults::new([plan, beside].concat()));
            Ok(Exit::BadInput)
        }
    }
}

/// What the scenarios of the plan measure and no profile knows.
fn measures(loaded: &Loaded, profiles: &Profiles, root: &Path) -> Vec<Diagnostic> {
    let mut scenarios: Vec<_> = loaded
        .plan
        .probes
        .iter()
        .filter_map(|probe| match &probe.work {
            Work::Walk(scenario) => Some(scenario.file.as_path()),
            _ => None,
        })
        .collect();
    scenarios.sort();
    scenarios.dedup();
    scenarios.into_iter().flat_map(|file| profiles.unknown_measures(root, file)).collect()
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
