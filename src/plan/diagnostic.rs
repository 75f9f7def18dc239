//! Diagnostics: what is wrong in a file, where, and what to do about it.
//!
//! A diagnostic carries the line it is about, so that it can be shown long after its file is
//! closed. Columns are counted in characters, from 1, so that they are right behind Chinese text;
//! carets stand right below wide characters too.
//!
//! Invariant: showing a diagnostic never fails, and text from a file, or its name, reaches a
//! terminal without control characters.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably says something else than was meant.
    Warning,
}

/// Where a diagnostic points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file, relative to the configuration's folder.
    pub file: PathBuf,
    /// Bytes of the file; empty when the file could not be read.
    pub span: Range<usize>,
    /// The place for people; absent when the file as a whole is meant.
    pub place: Option<Place>,
}

/// A place in a file, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// The line on which it ends.
    pub end_line: u32,
    /// The column behind its last character.
    pub end_column: u32,
    /// The text of the first line.
    pub text: String,
    /// The bytes of `text` that are meant.
    pub within: Range<usize>,
}

impl Spot {
    /// A whole file.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), span: 0..0, place: None }
    }
}

/// Something that is wrong, or doubtful, in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one line that starts in lower case.
    pub message: String,
    /// Where.
    pub at: Spot,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(at: Spot, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), at, label: None, hint: None }
    }

    /// A warning.
    pub fn warning(at: Spot, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, message) }
    }

    /// The same with a hint, if there is one.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same with a few words beside the caret.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The diagnostic as people see it, without a line break at the end. `colour` adds ANSI styles.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let file = one_line(&self.at.file.display().to_string());
        let title = level.primary_title(one_line(&self.message));
        let mut text = if let Some(place) = &self.at.place {
            // The renderer knows the controls of ASCII only; these steer a terminal too. The sign in their
            // place is as long, so that the bytes meant stay the same.
            let source = place.text.replace(|c: char| matches!(c, '\u{80}'..='\u{9f}'), "·");
            let mark =
                AnnotationKind::Primary.span(place.within.clone()).label(self.label.as_deref().map(one_line));
            let snippet =
                Snippet::source(source.as_str()).line_start(place.line as usize).path(file).annotation(mark);
            renderer.render(&[title.element(snippet)])
        } else {
            renderer.render(&[Group::with_title(title)]) + "\n --> " + &file
        };
        if let Some(hint) = &self.hint {
            let (on, off) = if colour { ("\u{1b}[1m\u{1b}[96m", "\u{1b}[0m") } else { ("", "") };
            text = format!("{text}\n{on}hint{off}: {}", one_line(hint));
        }
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// JSON: `severity message file line column end hint`; `line`, `column` and `end` are `null` when
/// the whole file is meant.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct End {
            line: u32,
            column: u32,
        }
        let place = self.at.place.as_ref();
        let mut out = serializer.serialize_struct("Diagnostic", 7)?;
        out.serialize_field("severity", &self.severity)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("file", &self.at.file)?;
        out.serialize_field("line", &place.map(|place| place.line))?;
        out.serialize_field("column", &place.map(|place| place.column))?;
        out.serialize_field("end", &place.map(|p| End { line: p.end_line, column: p.end_column }))?;
        out.serialize_field("hint", &self.hint)?;
        out.end()
    }
}

/// Everything that was found in all files, when at least one thing is an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults {
    /// Errors and warnings, by file, line and column.
    pub diagnostics: Vec<Diagnostic>,
}

impl Faults {
    /// Sorts `diagnostics` and drops what is said twice.
    pub fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        sort(&mut diagnostics);
        Self { diagnostics }
    }

    /// The same with every file as `shown` names it.
    #[must_use]
    pub fn renamed(mut self, shown: impl Fn(&Path) -> PathBuf) -> Self {
        rename(&mut self.diagnostics, shown);
        self
    }

    /// Everything as people see it: the diagnostics with an empty line between them, and a closing
    /// line such as `3 faults in 2 files`.
    pub fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            text.push_str(&diagnostic.render(colour));
            text.push_str("\n\n");
        }
        text.push_str(&self.summary());
        text
    }

    /// The closing line: `3 faults and 1 warning in 2 files`.
    pub fn summary(&self) -> String {
        let count = |severity| self.diagnostics.iter().filter(|d| d.severity == severity).count();
        let mut files: Vec<_> = self.diagnostics.iter().map(|d| &d.at.file).collect();
        files.sort();
        files.dedup();
        let mut parts = vec![counted(count(Severity::Error), "fault")];
        if count(Severity::Warning) > 0 {
            parts.push(counted(count(Severity::Warning), "warning"));
        }
        format!("{} in {}", parts.join(" and "), counted(files.len(), "file"))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// Names files as people can open them, instead of relative to the configuration's folder.
pub fn rename(diagnostics: &mut [Diagnostic], shown: impl Fn(&Path) -> PathBuf) {
    for diagnostic in diagnostics {
        diagnostic.at.file = shown(&diagnostic.at.file);
    }
}

/// Sorts by file, line and column, and drops what is said twice: a fragment is read once for every
/// place that uses it, and its faults are the same each time.
pub(super) fn sort(diagnostics: &mut Vec<Diagnostic>) {
    let place = |d: &Diagnostic| d.at.place.as_ref().map_or((0, 0), |place| (place.line, place.column));
    diagnostics.sort_by(|a, b| (&a.at.file, place(a)).cmp(&(&b.at.file, place(b))));
    let mut said = BTreeSet::new();
    diagnostics.retain(|d| said.insert((d.at.file.clone(), d.at.span.start, d.message.clone())));
}

/// `1 fault`, `2 faults`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The longest message, in characters; a file can hold keys of any length.
const LONGEST: usize = 400;

/// Control characters and marks of direction out: a message is one line of bearable length, cannot steer
/// a terminal and reads as it is written.
fn one_line(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut line: String = text.chars().take(LONGEST).map(|c| if steers(c) { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
