//! The licences of everything that is compiled into a program that uses the crate, by what the packages say of themselves.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

/// Checks the packages that `cargo metadata` tells on standard input: each has to be offered under licences that all stand in `allowed`, one a line.
///
/// # Errors
/// The packages that are not, each with its licence.
pub fn check(allowed: &Path) -> Result<String, String> {
    let list = fs::read_to_string(allowed).map_err(|error| format!("{}: {error}", allowed.display()))?;
    let allowed_names: BTreeSet<&str> =
        list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let told: Value = serde_json::from_reader(io::stdin()).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = needed(&told)?;
    let mut under: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused = vec![];
    for package in &packages {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let licence = text("license");
        *under.entry(licence).or_default() += 1;
        if !holds(licence, &allowed_names) {
            let said = if licence.is_empty() { "names no licence" } else { licence };
            refused.push(format!("{} {}: {said}", text("name"), text("version")));
        }
    }
    if !refused.is_empty() {
        return Err(format!(
            "{} packages are offered under none of the licences in {}:\n{}\ndo without them, or have somebody read the licence and put it there",
            refused.len(),
            allowed.display(),
            refused.join("\n"),
        ));
    }
    let under: String = under.iter().map(|(licence, many)| format!("{many:5}  {licence}\n")).collect();
    Ok(format!("{under}{} packages, all under licences of {}", packages.len(), allowed.display()))
}

/// All packages but the crate that it reaches by what is built in or at build time; what only tests and benches need is nobody's but ours.
fn needed(told: &Value) -> Result<Vec<&Value>, String> {
    let list = |value: &'_ Value| value.as_array().map(Vec::as_slice).unwrap_or_default().to_vec();
    let root = told["resolve"]["root"].as_str().ok_or("cargo metadata tells of no root package")?;
    let nodes: BTreeMap<String, Value> = list(&told["resolve"]["nodes"])
        .into_iter()
        .map(|node| (node["id"].as_str().unwrap_or_default().to_owned(), node))
        .collect();
    let (mut seen, mut next) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(id) = next.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        for dependency in list(&nodes[&id]["deps"]) {
            let built = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev" && !is_for_models(kind));
            if built {
                next.push(dependency["pkg"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
    seen.remove(root);
    let packages = told["packages"].as_array().ok_or("cargo metadata tells of no packages")?;
    Ok(packages.iter().filter(|package| package["id"].as_str().is_some_and(|id| seen.contains(id))).collect())
}

/// Whether a dependency is there for the model checkers alone, under a `cfg` of ours that nobody else sets.
fn is_for_models(kind: &Value) -> bool {
    kind["target"].as_str().is_some_and(|target| ["cfg(slackwater_loom)", "cfg(slackwater_shuttle)"].contains(&target))
}

/// Whether an expression (`MIT OR Apache-2.0`, `(A OR B) AND C`, `A/B` of old) can be met with these licences.
fn holds(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "-WITH-");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = &words[..];
    let holds = any(&mut rest, allowed);
    holds && rest.is_empty()
}

fn any(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut holds = all(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        holds |= all(words, allowed);
    }
    holds
}

fn all(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut holds = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        holds &= one(words, allowed);
    }
    holds
}

fn one(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let holds = any(words, allowed);
            let [")", rest @ ..] = *words else { return false };
            *words = rest;
            holds
        }
        [name, rest @ ..] => {
            *words = rest;
            allowed.contains(name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_hold_where_some_choice_does() {
        let allowed = BTreeSet::from(["MIT", "Apache-2.0-WITH-LLVM-exception", "Zlib"]);
        for yes in
            ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND Zlib", "Apache-2.0 WITH LLVM-exception"]
        {
            assert!(holds(yes, &allowed), "{yes}");
        }
        for no in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Zlib) AND GPL-3.0", "Apache-2.0", "(MIT", "MIT Zlib", "OR"]
        {
            assert!(!holds(no, &allowed), "{no}");
        }
    }
}
