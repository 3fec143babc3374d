//! On which processor a thread runs: a hint for whom to wake, and nothing more.
//!
//! A thread that gives a resource away to a waiter is about to run out of work itself. If the waiter ran on the same
//! processor last, the system puts it there again, and it begins as soon as the giver parks. A waiter of another
//! processor queues behind whoever runs there, which is likely the holder of another resource, while the giver's own
//! processor falls idle.

/// The processor that runs the caller now, or ran it a moment ago; the same number for all where the system does not say.
#[cfg(all(target_os = "linux", not(slackwater_loom)))]
pub(crate) fn current() -> u32 {
    // SAFETY: the call takes no pointers. It fails only on kernels without it, with -1, which serves as a number too.
    (unsafe { libc::sched_getcpu() }) as u32
}

#[cfg(not(any(target_os = "linux", slackwater_loom)))]
pub(crate) fn current() -> u32 {
    0
}

#[cfg(slackwater_loom)]
loom::thread_local! {
    /// Models place their threads by hand.
    pub(crate) static PLACED: std::cell::Cell<u32> = std::cell::Cell::new(0);
}

#[cfg(slackwater_loom)]
pub(crate) fn current() -> u32 {
    PLACED.with(std::cell::Cell::get)
}
