//! Processor time of this whole program: pool, callers and backend together.

use std::time::Duration;

/// Used so far; none where the system does not tell.
#[cfg(target_os = "linux")]
pub fn used() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::ProcessCPUTime);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(target_os = "linux"))]
pub fn used() -> Option<Duration> {
    None
}
