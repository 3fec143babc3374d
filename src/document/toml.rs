//! TOML with places.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::Mistake;
use super::node::{DEEPEST, Key, Node, Value};

/// What could be read, and what could not.
pub(crate) fn read(text: &str) -> (Node, Vec<Mistake>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistake = |error: &toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        Mistake::new("", 0, what, "correct the TOML: strings stand in quotes, patterns best in '...'").placed(at)
    };
    let mut mistakes: Vec<_> = errors.iter().map(mistake).collect();
    let node = table_node(table.get_ref(), table.span(), 0, &mut mistakes);
    (node, mistakes)
}

fn table_node(table: &DeTable<'_>, at: Range<usize>, depth: usize, mistakes: &mut Vec<Mistake>) -> Node {
    if depth > DEEPEST {
        mistakes.push(
            Mistake::new("", 0, format!("tables stand more than {DEEPEST} deep"), "take levels away").placed(at.start),
        );
        return Node { at, value: Value::Other("a table that stands too deep") };
    }
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let key = Key { text: key.get_ref().clone().into_owned(), at: key.span().start };
            (key, value_node(value, depth + 1, mistakes))
        })
        .collect();
    // The parser sorts them by name; the file's order is that of their places.
    entries.sort_by_key(|(key, _)| key.at);
    Node { at, value: Value::Table(entries) }
}

fn value_node(value: &Spanned<DeValue<'_>>, depth: usize, mistakes: &mut Vec<Mistake>) -> Node {
    let at = value.span();
    let value = match value.get_ref() {
        DeValue::Table(table) => return table_node(table, at, depth, mistakes),
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Integer(number) => Value::Number(whole(number)),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(_) => Value::Other("an array"),
    };
    Node { at, value }
}

/// In decimal digits, whatever it was written in.
fn whole(number: &DeInteger<'_>) -> String {
    match i128::from_str_radix(number.as_str(), number.radix()) {
        Ok(value) => value.to_string(),
        Err(_) => number.to_string(),
    }
}
