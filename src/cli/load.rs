//! Loading what commands need, and the faults that commands end with.

use std::path::{Path, PathBuf};

use crate::app::{AppError, Profiles};
use crate::domain::profile::Profile;
use crate::domain::scenario::Scenario;
use crate::domain::template::Vars;
use crate::plan::{self, Faults, Plan, diagnostic};

use super::{Exit, Global};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The configuration or a scenario has faults; all of them are inside.
    #[error("the configuration has faults")]
    Plan(Faults),
    /// The arguments do not make sense.
    #[error("{text}")]
    Input {
        /// What is wrong.
        text: String,
        /// What to do.
        hint: String,
    },
    /// Something of ours failed.
    #[error(transparent)]
    App(AppError),
}

impl Fault {
    /// Bad input, with what to do about it.
    pub(super) fn input(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Input { text: text.into(), hint: hint.into() }
    }

    /// A name that nothing has.
    pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.collect();
        let near = known
            .iter()
            .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let hint = match near {
            Some(near) if strsim::jaro_winkler(near, name) > 0.7 => format!("did you mean `{near}`?"),
            _ if known.is_empty() => format!("there is no {what} at all"),
            _ => format!("there are: {}", known.join(", ")),
        };
        Self::input(format!("there is no {what} `{name}`"), hint)
    }

    /// The exit code that it means.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Plan(_) | Self::Input { .. } => Exit::BadInput,
            Self::App(error) if error.is_input() => Exit::BadInput,
            Self::App(_) => Exit::OwnFault,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<&str> {
        match self {
            Self::Input { hint, .. } => Some(hint),
            Self::App(error) => error.hint(),
            Self::Plan(_) => None,
        }
    }
}

impl From<AppError> for Fault {
    /// Faults of the configuration are listed, whichever way they came.
    fn from(error: AppError) -> Self {
        match error {
            AppError::Plan(faults) => Self::Plan(faults),
            other => Self::App(other),
        }
    }
}

impl From<Faults> for Fault {
    fn from(faults: Faults) -> Self {
        Self::Plan(faults)
    }
}

/// Loads the configuration; warnings go to stderr.
pub(super) fn plan(global: &Global) -> Result<Plan, Fault> {
    let loaded = crate::app::load(&global.config)?;
    if !global.quiet && !loaded.warnings.is_empty() {
        let colour = super::output::colours(&std::io::stderr());
        for warning in &loaded.warnings {
            super::output::note(warning.render(colour).trim_end());
        }
    }
    Ok(loaded.plan)
}

/// Whether a file is a profile, by what stands in it.
pub(super) fn is_profile(file: &Path) -> bool {
    let (root, relative) = place(file);
    plan::profile::is_profile(&relative, &crate::files::DiskFiles::new(&root))
}

/// Loads a profile, in whatever folder it lies; what is doubtful stands beside.
pub(super) fn profile(file: &Path) -> Result<(Profile, Vec<plan::Diagnostic>), Faults> {
    let (root, relative) = place(file);
    let loaded = plan::profile::load_profile(&relative, &crate::files::DiskFiles::new(&root));
    let shown = |file: &Path| openable(&root, file);
    let (profile, mut warnings) = loaded.map_err(|faults| {
        let mut faults = faults.renamed(shown);
        if !file.exists() {
            for fault in faults.diagnostics.iter_mut().filter(|fault| fault.hint.is_none()) {
                let hint = "name a profile's file, or one of the folder `profiles` beside the configuration, without its .toml";
                fault.hint = Some(hint.to_owned());
            }
        }
        faults
    })?;
    diagnostic::rename(&mut warnings, shown);
    Ok((profile, warnings))
}

/// Warns of what the steps of a scenario measure and no profile beside its configuration knows.
pub(super) fn unknown_measures(file: &Path) -> Vec<plan::Diagnostic> {
    let (root, relative) = place(file);
    let mut warnings = Profiles::beside(&root).unknown_measures(&root, &relative);
    diagnostic::rename(&mut warnings, |file| openable(&root, file));
    warnings
}

/// Checks a scenario by itself; variables that only targets give are taken as given.
pub(super) fn scenario_unbound(file: &Path) -> Result<Vec<plan::Diagnostic>, Faults> {
    let (root, relative) = place(file);
    let checked = plan::check_scenario(&relative, &crate::files::DiskFiles::new(&root));
    let shown = |file: &Path| openable(&root, file);
    let mut warnings = checked.map_err(|faults| faults.renamed(shown))?;
    diagnostic::rename(&mut warnings, shown);
    Ok(warnings)
}

/// Loads one scenario; the folder that its paths are relative to comes first.
///
/// The folder is the nearest one above the file that holds a `probes.toml` (fragments and files
/// may lie anywhere below it), otherwise the working folder when the file lies below it, otherwise the
/// folder of the file.
pub(super) fn scenario(file: &Path, vars: &Vars) -> Result<(PathBuf, Scenario), Fault> {
    let (root, relative) = place(file);
    let files = crate::files::DiskFiles::new(&root);
    let shown = |file: &Path| openable(&root, file);
    let loaded = plan::load_scenario(&root, &relative, &files, vars);
    let (scenario, mut warnings) = loaded.map_err(|faults| faults.renamed(shown))?;
    diagnostic::rename(&mut warnings, shown);
    let colour = super::output::colours(&std::io::stderr());
    for warning in &warnings {
        super::output::note(warning.render(colour).trim_end());
    }
    Ok((root, scenario))
}

/// Whether the scenario cannot do with these variables alone.
pub(super) fn lacks(file: &Path, vars: &Vars) -> bool {
    let (root, relative) = place(file);
    plan::load_scenario(&root, &relative, &crate::files::DiskFiles::new(&root), vars).is_err()
}

/// The folder that a scenario's paths are relative to, and the file's own path in it.
fn place(file: &Path) -> (PathBuf, PathBuf) {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let parent = absolute.parent().unwrap_or(Path::new("/"));
    let configured = parent.ancestors().find(|folder| folder.join("probes.toml").is_file());
    let here = std::env::current_dir().ok();
    let here = here.as_deref().filter(|here| parent.starts_with(here) && **here != *Path::new("/"));
    let root = configured.or(here).unwrap_or(parent);
    let relative = absolute.strip_prefix(root).unwrap_or(&absolute);
    (root.to_owned(), relative.to_owned())
}

/// The path of a file as it can be opened from the working folder.
fn openable(root: &Path, file: &Path) -> PathBuf {
    let whole = root.join(file);
    let here = std::env::current_dir().ok().filter(|here| here != Path::new("/"));
    match here.and_then(|here| whole.strip_prefix(here).map(Path::to_owned).ok()) {
        Some(short) => short,
        None => whole,
    }
}
