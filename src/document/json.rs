//! JSON with places: raw values are slices of the text, and so tell where they stand.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Mistake;
use super::node::{DEEPEST, Key, Node, Value};

const HINT: &str =
    "correct the JSON: no comments, no comma after the last member, a backslash in a string is written twice";

/// What could be read, and what could not.
pub(crate) fn read(text: &str) -> (Node, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let node = match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) => node(text, raw, 0, &mut mistakes),
        Err(error) => {
            mistakes.push(refusal(text, &error).placed(place(text, &error)));
            Node { at: 0..0, value: Value::Table(Vec::new()) }
        }
    };
    (node, mistakes)
}

/// The parser's reason without its place, which it has in its own words.
fn refusal(_: &str, error: &serde_json::Error) -> Mistake {
    let why = error.to_string();
    Mistake::new("", 0, why.split(" at line ").next().unwrap_or_default(), HINT)
}

/// It counts lines from 1 and bytes, up to and with the one it stumbled over.
fn place(text: &str, error: &serde_json::Error) -> usize {
    let line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    text.floor_char_boundary((line + error.column().saturating_sub(1)).min(text.len()))
}

fn node(text: &str, raw: &RawValue, depth: usize, mistakes: &mut Vec<Mistake>) -> Node {
    let at = range(text, raw);
    let value = match raw.get().as_bytes().first() {
        Some(b'{') if depth > DEEPEST => {
            let what = format!("objects stand more than {DEEPEST} deep");
            mistakes.push(Mistake::new("", 0, what, "take levels away").placed(at.start));
            Value::Other("an object that stands too deep")
        }
        Some(b'{') => match serde_json::from_str::<Members<'_>>(raw.get()) {
            Ok(Members(members)) => Value::Table(entries(text, members, depth, mistakes)),
            Err(error) => {
                mistakes.push(refusal(text, &error).placed(at.start));
                Value::Other("an object that cannot be read")
            }
        },
        Some(b'"') => match serde_json::from_str::<String>(raw.get()) {
            Ok(text) => Value::Text(text),
            Err(error) => {
                mistakes.push(refusal(text, &error).placed(at.start));
                Value::Other("a string that cannot be read")
            }
        },
        Some(b't' | b'f') => Value::Flag(raw.get() == "true"),
        Some(b'[') => Value::Other("an array"),
        Some(b'n') => Value::Other("null"),
        _ => Value::Number(raw.get().to_owned()),
    };
    Node { at, value }
}

fn entries(
    text: &str,
    members: Vec<(&RawValue, &RawValue)>,
    depth: usize,
    mistakes: &mut Vec<Mistake>,
) -> Vec<(Key, Node)> {
    let mut entries: Vec<(Key, Node)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (key, value) in members {
        let at = range(text, key).start;
        let Ok(key) = serde_json::from_str::<String>(key.get()) else {
            mistakes.push(Mistake::new("", 0, "this key cannot be read", HINT).placed(at));
            continue;
        };
        if !seen.insert(key.clone()) {
            let what = format!("{key:?} stands here twice");
            mistakes.push(Mistake::new("", 0, what, "keep one of the two").placed(at));
            continue;
        }
        entries.push((Key { text: key, at }, node(text, value, depth + 1, mistakes)));
    }
    entries
}

/// Where in the text a slice of it stands.
fn range(text: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + raw.get().len()
}

/// An object's members as they stand, without a look into them.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
