//! Conditions of vetoes and findings.
//!
//! ```toml
//! when = { indicator = "H2", is = ["mail", "window"] }
//! when = { indicator = "T1", value = { at_most = 95 }, at_least_n = 140 }
//! when = { indicator = "H", score = { at_least = 90 } }
//! when = { indicator = "H1", outcome = ["must_go_to_window"] }
//! when = { all = [ …, … ] }      # any = [ … ], not = { … }
//! ```
//!
//! Figures can be asked for their value, or for yes and no, although they are not scored: a finding may
//! need what no score is made of.
//!
//! Invariant: a condition that comes out asks nothing that its indicator can never answer.

use super::super::expectation::outcome_of;
use super::super::table::{Fields, Item, Text};
use super::super::words::suggest_or_list;
use super::tree::{Known, What};
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{Bounds, Condition, Formula, Leaf, Source};

/// What a missing condition could look like.
pub(super) const EXAMPLE: &str = "write when = { indicator = \"T1\", value = { at_most = 95 } }";

/// The ways to join conditions, and the way to ask one.
const FORMS: [&str; 4] = ["all", "any", "not", "indicator"];
/// What can be asked of an indicator.
const TESTS: [&str; 4] = ["is", "value", "score", "outcome"];
/// What may stand beside the forms.
const COMPANIONS: [&str; 5] = ["is", "value", "score", "outcome", "at_least_n"];

/// Reads a condition. [`None`] when it has faults.
pub(super) fn read(item: &Item<'_>, known: &Known) -> Option<Condition> {
    let fields = item.table("a condition")?;
    let form = fields.only(&FORMS, &COMPANIONS, "condition")?;
    fields.led_by(&form);
    let condition = match form.name {
        "all" => many(&form, known).map(Condition::All),
        "any" => many(&form, known).map(Condition::Any),
        "not" => read(&form, known).map(|inner| Condition::Not(Box::new(inner))),
        _ => return ask(fields, &form, known),
    };
    fields.finish();
    condition
}

fn many(item: &Item<'_>, known: &Known) -> Option<Vec<Condition>> {
    let items = item.list("a list of conditions")?;
    if items.is_empty() {
        item.error(format!("`{}` is empty", item.name), EXAMPLE.to_owned());
        return None;
    }
    // All of them are read before any is missed, so that each fault is said.
    let read: Vec<_> = items.iter().map(|item| read(item, known)).collect();
    read.into_iter().collect()
}

/// Reads what is asked of an indicator.
fn ask(fields: Fields<'_>, form: &Item<'_>, known: &Known) -> Option<Condition> {
    let named = form.filled().and_then(|text| named(&text, known));
    let test = fields.only(&TESTS, &["indicator", "at_least_n"], "test")?;
    let enough = fields.get("at_least_n");
    fields.finish();
    if let Some(item) = enough.as_ref().filter(|_| test.name != "value") {
        let hint = "only a `value` waits until enough was seen; take it away".to_owned();
        item.reader.error(item.key.clone(), format!("`{}` takes no `at_least_n`", test.name), hint);
    }
    let at_least_n = enough.and_then(|item| item.integer(0..=1_000_000_000)).unwrap_or_default();
    match test.name {
        "is" => is(&test, named),
        "value" => value(&test, named, at_least_n.unsigned_abs()),
        "score" => {
            let within = bounds(&test, Some(100.0));
            let (indicator, what) = named?;
            if says_figure(&test, &indicator, what) {
                return None;
            }
            Some(Condition::Score { indicator, within: within? })
        }
        _ => outcome(&test, named),
    }
}

/// Finds the indicator that a text names.
fn named<'k>(text: &Text<'_>, known: &'k Known) -> Option<(IndicatorId, &'k What)> {
    match (IndicatorId::parse(text.value), known.get(text.value)) {
        // The id has a fault of its own.
        (None, Some(_)) => None,
        (Some(id), Some(what)) => Some((id, what)),
        (_, None) => {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            let hint = suggest_or_list(text.value, &names, "indicators");
            text.error(format!("there is no indicator `{}`", text.value), hint);
            None
        }
    }
}

/// Says that only a leaf can be asked so; answers whether it had to.
fn says_parent(test: &Item<'_>, indicator: &IndicatorId, what: &What) -> bool {
    let parent = matches!(what, What::Parent);
    if parent {
        let message = format!("`{indicator}` has indicators below it, and no `{}` of its own", test.name);
        let hint = "ask for its score = { … }, or for an indicator below it".to_owned();
        test.reader.error(test.key.clone(), message, hint);
    }
    parent
}

/// Says that a figure has no points and no outcomes; answers whether it had to.
fn says_figure(test: &Item<'_>, indicator: &IndicatorId, what: &What) -> bool {
    let figure = matches!(what, What::Figure);
    if figure {
        let message = format!("`{indicator}` is a figure, and has no `{}`", test.name);
        let hint = "ask for its value = { … }, or for is = \"yes\" or is = \"no\"".to_owned();
        test.reader.error(test.key.clone(), message, hint);
    }
    figure
}

/// What to ask instead of the value, for leaves that have none that is a number.
fn instead_of_value(what: &What) -> Option<String> {
    let What::Leaf(leaf) = what else { return None };
    match &leaf.formula {
        Formula::Steps => Some("ask for its score = { … } or its outcome = [ … ]".to_owned()),
        Formula::Choice(_) => Some("ask for its words: is = [ … ]".to_owned()),
        Formula::YesNo { .. } if leaf.sources == [Source::Coded] => {
            Some("ask for its words: is = [\"yes\"] or is = [\"no\"]".to_owned())
        }
        _ => None,
    }
}

fn formula_name(leaf: &Leaf) -> &'static str {
    match leaf.formula {
        Formula::Steps => "steps",
        Formula::Share(_) => "share",
        Formula::Percentile { .. } => "percentile",
        Formula::Deduct { .. } => "deduct",
        Formula::Linear(_) => "linear",
        Formula::YesNo { .. } => "yes_no",
        Formula::Choice(_) => "choice",
    }
}

/// `value = { at_most = 95 }`
fn value(test: &Item<'_>, named: Option<(IndicatorId, &What)>, at_least_n: u64) -> Option<Condition> {
    let within = bounds(test, None);
    let (indicator, what) = named?;
    if let (What::Leaf(leaf), Some(hint)) = (what, instead_of_value(what)) {
        let message = format!("`{indicator}` ({}) has no value that is a number", formula_name(leaf));
        test.reader.error(test.key.clone(), message, hint);
        return None;
    }
    if says_parent(test, &indicator, what) {
        return None;
    }
    Some(Condition::Value { indicator, within: within?, at_least_n })
}

/// `is = ["mail", "window"]`
fn is(test: &Item<'_>, named: Option<(IndicatorId, &What)>) -> Option<Condition> {
    let texts = test.one_or_more()?;
    if texts.is_empty() {
        test.error("`is` is empty", "write is = [\"no\"], or other words of the indicator".to_owned());
        return None;
    }
    let (indicator, what) = named?;
    let words: Vec<&str> = match what {
        What::Figure => vec!["yes", "no"],
        What::Leaf(leaf) => match &leaf.formula {
            Formula::Choice(choices) => choices.iter().map(|choice| choice.word.as_str()).collect(),
            // Of a fact that was looked at often: what it was more often.
            Formula::YesNo { .. } => vec!["yes", "no"],
            _ => {
                let message = format!("`{indicator}` ({}) has no words", formula_name(leaf));
                let hint =
                    "indicators with `choice` or `yes_no` have words, and figures have yes and no".to_owned();
                test.reader.error(test.key.clone(), message, hint);
                return None;
            }
        },
        What::Parent | What::Faulty => {
            says_parent(test, &indicator, what);
            return None;
        }
    };
    let mut good = true;
    for text in texts.iter().filter(|text| !words.contains(&text.value)) {
        let message = format!("`{indicator}` knows no word `{}`", text.value);
        text.error(message, suggest_or_list(text.value, &words, "words"));
        good = false;
    }
    let words = texts.iter().map(|text| text.value.to_owned()).collect();
    good.then_some(Condition::Is { indicator, words })
}

/// `outcome = ["must_go_to_window"]`
fn outcome(test: &Item<'_>, named: Option<(IndicatorId, &What)>) -> Option<Condition> {
    let items = if test.is_text() { vec![test.clone()] } else { test.list("a list of outcomes")? };
    if items.is_empty() {
        test.error("`outcome` is empty", "write outcome = [\"must_go_to_window\"]".to_owned());
        return None;
    }
    let outcomes: Vec<_> = items.iter().map(outcome_of).collect();
    let (indicator, what) = named?;
    match what {
        What::Leaf(leaf) if leaf.formula == Formula::Steps => {}
        What::Leaf(leaf) => {
            let message = format!("`{indicator}` ({}) has no outcomes", formula_name(leaf));
            let hint = "indicators with steps = true have outcomes".to_owned();
            test.reader.error(test.key.clone(), message, hint);
            return None;
        }
        _ => {
            let _ = says_parent(test, &indicator, what) || says_figure(test, &indicator, what);
            return None;
        }
    }
    let outcomes = outcomes.into_iter().collect::<Option<Vec<_>>>()?;
    Some(Condition::Outcome { indicator, outcomes })
}

/// `{ at_least = 0, above = 0, at_most = 0, below = 0 }`, one or two of them.
fn bounds(item: &Item<'_>, highest: Option<f64>) -> Option<Bounds> {
    let fields = item.table("a range")?;
    let range = highest.map_or(f64::MIN..=f64::MAX, |highest| 0.0..=highest);
    let mut bad = false;
    let mut bound = |key| {
        let item = fields.get(key)?;
        let number = item.number(range.clone());
        bad |= number.is_none();
        number
    };
    let bounds = Bounds {
        at_least: bound("at_least"),
        above: bound("above"),
        at_most: bound("at_most"),
        below: bound("below"),
    };
    let empty = fields.entries().is_empty();
    fields.finish();
    let hint =
        "write { at_least = 60 }, { above = 60 }, { at_most = 95 } or { below = 95 }, or one of each side";
    let low = [bounds.at_least, bounds.above].into_iter().flatten().fold(f64::NEG_INFINITY, f64::max);
    let high = [bounds.at_most, bounds.below].into_iter().flatten().fold(f64::INFINITY, f64::min);
    let closed = bounds.above.is_none() && bounds.below.is_none();
    if empty {
        item.error(format!("`{}` has no bound", item.name), hint.to_owned());
        return None;
    }
    if !bad && (low > high || (low >= high && !closed)) {
        item.error(format!("no number lies inside this `{}`", item.name), hint.to_owned());
        return None;
    }
    (!bad).then_some(bounds)
}
