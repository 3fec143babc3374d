//! The document tree against scraper, whose tree is html5ever's: the same answers on every page.

mod compared;
mod deep;
#[cfg(feature = "recipes")]
mod markup;
mod pages;
mod random;
mod selectors;
mod snippets;
#[path = "../sources/mod.rs"]
mod sources;
