//! The profiles beside a configuration: every `profiles/*.toml`.
//!
//! Invariant: a profile with faults is left out and its faults are told; it never takes others with it.

use std::path::{Path, PathBuf};

use crate::domain::profile::Profile;
use crate::files::DiskFiles;
use crate::plan::diagnostic::{Severity, Spot};
use crate::plan::{Diagnostic, profile};

/// What lies in the folder `profiles`.
#[derive(Debug, Default)]
pub struct Profiles {
    /// Those that can be used, with their files.
    pub good: Vec<(PathBuf, Profile)>,
    /// What is wrong or doubtful; files are named relative to the configuration's folder.
    pub diagnostics: Vec<Diagnostic>,
}

impl Profiles {
    /// Reads every profile beside a configuration that lies in `root`.
    pub fn beside(root: &Path) -> Self {
        let files = DiskFiles::new(root);
        let mut all = Self::default();
        for file in files.list(Path::new("profiles")) {
            match profile::load_profile(&file, &files) {
                Ok((profile, warnings)) => {
                    all.diagnostics.extend(warnings);
                    all.take(file, profile);
                }
                Err(faults) => all.diagnostics.extend(faults.diagnostics),
            }
        }
        all
    }

    fn take(&mut self, file: PathBuf, profile: Profile) {
        if let Some((other, _)) = self.good.iter().find(|(_, known)| known.id == profile.id) {
            let message = format!("the profile of `{}` has the id `{}` as well", other.display(), profile.id);
            let hint = "give the copy an id of its own: scores are told apart by it".to_owned();
            self.diagnostics.push(Diagnostic::warning(Spot::file(file.clone()), message).hinted(hint));
        }
        self.good.push((file, profile));
    }

    /// Whether one of them cannot be used.
    pub fn is_faulty(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Warns of what a scenario measures and no profile knows. Says nothing while a profile has faults:
    /// it may be the one that knows.
    pub fn unknown_measures(&self, root: &Path, scenario: &Path) -> Vec<Diagnostic> {
        if self.is_faulty() {
            return Vec::new();
        }
        let profiles = self.good.iter().map(|(_, profile)| profile);
        profile::unknown_measures(scenario, &DiskFiles::new(root), profiles)
    }
}
