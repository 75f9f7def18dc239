//! Reading a table key by key, with a fault for everything that does not fit.
//!
//! A reader asks a [`Fields`] for each key that it knows; what was never asked for is unknown, and
//! [`Fields::finish`] says so. So the list of known keys is the code that reads them.
//!
//! Invariant: a wrong value is a fault that names what is wanted and what is there, and then counts
//! as absent; reading goes on with the next key.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Spot};
use super::duration;
use super::raw::Source;
use super::words::{closest, listed, quoted, suggest_or_list};

/// A file that is being read, and where its faults go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    /// The file.
    pub source: &'a Source,
    /// Where faults of all files go.
    pub out: &'a RefCell<Vec<Diagnostic>>,
}

impl Reader<'_> {
    /// Notes an error.
    pub fn error(&self, span: Range<usize>, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.note(Diagnostic::error(self.source.spot(span), message).hinted(hint));
    }

    /// Notes a warning.
    pub fn warn(&self, span: Range<usize>, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.note(Diagnostic::warning(self.source.spot(span), message).hinted(hint));
    }

    /// Notes a diagnostic.
    pub fn note(&self, diagnostic: Diagnostic) {
        self.out.borrow_mut().push(diagnostic);
    }
}

/// A table, with the keys that were asked for.
pub(super) struct Fields<'a> {
    /// The file.
    pub reader: Reader<'a>,
    /// What the table is, with its article: `a step`.
    pub what: &'static str,
    /// Its bytes: the braces, or its header.
    pub span: Range<usize>,
    table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
    /// The key that decides what the table is: `click`, `visible`.
    main: Cell<Option<&'a str>>,
}

impl<'a> Fields<'a> {
    /// Starts to read a table.
    pub fn new(reader: Reader<'a>, what: &'static str, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self::of(reader, what, table.span(), table.get_ref())
    }

    fn of(reader: Reader<'a>, what: &'static str, span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        Self { reader, what, span, table, asked: RefCell::default(), main: Cell::default() }
    }

    /// The value of a key, which is known from now on.
    pub fn get(&self, key: &'static str) -> Option<Item<'a>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.peek(key)
    }

    /// The value of a key, without knowing it from now on.
    fn peek(&self, key: &str) -> Option<Item<'a>> {
        let (name, value) = self.table.get_key_value(key)?;
        Some(Item { reader: self.reader, name: name.get_ref(), key: name.span(), value, element: false })
    }

    /// The one key of `known` that the table has: a table with none, or with several, is a fault.
    /// `companions` are keys that stand beside one of them.
    pub fn only(&self, known: &[&'static str], companions: &[&str], noun: &str) -> Option<Item<'a>> {
        let mut found: Vec<_> = known.iter().filter_map(|key| Some((*key, self.peek(key)?))).collect();
        found.sort_by_key(|(_, item)| item.key.start);
        match found.as_slice() {
            [(key, item)] => {
                self.asked.borrow_mut().push(key);
                Some(item.clone())
            }
            [] => {
                let entries = self.entries();
                if let Some(item) = entries.iter().find(|item| !companions.contains(&item.name)) {
                    let hint = suggest_or_list(item.name, known, &format!("{noun}s"));
                    self.reader.error(item.key.clone(), format!("unknown {noun} `{}`", item.name), hint);
                } else {
                    let hint = format!("write one of {}", quoted(known));
                    self.reader.error(self.span.clone(), format!("{} says nothing", self.what), hint);
                }
                None
            }
            [_, (_, second), ..] => {
                let names: Vec<_> = found.iter().map(|(key, _)| *key).collect();
                self.asked.borrow_mut().extend(known);
                let hint = "put each into a table of its own: { … }, { … }".to_owned();
                let message = format!("{} in one {noun}", listed(&names));
                self.reader.error(second.key.clone(), message, hint);
                None
            }
        }
    }

    /// The value of a key that has to be there.
    pub fn need(&self, key: &'static str, hint: &str) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() {
            self.missing(key, hint);
        }
        item
    }

    /// Says that a key is missing.
    pub fn missing(&self, key: &str, hint: &str) {
        self.reader.error(self.span.clone(), self.needs(key), hint.to_owned());
    }

    fn needs(&self, key: &str) -> String {
        match self.main.get() {
            Some(main) => format!("`{main}` needs `{key}`"),
            None => format!("{} needs `{key}`", self.what),
        }
    }

    /// Takes back that a key is missing: it is there, with a slip in it, which is told by itself.
    fn is_there(&self, key: &str) {
        let (message, place) = (self.needs(key), self.reader.source.spot(self.span.clone()));
        let same = |known: &Diagnostic| known.message == message && known.at == place;
        self.reader.out.borrow_mut().retain(|known| !same(known));
    }

    /// Says that `main` decides what the table is: messages name it from now on.
    pub fn led_by(&self, main: &Item<'a>) {
        self.main.set(Some(main.name));
    }

    /// Every entry, known or not, in file order.
    pub fn entries(&self) -> Vec<Item<'a>> {
        let reader = self.reader;
        let mut all: Vec<_> = self
            .table
            .iter()
            .map(|(name, value)| Item {
                reader,
                name: name.get_ref(),
                key: name.span(),
                value,
                element: false,
            })
            .collect();
        all.sort_by_key(|item| item.key.start);
        all
    }

    /// Says which keys nobody asked for.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for item in self.entries() {
            if !asked.contains(&item.name) {
                let Some(main) = self.main.get() else {
                    if let Some(meant) = closest(item.name, asked.iter().copied()) {
                        self.is_there(meant);
                    }
                    let message = format!("unknown key `{}` in {}", item.name, self.what);
                    self.reader.error(item.key.clone(), message, suggest_or_list(item.name, &asked, "keys"));
                    continue;
                };
                let beside: Vec<_> = asked.iter().copied().filter(|key| *key != main).collect();
                // A key that belongs to another verb is spelled well: only one letter may be wrong.
                let close = beside.iter().find(|key| strsim::damerau_levenshtein(key, item.name) == 1);
                if let Some(meant) = close {
                    self.is_there(meant);
                }
                let hint = match close {
                    Some(key) => format!("did you mean `{key}`?"),
                    None => format!("beside `{main}` may stand {}", quoted(&beside)),
                };
                self.reader.error(item.key.clone(), format!("`{main}` takes no `{}`", item.name), hint);
            }
        }
    }
}

/// One value with its key. An element of a list has the key of its list.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    /// The file.
    pub reader: Reader<'a>,
    /// The key.
    pub name: &'a str,
    /// The bytes of the key.
    pub key: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
    /// Whether it is an element of the list that has the key.
    element: bool,
}

impl<'a> Item<'a> {
    /// The bytes of the value.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    /// The same value, its faults going elsewhere.
    pub fn within<'b>(self, reader: Reader<'b>) -> Item<'b>
    where
        'a: 'b,
    {
        Item { reader, ..self }
    }

    /// Notes an error about the value.
    pub fn error(&self, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.reader.error(self.span(), message, hint);
    }

    /// Says that a value of another type is wanted.
    pub fn wrong(&self, wanted: &str, hint: impl Into<Option<String>>) {
        let each = if self.element { "an element of " } else { "" };
        self.error(format!("{each}`{}` must be {wanted}, not {}", self.name, self.kind()), hint);
    }

    /// The kind of the value, for people.
    fn kind(&self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        self.value.get_ref().as_bool() == Some(true)
    }

    /// Whether it is `true` or `false`.
    pub fn is_boolean(&self) -> bool {
        self.value.get_ref().as_bool().is_some()
    }

    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// Whether it is a bare TOML date.
    pub fn date(&self) -> Option<String> {
        self.value.get_ref().as_datetime().map(ToString::to_string)
    }

    /// A text.
    pub fn text(&self) -> Option<Text<'a>> {
        self.text_like("a text")
    }

    /// A text, called `wanted` when it is none.
    pub fn text_like(&self, wanted: &str) -> Option<Text<'a>> {
        let Some(value) = self.value.get_ref().as_str() else {
            self.wrong(wanted, None);
            return None;
        };
        Some(Text { reader: self.reader, name: self.name, value, span: self.span() })
    }

    /// A text that is not empty.
    pub fn filled(&self) -> Option<Text<'a>> {
        let text = self.text()?;
        if text.value.trim().is_empty() {
            text.error(format!("`{}` is empty", self.name), None);
            return None;
        }
        Some(text)
    }

    /// True or false.
    pub fn boolean(&self) -> Option<bool> {
        let value = self.value.get_ref().as_bool();
        if value.is_none() {
            self.wrong("true or false", None);
        }
        value
    }

    /// A whole number in a range.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(number) = self.value.get_ref().as_integer() else {
            self.wrong(&wanted, None);
            return None;
        };
        let digits = number.as_str().replace('_', "");
        let value = i64::from_str_radix(&digits, number.radix()).ok().filter(|n| range.contains(n));
        if value.is_none() {
            self.error(format!("`{}` must be {wanted}", self.name), None);
        }
        value
    }

    /// A number in a range, with a fraction or without.
    pub fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let wanted = match (*range.start(), *range.end()) {
            (f64::MIN, f64::MAX) => "a number".to_owned(),
            (least, f64::MAX) => format!("a number that is not below {least}"),
            (least, most) => format!("a number from {least} to {most}"),
        };
        let value = match self.value.get_ref() {
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                i64::from_str_radix(&digits, number.radix()).ok().map(|whole| whole as f64)
            }
            DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
            _ => {
                self.wrong(&wanted, None);
                return None;
            }
        };
        let value = value.filter(|number| range.contains(number));
        if value.is_none() {
            let each = if self.element { "an element of " } else { "" };
            self.error(format!("{each}`{}` must be {wanted}", self.name), None);
        }
        value
    }

    /// A duration in a range.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.text_like("a duration such as \"15s\"")?;
        let time = match duration::parse(text.value) {
            Ok(time) => time,
            Err(fault) => {
                text.error_at(&fault.span, fault.message, fault.hint);
                return None;
            }
        };
        if !range.contains(&time) {
            let (low, high) = (duration::show(*range.start()), duration::show(*range.end()));
            text.error(format!("`{}` must be from {low} to {high}", self.name), None);
            return None;
        }
        Some(time)
    }

    /// A list.
    pub fn list(&self, wanted: &str) -> Option<Vec<Self>> {
        let Some(array) = self.value.get_ref().as_array() else {
            let hint = self.is_table().then(|| "put it between [ and ]".to_owned());
            self.wrong(wanted, hint);
            return None;
        };
        let element = |value| Self {
            reader: self.reader,
            name: self.name,
            key: self.key.clone(),
            value,
            element: true,
        };
        Some(array.iter().map(element).collect())
    }

    /// A list of texts that are not empty.
    pub fn texts(&self) -> Option<Vec<Text<'a>>> {
        let items = self.list("a list of texts")?;
        Some(items.iter().filter_map(Self::filled).collect())
    }

    /// A text or a list of texts.
    pub fn one_or_more(&self) -> Option<Vec<Text<'a>>> {
        if self.is_text() { self.filled().map(|text| vec![text]) } else { self.texts() }
    }

    /// A table.
    pub fn table(&self, what: &'static str) -> Option<Fields<'a>> {
        let Some(table) = self.value.get_ref().as_table() else {
            let hint = if self.element {
                "write { … }".to_owned()
            } else {
                format!("write `{} = {{ … }}`", self.name)
            };
            self.wrong("a table", hint);
            return None;
        };
        Some(Fields::of(self.reader, what, self.span(), table))
    }

    /// The tables of a `[[…]]` list.
    pub fn tables(&self, what: &'static str) -> Vec<Fields<'a>> {
        if self.is_table() {
            let hint = format!("write `[[{}]]` with two brackets on each side", self.name);
            self.wrong("a list of tables", hint);
            return Vec::new();
        }
        let items = self.list("a list of tables").unwrap_or_default();
        items.iter().filter_map(|item| item.table(what)).collect()
    }

    /// A table of texts, such as variables.
    pub fn text_map(&self, what: &'static str) -> Option<BTreeMap<&'a str, Text<'a>>> {
        let fields = self.table(what)?;
        let pairs = fields.entries().into_iter();
        Some(pairs.filter_map(|item| Some((item.name, item.text()?))).collect())
    }

    /// One of several names.
    pub fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let text = self.text_like(&quoted(&names))?;
        let found = choices.iter().find(|(name, _)| *name == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let message = format!("`{}` is not a known value of `{}`", text.value, self.name);
            text.error(message, suggest_or_list(text.value, &names, "values"));
        }
        found
    }
}

/// A text with its place.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    /// The file.
    pub reader: Reader<'a>,
    /// The key that it belongs to.
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
    /// Its bytes, quotes included.
    pub span: Range<usize>,
}

impl Text<'_> {
    /// Notes an error about the whole text.
    pub fn error(&self, message: impl Into<String>, hint: impl Into<Option<String>>) {
        self.reader.error(self.span.clone(), message, hint);
    }

    /// Notes an error about some bytes of the value.
    pub fn error_at(
        &self,
        within: &Range<usize>,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.reader.error(self.inside(within), message, hint);
    }

    /// The bytes of the file behind bytes of the value.
    pub fn inside(&self, within: &Range<usize>) -> Range<usize> {
        self.reader.source.inside(&self.span, within)
    }

    /// The place of the text.
    pub fn spot(&self) -> Spot {
        self.reader.source.spot(self.span.clone())
    }
}
