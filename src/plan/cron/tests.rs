//! Schedules against crontab's meaning: tables by hand for what shifts do and what people are
//! told, and `croner` as the oracle for everything else.

use std::str::FromStr;
use std::sync::LazyLock;

use chrono::{DateTime, TimeZone, Utc};
use croner::parser::CronParser;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_str(text).unwrap()
}

fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::parse(text, zone).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).0
}

/// The first slots after `after`, asked one by one, as the dispatcher does.
fn slots(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let mut slots = Vec::new();
    let mut last = at(after);
    for _ in 0..count {
        last = schedule.next_after(last).unwrap();
        slots.push(last.to_string());
    }
    slots
}

#[test]
fn expressions_mean_what_crontab_says() {
    // 2026-11-22 is a Sunday.
    let cases = [
        ("* * * * *", "2026-11-22T04:30:00Z", "2026-11-22T04:31:00Z"),
        ("*/15 * * * *", "2026-11-22T04:30:00.5Z", "2026-11-22T04:45:00Z"),
        ("0 12 * * 0", "2026-11-21T00:00:00Z", "2026-11-22T12:00:00Z"),
        ("0 12 * * 7", "2026-11-21T00:00:00Z", "2026-11-22T12:00:00Z"),
        ("0 12 * * sun", "2026-11-21T00:00:00Z", "2026-11-22T12:00:00Z"),
        ("0 12 * * 1-5", "2026-11-21T00:00:00Z", "2026-11-23T12:00:00Z"),
        ("0 12 * * MON-fri", "2026-11-21T00:00:00Z", "2026-11-23T12:00:00Z"),
        ("0 12 * * SAT-SUN", "2026-11-21T13:00:00Z", "2026-11-22T12:00:00Z"),
        ("0 12 * * 5-7", "2026-11-21T13:00:00Z", "2026-11-22T12:00:00Z"),
        ("0 12 * dec,Jan *", "2026-11-21T00:00:00Z", "2026-12-01T12:00:00Z"),
        // Both restricted: either. The 1st of December is a Tuesday.
        ("0 0 1 * MON", "2026-11-24T00:00:00Z", "2026-11-30T00:00:00Z"),
        ("0 0 1 * MON", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
        // One begins with `*`: both. The first odd-numbered Monday after is the 23rd.
        ("0 0 */2 * MON", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("0 0 */2 * MON", "2026-11-23T00:00:00Z", "2026-12-07T00:00:00Z"),
        ("5/20 3 * * *", "2026-11-22T03:06:00Z", "2026-11-22T03:25:00Z"),
        ("0 0 29 2 *", "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("30 0 12 * * *", "2026-11-22T00:00:00Z", "2026-11-22T12:00:30Z"),
        ("0 0 12 ? * 1", "2026-11-22T00:00:00Z", "2026-11-23T12:00:00Z"),
        ("0 0 12 1 1 ? 2030", "2026-11-22T00:00:00Z", "2030-01-01T12:00:00Z"),
        ("@hourly", "2026-11-22T04:30:00Z", "2026-11-22T05:00:00Z"),
        ("@Daily", "2026-11-22T04:30:00Z", "2026-11-23T00:00:00Z"),
        ("@weekly", "2026-11-22T04:30:00Z", "2026-11-29T00:00:00Z"),
        ("@monthly", "2026-11-22T04:30:00Z", "2026-12-01T00:00:00Z"),
    ];
    for (text, after, want) in cases {
        assert_eq!(slots(&schedule(text, "UTC"), after, 1), [want], "{text} after {after}");
    }
    assert_eq!(
        slots(&schedule("*/30 8-9 * * *", "Asia/Shanghai"), "2026-11-22T00:00:00Z", 4),
        ["2026-11-22T00:30:00Z", "2026-11-22T01:00:00Z", "2026-11-22T01:30:00Z", "2026-11-23T00:00:00Z"],
    );
    assert_eq!(schedule("0 0 0 1 1 * 2030", "UTC").next_after(at("2030-01-01T00:00:00Z")), None);
}

#[test]
fn shifts_of_the_clock_neither_lose_nor_double_a_fixed_time() {
    let cases: [(&str, &str, &str, &str, &[&str]); 12] = [
        // Berlin, spring: 02:00 CET (01:00Z) becomes 03:00 CEST.
        (
            "skipped, runs right after",
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            "skipped several times, runs once",
            "10,20,50 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T00:10:00Z"],
        ),
        (
            "skipped beside a real one, runs once",
            "0 2,3 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T01:00:00Z"],
        ),
        (
            "asked in the second before the gap",
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-29T00:59:59Z",
            &["2026-03-29T01:00:00Z"],
        ),
        (
            "wall clock, goes straight on",
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-03-29T00:00:00Z",
            &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
        ),
        (
            "wall clock, its only hour is skipped",
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-30T00:00:00Z"],
        ),
        // Berlin, autumn: 03:00 CEST (01:00Z) becomes 02:00 CET.
        (
            "repeated, runs the first time",
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "wall clock, both hours",
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-24T23:30:00Z",
            &[
                "2026-10-25T00:00:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:00:00Z",
            ],
        ),
        (
            "wall clock within one hour, both of it",
            "*/30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &[
                "2026-10-25T00:00:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-26T01:00:00Z",
            ],
        ),
        // New York, spring: 02:00 EST (07:00Z) becomes 03:00 EDT; autumn: 02:00 EDT (06:00Z) becomes 01:00 EST.
        (
            "New York, skipped",
            "15 2 * * *",
            "America/New_York",
            "2026-03-07T12:00:00Z",
            &["2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"],
        ),
        (
            "New York, repeated",
            "15 1 * * *",
            "America/New_York",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z"],
        ),
        (
            "New York, wall clock",
            "20 * * * *",
            "America/New_York",
            "2026-11-01T04:30:00Z",
            &["2026-11-01T05:20:00Z", "2026-11-01T06:20:00Z", "2026-11-01T07:20:00Z"],
        ),
    ];
    for (name, text, zone, after, want) in cases {
        assert_eq!(slots(&schedule(text, zone), after, want.len()), want, "{name}");
    }
}

#[test]
fn faults_say_where_and_what_to_write() {
    let cases = [
        ("", "the schedule is empty", "", "minute hour"),
        ("* * * *", "a schedule has 5 fields (6 with seconds, 7 with a year), this has 4", "* * * *", "*/15"),
        ("60 * * * *", "there is no minute 60", "60", "0-59"),
        ("0 24 * * *", "there is no hour 24", "24", "0-23"),
        ("0 0 0 * *", "there is no day of month 0", "0", "1-31"),
        ("0 0 * 13 *", "there is no month 13", "13", "1-12"),
        ("0 0 * * 8", "there is no weekday 8", "8", "0 and 7 are Sunday"),
        ("0 0 * * MONDAY", "`MONDAY` is not a weekday", "MONDAY", "write `MON`"),
        ("0 0 * * 周一", "`周一` is not a weekday", "周一", "SUN"),
        ("0 0 * * 5L", "`5L` is not a weekday", "5L", "not read"),
        ("0 0 * * 5-1", "the range `5-1` runs backwards", "5-1", "5-6,0-1"),
        ("0 0 * * FRI-MON", "the range `FRI-MON` runs backwards", "FRI-MON", "FRI-SAT,SUN-MON"),
        ("1,,2 * * * *", "a minute is missing in `1,,2`", "1,,2", "0-59"),
        ("*/0 * * * *", "a step of 0 never gets anywhere", "0", "1 or more"),
        ("*/x * * * *", "`x` is not a step of minute", "x", "*/15"),
        ("0 0 ? * *", "`?` is not known in crontab", "?", "`*`"),
        ("0 0 1 1 * 2030", "there is no weekday 2030", "2030", "all 7"),
        ("0 0 30 2 *", "this never runs: no chosen month has a day 30", "30 2", "29 days"),
        ("0 0 31 4,6 *", "this never runs: no chosen month has a day 31", "31 4,6", "30 days"),
        ("0 0 0 1 1 * 2020", "this never runs: no day of 2020 from now on fits", "2020", "to come"),
        ("0 0 0 29 2 * 2027", "this never runs: no day of 2027 from now on fits", "2027", "to come"),
        ("@reboot", "`@reboot` names no time", "@reboot", "@hourly"),
        ("@every 5m", "unknown schedule `@every`", "@every", "@hourly"),
        ("@daily 5", "nothing may follow `@daily`", "5", "either"),
        ("99999999999 * * * *", "there is no minute 99999999999", "99999999999", "0-59"),
    ];
    for (text, message, place, hint) in cases {
        let fault = Schedule::parse(text, "UTC").expect_err(text);
        assert_eq!(fault.message, message, "{text}");
        assert_eq!(&text[fault.span.clone()], place, "{text}");
        let got = fault.hint.unwrap_or_default();
        assert!(got.contains(hint), "{text}: {got}");
    }
    assert_eq!(
        Schedule::parse("* * * * *", "Asia/Peking").unwrap_err().message,
        "unknown time zone `Asia/Peking`"
    );
    assert!(knows_timezone("Asia/Shanghai") && !knows_timezone("Asia/Peking"));
}

#[test]
fn readings_that_differ_are_said() {
    let cases: [(&str, &[(&str, &str)]); 10] = [
        ("*/15 8-21 * * *", &[]),
        ("0 0 * * 1-5", &[]),
        ("0 0 1 * MON", &[("fit either", "1 * MON")]),
        ("0 0 */2 * MON", &[("fit both", "*/2 * MON")]),
        ("0 0 0 * * 1-5", &[("Quartz counts Sunday as 1", "1-5")]),
        ("0 0 0 * * MON-FRI", &[]),
        ("0 0 0 1 * MON", &[("would want both", "1 * MON")]),
        ("0 0 0 ? * 2", &[("Quartz counts Sunday as 1", "2")]),
        ("5/20 * * * *", &[("is read as `5-59/20`", "5/20")]),
        ("*/90 * * * *", &[("fits only the minute 0", "*/90")]),
    ];
    for (text, want) in cases {
        let warnings = Schedule::parse(text, "UTC").unwrap().1;
        assert_eq!(warnings.len(), want.len(), "{text}: {warnings:?}");
        for (warning, (message, place)) in warnings.iter().zip(want) {
            assert!(warning.message.contains(message), "{text}: {}", warning.message);
            assert_eq!(&text[warning.span.clone()], *place, "{text}");
        }
    }
    let hint = Schedule::parse("0 0 0 * * 0-2", "UTC").unwrap().1.remove(0).hint;
    assert_eq!(hint.as_deref(), Some("write names to leave no doubt: `MON,TUE,SUN`"));
}

/// What `croner` says, told crontab's rule for fields that begin with `*`, which it knows only
/// for a plain `*`.
fn oracle<Z: TimeZone>(text: &str, zone: &Z, after: Timestamp, count: usize) -> Vec<i64> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let both = fields[2].starts_with('*') || fields[4].starts_with('*');
    let cron = CronParser::builder().dom_and_dow(both).build().parse(text).unwrap();
    let mut last = DateTime::<Utc>::from_timestamp(after.as_second(), 0).unwrap().with_timezone(zone);
    let mut slots = Vec::new();
    for _ in 0..count {
        let Ok(next) = cron.find_next_occurrence(&last, false) else { break };
        slots.push(next.timestamp());
        last = next;
    }
    slots
}

/// One field: a list of stars, numbers and ranges with and without steps.
fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
    let item = prop_oneof![
        (min..=max).prop_map(|n| n.to_string()),
        (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        (min..=max, min..=max, 1..=9_u32).prop_map(|(a, b, s)| format!("{}-{}/{s}", a.min(b), a.max(b))),
    ];
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (1..=9_u32).prop_map(|step| format!("*/{step}")),
        3 => prop::collection::vec(item, 1..3).prop_map(|items| items.join(",")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

/// The shifts of a zone's clock in 2026 and 2027, to the hour.
fn shifts(zone: Tz) -> Vec<DateTime<Utc>> {
    let offset = |at: &DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let hours = (0..2 * 365 * 24).filter_map(|hour| DateTime::from_timestamp(BIRTH + hour * 3600, 0));
    hours.filter(|at| offset(at) != offset(&(*at + TimeDelta::hours(1)))).collect()
}

/// Zones with their shifts. Lord Howe moves by half an hour, Santiago and Cairo at midnight.
static ZONES: LazyLock<Vec<(Tz, Vec<DateTime<Utc>>)>> = LazyLock::new(|| {
    use chrono_tz::{Africa, America, Australia, Europe};
    let zones = [Europe::Berlin, America::New_York, America::Santiago, Africa::Cairo, Australia::Lord_Howe];
    zones.into_iter().map(|zone| (zone, shifts(zone))).collect()
});

/// Vixie cron's minutes around a shift, found by looking at the wall clock every minute.
fn by_the_minute(text: &str, zone: Tz, from: DateTime<Utc>, hours: i64) -> Vec<i64> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let both = fields[2].starts_with('*') || fields[4].starts_with('*');
    let follows = fields[0].starts_with('*') || fields[1].starts_with('*');
    let cron = CronParser::builder().dom_and_dow(both).build().parse(text).unwrap();
    let fits = |civil: NaiveDateTime| cron.is_time_matching(&civil.and_utc()).unwrap();
    let civil = |at: DateTime<Utc>| zone.from_utc_datetime(&at.naive_utc()).naive_local();
    let mut slots = Vec::new();
    let mut highest = civil(from);
    for minute in 1..=hours * 60 {
        let at = from + TimeDelta::minutes(minute);
        let shown = civil(at);
        let due = if follows {
            fits(shown)
        } else {
            // The times that the clock shows for the first time, those that it skipped included.
            let new = (shown - highest).num_minutes();
            (1..=new).any(|ago| fits(highest + TimeDelta::minutes(ago)))
        };
        highest = highest.max(shown);
        if due {
            slots.push(at.timestamp());
        }
    }
    slots
}

/// Expressions of fixed times of day and others, on any day: they are dense where shifts happen.
fn nightly() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 4)).prop_map(|(minute, hour)| format!("{minute} {hour} * * *"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn shifts_are_as_a_clock_on_the_wall_shows_them(text in nightly(), which in any::<prop::sample::Index>()) {
        for (zone, shifts) in ZONES.iter() {
            let from = *which.get(shifts) - TimeDelta::hours(5);
            let want = by_the_minute(&text, *zone, from, 30);
            let schedule = schedule(&text, zone.name());
            let mut last = Timestamp::from_second(from.timestamp()).unwrap();
            let mut got = Vec::new();
            while let Some(next) = schedule.next_after(last).filter(|at| at.as_second() <= from.timestamp() + 30 * 3600) {
                got.push(next.as_second());
                last = next;
            }
            prop_assert_eq!(got, want, "{} {} {}", text, zone.name(), from);
        }
    }
}

proptest! {
    #[test]
    fn croner_agrees(text in expression(), start in BIRTH..BIRTH + 4 * 365 * 86_400) {
        let after = Timestamp::from_second(start).unwrap();
        for zone in [chrono_tz::UTC, chrono_tz::Asia::Shanghai] {
            let want = oracle(&text, &zone, after, 12);
            match Schedule::parse(&text, zone.name()) {
                Ok((schedule, _)) => {
                    let mut last = after;
                    let mut got = Vec::new();
                    for _ in 0..want.len() {
                        last = schedule.next_after(last).unwrap();
                        got.push(last.as_second());
                    }
                    prop_assert!(!want.is_empty(), "{} {}", text, zone.name());
                    prop_assert_eq!(got, want, "{} {}", text, zone.name());
                }
                Err(fault) => prop_assert!(want.is_empty(), "{}: {:?} against {:?}", text, fault, want),
            }
        }
    }

    #[test]
    fn any_text_is_a_schedule_or_a_fault_with_a_place(text in "[-*/,?@0-9A-Za-z周 ]{0,24}") {
        match Schedule::parse(&text, "Europe/Berlin") {
            Ok((schedule, warnings)) => {
                prop_assert!(schedule.next_after(at("2026-01-01T00:00:00Z")).is_some());
                for warning in warnings {
                    prop_assert!(text.get(warning.span).is_some());
                }
            }
            Err(fault) => prop_assert!(text.get(fault.span).is_some()),
        }
    }

    #[test]
    fn slots_go_forward_through_shifts(text in expression(), start in 0..366 * 86_400_i64) {
        let Ok((schedule, _)) = Schedule::parse(&text, "America/New_York") else { return Ok(()) };
        let mut last = Timestamp::from_second(BIRTH + start).unwrap();
        for _ in 0..12 {
            let Some(next) = schedule.next_after(last) else { break };
            prop_assert!(next > last);
            // Asked from anywhere before it, the same slot comes.
            let middle = Timestamp::from_second(i64::midpoint(last.as_second(), next.as_second())).unwrap();
            if middle < next {
                prop_assert_eq!(schedule.next_after(middle), Some(next));
            }
            last = next;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn counting_days_is_counting_slots(
        text in expression(),
        start in 0..366 * 86_400_i64,
        days in 1..12_i64,
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"]),
    ) {
        let Ok((schedule, _)) = Schedule::parse(&text, zone) else { return Ok(()) };
        let start = Timestamp::from_second(BIRTH + start).unwrap();
        let Some(first) = schedule.next_after(start) else { return Ok(()) };
        let (mut last, mut count) = (first, 1);
        while let Some(next) = schedule.next_after(last).filter(|at| at.as_second() < first.as_second() + days * 86_400) {
            (last, count) = (next, count + 1);
        }
        prop_assert_eq!(schedule.count(first, last), count, "{} {} {}", text, zone, first);
    }
}

#[test]
fn slots_are_counted_through_shifts_of_the_clock() {
    let cases = [
        ("every minute of a year", "* * * * *", "UTC", 365 * 24 * 60),
        ("where the clock is shifted", "* * * * *", "Europe/Berlin", 365 * 24 * 60),
        ("where it is shifted at midnight", "*/5 * * * *", "Africa/Cairo", 365 * 24 * 12),
        ("a time that one night lacks", "30 2 * * *", "Europe/Berlin", 365),
        ("weekdays", "0 9 * * 1-5", "Asia/Shanghai", 261),
    ];
    for (name, text, zone, want) in cases {
        let schedule = schedule(text, zone);
        let (begin, end) = (at("2025-12-31T23:59:59Z"), at("2027-01-01T00:00:00Z"));
        let first = schedule.next_after(begin).unwrap();
        let mut last = schedule.next_after(at("2026-12-29T12:00:00Z")).unwrap();
        while let Some(next) = schedule.next_after(last).filter(|next| *next < end) {
            last = next;
        }
        assert_eq!(schedule.count(first, last), want, "{name}");
    }
}
