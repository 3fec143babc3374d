//! The pooled CSS extractor.

use std::convert::Infallible;
use std::sync::Arc;

use scraper::{ElementRef, Html};

use super::{CssField, Extractor, Values};
use crate::Manager;

/// All CSS fields of a recipe, ready to run. One HTML parse a page, however many fields.
#[derive(Debug)]
pub struct CssExtractor {
    fields: Vec<(usize, CssField)>,
}

impl Extractor for CssExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        let html = Html::parse_document(page);
        for (index, field) in &self.fields {
            for element in html.select(&field.selector) {
                match &field.attribute {
                    None => values.push(*index, element.text()),
                    Some(name) => {
                        if let Some(value) = attribute(element, name) {
                            values.push(*index, [value]);
                        }
                    }
                }
            }
        }
    }
}

/// The quick exact look first; only a name typed or parsed with capitals (`viewBox`) needs the slow one.
fn attribute<'a>(element: ElementRef<'a>, name: &str) -> Option<&'a str> {
    element
        .attr(name)
        .or_else(|| element.value().attrs().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Makes [`CssExtractor`]s for a [`Pool`](crate::Pool).
#[derive(Debug, Clone)]
pub struct CssManager {
    fields: Arc<[(usize, CssField)]>,
}

impl CssManager {
    /// A manager for these fields; each comes with its index in [`Values`].
    pub fn new(fields: impl IntoIterator<Item = (usize, CssField)>) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

impl Manager for CssManager {
    type Resource = CssExtractor;
    type Error = Infallible;

    fn create(&self) -> Result<CssExtractor, Infallible> {
        Ok(CssExtractor { fields: self.fields.to_vec() })
    }

    /// Runs every selector once over a small page.
    fn warm(&self, extractor: &mut CssExtractor) -> Result<(), Infallible> {
        let fields = self.fields.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
        extractor.extract("<!doctype html><title>t</title><p class=c><a href=/>x</a>", &mut Values::new(fields));
        Ok(())
    }
}
