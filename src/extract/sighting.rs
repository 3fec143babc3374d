//! A recipe tried on one page, with the places of what it finds.

use std::ops::Range;

use super::bounds::Clock;
use super::dom;
use super::what::{Over, Take};
use super::{Bounds, Extractor, Recipe, RegexField, Values, search};
use crate::Manager as _;

/// What a recipe finds on a page, and where.
#[derive(Debug)]
pub struct Trial {
    page: String,
    bounds: Bounds,
    values: Values,
    sightings: Vec<Vec<Sighting>>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The byte of [`Trial::page`] where the match starts: a tag, or what a pattern matched. `None` for what stands nowhere in it: elements that
    /// no tag began, and matches in text or in another field.
    pub start: Option<usize>,
    /// The bytes of what was taken.
    pub found: Option<Range<usize>>,
}

impl Trial {
    /// Runs a recipe over a page, which is slow and holds much: for people who look at the answer. What takes more than `bounds` is
    /// not all there: see [`Values::exceeded`].
    pub fn new(recipe: &Recipe, page: &str, bounds: Bounds) -> Self {
        // As the tree has it, so that there is one kind of place.
        let page = page.replace("\r\n", "\n").replace('\r', "\n");
        let fields = recipe.names().len();
        let mut values = Values::new(fields);
        values.bound(bounds);
        let mut sightings = vec![Vec::new(); fields];
        values.timed(|values| {
            for (index, sighting) in dom::sightings(recipe.css_fields(), &page, values) {
                sightings[index].push(sighting);
            }
        });
        if let Some(manager) = recipe.regex_manager() {
            let Ok(mut extractor) = manager.create();
            values.timed(|values| extractor.extract(&page, values));
        }
        values.timed(|values| {
            let clock = values.clock();
            for (index, field) in recipe.regex_fields() {
                sightings[*index] = of_pattern(field, *index, &page, values, &clock);
            }
            values.heed(&clock);
        });
        Self { page, bounds, values, sightings }
    }

    /// The page with its line ends made `\n`.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// What was found; see [`Values::of`].
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Where the values of a field come from, in their order. Of a count, these are what was counted.
    pub fn sightings(&self, field: usize) -> &[Sighting] {
        &self.sightings[field]
    }

    /// How far the selectors of a CSS field get that finds nothing: for each of its list, its first parts with the number of elements that match
    /// them, up to the part with which none does. Nothing for patterns, and for a selector that takes more than the bounds.
    pub fn reach(&self, recipe: &Recipe, field: usize) -> Vec<Vec<(String, usize)>> {
        let css = recipe.css_fields().iter().find(|(index, _)| *index == field);
        css.map_or_else(Vec::new, |(_, field)| dom::reach(&field.selector, &self.page, self.bounds))
    }

    /// The line and the column, in characters, of a byte of the page; both from 1.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.page[..self.page.floor_char_boundary(at.min(self.page.len()))];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
    }
}

/// Where the values of a pattern come from.
fn of_pattern(field: &RegexField, index: usize, page: &str, values: &Values, clock: &Clock) -> Vec<Sighting> {
    if field.over != Over::Source {
        // A count is one value, of so many matches.
        let counted = values.of(index).next().filter(|_| field.take == Take::Count);
        let matches = counted.and_then(|count| count.parse().ok()).unwrap_or(values.of(index).len());
        return vec![Sighting { start: None, found: None }; matches];
    }
    // Those of which group 1 counts are where it is.
    let group = usize::from(!field.is_record && field.regex.captures_len() > 1);
    let in_time = |_: &regex::Captures<'_>| search::has_time(page, clock);
    let found = field.regex.captures_iter(page).take_while(in_time).filter_map(|found| Some(found.get(group)?.range()));
    found.map(|found| Sighting { start: Some(found.start), found: Some(found) }).collect()
}
