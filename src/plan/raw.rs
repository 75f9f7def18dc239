//! One file, as read: its text, its tree of values with a span each, and its syntax errors.
//!
//! Invariant: every span that is made here lies inside the text, on character boundaries.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeTable;

use super::diagnostic::{Diagnostic, Place, Spot};
use crate::domain::scenario::SourcePos;

/// A file with its text.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path, relative to the configuration's folder.
    pub file: PathBuf,
    /// Its text, without a byte order mark.
    pub text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl Source {
    /// Takes the text of `file`.
    pub fn new(file: PathBuf, text: String) -> Self {
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, text, lines }
    }

    /// The tree, and what is no TOML: one error a line, because the parser stumbles over the rest of
    /// a line that it could not read.
    pub fn parse(&self) -> (Spanned<DeTable<'_>>, Vec<Diagnostic>) {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        let mut lines = BTreeSet::new();
        let mut errors: Vec<_> = errors.iter().collect();
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        let faults = errors
            .into_iter()
            .filter(|error| lines.insert(self.position(self.boundary(error.span().map_or(0, |s| s.start))).0))
            .map(|error| {
                let span = error.span().unwrap_or(0..0);
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                let hint = self.wide_hint(&span).or_else(|| syntax_hint(&message));
                Diagnostic::error(self.spot(span), format!("this is not TOML: {message}")).hinted(hint)
            })
            .collect();
        (table, faults)
    }

    /// A hint for the signs of a Chinese keyboard, which look like those of TOML and are none: the
    /// first one at the fault, or right behind it.
    fn wide_hint(&self, span: &Range<usize>) -> Option<String> {
        let rest = self.text.get(self.boundary(span.start)..)?;
        let length = span.end.saturating_sub(span.start);
        let mut near = rest.char_indices().take_while(|(at, c)| *c != '\n' && *at <= length).map(|(_, c)| c);
        let (wide, narrow) = near.find_map(|c| Some((c, narrow(c)?)))?;
        Some(format!("`{wide}` is the sign of a Chinese keyboard; write `{narrow}`"))
    }

    /// The place of some bytes, for people.
    pub fn spot(&self, span: Range<usize>) -> Spot {
        let start = self.boundary(span.start);
        let end = self.boundary(span.end).max(start);
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end);
        let (from, text) = self.line(line);
        let within = start.min(from + text.len()) - from..end.min(from + text.len()) - from;
        let place = Place { line, column, end_line, end_column, text: text.to_owned(), within };
        Spot { file: self.file.clone(), span: start..end, place: Some(place) }
    }

    /// The place of a byte, for records.
    pub fn pos(&self, at: usize) -> SourcePos {
        let (line, column) = self.position(self.boundary(at));
        SourcePos { file: self.file.clone(), line, column }
    }

    /// The bytes of a file that stand for bytes of a string in it: `token` is the string with its
    /// quotes, `within` are bytes of its value.
    pub fn inside(&self, token: &Range<usize>, within: &Range<usize>) -> Range<usize> {
        let raw = self.text.get(token.clone()).unwrap_or_default();
        let start = token.start + written(raw, within.start);
        let end = token.start + written(raw, within.end);
        start..end.max(start)
    }

    /// The character that a byte is in or begins. A line break of two characters is one: nobody sees a
    /// place between them.
    fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        if at > 0 && self.text.get(at - 1..).is_some_and(|rest| rest.starts_with("\r\n")) {
            at -= 1;
        }
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The line and column, from 1, of a byte on a character boundary.
    fn position(&self, at: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..at).map_or(0, |before| before.chars().count()) + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    /// Where a line starts, and its text without the line break.
    fn line(&self, line: u32) -> (usize, &str) {
        let start = self.lines.get(line as usize - 1).copied().unwrap_or(0);
        let rest = self.text.get(start..).unwrap_or_default();
        let text = rest.split('\n').next().unwrap_or_default();
        (start, text.strip_suffix('\r').unwrap_or(text))
    }
}

/// The sign of TOML that a full-width sign stands for.
fn narrow(c: char) -> Option<char> {
    Some(match c {
        '“' | '”' | '＂' | '「' | '」' => '"',
        '‘' | '’' | '＇' => '\'',
        '＝' => '=',
        '，' | '、' => ',',
        '［' | '【' => '[',
        '］' | '】' => ']',
        '｛' => '{',
        '｝' => '}',
        '＃' => '#',
        '　' => ' ',
        _ => return None,
    })
}

/// What to do about syntax errors that authors often make.
fn syntax_hint(message: &str) -> Option<String> {
    let hint = if message.contains("duplicate key") {
        "each key is written once in its table"
    } else if message.contains("string values must be quoted") {
        "put texts between quotes: \"…\""
    } else if message.contains("invalid basic string") {
        "end the text with a quote on the same line"
    } else if message.contains("recurse") {
        "lists and tables may be 80 levels deep"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// Where, in a string as it is written, byte `at` of its value stands.
fn written(raw: &str, at: usize) -> usize {
    let (open, escapes, long) = if raw.starts_with("\"\"\"") {
        (3, true, true)
    } else if raw.starts_with("'''") {
        (3, false, true)
    } else if raw.starts_with('"') {
        (1, true, false)
    } else if raw.starts_with('\'') {
        (1, false, false)
    } else {
        return at.min(raw.len());
    };
    let last = raw.len().saturating_sub(open);
    let mut here = open;
    if long {
        let body = raw.get(open..).unwrap_or_default();
        here += if body.starts_with("\r\n") { 2 } else { usize::from(body.starts_with('\n')) };
    }
    let mut value = 0;
    while value < at && here < last {
        let rest = raw.get(here..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { break };
        if c != '\\' || !escapes {
            value += c.len_utf8();
            here += c.len_utf8();
            continue;
        }
        let digits = match rest.as_bytes().get(1) {
            Some(b'x') => 2,
            Some(b'u') => 4,
            Some(b'U') => 8,
            Some(b' ' | b'\t' | b'\r' | b'\n') => {
                let body = &rest[1..];
                here += 1 + (body.len() - body.trim_start().len());
                continue;
            }
            _ => 0,
        };
        let code = rest.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        value += code.filter(|_| digits > 0).and_then(char::from_u32).map_or(1, char::len_utf8);
        here += 2 + digits;
    }
    here.min(raw.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_value_are_found_in_what_is_written() {
        let cases = [
            (r#""plain""#, 2, 3),
            (r"'it\s'", 3, 4),
            (r#""a\"b""#, 2, 4),
            (r#""\u836F品""#, 3, 7),
            ("\"\"\"\nab\"\"\"", 1, 5),
            ("\"\"\"a\\\n   b\"\"\"", 1, 4),
            ("\"\"\"a\\\n   b\"\"\"", 2, 10),
            ("'''\r\nab'''", 0, 5),
            (r#""x""#, 99, 2),
        ];
        for (raw, at, want) in cases {
            assert_eq!(written(raw, at), want, "{raw} {at}");
        }
    }

    #[test]
    fn columns_are_characters_and_lines_lose_their_ends() {
        let source = Source::new("a.toml".into(), "\u{feff}x = 1\r\n名 = \"药\"\r\n".into());
        let at = source.text.find('药').unwrap();
        let place = source.spot(at..at + 3).place.unwrap();
        assert_eq!((place.line, place.column, place.end_column), (2, 6, 7));
        assert_eq!(place.text, "名 = \"药\"");
        assert_eq!(source.spot(999..1200).place.unwrap().line, 3);
        let end = source.text.find('\n').unwrap();
        assert_eq!(source.spot(end..end + 1).place.unwrap().column, 6, "as the line break's other half");
        assert_eq!(source.spot(end..end + 1).span, end - 1..end + 1);
    }
}
