//! Periods: spans of whole days in the agent's time zone, over which is scored.
//!
//! Invariant: a day begins with its first instant in the zone, whatever the clocks do that night, and ends
//! where the next one begins.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A span of whole days in the agent's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// The first day.
    pub first: Date,
    /// The last day, included.
    pub last: Date,
    /// The time zone in which days begin.
    pub timezone: String,
    /// The instant at which the first day begins.
    pub from: Timestamp,
    /// The instant at which the day after the last begins.
    pub until: Timestamp,
}

/// A day of a period: 0 is the first.
pub type Day = u16;

/// The most days of a period: ten years.
pub const LONGEST_DAYS: u16 = 3660;

impl Period {
    /// The days from `first` to `last` in a time zone by its IANA name; `None` when there is no such
    /// zone, when `last` lies before `first`, and when they are more than [`LONGEST_DAYS`].
    pub fn new(first: Date, last: Date, timezone: &str) -> Option<Self> {
        let zone: Tz = timezone.parse().ok()?;
        let after = last.tomorrow().ok()?;
        let days = (after - first).get_days();
        if days < 1 || days > i32::from(LONGEST_DAYS) {
            return None;
        }
        Some(Self {
            first,
            last,
            timezone: timezone.to_owned(),
            from: beginning(first, zone)?,
            until: beginning(after, zone)?,
        })
    }

    /// Where each of its days begins.
    pub fn days(&self) -> Days {
        let zone: Option<Tz> = self.timezone.parse().ok();
        let mut starts = vec![self.from];
        let mut day = self.first;
        while let Ok(next) = day.tomorrow()
            && next <= self.last
            && starts.len() < usize::from(LONGEST_DAYS)
        {
            let before = starts.last().copied().unwrap_or(self.from);
            let start = match zone {
                Some(zone) => beginning(next, zone),
                // A zone that this program does not know: somebody else's record.
                None => before.checked_add(SignedDuration::from_hours(24)).ok(),
            };
            starts.push(start.unwrap_or(before).clamp(before, self.until));
            day = next;
        }
        Days { starts, until: self.until }
    }
}

/// The first instant of a day. A day that a zone left out altogether begins where the next one does.
fn beginning(day: Date, zone: Tz) -> Option<Timestamp> {
    let date = NaiveDate::from_ymd_opt(
        i32::from(day.year()),
        u32::from(day.month().unsigned_abs()),
        u32::from(day.day().unsigned_abs()),
    )?;
    // Clocks may jump over midnight: then the day begins where they land.
    (0..=26 * 4).find_map(|quarters| {
        let local: NaiveDateTime =
            date.and_hms_opt(0, 0, 0)?.checked_add_signed(TimeDelta::minutes(15 * quarters))?;
        let found: DateTime<Tz> = zone.from_local_datetime(&local).earliest()?;
        Timestamp::from_second(found.with_timezone(&Utc).timestamp()).ok()
    })
}

/// The days of a period, by their beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    starts: Vec<Timestamp>,
    until: Timestamp,
}

impl Days {
    /// The day in which an instant lies; `None` outside of the period.
    pub fn of(&self, at: Timestamp) -> Option<Day> {
        if at >= self.until {
            return None;
        }
        let day = self.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        Day::try_from(day).ok()
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(first: &str, last: &str, zone: &str) -> Period {
        Period::new(first.parse().unwrap(), last.parse().unwrap(), zone).unwrap()
    }

    #[test]
    fn days_begin_where_the_zone_says() {
        // (zone, first, last, from, until, how many)
        let cases = [
            ("UTC", "2026-11-01", "2026-11-30", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", 30),
            ("Asia/Shanghai", "2026-10-01", "2026-12-31", "2026-09-30T16:00:00Z", "2026-12-31T16:00:00Z", 92),
            ("Asia/Kolkata", "2026-11-01", "2026-11-01", "2026-10-31T18:30:00Z", "2026-11-01T18:30:00Z", 1),
            // 23 and 25 hours.
            ("Europe/Berlin", "2026-03-29", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 1),
            ("Europe/Berlin", "2026-10-25", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 1),
            // Clocks jump from midnight to one.
            ("Africa/Cairo", "2026-04-24", "2026-04-24", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z", 1),
            // A day that never was.
            ("Pacific/Apia", "2011-12-29", "2011-12-31", "2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z", 3),
        ];
        for (zone, first, last, from, until, count) in cases {
            let it = period(first, last, zone);
            assert_eq!((it.from.to_string(), it.until.to_string()), (from.into(), until.into()), "{zone}");
            let days = it.days();
            assert_eq!(days.count(), count, "{zone} {first}");
            assert_eq!(days.of(it.from), Some(0), "{zone}");
            assert_eq!(days.of(it.from - SignedDuration::from_micros(1)), None, "{zone}");
            assert_eq!(days.of(it.until), None, "{zone}");
            let newest = days.of(it.until - SignedDuration::from_micros(1));
            assert_eq!(newest.map(usize::from), Some(count - 1), "{zone}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(Period::new(day("2026-11-02"), day("2026-11-01"), "UTC"), None);
        assert_eq!(Period::new(day("2026-11-01"), day("2026-11-01"), "Mars/Olympus"), None);
        assert_eq!(Period::new(day("2000-01-01"), day("2026-11-01"), "UTC"), None);
    }
}
