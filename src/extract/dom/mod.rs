//! The document tree of a page, built for one purpose: to be asked with selectors, and thrown away.
//!
//! Where the time went with scraper, on the documentation of the Rust toolchain: two thirds into html5ever's tokenizer and tree
//! builder, with a sink that does nothing; see `docs/extract.md`. So this is a tokenizer and a tree builder of its own, after
//! the HTML standard and with html5ever 0.40 as the measure: the same elements in the same order, the same attributes, the same
//! text. Nodes are 32 bytes in one vector, text is a range of the page, and attributes nobody asks for are passed over.

mod build;
mod doctype;
mod element;
pub(super) mod entities;
mod formatting;
pub(super) mod markup;
pub(super) mod names;
pub(super) mod parser;
mod plan;
pub(super) mod raw;
mod record;
mod rules;
pub(super) mod selector;
#[cfg(feature = "streaming")]
pub(super) mod sight;
mod stack;
pub(super) mod tags;
pub(super) mod text;
mod tree;
pub(super) mod wanted;
mod watch;

use memchr::{memchr, memchr2};

use self::build::{Builder, Lists};
use self::names::Names;
pub(super) use self::plan::Plan;
pub(super) use self::selector::{Selector, SelectorError};
use self::tree::Tree;
use self::wanted::Wanted;
pub(super) use self::watch::{reach, sightings};
use super::bounds::{Clock, Exceeded};

/// Everything that is reused from page to page.
#[derive(Debug)]
pub(super) struct Dom {
    tree: Tree,
    names: Names,
    lists: Lists,
    /// The page with its newlines normalised, if it had any other.
    normal: String,
    /// Room for the plan's own use.
    taken: Vec<tree::NodeId>,
    found: Vec<record::Found>,
}

/// Room kept for a page with carriage returns.
const KEEP: usize = 1 << 20;

/// The most bytes of a page: places in it are numbers of 31 bits.
pub(super) const LONGEST: usize = (1 << 31) - 1;

impl Dom {
    pub(super) fn new() -> Self {
        Self {
            tree: Tree::default(),
            names: Names::new(),
            lists: Lists::default(),
            normal: String::new(),
            taken: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Bytes of memory held between pages.
    pub(super) fn weight(&self) -> usize {
        self.tree.weight()
            + self.names.weight()
            + self.lists.weight()
            + self.normal.capacity()
            + self.found.iter().map(record::Found::weight).sum::<usize>()
    }

    /// Forgets the page, and memory beyond what an ordinary one needs.
    pub(super) fn clear(&mut self) {
        self.tree.clear();
        self.names.tidy();
        self.lists.clear(0);
        self.normal.clear();
        self.normal.shrink_to(KEEP);
    }

    /// Builds the page's tree, with text and what HTML is made of again if they are wanted. Gives the text that the tree's ranges are of.
    fn parse<'p>(
        &'p mut self,
        page: &'p str,
        wanted: &Wanted,
        (text, markup): (bool, bool),
        clock: &'p Clock,
    ) -> Result<Document<'p>, Exceeded> {
        if page.len() > LONGEST {
            return Err(Exceeded::Length);
        }
        let Self { tree, names, lists, normal, .. } = self;
        // Few pages have either, so most are looked through once.
        let odd = memchr2(b'\r', 0, page.as_bytes()).map_or(&[][..], |at| &page.as_bytes()[at..]);
        let has_nulls = memchr(0, odd).is_some();
        let page = if memchr(b'\r', odd).is_some() {
            normalise(page, normal);
            normal
        } else {
            page
        };
        Builder::new(page, has_nulls, (wanted, text, markup), names, tree, lists, clock).run()?;
        Ok(Document { page, tree, names, clock })
    }
}

/// A tree together with the text it is of.
#[derive(Debug, Clone, Copy)]
struct Document<'a> {
    page: &'a str,
    tree: &'a Tree,
    names: &'a Names,
    /// When time is over, the way from one element to others ends everywhere: no selector looks on for long.
    clock: &'a Clock,
}

/// Makes every CR LF and every CR an LF.
pub(super) fn normalise(page: &str, normal: &mut String) {
    normal.clear();
    let mut pieces = page.split('\r');
    normal.push_str(pieces.next().unwrap_or(""));
    for piece in pieces {
        normal.push('\n');
        normal.push_str(piece.strip_prefix('\n').unwrap_or(piece));
    }
}
