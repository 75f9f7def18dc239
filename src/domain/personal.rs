//! Personal data, known by its form: numbers that can be somebody's, and mail addresses.
//!
//! A number counts when it can be a person's: a resident ID number whose check digit is right
//! (GB 11643, ISO 7064 MOD 11-2), a mainland mobile number, a bank card whose check digit is right
//! (Luhn). Numbers that fail their check are nobody's. Unified social credit codes (GB 32100) are an
//! organisation's and public.
//!
//! Invariant: the time is linear in the text, whatever stands in it.

use std::ops::Range;

/// What was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 18 places, the last one a check digit.
    ResidentId,
    /// 11 digits.
    Mobile,
    /// 16 to 19 digits, the last one a check digit.
    BankCard,
    /// `name@host.example`.
    Mail,
}

/// The most groups of digits that make up one number.
const MOST_GROUPS: usize = 5;

/// The longest number.
const LONGEST: usize = 19;

/// Everything that is recognised in `text`, in order, none over another.
pub fn find_all(text: &str) -> Vec<(Range<usize>, Kind)> {
    let mut found = numbers(text);
    if text.contains(['@', '＠']) {
        found.extend(mails(text).into_iter().map(|span| (span, Kind::Mail)));
        found.sort_by_key(|(span, _)| span.start);
        // A number in front of an @ is a part of the address.
        let mut end = 0;
        let mails: Vec<_> = found.iter().filter(|(_, kind)| *kind == Kind::Mail).cloned().collect();
        found.retain(|(span, kind)| {
            *kind == Kind::Mail
                || mails
                    .get(mails.partition_point(|(mail, _)| mail.end <= span.start))
                    .is_none_or(|(mail, _)| span.end <= mail.start)
        });
        found.retain(|(span, _)| {
            let apart = span.start >= end;
            end = end.max(span.end);
            apart
        });
    }
    found
}

/// Whether a number that can be somebody's stands in `text`.
pub fn is_numbered(text: &str) -> bool {
    find_all(text).iter().any(|(_, kind)| *kind != Kind::Mail)
}

/// Digits that stand together.
struct Group {
    span: Range<usize>,
    /// Its digits, as a range of all digits of the text.
    digits: Range<usize>,
    /// The end of an `X` behind it.
    x: Option<usize>,
    /// Whether it goes on from the group before, with one blank or hyphen between.
    joined: bool,
    /// Whether `0.` stands before it: a fraction, which is no number of anybody.
    fraction: bool,
}

fn numbers(text: &str) -> Vec<(Range<usize>, Kind)> {
    let (groups, digits) = groups(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < groups.len() {
        let longest = (at..groups.len().min(at + MOST_GROUPS))
            .take_while(|last| *last == at || groups[*last].joined)
            .take_while(|last| groups[*last].digits.end - groups[at].digits.start <= LONGEST)
            .filter_map(|last| Some((last, number(&groups[at..=last], &digits)?)))
            .last();
        at += 1;
        if let Some((last, (end, kind))) = longest {
            found.push((groups[at - 1].span.start..end, kind));
            at = last + 1;
        }
    }
    found
}

/// The groups of digits of a text, and all digits behind each other.
fn groups(text: &str) -> (Vec<Group>, Vec<u8>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut digits: Vec<u8> = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let Some(first) = digit(c) else { continue };
        let from = digits.len();
        digits.push(first);
        let mut end = start + c.len_utf8();
        while let Some((_, c)) = chars.next_if(|(_, c)| digit(*c).is_some()) {
            digits.extend(digit(c));
            end += c.len_utf8();
        }
        let joined = groups.last().is_some_and(|last| is_gap(&text[last.span.end..start]));
        let before = &text[..start];
        let fraction = before
            .strip_suffix("0.")
            .is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_alphanumeric()));
        groups.push(Group {
            span: start..end,
            digits: from..digits.len(),
            x: closing_x(&text[end..]).map(|length| end + length),
            joined,
            fraction,
        });
    }
    (groups, digits)
}

/// One blank or hyphen of any width.
fn is_gap(text: &str) -> bool {
    let mut chars = text.chars();
    matches!((chars.next(), chars.next()), (Some(c), None) if is_gap_sign(c))
}

fn is_gap_sign(c: char) -> bool {
    matches!(c, ' ' | '-' | '\u{a0}' | '\u{3000}' | '－' | '‐'..='―' | '−')
}

/// How many bytes an `X` at the start of `rest` takes, when nothing of a word follows.
fn closing_x(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices();
    let (_, mut c) = chars.next()?;
    if is_gap_sign(c) {
        c = chars.next()?.1;
    }
    let is_x = matches!(c, 'x' | 'X' | 'ｘ' | 'Ｘ');
    let (end, next) = chars.next().map_or((rest.len(), None), |(end, next)| (end, Some(next)));
    (is_x && !next.is_some_and(|next| next.is_ascii_alphanumeric())).then_some(end)
}

/// A digit, also a full-width one.
fn digit(c: char) -> Option<u8> {
    match c {
        '0'..='9' => Some(c as u8 - b'0'),
        '０'..='９' => u8::try_from(u32::from(c) - u32::from('０')).ok(),
        _ => None,
    }
}

/// What these groups are together, and where it ends.
fn number(groups: &[Group], all: &[u8]) -> Option<(usize, Kind)> {
    let (first, last) = (groups.first()?, groups.last()?);
    let digits = all.get(first.digits.start..last.digits.end)?;
    let lengths: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    let end = last.span.end;
    if could_be_id(&lengths) {
        let with_x = last.x.filter(|_| digits.len() == 17);
        let check = match (digits.len(), with_x) {
            (18, _) => digits.last().copied(),
            (_, Some(_)) => Some(10),
            _ => None,
        };
        if check.is_some_and(|check| has_birthday(digits) && resident_check(digits) == check) {
            return Some((with_x.unwrap_or(end), Kind::ResidentId));
        }
    }
    if first.fraction {
        return None;
    }
    let bare = match lengths.as_slice() {
        [11] | [3, 4, 4] | [3, 8] => Some(digits),
        [13] | [2, 11] | [2, 3, 4, 4] => digits.strip_prefix(&[8, 6]),
        [15] | [4, 11] | [4, 3, 4, 4] => digits.strip_prefix(&[0, 0, 8, 6]),
        _ => None,
    };
    if bare.is_some_and(|bare| bare.first() == Some(&1) && bare.get(1).is_some_and(|second| *second >= 3)) {
        return Some((end, Kind::Mobile));
    }
    let shaped = matches!(lengths.as_slice(), [16..=19] | [4, 4, 4, 4] | [4, 4, 4, 4, 1..=3] | [6, 10..=13]);
    let card = shaped
        && matches!(digits.first(), Some(3..=6))
        // A number with a birthday in it is meant as a resident ID, right or wrong.
        && !(digits.len() == 18 && (has_birthday(digits) || is_credit_code(digits)))
        && last.x.is_none()
        && luhn(digits);
    card.then_some((end, Kind::BankCard))
}

/// Whether people write a resident ID number in groups of these lengths. Dates and times, which
/// stand in every page, are written in shorter ones.
fn could_be_id(lengths: &[usize]) -> bool {
    match lengths {
        [6, 4, 2, 2, 3 | 4] => true,
        [before @ .., _] => before.iter().all(|length| *length >= 3),
        [] => false,
    }
}

/// Places 7 to 14 of a resident ID number are a day of birth.
fn has_birthday(digits: &[u8]) -> bool {
    let number = |range: Range<usize>| {
        digits.get(range).unwrap_or_default().iter().fold(0, |sum, digit| sum * 10 + u32::from(*digit))
    };
    (1850..=2100).contains(&number(6..10))
        && (1..=12).contains(&number(10..12))
        && (1..=31).contains(&number(12..14))
        && digits.first().is_some_and(|first| *first != 0)
}

/// The check digit of the first 17 places; 10 is written `X`.
fn resident_check(digits: &[u8]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = WEIGHTS.iter().zip(digits).map(|(weight, digit)| weight * u32::from(*digit)).sum();
    u8::try_from((12 - sum % 11) % 11).unwrap_or_default()
}

/// Whether 18 digits are a unified social credit code (GB 32100, check by modulo 31).
fn is_credit_code(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let sum: u32 = WEIGHTS.iter().zip(digits).map(|(weight, digit)| weight * u32::from(*digit)).sum();
    digits.len() == 18 && digits.last().is_some_and(|last| (31 - sum % 31) % 31 == u32::from(*last))
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit) * 2) {
            (0, double) => double / 2,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Endings of files: `logo@2x.png` and `vue@3.6.min.js` are no addresses.
const FILES: [&str; 16] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "js", "mjs", "cjs", "css", "map", "html", "htm",
    "json", "woff",
];

/// Mail addresses: RFC 5322's dot-atoms on a host with a name, as they are written in practice.
fn mails(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, sign) in text.match_indices(['@', '＠']) {
        let floor = found.last().map_or(0, |last| last.end);
        let local = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
        let before = text[floor..at].char_indices().rev().take(64).take_while(|(_, c)| local(*c)).last();
        let Some((start, _)) = before else { continue };
        let start = floor + start;
        let rest = &text[at + sign.len()..];
        let host = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        let length = rest.chars().take(255).take_while(|c| host(*c)).count();
        let host = rest[..length].trim_end_matches(['.', '-']);
        let Some((name, ending)) = host.rsplit_once('.') else { continue };
        let good = ending.len() >= 2
            && ending.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !FILES.contains(&ending.to_ascii_lowercase().as_str())
            && name.split('.').all(|label| !label.is_empty())
            && text[start..at].bytes().any(|byte| byte.is_ascii_alphanumeric());
        if good {
            found.push(start..at + sign.len() + host.len());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_somebodys_is_found() {
        use Kind::{BankCard, Mail, Mobile, ResidentId};
        let cases: &[(&str, &[(&str, Kind)])] = &[
            // The example of GB 11643 itself.
            ("11010519491231002X", &[("11010519491231002X", ResidentId)]),
            ("身份证11010519491231002x。", &[("11010519491231002x", ResidentId)]),
            ("110105 19491231 002X", &[("110105 19491231 002X", ResidentId)]),
            ("110105-19491231-002-X", &[("110105-19491231-002-X", ResidentId)]),
            ("1101 0519 4912 3100 2X", &[("1101 0519 4912 3100 2X", ResidentId)]),
            ("110105 1949 12 31 002X", &[("110105 1949 12 31 002X", ResidentId)]),
            ("１１０１０５１９４９１２３１００２Ｘ", &[("１１０１０５１９４９１２３１００２Ｘ", ResidentId)]),
            ("id=11010519491231002X&n=2", &[("11010519491231002X", ResidentId)]),
            ("13800138000", &[("13800138000", Mobile)]),
            ("电话 13800138000!", &[("13800138000", Mobile)]),
            ("+8613800138000", &[("8613800138000", Mobile)]),
            ("+86 138-0013-8000", &[("86 138-0013-8000", Mobile)]),
            ("138 0013 8000", &[("138 0013 8000", Mobile)]),
            ("13800138000x", &[("13800138000", Mobile)]),
            ("13800138000 13900139000", &[("13800138000", Mobile), ("13900139000", Mobile)]),
            ("4111 1111 1111 1111", &[("4111 1111 1111 1111", BankCard)]),
            ("6217000000000000004 卡", &[("6217000000000000004", BankCard)]),
            ("zhang.san@example.org", &[("zhang.san@example.org", Mail)]),
            ("邮箱：12345@gov.cn。", &[("12345@gov.cn", Mail)]),
            ("13800138000@163.com", &[("13800138000@163.com", Mail)]),
            ("甲 a@b.cn, c@d.cn", &[("a@b.cn", Mail), ("c@d.cn", Mail)]),
        ];
        for (text, want) in cases {
            let got: Vec<_> = find_all(text).into_iter().map(|(span, kind)| (&text[span], kind)).collect();
            assert_eq!(got, *want, "{text}");
        }
    }

    #[test]
    fn what_is_nobodys_is_left() {
        let cases = [
            ("a wrong check digit", "110105194912310021"),
            ("the same in groups", "110105 19491231 0021"),
            ("no birthday", "110105194913310021"),
            ("numbers for trials", "10000000000"),
            ("the citizens' line", "12345"),
            ("a landline", "010-12345678"),
            ("a card with a wrong check digit", "4111111111111112"),
            ("no card begins like this", "1234567890123452"),
            ("a unified social credit code", "911100001000013428"),
            ("one with letters", "91110000MA01ABCD3X"),
            ("one of a society, right by its own check", "516149142120360018"),
            ("a date", "2026-11-22"),
            ("a span of dates", "2026-11-22 13:00 - 2026-11-23 13:00"),
            ("dates in a row", "2026-11-22 2026-11-23 08"),
            ("an order number", "20261122134500123456"),
            ("a long order number", "202611221345001234561380013800013800138000"),
            ("milliseconds", "1732521600000"),
            ("a fraction", "0.13800138000"),
            ("a picture for sharp screens", "img/logo@2x.png"),
            ("a script of some version", "https://cdn.example/vue@3.6.min.js"),
            ("a name on a network", "https://example.org/@zhangsan"),
            ("words", "药品经营许可证"),
            ("nothing", ""),
        ];
        for (name, text) in cases {
            assert_eq!(find_all(text), [], "{name}");
        }
    }
}
