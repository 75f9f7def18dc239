//! Bad files beside the exact words that people get to see. `BLESS=1` writes the words anew.
//!
//! A file in `tests/faults/` is a whole configuration when it is called `probes-….toml`, a scoring
//! profile when it is called `profile-….toml`, else a scenario. Everything lies in one folder, so fragments and uploads are found beside it.

use std::fs;
use std::path::{Path, PathBuf};

use mystery_shopper::domain::template::Vars;
use mystery_shopper::files::DiskFiles;
use mystery_shopper::plan::profile::load_profile;
use mystery_shopper::plan::{Diagnostic, Faults, load, load_scenario};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults")
}

/// What a file says: its faults, or its warnings.
fn said(name: &str) -> String {
    let root = folder();
    let files = DiskFiles::new(&root);
    let file = Path::new(name);
    let result: Result<Vec<Diagnostic>, Faults> = if name.starts_with("probes-") {
        load(&root, file, &files).map(|loaded| loaded.warnings)
    } else if name.starts_with("profile-") {
        load_profile(file, &files).map(|(_, warnings)| warnings)
    } else {
        load_scenario(&root, file, &files, &Vars::new()).map(|(_, warnings)| warnings)
    };
    match result {
        Ok(warnings) => {
            let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            format!("accepted\n\n{}", texts.join("\n\n"))
        }
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn every_bad_file_gets_its_exact_words() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "toml"))
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for name in &names {
        let got = said(name) + "\n";
        let golden = folder().join(name).with_extension("err");
        if bless {
            fs::write(&golden, &got).unwrap();
        }
        let want = fs::read_to_string(&golden).unwrap_or_default();
        if got != want {
            wrong.push(format!("== {name}: wanted\n{want}\n== got\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() >= 45, "only {} bad files", names.len());
}
