//! Ctrl-C and `kill`, taken by a thread that waits for them: no handler, so nothing runs in the midst of anything.

use std::fmt;

/// What asked the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// What `kill` sends, and what a system that shuts down does.
    Terminate,
}

impl Signal {
    /// The status a shell gives a process that a signal ended.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
        })
    }
}

#[cfg(unix)]
pub use posix::Signals;

#[cfg(unix)]
mod posix {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal as Known, sigaction};

    use super::Signal;

    /// The signals that ask a process to end, kept from doing so.
    pub struct Signals(SigSet);

    impl Signals {
        /// Holds them back, in this thread and in those that it starts from now on. A signal that this process was started to
        /// ignore, as by `nohup` or in the background of a script, stays ignored.
        pub fn hold_back() -> Self {
            let mut all = SigSet::empty();
            for signal in [Known::SIGINT, Known::SIGTERM] {
                let one = SigSet::from(signal);
                // A mask can be refused only for a way of masking that does not exist.
                let _ = one.thread_block();
                if is_ignored(signal) {
                    let _ = one.thread_unblock();
                } else {
                    all.add(signal);
                }
            }
            Self(all)
        }

        /// Waits for one of them. `None` if they cannot be waited for.
        pub fn wait(&self) -> Option<Signal> {
            match self.0.wait() {
                Ok(Known::SIGINT) => Some(Signal::Interrupt),
                Ok(Known::SIGTERM) => Some(Signal::Terminate),
                _ => None,
            }
        }

        /// From now on they do what they do anywhere: whoever asks twice means it.
        pub fn let_through(&self) {
            let _ = self.0.thread_unblock();
        }
    }

    /// Asked of a signal that is blocked, so that nothing comes of it while this looks: what is done with a signal can be
    /// learned only by changing it.
    fn is_ignored(signal: Known) -> bool {
        let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
        exchange(signal, &default).is_ok_and(|before| {
            let _ = exchange(signal, &before);
            matches!(before.handler(), SigHandler::SigIgn)
        })
    }

    /// Sets what is done with a signal. Gives what was done before.
    fn exchange(signal: Known, action: &SigAction) -> nix::Result<SigAction> {
        // SAFETY: `sigaction` asks that a handler be fit to run at any moment. None is put in place here but the default, and what
        // was there before, which was fit or never ran.
        unsafe { sigaction(signal, action) }
    }
}

/// Elsewhere the process ends at once, as it always did.
#[cfg(not(unix))]
pub struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub fn hold_back() -> Self {
        Self
    }

    pub fn wait(&self) -> Option<Signal> {
        None
    }

    pub fn let_through(&self) {}
}
