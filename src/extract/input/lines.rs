//! JSON Lines with a page in one field.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::InputError;
use super::layer::Joined;
use super::member::{Member, Raw};
use super::page::Page;
use super::pages::Found;

/// Which fields of a line to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFields {
    /// The field with the page's source.
    pub html: String,
    /// The field with its name, a string or a number. Without it, or in a line that has none, the name is `path#LINE`.
    pub name: Option<String>,
}

pub(super) struct Lines<'a> {
    from: BufReader<Joined<'a>>,
    name: String,
    fields: Arc<JsonFields>,
    max_bytes: u64,
    number: u64,
    over: bool,
}

impl<'a> Lines<'a> {
    pub fn new(from: Joined<'a>, name: String, fields: JsonFields, max_bytes: u64) -> Self {
        let from = BufReader::with_capacity(64 << 10, from);
        Self { from, name, fields: Arc::new(fields), max_bytes, number: 0, over: false }
    }

    /// The next line's page, or what stands in its place. Empty lines are none. `None` at the end.
    pub fn next(&mut self) -> Option<Found> {
        loop {
            if self.over {
                return None;
            }
            let mut line = Vec::new();
            let outcome = self.line(&mut line);
            let raw = match outcome {
                Ok(()) if line.trim_ascii().is_empty() => continue,
                Ok(()) => Ok(Raw::Json(Line { bytes: line, fields: Arc::clone(&self.fields) })),
                Err(error) => Err(error),
            };
            return Some(Found::Member(Member::new(format!("{}#{}", self.name, self.number), raw)));
        }
    }

    fn line(&mut self, line: &mut Vec<u8>) -> Result<(), InputError> {
        self.number += 1;
        let mut too_long = false;
        loop {
            let there = match self.from.fill_buf() {
                Ok(there) => there,
                Err(error) => {
                    self.over = true;
                    return Err(self.from.get_mut().explain(error));
                }
            };
            let end = there.iter().position(|byte| *byte == b'\n');
            let part = &there[..end.unwrap_or(there.len())];
            too_long |= (line.len() + part.len()) as u64 > self.max_bytes;
            if too_long {
                *line = Vec::new(); // Read on to its end, but not kept.
            } else {
                line.extend_from_slice(part);
            }
            let taken = end.map_or(there.len(), |end| end + 1);
            self.over = taken == 0;
            self.from.consume(taken);
            if end.is_some() || taken == 0 {
                return if too_long { Err(InputError::TooLarge(self.max_bytes)) } else { Ok(()) };
            }
        }
    }
}

/// A line, not parsed yet.
#[derive(Debug)]
pub(super) struct Line {
    bytes: Vec<u8>,
    fields: Arc<JsonFields>,
}

impl Line {
    pub fn weight(&self) -> usize {
        self.bytes.len()
    }

    pub fn into_page(self, name: String, max_bytes: u64) -> Result<Page, InputError> {
        let mut json = serde_json::Deserializer::from_slice(&self.bytes);
        let read = Wanted(&self.fields).deserialize(&mut json).and_then(|read| json.end().map(|()| read));
        let (html, own_name) = read.map_err(|error| InputError::damaged("the line of JSON", error.to_string()))?;
        let html = html.ok_or_else(|| {
            InputError::damaged("the line of JSON", format!("there is no text in {:?}", self.fields.html))
        })?;
        if html.len() as u64 > max_bytes {
            return Err(InputError::TooLarge(max_bytes));
        }
        // It is text already, whatever encoding the page once had and still claims to have.
        let charset = Some("utf-8".to_owned());
        Ok(Page { name: own_name.unwrap_or(name), bytes: html.into_bytes(), charset, content_type: None })
    }
}

/// Takes two fields of an object and passes over the others.
struct Wanted<'a>(&'a JsonFields);

type Both = (Option<String>, Option<String>);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Both;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Both, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Both;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Both, A::Error> {
        let (mut html, mut name) = (None, None);
        while let Some(key) = map.next_key::<std::borrow::Cow<str>>()? {
            let (is_html, is_name) = (key == self.0.html, self.0.name.as_deref() == Some(&*key));
            if !is_html && !is_name {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let text = match map.next_value::<serde_json::Value>()? {
                serde_json::Value::String(text) => Some(text),
                serde_json::Value::Number(number) => Some(number.to_string()).filter(|_| !is_html),
                _ => None,
            };
            if is_name {
                name.clone_from(&text);
            }
            if is_html {
                html = text;
            }
        }
        Ok((html, name))
    }
}
