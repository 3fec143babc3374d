//! Start tags of SVG.

use super::super::names::*;
use super::super::not_plain::NotPlain;
use super::super::wanted::svg_element;
use super::{Look, OTHER, Plain};

impl Look<'_> {
    /// The `svg` element itself, whose tag has been read.
    pub(super) fn start_svg(&mut self, (start, end): (usize, usize), closes_itself: bool) -> Plain {
        if closes_itself || self.has_prefix(start) {
            return Err(NotPlain::Special);
        }
        self.svg = Some(self.stack.len());
        self.push(SVG, (start, end))
    }

    /// What is within it, if it is neither renamed, nor ends it, nor has HTML in it. Names that mean something in HTML have not been thought about: of
    /// `textarea` alone, a newline would be taken for one that is no text.
    pub(super) fn start_in_svg(&mut self, name: NameId, (start, end): (usize, usize), closes_itself: bool) -> Plain {
        let text = std::str::from_utf8(&self.bytes[start..end]).map_err(|_| NotPlain::Special)?;
        if !matches!(name, OTHER | A | G | PATH) || svg_element(text).is_some() || self.has_prefix(start) {
            return Err(NotPlain::Special);
        }
        if closes_itself { Ok(()) } else { self.push(name, (start, end)) }
    }

    /// Whether this tag may have an attribute such as `xml:lang`, which has another name to those who know name spaces.
    fn has_prefix(&self, start: usize) -> bool {
        let ends_in = |piece: &[u8], with: &[u8]| {
            piece.len() >= with.len() && piece[piece.len() - with.len()..].eq_ignore_ascii_case(with)
        };
        let mut pieces = self.bytes[start..self.at].split(|&byte| byte == b':');
        pieces.any(|piece| ends_in(piece, b"xlink") || ends_in(piece, b"xml"))
    }
}
