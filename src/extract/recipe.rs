//! The fields of a run.

#[cfg(feature = "recipes")]
mod file;
#[cfg(feature = "recipes")]
mod read;

use super::what::{Over, Shape, What};
use super::{CssField, CssManager, Mistake, RegexField, RegexManager};

/// The named fields to take from every page, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    names: Vec<String>,
    shapes: Vec<Shape>,
    css: Vec<(usize, CssField)>,
    regex: Vec<(usize, RegexField)>,
}

impl Recipe {
    /// No fields yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a CSS field, `NAME=SELECTOR` for text or `NAME=SELECTOR@ATTR` for an attribute; see [`CssField::parse`].
    /// # Errors
    /// [`Mistake`] as [`CssField::parse`], and for a name that is taken.
    pub fn css(&mut self, text: &str) -> Result<&mut Self, Mistake> {
        let field = CssField::parse(text)?;
        let index = self.claim(field.name(), text, Shape::of(field.take, matches!(field.what, What::Record(_))))?;
        self.css.push((index, field));
        Ok(self)
    }

    /// Adds a regex field, `NAME=PATTERN`; see [`RegexField::parse`].
    /// # Errors
    /// [`Mistake`] as [`RegexField::parse`], and for a name that is taken.
    pub fn regex(&mut self, text: &str) -> Result<&mut Self, Mistake> {
        let field = RegexField::parse(text)?;
        let index = self.claim(field.name(), text, Shape::of(field.take, field.is_record))?;
        self.regex.push((index, field));
        Ok(self)
    }

    /// The names of the fields; a field's place here is its index in [`Values`](super::Values).
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What each field gives, beside [`names`](Self::names).
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The CSS fields, each with its index.
    pub fn css_fields(&self) -> &[(usize, CssField)] {
        &self.css
    }

    /// The regex fields, each with its index, in the order in which they are to be searched for.
    pub fn regex_fields(&self) -> &[(usize, RegexField)] {
        &self.regex
    }

    /// A manager for the CSS fields; `None` if there are none, and then no page need be parsed.
    ///
    /// Where patterns search the page's text or the values of a CSS field, a page goes through this one's extractor first.
    pub fn css_manager(&self) -> Option<CssManager> {
        let text = self.regex.iter().any(|(_, field)| field.over == Over::Text);
        (text || !self.css.is_empty()).then(|| CssManager::of(self.css.iter().cloned(), text))
    }

    /// A manager for the regex fields; `None` if there are none.
    pub fn regex_manager(&self) -> Option<RegexManager> {
        (!self.regex.is_empty()).then(|| RegexManager::new(self.regex.iter().cloned()))
    }

    /// A manager for the CSS fields that runs them without a document tree, whatever the pages are; see
    /// [`StreamingManager::unwatched`](super::StreamingManager::unwatched).
    /// # Errors
    /// [`WhyNot`](super::WhyNot) if there are none, if one cannot be had so, or if a pattern searches the page's text.
    #[cfg(feature = "streaming")]
    pub fn unwatched_manager(&self) -> Result<super::StreamingManager, super::WhyNot> {
        super::StreamingManager::unwatched(super::streaming::fields_of(self)?.iter().cloned())
    }

    fn claim(&mut self, name: &str, text: &str, shape: Shape) -> Result<usize, Mistake> {
        if self.names.iter().any(|taken| taken == name) {
            return Err(Mistake::new(
                text,
                0,
                format!("there is already a field {name:?}"),
                "give each field a name of its own",
            ));
        }
        self.names.push(name.to_owned());
        self.shapes.push(shape);
        Ok(self.names.len() - 1)
    }
}
