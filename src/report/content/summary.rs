//! The summary: what was assessed, the figures that matter, and the findings.

use super::super::document::{Block, Headline, Section};
use super::super::table::{Cell, Column, Table, number, percent};
use super::super::view::{View, clean};
use super::super::words;
use crate::mail::say::{Precision, instant};
use jiff::tz::TimeZone;

/// The report's heading.
pub fn heading(view: &View<'_>) -> String {
    view.pick("网上政务服务能力评估报告", "Online government services: assessment report").to_owned()
}

/// The lines below the heading: what, when, n, by whom.
pub fn imprint(view: &View<'_>) -> Vec<(String, String)> {
    let dossier = view.dossier;
    let Period { days, zone } = period(view);
    let cards = dossier.assessment.cards.len();
    let n = if view.is_chinese() { format!("{cards} 个") } else { cards.to_string() };
    let made = instant(dossier.made_at, &zone, Precision::Full, view.language);
    let mut lines = vec![
        (view.pick("评估方案", "Profile"), clean(dossier.profile.title.pick(view.language))),
        (view.pick("评估期", "Period"), days),
        (view.pick("评估对象", "Portals assessed"), n),
        (view.pick("观测点", "Observed from"), clean(&dossier.agent.name)),
        (view.pick("生成时间", "Made at"), made),
    ];
    if let Some(against) = &dossier.against {
        let then = words::period(&against.period, view.language);
        lines.insert(2, (view.pick("对比期", "Compared with"), then));
    }
    lines.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()
}

struct Period {
    days: String,
    zone: TimeZone,
}

fn period(view: &View<'_>) -> Period {
    let period = &view.dossier.assessment.period;
    let zone = TimeZone::get(&period.timezone).unwrap_or(TimeZone::UTC);
    Period { days: words::period(period, view.language), zone }
}

/// The chapter.
pub fn section(view: &View<'_>) -> Section {
    let mut section = Section::chapter("summary", view.pick("评估结论", "Summary"));
    if view.with_total() == 0 {
        let text = if view.dossier.assessment.cards.is_empty() {
            view.pick(
                "评估范围内没有任何评估对象，因此没有得分。请检查配置文件中的 [[target]]，以及命令中的筛选条件。",
                "There is no portal in the scope of this assessment, so there are no scores. Look at [[target]] in the configuration, and at what the command selects.",
            )
        } else {
            view.pick(
                "评估期内没有得到任何可用的观测数据，因此没有得分。没有观测到不等于零分。请核对评估期，以及这段时间内探测是否正常运行。",
                "Nothing was observed in this period, so there are no scores. What was not observed is not 0 points. Look whether the period is the right one, and whether the agent was running then.",
            )
        };
        return section.with(Block::Notice(text.to_owned()));
    }
    section.blocks.push(Block::Headlines(headlines(view)));
    for sentence in sentences(view) {
        section.say(sentence);
    }
    let found = &view.dossier.analysis.findings;
    let told: Vec<String> =
        found.iter().filter(|found| found.count > 0).map(|found| view.finding(found)).collect();
    if !told.is_empty() {
        section.say(view.pick("主要发现：", "What was found:"));
        section.blocks.push(Block::List(told));
    }
    let unknown = undecided(view).len() + found.iter().filter(|found| found.n == 0).count();
    if unknown > 0 {
        section.say(if view.is_chinese() {
            format!("另有 {unknown} 项发现因缺少观测数据，本期无法判断。")
        } else {
            format!(
                "{} could not be decided in this period, because nothing was observed for it.",
                words::counted(unknown as u64, "further finding", "further findings")
            )
        });
    }
    section
}

fn headlines(view: &View<'_>) -> Vec<Headline> {
    let analysis = &view.dossier.analysis;
    let n = view.ranked().len();
    let of = |n: usize| format!("n={n}");
    let mut lines = Vec::new();
    if let Some(mean) = analysis.mean {
        let label = view.pick("平均总分", "Mean total").to_owned();
        lines.push(Headline { label, value: number(mean, 2), note: of(n) });
    }
    if let Some(grade) = analysis.grades.first() {
        lines.push(Headline {
            label: clean(grade.title.pick(view.language)),
            value: grade.count.to_string(),
            note: percent(grade.share),
        });
    }
    if let [first, .., last] = analysis.regions.as_slice() {
        let label = view.pick("区域首末相差", "Gap between regions").to_owned();
        let note = view.pick("分", "points").to_owned();
        lines.push(Headline { label, value: number(first.mean - last.mean, 2), note });
    }
    let cards = &view.dossier.assessment.cards;
    let coverage = cards.iter().map(|card| card.coverage).sum::<f64>() / cards.len().max(1) as f64;
    let label = view.pick("平均观测覆盖率", "Mean coverage").to_owned();
    lines.push(Headline { label, value: format!("{}%", number(coverage, 1)), note: of(cards.len()) });
    lines
}

fn sentences(view: &View<'_>) -> Vec<String> {
    let (dossier, zh) = (view.dossier, view.is_chinese());
    let analysis = &dossier.analysis;
    let (all, n) = (dossier.assessment.cards.len() as u64, view.ranked().len() as u64);
    let mut told = Vec::new();
    if let Some(mean) = analysis.mean {
        let mean = number(mean, 2);
        told.push(if zh {
            format!("本次评估共 {all} 个评估对象，其中 {n} 个参加排名，平均总分 {mean} 分。")
        } else {
            format!(
                "{} assessed; {} a rank, with {mean} points on average.",
                words::counted(all, "portal was", "portals were"),
                words::counted(n, "of them has", "of them have")
            )
        });
    } else {
        told.push(if zh {
            format!("本次评估共 {all} 个评估对象，观测覆盖率均未达到排名要求，因此没有平均总分和等级分布。")
        } else {
            format!(
                "{} assessed. None was observed well enough for a rank, so there is no mean total and no distribution of grades.",
                words::counted(all, "portal was", "portals were")
            )
        });
    }
    let grades: Vec<String> = analysis
        .grades
        .iter()
        .filter(|grade| grade.count > 0)
        .map(|grade| {
            let (title, share) = (clean(grade.title.pick(view.language)), percent(grade.share));
            if zh {
                format!("{title} {} 个（{share}）", grade.count)
            } else {
                format!("{title} {} ({share})", grade.count)
            }
        })
        .collect();
    if !grades.is_empty() {
        let list = grades.join(view.pick("，", ", "));
        told.push(if zh { format!("按等级看，{list}。") } else { format!("By grade: {list}.") });
    }
    if let [first, .., last] = analysis.regions.as_slice() {
        let gap = number(first.mean - last.mean, 2);
        let ([best, worst], [high, low]) =
            ([clean(&first.name), clean(&last.name)], [number(first.mean, 2), number(last.mean, 2)]);
        told.push(if zh {
            format!("分区域看，{best}平均分最高（{high} 分），{worst}最低（{low} 分），相差 {gap} 分。")
        } else {
            format!(
                "By region, {best} leads with {high} points and {worst} is last with {low}: a gap of {gap}."
            )
        });
    }
    told.extend(analysis.change.as_ref().map(|change| super::change::sentence(view, change)));
    let (unranked, floor) = (view.unranked().len() as u64, number(dossier.profile.coverage_floor, 0));
    if unranked > 0 {
        told.push(if zh {
            format!("{unranked} 个评估对象的观测覆盖率低于 {floor}% 或没有观测数据，只列出结果，不评定等级，不参加排名。")
        } else {
            format!(
                "{} shown without a rank or a grade, because less than {floor}% of the profile could be observed there.",
                words::counted(unranked, "portal is", "portals are")
            )
        });
    }
    let vetoed = dossier.assessment.cards.iter().filter(|card| !card.vetoes.is_empty()).count() as u64;
    if vetoed > 0 {
        told.push(if zh {
            format!("{vetoed} 个评估对象触发单项否决，在总分表中标出。")
        } else {
            format!(
                "A veto holds for {}; the table of scores shows which.",
                words::counted(vetoed, "portal", "portals")
            )
        });
    }
    told
}

/// Ids of findings that the analysis left out: they are known of nobody.
fn undecided<'a>(view: &View<'a>) -> Vec<&'a str> {
    let found = &view.dossier.analysis.findings;
    let all = view.dossier.profile.findings.iter().map(|finding| finding.id.as_str());
    all.filter(|id| found.iter().all(|found| found.id != *id)).collect()
}

/// Every finding of the profile, also those that hold for nobody, or that nobody can tell.
pub fn findings(view: &View<'_>) -> Table {
    let unknown = view.pick("缺少观测数据，无法判断", "not known: nothing was observed");
    let rows = view.dossier.analysis.findings.iter().map(|found| {
        let names: Vec<String> = found.targets.iter().map(|id| view.target(id)).collect();
        vec![
            Cell::text(clean(&found.id)),
            Cell::text(if found.n == 0 { unknown.to_owned() } else { view.finding(found) }),
            if found.n == 0 { Cell::Absent } else { Cell::Count(found.count) },
            Cell::Count(found.n),
            if found.n == 0 { Cell::Absent } else { Cell::Number(found.share, 2) },
            Cell::text(names.join(view.pick("、", ", "))),
        ]
    });
    let left = undecided(view).into_iter().map(|id| {
        let told = [Cell::text(clean(id)), Cell::Text(unknown.to_owned()), Cell::Absent];
        [&told[..], &[Cell::Count(0), Cell::Absent, Cell::text(String::new())]].concat()
    });
    let rows = rows.chain(left);
    Table {
        sheet: view.pick("主要发现", "Findings"),
        title: view.pick("主要发现", "Findings").to_owned(),
        columns: vec![
            Column::words(view.pick("编号", "Id")),
            Column::prose(view.pick("发现", "Finding")),
            Column::number(view.pick("数量", "Count")),
            Column::number(view.pick("可判断数 n", "Known for (n)")),
            Column::number(view.pick("占比（%）", "Share (%)")),
            Column::prose(view.pick("涉及对象", "Portals")),
        ],
        rows: rows.collect(),
        note: None,
    }
}
