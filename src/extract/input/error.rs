//! Why there is no page where one should be.

use std::error::Error;
use std::io;

/// Why a page could not be read. Others are not affected, except by what says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file, pipe or whatever the bytes come from failed.
    #[error("cannot read: {0}; check the file and the medium it is on")]
    Read(#[source] io::Error),
    /// More bytes than a page may have, before or after decoding.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// The bytes end before what they hold is complete.
    #[error("{what} ends in the middle, after {got} bytes; it was cut off on the way here")]
    Cut {
        /// What was being read, `gzip` for example.
        what: &'static str,
        /// How much of it there was, decoded.
        got: u64,
    },
    /// The bytes are not what they claim to be.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// What was being read, `gzip` for example.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Sound perhaps, but nothing that is read here.
    #[error("{0}")]
    Unsupported(String),
}

impl InputError {
    pub(super) fn damaged(what: &'static str, why: impl Into<String>) -> Self {
        Self::Damaged { what, why: why.into() }
    }

    /// The same once more.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Read(error) => Self::Read(io::Error::new(error.kind(), error.to_string())),
            Self::TooLarge(most) => Self::TooLarge(*most),
            Self::Cut { what, got } => Self::Cut { what, got: *got },
            Self::Damaged { what, why } => Self::damaged(what, why.clone()),
            Self::Unsupported(what) => Self::Unsupported(what.clone()),
        }
    }

    /// What a decoder's error means: decoders report what is wrong with their input, and pass on what reading it said.
    pub(super) fn of_decoder(what: &'static str, got: u64, error: io::Error) -> Self {
        if is_end(&error) {
            return Self::Cut { what, got };
        }
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
                Self::damaged(what, format!("{error}, after {got} bytes"))
            }
            _ => Self::Read(error),
        }
    }
}

/// Whether the input ended too early: the decoder of zstd says so some levels down.
fn is_end(error: &io::Error) -> bool {
    let mut error: &(dyn Error + 'static) = error;
    loop {
        if error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
            return true;
        }
        // An `io::Error` hands out the source of what it carries, and not what it carries.
        let carried = error.downcast_ref::<io::Error>().and_then(|io| io.get_ref());
        match carried.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source()) {
            Some(next) => error = next,
            None => return false,
        }
    }
}
