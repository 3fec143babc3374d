//! How often sessions get the resource they had, while there are as many of them as resources.

use std::convert::Infallible;
use std::hint::spin_loop;
use std::thread;
use std::time::{Duration, Instant};

use slackwater::{Pool, SessionStats};

use crate::harness::{Bound, Verdicts};

const SESSIONS: u64 = 64;
const THREADS: u64 = 16;
const HELD: Duration = Duration::from_micros(2);

/// Checkouts of each thread, for each round of the bench.
const EACH: usize = 20;

/// What became of the checkouts, by who serves which session.
pub struct Shares {
    own: SessionStats,
    any: SessionStats,
}

/// As many sessions as resources, on more threads than cores, each resource held for 2 us: first each session on one thread, then any thread
/// serves any session, so that a session may come while it is served elsewhere.
pub fn measure(rounds: usize) -> Shares {
    let shares = Shares {
        own: run(rounds, |thread, drawn| thread * (SESSIONS / THREADS) + drawn % (SESSIONS / THREADS)),
        any: run(rounds, |_, drawn| drawn % SESSIONS),
    };
    println!("\n{SESSIONS} sessions, as many resources, {THREADS} threads, held {HELD:?}");
    for (who, stats) in [("each thread its own sessions", shares.own), ("any thread any session", shares.any)] {
        let SessionStats { hits, misses, in_use, .. } = stats;
        println!("{who}: {hits} hits, {misses} misses, {in_use} of them because the resource was in use");
    }
    shares
}

fn run(rounds: usize, session: impl Fn(u64, u64) -> u64 + Sync) -> SessionStats {
    let pool = Pool::builder(|| Ok::<u64, Infallible>(0)).max_size(SESSIONS as usize).build();
    let pool = pool.expect("nothing can fail in making a number");
    // Whoever comes for the first time cannot have had one.
    for key in 0..SESSIONS {
        drop(pool.checkout_for(&key).expect("all are free"));
    }
    let before = pool.session_stats();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (pool, session) = (&pool, &session);
            scope.spawn(move || {
                let mut drawn = number;
                for _ in 0..rounds * EACH {
                    drawn = drawn.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
                    let guard = pool.checkout_for(&session(number, drawn >> 33)).expect("there are more than threads");
                    let began = Instant::now();
                    while began.elapsed() < HELD {
                        spin_loop();
                    }
                    drop(guard);
                }
            });
        }
    });
    let mut stats = pool.session_stats();
    (stats.hits, stats.misses, stats.in_use) =
        (stats.hits - before.hits, stats.misses - before.misses, stats.in_use - before.in_use);
    stats
}

/// The figures wanted of sessions.
pub fn judge(shares: &Shares, verdicts: &mut Verdicts) {
    for (who, stats) in [("each thread its own", shares.own), ("any thread any", shares.any)] {
        let hits = 100.0 * stats.hit_rate().unwrap_or(f64::NAN);
        let what = format!("sessions that fit the pool get the resource they had, {who}");
        verdicts.wanted(&what, hits, " %", Bound::Above(95.0));
    }
}
