//! The pool of the soak, and all that is wrong with its resources.

use std::convert::Infallible;
use std::panic;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use slackwater::testing::{Callback, Chaos, ChaosHandle, ChaosManager};
use slackwater::{Creation, Pool, Stats};

pub const MAX_SIZE: usize = 16;

/// What is lent: a buffer, and how many threads have it in hand.
pub struct Parcel {
    hands: AtomicU32,
    text: Vec<u8>,
}

impl Parcel {
    /// Uses it. False if somebody else does.
    pub fn take_up(&mut self) -> bool {
        let alone = self.hands.fetch_add(1, Relaxed) == 0;
        self.text.push(0);
        alone
    }

    pub fn put_down(&mut self) {
        self.text.clear();
        self.hands.fetch_sub(1, Relaxed);
    }
}

pub type Faulty = ChaosManager<fn() -> Result<Parcel, Infallible>>;
pub type Chaotic = Pool<Faulty>;

fn parcel() -> Result<Parcel, Infallible> {
    Ok(Parcel { hands: AtomicU32::new(0), text: Vec::with_capacity(1024) })
}

/// Rates are per call. What runs at every return is struck once in some ten thousand uses; what runs only for a new or a
/// suspect resource, often.
pub fn pool(seed: u64) -> (Chaotic, ChaosHandle) {
    let ms = Duration::from_millis;
    let (manager, chaos) = Chaos::seeded(seed)
        .die(0.9, 2_000..=20_000)
        .leak(0.1, 8)
        .fail(Callback::Create, 0.02)
        .panic(Callback::Create, 0.01)
        .hang(Callback::Create, 0.005)
        .slow(Callback::Create, 0.1, ms(2))
        .fail(Callback::Warm, 0.01)
        .fail(Callback::Check, 0.1)
        .panic(Callback::Check, 0.01)
        .hang(Callback::Check, 0.005)
        .slow(Callback::Check, 0.2, ms(5))
        .fail(Callback::IsBroken, 1e-5)
        .panic(Callback::IsBroken, 1e-5)
        .fail(Callback::Recycle, 1e-5)
        .panic(Callback::Recycle, 1e-5)
        .slow(Callback::Recycle, 1e-4, ms(1))
        .panic(Callback::Destroy, 0.01)
        .slow(Callback::Destroy, 0.05, ms(2))
        .build(parcel as fn() -> _)
        .expect("the faults are in order");
    let pool = Pool::builder(manager)
        .name("soak")
        .max_size(MAX_SIZE)
        // A creation that hangs must not hold a caller.
        .creation(Creation::Background)
        .create_parallelism(MAX_SIZE)
        .checkout_timeout(Duration::from_secs(10))
        .build()
        .expect("the pool can be built");
    (pool, chaos)
}

/// Panics that were asked for are not printed.
pub fn keep_panics_quiet() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if !text.starts_with("injected") {
            usual(info);
        }
    }));
}

pub fn describe(chaos: &ChaosHandle, stats: &Stats) -> String {
    let sum = |of: fn(slackwater::testing::Counts) -> u64| -> u64 {
        Callback::ALL.iter().map(|&callback| of(chaos.counts(callback))).sum()
    };
    let (failed, slowed) = (sum(|counts| counts.failed), sum(|counts| counts.slowed));
    let (hung, panicked) = (sum(|counts| counts.hung), sum(|counts| counts.panicked));
    let (created, destroyed) = (stats.created, stats.destroyed.total());
    format!(
        "injected: {failed} failures, {slowed} slow calls, {hung} hangs, {panicked} panics; {created} created, {destroyed} \
         destroyed, {} detached; {} background jobs ran past their timeout",
        stats.detached, stats.hung_jobs_total
    )
}
