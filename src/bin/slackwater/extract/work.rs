//! One worker: a page in, a line out.

use std::time::{Duration, Instant};

use slackwater::extract::{
    Bounds, EncodingBy, Extractor, Recipe, RegexManager, Values, decode_declared, extract_page, sniff,
};
use slackwater::http::{ServeError, Server, ServerHandle};
use slackwater::{Manager, Pool, Snapshot};

use super::component::Component;
use super::engine::{Css, Engines};
use super::failure::Failure;
use super::input::{Declared, Source};
use super::output::{Encoder, Page};
use crate::run::files::key;

/// How long a page waits for an extractor. Others hold one for a page each, so only a page that takes minutes gets near.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// Room for page bytes kept from page to page; more is given back after a large page.
const KEEP: usize = 4 << 20;

/// Pages larger than this are extracted on threads of their own, at most two at a time. A document tree takes 15 to 35 times
/// the page's size, so the few large pages set the peak; and the allocator keeps what a thread once used for that thread, so
/// it must not be every thread that has seen one. One lane alone was tried: it idled a tenth of two cores on the reference.
const LARGE: usize = 1 << 20;
const LARGE_LANES: usize = 2;

/// Bytes of values that a page may have, and so many times its own besides: a selector that matches everything gives the text of a
/// page once for each element around it. A gigabyte is too much for anybody.
const MOST_VALUES: usize = 64 << 20;
const MOST_TIMES: usize = 8;
const MOST_AT_ALL: usize = 1 << 30;

/// What all workers share: the pools of the kinds in use, and the threads for large pages.
pub struct Shared {
    css: Css,
    regex: Option<Pool<RegexManager>>,
    /// In place of both.
    component: Option<Component>,
    large: rayon::ThreadPool,
}

impl Shared {
    /// Builds and warms `size` extractors of each kind the recipe has fields of.
    /// # Errors
    /// A pool or a thread that cannot be had, with what to try.
    pub fn build(recipe: &Recipe, engines: Engines, component: Option<Component>, size: usize) -> Result<Self, String> {
        let none = Recipe::new();
        let recipe = if component.is_some() { &none } else { recipe };
        let css = Css::build(recipe, engines, size)?;
        let regex = recipe.regex_manager().map(|manager| pool("regex", manager, size)).transpose()?;
        Ok(Self { css, regex, component, large: threads(LARGE_LANES)? })
    }

    /// Runs all fields over one page.
    fn extract(&self, page: &str, values: &mut Values, times: &mut Times) -> Result<(), Failure> {
        if let Some(component) = &self.component {
            return component.visit(page, values, &mut times.css);
        }
        self.css.visit(page, values, &mut times.css)?;
        visit(self.regex.as_ref(), page, values, &mut times.regex)
    }

    /// A server that shows the pools in use.
    /// # Errors
    /// As [`Server::start`].
    pub fn served_at(&self, address: &str) -> Result<ServerHandle, ServeError> {
        let server = Server::bind(address)?;
        let server = self.component.iter().fold(server, |server, component| component.served_by(server));
        let server = self.css.served_by(server);
        self.regex.iter().fold(server, Server::pool).start()
    }

    /// What there is to be seen of the pools in use.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let component = self.component.iter().map(Component::snapshot);
        component.chain(self.css.snapshots()).chain(self.regex.iter().map(Pool::snapshot)).collect()
    }

    /// Which component takes the fields, if one does.
    pub fn digest(&self) -> Option<String> {
        self.component.as_ref().map(Component::digest)
    }

    /// What the component did, if one takes the fields.
    pub fn component(&self) -> Option<serde_json::Value> {
        self.component.as_ref().map(Component::json)
    }

    /// What takes the CSS fields.
    pub fn css(&self) -> &Css {
        &self.css
    }
}

pub fn pool<M: Manager>(name: &'static str, manager: M, size: usize) -> Result<Pool<M>, String> {
    Pool::builder(manager)
        .name(name)
        .max_size(size)
        .checkout_timeout(PATIENCE)
        // Uses take microseconds at least: to time them all costs nothing that shows, and a few pages tell something too.
        .time_one_in(1)
        .build()
        .map_err(|error| format!("cannot build the {name} pool: {error}"))
}

/// A rayon pool of `n` threads.
/// # Errors
/// If the system does not give that many, with what to try.
pub fn threads(n: usize) -> Result<rayon::ThreadPool, String> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n)
        .build()
        .map_err(|error| format!("cannot start {n} threads: {error}; try fewer --threads"))
}

/// A finished page.
pub struct Line {
    /// As it is to be written.
    pub row: Vec<u8>,
    /// The bytes of it, also when it is written and gone.
    pub size: u64,
    /// Which page of the input it is, for those who go on; see [`key`].
    pub key: u64,
    /// What stands in its `source`.
    pub source: String,
    /// Size of the page.
    pub bytes: u64,
    /// The error it carries.
    pub failure: Option<Failure>,
    pub times: Times,
}

/// How a page that was not plain UTF-8 became text.
pub struct Note {
    pub note: String,
    pub encoding: &'static str,
    pub by: EncodingBy,
}

/// How long a page took.
pub struct Times {
    /// When its line was finished.
    pub done: Instant,
    /// From the look at the file to the finished line.
    pub page: Duration,
    pub css: Option<Visit>,
    pub regex: Option<Visit>,
}

/// A page's use of an extractor.
#[derive(Clone, Copy)]
pub struct Visit {
    /// How long the checkout took.
    pub waited: Duration,
    /// How long the extractor had the page.
    pub worked: Duration,
}

/// What a thread needs for its pages, reused from one to the next.
pub struct Worker<'a> {
    shared: &'a Shared,
    recipe: &'a Recipe,
    encoder: &'a Encoder,
    max_bytes: u64,
    page_timeout: Duration,
    page: Vec<u8>,
    values: Values,
}

impl<'a> Worker<'a> {
    /// For pages of so many bytes at most, and for so long at most.
    pub fn new(
        shared: &'a Shared,
        recipe: &'a Recipe,
        encoder: &'a Encoder,
        (max_bytes, page_timeout): (u64, Duration),
    ) -> Self {
        let values = Values::new(recipe.names().len());
        Self { shared, recipe, encoder, max_bytes, page_timeout, page: Vec::new(), values }
    }

    /// Reads and extracts one page. Whatever goes wrong with it is in the line.
    pub fn page(&mut self, source: Source) -> Line {
        let begun = Instant::now();
        let mut times = Times { done: begun, page: Duration::ZERO, css: None, regex: None };
        self.values.clear();
        let found_by = source.name();
        let key = key(&found_by);
        let (own, outcome) = match source.read(&mut self.page, self.max_bytes) {
            Ok(Declared { name, charset }) => (name, self.extract(charset.as_deref(), &mut times)),
            Err(failure) => (None, Err(failure)),
        };
        let source = own.unwrap_or(found_by);
        let told = outcome.as_ref().map(Option::as_ref);
        let row = self.encoder.row(&Page { source: &source, recipe: self.recipe, values: &self.values, outcome: told });
        let bytes = self.page.len() as u64;
        self.page.clear();
        self.page.shrink_to(KEEP);
        times.done = Instant::now();
        times.page = times.done - begun;
        Line { size: row.len() as u64, row, key, source, bytes, failure: outcome.err(), times }
    }

    /// The note, if the page was not plain UTF-8.
    fn extract(&mut self, charset: Option<&str>, times: &mut Times) -> Result<Option<Note>, Failure> {
        let decoded = decode_declared(&self.page, charset);
        // Without its mark UTF-16 looks like anything but text.
        let is_wide = decoded.by == EncodingBy::Header && decoded.encoding.starts_with("UTF-16");
        sniff(if is_wide { decoded.text.as_bytes() } else { &self.page })?;
        let (shared, values) = (self.shared, &mut self.values);
        let bytes = MOST_VALUES.saturating_add(decoded.text.len().saturating_mul(MOST_TIMES)).min(MOST_AT_ALL);
        values.bound(Bounds { time: Some(self.page_timeout), bytes });
        let mut extract = || shared.extract(&decoded.text, values, times);
        if self.page.len() > LARGE { shared.large.install(extract) } else { extract() }?;
        Ok(decoded.note.map(|note| Note { note, encoding: decoded.encoding, by: decoded.by }))
    }
}

/// One page through one pool, if there is one.
pub fn visit<M>(
    pool: Option<&Pool<M>>,
    page: &str,
    values: &mut Values,
    times: &mut Option<Visit>,
) -> Result<(), Failure>
where
    M: Manager,
    M::Resource: Extractor,
{
    let Some(pool) = pool else { return Ok(()) };
    let begun = Instant::now();
    let (waited, outcome) = extract_page(pool, page, values);
    *times = Some(Visit { waited, worked: begun.elapsed().saturating_sub(waited) });
    Ok(outcome?)
}
