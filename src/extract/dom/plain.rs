//! Whether a page is plain: whether it means, by the rules of tree construction, just what its tags say.
//!
//! On a plain page each start tag makes the one element of its name where it stands, and that element ends where its end tag
//! stands, or with the page. Nothing is closed, opened, moved, copied, renamed or dropped but `html`, `head`, `body` and `tbody` opened
//! where they were left out, and that only if nobody can see it. Then who keeps no tree finds what the tree has. What is not
//! known to be plain is not: to be wrong in that direction costs time, and in the other an answer.

use memchr::{memchr, memmem};

use super::names::*;
use super::not_plain::NotPlain;
use super::parser::{comment_end, is_space};
use super::raw::{raw_end, script_end};
use super::tags::{Attributes, Next, ends_name};
use super::wanted::{Wanted, svg_element};

/// What a recipe can see of a page beyond the elements it has tags for.
#[derive(Debug, Default)]
pub(in super::super) struct Sight {
    /// Whether it can tell that elements were opened without a tag.
    pub(in super::super) implied: bool,
    /// Whether it looks at what is around an element: within a `template` the tree has nothing there.
    pub(in super::super) around: bool,
    /// The attributes whose values selectors look at.
    pub(in super::super) values: Vec<Box<str>>,
    /// The same, for looking up; `None` if there are none.
    wanted: Option<Wanted>,
}

impl Sight {
    /// When all selectors have been looked at.
    pub(in super::super) fn settled(mut self) -> Self {
        self.wanted = (!self.values.is_empty()).then(|| Wanted::new(self.values.iter().map(|name| &**name)));
        self
    }
}

/// The most elements that may be open. It bounds the searches for an open element, too.
const DEEPEST: usize = 400;

/// A name the rules do not know.
const OTHER: NameId = NameId::MAX;

#[derive(Debug, Clone, Copy)]
struct Open {
    name: NameId,
    /// Where the name stands in the page.
    start: usize,
    len: usize,
}

/// Where on the page one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    BeforeHead,
    InHead,
    /// In a head that has no tag.
    ImpliedHead,
    AfterHead,
    InBody,
    AfterBody,
    AfterHtml,
}

/// Looks through pages; keeps its list from page to page.
#[derive(Debug, Default)]
pub(in super::super) struct Watch {
    stack: Vec<Open>,
}

impl Watch {
    /// Looks through a page without carriage returns.
    pub(in super::super) fn look(&mut self, page: &str, sight: &Sight) -> Result<(), NotPlain> {
        let bytes = page.as_bytes();
        // U+FEFF begins with a byte that ordinary text seldom has.
        if memchr(0, bytes).is_some() || memmem::find(bytes, "\u{FEFF}".as_bytes()).is_some() {
            return Err(NotPlain::Markup);
        }
        self.stack.clear();
        Look {
            bytes,
            at: 0,
            sight,
            stack: &mut self.stack,
            part: Part::Start,
            svg: None,
            templates: 0,
            has_doctype: false,
        }
        .run()
    }

    pub(in super::super) fn weight(&self) -> usize {
        self.stack.capacity() * size_of::<Open>()
    }
}

struct Look<'a> {
    bytes: &'a [u8],
    at: usize,
    sight: &'a Sight,
    stack: &'a mut Vec<Open>,
    part: Part,
    /// How many elements were open before the `svg` that one is in.
    svg: Option<usize>,
    /// How many `template`s one is in.
    templates: usize,
    has_doctype: bool,
}

type Plain = Result<(), NotPlain>;

impl Look<'_> {
    fn run(mut self) -> Plain {
        while self.at < self.bytes.len() {
            let start = self.at;
            let end = memchr(b'<', &self.bytes[start..]).map_or(self.bytes.len(), |n| start + n);
            self.text(start, end)?;
            self.at = end;
            if end == self.bytes.len() {
                break;
            }
            match self.bytes.get(end + 1) {
                Some(byte) if byte.is_ascii_alphabetic() => self.start_tag()?,
                Some(b'/') => match self.bytes.get(end + 2) {
                    Some(byte) if byte.is_ascii_alphabetic() => self.end_tag()?,
                    _ => return Err(NotPlain::Markup),
                },
                Some(b'!') => self.declaration()?,
                Some(b'?') => return Err(NotPlain::Markup),
                _ => {
                    // It means itself.
                    self.text(end, end + 1)?;
                    self.at = end + 1;
                }
            }
        }
        // Without any content the tree has all three of its own.
        if self.templates > 0 {
            return Err(NotPlain::Unfinished);
        }
        let is_whole = matches!(self.part, Part::InBody | Part::AfterBody | Part::AfterHtml);
        if is_whole || !self.sight.implied { Ok(()) } else { Err(NotPlain::Implied) }
    }

    /// The innermost open element, or `OTHER`.
    fn top(&self) -> NameId {
        self.stack.last().map_or(OTHER, |open| open.name)
    }

    fn has(&self, name: NameId) -> bool {
        self.stack.iter().any(|open| open.name == name)
    }

    fn text(&mut self, start: usize, end: usize) -> Plain {
        let text = &self.bytes[start..end];
        let anywhere = (self.part == Part::InBody || self.templates > 0)
            && !matches!(self.top(), TABLE | TBODY | THEAD | TFOOT | TR | COLGROUP);
        if anywhere || text.iter().all(|&byte| is_space(byte)) {
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

    fn declaration(&mut self) -> Plain {
        let start = self.at + 2;
        let rest = &self.bytes[start..];
        if rest.starts_with(b"--") {
            // As the standard says, which is where everybody would look for the end.
            let len = comment_end(&rest[2..]);
            match memmem::find(&rest[2..], b"-->") {
                Some(n) if n + 3 == len => self.at = start + 2 + len,
                Some(_) => return Err(NotPlain::Markup),
                None => return Err(NotPlain::Unfinished),
            }
            return Ok(());
        }
        let is_doctype = rest.len() >= 7 && rest[..7].eq_ignore_ascii_case(b"doctype");
        if !is_doctype || self.part != Part::Start || self.has_doctype {
            return Err(NotPlain::Markup);
        }
        self.has_doctype = true;
        // A quoted identifier may not hold a `>`, so the first one is the end.
        match memchr(b'>', rest) {
            Some(n) => self.at = start + n + 1,
            None => return Err(NotPlain::Unfinished),
        }
        Ok(())
    }

    /// Where the name that starts here ends.
    fn name_end(&self, start: usize) -> usize {
        self.bytes[start..].iter().position(|&byte| ends_name(byte)).map_or(self.bytes.len(), |n| start + n)
    }

    fn end_tag(&mut self) -> Plain {
        let start = self.at + 2;
        let end = self.name_end(start);
        let name = &self.bytes[start..end];
        self.at = end;
        self.attributes(false)?;
        if self.part == Part::AfterBody && name.eq_ignore_ascii_case(b"html") && self.top() == HTML {
            self.part = Part::AfterHtml;
            self.stack.pop();
            return Ok(());
        }
        let Some(&open) = self.stack.last() else { return Err(NotPlain::EndTag) };
        if !self.bytes[open.start..open.start + open.len].eq_ignore_ascii_case(name) {
            return Err(NotPlain::EndTag);
        }
        if matches!(self.part, Part::AfterBody | Part::AfterHtml) {
            return Err(NotPlain::EndTag);
        }
        if self.svg.is_none() {
            match open.name {
                HEAD => self.part = Part::AfterHead,
                BODY => self.part = Part::AfterBody,
                // The body is still open, if only by implication.
                HTML => return Err(NotPlain::EndTag),
                TEMPLATE => self.templates -= 1,
                _ => {}
            }
        }
        self.stack.pop();
        if self.svg == Some(self.stack.len()) {
            self.svg = None;
        }
        Ok(())
    }

    /// Reads the rest of a tag. Gives whether it closes itself.
    fn attributes(&mut self, is_start: bool) -> Result<bool, NotPlain> {
        let from = self.at;
        let mut reader = Attributes { bytes: self.bytes, at: from };
        let closes_itself = loop {
            match reader.next() {
                Next::Attribute(name, value) => {
                    if let Some(wanted) = self.sight.wanted.as_ref().filter(|_| is_start)
                        && memchr(b'&', &self.bytes[value.0..value.1]).is_some()
                        && wanted.find(&self.bytes[name.0..name.1]).is_some()
                    {
                        return Err(NotPlain::Reference);
                    }
                }
                Next::End { self_closing } => break self_closing,
                Next::Nothing => return Err(NotPlain::Unfinished),
            }
        };
        self.at = reader.at;
        Ok(closes_itself)
    }

    fn start_tag(&mut self) -> Plain {
        let start = self.at + 1;
        let end = self.name_end(start);
        let text = &self.bytes[start..end];
        let name = if text.iter().any(u8::is_ascii_uppercase) {
            known_bytes(&text.to_ascii_lowercase())
        } else {
            known_bytes(text)
        };
        let name = name.unwrap_or(OTHER);
        self.at = end;
        let closes_itself = self.attributes(true)?;
        if self.svg.is_some() {
            return self.start_in_svg(name, (start, end), closes_itself);
        }
        match name {
            HTML | HEAD | BODY if self.templates > 0 => return Err(NotPlain::Misplaced),
            _ if self.templates > 0 => {}
            _ => self.check_part(name)?,
        }
        self.check_place(name)?;
        if name == TEMPLATE {
            self.templates += 1;
        }
        if name == SVG {
            if closes_itself {
                return Err(NotPlain::Special);
            }
            self.svg = Some(self.stack.len());
            return self.push(name, (start, end));
        }
        match name {
            AREA | BASE | BASEFONT | BGSOUND | BR | COL | EMBED | HR | IMG | INPUT | KEYGEN | LINK | META | PARAM
            | SOURCE | TRACK | WBR => Ok(()),
            SCRIPT | STYLE | TITLE | TEXTAREA | XMP | IFRAME | NOEMBED | NOSCRIPT | NOFRAMES => self.raw(name),
            _ => self.push(name, (start, end)),
        }
    }

    fn push(&mut self, name: NameId, (start, end): (usize, usize)) -> Plain {
        if self.stack.len() >= DEEPEST {
            return Err(NotPlain::Deep);
        }
        self.stack.push(Open { name, start, len: end - start });
        Ok(())
    }

    /// Content that is text, with its end tag.
    fn raw(&mut self, name: NameId) -> Plain {
        // After `=>` lol_html 3.0 forgets that text comes, and looks for tags in it.
        if self.bytes[..self.at - 1].trim_ascii_end().ends_with(b"=") {
            return Err(NotPlain::Markup);
        }
        let text = text_of_known(name);
        let end = raw_end(self.bytes, self.at, text.as_bytes()).ok_or(NotPlain::Unfinished)?;
        if name == SCRIPT && script_end(self.bytes, self.at) != Some(end) {
            return Err(NotPlain::Markup);
        }
        self.at = end + 2 + text.len();
        self.attributes(false).map(|_| ())
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

    /// Within `svg` only what is neither renamed, nor ends it, nor has HTML in it.
    fn start_in_svg(&mut self, name: NameId, (start, end): (usize, usize), closes_itself: bool) -> Plain {
        let text = std::str::from_utf8(&self.bytes[start..end]).map_err(|_| NotPlain::Special)?;
        let has_rules = groups(name) & BREAKS_OUT != 0
            || matches!(name, FONT | TITLE | DESC | SVG | MATH | SCRIPT | STYLE | TEMPLATE | IMAGE)
            || svg_element(text).is_some();
        // Such an attribute has another name to those who know name spaces.
        let mut prefixes = self.bytes[start..self.at].split(|&byte| byte == b':');
        let ends_in = |piece: &[u8], with: &[u8]| {
            piece.len() >= with.len() && piece[piece.len() - with.len()..].eq_ignore_ascii_case(with)
        };
        if has_rules || prefixes.any(|piece| ends_in(piece, b"xlink") || ends_in(piece, b"xml")) {
            return Err(NotPlain::Special);
        }
        if closes_itself { Ok(()) } else { self.push(name, (start, end)) }
    }
}
