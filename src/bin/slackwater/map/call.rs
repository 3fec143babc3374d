//! One line in, its answer out.

use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use slackwater::process::ProcessError;

use super::failure::{Failure, FailureKind, Input};
use super::input::Line;
use super::record::Done;
use super::workers::{Workers, no_worker};
use crate::run::files::key;

/// How often a line is tried on another worker that no worker ever had: they die while they are free.
const FREE_TRIES: u64 = 5;

/// Characters of a line that is no JSON which are told.
const TOLD: usize = 400;

/// What a thread needs to have lines answered.
pub struct Caller<'a> {
    pub workers: &'a Workers,
    pub retries: u64,
    pub failures_apart: bool,
}

/// Why no line can be answered any more.
pub struct NoWorker(pub String);

impl Caller<'_> {
    /// Has one line answered. Whatever goes wrong with it is in what is to be written.
    /// # Errors
    /// If there are no workers any more.
    pub fn line(&self, line: &Line) -> Result<Done, NoWorker> {
        let mut done = Done {
            row: Vec::new(),
            size: 0,
            key: key(&line.text),
            number: line.number,
            bytes: line.bytes,
            failure: None,
            took: None,
            retries: 0,
        };
        let (args, answer) = match read(line) {
            Ok(args) => (Some(args), self.answer(args, &mut done)?),
            Err(failure) => (None, Err(failure)),
        };
        done.row = match answer {
            Ok(answer) => row(&answer),
            Err(failure) => {
                let text = String::from_utf8_lossy(&line.text[..line.text.len().min(TOLD)]);
                let input = match args {
                    Some(args) => Input::Json(args),
                    None => Input::Text(&text),
                };
                let row = failure.row(line.number, self.failures_apart.then_some(input));
                done.failure = Some((failure.kind, failure.reason));
                row
            }
        };
        done.size = done.row.len() as u64;
        Ok(done)
    }

    fn answer(&self, args: &RawValue, done: &mut Done) -> Result<Result<Box<RawValue>, Failure>, NoWorker> {
        let (mut left, mut free) = (self.retries, FREE_TRIES);
        loop {
            let mut worker = self.workers.pool.checkout().map_err(|error| NoWorker(no_worker(&error)))?;
            let begun = Instant::now();
            let answer = worker.call(&self.workers.operation, args);
            drop(worker);
            *done.took.get_or_insert(Duration::ZERO) += begun.elapsed();
            let error = match answer {
                Ok(answer) => return Ok(Ok(answer)),
                Err(error) if error.leaves_worker() => return Ok(Err(of_the_answer(error))),
                Err(error) => error,
            };
            let again = if error.was_not_sent() { &mut free } else { &mut left };
            if *again == 0 {
                return Ok(Err(error.into()));
            }
            *again -= 1;
            done.retries += 1;
        }
    }
}

/// The value of a line.
fn read(line: &Line) -> Result<&RawValue, Failure> {
    if !line.is_whole {
        let why =
            format!("the line has {} bytes, which is more than --max-bytes; raise it to take the line", line.bytes);
        return Err(FailureKind::TooLarge.because(why));
    }
    serde_json::from_slice(&line.text).map_err(|error| {
        // Each line is one for itself, so that "line 1" says nothing.
        let why = error.to_string().replace(" at line 1 column ", " at byte ");
        FailureKind::BadJson.because(format!("{why}; each line is one JSON value"))
    })
}

/// The worker is well, and its answer is none.
fn of_the_answer(error: ProcessError) -> Failure {
    match error {
        ProcessError::Decode(error) => FailureKind::Broken.because(format!("the answer is no JSON: {error}")),
        error => error.into(),
    }
}

/// The answer as a line: an answer may be spread over several, where white space is.
fn row(answer: &RawValue) -> Vec<u8> {
    let mut row = Vec::with_capacity(answer.get().len() + 1);
    row.extend_from_slice(answer.get().as_bytes());
    // Not in strings: there they are escaped, or it would be no JSON.
    row.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    row.push(b'\n');
    row
}
