//! Nothing on the way of a checkout or a return touches the heap: neither while a resource is free, nor in waiting once a
//! thread has waited before.
//!
//! The allocator of this program counts for each thread what that thread asks of it, so tests may run side by side.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use slackwater::{Fairness, Manager, Pool};

thread_local! {
    /// How often this thread has asked for memory. Needs neither a start nor an end, so the allocator may use it at any time.
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    ASKED.with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps to the contract; counting neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller vouches for `layout` as `System` wants it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller vouches for `layout` as `System` wants it.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the block came from `System` through `alloc`, with this layout; the caller vouches for the rest.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `System` through `alloc`, with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How often this thread asks for memory while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

type Numbers = fn() -> Result<u64, Infallible>;

fn numbers(size: usize, fairness: Fairness) -> Pool<Numbers> {
    let manager: Numbers = || Ok(0);
    Pool::builder(manager).max_size(size).fairness(fairness).build().expect("nothing can fail in making a number")
}

/// Runs `once` to warm what a thread sets up for its first checkout, then a thousand times without one allocation.
fn none_in_a_thousand(mut once: impl FnMut()) {
    once();
    assert_eq!(allocations(|| (0..1_000).for_each(|_| once())), 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1_u64)))), 1);
}

#[test]
fn checkout_and_return_allocate_nothing() {
    let pool = numbers(4, Fairness::default());
    none_in_a_thousand(|| drop(black_box(pool.checkout().expect("one is free"))));
}

#[test]
fn holding_several_allocates_nothing() {
    let pool = numbers(4, Fairness::default());
    none_in_a_thousand(|| {
        let held = [(); 4].map(|()| pool.checkout().expect("one is free"));
        drop(black_box(held));
    });
}

#[test]
fn try_checkout_allocates_nothing_with_or_without_success() {
    let pool = numbers(1, Fairness::default());
    none_in_a_thousand(|| {
        let held = pool.try_checkout().expect("one is free");
        assert!(black_box(pool.try_checkout()).is_err());
        drop(held);
    });
}

#[test]
fn with_allocates_nothing() {
    let pool = numbers(4, Fairness::default());
    none_in_a_thousand(|| pool.with(|number| *number += 1).expect("one is free"));
}

#[test]
fn checkout_owned_allocates_nothing() {
    let pool = numbers(4, Fairness::default());
    none_in_a_thousand(|| drop(black_box(pool.checkout_owned().expect("one is free"))));
}

/// The queue takes memory for some sixty jobs at a time.
#[cfg(feature = "workers")]
#[test]
fn a_small_job_lies_in_the_queue_and_a_large_one_elsewhere() {
    let manager: Numbers = || Ok(0);
    let workers =
        slackwater::Workers::builder(manager).queue(2_000).build().expect("nothing can fail in making a number");
    let done = std::sync::Arc::new(AtomicUsize::new(0));
    let (small, large) = ([1_usize; 2], [1_usize; 8]);
    let spawned = |spawn: &dyn Fn()| allocations(|| (0..1_000).for_each(|_| spawn()));
    let few = spawned(&|| {
        let done = std::sync::Arc::clone(&done);
        let job = move |_: &mut u64| _ = done.fetch_add(black_box(small)[0], Ordering::Relaxed);
        workers.spawn(job).expect("there is room");
    });
    assert!(few <= 40, "{few}");
    let many = spawned(&|| {
        let done = std::sync::Arc::clone(&done);
        let job = move |_: &mut u64| _ = done.fetch_add(black_box(large)[0], Ordering::Relaxed);
        workers.spawn(job).expect("there is room");
    });
    assert!((1_000..=1_040).contains(&many), "{many}");
    assert!(workers.close(Duration::from_secs(10)).is_complete());
    assert_eq!(done.load(Ordering::Relaxed), 2_000);
}

#[test]
fn waiting_allocates_nothing_after_a_threads_first_wait() {
    waiting_allocates_nothing(Fairness::default());
}

#[test]
fn waiting_allocates_nothing_with_strict_hand_over() {
    waiting_allocates_nothing(Fairness::Fifo);
}

#[test]
fn waiting_allocates_nothing_when_barging() {
    waiting_allocates_nothing(Fairness::Barging);
}

/// Two threads hand one resource back and forth. Whoever has it gives it back only once the other waits for it, and comes
/// back for it only once the other has it: every checkout but the very first waits.
fn waiting_allocates_nothing(fairness: Fairness) {
    const ROUNDS: usize = 200;
    let pool = numbers(1, fairness);
    let handed = AtomicUsize::new(0);
    let take_part = |me: usize| {
        let mut asked = 0;
        for round in 0..ROUNDS {
            let turn = 2 * round + me;
            until(|| handed.load(Ordering::Acquire) >= turn);
            let mut taken = None;
            let taking = allocations(|| taken = Some(pool.checkout().expect("the other gives it back")));
            handed.store(turn + 1, Ordering::Release);
            if turn + 1 < 2 * ROUNDS {
                until(|| is_waited_for(&pool));
            }
            let giving = allocations(|| drop(black_box(taken)));
            // The first checkout of all finds the resource free, so thread 0 waits for the first time one round later.
            if round > 1 - me {
                asked += taking + giving;
            }
        }
        asked
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| take_part(1));
        assert_eq!(take_part(0), 0);
        assert_eq!(other.join().expect("the other thread ran to its end"), 0);
    });
}

fn is_waited_for<M: Manager>(pool: &Pool<M>) -> bool {
    pool.stats().waiting == 1
}

/// Looks again and again until it is so; panics after ten seconds, so that a lost wake-up ends the test.
fn until(so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(10), "nothing has happened for ten seconds");
        thread::yield_now();
    }
}
