//! CSV as RFC 4180 has it: comma, CRLF, quotes doubled.
//!
//! Invariant: nothing that a portal served becomes a formula in a spreadsheet or a command in a
//! terminal. A text that begins like a formula gets a leading apostrophe; control characters other
//! than line breaks and tabs are written as their pictures (`␛`).

use std::io::{Result, Write};

/// One value.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// A text of whatever origin.
    Text(&'a str),
    /// A number.
    Number(i64),
    /// A number with so many digits behind the point.
    Decimal(f64, u8),
    /// A truth.
    Truth(bool),
    /// Nothing.
    Empty,
}

impl<'a> Cell<'a> {
    /// A text that may be absent.
    pub fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, Self::Text)
    }

    /// A number that may be absent.
    pub fn number(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number.into()))
    }
}

/// Writes one record.
pub fn record(out: &mut dyn Write, cells: &[Cell<'_>]) -> Result<()> {
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        match cell {
            Cell::Text(text) => write_text(out, text)?,
            Cell::Number(number) => write!(out, "{number}")?,
            Cell::Decimal(number, digits) => write!(out, "{number:.*}", usize::from(*digits))?,
            Cell::Truth(truth) => write!(out, "{truth}")?,
            Cell::Empty => {}
        }
    }
    out.write_all(b"\r\n")
}

fn write_text(out: &mut dyn Write, text: &str) -> Result<()> {
    let mut safe = String::with_capacity(text.len() + 2);
    // Spreadsheets skip blanks before they look for a formula.
    if text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || text.starts_with(['\t', '\r'])
    {
        safe.push('\'');
    }
    safe.extend(text.chars().map(|c| match u32::from(c) {
        0x09 | 0x0A | 0x0D => c,
        code @ 0..=0x1F => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7F => '\u{2421}',
        0x80..=0x9F => char::REPLACEMENT_CHARACTER,
        _ => c,
    }));
    if safe.contains(['"', ',', '\r', '\n']) {
        write!(out, "\"{}\"", safe.replace('"', "\"\""))
    } else {
        out.write_all(safe.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_disarmed() {
        let cases = [
            ("plain", Cell::Text("药品许可"), "药品许可"),
            ("a comma", Cell::Text("a,b"), "\"a,b\""),
            ("a quote", Cell::Text("say \"hi\""), "\"say \"\"hi\"\"\""),
            ("a line break", Cell::Text("a\nb"), "\"a\nb\""),
            ("a formula", Cell::Text("=1+1"), "'=1+1"),
            ("a formula with a comma", Cell::Text("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\""),
            ("a plus", Cell::Text("+86 10"), "'+86 10"),
            ("a minus", Cell::Text("-cmd"), "'-cmd"),
            ("an at", Cell::Text("@SUM(A1)"), "'@SUM(A1)"),
            ("a formula behind blanks", Cell::Text("  =1"), "'  =1"),
            ("a full-width formula", Cell::Text("＝1"), "'＝1"),
            ("a tab", Cell::Text("\t=1"), "'\t=1"),
            ("an escape sequence", Cell::Text("a\u{1b}[31m"), "a␛[31m"),
            ("a negative number", Cell::Number(-5), "-5"),
            ("a fraction", Cell::Decimal(-0.125, 2), "-0.12"),
            ("a truth", Cell::Truth(true), "true"),
            ("nothing", Cell::Empty, ""),
        ];
        for (name, cell, want) in cases {
            let mut out = Vec::new();
            record(&mut out, &[cell, Cell::Empty]).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{want},\r\n"), "{name}");
        }
    }
}
