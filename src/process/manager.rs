//! The manager of processes: what a pool is told about them.

use super::builder::{ProcessBuilder, Settings};
use super::channel::{Broken, Channel};
use super::child::{Child, Limits};
use super::error::ProcessError;
use super::exit::Doom;
use super::message::First;
use super::worker::Worker;
use super::{group, spawn, watch};
use crate::manager::{Manager, ReturnOutcome, Severity};
use crate::pool::Lifeline;
use parking_lot::Mutex;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Workers that fail alike at their start, one after another, before callers are told at once: what failed so often is not about to
/// work.
const LATCH: u32 = 5;

/// Starts, checks and ends workers. Build a [`Pool`](crate::Pool) with it.
///
/// ```
/// use slackwater::Pool;
/// use slackwater::process::ProcessManager;
/// # let worker = r#"
/// # import json, os, struct
/// # r, w = os.fdopen(int(os.environ["SLACKWATER_IN"]), "rb"), os.fdopen(int(os.environ["SLACKWATER_OUT"]), "wb")
/// # def send(m):
/// #     b = json.dumps(m).encode(); w.write(struct.pack(">I", len(b)) + b); w.flush()
/// # send({"ready": {"protocol": 1, "operations": ["double"]}})
/// # while h := r.read(4):
/// #     m = json.loads(r.read(struct.unpack(">I", h)[0]))
/// #     if m.get("stop"): break
/// #     send({"id": m["id"], "epoch": m["epoch"], "ok": m["args"] * 2})
/// # "#;
/// # if std::process::Command::new("python3").arg("--version").output().is_err() { return Ok(()) }
///
/// let manager = ProcessManager::builder("python3").arg("-c").arg(worker).build()?;
/// let pool = Pool::builder(manager).max_size(2).build()?;
/// let doubled: u32 = pool.checkout()?.call("double", &21)?;
/// assert_eq!(doubled, 42);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct ProcessManager {
    settings: Arc<Settings>,
    starts: Mutex<Starts>,
}

/// Starts that failed alike.
#[derive(Default)]
struct Starts {
    last: String,
    in_a_row: u32,
}

impl ProcessManager {
    /// A manager of workers that run `program`: a path, or a name to be looked for in this process's `PATH`.
    pub fn builder(program: impl AsRef<OsStr>) -> ProcessBuilder {
        ProcessBuilder::new(program)
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), starts: Mutex::default() }
    }

    fn start(&self) -> Result<Worker, ProcessError> {
        let settings = &self.settings;
        let deadline = Instant::now() + settings.ready_within;
        let refused =
            |cause| ProcessError::Spawn { program: settings.program.display().to_string(), cause: Arc::new(cause) };
        let spawned = spawn::spawn(settings).map_err(refused)?;
        let child = Arc::new(Child::new(spawned.pid, spawned.stderr, settings.limits));
        // From here on it ends with its worker, however this ends.
        let mut worker = Worker::new(child, Channel::new(spawned.channel, settings.max_frame), Arc::clone(settings));
        watch::watch(worker.child()).map_err(refused)?;
        match worker.first(deadline) {
            Ok(Ok(First::Ready(ready))) => worker.is_ready(ready.operations),
            other => {
                let error = self.failed(&worker, other);
                worker.kill();
                return Err(error);
            }
        }
        self.weighs_little(&worker)?;
        *self.starts.lock() = Starts::default();
        Ok(worker)
    }

    /// The watcher was faster, and has ended it for its weight.
    fn too_heavy(worker: &Worker) -> Option<ProcessError> {
        match *worker.child().doom.get()? {
            Doom::TooMuchMemory { seen, limit } => Some(ProcessError::TooHeavy { weight: seen, limit }),
            Doom::TooManyProcesses { .. } => None,
        }
    }

    /// What an opening that is none means.
    fn failed(&self, worker: &Worker, opening: Result<Result<First, String>, Broken>) -> ProcessError {
        let child = worker.child();
        let words = || child.stderr.words();
        if opening.is_err()
            && let Some(error) = Self::too_heavy(worker)
        {
            return error;
        }
        match opening {
            Ok(Ok(First::Failed(error))) => {
                let in_a_row = self.in_a_row(format!("failed with {}", error.kind));
                worker.exit();
                ProcessError::StartFailed { error: Box::new(error), in_a_row, words: words() }
            }
            Ok(Ok(First::Ready(_))) => unreachable!("that one is"),
            Ok(Err(reason)) => ProcessError::Handshake { reason, words: words() },
            Err(Broken::Late) => ProcessError::NotReady { limit: self.settings.ready_within, words: words() },
            Err(Broken::Gone | Broken::Closed) => match (worker.exit(), child.doom.get()) {
                (Some(exit), doom) => {
                    let in_a_row = self.in_a_row(exit.to_string());
                    ProcessError::DiedStarting { exit, doom: doom.copied(), in_a_row, words: words() }
                }
                (None, _) => ProcessError::Closed { sent: false, words: words() },
            },
            Err(Broken::Frame(cause)) => ProcessError::Frame { cause, words: words() },
            Err(Broken::Io(cause)) => ProcessError::Io { cause: Arc::new(cause) },
        }
    }

    /// How often in a row a start has failed like this. By its kind: in the words there may be a time, a number, a port.
    fn in_a_row(&self, how: String) -> u32 {
        let mut starts = self.starts.lock();
        if starts.last == how {
            starts.in_a_row = starts.in_a_row.saturating_add(1);
        } else {
            *starts = Starts { last: how, in_a_row: 1 };
        }
        starts.in_a_row
    }

    /// Refuses a new worker that is above a limit already: so would its successor be, and be ended, or replaced, for it in turn.
    fn weighs_little(&self, worker: &Worker) -> Result<(), ProcessError> {
        let Limits { memory, recycle_above, .. } = self.settings.limits;
        let Some(limit) = memory.into_iter().chain(recycle_above).min() else { return Ok(()) };
        let child = worker.child();
        let number = child.number();
        let group = group::look(|group| group == number).get(&number).copied();
        // After the look: one that is ended meanwhile is light.
        if let Some(error) = Self::too_heavy(worker) {
            return Err(error);
        }
        let weight = match group {
            Some(group) => group.weight,
            None if child.look().is_some() => return Err(self.failed(worker, Err(Broken::Gone))),
            // It has joined another group.
            None => group::weight_of(number).unwrap_or(0),
        };
        if weight > limit { Err(ProcessError::TooHeavy { weight, limit }) } else { Ok(()) }
    }
}

impl Manager for ProcessManager {
    type Resource = Worker;
    type Error = ProcessError;
    const ENDS_SLOWLY: bool = true;

    /// Starts a worker and waits until it is ready.
    fn create(&self) -> Result<Worker, ProcessError> {
        self.start()
    }

    fn lifeline(&self, worker: &mut Worker, lifeline: Lifeline) {
        let child = worker.child();
        let _ = child.lifeline.set(lifeline.clone());
        // Under the same lock as the watcher's look: one of the two sees the other.
        if child.look().is_some() {
            lifeline.ended();
        }
    }

    /// Pings it.
    fn check(&self, worker: &mut Worker) -> Result<(), ProcessError> {
        worker.ping()
    }

    fn is_broken(&self, worker: &mut Worker) -> bool {
        worker.is_broken()
    }

    fn recycle(&self, worker: &mut Worker) -> ReturnOutcome {
        worker.renew_epoch();
        let has_had_enough = self.settings.max_requests.is_some_and(|most| worker.requests() >= most);
        if has_had_enough
            && !std::mem::replace(&mut worker.has_had_enough, true)
            && let Some(lifeline) = worker.child().lifeline.get()
        {
            lifeline.replace();
        }
        ReturnOutcome::Healthy
    }

    /// Ends it: asks, signals its group, kills it, and returns once the system has confirmed its end.
    fn destroy(&self, mut worker: Worker) {
        // One that failed a caller was told of there.
        let dies_unseen = !worker.is_spent() && worker.child().is_gone();
        let exit = worker.end();
        let child = worker.child();
        if dies_unseen && let Some(lifeline) = child.lifeline.get() {
            let doom = child.doom.get().map(|doom| format!(" ({doom})")).unwrap_or_default();
            lifeline.note(format!("the worker {exit} between two requests{doom}{}", child.stderr.words()));
        }
    }

    /// Bytes of memory of its process group: its own now, those of others in the group as of the last second.
    fn weight(&self, worker: &Worker) -> u64 {
        worker.child().weight()
    }

    /// A worker that cannot be started at all, or has failed alike five times in a row, is not about to start; one that failed a check is
    /// not asked again.
    fn classify(&self, error: &ProcessError) -> Severity {
        match error {
            ProcessError::Spawn { cause, .. } => match cause.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Severity::Permanent,
                _ => Severity::Transient,
            },
            ProcessError::StartFailed { in_a_row, .. } | ProcessError::DiedStarting { in_a_row, .. } => {
                if *in_a_row >= LATCH { Severity::Permanent } else { Severity::Transient }
            }
            ProcessError::NotReady { .. } => Severity::Transient,
            error if error.leaves_worker() => Severity::Transient,
            _ => Severity::Permanent,
        }
    }
}

impl fmt::Debug for ProcessManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessManager").field("settings", &self.settings).finish_non_exhaustive()
    }
}
