//! The method annex: with what was scored, how, of how much, and what was left out.

use super::super::document::{Block, Section};
use super::super::formula::{condition, formula, plain};
use super::super::table::{Cell, Column, Table, number};
use super::super::view::{View, clean};
use super::super::words;
use super::{left_out, shown};
use crate::domain::profile::{NodeKind, Placed};
use crate::score::card::Reliability;

/// The chapter and its parts.
pub fn sections(view: &View<'_>) -> Vec<Section> {
    let title = view.pick("评估方法与数据说明", "Method and data");
    let mut head = Section::chapter("method", title).on_new_page();
    head.blocks.extend(shown(facts(view)));
    head.blocks.push(Block::List(rules(view)));
    let mut sections = vec![head];
    let mut part = |anchor: &str, title: &str, tables: Vec<Table>, text: Option<String>| {
        let blocks: Vec<Block> = tables.into_iter().filter_map(shown).collect();
        if blocks.is_empty() && text.is_none() {
            return;
        }
        let mut section = Section::part(anchor, title);
        section.blocks.extend(text.map(Block::Text));
        section.blocks.extend(blocks);
        sections.push(section);
    };
    let tree = view.pick("指标体系、权重与计分方法", "Indicators, weights and formulas");
    part("method-tree", tree, vec![profile(view), vetoes(view)], None);
    part("method-assumed", view.pick("假定的数值", "Assumed figures"), vec![assumed(view)], None);
    let left_out = view.pick("未纳入计分的内容", "What was left out, and why");
    part(
        "method-left-out",
        left_out,
        vec![left_out::by_indicator(view), left_out::by_portal(view)],
        Some(left_out::text(view)),
    );
    let reliable = view.pick("人工观测的信度", "How well coders agree");
    part("method-reliability", reliable, vec![reliability(view)], None);
    let sensitive = view.pick("名次对权重的敏感性", "What ranks do when weights move");
    part("method-sensitivity", sensitive, vec![sensitivity(view)], None);
    sections
}

/// The tables of a workbook.
pub fn tables(view: &View<'_>) -> Vec<Table> {
    vec![
        sensitivity(view),
        reliability(view),
        left_out::by_indicator(view),
        left_out::by_portal(view),
        assumed(view),
        profile(view),
        vetoes(view),
        facts(view),
    ]
}

fn facts(view: &View<'_>) -> Table {
    let dossier = view.dossier;
    let assessment = &dossier.assessment;
    let readings: u64 = assessment
        .cards
        .iter()
        .flat_map(|card| &card.nodes)
        .filter(|node| node.depth == 0)
        .map(|node| node.n)
        .sum();
    let mut facts = vec![
        (
            view.pick("评估方案", "Profile"),
            format!("{} ({})", clean(dossier.profile.title.pick(view.language)), clean(&dossier.profile.id)),
        ),
        (view.pick("方案文件的 SHA-256", "SHA-256 of the profile's file"), clean(&assessment.profile_hash)),
        (view.pick("评估期", "Period"), words::period(&assessment.period, view.language)),
        (view.pick("时区", "Time zone"), clean(&assessment.period.timezone)),
        (view.pick("评估对象数", "Portals"), assessment.cards.len().to_string()),
        (view.pick("有总分的评估对象数", "Portals with a total"), view.with_total().to_string()),
        (view.pick("参加排名的评估对象数", "Portals with a rank"), view.ranked().len().to_string()),
        (
            view.pick(
                "计分所依据的观测值个数（一次访问可计入多个指标）",
                "Readings that scores stand on (one visit may count for several indicators)",
            ),
            readings.to_string(),
        ),
        (view.pick("观测点", "Observed from"), clean(&dossier.agent.name)),
        (view.pick("程序版本", "Program"), format!("mystery-shopper {}", clean(&dossier.agent.version))),
    ];
    if let Some(against) = &dossier.against {
        facts.push((view.pick("对比期", "Compared with"), words::period(&against.period, view.language)));
        facts.push((
            view.pick("对比期方案文件的 SHA-256", "SHA-256 of the other period's profile"),
            clean(&against.profile_hash),
        ));
    }
    if let Some(contact) = &dossier.agent.contact {
        facts.push((view.pick("联系方式", "Contact"), clean(contact.trim_start_matches("mailto:"))));
    }
    Table {
        sheet: view.pick("基本信息", "About"),
        title: view.pick("基本信息", "About this assessment").to_owned(),
        columns: vec![Column::words(view.pick("项目", "Item")), Column::prose(view.pick("内容", "Value"))],
        rows: facts
            .into_iter()
            .map(|(label, value)| vec![Cell::Text(label.to_owned()), Cell::text(value)])
            .collect(),
        note: None,
    }
}

fn rules(view: &View<'_>) -> Vec<String> {
    let floor = number(view.dossier.profile.coverage_floor, 0);
    let mut rules: Vec<String> = if view.is_chinese() {
        vec![
            "上级指标得分为其下已观测指标得分的加权平均。不适用的指标不计入分母；未观测到的指标不计入分母，但会降低覆盖率，绝不按零分处理。".to_owned(),
            format!("覆盖率为已观测指标的权重占比。覆盖率低于 {floor}% 的评估对象只列出结果，不参加排名。"),
            "总分按两位小数并列：两位小数相同者名次相同。".to_owned(),
            "比例附 Wilson 95% 置信区间；得分附按天重抽样（自助法，固定随机种子）的 95% 区间。".to_owned(),
            "本系统自身的故障（浏览器、磁盘、网络、脚本失配、自身规则拦截）不计入任何评估对象的得分。".to_owned(),
        ]
    } else {
        vec![
            "The points of an indicator with others below it are their weighted mean, of those that were observed. What does not apply leaves the denominator; what was not observed leaves it as well and lowers coverage, and is never 0.".to_owned(),
            format!("Coverage is the share of the weight that was observed. A portal with less than {floor}% is shown and not ranked."),
            "Totals that are equal to two digits share a rank.".to_owned(),
            "Shares carry Wilson's 95% interval; points carry a 95% interval by bootstrap over days with a fixed seed.".to_owned(),
            "Faults of our own (browser, disk, network, a script that no longer fits, our own rules) count against nobody.".to_owned(),
        ]
    };
    if let Some(bonus) = &view.dossier.profile.bonus {
        let above = plain(bonus.above);
        rules.push(if view.is_chinese() {
            format!("总分高于 {above} 分的评估对象另计加分项。")
        } else {
            format!("Bonus points are added to totals above {above}.")
        });
    }
    rules
}

/// The share of a node among its siblings, in percent.
fn share(view: &View<'_>, placed: &Placed<'_>) -> f64 {
    let siblings =
        view.placed().iter().filter(|other| other.parent == placed.parent && other.bonus == placed.bonus);
    let sum: f64 = siblings.map(|other| other.node.weight).sum();
    100.0 * placed.node.weight / sum.max(f64::EPSILON)
}

/// The share of a node of the whole, in percent.
fn of_whole(view: &View<'_>, placed: &Placed<'_>) -> f64 {
    let above = placed.parent.and_then(|id| view.placed().iter().find(|other| other.node.id == *id));
    let above = above.map_or(100.0, |above| of_whole(view, above));
    above * share(view, placed) / 100.0
}

fn profile(view: &View<'_>) -> Table {
    let rows = view.placed().iter().map(|placed| {
        let node = placed.node;
        let (sources, how) = match &node.kind {
            NodeKind::Parent(_) => (
                String::new(),
                view.pick("下级指标的加权平均", "the weighted mean of what is below it").to_owned(),
            ),
            NodeKind::Leaf(leaf) => {
                let sources: Vec<&str> =
                    leaf.sources.iter().map(|source| words::source(*source, view.language)).collect();
                (sources.join(view.pick("；无则取 ", "; failing that ")), formula(view, &leaf.formula))
            }
        };
        let title = format!("{}{}", "　".repeat(placed.depth), view.title(&node.id));
        let bonus = if placed.bonus { view.pick("（加分项）", " (bonus)") } else { "" };
        vec![
            Cell::Text(format!("{title}{bonus}")),
            Cell::Number(node.weight, 2),
            // What the bonus adds is its weight itself.
            if placed.bonus { Cell::Absent } else { Cell::Number(of_whole(view, placed), 2) },
            Cell::text(sources),
            Cell::Text(how),
        ]
    });
    Table {
        sheet: view.pick("指标体系", "Profile"),
        title: view.pick("指标体系", "The profile").to_owned(),
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::number(view.pick("同级权重", "Weight")),
            Column::number(view.pick("占总分（%）", "Of the total (%)")),
            Column::prose(view.pick("数据来源", "Source")),
            Column::prose(view.pick("计分方法", "How points are made")),
        ],
        rows: rows.collect(),
        note: None,
    }
}

fn vetoes(view: &View<'_>) -> Table {
    let rows = view.dossier.profile.vetoes.iter().map(|veto| {
        vec![
            Cell::Text(clean(veto.title.pick(view.language))),
            Cell::Text(condition(view, &veto.when)),
            veto.cap.map_or(Cell::Absent, |cap| Cell::Number(cap, 0)),
        ]
    });
    Table {
        sheet: view.pick("单项否决", "Vetoes"),
        title: view.pick("单项否决", "Vetoes").to_owned(),
        columns: vec![
            Column::words(view.pick("名称", "Veto")),
            Column::prose(view.pick("触发条件", "When it holds")),
            Column::number(view.pick("总分上限", "Cap")),
        ],
        rows: rows.collect(),
        note: None,
    }
}

fn assumed(view: &View<'_>) -> Table {
    let rows = view.placed().iter().filter_map(|placed| {
        let assumed = placed.node.assumed.as_ref()?;
        Some(vec![Cell::Text(view.title(&placed.node.id)), Cell::Text(clean(assumed.pick(view.language)))])
    });
    Table {
        sheet: view.pick("假定数值", "Assumed"),
        title: view
            .pick("没有公开依据、由本方案假定的数值", "Figures that no public source states")
            .to_owned(),
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::prose(view.pick("假定内容", "What is assumed")),
        ],
        rows: rows.collect(),
        note: None,
    }
}

fn reliability(view: &View<'_>) -> Table {
    let found = &view.dossier.assessment.reliability;
    let number_of = |value: Option<f64>| value.map_or(Cell::Absent, |value| Cell::Number(value, 3));
    let rows = found.iter().map(|(id, found)| {
        let verdict = match found.alpha {
            None => view.pick("无法计算：取值没有差异", "cannot be told: no variation"),
            Some(alpha) if alpha < Reliability::FLOOR => view.pick("信度不足", "not reliable"),
            Some(alpha) if alpha < 0.8 => view.pick("可作初步判断", "tentative"),
            Some(_) => view.pick("可靠", "reliable"),
        };
        let scale = view.node(id).and_then(|node| match &node.kind {
            NodeKind::Leaf(leaf) => Some(words::scale(leaf.scale, view.language)),
            NodeKind::Parent(_) => None,
        });
        vec![
            Cell::Text(view.title(id)),
            Cell::text(scale.unwrap_or_default()),
            Cell::Count(found.units),
            Cell::Number(found.agreement, 2),
            number_of(found.kappa),
            number_of(found.alpha),
            Cell::Text(verdict.to_owned()),
        ]
    });
    Table {
        sheet: view.pick("信度", "Reliability"),
        title: view.pick("双人独立观测的一致程度", "Agreement of coders who work apart").to_owned(),
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::words(view.pick("尺度", "Scale")),
            Column::number("n"),
            Column::number(view.pick("一致率（%）", "Agreement (%)")),
            Column::number(view.pick("Cohen κ", "Cohen's κ")),
            Column::number(view.pick("Krippendorff α", "Krippendorff's α")),
            Column::words(view.pick("判断", "Verdict")),
        ],
        rows: rows.collect(),
        note: Some(
            view.pick(
                "α 不低于 0.800 为可靠，0.667 至 0.800 可作初步判断，低于 0.667 的指标在各处标为“信度不足”。",
                "α of 0.800 and above is reliable, from 0.667 tentative; an indicator below 0.667 is marked “not reliable” wherever it stands.",
            )
            .to_owned(),
        ),
    }
}

fn sensitivity(view: &View<'_>) -> Table {
    let n = view.ranked().len();
    // Without ranks none can move, and that is not 0 of them.
    let moves = view.dossier.analysis.sensitivity.iter().filter(|_| n > 0);
    let rows = moves.map(|moved| {
        vec![
            Cell::Text(view.title(&moved.id)),
            Cell::Change(moved.by),
            Cell::Count(moved.moved),
            Cell::Count(moved.most.into()),
            Cell::Count(moved.regraded),
            moved.tau.map_or(Cell::Absent, |tau| Cell::Number(tau, 3)),
        ]
    });
    Table {
        sheet: view.pick("敏感性", "Sensitivity"),
        title: if view.is_chinese() {
            format!("一级指标权重增减时名次的变化（n={n}）")
        } else {
            format!("Ranks that move when a first-level weight does (n={n})")
        },
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::number(view.pick("权重变化", "Weight by")),
            Column::number(view.pick("名次变动数", "Ranks moved")),
            Column::number(view.pick("最多变动位次", "By at most")),
            Column::number(view.pick("等级变动数", "Grades changed")),
            Column::number("Kendall τ-b"),
        ],
        rows: rows.collect(),
        note: None,
    }
}
