//! Where a start tag makes its element where it stands, and does nothing else.

use super::super::names::*;
use super::super::not_plain::NotPlain;
use super::{Look, Part, Plain};

impl Look<'_> {
    /// Whether this start tag may stand in this part of the page.
    pub(super) fn check_part(&mut self, name: NameId) -> Plain {
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
    pub(super) fn check_place(&self, name: NameId) -> Plain {
        let top = self.top();
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
            ADDRESS | ARTICLE | ASIDE | BLOCKQUOTE | CENTER | DETAILS | DIALOG | DIR | DIV | DL | FIELDSET
            | FIGCAPTION | FIGURE | FOOTER | HEADER | HGROUP | MAIN | MENU | NAV | OL | P | SEARCH | SECTION
            | SUMMARY | UL | PRE | LISTING | TABLE | XMP => !self.has(P),
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
            _ => true,
        };
        if plain { Ok(()) } else { Err(NotPlain::Implied) }
    }

    /// Whether an item of a list that is open would be closed by the next one.
    fn closes_item(&self, items: &[NameId]) -> bool {
        let mut open = self.stack.iter().rev().map(|open| open.name);
        open.find(|&name| items.contains(&name) || groups(name) & BARS_ITEMS != 0)
            .is_some_and(|name| items.contains(&name))
    }
}
