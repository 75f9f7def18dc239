//! What must hold of any text that is handed in as a scenario or as the configuration.
//!
//! Nothing panics; every fault points into the text of its file, between characters; people are shown
//! the same place, and nothing that could steer their terminal; and the same files say the same again.
//!
//! An input may be several files, so that what one says of another is tried as well: a line `=== NAME`
//! begins each further one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mystery_shopper::domain::template::Vars;
use mystery_shopper::plan::{Diagnostic, FileFault, Files, check_scenario, load, load_scenario};

/// What stands in for files that an input names and does not bring.
const SCENARIO: &str = include_str!("../../../scenarios/drug-licence.toml");
const FRAGMENT: &str = include_str!("../../../tests/faults/fragments/search.toml");

/// The files of an input.
struct Input {
    first: String,
    others: BTreeMap<PathBuf, String>,
}

impl Input {
    fn of(data: &[u8]) -> Self {
        let text = String::from_utf8_lossy(data);
        let mut parts = text.split("\n=== ");
        let first = parts.next().unwrap_or_default().to_owned();
        let others = parts.filter_map(|part| {
            let (name, text) = part.split_once('\n')?;
            Some((PathBuf::from(name), text.to_owned()))
        });
        Self { first, others: others.collect() }
    }
}

impl Files for Input {
    fn read(&self, path: &Path) -> Result<String, FileFault> {
        if path == Path::new("first.toml") {
            return Ok(self.first.clone());
        }
        if let Some(text) = self.others.get(path) {
            return Ok(text.clone());
        }
        match path.to_str() {
            Some(name) if name.starts_with("fragments/") => Ok(FRAGMENT.to_owned()),
            Some(_) if path.extension().is_some_and(|kind| kind == "toml") => Ok(SCENARIO.to_owned()),
            _ => Err(FileFault::NotFound(vec!["drug-licence.toml".to_owned()])),
        }
    }

    fn exists(&self, path: &Path) -> Result<(), FileFault> {
        self.read(path).map(drop)
    }
}

/// Reads `data` in every way in which a person can hand it in.
pub fn check(data: &[u8]) {
    let input = Input::of(data);
    let first = Path::new("first.toml");
    let vars = Vars::new();
    let said = || {
        let alone = check_scenario(first, &input).unwrap_or_else(|faults| faults.diagnostics);
        let walked = match load_scenario(Path::new(""), first, &input, &vars) {
            Ok((scenario, warnings)) => {
                for step in &scenario.steps {
                    assert!(step.at.line >= 1 && step.at.column >= 1, "a step without a place");
                }
                (Some(scenario), warnings)
            }
            Err(faults) => {
                assert!(!faults.render(false).is_empty(), "refused without a word");
                (None, faults.diagnostics)
            }
        };
        let whole = match load(Path::new(""), first, &input) {
            Ok(loaded) => (Some(loaded.plan.hash), loaded.warnings),
            Err(faults) => (None, faults.diagnostics),
        };
        (alone, walked, whole)
    };
    let (alone, walked, whole) = said();
    for diagnostic in alone.iter().chain(&walked.1).chain(&whole.1) {
        points_into_its_file(diagnostic, &input);
        reads_well(diagnostic);
    }
    assert!((alone, walked, whole) == said(), "the same files say something else the second time");
}

/// Bytes, line, column and the quoted line of a diagnostic are all of one place in its file.
fn points_into_its_file(diagnostic: &Diagnostic, input: &Input) {
    let at = &diagnostic.at;
    let Some(place) = &at.place else { return };
    let text = input.read(&at.file).unwrap_or_default();
    // A byte order mark is no part of the text that people see.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (Some(before), Some(_)) = (text.get(..at.span.start), text.get(at.span.clone())) else {
        panic!("{diagnostic:?} points outside of its text, or into a character of it");
    };
    let line = text.split('\n').nth(place.line as usize - 1).expect("the line is one of the file");
    assert_eq!(place.text, line.strip_suffix('\r').unwrap_or(line), "{diagnostic:?}");
    assert_eq!(place.line as usize, before.matches('\n').count() + 1, "{diagnostic:?}");
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    assert_eq!(place.column as usize, column, "{diagnostic:?}");
    assert!(place.text.get(place.within.clone()).is_some(), "{diagnostic:?}");
    assert!((place.end_line, place.end_column) >= (place.line, place.column), "{diagnostic:?}");
}

/// Whether a character steers a terminal, or turns writing round.
fn is_harmful(c: char) -> bool {
    c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A diagnostic can be shown, with the place that programs are told, and is inert on a terminal.
fn reads_well(diagnostic: &Diagnostic) {
    let plain = diagnostic.render(false);
    assert!(!plain.chars().any(is_harmful), "{plain:?}");
    if let Some(place) = &diagnostic.at.place {
        let file: String = diagnostic.at.file.to_string_lossy().chars().take(100).collect();
        let file = file.replace(is_harmful, " ");
        let at = format!(":{}:{}\n", place.line, place.column);
        assert!(plain.contains(&file), "{file:?} is not named:\n{plain}");
        assert!(plain.contains(&at), "{at:?} is not where it is shown to be:\n{plain}");
    }
    let colour = diagnostic.render(true);
    let mut sequences = colour.split('\u{1b}');
    let clean = sequences.next().is_some_and(|text| !text.chars().any(is_harmful));
    let styled = sequences.all(|rest| {
        let Some((style, text)) = rest.strip_prefix('[').and_then(|rest| rest.split_once('m')) else {
            return false;
        };
        style.bytes().all(|b| b.is_ascii_digit() || b == b';') && !text.chars().any(is_harmful)
    });
    assert!(clean && styled, "{colour:?}");
    assert!(serde_json::to_string(diagnostic).is_ok(), "{diagnostic:?}");
}
