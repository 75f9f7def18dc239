//! Texts in a given number of columns, where a Chinese character takes two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text cut at its end.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut short = head(text, columns.saturating_sub(1)).to_owned();
    short.push('…');
    short
}

/// The text in at most so many lines, broken where white space is, and else where it must.
pub(super) fn wrap(text: &str, columns: usize, lines: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut wrapped = Vec::new();
    let mut rest = text;
    while rest.width() > columns && wrapped.len() + 1 < lines {
        let most = head(rest, columns);
        let after = &rest[most.len()..];
        // What stands before the first word is no place to break.
        let indent = most.len() - most.trim_start().len();
        let space = if after.starts_with(' ') { None } else { most[indent..].rfind(' ') };
        let end = space.map_or(most.len(), |at| indent + at);
        wrapped.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    wrapped.push(cut(rest, columns));
    wrapped
}

/// The text with its middle left out: of an address both ends tell something.
pub(super) fn middle(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let front = head(text, room.div_ceil(2));
    let back = tail(text, room - front.width());
    format!("{front}…{back}")
}

/// The address as people read it: the letters that are written in percent signs of UTF-8, without those of
/// ASCII, which would change what it means.
pub(super) fn readable(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let bytes: Vec<u8> = rest.as_bytes().chunks(3).map_while(escaped).collect();
        let whole = std::str::from_utf8(&bytes).ok().filter(|letters| !letters.is_empty());
        let taken = if whole.is_some() { bytes.len() * 3 } else { 1 };
        text.push_str(whole.unwrap_or("%"));
        rest = &rest[taken..];
    }
    text.push_str(rest);
    text
}

/// The byte beyond ASCII that `%E5` stands for.
fn escaped(triple: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(triple.strip_prefix(b"%")?).ok().filter(|digits| digits.len() == 2)?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (byte >= 0x80).then_some(byte)
}

/// Whether one more character still fits into so many columns.
fn fitting(columns: usize) -> impl FnMut(&(usize, char)) -> bool {
    let mut left = columns;
    move |(_, c)| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    }
}

/// As much of the beginning as fits.
fn head(text: &str, columns: usize) -> &str {
    let end = text.char_indices().take_while(fitting(columns)).last().map_or(0, |(at, c)| at + c.len_utf8());
    &text[..end]
}

/// As much of the end as fits.
fn tail(text: &str, columns: usize) -> &str {
    let start =
        text.char_indices().rev().take_while(fitting(columns)).last().map_or(text.len(), |(at, _)| at);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_in_letters() {
        let cases = [
            ("http://a.cn/%E5%8A%9E%E4%BA%8B/1", "http://a.cn/办事/1"),
            ("/%E5%8A%9E%20%E4%BA%8B", "/办%20事"),
            ("/%B0%EC%CA%C2?q=%B0%EC", "/%B0%EC%CA%C2?q=%B0%EC"),
            ("/100%", "/100%"),
            ("/%+5%E5%8A%9E%é9", "/%+5办%é9"),
            ("/%2F%3C", "/%2F%3C"),
            ("/办事", "/办事"),
        ];
        for (url, want) in cases {
            assert_eq!(readable(url), want, "{url}");
        }
    }

    #[test]
    fn texts_are_wrapped_by_columns() {
        let cases: [(&str, usize, usize, &[&str]); 8] = [
            ("abc", 3, 9, &["abc"]),
            ("", 3, 9, &[""]),
            ("the file is gone", 8, 9, &["the file", "is gone"]),
            ("the file is gone", 7, 9, &["the", "file is", "gone"]),
            ("the file is gone", 7, 2, &["the", "file i…"]),
            ("  1 waf", 5, 9, &["  1", "waf"]),
            ("办事指南下载", 5, 9, &["办事", "指南", "下载"]),
            ("办", 1, 9, &["办"]),
        ];
        for (text, columns, lines, want) in cases {
            assert_eq!(wrap(text, columns, lines), want, "{text} in {columns}");
        }
    }

    #[test]
    fn texts_are_shortened_by_columns() {
        type Shorten = fn(&str, usize) -> String;
        let cases: [(Shorten, &str, usize, &str); 10] = [
            (cut, "abc", 3, "abc"),
            (cut, "abcd", 3, "ab…"),
            (cut, "办事指南", 8, "办事指南"),
            (cut, "办事指南", 7, "办事指…"),
            (cut, "办事指南", 6, "办事…"),
            (middle, "http://a.cn/1", 13, "http://a.cn/1"),
            (middle, "http://a.cn/list/1.html", 11, "http:….html"),
            (middle, "http://a.cn/办事/指南/下载", 11, "http:…/下载"),
            (middle, "办事指南", 2, "…"),
            (middle, "abcd", 0, "…"),
        ];
        for (shorten, text, columns, want) in cases {
            assert_eq!(shorten(text, columns), want, "{text} in {columns}");
        }
    }
}
