//! What the rules of tree construction are made of: inserting, the list of active formatting elements, the adoption agency.

use super::formatting::Formatting;
use super::names::{self, HTML, IMPLIED_END, NameId, Names, P, TABLE, TEMPLATE};
use super::raw::Raw;
use super::rules::Mode;
use super::stack::{Scope, Stack};
use super::tree::{DOCUMENT, Kind, NONE, NodeId, Space, Span, Tree};
use super::wanted::Wanted;
use crate::extract::bounds::Clock;

/// A start tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag {
    pub(super) name: NameId,
    /// Its wanted attributes: where they start in the tree's, and how many they are.
    pub(super) attributes: u32,
    pub(super) count: u16,
    /// Where its attributes stand in the page.
    pub(super) source: (u32, u32),
    pub(super) is_self_closing: bool,
}

impl Tag {
    /// The tag of an element that the rules insert of themselves.
    pub(super) fn bare(name: NameId) -> Self {
        Self { name, attributes: 0, count: 0, source: (0, 0), is_self_closing: false }
    }
}

/// Where a node is to be inserted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Within(NodeId),
    Before(NodeId),
}

/// Lists that are reused from page to page.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) stack: Stack,
    pub(super) formatting: Vec<Formatting>,
    pub(super) template_modes: Vec<Mode>,
    pub(super) table_text: Vec<Span>,
}

impl Lists {
    pub(super) fn clear(&mut self, names: usize) {
        self.stack.clear(names);
        self.formatting.clear();
        self.formatting.shrink_to(1 << 12);
        self.template_modes.clear();
        self.template_modes.shrink_to(1 << 12);
        self.table_text.clear();
        self.table_text.shrink_to(1 << 12);
    }

    pub(super) fn weight(&self) -> usize {
        self.stack.weight()
            + self.formatting.capacity() * size_of::<Formatting>()
            + self.template_modes.capacity()
            + self.table_text.capacity() * size_of::<Span>()
    }
}

/// One page on its way to a tree.
pub(super) struct Builder<'a> {
    pub(super) page: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) has_nulls: bool,
    pub(super) wanted: &'a Wanted,
    /// Whether anybody asks for text.
    pub(super) keeps_text: bool,
    /// Whether anybody asks for HTML.
    pub(super) keeps_markup: bool,
    pub(super) names: &'a mut Names,
    pub(super) tree: &'a mut Tree,
    pub(super) lists: &'a mut Lists,
    pub(super) mode: Mode,
    /// The mode to return to from text and table text.
    pub(super) original: Mode,
    pub(super) head: NodeId,
    pub(super) form: NodeId,
    pub(super) raw: Option<Raw>,
    pub(super) is_frameset_ok: bool,
    /// Whether a newline right after a `pre` or `textarea` tag is dropped.
    pub(super) ignore_newline: bool,
    pub(super) fosters: bool,
    pub(super) quirks: bool,
    pub(super) clock: &'a Clock,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        page: &'a str,
        has_nulls: bool,
        (wanted, keeps_text, keeps_markup): (&'a Wanted, bool, bool),
        names: &'a mut Names,
        tree: &'a mut Tree,
        lists: &'a mut Lists,
        clock: &'a Clock,
    ) -> Self {
        tree.clear();
        tree.add(Kind::Document, 0);
        lists.clear(names.len());
        Self {
            page,
            bytes: page.as_bytes(),
            at: 0,
            has_nulls,
            wanted,
            keeps_text,
            keeps_markup,
            names,
            tree,
            lists,
            mode: Mode::Initial,
            original: Mode::Initial,
            head: NONE,
            form: NONE,
            raw: None,
            is_frameset_ok: true,
            ignore_newline: false,
            fosters: false,
            quirks: false,
            clock,
        }
    }

    pub(super) fn text(&self, span: Span) -> &str {
        self.tree.text(self.page, span)
    }

    pub(super) fn is_all_space(&self, span: Span) -> bool {
        self.text(span).bytes().all(|byte| byte.is_ascii_whitespace())
    }

    /// Gives back the attributes of a tag that makes no element.
    pub(super) fn forget(&mut self, tag: &Tag) {
        self.tree.attributes.truncate(tag.attributes as usize);
    }

    // The stack of open elements. The tree knows of each node whether it is on it.

    pub(super) fn push(&mut self, node: NodeId, space: Space, name: NameId) {
        self.lists.stack.push(node, space, name);
        self.tree.nodes[node as usize].open = true;
    }

    pub(super) fn pop(&mut self) -> NodeId {
        let entry = self.lists.stack.pop();
        self.tree.nodes[entry.node as usize].open = false;
        entry.node
    }

    pub(super) fn truncate(&mut self, len: usize) {
        while self.lists.stack.len() > len {
            self.pop();
        }
    }

    pub(super) fn take_off_stack(&mut self, node: NodeId) {
        if !self.tree.node(node).open {
            return;
        }
        if let Some(index) = self.lists.stack.position(node) {
            self.lists.stack.remove(index);
            self.tree.nodes[node as usize].open = false;
        }
    }

    pub(super) fn current(&self) -> NodeId {
        self.lists.stack.top().node
    }

    pub(super) fn is_current(&self, name: NameId) -> bool {
        let top = self.lists.stack.top();
        top.space == Space::Html && top.name == name
    }

    /// Whether the current node is an HTML element of one of these groups.
    pub(super) fn is_current_of(&self, groups: u16) -> bool {
        let top = self.lists.stack.top();
        top.space == Space::Html && names::groups(top.name) & groups != 0
    }

    pub(super) fn has_template(&self) -> bool {
        self.lists.stack.has(TEMPLATE)
    }

    pub(super) fn in_scope(&self, scope: Scope, name: NameId) -> bool {
        self.lists.stack.in_scope(scope, name).is_some()
    }

    /// Pops up to and with the topmost element of this name. The root stays.
    pub(super) fn pop_through(&mut self, name: NameId) {
        let to = self.lists.stack.topmost(name).unwrap_or(0).max(1);
        self.truncate(to);
    }

    /// Pops until the current node has one of these names.
    pub(super) fn pop_to(&mut self, names: &[NameId]) {
        while self.lists.stack.len() > 1 {
            let top = self.lists.stack.top();
            if top.space == Space::Html && names.contains(&top.name) {
                return;
            }
            self.pop();
        }
    }

    pub(super) fn imply_ends(&mut self, except: Option<NameId>) {
        while self.is_current_of(IMPLIED_END) && Some(self.lists.stack.top().name) != except {
            self.pop();
        }
    }

    pub(super) fn close_paragraph(&mut self) {
        if self.in_scope(Scope::Button, P) {
            self.imply_ends(Some(P));
            self.pop_through(P);
        }
    }

    // Inserting.

    /// Where the next node belongs.
    pub(super) fn place(&self, target: Option<(NodeId, Space, NameId)>) -> Place {
        let (node, space, name) = target.unwrap_or_else(|| {
            let top = self.lists.stack.top();
            (top.node, top.space, top.name)
        });
        if space != Space::Html {
            return Place::Within(node);
        }
        if !(self.fosters && names::groups(name) & names::FOSTERS != 0) {
            return Place::Within(if name == TEMPLATE { self.contents(node) } else { node });
        }
        let (template, table) = (self.lists.stack.topmost(TEMPLATE), self.lists.stack.topmost(TABLE));
        match (template, table) {
            (Some(template), table) if table < Some(template) => {
                Place::Within(self.contents(self.lists.stack.at(template).node))
            }
            (_, Some(table)) => {
                let node = self.lists.stack.at(table).node;
                if self.tree.node(node).parent != NONE {
                    Place::Before(node)
                } else {
                    Place::Within(self.lists.stack.at(table - 1).node)
                }
            }
            _ => Place::Within(self.lists.stack.at(0).node),
        }
    }

    /// A template's contents are its first child.
    fn contents(&self, template: NodeId) -> NodeId {
        self.tree.node(template).first
    }

    pub(super) fn put(&mut self, place: Place, node: NodeId) {
        self.tree.detach(node);
        match place {
            Place::Within(parent) => self.tree.append(parent, node),
            Place::Before(sibling) => self.tree.insert_before(sibling, node),
        }
    }

    pub(super) fn create(&mut self, tag: &Tag, space: Space) -> NodeId {
        let node = self.tree.add(Kind::Element(space), tag.name);
        self.tree.give_attributes(node, tag.attributes, tag.count);
        if self.keeps_markup && tag.source.1 > 0 {
            self.tree.sources.push((node, tag.source.0));
        }
        if space == Space::Html && tag.name == TEMPLATE {
            let contents = self.tree.add(Kind::Fragment, 0);
            self.tree.append(node, contents);
        }
        node
    }

    /// Inserts an element where it belongs, without opening it.
    pub(super) fn insert_closed(&mut self, tag: &Tag, space: Space) -> NodeId {
        let place = self.place(None);
        let node = self.create(tag, space);
        match place {
            Place::Within(parent) => self.tree.append(parent, node),
            Place::Before(sibling) => self.tree.insert_before(sibling, node),
        }
        node
    }

    /// Inserts an element where it belongs and opens it.
    pub(super) fn insert(&mut self, tag: &Tag, space: Space) -> NodeId {
        let node = self.insert_closed(tag, space);
        self.push(node, space, tag.name);
        node
    }

    pub(super) fn insert_html(&mut self, tag: &Tag) -> NodeId {
        self.insert(tag, Space::Html)
    }

    pub(super) fn create_root(&mut self, tag: &Tag) {
        let node = self.create(&Tag { name: HTML, ..*tag }, Space::Html);
        self.tree.append(DOCUMENT, node);
        self.push(node, Space::Html, HTML);
    }

    pub(super) fn append_text(&mut self, span: Span) {
        if !self.keeps_text {
            return;
        }
        match self.place(None) {
            Place::Within(parent) => {
                let last = self.tree.node(parent).last;
                if last != NONE && self.tree.node(last).kind == Kind::Text && self.tree.extend_text(last, span) {
                    return;
                }
                let text = self.tree.add_text(span);
                self.tree.append(parent, text);
            }
            Place::Before(sibling) => {
                let text = self.tree.add_text(span);
                self.tree.insert_before(sibling, text);
            }
        }
    }

    /// Adds those attributes that an element does not have yet.
    pub(super) fn add_missing_attributes(&mut self, node: NodeId, tag: &Tag) {
        if self.keeps_markup && tag.source.1 > 0 {
            self.tree.more_sources.push((node, tag.source.0));
        }
        if tag.count == 0 {
            return;
        }
        let mut all = self.tree.attributes_of(node).to_vec();
        for index in 0..usize::from(tag.count) {
            let attribute = self.tree.attributes[tag.attributes as usize + index];
            if all.iter().all(|have| have.wanted != attribute.wanted) {
                all.push(attribute);
            }
        }
        let start = self.tree.attributes.len() as u32;
        self.tree.give_attributes(node, start, all.len() as u16);
        self.tree.attributes.extend(all);
    }
}
