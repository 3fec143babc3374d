//! The table of all settings for people, and the schema for their editors.

use super::layers::Settings;
use super::options::ROWS;
use crate::config::PoolConfig;
use serde_json::{Map, Value, json};
use std::fmt::Write;

impl Settings {
    /// A table of all settings in Markdown: name, what it is, its default, whether [`Pool::reconfigure`](crate::Pool::reconfigure) can change it,
    /// what it is good for. `docs/settings.md` is made of it.
    pub fn table() -> String {
        let (mut table, default) =
            (String::from("| setting | is | default | live | |\n|---|---|---|---|---|\n"), PoolConfig::default());
        for row in ROWS {
            let value = (row.get)(&default).map_or_else(String::new, |value| format!("`{value}`"));
            let live = row.fixed().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
            let _ = writeln!(table, "| `{}` | {} | {value} | {live} | {} |", row.name, (row.what)(), row.about);
        }
        table
    }

    /// A JSON schema (draft 2020-12) of a file of settings, for editors that complete and check what is typed.
    pub fn schema() -> Value {
        let mut root = object("The settings of a slackwater pool");
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        let default = PoolConfig::default();
        for row in ROWS {
            let mut schema = (row.schema)();
            schema["description"] = json!(row.about);
            // No word of the standard: what a validator does not know, it passes over.
            schema["x-live"] = json!(row.fixed().is_none());
            if let Some(why) = row.fixed() {
                schema["x-not-live-because"] = json!(why);
            }
            if let Some(value) = (row.get)(&default)
                && let Ok(value) = serde_json::to_value(value)
            {
                schema["default"] = value;
            }
            insert(&mut root, row.name, schema);
        }
        root
    }
}

fn object(description: &str) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": false, "properties": {} })
}

/// Puts a schema where its name says. What stands for several is a value or a table.
fn insert(object: &mut Value, name: &str, schema: Value) {
    let (head, rest) = name.split_once('.').map_or((name, None), |(head, rest)| (head, Some(rest)));
    let properties = object["properties"].as_object_mut().expect("each level has them");
    let Some(rest) = rest else {
        properties.insert(head.to_owned(), schema);
        return;
    };
    let place = properties.entry(head).or_insert_with(|| self::object(""));
    if place["properties"].is_null() && place["anyOf"][1]["properties"].is_null() {
        let either = place.clone();
        let description = either["description"].as_str().unwrap_or_default().to_owned();
        *place = Value::Object(Map::from_iter([("anyOf".to_owned(), json!([either, self::object(&description)]))]));
    }
    let below = if place["anyOf"].is_null() { place } else { &mut place["anyOf"][1] };
    insert(below, rest, schema);
}
