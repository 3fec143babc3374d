//! One worker, as its holder sees it.

use super::builder::{Codec, Settings};
use super::channel::{Broken, Channel};
use super::child::Child;
use super::error::ProcessError;
use super::exit::Exit;
use super::message::{self, Answer, Tag, Wrong};
use super::watch;
use rustix::process::Signal;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Memory of the writing buffer that is kept from request to request.
const KEEP: usize = 1 << 20;

/// A dead child's exit is known this soon after its channel has closed, or it is no exit.
const LAST_BREATH: Duration = Duration::from_millis(200);

/// A child process that answers requests, one at a time.
///
/// A request that fails, but for those errors that [leave the worker as it was](ProcessError::leaves_worker), ends the worker: it is
/// destroyed at its return, and refuses to be called until then. Dropped outside a pool it is killed, and waited for.
pub struct Worker {
    child: Arc<Child>,
    channel: Channel,
    settings: Arc<Settings>,
    operations: Vec<String>,
    epoch: u32,
    last_id: u32,
    requests: u64,
    frame: Vec<u8>,
    /// A request is under way, or did not end well.
    spent: bool,
    ended: bool,
    /// Its successor was asked for.
    pub(super) has_had_enough: bool,
}

impl Worker {
    pub(super) fn new(child: Arc<Child>, channel: Channel, settings: Arc<Settings>) -> Self {
        Self {
            child,
            channel,
            settings,
            operations: Vec::new(),
            epoch: 1,
            last_id: 0,
            requests: 0,
            frame: Vec::new(),
            spent: false,
            ended: false,
            has_had_enough: false,
        }
    }

    /// Has the worker do `operation` on `arguments`, within the manager's [`request_timeout`](super::ProcessBuilder::request_timeout).
    ///
    /// # Blocking
    /// Until it answers, at most until the deadline.
    ///
    /// # Errors
    /// [`Application`](ProcessError::Application) if the worker's program says so; every other for what went wrong with the worker or the
    /// arguments.
    pub fn call<A: Serialize + ?Sized, R: DeserializeOwned>(
        &mut self,
        operation: &str,
        arguments: &A,
    ) -> Result<R, ProcessError> {
        self.call_within(operation, arguments, self.settings.request_timeout)
    }

    /// As [`call`](Self::call), within `limit`.
    ///
    /// # Blocking
    /// As `call`.
    ///
    /// # Errors
    /// As `call`.
    pub fn call_within<A: Serialize + ?Sized, R: DeserializeOwned>(
        &mut self,
        operation: &str,
        arguments: &A,
        limit: Duration,
    ) -> Result<R, ProcessError> {
        self.speaks(Codec::Json)?;
        let max = self.settings.max_frame;
        let write = |frame: &mut Vec<u8>, tag| message::json_request(frame, tag, operation, arguments, max);
        self.requests += 1;
        self.request(limit, write, |answer| serde_json::from_slice(answer).map_err(ProcessError::Decode))
    }

    /// Has a worker of [`Codec::Raw`] answer `payload` with bytes, within the manager's
    /// [`request_timeout`](super::ProcessBuilder::request_timeout).
    ///
    /// # Blocking
    /// As [`call`](Self::call).
    ///
    /// # Errors
    /// As `call`.
    pub fn call_raw(&mut self, payload: &[u8]) -> Result<Vec<u8>, ProcessError> {
        self.call_raw_within(payload, self.settings.request_timeout)
    }

    /// As [`call_raw`](Self::call_raw), within `limit`.
    ///
    /// # Blocking
    /// As [`call`](Self::call).
    ///
    /// # Errors
    /// As `call`.
    pub fn call_raw_within(&mut self, payload: &[u8], limit: Duration) -> Result<Vec<u8>, ProcessError> {
        self.speaks(Codec::Raw)?;
        let max = self.settings.max_frame;
        self.requests += 1;
        self.request(limit, |frame, tag| message::raw_request(frame, tag, payload, max), |answer| Ok(answer.to_vec()))
    }

    /// Asks the worker whether it is there. What the pool checks free workers with.
    ///
    /// # Blocking
    /// Until it answers, at most for the manager's [`ping_timeout`](super::ProcessBuilder::ping_timeout).
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub fn ping(&mut self) -> Result<(), ProcessError> {
        let (raw, limit) = (self.is_raw(), self.settings.ping_timeout);
        let write = |frame: &mut Vec<u8>, tag| {
            message::ping(frame, tag, raw);
            Ok(())
        };
        self.request(limit, write, |answer| match raw {
            true => Ok(()),
            false => serde_json::from_slice::<IgnoredAny>(answer).map(drop).map_err(ProcessError::Decode),
        })
    }

    /// What the worker says it can do.
    pub fn operations(&self) -> &[String] {
        &self.operations
    }

    /// The number of its process, which leads a group of the same number. It may be another program's once the worker is gone.
    pub fn pid(&self) -> u32 {
        self.child.number().unsigned_abs()
    }

    /// Requests it has been asked, pings not counted.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    fn is_raw(&self) -> bool {
        self.settings.codec == Codec::Raw
    }

    fn speaks(&self, codec: Codec) -> Result<(), ProcessError> {
        match self.settings.codec {
            own if own == codec => Ok(()),
            Codec::Json => Err(ProcessError::OtherCodec { speaks: "JSON", with: "call" }),
            Codec::Raw => Err(ProcessError::OtherCodec { speaks: "raw bytes", with: "call_raw" }),
        }
    }

    /// One request and its answer.
    fn request<T>(
        &mut self,
        limit: Duration,
        write: impl FnOnce(&mut Vec<u8>, Tag) -> Result<(), ProcessError>,
        read: impl Fn(&[u8]) -> Result<T, ProcessError>,
    ) -> Result<T, ProcessError> {
        // A time that the clock cannot tell is far enough away.
        let now = Instant::now();
        let deadline = now.checked_add(limit).unwrap_or_else(|| now + crate::MAX_SPAN);
        let due = (limit, deadline);
        if self.spent {
            return Err(ProcessError::Spent);
        }
        self.last_id = self.last_id.wrapping_add(1);
        let tag = Tag { epoch: self.epoch, id: self.last_id };
        if let Err(error) = write(&mut self.frame, tag) {
            self.shrink();
            return Err(error);
        }
        // From here on until there is an answer: an error, and a panic in the caller's own types, leave it so.
        self.spent = true;
        if self.child.is_gone() {
            return Err(self.name(Broken::Gone, false, due));
        }
        match self.channel.unasked() {
            Ok(0) => {}
            Ok(bytes) => {
                let reason = format!("{bytes} bytes came after the last answer");
                return Err(ProcessError::Stray { reason, sent: false });
            }
            Err(broken) => return Err(self.name(broken, false, due)),
        }
        let sent = self.channel.send(&self.frame, &self.child, deadline);
        self.shrink();
        if let Err(broken) = sent {
            return Err(self.name(broken, false, due));
        }
        let raw = self.is_raw();
        let frame = match self.channel.receive(&self.child, deadline) {
            Ok(frame) => frame,
            Err(broken) => return Err(self.name(broken, true, due)),
        };
        // Where it can be read at once it is read once.
        if !raw
            && let Some(value) = message::usual(frame, tag)
            && let Ok(value) = read(value)
        {
            self.spent = false;
            return Ok(value);
        }
        let answer = message::answer(frame, tag, raw);
        match answer {
            Ok(Answer::Ok(answer)) => {
                let read = read(answer);
                self.spent = false;
                read
            }
            Ok(Answer::Error(error)) => {
                self.spent = false;
                Err(ProcessError::Application(Box::new(error)))
            }
            Err(Wrong::Stray(reason)) => Err(ProcessError::Stray { reason, sent: true }),
            Err(Wrong::Malformed(reason)) => Err(ProcessError::Malformed { reason, words: self.child.stderr.words() }),
        }
    }

    /// Gives back what one large request took.
    fn shrink(&mut self) {
        if self.frame.capacity() > KEEP {
            self.frame = Vec::new();
        }
    }

    /// What a broken channel means, in all that is known of it.
    fn name(&self, broken: Broken, sent: bool, (limit, deadline): (Duration, Instant)) -> ProcessError {
        let words = || self.child.stderr.words();
        match broken {
            Broken::Late => ProcessError::Timeout { limit, sent, words: words() },
            Broken::Gone | Broken::Closed => match self.exit_by(deadline) {
                // What was not handed over whole has not run: no worker has a message before its last byte.
                Some(exit) => ProcessError::Died { exit, doom: self.child.doom.get().copied(), sent, words: words() },
                None => ProcessError::Closed { sent, words: words() },
            },
            Broken::Frame(cause) => {
                // A torn frame is a death, mostly; its words are complete once it is one.
                self.exit_by(deadline);
                ProcessError::Frame { cause, words: words() }
            }
            Broken::Io(cause) => ProcessError::Io { cause: Arc::new(cause) },
        }
    }

    /// How the child exited, if it has, or does within a moment: the system closes its channel first.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.child.wait(Some(Instant::now() + LAST_BREATH))
    }

    /// The same, for a caller who waits no longer than this.
    fn exit_by(&self, deadline: Instant) -> Option<Exit> {
        self.child.wait(Some(deadline.min(Instant::now() + LAST_BREATH)))
    }

    pub(super) fn child(&self) -> &Arc<Child> {
        &self.child
    }

    /// The first message.
    pub(super) fn first(&mut self, deadline: Instant) -> Result<Result<message::First, String>, Broken> {
        let raw = self.is_raw();
        self.channel.receive(&self.child, deadline).map(|frame| message::first(frame, raw))
    }

    pub(super) fn is_ready(&mut self, operations: Vec<String>) {
        self.operations = operations;
    }

    /// Whether nobody should have it again.
    pub(super) fn is_broken(&self) -> bool {
        self.spent || self.child.is_gone() || self.channel.pending() > 0
    }

    /// A caller was told that it failed, or is about to be.
    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    /// Its next holder's requests are told from those before.
    pub(super) fn renew_epoch(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.channel.shrink();
    }

    /// Ends it: by asking, if it is well, then by signals to its whole group, and waits until it is gone.
    pub(super) fn end(&mut self) -> Exit {
        let settings = Arc::clone(&self.settings);
        if !self.is_broken() {
            let deadline = Instant::now() + settings.stop_within;
            let asked = self.channel.send(&message::stop(self.is_raw()), &self.child, deadline);
            self.channel.finish();
            if asked.is_ok() && self.child.wait(Some(deadline)).is_some() {
                return self.reap();
            }
        }
        let signal = settings.stop_signal.signal();
        if signal != Signal::KILL {
            self.child.signal(signal);
            if self.child.wait(Some(Instant::now() + settings.grace)).is_some() {
                return self.reap();
            }
        }
        self.kill()
    }

    /// Kills it with its whole group, and waits until it is gone.
    pub(super) fn kill(&mut self) -> Exit {
        self.child.signal(Signal::KILL);
        self.reap()
    }

    fn reap(&mut self) -> Exit {
        self.ended = true;
        let exit = self.child.reap();
        watch::ring();
        exit
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Worker");
        it.field("pid", &self.pid()).field("operations", &self.operations).field("requests", &self.requests);
        it.field("broken", &self.is_broken()).finish_non_exhaustive()
    }
}
