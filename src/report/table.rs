//! Tables, as every format writes them.
//!
//! Invariant: a number is a number until a format writes it, so that a workbook has real ones; what is
//! absent is [`Cell::Absent`] and never 0. Every row has as many cells as there are columns.

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// The name of its sheet in a workbook: at most 31 letters, none of `[]:*?/\`.
    pub sheet: &'static str,
    /// What it shows, and of how many.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
    /// What has to be known to read it.
    pub note: Option<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// Its head.
    pub title: String,
    /// What stands in it.
    pub kind: Kind,
}

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A few words.
    Words,
    /// Sentences.
    Prose,
    /// Numbers.
    Number,
    /// A lower and an upper end; two columns in a workbook.
    Interval,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// A text of whatever origin.
    Text(String),
    /// A number with so many digits behind the point.
    Number(f64, u8),
    /// A difference: with its sign.
    Change(f64),
    /// A count.
    Count(u64),
    /// A lower and an upper end.
    Interval(f64, f64),
    /// A number with a tone from 0 (lightest) to 4, for tables that are read as pictures.
    Toned {
        /// The number.
        value: f64,
        /// The tone.
        tone: u8,
        /// A word beside it.
        word: String,
    },
    /// Nothing.
    Absent,
}

/// What stands where nothing is.
pub(super) const NOTHING: &str = "—";

impl Column {
    /// A column of a few words.
    pub fn words(title: impl Into<String>) -> Self {
        Self { title: title.into(), kind: Kind::Words }
    }

    /// A column of sentences.
    pub fn prose(title: impl Into<String>) -> Self {
        Self { title: title.into(), kind: Kind::Prose }
    }

    /// A column of numbers.
    pub fn number(title: impl Into<String>) -> Self {
        Self { title: title.into(), kind: Kind::Number }
    }

    /// A column of intervals.
    pub fn interval(title: impl Into<String>) -> Self {
        Self { title: title.into(), kind: Kind::Interval }
    }
}

impl Cell {
    /// Points, or nothing: two digits, as they are published.
    pub fn points(value: Option<f64>) -> Self {
        value.map_or(Self::Absent, |value| Self::Number(value, 2))
    }

    /// A text; nothing when it is empty.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Absent } else { Self::Text(text) }
    }

    /// As people read it.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(value, digits) => number(*value, *digits),
            Self::Change(value) => change(*value),
            Self::Count(count) => count.to_string(),
            Self::Interval(low, high) => range(*low, *high),
            Self::Toned { value, word, .. } if word.is_empty() => number(*value, 2),
            Self::Toned { value, word, .. } => format!("{} {word}", number(*value, 2)),
            Self::Absent => NOTHING.to_owned(),
        }
    }
}

/// A number with so many digits; what would be written `-0.00` is 0.
pub(super) fn number(value: f64, digits: u8) -> String {
    let text = format!("{value:.*}", usize::from(digits));
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| b == b'0' || b == b'.') => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// A difference of points with its sign.
pub(super) fn change(value: f64) -> String {
    let text = number(value, 2);
    if text.starts_with('−') || text == "0.00" { text } else { format!("+{text}") }
}

/// Two ends of a range.
pub(super) fn range(low: f64, high: f64) -> String {
    format!("{}–{}", number(low, 2), number(high, 2))
}

/// A share in percent.
pub(super) fn percent(value: f64) -> String {
    format!("{}%", number(value, 2))
}

/// A number below a floor with one digit, or with two when one would not show that it is below.
pub fn below(value: f64, floor: f64) -> String {
    let shows = |text: &String| text.parse::<f64>().is_ok_and(|shown| shown < floor);
    let rounded = [1, 2].map(|digits| number(value, digits)).into_iter().find(shows);
    // Cut and not rounded, which would reach the floor again.
    rounded.unwrap_or_else(|| number((value * 100.0).floor() / 100.0, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_read_as_people_write_numbers() {
        let cases = [
            ("points", Cell::points(Some(88.5375)), "88.54"),
            ("not observed is no zero", Cell::points(None), "—"),
            ("a hair below zero", Cell::Number(-0.001, 2), "0.00"),
            ("a rise", Cell::Change(7.92), "+7.92"),
            ("a fall", Cell::Change(-1.2), "−1.20"),
            ("no change", Cell::Change(-0.000_1), "0.00"),
            ("an interval", Cell::Interval(86.12, 90.374), "86.12–90.37"),
            ("an empty text", Cell::text(""), "—"),
            ("a tone", Cell::Toned { value: 70.0, tone: 2, word: String::new() }, "70.00"),
        ];
        for (name, cell, want) in cases {
            assert_eq!(cell.shown(), want, "{name}");
        }
    }

    #[test]
    fn what_lies_below_a_floor_reads_so() {
        for (value, want) in
            [(45.0, "45.0"), (69.6, "69.6"), (69.96, "69.96"), (69.999, "69.99"), (0.0, "0.0")]
        {
            assert_eq!(below(value, 70.0), want);
        }
    }
}
