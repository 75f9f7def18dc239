//! Lexicon files: phrases by which a page says how a journey ends.
//!
//! ```toml
//! negations = ["无需到窗口", "不用跑"]
//!
//! [[outcome]]
//! name    = "must_go_to_window"
//! phrases = ["请到窗口办理", "本人到场"]
//! ```
//!
//! The order of the outcomes counts: the first that matches wins. Several files are put together
//! by the order of the first; an outcome that only a later file has comes behind.

use std::path::Path;

use super::diagnostic::{Faults, Severity};
use super::expectation::outcome_of;
use super::load::{FileFault, Files};
use super::raw::Source;
use super::scope::Loader;
use super::table::{Fields, Reader};
use crate::domain::lexicon::{Lexicon, LexiconEntry};

/// The files, in the order in which they are put together.
pub const FILES: [(&str, &str); 2] = [("lexicon/zh-CN.toml", ""), ("lexicon/en.toml", "")];

/// A reader without files, for a text that is already there.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, FileFault> {
        Err(FileFault::NotFound(Vec::new()))
    }

    fn exists(&self, _: &Path) -> Result<(), FileFault> {
        Err(FileFault::NotFound(Vec::new()))
    }
}

/// Reads the text of a lexicon file.
pub fn parse(file: &Path, text: &str) -> Result<Lexicon, Faults> {
    let loader = Loader::new(&NoFiles);
    let lexicon = read(&loader, &Source::new(file.to_owned(), text.to_owned()));
    let diagnostics = loader.out.into_inner();
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(Faults::new(diagnostics));
    }
    Ok(lexicon)
}

/// Reads one file; what cannot be read is left out, its faults are with the loader.
pub(super) fn read(loader: &Loader<'_>, source: &Source) -> Lexicon {
    let reader = Reader { source, out: &loader.out };
    let (table, faults) = source.parse();
    if !faults.is_empty() {
        loader.out.borrow_mut().extend(faults);
        return Lexicon::default();
    }
    let fields = Fields::new(reader, "a lexicon", &table);
    let mut lexicon = Lexicon::default();
    if let Some(item) = fields.get("negations") {
        lexicon.negations = item.texts().unwrap_or_default().iter().map(|t| t.value.to_owned()).collect();
    }
    let tables = fields.get("outcome").map(|item| item.tables("an outcome")).unwrap_or_default();
    for fields in tables {
        let name = fields.need("name", "write name = \"must_go_to_window\" or another outcome");
        let outcome = name.as_ref().and_then(outcome_of);
        let phrases = fields.need("phrases", "write phrases = [\"…\"]").and_then(|item| item.texts());
        if let (Some(outcome), Some(name)) = (outcome, &name) {
            if lexicon.entries.iter().any(|entry| entry.outcome == outcome) {
                name.error(format!("`{outcome}` stands here twice"), "put its phrases together".to_owned());
            }
            let phrases = phrases.unwrap_or_default().iter().map(|text| text.value.to_owned()).collect();
            lexicon.entries.push(LexiconEntry { outcome, phrases });
        }
        fields.finish();
    }
    fields.finish();
    lexicon
}

/// Puts a further file behind the ones before it.
pub(super) fn append(all: &mut Lexicon, further: Lexicon) {
    all.negations.extend(further.negations);
    for entry in further.entries {
        match all.entries.iter_mut().find(|known| known.outcome == entry.outcome) {
            Some(known) => known.phrases.extend(entry.phrases),
            None => all.entries.push(entry),
        }
    }
}
