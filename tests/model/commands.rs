//! A pool and a reference of it, driven by the same commands.
//!
//! One thread, virtual time, no threads of the pool's: each command has one right answer. The reference knows resources
//! by number and says what is free, out, in a check, destroyed and why; after each command both must agree, and the
//! pool's books must balance. Used by `tests/model.rs` and by the fuzz target of the same name.

use slackwater::{
    Checkout, CheckoutError, Creation, DestroyReason, Fairness, Keeper, Manager, OwnedCheckout, Pool, Strategy,
    VirtualClock,
};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MAX_SIZE: usize = 2;
const SLOTS: usize = 4;
/// Times are multiples of this, so that the 10 ms of the coarse clock never decide.
const STEP: Duration = Duration::from_millis(300);
const TTL: Duration = Duration::from_secs(1);

/// Runs the commands in `bytes`: the first chooses the settings, each further pair is a command and its argument.
///
/// # Panics
/// When pool and reference disagree.
pub fn run(bytes: &[u8]) {
    let Some((&settings, commands)) = bytes.split_first() else { return };
    let (world, clock) = (Arc::new(World::default()), VirtualClock::new());
    let pool = Pool::builder(Maker(Arc::clone(&world)))
        .max_size(MAX_SIZE)
        .min_idle(0)
        .max_overflow(SLOTS - MAX_SIZE)
        .overflow_ttl(TTL)
        .creation(Creation::Inline)
        .strategy([Strategy::Affine, Strategy::Lifo, Strategy::Fifo][usize::from(settings % 3)])
        .fairness([Fairness::default(), Fairness::Fifo, Fairness::Barging][usize::from(settings / 3 % 3)])
        .keeper(Keeper::Manual)
        .clock(&clock)
        .build()
        .expect("these settings are in range");
    let mut model = Model { world: &world, pool: &pool, clock: &clock, held: Vec::new(), said: Said::default() };
    for pair in commands.chunks_exact(2) {
        model.command(pair[0], usize::from(pair[1]));
        model.agrees();
    }
    model.end();
    let forgotten = model.said.forgotten.clone();
    drop(model);
    drop(pool);
    let ended = world.ended.lock().unwrap().clone();
    assert!(forgotten.iter().all(|number| ended.get(number) == Some(&1)), "the pool's end ends what was forgotten");
    assert!(ended.values().all(|times| *times == 1), "each resource ends once: {ended:?}");
    assert_eq!(world.alive.load(SeqCst), 0, "what was made is destroyed or was taken out");
}

/// What the manager knows.
#[derive(Default)]
struct World {
    made: AtomicUsize,
    alive: AtomicUsize,
    fails: AtomicBool,
    /// How often `destroy` saw each.
    ended: Mutex<BTreeMap<usize, usize>>,
}

struct Maker(Arc<World>);

/// Owns heap memory, so that a use after its end shows under a sanitizer.
struct Thing {
    number: Box<usize>,
    world: Arc<World>,
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.world.alive.fetch_sub(1, SeqCst);
    }
}

impl Manager for Maker {
    type Resource = Thing;
    type Error = String;

    fn create(&self) -> Result<Thing, String> {
        if self.0.fails.swap(false, SeqCst) {
            return Err("told to fail".to_owned());
        }
        self.0.alive.fetch_add(1, SeqCst);
        let number = self.0.made.fetch_add(1, SeqCst) + 1;
        Ok(Thing { number: Box::new(number), world: Arc::clone(&self.0) })
    }

    fn destroy(&self, thing: Thing) {
        *self.0.ended.lock().unwrap().entry(*thing.number).or_default() += 1;
    }
}

enum Guard<'p> {
    Borrowing(Checkout<'p, Maker>),
    Owning(OwnedCheckout<Maker>),
}

macro_rules! guard {
    ($guard:expr, $name:ident => $does:expr) => {
        match $guard {
            Guard::Borrowing($name) => $does,
            Guard::Owning($name) => $does,
        }
    };
}

/// What the reference holds to be so.
#[derive(Default)]
struct Said {
    now: Duration,
    /// Free resources, by number, and since when.
    free: Vec<(usize, Duration)>,
    /// Numbers in the crew's queue for a check.
    checking: Vec<usize>,
    forgotten: Vec<usize>,
    created: u64,
    failed: u64,
    detached: u64,
    destroyed: BTreeMap<usize, DestroyReason>,
    /// When a resource beyond `max_size` was made last.
    surplus_since: Duration,
    closed: bool,
    /// Whether a slot was claimed past the list of free ones, whose order is only approximate from then on.
    list_passed: bool,
}

struct Model<'p> {
    world: &'p World,
    pool: &'p Pool<Maker>,
    clock: &'p VirtualClock,
    held: Vec<(Guard<'p>, usize, bool)>,
    said: Said,
}

impl<'p> Model<'p> {
    fn command(&mut self, command: u8, argument: usize) {
        match command % 13 {
            0 | 1 => self.check_out(|pool| pool.checkout_timeout(Duration::ZERO).map(Guard::Borrowing), true),
            2 => self.check_out(|pool| pool.try_checkout().map(Guard::Borrowing), false),
            3 => {
                let now = |pool: &'p Pool<Maker>| pool.request().timeout(Duration::ZERO).checkout_owned();
                self.check_out(|pool| now(pool).map(Guard::Owning), true);
            }
            4 | 5 => self.with_held(argument, |model, guard, number, suspect| {
                drop(guard);
                model.came_back(number, suspect);
            }),
            6 => self.with_held(argument, |model, guard, number, _| {
                guard!(guard, guard => guard.discard("told to"));
                model.said.destroyed.insert(number, DestroyReason::Discarded);
            }),
            7 => self.with_held(argument, |model, guard, number, _| {
                assert_eq!(*guard!(guard, guard => guard.detach()).number, number);
                model.said.detached += 1;
            }),
            8 => self.with_held(argument, |model, guard, number, _| {
                let unwound = catch_unwind(AssertUnwindSafe(move || {
                    let _guard = guard;
                    // As a panic, without the hook's message.
                    resume_unwind(Box::new(()));
                }));
                assert!(unwound.is_err());
                model.said.destroyed.insert(number, DestroyReason::HolderPanicked);
            }),
            9 if argument.is_multiple_of(8) && self.said.forgotten.len() < 2 => {
                self.with_held(argument, |model, guard, number, suspect| {
                    // An owned guard would keep the pool alive with it.
                    match guard {
                        Guard::Borrowing(guard) => {
                            std::mem::forget(guard);
                            model.said.forgotten.push(number);
                        }
                        Guard::Owning(guard) => {
                            drop(guard);
                            model.came_back(number, suspect);
                        }
                    }
                })
            }
            9 => {
                if let Some(at) = argument.checked_rem(self.held.len()) {
                    let (guard, _, suspect) = &mut self.held[at];
                    guard!(guard, guard => guard.mark_suspect());
                    *suspect = true;
                }
            }
            10 => self.tick(),
            11 if argument.is_multiple_of(4) => self.world.fails.store(true, SeqCst),
            11 => {
                let time = STEP * (argument % 8) as u32;
                self.clock.advance(time);
                self.said.now += time;
            }
            12 if argument.is_multiple_of(16) => self.close(),
            _ => {}
        }
    }

    fn check_out(&mut self, ask: impl FnOnce(&'p Pool<Maker>) -> Result<Guard<'p>, CheckoutError>, waits: bool) {
        let answer = ask(self.pool);
        let said = &mut self.said;
        if said.closed {
            return assert!(matches!(answer, Err(CheckoutError::Closed(_))));
        }
        if !said.free.is_empty() {
            let guard = answer.unwrap_or_else(|error| panic!("{} are free: {error}", said.free.len()));
            let number = *guard!(&guard, guard => &*guard.number);
            let at = said.free.iter().position(|free| free.0 == number).expect("it was free");
            match self.pool.config().strategy {
                Strategy::Lifo if !said.list_passed => assert_eq!(at, said.free.len() - 1),
                Strategy::Fifo if !said.list_passed => assert_eq!(at, 0),
                _ => {}
            }
            said.free.remove(at);
            return self.held.push((guard, number, false));
        }
        let out = self.held.len() + said.forgotten.len() + said.checking.len();
        if out == SLOTS {
            return assert!(match answer {
                Err(CheckoutError::Timeout(timeout)) => waits && timeout.in_use == out - said.checking.len(),
                Err(CheckoutError::Exhausted(none)) => !waits && none.in_use as usize == out - said.checking.len(),
                _ => false,
            });
        }
        match answer {
            Ok(guard) => {
                said.created += 1;
                let number = *guard!(&guard, guard => &*guard.number);
                assert_eq!(number as u64, said.created, "nothing was free, so it is a new one");
                if out + 1 > MAX_SIZE {
                    said.surplus_since = said.now;
                }
                self.held.push((guard, number, false));
            }
            Err(CheckoutError::Create(error)) => {
                assert_eq!((error.error.to_string().as_str(), error.attempts), ("told to fail", 1));
                said.failed += 1;
            }
            Err(error) => panic!("there is room: {error}"),
        }
    }

    fn with_held(&mut self, argument: usize, act: impl FnOnce(&mut Self, Guard<'p>, usize, bool)) {
        if let Some(at) = argument.checked_rem(self.held.len()) {
            let (guard, number, suspect) = self.held.swap_remove(at);
            act(self, guard, number, suspect);
        }
    }

    fn came_back(&mut self, number: usize, suspect: bool) {
        let said = &mut self.said;
        if said.closed {
            said.destroyed.insert(number, DestroyReason::Closed);
        } else if suspect {
            said.checking.push(number);
        } else {
            said.free.push((number, said.now));
        }
    }

    /// Ends surplus resources that have idled for long, the longest first, and then runs the checks.
    fn tick(&mut self) {
        self.pool.tick();
        let said = &mut self.said;
        let mut surplus =
            (said.free.len() + said.checking.len() + said.forgotten.len() + self.held.len()).saturating_sub(MAX_SIZE);
        let ended = self.world.ended.lock().unwrap();
        while surplus > 0 {
            let idle = |since: Duration| said.now - since.max(said.surplus_since);
            let longest = said.free.iter().map(|free| idle(free.1)).max();
            if longest.is_none_or(|longest| longest < TTL) {
                break;
            }
            // Which one of several that have idled equally long is open.
            let gone = said.free.iter().position(|free| Some(idle(free.1)) == longest && ended.contains_key(&free.0));
            let (number, _) = said.free.remove(gone.expect("a surplus resource has idled for too long"));
            said.destroyed.insert(number, DestroyReason::Overflow);
            (surplus, said.list_passed) = (surplus - 1, true);
        }
        let checked = said.checking.drain(..).map(|number| (number, said.now));
        said.free.extend(checked);
    }

    fn close(&mut self) {
        let report = self.pool.close(Duration::ZERO);
        let said = &mut self.said;
        let ending: Vec<_> = said.free.drain(..).map(|free| free.0).chain(said.checking.drain(..)).collect();
        assert_eq!(report.destroyed, ending.len() as u64);
        assert_eq!(report.still_out.len(), self.held.len() + said.forgotten.len());
        assert_eq!(report.is_complete(), report.still_out.is_empty());
        said.destroyed.extend(ending.into_iter().map(|number| (number, DestroyReason::Closed)));
        said.closed = true;
    }

    fn agrees(&self) {
        let (audit, stats, said) = (self.pool.audit(), self.pool.stats(), &self.said);
        assert!(audit.is_settled() && audit.is_clean(), "{audit}");
        assert_eq!(stats.in_use, self.held.len() + said.forgotten.len());
        assert_eq!((stats.available, stats.checking), (said.free.len(), said.checking.len()));
        assert_eq!((stats.creating, stats.retiring, stats.degraded, stats.waiting), (0, 0, 0, 0));
        assert_eq!((stats.created, stats.create_failures, stats.detached), (said.created, said.failed, said.detached));
        for reason in DestroyReason::ALL {
            let count = said.destroyed.values().filter(|why| **why == reason).count() as u64;
            assert_eq!(stats.destroyed.by(reason), count, "{reason}");
        }
        let ended = self.world.ended.lock().unwrap();
        assert!(ended.keys().eq(said.destroyed.keys()), "{ended:?} ended, of {:?}", said.destroyed);
        assert_eq!(self.pool.holders().len(), stats.in_use);
        assert_eq!(self.world.alive.load(SeqCst), stats.total);
        assert!(self.held.iter().all(|(guard, number, _)| guard!(guard, guard => *guard.number) == *number));
    }

    fn end(&mut self) {
        while !self.held.is_empty() {
            self.command(4, 0);
            self.agrees();
        }
        self.close();
        self.agrees();
    }
}
