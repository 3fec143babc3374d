//! What can go wrong with a worker.

use super::exit::{Doom, Exit};
use super::frame::FrameError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What the worker's program says of an error of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct ChildError {
    /// Its type, as the program's language calls it.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// What it says.
    #[serde(default)]
    pub message: String,
    /// Where it came from, over several lines. Empty if the worker does not tell.
    #[serde(default)]
    pub traceback: String,
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.as_str(), self.message.as_str()) {
            ("", message) => f.write_str(message),
            (kind, "") => f.write_str(kind),
            (kind, message) => write!(f, "{kind}: {message}"),
        }
    }
}

/// The last of what a worker wrote to its stderr, and to its stdout, which goes there too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub(super) Arc<str>);

impl Words {
    /// The text; what is no UTF-8 in it is replaced.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.trim() {
            "" => f.write_str("; it wrote nothing to stderr"),
            words => write!(f, "; its last words: {words}"),
        }
    }
}

/// What went wrong with a worker or a request.
///
/// After [`Application`](Self::Application), [`RequestTooLarge`](Self::RequestTooLarge), [`Encode`](Self::Encode),
/// [`Decode`](Self::Decode) and [`OtherCodec`](Self::OtherCodec) the worker is as good as before. Every other error ends it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The program could not be started.
    #[error("{program} could not be started: {cause}; see that it is there and may be run")]
    Spawn {
        /// Its path.
        program: String,
        /// What the system says.
        #[source]
        cause: Arc<io::Error>,
    },
    /// It did not say that it is ready in time.
    #[error("the worker was not ready within {limit:?}{words}; have it start faster, or raise ready_within")]
    NotReady {
        /// The deadline it had.
        limit: Duration,
        /// What it wrote.
        words: Words,
    },
    /// It said that it cannot start.
    #[error("the worker could not start: {error}{}{words}", Again(.in_a_row))]
    StartFailed {
        /// Its own words.
        error: Box<ChildError>,
        /// How often in a row workers have failed so.
        in_a_row: u32,
        /// What it wrote beside that.
        words: Words,
    },
    /// It ended before it was ready.
    #[error("the worker {exit} before it was ready{}{}{words}", Because(.doom), Again(.in_a_row))]
    DiedStarting {
        /// How.
        exit: Exit,
        /// Why, if it was ended from here.
        doom: Option<Doom>,
        /// How often in a row workers have ended so.
        in_a_row: u32,
        /// What it wrote.
        words: Words,
    },
    /// What it said first was not that it is ready.
    #[error("the worker's first message is no sign of readiness: {reason}{words}")]
    Handshake {
        /// What is wrong with it.
        reason: String,
        /// What it wrote to stderr.
        words: Words,
    },
    /// It is too heavy before it has done anything, and so would every other be.
    #[error(
        "a worker that has done nothing yet takes {weight} bytes, of {limit} allowed; raise memory_limit, or recycle_above"
    )]
    TooHeavy {
        /// Bytes that its process group takes.
        weight: u64,
        /// The limit.
        limit: u64,
    },
    /// The request was not answered in time. Its worker is ended.
    #[error(
        "no answer within {limit:?}{}{words}; the worker is ended, and another takes its place: allow more, or ask for less",
        if *.sent { "" } else { ", and the worker did not even take all of the request" }
    )]
    Timeout {
        /// The deadline it had.
        limit: Duration,
        /// Whether the whole request was handed over.
        sent: bool,
        /// What it wrote.
        words: Words,
    },
    /// The worker ended.
    #[error("the worker {exit}{}{}{words}", if *.sent { " during the request" } else { " before it had the request" }, Because(.doom))]
    Died {
        /// How.
        exit: Exit,
        /// Why, if it was ended from here.
        doom: Option<Doom>,
        /// Whether the whole request was handed over: if not, it has not run, and may be made again.
        sent: bool,
        /// What it wrote.
        words: Words,
    },
    /// The worker closed its end of the channel and lives on.
    #[error(
        "the worker closed its channel{}{words}; have it answer each request, and exit when it is done",
        if *.sent { "" } else { " before it had the request" }
    )]
    Closed {
        /// Whether the whole request was handed over: if not, it has not run, and may be made again.
        sent: bool,
        /// What it wrote.
        words: Words,
    },
    /// What came is no frame.
    #[error("what came from the worker is no answer: {cause}{words}")]
    Frame {
        /// What is wrong with it.
        #[source]
        cause: FrameError,
        /// What it wrote to stderr.
        words: Words,
    },
    /// An answer came to something that was not asked: an earlier request's, or more than one to the same.
    #[error("a stray frame came: {reason}; have the worker answer each request once, with its own id and epoch")]
    Stray {
        /// What was expected, and what came.
        reason: String,
        /// Whether a request was under way that may have run.
        sent: bool,
    },
    /// A frame came that is no message.
    #[error("what came from the worker is no message: {reason}{words}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
        /// What it wrote to stderr.
        words: Words,
    },
    /// The system failed the channel.
    #[error("the worker's channel failed: {cause}")]
    Io {
        /// What the system says.
        #[source]
        cause: Arc<io::Error>,
    },
    /// An earlier request on this worker failed: it is to be given back, and another to be checked out.
    #[error("an earlier request on this worker failed, so it is not asked again; check out another")]
    Spent,
    /// The worker's program says that the request failed. The worker is well.
    #[error("the worker answered with an error: {0}")]
    Application(Box<ChildError>),
    /// The request is larger than a frame may be. It was not sent.
    #[error("the request has {length} bytes, of {max} allowed; ask for less, or raise max_frame")]
    RequestTooLarge {
        /// Bytes of the request.
        length: u64,
        /// The most there may be.
        max: u32,
    },
    /// The request's arguments cannot be written as JSON. It was not sent.
    #[error("the arguments cannot be written as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// The answer is not of the type that was asked for. The worker is well.
    #[error("the answer is not what was asked for: {0}")]
    Decode(#[source] serde_json::Error),
    /// The worker speaks the other codec. Nothing was sent.
    #[error("the worker speaks {speaks}; call it with `{with}`")]
    OtherCodec {
        /// What it speaks.
        speaks: &'static str,
        /// What calls it.
        with: &'static str,
    },
    /// There was no worker to call.
    #[error(transparent)]
    Checkout(#[from] crate::CheckoutError),
}

impl ProcessError {
    /// Whether the worker is as good as before the request.
    pub fn leaves_worker(&self) -> bool {
        matches!(
            self,
            Self::Application(_)
                | Self::RequestTooLarge { .. }
                | Self::Encode(_)
                | Self::Decode(_)
                | Self::OtherCodec { .. }
        )
    }

    /// Whether the request has certainly not run, so that making it again on another worker does nothing twice, idempotent or not.
    pub fn was_not_sent(&self) -> bool {
        match self {
            Self::Timeout { sent, .. }
            | Self::Died { sent, .. }
            | Self::Closed { sent, .. }
            | Self::Stray { sent, .. } => !sent,
            // There was no worker to send it to.
            Self::Spawn { .. }
            | Self::NotReady { .. }
            | Self::StartFailed { .. }
            | Self::DiedStarting { .. }
            | Self::Handshake { .. }
            | Self::TooHeavy { .. }
            | Self::Spent
            | Self::RequestTooLarge { .. }
            | Self::Encode(_)
            | Self::OtherCodec { .. }
            | Self::Checkout(_) => true,
            _ => false,
        }
    }

    /// The error of the worker's own program, if it is one.
    pub fn application(&self) -> Option<&ChildError> {
        match self {
            Self::Application(error) => Some(error),
            _ => None,
        }
    }
}

/// How often the same happened.
struct Again<'e>(&'e u32);

impl fmt::Display for Again<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self.0 > 1 { write!(f, ", as {} in a row have", self.0) } else { Ok(()) }
    }
}

/// Why a worker was ended from here.
struct Because<'e>(&'e Option<Doom>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |doom| write!(f, " ({doom})"))
    }
}
