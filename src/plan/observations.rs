//! Human observations from a table: what coders wrote down, and figures from elsewhere.
//!
//! Every fault of every row is listed, and a table with one is refused as a whole. An empty value is no row: what is
//! missing stays missing.
//!
//! Invariant: nothing here opens a file; whether a proof is there is asked of [`Files`], whose folder is the table's.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::diagnostic::{Faults, Severity};
use super::load::{FileFault, Files};
use super::sheet::{self, Cell, Column, Row};
use super::table::Reader;
use super::words::{closest, quoted, suggest_or_list};
use crate::domain::coding::{Coding, number};
use crate::domain::indicator::IndicatorId;
use crate::domain::language::Language;
use crate::domain::masks::Masks;
use crate::domain::profile::{Formula, Leaf, Node, NodeKind, Profile, Source, Words};
use crate::domain::target::Target;

/// The columns of a table, in the order of sheets. The last two are for the coder's eyes.
const COLUMNS: [Column; 11] = [
    Column { name: "coder", chinese: "编码员", needed: true },
    Column { name: "indicator", chinese: "指标", needed: true },
    Column { name: "target", chinese: "门户", needed: true },
    Column { name: "value", chinese: "值", needed: true },
    Column { name: "time", chinese: "时间", needed: false },
    Column { name: "note", chinese: "备注", needed: false },
    Column { name: "evidence", chinese: "证据", needed: false },
    Column { name: "source", chinese: "来源", needed: false },
    Column { name: "year", chinese: "年份", needed: false },
    Column { name: "title", chinese: "名称", needed: false },
    Column { name: "allowed", chinese: "可填", needed: false },
];

/// The first year that a figure may be about.
const FIRST_YEAR: i16 = 1990;

/// The most characters of a cell, by its column; of others this many.
const LONGEST: [(&str, usize); 2] = [("note", 2000), ("coder", 60)];
const LONG: usize = 300;

/// What observations are read against.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The targets of the configuration.
    pub targets: &'a [Arc<Target>],
    /// What may be coded, and by which words; without one every value is taken as it is.
    pub profile: Option<&'a Profile>,
    /// The time zone of times without one.
    pub zone: &'a TimeZone,
    /// Nothing was seen later.
    pub now: Timestamp,
    /// When things were seen that say no time of their own.
    pub time: Option<Timestamp>,
    /// Whether files of proof are there.
    pub files: &'a dyn Files,
}

/// An observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What was written, without its proof.
    pub coding: Coding,
    /// A file that shows it, seen from the table's folder.
    pub evidence: Option<PathBuf>,
}

/// Reads the text of a table.
///
/// # Errors
/// All faults of all rows.
pub fn read(file: &Path, text: &str, ground: &Ground<'_>) -> Result<Vec<Observation>, Faults> {
    let (source, out) = (sheet::source(file, text), RefCell::default());
    let table = Table { reader: Reader { source: &source, out: &out }, ground };
    let rows = sheet::rows(&source, &COLUMNS, &out);
    let found: Vec<(Observation, &Row)> =
        rows.iter().filter_map(|row| Some((table.observation(row)?, row))).collect();
    table.contradictions(&found);
    let found = found.into_iter().map(|(one, _)| one).collect();
    let diagnostics = out.into_inner();
    if diagnostics.iter().any(|one| one.severity == Severity::Error) {
        return Err(Faults::new(diagnostics));
    }
    Ok(found)
}

/// Reads when something was seen, as the column `time` has it.
///
/// # Errors
/// What is wrong, and what to do about it.
pub fn read_time(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, (String, String)> {
    sheet::read_time(text, zone, now)
}

struct Table<'a> {
    reader: Reader<'a>,
    ground: &'a Ground<'a>,
}

impl Table<'_> {
    fn error(&self, cell: &Cell, message: String, hint: impl Into<Option<String>>) {
        self.reader.error(cell.span.clone(), message, hint);
    }

    /// What a row says; `None` when it says nothing, or something wrong.
    fn observation(&self, row: &Row) -> Option<Observation> {
        let value = row.cell("value")?;
        // All of them are read, so that all faults of a row are told at once.
        let short = self.bearable(row);
        let coder = self.need(row, "coder", "say who saw it: a name or an initial");
        let indicator = self.need(row, "indicator", "say what about: an indicator such as H2");
        let indicator = indicator.and_then(|cell| self.indicator(cell));
        let target = self.need(row, "target", "say of which portal: its id in the configuration");
        let target = target.and_then(|cell| sheet::target(self.reader, cell, self.ground.targets));
        let at = self.time(row);
        let figure = self.figure(row, value);
        let good = indicator.as_ref().map(|id| self.value(id, value, row));
        let evidence = row.cell("evidence").map(|cell| self.evidence(cell));
        let (source, year) = figure?;
        let text = |name| row.cell(name).map(|cell| cell.text.clone()).unwrap_or_default();
        let coding = Coding {
            coder: coder?.text.clone(),
            indicator: indicator?,
            target: target?,
            value: value.text.clone(),
            at: at?,
            note: Masks::new().text(&text("note")).into_owned(),
            evidence: None,
            source,
            year,
        };
        (good? && short).then_some(())?;
        Some(Observation { coding, evidence: evidence.map_or(Some(None), |path| path.map(Some))? })
    }

    fn need<'r>(&self, row: &'r Row, name: &str, hint: &str) -> Option<&'r Cell> {
        let cell = row.cell(name);
        if cell.is_none() {
            self.reader.error(
                row.span.clone(),
                format!("the row has a value and no {name}"),
                hint.to_owned(),
            );
        }
        cell
    }

    /// Whether no cell is too long.
    fn bearable(&self, row: &Row) -> bool {
        let mut good = true;
        for column in &COLUMNS {
            let Some(cell) = row.cell(column.name) else { continue };
            let most = LONGEST.iter().find(|(name, _)| *name == column.name).map_or(LONG, |(_, most)| *most);
            if cell.text.chars().count() > most {
                self.error(
                    cell,
                    format!("this {} is too long", column.name),
                    format!("it may have {most} characters"),
                );
                good = false;
            }
        }
        good
    }

    fn indicator(&self, cell: &Cell) -> Option<IndicatorId> {
        let Some(id) = IndicatorId::parse(&cell.text) else {
            let hint =
                "an indicator is a capital letter with a number, such as H2 or I1.human-chat".to_owned();
            self.error(cell, format!("`{}` is no indicator", cell.text), hint);
            return None;
        };
        let Some(profile) = self.ground.profile else { return Some(id) };
        if profile.figures.iter().any(|figure| figure.id == id) {
            return Some(id);
        }
        let leaves = profile.leaves();
        let coded: Vec<&str> = leaves
            .iter()
            .filter(|(_, (_, leaf))| is_coded(leaf))
            .map(|(id, _)| id.as_str())
            .chain(profile.figures.iter().map(|figure| figure.id.as_str()))
            .collect();
        match leaves.get(&id) {
            Some((_, leaf)) if is_coded(leaf) => Some(id),
            Some(_) => {
                let hint = suggest_or_list("", &coded, "indicators for people");
                self.error(
                    cell,
                    format!("`{id}` is measured by the program in the profile `{}`", profile.id),
                    hint,
                );
                None
            }
            None => {
                let parent = profile.nodes().iter().any(|placed| placed.node.id == id);
                let message = if parent {
                    format!("`{id}` stands on what is below it in the profile `{}`", profile.id)
                } else {
                    format!("the profile `{}` has no indicator `{id}`", profile.id)
                };
                self.error(cell, message, suggest_or_list(id.as_str(), &coded, "indicators for people"));
                None
            }
        }
    }

    fn time(&self, row: &Row) -> Option<Timestamp> {
        match row.cell("time") {
            Some(cell) => sheet::time(self.reader, cell, self.ground.zone, self.ground.now),
            None if self.ground.time.is_some() => self.ground.time,
            None => {
                let hint = "write when it was seen, or give --time for all rows that say none".to_owned();
                self.reader.error(row.span.clone(), "the row has a value and no time", hint);
                None
            }
        }
    }

    /// Source and year of a figure; both are empty for what a coder saw himself.
    fn figure(&self, row: &Row, value: &Cell) -> Option<(String, Option<i16>)> {
        let (source, year) = match (row.cell("source"), row.cell("year")) {
            (None, None) => return Some((String::new(), None)),
            (Some(source), None) => {
                self.error(
                    source,
                    "a figure has a source and no year".to_owned(),
                    "say which year it is about".to_owned(),
                );
                return None;
            }
            (None, Some(year)) => {
                self.error(
                    year,
                    "a figure has a year and no source".to_owned(),
                    "say where it comes from".to_owned(),
                );
                return None;
            }
            (Some(source), Some(year)) => (source, year),
        };
        let last = self.ground.now.to_zoned(self.ground.zone.clone()).year();
        let number_there = number(&value.text).is_some();
        if !number_there {
            self.error(value, format!("`{}` is no number", value.text), number_hint(&value.text));
        }
        let Some(found) = year.text.parse::<i16>().ok().filter(|year| (FIRST_YEAR..=last).contains(year))
        else {
            let hint = format!("write a year from {FIRST_YEAR} to {last}");
            self.error(year, format!("`{}` is no year that a figure can be about", year.text), hint);
            return None;
        };
        number_there.then(|| (source.text.clone(), Some(found)))
    }

    /// Whether the profile knows the value; without one every value is good.
    fn value(&self, id: &IndicatorId, value: &Cell, row: &Row) -> bool {
        let Some(profile) = self.ground.profile else { return true };
        let text = value.text.as_str();
        let leaves = profile.leaves();
        let words = match leaves.get(id) {
            Some((_, leaf)) => words(leaf),
            // With a year it is a number; what is wrong with such a value was said there.
            None if row.cell("year").is_some() => return true,
            None if profile.figures.iter().any(|it| it.id == *id && profile.is_yes_or_no(it)) => {
                vec!["yes", "no"]
            }
            None => Vec::new(),
        };
        if text == Coding::OPEN || words.contains(&text) || words.is_empty() && number(text).is_some() {
            return true;
        }
        if words.is_empty() {
            self.error(value, format!("`{text}` is no number"), number_hint(text));
        } else {
            let mut all = words;
            all.push(Coding::OPEN);
            let hint = closest(text, all.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            let hint = hint.unwrap_or_else(|| format!("write {}", quoted(&all)));
            self.error(value, format!("`{text}` is no value of `{id}`"), hint);
        }
        false
    }

    /// The file of proof, if it is there.
    fn evidence(&self, cell: &Cell) -> Option<PathBuf> {
        // As Windows writes it.
        let path = PathBuf::from(cell.text.replace('\\', "/"));
        let Err(fault) = self.ground.files.exists(&path) else { return Some(path) };
        let (message, hint) = match fault {
            FileFault::Outside => (
                format!("`{}` leaves the folder of the table", path.display()),
                Some("put files of proof beside the table, or in folders below it".to_owned()),
            ),
            FileFault::TooLarge { limit } => (
                format!("`{}` is too large", path.display()),
                Some(format!("a file of proof may have up to {} MiB", limit >> 20)),
            ),
            other => other.explain(&path),
        };
        self.error(cell, message, hint);
        None
    }

    /// Says which rows of one coder contradict each other at one instant.
    fn contradictions(&self, found: &[(Observation, &Row)]) {
        let mut said: HashMap<_, (&str, &Row)> = HashMap::new();
        for (one, row) in found {
            let Coding { coder, indicator, target, year, at, value, .. } = &one.coding;
            let (before, first) = *said.entry((coder, indicator, target, year, at)).or_insert((value, row));
            if before != value
                && let Some(cell) = row.cell("value")
            {
                let line = self.reader.source.pos(first.span.start).line;
                let message =
                    format!("`{coder}` says `{value}` here and `{before}` of the same on line {line}");
                let hint =
                    "remove one of them, or give the one that corrects the other a later time".to_owned();
                self.error(cell, message, hint);
            }
        }
    }
}

fn number_hint(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !matches!(c, ',' | '，' | ' ' | '%')).collect();
    number(&bare).is_some().then(|| format!("write {bare}, without commas, blanks and units"))
}

fn is_coded(leaf: &Leaf) -> bool {
    leaf.sources.contains(&Source::Coded)
}

/// The words that a coder may choose from; none when a number is wanted.
fn words(leaf: &Leaf) -> Vec<&str> {
    match &leaf.formula {
        Formula::Choice(choices) => choices.iter().map(|choice| choice.word.as_str()).collect(),
        Formula::YesNo { .. } => vec!["yes", "no"],
        _ => Vec::new(),
    }
}

/// A sheet for a coder to fill in: the header, and a row for each target and each question for people: leaves, and
/// figures that are answered with yes or no. It is made of the profile alone, so it cannot show what others said.
pub fn blank_sheet(
    profile: &Profile,
    targets: &[Arc<Target>],
    coder: &str,
    language: Language,
) -> Vec<Vec<String>> {
    let mut rows = vec![COLUMNS.iter().map(|column| column.name.to_owned()).collect()];
    for target in targets {
        let mut ask = |id: &IndicatorId, title: &Words, allowed: String| {
            let title = format!("{} · {}", target.name, title.pick(language));
            let mut row = vec![coder.to_owned(), id.to_string(), target.id.to_string()];
            row.extend(std::iter::repeat_n(String::new(), 6));
            row.extend([title, allowed]);
            rows.push(row);
        };
        for placed in profile.nodes() {
            if let Node { id, title, kind: NodeKind::Leaf(leaf), .. } = placed.node
                && is_coded(leaf)
            {
                ask(id, title, allowed(Some(leaf), language));
            }
        }
        for figure in profile.figures.iter().filter(|figure| profile.is_yes_or_no(figure)) {
            ask(&figure.id, &figure.title, allowed(None, language));
        }
    }
    rows
}

/// What may be written, for the coder's eyes; of a figure yes and no.
fn allowed(leaf: Option<&Leaf>, language: Language) -> String {
    let number = language.pick("数字", "a number").to_owned();
    let mut all = match leaf.map(|leaf| &leaf.formula) {
        Some(Formula::Choice(choices)) => choices
            .iter()
            .map(|choice| format!("{}（{}）", choice.word, choice.title.pick(language)))
            .collect(),
        Some(Formula::YesNo { .. }) | None => vec!["yes".to_owned(), "no".to_owned()],
        Some(_) => vec![number],
    };
    all.push(format!("{}（{}）", Coding::OPEN, language.pick("不适用", "does not apply")));
    all.join(" / ")
}
