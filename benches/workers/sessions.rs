//! Sessions: how often the worker that a key had last runs its next job, while there are no more keys than workers.

use std::thread;

use slackwater::Workers;

/// The share of jobs that their session's own worker ran, in percent, with as many sessions as workers, by the defaults: a hint.
/// Each has so many jobs, one after the other, each waited for.
pub fn own_share(workers: usize, jobs: u32) -> f64 {
    let make = || Ok::<u64, String>(0);
    let sessions = workers as u64;
    let workers = Workers::builder(make).pool(move |pool| pool.max_size(workers).name("sessions")).build();
    let workers = workers.expect("numbers can be made");
    thread::scope(|scope| {
        for session in 0..sessions {
            let workers = &workers;
            scope.spawn(move || {
                for _ in 0..jobs {
                    let answer = workers.submit_for(&session, |uses| *uses += 1).expect("the queue takes it").wait();
                    answer.expect("it runs");
                }
            });
        }
    });
    100.0 * workers.pool().session_stats().hit_rate().unwrap_or(f64::NAN)
}
