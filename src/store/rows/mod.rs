//! Rows: how the words of the house stand in the tables, and how they are read back.
//!
//! Invariant: what is written reads back equal (instants to the microsecond), and a value that
//! this program never writes is an error, not a default.

pub(super) mod coding;
pub(super) mod host;
pub(super) mod incident;
pub(super) mod links;
pub(super) mod outbox;
pub(super) mod run;
pub(super) mod silence;
pub(super) mod state;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use crate::domain::outcome::Outcome;
use crate::domain::run::GapReason;

/// An instant as it is stored.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Reads an instant.
pub(super) fn at(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    let index = row.as_ref().column_index(column)?;
    Timestamp::from_microsecond(row.get(index)?).map_err(|error| odd(index, error))
}

/// Reads an instant that may be absent.
pub(super) fn maybe_at(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let index = row.as_ref().column_index(column)?;
    row.get::<_, Option<i64>>(index)?
        .map(|value| Timestamp::from_microsecond(value).map_err(|error| odd(index, error)))
        .transpose()
}

/// Reads a word by the function that knows its words.
pub(super) fn word<T>(row: &Row<'_>, column: &str, known: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let index = row.as_ref().column_index(column)?;
    let text: String = row.get(index)?;
    known(&text).ok_or_else(|| odd(index, format!("`{text}` is no word for {column}")))
}

/// Reads a value stored as JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let index = row.as_ref().column_index(column)?;
    serde_json::from_str(row.get_ref(index)?.as_str()?).map_err(|error| odd(index, error))
}

/// Reads a value stored as JSON that may be absent.
pub(super) fn maybe_json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    let index = row.as_ref().column_index(column)?;
    let text = row.get_ref(index)?.as_str_or_null()?;
    text.map(|text| serde_json::from_str(text).map_err(|error| odd(index, error))).transpose()
}

/// Writes a value as JSON.
pub(super) fn to_json(what: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::unwritable(what, error))
}

/// A whole number as SQLite keeps it; larger ones end at its largest.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number that is never negative.
pub(super) fn uint(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let index = row.as_ref().column_index(column)?;
    let value: i64 = row.get(index)?;
    u64::try_from(value).map_err(|error| odd(index, error))
}

fn odd(index: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error.into())
}

/// Reads an outcome.
pub(super) fn outcome(row: &Row<'_>, column: &str) -> rusqlite::Result<Outcome> {
    word(row, column, Outcome::from_name)
}

/// Finds the reason of a gap by its name.
pub(super) fn gap_reason(name: &str) -> Option<GapReason> {
    use GapReason::{CoolingDown, Interrupted, Lost, NotRecorded, Overdue, ShuttingDown, StillRunning};
    [Overdue, StillRunning, ShuttingDown, CoolingDown, Interrupted, NotRecorded, Lost]
        .into_iter()
        .find(|reason| reason.name() == name)
}
