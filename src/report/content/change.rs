//! Change against another period, on comparable indicators only.

use super::super::document::{Block, Section};
use super::super::table::{Cell, Column, Table, change as signed, number};
use super::super::view::View;
use super::super::words;
use super::{pictures, shown};
use crate::score::analysis::{Change, NodeChange};

/// The chapter; nothing when nothing is compared.
pub fn section(view: &View<'_>) -> Option<Section> {
    let change = view.dossier.analysis.change.as_ref()?;
    let title = view.pick("与对比期的变化", "Change between the periods");
    let mut section = Section::chapter("change", title).on_new_page();
    section.say(sentence(view, change));
    if !change.not_comparable.is_empty() {
        let titles: Vec<String> = change.not_comparable.iter().map(|id| view.title(id)).collect();
        let list = titles.join(view.pick("、", ", "));
        section.say(if view.is_chinese() {
            format!("以下指标两期的数据来源或计分方法不同，不作比较：{list}。")
        } else {
            format!("Not compared, because source or formula changed: {list}.")
        });
    }
    section.blocks.extend(pictures::change(view, change).map(Block::Chart));
    section.blocks.extend(shown(nodes(view, change)));
    section.blocks.extend(pictures::movers(view, change).map(Block::Chart));
    section.blocks.extend(shown(movers(view, change)));
    Some(section)
}

/// The tables of a workbook.
pub fn tables(view: &View<'_>) -> Vec<Table> {
    let change = view.dossier.analysis.change.as_ref();
    change.map(|change| vec![nodes(view, change), movers(view, change)]).unwrap_or_default()
}

/// The change in a sentence.
pub fn sentence(view: &View<'_>, change: &Change) -> String {
    let then = words::days(change.against.0, change.against.1, view.language);
    let by = |node: &NodeChange| node.after - node.before;
    let leaves: Vec<&NodeChange> = change
        .nodes
        .iter()
        .filter(|node| !change.nodes.iter().any(|other| view.is_below(&other.id, &node.id)))
        .collect();
    let most = leaves.iter().max_by(|a, b| by(a).total_cmp(&by(b))).filter(|node| by(node) > 0.0);
    let least = leaves.iter().min_by(|a, b| by(a).total_cmp(&by(b))).filter(|node| by(node) < 0.0);
    let told = |node: &NodeChange| {
        let title = view.name_of(&node.id);
        let (before, after) = (number(node.before, 2), number(node.after, 2));
        if view.is_chinese() {
            format!("{title}由 {before} 分变为 {after} 分（{}）", signed(by(node)))
        } else {
            format!("{title} from {before} to {after} ({})", signed(by(node)))
        }
    };
    match (most.map(|node| told(node)), least.map(|node| told(node)), view.is_chinese()) {
        (None, None, true) if change.nodes.is_empty() => format!("与{then}相比，没有可比指标。"),
        (None, None, false) if change.nodes.is_empty() => {
            format!("Compared with {then}, no indicator is comparable.")
        }
        (None, None, true) => format!("与{then}相比，可比指标的平均得分没有变化。"),
        (None, None, false) => {
            format!("Compared with {then}, the means of the comparable indicators have not changed.")
        }
        (Some(up), None, true) => format!("与{then}相比，在可比指标中上升最多的是{up}。"),
        (Some(up), None, false) => {
            format!("Compared with {then}, what rose most among comparable indicators is {up}.")
        }
        (None, Some(down), true) => format!("与{then}相比，在可比指标中下降最多的是{down}。"),
        (None, Some(down), false) => {
            format!("Compared with {then}, what fell most among comparable indicators is {down}.")
        }
        (Some(up), Some(down), true) => {
            format!("与{then}相比，在可比指标中上升最多的是{up}，下降最多的是{down}。")
        }
        (Some(up), Some(down), false) => {
            format!(
                "Compared with {then}, what rose most among comparable indicators is {up}; what fell most is {down}."
            )
        }
    }
}

fn nodes(view: &View<'_>, change: &Change) -> Table {
    let rows = change.nodes.iter().map(|node| {
        vec![
            Cell::Text(view.title(&node.id)),
            Cell::Number(node.before, 2),
            Cell::Number(node.after, 2),
            Cell::Change(node.after - node.before),
            Cell::Count(node.n),
        ]
    });
    Table {
        sheet: view.pick("指标变化", "Change"),
        title: view
            .pick(
                "可比指标平均得分（n 为两期均有得分的评估对象数）",
                "Means of comparable indicators (n: portals with points in both periods)",
            )
            .to_owned(),
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::number(view.pick("对比期", "Then")),
            Column::number(view.pick("本期", "Now")),
            Column::number(view.pick("变化", "Change")),
            Column::number("n"),
        ],
        rows: rows.collect(),
        note: None,
    }
}

fn movers(view: &View<'_>, change: &Change) -> Table {
    let rank = |rank: Option<u32>| rank.map_or(Cell::Absent, |rank| Cell::Count(rank.into()));
    let rows = change.movers.iter().map(|mover| {
        vec![
            Cell::Text(view.target(&mover.target)),
            Cell::Number(mover.before, 2),
            Cell::Number(mover.after, 2),
            Cell::Change(mover.after - mover.before),
            rank(mover.ranks.0),
            rank(mover.ranks.1),
        ]
    });
    let n = change.movers.len();
    Table {
        sheet: view.pick("升降", "Movers"),
        title: if view.is_chinese() {
            format!("各评估对象在可比指标上的变化（n={n}）")
        } else {
            format!("Change of every portal over comparable indicators (n={n})")
        },
        columns: vec![
            Column::words(view.pick("评估对象", "Portal")),
            Column::number(view.pick("对比期", "Then")),
            Column::number(view.pick("本期", "Now")),
            Column::number(view.pick("变化", "Change")),
            Column::number(view.pick("对比期名次", "Rank then")),
            Column::number(view.pick("本期名次", "Rank now")),
        ],
        rows: rows.collect(),
        note: None,
    }
}
