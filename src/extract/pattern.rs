//! The pooled regex extractor.

use std::convert::Infallible;
use std::sync::Arc;

use super::compiled::{Compiled, ROOM, Told};
use super::finder::Finder;
use super::search;
use super::what::Over;
use super::{Extractor, RegexField, Values};
use crate::{Manager, ReturnOutcome};

/// All regex fields of a recipe, with the search caches that a `Regex` would lend to its threads one at a time.
#[derive(Debug)]
pub struct RegexExtractor {
    fields: Vec<(usize, Search)>,
    /// What was asked for besides.
    pub(super) compiled: Compiled<Finder>,
}

/// How a field is searched for.
#[derive(Debug)]
enum Search {
    /// All matches in the page's source, as texts.
    Plain(Box<Finder>),
    Recipe(RegexField),
}

impl Search {
    fn new(field: RegexField) -> Self {
        if field.is_plain() { Self::Plain(Box::new(Finder::new(&field.regex))) } else { Self::Recipe(field) }
    }

    /// The same program with caches of its own.
    fn another(&self) -> Self {
        match self {
            Self::Plain(finder) => Self::Plain(Box::new(finder.another())),
            Self::Recipe(field) => Self::Recipe(field.clone()),
        }
    }

    /// The bytes of its caches, as far as they can be told.
    fn weight(&self) -> usize {
        if let Self::Plain(finder) = self { finder.weight() } else { 0 }
    }
}

impl Extractor for RegexExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        let clock = values.clock();
        for (index, search) in &mut self.fields {
            match search {
                Search::Recipe(field) => search::field(*index, field, page, values, &clock),
                Search::Plain(finder) => search::plain(*index, finder, page, values, &clock),
            }
        }
        values.heed(&clock);
    }
}

/// Makes [`RegexExtractor`]s for a [`Pool`](crate::Pool).
#[derive(Debug, Clone)]
pub struct RegexManager {
    fields: Arc<[(usize, Search)]>,
    /// How many fields of values they read and write.
    reach: usize,
    pub(super) room: usize,
    pub(super) told: Arc<Told>,
}

impl RegexManager {
    /// A manager for these fields; each comes with its index in [`Values`].
    pub fn new(fields: impl IntoIterator<Item = (usize, RegexField)>) -> Self {
        let fields: Vec<(usize, RegexField)> = fields.into_iter().collect();
        let reaches = |(index, field): &(usize, RegexField)| match field.over {
            Over::Field(over) => over.max(*index) + 1,
            _ => index + 1,
        };
        let reach = fields.iter().map(reaches).max().unwrap_or(0);
        let fields = fields.into_iter().map(|(index, field)| (index, Search::new(field))).collect();
        Self { fields, reach, room: ROOM, told: Arc::default() }
    }
}

impl Manager for RegexManager {
    type Resource = RegexExtractor;
    type Error = Infallible;

    /// The programs are shared, the caches are not.
    fn create(&self) -> Result<RegexExtractor, Infallible> {
        let fields = self.fields.iter().map(|(index, search)| (*index, search.another())).collect();
        Ok(RegexExtractor { fields, compiled: Compiled::new(self.room, Arc::clone(&self.told)) })
    }

    /// Searches a small page once with every pattern, which allocates the caches.
    fn warm(&self, extractor: &mut RegexExtractor) -> Result<(), Infallible> {
        extractor.extract("<!doctype html><title>t</title><p class=c><a href=/>x</a>", &mut Values::new(self.reach));
        Ok(())
    }

    fn recycle(&self, extractor: &mut RegexExtractor) -> ReturnOutcome {
        extractor.compiled.tell();
        ReturnOutcome::Healthy
    }

    /// The memory of an extractor's caches.
    fn weight(&self, extractor: &RegexExtractor) -> u64 {
        let asked_for = extractor.compiled.values().map(Finder::weight);
        extractor.fields.iter().map(|(_, search)| search.weight()).chain(asked_for).sum::<usize>() as u64
    }
}
