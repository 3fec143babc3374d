//! The time a thread had a core for: what others take of the core meanwhile is not in it.

use std::time::Duration;

/// Core time of the calling thread so far.
#[cfg(target_os = "linux")]
pub fn core_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Not rustix, which reads the clock from a page that valgrind does not map.
    // SAFETY: the call writes a timespec to where it is told, which is one, and keeps no pointer.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    assert_eq!(failed, 0, "Linux has this clock");
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Elsewhere the time of day has to do.
#[cfg(not(target_os = "linux"))]
pub fn core_time() -> Duration {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
