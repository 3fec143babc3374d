//! The fields of a command, and the recipe they mean.

use std::path::Path;

use clap::ArgMatches;
use slackwater::extract::{Mistake, Recipe};

use crate::recipe;

/// The fields of a run that names none.
const DEFAULT_CSS: [&str; 3] = ["title=title", "headings=h1, h2", "links=a@href"];
const DEFAULT_REGEX: [&str; 1] = [r"codes=\bE[0-9]{4}\b"];

/// The fields as typed, in the order they were typed across both options; those of a run that names none, if it may.
pub fn in_order<'a>(
    typed: &ArgMatches,
    css: &'a [String],
    regex: &'a [String],
    may_default: bool,
) -> Vec<(Kind, &'a str)> {
    let mut fields: Vec<(usize, Kind, &str)> = Vec::new();
    for (option, kind, texts) in [("css", Kind::Css, css), ("regex", Kind::Regex, regex)] {
        let places = typed.indices_of(option).into_iter().flatten();
        fields.extend(places.zip(texts).map(|(place, text)| (place, kind, text.as_str())));
    }
    fields.sort_unstable_by_key(|&(place, ..)| place);
    if fields.is_empty() && may_default {
        fields.extend(DEFAULT_CSS.map(|text| (0, Kind::Css, text)));
        fields.extend(DEFAULT_REGEX.map(|text| (0, Kind::Regex, text)));
    }
    fields.into_iter().map(|(_, kind, text)| (kind, text)).collect()
}

/// The recipe of a file, if there is one, and of fields as typed; and the file's text.
/// # Errors
/// All mistakes of the file, or the first one of those that were typed.
pub fn recipe(file: Option<&Path>, fields: &[(Kind, &str)]) -> Result<(Recipe, Option<String>), String> {
    let (mut recipe, text) = match file {
        Some(file) => recipe::load(file).map(|(recipe, text)| (recipe, Some(text)))?,
        None => (Recipe::new(), None),
    };
    add(&mut recipe, fields).map_err(|(option, mistake)| format!("{option}: {mistake}"))?;
    Ok((recipe, text))
}

fn add(recipe: &mut Recipe, fields: &[(Kind, &str)]) -> Result<(), (&'static str, Mistake)> {
    for (kind, text) in fields {
        match kind {
            Kind::Css => recipe.css(text).map_err(|mistake| ("--css", mistake))?,
            Kind::Regex => recipe.regex(text).map_err(|mistake| ("--regex", mistake))?,
        };
    }
    Ok(())
}

/// What takes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Css,
    Regex,
}
