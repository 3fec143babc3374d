//! [`PoolConfig`] as a part of a program's own structures. The table of settings reads and writes here too.

use super::layers::Settings;
use super::options::{ROWS, find};
use super::origin::Origin;
use super::scalar::Given;
use crate::config::PoolConfig;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// Settings that nobody mentions have their defaults; a name that no setting has, a value of another kind, and what the pool would refuse
/// are errors. Without a clock: that is the program's.
impl<'de> Deserialize<'de> for PoolConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Branches(branches) = Branches::deserialize(deserializer)?;
        let mut given = Vec::new();
        flatten(&branches, "", &mut given);
        let mut settings = Settings::new().layer();
        for (name, value) in given {
            let row = find(&name).ok_or_else(|| D::Error::custom(unknown(&name)))?;
            settings = settings.give(row, value, Origin::Program).map_err(|error| D::Error::custom(bare(&error)))?;
        }
        settings.config().map_err(|error| D::Error::custom(bare(&error)))
    }
}

fn unknown(name: &str) -> String {
    match Settings::new().set(name, "") {
        Err(error) => bare(&error),
        Ok(_) => unreachable!("the table has no such row"),
    }
}

/// Where it stands, the deserializer says.
fn bare(error: &super::SettingsError) -> String {
    let text = error.to_string();
    text.strip_prefix("program: ").map_or(text.clone(), str::to_owned)
}

/// What stands at one place: a value, or more under it.
enum Branch {
    Value(Given),
    More(Vec<(String, Branch)>),
}

struct Branches(Vec<(String, Branch)>);

fn flatten(branches: &[(String, Branch)], path: &str, into: &mut Vec<(String, Given)>) {
    for (key, branch) in branches {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match branch {
            Branch::Value(value) => into.push((name, value.clone())),
            Branch::More(more) => flatten(more, &name, into),
        }
    }
}

impl<'de> Deserialize<'de> for Branches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_map(Any)? {
            Branch::More(branches) => Ok(Self(branches)),
            Branch::Value(value) => Err(D::Error::custom(format!("{value} is not a table of settings"))),
        }
    }
}

impl<'de> Deserialize<'de> for Branch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Branch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings of a pool")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Branch, E> {
        Ok(Branch::Value(Given::Flag(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Branch, E> {
        Ok(Branch::Value(Given::Number(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Branch, E> {
        Ok(Branch::Value(Given::Number(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Branch, E> {
        Ok(Branch::Value(Given::Number(format!("{number:?}"))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Branch, E> {
        Ok(Branch::Value(Given::Text(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Branch, A::Error> {
        let mut branches = Vec::new();
        while let Some(entry) = map.next_entry()? {
            branches.push(entry);
        }
        Ok(Branch::More(branches))
    }
}

/// All settings but those that follow from others. What is a part of something that is off is left out.
impl Serialize for PoolConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Level { config: self, path: "" }.serialize(serializer)
    }
}

/// The settings whose names begin with a path.
struct Level<'c> {
    config: &'c PoolConfig,
    path: &'c str,
}

impl Serialize for Level<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut last = "";
        for row in ROWS {
            let Some(rest) = row.name.strip_prefix(self.path) else { continue };
            let Some(value) = (row.get)(self.config) else { continue };
            let head = rest.split('.').next().unwrap_or(rest);
            let name = &row.name[..self.path.len() + head.len()];
            if name == last {
                continue;
            }
            let prefix = format!("{name}.");
            let has_parts = ROWS.iter().any(|row| row.name.starts_with(&prefix) && (row.get)(self.config).is_some());
            last = name;
            if has_parts {
                map.serialize_entry(head, &Level { config: self.config, path: &prefix })?;
            } else {
                map.serialize_entry(head, &value)?;
            }
        }
        map.end()
    }
}

impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Given::Flag(flag) => serializer.serialize_bool(*flag),
            Given::Text(text) | Given::Word(text) => serializer.serialize_str(text),
            Given::Number(digits) => match (digits.parse(), digits.parse()) {
                (Ok(whole), _) => serializer.serialize_u64(whole),
                (_, Ok(number)) => serializer.serialize_f64(number),
                _ => serializer.serialize_str(digits),
            },
        }
    }
}
