//! Why a line failed: in words and by kind, and as a line of its own.

use serde::Serialize;
use serde_json::value::RawValue;
use slackwater::process::ProcessError;

/// Why a line failed.
pub struct Failure {
    pub kind: FailureKind,
    pub reason: String,
    /// Where the operation raised it.
    pub traceback: Option<String>,
}

/// What went wrong, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    BadJson,
    /// The line, with its request around it, or the answer.
    TooLarge,
    /// The operation raised it.
    Error,
    Crashed,
    TimedOut,
    /// The worker answered nonsense, or closed its channel.
    Broken,
}

impl FailureKind {
    pub const ALL: [Self; 6] =
        [Self::BadJson, Self::TooLarge, Self::Error, Self::Crashed, Self::TimedOut, Self::Broken];

    /// Its name for programs.
    pub fn slug(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::TooLarge => "too_large",
            Self::Error => "error",
            Self::Crashed => "crashed",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
        }
    }

    pub fn because(self, reason: impl Into<String>) -> Failure {
        Failure { kind: self, reason: reason.into(), traceback: None }
    }
}

impl From<ProcessError> for Failure {
    fn from(error: ProcessError) -> Self {
        let kind = match &error {
            ProcessError::Application(error) => {
                let traceback = Some(error.traceback.clone()).filter(|text| !text.is_empty());
                return Self { kind: FailureKind::Error, reason: error.to_string(), traceback };
            }
            ProcessError::RequestTooLarge { .. } => {
                return FailureKind::TooLarge.because(format!("{error} (--max-bytes)"));
            }
            ProcessError::Timeout { .. } => return FailureKind::TimedOut.because(format!("{error} (--timeout)")),
            ProcessError::Died { .. } => FailureKind::Crashed,
            _ => FailureKind::Broken,
        };
        kind.because(error.to_string())
    }
}

/// What is told of a line that failed.
#[derive(Serialize)]
struct Told<'a> {
    line: u64,
    kind: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceback: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_text: Option<&'a str>,
}

/// Where its answer would be.
#[derive(Serialize)]
struct InPlace<'a> {
    error: Told<'a>,
}

/// The input of a line that failed.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    Json(&'a RawValue),
    /// The beginning of what is no JSON, or too long.
    Text(&'a str),
}

impl Failure {
    /// Its line: in the output, or apart with the input it came of.
    pub fn row(&self, number: u64, apart: Option<Input<'_>>) -> Vec<u8> {
        let (input, input_text) = match apart {
            // As it was typed, to the last digit.
            Some(Input::Json(input)) => (Some(input), None),
            Some(Input::Text(text)) => (None, Some(text)),
            None => (None, None),
        };
        let (reason, traceback) = (self.reason.as_str(), self.traceback.as_deref());
        let told = Told { line: number, kind: self.kind.slug(), reason, traceback, input, input_text };
        let row =
            if apart.is_some() { serde_json::to_vec(&told) } else { serde_json::to_vec(&InPlace { error: told }) };
        let mut row = row.expect("strings and numbers always have a JSON form, and memory takes every write");
        row.push(b'\n');
        row
    }
}
