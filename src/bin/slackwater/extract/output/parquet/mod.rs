//! Parquet: a row a page, `list<utf8>` a field, compressed with Snappy, in row groups of bounded size.
//!
//! A Parquet file has its table of contents at its end, so one that is cut off is no file at all. A run that may be gone on with
//! writes its row groups as files of their own, and joins them at the end by copying their bytes.

use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use slackwater::extract::{Recipe, Shape};

use super::format::{Format, Page};
use crate::run::files::{Body, Form, Sink, disk};

mod columns;
mod row;

/// Bytes of rows, and rows, after which a row group is written. They wait in memory until then, and once more as columns; files
/// that are open at a time share the bytes.
const GROUP_BYTES: usize = 32 << 20;
const GROUP_ROWS: usize = 128 << 10;

/// Each pause ends a row group, and small ones are slow to read.
const PAUSE_EVERY: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Parquet {
    schema: TypePtr,
    properties: Arc<WriterProperties>,
    group_bytes: usize,
}

impl Parquet {
    /// For so many files at a time.
    /// # Errors
    /// Names that Parquet does not take.
    pub fn new(recipe: &Recipe, files: u64) -> Result<Self, String> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("slackwater ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = schema(recipe).map_err(|error| format!("--format: {error}; give the fields other names"))?;
        let group_bytes = GROUP_BYTES / usize::try_from(files).unwrap_or(usize::MAX).max(1);
        Ok(Self { schema, properties: Arc::new(properties), group_bytes })
    }

    fn writer(&self, to: Sink) -> io::Result<SerializedFileWriter<Sink>> {
        SerializedFileWriter::new(to, Arc::clone(&self.schema), Arc::clone(&self.properties)).map_err(in_io)
    }
}

fn schema(recipe: &Recipe) -> Result<TypePtr, ParquetError> {
    let text = |name: &str, repetition| {
        let text =
            Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::String));
        text.with_repetition(repetition).build().map(Arc::new)
    };
    let number = |name: &str| {
        let number = Type::primitive_type_builder(name, Physical::INT64).with_repetition(Repetition::OPTIONAL);
        number.build().map(Arc::new)
    };
    let json = |name: &str| {
        let json = Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_logical_type(Some(LogicalType::Json));
        json.with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
    };
    let list = |name: &String| {
        let element = text("element", Repetition::REQUIRED)?;
        let values = Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![element]);
        let list = Type::group_type_builder(name).with_logical_type(Some(LogicalType::List));
        list.with_repetition(Repetition::OPTIONAL).with_fields(vec![Arc::new(values.build()?)]).build().map(Arc::new)
    };
    let mut fields = vec![text("source", Repetition::REQUIRED)?];
    for (name, shape) in recipe.names().iter().zip(recipe.shapes()) {
        fields.push(match shape {
            Shape::One => text(name, Repetition::OPTIONAL)?,
            Shape::Count => number(name)?,
            Shape::Records | Shape::Record => json(name)?,
            _ => list(name)?,
        });
    }
    fields.push(text("error", Repetition::OPTIONAL)?);
    fields.push(text("note", Repetition::OPTIONAL)?);
    Type::group_type_builder("page").with_fields(fields).build().map(Arc::new)
}

/// The error as whoever reads exit codes knows it: a closed pipe stays one.
fn in_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}

impl Format for Parquet {
    fn row(&self, page: &Page<'_>) -> Vec<u8> {
        row::write(page)
    }
}

impl Form for Parquet {
    fn overhead(&self) -> u64 {
        0
    }

    fn body(&self, to: Sink) -> io::Result<Box<dyn Body>> {
        Ok(Box::new(Whole { writer: self.writer(to)?, group: Group::new(self.group_bytes) }))
    }

    fn part(&self, part: &Path, mark: Option<u64>) -> io::Result<Box<dyn Body>> {
        let segments = mark.unwrap_or(0);
        if segments > 0 && !fs::exists(segment(part, segments - 1))? {
            return Err(disk::damaged(part));
        }
        remove_segments_from(part, segments)?;
        let group = Group::new(self.group_bytes);
        Ok(Box::new(Segments { format: self.clone(), part: part.to_owned(), segments, group }))
    }

    /// While the first segment is there, so are all, and joining them again gives the same. It is the first to go once the file
    /// has its name, and the others go from the last one down, so that those that are left can be found.
    fn publish(&self, part: &Path, target: &Path) -> io::Result<()> {
        let first = segment(part, 0);
        if fs::exists(&first)? {
            let mut writer = self.writer(Sink::File(File::create(part)?))?;
            let mut n = 0;
            while fs::exists(segment(part, n))? {
                append(&mut writer, &segment(part, n)).map_err(in_io)?;
                n += 1;
            }
            writer.into_inner().map_err(in_io)?.sync()?;
            disk::rename(part, target)?;
            disk::remove(&first)?;
            disk::sync_folder_of(&first)?;
        }
        remove_segments_from(part, 1)
    }

    fn pause_every(&self) -> Duration {
        PAUSE_EVERY
    }
}

fn segment(part: &Path, n: u64) -> PathBuf {
    let mut name = part.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{n}"));
    part.with_file_name(name)
}

/// Removes those from this one on, the last one first.
fn remove_segments_from(part: &Path, first: u64) -> io::Result<()> {
    let mut end = first;
    while fs::exists(segment(part, end))? {
        end += 1;
    }
    (first..end).rev().try_for_each(|n| disk::remove(&segment(part, n)))
}

/// Copies the row groups of a file, as they are.
fn append(writer: &mut SerializedFileWriter<Sink>, from: &Path) -> Result<(), ParquetError> {
    let file = File::open(from)?;
    let reader = SerializedFileReader::new(file.try_clone()?)?;
    for group in reader.metadata().row_groups() {
        let mut copy = writer.next_row_group()?;
        for column in group.columns() {
            let bytes_written = column.compressed_size().unsigned_abs();
            let rows_written = group.num_rows().unsigned_abs();
            let closed = ColumnCloseResult {
                bytes_written,
                rows_written,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            copy.append_column(&file, closed)?;
        }
        copy.close()?;
    }
    Ok(())
}

/// Rows that are to be a row group.
struct Group {
    rows: Vec<ByteArray>,
    bytes: usize,
    limit: usize,
}

impl Group {
    fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), bytes: 0, limit }
    }

    /// Takes in a row; whether it is time to write.
    fn add(&mut self, row: Vec<u8>) -> bool {
        self.bytes += row.len();
        self.rows.push(row.into());
        self.bytes >= self.limit || self.rows.len() >= GROUP_ROWS
    }

    /// Writes the rows there are, if there are any.
    fn write(&mut self, writer: &mut SerializedFileWriter<Sink>) -> io::Result<()> {
        self.bytes = 0;
        let rows = mem::take(&mut self.rows);
        if rows.is_empty() { Ok(()) } else { columns::write(writer, &rows).map_err(in_io) }
    }
}

/// One file, to be finished by this run or not at all.
struct Whole {
    writer: SerializedFileWriter<Sink>,
    group: Group,
}

impl Body for Whole {
    fn row(&mut self, row: Vec<u8>) -> io::Result<()> {
        if self.group.add(row) { self.group.write(&mut self.writer) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nobody can read half of it.
        Ok(())
    }

    fn pause(&mut self) -> io::Result<u64> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.group.write(&mut self.writer)?;
        self.writer.into_inner().map_err(in_io)?.sync()
    }
}

/// A file in the making, each row group in a file of its own.
struct Segments {
    format: Parquet,
    part: PathBuf,
    /// How many are on the disk.
    segments: u64,
    group: Group,
}

impl Segments {
    fn write(&mut self) -> io::Result<()> {
        let path = segment(&self.part, self.segments);
        let mut writer = self.format.writer(Sink::File(File::create(&path)?))?;
        self.group.write(&mut writer)?;
        writer.into_inner().map_err(in_io)?.sync()?;
        self.segments += 1;
        disk::sync_folder_of(&path)
    }
}

impl Body for Segments {
    fn row(&mut self, row: Vec<u8>) -> io::Result<()> {
        if self.group.add(row) { self.write() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn pause(&mut self) -> io::Result<u64> {
        // A file without a row is one too, and has its one segment.
        if !self.group.rows.is_empty() || self.segments == 0 {
            self.write()?;
        }
        Ok(self.segments)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.pause().map(drop)
    }
}
