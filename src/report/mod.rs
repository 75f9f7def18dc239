//! Reports: an assessment as people and programs read it.
//!
//! Everything is made of a [`Dossier`]. `content/` says what stands in a report, once, as sections of
//! sentences, tables and charts; a file per format (`html`, `md`, `xlsx`, `csv`, `json`) writes it down.
//! `letter` tells one portal what was seen of it.
//!
//! Invariant: what was not observed is shown as such and never as 0; nothing that a portal served can
//! execute in a report, and no report loads anything when it is opened. The same dossier gives the
//! same report, byte by byte.

mod chart;
mod content;
mod csv;
mod document;
mod dossier;
mod formula;
mod html;
mod json;
pub mod letter;
mod md;
mod say;
mod table;
mod view;
mod words;
mod xlsx;

pub use self::csv::csv;
pub use self::dossier::{Agent, Dossier, Image, Proof, Shown, counting};
pub use self::html::html;
pub use self::json::{Report, json, schema};
pub use self::md::md;
pub use self::table::below;
pub use self::xlsx::xlsx;

/// A format of a report. PDF is the page, printed by the browser room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One page that needs nothing from elsewhere.
    Html,
    /// A workbook, a sheet a table.
    Xlsx,
    /// Every indicator of every target, a line each.
    Csv,
    /// Assessment and analysis for programs.
    Json,
    /// Text.
    Md,
}

/// The report in a format.
pub fn written(dossier: &Dossier, format: Format) -> Result<Vec<u8>, ReportError> {
    Ok(match format {
        Format::Html => html(dossier)?.into_bytes(),
        Format::Xlsx => xlsx(dossier)?,
        Format::Csv => {
            let mut out = Vec::new();
            csv(dossier, &mut out)?;
            out
        }
        Format::Json => json(dossier)?.into_bytes(),
        Format::Md => md(dossier).into_bytes(),
    })
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A page could not be put together.
    #[error("put the page together")]
    Page(#[from] askama::Error),
    /// A workbook could not be written.
    #[error("write the workbook")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// The report could not be written as JSON.
    #[error("write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// A table could not be written.
    #[error("write the table")]
    Table(#[from] std::io::Error),
    /// A letter to a portal that is not in the assessment.
    #[error("write to `{0}`: the assessment has no such target")]
    NoSuchTarget(crate::domain::ids::TargetId),
}
