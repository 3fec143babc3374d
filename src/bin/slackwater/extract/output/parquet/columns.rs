//! Rows into columns.

use parquet::basic::Type as Physical;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};

use super::row::Reader;
use crate::run::files::Sink;

/// Places of a column handed on at a time: more would only take memory.
const BATCH: usize = 4096;

/// Writes one row group.
pub fn write(writer: &mut SerializedFileWriter<Sink>, rows: &[ByteArray]) -> Result<(), ParquetError> {
    let mut readers: Vec<Reader<'_>> = rows.iter().map(Reader::new).collect();
    let columns = writer.schema_descr().columns();
    let columns: Vec<_> = columns
        .iter()
        .map(|column| (column.max_def_level(), column.max_rep_level(), column.physical_type() == Physical::INT64))
        .collect();
    let mut group = writer.next_row_group()?;
    for (optional, repeated, is_number) in columns {
        let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("a column is missing".to_owned()))?;
        let mut column = Column { is_number, ..Column::default() };
        for reader in &mut readers {
            match (optional, repeated) {
                (0, _) => column.value(reader.text(), 0, 0),
                _ if !reader.is_there() => column.nothing(0),
                (_, 0) => column.value(reader.text(), 1, 0),
                _ => column.list(reader),
            }
            if column.present.len() >= BATCH {
                column.hand_on(&mut writer)?;
            }
        }
        column.hand_on(&mut writer)?;
        writer.close()?;
    }
    group.close()?;
    Ok(())
}

/// One column, as Parquet has it: the values that are there; for each place how much of what may be absent is there (a list, and
/// then a value in it); and whether it goes on with the row before.
#[derive(Default)]
struct Column {
    values: Vec<ByteArray>,
    present: Vec<i16>,
    goes_on: Vec<i16>,
    /// Its values are decimal digits, and to be numbers.
    is_number: bool,
}

impl Column {
    fn value(&mut self, value: ByteArray, present: i16, goes_on: i16) {
        self.values.push(value);
        self.present.push(present);
        self.goes_on.push(goes_on);
    }

    fn nothing(&mut self, present: i16) {
        self.present.push(present);
        self.goes_on.push(0);
    }

    fn list(&mut self, reader: &mut Reader<'_>) {
        let values = reader.number();
        if values == 0 {
            self.nothing(1);
        }
        for n in 0..values {
            self.value(reader.text(), 2, i16::from(n > 0));
        }
    }

    fn hand_on(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        // Levels that a column has not are not looked at.
        let levels = (Some(&*self.present), Some(&*self.goes_on));
        if self.is_number {
            let number =
                |digits: &ByteArray| digits.as_utf8().ok().and_then(|digits| digits.parse().ok()).unwrap_or(i64::MAX);
            let numbers: Vec<i64> = self.values.iter().map(number).collect();
            writer.typed::<Int64Type>().write_batch(&numbers, levels.0, levels.1)?;
        } else {
            writer.typed::<ByteArrayType>().write_batch(&self.values, levels.0, levels.1)?;
        }
        self.values.clear();
        self.present.clear();
        self.goes_on.clear();
        Ok(())
    }
}
