//! What stands in a report, whatever its format: a file per chapter.
//!
//! Invariant: a chapter about which nothing is known is left out, or says so in a sentence; its numbers
//! are those of the assessment and of nothing else.

mod alike;
mod change;
pub(super) mod evidence;
mod left_out;
mod method;
mod pictures;
mod provinces;
mod regions;
mod scores;
mod summary;
pub(super) mod target;

use super::document::{Block, Section};
use super::table::{Cell, Table};
use super::view::View;

/// Why a target has no rank.
pub(super) use scores::why_unranked;
/// The report's heading, and the lines below it.
pub(super) use summary::{heading, imprint};

/// The whole report.
pub(super) fn whole(view: &View<'_>) -> Vec<Section> {
    let mut sections = vec![summary::section(view)];
    sections.extend(scores::sections(view));
    sections.extend(regions::section(view));
    sections.extend(change::section(view));
    sections.extend(alike::sections(view));
    sections.extend(target::sections(view));
    sections.extend(method::sections(view));
    number(view, &mut sections);
    sections
}

/// Every table for a workbook, each a sheet; the last is about the assessment, and says what each of the others
/// shows: their first rows are their heads.
pub(super) fn tables(view: &View<'_>) -> Vec<Table> {
    let mut tables = vec![scores::ranked(view), scores::unranked(view), scores::indicators(view)];
    tables.push(scores::means(view));
    tables.push(scores::grade_table(view));
    tables.extend(provinces::table(view));
    tables.extend(regions::table(view));
    tables.push(summary::findings(view));
    tables.extend(change::tables(view));
    tables.extend(alike::tables(view));
    tables.extend(method::tables(view));
    tables.retain(|table| !table.rows.is_empty());
    let told = |table: &Table| {
        let name = if view.is_chinese() {
            format!("工作表“{}”", table.sheet)
        } else {
            format!("sheet “{}”", table.sheet)
        };
        let note = table.note.iter().map(String::as_str);
        let about: Vec<&str> = std::iter::once(table.title.as_str()).chain(note).collect();
        vec![Cell::Text(name), Cell::Text(about.join(view.pick("。", ". ")))]
    };
    if let Some((about, others)) = tables.split_last_mut() {
        about.rows.extend(others.iter().map(told));
    }
    tables
}

/// What the n of indicators counts.
fn counted(view: &View<'_>) -> String {
    view.pick(
        "n 为观测值个数；上级指标的 n 为其下各项之和，一次访问可计入多个指标。",
        "n counts readings: that of an indicator with others below it is the sum of theirs, and one visit may count for several.",
    )
    .to_owned()
}

/// Numbers the chapters.
fn number(view: &View<'_>, sections: &mut [Section]) {
    const CHINESE: [&str; 10] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];
    let chapters = sections.iter_mut().filter(|section| section.level == 2);
    for (i, section) in chapters.enumerate() {
        section.title = match CHINESE.get(i).filter(|_| view.is_chinese()) {
            Some(numeral) => format!("{numeral}、{}", section.title),
            None => format!("{}. {}", i + 1, section.title),
        };
    }
}

/// A block for a table that has rows.
fn shown(table: Table) -> Option<Block> {
    (!table.rows.is_empty()).then_some(Block::Table(table))
}
