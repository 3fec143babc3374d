//! What people write: files and fields, what is wrong with them, and where.

#[cfg(any(feature = "recipes", feature = "config"))]
mod errors;
#[cfg(any(feature = "recipes", feature = "config"))]
pub(crate) mod json;
mod mistake;
#[cfg(any(feature = "recipes", feature = "config"))]
mod node;
#[cfg(any(feature = "recipes", feature = "config"))]
pub(crate) mod toml;

#[cfg(any(feature = "recipes", feature = "config"))]
pub(crate) use crate::near::nearest;
#[cfg(any(feature = "recipes", feature = "config"))]
pub use errors::FileErrors;
pub use mistake::Mistake;
#[cfg(any(feature = "recipes", feature = "config"))]
pub(crate) use node::{Key, Node, Value};
