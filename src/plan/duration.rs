//! Durations as people write them: `300ms`, `15s`, `3m`, `1h30m`, `2d`.

use std::ops::Range;
use std::time::Duration;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DurationFault {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// The bytes of the text that are meant.
    pub span: Range<usize>,
}

/// The units, longest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration: whole numbers with a unit each, the longest unit first, each at most once.
pub(super) fn parse(text: &str) -> Result<Duration, DurationFault> {
    let fault = |message: String, hint: &str, span: Range<usize>| {
        Err(DurationFault { message, hint: hint.to_owned(), span })
    };
    let example = "write a number and a unit (ms, s, m, h, d), such as \"15s\" or \"1h30m\"";
    let mut total: u64 = 0;
    let mut at = 0;
    let mut next_unit = 0;
    while at < text.len() {
        let rest = &text[at..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let (number, unit) = (&rest[..digits], &rest[digits..digits + letters]);
        if number.is_empty() {
            return fault(format!("`{text}` is not a duration"), example, at..text.len());
        }
        if unit.is_empty() && digits < rest.len() {
            return fault(format!("`{text}` is not a duration"), example, at..text.len());
        }
        if unit.is_empty() {
            return fault(format!("`{text}` is a number without a unit"), example, at..text.len());
        }
        let Some(found) = UNITS.iter().position(|(name, _)| *name == unit) else {
            let span = at + digits..at + digits + letters;
            return fault(format!("`{unit}` is not a unit of time"), "the units are ms, s, m, h and d", span);
        };
        if found < next_unit {
            let hint = "write the longest unit first and each unit once, such as \"1h30m\"";
            return fault(format!("the units of `{text}` are out of order"), hint, at..at + digits + letters);
        }
        next_unit = found + 1;
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(UNITS[found].1));
        match part.and_then(|part| total.checked_add(part)) {
            Some(sum) => total = sum,
            None => return fault(format!("`{text}` is too long"), example, at..at + digits),
        }
        at += digits + letters;
    }
    if text.is_empty() {
        return fault("a duration is missing".to_owned(), example, 0..0);
    }
    Ok(Duration::from_millis(total))
}

/// A duration as an author would write it.
pub(super) fn show(time: Duration) -> String {
    let mut rest = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, size) in UNITS {
        if rest >= size {
            text = format!("{text}{}{name}", rest / size);
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_refuse() {
        let good = [
            ("300ms", 300),
            ("15s", 15_000),
            ("3m", 180_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1s500ms", 1_500),
            ("0s", 0),
        ];
        for (text, want) in good {
            let read = parse(text).unwrap();
            assert_eq!(read, Duration::from_millis(want), "{text}");
            assert_eq!(show(read), text);
        }
        let bad = [
            ("", 0..0),
            ("15", 0..2),
            ("s", 0..1),
            ("15 s", 0..4),
            ("1m1h", 2..4),
            ("1s1s", 2..4),
            ("5min", 1..4),
            ("-5s", 0..3),
            ("1.5h", 0..4),
            ("99999999999999999999d", 0..20),
            ("五s", 0..4),
        ];
        for (text, span) in bad {
            assert_eq!(parse(text).unwrap_err().span, span, "{text}");
        }
    }
}
