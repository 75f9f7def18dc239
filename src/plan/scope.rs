//! What a reader of scenarios and fragments carries along: the files, the place, the parameters,
//! and the trail of variables that a journey uses and sets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::diagnostic::{Diagnostic, Spot};
use super::load::{FileFault, Files};
use super::locator::{self, TextFault};
use super::matching;
use super::raw::Source;
use super::table::{Item, Reader, Text};
use crate::domain::locator::{Locator, TextMatch};
use crate::domain::template::{Template, is_name};

/// Reads files and remembers what was read.
pub(super) struct Loader<'a> {
    files: &'a dyn Files,
    /// The diagnostics of all files.
    pub out: RefCell<Vec<Diagnostic>>,
    /// Every file that was read, for the plan's hash.
    pub read: RefCell<BTreeMap<PathBuf, String>>,
}

impl<'a> Loader<'a> {
    /// A loader that has read nothing.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files, out: RefCell::default(), read: RefCell::default() }
    }

    /// Reads a file.
    pub fn open(&self, path: &Path) -> Result<Source, FileFault> {
        let text = self.files.read(path)?;
        self.read.borrow_mut().insert(path.to_owned(), text.clone());
        Ok(Source::new(path.to_owned(), text))
    }

    /// Reads the file that `text` names, seen from `folder`.
    pub fn follow(&self, folder: &Path, text: &Text<'_>) -> Option<Source> {
        let path = Self::below(folder, text)?;
        match self.open(&path) {
            Ok(source) => Some(source),
            Err(fault) => {
                let (message, hint) = fault.explain(&path);
                text.error(message, hint);
                None
            }
        }
    }

    /// The path that `text` names, seen from `folder`; a fault when it leaves the configuration.
    pub fn below(folder: &Path, text: &Text<'_>) -> Option<PathBuf> {
        match join(folder, text.value) {
            Ok(path) => Some(path),
            Err(why) => {
                let hint = "paths start at the folder of the file that they stand in, and stay inside the folder \
                            of the configuration (without one, the folder in which `shopper` is called)";
                text.error(format!("`{}` {why}", text.value), hint.to_owned());
                None
            }
        }
    }

    /// Whether a file is there; a fault at `text` when it is not.
    pub fn check(&self, path: &Path, text: &Text<'_>) -> bool {
        match self.files.exists(path) {
            Ok(()) => true,
            Err(fault) => {
                let (message, hint) = fault.explain(path);
                text.error(message, hint);
                false
            }
        }
    }
}

/// Joins a relative path to a folder without leaving the top.
fn join(folder: &Path, relative: &str) -> Result<PathBuf, &'static str> {
    if relative.trim().is_empty() {
        return Err("is no path");
    }
    if relative.contains('\0') {
        return Err("is no path");
    }
    if relative.contains('\\') {
        return Err("has a backslash; write / between folders");
    }
    let mut path = folder.to_owned();
    for part in Path::new(relative).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            Component::ParentDir => return Err("leaves the folder of the configuration"),
            Component::RootDir | Component::Prefix(_) => return Err("is an absolute path"),
        }
    }
    Ok(path)
}

/// What happens to variables on the way, in order.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A variable's value is needed.
    Use {
        /// The variable.
        name: String,
        /// Where.
        at: Spot,
        /// Whether it goes into a password field.
        secret: bool,
    },
    /// A variable gets a value.
    Read(String),
}

/// What a journey leaves behind while it is read.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// Variables used and set.
    pub events: Vec<Event>,
    /// Clicks at the gate on something that submits: the place and the locator.
    pub submits: Vec<(Spot, String)>,
    /// The files that make up the journey with their text.
    pub parts: Vec<(PathBuf, String)>,
    /// How many actions there are, fragments included.
    pub actions: usize,
    /// What is typed into fields, and where that stands.
    pub typed: Vec<(Spot, Template)>,
    /// Whether a part could not be read that may set variables.
    pub blind: bool,
}

/// Where a reader stands.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The files.
    pub loader: &'a Loader<'a>,
    /// The present file.
    pub reader: Reader<'a>,
    /// The journey's trail.
    pub trail: &'a RefCell<Trail>,
    /// The parameters of the present fragment.
    pub params: &'a BTreeMap<String, Template>,
    /// The files that led here, the present one last.
    pub chain: &'a [PathBuf],
    /// Whether the present step is the gate.
    pub gate: bool,
    /// The time that the present step has.
    pub limit: Duration,
}

impl<'a> Scope<'a> {
    /// The folder of the present file.
    pub fn folder(&self) -> &'a Path {
        self.reader.source.file.parent().unwrap_or(Path::new(""))
    }

    /// Reads a text with variables.
    pub fn template(&self, text: &Text<'_>) -> Option<Template> {
        let template = Self::told(text, locator::template(text.value))?;
        self.uses(text);
        Some(template.substitute(self.params))
    }

    /// Reads the text of an expectation. `url` says that plain `/…/` is a path.
    pub fn matching(&self, text: &Text<'_>, url: bool) -> Option<TextMatch> {
        if text.value.trim().is_empty() {
            let hint = "write the text to look for; `=\"\"` stands for an empty one".to_owned();
            text.error(format!("`{}` is empty", text.name), hint);
            return None;
        }
        let read = Self::told(text, matching::expectation(text.value, url))?;
        self.uses(text);
        Some(TextMatch { op: read.op, value: read.value.substitute(self.params) })
    }

    /// Reads a locator: a text, or a list of which the first that fits is meant.
    pub fn locator(&self, item: &Item<'_>) -> Option<Locator> {
        if !item.is_text() && !item.is_list() {
            item.wrong("a locator", "a locator is a text such as \"text=…\", or a list of them".to_owned());
            return None;
        }
        let texts = item.one_or_more()?;
        if texts.is_empty() {
            if item.list("a list").is_some_and(|list| list.is_empty()) {
                item.error(format!("`{}` has no locator", item.name), None);
            }
            return None;
        }
        let alternatives: Vec<_> = texts
            .iter()
            .filter_map(|text| {
                // A parameter can stand for a whole locator.
                let whole = text.value.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                let chain = match whole.and_then(|name| self.params.get(name)) {
                    Some(param) => locator::parse(&param.text())
                        .map_err(|fault| TextFault { span: 0..text.value.len(), ..fault }),
                    None => locator::parse(text.value),
                };
                let chain = Self::told(text, chain)?;
                self.uses(text);
                Some(chain)
            })
            .collect();
        (!alternatives.is_empty()).then(|| Locator { alternatives }.substitute(self.params))
    }

    /// Notes that variables of a template go into a password field; a literal there is a fault.
    pub fn secret(&self, text: &Text<'_>, value: &Template) {
        let mut events = Vec::new();
        for name in value.vars() {
            events.push(Event::Use { name: name.to_owned(), at: text.spot(), secret: true });
        }
        if events.is_empty() && !value.text().is_empty() {
            let hint = "put the value into a variable of a target with class = \"test\"; behind the login of a \
                        live portal people look, not programs";
            text.error("a password in clear", hint.to_owned());
        }
        self.trail.borrow_mut().events.append(&mut events);
    }

    /// Notes the variables of a text, except the fragment's parameters.
    fn uses(&self, text: &Text<'_>) {
        for (name, span) in variables(text.value) {
            if !self.params.contains_key(name) {
                let at = self.reader.source.spot(text.inside(&span));
                let event = Event::Use { name: name.to_owned(), at, secret: false };
                self.trail.borrow_mut().events.push(event);
            }
        }
    }

    /// Tells the fault, if there is one.
    fn told<T>(text: &Text<'_>, result: Result<T, TextFault>) -> Option<T> {
        result.map_err(|fault| text.error_at(&fault.span, fault.message, fault.hint)).ok()
    }
}

/// The `{name}`s of a text with their bytes, braces included.
pub(super) fn variables(text: &str) -> Vec<(&str, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|i| at + i) {
        if text[open + 1..].starts_with('{') {
            at = open + 2;
            continue;
        }
        let Some(close) = text[open..].find('}').map(|i| open + i) else { break };
        let name = &text[open + 1..close];
        if is_name(name) {
            found.push((name, open..close + 1));
        }
        at = close + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_top() {
        let cases = [
            ("scenarios", "fragments/a.toml", Some("scenarios/fragments/a.toml")),
            ("scenarios", "../a.toml", Some("a.toml")),
            ("scenarios", "./b/../a.toml", Some("scenarios/a.toml")),
            ("scenarios", "../../a.toml", None),
            ("", "../a.toml", None),
            ("", "/etc/passwd", None),
            ("", "a\\b", None),
            ("", " ", None),
        ];
        for (folder, relative, want) in cases {
            let got = join(Path::new(folder), relative).ok();
            assert_eq!(got, want.map(PathBuf::from), "{folder} + {relative}");
        }
    }

    #[test]
    fn variables_are_found_between_single_braces() {
        let names = |text| variables(text).into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names("{a}药{{b}}{c}"), ["a", "c"]);
        assert_eq!(names("/\\d{3}{n}/"), ["n"]);
        assert!(names("{").is_empty());
    }
}
