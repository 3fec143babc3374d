//! The pooled regex extractor.

use std::convert::Infallible;
use std::sync::Arc;

use super::compiled::{Compiled, ROOM, Told};
use super::finder::Finder;
use super::{Extractor, RegexField, Values};
use crate::{Manager, ReturnOutcome};

/// What a match costs in steps of a clock: a look at it every sixteen matches.
const MATCH: usize = 63;

/// All regex fields of a recipe, with the search caches that a `Regex` would lend to its threads one at a time.
#[derive(Debug)]
pub struct RegexExtractor {
    fields: Vec<(usize, Finder)>,
    /// What was asked for besides.
    pub(super) compiled: Compiled<Finder>,
}

impl Extractor for RegexExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        let clock = values.clock();
        // One search takes time that grows with the page alone, but each match may be the end of one that saw all of it.
        let goes_on = |values: &Values| {
            clock.spend(MATCH);
            !clock.is_over() && values.exceeded().is_none()
        };
        for (index, finder) in &mut self.fields {
            if !goes_on(values) {
                break;
            }
            for value in finder.values(page) {
                if !goes_on(values) {
                    break;
                }
                // A match in which group 1 took no part has nothing to give.
                if let Some(value) = value {
                    values.push(*index, [value]);
                }
            }
        }
        values.heed(&clock);
    }
}

/// Makes [`RegexExtractor`]s for a [`Pool`](crate::Pool).
#[derive(Debug, Clone)]
pub struct RegexManager {
    fields: Arc<[(usize, Finder)]>,
    pub(super) room: usize,
    pub(super) told: Arc<Told>,
}

impl RegexManager {
    /// A manager for these fields; each comes with its index in [`Values`].
    pub fn new(fields: impl IntoIterator<Item = (usize, RegexField)>) -> Self {
        let fields = fields.into_iter().map(|(index, field)| (index, Finder::new(&field.regex))).collect();
        Self { fields, room: ROOM, told: Arc::default() }
    }
}

impl Manager for RegexManager {
    type Resource = RegexExtractor;
    type Error = Infallible;

    /// The programs are shared, the caches are not.
    fn create(&self) -> Result<RegexExtractor, Infallible> {
        let fields = self.fields.iter().map(|(index, finder)| (*index, finder.another())).collect();
        Ok(RegexExtractor { fields, compiled: Compiled::new(self.room, Arc::clone(&self.told)) })
    }

    /// Searches a small page once with every pattern, which allocates the caches.
    fn warm(&self, extractor: &mut RegexExtractor) -> Result<(), Infallible> {
        let fields = self.fields.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
        extractor.extract("<!doctype html><title>t</title><p class=c><a href=/>x</a>", &mut Values::new(fields));
        Ok(())
    }

    fn recycle(&self, extractor: &mut RegexExtractor) -> ReturnOutcome {
        extractor.compiled.tell();
        ReturnOutcome::Healthy
    }

    /// The memory of an extractor's caches.
    fn weight(&self, extractor: &RegexExtractor) -> u64 {
        let asked_for = extractor.compiled.values().map(Finder::weight);
        extractor.fields.iter().map(|(_, finder)| finder.weight()).chain(asked_for).sum::<usize>() as u64
    }
}
