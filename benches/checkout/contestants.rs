//! Who is measured, each as its own documentation recommends for speed.
//!
//! All pools live until the program ends (they are leaked), so that their guards need no lifetime of their own and one
//! loop serves them all.

use std::convert::Infallible;
use std::hint::black_box;
use std::ops::DerefMut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use lockfree_object_pool::LinearObjectPool;
use slackwater::{Builder, Manager, OnLeak, Pool, Scaling};

use crate::guards::{Claimed, Queued, Trivial};

/// How many resources every pool holds, but for the one that shows what many cost.
const RESOURCES: usize = 16;
const SEC: Duration = Duration::from_secs(1);
/// How many resources the big pool holds.
const MANY: usize = 4_096;

/// The names the figures are looked up by at the end.
pub const FLOOR: &str = "floor: one private CAS and one store";
pub const OURS: &str = "slackwater";
/// With a key of each thread's own: `Pool::checkout_for`.
pub const OURS_FOR: &str = "slackwater, checkout_for";
pub const OURS_MANY: &str = "slackwater, 4,096 slots";
pub const R2D2: &str = "r2d2";
/// The same program as `r2d2`, with its `use` changed: `--features r2d2`.
pub const FACADE: &str = "r2d2's names on slackwater";
/// With checks, expiry, leak detection, scaling and a subscriber: whatever the keeper can do without being told of each use.
pub const OURS_KEPT: &str = "slackwater, all the keeper's rules on";

/// One thing that is checked out and returned, over and over.
pub struct Contestant {
    /// What it is called in the table and by filters.
    pub name: &'static str,
    /// Whether slackwater has to be ahead of it.
    pub peer: bool,
    lap: Box<dyn Fn(usize, u64) + Send + Sync>,
}

impl Contestant {
    /// The same body for all: take one, touch the resource, give it back.
    fn new<G>(name: &'static str, peer: bool, take: impl Fn() -> G + Send + Sync + 'static) -> Self
    where
        G: DerefMut<Target = u64>,
    {
        let lap = move |_thread, times| {
            for _ in 0..times {
                let mut guard = black_box(take());
                *guard += 1;
                drop(guard);
            }
        };
        Self { name, peer, lap: Box::new(lap) }
    }

    /// Checks out and returns so many times, as the given thread of the lap.
    pub fn run(&self, thread: usize, times: u64) {
        (self.lap)(thread, times);
    }
}

/// All contestants, in the order of the table.
pub fn contestants() -> Vec<Contestant> {
    let queue = leaked(ArrayQueue::new(RESOURCES));
    (0..RESOURCES as u64).for_each(|value| queue.push(value).expect("it holds that many"));
    let opool = leaked(opool::Pool::new_prefilled(RESOURCES, Trivial));
    let object_pool = leaked(object_pool::Pool::new(RESOURCES, || 0_u64));
    let linear = leaked(LinearObjectPool::new(|| 0_u64, |_| {}));
    let deadpool = leaked(deadpool::unmanaged::Pool::from(vec![0_u64; RESOURCES]));
    let r2d2 = r2d2::Pool::builder()
        .max_size(RESOURCES as u32)
        .test_on_check_out(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .build(Trivial);
    let r2d2 = leaked(r2d2.expect("nothing can fail in making a number"));
    #[cfg(feature = "r2d2")]
    let facade = leaked(facade());
    let (ours, many) = (slackwater(RESOURCES), slackwater(MANY));
    let (kept, worn, weighed, recorded) = (kept(), with(|b| b.max_uses(u64::MAX - 1)), weighed(), recorded());
    vec![
        floor(),
        guarded_floor(),
        Contestant::new(OURS, false, || ours.checkout().expect("there are more resources than threads")),
        Contestant::new(OURS_MANY, false, || many.checkout().expect("there are more resources than threads")),
        Contestant::new(OURS_KEPT, false, || kept.checkout().expect("there are more resources than threads")),
        with_keys(ours),
        two_in_turn(ours, kept),
        Contestant::new("slackwater, max_uses", false, || worn.checkout().expect("more resources than threads")),
        Contestant::new("slackwater, memory_budget", false, || {
            weighed.checkout().expect("more resources than threads")
        }),
        Contestant::new("slackwater, record_uses", false, || recorded.checkout().expect("more resources than threads")),
        Contestant::new("opool", true, || opool.get()),
        Contestant::new("crossbeam ArrayQueue", true, || Queued::pop(queue)),
        Contestant::new("lockfree-object-pool (linear)", true, || linear.pull()),
        Contestant::new("object-pool", true, || object_pool.try_pull().expect("more resources than threads")),
        Contestant::new("deadpool (unmanaged)", true, || deadpool.try_get().expect("more resources than threads")),
        #[cfg(feature = "r2d2")]
        Contestant::new(FACADE, false, || facade.get().expect("more resources than threads")),
        Contestant::new(R2D2, true, || r2d2.get().expect("more resources than threads")),
    ]
}

/// What any design pays that claims a resource with a read-modify-write: one compare-exchange and one store, on a line
/// that no other thread looks at. It has no guard and no resource to touch: the bar is not lowered by what the loop costs.
fn floor() -> Contestant {
    let words: [CachePadded<AtomicU64>; 2] = Default::default();
    let lap = move |thread: usize, times| {
        let word = &*words[thread];
        for _ in 0..times {
            let claimed = black_box(word).compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed);
            assert!(claimed.is_ok(), "the word is this thread's alone");
            black_box(word).store(0, Ordering::Release);
        }
    };
    Contestant { name: FLOOR, peer: false, lap: Box::new(lap) }
}

/// The same floor in the loop all others run in: a guard, and a number beside the word to touch. What lies between the two
/// floors is what the loop itself costs. It is only shown; nothing is judged by it.
fn guarded_floor() -> Contestant {
    let words: [CachePadded<AtomicU64>; 2] = Default::default();
    let lap = move |thread: usize, times| {
        let mut value = CachePadded::new(0);
        for _ in 0..times {
            let mut guard = black_box(Claimed::claim(black_box(&words[thread]), &mut value));
            *guard += 1;
            drop(guard);
        }
    };
    Contestant { name: "floor behind a guard, number touched", peer: false, lap: Box::new(lap) }
}

/// A session for each thread, whose resource is always free when it comes.
fn with_keys<M: Manager<Resource = u64>>(pool: &'static Pool<M>) -> Contestant {
    let lap = move |thread: usize, times| {
        for _ in 0..times {
            let mut guard = black_box(pool.checkout_for(black_box(&thread)).expect("more resources than threads"));
            *guard += 1;
            drop(guard);
        }
    };
    Contestant { name: OURS_FOR, peer: false, lap: Box::new(lap) }
}

/// A thread that is never at the same pool twice in a row.
fn two_in_turn<A, B>(one: &'static Pool<A>, other: &'static Pool<B>) -> Contestant
where
    A: Manager<Resource = u64>,
    B: Manager<Resource = u64>,
{
    let lap = move |_thread, times: u64| {
        for _ in 0..times.div_ceil(2) {
            let mut guard = black_box(one.checkout().expect("there are more resources than threads"));
            *guard += 1;
            drop(guard);
            let mut guard = black_box(other.checkout().expect("there are more resources than threads"));
            *guard += 1;
            drop(guard);
        }
    };
    Contestant { name: "slackwater, two pools in turn", peer: false, lap: Box::new(lap) }
}

/// Set as r2d2 is.
#[cfg(feature = "r2d2")]
fn facade() -> slackwater::r2d2::compat::Pool<Trivial> {
    let builder = slackwater::r2d2::compat::Pool::builder().max_size(RESOURCES as u32).test_on_check_out(false);
    let pool = builder.max_lifetime(None).idle_timeout(None).build(Trivial);
    pool.expect("nothing can fail in making a number")
}

/// A manager that does not need to do anything, but is one: unlike a closure's, its resources are checked.
struct Numbers;

impl Manager for Numbers {
    type Resource = u64;
    type Error = Infallible;

    fn create(&self) -> Result<u64, Infallible> {
        Ok(0)
    }
}

/// A pool as it comes, hold tracking on.
fn slackwater(resources: usize) -> &'static Pool<impl Manager<Resource = u64>> {
    let pool = Pool::builder(|| Ok::<u64, Infallible>(0)).max_size(resources).build();
    leaked(pool.expect("nothing can fail in making a number"))
}

fn with(set: impl FnOnce(Builder<Numbers>) -> Builder<Numbers>) -> &'static Pool<Numbers> {
    leaked(set(Pool::builder(Numbers).max_size(RESOURCES)).build().expect("nothing can fail in making a number"))
}

fn kept() -> &'static Pool<Numbers> {
    with(|mut b| {
        let events = b.subscribe(1_024);
        thread::spawn(move || events.iter().for_each(drop));
        b.min_idle(2)
            .ceiling(2 * RESOURCES)
            .check_interval(SEC)
            .check_if_idle_for(60 * SEC)
            .max_lifetime(600 * SEC)
            .idle_timeout(60 * SEC)
            .max_hold(10 * SEC)
            .on_leak(OnLeak::Replace { at_most: 2 })
            .scaling(Scaling::between(2, RESOURCES))
    })
}

fn weighed() -> &'static Pool<Numbers> {
    with(|b| b.memory_budget(u64::MAX / 2).max_growth(2.0))
}

fn recorded() -> &'static Pool<Numbers> {
    with(|b| b.record_uses(true))
}

fn leaked<T>(pool: T) -> &'static T {
    Box::leak(Box::new(pool))
}
