//! Provinces, when targets say theirs (`province` in `labels`) or are provinces themselves: a tile and a row for each.
//!
//! Invariant: as everywhere, only ranked targets count in a mean of totals.

use std::collections::BTreeMap;

use super::super::chart::{Caption, Place, place, tiles};
use super::super::document::Chart;
use super::super::table::{Cell, Column, Table, number};
use super::super::view::View;
use super::pictures::between;

/// A province.
struct Province {
    place: Place,
    mean: f64,
    n: u64,
}

/// Provinces with a ranked target, the best first.
fn provinces(view: &View<'_>) -> Vec<Province> {
    let mut totals: BTreeMap<Place, Vec<f64>> = BTreeMap::new();
    for card in view.ranked() {
        let name = card.target.labels.get("province").map_or(card.target.name.as_str(), String::as_str);
        if let (Some(place), Some(total)) = (place(name), card.total) {
            totals.entry(place).or_default().push(total);
        }
    }
    let mean = |(place, totals): (Place, Vec<f64>)| Province {
        place,
        mean: totals.iter().sum::<f64>() / totals.len() as f64,
        n: totals.len() as u64,
    };
    let mut provinces: Vec<Province> = totals.into_iter().map(mean).collect();
    // Stable: of equals the first in the grid.
    provinces.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    provinces
}

fn title(view: &View<'_>, provinces: &[Province]) -> String {
    let (count, n) = (provinces.len(), provinces.iter().map(|province| province.n).sum::<u64>());
    if view.is_chinese() {
        format!("各省份参加排名的评估对象的平均总分（{count} 个省份，n={n}）")
    } else {
        format!("Mean total of ranked portals by province ({count} provinces, n={n})")
    }
}

/// The tiles.
pub fn chart(view: &View<'_>) -> Option<Chart> {
    let provinces = provinces(view);
    if provinces.is_empty() {
        return None;
    }
    let shown = view.pick(
        "每个省份一格，位置大致对应地图；格内数字为平均总分。",
        "A tile for each province, about where it lies on the map, with its mean total. ",
    );
    let told: Vec<String> = provinces
        .iter()
        .map(|province| format!("{} {}", province.place.name(view.is_chinese()), number(province.mean, 2)))
        .collect();
    let desc = format!("{shown}{}", told.join(view.pick("；", "; ")));
    let grades = &view.dossier.profile.grades;
    let mut legend: Vec<String> = Vec::new();
    for (i, grade) in grades.iter().enumerate() {
        let above = i.checked_sub(1).and_then(|i| grades.get(i)).map(|grade| grade.from);
        legend.push(between(view, grade.from, above));
    }
    let mut bounds: Vec<f64> = grades.iter().map(|grade| grade.from).collect();
    match bounds.last() {
        None => legend.push(view.pick("有总分", "any total").to_owned()),
        // Nothing lies below the last grade.
        Some(last) if *last <= 0.0 => drop(bounds.pop()),
        Some(last) => legend.push(between(view, 0.0, Some(*last))),
    }
    legend.push(view.pick("无数据", "no data").to_owned());
    let values: Vec<(Place, f64)> =
        provinces.iter().map(|province| (province.place, province.mean)).collect();
    let caption = Caption { title: title(view, &provinces), desc };
    Some(tiles("provinces", caption, &values, &bounds, view.is_chinese(), &legend))
}

/// The table.
pub fn table(view: &View<'_>) -> Option<Table> {
    let provinces = provinces(view);
    let rows: Vec<Vec<Cell>> = provinces
        .iter()
        .map(|province| {
            let name = province.place.name(view.is_chinese());
            vec![Cell::Text(name.to_owned()), Cell::Number(province.mean, 2), Cell::Count(province.n)]
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        sheet: view.pick("省份", "Provinces"),
        title: title(view, &provinces),
        columns: vec![
            Column::words(view.pick("省份", "Province")),
            Column::number(view.pick("平均总分", "Mean total")),
            Column::number("n"),
        ],
        rows,
        note: None,
    })
}
