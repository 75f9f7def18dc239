//! The fields of a schedule, read by crontab's rules.
//!
//! Invariant: what comes out is sets of numbers in crontab's numbering (Sunday is 0), each inside
//! its field's limits and none empty; every fault and warning knows its place in the text.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use super::{CronFault, CronWarning};

/// What one field counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unit {
    name: &'static str,
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const SECOND: Unit = Unit { name: "second", min: 0, max: 59, names: &[] };
const MINUTE: Unit = Unit { name: "minute", min: 0, max: 59, names: &[] };
const HOUR: Unit = Unit { name: "hour", min: 0, max: 23, names: &[] };
const DAY: Unit = Unit { name: "day of month", min: 1, max: 31, names: &[] };
const MONTH: Unit = Unit {
    name: "month",
    min: 1,
    max: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAY: Unit =
    Unit { name: "weekday", min: 0, max: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
/// The `cron` crate counts no further.
const YEAR: Unit = Unit { name: "year", min: 1970, max: 2100, names: &[] };

/// How day of month and weekday go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// A day has to fit both fields (one of them begins with `*`).
    Both,
    /// A day has to fit one of them.
    Either,
}

/// One field.
#[derive(Debug, Clone)]
struct Field {
    unit: Unit,
    text: String,
    span: Range<usize>,
    values: BTreeSet<u32>,
    /// Whether it begins with `*`, which is what crontab calls unrestricted.
    star: bool,
}

/// All of them; the second is 0 and the year any when they are not written.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    second: Option<Field>,
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
    year: Option<Field>,
}

/// A word of the text with its place.
struct Word<'a> {
    text: &'a str,
    start: usize,
}

impl Word<'_> {
    fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

fn fault(message: impl Into<String>, hint: impl Into<String>, span: Range<usize>) -> CronFault {
    CronFault { message: message.into(), hint: Some(hint.into()), span }
}

impl Fields {
    /// Reads a whole expression.
    pub(super) fn parse(text: &str) -> Result<(Self, Vec<CronWarning>), CronFault> {
        let words = words(text);
        let mut warnings = Vec::new();
        if let Some(first) = words.first().filter(|word| word.text.starts_with('@')) {
            let expression = nickname(first, &words)?;
            let (mut fields, _) = Self::parse(expression)?;
            for field in [&mut fields.minute, &mut fields.hour, &mut fields.day] {
                field.span = first.span();
            }
            for field in [&mut fields.month, &mut fields.weekday] {
                field.span = first.span();
            }
            return Ok((fields, warnings));
        }
        let (second, rest, year) = match words.as_slice() {
            rest @ [_, _, _, _, _] => (None, rest, None),
            [second, rest @ ..] if rest.len() == 5 => (Some(second), rest, None),
            [second, rest @ .., year] if rest.len() == 5 => (Some(second), rest, Some(year)),
            other => {
                return Err(fault(
                    match other.len() {
                        0 => "the schedule is empty".to_owned(),
                        1 => "a schedule has 5 fields, this has 1".to_owned(),
                        n => format!("a schedule has 5 fields (6 with seconds, 7 with a year), this has {n}"),
                    },
                    "write `minute hour day-of-month month weekday`, such as `*/15 8-21 * * *`",
                    0..text.len(),
                ));
            }
        };
        let quartz = second.is_some();
        let mut field = |unit, word: &Word<'_>| Field::parse(unit, word, quartz, &mut warnings);
        let fields = Self {
            second: second.map(|word| field(SECOND, word)).transpose()?,
            minute: field(MINUTE, &rest[0])?,
            hour: field(HOUR, &rest[1])?,
            day: field(DAY, &rest[2])?,
            month: field(MONTH, &rest[3])?,
            weekday: field(WEEKDAY, &rest[4])?,
            year: year.map(|word| field(YEAR, word)).transpose()?,
        };
        fields.warn_of_days(quartz, &mut warnings);
        fields.warn_of_weekdays(quartz, &mut warnings);
        warnings.sort_by_key(|warning| warning.span.start);
        Ok((fields, warnings))
    }

    /// How day of month and weekday go together: crontab wants either when both are restricted.
    pub(super) fn days(&self) -> Days {
        if self.day.star || self.weekday.star { Days::Both } else { Days::Either }
    }

    /// Whether the expression follows the wall clock through shifts: Vixie cron says so of every
    /// expression whose minute or hour begins with `*`.
    pub(super) fn follows_clock(&self) -> bool {
        self.minute.star || self.hour.star
    }

    /// The expression in the crate's words: 7 fields, Sunday is 1. Of day of month and weekday
    /// only those asked for are restricted.
    pub(super) fn expression(&self, day: bool, weekday: bool) -> String {
        let any = || "*".to_owned();
        let weekdays = self.weekday.values.iter().map(|day| day + 1).collect::<BTreeSet<_>>();
        [
            self.second.as_ref().map_or_else(|| "0".to_owned(), |field| list(&field.values)),
            list(&self.minute.values),
            list(&self.hour.values),
            if day { list(&self.day.values) } else { any() },
            list(&self.month.values),
            if weekday && weekdays.len() < 7 { list(&weekdays) } else { any() },
            self.year.as_ref().filter(|field| field.text != "*").map_or_else(any, |f| list(&f.values)),
        ]
        .join(" ")
    }

    /// Says why an expression has no slot.
    pub(super) fn never_fires(&self, text: &str) -> CronFault {
        let longest = self.month.values.iter().map(|month| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        });
        let longest = longest.max().unwrap_or(31);
        if self.day.values.iter().all(|day| *day > longest) {
            return fault(
                format!("this never runs: no chosen month has a day {}", self.day.text),
                format!("the longest chosen month has {longest} days"),
                self.day.span.start..self.month.span.end.max(self.day.span.end),
            );
        }
        match &self.year {
            Some(year) if year.text != "*" => fault(
                format!("this never runs: no day of {} from now on fits", year.text),
                "leave the year out, or name one that is to come",
                year.span.clone(),
            ),
            _ => fault("this never runs", "no day fits all of its fields", 0..text.len()),
        }
    }

    fn warn_of_days(&self, quartz: bool, warnings: &mut Vec<CronWarning>) {
        let (day, weekday) = (&self.day, &self.weekday);
        if day.is_any() || weekday.is_any() {
            return;
        }
        let elsewhere = if quartz { "; the `cron` crate would want both" } else { "" };
        let (reading, hint) = match self.days() {
            Days::Either => (
                format!("fit either, as in crontab{elsewhere}"),
                "write `*` for the one that is not meant; for days that fit both there is no expression"
                    .to_owned(),
            ),
            Days::Both => (
                "fit both, because crontab takes a field that begins with `*` for unrestricted".to_owned(),
                "write the days out, such as `1-31/2`, to run on days that fit either".to_owned(),
            ),
        };
        warnings.push(CronWarning {
            message: format!(
                "day of month `{}` and weekday `{}` are both given: this runs on days that {reading}",
                day.text, weekday.text
            ),
            hint: Some(hint),
            span: day.span.start..weekday.span.end,
        });
    }

    fn warn_of_weekdays(&self, quartz: bool, warnings: &mut Vec<CronWarning>) {
        let numeric =
            self.weekday.text.bytes().any(|b| b.is_ascii_digit()) && !self.weekday.text.starts_with('*');
        if !(quartz && numeric) {
            return;
        }
        // Monday first: so people list a week.
        let week = [1, 2, 3, 4, 5, 6, 0].into_iter().filter(|day| self.weekday.values.contains(day));
        let names = week.map(|day| WEEKDAY.names[day as usize]).collect::<Vec<_>>().join(",");
        warnings.push(CronWarning {
            message: format!(
                "weekday `{}` is read as in crontab, where 1 is Monday and 0 and 7 are Sunday; Quartz counts Sunday as 1",
                self.weekday.text
            ),
            hint: Some(format!("write names to leave no doubt: `{names}`")),
            span: self.weekday.span.clone(),
        });
    }
}

impl Field {
    fn parse(
        unit: Unit,
        word: &Word<'_>,
        quartz: bool,
        warnings: &mut Vec<CronWarning>,
    ) -> Result<Self, CronFault> {
        let mut field = Self {
            unit,
            text: word.text.to_owned(),
            span: word.span(),
            values: BTreeSet::new(),
            star: word.text.starts_with(['*', '?']),
        };
        if word.text == "?" && (unit == DAY || unit == WEEKDAY) {
            if !quartz {
                return Err(fault("`?` is not known in crontab", "write `*`", word.span()));
            }
            "*".clone_into(&mut field.text);
        }
        let mut start = word.start;
        for text in field.text.clone().split(',') {
            field.item(&Word { text, start }, warnings)?;
            start += text.len() + 1;
        }
        Ok(field)
    }

    /// Whether it is a plain `*`.
    fn is_any(&self) -> bool {
        self.text == "*"
    }

    /// Reads one item of the list: `*`, `5`, `MON`, `1-5`, each with a step or without.
    fn item(&mut self, word: &Word<'_>, warnings: &mut Vec<CronWarning>) -> Result<(), CronFault> {
        let unit = self.unit;
        let (range, step) = match word.text.split_once('/') {
            None => (word.text, None),
            Some((range, step)) => {
                let at = word.start + range.len() + 1;
                (range, Some(self.step(&Word { text: step, start: at }, word)?))
            }
        };
        // 7 is another name of Sunday: an open range ends before it, or Sunday would come twice.
        let last = if unit == WEEKDAY { 6 } else { unit.max };
        let (low, high) = if range == "*" {
            (unit.min, last)
        } else if let Some((from, to)) = range.split_once('-') {
            let low = self.value(&Word { text: from, start: word.start })?;
            let end = Word { text: to, start: word.start + from.len() + 1 };
            let high = match self.value(&end)? {
                // SAT-SUN: a week ends with Sunday as well as it begins with it.
                0 if unit == WEEKDAY && low > 0 => 7,
                high => high,
            };
            if low > high {
                return Err(fault(
                    format!("the range `{range}` runs backwards"),
                    format!(
                        "write it as two ranges: `{from}-{},{}-{to}`",
                        unit.label(last, from),
                        unit.label(unit.min, from)
                    ),
                    word.start..word.start + range.len(),
                ));
            }
            (low, high)
        } else {
            let low = self.value(&Word { text: range, start: word.start })?;
            match step {
                None => (low, low),
                Some(step) => {
                    warnings.push(CronWarning {
                        message: format!(
                            "`{}` is read as `{range}-{}/{step}`",
                            word.text,
                            unit.label(last, range)
                        ),
                        hint: Some("crontab wants a range before a step; write the range".to_owned()),
                        span: word.span(),
                    });
                    (if unit == WEEKDAY { low % 7 } else { low }, last)
                }
            }
        };
        let step = step.unwrap_or(1);
        if step > high - low && step > 1 {
            warnings.push(CronWarning {
                message: format!("`{}` fits only the {} {}", word.text, unit.name, unit.label(low, "")),
                hint: Some(format!(
                    "a step counts inside one field; {} goes up to {last}",
                    unit.with_article()
                )),
                span: word.span(),
            });
        }
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        let fold = |value: u32| if unit == WEEKDAY { value % 7 } else { value };
        self.values.extend((low..=high).step_by(step).map(fold));
        Ok(())
    }

    /// Reads the number behind `/`.
    fn step(&self, word: &Word<'_>, item: &Word<'_>) -> Result<u32, CronFault> {
        let step = word.text.parse::<u32>().ok().filter(|_| word.text.bytes().all(|b| b.is_ascii_digit()));
        match step {
            Some(0) => {
                Err(fault("a step of 0 never gets anywhere", "write a step of 1 or more", word.span()))
            }
            Some(step) => Ok(step),
            None => Err(fault(
                format!("`{}` is not a step of {}", word.text, self.unit.name),
                "write a whole number behind the `/`, such as `*/15`",
                if word.text.is_empty() { item.span() } else { word.span() },
            )),
        }
    }

    /// Reads a number or a name.
    fn value(&self, word: &Word<'_>) -> Result<u32, CronFault> {
        let unit = self.unit;
        if word.text.is_empty() {
            return Err(fault(
                format!("{} is missing in `{}`", unit.with_article(), self.text),
                unit.limits(),
                self.span.clone(),
            ));
        }
        if word.text.bytes().all(|b| b.is_ascii_digit()) {
            return match word.text.parse::<u32>() {
                Ok(value) if (unit.min..=unit.max).contains(&value) => Ok(value),
                _ => {
                    let year = unit == WEEKDAY && word.text.len() == 4;
                    Err(fault(
                        format!("there is no {} {}", unit.name, word.text),
                        if year {
                            "with 6 fields the first is the second; a year needs all 7".to_owned()
                        } else {
                            unit.limits()
                        },
                        word.span(),
                    ))
                }
            };
        }
        if let Some(at) = unit.names.iter().position(|name| name.eq_ignore_ascii_case(word.text)) {
            return Ok(unit.min + u32::try_from(at).unwrap_or(0));
        }
        let upper = word.text.to_ascii_uppercase();
        let longer = unit.names.iter().find(|name| upper.starts_with(**name));
        let hint = match longer {
            Some(name) if upper.bytes().all(|b| b.is_ascii_alphabetic()) => format!("write `{name}`"),
            _ if matches!(unit, DAY | WEEKDAY) && upper.contains(['L', 'W', '#']) => {
                "`L`, `W` and `#` are not read; write the days out".to_owned()
            }
            _ => unit.limits(),
        };
        Err(fault(format!("`{}` is not {}", word.text, unit.with_article()), hint, word.span()))
    }
}

impl Unit {
    /// Its name behind the article that it is spoken with.
    fn with_article(self) -> String {
        let article = if self.name.starts_with("hour") { "an" } else { "a" };
        format!("{article} {}", self.name)
    }

    /// What may be written, as a hint.
    fn limits(self) -> String {
        let mut text = format!("{} is {}-{}", self.with_article(), self.min, self.max);
        if let [first, .., last] = self.names {
            let _ = match self {
                WEEKDAY => write!(text, " (0 and 7 are Sunday) or SUN, MON … {last}"),
                _ => write!(text, " or {first} … {last}"),
            };
        }
        text
    }

    /// A value as people write it: as a number when `like` is one.
    fn label(self, value: u32, like: &str) -> String {
        let index = usize::try_from(value.saturating_sub(self.min)).unwrap_or(usize::MAX);
        match self.names.get(index) {
            Some(name) if !like.starts_with(|c: char| c.is_ascii_digit()) => (*name).to_owned(),
            _ => value.to_string(),
        }
    }
}

/// The words of a text with their places.
fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if c.is_whitespace() {
            if let Some(start) = start.take() {
                words.push(Word { text: &text[start..at], start });
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    words
}

/// The expression that a nickname stands for.
fn nickname(word: &Word<'_>, words: &[Word<'_>]) -> Result<&'static str, CronFault> {
    let known = "known are `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly`";
    let expression = match word.text.to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@reboot" => return Err(fault("`@reboot` names no time", known, word.span())),
        _ => return Err(fault(format!("unknown schedule `{}`", word.text), known, word.span())),
    };
    match words.get(1) {
        None => Ok(expression),
        Some(more) => Err(fault(
            format!("nothing may follow `{}`", word.text),
            "write either the name or the fields",
            more.span(),
        )),
    }
}

/// Numbers as the crate reads them.
fn list(values: &BTreeSet<u32>) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
