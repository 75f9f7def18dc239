//! The identity guard: no identities and no passwords in what a walk would type.
//!
//! A number is refused when it can be somebody's: a resident ID number whose check digit is right
//! (GB 11643, ISO 7064 MOD 11-2), a mainland mobile number, a bank card whose check digit is right
//! (Luhn). Numbers that fail their check are nobody's, and pass.

use std::ops::Range;

/// What a number can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// 18 places, the last one a check digit.
    ResidentId,
    /// 11 digits.
    Mobile,
    /// 16 to 19 digits, the last one a check digit.
    BankCard,
}

impl Identity {
    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResidentId => "a valid resident ID number",
            Self::Mobile => "a mobile number",
            Self::BankCard => "a valid bank card number",
        }
    }

    /// What to do instead.
    pub fn hint(self) -> String {
        match self {
            Self::ResidentId | Self::BankCard => {
                "use a number whose check digit is wrong; it belongs to nobody"
            }
            Self::Mobile => "use a number that is nobody's, such as 10000000000",
        }
        .to_owned()
    }
}

/// The first number in `text` that can be somebody's, with its bytes.
pub(super) fn find(text: &str) -> Option<(Range<usize>, Identity)> {
    runs(text).into_iter().find_map(|run| {
        let alone = run.groups.iter().find_map(|group| Some((group.span.clone(), identify(&group.digits)?)));
        alone.or_else(|| {
            let lengths: Vec<_> = run.groups.iter().map(|group| group.digits.len()).collect();
            let known =
                [&[3, 4, 4][..], &[2, 3, 4, 4], &[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[6, 8, 4], &[6, 13]];
            let whole: String = run.groups.iter().map(|group| group.digits.as_str()).collect();
            let span = run.groups.first()?.span.start..run.groups.last()?.span.end;
            known.contains(&lengths.as_slice()).then(|| identify(&whole)).flatten().map(|found| (span, found))
        })
    })
}

/// Whether the name of a field says that a password goes into it.
pub(super) fn asks_for_password(locator: &str) -> bool {
    let lower = locator.to_lowercase();
    ["password", "passwd", "passphrase", "pwd", "密码", "口令"].iter().any(|word| lower.contains(word))
}

/// Digits that stand together.
struct Group {
    span: Range<usize>,
    /// ASCII digits; an `X` may close them.
    digits: String,
}

/// Groups with one blank or hyphen between them.
#[derive(Default)]
struct Run {
    groups: Vec<Group>,
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last_end = None;
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let Some(first) = digit(c) else { continue };
        let joined = last_end.is_some_and(|last: usize| matches!(&text[last..start], " " | "-"));
        if !joined {
            runs.push(Run::default());
        }
        let Some(run) = runs.last_mut() else { break };
        let before: usize = run.groups.iter().map(|group| group.digits.len()).sum();
        let mut digits = String::from(first);
        let mut end = start + c.len_utf8();
        while let Some((i, c)) = chars.peek().copied() {
            let next = match digit(c) {
                Some(digit) => digit,
                None if before + digits.len() == 17 && matches!(c, 'x' | 'X') => 'X',
                None => break,
            };
            digits.push(next);
            end = i + c.len_utf8();
            chars.next();
        }
        run.groups.push(Group { span: start..end, digits });
        last_end = Some(end);
    }
    runs
}

/// A digit, also a full-width one, in ASCII.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
        _ => None,
    }
}

fn identify(digits: &str) -> Option<Identity> {
    let values: Vec<u32> = digits.chars().map(|c| c.to_digit(10).unwrap_or(10)).collect();
    let mobile = digits.strip_prefix("86").filter(|rest| rest.len() == 11).unwrap_or(digits);
    if mobile.len() == 11 && mobile.starts_with('1') && mobile.as_bytes()[1] >= b'3' {
        return Some(Identity::Mobile);
    }
    if values.len() == 18 && has_birthday(&values) {
        // A number with a birthday in it is meant as a resident ID, right or wrong.
        return (resident_check(&values) == values[17]).then_some(Identity::ResidentId);
    }
    let card = (16..=19).contains(&values.len()) && matches!(values[0], 3..=6) && !digits.ends_with('X');
    (card && luhn(&values)).then_some(Identity::BankCard)
}

/// Places 7 to 14 of a resident ID number are a day of birth.
fn has_birthday(values: &[u32]) -> bool {
    let number = |range: Range<usize>| values[range].iter().fold(0, |sum, value| sum * 10 + value);
    (1850..=2100).contains(&number(6..10))
        && (1..=12).contains(&number(10..12))
        && (1..=31).contains(&number(12..14))
        && values[0] != 0
}

/// The check digit of the first 17 places; 10 is written `X`.
fn resident_check(values: &[u32]) -> u32 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = WEIGHTS.iter().zip(values).map(|(weight, value)| weight * value).sum();
    (12 - sum % 11) % 11
}

fn luhn(values: &[u32]) -> bool {
    let sum: u32 = values
        .iter()
        .rev()
        .enumerate()
        .map(|(place, value)| match (place % 2, value * 2) {
            (0, _) => *value,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_people_are_found() {
        let cases = [
            // The example of GB 11643 itself.
            ("11010519491231002X", Some(Identity::ResidentId)),
            ("身份证11010519491231002x。", Some(Identity::ResidentId)),
            ("110105 19491231 002X", Some(Identity::ResidentId)),
            ("１１０１０５１９４９１２３１００２X", Some(Identity::ResidentId)),
            ("110105194912310021", None),
            ("13800138000", Some(Identity::Mobile)),
            ("+8613800138000", Some(Identity::Mobile)),
            ("138-0013-8000", Some(Identity::Mobile)),
            ("10000000000", None),
            ("12345", None),
            ("4111 1111 1111 1111", Some(Identity::BankCard)),
            ("6222021234567890123", None),
            ("4111111111111112", None),
            ("911100001000013428", None),
            ("2026-11-22", None),
            ("药品经营许可证", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(find(text).map(|(_, identity)| identity), want, "{text}");
        }
        let (span, _) = find("电话 13800138000!").unwrap();
        assert_eq!(&"电话 13800138000!"[span], "13800138000");
    }

    #[test]
    fn fields_for_passwords_are_known_by_their_name() {
        assert!(asks_for_password("role=textbox[name='登录密码']"));
        assert!(asks_for_password("css=input[type=Password]"));
        assert!(!asks_for_password("label=姓名"));
    }
}
