//! Tables that people fill in: CSV from a spreadsheet, in whatever form it writes it.
//!
//! The header decides which column is what. Columns are separated by commas, semicolons or tabs, whichever the
//! header has most of. [`decode`] reads UTF-8, UTF-16 with its mark, and GB 18030, which Chinese spreadsheets write.
//!
//! Invariant: every cell knows its bytes, a row with nothing in it is no row, and no row is lost in the cell of
//! another: a quote that opens a cell closes at its end.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use csv_core::{ReadFieldResult, ReaderBuilder};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::diagnostic::Diagnostic;
use super::raw::Source;
use super::table::Reader;
use super::words::{closest, listed, suggest_or_list};
use crate::domain::ids::TargetId;
use crate::domain::target::Target;

/// How a file was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16 with a byte order mark.
    Utf16,
    /// GB 18030, of which GBK is a part.
    Gb18030,
}

/// The text of a file; `None` when its bytes are none.
pub fn decode(bytes: &[u8]) -> Option<(String, Encoding)> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some((text.to_owned(), Encoding::Utf8));
    }
    let (found, how) = match encoding_rs::Encoding::for_bom(bytes) {
        Some((found, mark)) if found != encoding_rs::UTF_8 => {
            (found.decode_without_bom_handling_and_without_replacement(&bytes[mark..]), Encoding::Utf16)
        }
        // It says that it is UTF-8 and is not.
        Some(_) => return None,
        None => {
            let found = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes);
            (found, Encoding::Gb18030)
        }
    };
    found.map(|text| (text.into_owned(), how))
}

/// A column that a table may have.
pub(super) struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its name in Chinese.
    pub chinese: &'static str,
    /// Whether it has to be there.
    pub needed: bool,
}

/// A cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// What stands in it, without blanks around it.
    pub text: String,
    /// Its bytes in the file, quotes included.
    pub span: Range<usize>,
}

/// A row that says something.
pub(super) struct Row {
    /// Which column each of its cells is in.
    cells: Vec<(&'static str, Cell)>,
    /// All of it.
    pub span: Range<usize>,
}

impl Row {
    /// What stands in a column; `None` when nothing does.
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|(column, _)| *column == name).map(|(_, cell)| cell)
    }
}

/// Reads the rows of a table; faults of its form go to `out`.
pub(super) fn rows(source: &Source, columns: &[Column], out: &RefCell<Vec<Diagnostic>>) -> Vec<Row> {
    let reader = Reader { source, out };
    let delimiter = delimiter(&source.text);
    let mut records = records(&source.text, delimiter).into_iter();
    let Some(header) = records.next() else {
        let hint = format!("its first line is the header: {}", names(columns));
        reader.error(0..0, "there is nothing in the file", hint);
        return Vec::new();
    };
    if is_unclosed(reader, &header) {
        return Vec::new();
    }
    let Some(placed) = placed(reader, &header, columns) else { return Vec::new() };
    let mut rows = Vec::new();
    for record in records {
        if is_unclosed(reader, &record) || record.iter().all(|cell| cell.text.is_empty()) {
            continue;
        }
        let span =
            record.first().map_or(0, |cell| cell.span.start)..record.last().map_or(0, |cell| cell.span.end);
        if let Some(over) =
            record.get(placed.len()..).and_then(|rest| rest.iter().find(|it| !it.text.is_empty()))
        {
            let hint = "put a text with a comma, a semicolon or a tab in it between quotes: \"…\"".to_owned();
            reader.error(over.span.clone(), "the row has more cells than the header", hint);
            continue;
        }
        let cells = placed.iter().zip(record).filter(|(_, cell)| !cell.text.is_empty());
        rows.push(Row { cells: cells.map(|(name, cell)| (*name, cell)).collect(), span });
    }
    rows
}

/// Whether a quote that opens one of the cells is not closed where the cell ends, which is a fault: such a cell
/// may hold the rows below it.
fn is_unclosed(reader: Reader<'_>, record: &[Cell]) -> bool {
    let mut found = false;
    for cell in record {
        let raw = reader.source.text.get(cell.span.clone()).unwrap_or_default();
        let Some(message) = raw.strip_prefix('"').and_then(unclosed) else { continue };
        let hint = "write \" at the end of the cell, and \"\" for a quote in it".to_owned();
        reader.error(cell.span.start..cell.span.start + 1, message, hint);
        found = true;
    }
    found
}

/// What is wrong with the quotes of a cell, behind the one that opens it.
fn unclosed(mut rest: &str) -> Option<&'static str> {
    loop {
        let Some((_, behind)) = rest.split_once('"') else { return Some("this quote is never closed") };
        match behind.strip_prefix('"') {
            Some(behind) => rest = behind,
            None if behind.trim().is_empty() => return None,
            None => return Some("this quote is not closed where its cell ends"),
        }
    }
}

/// The name of the column of each cell of the header; `None` when it is not usable.
fn placed(reader: Reader<'_>, header: &[Cell], columns: &[Column]) -> Option<Vec<&'static str>> {
    let known: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let (mut placed, mut good) = (Vec::new(), true);
    for cell in header {
        let name = cell.text.to_lowercase();
        let found = columns.iter().find(|column| column.name == name || column.chinese == name);
        let Some(column) = found else {
            good = false;
            let hint = if name.contains(['，', '；']) {
                Some("separate columns by `,`; this is the sign of a Chinese keyboard".to_owned())
            } else if name.is_empty() {
                Some("give the column a name, or remove it".to_owned())
            } else {
                suggest_or_list(&name, &known, "columns")
            };
            reader.error(cell.span.clone(), format!("unknown column `{}`", cell.text), hint);
            continue;
        };
        if placed.contains(&column.name) {
            good = false;
            reader.error(cell.span.clone(), format!("the column `{}` is there twice", column.name), None);
        }
        placed.push(column.name);
    }
    let missing: Vec<&str> = columns
        .iter()
        .filter(|column| column.needed && !placed.contains(&column.name))
        .map(|column| column.name)
        .collect();
    if good && !missing.is_empty() {
        good = false;
        let span =
            header.first().map_or(0, |cell| cell.span.start)..header.last().map_or(0, |cell| cell.span.end);
        let (noun, verb) = if missing.len() == 1 { ("column", "is") } else { ("columns", "are") };
        let hint = format!("the first line is the header: {}", names(columns));
        reader.error(span, format!("the {noun} {} {verb} missing", listed(&missing)), hint);
    }
    good.then_some(placed)
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(",")
}

/// What the header separates its columns by.
fn delimiter(text: &str) -> u8 {
    let header = text.trim_start().lines().next().unwrap_or_default();
    let count = |sign: char| header.matches(sign).count();
    // Of equals the last: a header of one column has none at all.
    [(b'\t', '\t'), (b';', ';'), (b',', ',')]
        .into_iter()
        .max_by_key(|(_, sign)| count(*sign))
        .map_or(b',', |it| it.0)
}

/// The cells of all records. Empty lines are none.
fn records(text: &str, delimiter: u8) -> Vec<Vec<Cell>> {
    let bytes = text.as_bytes();
    let mut reader = ReaderBuilder::new().delimiter(delimiter).build();
    let mut written = vec![0; bytes.len().max(1)];
    let (mut at, mut start, mut filled) = (0, 0, 0);
    let (mut records, mut record) = (Vec::new(), Vec::new());
    loop {
        let (result, read, wrote) = reader.read_field(&bytes[at..], &mut written[filled..]);
        (at, filled) = (at + read, filled + wrote);
        match result {
            // Called again with nothing left, it gives the last field.
            ReadFieldResult::InputEmpty => {}
            ReadFieldResult::Field { record_end } => {
                let cell = String::from_utf8_lossy(&written[..filled]).trim().to_owned();
                record.push(Cell { text: cell, span: inner(text, start..at, record.is_empty(), delimiter) });
                (start, filled) = (at, 0);
                if record_end {
                    records.push(std::mem::take(&mut record));
                }
            }
            ReadFieldResult::OutputFull | ReadFieldResult::End => return records,
        }
    }
}

/// The bytes of a cell without what separates it from others.
fn inner(text: &str, span: Range<usize>, first: bool, delimiter: u8) -> Range<usize> {
    let raw = text.get(span.clone()).unwrap_or_default();
    let begun = if first { raw.trim_start_matches(['\r', '\n']) } else { raw };
    let start = span.start + raw.len() - begun.len();
    let ended = begun.strip_suffix(['\r', '\n']).or_else(|| begun.strip_suffix(char::from(delimiter)));
    start..start + ended.unwrap_or(begun).len()
}

/// The target that a cell names by its id.
pub(super) fn target(reader: Reader<'_>, cell: &Cell, targets: &[Arc<Target>]) -> Option<TargetId> {
    let name = cell.text.as_str();
    if let Some(target) = targets.iter().find(|target| target.id.as_str() == name) {
        return Some(target.id.clone());
    }
    let ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
    let hint = match targets.iter().find(|target| target.name == name) {
        Some(target) => Some(format!("write its id, `{}`", target.id)),
        None if ids.len() <= 12 => suggest_or_list(name, &ids, "targets"),
        None => closest(name, ids.iter().copied())
            .map(|near| format!("did you mean `{near}`?"))
            .or_else(|| Some("targets are those of the configuration, by their ids".to_owned())),
    };
    reader.error(cell.span.clone(), format!("there is no target `{name}`"), hint);
    None
}

/// The instant that a cell names: a day, a day with a time, or an instant as RFC 3339 has it.
pub(super) fn time(reader: Reader<'_>, cell: &Cell, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let read = read_time(&cell.text, zone, now);
    read.map_err(|(message, hint)| reader.error(cell.span.clone(), message, hint)).ok()
}

/// Reads such a text; what is wrong with it comes with a hint.
pub(super) fn read_time(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, (String, String)> {
    let found = text.parse::<Timestamp>().ok().or_else(|| {
        // Spreadsheets write days with slashes.
        let text = text.replace('/', "-");
        let local = DateTime::strptime("%Y-%m-%d %H:%M", &text)
            .or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M:%S", &text))
            .or_else(|_| Date::strptime("%Y-%m-%d", &text).map(DateTime::from));
        local.ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
    });
    match found {
        None => {
            let hint = "write 2026-11-03, 2026-11-03 14:05 or 2026-11-03T14:05:00+08:00";
            Err((format!("`{text}` is no time"), hint.to_owned()))
        }
        Some(at) if at > now => {
            Err((format!("`{text}` lies in the future"), "write when it was seen".to_owned()))
        }
        Some(at) => Ok(at),
    }
}

/// A source of a table, for messages.
pub(super) fn source(file: &Path, text: &str) -> Source {
    Source::new(file.to_owned(), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { name: "coder", chinese: "编码员", needed: true },
        Column { name: "value", chinese: "值", needed: true },
        Column { name: "note", chinese: "备注", needed: false },
    ];

    /// A row: the column of each cell, its text, and what stands in the file.
    type Cells = Vec<(&'static str, String, String)>;

    fn read(text: &str) -> (Vec<Cells>, Vec<String>) {
        let (source, out) = (source(Path::new("x.csv"), text), RefCell::default());
        let rows = rows(&source, &COLUMNS, &out);
        let cells = |row: Row| {
            let raw = |span| source.text.get::<Range<usize>>(span).unwrap().to_owned();
            row.cells.into_iter().map(|(name, cell)| (name, cell.text, raw(cell.span))).collect()
        };
        let said = out.into_inner().into_iter().map(|it| {
            let place = it.at.place.unwrap();
            format!("{}:{} {}", place.line, place.column, it.message)
        });
        (rows.into_iter().map(cells).collect(), said.collect())
    }

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let one = |name, text: &str| (name, text.to_owned(), text.to_owned());
        let cases: [(&str, &str, Vec<Cells>); 7] = [
            ("commas", "coder,value\nli,yes\n", vec![vec![one("coder", "li"), one("value", "yes")]]),
            (
                "another order, CRLF",
                "value,coder\r\nyes,li\r\n",
                vec![vec![one("value", "yes"), one("coder", "li")]],
            ),
            (
                "semicolons",
                "coder;value;note\nli;yes;a,b",
                vec![vec![one("coder", "li"), one("value", "yes"), one("note", "a,b")]],
            ),
            (
                "tabs and a mark",
                "\u{feff}coder\tvalue\nli\tyes",
                vec![vec![one("coder", "li"), one("value", "yes")]],
            ),
            ("Chinese names, empty lines", "编码员,值\n\n\nli,\n,,\n", vec![vec![one("coder", "li")]]),
            (
                "quotes",
                "coder,value,note\nli,yes,\"says \"\"到窗口\"\",\nand more\"\n",
                vec![vec![
                    one("coder", "li"),
                    one("value", "yes"),
                    (
                        "note",
                        "says \"到窗口\",\nand more".into(),
                        "\"says \"\"到窗口\"\",\nand more\"".into(),
                    ),
                ]],
            ),
            ("a header alone", "coder,value\n", vec![]),
        ];
        for (name, text, want) in cases {
            assert_eq!(read(text), (want, Vec::new()), "{name}");
        }
    }

    #[test]
    fn faults_of_the_form_have_their_place() {
        let cases: [(&str, &str, &[&str]); 11] = [
            ("nothing", "\n", &["1:1 there is nothing in the file"]),
            ("an unknown column", "coder,valu\nli,yes", &["1:7 unknown column `valu`"]),
            ("a Chinese comma", "coder，value\n", &["1:1 unknown column `coder，value`"]),
            ("twice and missing", "coder,coder\n", &["1:7 the column `coder` is there twice"]),
            ("missing", "note\n", &["1:1 the columns `coder` and `value` are missing"]),
            (
                "rows",
                "coder,value\nli,yes,药,\nli,\"yes\n",
                &["2:8 the row has more cells than the header", "3:4 this quote is never closed"],
            ),
            (
                "a quote that swallows rows up to a quoted cell",
                "coder,value,note\nli,yes,\"no reply\nli,no,\nli,no,\"ok\"\n",
                &["2:8 this quote is not closed where its cell ends"],
            ),
            (
                "a quote that ends in a doubled one",
                "coder,value,note\nli,yes,\"he said \"\"x\"\"\n",
                &["2:8 this quote is never closed"],
            ),
            (
                "in the middle of a row, and of a file",
                "coder,note,value\nli,\"a\"b,yes\nli,\"c\" ,yes\nli,\"d\"e\",yes\n",
                &[
                    "2:4 this quote is not closed where its cell ends",
                    "4:4 this quote is not closed where its cell ends",
                ],
            ),
            ("nothing but a quote", "coder,value\nli,yes\n\"", &["3:1 this quote is never closed"]),
            ("in the header", "coder,\"value\nli,yes\n", &["1:7 this quote is never closed"]),
        ];
        for (name, text, want) in cases {
            assert_eq!(read(text).1, *want, "{name}");
        }
    }

    #[test]
    fn every_encoding_of_a_spreadsheet_is_read() {
        let text = "编码员,值\n李,是\n";
        let (gb, _, _) = encoding_rs::GB18030.encode(text);
        let wide: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(text.as_bytes()), Some((text.to_owned(), Encoding::Utf8)));
        assert_eq!(decode(&gb), Some((text.to_owned(), Encoding::Gb18030)));
        assert_eq!(decode(&wide), Some((text.to_owned(), Encoding::Utf16)));
        assert_eq!(decode(b"PK\x03\x04\xff\xff\x80"), None, "a workbook is no table");
        assert_eq!(decode(b"\xef\xbb\xbf\xff\xff"), None, "it says that it is UTF-8");
    }
}
