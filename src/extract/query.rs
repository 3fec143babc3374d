//! A recipe's fields as queries for a component.

use super::Recipe;
use crate::wasm::Query;

/// A field that no component can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the field {name:?} asks for more than the text or an attribute of every match, or group 1: a component is asked for no more; make it \
     a plain field, or leave it to an extractor of this process"
)]
pub struct NotAQuery {
    /// Its name.
    pub name: String,
}

impl Recipe {
    /// The fields as queries for a [`WasmExtractor`](crate::wasm::WasmExtractor), each with its index in [`Values`](super::Values).
    ///
    /// ```
    /// use slackwater::extract::Recipe;
    /// use slackwater::wasm::Query;
    ///
    /// let mut recipe = Recipe::new();
    /// recipe.regex("year=(?:19|20)[0-9]{2}")?.css("links=a@href")?;
    /// let expected = [(0, Query::pattern("(?:19|20)[0-9]{2}")), (1, Query::attribute("a", "href"))];
    /// assert_eq!(recipe.queries().unwrap(), expected);
    /// # Ok::<(), slackwater::extract::Mistake>(())
    /// ```
    /// # Errors
    /// [`NotAQuery`] for the first field that asks for more than a component can be asked for, as only a recipe's file does.
    pub fn queries(&self) -> Result<Vec<(usize, Query)>, NotAQuery> {
        let css = self.css_fields().iter().map(|(index, field)| {
            let selector = field.selector.text();
            let query = match field.attribute() {
                Some(attribute) => Query::attribute(selector, attribute),
                None => Query::css(selector),
            };
            (*index, query, field.is_plain(), field.name())
        });
        let regex = self
            .regex_fields()
            .iter()
            .map(|(index, field)| (*index, Query::pattern(field.regex.as_str()), field.is_plain(), field.name()));
        let mut all: Vec<_> = css.chain(regex).collect();
        all.sort_unstable_by_key(|(index, ..)| *index);
        let query = |(index, query, is_plain, name): (usize, Query, bool, &str)| match is_plain {
            true => Ok((index, query)),
            false => Err(NotAQuery { name: name.to_owned() }),
        };
        all.into_iter().map(query).collect()
    }
}
