//! The time that all threads of the process had a core for.

use std::time::Duration;

#[cfg(target_os = "linux")]
pub fn process_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Elsewhere the time of day has to do.
#[cfg(not(target_os = "linux"))]
pub fn process_time() -> Duration {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
