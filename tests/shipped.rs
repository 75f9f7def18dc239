//! The scenarios that come with the project are read without a fault and without a warning.

use std::path::{Path, PathBuf};

use mystery_shopper::domain::template::Vars;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::load_scenario;

#[test]
fn every_scenario_of_the_project_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in ["scenarios", "scenarios/real"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                found.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    found.sort();
    for name in [
        "drug-licence",
        "temporary-id",
        "drug-licence-form",
        "real/govuk",
        "real/hof",
        "real/mediawiki",
        "real/wagtail",
    ] {
        let path = Path::new("scenarios").join(name).with_extension("toml");
        assert!(found.contains(&path), "{} is missing", path.display());
    }
    // What a target has, and what `script/real` hands in.
    let vars: Vars = [
        ("entry", "http://127.0.0.1:1/"),
        ("target_id", "local"),
        ("target_name", "Local"),
        ("password", "made by script/real"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for path in found {
        match load_scenario(root, &path, &DiskFiles::new(root), &vars) {
            Ok((scenario, warnings)) => {
                assert!(warnings.is_empty(), "{}: {warnings:?}", path.display());
                assert!(!scenario.steps.is_empty(), "{}", path.display());
            }
            Err(faults) => panic!("{}:\n{}", path.display(), faults.render(false)),
        }
    }
}
