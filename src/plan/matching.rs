//! How a text is compared: contained, equal, or a regular expression.
//!
//! In a locator the form follows the `=` of its kind: `text=药品`, `text="药品"`, `text=/^药/`. In an
//! expectation a plain text is contained, `="药品"` is equal and `/^药/` or `=/^药/` is a regular
//! expression; in `url` only `=/…/` is one, because a path looks like `/…/`.
//!
//! Regular expressions are the part that browsers and we understand alike: no look-around, no back
//! references, no flags.

use super::locator::{TextFault, template};
use crate::domain::locator::{MatchOp, TextMatch};
use crate::domain::template::Template;

/// Where a quoted text ends (behind its quote); `text` starts with `quote`.
pub(super) fn quoted_end(text: &str, quote: char) -> Result<usize, TextFault> {
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return Ok(i + 1);
        }
    }
    let hint = format!("end the text with {quote}");
    Err(TextFault::new(0..text.len(), format!("the quote {quote} is never closed"), hint))
}

/// Where a regular expression ends (behind its slash); `text` starts with `/`.
pub(super) fn regex_end(text: &str) -> Result<usize, TextFault> {
    let mut class = false;
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => class = true,
            ']' => class = false,
            '/' if !class => return Ok(i + 1),
            _ => {}
        }
    }
    let hint = "end it with `/`; put a text that starts with / between quotes".to_owned();
    Err(TextFault::new(0..text.len(), "the regular expression is never closed", hint))
}

/// An exact text, from its quoted form; `at` is where that stands.
pub(super) fn exact(token: &str, at: usize) -> Result<TextMatch, TextFault> {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    let whole = at..at + token.len();
    // Offsets inside are exact unless something was escaped; then the whole text is meant.
    let value = template(&plain).map_err(|fault| {
        if plain == inner { fault.shifted(at + 1) } else { TextFault { span: whole, ..fault } }
    })?;
    Ok(TextMatch { op: MatchOp::Exact, value })
}

/// A regular expression, from its form between slashes; `at` is where that stands.
pub(super) fn regex(token: &str, at: usize) -> Result<TextMatch, TextFault> {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    if inner.is_empty() {
        return Err(TextFault::new(at..at + token.len(), "the regular expression is empty", None));
    }
    let value =
        template(&quantifiers(inner)).map_err(|fault| TextFault { span: at..at + token.len(), ..fault })?;
    let sample = blanked(&value);
    if let Some(found) = sample.find("(?").filter(|i| !sample[*i..].starts_with("(?:")) {
        let hint =
            "look-around, flags and named groups are not known here; a group is (…) or (?:…)".to_owned();
        let span = inner.find("(?").map_or(at..at + token.len(), |i| at + 1 + i..at + 1 + i + 2);
        let shown: String = sample[found..].chars().take(3).collect();
        return Err(TextFault::new(span, format!("`{shown}` is not allowed in a regular expression"), hint));
    }
    match regex::Regex::new(&sample) {
        Ok(_) => Ok(TextMatch { op: MatchOp::Regex, value }),
        Err(error) => {
            let why = match &error {
                regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                other => {
                    let text = other.to_string();
                    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
                }
            };
            let message = format!("the regular expression cannot be read: {why}");
            Err(TextFault::new(
                at..at + token.len(),
                message,
                "a backslash before . ( ) [ ] * + ? takes their meaning away".to_owned(),
            ))
        }
    }
}

/// `\d{3}` is a quantifier and no variable: its braces are doubled for the template.
pub(super) fn quantifiers(pattern: &str) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let (before, tail) = rest.split_at(open);
        text.push_str(before);
        let close = tail.find('}').filter(|close| {
            let inner = &tail[1..*close];
            inner.starts_with(|c: char| c.is_ascii_digit())
                && inner.bytes().all(|b| b.is_ascii_digit() || b == b',')
        });
        if let Some(close) = close {
            text.push_str("{{");
            text.push_str(&tail[1..close]);
            text.push_str("}}");
            rest = &tail[close + 1..];
        } else {
            text.push('{');
            rest = &tail[1..];
        }
    }
    text.push_str(rest);
    text
}

/// The pattern with a letter for each variable, to test what does not depend on their values.
fn blanked(value: &Template) -> String {
    let with = value.vars().map(|name| (name.to_owned(), "x".to_owned())).collect();
    value.render(&with).unwrap_or_default()
}

/// The text of an expectation. `url` says that plain `/…/` is a path.
pub(super) fn expectation(text: &str, url: bool) -> Result<TextMatch, TextFault> {
    let special = text.strip_prefix('=').filter(|rest| rest.starts_with(['"', '\'', '/']));
    let (form, at) = match special {
        Some(rest) => (rest, 1),
        None if !url && text.len() > 2 && text.starts_with('/') && text.ends_with('/') => (text, 0),
        None => {
            return Ok(TextMatch { op: MatchOp::Contains, value: template(text)? });
        }
    };
    let (end, regular) = match form.chars().next() {
        Some('/') => (regex_end(form).map_err(|fault| fault.shifted(at))?, true),
        Some(quote) => (quoted_end(form, quote).map_err(|fault| fault.shifted(at))?, false),
        None => (0, false),
    };
    if end < form.len() {
        let hint = "end the text there, or leave out the `=` at its start to look for it as it is".to_owned();
        return Err(TextFault::new(
            at + end..at + form.len(),
            "this stands behind the end of the text",
            hint,
        ));
    }
    if regular { regex(form, at) } else { exact(form, at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_tell_contained_from_equal_from_pattern() {
        let cases = [
            ("药品", false, MatchOp::Contains, "药品"),
            ("=药品", false, MatchOp::Contains, "=药品"),
            ("=\"药品\"", false, MatchOp::Exact, "药品"),
            ("='it\\'s'", false, MatchOp::Exact, "it's"),
            ("=\"\"", false, MatchOp::Exact, ""),
            ("/^药\\d{3}$/", false, MatchOp::Regex, "^药\\d{3}$"),
            ("/search/", true, MatchOp::Contains, "/search/"),
            ("=/search\\/\\d+/", true, MatchOp::Regex, "search\\/\\d+"),
            ("/search", false, MatchOp::Contains, "/search"),
        ];
        for (text, url, op, want) in cases {
            let read = expectation(text, url).unwrap();
            assert_eq!((read.op, read.value.text().as_str()), (op, want), "{text}");
        }
        for bad in ["=\"药", "=/a(/", "/(?=a)/", "=/x/i", "a{", "/[/", "=\"a\"b"] {
            assert!(expectation(bad, false).is_err(), "{bad}");
        }
    }
}
