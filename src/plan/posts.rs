//! Posts of citizens from a table: portal, time, text, and where it was posted.
//!
//! Invariant: as with observations, all faults are listed and a table with one is refused. Personal data is masked
//! before anybody else sees the text.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::diagnostic::{Faults, Severity};
use super::sheet::{self, Column};
use super::table::Reader;
use crate::domain::target::Target;
use crate::domain::voice::Post;

const COLUMNS: [Column; 4] = [
    Column { name: "target", chinese: "门户", needed: true },
    Column { name: "time", chinese: "时间", needed: true },
    Column { name: "text", chinese: "内容", needed: true },
    Column { name: "source", chinese: "来源", needed: false },
];

/// The most characters of a post.
const LONGEST: usize = 20_000;

/// Reads the text of a table. A row without a text is no post.
///
/// # Errors
/// All faults of all rows.
pub fn read(
    file: &Path,
    text: &str,
    targets: &[Arc<Target>],
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Vec<Post>, Faults> {
    let (source, out) = (sheet::source(file, text), RefCell::default());
    let reader = Reader { source: &source, out: &out };
    let mut posts = Vec::new();
    for row in sheet::rows(&source, &COLUMNS, &out) {
        let Some(text) = row.cell("text") else { continue };
        let need = |name: &str| {
            let cell = row.cell(name);
            if cell.is_none() {
                let message = format!("the row has a text and no {name}");
                reader.error(row.span.clone(), message, format!("fill in the column `{name}`"));
            }
            cell
        };
        let target = need("target").and_then(|cell| sheet::target(reader, cell, targets));
        let at = need("time").and_then(|cell| sheet::time(reader, cell, zone, now));
        if text.text.chars().count() > LONGEST {
            let hint = format!("a post may have {LONGEST} characters");
            reader.error(text.span.clone(), "this text is too long", hint);
        }
        if let (Some(target), Some(at)) = (target, at) {
            let source = row.cell("source").map(|cell| cell.text.as_str()).unwrap_or_default();
            posts.push(Post::new(target, at, &text.text, source));
        }
    }
    let diagnostics = out.into_inner();
    if diagnostics.iter().any(|one| one.severity == Severity::Error) {
        return Err(Faults::new(diagnostics));
    }
    Ok(posts)
}
