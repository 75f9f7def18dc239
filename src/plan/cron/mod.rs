//! Schedules: crontab expressions as people mean them, on top of the `cron` crate.
//!
//! The crate counts Sunday as 1, refuses 0, wants day-of-month AND day-of-week to fit, and skips
//! the repeated hour of an autumn night when it is asked anew. So `fields` reads the text by
//! crontab's rules and hands the crate plain lists in its own numbering; and the crate only ever
//! sees civil time (what a wall clock shows), while this file turns civil time into instants.
//!
//! Daylight saving, as Vixie cron has it. An expression whose minute or hour field begins with `*`
//! follows the wall clock: what the clock skips in spring does not run, what it shows twice in
//! autumn runs twice. Any other expression names fixed times of day: those that spring skips run
//! once, right after the gap; those that autumn repeats run the first time only.
//!
//! Invariant: no clock. Whether an expression ever fires is asked from `BIRTH` on.

mod fields;
#[cfg(test)]
mod tests;

use std::ops::Range;

use chrono::offset::LocalResult;
use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use jiff::Timestamp;

use fields::{Days, Fields};

/// 1 January 2026 UTC, in seconds: no agent of ours ran before it, so a schedule without a slot
/// after it never fires.
const BIRTH: i64 = 1_767_225_600;

/// No zone moves its clock by more than this at once in the years that a schedule can name.
const WIDEST_SHIFT: TimeDelta = TimeDelta::hours(3);

/// When a probe is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    source: String,
    zone: Tz,
    /// One expression, or two whose union is meant: every field in the crate's own numbering.
    rules: Vec<cron::Schedule>,
    /// Whether it follows the wall clock through shifts, rather than naming fixed times of day.
    follows_clock: bool,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronFault {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
}

/// Something that other programs would read in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronWarning {
    /// How it is read here.
    pub message: String,
    /// What to write to leave no doubt.
    pub hint: Option<String>,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
}

/// Whether schedules can be read in this IANA time zone.
pub fn knows_timezone(name: &str) -> bool {
    name.parse::<Tz>().is_ok()
}

impl Schedule {
    /// Reads `text` as a schedule in the IANA zone `timezone`: 5 fields as in crontab, 6 with the
    /// second first, 7 with the year last, or `@hourly` and its like.
    pub fn parse(text: &str, timezone: &str) -> Result<(Self, Vec<CronWarning>), CronFault> {
        let everything = 0..text.len();
        let zone: Tz = timezone.parse().map_err(|_| CronFault {
            message: format!("unknown time zone `{timezone}`"),
            hint: Some("use a name of the IANA database, such as `Asia/Shanghai`".to_owned()),
            span: everything.clone(),
        })?;
        let (fields, warnings) = Fields::parse(text)?;
        let rules = match fields.days() {
            Days::Both => vec![fields.expression(true, true)],
            Days::Either => vec![fields.expression(true, false), fields.expression(false, true)],
        };
        let rules =
            rules.iter().map(|rule| rule.parse::<cron::Schedule>()).collect::<Result<Vec<_>, _>>().map_err(
                |error| CronFault {
                    message: format!("not a schedule: {error}"),
                    hint: None,
                    span: everything.clone(),
                },
            )?;
        let schedule = Self { source: text.to_owned(), zone, rules, follows_clock: fields.follows_clock() };
        let birth = Timestamp::from_second(BIRTH).unwrap_or(Timestamp::UNIX_EPOCH);
        if schedule.next_after(birth).is_none() {
            return Err(fields.never_fires(text));
        }
        Ok((schedule, warnings))
    }

    /// The text, as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The first slot after `after`; none when the last year that the schedule names is over.
    /// Slots are whole seconds.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = DateTime::<Utc>::from_timestamp(floor_seconds(after), 0)?;
        let offset = self.offset(after);
        // Civil times at or before the present one come again when the clock is about to be set
        // back: the search has to begin that much earlier.
        let set_back = offset - self.offset(after.checked_add_signed(WIDEST_SHIFT)?);
        let from = after.naive_utc() + offset - set_back.max(TimeDelta::zero());

        let mut best: Option<DateTime<Utc>> = None;
        let mut civil = self.next_civil(from);
        while let Some(now) = civil {
            let [first, second] = self.instants(now);
            // First occurrences come in the order of civil times, so nothing later can win.
            if best.is_some_and(|best| first.is_some_and(|first| first >= best)) {
                break;
            }
            for instant in [first, second].into_iter().flatten() {
                if instant > after && best.is_none_or(|best| instant < best) {
                    best = Some(instant);
                }
            }
            civil = self.next_civil(now);
        }
        Timestamp::from_second(best?.timestamp()).ok()
    }

    /// How many slots there are from the slot `first` to the slot `last`, both of them counted.
    ///
    /// A day on which the clock is not shifted has as many slots as any other such day that has
    /// one, so years are counted in days.
    pub fn count(&self, first: Timestamp, last: Timestamp) -> u64 {
        let (mut from, end) = (floor_seconds(first), floor_seconds(last) + 1);
        let (mut count, mut daily) = (0, None);
        while from < end {
            let Some((day, next_day)) = self.day_of(from) else {
                let to = (from + 86_400).min(end);
                count += self.walk(from, to);
                from = to;
                continue;
            };
            let whole = from == day && next_day <= end;
            let to = next_day.min(end);
            count += if !(whole && self.is_plain(day, next_day)) {
                self.walk(from, to)
            } else if self.slot_in(from, to).is_none() {
                0
            } else {
                *daily.get_or_insert_with(|| self.walk(from, to))
            };
            from = to;
        }
        count
    }

    /// How many slots there are in `from..to`, in seconds.
    fn walk(&self, mut from: i64, to: i64) -> u64 {
        let mut count = 0;
        while let Some(slot) = self.slot_in(from, to) {
            count += 1;
            from = slot + 1;
        }
        count
    }

    /// The first slot in `from..to`, in seconds.
    fn slot_in(&self, from: i64, to: i64) -> Option<i64> {
        let slot = self.next_after(Timestamp::from_second(from - 1).ok()?)?.as_second();
        (slot < to).then_some(slot)
    }

    /// When the civil day of an instant begins, and when the next one does, in seconds; nothing where the
    /// clock is not told plainly at midnight, so that there is no telling.
    fn day_of(&self, at: i64) -> Option<(i64, i64)> {
        let at = DateTime::<Utc>::from_timestamp(at, 0)?;
        let date = (at.naive_utc() + self.offset(at)).date();
        let begins = |date: chrono::NaiveDate| {
            let midnight = date.and_time(chrono::NaiveTime::MIN);
            self.zone.from_local_datetime(&midnight).earliest().map(|it| it.timestamp())
        };
        let (day, next) = (begins(date)?, begins(date.succ_opt()?)?);
        (day <= at.timestamp() && at.timestamp() < next).then_some((day, next))
    }

    /// Whether the clock is not shifted from one midnight to the next, nor at either of them.
    fn is_plain(&self, day: i64, next: i64) -> bool {
        let offset = |at| DateTime::<Utc>::from_timestamp(at, 0).map(|at| self.offset(at));
        next - day == 86_400 && offset(day - 1) == offset(day) && offset(day) == offset(next)
    }

    /// The first civil time after `after` that fits, were there no shifts.
    fn next_civil(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = after.and_utc();
        let next = |rule: &cron::Schedule| rule.after(&after).next();
        self.rules.iter().filter_map(next).min().map(|next| next.naive_utc())
    }

    /// The instants, in order, at which a slot with this civil time runs.
    fn instants(&self, civil: NaiveDateTime) -> [Option<DateTime<Utc>>; 2] {
        match self.zone.from_local_datetime(&civil) {
            LocalResult::Single(at) => [Some(at.to_utc()), None],
            LocalResult::Ambiguous(first, second) => {
                [Some(first.to_utc()), self.follows_clock.then(|| second.to_utc())]
            }
            LocalResult::None if self.follows_clock => [None, None],
            LocalResult::None => [Some(self.end_of_gap(civil)), None],
        }
    }

    /// The instant right after the gap in which `civil` lies.
    fn end_of_gap(&self, civil: NaiveDateTime) -> DateTime<Utc> {
        // The clock was still on the old offset a shift before, and is on the new one at what
        // the old offset would call `civil`.
        let mut before = civil.and_utc() - self.offset(civil.and_utc()) - WIDEST_SHIFT * 2;
        let old = self.offset(before);
        let mut behind = civil.and_utc() - old;
        while behind - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((behind - before).num_seconds() / 2);
            if self.offset(middle) == old {
                before = middle;
            } else {
                behind = middle;
            }
        }
        behind
    }

    /// How far the zone's clock is ahead of UTC.
    fn offset(&self, at: DateTime<Utc>) -> TimeDelta {
        let seconds = self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
        TimeDelta::seconds(i64::from(seconds))
    }
}

/// The whole seconds at or before an instant.
fn floor_seconds(at: Timestamp) -> i64 {
    at.as_second() - i64::from(at.subsec_nanosecond() < 0)
}
