//! `--period`: a span of months or days.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::score::material::Period;

use super::Fault;

/// Reads `2026-11`, `2026-11-03`, or two of them with `..` between, in a time zone.
pub(super) fn period(text: &str, timezone: &str) -> Result<Period, Fault> {
    let hint = "write 2026-11, 2026-10..2026-11 or 2026-11-03..2026-11-16";
    let unreadable = || Fault::input(format!("`{text}` is no period"), hint);
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let ((first, _), (_, last)) = days(from).zip(days(to)).ok_or_else(unreadable)?;
    if last < first {
        return Err(Fault::input(format!("the period `{text}` ends before it begins"), hint));
    }
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    let begins = |day: Date| -> Option<Timestamp> { Some(day.to_zoned(zone.clone()).ok()?.timestamp()) };
    let after = last.tomorrow().ok();
    let (from, until) = begins(first).zip(after.and_then(begins)).ok_or_else(unreadable)?;
    Ok(Period { first, last, timezone: timezone.to_owned(), from, until })
}

/// The first and the last day of a month or a day.
fn days(text: &str) -> Option<(Date, Date)> {
    if let Ok(day) = text.parse::<Date>() {
        return Some((day, day));
    }
    let (year, month) = text.split_once('-')?;
    let (year, month) = (year.parse().ok()?, month.parse().ok()?);
    let first = (1..=12).contains(&month).then(|| Date::new(year, month, 1).ok())??;
    Some((first, first.last_of_month()))
}
