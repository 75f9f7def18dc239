//! Regions: their ranking, best and last, share of the top ten.

use super::super::document::{Block, Section};
use super::super::table::{Cell, Column, Table};
use super::super::view::{View, clean_name};
use super::{pictures, shown};

/// The chapter; nothing without regions.
pub fn section(view: &View<'_>) -> Option<Section> {
    let table = table(view)?;
    let mut section = Section::chapter("regions", view.pick("区域比较", "Regions")).on_new_page();
    section.blocks.extend(pictures::regions(view).map(Block::Chart));
    section.blocks.extend(shown(table));
    Some(section)
}

/// The table of regions.
pub fn table(view: &View<'_>) -> Option<Table> {
    let regions = &view.dossier.analysis.regions;
    if regions.is_empty() {
        return None;
    }
    let n: u64 = regions.iter().map(|region| region.n).sum();
    let ten = regions.iter().map(|region| region.in_top_ten).sum::<u64>();
    // Where everybody is among the first ten, their share says nothing.
    let top = view.ranked().len() > 10 && ten > 0;
    let mut columns = vec![
        Column::number(view.pick("名次", "Rank")),
        Column::words(view.pick("区域", "Region")),
        Column::number(view.pick("平均总分", "Mean total")),
        Column::number("n"),
        Column::words(view.pick("区域内最高", "Best")),
        Column::words(view.pick("区域内最低", "Last")),
    ];
    if top {
        columns.push(Column::number(view.pick("前十席位", "In the top ten")));
        columns.push(Column::number(view.pick("前十占比（%）", "Share of the top ten (%)")));
    }
    columns.extend(view.firsts().iter().map(|node| Column::number(view.name_of(&node.id))));
    let rows = regions.iter().map(|region| {
        let mut row = vec![
            Cell::Count(region.rank.into()),
            Cell::Text(clean_name(&region.name)),
            Cell::Number(region.mean, 2),
            Cell::Count(region.n),
            Cell::Text(view.target(&region.best)),
            Cell::Text(view.target(&region.worst)),
        ];
        if top {
            row.push(Cell::Count(region.in_top_ten));
            row.push(Cell::Number(share(region.in_top_ten, ten), 2));
        }
        row.extend(view.firsts().iter().map(|node| Cell::points(region.means.get(&node.id).copied())));
        row
    });
    Some(Table {
        sheet: view.pick("区域", "Regions"),
        title: if view.is_chinese() {
            format!("区域排名与一级指标平均得分（n={n}）")
        } else {
            format!("Regions by their mean total (n={n})")
        },
        columns,
        rows: rows.collect(),
        note: None,
    })
}

fn share(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}
