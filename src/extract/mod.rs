//! Pooled extractors for HTML pages: CSS selectors and regular expressions.
//!
//! A [`Recipe`] is the list of named fields to take from every page. It makes a manager for each kind in use, the managers
//! make the resources of a [`Pool`](crate::Pool), and [`extract_page`] lends one to a page. Bytes become text with [`decode`],
//! [`sniff`] says whether they are HTML at all, and [`Window`] with [`Reorder`] keep the memory of an ordered, parallel run
//! bounded.
//!
//! ```
//! use slackwater::Pool;
//! use slackwater::extract::{Recipe, Values, extract_page};
//!
//! let mut recipe = Recipe::new();
//! recipe.css("title=title")?.css("links=a@href")?.regex("year=(?:19|20)[0-9]{2}")?;
//!
//! let css = Pool::builder(recipe.css_manager().unwrap()).name("css").max_size(2).build().unwrap();
//! let regex = Pool::builder(recipe.regex_manager().unwrap()).name("regex").max_size(2).build().unwrap();
//!
//! let page = r#"<title>Tides</title><a href="/ebb">1994</a>"#;
//! let mut values = Values::new(recipe.names().len());
//! extract_page(&css, page, &mut values).1.unwrap();
//! extract_page(&regex, page, &mut values).1.unwrap();
//!
//! assert_eq!(values.of(0).collect::<Vec<_>>(), ["Tides"]);
//! assert_eq!(values.of(1).collect::<Vec<_>>(), ["/ebb"]);
//! assert_eq!(values.of(2).collect::<Vec<_>>(), ["1994"]);
//! # Ok::<(), slackwater::extract::Mistake>(())
//! ```
//!
//! The command line `slackwater extract` (feature `cli`) is built from these parts and nothing else.

mod ad_hoc;
mod bounds;
mod compiled;
mod css;
mod decode;
mod dom;
mod field;
mod finder;
#[cfg(feature = "archives")]
pub mod input;
mod json_text;
mod order;
mod page;
mod pattern;
mod place;
#[cfg(feature = "wasm")]
mod query;
mod recipe;
mod search;
mod sighting;
mod sniff;
#[cfg(feature = "streaming")]
mod streaming;
mod values;
#[cfg_attr(not(feature = "recipes"), allow(dead_code, reason = "only a recipe's file can ask for all of it"))]
mod what;

#[cfg(feature = "recipes")]
pub use crate::document::FileErrors as RecipeErrors;
pub use crate::document::Mistake;
pub use bounds::{Bounds, Exceeded};
pub use compiled::CacheStats;
pub use css::{CssExtractor, CssManager};
pub use decode::{Decoded, EncodingBy, decode, decode_declared};
#[cfg(feature = "streaming")]
pub use dom::sight::NeedsTree;
pub use field::{CssField, RegexField};
pub use order::{Reorder, Window};
pub use page::{Extractor, PageError, extract_page};
pub use pattern::{RegexExtractor, RegexManager};
#[cfg(feature = "wasm")]
pub use query::NotAQuery;
pub use recipe::Recipe;
pub use sighting::{Sighting, Trial};
pub use sniff::{NotHtml, sniff};
#[cfg(feature = "streaming")]
pub use streaming::not_plain::NotPlain;
#[cfg(feature = "streaming")]
pub use streaming::{Engine, StreamedPages, Streaming, StreamingExtractor, StreamingManager, WhyNot};
pub use values::{Missing, Values};
pub use what::Shape;
