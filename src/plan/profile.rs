//! Scoring profiles: TOML → [`Profile`], with every fault of the file.
//!
//! ```toml
//! id             = "d3"
//! title          = { zh = "…", en = "…" }       # a plain text stands for both languages
//! coverage_floor = 70
//!
//! [[grade]]                                     # the best first
//! title = { zh = "优秀", en = "Excellent" }
//! from  = 90
//!
//! [[indicator]]
//! id     = "T1"
//! of     = "T"                                  # what it is below; the first level has none
//! title  = { zh = "可及性", en = "Reachability" }
//! weight = 40
//! share  = [[90, 0], [95, 60], [98.5, 90], [99.9, 100]]
//! ```
//!
//! The rows of the tree are read by `tree`, how a leaf is measured by `formula`, conditions of vetoes
//! and findings by `condition`. `measures` looks at scenarios: whether a profile knows what they feed.
//!
//! Invariant: what comes out keeps every promise of [`crate::domain::profile`]: whoever scores with it
//! need not ask again. A fault never leaves half a profile behind.

mod condition;
mod formula;
mod measures;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::diagnostic::{Diagnostic, Faults};
use super::load::{Files, close, open};
use super::raw::Source;
use super::scenario::valid_id;
use super::scope::Loader;
use super::table::{Fields, Item, Reader, Text};
use super::words::suggest_or_list;
use crate::domain::profile::{Bonus, Figure, Finding, Grade, Profile, Veto, Words};

pub use measures::unknown_measures;

/// Below this coverage a target is not ranked, when the profile says nothing (method, section 3).
const COVERAGE_FLOOR: f64 = 70.0;
/// The most of one kind of table; far more than anybody can read.
const MOST: usize = 500;
/// The highest total that a grade may ask for: a hundred, and the bonus.
const HIGHEST_GRADE: f64 = 200.0;
/// What a finding's sentence may have put in.
const PLACEHOLDERS: [&str; 4] = ["count", "share", "n", "examples"];

/// Reads the profile in `file`.
///
/// # Errors
/// All faults of the file, errors and warnings.
pub fn load_profile(file: &Path, files: &dyn Files) -> Result<(Profile, Vec<Diagnostic>), Faults> {
    let loader = Loader::new(files);
    let profile = open(&loader, file).and_then(|source| read(&loader, &source));
    // Of the file as it stands on the disk, so that people can make it with tools of their own.
    let hash = loader.read.take().get(file).map(|text| hex::encode(Sha256::digest(text.as_bytes())));
    let (warnings, profile) = close(loader, profile)?;
    Ok((Profile { hash: hash.unwrap_or_default(), ..profile }, warnings))
}

/// Whether a file looks like a profile, by the tables that only a profile has. What cannot be read is none.
pub fn is_profile(file: &Path, files: &dyn Files) -> bool {
    let Ok(text) = files.read(file) else { return false };
    let source = Source::new(file.to_owned(), text);
    let (table, _) = source.parse();
    let has = |key: &str| table.get_ref().get(key).is_some();
    !has("step") && ["indicator", "coverage_floor", "grade", "finding"].into_iter().any(has)
}

fn read(loader: &Loader<'_>, source: &Source) -> Option<Profile> {
    let reader = Reader { source, out: &loader.out };
    let (table, faults) = source.parse();
    if !faults.is_empty() {
        loader.out.borrow_mut().extend(faults);
        return None;
    }
    let fields = Fields::new(reader, "a profile", &table);
    if let Some(item) = fields.entries().into_iter().find(|item| matches!(item.name, "step" | "do" | "probe"))
    {
        let hint = "a profile has [[indicator]] tables; profiles/d3.toml is one to copy".to_owned();
        reader.error(item.key, "this is no profile", hint);
        return None;
    }
    let id = fields.need("id", "write id = \"d3\" at the top of the file").and_then(|item| valid_id(&item));
    let title = fields.need("title", "write title = { zh = \"…\", en = \"…\" }");
    let title = title.and_then(|item| words(&item)).map(|both| both.words).unwrap_or_default();
    let floor = fields.get("coverage_floor").and_then(|item| item.number(0.0..=100.0));
    let grades = fields.get("grade").map(|item| grades(&item)).unwrap_or_default();
    let figures = fields.get("figure").map(|item| figures(&item)).unwrap_or_default();
    let grown = tree::read(&fields, &figures);
    let bonus = bonus(&fields, grown.bonus);
    let vetoes = fields.get("veto").map(|item| vetoes(&item, &grown.known)).unwrap_or_default();
    let findings = fields.get("finding").map(|item| findings(&item, &grown.known)).unwrap_or_default();
    fields.finish();
    Some(Profile {
        id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        title,
        hash: String::new(),
        coverage_floor: floor.unwrap_or(COVERAGE_FLOOR),
        grades,
        tree: grown.tree,
        bonus,
        vetoes,
        findings,
        figures: figures.into_iter().map(|(figure, _)| figure).collect(),
    })
}

/// A text in both languages, with where each stands.
struct Both<'a> {
    words: Words,
    zh: Text<'a>,
    en: Text<'a>,
}

/// `{ zh = "…", en = "…" }`, or one text for both.
fn words<'a>(item: &Item<'a>) -> Option<Both<'a>> {
    if item.is_text() {
        let text = item.filled()?;
        let words = Words { zh: text.value.to_owned(), en: text.value.to_owned() };
        return Some(Both { words, zh: text.clone(), en: text });
    }
    if !item.is_table() {
        item.wrong("a text or { zh = \"…\", en = \"…\" }", None);
        return None;
    }
    let fields = item.table("a text in two languages")?;
    let hint = "write { zh = \"…\", en = \"…\" }, or one text for both";
    let zh = fields.need("zh", hint).and_then(|item| item.filled());
    let en = fields.need("en", hint).and_then(|item| item.filled());
    fields.finish();
    let (zh, en) = (zh?, en?);
    Some(Both { words: Words { zh: zh.value.to_owned(), en: en.value.to_owned() }, zh, en })
}

/// The tables of a list, no more of them than anybody can mean.
fn tables<'a>(item: &Item<'a>, what: &'static str) -> Vec<Fields<'a>> {
    let mut tables = item.tables(what);
    if tables.len() > MOST {
        item.error(format!("a profile has at most {MOST} `[[{}]]`", item.name), None);
        tables.truncate(MOST);
    }
    tables
}

fn grades(item: &Item<'_>) -> Vec<Grade> {
    let mut grades: Vec<Grade> = Vec::new();
    for fields in tables(item, "a grade") {
        let title = fields.need("title", "write title = { zh = \"优秀\", en = \"Excellent\" }");
        let title = title.and_then(|item| words(&item)).map(|both| both.words);
        let from = fields.need("from", "write from = 90: the least total of the grade");
        let bound = from.as_ref().and_then(|item| item.number(0.0..=HIGHEST_GRADE));
        fields.finish();
        let (Some(from), Some(bound)) = (from, bound) else { continue };
        if let Some(last) = grades.last().filter(|last| last.from <= bound) {
            let message = format!("the grades do not fall: {bound} stands behind {}", last.from);
            from.error(message, "write the best grade first, each with a lower `from`".to_owned());
            continue;
        }
        grades.push(Grade { title: title.unwrap_or_default(), from: bound });
    }
    grades
}

/// `[bonus]`, and what earns it.
fn bonus(fields: &Fields<'_>, grown: Option<tree::BonusTree<'_>>) -> Option<Bonus> {
    let table = fields.get("bonus");
    let above = table.as_ref().and_then(|item| {
        let fields = item.table("the bonus")?;
        let above = fields.need("above", "write above = 80: a total that is not higher gets no bonus");
        let above = above.and_then(|item| item.number(0.0..=100.0));
        fields.finish();
        above
    });
    match (table, grown) {
        (Some(_), Some(grown)) => Some(Bonus { above: above?, tree: grown.tree }),
        (Some(table), None) => {
            let hint = "write bonus = true into an [[indicator]] of the first level, or take [bonus] away";
            table.reader.error(table.key, "nothing earns the bonus", hint.to_owned());
            None
        }
        (None, Some(grown)) => {
            let hint = "write [bonus] with above = 80: a total that is not higher gets no bonus".to_owned();
            grown.first.error("the profile has no `[bonus]`", hint);
            None
        }
        (None, None) => None,
    }
}

/// Notes an id that was there before; answers whether it is new.
fn fresh<'a>(ids: &mut BTreeMap<&'a str, u32>, id: &Text<'a>, what: &str) -> bool {
    let line = id.reader.source.pos(id.span.start).line;
    match ids.get(id.value) {
        None => {
            ids.insert(id.value, line);
            true
        }
        Some(first) => {
            let message = format!("two {what} have the id `{}`", id.value);
            id.error(message, format!("the other one is on line {first}; give each an id of its own"));
            false
        }
    }
}

/// The id of a veto or a finding.
fn own_id<'a>(fields: &Fields<'a>, ids: &mut BTreeMap<&'a str, u32>, what: &str) -> Option<String> {
    let item = fields.need("id", "write id = \"unreachable\", or another short name")?;
    let id = valid_id(&item)?;
    let text = item.text()?;
    fresh(ids, &text, what).then(|| id.as_str().to_owned())
}

fn vetoes(item: &Item<'_>, known: &tree::Known) -> Vec<Veto> {
    let mut ids = BTreeMap::new();
    let mut vetoes = Vec::new();
    for fields in tables(item, "a veto") {
        let id = own_id(&fields, &mut ids, "vetoes");
        let title = fields.need("title", "write title = { zh = \"…\", en = \"…\" }");
        let title = title.and_then(|item| words(&item)).map(|both| both.words);
        let when = fields.need("when", condition::EXAMPLE);
        let when = when.and_then(|item| condition::read(&item, known));
        let cap = fields.get("cap").and_then(|item| item.number(0.0..=100.0));
        fields.finish();
        if let (Some(id), Some(when)) = (id, when) {
            vetoes.push(Veto { id, title: title.unwrap_or_default(), when, cap });
        }
    }
    vetoes
}

fn findings(item: &Item<'_>, known: &tree::Known) -> Vec<Finding> {
    let mut ids = BTreeMap::new();
    let mut findings = Vec::new();
    for fields in tables(item, "a finding") {
        let id = own_id(&fields, &mut ids, "findings");
        let when = fields.need("when", condition::EXAMPLE);
        let when = when.and_then(|item| condition::read(&item, known));
        let hint = "write sentence = { zh = \"{count} 个城市（{share}%）……\", \
                    en = \"In {count} of {n} cities ({share} %) …\" }";
        let sentence = fields.need("sentence", hint).and_then(|item| words(&item));
        if let Some(both) = &sentence {
            placeholders(&both.zh);
            placeholders(&both.en);
        }
        fields.finish();
        if let (Some(id), Some(when), Some(both)) = (id, when, sentence) {
            findings.push(Finding { id, when, sentence: both.words });
        }
    }
    findings
}

/// Says which `{placeholders}` nobody fills in.
fn placeholders(text: &Text<'_>) {
    let mut at = 0;
    while let Some(found) = text.value[at..].find(['{', '}']).map(|offset| at + offset) {
        let rest = &text.value[found..];
        let inner = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((name, _)) = inner.filter(|(name, _)| !name.contains('{')) else {
            let hint = "a placeholder stands between { and }: {count}, {share}, {n} or {examples}";
            text.error_at(&(found..found + 1), "this brace has no partner", hint.to_owned());
            return;
        };
        at = found + name.len() + 2;
        if !PLACEHOLDERS.contains(&name) {
            let hint = suggest_or_list(name, &PLACEHOLDERS, "placeholders");
            text.error_at(&(found..at), format!("unknown placeholder `{{{name}}}`"), hint);
        }
    }
}

/// Figures, each with the place of its id.
fn figures<'a>(item: &Item<'a>) -> Vec<(Figure, Text<'a>)> {
    let mut figures = Vec::new();
    for fields in tables(item, "a figure") {
        let id = fields.need("id", "write id = \"F1\"").and_then(|item| tree::indicator_id(&item));
        let title = fields
            .need("title", "write title = { zh = \"注册用户（万人）\", en = \"Registered users (10,000)\" }");
        let title = title.and_then(|item| words(&item)).map(|both| both.words);
        fields.finish();
        if let Some((Some(id), text)) = id {
            figures.push((Figure { id, title: title.unwrap_or_default() }, text));
        }
    }
    figures
}
