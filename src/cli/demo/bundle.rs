//! The bundled configuration: written to the demo's folder, where a newcomer can read and change it.

use std::path::{Path, PathBuf};

use crate::app::AppError;

/// Declares the bundled files with their paths in the repository, which are their paths in the
/// folder too.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)))),*]
    };
}

/// Path and content of each bundled file.
const FILES: &[(&str, &[u8])] = files![
    "probes.toml",
    "lexicon/en.toml",
    "lexicon/zh-CN.toml",
    "observations/demo.csv",
    "profiles/d3-equal.toml",
    "profiles/d3.toml",
    "profiles/egov-benchmark.toml",
    "profiles/site-check.toml",
    "scenarios/drug-licence-receipt.toml",
    "scenarios/drug-licence.toml",
    "scenarios/files/business-licence.pdf",
    "scenarios/files/pharmacist-certificate.png",
    "scenarios/files/premises-plan.png",
    "scenarios/fragments/drug-applicant.toml",
    "scenarios/fragments/drug-materials.toml",
    "scenarios/fragments/drug-pharmacist.toml",
    "scenarios/fragments/drug-premises.toml",
    "scenarios/fragments/guide.toml",
    "scenarios/fragments/search.toml",
    "scenarios/temporary-id.toml",
    "schema/fragment.json",
    "schema/lexicon.json",
    "schema/probes.json",
    "schema/profile.json",
    "schema/scenario.json",
];

/// Writes the files below `folder`, over what stood there.
pub(super) fn write(folder: &Path) -> Result<PathBuf, AppError> {
    for (path, content) in FILES {
        let path = folder.join(path);
        let fault = |source| AppError::Folder { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(fault)?;
        }
        std::fs::write(&path, content).map_err(fault)?;
    }
    Ok(folder.join("probes.toml"))
}
