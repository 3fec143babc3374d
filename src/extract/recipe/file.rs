//! Recipes out of files.

use super::{Recipe, read};
use crate::document::{json, toml};
use crate::extract::what::{From, Member, Over, Shape, has_named_groups};
use crate::extract::{CssField, RecipeErrors, RegexField};

impl Recipe {
    /// The recipe that a TOML text describes; `docs/extract.md` has all that can stand in it.
    ///
    /// ```
    /// use slackwater::Pool;
    /// use slackwater::extract::{Recipe, Values, extract_page};
    ///
    /// let recipe = Recipe::from_toml(r#"
    ///     [fields.title]
    ///     css = "title"
    ///     text = "normalised"
    ///     take = "first"
    ///     required = true
    ///
    ///     [fields.products]
    ///     css = "li.product"
    ///     [fields.products.fields.name]
    ///     css = "h3"
    ///     take = "first"
    ///     [fields.products.fields.links]
    ///     css = "a"
    ///     attribute = "href"
    ///
    ///     [fields.years]
    ///     regex = '\b(?:19|20)\d\d\b'
    ///     over = "fields.title"
    /// "#)?;
    ///
    /// let css = Pool::builder(recipe.css_manager().unwrap()).build().unwrap();
    /// let regex = Pool::builder(recipe.regex_manager().unwrap()).build().unwrap();
    /// let mut values = Values::new(recipe.names().len());
    /// let page = r#"<title> Tides
    ///     of 1994</title><li class=product><h3>Ebb</h3><a href=/ebb>"#;
    /// // The pattern searches what a selector found, so the selectors come first.
    /// extract_page(&css, page, &mut values).1.unwrap();
    /// extract_page(&regex, page, &mut values).1.unwrap();
    ///
    /// assert_eq!(values.of(0).collect::<Vec<_>>(), ["Tides of 1994"]);
    /// assert_eq!(values.of(1).collect::<Vec<_>>(), [r#"{"name":"Ebb","links":["/ebb"]}"#]);
    /// assert_eq!(values.of(2).collect::<Vec<_>>(), ["1994"]);
    ///
    /// let errors = Recipe::from_toml("[fields.title]\ncs = 'title'\ntake = 'firts'").unwrap_err();
    /// let places: Vec<_> = errors.mistakes().iter().map(|mistake| (mistake.line(), mistake.hint())).collect();
    /// assert!(places.contains(&(2, r#"did you mean "css"?"#)) && places.contains(&(3, r#"did you mean "first"?"#)));
    /// # Ok::<(), slackwater::extract::RecipeErrors>(())
    /// ```
    /// # Errors
    /// All mistakes of the text, each with its place and what to try.
    pub fn from_toml(text: &str) -> Result<Self, RecipeErrors> {
        Ok(Self::of(read::read(text, toml::read(text))?))
    }

    /// The recipe that a JSON text describes: the same tables and keys as in [`from_toml`](Self::from_toml), as objects and members.
    /// # Errors
    /// All mistakes of the text, each with its place and what to try.
    pub fn from_json(text: &str) -> Result<Self, RecipeErrors> {
        Ok(Self::of(read::read(text, json::read(text))?))
    }

    fn of(members: Vec<Member>) -> Self {
        let mut recipe = Self::default();
        for (index, member) in members.into_iter().enumerate() {
            recipe.shapes.push(Shape::of(member.take, member.is_json()));
            let Member { name, required, take, from } = member;
            recipe.names.push(name.clone());
            match from {
                From::Css(selector, what) => {
                    recipe.css.push((index, CssField { name, selector, what, take, required }))
                }
                From::Regex(regex, over) => {
                    let is_record = has_named_groups(&regex);
                    recipe.regex.push((index, RegexField { name, regex, is_record, over, take, required }));
                }
            }
        }
        recipe.sort_patterns();
        recipe
    }

    /// Puts each pattern behind the one whose values it searches. There are no circles.
    fn sort_patterns(&mut self) {
        let mut waiting = std::mem::take(&mut self.regex);
        while !waiting.is_empty() {
            let indices: Vec<usize> = waiting.iter().map(|(index, _)| *index).collect();
            let (later, ready): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|(_, field)| matches!(field.over, Over::Field(over) if indices.contains(&over)));
            assert!(!ready.is_empty(), "a recipe with a circle was not refused");
            self.regex.extend(ready);
            waiting = later;
        }
    }
}
