//! `[[maintenance]]`: times at which nobody is told, once or again and again.
//!
//! Local times are those of the agent's time zone. Where a clock is set back and a time comes twice, a
//! window begins with the first and ends with the second; a time that is skipped is the moment of the
//! change. How long a repeating window lasts is real time, whatever the clock does meanwhile.
//!
//! Invariant: no clock; instants are handed in. A window has its beginning and not its end.

use std::time::Duration;

use chrono::offset::LocalResult;
use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use jiff::{SignedDuration, Timestamp};

use super::alarm::{Maintenance, QuietHours, RouteFilter, Window};
use super::probes::{ProbeDraft, label, schedule};
use super::table::{Fields, Item};
use super::targets::TargetDraft;
use super::words::suggest_or_list;
use crate::domain::ids::ProbeId;
use crate::domain::incident::{Concern, Severity};
use crate::domain::target::Target;

impl Maintenance {
    /// Whether it is about this probe on this target.
    pub fn is_about(&self, probe: &ProbeId, target: &Target) -> bool {
        self.what.takes(Some((probe, target)), Concern::Outage, Severity::Outage)
    }

    /// Whether it is about everything, ourselves included.
    pub fn is_about_everything(&self) -> bool {
        self.what == RouteFilter::default()
    }
}

impl Window {
    /// Whether any part of it lies between two instants, both included.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        match self {
            Self::Once { from, until } => *from <= last && first < *until,
            Self::Repeating { schedule, lasts } => {
                let lasts = SignedDuration::try_from(*lasts).unwrap_or(SignedDuration::MAX);
                // The first that is not over yet at `first`.
                let begun = first.checked_sub(lasts).unwrap_or(Timestamp::MIN);
                schedule.next_after(begun).is_some_and(|begins| begins <= last)
            }
        }
    }

    /// Whether an instant lies inside it.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.overlaps(at, at)
    }
}

impl QuietHours {
    /// Whether it is quiet at an instant, in a time zone.
    pub fn covers(&self, at: Timestamp, timezone: &str) -> bool {
        let (Ok(zone), Some(at)) =
            (timezone.parse::<Tz>(), DateTime::<Utc>::from_timestamp(at.as_second(), 0))
        else {
            return false;
        };
        let now = at.with_timezone(&zone).num_seconds_from_midnight();
        let seconds = |time: jiff::civil::Time| {
            u32::try_from(time.duration_since(jiff::civil::Time::midnight()).as_secs()).unwrap_or_default()
        };
        let (from, until) = (seconds(self.from), seconds(self.until));
        if from < until { (from..until).contains(&now) } else { now >= from || now < until }
    }
}

/// Reads all windows.
pub(super) fn read(
    fields: &Fields<'_>,
    timezone: &str,
    targets: &[TargetDraft],
    probes: &[ProbeDraft],
) -> Vec<Maintenance> {
    let tables = fields.get("maintenance").map(|item| item.tables("a maintenance window"));
    let windows = tables.unwrap_or_default().into_iter().filter_map(|fields| {
        let name = fields.need("name", "write name = \"…\", as people will read it in mails");
        let name = name.and_then(|item| item.filled()).map(|text| text.value.to_owned());
        let what = what(&fields, targets, probes);
        let when = when(&fields, timezone);
        fields.finish();
        Some(Maintenance { name: name?, what: what?, when: when? })
    });
    windows.collect()
}

/// Which targets and probes.
fn what(fields: &Fields<'_>, targets: &[TargetDraft], probes: &[ProbeDraft]) -> Option<RouteFilter> {
    let mut filter = RouteFilter::default();
    let mut said = false;
    if let Some(item) = fields.get("targets") {
        said = true;
        let ids: Vec<_> = targets.iter().map(|draft| draft.target.id.as_str()).collect();
        filter.targets = known(&item, &ids, "target");
    }
    if let Some(item) = fields.get("probes") {
        said = true;
        let ids: Vec<_> = probes.iter().filter_map(|draft| draft.id.as_deref()).collect();
        filter.probes = known(&item, &ids, "probe");
    }
    let labels = fields.get("labels").and_then(|item| item.table("the labels of targets"));
    let labels = labels.map(|labels| labels.entries()).unwrap_or_default();
    for item in fields.get("region").into_iter().chain(labels) {
        said = true;
        if let Some(text) = label(&item, targets) {
            filter.labels.push((item.name.to_owned(), text.value.to_owned()));
        }
    }
    if !said {
        let hint =
            "write targets = [\"*\"] for all of them, targets = [\"…\"], region = \"…\" or probes = [\"…\"]";
        fields.reader.error(
            fields.span.clone(),
            "this window does not say what it is about",
            hint.to_owned(),
        );
        return None;
    }
    Some(filter)
}

/// One or more ids that have to exist; all of them for `*`, which is an empty list.
fn known(item: &Item<'_>, ids: &[&str], noun: &str) -> Vec<String> {
    let texts = item.one_or_more().unwrap_or_default();
    if texts.iter().any(|text| text.value == "*") {
        return Vec::new();
    }
    for text in texts.iter().filter(|text| !ids.contains(&text.value)) {
        let hint = suggest_or_list(text.value, ids, &format!("{noun}s"));
        text.error(format!("unknown {noun} `{}`", text.value), hint);
    }
    texts.iter().map(|text| text.value.to_owned()).collect()
}

/// `from` and `until`, or `schedule` and `lasts`.
fn when(fields: &Fields<'_>, timezone: &str) -> Option<Window> {
    let [from, until, cron, lasts] = ["from", "until", "schedule", "lasts"].map(|key| fields.get(key));
    match (from, until, cron, lasts) {
        (Some(from), Some(until), None, None) => {
            let begins = instant(&from, timezone, false);
            let ends = instant(&until, timezone, true);
            let (begins, ends) = (begins?, ends?);
            if begins >= ends {
                until
                    .error("this window ends before it begins", "put the later time into `until`".to_owned());
                return None;
            }
            Some(Window::Once { from: begins, until: ends })
        }
        (None, None, Some(cron), Some(lasts)) => {
            let cron = cron.filled().and_then(|text| schedule(&text, timezone));
            let lasts = lasts.duration(Duration::from_mins(1)..=Duration::from_hours(30 * 24));
            Some(Window::Repeating { schedule: cron?, lasts: lasts? })
        }
        _ => {
            let hint = "write from = 2026-12-24T22:00:00 and until = 2026-12-25T06:00:00, or \
                        schedule = \"0 22 * * sat\" and lasts = \"8h\"";
            let message = "a window has `from` and `until`, or `schedule` and `lasts`";
            fields.reader.error(fields.span.clone(), message, hint.to_owned());
            None
        }
    }
}

/// A local date and time, bare or as a text; one with an offset means what it says.
fn instant(item: &Item<'_>, timezone: &str, end: bool) -> Option<Timestamp> {
    let text = match item.date() {
        Some(text) => text,
        None => item.filled()?.value.to_owned(),
    };
    let civil = || text.parse::<jiff::civil::DateTime>().ok();
    let at = text.parse::<Timestamp>().ok().or_else(|| local(civil()?, timezone, end));
    if at.is_none() {
        let hint = "write 2026-12-24T22:00:00, in the time zone of [agent]".to_owned();
        item.error(format!("`{text}` is no date with a time"), hint);
    }
    at
}

/// The instant at which clocks show a time: the first or, for an end, the last one; the moment of the change
/// when they never do.
fn local(civil: jiff::civil::DateTime, timezone: &str, end: bool) -> Option<Timestamp> {
    let zone: Tz = timezone.parse().ok()?;
    let mut naive: NaiveDateTime = civil.strftime("%Y-%m-%dT%H:%M:%S").to_string().parse().ok()?;
    // No clock skips more than a day.
    for _ in 0..=24 * 60 {
        let at = match zone.from_local_datetime(&naive) {
            LocalResult::Single(at) => at,
            LocalResult::Ambiguous(first, last) => {
                if end {
                    last
                } else {
                    first
                }
            }
            LocalResult::None => {
                naive = naive.with_second(0)?.checked_add_signed(TimeDelta::minutes(1))?;
                continue;
            }
        };
        return Timestamp::from_second(at.timestamp()).ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::cron::Schedule;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn local_times_are_instants_whatever_the_clock_does() {
        let cases = [
            (
                "as usual",
                "2026-12-24T22:00:00",
                "Asia/Shanghai",
                "2026-12-24T14:00:00Z",
                "2026-12-24T14:00:00Z",
            ),
            (
                "skipped in spring",
                "2026-03-29T02:30:15",
                "Europe/Berlin",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "twice in autumn",
                "2026-10-25T02:30:00",
                "Europe/Berlin",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:30:00Z",
            ),
        ];
        for (name, civil, zone, from, until) in cases {
            let civil: jiff::civil::DateTime = civil.parse().unwrap();
            assert_eq!(local(civil, zone, false), Some(at(from)), "{name}, a beginning");
            assert_eq!(local(civil, zone, true), Some(at(until)), "{name}, an end");
        }
    }

    #[test]
    fn a_repeating_window_lasts_its_time_through_every_change_of_the_clock() {
        let nightly = |text: &str, hours| Window::Repeating {
            schedule: Schedule::parse(text, "Europe/Berlin").unwrap().0,
            lasts: Duration::from_hours(hours),
        };
        // From 1 to 5 on the clock are three hours in spring and five in autumn; the window has four.
        let night = nightly("0 1 * * *", 4);
        let cases = [
            ("before", "2026-06-01T22:59:59Z", false),
            ("its first second", "2026-06-01T23:00:00Z", true),
            ("its last second", "2026-06-02T02:59:59Z", true),
            ("its end", "2026-06-02T03:00:00Z", false),
            ("spring: it begins at 1", "2026-03-29T00:00:00Z", true),
            ("spring: it ends at 6, four hours later", "2026-03-29T03:59:59Z", true),
            ("spring: it is over", "2026-03-29T04:00:00Z", false),
            ("autumn: it begins at 1", "2026-10-24T23:00:00Z", true),
            ("autumn: the hour that comes twice is inside", "2026-10-25T01:30:00Z", true),
            ("autumn: it ends at 4, four hours later", "2026-10-25T02:59:59Z", true),
            ("autumn: it is over", "2026-10-25T03:00:00Z", false),
        ];
        for (name, instant, want) in cases {
            assert_eq!(night.covers(at(instant)), want, "{name}");
        }
        // What begins in the hour that spring skips begins right after it, and once in autumn.
        let skipped = nightly("30 2 * * *", 1);
        assert!(skipped.covers(at("2026-03-29T01:00:00Z")) && !skipped.covers(at("2026-03-29T02:00:00Z")));
        assert!(skipped.covers(at("2026-10-25T00:30:00Z")) && !skipped.covers(at("2026-10-25T01:30:00Z")));
        assert!(night.overlaps(at("2026-06-01T12:00:00Z"), at("2026-06-02T12:00:00Z")));
        assert!(!night.overlaps(at("2026-06-02T12:00:00Z"), at("2026-06-02T13:00:00Z")));
    }

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let quiet = |from: &str, until: &str| QuietHours {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            unless: Severity::Outage,
        };
        let night = quiet("22:00", "07:30");
        let noon = quiet("12:00", "14:00");
        let always = quiet("08:00", "08:00");
        let cases = [
            ("2026-06-01T13:59:59Z", [false, false, true]),
            ("2026-06-01T14:00:00Z", [true, false, true]),
            ("2026-06-01T23:29:59Z", [true, false, true]),
            ("2026-06-01T23:30:00Z", [false, false, true]),
            ("2026-06-01T04:00:00Z", [false, true, true]),
            ("2026-06-01T06:00:00Z", [false, false, true]),
        ];
        for (instant, want) in cases {
            let got = [night, noon, always].map(|quiet| quiet.covers(at(instant), "Asia/Shanghai"));
            assert_eq!(got, want, "{instant}");
        }
    }
}
