//! CSV: every indicator of every target, a line each, for statistics programs.
//!
//! Invariant: column names are English in every language, so that scripts go on working; what is absent
//! is empty. Texts are disarmed as everywhere (`store/csv.rs`).

use std::io::{Result, Write};

use super::Dossier;
use super::say;
use super::view::View;
use crate::domain::coding::Settling;
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::Source;
use crate::score::card::{Interval, State, Value};
use crate::store::csv::{Cell, record};

/// The columns.
const COLUMNS: [&str; 20] = [
    "target",
    "name",
    "region",
    "indicator",
    "parent",
    "title",
    "state",
    "score",
    "low",
    "high",
    "coverage",
    "n",
    "weight",
    "kind",
    "value",
    "seen",
    "source",
    "settled",
    "reliable",
    "rank",
];

/// Writes the table. The row of a target's total has the indicator `total`.
pub fn csv(dossier: &Dossier, out: &mut dyn Write) -> Result<()> {
    let view = View::of(dossier);
    record(out, &COLUMNS.map(Cell::Text))?;
    for card in &dossier.assessment.cards {
        let (name, region) = (view.target(&card.target.id), View::region(card));
        let head = [Cell::Text(card.target.id.as_str()), Cell::Text(&name), text(&region)];
        let rank = Cell::number(card.rank);
        let [low, high] = ends(card.interval);
        let state = if card.total.is_some() { State::Scored } else { State::Unobserved };
        let title = view.pick("总分", "Total");
        let n: u64 = card.nodes.iter().filter(|node| node.depth == 0).map(|node| node.n).sum();
        let mut row = head.to_vec();
        row.extend([
            Cell::Text("total"),
            Cell::Empty,
            Cell::Text(title),
            Cell::Text(state_name(state)),
            decimal(card.total, 4),
            low,
            high,
            Cell::Decimal(card.coverage, 2),
            count(n),
        ]);
        row.extend([Cell::Empty; 7]);
        row.push(rank);
        record(out, &row)?;
        for node in &card.nodes {
            let profile = view.node(&node.id);
            let title = profile.map(|node| view.name_of(&node.id)).unwrap_or_default();
            let seen = profile.map(|profile| say::seen(&view, node, profile)).unwrap_or_default();
            let (kind, value, word) = raw(node.value.as_ref());
            let [low, high] = ends(node.interval);
            let reliable = dossier.assessment.reliability.get(&node.id);
            let mut row = head.to_vec();
            row.extend([
                Cell::Text(node.id.as_str()),
                Cell::maybe(node.parent.as_ref().map(IndicatorId::as_str)),
                text(&title),
                Cell::Text(state_name(node.state)),
                decimal(node.score, 4),
                low,
                high,
                Cell::Decimal(node.coverage, 2),
                count(node.n),
                Cell::Decimal(node.weight, 4),
                Cell::maybe(kind),
                word.map_or_else(|| decimal(value, 4), Cell::Text),
                text(&seen),
                Cell::maybe(node.source.map(source_name)),
                Cell::maybe(node.settled.map(settling_name)),
                reliable.map_or(Cell::Empty, |found| Cell::Truth(!found.is_unreliable())),
                Cell::Empty,
            ]);
            record(out, &row)?;
        }
    }
    Ok(())
}

fn text(text: &str) -> Cell<'_> {
    Cell::maybe(Some(text).filter(|text| !text.is_empty()))
}

fn decimal(value: Option<f64>, digits: u8) -> Cell<'static> {
    value.map_or(Cell::Empty, |value| Cell::Decimal(value, digits))
}

fn count(n: u64) -> Cell<'static> {
    Cell::Number(i64::try_from(n).unwrap_or(i64::MAX))
}

fn ends(interval: Option<Interval>) -> [Cell<'static>; 2] {
    [decimal(interval.map(|interval| interval.low), 4), decimal(interval.map(|interval| interval.high), 4)]
}

/// The kind of a value, and the value: percent of a share, seconds, faults of the home page, a number or
/// a word. Steps have no single value.
fn raw(value: Option<&Value>) -> (Option<&'static str>, Option<f64>, Option<&str>) {
    match value {
        None => (None, None, None),
        Some(Value::Share { good, of, .. }) => {
            let share = (*of > 0).then(|| 100.0 * *good as f64 / *of as f64);
            (Some("share"), share, None)
        }
        Some(Value::Seconds { seconds, .. }) => (Some("seconds"), Some(*seconds), None),
        Some(Value::Faults { home, elsewhere }) => (Some("faults"), Some(home + elsewhere), None),
        Some(Value::Steps { .. }) => (Some("steps"), None, None),
        Some(Value::Number { number }) => (Some("number"), Some(*number), None),
        Some(Value::Word { word }) => (Some("word"), None, Some(word)),
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Scored => "scored",
        State::NotApplicable => "not_applicable",
        State::Unobserved => "unobserved",
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Visits => "visits",
        Source::Steps => "steps",
        Source::Links => "links",
        Source::Tls => "tls",
        Source::Viewport => "viewport",
        Source::Ipv6 => "ipv6",
        Source::Accessible => "accessible",
        Source::Downloads => "downloads",
        Source::Coded => "coded",
    }
}

fn settling_name(how: Settling) -> &'static str {
    match how {
        Settling::Single => "single",
        Settling::Agreed => "agreed",
        Settling::ThirdCoder => "third_coder",
        Settling::Disputed => "disputed",
    }
}
