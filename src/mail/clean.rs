//! Cleaning: text from portals, made harmless before it stands in a mail.
//!
//! Invariant: what [`line()`] returns is one line without control characters, terminal sequences or
//! marks that change the direction of writing. It is still not HTML: the template escapes it.

/// Makes one line of at most `max` characters out of any text: terminal sequences and invisible
/// characters go, white space is folded, the end is cut with `…`.
pub fn line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let mut gap = false;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' || c == '\u{9b}' {
            skip_sequence(c, &mut rest);
            continue;
        }
        if c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}') {
            gap = length > 0;
            continue;
        }
        if is_hidden(c) {
            continue;
        }
        if length + usize::from(gap) >= max {
            return cut(&out, max);
        }
        if gap {
            out.push(' ');
            length += 1;
            gap = false;
        }
        out.push(c);
        length += 1;
    }
    out
}

/// The address as it may stand behind a link: http or https, with a host, without a user name
/// (`https://bank.example@evil.example/` shows one host and opens another).
pub fn link(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let harmless = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none();
    harmless.then(|| url.to_string()).filter(|text| text.len() <= 2000)
}

/// Whether the character shows nothing and can only do harm: controls, direction marks, zero-width
/// spaces, tags, and what Unicode sets aside.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Skips what follows an escape character when it is a complete control sequence (`ESC [ … m`) or
/// an operating-system command (`ESC ] … BEL`). Anything else stays, without its escape.
fn skip_sequence(introducer: char, rest: &mut std::str::Chars<'_>) {
    let mut ahead = rest.clone();
    let kind = if introducer == '\u{9b}' { Some('[') } else { ahead.next() };
    match kind {
        Some('[') => {
            for c in ahead.by_ref() {
                if !matches!(c, '\u{20}'..='\u{3f}') {
                    if matches!(c, '\u{40}'..='\u{7e}') {
                        *rest = ahead;
                    }
                    return;
                }
            }
        }
        Some(']') => {
            while let Some(c) = ahead.next() {
                if c == '\u{7}' || c == '\u{9c}' || (c == '\u{1b}' && ahead.clone().next() == Some('\\')) {
                    if c == '\u{1b}' {
                        ahead.next();
                    }
                    *rest = ahead;
                    return;
                }
            }
        }
        _ => {}
    }
}

/// Cuts to `max - 1` characters and an ellipsis.
fn cut(text: &str, max: usize) -> String {
    let Some(keep) = max.checked_sub(1) else { return String::new() };
    let mut out: String = text.chars().take(keep).collect();
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_one_harmless_line() {
        let cases = [
            ("plain", "系统正在维护", "系统正在维护"),
            ("header injection", "故障\r\nBcc: a@evil.example", "故障 Bcc: a@evil.example"),
            ("colour", "\u{1b}[31;1mred\u{1b}[0m text", "red text"),
            ("eight-bit colour", "\u{9b}31mred", "red"),
            ("window title", "\u{1b}]0;owned\u{7}title", "title"),
            ("title ended by string terminator", "\u{1b}]0;owned\u{1b}\\title", "title"),
            ("title without an end", "\u{1b}]0;text", "]0;text"),
            ("lone escape", "a\u{1b}b", "ab"),
            ("direction", "invoice\u{202e}fdp.exe\u{2069}", "invoicefdp.exe"),
            ("zero width", "pay\u{200b}ment\u{feff}", "payment"),
            ("line separators", "a\u{2028}b\u{85}c", "a b c"),
            ("nul", "a\0b", "ab"),
            ("folding", "  a \t\n b  ", "a b"),
            ("tags stay, the template escapes them", "<script>x</script>", "<script>x</script>"),
        ];
        for (name, input, want) in cases {
            assert_eq!(line(input, 100), want, "{name}");
        }
    }

    #[test]
    fn long_text_is_cut_at_characters() {
        assert_eq!(line("一二三四五", 5), "一二三四五");
        assert_eq!(line("一二三四五六", 5), "一二三四…");
        assert_eq!(line("ab cdef", 4), "ab…");
        assert_eq!(line("ab", 0), "");
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(link("http://a.example/路").as_deref(), Some("http://a.example/%E8%B7%AF"));
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://bank.example@evil.example/",
            "not an address",
            "",
        ] {
            assert_eq!(link(bad), None, "{bad}");
        }
        let quoted = link("https://a.example/?q=\"><script>").unwrap();
        assert!(!quoted.contains(['"', '<', '>']), "{quoted}");
    }
}
