//! What is alike: channels side by side, clusters, words of citizens.

use super::super::document::{Block, Section};
use super::super::table::{Cell, Column, Table};
use super::super::view::{View, clean_name};
use super::super::words;
use super::{pictures, shown};
use crate::score::analysis::{Channels, Clusters};

/// The chapters, as far as there is something to show.
pub fn sections(view: &View<'_>) -> Vec<Section> {
    let analysis = &view.dossier.analysis;
    let mut sections = Vec::new();
    if let Some(channels) = &analysis.channels {
        let mut section = Section::chapter("channels", view.pick("服务渠道比较", "Channels")).on_new_page();
        section.blocks.extend(shown(matrix(view, channels)));
        sections.push(section);
    }
    if let Some(clusters) = &analysis.clusters {
        let mut section = Section::chapter("clusters", view.pick("聚类分析", "Clusters")).on_new_page();
        section.say(clustered(view, clusters));
        if !clusters.used.is_empty() {
            section.blocks.extend(pictures::dendrogram(view, clusters).map(Block::Chart));
            section.blocks.extend(shown(means(view, clusters)));
        }
        sections.push(section);
    }
    if let Some(block) = shown(said(view)) {
        let section = Section::chapter("words", view.pick("群众反映用词", "Words of citizens"));
        sections.push(section.with(block));
    }
    sections
}

/// The tables of a workbook.
pub fn tables(view: &View<'_>) -> Vec<Table> {
    let analysis = &view.dossier.analysis;
    let mut tables = Vec::new();
    tables.extend(analysis.channels.as_ref().map(|channels| matrix(view, channels)));
    if let Some(clusters) = analysis.clusters.as_ref().filter(|clusters| !clusters.used.is_empty()) {
        tables.push(means(view, clusters));
        tables.push(members(view, clusters));
    }
    tables.push(said(view));
    tables
}

fn matrix(view: &View<'_>, channels: &Channels) -> Table {
    let mut columns = vec![Column::words(view.pick("地区", "Place"))];
    columns.extend(channels.channels.iter().map(|channel| Column::number(clean_name(channel))));
    let rows = channels.rows.iter().map(|row| {
        let mut cells = vec![Cell::Text(clean_name(&row.place))];
        cells.extend(row.cells.iter().map(|cell| {
            let Some(cell) = cell else { return Cell::Absent };
            let word = cell.outcome.map(|outcome| words::outcome(outcome, view.language)).unwrap_or_default();
            match cell.total {
                Some(value) => Cell::Toned { value, tone: tone(value), word: word.to_owned() },
                None if word.is_empty() => Cell::Text(view.pick("未观测到", "not observed").to_owned()),
                None => Cell::Text(word.to_owned()),
            }
        }));
        cells.resize(channels.channels.len() + 1, Cell::Absent);
        cells
    });
    let (places, count) = (channels.rows.len(), channels.channels.len());
    Table {
        sheet: view.pick("渠道", "Channels"),
        title: if view.is_chinese() {
            format!("各地区各渠道总分及最常见的办理结果（{places} 个地区 × {count} 个渠道）")
        } else {
            format!(
                "Totals and most frequent outcomes by place and channel ({places} places × {count} channels)"
            )
        },
        columns,
        rows: rows.collect(),
        note: Some(
            view.pick(
                "底色越深，得分越高；“—”表示该地区没有这一渠道。",
                "The darker, the more points; “—” where a place has no such channel.",
            )
            .to_owned(),
        ),
    }
}

/// 0 below sixty, 4 from ninety.
fn tone(total: f64) -> u8 {
    [60.0, 70.0, 80.0, 90.0].iter().map(|bound| u8::from(total >= *bound)).sum()
}

fn clustered(view: &View<'_>, clusters: &Clusters) -> String {
    let titles = |ids: &[crate::domain::indicator::IndicatorId]| {
        let titles: Vec<String> = ids.iter().map(|id| view.title(id)).collect();
        titles.join(view.pick("、", ", "))
    };
    let (n, k, used) = (clusters.items.len(), clusters.means.len(), titles(&clusters.used));
    let mut text = if clusters.used.is_empty() {
        // Portals that are not told apart by any number are no clusters of one each.
        let none = view.pick(
            "无法聚类：没有一项数值是各评估对象都有、且不全相同的。",
            "No clusters could be made: there is no number that every portal has and that is not the same for all.",
        );
        none.to_owned()
    } else if view.is_chinese() {
        format!("以标准化后的 {used} 为依据，用 Ward 法把 {n} 个评估对象分为 {k} 类。")
    } else {
        format!("{n} portals were put into {k} clusters by Ward's method over the z-scores of {used}.")
    };
    if !clusters.dropped.is_empty() {
        let dropped = titles(&clusters.dropped);
        let more = if view.is_chinese() {
            format!("{dropped} 因数值全部相同或有缺失，未纳入。")
        } else {
            format!(" Left out, because all have the same number or one has none: {dropped}.")
        };
        text.push_str(&more);
    }
    text
}

fn means(view: &View<'_>, clusters: &Clusters) -> Table {
    let mut columns =
        vec![Column::number(view.pick("类别", "Cluster")), Column::number(view.pick("数量", "Size"))];
    columns.extend(clusters.used.iter().map(|id| Column::number(view.name_of(id))));
    columns.push(Column::prose(view.pick("成员", "Members")));
    let rows = clusters.means.iter().map(|cluster| {
        let mut row = vec![Cell::Count(cluster.label.into()), Cell::Count(cluster.size.into())];
        row.extend(clusters.used.iter().map(|id| Cell::points(cluster.means.get(id).copied())));
        let members = clusters.items.iter().zip(&clusters.labels);
        let names: Vec<String> =
            members.filter(|(_, label)| **label == cluster.label).map(|(id, _)| view.target(id)).collect();
        row.push(Cell::text(names.join(view.pick("、", ", "))));
        row
    });
    Table {
        sheet: view.pick("聚类均值", "Clusters"),
        title: if view.is_chinese() {
            format!("各类的指标均值（n={}）", clusters.items.len())
        } else {
            format!("Means of each cluster (n={})", clusters.items.len())
        },
        columns,
        rows: rows.collect(),
        note: None,
    }
}

fn members(view: &View<'_>, clusters: &Clusters) -> Table {
    let rows = clusters
        .items
        .iter()
        .zip(&clusters.labels)
        .map(|(id, label)| vec![Cell::Text(view.target(id)), Cell::Count((*label).into())]);
    Table {
        sheet: view.pick("聚类成员", "Cluster members"),
        title: view.pick("聚类成员", "Members of clusters").to_owned(),
        columns: vec![
            Column::words(view.pick("评估对象", "Portal")),
            Column::number(view.pick("类别", "Cluster")),
        ],
        rows: rows.collect(),
        note: None,
    }
}

fn said(view: &View<'_>) -> Table {
    let words = &view.dossier.analysis.words;
    let rows = words.iter().take(60).map(|found| {
        let tone = match found.tone {
            1.. => view.pick("▲ 正面", "▲ praise"),
            0 => view.pick("中性", "neither"),
            _ => view.pick("▼ 负面", "▼ complaint"),
        };
        vec![
            Cell::Text(clean_name(&found.word)),
            Cell::Count(found.count),
            Cell::Count(found.posts),
            Cell::Text(tone.to_owned()),
        ]
    });
    Table {
        sheet: view.pick("词频", "Words"),
        title: if view.is_chinese() {
            format!("群众发帖中出现最多的词（共 {} 个不同的词）", words.len())
        } else {
            format!("The most frequent words of citizens' posts (n={} different words)", words.len())
        },
        columns: vec![
            Column::words(view.pick("词", "Word")),
            Column::number(view.pick("出现次数", "Count")),
            Column::number(view.pick("涉及帖子", "Posts")),
            Column::words(view.pick("倾向", "Tone")),
        ],
        rows: rows.collect(),
        note: None,
    }
}
