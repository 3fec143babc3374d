//! The fields of a run.

use super::{CssField, CssManager, Mistake, RegexField, RegexManager};

/// The named fields to take from every page, in the order they were added.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    names: Vec<String>,
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
        let index = self.claim(field.name(), text)?;
        self.css.push((index, field));
        Ok(self)
    }

    /// Adds a regex field, `NAME=PATTERN`; see [`RegexField::parse`].
    /// # Errors
    /// [`Mistake`] as [`RegexField::parse`], and for a name that is taken.
    pub fn regex(&mut self, text: &str) -> Result<&mut Self, Mistake> {
        let field = RegexField::parse(text)?;
        let index = self.claim(field.name(), text)?;
        self.regex.push((index, field));
        Ok(self)
    }

    /// The names of the fields; a field's place here is its index in [`Values`](super::Values).
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A manager for the CSS fields; `None` if there are none, and then no page need be parsed.
    pub fn css_manager(&self) -> Option<CssManager> {
        (!self.css.is_empty()).then(|| CssManager::new(self.css.iter().cloned()))
    }

    /// A manager for the regex fields; `None` if there are none.
    pub fn regex_manager(&self) -> Option<RegexManager> {
        (!self.regex.is_empty()).then(|| RegexManager::new(self.regex.iter().cloned()))
    }

    fn claim(&mut self, name: &str, text: &str) -> Result<usize, Mistake> {
        if self.names.iter().any(|taken| taken == name) {
            return Err(Mistake::new(
                text,
                0,
                format!("there is already a field {name:?}"),
                "give each field a name of its own",
            ));
        }
        self.names.push(name.to_owned());
        Ok(self.names.len() - 1)
    }
}
