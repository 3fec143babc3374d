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
    use std::mem::MaybeUninit;
    use std::ptr;

    use super::Signal;

    /// The signals that ask a process to end, kept from doing so.
    pub struct Signals(libc::sigset_t);

    impl Signals {
        /// Holds them back, in this thread and in those that it starts from now on. A signal that this process was started to
        /// ignore, as by `nohup` or in the background of a script, stays ignored.
        pub fn hold_back() -> Self {
            let mut set = MaybeUninit::uninit();
            // SAFETY: sigemptyset makes a set of the memory it is given, which is that of a set.
            let mut set = unsafe {
                libc::sigemptyset(set.as_mut_ptr());
                set.assume_init()
            };
            for signal in [libc::SIGINT, libc::SIGTERM] {
                if !is_ignored(signal) {
                    // SAFETY: the set is one, and there is such a signal.
                    unsafe { libc::sigaddset(&raw mut set, signal) };
                }
            }
            let signals = Self(set);
            signals.mask(libc::SIG_BLOCK);
            signals
        }

        /// Waits for one of them. `None` if they cannot be waited for.
        pub fn wait(&self) -> Option<Signal> {
            let mut signal = 0;
            // SAFETY: both places are there for as long as the call takes.
            let failed = unsafe { libc::sigwait(&raw const self.0, &raw mut signal) };
            match (failed, signal) {
                (0, libc::SIGINT) => Some(Signal::Interrupt),
                (0, libc::SIGTERM) => Some(Signal::Terminate),
                _ => None,
            }
        }

        /// From now on they do what they do anywhere: whoever asks twice means it.
        pub fn let_through(&self) {
            self.mask(libc::SIG_UNBLOCK);
        }

        fn mask(&self, how: libc::c_int) {
            // SAFETY: the set is there for as long as the call takes; what was masked before is not asked for. It fails only for
            // a `how` that does not exist.
            unsafe { libc::pthread_sigmask(how, &raw const self.0, ptr::null_mut()) };
        }
    }

    fn is_ignored(signal: libc::c_int) -> bool {
        let mut now = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: asks only, into memory of the right kind, which is read only after it was filled.
        unsafe {
            libc::sigaction(signal, ptr::null(), now.as_mut_ptr()) == 0
                && now.assume_init().sa_sigaction == libc::SIG_IGN
        }
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
