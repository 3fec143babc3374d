//! Start tags of SVG.

use super::super::dom::names::*;
use super::super::dom::wanted::svg_element;
use super::not_plain::NotPlain;
use super::reader::Reader;
use super::room::OTHER;
use super::tags::Tag;

impl<const WATCHED: bool> Reader<'_, WATCHED> {
    /// The `svg` element itself, whose tag has been read.
    pub(super) fn check_svg(&self, tag: Tag) -> Result<(), NotPlain> {
        if tag.closes_itself || self.has_prefix(tag) { Err(NotPlain::Special) } else { Ok(()) }
    }

    /// What is within it, if it is neither renamed, nor ends it, nor has HTML in it. Names that mean something in HTML have not been thought about.
    pub(super) fn check_in_svg(&self, tag: Tag) -> Result<(), NotPlain> {
        let text = &self.page[tag.text.0..tag.text.1];
        if !matches!(tag.name, OTHER | A | G | PATH) || svg_element(text).is_some() || self.has_prefix(tag) {
            return Err(NotPlain::Special);
        }
        Ok(())
    }

    /// Whether this tag may have an attribute such as `xml:lang`, which has another name to those who know name spaces.
    fn has_prefix(&self, tag: Tag) -> bool {
        let ends_in = |piece: &[u8], with: &[u8]| {
            piece.len() >= with.len() && piece[piece.len() - with.len()..].eq_ignore_ascii_case(with)
        };
        let mut pieces = self.bytes[tag.text.0..self.at].split(|&byte| byte == b':');
        pieces.any(|piece| ends_in(piece, b"xlink") || ends_in(piece, b"xml"))
    }
}
