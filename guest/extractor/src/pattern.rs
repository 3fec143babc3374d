//! Patterns.

use regex::Regex;

use crate::bindings::exports::slackwater::extract::extraction::Mistake;

pub struct PatternQuery(Regex);

impl PatternQuery {
    pub fn new(query: u32, pattern: &str) -> Result<Self, Mistake> {
        Regex::new(pattern).map(Self).map_err(|error| mistake(query, pattern, &error))
    }

    pub fn values(&self, page: &str) -> Vec<String> {
        if self.0.captures_len() == 1 {
            return self.0.find_iter(page).map(|found| found.as_str().to_owned()).collect();
        }
        let groups = self.0.captures_iter(page).filter_map(|found| found.get(1));
        groups.map(|group| group.as_str().to_owned()).collect()
    }
}

fn mistake(query: u32, pattern: &str, error: &regex::Error) -> Mistake {
    let (message, at) = match regex_syntax::parse(pattern) {
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), Some(error.span().start.offset)),
        Err(regex_syntax::Error::Translate(error)) => (error.kind().to_string(), Some(error.span().start.offset)),
        // The syntax is sound, so it is the compiled size.
        _ => (error.to_string(), None),
    };
    let at = at.and_then(|at| u32::try_from(at).ok());
    Mistake { query, message: message.replace('\n', " "), at }
}
