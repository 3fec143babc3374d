//! What the `selectors` crate asks of an element. The answers are those of scraper.

use std::fmt;

use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::matching::{ElementSelectorFlags, MatchingContext};
use selectors::{Element, OpaqueElement};

use super::Document;
use super::names::LINK;
use super::selector::{Dialect, Name, PseudoElement, State, Value};
use super::tree::{DOCUMENT, Kind, NONE, NodeId, Space, Span};
use super::wanted::Wanted;

/// One element of a document.
#[derive(Clone, Copy)]
pub(super) struct ElementOf<'a> {
    pub(super) document: Document<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) id: NodeId,
}

impl fmt::Debug for ElementOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.document.names.text(self.document.tree.node(self.id).name))
    }
}

const HTML_URL: &str = "http://www.w3.org/1999/xhtml";
const MATHML_URL: &str = "http://www.w3.org/1998/Math/MathML";
const SVG_URL: &str = "http://www.w3.org/2000/svg";

impl<'a> ElementOf<'a> {
    fn at(&self, id: NodeId) -> Self {
        Self { id, ..*self }
    }

    pub(super) fn space(&self) -> Space {
        match self.document.tree.node(self.id).kind {
            Kind::Element(space) => space,
            _ => Space::Html,
        }
    }

    /// The first element among a node and those that `step` leads to.
    fn element_from(&self, mut id: NodeId, step: impl Fn(NodeId) -> NodeId) -> Option<Self> {
        while id != NONE && !self.document.clock.is_over() {
            if matches!(self.document.tree.node(id).kind, Kind::Element(_)) {
                return Some(self.at(id));
            }
            id = step(id);
        }
        None
    }

    /// Name space, local name and value of every wanted attribute.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> + use<'a> {
        let (document, wanted, space) = (self.document, self.wanted, self.space());
        document.tree.attributes_of(self.id).iter().map(move |attribute| {
            let (url, local) = wanted.name(attribute.wanted, space);
            (url, local, document.tree.text(document.page, attribute.value))
        })
    }

    /// Where the value of an attribute stands, by the name that comes first.
    pub(super) fn attribute_span(&self, name: &str) -> Option<Span> {
        let value = self.attribute(name)?;
        let tree = self.document.tree;
        let same = |span: &Span| std::ptr::eq(tree.text(self.document.page, *span), value);
        tree.attributes_of(self.id).iter().map(|attribute| attribute.value).find(same)
    }

    /// The value a field takes: of the attribute of exactly this name, else of one whose name differs in case, or which has
    /// a name space.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        let exact = self.attributes().find(|&(url, local, _)| url.is_empty() && local == name);
        let alike = |with_url: bool| {
            self.attributes()
                .find(move |&(url, local, _)| url.is_empty() != with_url && local.eq_ignore_ascii_case(name))
        };
        exact.or_else(|| alike(false)).or_else(|| alike(true)).map(|(_, _, value)| value)
    }
}

impl Element for ElementOf<'_> {
    type Impl = Dialect;

    fn opaque(&self) -> OpaqueElement {
        OpaqueElement::new(self.document.tree.node(self.id))
    }

    fn parent_element(&self) -> Option<Self> {
        let parent = self.document.tree.node(self.id).parent;
        self.element_from(parent, |_| NONE)
    }

    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }

    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }

    fn is_pseudo_element(&self) -> bool {
        false
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        let tree = self.document.tree;
        self.element_from(tree.node(self.id).prev, |id| tree.node(id).prev)
    }

    fn next_sibling_element(&self) -> Option<Self> {
        let tree = self.document.tree;
        self.element_from(tree.node(self.id).next, |id| tree.node(id).next)
    }

    fn first_element_child(&self) -> Option<Self> {
        let tree = self.document.tree;
        self.element_from(tree.node(self.id).first, |id| tree.node(id).next)
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.space() == Space::Html
    }

    fn has_local_name(&self, name: &Name) -> bool {
        let id = self.document.tree.node(self.id).name;
        match name.known {
            Some(known) => known == id,
            None => self.document.names.text(id) == &*name.text,
        }
    }

    fn has_namespace(&self, url: &Name) -> bool {
        let own = match self.space() {
            Space::Html => HTML_URL,
            Space::MathMl => MATHML_URL,
            Space::Svg => SVG_URL,
        };
        &*url.text == own
    }

    fn is_same_type(&self, other: &Self) -> bool {
        let (one, two) = (self.document.tree.node(self.id), other.document.tree.node(other.id));
        one.name == two.name && one.kind == two.kind
    }

    fn attr_matches(
        &self,
        space: &NamespaceConstraint<&Name>,
        name: &Name,
        operation: &AttrSelectorOperation<&Value>,
    ) -> bool {
        self.attributes().any(|(url, local, value)| {
            !matches!(*space, NamespaceConstraint::Specific(wanted) if *wanted.text != *url)
                && *name.text == *local
                && operation.eval_str(value)
        })
    }

    fn match_non_ts_pseudo_class(&self, state: &State, _: &mut MatchingContext<'_, Dialect>) -> bool {
        match *state {}
    }

    fn match_pseudo_element(&self, element: &PseudoElement, _: &mut MatchingContext<'_, Dialect>) -> bool {
        match *element {}
    }

    fn apply_selector_flags(&self, _: ElementSelectorFlags) {}

    fn is_link(&self) -> bool {
        self.document.tree.node(self.id).name == LINK
    }

    fn is_html_slot_element(&self) -> bool {
        true
    }

    fn has_id(&self, id: &Name, case: CaseSensitivity) -> bool {
        let own = self.attributes().find(|&(_, local, _)| local == "id");
        own.is_some_and(|(_, _, value)| case.eq(id.text.as_bytes(), value.as_bytes()))
    }

    fn has_class(&self, name: &Name, case: CaseSensitivity) -> bool {
        let mut classes = self
            .attributes()
            .filter(|&(_, local, _)| local == "class")
            .flat_map(|(_, _, value)| value.split_ascii_whitespace());
        classes.any(|class| case.eq(class.as_bytes(), name.text.as_bytes()))
    }

    fn has_custom_state(&self, _: &Name) -> bool {
        false
    }

    fn imported_part(&self, _: &Name) -> Option<Name> {
        None
    }

    fn is_part(&self, _: &Name) -> bool {
        false
    }

    /// A template is always empty: what it holds is below its contents.
    fn is_empty(&self) -> bool {
        let tree = self.document.tree;
        let mut child = tree.node(self.id).first;
        while child != NONE {
            let node = tree.node(child);
            if matches!(node.kind, Kind::Element(_) | Kind::Text) {
                return false;
            }
            child = node.next;
        }
        true
    }

    fn is_root(&self) -> bool {
        self.document.tree.node(self.id).parent == DOCUMENT
    }

    fn add_element_unique_hashes(&self, _: &mut BloomFilter) -> bool {
        false
    }
}
