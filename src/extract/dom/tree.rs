//! The document as plain nodes in one vector, in the order they were created.

use super::names::NameId;
use crate::extract::bounds::Clock;

/// A node's place in the arena. The document is 0.
pub(super) type NodeId = u32;

/// No node.
pub(super) const NONE: NodeId = u32::MAX;

/// The document's own place.
pub(super) const DOCUMENT: NodeId = 0;

/// A piece of text: a range of the page, or of [`Tree::aside`] for what does not stand in the page as it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

/// Set in a span's start if it lies aside. A page may have no more bytes than this.
const ASIDE: u32 = 1 << 31;

impl Span {
    pub(super) fn of_page(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Where it stands in the page, if it does.
    pub(super) fn in_page(self) -> Option<std::ops::Range<usize>> {
        (self.start & ASIDE == 0).then(|| self.start as usize..(self.start + self.len) as usize)
    }

    /// The same without its first bytes.
    pub(super) fn without(self, bytes: usize) -> Self {
        Self { start: self.start + bytes as u32, len: self.len - bytes as u32 }
    }

    /// Its first bytes.
    pub(super) fn first(self, bytes: usize) -> Self {
        Self { start: self.start, len: bytes as u32 }
    }
}

/// The vocabulary an element belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Space {
    Html,
    MathMl,
    Svg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Document,
    /// What a `template` holds.
    Fragment,
    Text,
    /// Kept only where somebody wants HTML.
    Comment,
    Element(Space),
}

/// 32 bytes. Of an element `first` and `last` are its children, of a text or comment they are its span.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) parent: NodeId,
    pub(super) prev: NodeId,
    pub(super) next: NodeId,
    pub(super) first: NodeId,
    pub(super) last: NodeId,
    pub(super) name: NameId,
    attributes: u32,
    attribute_count: u16,
    pub(super) kind: Kind,
    /// Whether it stands on the stack of open elements.
    pub(super) open: bool,
}

impl Node {
    pub(super) fn has_no_attributes(&self) -> bool {
        self.attribute_count == 0
    }

    /// Whether it is text or a comment, with nothing below it.
    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Comment)
    }
}

/// An attribute somebody asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    /// Which of the wanted names it is.
    pub(super) wanted: u16,
    pub(super) value: Span,
}

/// A document. Its memory is reused from page to page.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) aside: String,
    /// Where the attributes of elements stand in the page, for those who want HTML; in the order of the elements.
    pub(super) sources: Vec<(NodeId, u32)>,
    /// Of tags that only add attributes to an element, in the order of the page.
    pub(super) more_sources: Vec<(NodeId, u32)>,
}

/// Memory kept from page to page, in bytes, for each of the vectors. A giant page's arena is given back after it.
const KEEP: usize = 4 << 20;

impl Tree {
    /// Empties it but for the document node.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.attributes.clear();
        self.aside.clear();
        self.sources.clear();
        self.more_sources.clear();
        self.sources.shrink_to(KEEP / size_of::<(NodeId, u32)>());
        self.more_sources.shrink_to(1 << 10);
        self.nodes.shrink_to(KEEP / size_of::<Node>());
        self.attributes.shrink_to(KEEP / size_of::<Attribute>());
        self.aside.shrink_to(KEEP);
    }

    /// Bytes of memory held.
    pub(super) fn weight(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.attributes.capacity() * size_of::<Attribute>()
            + self.aside.capacity()
            + (self.sources.capacity() + self.more_sources.capacity()) * size_of::<(NodeId, u32)>()
    }

    /// Adds a node that is nobody's child.
    pub(super) fn add(&mut self, kind: Kind, name: NameId) -> NodeId {
        let id = self.nodes.len() as NodeId;
        assert!(id < NONE, "a document of more than 4 billion nodes");
        self.nodes.push(Node {
            parent: NONE,
            prev: NONE,
            next: NONE,
            first: NONE,
            last: NONE,
            name,
            attributes: 0,
            attribute_count: 0,
            kind,
            open: false,
        });
        id
    }

    /// Adds an element with the attributes that lie from `from` to the end, or a range copied from another element.
    pub(super) fn give_attributes(&mut self, id: NodeId, from: u32, count: u16) {
        let node = &mut self.nodes[id as usize];
        (node.attributes, node.attribute_count) = (from, count);
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(super) fn attributes_of(&self, id: NodeId) -> &[Attribute] {
        let node = self.node(id);
        &self.attributes[node.attributes as usize..][..usize::from(node.attribute_count)]
    }

    /// Keeps text that does not stand in the page. Pieces that follow one another make one span.
    pub(super) fn put_aside(&mut self, text: &str) -> Span {
        let start = self.aside.len();
        self.aside.push_str(text);
        self.aside_since(start)
    }

    /// What was put aside from `start` on.
    pub(super) fn aside_since(&self, start: usize) -> Span {
        assert!(self.aside.len() < ASIDE as usize, "more than 2 GiB of text with character references");
        Span { start: start as u32 | ASIDE, len: (self.aside.len() - start) as u32 }
    }

    /// The text of a span.
    pub(super) fn text<'a>(&'a self, page: &'a str, span: Span) -> &'a str {
        let (start, len) = ((span.start & !ASIDE) as usize, span.len as usize);
        if span.start & ASIDE == 0 { &page[start..start + len] } else { &self.aside[start..start + len] }
    }

    /// A new text node.
    pub(super) fn add_text(&mut self, span: Span) -> NodeId {
        let id = self.add(Kind::Text, 0);
        let node = &mut self.nodes[id as usize];
        (node.first, node.last) = (span.start, span.len);
        id
    }

    /// A new comment.
    pub(super) fn add_comment(&mut self, span: Span) -> NodeId {
        let id = self.add_text(span);
        self.nodes[id as usize].kind = Kind::Comment;
        id
    }

    /// Where the attributes of an element stand in the page: those of its tag, and those that others added to it.
    pub(super) fn sources_of(&self, id: NodeId) -> impl Iterator<Item = u32> {
        let own = self.sources.binary_search_by_key(&id, |(element, _)| *element).ok();
        let more = self.more_sources.iter().filter(move |(element, _)| *element == id);
        own.map(|at| &self.sources[at]).into_iter().chain(more).map(|(_, source)| *source)
    }

    /// Makes a text node longer if the span follows on its own.
    pub(super) fn extend_text(&mut self, id: NodeId, span: Span) -> bool {
        let node = &mut self.nodes[id as usize];
        let follows = node.first + node.last == span.start;
        if follows {
            node.last += span.len;
        }
        follows
    }

    /// The span of a text node.
    pub(super) fn span_of(&self, id: NodeId) -> Span {
        let node = self.node(id);
        debug_assert!(node.is_leaf());
        Span { start: node.first, len: node.last }
    }

    /// Makes an orphan the last child.
    pub(super) fn append(&mut self, parent: NodeId, child: NodeId) {
        let last = std::mem::replace(&mut self.nodes[parent as usize].last, child);
        match last {
            NONE => self.nodes[parent as usize].first = child,
            last => self.nodes[last as usize].next = child,
        }
        let node = &mut self.nodes[child as usize];
        (node.parent, node.prev) = (parent, last);
    }

    /// Puts an orphan before a node that has a parent.
    pub(super) fn insert_before(&mut self, sibling: NodeId, new: NodeId) {
        let (parent, prev) = (self.node(sibling).parent, self.node(sibling).prev);
        self.nodes[sibling as usize].prev = new;
        match prev {
            NONE => self.nodes[parent as usize].first = new,
            prev => self.nodes[prev as usize].next = new,
        }
        let node = &mut self.nodes[new as usize];
        (node.parent, node.prev, node.next) = (parent, prev, sibling);
    }

    /// Takes a node, with what is below it, from its parent.
    pub(super) fn detach(&mut self, id: NodeId) {
        let Node { parent, prev, next, .. } = *self.node(id);
        if parent == NONE {
            return;
        }
        match prev {
            NONE => self.nodes[parent as usize].first = next,
            prev => self.nodes[prev as usize].next = next,
        }
        match next {
            NONE => self.nodes[parent as usize].last = prev,
            next => self.nodes[next as usize].prev = prev,
        }
        let node = &mut self.nodes[id as usize];
        (node.parent, node.prev, node.next) = (NONE, NONE, NONE);
    }

    /// Appends all children of one node to another.
    pub(super) fn move_children(&mut self, from: NodeId, to: NodeId) {
        let node = &mut self.nodes[from as usize];
        let first = std::mem::replace(&mut node.first, NONE);
        let last = std::mem::replace(&mut node.last, NONE);
        if first == NONE {
            return;
        }
        let mut child = first;
        while child != NONE {
            let node = &mut self.nodes[child as usize];
            node.parent = to;
            child = node.next;
        }
        let node = &mut self.nodes[to as usize];
        let before = std::mem::replace(&mut node.last, last);
        match before {
            NONE => node.first = first,
            before => {
                self.nodes[before as usize].next = first;
                self.nodes[first as usize].prev = before;
            }
        }
    }

    /// The text nodes below an element, in the order of the tree, as far as there is time.
    pub(super) fn texts(&self, top: NodeId, clock: &Clock) -> impl Iterator<Item = Span> {
        let mut at = top;
        std::iter::from_fn(move || {
            while !clock.is_over() {
                at = self.after(at, top)?;
                if self.node(at).kind == Kind::Text {
                    return Some(self.span_of(at));
                }
            }
            None
        })
    }

    /// Whether any node has more than so many above it.
    pub(super) fn is_deeper_than(&self, most: usize) -> bool {
        // What was taken out of the document is walked too.
        let tops = (0..self.nodes.len() as NodeId).filter(|&id| self.node(id).parent == NONE);
        tops.into_iter().any(|top| {
            let (mut at, mut depth) = (top, 0_usize);
            while let Some(next) = self.after(at, top) {
                // Either down by one, or up from `at` until next to something.
                if self.node(next).parent == at {
                    depth += 1;
                } else {
                    while self.node(next).parent != self.node(at).parent {
                        at = self.node(at).parent;
                        depth -= 1;
                    }
                }
                if depth > most {
                    return true;
                }
                at = next;
            }
            false
        })
    }

    /// The node that follows `at` in the order of the tree, within what is below `top`.
    pub(super) fn after(&self, at: NodeId, top: NodeId) -> Option<NodeId> {
        let node = self.node(at);
        if !node.is_leaf() && node.first != NONE {
            return Some(node.first);
        }
        self.behind(at, top)
    }

    /// The same, but for what is below `at`.
    pub(super) fn behind(&self, at: NodeId, top: NodeId) -> Option<NodeId> {
        let mut at = at;
        while at != top {
            let node = self.node(at);
            if node.next != NONE {
                return Some(node.next);
            }
            at = node.parent;
        }
        None
    }
}
