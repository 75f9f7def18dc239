//! The lists by which words of citizens are told apart: `lexicon/voices.toml` beside the configuration, or the
//! built-in ones.
//!
//! Invariant: `shopper observe words` and reports count by the same lists.

use std::path::{Path, PathBuf};

use crate::domain::voice::VoiceWords;
use crate::files::DiskFiles;
use crate::plan::{Faults, Plan, voices};

/// Reads the lists.
///
/// # Errors
/// All faults of the file, named as it can be opened from the working folder.
pub fn voice_words(plan: &Plan) -> Result<VoiceWords, Faults> {
    let here = std::env::current_dir().ok();
    let shown = |file: &Path| -> PathBuf {
        let whole = plan.root.join(file);
        let short = here.as_deref().and_then(|here| whole.strip_prefix(here).ok());
        short.map_or_else(|| whole.clone(), Path::to_owned)
    };
    voices::load(&DiskFiles::new(&plan.root)).map_err(|faults| faults.renamed(shown))
}
