//! What keeps a page from being plain.

/// Why a page is not plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPlain {
    /// An end tag that does not close the element that was opened last.
    #[error("an end tag does not close the element opened last")]
    EndTag,
    /// A start tag that closes other elements, or opens others first.
    #[error("a start tag closes elements, or opens others first")]
    Implied,
    /// A start tag that makes no element where it stands, or one of another name.
    #[error("a start tag makes no element where it stands")]
    Misplaced,
    /// Text that is moved to another place, or ends the head.
    #[error("text stands where only elements may")]
    Text,
    /// `template`, `frameset`, `plaintext`, `math`, and what is not simple within `svg`.
    #[error("it has elements with rules of their own")]
    Special,
    /// NUL, a byte order mark, CDATA, `<?`, strange comments, a second doctype.
    #[error("it has markup that parsers seldom see")]
    Markup,
    /// It ends within a tag, a comment or the text of a script.
    #[error("it ends within markup")]
    Unfinished,
    /// More open elements than are looked after.
    #[error("elements are nested too deep")]
    Deep,
    /// The text of `html`, `head` or `body` is asked for, which white space outside of it belongs to.
    #[error("the text of html, head or body is asked for")]
    Root,
}

impl NotPlain {
    /// All there are, for tables.
    pub const ALL: [Self; 9] = [
        Self::EndTag,
        Self::Implied,
        Self::Misplaced,
        Self::Text,
        Self::Special,
        Self::Markup,
        Self::Unfinished,
        Self::Deep,
        Self::Root,
    ];

    /// Its name for programs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::EndTag => "end_tag",
            Self::Implied => "implied",
            Self::Misplaced => "misplaced",
            Self::Text => "text",
            Self::Special => "special",
            Self::Markup => "markup",
            Self::Unfinished => "unfinished",
            Self::Deep => "deep",
            Self::Root => "root",
        }
    }
}
