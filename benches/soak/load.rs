//! What each thread does to the pool, and what it gets.

use std::error::Error;
use std::hint::spin_loop;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use slackwater::testing::Injected;
use slackwater::{Checkout, CheckoutError};

use crate::faults::{Chaotic, Faulty, Parcel};
use crate::harness::Dice;

pub const THREADS: usize = 16;

/// What all threads count together.
#[derive(Default)]
pub struct Load {
    pub stop: AtomicBool,
    served: AtomicU64,
    /// Nothing at once, or nothing within a millisecond, for those that asked for no more.
    turned_away: AtomicU64,
    injected: AtomicU64,
    failed: AtomicU64,
    shared: AtomicU64,
    to_forget: AtomicUsize,
    forgotten: AtomicUsize,
    first_failure: Mutex<Option<String>>,
}

impl Load {
    /// Has one of the threads forget its next guard.
    pub fn forget_one(&self) {
        self.to_forget.fetch_add(1, Relaxed);
    }

    pub fn forgotten(&self) -> usize {
        self.forgotten.load(Relaxed)
    }

    /// Requests that ended in an error for which no fault was injected.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// How often a resource was found in somebody else's hands.
    pub fn shared(&self) -> u64 {
        self.shared.load(Relaxed)
    }

    pub fn describe(&self) -> String {
        let [served, turned_away, injected, failed] =
            [&self.served, &self.turned_away, &self.injected, &self.failed].map(|count| count.load(Relaxed));
        let first = self.first_failure.lock().expect("nobody panics with it").clone();
        let first = first.map(|text| format!(", the first: {text}")).unwrap_or_default();
        format!("{served} served, {turned_away} turned away, {injected} failed by injection, {failed} otherwise{first}")
    }

    fn note(&self, error: &CheckoutError, patient: bool) {
        let count = match error {
            CheckoutError::Exhausted(_) | CheckoutError::Timeout(_) if !patient => &self.turned_away,
            _ if is_injected(error) => &self.injected,
            _ => {
                self.first_failure.lock().expect("nobody panics with it").get_or_insert_with(|| error.to_string());
                &self.failed
            }
        };
        count.fetch_add(1, Relaxed);
    }

    fn takes_one(&self) -> bool {
        // Looked at by every request: a plain load while there is nothing to forget.
        self.to_forget.load(Relaxed) > 0
            && self.to_forget.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Whether the manager was made to fail, or to panic.
fn is_injected(error: &CheckoutError) -> bool {
    let CheckoutError::Create(create) = error else { return false };
    let panicked = create.error.downcast_ref::<slackwater::Panicked>();
    panicked.is_some_and(|panicked| panicked.message.starts_with("injected"))
        || create.source().is_some_and(|source| source.is::<Injected>())
}

/// One thread's part, until it is to stop.
pub fn work(pool: &Chaotic, load: &Load, seed: u64) {
    let mut dice = Dice::seeded(seed);
    while !load.stop.load(Relaxed) {
        let way = dice.below(100);
        let served = match way {
            0..50 => pool.checkout().map(|guard| treat(load, &mut dice, guard)),
            50..65 => pool.try_checkout().map(|guard| treat(load, &mut dice, guard)),
            65..80 => pool.checkout_timeout(Duration::from_millis(1)).map(|guard| treat(load, &mut dice, guard)),
            80..90 => pool.checkout_owned().map(|mut guard| hold(load, &mut dice, &mut guard)),
            _ => with(pool, load, &mut dice),
        };
        match served {
            Ok(()) => drop(load.served.fetch_add(1, Relaxed)),
            Err(error) => load.note(&error, !(50..80).contains(&way)),
        }
    }
}

/// Mostly holds the resource and gives it back.
fn treat(load: &Load, dice: &mut Dice, mut guard: Checkout<'_, Faulty>) {
    hold(load, dice, &mut guard);
    match dice.below(20_000) {
        0..20 => guard.mark_suspect(),
        20..22 => guard.kill(),
        22 => guard.discard("one of many"),
        23 => drop(guard.detach()),
        24..100 if load.takes_one() => {
            load.forgotten.fetch_add(1, Relaxed);
            forget(guard);
        }
        _ => {}
    }
}

/// A closure in place of a guard, which panics now and then. One that does was served.
fn with(pool: &Chaotic, load: &Load, dice: &mut Dice) -> Result<(), CheckoutError> {
    let run = || {
        pool.with(|parcel| {
            hold(load, dice, parcel);
            assert!(dice.below(5_000) > 0, "injected: a holder panics");
        })
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Ok(()))
}

/// For no time at all, for up to 50 us at work, or for 200 us asleep.
fn hold(load: &Load, dice: &mut Dice, parcel: &mut Parcel) {
    if !parcel.take_up() {
        load.shared.fetch_add(1, Relaxed);
    }
    match dice.below(100) {
        0..70 => {}
        70..95 => {
            let (began, busy) = (Instant::now(), Duration::from_micros(dice.below(50)));
            while began.elapsed() < busy {
                spin_loop();
            }
        }
        _ => thread::sleep(Duration::from_micros(200)),
    }
    parcel.put_down();
}
