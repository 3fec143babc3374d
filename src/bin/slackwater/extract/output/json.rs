//! JSON Lines: pages, and failures for `--failures`.

use slackwater::extract::Shape;

use super::super::failure::Failure;
use super::format::{Format, Page};
use crate::run::files::Json;

/// An object a page.
impl Format for Json {
    fn row(&self, page: &Page<'_>) -> Vec<u8> {
        let mut line = Vec::with_capacity(256);
        line.extend_from_slice(b"{\"source\":");
        string(&mut line, page.source);
        line.extend_from_slice(b",\"fields\":{");
        if page.outcome.is_ok() {
            for (n, (name, shape, values)) in page.fields().enumerate() {
                if n > 0 {
                    line.push(b',');
                }
                string(&mut line, name);
                line.push(b':');
                field(&mut line, shape, values);
            }
        }
        line.extend_from_slice(b"},\"error\":");
        match page.error() {
            Some(why) => string(&mut line, why),
            None => line.extend_from_slice(b"null"),
        }
        if let Some(note) = page.note() {
            line.extend_from_slice(b",\"note\":");
            string(&mut line, &note.note);
            line.extend_from_slice(b",\"encoding\":{\"name\":");
            string(&mut line, note.encoding);
            line.extend_from_slice(b",\"by\":");
            string(&mut line, note.by.as_str());
            line.push(b'}');
        }
        line.extend_from_slice(b"}\n");
        line
    }
}

/// A failure as its line in the file of `--failures`.
pub fn failure(source: &str, failure: &Failure) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    line.extend_from_slice(b"{\"source\":");
    string(&mut line, source);
    line.extend_from_slice(b",\"kind\":");
    string(&mut line, &failure.kind.slug());
    line.extend_from_slice(b",\"reason\":");
    string(&mut line, &failure.why);
    line.extend_from_slice(b"}\n");
    line
}

/// What a field has, as its shape would have it in JSON.
pub fn field<'v>(line: &mut Vec<u8>, shape: Shape, mut values: impl Iterator<Item = &'v str>) {
    match shape {
        Shape::One => match values.next() {
            Some(value) => string(line, value),
            None => line.extend_from_slice(b"null"),
        },
        // These are JSON already.
        Shape::Count | Shape::Record => line.extend_from_slice(values.next().unwrap_or("null").as_bytes()),
        Shape::Records => {
            line.push(b'[');
            for (n, record) in values.enumerate() {
                if n > 0 {
                    line.push(b',');
                }
                line.extend_from_slice(record.as_bytes());
            }
            line.push(b']');
        }
        _ => list(line, values),
    }
}

/// The values as a JSON array.
pub fn list<'v>(line: &mut Vec<u8>, values: impl Iterator<Item = &'v str>) {
    line.push(b'[');
    for (n, value) in values.enumerate() {
        if n > 0 {
            line.push(b',');
        }
        string(line, value);
    }
    line.push(b']');
}

fn string(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string always has a JSON form, and memory takes every write");
}
