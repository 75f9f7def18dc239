//! Expectations: what must be true of a page, and what a page may say instead.

use std::time::Duration;

use super::diagnostic::Spot;
use super::duration;
use super::scope::Scope;
use super::table::{Fields, Item};
use super::words::suggest_or_list;
use crate::domain::outcome::Outcome;
use crate::domain::scenario::{Check, Expectation, FileExpectation, SeenRule, Sign};

/// The checks.
pub(super) const CHECKS: [&str; 12] = [
    "visible",
    "hidden",
    "text",
    "no_text",
    "title",
    "url",
    "status",
    "count",
    "value",
    "enabled",
    "downloaded",
    "no_console_error",
];

/// The signs of a `seen` rule.
pub(super) const SIGNS: [&str; 4] = ["text", "visible", "url", "title"];

/// The types that a downloaded file can be proven to have.
pub(super) const FILE_TYPES: [&str; 17] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "wps", "et", "ofd", "zip", "rar", "7z", "png", "jpg",
    "gif", "xml",
];

/// The shortest and longest time that an author may ask for.
pub(super) const TIMES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_hours(1);

impl Scope<'_> {
    /// Reads `expect = [{ … }]`.
    pub(super) fn expectations(&self, item: &Item<'_>) -> Vec<Expectation> {
        let tables = item.list("a list of tables").unwrap_or_default();
        tables.iter().filter_map(|item| self.expectation(item)).collect()
    }

    fn expectation(&self, item: &Item<'_>) -> Option<Expectation> {
        let fields = item.table("an expectation")?;
        let at = self.reader.source.pos(fields.span.start);
        let within = self.within(&fields);
        let check = self.check(fields)?;
        Some(Expectation { check, within, at })
    }

    /// Reads `within` of an action or an expectation: no longer than its step's.
    pub(super) fn within(&self, fields: &Fields<'_>) -> Option<Duration> {
        let item = fields.get("within")?;
        let within = item.duration(TIMES)?;
        if within > self.limit {
            let message = format!("this may take longer than its step ({})", duration::show(self.limit));
            item.error(message, "shorten it, or lengthen `within` of the step".to_owned());
        }
        Some(within)
    }

    /// Reads the one check of a table, and reports what does not belong there.
    pub(super) fn check(&self, fields: Fields<'_>) -> Option<Check> {
        let item = fields.only(&CHECKS, &["within", "in", "of"], "expectation")?;
        fields.led_by(&item);
        let check = match item.name {
            "visible" => self.locator(&item).map(Check::Visible),
            "hidden" => self.locator(&item).map(Check::Hidden),
            "enabled" => self.locator(&item).map(Check::Enabled),
            "text" | "no_text" => {
                let inside = fields.get("in").map(|item| self.locator(&item));
                let text = item.text().and_then(|text| self.matching(&text, false));
                match (text, inside, item.name) {
                    (None, ..) | (_, Some(None), _) => None,
                    (Some(text), inside, "text") => Some(Check::Text { text, inside: inside.flatten() }),
                    (Some(text), inside, _) => Some(Check::NoText { text, inside: inside.flatten() }),
                }
            }
            "title" => item.text().and_then(|text| self.matching(&text, false)).map(Check::Title),
            "url" => item.text().and_then(|text| self.matching(&text, true)).map(Check::Url),
            "status" => status(&item).map(Check::Status),
            "count" => {
                let count = item.integer(0..=100_000).and_then(|count| u32::try_from(count).ok());
                let of = self.of(&fields, "count");
                of.zip(count).map(|(of, count)| Check::Count { of, count })
            }
            "value" => {
                let value = item.text().and_then(|text| self.matching(&text, false));
                let of = self.of(&fields, "value");
                of.zip(value).map(|(of, value)| Check::Value { of, value })
            }
            "downloaded" if item.is_table() => file(&item).map(Check::Downloaded),
            "downloaded" => yes(&item).map(|()| Check::Downloaded(FileExpectation::default())),
            _ => yes(&item).map(|()| Check::NoConsoleError),
        };
        fields.finish();
        check
    }

    fn of(&self, fields: &Fields<'_>, check: &str) -> Option<crate::domain::locator::Locator> {
        let hint = format!("write {{ {check} = …, of = \"css=…\" }}");
        fields.need("of", &hint).and_then(|item| self.locator(&item))
    }

    /// Reads `seen = [{ … }]`.
    pub(super) fn seen(&self, item: &Item<'_>) -> Vec<SeenRule> {
        let tables = item.list("a list of tables").unwrap_or_default();
        tables.iter().filter_map(|item| self.seen_rule(item)).collect()
    }

    fn seen_rule(&self, item: &Item<'_>) -> Option<SeenRule> {
        let fields = item.table("a `seen` rule")?;
        let at = self.reader.source.pos(fields.span.start);
        let outcome = fields.need("outcome", "write outcome = \"must_go_to_window\" or another outcome");
        let outcome = outcome.and_then(|item| outcome_of(&item));
        let sign = fields.only(&SIGNS, &["outcome"], "sign");
        let sign = sign.and_then(|item| match item.name {
            "visible" => self.locator(&item).map(Sign::Visible),
            "text" => item.text().and_then(|text| self.matching(&text, false)).map(Sign::Text),
            "title" => item.text().and_then(|text| self.matching(&text, false)).map(Sign::Title),
            _ => item.text().and_then(|text| self.matching(&text, true)).map(Sign::Url),
        });
        if sign.is_some() {
            fields.finish();
        }
        Some(SeenRule { sign: sign?, outcome: outcome?, at })
    }

    /// Where an item stands.
    pub(super) fn spot(&self, item: &Item<'_>) -> Spot {
        self.reader.source.spot(item.span())
    }
}

/// An outcome that an author may name.
pub(super) fn outcome_of(item: &Item<'_>) -> Option<Outcome> {
    let text = item.text_like("the name of an outcome")?;
    let ours = [Outcome::NotReached, Outcome::BlockedByPolicy, Outcome::ProbeFault];
    match Outcome::from_name(text.value) {
        Some(outcome) if ours.contains(&outcome) => {
            let hint = "it says something about ourselves, not about a page".to_owned();
            text.error(format!("`{outcome}` cannot be named here"), hint);
            None
        }
        Some(outcome) => Some(outcome),
        None => {
            let names: Vec<_> =
                Outcome::ALL.iter().filter(|outcome| !ours.contains(outcome)).map(|o| o.name()).collect();
            let hint = suggest_or_list(text.value, &names, "outcomes");
            text.error(format!("unknown outcome `{}`", text.value), hint);
            None
        }
    }
}

/// `status = 200` or `status = [200, 304]`.
fn status(item: &Item<'_>) -> Option<Vec<u16>> {
    let items = if item.is_list() { item.list("a list of numbers")? } else { vec![item.clone()] };
    if items.is_empty() {
        item.error("`status` has no number", None);
        return None;
    }
    items.iter().map(|item| item.integer(100..=599).and_then(|n| u16::try_from(n).ok())).collect()
}

/// `no_console_error = true`.
fn yes(item: &Item<'_>) -> Option<()> {
    match item.boolean() {
        Some(true) => Some(()),
        Some(false) => {
            item.error(format!("`{}` can only be true", item.name), "leave it out instead".to_owned());
            None
        }
        None => None,
    }
}

/// `{ type = "pdf", min_size = 1000, opens = true }`.
pub(super) fn file(item: &Item<'_>) -> Option<FileExpectation> {
    let fields = item.table("what is expected of a file")?;
    let types: Vec<_> = FILE_TYPES.iter().map(|name| (*name, *name)).collect();
    let kind = fields.get("type").and_then(|item| item.choice(&types)).map(str::to_owned);
    let min_size = fields.get("min_size").and_then(|item| item.integer(0..=1_000_000_000));
    let opens = fields.get("opens").and_then(|item| item.boolean()).unwrap_or(false);
    fields.finish();
    Some(FileExpectation { kind, min_size: min_size.and_then(|size| u64::try_from(size).ok()), opens })
}
