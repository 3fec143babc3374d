//! The pooled regex extractor.

use std::convert::Infallible;
use std::sync::Arc;

use super::{Extractor, RegexField, Values};
use crate::Manager;

/// What a match costs in steps of a clock: a look at it every sixteen matches.
const MATCH: usize = 63;

/// All regex fields of a recipe, with caches of their own.
///
/// A `Regex` shared by threads lends its search caches from an internal pool that all of them go through; a clone has its own.
#[derive(Debug)]
pub struct RegexExtractor {
    fields: Vec<(usize, RegexField)>,
}

impl Extractor for RegexExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        let clock = values.clock();
        // One search takes time that grows with the page alone, but each match may be the end of one that saw all of it.
        let goes_on = |values: &Values| {
            clock.spend(MATCH);
            !clock.is_over() && values.exceeded().is_none()
        };
        for (index, RegexField { regex, .. }) in &self.fields {
            if !goes_on(values) {
                break;
            }
            if regex.captures_len() == 1 {
                for found in regex.find_iter(page) {
                    if !goes_on(values) {
                        break;
                    }
                    values.push(*index, [found.as_str()]);
                }
            } else {
                for found in regex.captures_iter(page) {
                    if !goes_on(values) {
                        break;
                    }
                    // A match in which group 1 took no part has nothing to give.
                    if let Some(group) = found.get(1) {
                        values.push(*index, [group.as_str()]);
                    }
                }
            }
        }
        values.heed(&clock);
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
