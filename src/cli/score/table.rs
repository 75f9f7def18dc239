//! The table of scorecards: the ranked by rank, behind them those that were seen too little, each with the
//! reason; and the lines beneath it.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::app::Scored;
use crate::cli::output::tame;
use crate::domain::language::Language;
use crate::domain::profile::Profile;
use crate::report::below;
use crate::score::card::{Assessment, Interval, Scorecard, State};

/// What stands where there is no number.
const NOTHING: &str = "–";

/// A row for each target.
pub(super) fn cards(profile: &Profile, assessment: &Assessment, language: Language) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    let words = language.pick("名次 目标 总分 95%区间 覆盖率 等级", "rank target total 95% coverage grade");
    let mut header: Vec<String> = words.split(' ').map(str::to_owned).collect();
    header.extend(profile.tree.iter().map(|node| tame(node.title.pick(language))));
    table.set_header(header);
    for card in in_order(assessment) {
        let mut row = vec![
            card.rank.map_or_else(|| NOTHING.to_owned(), |rank| rank.to_string()),
            tame(&card.target.name),
            points(card.total),
            card.interval.map_or_else(|| NOTHING.to_owned(), between),
            format!("{:.0} %", card.coverage),
            grade(profile, card, language),
        ];
        row.extend(profile.tree.iter().map(|node| {
            let found = card.nodes.iter().find(|it| it.id == node.id);
            match found.map(|it| (it.state, it.score)) {
                Some((State::NotApplicable, _)) => language.pick("不适用", "n/a").to_owned(),
                Some((_, score)) => points(score),
                None => NOTHING.to_owned(),
            }
        }));
        table.add_row(row);
    }
    for column in (0..table.column_count()).filter(|place| ![1, 5].contains(place)) {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// By rank; then those without one, the most observed first.
fn in_order(assessment: &Assessment) -> Vec<&Scorecard> {
    let mut cards: Vec<&Scorecard> = assessment.cards.iter().collect();
    cards.sort_by(|a, b| {
        let place = |card: &Scorecard| card.rank.unwrap_or(u32::MAX);
        place(a).cmp(&place(b)).then_with(|| b.coverage.total_cmp(&a.coverage))
    });
    cards
}

fn points(points: Option<f64>) -> String {
    points.map_or_else(|| NOTHING.to_owned(), |points| format!("{points:.2}"))
}

fn between(interval: Interval) -> String {
    format!("{:.1}–{:.1}", interval.low, interval.high)
}

fn grade(profile: &Profile, card: &Scorecard, language: Language) -> String {
    let grade = card.grade.and_then(|index| profile.grades.get(index));
    grade.map_or_else(|| NOTHING.to_owned(), |grade| tame(grade.title.pick(language)))
}

/// Why targets have no rank, vetoes, the mean, grades, the other period.
pub(super) fn beneath(profile: &Profile, scored: &Scored, language: Language) -> Vec<String> {
    let mut lines = Vec::new();
    for card in in_order(&scored.assessment) {
        let name = tame(&card.target.name);
        if card.total.is_none() {
            lines.push(
                language
                    .pick(
                        &format!("{name}：未排名，没有任何观测。"),
                        &format!("{name} has no rank: nothing was seen of it."),
                    )
                    .to_owned(),
            );
        } else if card.rank.is_none() {
            let floor = profile.coverage_floor;
            let seen = below(card.coverage, floor);
            lines.push(
                language
                    .pick(
                        &format!("{name}：未排名，只观测到权重的 {seen} %，低于 {floor} %。"),
                        &format!(
                            "{name} has no rank: {seen} % of the weight was observed, less than {floor} %."
                        ),
                    )
                    .to_owned(),
            );
        }
        for veto in &card.vetoes {
            let title = tame(veto.title.pick(language));
            lines.push(match veto.capped_at {
                Some(cap) => language
                    .pick(
                        &format!("{name}：单项否决“{title}”，总分以 {cap:.2} 为限。"),
                        &format!("{name}: veto “{title}”; its total is cut to {cap:.2}."),
                    )
                    .to_owned(),
                None => language
                    .pick(&format!("{name}：单项否决“{title}”。"), &format!("{name}: veto “{title}”."))
                    .to_owned(),
            });
        }
    }
    if let Some(mean) = scored.analysis.mean {
        let mean_is = language.pick("平均分", "mean");
        let grades: Vec<String> = scored
            .analysis
            .grades
            .iter()
            .map(|grade| {
                format!("{} {} ({:.2} %)", tame(grade.title.pick(language)), grade.count, grade.share)
            })
            .collect();
        lines.push(format!("{mean_is} {mean:.2}; {}", grades.join(", ")).trim_end_matches("; ").to_owned());
    }
    for change in scored.analysis.change.iter().flat_map(|change| &change.nodes) {
        let node = profile.nodes().into_iter().find(|placed| placed.node.id == change.id);
        let Some(placed) = node.filter(|placed| placed.depth == 0) else { continue };
        let title = tame(placed.node.title.pick(language));
        lines.push(format!("{title}: {:.2} → {:.2} (n = {})", change.before, change.after, change.n));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::indicator::IndicatorId;
    use crate::domain::period::Period;
    use crate::domain::profile::{Grade, Node, NodeKind, Words};
    use crate::score::analysis::{Analysis, GradeCount};
    use crate::score::card::{NodeScore, VetoFlag};
    use crate::score::material::Subject;

    fn words(zh: &str, en: &str) -> Words {
        Words { zh: zh.into(), en: en.into() }
    }

    fn id(text: &str) -> IndicatorId {
        IndicatorId::parse(text).unwrap()
    }

    fn profile() -> Profile {
        let node = |at: &str, title: Words| Node {
            id: id(at),
            title,
            weight: 1.0,
            assumed: None,
            kind: NodeKind::Parent(Vec::new()),
        };
        Profile {
            id: "d3".into(),
            title: words("测评", "Assessment"),
            hash: String::new(),
            coverage_floor: 70.0,
            grades: vec![Grade { title: words("良好", "good"), from: 0.0 }],
            tree: vec![node("A", words("办事指南", "guide")), node("T", words("技术支撑", "technical"))],
            bonus: None,
            vetoes: Vec::new(),
            findings: Vec::new(),
            figures: Vec::new(),
        }
    }

    fn card(name: &str, rank: Option<u32>, total: Option<f64>, coverage: f64) -> Scorecard {
        let score = |at: &str, state, score| NodeScore {
            id: id(at),
            parent: None,
            depth: 0,
            bonus: false,
            weight: 1.0,
            state,
            score,
            coverage,
            interval: None,
            n: 1,
            value: None,
            source: None,
            settled: None,
        };
        Scorecard {
            target: Subject { id: name.into(), name: name.into(), labels: BTreeMap::new() },
            total,
            base: total,
            interval: total.map(|it| Interval { low: it - 1.0, high: it + 1.0 }),
            coverage,
            rank,
            grade: rank.map(|_| 0),
            vetoes: Vec::new(),
            nodes: vec![
                score("A", if total.is_some() { State::Scored } else { State::Unobserved }, total),
                score("T", if rank == Some(1) { State::NotApplicable } else { State::Unobserved }, None),
            ],
            beside: Vec::new(),
            figures: BTreeMap::new(),
            ending: None,
        }
    }

    fn scored() -> Scored {
        let mut capped = card("bei", Some(1), Some(59.0), 90.0);
        let title = words("网站不可用", "site unavailable");
        capped.vetoes = vec![VetoFlag { id: "down".into(), title, capped_at: Some(59.0) }];
        let day = "2026-11-01".parse().unwrap();
        Scored {
            made_at: jiff::Timestamp::UNIX_EPOCH,
            agent_version: String::new(),
            assessment: Assessment {
                profile: "d3".into(),
                profile_hash: String::new(),
                period: Period::new(day, day, "UTC").unwrap(),
                cards: vec![
                    card("unseen", None, None, 0.0),
                    card("half", None, Some(80.0), 45.0),
                    card("hai", Some(2), Some(58.994), 100.0),
                    capped,
                ],
                reliability: BTreeMap::new(),
                definitions: BTreeMap::new(),
            },
            against: None,
            analysis: Analysis {
                mean: Some(66.0),
                grades: vec![GradeCount {
                    title: words("良好", "good"), from: 0.0, count: 2, share: 100.0
                }],
                ..Analysis::default()
            },
            catching_up: 0,
        }
    }

    #[test]
    fn the_ranked_come_first_and_what_was_not_seen_has_no_number() {
        let (profile, scored) = (profile(), scored());
        let text = cards(&profile, &scored.assessment, Language::English).to_string();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| !line.contains(['─', '═']))
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(rows[0], ["rank", "target", "total", "95%", "coverage", "grade", "guide", "technical"]);
        assert_eq!(rows[1], ["1", "bei", "59.00", "58.0–60.0", "90 %", "good", "59.00", "n/a"]);
        assert_eq!(rows[2], ["2", "hai", "58.99", "58.0–60.0", "100 %", "good", "58.99", "–"]);
        assert_eq!(rows[3], ["–", "half", "80.00", "79.0–81.0", "45 %", "–", "80.00", "–"]);
        assert_eq!(rows[4], ["–", "unseen", "–", "–", "0 %", "–", "–", "–"]);
        assert!(cards(&profile, &scored.assessment, Language::Chinese).to_string().contains("办事指南"));
    }

    #[test]
    fn the_lines_beneath_say_why() {
        let lines = beneath(&profile(), &scored(), Language::English);
        assert_eq!(
            lines,
            [
                "bei: veto “site unavailable”; its total is cut to 59.00.",
                "half has no rank: 45.0 % of the weight was observed, less than 70 %.",
                "unseen has no rank: nothing was seen of it.",
                "mean 66.00; good 2 (100.00 %)",
            ]
        );
        let mut near = scored();
        near.assessment.cards[1].coverage = 69.6;
        let line = &beneath(&profile(), &near, Language::English)[1];
        assert_eq!(line, "half has no rank: 69.6 % of the weight was observed, less than 70 %.");
        let lines = beneath(&profile(), &scored(), Language::Chinese);
        assert_eq!(lines[1], "half：未排名，只观测到权重的 45.0 %，低于 70 %。");
    }
}
