//! A page on its way to the columns: its parts one after the other, each text with its length before it.

use parquet::data_type::ByteArray;

use slackwater::extract::Shape;

use super::super::format::Page;
use super::super::json;

const LENGTH: usize = size_of::<u64>();

/// Source, each field, error, note. What may be absent begins with whether it is there; a list with how many.
pub fn write(page: &Page<'_>) -> Vec<u8> {
    let mut row = Vec::with_capacity(256);
    text(&mut row, page.source);
    let mut cell = Vec::new();
    for (_, shape, mut values) in page.fields() {
        let is_there = page.outcome.is_ok() && (has_always(shape) || values.len() > 0);
        row.push(u8::from(is_there));
        match shape {
            _ if !is_there => {}
            Shape::List => {
                number(&mut row, values.len());
                values.for_each(|value| text(&mut row, value));
            }
            Shape::Records => {
                cell.clear();
                json::field(&mut cell, shape, values);
                bytes(&mut row, &cell);
            }
            _ => text(&mut row, values.next().unwrap_or_default()),
        }
    }
    for optional in [page.error(), page.note().map(|note| note.note.as_str())] {
        row.push(u8::from(optional.is_some()));
        if let Some(it) = optional {
            text(&mut row, it);
        }
    }
    row
}

/// Whether a page that did not fail has something there, be it an empty list.
fn has_always(shape: Shape) -> bool {
    matches!(shape, Shape::List | Shape::Records | Shape::Count)
}

fn number(row: &mut Vec<u8>, number: usize) {
    row.extend_from_slice(&(number as u64).to_le_bytes());
}

fn text(row: &mut Vec<u8>, text: &str) {
    bytes(row, text.as_bytes());
}

fn bytes(row: &mut Vec<u8>, bytes: &[u8]) {
    number(row, bytes.len());
    row.extend_from_slice(bytes);
}

/// A row that is read column by column. The texts are parts of it, not copies.
pub struct Reader<'r> {
    row: &'r ByteArray,
    at: usize,
}

impl<'r> Reader<'r> {
    pub fn new(row: &'r ByteArray) -> Self {
        Self { row, at: 0 }
    }

    pub fn is_there(&mut self) -> bool {
        self.at += 1;
        self.row.data()[self.at - 1] == 1
    }

    pub fn number(&mut self) -> usize {
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(&self.row.data()[self.at..self.at + LENGTH]);
        self.at += LENGTH;
        u64::from_le_bytes(bytes) as usize
    }

    pub fn text(&mut self) -> ByteArray {
        let length = self.number();
        self.at += length;
        self.row.slice(self.at - length, length)
    }
}
