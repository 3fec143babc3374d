//! The pooled regex extractor.

use std::convert::Infallible;
use std::sync::Arc;

use super::{Extractor, RegexField, Values};
use crate::Manager;

/// All regex fields of a recipe, with caches of their own.
///
/// A `Regex` shared by threads lends its search caches from an internal pool that all of them go through; a clone has its own.
#[derive(Debug)]
pub struct RegexExtractor {
    fields: Vec<(usize, RegexField)>,
}

impl Extractor for RegexExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        for (index, RegexField { regex, .. }) in &self.fields {
            if regex.captures_len() == 1 {
                for found in regex.find_iter(page) {
                    values.push(*index, [found.as_str()]);
                }
            } else {
                // A match in which group 1 took no part has nothing to give.
                for group in regex.captures_iter(page).filter_map(|found| found.get(1)) {
                    values.push(*index, [group.as_str()]);
                }
            }
        }
    }
}

/// Makes [`RegexExtractor`]s for a [`Pool`](crate::Pool).
#[derive(Debug, Clone)]
pub struct RegexManager {
    fields: Arc<[(usize, RegexField)]>,
}

impl RegexManager {
    /// A manager for these fields; each comes with its index in [`Values`].
    pub fn new(fields: impl IntoIterator<Item = (usize, RegexField)>) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

impl Manager for RegexManager {
    type Resource = RegexExtractor;
    type Error = Infallible;

    /// Clones the compiled patterns: the program is shared, the caches are not.
    fn create(&self) -> Result<RegexExtractor, Infallible> {
        Ok(RegexExtractor { fields: self.fields.to_vec() })
    }

    /// Searches a small page once with every pattern, which allocates the caches.
    fn warm(&self, extractor: &mut RegexExtractor) -> Result<(), Infallible> {
        let fields = self.fields.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
        extractor.extract("<!doctype html><title>t</title><p class=c><a href=/>x</a>", &mut Values::new(fields));
        Ok(())
    }
}
