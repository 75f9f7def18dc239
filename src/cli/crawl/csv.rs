//! A crawl for spreadsheets: a row for every link that does not work, and for every one that works again.

use std::io::Write;

use crate::domain::run::Run;
use crate::store::csv::{Cell, record};

use super::memory::Changes;

const COLUMNS: [&str; 16] = [
    "state",
    "id",
    "class",
    "status",
    "url",
    "text",
    "page",
    "line",
    "column",
    "element",
    "attribute",
    "pages",
    "on_home",
    "first_seen_at",
    "last_seen_at",
    "detail",
];

/// Writes the rows, below a header.
pub(super) fn write(out: &mut dyn Write, run: &Run, changes: &Changes) -> std::io::Result<()> {
    let header: Vec<Cell<'_>> = COLUMNS.iter().map(|name| Cell::Text(name)).collect();
    record(out, &header)?;
    for fault in &run.link_faults {
        let [first, last] = [fault.first_seen_at, fault.last_seen_at].map(|at| at.map(|at| at.to_string()));
        // The lines of a rendered page are nobody's.
        let placed = |number: u32| if fault.line == 0 { Cell::Empty } else { Cell::Number(number.into()) };
        record(
            out,
            &[
                Cell::Text(changes.state(&fault.id)),
                Cell::Text(fault.id.as_str()),
                Cell::Text(fault.class.name()),
                Cell::number(fault.status),
                Cell::Text(&fault.url),
                Cell::Text(&fault.text),
                Cell::Text(&fault.page),
                placed(fault.line),
                placed(fault.column),
                Cell::Text(&fault.element),
                Cell::Text(&fault.attribute),
                Cell::Number(fault.pages.into()),
                Cell::Truth(fault.on_home),
                Cell::maybe(first.as_deref()),
                Cell::maybe(last.as_deref()),
                Cell::Text(&fault.detail),
            ],
        )?;
    }
    for seen in &changes.fixed {
        let (first, last) = (seen.first_seen_at.to_string(), seen.last_seen_at.to_string());
        let mut cells = vec![
            Cell::Text("fixed"),
            Cell::Text(seen.id.as_str()),
            Cell::Text(seen.class.name()),
            Cell::Empty,
            Cell::Text(&seen.url),
        ];
        cells.resize(COLUMNS.len() - 3, Cell::Empty);
        cells.extend([Cell::Text(&first), Cell::Text(&last), Cell::Empty]);
        record(out, &cells)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn every_row_has_every_column_and_formulas_are_disarmed() {
        let mut run = sample();
        run.link_faults[0].text = "=HYPERLINK(\"x\")".to_owned();
        let mut out = Vec::new();
        write(&mut out, &run, &Changes::default()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("state,id,class,status,url,"), "{text}");
        assert_eq!(text.matches("\r\n").count(), 1 + run.link_faults.len());
        assert!(text.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{text}");
    }
}
