//! The locator language: `role=button[name='提交'] >> nth=0` → [`domain::locator`].
//!
//! Reads left to right, one link at a time: quotes and brackets count only where a link gives them
//! a meaning, so that `text=What's your name?` is a plain text and `>>` inside quotes is no joint.
//!
//! [`domain::locator`]: crate::domain::locator

use std::collections::BTreeMap;
use std::ops::Range;

use super::matching::{self, quoted_end, regex_end};
use super::words::{quoted, suggest_or_list};
use crate::domain::locator::{Chain, Link, MatchOp, TextMatch};
use crate::domain::template::{Template, TemplateError};

/// Why a text is no locator, or no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextFault {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The bytes of the text that are meant.
    pub span: Range<usize>,
}

impl TextFault {
    /// A fault with a hint.
    pub fn new(span: Range<usize>, message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self { message: message.into(), hint: hint.into(), span }
    }

    /// The same fault, its text standing `by` bytes further on.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        self.span = self.span.start + by..self.span.end + by;
        self
    }
}

/// The kinds of links.
const KINDS: [&str; 10] =
    ["role", "text", "label", "placeholder", "alt", "title", "testid", "css", "xpath", "nth"];

/// The ARIA roles that an element can have (WAI-ARIA 1.2, abstract roles left out).
#[rustfmt::skip]
const ROLES: [&str; 82] = [
    "alert", "alertdialog", "application", "article", "banner", "blockquote", "button", "caption", "cell",
    "checkbox", "code", "columnheader", "combobox", "complementary", "contentinfo", "definition",
    "deletion", "dialog", "directory", "document", "emphasis", "feed", "figure", "form", "generic", "grid",
    "gridcell", "group", "heading", "img", "insertion", "link", "list", "listbox", "listitem", "log",
    "main", "marquee", "math", "menu", "menubar", "menuitem", "menuitemcheckbox", "menuitemradio", "meter",
    "navigation", "none", "note", "option", "paragraph", "presentation", "progressbar", "radio",
    "radiogroup", "region", "row", "rowgroup", "rowheader", "scrollbar", "search", "searchbox", "separator",
    "slider", "spinbutton", "status", "strong", "subscript", "superscript", "switch", "tab", "table",
    "tablist", "tabpanel", "term", "textbox", "time", "timer", "toolbar", "tooltip", "tree", "treegrid",
    "treeitem",
];

/// The states that a role can be asked for.
const STATES: [&str; 6] = ["checked", "disabled", "expanded", "pressed", "selected", "level"];

/// Reads one alternative.
pub(super) fn parse(text: &str) -> Result<Chain, TextFault> {
    let mut links = Vec::new();
    let mut at = 0;
    loop {
        at += blanks(&text[at..]);
        let (link, end) = link(text, at)?;
        links.push(link);
        at = end + blanks(&text[end..]);
        if at >= text.len() {
            break;
        }
        // `link` ends at a joint or at the end of the text.
        at += 2;
    }
    if matches!(links.as_slice(), [Link::Nth(_)]) {
        let hint = "write what is counted before it: \"role=link >> nth=0\"";
        return Err(TextFault::new(0..text.len(), "`nth` alone finds nothing", hint.to_owned()));
    }
    let source = Template::parse(&matching::quantifiers(text)).unwrap_or_else(|_| Template::literal(text));
    Ok(Chain { links, source })
}

/// Reads the link that starts at `at`; answers it and where it ends.
fn link(text: &str, at: usize) -> Result<(Link, usize), TextFault> {
    let rest = &text[at..];
    let word = rest.bytes().take_while(|b| b.is_ascii_alphabetic() || *b == b'-').count();
    let kind = &rest[..word];
    if rest[word..].starts_with('=') && KINDS.contains(&kind) {
        let start = at + word + 1;
        return match kind {
            "role" => role(text, start),
            "nth" => nth(text, start),
            "css" | "xpath" => selector(text, start, kind),
            _ => text_link(text, start, kind),
        };
    }
    let end = at + joint(rest);
    let shown = text[at..end].trim_end();
    let span = at..at + shown.len();
    if shown.is_empty() {
        let hint = "a locator looks like \"role=button[name='…']\" or \"text=…\"".to_owned();
        return Err(TextFault::new(at..end, "a locator is missing here", hint));
    }
    if rest[word..].starts_with('=') && word > 0 {
        let message = format!("unknown kind of locator `{kind}`");
        return Err(TextFault::new(at..at + word, message, suggest_or_list(kind, &KINDS, "kinds")));
    }
    let hint = if shown.starts_with("//") || shown.starts_with("(/") {
        format!("write \"xpath={shown}\"")
    } else if shown.starts_with(['#', '.', '[']) {
        format!("write \"css={shown}\"")
    } else {
        format!("a locator starts with its kind, such as \"text={shown}\"; the kinds are {}", quoted(&KINDS))
    };
    Err(TextFault::new(span, format!("`{shown}` does not say how to look"), hint))
}

/// `text=…` and its like.
fn text_link(text: &str, start: usize, kind: &str) -> Result<(Link, usize), TextFault> {
    let start = start + blanks(&text[start..]);
    let (value, end) = match text[start..].chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let end = start + quoted_end(&text[start..], quote).map_err(|fault| fault.shifted(start))?;
            (matching::exact(&text[start..end], start)?, end)
        }
        Some('/') => {
            let end = start + regex_end(&text[start..]).map_err(|fault| fault.shifted(start))?;
            (matching::regex(&text[start..end], start)?, end)
        }
        _ => {
            let end = start + joint(&text[start..]);
            let shown = text[start..end].trim_end();
            if shown.is_empty() {
                let at = start - kind.len() - 1..start;
                let at = text.get(at.clone()).map_or(start..end, |_| at);
                return Err(TextFault::new(at, format!("`{kind}=` says nothing to look for"), None));
            }
            let value = template(shown).map_err(|fault| fault.shifted(start))?;
            (TextMatch { op: MatchOp::Contains, value }, end)
        }
    };
    let after = end + blanks(&text[end..]);
    if after < text.len() && !text[after..].starts_with(">>") {
        let stop = after + joint(&text[after..]);
        let hint = "join two locators by `>>`, or put the whole text between quotes".to_owned();
        return Err(TextFault::new(after..stop, "this stands behind the end of the text", hint));
    }
    let link = match kind {
        "text" => Link::Text(value),
        "label" => Link::Label(value),
        "placeholder" => Link::Placeholder(value),
        "alt" => Link::Alt(value),
        "title" => Link::Title(value),
        _ if value.op == MatchOp::Regex => {
            let hint = "write the attribute's whole value: \"testid=save\"".to_owned();
            return Err(TextFault::new(start..end, "`testid` takes no regular expression", hint));
        }
        _ => Link::TestId(value.value),
    };
    Ok((link, after))
}

/// `role=button[name='…'][checked=true]`.
fn role(text: &str, start: usize) -> Result<(Link, usize), TextFault> {
    let word = text[start..].bytes().take_while(u8::is_ascii_alphabetic).count();
    let name_end = start + word;
    let role = &text[start..name_end];
    if !ROLES.contains(&role) {
        let message =
            if role.is_empty() { "`role=` names no role".into() } else { format!("unknown role `{role}`") };
        let hint = super::words::suggest(role, ROLES).unwrap_or_else(|| {
            "roles are those of ARIA, such as button, link, textbox, searchbox, checkbox, heading".to_owned()
        });
        return Err(TextFault::new(
            start.saturating_sub(usize::from(role.is_empty()) * 5)..name_end,
            message,
            hint,
        ));
    }
    let mut name = None;
    let mut states = BTreeMap::new();
    let mut at = name_end;
    loop {
        at += blanks(&text[at..]);
        if at >= text.len() || text[at..].starts_with(">>") {
            return Ok((Link::Role { role: role.to_owned(), name, states }, at));
        }
        if !text[at..].starts_with('[') {
            let stop = at + joint(&text[at..]);
            let hint = format!("write \"role={role}[name='…']\"");
            return Err(TextFault::new(at..stop, "only `[…]` or `>>` can follow a role", hint));
        }
        let (attribute, end) = attribute(text, at)?;
        match attribute {
            Attribute::Name(found) if name.is_none() => name = Some(found),
            Attribute::Name(_) => {
                return Err(TextFault::new(at..end, "`name` is given twice", None));
            }
            Attribute::State(state, value) => {
                states.insert(state, value);
            }
        }
        at = end;
    }
}

enum Attribute {
    Name(TextMatch),
    State(String, String),
}

/// `[name*='…']`, which starts at `open`.
fn attribute(text: &str, open: usize) -> Result<(Attribute, usize), TextFault> {
    let unclosed = || TextFault::new(open..text.len(), "`[` is never closed", "end it with `]`".to_owned());
    let mut at = open + 1;
    at += blanks(&text[at..]);
    let word = text[at..].bytes().take_while(u8::is_ascii_alphabetic).count();
    let key = &text[at..at + word];
    let key_span = at..at + word;
    at += word;
    at += blanks(&text[at..]);
    let ops =
        [("*=", MatchOp::Contains), ("^=", MatchOp::Prefix), ("$=", MatchOp::Suffix), ("=", MatchOp::Exact)];
    let op = ops.iter().find(|(sign, _)| text[at..].starts_with(sign));
    let op_span = at..at + op.map_or(0, |(sign, _)| sign.len());
    at = op_span.end;
    at += blanks(&text[at..]);
    let value_start = at;
    let (raw, end) = match text[at..].chars().next() {
        Some(quote @ ('"' | '\'')) if op.is_some() => {
            let end = at + quoted_end(&text[at..], quote).map_err(|fault| fault.shifted(at))?;
            (&text[at..end], end)
        }
        Some('/') if op.is_some() => {
            let end = at + regex_end(&text[at..]).map_err(|fault| fault.shifted(at))?;
            (&text[at..end], end)
        }
        _ => {
            let end = at + text[at..].find(']').ok_or_else(unclosed)?;
            (text[at..end].trim_end(), end)
        }
    };
    let close = end + blanks(&text[end..]);
    if !text[close..].starts_with(']') {
        return Err(unclosed());
    }
    let done = close + 1;
    let value_span = value_start..value_start + raw.len();
    if key == "name" {
        let Some((_, op)) = op else {
            let hint = "write \"[name='…']\"".to_owned();
            return Err(TextFault::new(key_span, "`name` needs a value", hint));
        };
        let value = match (raw.chars().next(), op) {
            (Some('/'), MatchOp::Exact) => matching::regex(raw, value_start)?,
            (Some('"' | '\''), op) => TextMatch { op: *op, ..matching::exact(raw, value_start)? },
            (None, _) => return Err(TextFault::new(value_span, "`name` is empty", None)),
            (_, op) => {
                TextMatch { op: *op, value: template(raw).map_err(|fault| fault.shifted(value_start))? }
            }
        };
        return Ok((Attribute::Name(value), done));
    }
    if !STATES.contains(&key) {
        let mut known = vec!["name"];
        known.extend(STATES);
        let message = format!("a role has no `{key}`");
        return Err(TextFault::new(key_span, message, suggest_or_list(key, &known, "parts")));
    }
    if !matches!(op, None | Some((_, MatchOp::Exact))) {
        return Err(TextFault::new(op_span, format!("`{key}` is compared with `=` only"), None));
    }
    let value = if op.is_none() { "true" } else { raw.trim_matches(['"', '\'']) };
    let good = match key {
        "level" => value.parse::<u8>().is_ok_and(|level| (1..=9).contains(&level)),
        "checked" | "pressed" => matches!(value, "true" | "false" | "mixed"),
        _ => matches!(value, "true" | "false"),
    };
    if !good {
        let hint = if key == "level" { "write [level=1] to [level=9]" } else { "write true or false" };
        return Err(TextFault::new(value_span, format!("`{value}` is no value of `{key}`"), hint.to_owned()));
    }
    Ok((Attribute::State(key.to_owned(), value.to_owned()), done))
}

/// `nth=0`.
fn nth(text: &str, start: usize) -> Result<(Link, usize), TextFault> {
    let end = start + joint(&text[start..]);
    let shown = text[start..end].trim();
    let Ok(n) = shown.parse() else {
        let hint = "write nth=0 for the first, nth=1 for the second, nth=-1 for the last".to_owned();
        return Err(TextFault::new(start..end, format!("`{shown}` is not a position"), hint));
    };
    Ok((Link::Nth(n), end))
}

/// `css=…` and `xpath=…`: up to a `>>` that stands outside quotes and brackets.
fn selector(text: &str, start: usize, kind: &str) -> Result<(Link, usize), TextFault> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut quote: Option<(usize, char)> = None;
    let mut end = text.len();
    let mut chars = text[start..].char_indices().map(|(i, c)| (start + i, c)).peekable();
    while let Some((i, c)) = chars.next() {
        match (quote, c) {
            (_, '\\') if kind == "css" => {
                chars.next();
            }
            (Some((_, q)), c) => quote = quote.filter(|_| c != q),
            (None, '"' | '\'') => quote = Some((i, c)),
            (None, '[') => open.push((i, ']')),
            (None, '(') => open.push((i, ')')),
            (None, ']' | ')') => match open.pop() {
                Some((_, wanted)) if wanted == c => {}
                _ => return Err(TextFault::new(i..i + 1, format!("`{c}` closes nothing"), None)),
            },
            (None, '>') if open.is_empty() && text[i..].starts_with(">>") => {
                end = i;
                break;
            }
            _ => {}
        }
    }
    if let Some((i, q)) = quote {
        return Err(TextFault::new(i..end, format!("the quote {q} is never closed"), None));
    }
    if let Some((i, wanted)) = open.pop() {
        return Err(TextFault::new(
            i..i + 1,
            "this bracket is never closed",
            format!("end it with `{wanted}`"),
        ));
    }
    let begin = start + blanks(&text[start..end]);
    let shown = text[begin..end].trim_end();
    if shown.is_empty() {
        let at = start - kind.len() - 1..start;
        return Err(TextFault::new(at, format!("`{kind}=` says nothing to look for"), None));
    }
    let value = template(shown).map_err(|fault| fault.shifted(begin))?;
    Ok((if kind == "css" { Link::Css(value) } else { Link::XPath(value) }, end))
}

/// How far the next `>>` is, or the end.
fn joint(rest: &str) -> usize {
    rest.find(">>").unwrap_or(rest.len())
}

/// How many bytes of white space come first.
fn blanks(rest: &str) -> usize {
    rest.len() - rest.trim_start().len()
}

/// Reads a template, with a fault that people understand.
pub(super) fn template(text: &str) -> Result<Template, TextFault> {
    Template::parse(text).map_err(|error| match error {
        TemplateError::Unclosed(at) => {
            let hint = "write {name} for a variable, or {{ for the character { itself".to_owned();
            TextFault::new(at..at + 1, "`{` is never closed", hint)
        }
        TemplateError::Unopened(at) => {
            let hint = "write }} for the character } itself".to_owned();
            TextFault::new(at..at + 1, "`}` closes nothing", hint)
        }
        TemplateError::BadName(at, name) => {
            let hint = "a name has the letters a to z, digits and _; write {{ and }} for braces themselves";
            TextFault::new(
                at..at + name.len() + 2,
                format!("`{name}` is not a variable name"),
                hint.to_owned(),
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A short form of what was read: `role button Exact 提交 {checked: true}`.
    fn shown(chain: &Chain) -> String {
        let text = |m: &TextMatch| format!("{:?} {}", m.op, m.value);
        let links = chain.links.iter().map(|link| match link {
            Link::Role { role, name, states } => {
                let name = name.as_ref().map(|name| format!(" {}", text(name))).unwrap_or_default();
                let states: Vec<_> = states.iter().map(|(key, value)| format!(" {key}:{value}")).collect();
                format!("role {role}{name}{}", states.concat())
            }
            Link::Text(m) => format!("text {}", text(m)),
            Link::Label(m) => format!("label {}", text(m)),
            Link::Placeholder(m) => format!("placeholder {}", text(m)),
            Link::Alt(m) => format!("alt {}", text(m)),
            Link::Title(m) => format!("title {}", text(m)),
            Link::TestId(t) => format!("testid {t}"),
            Link::Css(t) => format!("css {t}"),
            Link::XPath(t) => format!("xpath {t}"),
            Link::Nth(n) => format!("nth {n}"),
        });
        links.collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn locators_are_read() {
        let cases = [
            ("role=button", "role button"),
            ("role=button[name='提交']", "role button Exact 提交"),
            ("role=link[name*=\"药品\"]", "role link Contains 药品"),
            ("role=link[name^='药'][expanded]", "role link Prefix 药 expanded:true"),
            ("role=link[ name $= '证' ]", "role link Suffix 证"),
            ("role=link[name=/^药.{1,3}证$/]", "role link Regex ^药.{1,3}证$"),
            ("role=link[name='a]b'] >> nth=-1", "role link Exact a]b | nth -1"),
            ("role=heading[level=2][name={title}]", "role heading Exact {title} level:2"),
            ("role=checkbox[checked='mixed']", "role checkbox checked:mixed"),
            ("text=在线办理", "text Contains 在线办理"),
            ("text=  What's new?  ", "text Contains What's new?"),
            ("text=\"a >> b\"", "text Exact a >> b"),
            ("text='it\\'s'", "text Exact it's"),
            ("text=/第\\d+页/", "text Regex 第\\d+页"),
            ("label=姓名>>css=input", "label Contains 姓名 | css input"),
            ("placeholder=请输入", "placeholder Contains 请输入"),
            ("alt=徽标", "alt Contains 徽标"),
            ("title=关闭", "title Contains 关闭"),
            ("testid=save", "testid save"),
            ("css=a[href='x>>y'] > b", "css a[href='x>>y'] > b"),
            ("css=:is(a, b)>>nth=0", "css :is(a, b) | nth 0"),
            ("xpath=//a[text()='>>']", "xpath //a[text()='>>']"),
        ];
        for (text, want) in cases {
            let chain = parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            assert_eq!(shown(&chain), want, "{text}");
            assert_eq!(chain.source.text(), text, "the source is kept");
        }
    }

    #[test]
    fn faults_point_into_the_text() {
        let cases = [
            ("", 0..0),
            ("在线", 0..6),
            ("text=", 0..5),
            ("text=a >> ", 10..10),
            ("txt=a", 0..3),
            ("role=buton", 5..10),
            ("role=link[name]", 10..14),
            ("role=link[name='a'][name='b']", 19..29),
            ("role=link[level=0]", 16..17),
            ("role=link[checked*=true]", 17..19),
            ("css=a)", 5..6),
            ("css=a[b", 5..6),
            ("nth=0", 0..5),
            ("text={a", 5..6),
            ("testid=/a/", 7..10),
        ];
        for (text, want) in cases {
            let fault = parse(text).map(|chain| shown(&chain)).unwrap_err();
            assert_eq!(fault.span, want, "{text}: {fault:?}");
        }
    }
}
