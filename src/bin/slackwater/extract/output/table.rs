//! CSV and TSV: a header, a record a page, quoted as RFC 4180 has it.

use std::io;
use std::path::Path;
use std::time::Duration;

use slackwater::extract::Shape;

use super::format::{Format, Page};
use super::json;
use super::lists::Lists;
use crate::run::files::text::{self, Text};
use crate::run::files::{Body, Form, Sink};

pub struct Table {
    delimiter: u8,
    lists: Lists,
    header: Vec<u8>,
}

impl Table {
    pub fn new(delimiter: u8, lists: Lists, names: &[String]) -> Self {
        let columns = ["source"].into_iter().chain(names.iter().map(String::as_str)).chain(["error", "note"]);
        let header = record(delimiter, |writer| columns.into_iter().try_for_each(|name| writer.write_field(name)));
        Self { delimiter, lists, header }
    }
}

/// One record, with its line end.
fn record(delimiter: u8, fill: impl FnOnce(&mut csv::Writer<&mut Vec<u8>>) -> csv::Result<()>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).buffer_capacity(1 << 10).from_writer(&mut bytes);
    let filled = fill(&mut writer).and_then(|()| writer.write_record(None::<&[u8]>)).and_then(|()| Ok(writer.flush()?));
    filled.expect("one record has as many cells as it has, and memory takes every write");
    drop(writer);
    bytes
}

impl Format for Table {
    fn row(&self, page: &Page<'_>) -> Vec<u8> {
        let mut cell = Vec::new();
        record(self.delimiter, |writer| {
            writer.write_field(page.source)?;
            for (_, shape, mut values) in page.fields() {
                cell.clear();
                // A page that failed has no lists, not empty ones.
                match shape {
                    _ if page.outcome.is_err() => {}
                    Shape::List => self.lists.cell(&mut cell, values),
                    Shape::Records => json::field(&mut cell, shape, values),
                    _ => cell.extend_from_slice(values.next().unwrap_or_default().as_bytes()),
                }
                writer.write_field(&cell)?;
            }
            writer.write_field(page.error().unwrap_or_default())?;
            writer.write_field(page.note().map_or("", |note| &note.note))
        })
    }
}

impl Form for Table {
    fn overhead(&self) -> u64 {
        self.header.len() as u64
    }

    fn body(&self, to: Sink) -> io::Result<Box<dyn Body>> {
        Ok(Box::new(Text::new(to, &self.header)?))
    }

    fn part(&self, part: &Path, mark: Option<u64>) -> io::Result<Box<dyn Body>> {
        Ok(Box::new(Text::part(part, mark, &self.header)?))
    }

    fn publish(&self, part: &Path, target: &Path) -> io::Result<()> {
        text::publish(part, target)
    }

    fn pause_every(&self) -> Duration {
        text::PAUSE_EVERY
    }
}
