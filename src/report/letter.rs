//! A letter to one portal: what was seen there, with evidence, what it was worth, and how to answer.
//!
//! Invariant: a letter speaks of one portal only; names and points of others do not stand in it.

use super::content::{evidence, target};
use super::document::{Block, Section};
use super::formula::formula;
use super::table::{Cell, Column, Table, number};
use super::view::{View, clean};
use super::{Dossier, ReportError, html as page, md as text, say, words};
use crate::domain::ids::TargetId;
use crate::domain::profile::NodeKind;
use crate::mail::say::{Precision, instant};
use crate::score::card::{Scorecard, State};
use jiff::tz::TimeZone;

/// How many days a portal has to answer before the result is taken as agreed: stated, so that both know.
const DAYS_TO_ANSWER: u32 = 15;

/// The letter as a page.
pub fn html(dossier: &Dossier, target: &TargetId) -> Result<String, ReportError> {
    let view = View::of(dossier);
    let (heading, imprint, sections) = letter(&view, target)?;
    page::write(&view, &heading, &imprint, &sections, None)
}

/// The letter as Markdown.
pub fn md(dossier: &Dossier, target: &TargetId) -> Result<String, ReportError> {
    let view = View::of(dossier);
    let (heading, imprint, sections) = letter(&view, target)?;
    Ok(text::write(&view, &heading, &imprint, &sections))
}

type Letter = (String, Vec<(String, String)>, Vec<Section>);

fn letter(view: &View<'_>, id: &TargetId) -> Result<Letter, ReportError> {
    let card = view.card(id).ok_or_else(|| ReportError::NoSuchTarget(id.clone()))?;
    let heading =
        view.pick("网上政务服务能力评估结果告知函", "Result of an assessment of your online services");
    let zone = TimeZone::get(&view.dossier.assessment.period.timezone).unwrap_or(TimeZone::UTC);
    let imprint = [
        (view.pick("致", "To"), addressee(view, id)),
        (view.pick("评估期", "Period"), words::period(&view.dossier.assessment.period, view.language)),
        (view.pick("评估方案", "Profile"), clean(view.dossier.profile.title.pick(view.language))),
        (view.pick("编号", "Reference"), reference(view, id)),
        (view.pick("日期", "Date"), instant(view.dossier.made_at, &zone, Precision::Full, view.language)),
    ];
    let imprint = imprint.into_iter().map(|(label, value)| (label.to_owned(), value)).collect();
    let mut sections = vec![opening(view, card), seen(view, card)];
    sections.extend(shown(view, id));
    sections.push(answering(view, id));
    Ok((heading.to_owned(), imprint, sections))
}

/// What shows what was seen.
fn shown(view: &View<'_>, id: &TargetId) -> Option<Section> {
    let (visits, kept) = (evidence::exhibits(view, id), evidence::proofs(view, id, usize::MAX));
    if visits.is_empty() && kept.is_empty() {
        return None;
    }
    let mut section = Section::chapter("evidence", view.pick("证据", "Evidence"));
    if !visits.is_empty() {
        section.say(view.pick(
            "以下截图和记录取自评估期内的实际访问，个人信息已遮盖。完整记录可向我方索取。",
            "These pictures and records were taken on visits in the period; personal data is painted over. The whole record is yours for the asking.",
        ));
        section.blocks.push(Block::Exhibits(visits));
    }
    if !kept.is_empty() {
        section.say(view.pick(
            "以下材料由人工观测留存，图片已缩小。原文件可按其 SHA-256 向我方索取。",
            "What follows was kept by people who looked. Pictures are made small; the files themselves are yours for the asking, by their SHA-256.",
        ));
        section.blocks.push(Block::Exhibits(kept));
    }
    Some(section)
}

fn addressee(view: &View<'_>, id: &TargetId) -> String {
    let name = view.target(id);
    if view.is_chinese() {
        format!("“{name}”主管单位")
    } else {
        format!("the body responsible for {name}")
    }
}

fn reference(view: &View<'_>, id: &TargetId) -> String {
    let period = &view.dossier.assessment.period;
    let compact = |date: jiff::civil::Date| format!("{:04}{:02}{:02}", date.year(), date.month(), date.day());
    format!(
        "{}/{}-{}/{}",
        clean(&view.dossier.profile.id),
        compact(period.first),
        compact(period.last),
        clean(id.as_str())
    )
}

fn opening(view: &View<'_>, card: &Scorecard) -> Section {
    let name = view.target(&card.target.id);
    let days = words::period(&view.dossier.assessment.period, view.language);
    let mut section = Section::chapter("opening", "");
    if view.is_chinese() {
        section.say("您好！");
        section.say(format!(
            "我们于{days}以普通办事群众的身份，通过公开网页对“{name}”进行了评估。评估只浏览公开页面，不提交申请，不使用任何个人身份。现将结果函告如下，供贵单位参考；如有不符之处，请按本函末尾所述方式反馈。"
        ));
    } else {
        section.say("Dear Sir or Madam,");
        let period = &view.dossier.assessment.period;
        let when = if period.first == period.last {
            format!("On {days}")
        } else {
            format!("In the period from {days}")
        };
        section.say(format!(
            "{when} we looked at {name} the way a citizen does, through its public pages. Nothing was submitted and nobody's identity was used. This letter tells you what was seen and what it was worth. Where we are wrong, please tell us; the end of this letter says how."
        ));
    }
    section.blocks.push(Block::Headlines(headlines(view, card)));
    if card.total.is_none() {
        section.blocks.push(Block::Notice(super::content::why_unranked(view, card)));
    }
    section.blocks.extend(target::vetoes(view, card).into_iter().map(Block::Notice));
    section
}

/// The figures of the portal alone: its rank would say something about others.
fn headlines(view: &View<'_>, card: &Scorecard) -> Vec<super::document::Headline> {
    let mut lines = target::headlines(view, card);
    lines.remove(1);
    lines
}

/// What took points, the heaviest first; and what could not be seen.
fn seen(view: &View<'_>, card: &Scorecard) -> Section {
    let title = view.pick("观测情况", "What was seen");
    let mut section = Section::chapter("seen", title);
    let mut lost = Vec::new();
    let (mut unobserved, mut full) = (Vec::new(), 0_u32);
    for (score, node) in view.leaves(card) {
        match (score.state, score.score) {
            (State::Scored, Some(points)) if points < 99.995 => lost.push((100.0 - points, score, node)),
            (State::Scored, Some(_)) => full += 1,
            (State::Unobserved, _) => unobserved.push(view.title(&score.id)),
            _ => {}
        }
    }
    lost.sort_by(|a, b| b.0.total_cmp(&a.0));
    let rows: Vec<Vec<Cell>> = lost
        .iter()
        .map(|(_, score, node)| {
            let how = match &node.kind {
                NodeKind::Leaf(leaf) => formula(view, &leaf.formula),
                NodeKind::Parent(_) => String::new(),
            };
            vec![
                Cell::Text(view.title(&score.id)),
                Cell::points(score.score),
                Cell::Count(score.n),
                Cell::text(say::seen(view, score, node)),
                Cell::text(how),
            ]
        })
        .collect();
    if rows.is_empty() && full > 0 {
        section.say(
            view.pick(
                "所有已观测的指标均得满分。",
                "Every indicator that could be observed has full points.",
            ),
        );
    }
    if !rows.is_empty() {
        section.blocks.push(Block::Table(Table {
            sheet: view.pick("观测情况", "Seen"),
            title: view.pick("未得满分的指标", "Indicators with less than full points").to_owned(),
            columns: vec![
                Column::words(view.pick("指标", "Indicator")),
                Column::number(view.pick("得分", "Points")),
                Column::number("n"),
                Column::prose(view.pick("观测情况", "What was seen")),
                Column::prose(view.pick("计分方法", "How points are made")),
            ],
            rows,
            note: None,
        }));
        if full > 0 {
            section.say(if view.is_chinese() {
                format!("另有 {full} 项指标得满分，不再列出。")
            } else {
                let further = words::counted(full, "further indicator has", "further indicators have");
                format!("{further} full points.")
            });
        }
    }
    if !unobserved.is_empty() {
        let titles = unobserved.join(view.pick("、", ", "));
        section.say(if view.is_chinese() {
            format!("以下指标本期未能观测，没有按零分处理：{titles}。")
        } else {
            format!("Could not be observed, and does not count as 0: {titles}.")
        });
    }
    let notes = evidence::standing(view, &card.target.id);
    if !notes.rows.is_empty() {
        section.blocks.push(Block::Table(notes));
    }
    let findings = target::conditions(view, &card.target.id);
    if !findings.is_empty() {
        section.say(view.pick("评估中另记录以下情况：", "Also recorded:"));
        section.blocks.push(Block::List(findings));
    }
    section
}

fn answering(view: &View<'_>, id: &TargetId) -> Section {
    let contact = view
        .dossier
        .agent
        .contact
        .as_deref()
        .map(|contact| clean(contact.strip_prefix("mailto:").unwrap_or(contact)));
    let (days, reference) = (number(f64::from(DAYS_TO_ANSWER), 0), reference(view, id));
    let mut section =
        Section::chapter("answer", view.pick("如何反馈与申请复测", "How to answer, and to be tested again"));
    if view.is_chinese() {
        section.say(match contact {
            Some(contact) => format!(
                "如认为观测结果与实际不符，或问题已经整改，请在收到本函之日起 {days} 日内联系 {contact}，注明编号 {reference}，并附说明或截图。"
            ),
            None => format!(
                "如认为观测结果与实际不符，或问题已经整改，请在收到本函之日起 {days} 日内回复来函人，注明编号 {reference}，并附说明或截图。"
            ),
        });
        section.say("我们将逐条核对证据；确属误判的，更正得分并说明情况；已经整改的，安排复测，并将复测结果与本次结果一并列示。");
        section.say("评估方案、权重和计分方法全部公开，可向我方索取。感谢贵单位对评估工作的支持。");
    } else {
        section.say(match contact {
            Some(contact) => format!(
                "If what we saw is not how it is, or if it has been mended since, please write to {contact} within {days} days of receiving this letter. Name the reference {reference} and add what shows it: a sentence or a picture will do."
            ),
            None => format!(
                "If what we saw is not how it is, or if it has been mended since, please answer whoever sent you this letter within {days} days. Name the reference {reference} and add what shows it: a sentence or a picture will do."
            ),
        });
        section.say("We will look at the evidence again point by point. Where we were wrong the points are corrected, and it is said so; where you have mended something we test again and show both results.");
        section.say("The profile with its weights and formulas is public and yours for the asking. Thank you for your help.");
    }
    section
}
