//! What was left out of scores, and why: of which indicators, and how often at which portal.
//!
//! Invariant: what was left out counts against nobody, so it is told in counts and never in points.

use std::collections::BTreeMap;

use super::super::table::{Cell, Column, Table};
use super::super::view::View;
use crate::domain::coding::Settling;
use crate::domain::ids::ScenarioId;
use crate::domain::outcome::{Credit, Outcome};
use crate::domain::profile::NodeKind;
use crate::score::card::{Scorecard, State, StepCredit, Value};

/// In words.
pub fn text(view: &View<'_>) -> String {
    let cards = &view.dossier.assessment.cards;
    let beside: std::collections::BTreeSet<_> =
        cards.iter().flat_map(|card| &card.beside).map(|beside| view.scenario(&beside.scenario)).collect();
    let beside: Vec<String> = beside.into_iter().collect();
    let mut text = view
        .pick(
            "需要登录、实名核验、更换账号或被验证码、防火墙拦截的步骤视为未观测；脚本失配、自身规则拦截和自身故障的运行予以剔除。",
            "Steps behind a login, an identity check, another kind of account, a captcha or a firewall count as not observed; runs that failed by our own fault, our own rules or a script that no longer fits are left out.",
        )
        .to_owned();
    if !beside.is_empty() {
        let list = beside.join(view.pick("、", ", "));
        let more = if view.is_chinese() {
            format!("下列场景仅作观察，不计分：{list}。")
        } else {
            format!(" Observed and not scored: {list}.")
        };
        text.push_str(&more);
    }
    text
}

/// Indicators that not every portal has points for.
pub fn by_indicator(view: &View<'_>) -> Table {
    let cards = &view.dossier.assessment.cards;
    let mut rows = Vec::new();
    for placed in view.placed().iter().filter(|placed| matches!(placed.node.kind, NodeKind::Leaf(_))) {
        let scores = || cards.iter().flat_map(|card| &card.nodes).filter(|node| node.id == placed.node.id);
        let in_state = |state| scores().filter(|node| node.state == state).count() as u64;
        let disputed = scores().filter(|node| node.settled == Some(Settling::Disputed)).count() as u64;
        let (unobserved, not_applicable) = (in_state(State::Unobserved), in_state(State::NotApplicable));
        if unobserved + not_applicable > 0 {
            rows.push(vec![
                Cell::Text(view.title(&placed.node.id)),
                Cell::Count(in_state(State::Scored)),
                Cell::Count(unobserved),
                Cell::Count(disputed),
                Cell::Count(not_applicable),
            ]);
        }
    }
    Table {
        sheet: view.pick("未纳入", "Left out"),
        title: if view.is_chinese() {
            format!("并非全部评估对象都有得分的指标（n={}）", cards.len())
        } else {
            format!("Indicators without points for every portal (n={})", cards.len())
        },
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::number(view.pick("已计分", "Scored")),
            Column::number(view.pick("未观测到", "Not observed")),
            Column::number(view.pick("其中意见不一", "Of these: disputed")),
            Column::number(view.pick("不适用", "Does not apply")),
        ],
        rows,
        note: None,
    }
}

/// How often steps of scored scenarios ended without points, portal by portal.
pub fn by_portal(view: &View<'_>) -> Table {
    let mut rows = Vec::new();
    for card in &view.dossier.assessment.cards {
        let (walls, ours) = without_points(card);
        if walls + ours > 0 {
            rows.push(vec![Cell::Text(view.target(&card.target.id)), Cell::Count(walls), Cell::Count(ours)]);
        }
    }
    Table {
        sheet: view.pick("未计入次数", "Left out by portal"),
        title: if view.is_chinese() {
            format!("各评估对象未计入得分的步骤次数（涉及评估对象 n={}）", rows.len())
        } else {
            format!("Steps that were left out, by portal (n={} portals with some)", rows.len())
        },
        columns: vec![
            Column::words(view.pick("评估对象", "Portal")),
            Column::number(view.pick("无法继续观测", "Could not be seen")),
            Column::number(view.pick("自身故障、规则或脚本失配", "Our own faults")),
        ],
        rows,
        note: Some(
            view.pick(
                "只计计分场景中计分步骤的次数；一个步骤计入多个指标时只计一次。",
                "Steps of scored scenarios that feed an indicator; one that feeds several is counted once.",
            )
            .to_owned(),
        ),
    }
}

/// How often steps of a portal could not be seen to their end, and how often that was our own fault.
fn without_points(card: &Scorecard) -> (u64, u64) {
    let mut steps: BTreeMap<(&ScenarioId, &str), &StepCredit> = BTreeMap::new();
    for value in card.nodes.iter().filter_map(|node| node.value.as_ref()) {
        if let Value::Steps { steps: found } = value {
            steps.extend(found.iter().map(|step| ((&step.scenario, step.step.as_str()), step)));
        }
    }
    let (mut walls, mut ours) = (0, 0);
    for (outcome, count) in steps.into_values().flat_map(|step| &step.outcomes) {
        match outcome.credit() {
            Credit::Excluded => ours += count,
            // The journey ended before it, and is counted there.
            Credit::Unobserved if *outcome != Outcome::NotReached => walls += count,
            Credit::Unobserved | Credit::Points(_) => {}
        }
    }
    (walls, ours)
}
