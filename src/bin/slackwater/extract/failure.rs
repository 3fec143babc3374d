//! Why a page failed: in words for its line, and of which kind for those who count.

use std::fmt;

use slackwater::extract::{NotHtml, PageError};

/// Why a page failed.
pub struct Failure {
    pub kind: FailureKind,
    /// What stands in the line's `error`.
    pub why: String,
}

/// What went wrong, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The walk could not enter a folder or follow a link.
    Unreachable,
    Unreadable,
    TooLarge,
    /// What it was packed in, or the head it came with, is not sound.
    Damaged,
    Empty,
    Binary,
    NotHtml,
    NoExtractor,
    Panicked,
}

impl FailureKind {
    pub const ALL: [Self; 9] = [
        Self::Unreachable,
        Self::Unreadable,
        Self::TooLarge,
        Self::Damaged,
        Self::Empty,
        Self::Binary,
        Self::NotHtml,
        Self::NoExtractor,
        Self::Panicked,
    ];

    /// Its name for programs, such as `too_large`.
    pub fn slug(self) -> String {
        let mut slug = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !slug.is_empty() {
                slug.push('_');
            }
            slug.extend(letter.to_lowercase());
        }
        slug
    }

    pub fn because(self, why: impl Into<String>) -> Failure {
        Failure { kind: self, why: why.into() }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "folder or link that leads nowhere",
            Self::Unreadable => "cannot be read",
            Self::TooLarge => "larger than --max-bytes",
            Self::Damaged => "packed, and damaged or cut off",
            Self::Empty => "empty",
            Self::Binary => "binary data",
            Self::NotHtml => "text without HTML tags",
            Self::NoExtractor => "no extractor to be had",
            Self::Panicked => "the extractor panicked",
        })
    }
}

impl From<NotHtml> for Failure {
    fn from(error: NotHtml) -> Self {
        let kind = match error {
            NotHtml::Empty => FailureKind::Empty,
            NotHtml::Binary => FailureKind::Binary,
            _ => FailureKind::NotHtml,
        };
        kind.because(error.to_string())
    }
}

impl From<PageError> for Failure {
    fn from(error: PageError) -> Self {
        let kind = match error {
            PageError::Panicked(_) => FailureKind::Panicked,
            _ => FailureKind::NoExtractor,
        };
        kind.because(error.to_string())
    }
}
