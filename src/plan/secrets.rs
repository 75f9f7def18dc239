//! The identity guard: no identities and no passwords in what a walk would type.
//!
//! What can be somebody's is recognised by [`personal`]: resident ID numbers, mobile numbers and bank
//! cards with a right check digit, wherever they stand in a file. A mail address is refused only where
//! it would be typed, and only when its host can be somebody's: guides publish addresses, and a
//! scenario may expect one.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::table::{Item, Reader, Text};
use crate::domain::masks::Masks;
use crate::domain::personal::{self, Kind};
use crate::domain::template::Template;

/// The most secrets of one scenario or target.
const MOST_SECRETS: usize = 100;

/// What it is, for people.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::ResidentId => "a valid resident ID number",
        Kind::Mobile => "a mobile number",
        Kind::BankCard => "a valid bank card number",
        Kind::Mail => "a mail address that can be somebody's",
    }
}

/// What to do instead.
pub(super) fn hint(kind: Kind) -> String {
    match kind {
        Kind::ResidentId | Kind::BankCard => "use a number whose check digit is wrong; it belongs to nobody",
        Kind::Mobile => "use a number that is nobody's, such as 10000000000",
        Kind::Mail => "use an address of example.org, which belongs to nobody",
    }
    .to_owned()
}

/// The first number in `text` that can be somebody's, with its bytes.
pub(super) fn find(text: &str) -> Option<(Range<usize>, Kind)> {
    personal::find_all(text).into_iter().find(|(_, kind)| *kind != Kind::Mail)
}

/// The first mail address in `text` whose host can be somebody's: not one of those that are set
/// aside for examples and trials (RFC 2606, RFC 6761).
pub(super) fn find_mail(text: &str) -> Option<(Range<usize>, Kind)> {
    let reserved = |span: &Range<usize>| {
        let host = text[span.clone()].rsplit(['@', '＠']).next().unwrap_or_default().to_ascii_lowercase();
        let under = |name: &str| host == name || host.ends_with(&format!(".{name}"));
        ["example.org", "example.com", "example.net", "example", "test", "invalid", "localhost"]
            .into_iter()
            .any(under)
    };
    personal::find_all(text).into_iter().find(|(span, kind)| *kind == Kind::Mail && !reserved(span))
}

/// Refuses every text of a file that carries a number of somebody, wherever it stands.
pub(super) fn guard(reader: Reader<'_>, table: &Spanned<DeTable<'_>>) {
    table.get_ref().iter().for_each(|(key, value)| {
        refuse(reader, key.get_ref(), key.span());
        // Authors are named to be written to, and many addresses begin with a phone number.
        if key.get_ref() != "authors" {
            guard_value(reader, value);
        }
    });
}

/// The same for one value.
pub(super) fn guard_value(reader: Reader<'_>, value: &Spanned<DeValue<'_>>) {
    match value.get_ref() {
        DeValue::String(text) => refuse(reader, text, value.span()),
        DeValue::Array(items) => items.iter().for_each(|item| guard_value(reader, item)),
        DeValue::Table(table) => table.iter().for_each(|(key, value)| {
            refuse(reader, key.get_ref(), key.span());
            guard_value(reader, value);
        }),
        _ => {}
    }
}

fn refuse(reader: Reader<'_>, text: &str, at: Range<usize>) {
    let Some((span, kind)) = find(text) else { return };
    // Long numbers in the paths of addresses are those of articles, and nobody can choose others.
    let is_address = text.starts_with('/') || text.starts_with("http://") || text.starts_with("https://");
    let full = if text.starts_with('/') { format!("http://portal{text}") } else { text.to_owned() };
    if is_address && Masks::new().url(&full) == full {
        return;
    }
    reader.error(reader.source.inside(&at, &span), format!("this is {}", name(kind)), hint(kind));
}

/// Reads `secrets = ["张三", "{applicant}"]`.
pub(super) fn read<'a>(item: &Item<'a>, template: impl Fn(&Text<'a>) -> Option<Template>) -> Vec<Template> {
    let texts = item.texts().unwrap_or_default();
    if texts.len() > MOST_SECRETS {
        item.error(format!("`secrets` has at most {MOST_SECRETS} texts"), None);
    }
    let read = texts.iter().take(MOST_SECRETS).filter_map(|text| {
        let read = template(text)?;
        if read.vars().next().is_none() && read.text().trim().chars().count() < 2 {
            let hint = "one character stands everywhere; write the whole name".to_owned();
            text.error(format!("`{}` is too short to be masked", text.value), hint);
            return None;
        }
        Some(read)
    });
    read.collect()
}

/// Whether the name of a field says that a password goes into it.
pub(super) fn asks_for_password(locator: &str) -> bool {
    let lower = locator.to_lowercase();
    ["password", "passwd", "passphrase", "pwd", "密码", "口令"].iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_refused_and_addresses_for_examples_are_not() {
        assert_eq!(find("电话 13800138000!"), Some((7..18, Kind::Mobile)));
        assert_eq!(find("a@b.cn"), None);
        let cases = [
            ("zhang.san@example.org", false),
            ("a@mail.EXAMPLE.com", false),
            ("a@portal.test", false),
            ("zhang.san@qq.com", true),
            ("a@notexample.org", true),
        ];
        for (text, want) in cases {
            assert_eq!(find_mail(text).is_some(), want, "{text}");
        }
    }

    #[test]
    fn fields_for_passwords_are_known_by_their_name() {
        assert!(asks_for_password("role=textbox[name='登录密码']"));
        assert!(asks_for_password("css=input[type=Password]"));
        assert!(!asks_for_password("label=姓名"));
    }
}
