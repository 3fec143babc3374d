//! The text of an element, as a field wants it.

use super::Document;
use super::element::ElementOf;
use super::names::{SCRIPT, STYLE};
use super::tree::{DOCUMENT, Kind, NodeId, Space};
use crate::extract::search::BYTES;
use crate::extract::what::Text;

/// All text below an element, with nothing put between its pieces.
pub(super) fn write(element: ElementOf<'_>, how: Text, out: &mut String) {
    let Document { page, tree, clock, .. } = element.document;
    let pieces = tree.texts(element.id, clock).map(|span| tree.text(page, span)).inspect(|piece| {
        clock.spend(piece.len() / BYTES);
    });
    join(pieces, how, out);
}

/// Pieces of one text, as a field wants it.
pub(in super::super) fn join<'a>(pieces: impl Iterator<Item = &'a str>, how: Text, out: &mut String) {
    let start = out.len();
    match how {
        Text::Raw => out.extend(pieces),
        Text::Trimmed => {
            // Only the end waits for what follows.
            for piece in pieces {
                out.push_str(if out.len() == start { piece.trim_start() } else { piece });
            }
            out.truncate(start + out[start..].trim_end().len());
        }
        Text::Normalised => {
            let mut is_between = false;
            for piece in pieces {
                for (n, word) in piece.split(char::is_whitespace).enumerate() {
                    is_between |= n > 0;
                    if word.is_empty() {
                        continue;
                    }
                    if is_between && out.len() > start {
                        out.push(' ');
                    }
                    is_between = false;
                    out.push_str(word);
                }
            }
        }
    }
}

/// The page's text: all but what stands in scripts, styles and templates.
pub(super) fn of_page<'a>(document: Document<'a>) -> impl Iterator<Item = &'a str> {
    let tree = document.tree;
    let mut at: NodeId = DOCUMENT;
    std::iter::from_fn(move || {
        loop {
            let node = tree.node(at);
            let is_hidden = match node.kind {
                Kind::Fragment => true,
                Kind::Element(Space::Html) => node.name == SCRIPT || node.name == STYLE,
                _ => false,
            };
            at = if is_hidden { tree.behind(at, DOCUMENT) } else { tree.after(at, DOCUMENT) }?;
            if tree.node(at).kind == Kind::Text {
                return Some(tree.text(document.page, tree.span_of(at)));
            }
        }
    })
}
