//! The pool of workers.

use std::time::Duration;

use slackwater::process::{ChannelKind, ProcessManager};
use slackwater::{CheckoutError, Pool};

use super::args::{Args, Channel};
use super::command::Command;
use crate::run::{NO_OUTPUT, USAGE};

/// Room for what is around a line in its frame.
const ENVELOPE: u32 = 4 << 10;

/// Beside the time that workers have to start.
const MARGIN: Duration = Duration::from_secs(5);

/// Workers, and what they are asked to do.
pub struct Workers {
    pub pool: Pool<ProcessManager>,
    pub operation: String,
}

impl Workers {
    /// Starts them all, and waits for the first.
    /// # Errors
    /// Why not, with what to try, and the exit code for that.
    pub fn start(args: &Args) -> Result<Self, (u8, String)> {
        let usage = |why: String| (USAGE, why);
        let command = Command::parse(&args.worker).map_err(usage)?;
        let size = args.size();
        let max_frame = args.max_bytes.saturating_add(ENVELOPE).min(2 << 30);
        let mut builder = ProcessManager::builder(&command.program)
            .args(&command.arguments)
            .channel(match args.channel {
                Channel::Own => ChannelKind::Own,
                Channel::Stdio => ChannelKind::Stdio,
            })
            .ready_within(args.ready_within)
            .request_timeout(args.timeout)
            .max_frame(max_frame);
        // Where its libraries are, which device it may use: what somebody set in a shell is meant for what is started from it.
        // The channel's own names are not: this may be a worker itself.
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| !name.as_encoded_bytes().starts_with(b"SLACKWATER_")) {
            builder = builder.inherit(name);
        }
        for (name, value) in &command.environment {
            builder = builder.env(name, value);
        }
        if let Some(requests) = args.max_requests {
            builder = builder.max_requests(requests);
        }
        let hinted = |why: String| match command.hint() {
            Some(hint) => format!("{why}; {hint}"),
            None => why,
        };
        let manager = builder.build().map_err(|error| usage(hinted(format!("--worker: {error}"))))?;
        let patience = args.ready_within + MARGIN;
        let pool = Pool::builder(manager)
            .name("workers")
            .max_size(size)
            // All of them, but nobody waits here for the last one.
            .min_idle(0)
            .create_parallelism(size.min(256))
            .create_timeout(patience)
            .checkout_timeout(patience)
            .time_one_in(1)
            .build()
            .map_err(|error| (NO_OUTPUT, format!("cannot build the pool of workers: {error}")))?;
        pool.resize(size, size).map_err(|error| usage(format!("--size: {error}")))?;
        let first = pool.checkout().map_err(|error| (NO_OUTPUT, hinted(no_worker(&error))))?;
        let operation = operation(args.operation.as_deref(), first.operations()).map_err(usage)?;
        drop(first);
        Ok(Self { pool, operation })
    }
}

/// Why there is no worker. What the pool says of itself is of less use than what the worker said.
pub fn no_worker(error: &CheckoutError) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = error.to_string();
    while let Some(inner) = cause {
        if let Some(process) = inner.downcast_ref::<slackwater::process::ProcessError>() {
            last = process.to_string();
            break;
        }
        cause = inner.source();
    }
    format!("no worker can be started: {last}")
}

/// What is asked for, or the only thing there is.
fn operation(wanted: Option<&str>, offered: &[String]) -> Result<String, String> {
    let known = || offered.join(", ");
    match (wanted, offered) {
        (Some(name), []) => Ok(name.to_owned()),
        (Some(name), _) if offered.iter().any(|one| one == name) => Ok(name.to_owned()),
        (Some(name), _) => Err(format!("--operation: the worker has no {name}; it has {}", known())),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err("the worker does not say what it can do; name it with --operation".to_owned()),
        (None, _) => Err(format!("the worker can do several things: name one with --operation: {}", known())),
    }
}
