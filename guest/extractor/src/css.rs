//! Selectors.

use scraper::{ElementRef, Html, Selector};

use crate::bindings::exports::slackwater::extract::extraction::{Css, Mistake};

pub struct CssQuery {
    selector: Selector,
    attribute: Option<String>,
}

impl CssQuery {
    pub fn new(query: u32, css: &Css) -> Result<Self, Mistake> {
        let mistake = |message| Mistake { query, message, at: None };
        let selector = Selector::parse(&css.selector).map_err(|error| mistake(error.to_string().replace('\n', " ")))?;
        if let Some(name) = &css.attribute {
            // No name that a page or a person would use has any of these.
            let wrong = |c: char| c.is_whitespace() || c.is_control() || "\"'<>/=[](),#+~|".contains(c);
            if name.is_empty() {
                return Err(mistake("the attribute's name is empty".to_owned()));
            }
            if let Some(c) = name.chars().find(|&c| wrong(c)) {
                return Err(mistake(format!("{c:?} cannot stand in an attribute's name")));
            }
        }
        Ok(Self { selector, attribute: css.attribute.clone() })
    }

    pub fn values(&self, html: &Html) -> Vec<String> {
        let matches = html.select(&self.selector);
        match &self.attribute {
            None => matches.map(|element| element.text().collect()).collect(),
            Some(name) => matches.filter_map(|element| attribute(element, name)).collect(),
        }
    }
}

/// Of exactly this name, else of one that differs in case.
fn attribute(element: ElementRef, name: &str) -> Option<String> {
    let alike = || element.value().attrs().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    element.attr(name).or_else(alike).map(str::to_owned)
}
