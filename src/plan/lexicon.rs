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
//! `alternatives` are words that leave a choice, `unless_offered = true` marks phrases that only name a way.
//!
//! The order of the entries counts: the first that matches wins, and an outcome may stand in several
//! places. Several files are put together entry by entry: the second `login_wall` of one file joins
//! the second of the other; an entry that only the later file has comes behind.

use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Faults, Severity, Spot};
use super::expectation::outcome_of;
use super::load::{FileFault, Files};
use super::raw::Source;
use super::scope::Loader;
use super::table::{Fields, Reader};
use crate::domain::lexicon::{Lexicon, LexiconEntry};

/// The files beside the configuration, in the order in which they are put together, each with the
/// text that stands in for it when it is not there.
const FILES: [(&str, &str); 2] = [
    ("lexicon/zh-CN.toml", include_str!("../../lexicon/zh-CN.toml")),
    ("lexicon/en.toml", include_str!("../../lexicon/en.toml")),
];

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

/// The phrases that come with the program.
pub fn built_in() -> Lexicon {
    // The bundled files are tested to have no faults.
    load(&NoFiles).unwrap_or_default()
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

/// Reads the lexicon files beside the configuration; the built-in ones stand in for those that are
/// not there.
///
/// # Errors
/// All faults of the files.
pub fn load(files: &dyn Files) -> Result<Lexicon, Faults> {
    let loader = Loader::new(files);
    let lexicon = gather(&loader);
    let diagnostics = loader.out.into_inner();
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(Faults::new(diagnostics));
    }
    Ok(lexicon)
}

/// Reads all files; the faults are with the loader.
pub(super) fn gather(loader: &Loader<'_>) -> Lexicon {
    let mut all = Lexicon::default();
    for (name, builtin) in FILES {
        let path = PathBuf::from(name);
        let source = match loader.open(&path) {
            Ok(source) => source,
            Err(FileFault::NotFound(_)) => Source::new(path, builtin.to_owned()),
            Err(fault) => {
                let (message, hint) = fault.explain(&path);
                loader.out.borrow_mut().push(Diagnostic::error(Spot::file(path), message).hinted(hint));
                continue;
            }
        };
        append(&mut all, read(loader, &source));
    }
    all
}

/// Reads one file; what cannot be read is left out, its faults are with the loader.
fn read(loader: &Loader<'_>, source: &Source) -> Lexicon {
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
    if let Some(item) = fields.get("alternatives") {
        lexicon.alternatives = item.texts().unwrap_or_default().iter().map(|t| t.value.to_owned()).collect();
    }
    let tables = fields.get("outcome").map(|item| item.tables("an outcome")).unwrap_or_default();
    for fields in tables {
        let name = fields.need("name", "write name = \"must_go_to_window\" or another outcome");
        let outcome = name.as_ref().and_then(outcome_of);
        let phrases = fields.need("phrases", "write phrases = [\"…\"]").and_then(|item| item.texts());
        let unless_offered = fields.get("unless_offered").and_then(|item| item.boolean()).unwrap_or_default();
        if let Some(outcome) = outcome {
            let phrases = phrases.unwrap_or_default().iter().map(|text| text.value.to_owned()).collect();
            lexicon.entries.push(LexiconEntry { outcome, unless_offered, phrases });
        }
        fields.finish();
    }
    fields.finish();
    lexicon
}

/// Puts a further file behind the ones before it.
fn append(all: &mut Lexicon, further: Lexicon) {
    all.negations.extend(further.negations);
    all.alternatives.extend(further.alternatives);
    let alike =
        |a: &LexiconEntry, b: &LexiconEntry| (a.outcome, a.unless_offered) == (b.outcome, b.unless_offered);
    let count = |entries: &[LexiconEntry], entry: &LexiconEntry| {
        entries.iter().filter(|other| alike(other, entry)).count()
    };
    for (i, entry) in further.entries.iter().enumerate() {
        let nth = count(&further.entries[..i], entry);
        match all.entries.iter_mut().filter(|known| alike(known, entry)).nth(nth) {
            Some(known) => known.phrases.extend_from_slice(&entry.phrases),
            None => all.entries.push(entry.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_put_together_entry_by_entry() {
        let entry =
            |name: &str, phrase: &str| format!("[[outcome]]\nname = \"{name}\"\nphrases = [\"{phrase}\"]\n");
        let read = |entries: &[(&str, &str)]| {
            let text: String = entries.iter().map(|(name, phrase)| entry(name, phrase)).collect();
            parse(Path::new("x.toml"), &text).unwrap()
        };
        let mut all = read(&[("login_wall", "甲"), ("broken", "乙"), ("login_wall", "丙")]);
        append(&mut all, read(&[("timeout", "t"), ("login_wall", "a"), ("login_wall", "c")]));
        let shown: Vec<_> =
            all.entries.iter().map(|e| format!("{} {}", e.outcome, e.phrases.join(","))).collect();
        assert_eq!(shown, ["login_wall 甲,a", "broken 乙", "login_wall 丙,c", "timeout t"]);
    }

    #[test]
    fn the_built_in_lexicon_is_good() {
        let lexicon = load(&NoFiles).unwrap();
        assert!(lexicon.entries.len() >= 15 && !lexicon.negations.is_empty());
        assert!(lexicon.entries.iter().all(|entry| !entry.phrases.is_empty()));
    }

    #[test]
    fn a_bad_lexicon_is_refused() {
        let bad = "negation = []\n[[outcome]]\nname = \"brokn\"\n[[outcome]]\nphrases = [3, \"\"]\n";
        let faults = parse(Path::new("x.toml"), bad).unwrap_err();
        let said: Vec<_> = faults.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "unknown key `negation` in a lexicon",
                "an outcome needs `phrases`",
                "unknown outcome `brokn`",
                "an outcome needs `name`",
                "an element of `phrases` must be a text, not a number",
                "`phrases` is empty",
            ]
        );
    }
}
