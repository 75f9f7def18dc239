//! Masks: personal data taken out of whatever a journey keeps.
//!
//! Masked is what [`personal`] knows by its form, what the journey typed into
//! forms, and what the author named as secret. What is masked becomes [`MARK`], whatever its length.
//! Published addresses and hotlines are masked as well: nobody can tell them from a citizen's by
//! their form, and a step is not judged by them.
//!
//! A value is found however it is written: in capitals or small letters, in full-width letters,
//! with blanks, line breaks or hyphens in it, escaped for HTML, in percent signs of UTF-8 or GB 18030.
//!
//! Invariant: the time grows with the text and with what is found in it, and masking what is masked
//! changes nothing.

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::AhoCorasick;

use super::personal::{self, Kind};

mod address;
mod document;
mod record;
#[cfg(test)]
mod tests;

/// What stands in the place of what is masked.
pub const MARK: &str = "███";

/// The most values of one journey.
const MOST_VALUES: usize = 1000;

/// A long value is looked for in pieces of so many characters, so that one that was cut is found too.
const PIECE: usize = 16;

/// A value of digits alone is masked from this length on: shorter ones identify nobody, and stand in
/// every time of day.
const SHORTEST_NUMBER: usize = 4;

/// What is masked in one journey.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    /// Values as they are compared, see `folded`.
    values: Vec<String>,
    /// Values that are public although a form got them.
    open: Vec<String>,
    finder: Option<AhoCorasick>,
}

impl Masks {
    /// Masks that know nothing but the forms of personal data.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that a text is public: values that stand in it whole are not masked. For the name of the
    /// item and of the portal.
    pub fn publish(&mut self, text: &str) {
        let text = fold(text);
        if !text.is_empty() && !self.open.contains(&text) {
            self.open.push(text);
        }
    }

    /// Masks a value from now on, wherever it stands. Shorter ones than two characters are too common,
    /// and so are numbers of less than four digits.
    pub fn hide(&mut self, value: &str) {
        let folded = fold(value);
        let digits = folded.bytes().all(|byte| byte.is_ascii_digit());
        let short = digits && folded.len() < SHORTEST_NUMBER;
        if !short && !self.open.iter().any(|open| open.contains(&folded)) {
            self.hide_secret(value);
        }
    }

    /// Masks a text from now on, whatever is public.
    pub fn hide_secret(&mut self, text: &str) {
        let value = fold(text);
        let length = value.chars().count();
        if length < 2 || self.values.contains(&value) {
            return;
        }
        let whole: Vec<char> = value.chars().collect();
        let pieces = whole.chunks_exact(PIECE).filter(|_| length >= 2 * PIECE);
        let pieces = pieces.map(|piece| piece.iter().collect::<String>());
        for text in std::iter::once(value.clone()).chain(pieces) {
            if self.values.len() < MOST_VALUES && !self.values.contains(&text) {
                self.values.push(text);
            }
        }
        // Values are few and short; one that the machine refuses would not be masked, so the machine
        // is built from what remains.
        self.finder = AhoCorasick::new(&self.values).ok();
    }

    /// Whether anything is known to be secret here besides what is known by its form.
    pub fn has_values(&self) -> bool {
        !self.values.is_empty()
    }

    /// The values as they are compared: without white space, hyphens and width, in small letters.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Public texts as they are compared.
    pub fn published(&self) -> &[String] {
        &self.open
    }

    /// The text with everything masked.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        replaced(text, &self.ranges(text))
    }

    /// Like [`Masks::text`], for a piece that was cut out of a longer text: what is left of a value at
    /// its edges is masked, too.
    pub fn piece<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut ranges = self.ranges(text);
        ranges.extend(self.torn(text));
        replaced(text, &merged(ranges))
    }

    /// The bytes of `text` that are masked, in order and apart from each other.
    pub fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let mut ranges = self.known(text);
        ranges.extend(personal::find_all(text).into_iter().map(|(span, _)| span));
        if text.contains('…') {
            let mut from = 0;
            for (at, dots) in text.match_indices('…') {
                let torn = self.torn_end(&text[from..at]);
                ranges.extend(torn.map(|span| span.start + from..span.end + from));
                from = at + dots.len();
            }
        }
        merged(ranges)
    }

    /// Where personal data of some forms and the values stand.
    fn ranges_of(&self, text: &str, kinds: &[Kind]) -> Vec<Range<usize>> {
        let mut ranges = self.known(text);
        let found = personal::find_all(text).into_iter().filter(|(_, kind)| kinds.contains(kind));
        ranges.extend(found.map(|(span, _)| span));
        merged(ranges)
    }

    /// Where the values stand.
    fn known(&self, text: &str) -> Vec<Range<usize>> {
        let Some(finder) = &self.finder else { return Vec::new() };
        let folded = Folded::new(text);
        let mut ranges = Vec::new();
        for hit in finder.find_overlapping_iter(&folded.text) {
            let value = &self.values[hit.pattern().as_usize()];
            let span = folded.original(hit.start()..hit.end());
            // `12 34` is no part of `91234`.
            if !value.is_ascii() || stands_alone(text, &span) {
                ranges.push(span);
            }
        }
        ranges
    }

    /// What is left of values and numbers at both edges of a text.
    fn torn(&self, text: &str) -> Vec<Range<usize>> {
        let folded = Folded::new(text);
        let begin = self.values.iter().filter_map(|value| {
            let ends = value.char_indices().map(|(at, _)| &value[at..]).skip(1);
            ends.filter(|end| is_telling(end)).find(|end| folded.text.starts_with(*end))
        });
        let longest = begin.map(str::len).max();
        let begin = longest.map(|length| 0..folded.original(0..length).end);
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = (digits >= 6).then_some(0..digits);
        begin.into_iter().chain(number).chain(self.torn_end(text)).collect()
    }

    /// What is left of a value or a number at the end of a text.
    fn torn_end(&self, text: &str) -> Option<Range<usize>> {
        let folded = Folded::new(text);
        let end = self.values.iter().filter_map(|value| {
            let starts = value.char_indices().rev().map(|(at, _)| &value[..at]);
            starts.filter(|start| is_telling(start)).find(|start| folded.text.ends_with(*start))
        });
        let longest = end.map(str::len).max().map(|length| folded.text.len() - length);
        let value = longest.map(|from| folded.original(from..folded.text.len()).start);
        let bare = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ' || c == '-').len();
        let first = text[bare..].find(|c: char| c.is_ascii_digit()).map(|at| bare + at);
        let number = first.filter(|_| text[bare..].bytes().filter(u8::is_ascii_digit).count() >= 6);
        let start = value.into_iter().chain(number).min()?;
        Some(start..text.len())
    }
}

/// Whether a part of a value says anything about it.
fn is_telling(part: &str) -> bool {
    part.chars().count() >= if part.is_ascii() { 4 } else { 2 }
}

/// Whether neither a letter nor a digit of ASCII touches the span.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    !touches(text[..span.start].chars().next_back()) && !touches(text[span.end..].chars().next())
}

/// Puts the mark in the place of every range.
fn replaced<'a>(text: &'a str, ranges: &[Range<usize>]) -> Cow<'a, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        masked.push_str(&text[from..range.start]);
        masked.push_str(MARK);
        from = range.end;
    }
    masked.push_str(&text[from..]);
    Cow::Owned(masked)
}

/// Ranges in order; those that touch or overlap become one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// A text as it is compared, with the way back to its bytes.
struct Folded {
    text: String,
    /// For every byte of `text` the bytes of the character that it comes from.
    from: Vec<Range<usize>>,
}

impl Folded {
    fn new(text: &str) -> Self {
        let mut folded = Self { text: String::with_capacity(text.len()), from: Vec::new() };
        for (at, c) in text.char_indices() {
            for plain in plain(c) {
                folded.text.push(plain);
                let bytes = std::iter::repeat_n(at..at + c.len_utf8(), plain.len_utf8());
                folded.from.extend(bytes);
            }
        }
        folded
    }

    /// The bytes of the text itself behind bytes of the folded one.
    fn original(&self, folded: Range<usize>) -> Range<usize> {
        let start = self.from.get(folded.start).map_or(0, |from| from.start);
        let end =
            folded.end.checked_sub(1).and_then(|last| self.from.get(last)).map_or(start, |from| from.end);
        start..end
    }
}

/// A text as it is compared.
fn fold(text: &str) -> String {
    text.chars().flat_map(plain).collect()
}

/// A character as it is compared: narrow and small; nothing for what is put between letters.
fn plain(c: char) -> impl Iterator<Item = char> {
    let narrow = match u32::from(c) {
        // The full-width forms of ASCII.
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    let between = narrow.is_whitespace()
        || narrow.is_control()
        || matches!(narrow, '-' | '‐'..='―' | '−' | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    (!between).then_some(narrow).into_iter().flat_map(char::to_lowercase)
}
