//! HTML: one file that can be read without a network, and that prints well.
//!
//! Invariant: no script, nothing loaded, and the policy in the page says so to the browser; every text is
//! escaped by the template. Charts are the only markup that comes from elsewhere, and `chart/` escapes.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::document::{Block, Section};
use super::table::{Cell, Column, Kind};
use super::view::View;
use super::{Dossier, ReportError, content};

/// The style of every page.
const STYLE: &str = include_str!("html/style.css");

#[derive(Template)]
#[template(path = "report/html/page.html")]
struct Page<'a> {
    language: &'static str,
    policy: String,
    style: &'static str,
    heading: &'a str,
    imprint: &'a [(String, String)],
    contents: Option<&'static str>,
    sections: &'a [Section],
}

/// The report as a page.
pub fn html(dossier: &Dossier) -> Result<String, ReportError> {
    let view = View::of(dossier);
    let contents = view.pick("目录", "Contents");
    write(&view, &content::heading(&view), &content::imprint(&view), &content::whole(&view), Some(contents))
}

/// A document as a page.
pub(super) fn write(
    view: &View<'_>,
    heading: &str,
    imprint: &[(String, String)],
    sections: &[Section],
    contents: Option<&'static str>,
) -> Result<String, ReportError> {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    let page = Page {
        language: view.language.tag(),
        policy: format!(
            "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
        ),
        style: STYLE,
        heading,
        imprint,
        contents,
        sections,
    };
    Ok(page.render()?)
}

/// The class of a cell, for the style.
fn class(cell: &Cell, column: &Column) -> &'static str {
    match (cell, column.kind) {
        (Cell::Toned { tone, .. }, _) => ["n t0", "n t1", "n t2", "n t3", "n t4"][usize::from(*tone).min(4)],
        (Cell::Absent, Kind::Number | Kind::Interval) => "n none",
        (_, Kind::Number | Kind::Interval) => "n",
        (Cell::Absent, _) => "none",
        (_, Kind::Prose) => "prose",
        (_, Kind::Words) => "words",
    }
}
