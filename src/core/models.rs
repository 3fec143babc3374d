//! The protocols of the shelf under the model checker (those of the breaker are in `src/resilience/models.rs`): every interleaving within the bound, every value a relaxed load
//! may see.
//!
//! ```text
//! RUSTFLAGS="--cfg slackwater_loom -Cdebug-assertions" LOOM_MAX_PREEMPTIONS=2 LOOM_MAX_BRANCHES=10000 \
//!     cargo test --release --lib models -- --nocapture
//! ```
//! Most waits here have no timeout, so a lost wake-up shows as the checker's "deadlock". A resource is a box in a cell
//! that the checker watches: two threads that hold the same one are a reported race. Each model says which bad run it
//! rules out; `.ci/mutations` shows for each step and fence of the protocols that some model fails without it.

mod bound;
mod capacity;
mod claims;
mod closing;
mod fences;
mod giving_up;
mod lists;
pub(crate) mod mutation;
mod queue;
mod sequenced;
mod tickets;

use super::hint::EVERY;
use super::*;
use crate::config::CoDel;
use crate::resilience::shedding::Overload;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A waiter that began at 0 has waited for this long, whenever somebody asks.
const NOW: u64 = 10;
const DUE: HandOver = HandOver::After(NOW);
const NOT_DUE: HandOver = HandOver::After(NOW + 1);

pub(super) type Model = Shelf<Box<u64>>;

#[derive(Clone)]
struct Setting {
    slots: u32,
    hand_over: HandOver,
    light: bool,
    list: List,
    /// Places that are SHUT.
    extra: u32,
    /// Whoever asks is shed, unless it is first.
    overloaded: bool,
    max_waiters: u32,
}

/// What the strategy keeps of free slots.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    Nothing,
    Stack,
    Queue,
}

impl Setting {
    fn of(slots: u32, hand_over: HandOver) -> Setting {
        Setting {
            slots,
            hand_over,
            light: true,
            list: List::Nothing,
            extra: 0,
            overloaded: false,
            max_waiters: u32::MAX,
        }
    }

    /// Every slot holds a resource and is READY.
    fn shelf(&self) -> Arc<Model> {
        let slots = (self.slots + self.extra) as usize;
        let shelf = Shelf::new(ShelfConfig {
            slots: self.slots + self.extra,
            open: self.slots,
            available: match self.list {
                List::Nothing => Available::Affine,
                List::Stack => Available::Lifo(Listed::new(slots, IndexStack::new(slots))),
                List::Queue => Available::Fifo(Listed::new(slots, IndexQueue::new(slots))),
            },
            fairness: self.hand_over,
            max_waiters: self.max_waiters,
            attention: if self.list == List::Nothing { 0 } else { attention::LISTED },
            asymmetric: self.light,
            overload: Overload::of(self.overloaded.then_some(AT_ONCE), false),
        });
        while let Some(mut right) = shelf.reserve() {
            right.put(Box::new(0), 0);
            shelf.give_back(right, now);
        }
        Arc::new(shelf)
    }
}

/// An overload that begins at once, and never ends.
const AT_ONCE: CoDel = CoDel { target: Duration::ZERO, interval: Duration::ZERO };

const HOLDER: Taker = Taker { thread: 1, site: std::panic::Location::caller() };

fn now() -> u64 {
    NOW
}

/// Explores every interleaving of `run`: for two threads and few steps.
pub(crate) fn explore_all(name: &str, run: impl Fn() + Sync + Send + 'static) {
    explore_within(None, name, run);
}

/// Explores `run` up to the bound in `LOOM_MAX_PREEMPTIONS`.
pub(crate) fn explore(name: &str, run: impl Fn() + Sync + Send + 'static) {
    explore_within(loom::model::Builder::new().preemption_bound.or(Some(2)), name, run);
}

fn explore_within(bound: Option<usize>, name: &str, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bound;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let began = std::time::Instant::now();
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        run();
    });
    // A capped exploration ends green; its count shows it.
    println!("{name}: {} executions, preemptions {bound:?}, {:.1?}", count.load(Relaxed), began.elapsed());
}

fn spawn(shelf: &Arc<Model>, body: impl FnOnce(&Model) + 'static) -> loom::thread::JoinHandle<()> {
    let shelf = Arc::clone(shelf);
    loom::thread::spawn(move || body(&shelf))
}

fn join(threads: impl IntoIterator<Item = loom::thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// How a checkout of the model went.
enum Got<'s> {
    Right(Right<'s, Box<u64>>),
    TimedOut,
    Refused,
}

/// As the pool checks out: past an empty queue, else through it.
fn check_out(shelf: &Model, patience: impl FnMut(u64) -> Patience) -> Got<'_> {
    if shelf.waiting() == 0
        && let Some(right) = shelf.take_anywhere(0)
    {
        return Got::Right(right);
    }
    wait(shelf, patience)
}

fn wait(shelf: &Model, patience: impl FnMut(u64) -> Patience) -> Got<'_> {
    wait_in(shelf, 1, patience)
}

fn wait_in(shelf: &Model, lane: usize, patience: impl FnMut(u64) -> Patience) -> Got<'_> {
    let request = Request { lane, since: 0, holder: HOLDER, allowed: None, comes_back: false };
    let look = |free_slots: bool| if free_slots { shelf.take_anywhere(0) } else { None };
    match shelf.wait(&request, look, patience, |right| give_back(shelf, right), now) {
        Outcome::Granted(right) | Outcome::Found(right) => Got::Right(right),
        Outcome::TimedOut { .. } => Got::TimedOut,
        Outcome::Refused(_) | Outcome::Full { .. } | Outcome::Shed { .. } | Outcome::Unservable { .. } => Got::Refused,
    }
}

fn forever(_: u64) -> Patience {
    Patience::Forever
}

/// Parks once, then gives up.
fn one_park() -> impl FnMut(u64) -> Patience {
    let mut parks = 0;
    move |_| {
        parks += 1;
        if parks == 1 { Patience::For(Duration::ZERO) } else { Patience::Over }
    }
}

/// As the pool gives back: past everything if nobody calls for attention, and not at all once it is closed.
fn give_back<'s>(shelf: &'s Model, right: Right<'s, Box<u64>>) {
    if shelf.attention() & attention::CLOSED != 0 {
        let mut right = right.change(Phase::Retiring);
        drop(right.take());
        shelf.vacate(right, now);
        return;
    }
    let slot = right.slot();
    let seen = if shelf.attention() != 0 {
        shelf.give_back(right, now)
    } else {
        let seen = shelf.open(right);
        shelf.opened(Some(slot), seen, now)
    };
    if seen & attention::CLOSED != 0 {
        step!("end_opened", end_opened(shelf, slot));
    }
}

fn use_it<'s>(shelf: &'s Model, mut right: Right<'s, Box<u64>>) {
    **right.resource_mut() += 1;
    give_back(shelf, right);
}

/// Waits for as long as it takes, uses, gives back.
fn use_one(shelf: &Model) {
    match check_out(shelf, forever) {
        Got::Right(right) => use_it(shelf, right),
        Got::TimedOut | Got::Refused => panic!("nobody ends this wait"),
    }
}

/// Ends the open slots of a closed shelf, as the pool does.
fn sweep(shelf: &Model) {
    while let Some(mut right) = shelf.claim_any(Phase::Ready, Phase::Retiring) {
        drop(right.take());
        shelf.vacate(right, now);
    }
}

/// Ends what the caller has opened in a closed shelf, as the pool does: that and no more.
fn end_opened(shelf: &Model, slot: &Slot<Box<u64>>) {
    let seen = slot.look();
    // Nothing goes from one free phase to another here.
    if seen.phase() == Phase::Ready
        && let Some(mut right) = slot.claim(seen, Phase::Retiring)
    {
        drop(right.take());
        shelf.vacate(right, now);
    }
}

/// Takes a resource out for longer than a borrow lasts.
fn take_out(shelf: &Model) -> (u32, Word) {
    let (slot, word) = shelf.take_anywhere(0).expect("something is free").pass_on();
    (shelf.index_of(slot).expect("ours"), word)
}

fn take_up(shelf: &Model, (index, word): (u32, Word)) -> Right<'_, Box<u64>> {
    let slot = shelf.slot(index as usize).expect("ours");
    // SAFETY: `word` comes from `take_out`, which each model calls before it starts the thread that takes up.
    unsafe { slot.take_up(word) }
}

fn at_rest(shelf: &Model) -> u64 {
    at_rest_with(shelf, 0)
}

/// What must hold once all threads are done: everything but `shut` places is free, nobody waits, no wake is on its way, and the flags fit
/// each other. Returns how often resources were used.
fn at_rest_with(shelf: &Model, shut: usize) -> u64 {
    let in_phase = |phase| shelf.slots().filter(|(_, slot)| slot.look().phase() == phase).count();
    assert_eq!(in_phase(Phase::Ready) + shut, shelf.len() as usize, "a slot was left behind");
    assert_eq!(in_phase(Phase::Shut), shut);
    assert_eq!(shelf.waiting(), 0);
    assert_eq!(shelf.queue_len(), 0);
    assert!(!shelf.is_waking(), "nobody is woken, and returns believe that somebody is");
    let (contended, fenced) = (shelf.attention() & attention::CONTENDED, shelf.attention() & attention::FENCED);
    assert_eq!(contended == 0, fenced == 0, "waiters rely on returns that do not look");
    let mut uses = 0;
    while let Some(mut right) = shelf.claim_any(Phase::Ready, Phase::Retiring) {
        uses += *right.take().expect("a READY slot holds a resource");
        shelf.vacate(right, now);
    }
    uses
}
