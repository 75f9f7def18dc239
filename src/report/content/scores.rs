//! Scores: the table of all targets, the unranked apart, means of indicators, grades.

use super::super::document::{Block, Section};
use super::super::formula::plain;
use super::super::table::{Cell, Column, Table, below, percent};
use super::super::view::{View, clean};
use super::super::{say, words};
use super::{pictures, provinces, shown};
use crate::score::card::Scorecard;

/// The chapters: totals, and indicators.
pub fn sections(view: &View<'_>) -> Vec<Section> {
    if view.dossier.assessment.cards.is_empty() {
        return Vec::new();
    }
    let title = view.pick("总分与名次", "Totals and ranks");
    let mut totals = Section::chapter("scores", title).on_new_page();
    totals.blocks.extend(shown(ranked(view)));
    totals.blocks.extend(shown(unranked(view)));
    totals.blocks.extend(pictures::dots(view).into_iter().map(Block::Chart));
    totals.blocks.extend(pictures::grades(view).map(Block::Chart));
    totals.blocks.extend(provinces::chart(view).map(Block::Chart));
    totals.blocks.extend(provinces::table(view).and_then(shown));
    let means = means(view);
    if means.rows.is_empty() {
        return vec![totals];
    }
    let mut by_indicator = Section::chapter("indicators", view.pick("指标得分", "Indicators"));
    by_indicator.blocks.extend(pictures::bars(view).map(Block::Chart));
    by_indicator.blocks.extend(shown(means));
    vec![totals, by_indicator]
}

fn veto_titles(view: &View<'_>, card: &Scorecard) -> String {
    let titles: Vec<String> = card.vetoes.iter().map(|veto| clean(veto.title.pick(view.language))).collect();
    if titles.is_empty() { String::new() } else { format!("▲ {}", titles.join(view.pick("、", ", "))) }
}

/// Targets with a rank.
pub fn ranked(view: &View<'_>) -> Table {
    let cards = view.ranked();
    let n = cards.len();
    let title = if view.is_chinese() {
        format!("总分与一级指标得分（满分 100 分，n={n}）")
    } else {
        format!("Totals and first-level points of 100 (n={n})")
    };
    let mut columns = vec![Column::number(view.pick("名次", "Rank"))];
    columns.extend(common_columns(view, &cards));
    let rows = cards.iter().map(|card| {
        let mut row = vec![card.rank.map_or(Cell::Absent, |rank| Cell::Count(rank.into()))];
        row.extend(common_cells(view, card, &cards));
        row
    });
    let note = view.pick(
        "总分后为 95% 置信区间；覆盖率为已观测指标的权重占比；并列者名次相同。",
        "Behind the total its 95% interval; coverage is the share of the profile's weight that was observed; ties share a rank.",
    );
    let lacking = view.pick(
        "没有区间者，其运行不足两天，无从按天重抽样。",
        " Where there is no interval, runs are of fewer than two days, and there are no days to draw from.",
    );
    let lacking = if cards.iter().any(|card| card.interval.is_none()) { lacking } else { "" };
    Table {
        sheet: view.pick("总分与名次", "Scores"),
        title,
        columns,
        rows: rows.collect(),
        note: Some(format!("{note}{lacking}")),
    }
}

/// Targets without a rank, and why.
pub fn unranked(view: &View<'_>) -> Table {
    let cards = view.unranked();
    let title = if view.is_chinese() {
        format!("未参加排名的评估对象（{} 个）", cards.len())
    } else {
        format!("Portals without a rank ({})", cards.len())
    };
    let mut columns = common_columns(view, &cards);
    columns.push(Column::prose(view.pick("未排名原因", "Why")));
    let rows = cards.iter().map(|card| {
        let mut row = common_cells(view, card, &cards);
        row.push(Cell::Text(why_unranked(view, card)));
        row
    });
    Table { sheet: view.pick("未排名", "Unranked"), title, columns, rows: rows.collect(), note: None }
}

/// Why a target has no rank, as a sentence.
pub fn why_unranked(view: &View<'_>, card: &Scorecard) -> String {
    let floor = view.dossier.profile.coverage_floor;
    let (coverage, floor) = (below(card.coverage, floor), plain(floor));
    match (card.total, view.is_chinese()) {
        (None, true) => "评估期内没有观测到任何指标，因此没有得分；没有观测到不等于零分。".to_owned(),
        (None, false) => {
            "Nothing was observed in the period, so there is no score; that is not 0 points.".to_owned()
        }
        (Some(_), true) => format!("观测覆盖率 {coverage}%，低于 {floor}% 的排名下限。"),
        (Some(_), false) => format!("Coverage is {coverage}%, below the floor of {floor}% for a rank."),
    }
}

fn common_columns(view: &View<'_>, cards: &[&Scorecard]) -> Vec<Column> {
    let mut columns = vec![
        Column::words(view.pick("评估对象", "Portal")),
        Column::words(view.pick("区域", "Region")),
        Column::number(view.pick("总分", "Total")),
        Column::interval(view.pick("95% 区间", "95% interval")),
        Column::number(view.pick("覆盖率（%）", "Coverage (%)")),
        Column::words(view.pick("等级", "Grade")),
    ];
    columns.extend(view.firsts().iter().map(|node| Column::number(view.name_of(&node.id))));
    if cards.iter().any(|card| !card.vetoes.is_empty()) {
        columns.push(Column::words(view.pick("单项否决", "Veto")));
    }
    columns
}

fn common_cells(view: &View<'_>, card: &Scorecard, cards: &[&Scorecard]) -> Vec<Cell> {
    let mut cells = vec![
        Cell::Text(view.target(&card.target.id)),
        Cell::text(View::region(card)),
        Cell::points(card.total),
        card.interval.map_or(Cell::Absent, |interval| Cell::Interval(interval.low, interval.high)),
        Cell::Number(card.coverage, 1),
        Cell::text(view.grade(card)),
    ];
    cells.extend(view.firsts().iter().map(|node| Cell::points(View::score(card, &node.id))));
    if cards.iter().any(|card| !card.vetoes.is_empty()) {
        cells.push(Cell::text(veto_titles(view, card)));
    }
    cells
}

/// Every indicator of every target: the long table.
pub fn indicators(view: &View<'_>) -> Table {
    let mut rows = Vec::new();
    for card in &view.dossier.assessment.cards {
        for node in &card.nodes {
            let profile = view.node(&node.id);
            rows.push(vec![
                Cell::Text(view.target(&card.target.id)),
                Cell::Text(card.target.id.to_string()),
                Cell::text(View::region(card)),
                Cell::Text(node.id.to_string()),
                Cell::text(view.name_of(&node.id)),
                Cell::Text(words::state(node.state, node.settled, view.language).to_owned()),
                Cell::points(node.score),
                node.interval.map_or(Cell::Absent, |interval| Cell::Interval(interval.low, interval.high)),
                Cell::Number(node.coverage, 1),
                Cell::Count(node.n),
                Cell::text(profile.map(|profile| say::seen(view, node, profile)).unwrap_or_default()),
                Cell::text(
                    node.source.map(|source| words::source(source, view.language)).unwrap_or_default(),
                ),
            ]);
        }
    }
    Table {
        sheet: view.pick("指标明细", "Indicators"),
        title: view.pick("指标明细", "Every indicator of every portal").to_owned(),
        columns: vec![
            Column::words(view.pick("评估对象", "Portal")),
            Column::words(view.pick("编号", "Id")),
            Column::words(view.pick("区域", "Region")),
            Column::words(view.pick("指标编号", "Indicator")),
            Column::words(view.pick("指标", "Title")),
            Column::words(view.pick("状态", "State")),
            Column::number(view.pick("得分", "Points")),
            Column::interval(view.pick("95% 区间", "95% interval")),
            Column::number(view.pick("覆盖率（%）", "Coverage (%)")),
            Column::number("n"),
            Column::prose(view.pick("观测情况", "What was seen")),
            Column::words(view.pick("数据来源", "Source")),
        ],
        rows,
        note: Some(super::counted(view)),
    }
}

/// The mean of each indicator.
pub fn means(view: &View<'_>) -> Table {
    let means = &view.dossier.analysis.means;
    let rows = view.placed().iter().filter_map(|placed| {
        let id = &placed.node.id;
        let mean = means.get(id)?;
        let indent = "　".repeat(placed.depth);
        Some(vec![
            Cell::Text(format!("{indent}{}", view.title(id))),
            Cell::Number(mean.mean, 2),
            Cell::Count(mean.n),
        ])
    });
    let n = view.dossier.assessment.cards.len();
    Table {
        sheet: view.pick("指标平均", "Means"),
        title: if view.is_chinese() {
            format!("各级指标平均得分（共 {n} 个评估对象，n 为取得该项得分的数量）")
        } else {
            format!("Mean points of each indicator (of {n} portals; n is how many have points for it)")
        },
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::number(view.pick("平均得分", "Mean")),
            Column::number("n"),
        ],
        rows: rows.collect(),
        note: None,
    }
}

/// How many targets have which grade.
pub fn grade_table(view: &View<'_>) -> Table {
    let grades = &view.dossier.analysis.grades;
    let rows = grades.iter().map(|grade| {
        vec![
            Cell::text(clean(grade.title.pick(view.language))),
            Cell::Number(grade.from, 0),
            Cell::Count(grade.count),
            Cell::Number(grade.share, 2),
        ]
    });
    Table {
        sheet: view.pick("等级分布", "Grades"),
        title: view.pick("等级分布", "Grades").to_owned(),
        columns: vec![
            Column::words(view.pick("等级", "Grade")),
            Column::number(view.pick("最低分", "From")),
            Column::number(view.pick("数量", "Count")),
            Column::number(view.pick("占比（%）", "Share (%)")),
        ],
        rows: rows.collect(),
        note: None,
    }
}

/// A grade with its bounds and how many have it, for charts.
pub fn grade_note(count: u64, share: f64) -> String {
    format!("{count} ({})", percent(share))
}
