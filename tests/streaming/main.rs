//! The streaming engine beside the document tree.

mod compared;
mod differences;
mod pages;
mod random;
mod rule;
mod snippets;
