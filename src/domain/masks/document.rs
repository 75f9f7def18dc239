//! Masks in documents: what stands in fields is nobody's business, whoever put it there.

use std::borrow::Cow;

use super::{MARK, Masks};

/// Fields whose value is no text of a person.
const PLAIN: [&str; 10] =
    ["button", "checkbox", "color", "file", "hidden", "image", "radio", "range", "reset", "submit"];

impl Masks {
    /// HTML with everything masked, and with the contents of every text field masked whole.
    pub fn html<'a>(&self, html: &'a str) -> Cow<'a, str> {
        let bare = without_fields(html);
        let escaped = self.for_html();
        match escaped.as_ref().unwrap_or(self).text(&bare) {
            Cow::Owned(masked) => Cow::Owned(masked),
            Cow::Borrowed(_) => bare,
        }
    }

    /// The same masks, with values also as they are escaped in HTML.
    fn for_html(&self) -> Option<Self> {
        let special: Vec<String> =
            self.values.iter().filter(|v| v.contains(['&', '<', '>', '"'])).cloned().collect();
        (!special.is_empty()).then(|| {
            let mut all = self.clone();
            for value in special {
                let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                all.hide(&text);
                all.hide(&text.replace('"', "&quot;"));
            }
            all
        })
    }
}

/// Takes the contents of text fields out.
fn without_fields(html: &str) -> Cow<'_, str> {
    let mut bare = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(open) = html[at..].find('<').map(|i| at + i) {
        let end = end_of_tag(html, open);
        let tag = &html[open..end];
        at = end;
        if named(tag, "input") {
            let kind = attribute(tag, "type").map(|span| tag[span].to_ascii_lowercase()).unwrap_or_default();
            if let Some(value) = attribute(tag, "value").filter(|span| !span.is_empty())
                && !PLAIN.contains(&kind.as_str())
            {
                bare.push_str(&html[done..open + value.start]);
                bare.push_str(MARK);
                done = open + value.end;
            }
        } else if named(tag, "textarea") {
            let close = html[end..].find("</textarea").map_or(html.len(), |i| end + i);
            if close > end {
                bare.push_str(&html[done..end]);
                bare.push_str(MARK);
                done = close;
            }
            at = close;
        }
    }
    if done == 0 {
        return Cow::Borrowed(html);
    }
    bare.push_str(&html[done..]);
    Cow::Owned(bare)
}

/// Whether a tag opens an element of this name.
fn named(tag: &str, name: &str) -> bool {
    tag.get(1..=name.len()).is_some_and(|have| have.eq_ignore_ascii_case(name))
        && tag[name.len() + 1..].starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
}

/// Behind the `>` that closes the tag; one between quotes does not.
fn end_of_tag(html: &str, open: usize) -> usize {
    let mut quote = None;
    for (i, byte) in html.as_bytes().iter().enumerate().skip(open + 1) {
        match (quote, byte) {
            (None, b'>') => return i + 1,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    html.len()
}

/// The bytes of an attribute's value, as browsers write attributes: `name="value"`.
fn attribute(tag: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let bytes = tag.as_bytes();
    let mut at = tag.find(|c: char| c.is_ascii_whitespace())?;
    loop {
        at += tag[at..].find(|c: char| !c.is_ascii_whitespace() && c != '/')?;
        let end =
            at + tag[at..].find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '>' || c == '/')?;
        let found = tag[at..end].eq_ignore_ascii_case(name);
        if bytes.get(end) != Some(&b'=') {
            if end == at {
                return None;
            }
            at = end;
            continue;
        }
        let quote = bytes.get(end + 1).filter(|byte| matches!(byte, b'"' | b'\''));
        let start = end + 1 + usize::from(quote.is_some());
        let close = |c: char| match quote {
            Some(quote) => c == char::from(*quote),
            None => c.is_ascii_whitespace() || c == '>',
        };
        let stop = start + tag.get(start..)?.find(close)?;
        if found {
            return Some(start..stop);
        }
        at = stop + usize::from(quote.is_some());
    }
}
