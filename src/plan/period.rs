//! Periods as people write them: `2026-11`, `2026-Q4`, `2026-10..2026-11`.
//!
//! Invariant: what is read has at least one day, and none is guessed: a period that cannot be read is
//! refused with what to write instead.

use jiff::civil::Date;

use crate::domain::period::{LONGEST_DAYS, Period};

/// Why a text is no period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodFault {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

/// How periods are written.
const FORMS: &str = "write a year (2026), a quarter (2026-Q4), a month (2026-11), a day (2026-11-05), or two of them with two dots between: 2026-10..2026-11";

/// Reads a period in a time zone by its IANA name.
pub fn read_period(text: &str, timezone: &str) -> Result<Period, PeriodFault> {
    let text = text.trim();
    if text.is_empty() {
        return Err(fault("a period without days".to_owned(), FORMS));
    }
    let (first, last) = match text.split_once("..") {
        None => (part(text)?, part(text)?),
        Some((first, "")) => {
            let hint = format!("say where it ends: {first}..{first}");
            return Err(fault(format!("the period `{text}` has no end"), &hint));
        }
        Some(("", last)) => {
            let hint = format!("say where it begins: {last}..{last}");
            return Err(fault(format!("the period `{text}` has no beginning"), &hint));
        }
        Some((first, last)) => (part(first)?, part(last)?),
    };
    if last.last < first.first {
        let unit = if first.unit == last.unit { first.unit } else { "part" };
        let (a, b) = text.split_once("..").unwrap_or((text, text));
        return Err(fault(
            format!("the period `{text}` is empty: the last {unit} lies before the first"),
            &format!("write the earlier one first: {b}..{a}"),
        ));
    }
    Period::new(first.first, last.last, timezone).ok_or_else(|| {
        fault(
            format!("the period `{text}` cannot be counted in days of the time zone {timezone}"),
            &format!("choose at most {LONGEST_DAYS} days, and look at `timezone` in [agent]"),
        )
    })
}

/// One side of a period: its first and last day.
struct Part {
    first: Date,
    last: Date,
    unit: &'static str,
}

fn part(text: &str) -> Result<Part, PeriodFault> {
    let text = text.trim();
    let no = |why: &str| Err(fault(format!("`{text}` is no period: {why}"), FORMS));
    let mut pieces = text.split('-');
    let (year, second, third) = (pieces.next().unwrap_or(""), pieces.next(), pieces.next());
    if pieces.next().is_some() {
        return no("it has too many parts");
    }
    let Some(year) = number(year, 4).filter(|year| (1970..=2200).contains(year)) else {
        return no("it does not begin with a year of four digits");
    };
    // Every month has a first day, and the numbers are those of a calendar by now.
    let day = |month: i8, day: i8| Date::new(year, month, day).ok();
    let whole =
        |from: i8, to: i8, unit| Some(Part { first: day(from, 1)?, last: day(to, 1)?.last_of_month(), unit });
    let found = match (second, third) {
        (None, _) => whole(1, 12, "year"),
        (Some(quarter), None) if quarter.starts_with(['Q', 'q']) => match number(&quarter[1..], 1) {
            Some(number @ 1..=4) => {
                i8::try_from(number).ok().and_then(|q| whole(q * 3 - 2, q * 3, "quarter"))
            }
            _ => return no("a year has the quarters Q1 to Q4"),
        },
        (Some(month), third) => {
            let Some(month) = number(month, 2).filter(|month| (1..=12).contains(month)) else {
                return no("its month is none of 01 to 12");
            };
            let month = i8::try_from(month).unwrap_or(1);
            match third {
                None => whole(month, month, "month"),
                Some(third) => {
                    let number = number(third, 2).and_then(|number| i8::try_from(number).ok());
                    let Some(day) = number.and_then(|number| day(month, number)) else {
                        return no("that month has no such day");
                    };
                    Some(Part { first: day, last: day, unit: "day" })
                }
            }
        }
    };
    found.map_or_else(|| no("it lies outside of the calendar"), Ok)
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i16> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn fault(message: String, hint: &str) -> PeriodFault {
    PeriodFault { message, hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_people_write_them() {
        let cases = [
            ("2026", "2026-01-01", "2026-12-31"),
            ("2026-Q4", "2026-10-01", "2026-12-31"),
            ("2026-q1", "2026-01-01", "2026-03-31"),
            ("2026-11", "2026-11-01", "2026-11-30"),
            ("2024-02", "2024-02-01", "2024-02-29"),
            ("2026-11-05", "2026-11-05", "2026-11-05"),
            ("2026-10..2026-11", "2026-10-01", "2026-11-30"),
            (" 2026-10 .. 2026-11 ", "2026-10-01", "2026-11-30"),
            ("2025-Q4..2026-Q1", "2025-10-01", "2026-03-31"),
            ("2026-10-01..2026-11-15", "2026-10-01", "2026-11-15"),
            ("2025..2026-Q2", "2025-01-01", "2026-06-30"),
            ("2026-11-15..2026-11", "2026-11-15", "2026-11-30"),
        ];
        for (text, first, last) in cases {
            let period =
                read_period(text, "Asia/Shanghai").unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            assert_eq!(
                (period.first.to_string(), period.last.to_string()),
                (first.into(), last.into()),
                "{text}"
            );
            assert_eq!(period.timezone, "Asia/Shanghai");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_what_to_write() {
        // (text, what the message says, what the hint says)
        let cases = [
            ("", "without days", "2026-Q4"),
            ("2026-11..2026-10", "the last month lies before the first", "2026-10..2026-11"),
            ("2026..2025", "the last year lies before the first", "2025..2026"),
            ("2026-Q2..2026-03", "the last part lies before the first", "2026-03..2026-Q2"),
            ("2026-10..", "has no end", "2026-10..2026-10"),
            ("..2026-10", "has no beginning", "2026-10..2026-10"),
            ("2026-13", "none of 01 to 12", "2026-11"),
            ("2026-1", "none of 01 to 12", "2026-11"),
            ("2026-Q5", "Q1 to Q4", "2026-Q4"),
            ("2026-Q", "Q1 to Q4", "2026-Q4"),
            ("2026-02-29", "no such day", "2026-11-05"),
            ("2026-10-01-02", "too many parts", "two dots"),
            ("2026-10—2026-11", "none of 01 to 12", "two dots"),
            ("26-10", "a year of four digits", "2026"),
            ("last month", "a year of four digits", "2026"),
            ("上个月", "a year of four digits", "2026"),
            ("1970..2200", "cannot be counted", "at most 3660 days"),
        ];
        for (text, message, hint) in cases {
            let fault = read_period(text, "Asia/Shanghai").expect_err(text);
            assert!(fault.message.contains(message), "{text}: {}", fault.message);
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }
}
