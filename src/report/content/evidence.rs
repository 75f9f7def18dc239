//! What shows what was seen of a target: pictures of visits, files that people kept, and what they wrote.
//!
//! Invariant: who coded is not told, and what is no picture is named and not shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::document::Piece;
use super::super::dossier::{Image, Proof, Shown, counting};
use super::super::table::{Cell, Column, Table};
use super::super::view::{View, clean, clean_name};
use super::super::{say, words};
use crate::domain::coding::Coding;
use crate::domain::ids::TargetId;
use crate::domain::indicator::IndicatorId;
use crate::mail::say::{Precision, instant};
use crate::mail::thumbnail;

/// So many exhibits stand on the page of a target: a picture of each kind of ending, not every run.
const MOST_EXHIBITS: usize = 6;

/// What visits of a target have left.
pub(in crate::report) fn exhibits(view: &View<'_>, id: &TargetId) -> Vec<Piece> {
    let shown = view.dossier.exhibits.get(id).map(Vec::as_slice).unwrap_or_default();
    shown.iter().take(MOST_EXHIBITS).map(|shown| exhibit(view, shown)).collect()
}

/// What people have kept, so much of it at most.
pub(in crate::report) fn proofs(view: &View<'_>, id: &TargetId, most: usize) -> Vec<Piece> {
    let kept = view.dossier.proofs.get(id).map(Vec::as_slice).unwrap_or_default();
    kept.iter().take(most).map(|proof| kept_piece(view, proof)).collect()
}

fn exhibit(view: &View<'_>, shown: &Shown) -> Piece {
    let Shown { exhibit, picture } = shown;
    let at = instant(exhibit.at, &zone(view), Precision::Full, view.language);
    let (step, outcome) = (clean_name(&exhibit.step), words::outcome(exhibit.outcome, view.language));
    let scenario = exhibit.scenario.as_ref().map(|id| view.scenario(id));
    let phrase = exhibit.phrase.as_deref().map(clean_name).filter(|phrase| !phrase.is_empty());
    let sentence = if view.is_chinese() {
        let scenario = scenario.map(|scenario| format!("“{scenario}”")).unwrap_or_default();
        let phrase = phrase.map(|phrase| format!("，页面显示“{phrase}”")).unwrap_or_default();
        format!("{at}，{scenario}“{step}”步骤：{outcome}{phrase}。")
    } else {
        let scenario = scenario.map(|scenario| format!("“{scenario}”, ")).unwrap_or_default();
        let phrase = phrase.map(|phrase| format!("; the page says “{phrase}”")).unwrap_or_default();
        format!("{at}, {scenario}step “{step}”: {outcome}{phrase}.")
    };
    Piece {
        sentence,
        url: clean(&exhibit.url),
        picture: picture.as_ref().and_then(address),
        origin: format!("{} {}", view.pick("运行编号", "run"), exhibit.run),
    }
}

fn kept_piece(view: &View<'_>, proof: &Proof) -> Piece {
    let (day, title) = (day(view, proof.at), view.title(&proof.indicator));
    let (value, note) = (value(view, &proof.indicator, &proof.value), clean(&proof.note));
    let sentence = if view.is_chinese() {
        let note = if note.is_empty() { note } else { format!("，备注“{note}”") };
        format!("{day}，{title}，人工记录为“{value}”{note}。")
    } else {
        let note = if note.is_empty() { note } else { format!("; note: “{note}”") };
        format!("{day}, {title}: a person wrote down “{value}”{note}.")
    };
    let kind = kind(view, &proof.mime);
    let comma = view.pick("，", ", ");
    let origin = format!("{kind}{comma}SHA-256 {}", clean(proof.hash.as_str()));
    Piece { sentence, url: String::new(), picture: proof.picture.as_ref().and_then(address), origin }
}

/// A small picture as a `data:` address.
fn address(image: &Image) -> Option<String> {
    let (bytes, mime) = thumbnail(&image.bytes, &image.mime)?;
    Some(format!("data:{mime};base64,{}", STANDARD.encode(bytes)))
}

/// What kind of file it is.
fn kind(view: &View<'_>, mime: &str) -> &'static str {
    let (chinese, english) = match mime {
        "image/jpeg" => ("JPEG 图片", "a JPEG picture"),
        "image/png" => ("PNG 图片", "a PNG picture"),
        "application/pdf" => ("PDF 文件", "a PDF file"),
        "application/zip" => ("ZIP 压缩包", "a ZIP archive"),
        "text/plain" => ("文本文件", "a text file"),
        _ if mime.ends_with("wordprocessingml.document") || mime == "application/msword" => {
            ("Word 文档", "a Word document")
        }
        _ if mime.ends_with("spreadsheetml.sheet") => ("Excel 工作簿", "an Excel workbook"),
        _ => ("文件", "a file"),
    };
    view.language.pick(chinese, english)
}

/// All notes and figures that people wrote down about a target. Who wrote them is not published.
pub(in crate::report) fn written(view: &View<'_>, id: &TargetId) -> Table {
    let codings: Vec<&Coding> = view.dossier.codings.iter().filter(|coding| coding.target == *id).collect();
    table(view, &codings)
}

/// The notes and figures that count: what was overruled took no points.
pub(in crate::report) fn standing(view: &View<'_>, id: &TargetId) -> Table {
    let codings = counting(&view.dossier.codings, id);
    table(view, &codings.iter().collect::<Vec<_>>())
}

fn table(view: &View<'_>, codings: &[&Coding]) -> Table {
    let said = codings.iter().filter(|coding| !(coding.note.is_empty() && coding.source.is_empty()));
    let rows = said.map(|coding| {
        let year = coding.year.map(|year| year.to_string()).unwrap_or_default();
        let origin = [clean_name(&coding.source), year].join(" ");
        vec![
            Cell::Text(view.title(&coding.indicator)),
            Cell::text(value(view, &coding.indicator, &coding.value)),
            Cell::Text(day(view, coding.at)),
            Cell::text(clean(&coding.note)),
            Cell::text(origin.trim().to_owned()),
        ]
    });
    Table {
        sheet: view.pick("人工记录", "Notes"),
        title: view.pick("人工观测记录与外部数据", "Human observations and outside figures").to_owned(),
        columns: vec![
            Column::words(view.pick("指标", "Indicator")),
            Column::words(view.pick("记录值", "Value")),
            Column::words(view.pick("日期", "Day")),
            Column::prose(view.pick("说明", "Note")),
            Column::words(view.pick("出处", "Origin")),
        ],
        rows: rows.collect(),
        note: None,
    }
}

/// What a coder wrote, as the profile shows it.
fn value(view: &View<'_>, indicator: &IndicatorId, value: &str) -> String {
    let node = view.node(indicator);
    node.map_or_else(|| say::word(view, value), |node| say::choice(view, value, node))
}

fn day(view: &View<'_>, at: Timestamp) -> String {
    words::day(at.to_zoned(zone(view)).date(), view.language)
}

fn zone(view: &View<'_>) -> TimeZone {
    TimeZone::get(&view.dossier.assessment.period.timezone).unwrap_or(TimeZone::UTC)
}
