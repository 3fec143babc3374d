//! HTML out of the tree, by the standard's serialisation.
//!
//! Tags keep only the attributes that somebody asks for by name; here all of them are read again, from where the tag stands in
//! the page.

use std::collections::HashSet;

use super::element::ElementOf;
use super::names::{self, NameId};
use super::tags::{Attributes, Next, decode_value};
use super::tree::{Kind, NodeId, Space};
use super::wanted;
use crate::extract::search::BYTES;
use crate::extract::what::Html;

/// Elements without content and end tag.
pub(super) const VOID: [NameId; 18] = [
    names::AREA,
    names::BASE,
    names::BASEFONT,
    names::BGSOUND,
    names::BR,
    names::COL,
    names::EMBED,
    names::FRAME,
    names::HR,
    names::IMG,
    names::INPUT,
    names::KEYGEN,
    names::LINK,
    names::META,
    names::PARAM,
    names::SOURCE,
    names::TRACK,
    names::WBR,
];

/// Elements whose text is no markup, and means itself.
const RAW: [NameId; 8] = [
    names::STYLE,
    names::SCRIPT,
    names::XMP,
    names::IFRAME,
    names::NOEMBED,
    names::NOFRAMES,
    names::PLAINTEXT,
    names::NOSCRIPT,
];

/// An element as HTML: what is below it, or with its own tags around that. Ends once that is more than `room`, or time is over.
pub(super) fn write(element: ElementOf<'_>, how: Html, room: usize, out: &mut String) {
    let begun = out.len();
    let tree = element.document.tree;
    let top = element.id;
    let is_outer = how == Html::Outer;
    if is_outer {
        start_tag(element, out);
    }
    let mut at = top;
    // Down into what is below, and up again with an end tag for each level: no recursion, pages may be as deep as they like.
    let clock = element.document.clock;
    let mut written = begun;
    while !clock.is_over() && written - begun <= room {
        clock.spend((out.len() - written) / BYTES);
        written = out.len();
        let node = tree.node(at);
        let down = if node.is_leaf() || is_void(element, at) { None } else { Some(node.first) };
        if let Some(child) = down.filter(|child| *child != super::tree::NONE) {
            at = child;
        } else {
            loop {
                if at == top {
                    if is_outer {
                        end_tag(element, at, out);
                    }
                    return;
                }
                end_tag(element, at, out);
                let node = tree.node(at);
                if node.next != super::tree::NONE {
                    at = node.next;
                    break;
                }
                at = node.parent;
            }
        }
        open(ElementOf { id: at, ..element }, out);
    }
}

fn open(element: ElementOf<'_>, out: &mut String) {
    let (tree, page) = (element.document.tree, element.document.page);
    let node = tree.node(element.id);
    match node.kind {
        Kind::Element(_) => start_tag(element, out),
        Kind::Text => {
            let text = tree.text(page, tree.span_of(element.id));
            let parent = tree.node(node.parent);
            if parent.kind == Kind::Element(Space::Html) && RAW.contains(&parent.name) {
                out.push_str(text);
            } else {
                escape(text, false, out);
            }
        }
        Kind::Comment => {
            out.push_str("<!--");
            out.push_str(tree.text(page, tree.span_of(element.id)));
            out.push_str("-->");
        }
        Kind::Document | Kind::Fragment => {}
    }
}

fn is_void(element: ElementOf<'_>, id: NodeId) -> bool {
    let node = element.document.tree.node(id);
    node.kind == Kind::Element(Space::Html) && VOID.contains(&node.name)
}

fn end_tag(element: ElementOf<'_>, id: NodeId, out: &mut String) {
    let node = element.document.tree.node(id);
    if matches!(node.kind, Kind::Element(_)) && !is_void(element, id) {
        out.push_str("</");
        out.push_str(element.document.names.text(node.name));
        out.push('>');
    }
}

fn start_tag(element: ElementOf<'_>, out: &mut String) {
    let document = element.document;
    out.push('<');
    out.push_str(document.names.text(document.tree.node(element.id).name));
    let mut seen = Seen::default();
    for source in document.tree.sources_of(element.id) {
        let mut reader = Attributes { bytes: document.page.as_bytes(), at: source as usize };
        while let Next::Attribute(name, value) = reader.next() {
            let name = &document.page[name.0..name.1];
            if seen.is_new(name) {
                attribute(name, &document.page[value.0..value.1], element.space(), out);
            }
        }
    }
    out.push('>');
}

fn attribute(name: &str, value: &str, space: Space, out: &mut String) {
    out.push(' ');
    match wanted::adjusted(name, space) {
        Some(adjusted) => out.push_str(adjusted),
        None => out.extend(name.chars().map(|sign| if sign == '\0' { '\u{FFFD}' } else { sign.to_ascii_lowercase() })),
    }
    out.push_str("=\"");
    if value.contains(['&', '\0']) {
        let mut decoded = String::new();
        decode_value(value, &mut decoded);
        escape(&decoded, true, out);
    } else {
        escape(value, true, out);
    }
    out.push('"');
}

fn escape(text: &str, in_attribute: bool, out: &mut String) {
    let mut rest = text;
    let special = |sign: char| matches!(sign, '&' | '<' | '>' | '\u{A0}') || in_attribute && sign == '"';
    while let Some(at) = rest.find(special) {
        out.push_str(&rest[..at]);
        let (replacement, length) = match rest.as_bytes()[at] {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            b'>' => ("&gt;", 1),
            b'"' => ("&quot;", 1),
            _ => ("&nbsp;", 2),
        };
        out.push_str(replacement);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
}

/// Names of attributes that a tag had before: the first of several counts.
#[derive(Default)]
struct Seen<'p> {
    few: [&'p str; 12],
    count: usize,
    /// Where there are more than anybody writes, they are not compared one by one.
    many: HashSet<String>,
}

impl<'p> Seen<'p> {
    fn is_new(&mut self, name: &'p str) -> bool {
        if self.few[..self.count].iter().any(|have| have.eq_ignore_ascii_case(name)) {
            return false;
        }
        if self.count < self.few.len() {
            self.few[self.count] = name;
            self.count += 1;
            return true;
        }
        self.many.insert(name.to_ascii_lowercase())
    }
}
