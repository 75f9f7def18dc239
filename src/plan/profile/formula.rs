//! How a leaf is measured: its one formula, where its value comes from, and its scale.
//!
//! Invariant: a leaf that comes out has sources that its formula can be made of, points from 0 to 100,
//! and corners whose values rise.

use super::super::table::{Fields, Item};
use super::super::words::{listed, quoted, suggest_or_list};
use super::words;
use crate::domain::profile::{Choice, Formula, Leaf, Pieces, Scale, Source};

/// The keys that are formulas.
pub(super) const NAMES: [&str; 7] = ["steps", "share", "percentile", "deduct", "linear", "yes_no", "choice"];

/// Sources by their names.
const SOURCES: [(&str, Source); 9] = [
    ("visits", Source::Visits),
    ("steps", Source::Steps),
    ("links", Source::Links),
    ("tls", Source::Tls),
    ("viewport", Source::Viewport),
    ("ipv6", Source::Ipv6),
    ("accessible", Source::Accessible),
    ("downloads", Source::Downloads),
    ("coded", Source::Coded),
];

/// The most corners and choices.
const MOST: usize = 100;

/// A formula as it stands in the file.
pub(super) struct Measured<'a> {
    /// Its key.
    pub key: Item<'a>,
    /// The leaf; absent when it has faults.
    pub leaf: Option<Leaf>,
}

/// Reads the formula of an indicator, with `from` and `scale`; nothing when it has none.
pub(super) fn read<'a>(fields: &Fields<'a>) -> Option<Measured<'a>> {
    let mut found: Vec<_> = NAMES.into_iter().filter_map(|name| fields.get(name)).collect();
    found.sort_by_key(|item| item.key.start);
    let (from, scale) = (fields.get("from"), fields.get("scale"));
    let mut found = found.into_iter();
    let Some(key) = found.next() else {
        for item in [from, scale].into_iter().flatten() {
            let message = format!("`{}` stands without a formula", item.name);
            let hint = format!("write one of {} beside it, or take it away", listed(&NAMES));
            item.reader.error(item.key, message, hint);
        }
        return None;
    };
    if let Some(second) = found.next() {
        let message = format!("`{}` and `{}` in one indicator", key.name, second.name);
        second.reader.error(second.key, message, "make two indicators of it, each with a weight".to_owned());
        return Some(Measured { key, leaf: None });
    }
    let formula = formula(&key);
    let sources = match (&from, &formula) {
        (Some(item), _) => sources(item, &key),
        (None, Some(formula)) => Some(usual(formula).to_vec()),
        (None, None) => None,
    };
    if let (Some(Formula::Deduct { elsewhere, .. }), Some(sources)) = (&formula, &sources)
        && *elsewhere > 0.0
        && !sources.contains(&Source::Links)
    {
        let hint = "only links stand elsewhere than on the home page: write from = [\"links\"]".to_owned();
        key.error("`elsewhere` needs the source `links`", hint);
    }
    let scale = match (&scale, &formula) {
        (Some(item), _) => read_scale(item, formula.as_ref()),
        (None, Some(formula)) => Some(natural(formula)),
        (None, None) => None,
    };
    let leaf = formula.zip(sources).zip(scale);
    let leaf = leaf.map(|((formula, sources), scale)| Leaf { sources, formula, scale });
    Some(Measured { key, leaf })
}

/// What a formula can be made of, by its name.
fn fitting(name: &str) -> &'static [Source] {
    use Source::{Accessible, Coded, Downloads, Ipv6, Links, Steps, Tls, Viewport, Visits};
    match name {
        "steps" => &[Steps],
        "share" => &[Visits, Steps, Downloads, Tls, Viewport, Ipv6, Accessible],
        "percentile" => &[Visits, Steps],
        "deduct" => &[Links, Coded],
        "yes_no" => &[Tls, Viewport, Ipv6, Accessible, Downloads, Coded],
        _ => &[Coded],
    }
}

/// Where a formula's value comes from when the file does not say it.
fn usual(formula: &Formula) -> &'static [Source] {
    match formula {
        Formula::Steps => &[Source::Steps],
        Formula::Share(_) | Formula::Percentile { .. } => &[Source::Visits, Source::Steps],
        Formula::Deduct { elsewhere, .. } if *elsewhere > 0.0 => &[Source::Links],
        _ => &[Source::Coded],
    }
}

fn natural(formula: &Formula) -> Scale {
    match formula {
        Formula::YesNo { .. } => Scale::Nominal,
        Formula::Choice(_) => Scale::Ordinal,
        _ => Scale::Interval,
    }
}

/// `from = ["visits", "steps"]`
fn sources(item: &Item<'_>, key: &Item<'_>) -> Option<Vec<Source>> {
    let names = SOURCES.map(|(name, _)| name);
    let texts = item.one_or_more()?;
    if texts.is_empty() {
        item.error("`from` is empty", "take it away to have the usual sources".to_owned());
        return None;
    }
    let fits = fitting(key.name);
    let mut sources = Vec::new();
    let mut good = true;
    for text in &texts {
        let Some((_, source)) = SOURCES.iter().find(|(name, _)| *name == text.value) else {
            text.error(
                format!("unknown source `{}`", text.value),
                suggest_or_list(text.value, &names, "sources"),
            );
            good = false;
            continue;
        };
        if !fits.contains(source) {
            let known: Vec<_> =
                SOURCES.iter().filter(|(_, s)| fits.contains(s)).map(|(name, _)| *name).collect();
            let message = format!("`{}` cannot be made of `{}`", key.name, text.value);
            text.error(message, format!("it is made of {}", quoted(&known)));
            good = false;
        } else if sources.contains(source) {
            text.error(format!("`{}` stands twice", text.value), None);
            good = false;
        } else {
            sources.push(*source);
        }
    }
    good.then_some(sources)
}

/// `scale = "nominal"`
fn read_scale(item: &Item<'_>, formula: Option<&Formula>) -> Option<Scale> {
    let scales = [("nominal", Scale::Nominal), ("ordinal", Scale::Ordinal), ("interval", Scale::Interval)];
    let scale = item.choice(&scales)?;
    if scale == Scale::Interval && matches!(formula, Some(Formula::YesNo { .. } | Formula::Choice(_))) {
        let hint =
            "differences mean something between numbers only; write \"ordinal\" or \"nominal\"".to_owned();
        item.error("words have no interval scale", hint);
        return None;
    }
    Some(scale)
}

fn formula(key: &Item<'_>) -> Option<Formula> {
    match key.name {
        "steps" => yes(key, "true").then_some(Formula::Steps),
        "share" if key.is_list() => Some(Formula::Share(Some(pieces(key, "percent", 0.0..=100.0)?))),
        "share" => yes(key, "true or corners such as [[90, 0], [100, 100]]").then_some(Formula::Share(None)),
        "percentile" => percentile(key),
        "deduct" => deduct(key),
        "linear" => Some(Formula::Linear(pieces(key, "value", f64::MIN..=f64::MAX)?)),
        "yes_no" => yes_no(key),
        _ => choice(key),
    }
}

/// Whether the value is `true`; a fault when it is anything else.
fn yes(item: &Item<'_>, wanted: &str) -> bool {
    let hint = "take the key away if the indicator is measured otherwise".to_owned();
    if item.is_true() {
        return true;
    }
    if item.is_boolean() {
        item.error(format!("`{}` cannot be false", item.name), hint);
    } else {
        item.wrong(wanted, hint);
    }
    false
}

/// Points of 100.
fn points(item: &Item<'_>) -> Option<f64> {
    item.number(0.0..=100.0)
}

/// `[[90, 0], [100, 100]]`: what is measured, and the points for it.
fn pieces(item: &Item<'_>, what: &str, range: std::ops::RangeInclusive<f64>) -> Option<Pieces> {
    let example = format!("write [[…, 0], […, 100]]: a {what} and the points for it, values rising");
    let items = item.list("a list of corners such as [[90, 0], [100, 100]]")?;
    if items.is_empty() || items.len() > MOST {
        item.error(format!("`{}` must have from 1 to {MOST} corners", item.name), example);
        return None;
    }
    let mut corners: Vec<(f64, f64)> = Vec::new();
    let mut good = true;
    for corner in &items {
        let pair = corner.list("two numbers such as [90, 0]").unwrap_or_default();
        let [value, score] = pair.as_slice() else {
            if corner.is_list() {
                corner.error(format!("a corner of `{}` must be two numbers", item.name), example.clone());
            }
            good = false;
            continue;
        };
        let (Some(value), Some(score)) = (value.number(range.clone()), points(score)) else {
            good = false;
            continue;
        };
        if let Some((last, _)) = corners.last().filter(|(last, _)| *last >= value) {
            let message = format!("the corners of `{}` do not rise: {value} stands behind {last}", item.name);
            corner.error(message, "sort them by their first number, and write each once".to_owned());
            good = false;
        }
        corners.push((value, score));
    }
    good.then(|| Pieces::new(corners)).flatten()
}

/// `{ p = 75, pieces = [[3, 100], [10, 0]] }`
fn percentile(item: &Item<'_>) -> Option<Formula> {
    let fields = item.table("a percentile")?;
    let p = fields
        .need("p", "write p = 75: three quarters of the times are not longer")
        .and_then(|p| p.number(1.0..=99.0));
    let hint = "write pieces = [[3, 100], [10, 0]]: seconds, and the points for them";
    let pieces =
        fields.need("pieces", hint).and_then(|item| pieces(&item, "time in seconds", 0.0..=86_400.0));
    fields.finish();
    Some(Formula::Percentile { p: p?, pieces: pieces? })
}

/// `{ each = 1, elsewhere = 0.1, cap = 15, worth = 15 }`
fn deduct(item: &Item<'_>) -> Option<Formula> {
    let fields = item.table("a deduction")?;
    let amount = |key| fields.get(key).map(|item| item.number(0.0..=f64::MAX));
    let each = fields.need("each", "write each = 1: what is taken off for each fault");
    let each = each.and_then(|item| item.number(0.0..=f64::MAX));
    let elsewhere = amount("elsewhere").unwrap_or(Some(0.0));
    let worth = amount("worth").unwrap_or(Some(100.0));
    let cap = amount("cap").unwrap_or(worth);
    fields.finish();
    let (each, elsewhere, cap, worth) = (each?, elsewhere?, cap?, worth?);
    for (key, value) in [("worth", worth), ("cap", cap)] {
        if value <= 0.0 {
            item.error(format!("`{key}` must be above 0"), None);
            return None;
        }
    }
    if each + elsewhere <= 0.0 {
        item.error(
            "nothing is taken off for anything",
            "write each = 1, or another number above 0".to_owned(),
        );
        return None;
    }
    Some(Formula::Deduct { each, elsewhere, cap, worth })
}

/// `true`, or `{ yes = 0, no = 100 }`.
fn yes_no(item: &Item<'_>) -> Option<Formula> {
    if !item.is_table() {
        return yes(item, "true or { yes = 100, no = 0 }").then_some(Formula::YesNo { yes: 100.0, no: 0.0 });
    }
    let fields = item.table("the points for yes and no")?;
    let hint = "write { yes = 100, no = 0 }";
    let yes = fields.need("yes", hint).and_then(|item| points(&item));
    let no = fields.need("no", hint).and_then(|item| points(&item));
    fields.finish();
    Some(Formula::YesNo { yes: yes?, no: no? })
}

/// `[{ word = "mail", title = { … }, points = 50 }, …]`
fn choice(item: &Item<'_>) -> Option<Formula> {
    let example = "write [{ word = \"mail\", title = { zh = \"邮寄\", en = \"By mail\" }, points = 50 }, …]";
    let items = item.list("a list of words with points")?;
    if items.len() < 2 || items.len() > MOST {
        item.error(format!("`choice` must have from 2 to {MOST} words"), example.to_owned());
        return None;
    }
    let mut choices: Vec<Choice> = Vec::new();
    let mut good = true;
    for entry in &items {
        let Some(fields) = entry.table("a choice") else {
            good = false;
            continue;
        };
        let word = fields
            .need("word", "write word = \"mail\": what a coder writes down")
            .and_then(|item| item.filled());
        let title = fields.need("title", "write title = { zh = \"邮寄\", en = \"By mail\" }");
        let title = title.and_then(|item| words(&item)).map(|both| both.words);
        let points = fields.need("points", "write points = 50").and_then(|item| points(&item));
        fields.finish();
        let (Some(word), Some(title), Some(points)) = (word, title, points) else {
            good = false;
            continue;
        };
        let wrong = if word.value.eq_ignore_ascii_case("na") {
            Some("`na` means that the indicator does not apply; choose another word".to_owned())
        } else if word.value.trim() != word.value || word.value.chars().any(|c| c.is_control() || c == ',') {
            Some("a word has no blanks around it and no commas, so that it fits into a table".to_owned())
        } else if choices.iter().any(|choice| choice.word == word.value) {
            Some("each word is written once".to_owned())
        } else {
            None
        };
        if let Some(hint) = wrong {
            word.error(format!("`{}` cannot be a word to choose", word.value), hint);
            good = false;
            continue;
        }
        choices.push(Choice { word: word.value.to_owned(), title, points });
    }
    good.then_some(Formula::Choice(choices))
}
