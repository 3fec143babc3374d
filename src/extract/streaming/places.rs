//! Where a start tag makes its element where it stands, and does nothing else.

use super::super::dom::names::*;
use super::super::dom::parser::is_space;
use super::not_plain::NotPlain;
use super::reader::{Part, Reader};
use super::room::{Inside, Open};
use super::tags::Tag;

type Plain = Result<(), NotPlain>;

/// The most elements that may be open. It bounds the searches for an open element, too.
const DEEPEST: usize = 400;

impl<const WATCHED: bool> Reader<'_, WATCHED> {
    /// Whether this start tag does nothing but to make its element where it stands. Gives what that is an element of, and what those in it are.
    pub(super) fn check_start(&mut self, tag: Tag) -> Result<(Inside, Inside), NotPlain> {
        if self.room.depth() >= DEEPEST {
            return Err(NotPlain::Deep);
        }
        if self.room.top().inside == Inside::Svg {
            return self.check_in_svg(tag).map(|()| (Inside::Svg, Inside::Svg));
        }
        match tag.name {
            HTML | HEAD | BODY if self.templates > 0 => return Err(NotPlain::Misplaced),
            _ if self.templates > 0 => {}
            _ if self.part == Part::InBody && !matches!(tag.name, HTML | HEAD | BODY) => {}
            name => self.check_part(name)?,
        }
        self.check_place(tag.name)?;
        match tag.name {
            SVG => self.check_svg(tag).map(|()| (Inside::Svg, Inside::Svg)),
            TEMPLATE => {
                self.templates += 1;
                Ok((Inside::Html, Inside::Html))
            }
            _ => Ok((Inside::Html, Inside::Html)),
        }
    }

    /// Whether the end tag of the innermost element closes it and nothing else.
    pub(super) fn check_close(&mut self, open: Open) -> Plain {
        if self.part == Part::AfterBody && open.name == HTML {
            self.part = Part::AfterHtml;
            return Ok(());
        }
        if matches!(self.part, Part::AfterBody | Part::AfterHtml) {
            return Err(NotPlain::EndTag);
        }
        match open.name {
            HEAD => self.part = Part::AfterHead,
            BODY => self.part = Part::AfterBody,
            // The body is still open, if only by implication.
            HTML => return Err(NotPlain::EndTag),
            TEMPLATE => self.templates -= 1,
            _ => {}
        }
        Ok(())
    }

    /// Whether a text may stand here.
    #[inline]
    pub(super) fn check_text(&mut self, start: usize, end: usize) -> Plain {
        let anywhere = (self.part == Part::InBody || self.templates > 0)
            && !matches!(self.room.top().name, TABLE | TBODY | THEAD | TFOOT | TR | COLGROUP);
        if anywhere || self.bytes[start..end].iter().all(|&byte| is_space(byte)) {
            return Ok(());
        }
        match self.part {
            Part::Start | Part::BeforeHead | Part::ImpliedHead | Part::AfterHead if !self.sight.implied => {
                self.part = Part::InBody;
                Ok(())
            }
            _ => Err(NotPlain::Text),
        }
    }

    /// Whether the page may end here.
    pub(super) fn check_end(&self) -> Plain {
        if self.templates > 0 {
            return Err(NotPlain::Unfinished);
        }
        // Without any content the tree has all three of its own.
        let is_whole = matches!(self.part, Part::InBody | Part::AfterBody | Part::AfterHtml);
        if is_whole || !self.sight.implied { Ok(()) } else { Err(NotPlain::Implied) }
    }

    fn has(&self, name: NameId) -> bool {
        self.room.has(name)
    }

    /// Whether this start tag may stand in this part of the page.
    fn check_part(&mut self, name: NameId) -> Plain {
        let of_head = matches!(
            name,
            BASE | BASEFONT | BGSOUND | LINK | META | TITLE | NOFRAMES | STYLE | NOSCRIPT | SCRIPT | TEMPLATE
        );
        let unseen = !self.sight.implied;
        self.part = match (self.part, name) {
            (Part::InBody, HTML | HEAD | BODY) => return Err(NotPlain::Misplaced),
            (Part::InBody, _) => Part::InBody,
            (Part::Start, HTML) => Part::BeforeHead,
            (Part::BeforeHead, HEAD) => Part::InHead,
            (Part::InHead, _) if of_head => Part::InHead,
            (Part::AfterHead, BODY) => Part::InBody,
            // Without tags for head or body.
            (Part::Start, HEAD) if unseen => Part::InHead,
            (Part::Start | Part::BeforeHead | Part::ImpliedHead, BODY) if unseen => Part::InBody,
            (_, HTML | HEAD | BODY) => return Err(NotPlain::Implied),
            (Part::Start | Part::BeforeHead | Part::ImpliedHead, _) if of_head && unseen => Part::ImpliedHead,
            (Part::Start | Part::BeforeHead | Part::ImpliedHead, _) if unseen => Part::InBody,
            (Part::AfterHead, _) if !of_head && unseen => Part::InBody,
            _ => return Err(NotPlain::Implied),
        };
        Ok(())
    }

    /// Whether this start tag does, among the elements that are open, nothing but to make its element.
    fn check_place(&self, name: NameId) -> Plain {
        let top = self.room.top().name;
        match (top, name) {
            (TABLE, TR) if self.sight.implied => return Err(NotPlain::Implied),
            (TABLE, CAPTION | COLGROUP | TBODY | THEAD | TFOOT | TR)
            | (TBODY | THEAD | TFOOT, TR)
            | (TR, TD | TH)
            | (TABLE | TBODY | THEAD | TFOOT | TR, SCRIPT | STYLE)
            | (COLGROUP, COL) => return Ok(()),
            (TABLE | TBODY | THEAD | TFOOT | TR | COLGROUP, _)
            | (_, CAPTION | COL | COLGROUP | TBODY | TD | TFOOT | TH | THEAD | TR | FRAME | IMAGE) => {
                return Err(NotPlain::Misplaced);
            }
            _ => {}
        }
        let plain = match name {
            FRAMESET | PLAINTEXT | MATH => return Err(NotPlain::Special),
            TEMPLATE if self.sight.around => return Err(NotPlain::Special),
            H1 | H2 | H3 | H4 | H5 | H6 => !self.has(P) && groups(top) & HEADING == 0,
            FORM => !self.has(P) && !self.has(FORM),
            LI => !self.has(P) && !self.closes_item(&[LI]),
            DD | DT => !self.has(P) && !self.closes_item(&[DD, DT]),
            HR => !self.has(P) && !self.has(SELECT),
            A | NOBR | BUTTON | SELECT => !self.has(name),
            INPUT => !self.has(SELECT),
            OPTION | OPTGROUP => {
                top != OPTION
                    && (!self.has(SELECT) || groups(top) & IMPLIED_END == 0 || top == OPTGROUP && name == OPTION)
            }
            RB | RTC | RP | RT => !self.has(RUBY) || groups(top) & IMPLIED_END == 0,
            _ => groups(name) & CLOSES_P == 0 || !self.has(P),
        };
        if plain { Ok(()) } else { Err(NotPlain::Implied) }
    }

    /// Whether an item of a list that is open would be closed by the next one.
    fn closes_item(&self, items: &[NameId]) -> bool {
        if !items.iter().any(|&name| self.has(name)) {
            return false;
        }
        self.clock.spend(self.room.depth() / 8);
        let mut open = self.room.stack.iter().rev().map(|open| open.name);
        open.find(|&name| items.contains(&name) || groups(name) & BARS_ITEMS != 0)
            .is_some_and(|name| items.contains(&name))
    }
}
