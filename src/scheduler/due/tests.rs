//! What is due, as a table of sentences.

use proptest::prelude::*;

use super::super::fixtures::{at, clock_face, probe, target, visit};
use super::*;

fn pair(schedule: &str, jitter: u64) -> Pair {
    let target = target("city");
    Pair { probe: probe("home", visit(), schedule, jitter, &[&target]), target }
}

/// Name, schedule, last slot, now, due, overdue, next.
type Case<'a> = (&'a str, &'a str, &'a str, &'a str, Option<&'a str>, &'a [&'a str], &'a str);

#[test]
fn what_was_slept_through_never_comes_as_a_burst() {
    let quarter = "*/15 * * * *";
    let cases: [Case<'_>; 11] = [
        ("nothing yet", quarter, "12:00:00", "12:14:59", None, &[], "12:15:00"),
        ("on the dot", quarter, "12:00:00", "12:15:00", Some("12:15:00"), &[], "12:30:00"),
        ("a little late", quarter, "12:00:00", "12:15:20", Some("12:15:00"), &[], "12:30:00"),
        ("at the end of its grace", quarter, "12:00:00", "12:22:30", Some("12:15:00"), &[], "12:30:00"),
        ("past its grace", quarter, "12:00:00", "12:22:31", None, &["12:15:00"], "12:30:00"),
        (
            "slept an hour",
            quarter,
            "12:00:00",
            "13:01:00",
            Some("13:00:00"),
            &["12:15:00", "12:30:00", "12:45:00"],
            "13:15:00",
        ),
        (
            "slept an hour, awake between slots",
            quarter,
            "12:00:00",
            "12:59:00",
            None,
            &["12:15:00", "12:30:00", "12:45:00"],
            "13:00:00",
        ),
        (
            "the clock went back an hour: nothing twice",
            quarter,
            "12:00:00",
            "11:00:00",
            None,
            &[],
            "12:15:00",
        ),
        (
            "a rare slot has ten minutes",
            "0 */6 * * *",
            "06:00:00",
            "12:10:00",
            Some("12:00:00"),
            &[],
            "18:00:00",
        ),
        ("and no more", "0 */6 * * *", "06:00:00", "12:10:01", None, &["12:00:00"], "18:00:00"),
        (
            "each second, a moment late",
            "* * * * * *",
            "12:00:00",
            "12:00:02.400",
            Some("12:00:02"),
            &["12:00:01"],
            "12:00:03",
        ),
    ];
    for (name, schedule, last, now, due, overdue, next) in cases {
        let got = pair(schedule, 0).catch_up(at(last), at(now));
        let face = |slot: &Slot| clock_face(slot.at);
        assert_eq!(got.due.as_ref().map(face).as_deref(), due, "{name}: due");
        assert_eq!(got.overdue.iter().map(face).collect::<Vec<_>>(), overdue, "{name}: overdue");
        assert_eq!(got.next.as_ref().map(face).as_deref(), Some(next), "{name}: next");
        assert_eq!(got.unlisted, None, "{name}");
    }
}

#[test]
fn a_schedule_that_is_over_has_no_next_slot() {
    let pair = pair("0 0 13 22 11 * 2026", 0);
    assert_eq!(pair.slot_after(at("13:00:00")), None);
    let got = pair.catch_up(at("12:00:00"), at("13:05:00"));
    assert_eq!((got.due.map(|slot| slot.at), got.next), (Some(at("13:00:00")), None));
}

#[test]
fn after_a_month_away_the_newest_thousand_slots_are_listed_and_the_others_counted() {
    let pair = pair("* * * * *", 0);
    let last = Timestamp::from_second(at("12:00:00").as_second() - 30 * 86_400).unwrap();
    let got = pair.catch_up(last, at("12:00:40"));
    // 12:00 itself missed its half minute of grace.
    assert_eq!(got.due, None);
    assert_eq!(got.overdue.len(), LISTED);
    assert_eq!(got.overdue.last().map(|slot| slot.at), Some(at("12:00:00")));
    assert!(got.overdue.windows(2).all(|two| two[1].at.as_second() - two[0].at.as_second() == 60));
    let older = got.unlisted.unwrap();
    let seconds = |slot: Slot| slot.at.as_second();
    assert_eq!(seconds(older.first), last.as_second() + 60);
    assert_eq!(seconds(older.last) + 60, got.overdue[0].at.as_second());
    assert_eq!(older.count, 30 * 24 * 60 - 1000);
    assert_eq!(got.next.map(|slot| slot.at), Some(at("12:01:00")));
}

#[test]
fn no_slot_falls_between_those_that_are_listed_and_those_that_are_counted() {
    let pair = pair("* * * * *", 20);
    // Name, slots, seconds after the newest tick; how many run, are listed, are counted.
    let cases = [
        ("as many as are listed", 1000, 58, (0, 1000, 0)),
        ("and one that runs", 1001, 21, (1, 1000, 0)),
        ("one more, and none runs", 1001, 58, (0, 1000, 1)),
        ("one more, and one runs", 1002, 21, (1, 1000, 1)),
        ("two more", 1002, 58, (0, 1000, 2)),
        ("three more", 1003, 58, (0, 1000, 3)),
        ("a year", 365 * 24 * 60, 58, (0, 1000, 365 * 24 * 60 - 1000)),
    ];
    for (name, slots, after, want) in cases {
        let newest = at("12:00:00").as_second();
        let last = pair.slot_after(Timestamp::from_second(newest - slots * 60 - 1).unwrap()).unwrap().at;
        let got = pair.catch_up(last, Timestamp::from_second(newest + after).unwrap());
        let counted = got.unlisted.map_or(0, |older| older.count);
        assert_eq!((usize::from(got.due.is_some()), got.overdue.len(), counted), want, "{name}");
        if let Some(Stretch { first, last: end, count }) = got.unlisted {
            assert_eq!(Some(first), pair.slot_after(last), "{name}");
            assert_eq!(pair.slot_after(end.at).map(|slot| slot.at), Some(got.overdue[0].at), "{name}");
            assert_eq!(count == 1, first == end, "{name}");
        }
    }
}

#[test]
fn a_clock_that_was_years_ahead_does_not_silence_a_probe() {
    let now = at("12:00:00");
    let cases = [
        ("before", at("11:00:00"), at("11:00:00")),
        ("an hour ahead", at("13:00:00"), at("13:00:00")),
        ("far ahead", at("14:00:01"), now),
    ];
    for (name, last, want) in cases {
        assert_eq!(resume_from(last, now), want, "{name}");
    }
}

#[test]
fn delays_are_fixed_and_spread() {
    let two_minutes = Duration::from_mins(2);
    let of = |probe: &str, target: &str, tick: &str| {
        delay(&ProbeId::new(probe), &TargetId::new(target), at(tick), two_minutes)
    };
    assert_eq!(of("a", "b", "12:00:00"), of("a", "b", "12:00:00"));
    assert_ne!(of("a", "b", "12:00:00"), of("a", "b", "12:15:00"));
    assert_ne!(of("a", "b", "12:00:00"), of("ab", "", "12:00:00"));
    let mut quarters = [0; 4];
    for n in 0..400 {
        let delay = of("a", &format!("t{n}"), "12:00:00");
        assert!(delay < two_minutes);
        quarters[usize::try_from(delay.as_secs() / 30).unwrap()] += 1;
    }
    assert!(quarters.iter().all(|n| (60..140).contains(n)), "{quarters:?}");
}

proptest! {
    /// However the wake-ups fall, each slot is given out once, in order.
    #[test]
    fn every_slot_is_accounted_for_once(
        jitter in 0..400_u64,
        naps in prop::collection::vec(1..4000_i64, 1..40),
    ) {
        let pair = pair("*/5 * * * *", jitter);
        let start = at("00:00:00");
        let (mut now, mut last) = (start, start);
        let mut seen = Vec::new();
        for nap in naps {
            now = Timestamp::from_second(now.as_second() + nap).unwrap();
            let got = pair.catch_up(last, now);
            seen.extend(got.overdue.iter().chain(got.due.as_ref()).map(|slot| slot.at));
            last = seen.last().copied().unwrap_or(last);
            prop_assert!(got.next.is_some_and(|next| next.at > now));
        }
        let mut want = Vec::new();
        let mut next = pair.slot_after(start);
        while let Some(slot) = next.filter(|slot| slot.at <= now) {
            want.push(slot.at);
            next = pair.slot_after(slot.at);
        }
        prop_assert_eq!(seen, want);
    }
}
