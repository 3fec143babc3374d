//! The pooled CSS extractor.

use std::convert::Infallible;
use std::sync::Arc;

use super::dom::{Dom, Plan};
use super::{CssField, Extractor, Values};
use crate::Manager;

/// All CSS fields of a recipe, ready to run. One HTML parse a page, however many fields.
#[derive(Debug)]
pub struct CssExtractor {
    plan: Arc<Plan>,
    dom: Dom,
}

impl Extractor for CssExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        self.plan.run(&mut self.dom, page, values);
    }
}

/// Makes [`CssExtractor`]s for a [`Pool`](crate::Pool).
#[derive(Debug, Clone)]
pub struct CssManager {
    plan: Arc<Plan>,
    fields: usize,
}

impl CssManager {
    /// A manager for these fields; each comes with its index in [`Values`].
    pub fn new(fields: impl IntoIterator<Item = (usize, CssField)>) -> Self {
        let fields: Vec<(usize, CssField)> = fields.into_iter().collect();
        let plan = Plan::new(fields.iter().map(|(index, field)| (*index, &field.selector, field.attribute())));
        Self { plan: Arc::new(plan), fields: fields.iter().map(|(index, _)| index + 1).max().unwrap_or(0) }
    }
}

impl Manager for CssManager {
    type Resource = CssExtractor;
    type Error = Infallible;

    fn create(&self) -> Result<CssExtractor, Infallible> {
        Ok(CssExtractor { plan: Arc::clone(&self.plan), dom: Dom::new() })
    }

    /// Runs every selector once over a small page.
    fn warm(&self, extractor: &mut CssExtractor) -> Result<(), Infallible> {
        extractor
            .extract("<!doctype html><title>t</title><p class=c><a href=/>x</a>&amp;", &mut Values::new(self.fields));
        Ok(())
    }

    /// The memory an extractor keeps from page to page.
    fn weight(&self, extractor: &CssExtractor) -> u64 {
        extractor.dom.weight() as u64
    }
}
