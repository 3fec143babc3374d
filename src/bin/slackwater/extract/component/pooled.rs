//! The component, in a pool.

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slackwater::extract::{PageError, Recipe, Values};
use slackwater::http::Server;
use slackwater::wasm::{
    ArtifactCache, ExtractionError, Failure as Answer, Query, WasmEngine, WasmError, WasmExtractor, WasmLimits,
    WasmOptions,
};
use slackwater::{PoolConfig, Snapshot};

use super::Options;
use crate::extract::failure::{Failure, FailureKind};
use crate::extract::work::{PATIENCE, Visit};

/// Bytes that an answer may have. The values of a page have bounds of their own, which depend on its size.
const ANSWER: usize = 1 << 30;

/// A component and what it is asked.
pub struct Component {
    extractor: WasmExtractor,
    queries: Vec<Query>,
    /// The field of each query.
    fields: Vec<usize>,
    /// The option that says how long it may have a page.
    timeout_option: &'static str,
}

impl Component {
    /// # Errors
    /// Why it cannot be had, or not be asked for these fields.
    pub fn build(
        options: &Options,
        file: Option<&Path>,
        recipe: &Recipe,
        size: usize,
        page_timeout: Duration,
    ) -> Result<Self, String> {
        let (fields, queries): (Vec<_>, Vec<_>) = recipe.queries().map_err(|why| why.to_string())?.into_iter().unzip();
        // The pool's successors, and the instance that is tried first.
        let builder = WasmEngine::builder().slots(size + PoolConfig::default().surge + 1).max_component(1 << 30);
        let engine = match cache() {
            Some(cache) => builder.cache(cache),
            None => builder,
        };
        let engine = engine.build().map_err(|why| why.to_string())?;
        let component = match file {
            Some(file) => engine.component_file(file),
            None => engine.bundled_extractor(),
        };
        let component = component.map_err(|why| why.to_string())?;
        let memory = usize::from(options.wasm_memory) << 20;
        let (timeout, timeout_option) = (options.wasm_timeout, "--wasm-timeout").min((page_timeout, "--page-timeout"));
        let limits = WasmLimits { memory, timeout, result: ANSWER, ..WasmLimits::default() };
        let options = WasmOptions { limits, ..WasmOptions::default() };
        let pool =
            |pool: slackwater::Builder<_>| pool.name("wasm").max_size(size).checkout_timeout(PATIENCE).time_one_in(1);
        let extractor = WasmExtractor::build(&component, options, pool).map_err(|why| why.to_string())?;
        let component = Self { extractor, queries, fields, timeout_option };
        component.try_out(recipe)?;
        Ok(component)
    }

    /// Asks it for a page of nothing: what is wrong with a field is better known before the first page.
    fn try_out(&self, recipe: &Recipe) -> Result<(), String> {
        let why = match self.extractor.extract("<!doctype html><title></title>", &self.queries) {
            Ok(_) => return Ok(()),
            Err(why) => why,
        };
        let field = match &why {
            ExtractionError::Failure(Answer::Selector(it) | Answer::Pattern(it) | Answer::Unsupported(it)) => {
                self.fields.get(it.query as usize)
            }
            _ => None,
        };
        Err(field.map_or_else(|| why.to_string(), |&field| format!("the field {:?}: {why}", recipe.names()[field])))
    }

    /// One page through an instance of its own.
    pub fn visit(&self, page: &str, values: &mut Values, time: &mut Option<Visit>) -> Result<(), Failure> {
        let asked = Instant::now();
        let mut instance = self.extractor.checkout().map_err(PageError::from)?;
        let (waited, begun) = (asked.elapsed(), Instant::now());
        let answer = instance.call(|extractor, store| extractor.extract(store, page, &self.queries));
        drop(instance);
        *time = Some(Visit { waited, worked: begun.elapsed() });
        let lists = match answer {
            Ok(Ok(lists)) => lists,
            Ok(Err(why)) => return Err(FailureKind::Component.because(why.to_string())),
            Err(why) => return Err(self.failure(&why)),
        };
        for (field, list) in self.fields.iter().zip(&lists) {
            list.iter().for_each(|value| values.push(*field, [value.as_str()]));
        }
        values.exceeded().map_or(Ok(()), |exceeded| Err(PageError::from(exceeded).into()))
    }

    pub fn served_by(&self, server: Server) -> Server {
        server.pool(&self.extractor)
    }

    pub fn snapshot(&self) -> Snapshot {
        self.extractor.snapshot()
    }

    /// The SHA-256 of its bytes.
    pub fn digest(&self) -> String {
        self.extractor.manager().component().digest().to_string()
    }

    /// What it did, for programs.
    pub fn json(&self) -> Value {
        let usage = self.extractor.usage();
        json!({
            "component": self.digest(),
            "calls": usage.calls,
            "timeouts": usage.timeouts,
            "out_of_memory": usage.out_of_memory,
            "traps": usage.traps,
            "memory_largest_bytes": usage.memory_largest,
        })
    }

    fn failure(&self, why: &WasmError) -> Failure {
        let kind = match why {
            WasmError::Checkout(_) | WasmError::Instantiate { .. } | WasmError::Ticker { .. } => {
                FailureKind::NoExtractor
            }
            WasmError::Timeout { .. } => {
                return FailureKind::TimedOut.because(format!("{why} ({})", self.timeout_option));
            }
            WasmError::MemoryLimitExceeded { .. } => {
                return FailureKind::TooMuch.because(format!("{why} (--wasm-memory)"));
            }
            WasmError::TotalMemoryExceeded { .. }
            | WasmError::TableLimitExceeded { .. }
            | WasmError::ResultTooLarge { .. } => FailureKind::TooMuch,
            _ => FailureKind::Component,
        };
        kind.because(why.to_string())
    }
}

/// Where components stay compiled, as other programs keep what they can make again. Without it they are compiled at each start.
fn cache() -> Option<ArtifactCache> {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let folder =
        env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute()).or_else(home)?;
    match ArtifactCache::open(folder.join("slackwater/components")) {
        Ok(cache) => Some(cache),
        Err(why) => {
            let _ = writeln!(io::stderr(), "note: {why}; the component is compiled anew at each start");
            None
        }
    }
}
