//! What a manager of processes is told.

use super::child::Limits;
use super::manager::ProcessManager;
use crate::config::{refuse, within};
use crate::error::ConfigError;
use rustix::process::Signal;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the worker finds its channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelKind {
    /// On descriptors of its own, whose numbers are in the environment: it reads `SLACKWATER_IN` and writes `SLACKWATER_OUT`. What it
    /// prints to stdout goes to stderr.
    #[default]
    Own,
    /// On stdin and stdout: for Erlang and Elixir ports (`{packet, 4}`) and for shell scripts. Whatever else prints to stdout breaks the
    /// channel.
    Stdio,
}

/// What is in the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// JSON: [`Worker::call`](super::Worker::call).
    #[default]
    Json,
    /// Bytes as they are, behind nine bytes of epoch, id and kind: [`Worker::call_raw`](super::Worker::call_raw).
    Raw,
}

/// What a worker is asked with to end, before it is killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopSignal {
    /// SIGTERM.
    #[default]
    Terminate,
    /// SIGINT: what Ctrl-C sends.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGHUP.
    HangUp,
    /// SIGKILL at once: nothing is asked.
    Kill,
}

impl StopSignal {
    pub(super) fn signal(self) -> Signal {
        match self {
            StopSignal::Terminate => Signal::TERM,
            StopSignal::Interrupt => Signal::INT,
            StopSignal::Quit => Signal::QUIT,
            StopSignal::HangUp => Signal::HUP,
            StopSignal::Kill => Signal::KILL,
        }
    }
}

/// What a manager and its workers go by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) channel: ChannelKind,
    pub(super) codec: Codec,
    pub(super) ready_within: Duration,
    pub(super) request_timeout: Duration,
    pub(super) ping_timeout: Duration,
    pub(super) max_frame: u32,
    pub(super) stderr_tail: usize,
    pub(super) max_requests: Option<u64>,
    pub(super) stop_within: Duration,
    pub(super) stop_signal: StopSignal,
    pub(super) grace: Duration,
    pub(super) limits: Limits,
}

/// Settings of a [`ProcessManager`]. [`build`](Self::build) checks them all.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ProcessBuilder {
    settings: Settings,
    inherit: Vec<OsString>,
}

impl ProcessBuilder {
    pub(super) fn new(program: impl AsRef<OsStr>) -> Self {
        let settings = Settings {
            program: PathBuf::from(program.as_ref()),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            channel: ChannelKind::default(),
            codec: Codec::default(),
            // Before the pool takes a creation for hung, so that this error is told and not that.
            ready_within: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            // Before the pool takes a check for hung.
            ping_timeout: Duration::from_secs(4),
            max_frame: 64 << 20,
            stderr_tail: 8 << 10,
            max_requests: None,
            stop_within: Duration::from_secs(2),
            stop_signal: StopSignal::default(),
            grace: Duration::from_secs(2),
            limits: Limits::default(),
        };
        Self { settings, inherit: Vec::new() }
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.settings.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.settings.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable in the worker's environment, which is empty but for these, [`inherit`](Self::inherit) and the channel's.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.settings.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Lets a variable of this process through to the worker, as it is when the manager is built. One that is not set here is not set
    /// there.
    pub fn inherit(mut self, name: impl AsRef<OsStr>) -> Self {
        self.inherit.push(name.as_ref().to_owned());
        self
    }

    /// Where the worker runs. Default: where this process does.
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.settings.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Where the worker finds its channel. Default: [`ChannelKind::Own`].
    pub fn channel(mut self, channel: ChannelKind) -> Self {
        self.settings.channel = channel;
        self
    }

    /// What is in the frames. Default: [`Codec::Json`].
    pub fn codec(mut self, codec: Codec) -> Self {
        self.settings.codec = codec;
        self
    }

    /// How long a worker may take until it is ready. Default: 20 s, below the pool's
    /// [`create_timeout`](crate::Builder::create_timeout), which is to be raised with it. 1 ms to a day.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.settings.ready_within = limit;
        self
    }

    /// How long a request may take, writing it included. Default: 30 s. 1 ms to a day.
    pub fn request_timeout(mut self, limit: Duration) -> Self {
        self.settings.request_timeout = limit;
        self
    }

    /// How long a ping may take, by which the pool checks a free worker. Default: 4 s, below the pool's
    /// [`check_timeout`](crate::Builder::check_timeout). 1 ms to a day.
    pub fn ping_timeout(mut self, limit: Duration) -> Self {
        self.settings.ping_timeout = limit;
        self
    }

    /// The most bytes of a message, in either direction. Default: 64 MiB. 64 bytes to 2 GiB.
    pub fn max_frame(mut self, bytes: u32) -> Self {
        self.settings.max_frame = bytes;
        self
    }

    /// How many of the last bytes on stderr are kept of each worker, for errors. Default: 8 KiB. Up to 1 MiB.
    pub fn stderr_tail(mut self, bytes: usize) -> Self {
        self.settings.stderr_tail = bytes;
        self
    }

    /// Requests after which a worker is replaced: by a successor that is ready before it goes, one at a time, as the pool's
    /// [`surge`](crate::Builder::surge) and [`max_unavailable`](crate::Builder::max_unavailable) say. Until then it goes on, so it may have
    /// as many more as it answers while another starts. Default: no limit. For age and growth there are the pool's [`max_lifetime`](crate::Builder::max_lifetime) and
    /// [`max_growth`](crate::Builder::max_growth).
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.settings.max_requests = Some(requests);
        self
    }

    /// How long a worker may take to end once it is told to stop, before it is signalled. Default: 2 s. Up to an hour.
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.settings.stop_within = limit;
        self
    }

    /// What a worker is asked with to end that did not stop, or is past its deadline. Default: [`StopSignal::Terminate`].
    pub fn stop_signal(mut self, signal: StopSignal) -> Self {
        self.settings.stop_signal = signal;
        self
    }

    /// How long it may take after that, before it is killed with its whole group. Default: 2 s. Up to an hour.
    pub fn grace(mut self, limit: Duration) -> Self {
        self.settings.grace = limit;
        self
    }

    /// Kills a worker with its whole group as soon as the group is seen to have more than this many bytes of memory, looked at once a
    /// second. A new worker that has more before its first request is refused, not replaced for ever. Shared memory counts for each
    /// process. Default: no limit. Linux only.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.settings.limits.memory = Some(bytes);
        self
    }

    /// Replaces a worker, as [`max_requests`](Self::max_requests) does, once its group is seen to have more than this many bytes of
    /// memory, looked at once a second. A new worker that has more is refused, as its successor would have to be replaced in turn. Default: not. Linux
    /// only.
    pub fn recycle_above(mut self, bytes: u64) -> Self {
        self.settings.limits.recycle_above = Some(bytes);
        self
    }

    /// Kills a worker with its whole group as soon as the group is seen to have more than this many processes, threads not counted.
    /// Groups are counted once a second, and within a tenth of one when the system has started many. Default: no limit. Linux only.
    pub fn max_processes(mut self, processes: u32) -> Self {
        self.settings.limits.processes = Some(processes);
        self
    }

    /// Checks the settings and finds the program.
    ///
    /// # Errors
    /// The first setting that is refused: its name, its value and what is allowed.
    pub fn build(self) -> Result<ProcessManager, ConfigError> {
        let Self { mut settings, inherit } = self;
        settings.validate()?;
        if let Some(name) = inherit.iter().find(|name| is_the_channels(name)) {
            refuse("inherit", name, CHANNELS.to_owned())?;
        }
        settings.program = found(&settings.program)?;
        for name in inherit {
            if let Some(value) = env::var_os(&name).filter(|_| settings.environment.iter().all(|(set, _)| *set != name))
            {
                settings.environment.push((name, value));
            }
        }
        Ok(ProcessManager::new(settings))
    }
}

const CHANNELS: &str = "names that begin with SLACKWATER_ are the channel's";

fn is_the_channels(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b"SLACKWATER_")
}

impl Settings {
    fn validate(&self) -> Result<(), ConfigError> {
        let spans = Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);
        within("ready_within", self.ready_within, spans.clone())?;
        within("request_timeout", self.request_timeout, spans.clone())?;
        within("ping_timeout", self.ping_timeout, spans)?;
        within("max_frame", self.max_frame, 64..=1 << 31)?;
        within("stderr_tail", self.stderr_tail, 0..=1 << 20)?;
        self.max_requests.map_or(Ok(()), |requests| within("max_requests", requests, 1..=u64::MAX - 1))?;
        let graces = Duration::ZERO..=Duration::from_secs(60 * 60);
        within("stop_within", self.stop_within, graces.clone())?;
        within("grace", self.grace, graces)?;
        self.limits.validate()?;
        for (name, value) in &self.environment {
            let bytes = name.as_bytes();
            if bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0) || value.as_bytes().contains(&0) {
                return refuse(
                    "env",
                    name,
                    "a name has no = and neither has a zero byte; a name is not empty".to_owned(),
                );
            }
            if is_the_channels(name) {
                return refuse("env", name, CHANNELS.to_owned());
            }
        }
        if self.arguments.iter().any(|argument| argument.as_bytes().contains(&0)) {
            return refuse("args", &self.arguments, "an argument has no zero byte".to_owned());
        }
        match &self.directory {
            Some(directory) if !directory.is_dir() => refuse("directory", directory, "it has to be there".to_owned()),
            _ => Ok(()),
        }
    }
}

impl Limits {
    fn validate(self) -> Result<(), ConfigError> {
        let Self { processes, memory, recycle_above } = self;
        let asked =
            [("memory_limit", memory), ("recycle_above", recycle_above), ("max_processes", processes.map(u64::from))];
        for (field, value) in asked {
            let Some(value) = value else { continue };
            within(field, value, 1..=1 << 60)?;
            if !cfg!(target_os = "linux") {
                return refuse(field, value, "it needs Linux's /proc; leave it out here".to_owned());
            }
        }
        match recycle_above.zip(memory) {
            Some((above, limit)) if above >= limit => {
                refuse("recycle_above", above, format!("it has no effect unless it is below memory_limit, {limit}"))
            }
            _ => Ok(()),
        }
    }
}

/// The program's path: looked for in this process's PATH, as a shell would, because the worker's environment may have none.
fn found(program: &Path) -> Result<PathBuf, ConfigError> {
    let runs =
        |path: &PathBuf| path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0);
    if program.as_os_str().as_bytes().contains(&b'/') {
        // Made whole here: the worker may run in another directory.
        let whole = std::path::absolute(program).ok().filter(runs);
        return whole.ok_or_else(|| refusal(program, "no such program that may be run".to_owned()));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let here = env::split_paths(&path).map(|directory| directory.join(program)).find(runs);
    here.ok_or_else(|| refusal(program, "no such program is in PATH; install it, or give its path".to_owned()))
}

fn refusal(program: &Path, rule: String) -> ConfigError {
    ConfigError { field: "program", value: format!("{}", program.display()), rule: rule.into() }
}
