//! The pooled CSS extractor.

use std::convert::Infallible;
use std::sync::Arc;

use super::compiled::{Compiled, ROOM, Told};
use super::dom::{Dom, Plan};
use super::what::Record;
use super::{CssField, Extractor, Values};
use crate::{Manager, ReturnOutcome};

/// All CSS fields of a recipe, ready to run. One HTML parse a page, however many fields.
#[derive(Debug)]
pub struct CssExtractor {
    plan: Arc<Plan>,
    records: Vec<Option<Record>>,
    pub(super) dom: Dom,
    /// What was asked for besides.
    pub(super) compiled: Compiled<Arc<Plan>>,
}

impl Extractor for CssExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        self.plan.run(&mut self.dom, &self.records, page, values);
    }
}

/// Makes [`CssExtractor`]s for a [`Pool`](crate::Pool).
#[derive(Debug, Clone)]
pub struct CssManager {
    pub(super) plan: Arc<Plan>,
    fields: usize,
    pub(super) room: usize,
    pub(super) told: Arc<Told>,
}

impl CssManager {
    /// A manager for these fields; each comes with its index in [`Values`].
    pub fn new(fields: impl IntoIterator<Item = (usize, CssField)>) -> Self {
        Self::of(fields, false)
    }

    /// The same, and perhaps for patterns that search the page's text.
    pub(super) fn of(fields: impl IntoIterator<Item = (usize, CssField)>, gives_text: bool) -> Self {
        let fields: Vec<(usize, CssField)> = fields.into_iter().collect();
        let plan = Plan::new(fields.iter().map(|(index, field)| (*index, field)), gives_text);
        let fields = fields.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
        Self { plan: Arc::new(plan), fields, room: ROOM, told: Arc::default() }
    }
}

impl Manager for CssManager {
    type Resource = CssExtractor;
    type Error = Infallible;

    fn create(&self) -> Result<CssExtractor, Infallible> {
        let (plan, compiled) = (Arc::clone(&self.plan), Compiled::new(self.room, Arc::clone(&self.told)));
        Ok(CssExtractor { records: plan.records(), plan, dom: Dom::new(), compiled })
    }

    /// Runs every selector once over a small page.
    fn warm(&self, extractor: &mut CssExtractor) -> Result<(), Infallible> {
        extractor
            .extract("<!doctype html><title>t</title><p class=c><a href=/>x</a>&amp;", &mut Values::new(self.fields));
        Ok(())
    }

    fn recycle(&self, extractor: &mut CssExtractor) -> ReturnOutcome {
        extractor.compiled.tell();
        ReturnOutcome::Healthy
    }

    /// The memory an extractor keeps from page to page.
    fn weight(&self, extractor: &CssExtractor) -> u64 {
        extractor.dom.weight() as u64
    }
}
