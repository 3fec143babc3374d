//! Why a page failed: in words for its line, and of which kind for those who count.

use std::fmt;

use slackwater::extract::{Exceeded, NotHtml, PageError};

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
    TimedOut,
    /// It would take more memory than a page may.
    TooMuch,
    /// Of a field that the recipe requires.
    Missing,
    /// It trapped, or has no answer for this page.
    Component,
}

impl FailureKind {
    pub const ALL: [Self; 13] = [
        Self::Unreachable,
        Self::Unreadable,
        Self::TooLarge,
        Self::Damaged,
        Self::Empty,
        Self::Binary,
        Self::NotHtml,
        Self::NoExtractor,
        Self::Panicked,
        Self::TimedOut,
        Self::TooMuch,
        Self::Missing,
        Self::Component,
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
            Self::TimedOut => "took longer than it may",
            Self::TooMuch => "more than fits into memory",
            Self::Missing => "a required field found nothing",
            Self::Component => "the component has no answer",
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
            PageError::Exceeded(Exceeded::Time(_)) => {
                return FailureKind::TimedOut.because(format!("{error} (--page-timeout)"));
            }
            PageError::Exceeded(_) => FailureKind::TooMuch,
            PageError::Missing(_) => FailureKind::Missing,
            _ => FailureKind::NoExtractor,
        };
        kind.because(error.to_string())
    }
}
