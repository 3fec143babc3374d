//! Names of elements as small numbers, and what the standard says of those it knows.

use std::collections::HashMap;
use std::sync::LazyLock;

/// An element's local name. Below [`KNOWN`]'s length it is one of the constants here, above it a name this page brought.
pub(in super::super) type NameId = u32;

macro_rules! names {
    ($($id:ident $text:literal)*) => {
        #[allow(clippy::upper_case_acronyms, non_camel_case_types, reason = "these become constants")]
        #[allow(dead_code, reason = "they are never made, only counted")]
        #[repr(u32)]
        enum Order { $($id),* }
        $(#[allow(dead_code, reason = "some are only known")] pub(in super::super) const $id: NameId = Order::$id as NameId;)*
        /// The names the rules speak of, and others that pages are full of.
        const KNOWN: &[&str] = &[$($text),*];
    };
}

names! {
    A "a" ABBR "abbr" ADDRESS "address" APPLET "applet" AREA "area" ARTICLE "article" ASIDE "aside" AUDIO "audio" B "b"
    BASE "base" BASEFONT "basefont" BGSOUND "bgsound" BIG "big" BLOCKQUOTE "blockquote" BODY "body" BR "br"
    BUTTON "button" CAPTION "caption" CENTER "center" CITE "cite" CODE "code" COL "col" COLGROUP "colgroup" DD "dd"
    DEL "del" DESC "desc" DETAILS "details" DFN "dfn" DIALOG "dialog" DIR "dir" DIV "div" DL "dl" DT "dt" EM "em"
    EMBED "embed" FIELDSET "fieldset" FIGCAPTION "figcaption" FIGURE "figure" FONT "font" FOOTER "footer"
    FOREIGN_OBJECT "foreignObject" FORM "form" FRAME "frame" FRAMESET "frameset" G "g" H1 "h1" H2 "h2" H3 "h3" H4 "h4"
    H5 "h5" H6 "h6" HEAD "head" HEADER "header" HGROUP "hgroup" HR "hr" HTML "html" I "i" IFRAME "iframe"
    IMAGE "image" IMG "img" INPUT "input" INS "ins" ISINDEX "isindex" KBD "kbd" KEYGEN "keygen" LABEL "label" LI "li"
    LINK "link" LISTING "listing" MAIN "main" MALIGNMARK "malignmark" MARK "mark" MARQUEE "marquee" MATH "math"
    MENU "menu" META "meta" MGLYPH "mglyph" MI "mi" MN "mn" MO "mo" MS "ms" MTEXT "mtext" NAV "nav" NOBR "nobr"
    NOEMBED "noembed" NOFRAMES "noframes" NOSCRIPT "noscript" OBJECT "object" OL "ol" OPTGROUP "optgroup"
    OPTION "option" P "p" PARAM "param" PATH "path" PICTURE "picture" PLAINTEXT "plaintext" PRE "pre" Q "q" RB "rb"
    RP "rp" RT "rt" RTC "rtc" RUBY "ruby" S "s" SAMP "samp" SCRIPT "script" SEARCH "search" SECTION "section"
    SELECT "select" SMALL "small" SOURCE "source" SPAN "span" STRIKE "strike" STRONG "strong" STYLE "style" SUB "sub"
    SUMMARY "summary" SUP "sup" SVG "svg" TABLE "table" TBODY "tbody" TD "td" TEMPLATE "template" TEXTAREA "textarea"
    TFOOT "tfoot" TH "th" THEAD "thead" TIME "time" TITLE "title" TR "tr" TRACK "track" TT "tt" U "u" UL "ul" VAR "var"
    VIDEO "video" WBR "wbr" XMP "xmp"
}

/// Ends the search for an element "in scope".
pub(in super::super) const SCOPE: u16 = 1;
/// Ends the search in list item scope, beside what [`SCOPE`] ends.
pub(in super::super) const LIST_SCOPE: u16 = 1 << 1;
/// Ends the search in table scope.
pub(in super::super) const TABLE_SCOPE: u16 = 1 << 2;
/// The standard's "special" elements.
pub(in super::super) const SPECIAL: u16 = 1 << 3;
/// Special, and neither `address`, `div` nor `p`.
pub(in super::super) const BARS_ITEMS: u16 = 1 << 4;
/// End tags that may be left out.
pub(in super::super) const IMPLIED_END: u16 = 1 << 5;
/// The same, thoroughly.
pub(in super::super) const THOROUGH_END: u16 = 1 << 6;
/// `h1` to `h6`.
pub(in super::super) const HEADING: u16 = 1 << 7;
/// Content that does not belong in these is put before their table.
pub(in super::super) const FOSTERS: u16 = 1 << 8;
/// Start tags that end foreign content.
pub(in super::super) const BREAKS_OUT: u16 = 1 << 9;
/// No content and no end tag.
pub(in super::super) const EMPTY: u16 = 1 << 10;
/// What they hold is text, whatever it looks like.
pub(in super::super) const TEXT_ONLY: u16 = 1 << 11;
/// Start tags that close a `p`.
pub(in super::super) const CLOSES_P: u16 = 1 << 12;

const GROUPS: &[(u16, &[NameId])] = &[
    (SCOPE, &[APPLET, CAPTION, HTML, TABLE, TD, TH, MARQUEE, OBJECT, SELECT, TEMPLATE]),
    (LIST_SCOPE, &[OL, UL]),
    (TABLE_SCOPE, &[HTML, TABLE, TEMPLATE]),
    (
        SPECIAL,
        &[
            ADDRESS, APPLET, AREA, ARTICLE, ASIDE, BASE, BASEFONT, BGSOUND, BLOCKQUOTE, BODY, BR, BUTTON, CAPTION,
            CENTER, COL, COLGROUP, DD, DETAILS, DIR, DIV, DL, DT, EMBED, FIELDSET, FIGCAPTION, FIGURE, FOOTER, FORM,
            FRAME, FRAMESET, H1, H2, H3, H4, H5, H6, HEAD, HEADER, HGROUP, HR, HTML, IFRAME, IMG, INPUT, ISINDEX, LI,
            LINK, LISTING, MAIN, MARQUEE, MENU, META, NAV, NOEMBED, NOFRAMES, NOSCRIPT, OBJECT, OL, P, PARAM,
            PLAINTEXT, PRE, SCRIPT, SECTION, SELECT, SOURCE, STYLE, SUMMARY, TABLE, TBODY, TD, TEMPLATE, TEXTAREA,
            TFOOT, TH, THEAD, TITLE, TR, TRACK, UL, WBR, XMP,
        ],
    ),
    (IMPLIED_END | THOROUGH_END, &[DD, DT, LI, OPTION, OPTGROUP, P, RB, RP, RT, RTC]),
    (THOROUGH_END, &[CAPTION, COLGROUP, TBODY, TD, TFOOT, TH, THEAD, TR]),
    (HEADING, &[H1, H2, H3, H4, H5, H6]),
    (FOSTERS, &[TABLE, TBODY, TFOOT, THEAD, TR]),
    (
        BREAKS_OUT,
        &[
            B, BIG, BLOCKQUOTE, BODY, BR, CENTER, CODE, DD, DIV, DL, DT, EM, EMBED, H1, H2, H3, H4, H5, H6, HEAD, HR,
            I, IMG, LI, LISTING, MENU, META, NOBR, OL, P, PRE, RUBY, S, SMALL, SPAN, STRONG, STRIKE, SUB, SUP, TABLE,
            TT, U, UL, VAR,
        ],
    ),
    (EMPTY, &super::markup::VOID),
    (TEXT_ONLY, &[SCRIPT, STYLE, TITLE, TEXTAREA, XMP, IFRAME, NOEMBED, NOSCRIPT, NOFRAMES]),
    (
        CLOSES_P,
        &[
            ADDRESS, ARTICLE, ASIDE, BLOCKQUOTE, CENTER, DETAILS, DIALOG, DIR, DIV, DL, FIELDSET, FIGCAPTION, FIGURE,
            FOOTER, HEADER, HGROUP, MAIN, MENU, NAV, OL, P, SEARCH, SECTION, SUMMARY, UL, PRE, LISTING, TABLE, XMP,
        ],
    ),
];

static FLAGS: [u16; KNOWN.len()] = flags();

const fn flags() -> [u16; KNOWN.len()] {
    let mut flags = [0; KNOWN.len()];
    let mut group = 0;
    while group < GROUPS.len() {
        let (flag, names) = GROUPS[group];
        let mut at = 0;
        while at < names.len() {
            flags[names[at] as usize] |= flag;
            at += 1;
        }
        group += 1;
    }
    let mut at = 0;
    while at < flags.len() {
        let name = at as NameId;
        if flags[at] & SPECIAL != 0 && name != ADDRESS && name != DIV && name != P {
            flags[at] |= BARS_ITEMS;
        }
        at += 1;
    }
    flags
}

/// The groups an HTML element of this name belongs to.
pub(in super::super) fn groups(name: NameId) -> u16 {
    FLAGS.get(name as usize).copied().unwrap_or(0)
}

const SLOTS: usize = 1024;

/// Known names by hash, each slot with the name's number plus one.
static TABLE_OF_KNOWN: LazyLock<[u16; SLOTS]> = LazyLock::new(|| {
    let mut slots = [0; SLOTS];
    for (name, text) in KNOWN.iter().enumerate() {
        let mut at = hash(text.as_bytes()) % SLOTS;
        while slots[at] != 0 {
            at = (at + 1) % SLOTS;
        }
        slots[at] = name as u16 + 1;
    }
    slots
});

/// FNV-1a: names are a few bytes long.
fn hash(name: &[u8]) -> usize {
    last(name.iter().fold(BASIS, |hash, &byte| step(hash, byte)))
}

const BASIS: u32 = 0x811C_9DC5;

fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

fn last(hash: u32) -> usize {
    (hash ^ (hash >> 15)) as usize
}

/// The number of a name the rules know, if it is one.
pub(super) fn known(name: &str) -> Option<NameId> {
    find(&TABLE_OF_KNOWN, name.as_bytes())
}

/// How many names the rules know.
#[cfg(feature = "streaming")]
pub(in super::super) const COUNT: usize = KNOWN.len();

/// A name as it is read from a tag.
#[cfg(feature = "streaming")]
pub(in super::super) struct Read {
    /// If the rules know it.
    pub(in super::super) known: Option<NameId>,
    pub(in super::super) end: usize,
    /// The same for the same name in any case.
    pub(in super::super) hash: usize,
}

/// Reads the name that starts here.
#[cfg(feature = "streaming")]
#[inline]
pub(in super::super) fn read_name(bytes: &[u8], start: usize) -> Read {
    let mut hash = BASIS;
    let mut end = start;
    while let Some(&byte) = bytes.get(end)
        && !super::tags::ends_name(byte)
    {
        hash = step(hash, byte.to_ascii_lowercase());
        end += 1;
    }
    let (name, hash) = (&bytes[start..end], last(hash));
    let same = |known: &str| {
        known.len() == name.len() && known.bytes().zip(name).all(|(known, byte)| known == byte.to_ascii_lowercase())
    };
    Read { known: find_by(&TABLE_OF_KNOWN, hash, same), end, hash }
}

fn find(slots: &[u16; SLOTS], name: &[u8]) -> Option<NameId> {
    find_by(slots, hash(name), |known| known.as_bytes() == name)
}

#[inline]
fn find_by(slots: &[u16; SLOTS], hash: usize, is_it: impl Fn(&str) -> bool) -> Option<NameId> {
    let mut at = hash % SLOTS;
    loop {
        let id = NameId::from(slots[at].checked_sub(1)?);
        if is_it(KNOWN[id as usize]) {
            return Some(id);
        }
        at = (at + 1) % SLOTS;
    }
}

/// Room for names that pages brought, kept from page to page so that the same ones cost nothing again.
const MOST_BROUGHT: usize = 1024;
const MOST_BROUGHT_BYTES: usize = 64 << 10;

/// Turns names into numbers and back.
#[derive(Debug)]
pub(super) struct Names {
    known: &'static [u16; SLOTS],
    brought: Vec<Box<str>>,
    by_name: HashMap<Box<str>, NameId>,
    bytes: usize,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { known: &TABLE_OF_KNOWN, brought: Vec::new(), by_name: HashMap::new(), bytes: 0 }
    }

    /// Forgets what pages brought, if it is much. Between pages only.
    pub(super) fn tidy(&mut self) {
        if self.brought.len() > MOST_BROUGHT || self.bytes > MOST_BROUGHT_BYTES {
            *self = Self::new();
        }
    }

    /// The number of a name, as it is to be written.
    pub(super) fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = find(self.known, name.as_bytes()) {
            return id;
        }
        if let Some(&id) = self.by_name.get(name) {
            return id;
        }
        let id = (KNOWN.len() + self.brought.len()) as NameId;
        self.brought.push(name.into());
        self.by_name.insert(name.into(), id);
        self.bytes += name.len();
        id
    }

    pub(super) fn text(&self, id: NameId) -> &str {
        match KNOWN.get(id as usize) {
            Some(text) => text,
            None => &self.brought[id as usize - KNOWN.len()],
        }
    }

    /// One more than the largest number there is.
    pub(super) fn len(&self) -> usize {
        KNOWN.len() + self.brought.len()
    }

    /// Memory held for names of pages, about.
    pub(super) fn weight(&self) -> usize {
        2 * self.bytes + self.brought.len() * 64
    }
}

/// The text of a name the rules know.
pub(in super::super) fn text_of_known(name: NameId) -> &'static str {
    KNOWN[name as usize]
}

#[cfg(all(test, feature = "streaming"))]
mod tests {
    use super::*;

    /// Promise: a name that is read from a tag is the one that is looked up, in any case, and what only begins with it is not. Provoked: all
    /// known names in both cases, with every end there is, and longer ones.
    #[test]
    fn names_are_known_as_they_are_read() {
        for text in KNOWN {
            for text in [text.to_ascii_lowercase(), text.to_ascii_uppercase()] {
                for end in ["", " ", ">", "/", "\n", "\t", "\u{c}"] {
                    let name = if end.is_empty() { format!("{text}x") } else { text.clone() };
                    let read = read_name(format!("<{text}{end}x").as_bytes(), 1);
                    assert_eq!(read.known, known(&name.to_ascii_lowercase()), "{text}{end}");
                    assert_eq!(read.end, 1 + name.len(), "{text}{end}");
                }
            }
        }
        assert_eq!(read_name(b"<X-y>", 1).hash, read_name(b"x-Y", 0).hash);
    }
}
