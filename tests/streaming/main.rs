//! The streaming engine beside the document tree.

mod bounds;
mod compared;
mod differences;
mod names;
mod other;
mod pages;
mod random;
#[cfg(feature = "recipes")]
mod recipes;
mod rule;
mod selectors;
mod snippets;
#[path = "../sources/mod.rs"]
mod sources;
