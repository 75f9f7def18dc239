//! `[alert]`, and `alert = { … }` of a probe: when incidents open, close and are repeated.
//!
//! Invariant: what a probe does not say holds for it as for all.

use std::time::Duration;

use super::table::{Fields, Item};
use crate::domain::incident::{AlertRules, Threshold};

/// The longest time by which something may be believed.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Reads `[alert]`.
pub(super) fn read(fields: &Fields<'_>) -> AlertRules {
    let mut rules = AlertRules::default();
    let Some(fields) = fields.get("alert").and_then(|item| item.table("[alert]")) else {
        return rules;
    };
    shared(&fields, &mut rules);
    if let Some(item) = fields.get("wave")
        && let Some(wave) = item.integer(0..=1000).and_then(|n| u32::try_from(n).ok())
    {
        if wave == 1 {
            item.error("one target is no wave", "write 0 for never, or at least 2".to_owned());
        }
        rules.wave = wave;
    }
    fields.finish();
    rules
}

/// Reads a probe's own rules; `rules` are those of all.
pub(super) fn of_probe(fields: &Fields<'_>, mut rules: AlertRules) -> AlertRules {
    if let Some(fields) = fields.get("alert").and_then(|item| item.table("a probe's `alert`")) {
        shared(&fields, &mut rules);
        fields.finish();
    }
    rules
}

fn shared(fields: &Fields<'_>, rules: &mut AlertRules) {
    let read = |key| fields.get(key).and_then(|item| threshold(&item));
    rules.confirm = read("confirm").unwrap_or(rules.confirm);
    rules.recover = read("recover").unwrap_or(rules.recover);
    if let Some(item) = fields.get("remind") {
        let never = item.is_text() && item.text().is_some_and(|text| text.value == "never");
        rules.remind = if never {
            None
        } else {
            item.duration(Duration::from_mins(1)..=Duration::from_hours(30 * 24)).or(rules.remind)
        };
    }
    if let Some(flapping) = fields.get("flapping").and_then(|item| item.boolean()) {
        rules.flapping = flapping;
    }
    let gather =
        fields.get("gather").and_then(|item| item.duration(Duration::ZERO..=Duration::from_mins(30)));
    rules.gather = gather.unwrap_or(rules.gather);
}

/// `2`, `"10m"` or `{ runs = 3, time = "10m" }`.
fn threshold(item: &Item<'_>) -> Option<Threshold> {
    let count = |item: &Item<'_>| item.integer(1..=20).and_then(|n| u32::try_from(n).ok());
    let time = |item: &Item<'_>| item.duration(Duration::from_secs(1)..=LONGEST);
    if item.is_text() {
        // Two runs at least: one has no duration.
        return time(item).map(|time| Threshold { runs: 2, time: Some(time) });
    }
    if !item.is_table() {
        return count(item).map(Threshold::runs);
    }
    let fields = item.table("a threshold")?;
    let runs = fields.need("runs", "write { runs = 3, time = \"10m\" }").and_then(|item| count(&item));
    let time = fields.need("time", "write { runs = 3, time = \"10m\" }").and_then(|item| time(&item));
    fields.finish();
    Some(Threshold { runs: runs?, time: Some(time?) })
}
