//! The tree of indicators: flat rows that name what they are below (`of`) become nodes.
//!
//! Invariant: every row is a node exactly once or has a fault; the recursion is over rows that are
//! known to hang on the first level, so a loop cannot make it run for ever.

use std::collections::BTreeMap;

use super::super::table::{Fields, Item, Text};
use super::super::words::{listed, suggest_or_list};
use super::{formula, fresh, tables, words};
use crate::domain::indicator::IndicatorId;
use crate::domain::profile::{Figure, Leaf, Node, NodeKind, Words};

/// How many levels a tree may have.
const DEEPEST: usize = 8;
/// The largest weight. Only what siblings have against each other counts, so nobody needs more.
const HEAVIEST: f64 = 1_000_000.0;

/// What conditions may ask for: every id of the file, right or wrong, with what is below it.
pub(super) type Known = BTreeMap<String, What>;

/// What an id of the profile is.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// An indicator with others below it.
    Parent,
    /// An indicator that is measured.
    Leaf(Leaf),
    /// A number that is not scored.
    Figure,
    /// Something with a fault of its own.
    Faulty,
}

/// What came of the rows.
pub(super) struct Grown<'a> {
    /// The hundred.
    pub tree: Vec<Node>,
    /// What earns the bonus.
    pub bonus: Option<BonusTree<'a>>,
    /// What conditions may ask for.
    pub known: Known,
}

/// What earns the bonus.
pub(super) struct BonusTree<'a> {
    /// Its nodes.
    pub tree: Vec<Node>,
    /// The first `bonus = true` of the file.
    pub first: Item<'a>,
}

/// One `[[indicator]]`.
struct Row<'a> {
    id: Text<'a>,
    parsed: Option<IndicatorId>,
    title: Words,
    weight: f64,
    of: Option<Text<'a>>,
    assumed: Option<Words>,
    bonus: Option<Item<'a>>,
    measured: Option<formula::Measured<'a>>,
}

/// Reads an indicator's id; the text is there also when it is none.
pub(super) fn indicator_id<'a>(item: &Item<'a>) -> Option<(Option<IndicatorId>, Text<'a>)> {
    let text = item.filled()?;
    let id = IndicatorId::parse(text.value);
    if id.is_none() {
        // Large and small letters are what people mix up.
        let lower = text.value.to_lowercase();
        let better = lower.get(..1).zip(lower.get(1..));
        let better =
            better.and_then(|(head, rest)| IndicatorId::parse(&format!("{}{rest}", head.to_uppercase())));
        let hint = match better {
            Some(better) => format!("did you mean `{better}`?"),
            None => "an id is a capital letter, up to two digits, and parts behind dots: T, T1, T4.ipv6"
                .to_owned(),
        };
        text.error(format!("`{}` is no id of an indicator", text.value), hint);
    }
    Some((id, text))
}

/// Reads all rows and hangs them together.
pub(super) fn read<'a>(fields: &Fields<'a>, figures: &[(Figure, Text<'a>)]) -> Grown<'a> {
    let hint = "write [[indicator]] with id, title, weight and how it is measured";
    let item = fields.need("indicator", hint);
    let tables = item.as_ref().map(|item| tables(item, "an indicator")).unwrap_or_default();
    if let Some(item) = item.filter(|item| item.is_list() && tables.is_empty()) {
        item.error("a profile needs at least one indicator", hint.to_owned());
    }
    let mut ids = BTreeMap::new();
    let rows: Vec<Row<'a>> = tables.into_iter().filter_map(|fields| row(fields, &mut ids)).collect();
    for (_, id) in figures {
        fresh(&mut ids, id, "indicators or figures");
    }
    let forest = Forest::new(rows, figures);
    forest.check();
    forest.grow(figures)
}

fn row<'a>(fields: Fields<'a>, ids: &mut BTreeMap<&'a str, u32>) -> Option<Row<'a>> {
    let id = fields.need("id", "write id = \"T1\"").and_then(|item| indicator_id(&item));
    let title = fields.need("title", "write title = { zh = \"…\", en = \"…\" }");
    let title = title.and_then(|item| words(&item)).map(|both| both.words);
    let hint = "write weight = 20: what counts is how the weights of neighbours stand to each other";
    let weight = fields.need("weight", hint).and_then(|item| {
        let weight = item.number(0.0..=HEAVIEST)?;
        if weight <= 0.0 {
            let hint = "take the indicator out if it does not count, or make it a [[figure]]".to_owned();
            item.error("`weight` must be above 0", hint);
        }
        Some(weight)
    });
    let of = fields.get("of").and_then(|item| item.filled());
    let assumed = fields.get("assumed").and_then(|item| words(&item)).map(|both| both.words);
    let bonus = fields.get("bonus").filter(|item| item.boolean() == Some(true));
    let measured = formula::read(&fields);
    fields.finish();
    let (parsed, text) = id?;
    if !fresh(ids, &text, "indicators or figures") {
        return None;
    }
    if let (Some(_), Some(bonus)) = (&of, &bonus) {
        let hint = "write it into the indicator of the first level; all below it belongs to the bonus then";
        bonus.error("`bonus` belongs to the first level", hint.to_owned());
    }
    Some(Row {
        id: text,
        parsed,
        title: title.unwrap_or_default(),
        weight: weight.unwrap_or(1.0),
        of,
        assumed,
        bonus,
        measured,
    })
}

/// Rows, with who is below whom.
struct Forest<'a> {
    rows: Vec<Row<'a>>,
    /// What each row is below; absent at the first level, and where `of` names nothing.
    parent: Vec<Option<usize>>,
    /// What is below each row, in file order.
    below: Vec<Vec<usize>>,
}

impl<'a> Forest<'a> {
    fn new(rows: Vec<Row<'a>>, figures: &[(Figure, Text<'a>)]) -> Self {
        let places: BTreeMap<&str, usize> =
            rows.iter().enumerate().map(|(i, row)| (row.id.value, i)).collect();
        let mut parent = vec![None; rows.len()];
        let mut below = vec![Vec::new(); rows.len()];
        for (i, row) in rows.iter().enumerate() {
            let Some(of) = &row.of else { continue };
            if let Some(place) = places.get(of.value) {
                parent[i] = Some(*place);
                below[*place].push(i);
            } else if figures.iter().any(|(_, id)| id.value == of.value) {
                let hint = "a figure is not scored, and nothing is below it; name an indicator".to_owned();
                of.error(format!("`{}` is a figure", of.value), hint);
            } else {
                let names: Vec<_> = places.keys().copied().filter(|name| *name != row.id.value).collect();
                let hint = suggest_or_list(of.value, &names, "indicators");
                of.error(format!("there is no indicator `{}`", of.value), hint);
            }
        }
        Self { rows, parent, below }
    }

    /// The rows above one, nearest first; ends where a row comes again.
    fn above(&self, row: usize) -> Vec<usize> {
        let mut chain = Vec::new();
        let mut here = row;
        while let Some(parent) = self.parent[here] {
            chain.push(parent);
            if parent == row || chain.len() > self.rows.len() {
                break;
            }
            here = parent;
        }
        chain
    }

    fn check(&self) {
        for (i, row) in self.rows.iter().enumerate() {
            let chain = self.above(i);
            if chain.contains(&i) {
                // Said once for each loop, at its first row.
                if chain.iter().all(|other| *other >= i) {
                    self.tell_loop(i, &chain);
                }
                continue;
            }
            if let Some(of) = row.of.as_ref().filter(|_| chain.len() == DEEPEST) {
                of.error(format!("a tree has at most {DEEPEST} levels"), None);
            }
            match (&row.measured, self.below[i].as_slice()) {
                (Some(measured), [first, ..]) => {
                    let child = &self.rows[*first].id;
                    let line = child.reader.source.pos(child.span.start).line;
                    let message = format!("`{}` has a formula, and indicators below it", row.id.value);
                    let hint = format!(
                        "take `{}` away, or the `of` of `{}` on line {line}",
                        measured.key.name, child.value
                    );
                    measured.key.reader.error(measured.key.key.clone(), message, hint);
                }
                (None, []) => {
                    let message =
                        format!("`{}` says neither how it is measured nor what is below it", row.id.value);
                    let hint = format!(
                        "write one of {} here, or of = \"{}\" into the indicators below it",
                        listed(&formula::NAMES),
                        row.id.value
                    );
                    row.id.error(message, hint);
                }
                _ => {}
            }
        }
    }

    fn tell_loop(&self, start: usize, chain: &[usize]) {
        let mut names = vec![self.rows[start].id.value];
        names.extend(chain.iter().map(|row| self.rows[*row].id.value));
        if let Some(of) = &self.rows[start].of {
            let hint = "one of them belongs to the first level, or below another indicator".to_owned();
            of.error(format!("these indicators lie inside each other: {}", names.join(" → ")), hint);
        }
    }

    fn grow(mut self, figures: &[(Figure, Text<'a>)]) -> Grown<'a> {
        let mut known: Known = figures.iter().map(|(_, id)| (id.value.to_owned(), What::Figure)).collect();
        for (i, row) in self.rows.iter().enumerate() {
            let what = match &row.measured {
                None if self.below[i].is_empty() => What::Faulty,
                None => What::Parent,
                Some(measured) => measured.leaf.clone().map_or(What::Faulty, What::Leaf),
            };
            known.insert(row.id.value.to_owned(), what);
        }
        let roots: Vec<_> = (0..self.rows.len()).filter(|i| self.rows[*i].of.is_none()).collect();
        let (extra, main): (Vec<_>, Vec<_>) = roots.into_iter().partition(|i| self.rows[*i].bonus.is_some());
        if let Some(first) = extra.first().filter(|_| main.is_empty()) {
            let hint = "without indicators beside it there is no total to add a bonus to".to_owned();
            self.rows[*first].id.error("every indicator of the first level is a bonus", hint);
        }
        let first = extra.first().and_then(|i| self.rows[*i].bonus.clone());
        let tree = self.nodes(&main, 0);
        let bonus = first.map(|first| BonusTree { tree: self.nodes(&extra, 0), first });
        Grown { tree, bonus, known }
    }

    fn nodes(&mut self, rows: &[usize], depth: usize) -> Vec<Node> {
        if depth > DEEPEST {
            return Vec::new();
        }
        rows.iter().filter_map(|row| self.node(*row, depth)).collect()
    }

    fn node(&mut self, row: usize, depth: usize) -> Option<Node> {
        let below = std::mem::take(&mut self.below[row]);
        let children = self.nodes(&below, depth + 1);
        let row = &self.rows[row];
        let kind = match &row.measured {
            Some(measured) => NodeKind::Leaf(measured.leaf.clone()?),
            None => NodeKind::Parent(children),
        };
        Some(Node {
            id: row.parsed.clone()?,
            title: row.title.clone(),
            weight: row.weight,
            assumed: row.assumed.clone(),
            kind,
        })
    }
}
