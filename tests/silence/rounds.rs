//! Threads that meet, act once, and meet again; and the watchdog who sees that they do.

use slackwater::{Manager, Pool};
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The seconds without a new round after which the threads are taken to stand still.
const STANDSTILL: Duration = Duration::from_secs(5);

type Act<M> = Box<dyn Fn(&Pool<M>, usize, u64) + Send + Sync>;
type Between<M> = Box<dyn Fn(&Pool<M>) + Send + Sync>;

/// What the threads play.
pub struct Rounds<M: Manager> {
    threads: usize,
    pool: Mutex<Pool<M>>,
    act: Act<M>,
    between: Between<M>,
    renew: Option<Box<dyn Fn() -> Pool<M> + Send + Sync>>,
    /// The round each thread has come to; the first one's is everybody's start.
    at: Vec<AtomicU64>,
    stop: AtomicBool,
}

impl<M: Manager> Rounds<M> {
    pub fn of(threads: usize, pool: Pool<M>, act: impl Fn(&Pool<M>, usize, u64) + Send + Sync + 'static) -> Self {
        Self {
            threads,
            pool: Mutex::new(pool),
            act: Box::new(act),
            between: Box::new(|_| {}),
            renew: None,
            at: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            stop: AtomicBool::new(false),
        }
    }

    /// Does this before each round, while all stand and wait.
    pub fn between(self, between: impl Fn(&Pool<M>) + Send + Sync + 'static) -> Self {
        Self { between: Box::new(between), ..self }
    }

    /// Gives each round a pool of its own.
    pub fn renewed(self, renew: impl Fn() -> Pool<M> + Send + Sync + 'static) -> Self {
        Self { renew: Some(Box::new(renew)), ..self }
    }

    fn pool(&self) -> Pool<M> {
        self.pool.lock().unwrap().clone()
    }

    /// Waits until thread `who` has come to `round`. False if the game is over.
    fn meet(&self, who: usize, round: u64) -> bool {
        let mut spins = 0_u32;
        while self.at[who].load(Acquire) < round {
            spins += 1;
            if spins.is_multiple_of(256) {
                thread::yield_now()
            } else {
                spin_loop()
            }
            if self.stop.load(Relaxed) {
                return false;
            }
        }
        true
    }

    fn take_part(&self, me: usize) {
        let mut pool = self.pool();
        for round in 1.. {
            if me == 0 {
                if (1..self.threads).any(|other| !self.meet(other, round)) {
                    return;
                }
                (self.between)(&pool);
                if let Some(renew) = &self.renew {
                    *self.pool.lock().unwrap() = renew();
                }
                self.at[0].store(round, Release);
            } else {
                self.at[me].store(round, Release);
                if !self.meet(0, round) {
                    return;
                }
            }
            if self.renew.is_some() {
                pool = self.pool();
            }
            // Now before the others, now after them.
            for _ in 0..round * (2 * me as u64 + 3) % 23 {
                spin_loop();
            }
            (self.act)(&pool, me, round);
        }
    }
}

/// Plays for as long as the environment says.
///
/// # Panics
/// If the threads stand still, with what the pool says about it; or if one of them panicked.
#[track_caller]
pub fn play<M: Manager>(rounds: Rounds<M>) {
    let seconds: f64 = std::env::var("SLACKWATER_STRESS_SECONDS").map_or(0.1, |text| text.parse().expect("a number"));
    let rounds = Arc::new(rounds);
    // Not scoped: those that stand still cannot be joined.
    let (ended, ends) = mpsc::channel();
    let threads: Vec<_> = (0..rounds.threads)
        .map(|me| {
            let (rounds, ended) = (Arc::clone(&rounds), ended.clone());
            thread::spawn(move || {
                rounds.take_part(me);
                drop(ended);
            })
        })
        .collect();
    drop(ended);
    let began = Instant::now();
    let (mut seen, mut moved) = (0, began);
    // Nobody ever sends: the channel is the watchdog's clock, and closes once all threads have ended.
    while let Err(mpsc::RecvTimeoutError::Timeout) = ends.recv_timeout(Duration::from_millis(20)) as Result<(), _> {
        let now = rounds.at[0].load(Relaxed);
        if now != seen {
            (seen, moved) = (now, Instant::now());
        }
        if began.elapsed().as_secs_f64() > seconds {
            rounds.stop.store(true, Relaxed);
        }
        if moved.elapsed() > STANDSTILL {
            // Those that only wait for the others may go.
            rounds.stop.store(true, Relaxed);
            let pool = rounds.pool();
            panic!(
                "standing still in round {seen}: a panic above, or else a wake-up was lost. {}; {:?}; held by {:?}",
                pool.audit(),
                pool.stats(),
                pool.holders()
            );
        }
    }
    for thread in threads {
        thread.join().expect("its panic has been printed");
    }
    let pool = rounds.pool();
    let audit = pool.audit();
    assert!(audit.is_clean(), "{audit}");
    pool.close(Duration::from_secs(10));
    let stats = pool.stats();
    assert_eq!(stats.created, stats.destroyed.total() + stats.detached, "{stats:?}");
    println!("{:60} {seen:9} rounds in {:.1?}", thread::current().name().unwrap_or("?"), began.elapsed());
}
