//! The page of one target: its indicators, what was seen, evidence, findings that hold for it.

use std::fmt::Write as _;

use super::super::document::{Block, Headline, Section};
use super::super::formula::condition;
use super::super::table::{Cell, Column, Table, number, range};
use super::super::view::{View, clean};
use super::super::{say, words};
use super::scores::why_unranked;
use super::{evidence, shown};
use crate::domain::ids::TargetId;
use crate::score::card::Scorecard;

/// So many files that people kept stand on the page of a target; its letter has more.
const MOST_PROOFS: usize = 6;

/// The pages of all targets: the ranked first.
pub fn sections(view: &View<'_>) -> Vec<Section> {
    let cards: Vec<&Scorecard> = view.ranked().into_iter().chain(view.unranked()).collect();
    if cards.is_empty() {
        return Vec::new();
    }
    let mut chapter = Section::chapter("targets", view.pick("评估对象逐一说明", "Each portal")).on_new_page();
    chapter.say(view.pick(
        "以下每个评估对象一页，列出各项指标的得分、区间、观测值个数和观测情况，并附证据。",
        "A page for each portal: points, intervals and counts of readings of each indicator, what was seen, and evidence.",
    ));
    let mut sections = vec![chapter];
    for (i, card) in cards.into_iter().enumerate() {
        let page = section(view, card);
        sections.push(if i == 0 { page } else { page.on_new_page() });
    }
    sections
}

/// The anchor of a target's page: ids are made of harmless characters, but nobody promises it here.
fn anchor(id: &TargetId) -> String {
    let mut anchor = String::from("target-");
    for byte in id.as_str().bytes() {
        if byte.is_ascii_alphanumeric() {
            anchor.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(anchor, "-{byte:02x}");
        }
    }
    anchor
}

fn section(view: &View<'_>, card: &Scorecard) -> Section {
    let mut section = Section::part(anchor(&card.target.id), view.target(&card.target.id));
    section.blocks.push(Block::Headlines(headlines(view, card)));
    if card.rank.is_none() {
        section.blocks.push(Block::Notice(why_unranked(view, card)));
    }
    section.blocks.extend(vetoes(view, card).into_iter().map(Block::Notice));
    section.blocks.extend(shown(indicators(view, card)));
    let found = holding(view, &card.target.id);
    if !found.is_empty() {
        section.say(view.pick("以下发现涉及本评估对象：", "These findings hold for this portal:"));
        section.blocks.push(Block::List(found));
    }
    section.blocks.extend(shown(beside(view, card)));
    section.blocks.extend(shown(evidence::written(view, &card.target.id)));
    let pieces = evidence::exhibits(view, &card.target.id);
    if !pieces.is_empty() {
        section.say(view.pick("证据：", "Evidence:"));
        section.blocks.push(Block::Exhibits(pieces));
    }
    let pieces = evidence::proofs(view, &card.target.id, MOST_PROOFS);
    if !pieces.is_empty() {
        section.say(view.pick("人工观测留存的材料：", "What people who looked have kept:"));
        section.blocks.push(Block::Exhibits(pieces));
    }
    section
}

/// The figures of a target.
pub fn headlines(view: &View<'_>, card: &Scorecard) -> Vec<Headline> {
    let missing = || super::super::table::NOTHING.to_owned();
    let ranked = view.ranked().len();
    let interval = card.interval.map(|interval| range(interval.low, interval.high)).unwrap_or_default();
    let note = if interval.is_empty() { interval } else { format!("95%: {interval}") };
    let rank = match (card.rank, view.is_chinese()) {
        (None, _) => missing(),
        (Some(rank), true) => format!("第 {rank} 名"),
        (Some(rank), false) => rank.to_string(),
    };
    let of = if view.is_chinese() { format!("共 {ranked} 个") } else { format!("of {ranked}") };
    let n: u64 = card.nodes.iter().filter(|node| node.depth == 0).map(|node| node.n).sum();
    vec![
        Headline {
            label: view.pick("总分", "Total").to_owned(),
            value: card.total.map_or_else(missing, |total| number(total, 2)),
            note,
        },
        Headline {
            label: view.pick("名次", "Rank").to_owned(),
            value: rank,
            note: if card.rank.is_some() { of } else { String::new() },
        },
        Headline {
            label: view.pick("等级", "Grade").to_owned(),
            value: Some(view.grade(card)).filter(|grade| !grade.is_empty()).unwrap_or_else(missing),
            note: View::region(card),
        },
        Headline {
            label: view.pick("观测覆盖率", "Coverage").to_owned(),
            value: format!("{}%", number(card.coverage, 1)),
            note: words::readings(n, view.language),
        },
    ]
}

/// Vetoes as sentences.
pub fn vetoes(view: &View<'_>, card: &Scorecard) -> Vec<String> {
    let told = card.vetoes.iter().map(|veto| {
        let title = clean(veto.title.pick(view.language));
        match (veto.capped_at, view.is_chinese()) {
            (Some(cap), true) => format!("触发单项否决“{title}”，总分不高于 {} 分。", number(cap, 0)),
            (Some(cap), false) => {
                format!("A veto holds: {title}. The total is capped at {} points.", number(cap, 0))
            }
            (None, true) => format!("触发单项否决“{title}”，仅作标注，不影响总分。"),
            (None, false) => format!("A veto holds: {title}. It is shown and does not change the total."),
        }
    });
    told.collect()
}

fn indicators(view: &View<'_>, card: &Scorecard) -> Table {
    let rows = card.nodes.iter().map(|score| {
        let node = view.node(&score.id);
        let indent = "　".repeat(score.depth);
        let mut source =
            score.source.map(|source| words::source(source, view.language)).unwrap_or_default().to_owned();
        if let Some(how) = score.settled {
            let how = words::settling(how, view.language);
            source =
                if view.is_chinese() { format!("{source}（{how}）") } else { format!("{source} ({how})") };
        }
        vec![
            Cell::Text(format!("{indent}{}", view.title(&score.id))),
            Cell::Text(words::state(score.state, score.settled, view.language).to_owned()),
            Cell::points(score.score),
            score.interval.map_or(Cell::Absent, |interval| Cell::Interval(interval.low, interval.high)),
            Cell::Count(score.n),
            Cell::Number(score.coverage, 0),
            Cell::text(node.map(|node| say::seen(view, score, node)).unwrap_or_default()),
            Cell::text(source),
        ]
    });
    Table {
        sheet: view.pick("指标", "Indicators"),
        title: view.pick("各项指标", "Indicators").to_owned(),
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::words(view.pick("状态", "State")),
            Column::number(view.pick("得分", "Points")),
            Column::interval(view.pick("95% 区间", "95% interval")),
            Column::number("n"),
            Column::number(view.pick("覆盖率（%）", "Coverage (%)")),
            Column::prose(view.pick("观测情况", "What was seen")),
            Column::words(view.pick("数据来源", "Source")),
        ],
        rows: rows.collect(),
        note: Some(super::counted(view)),
    }
}

/// Conditions of findings that hold for a target, in words that speak of nobody else.
pub fn conditions(view: &View<'_>, id: &TargetId) -> Vec<String> {
    let found = view.dossier.analysis.findings.iter().filter(|found| found.targets.contains(id));
    let rules = &view.dossier.profile.findings;
    found
        .filter_map(|found| rules.iter().find(|rule| rule.id == found.id))
        .map(|rule| condition(view, &rule.when))
        .collect()
}

/// Findings that hold for a target: how many share them.
fn holding(view: &View<'_>, id: &TargetId) -> Vec<String> {
    let found = view.dossier.analysis.findings.iter().filter(|found| found.targets.contains(id));
    found.map(|found| view.finding(found)).collect()
}

fn beside(view: &View<'_>, card: &Scorecard) -> Table {
    let mut rows = Vec::new();
    for beside in &card.beside {
        let steps: Vec<String> = beside.steps.iter().map(|step| say::step(view, step)).collect();
        let leaves: Vec<String> = beside
            .leaves
            .iter()
            .map(|(id, score)| format!("{} {}", view.title(id), number(*score, 2)))
            .collect();
        rows.push(vec![
            Cell::Text(view.scenario(&beside.scenario)),
            Cell::text(leaves.join(view.pick("；", "; "))),
            Cell::text(steps.join(view.pick("；", "; "))),
        ]);
    }
    Table {
        sheet: view.pick("不计分场景", "Beside"),
        title: view
            .pick("仅作观察、不计分的场景", "Observed beside the score: not scored, never added")
            .to_owned(),
        columns: vec![
            Column::words(view.pick("场景", "Scenario")),
            Column::prose(view.pick("按相同方法折算的得分", "What its points would be")),
            Column::prose(view.pick("观测情况", "What was seen")),
        ],
        rows,
        note: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_harmless_and_differ() {
        for (id, want) in
            [("demo-city", "target-demo-2dcity"), ("a.b", "target-a-2eb"), ("\"><", "target--22-3e-3c")]
        {
            assert_eq!(anchor(&TargetId::new(id)), want);
        }
    }
}
