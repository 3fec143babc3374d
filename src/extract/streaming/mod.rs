//! Pages without a document tree.
//!
//! A page is read tag by tag, by the parts of the tree's own tokenizer, and nothing is kept but the elements that are open and what was found. So
//! memory does not grow with the page; the tree takes several times the page. No rule of tree construction is applied: tags are taken for
//! the elements. On many pages that is the same, and `places` says on which. So there are two ways to run it:
//!
//! - [`Streaming`], which [`Engine::choose`](super::Engine::choose) gives for recipes that have the tree's answer on every plain page. Each page is watched
//!   while it is read, and one that turns out not to be plain goes through a tree. The values are the tree's on every page.
//! - [`StreamingManager::unwatched`], for any recipe that asks for nothing but tags. Nothing is watched; `docs/extract.md` says how its
//!   answers differ.

mod ask;
mod asked;
mod choice;
mod compile;
mod field;
pub(super) mod not_plain;
mod places;
mod plan;
mod reader;
mod room;
mod svg;
mod tags;
mod text;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use memchr::{memchr, memchr3, memmem};

pub(super) use self::choice::fields_of;
pub use self::choice::{Engine, Streaming, WhyNot};
use self::not_plain::NotPlain;
use self::plan::Plan;
use self::room::Room;
use super::dom;
use super::dom::sight::Sight;
use super::{CssExtractor, CssField, CssManager, Exceeded, Extractor, Values};
use crate::Manager;

/// Room kept for a page with carriage returns.
const KEEP: usize = 1 << 20;

/// All CSS fields of a recipe, ready to run without a document tree.
#[derive(Debug)]
pub struct StreamingExtractor {
    plan: Arc<Plan>,
    counts: Arc<Counts>,
    room: Room,
    /// The page with its newlines normalised, if it had any other.
    normal: String,
    watched: Option<Watched>,
}

/// What it takes to give the tree's answer whatever the page.
#[derive(Debug)]
struct Watched {
    sight: Arc<Sight>,
    manager: CssManager,
    tree: CssExtractor,
}

impl Extractor for StreamingExtractor {
    fn extract(&mut self, page: &str, values: &mut Values) {
        let Self { plan, counts, room, normal, watched } = self;
        // As with a tree.
        if page.len() > dom::LONGEST {
            return values.exceed(Exceeded::Length);
        }
        // Few pages have any of these, so most are looked through once. U+FEFF begins with the last.
        let odd = memchr3(b'\r', 0, 0xEF, page.as_bytes()).map_or(&[][..], |at| &page.as_bytes()[at..]);
        let source = if memchr(b'\r', odd).is_some() {
            dom::normalise(page, normal);
            &**normal
        } else {
            page
        };
        let has_marks = || memchr(0, odd).is_some() || memmem::find(odd, "\u{FEFF}".as_bytes()).is_some();
        let clock = values.clock();
        let sight = watched.as_ref().map(|watched| &*watched.sight);
        let outcome = match sight {
            Some(_) if has_marks() => Err(NotPlain::Markup),
            sight => plan.run(room, source, (sight, clock), values),
        };
        match (outcome, watched) {
            (Err(why), Some(watched)) => {
                counts.fell_back[why as usize].fetch_add(1, Relaxed);
                watched.tree.extract(page, values);
            }
            _ => {
                counts.streamed.fetch_add(1, Relaxed);
            }
        }
        normal.clear();
        normal.shrink_to(KEEP);
    }
}

/// Makes [`StreamingExtractor`]s for a [`Pool`](crate::Pool).
#[derive(Debug, Clone)]
pub struct StreamingManager {
    plan: Arc<Plan>,
    counts: Arc<Counts>,
    watched: Option<(Arc<Sight>, CssManager)>,
    fields: usize,
}

impl StreamingManager {
    /// A manager for fields whose answers are those of tags, whatever the page. Each comes with its index in [`Values`].
    /// # Errors
    /// [`WhyNot`] for a selector that asks for more than tags, and for fields that ask for HTML or records.
    pub fn unwatched(fields: impl IntoIterator<Item = (usize, CssField)>) -> Result<Self, WhyNot> {
        let fields: Vec<(usize, CssField)> = fields.into_iter().collect();
        Self::new(&fields, None)
    }

    fn new(fields: &[(usize, CssField)], sight: Option<Sight>) -> Result<Self, WhyNot> {
        let watched = sight.map(|sight| (Arc::new(sight), CssManager::new(fields.iter().cloned())));
        Ok(Self {
            plan: Arc::new(Plan::new(fields)?),
            counts: Arc::default(),
            watched,
            fields: fields.iter().map(|(index, _)| index + 1).max().unwrap_or(0),
        })
    }

    /// What became of the pages so far, of all extractors together.
    pub fn pages(&self) -> StreamedPages {
        let fell_back = NotPlain::ALL.map(|why| (why, self.counts.fell_back[why as usize].load(Relaxed)));
        StreamedPages { streamed: self.counts.streamed.load(Relaxed), fell_back }
    }
}

impl Manager for StreamingManager {
    type Resource = StreamingExtractor;
    type Error = Infallible;

    fn create(&self) -> Result<StreamingExtractor, Infallible> {
        let watched = match &self.watched {
            None => None,
            Some((sight, manager)) => {
                Some(Watched { sight: Arc::clone(sight), manager: manager.clone(), tree: manager.create()? })
            }
        };
        Ok(StreamingExtractor {
            plan: Arc::clone(&self.plan),
            counts: Arc::clone(&self.counts),
            room: Room::default(),
            normal: String::new(),
            watched,
        })
    }

    /// Runs every selector once over a small page.
    fn warm(&self, extractor: &mut StreamingExtractor) -> Result<(), Infallible> {
        let mut values = Values::new(self.fields);
        // Not by `extract`, which would count it.
        let page = "<!doctype html><title>t</title><p class=c><a href=/>x</a>&amp;</p>";
        let bounds = (None, values.clock());
        let _ = extractor.plan.run(&mut extractor.room, page, bounds, &mut values);
        match &mut extractor.watched {
            Some(watched) => watched.manager.warm(&mut watched.tree),
            None => Ok(()),
        }
    }

    /// The memory an extractor keeps from page to page.
    fn weight(&self, extractor: &StreamingExtractor) -> u64 {
        let watched = extractor.watched.as_ref().map_or(0, |watched| watched.manager.weight(&watched.tree));
        (extractor.room.weight() + extractor.normal.capacity()) as u64 + watched
    }
}

#[derive(Debug, Default)]
struct Counts {
    streamed: AtomicU64,
    fell_back: [AtomicU64; NotPlain::ALL.len()],
}

/// How many pages were done without a tree, and how many with one, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamedPages {
    /// Without.
    pub streamed: u64,
    /// With; each reason there is, and how often it was the first that was found.
    pub fell_back: [(NotPlain, u64); NotPlain::ALL.len()],
}

impl StreamedPages {
    /// How many were done with a tree, for whatever reason.
    pub fn with_a_tree(&self) -> u64 {
        self.fell_back.iter().map(|(_, count)| count).sum()
    }
}
