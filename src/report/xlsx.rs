//! XLSX: a sheet for each table, with real numbers, a frozen head and filters. What a sheet shows stands on the last.
//!
//! Invariant: every text is written as a string cell, so nothing that a portal served is a formula or a
//! link; what is absent is an empty cell.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::table::{Cell, Kind, Table};
use super::view::View;
use super::{Dossier, ReportError, content};

/// What a spreadsheet takes in one cell.
const LONGEST_TEXT: usize = 32_000;

/// The report as a workbook.
pub fn xlsx(dossier: &Dossier) -> Result<Vec<u8>, ReportError> {
    let view = View::of(dossier);
    let mut workbook = Workbook::new();
    let at = dossier.made_at.to_zoned(jiff::tz::TimeZone::UTC);
    let year = u16::try_from(at.year()).unwrap_or(1970);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let made = ExcelDateTime::from_ymd(year, part(at.month()), part(at.day()))?;
    let properties = DocProperties::new().set_title(content::heading(&view)).set_creation_datetime(&made);
    workbook.set_properties(&properties);
    let looks = Looks::new();
    for table in content::tables(&view) {
        write(workbook.add_worksheet(), &view, &table, &looks)?;
    }
    Ok(workbook.save_to_buffer()?)
}

struct Looks {
    head: Format,
    words: Format,
    prose: Format,
    count: Format,
    change: Format,
    digits: [Format; 4],
}

impl Looks {
    fn new() -> Self {
        let plain = || Format::new().set_align(FormatAlign::Top);
        Self {
            head: Format::new().set_bold().set_text_wrap().set_border_bottom(FormatBorder::Thin),
            words: plain(),
            prose: plain().set_text_wrap(),
            count: plain().set_num_format("0"),
            change: plain().set_num_format("+0.00;-0.00;0.00"),
            digits: ["0", "0.0", "0.00", "0.000"].map(|format| plain().set_num_format(format)),
        }
    }
}

/// Whether numbers of a column have words beside them: these stand in a column of their own.
fn is_worded(table: &Table, place: usize) -> bool {
    let mut cells = table.rows.iter().filter_map(|row| row.get(place));
    cells.any(|cell| matches!(cell, Cell::Toned { word, .. } if !word.is_empty()))
}

fn write(sheet: &mut Worksheet, view: &View<'_>, table: &Table, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(table.sheet)?;
    let worded: Vec<bool> = (0..table.columns.len()).map(|place| is_worded(table, place)).collect();
    let mut at = 0;
    for (column, worded) in table.columns.iter().zip(&worded) {
        let width = match column.kind {
            Kind::Words => 18.0,
            Kind::Prose => 48.0,
            Kind::Number | Kind::Interval => 12.0,
        };
        if column.kind == Kind::Interval {
            for end in [view.pick("下限", "low"), view.pick("上限", "high")] {
                sheet.write_string_with_format(0, at, format!("{} {end}", column.title), &looks.head)?;
                sheet.set_column_width(at, width)?;
                at += 1;
            }
        } else {
            sheet.write_string_with_format(0, at, &column.title, &looks.head)?;
            sheet.set_column_width(at, width)?;
            at += 1;
        }
        if *worded {
            let title = format!("{} {}", column.title, view.pick("结果", "outcome"));
            sheet.write_string_with_format(0, at, title, &looks.head)?;
            sheet.set_column_width(at, 18.0)?;
            at += 1;
        }
    }
    for (row, cells) in (1..).zip(&table.rows) {
        let mut at = 0;
        for ((cell, column), worded) in cells.iter().zip(&table.columns).zip(&worded) {
            match cell {
                Cell::Text(text) => {
                    let text: String = text.chars().take(LONGEST_TEXT).collect();
                    let look = if column.kind == Kind::Prose { &looks.prose } else { &looks.words };
                    // Where numbers have words beside them, a word alone stands among the words.
                    sheet.write_string_with_format(row, at + u16::from(*worded), text, look)?;
                }
                Cell::Number(value, digits) => {
                    let look = &looks.digits[usize::from(*digits).min(3)];
                    sheet.write_number_with_format(row, at, *value, look)?;
                }
                Cell::Change(value) => {
                    sheet.write_number_with_format(row, at, *value, &looks.change)?;
                }
                Cell::Count(count) => {
                    sheet.write_number_with_format(row, at, *count as f64, &looks.count)?;
                }
                Cell::Interval(low, high) => {
                    sheet.write_number_with_format(row, at, *low, &looks.digits[2])?;
                    sheet.write_number_with_format(row, at + 1, *high, &looks.digits[2])?;
                }
                Cell::Toned { value, word, .. } => {
                    sheet.write_number_with_format(row, at, *value, &looks.digits[2])?;
                    if !word.is_empty() {
                        sheet.write_string_with_format(row, at + 1, word, &looks.words)?;
                    }
                }
                Cell::Absent => {}
            }
            at += if column.kind == Kind::Interval || *worded { 2 } else { 1 };
        }
    }
    sheet.set_freeze_panes(1, 1)?;
    let rows = u32::try_from(table.rows.len()).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, rows, at.saturating_sub(1))?;
    Ok(())
}
