//! XLSX: a sheet for each table, with real numbers, a frozen head and filters.
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

fn write(sheet: &mut Worksheet, view: &View<'_>, table: &Table, looks: &Looks) -> Result<(), XlsxError> {
    sheet.set_name(table.sheet)?;
    let mut at = 0;
    for column in &table.columns {
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
    }
    for (row, cells) in (1..).zip(&table.rows) {
        let mut at = 0;
        for (cell, column) in cells.iter().zip(&table.columns) {
            match cell {
                Cell::Text(text) => {
                    let text: String = text.chars().take(LONGEST_TEXT).collect();
                    let look = if column.kind == Kind::Prose { &looks.prose } else { &looks.words };
                    sheet.write_string_with_format(row, at, text, look)?;
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
                Cell::Toned { value, .. } => {
                    sheet.write_number_with_format(row, at, *value, &looks.digits[2])?;
                }
                Cell::Absent => {}
            }
            at += if column.kind == Kind::Interval { 2 } else { 1 };
        }
    }
    sheet.set_freeze_panes(1, 1)?;
    let rows = u32::try_from(table.rows.len()).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, rows, at.saturating_sub(1))?;
    Ok(())
}
