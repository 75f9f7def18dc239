//! From files to a plan, all or nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{self, Diagnostic, Faults, Severity, Spot};
use super::model::Plan;
use super::scenario::{self, Draft, Ground, digest};
use super::scope::Loader;
use super::settings;
use super::words::closest;
use crate::domain::scenario::Scenario;
use crate::domain::template::Vars;

/// Where files come from. Paths are relative to the configuration's folder and use `/`.
pub trait Files {
    /// The text of a file.
    fn read(&self, path: &Path) -> Result<String, FileFault>;

    /// Whether a file of any content is there.
    fn exists(&self, path: &Path) -> Result<(), FileFault>;
}

/// Why a file cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// There is no such file; the names of others in its folder.
    #[error("find the file")]
    NotFound(Vec<String>),
    /// It lies outside the folder, or a link leads out of it.
    #[error("stay inside the folder of the configuration")]
    Outside,
    /// It is too large.
    #[error("read more than {limit} bytes")]
    TooLarge {
        /// How many bytes a file may have.
        limit: u64,
    },
    /// It is not UTF-8.
    #[error("read the byte at {offset} as UTF-8")]
    NotUtf8 {
        /// The first byte that is wrong, from 0.
        offset: usize,
    },
    /// The system refuses; its words.
    #[error("read the file ({0})")]
    Unreadable(String),
}

impl FileFault {
    /// The fault as a message and a hint.
    pub(super) fn explain(&self, path: &Path) -> (String, Option<String>) {
        let shown = path.display();
        match self {
            Self::NotFound(names) => {
                let name =
                    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let best = closest(&name, names.iter().map(String::as_str));
                let hint =
                    best.map(|best| format!("did you mean `{}`?", path.with_file_name(best).display()));
                (format!("there is no file `{shown}`"), hint)
            }
            Self::Outside => {
                let hint = "every file has to lie inside the folder of the configuration, links included";
                (format!("`{shown}` leaves the folder of the configuration"), Some(hint.to_owned()))
            }
            Self::TooLarge { limit } => {
                let hint = format!("a file may have up to {} KiB", limit / 1024);
                (format!("`{shown}` is too large"), Some(hint))
            }
            Self::NotUtf8 { offset } => {
                let hint = "save it as UTF-8 (not as GBK or UTF-16)".to_owned();
                (format!("`{shown}` is not UTF-8 at byte {offset}"), Some(hint))
            }
            Self::Unreadable(why) => (format!("`{shown}` cannot be read: {why}"), None),
        }
    }
}

/// A plan, and what was doubtful.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// Warnings of all files, by file and line.
    pub warnings: Vec<Diagnostic>,
}

/// Reads the configuration `file` in the folder `root`, and everything that it names.
///
/// # Errors
/// All faults of all files, errors and warnings.
pub fn load(root: &Path, file: &Path, files: &dyn Files) -> Result<Loaded, Faults> {
    let loader = Loader::new(files);
    let plan = plan(root, file, &loader);
    let read = loader.read.take();
    let (warnings, plan) = close(loader, plan)?;
    let hash = digest(read.iter().map(|(file, text)| (file.as_path(), text.as_str())));
    Ok(Loaded { plan: Plan { hash, ..plan }, warnings })
}

/// Reads one scenario, to be walked on a target that has `target_vars` (and `entry`, `target_id`
/// and `target_name`, which every target has). Whether the target is live is the runner's to watch.
///
/// # Errors
/// All faults of the scenario and its fragments, errors and warnings.
pub fn load_scenario(
    _root: &Path,
    file: &Path,
    files: &dyn Files,
    target_vars: &Vars,
) -> Result<(Scenario, Vec<Diagnostic>), Faults> {
    let loader = Loader::new(files);
    let draft = open(&loader, file).and_then(|source| scenario::read(&loader, &source));
    if let Some(draft) = &draft {
        let ground = Ground { name: None, vars: target_vars, live: false, spots: None };
        draft.check(&[ground], &mut loader.out.borrow_mut());
    }
    let (warnings, draft) = close(loader, draft)?;
    Ok((draft.scenario, warnings))
}

/// Checks one scenario by itself: everything but whether each variable has a value, which only a
/// target can say.
///
/// # Errors
/// All faults of the scenario and its fragments, errors and warnings.
pub fn check_scenario(file: &Path, files: &dyn Files) -> Result<Vec<Diagnostic>, Faults> {
    let loader = Loader::new(files);
    let draft = open(&loader, file).and_then(|source| scenario::read(&loader, &source));
    if let Some(draft) = &draft {
        draft.check(&[], &mut loader.out.borrow_mut());
    }
    close(loader, draft).map(|(warnings, _)| warnings)
}

/// Opens a file that no other file names.
pub(super) fn open(loader: &Loader<'_>, file: &Path) -> Option<super::raw::Source> {
    match loader.open(file) {
        Ok(source) => Some(source),
        Err(fault) => {
            let (message, hint) = fault.explain(file);
            loader.out.borrow_mut().push(Diagnostic::error(Spot::file(file), message).hinted(hint));
            None
        }
    }
}

fn plan(root: &Path, file: &Path, loader: &Loader<'_>) -> Option<Plan> {
    let source = open(loader, file)?;
    settings::read(root, loader, &source)
}

/// All or nothing: the value and the warnings, or all faults.
pub(super) fn close<T>(loader: Loader<'_>, value: Option<T>) -> Result<(Vec<Diagnostic>, T), Faults> {
    let mut diagnostics = loader.out.into_inner();
    let faulty = diagnostics.iter().any(|d| d.severity == Severity::Error);
    match value {
        Some(value) if !faulty => {
            diagnostic::sort(&mut diagnostics);
            Ok((diagnostics, value))
        }
        _ => Err(Faults::new(diagnostics)),
    }
}

/// Scenarios that several probes share are read once.
#[derive(Default)]
pub(super) struct Drafts {
    by_path: BTreeMap<PathBuf, Option<Draft>>,
    shared: BTreeMap<PathBuf, Arc<Scenario>>,
}

impl Drafts {
    /// The scenario in `source`, read now or before.
    pub fn get(&mut self, loader: &Loader<'_>, path: &Path, text: &super::table::Text<'_>) -> Option<&Draft> {
        if !self.by_path.contains_key(path) {
            let draft = loader.follow(Path::new(""), text).and_then(|source| scenario::read(loader, &source));
            if let Some(draft) = &draft {
                self.shared.insert(path.to_owned(), Arc::new(draft.scenario.clone()));
            }
            self.by_path.insert(path.to_owned(), draft);
        }
        self.by_path.get(path).and_then(Option::as_ref)
    }

    /// The scenario as probes share it.
    pub fn shared(&self, path: &Path) -> Option<Arc<Scenario>> {
        self.shared.get(path).cloned()
    }

    /// Scenarios with one id in two files.
    pub fn ids(&self) -> impl Iterator<Item = (&Path, &Scenario)> {
        self.shared.iter().map(|(path, scenario)| (path.as_path(), scenario.as_ref()))
    }
}
