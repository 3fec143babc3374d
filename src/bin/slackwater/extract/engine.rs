//! `--engine`: what takes the CSS fields, and what there is to say of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use clap::ValueEnum;
use serde_json::{Map, Value, json};
use slackwater::extract::{CssManager, Engine, Recipe, StreamingManager, Values, WhyNot};
use slackwater::http::Server;
use slackwater::{Pool, Snapshot};

use super::failure::Failure;
use super::work::{Visit, pool, visit};

/// Pages of at most this many bytes go through a tree at once with `auto`, where most pages are not plain: to see that a page is not takes up
/// to six tenths of the time that its tree takes (`cargo bench --bench streaming`). Above, the memory of a tree is what a run's peak is made of.
const SMALL: usize = 1 << 20;

/// So many are tried before that is known.
const TRIED: u64 = 64;

/// And one of so many after it, as a run may come to other pages.
const EVERY: u64 = 16;

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The HTML5 tree: every selector, every page
    #[default]
    Dom,
    /// No tree, the answers of tags
    Streaming,
    /// Without a tree where the answer is the same by rule, which is faster
    Auto,
}

/// What is to be made for a recipe.
pub struct Engines {
    choice: Choice,
    streaming: Option<StreamingManager>,
    why_not: Option<WhyNot>,
}

impl Choice {
    /// The engines for a recipe.
    /// # Errors
    /// If it was streaming that was asked for, and the recipe has a selector that cannot be had.
    pub fn over(self, recipe: &Recipe) -> Result<Engines, WhyNot> {
        let (streaming, why_not) = match self {
            Self::Dom => (None, None),
            Self::Streaming => match recipe.unwatched_manager() {
                Ok(manager) => (Some(manager), None),
                Err(WhyNot::NoCss) => (None, Some(WhyNot::NoCss)),
                Err(why) => return Err(why),
            },
            Self::Auto => match Engine::choose(recipe) {
                Ok(streaming) => (Some(streaming.manager()), None),
                Err(why) => (None, Some(why)),
            },
        };
        Ok(Engines { choice: self, streaming, why_not })
    }
}

/// What takes the CSS fields.
pub struct Css {
    choice: Choice,
    dom: Option<Pool<CssManager>>,
    streaming: Option<(StreamingManager, Pool<StreamingManager>)>,
    why_not: Option<WhyNot>,
    /// Pages that went through a tree untried.
    untried: AtomicU64,
}

impl Css {
    /// Builds and warms `size` extractors of each engine that may be used.
    /// # Errors
    /// A pool that cannot be had.
    pub fn build(recipe: &Recipe, engines: Engines, size: usize) -> Result<Self, String> {
        let Engines { choice, streaming, why_not } = engines;
        let needs_dom = choice != Choice::Streaming;
        let dom = recipe.css_manager().filter(|_| needs_dom);
        let dom = dom.map(|manager| pool("css", manager, size)).transpose()?;
        let streaming = match streaming {
            Some(manager) => Some((manager.clone(), pool("streaming", manager, size)?)),
            None => None,
        };
        Ok(Self { choice, dom, streaming, why_not, untried: AtomicU64::new(0) })
    }

    /// A page through the engine that is for it.
    pub fn visit(&self, page: &str, values: &mut Values, time: &mut Option<Visit>) -> Result<(), Failure> {
        match &self.streaming {
            Some((manager, pool)) if self.dom.is_none() || page.len() > SMALL || self.may_be_plain(manager) => {
                visit(Some(pool), page, values, time)
            }
            _ => visit(self.dom.as_ref(), page, values, time),
        }
    }

    /// Whether a page is worth to be tried, as things are.
    fn may_be_plain(&self, manager: &StreamingManager) -> bool {
        let pages = manager.pages();
        let others = pages.with_a_tree();
        pages.streamed + others < TRIED
            || pages.streamed >= others
            || self.untried.fetch_add(1, Relaxed) % EVERY == EVERY - 1
    }

    /// The server, with the pools there are.
    pub fn served_by(&self, server: Server) -> Server {
        let server = self.dom.iter().fold(server, Server::pool);
        self.streaming.iter().map(|(_, pool)| pool).fold(server, Server::pool)
    }

    pub fn snapshots(&self) -> Vec<Snapshot> {
        let streaming = self.streaming.iter().map(|(_, pool)| pool.snapshot());
        self.dom.iter().map(Pool::snapshot).chain(streaming).collect()
    }

    /// What ran, for programs.
    pub fn json(&self) -> Value {
        let pages = self.streaming.as_ref().map(|(manager, _)| manager.pages());
        let fell_back: Map<String, Value> = pages
            .iter()
            .flat_map(|pages| pages.fell_back)
            .filter(|(_, count)| *count > 0)
            .map(|(why, count)| (why.slug().to_owned(), count.into()))
            .collect();
        json!({
            "asked": self.choice.to_possible_value().map(|value| value.get_name().to_owned()),
            "streamed": pages.map_or(0, |pages| pages.streamed),
            "fell_back": fell_back,
            "why_not": self.why_not.as_ref().map(ToString::to_string),
        })
    }
}

/// A line of the summary, if it was not the tree that was asked for.
impl fmt::Display for Css {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.why_not {
            return write!(f, "\nengine dom: {why}");
        }
        let Some((manager, _)) = &self.streaming else { return Ok(()) };
        let pages = manager.pages();
        write!(f, "\nengine streaming: {} pages without a tree", pages.streamed)?;
        if pages.with_a_tree() > 0 {
            write!(f, "; {} are not plain", pages.with_a_tree())?;
        }
        match self.untried.load(Relaxed) {
            0 => {}
            // What was tried among them is counted above.
            untried => write!(f, "; {} of at most 1 MiB were not tried, as most are not", untried - untried / EVERY)?,
        }
        for (why, count) in pages.fell_back.iter().filter(|(_, count)| *count > 0) {
            write!(f, "\n  {count}: {why}")?;
        }
        Ok(())
    }
}
