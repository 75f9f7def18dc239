//! Addresses in style sheets: `url(…)` and `@import`.
//!
//! What no browser of today requests is left out: `behavior`, `@namespace`, places in the sheet's own
//! document (`url(#shade)`).
//!
//! Invariant: linear in the sheet.

use crate::http::address::MAX_URL;

/// An address in a sheet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// As it is written, escapes resolved.
    pub written: String,
    /// Whether it is another style sheet.
    pub import: bool,
    /// Where it stands, in bytes from the start of the sheet.
    pub at: usize,
}

/// What the code around an address makes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Plain,
    Import,
    /// Up to the next `;`, `{` or `}`.
    Ignored,
}

/// Hands every address of a sheet to `take`.
pub(super) fn addresses(sheet: &str, mut take: impl FnMut(Found)) {
    // Most style attributes have neither.
    if !sheet.contains('(') && !sheet.contains('@') {
        return;
    }
    let bytes = sheet.as_bytes();
    let mut context = Context::Plain;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = sheet[at + 2..].find("*/").map_or(bytes.len(), |end| at + 2 + end + 2);
            }
            b'"' | b'\'' => {
                let (text, end) = string(sheet, at);
                at = end;
                if context == Context::Import {
                    take(Found { written: text, import: true, at: start });
                    // The rest are conditions.
                    context = Context::Ignored;
                }
            }
            b';' | b'{' | b'}' => {
                context = Context::Plain;
                at += 1;
            }
            b'\\' => at = after_escape(sheet, at),
            _ if is_name(byte) || byte == b'@' => {
                at += 1;
                while bytes.get(at).is_some_and(|&byte| is_name(byte)) {
                    at += 1;
                }
                let name = &sheet[start..at];
                if name.eq_ignore_ascii_case("url") && bytes.get(at) == Some(&b'(') {
                    let (written, end) = address(sheet, at + 1);
                    at = end;
                    if context != Context::Ignored && !written.starts_with('#') {
                        take(Found { written, import: context == Context::Import, at: start });
                    }
                    if context == Context::Import {
                        context = Context::Ignored;
                    }
                } else if name.eq_ignore_ascii_case("@import") {
                    context = Context::Import;
                } else if name.eq_ignore_ascii_case("@namespace")
                    || (name.eq_ignore_ascii_case("behavior") || name.eq_ignore_ascii_case("-ms-behavior"))
                        && bytes[at..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
                {
                    context = Context::Ignored;
                }
            }
            _ => at += 1,
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || byte >= 0x80
}

/// What is in the brackets of `url(`, and where it ends.
fn address(sheet: &str, from: usize) -> (String, usize) {
    let rest = &sheet[from..];
    let inner = rest.trim_start();
    let at = from + rest.len() - inner.len();
    if inner.starts_with(['"', '\'']) {
        let (text, end) = string(sheet, at);
        let close = sheet[end..].find(')').map_or(sheet.len(), |close| end + close + 1);
        return (text, close);
    }
    // Where the sheet ends within an address nobody knows what it was to be.
    let Some(end) = unescaped(inner, |byte| byte == b')') else { return (String::new(), sheet.len()) };
    (unescape(inner[..end].trim_end()), at + end + 1)
}

/// The string that begins at `from`, and where it ends; a line's end ends it too.
fn string(sheet: &str, from: usize) -> (String, usize) {
    let quote = sheet.as_bytes()[from];
    let inner = &sheet[from + 1..];
    match unescaped(inner, |byte| byte == quote || byte == b'\n') {
        Some(end) if inner.as_bytes()[end] == quote => (unescape(&inner[..end]), from + 1 + end + 1),
        Some(end) => (String::new(), from + 1 + end),
        None => (String::new(), sheet.len()),
    }
}

/// The first byte that `is_end`, not counting escaped ones.
fn unescaped(text: &str, is_end: impl Fn(u8) -> bool) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = !escaped && is_end(byte);
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

fn after_escape(sheet: &str, at: usize) -> usize {
    sheet[at + 1..].chars().next().map_or(sheet.len(), |c| at + 1 + c.len_utf8())
}

/// Resolves `\28` and `\(`. What is longer than any address, such as a font within the sheet, is
/// nothing.
fn unescape(text: &str) -> String {
    if text.len() > 2 * MAX_URL {
        return String::new();
    }
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let mut point = 0;
        let mut digits = 0;
        while digits < 6
            && let Some(digit) = chars.peek().and_then(|c| c.to_digit(16))
        {
            point = point * 16 + digit;
            digits += 1;
            chars.next();
        }
        if digits > 0 {
            plain.push(char::from_u32(point).unwrap_or('\u{fffd}'));
            chars.next_if(char::is_ascii_whitespace);
        } else if let Some(c) = chars.next()
            && c != '\n'
        {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sheet: &str) -> Vec<String> {
        let mut all = Vec::new();
        addresses(sheet, |f| all.push(format!("{}{}", if f.import { "import " } else { "" }, f.written)));
        all
    }

    #[test]
    fn what_a_browser_would_request() {
        let cases: [(&str, &[&str]); 22] = [
            ("a{background:url(/a.png)}", &["/a.png"]),
            ("a{background:URL( \"b c.png\" ) no-repeat}", &["b c.png"]),
            ("a{background:url('c(1).png')}", &["c(1).png"]),
            ("a{background:url(d\\(1\\).png)}", &["d(1).png"]),
            ("a{background:url(\\65 .png)}", &["e.png"]),
            ("@import 'f.css';", &["import f.css"]),
            ("@IMPORT url(g.css) screen;a{b:url(h)}", &["import g.css", "h"]),
            ("@import url('i.css') supports(background:url(no));", &["import i.css"]),
            ("/* url(no) @import 'no'; */a{b:url(j)}", &["j"]),
            ("a{content:'url(no)'}", &[]),
            ("a{fill:url(#shade)}", &[]),
            ("@namespace svg url(http://www.w3.org/2000/svg);a{b:url(k)}", &["k"]),
            ("a{behavior:url(no.htc);background:url(l)}", &["l"]),
            (
                "@font-face{src:url(m.eot);src:url(m.eot?#iefix) format('x'),url(n.woff)}",
                &["m.eot", "m.eot?#iefix", "n.woff"],
            ),
            ("a{b:image-set(url(o.png) 1x,url(p.png) 2x)}", &["o.png", "p.png"]),
            ("a{b:curl(no)}", &[]),
            ("a{b:url(never ends", &[""]),
            ("a{content:'never ends\n}b{c:url(q)}", &["q"]),
            ("a{b:url()}", &[""]),
            ("/* never ends url(no)", &[]),
            ("\\", &[]),
            ("图{b:url(图.png)}", &["图.png"]),
        ];
        for (sheet, want) in cases {
            assert_eq!(found(sheet), want, "{sheet}");
        }
    }
}
