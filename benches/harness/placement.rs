//! Where a measuring thread runs.

/// Ties the calling thread to the `index`th core it may run on, counted round. A no-op where that cannot be had: the
/// bench then measures wherever the system puts it.
#[cfg(target_os = "linux")]
pub fn stay_on_core(index: usize) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
    if cores.is_empty() {
        return;
    }
    let mut only = CpuSet::new();
    only.set(cores[index % cores.len()]);
    // A refusal only leaves the thread where it was.
    let _ = sched_setaffinity(None, &only);
}

/// Not to be had here: the thread runs wherever the system puts it.
#[cfg(not(target_os = "linux"))]
pub fn stay_on_core(_index: usize) {}
