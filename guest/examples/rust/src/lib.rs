//! A small extractor: patterns, and no selectors. docs/wasm.md tells how it becomes a component.

use regex_lite::Regex;

wit_bindgen::generate!({ path: "../../../wit", world: "extractor" });

use exports::slackwater::extract::extraction::{Failure, Guest, Mistake, Query};

struct Patterns;

impl Guest for Patterns {
    fn extract(page: String, queries: Vec<Query>) -> Result<Vec<Vec<String>>, Failure> {
        // What is wrong with a query is told whatever the page is, so all are compiled first.
        let compiled = (0..).zip(&queries).map(|(index, query)| compile(index, query));
        let compiled = compiled.collect::<Result<Vec<Regex>, Failure>>()?;
        Ok(compiled.iter().map(|regex| values(regex, &page)).collect())
    }
}

export!(Patterns);

fn compile(query: u32, what: &Query) -> Result<Regex, Failure> {
    let mistake = |message: String| Mistake { query, message, at: None };
    match what {
        Query::Css(_) => Err(Failure::Unsupported(mistake("this extractor knows patterns alone".to_owned()))),
        Query::Pattern(pattern) => Regex::new(pattern).map_err(|error| Failure::Pattern(mistake(error.to_string()))),
    }
}

/// Group 1 of every match, or all of it if there is no group.
fn values(regex: &Regex, page: &str) -> Vec<String> {
    let group = usize::from(regex.captures_len() > 1);
    let found = regex.captures_iter(page).filter_map(|found| found.get(group));
    found.map(|found| found.as_str().to_owned()).collect()
}
