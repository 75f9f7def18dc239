//! Parquet, for programs that read columns: the columns of the CSV, with their types.
//!
//! Instants are microseconds in UTC, durations and counts whole numbers, truths truths; everything
//! else is text, just as it is: what would be a formula in a spreadsheet is none here.
//!
//! Invariant: a row group is written as soon as it is full, so a table of any size fits into memory.

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::super::csv::Cell;
use crate::store::error::StoreError;

/// Rows in one group: observations have a few KiB each.
const GROUP: usize = 10_000;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Truth,
    Instant,
}

impl Kind {
    /// By the names of the house.
    fn of(column: &str) -> Self {
        match column {
            "since" => Self::Instant,
            "on_home" | "flapping" => Self::Truth,
            "position" | "credit" | "attempts" | "links_checked" | "status" | "line" | "column" | "pages" => {
                Self::Number
            }
            name if name.ends_with("_at") => Self::Instant,
            name if name.ends_with("_ms") => Self::Number,
            _ => Self::Text,
        }
    }
}

/// The values of a column, absent ones left out.
enum Values {
    Text(Vec<ByteArray>),
    Number(Vec<i64>),
    Truth(Vec<bool>),
}

struct Column {
    kind: Kind,
    values: Values,
    /// 1 for each value that is there, 0 for each that is not.
    there: Vec<i16>,
}

impl Column {
    fn new(name: &str) -> Self {
        let kind = Kind::of(name);
        let values = match kind {
            Kind::Text => Values::Text(Vec::new()),
            Kind::Number | Kind::Instant => Values::Number(Vec::new()),
            Kind::Truth => Values::Truth(Vec::new()),
        };
        Self { kind, values, there: Vec::new() }
    }

    fn schema(&self, name: &str) -> Result<Type, ParquetError> {
        let (physical, logical) = match self.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Number => (Physical::INT64, None),
            Kind::Truth => (Physical::BOOLEAN, None),
            Kind::Instant => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        };
        let built = Type::primitive_type_builder(name, physical).with_logical_type(logical);
        built.with_repetition(Repetition::OPTIONAL).build()
    }

    /// Takes a value; one that is of another kind than its column would be a fault of ours, and is
    /// left out rather than turned into something else.
    fn push(&mut self, cell: &Cell<'_>) {
        let there = match (&mut self.values, cell, self.kind) {
            (Values::Text(values), Cell::Text(text), _) => {
                values.push(ByteArray::from(text.as_bytes().to_vec()));
                true
            }
            (Values::Number(values), Cell::Number(number), _) => {
                values.push(*number);
                true
            }
            (Values::Number(values), Cell::Text(text), Kind::Instant) => match text.parse::<Timestamp>() {
                Ok(at) => {
                    values.push(at.as_microsecond());
                    true
                }
                Err(_) => false,
            },
            (Values::Truth(values), Cell::Truth(truth), _) => {
                values.push(*truth);
                true
            }
            _ => false,
        };
        self.there.push(there.into());
    }

    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        let there = std::mem::take(&mut self.there);
        match &mut self.values {
            Values::Text(values) => one::<ByteArrayType, W>(group, &std::mem::take(values), &there),
            Values::Number(values) => one::<Int64Type, W>(group, &std::mem::take(values), &there),
            Values::Truth(values) => one::<BoolType, W>(group, &std::mem::take(values), &there),
        }
    }
}

fn one<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    there: &[i16],
) -> Result<(), ParquetError> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("there is no such column".to_owned()))?;
    column.typed::<T>().write_batch(values, Some(there), None)?;
    column.close()
}

/// A file that is being written.
pub(super) struct Table<'a> {
    writer: SerializedFileWriter<&'a mut (dyn Write + Send)>,
    columns: Vec<Column>,
    rows: usize,
}

impl<'a> Table<'a> {
    /// Begins a file with these columns.
    pub(super) fn new(out: &'a mut (dyn Write + Send), names: &[&str]) -> Result<Self, StoreError> {
        let columns: Vec<Column> = names.iter().map(|name| Column::new(name)).collect();
        let begin = || {
            let fields = columns.iter().zip(names).map(|(column, name)| column.schema(name).map(Arc::new));
            let fields = fields.collect::<Result<Vec<_>, _>>()?;
            let schema = Type::group_type_builder("mystery_shopper").with_fields(fields).build()?;
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
                .set_created_by(concat!("mystery-shopper ", env!("CARGO_PKG_VERSION")).to_owned())
                .build();
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
        };
        let writer = begin().map_err(fault)?;
        Ok(Self { writer, columns, rows: 0 })
    }

    /// Takes a row.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), StoreError> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        self.rows += 1;
        if self.rows == GROUP { self.group().map_err(fault) } else { Ok(()) }
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        if self.rows > 0 {
            self.group().map_err(fault)?;
        }
        self.writer.close().map(|_| ()).map_err(fault)
    }
}

fn fault(error: ParquetError) -> StoreError {
    StoreError::Output(std::io::Error::other(error))
}
