//! The extractor: a component of the project's world, `wit/extract.wit`.

use super::artifact::Digest;
use super::component::WasmComponent;
use super::engine::WasmEngine;
use super::error::{WasmBuildError, WasmError};
use super::manager::{WasmManager, WasmOptions};
use super::pool::WasmPool;
use super::world::{Held, World};
use crate::pool::Builder;
use std::fmt;
use std::ops::Deref;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Instance, Lift, Lower, TypedFunc};

/// The extractor that comes with the crate: scraper for selectors, regex for patterns. About 2.1 MB.
const BUNDLED: &[u8] = include_bytes!("../../guest/extractor.wasm");
/// Digests of all guests, which hashing at each start would only find again. A test holds it to the bytes.
const SUMS: &str = include_str!("../../guest/SHA256SUMS");

/// The exported interface, and its function.
const INTERFACE: &str = "slackwater:extract/extraction@0.1.0";
const FUNCTION: &str = "extract";

/// All matches of a CSS selector in the page.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Css {
    /// A selector, or several separated by commas.
    pub selector: String,
    /// The attribute whose values are wanted; without one, the text of each match.
    pub attribute: Option<String>,
}

/// What is asked of a page.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Query {
    /// Elements, by a CSS selector.
    #[component(name = "css")]
    Css(Css),
    /// Matches of a regular expression in the page's source: of each, group 1, or all of it if there is no group.
    #[component(name = "pattern")]
    Pattern(String),
}

impl Query {
    /// The text of every match of a selector.
    pub fn css(selector: impl Into<String>) -> Self {
        Self::Css(Css { selector: selector.into(), attribute: None })
    }

    /// The value of an attribute of every match of a selector that has it.
    pub fn attribute(selector: impl Into<String>, attribute: impl Into<String>) -> Self {
        Self::Css(Css { selector: selector.into(), attribute: Some(attribute.into()) })
    }

    /// Every match of a pattern.
    pub fn pattern(pattern: impl Into<String>) -> Self {
        Self::Pattern(pattern.into())
    }
}

/// Which query is to blame, and why.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Mistake {
    /// Its index in the list of queries.
    pub query: u32,
    /// What is wrong.
    pub message: String,
    /// The byte of the query's text where it goes wrong, if that is known.
    pub at: Option<u32>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query {}", self.query)?;
        self.at.map_or(Ok(()), |at| write!(f, ", at byte {at}"))?;
        write!(f, ": {}", self.message)
    }
}

/// Why there is no answer. The extractor is sound all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Failure {
    /// A selector, or the name of an attribute, is wrong.
    #[error("wrong selector in {0}")]
    #[component(name = "selector")]
    Selector(Mistake),
    /// A pattern is wrong, or larger than the extractor allows.
    #[error("wrong pattern in {0}")]
    #[component(name = "pattern")]
    Pattern(Mistake),
    /// A query that may be sound, but that this extractor does not do.
    #[error("unsupported {0}")]
    #[component(name = "unsupported")]
    Unsupported(Mistake),
    /// Nothing is wrong with the queries, but this page cannot be worked on.
    #[error("the page cannot be worked on: {0}")]
    #[component(name = "page")]
    Page(String),
}

/// Why an extraction gave no values.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractionError {
    /// The extractor says so.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// It was ended, or did not answer.
    #[error(transparent)]
    Wasm(#[from] WasmError),
}

/// An answer with more or fewer lists than there were queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the component answered {asked} queries with {answered} lists; it does not keep to its world, so mend it")]
struct WrongCount {
    asked: usize,
    answered: usize,
}

type Extract<'a> = TypedFunc<(&'a str, &'a [Query]), (Result<Vec<Vec<String>>, Failure>,)>;

/// The world of an extractor, for a [`WasmPool`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Extraction;

impl World for Extraction {
    type Host = ();
    type Exports = Extractor;

    fn host(&self) {}

    fn bind(&self, instance: &Instance, mut store: StoreContextMut<'_, Held<()>>) -> wasmtime::Result<Extractor> {
        let find = |store: &mut StoreContextMut<'_, Held<()>>, within, name: &str| {
            let found = instance.get_export_index(store, within, name);
            found.ok_or_else(|| wasmtime::format_err!("it exports no {name}"))
        };
        let interface = find(&mut store, None, INTERFACE)?;
        let function = find(&mut store, Some(&interface), FUNCTION)?;
        Ok(Extractor(instance.get_typed_func(&mut store, function)?))
    }
}

/// The function of an extractor's instance.
#[derive(Clone, Copy)]
pub struct Extractor(Extract<'static>);

impl Extractor {
    /// Asks a page everything at once. The answer has a list of values for each query.
    ///
    /// # Errors
    /// The outer one, which spends the instance, if the call is ended or the answer is none.
    pub fn extract(
        &self,
        mut store: StoreContextMut<'_, Held<()>>,
        page: &str,
        queries: &[Query],
    ) -> wasmtime::Result<Result<Vec<Vec<String>>, Failure>> {
        let function: Extract<'_> = self.0;
        let answer = function.call(&mut store, (page, queries)).and_then(|(answer,)| match answer {
            Ok(lists) if lists.len() != queries.len() => {
                Err(WrongCount { asked: queries.len(), answered: lists.len() }.into())
            }
            answer => Ok(answer),
        });
        answer.inspect_err(|_| store.data_mut().account.fails())
    }
}

impl fmt::Debug for Extractor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extractor")
    }
}

/// A pool of extractors. All that a [`WasmPool`] does, it does: it dereferences to one.
///
/// ```no_run
/// use slackwater::wasm::{ArtifactCache, Query, WasmEngine, WasmExtractor, WasmOptions};
///
/// let cache = ArtifactCache::open("/var/cache/my-program/wasm")?;
/// let engine = WasmEngine::builder().cache(cache).build()?;
/// let extractor = WasmExtractor::bundled(&engine, WasmOptions::default(), |pool| pool.max_size(4))?;
/// let page = "<h1>Slack water</h1><a href='/tides'>tides</a>";
/// let found = extractor.extract(page, &[Query::css("h1"), Query::attribute("a", "href")])?;
/// assert_eq!(found, [["Slack water"], ["/tides"]]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WasmExtractor(WasmPool<Extraction>);

impl WasmExtractor {
    /// A pool of the extractor that comes with the crate.
    ///
    /// # Errors
    /// As [`WasmPool::build`].
    pub fn bundled(
        engine: &WasmEngine,
        options: WasmOptions,
        configure: impl FnOnce(Builder<WasmManager<Extraction>>) -> Builder<WasmManager<Extraction>>,
    ) -> Result<Self, WasmBuildError> {
        Self::build(&engine.bundled_extractor()?, options, configure)
    }

    /// A pool of the extractor that `component` is.
    ///
    /// # Errors
    /// As [`WasmPool::build`].
    pub fn build(
        component: &WasmComponent,
        options: WasmOptions,
        configure: impl FnOnce(Builder<WasmManager<Extraction>>) -> Builder<WasmManager<Extraction>>,
    ) -> Result<Self, WasmBuildError> {
        WasmPool::build(component, Extraction, options, configure).map(Self)
    }

    /// Asks a page everything at once. The answer has a list of values for each query, in their order.
    ///
    /// # Blocking
    /// As [`WasmPool::call`].
    ///
    /// # Errors
    /// What the extractor says of the queries or the page; or why it was ended, or none was free.
    #[track_caller]
    pub fn extract(&self, page: &str, queries: &[Query]) -> Result<Vec<Vec<String>>, ExtractionError> {
        Ok(self.0.call(|extractor, store| extractor.extract(store, page, queries))??)
    }
}

impl Deref for WasmExtractor {
    type Target = WasmPool<Extraction>;

    fn deref(&self) -> &WasmPool<Extraction> {
        &self.0
    }
}

impl WasmEngine {
    /// Loads the extractor that comes with the crate, whose digest is known without hashing it.
    ///
    /// # Errors
    /// As [`component`](Self::component).
    pub fn bundled_extractor(&self) -> Result<WasmComponent, WasmBuildError> {
        let sum = SUMS.lines().find(|line| line.ends_with("extractor.wasm")).and_then(|line| line.get(..64));
        let digest = sum.and_then(Digest::parse).unwrap_or_else(|| Digest::of(BUNDLED));
        self.known_component(BUNDLED, digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_extractor_has_the_digest_that_is_written_down() {
        let sum = SUMS.lines().find(|line| line.ends_with("extractor.wasm")).unwrap();
        assert_eq!(Digest::parse(&sum[..64]).unwrap(), Digest::of(BUNDLED));
    }
}
