//! `lexicon/voices.toml`: the words by which posts of citizens are counted.
//!
//! Invariant: a file beside the configuration takes the place of the built-in one as a whole.

use std::path::Path;

use super::diagnostic::{Diagnostic, Faults, Spot};
use super::load::{FileFault, Files};
use super::raw::Source;
use super::scope::Loader;
use super::table::{Fields, Reader};
use crate::domain::voice::VoiceWords;

/// Where it is looked for, seen from the configuration.
const FILE: &str = "lexicon/voices.toml";
const BUILT_IN: &str = include_str!("../../lexicon/voices.toml");

/// A reader without files.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> Result<String, FileFault> {
        Err(FileFault::NotFound(Vec::new()))
    }

    fn exists(&self, _: &Path) -> Result<(), FileFault> {
        Err(FileFault::NotFound(Vec::new()))
    }
}

/// The words that come with the program.
pub fn built_in() -> VoiceWords {
    // The bundled file is tested to have no faults.
    load(&NoFiles).unwrap_or_default()
}

/// Reads the file beside the configuration; the built-in one stands in when there is none.
///
/// # Errors
/// All faults of the file.
pub fn load(files: &dyn Files) -> Result<VoiceWords, Faults> {
    let (loader, path) = (Loader::new(files), Path::new(FILE));
    let source = match loader.open(path) {
        Ok(source) => source,
        Err(FileFault::NotFound(_)) => Source::new(path.to_owned(), BUILT_IN.to_owned()),
        Err(fault) => {
            let (message, hint) = fault.explain(path);
            return Err(Faults::new(vec![Diagnostic::error(Spot::file(path), message).hinted(hint)]));
        }
    };
    let (table, mut faults) = source.parse();
    let mut words = VoiceWords::default();
    if faults.is_empty() {
        let fields = Fields::new(Reader { source: &source, out: &loader.out }, "a list of words", &table);
        for (key, list) in [
            ("complaints", &mut words.complaints),
            ("praise", &mut words.praise),
            ("negations", &mut words.negations),
            ("ignored", &mut words.ignored),
        ] {
            let texts = fields.get(key).and_then(|item| item.texts()).unwrap_or_default();
            list.extend(texts.iter().map(|text| text.value.trim().to_lowercase()));
        }
        fields.finish();
    }
    faults.extend(loader.out.into_inner());
    if faults.is_empty() { Ok(words) } else { Err(Faults::new(faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(&'static str);

    impl Files for One {
        fn read(&self, _: &Path) -> Result<String, FileFault> {
            Ok(self.0.to_owned())
        }

        fn exists(&self, _: &Path) -> Result<(), FileFault> {
            Ok(())
        }
    }

    #[test]
    fn the_built_in_words_are_good_and_no_word_stands_on_two_sides() {
        let words = load(&NoFiles).unwrap();
        assert!(
            ["无法打开", "卡顿", "崩溃"]
                .iter()
                .all(|word| words.complaints.iter().any(|known| known == word))
        );
        assert!(!words.praise.is_empty() && !words.negations.is_empty() && !words.ignored.is_empty());
        let both: Vec<_> = words.praise.iter().filter(|word| words.complaints.contains(word)).collect();
        assert!(both.is_empty(), "{both:?}");
    }

    #[test]
    fn a_file_of_ones_own_takes_its_place_and_its_faults_are_listed() {
        let words = load(&One("complaints = [\"Bug\"]")).unwrap();
        assert_eq!((words.complaints, words.praise), (vec!["bug".to_owned()], Vec::new()));
        let faults = load(&One("complaint = []\npraise = [3]")).unwrap_err();
        let said: Vec<_> = faults.diagnostics.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "unknown key `complaint` in a list of words",
                "an element of `praise` must be a text, not a number"
            ]
        );
    }
}
