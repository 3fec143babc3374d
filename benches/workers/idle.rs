//! What threads that have nothing to do take of the machine.

use std::thread;
use std::time::Duration;

use crate::lanes::Lane;

/// What the whole process took in one second.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Processor time, in microseconds.
    pub processor: f64,
    /// How often a thread of it was put on a processor, our own sleeper's one time included; NaN where nobody tells.
    pub woken: f64,
}

/// The second that begins a fifth of a second after the last job, and one that begins when whoever had looked for more of them has
/// stopped.
pub fn seconds() -> [Idle; 2] {
    thread::sleep(Duration::from_millis(200));
    let first = second();
    thread::sleep(Duration::from_secs(1));
    [first, second()]
}

fn second() -> Idle {
    let (woken, processor) = (switches(), processor_time());
    thread::sleep(Duration::from_secs(1));
    // The time first: to count the wake-ups takes more of it than a second of sleep.
    let processor = processor_time() - processor;
    Idle { processor, woken: switches() - woken }
}

/// Between two jobs that come rarely.
const PAUSE: Duration = Duration::from_millis(1);
const RARE_JOBS: u32 = 1_000;

/// Microseconds of processor time for one job that does nothing, where one comes each millisecond: the wakes, and what a worker looks around
/// for another before it sleeps. Who submits sleeps in between, and is counted too.
pub fn rare_jobs<L: Lane>(lane: &L) -> f64 {
    let before = processor_time();
    for _ in 0..RARE_JOBS {
        lane.submit(|| ());
        thread::sleep(PAUSE);
    }
    (processor_time() - before) / f64::from(RARE_JOBS)
}

/// Microseconds of processor time that this process has had.
#[cfg(target_os = "linux")]
fn processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

#[cfg(not(target_os = "linux"))]
fn processor_time() -> f64 {
    f64::NAN
}

/// Times that a thread of this process gave its processor away, which is once for every wake-up.
fn switches() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return f64::NAN };
    let one = |task: std::fs::DirEntry| -> Option<f64> {
        let status = std::fs::read_to_string(task.path().join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse().ok()
    };
    tasks.filter_map(|task| one(task.ok()?)).sum()
}
