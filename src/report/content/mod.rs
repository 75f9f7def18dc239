//! What stands in a report, whatever its format: a file per chapter.
//!
//! Invariant: a chapter about which nothing is known is left out, or says so in a sentence; its numbers
//! are those of the assessment and of nothing else.

mod alike;
mod change;
mod method;
mod pictures;
mod regions;
mod scores;
mod summary;
pub(super) mod target;

use super::document::{Block, Section};
use super::table::Table;
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

/// Every table for a workbook, each a sheet.
pub(super) fn tables(view: &View<'_>) -> Vec<Table> {
    let mut tables = vec![scores::ranked(view), scores::unranked(view), scores::indicators(view)];
    tables.push(scores::means(view));
    tables.push(scores::grade_table(view));
    tables.extend(regions::table(view));
    tables.push(summary::findings(view));
    tables.extend(change::tables(view));
    tables.extend(alike::tables(view));
    tables.extend(method::tables(view));
    tables.retain(|table| !table.rows.is_empty());
    tables
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
