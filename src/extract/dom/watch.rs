//! Where in a page values come from, for somebody who looks at it. No run pays for this.

use std::ops::Range;
use std::time::Instant;

use cssparser::ToCss;
use selectors::parser::Component;

use super::element::ElementOf;
use super::selector::Selector;
use super::{Dom, Plan};
use crate::extract::what::{Take, Text, What};
use crate::extract::{Bounds, CssField, Sighting, Values};

/// What is noted while a plan runs.
#[derive(Debug, Default)]
pub(super) struct Watch(Vec<(usize, Sighting)>);

impl Watch {
    /// An element of which a field has taken something.
    pub(super) fn saw(&mut self, index: usize, element: ElementOf<'_>, what: &What) {
        let (tree, page) = (element.document.tree, element.document.page);
        // An element that no tag began has no place.
        let place = tree.sources_of(element.id).next().and_then(|attributes| {
            let start = page[..attributes as usize].rfind('<')?;
            let tag_end = end_of_tag(page, attributes as usize);
            let found = match what {
                What::Attribute(name) => element.attribute_span(name).and_then(|span| span.in_page()),
                What::Text(_) | What::Html(_) | What::Record(_) => {
                    let end = last_of(element).unwrap_or(0).max(tag_end);
                    let from = if matches!(what, What::Text(_)) && end > tag_end { tag_end } else { start };
                    Some(from..end)
                }
            };
            Some((start, found.unwrap_or(start..tag_end)))
        });
        let (start, found) = place.unzip();
        self.0.push((index, Sighting { start, found }));
    }
}

fn end_of_tag(page: &str, from: usize) -> usize {
    let mut reader = super::tags::Attributes { bytes: page.as_bytes(), at: from };
    while let super::tags::Next::Attribute(..) = reader.next() {}
    reader.at.min(page.len())
}

/// The end of the last text below an element that stands in the page.
fn last_of(element: ElementOf<'_>) -> Option<usize> {
    let texts = element.document.tree.texts(element.id, element.document.clock);
    texts.filter_map(|span| span.in_page().map(|range: Range<usize>| range.end)).max()
}

/// Runs the fields over a page; each sighting is of one value, in the order of the values.
pub(in super::super) fn sightings(
    fields: &[(usize, CssField)],
    page: &str,
    values: &mut Values,
) -> Vec<(usize, Sighting)> {
    let plan = Plan::watched(fields.iter().map(|(index, field)| (*index, field)));
    let mut watch = Watch::default();
    plan.run_watched(&mut Dom::new(), &plan.records(), page, values, Some(&mut watch));
    watch.0
}

/// For each selector of a list: how many elements its first parts match, from the first part on to the one that matches none.
pub(in super::super) fn reach(selector: &Selector, page: &str, bounds: Bounds) -> Vec<Vec<(String, usize)>> {
    let began = Instant::now();
    let left = || Bounds { time: bounds.time.map(|time| time.saturating_sub(began.elapsed())), ..bounds };
    let count = |text: &str| {
        let selector = Selector::parse(text).ok()?;
        let (what, take) = (What::Text(Text::Raw), Take::Count);
        let field = CssField { name: String::new(), selector, what, take, required: None };
        let mut values = Values::new(1);
        let plan = Plan::watched([(0, &field)].into_iter());
        values.bound(left());
        values.timed(|values| plan.run(&mut Dom::new(), &plan.records(), page, values));
        if values.exceeded().is_some() { None } else { values.of(0).next()?.parse().ok() }
    };
    let steps = |one: &selectors::parser::Selector<super::selector::Dialect>| {
        let mut text = String::new();
        let mut steps: Vec<(String, usize)> = Vec::new();
        // In this order the combinators are as they were typed, and what stands between two of them is the other way round.
        let parts: Vec<_> = one.iter_raw_parse_order_from(0).collect();
        for compound in parts.chunk_by(|one, other| is_combinator(one) == is_combinator(other)) {
            for part in compound.iter().rev() {
                // Memory takes every write.
                let _ = part.to_css(&mut text);
                if is_combinator(part) {
                    continue;
                }
                let Some(matches) = count(&text) else { return Vec::new() };
                steps.push((text.clone(), matches));
                if matches == 0 {
                    return steps;
                }
            }
        }
        steps
    };
    selector.0.slice().iter().map(steps).collect()
}

fn is_combinator(part: &Component<super::selector::Dialect>) -> bool {
    matches!(part, Component::Combinator(_))
}
