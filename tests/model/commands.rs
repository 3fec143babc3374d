//! A pool and a judge of it, driven by the same commands.
//!
//! One thread, virtual time, no threads of the pool's: each command has one right answer. Under most settings the judge is
//! a reference that knows it: what is free, out, in a check, destroyed and why. Where the keeper has plans of its own
//! (successors, regular checks, what is held for too long) the judge only keeps the books. After each command the pool's
//! own books must balance too. Used by `tests/model.rs` and by the fuzz target of the same name.

mod books;
mod reference;
mod world;

use books::Books;
use reference::Reference;
use slackwater::{
    Backoff, Checkout, CheckoutError, CloseReport, ConfigError, Creation, Epoch, Fairness, Gc, Keeper, OnLeak,
    OwnedCheckout, Pool, Stats, Strategy, VirtualClock,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use world::{Maker, World};

/// Times are multiples of this, so that the 10 ms of the coarse clock never decide.
const STEP: Duration = Duration::from_millis(300);
/// The most that `resize` may ask for, overflow included.
const CEILING: usize = 6;
const REPLACED_HOLDS: usize = 1;

/// Runs the commands in `bytes`: the first two choose the settings, each further pair is a command and its argument.
///
/// # Panics
/// When pool and judge disagree.
pub fn run(bytes: &[u8]) {
    let Some((&[settings, rules], commands)) = bytes.split_first_chunk() else { return };
    let (world, clock, rules) = (Arc::new(World::default()), VirtualClock::new(), Rules::of(rules));
    let pool = rules
        .build(settings, Pool::builder(Maker(Arc::clone(&world))).clock(&clock))
        .build()
        .expect("these settings are in range");
    let judge = if rules.is_exact() {
        Judge::Exact(Box::new(Reference::new(rules, &pool)))
    } else {
        Judge::Books(Books::new(rules))
    };
    let (held, forgotten) = (Vec::new(), Vec::new());
    let mut model = Model { world: &world, pool: &pool, clock: &clock, judge, held, forgotten, epoch: pool.epoch() };
    model.agrees();
    for pair in commands.chunks_exact(2) {
        model.command(pair[0], usize::from(pair[1]));
        model.agrees();
    }
    model.end();
    let forgotten = model.forgotten.clone();
    drop(model);
    drop(pool);
    let ended = world.ended.lock().unwrap().clone();
    assert!(forgotten.iter().all(|number| ended.get(number) == Some(&1)), "the pool's end ends what was forgotten");
    assert!(ended.values().all(|times| *times == 1), "each resource ends once: {ended:?}");
    assert_eq!(world.alive.load(SeqCst), 0, "what was made is destroyed or was taken out");
}

/// The settings that the judge has to know.
#[derive(Clone, Copy)]
pub struct Rules {
    bits: u8,
    max_overflow: usize,
    min_idle: usize,
    max_uses: Option<u64>,
    idle_timeout: Option<Duration>,
    degrade_after: u64,
    remove_after: u64,
    max_lifetime: Option<Duration>,
    checks: bool,
    max_hold: Option<Duration>,
}

impl Rules {
    const MAX_SIZE: usize = 2;
    const OVERFLOW_TTL: Duration = Duration::from_secs(1);

    fn of(bits: u8) -> Self {
        let has = |bit: u8| bits & 1 << bit != 0;
        Self {
            bits,
            max_uses: has(0).then_some(3),
            idle_timeout: has(1).then_some(Duration::from_secs(2)),
            min_idle: usize::from(has(2)),
            degrade_after: if has(3) { 2 } else { 1 },
            remove_after: 3,
            max_overflow: if has(4) { 0 } else { 2 },
            max_lifetime: has(5).then_some(Duration::from_secs(5)),
            checks: has(6),
            max_hold: has(7).then_some(Duration::from_secs(2)),
        }
    }

    /// Whether the reference knows every answer.
    fn is_exact(self) -> bool {
        self.bits >> 5 == 0
    }

    fn build(self, settings: u8, mut builder: slackwater::Builder<Maker>) -> slackwater::Builder<Maker> {
        builder = builder
            .max_size(Self::MAX_SIZE)
            .backoff(Backoff::default().without_jitter())
            .breaker(None)
            .min_idle(self.min_idle)
            .max_overflow(self.max_overflow)
            .ceiling(CEILING)
            .creation(Creation::Inline)
            .strategy([Strategy::Affine, Strategy::Lifo, Strategy::Fifo][usize::from(settings % 3)])
            .fairness([Fairness::default(), Fairness::Fifo, Fairness::Barging][usize::from(settings / 3 % 3)])
            .degrade_after(self.degrade_after as u32)
            .remove_after(self.remove_after as u32)
            .check_interval(self.checks.then_some(Duration::from_secs(3)))
            .keeper(Keeper::Manual);
        if self.max_overflow > 0 {
            builder = builder.overflow_ttl(Self::OVERFLOW_TTL);
        }
        if let Some(uses) = self.max_uses {
            builder = builder.max_uses(uses);
        }
        if let Some(timeout) = self.idle_timeout {
            builder = builder.idle_timeout(timeout);
        }
        if self.checks {
            builder = builder.check_if_idle_for(Duration::from_secs(4));
        }
        if let Some(lifetime) = self.max_lifetime {
            builder = builder.max_lifetime(lifetime).lifetime_jitter(0.0);
        }
        if let Some(hold) = self.max_hold {
            builder = builder.max_hold(hold).on_leak(OnLeak::Replace { at_most: REPLACED_HOLDS });
        }
        builder
    }
}

/// What was done to the pool, and what it answered. Resources are known by number.
pub enum Seen {
    CheckedOut {
        number: usize,
    },
    Refused {
        error: CheckoutError,
        waits: bool,
    },
    Suspected(usize),
    FailedInUse(usize),
    /// Fell ill, or got well: checks tell, nothing else does.
    Turned {
        number: usize,
        sick: bool,
    },
    Returned(usize),
    Discarded(usize),
    Detached(usize),
    Panicked(usize),
    Forgotten(usize),
    Ticked,
    TimeMoved(Duration),
    Resized {
        min_idle: usize,
        max_size: usize,
        answer: Result<(), ConfigError>,
    },
    Collected(Gc),
    Closed(CloseReport),
}

/// What a judge may look at.
pub struct Sight<'p> {
    world: &'p World,
    pool: &'p Pool<Maker>,
    /// Before the command.
    before: Stats,
}

enum Judge {
    Exact(Box<Reference>),
    Books(Books),
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

struct Model<'p> {
    world: &'p World,
    pool: &'p Pool<Maker>,
    clock: &'p VirtualClock,
    judge: Judge,
    held: Vec<(Guard<'p>, usize)>,
    forgotten: Vec<usize>,
    epoch: Epoch,
}

impl<'p> Model<'p> {
    fn command(&mut self, command: u8, argument: usize) {
        match command % 19 {
            0 | 1 => self.check_out(|pool| pool.checkout_timeout(Duration::ZERO).map(Guard::Borrowing), true),
            2 => self.check_out(|pool| pool.try_checkout().map(Guard::Borrowing), false),
            3 => {
                let now = |pool: &'p Pool<Maker>| pool.request().timeout(Duration::ZERO).checkout_owned();
                self.check_out(|pool| now(pool).map(Guard::Owning), true);
            }
            4 | 5 => self.end_hold(argument, |guard, number| {
                drop(guard);
                Seen::Returned(number)
            }),
            6 => self.end_hold(argument, |guard, number| {
                guard!(guard, guard => guard.discard("told to"));
                Seen::Discarded(number)
            }),
            7 => self.end_hold(argument, |guard, number| {
                assert_eq!(*guard!(guard, guard => guard.detach()).number, number);
                Seen::Detached(number)
            }),
            8 => self.end_hold(argument, |guard, number| {
                let unwound = catch_unwind(AssertUnwindSafe(move || {
                    let _guard = guard;
                    // As a panic, without the hook's message.
                    resume_unwind(Box::new(()));
                }));
                assert!(unwound.is_err());
                Seen::Panicked(number)
            }),
            9 if argument.is_multiple_of(8) && self.forgotten.len() < 2 => {
                self.end_hold(argument, |guard, number| match guard {
                    Guard::Borrowing(guard) => {
                        std::mem::forget(guard);
                        Seen::Forgotten(number)
                    }
                    // An owned guard would keep the pool alive with it.
                    Guard::Owning(guard) => {
                        drop(guard);
                        Seen::Returned(number)
                    }
                });
            }
            9 => self.with_held(argument, |guard, number| {
                guard!(guard, guard => guard.mark_suspect());
                Seen::Suspected(number)
            }),
            10 => self.does(|pool, _| {
                pool.tick();
                Seen::Ticked
            }),
            11 if argument.is_multiple_of(4) => self.world.fails.store(true, SeqCst),
            11 => {
                let time = STEP * (argument % 8 * if argument > 192 { 3 } else { 1 }) as u32;
                self.does(|_, clock| {
                    clock.advance(time);
                    Seen::TimeMoved(time)
                });
            }
            12 if argument.is_multiple_of(16) => self.close(),
            13 => {
                let (min_idle, max_size) = (argument % 3, argument / 3 % (CEILING + 1));
                self.does(|pool, _| Seen::Resized { min_idle, max_size, answer: pool.resize(min_idle, max_size) });
            }
            14 => self.with_held(argument, |guard, number| {
                let sick = guard!(guard, guard => &mut guard.sick);
                *sick = !*sick;
                Seen::Turned { number, sick: *sick }
            }),
            15 => self.with_held(argument, |guard, number| {
                guard!(guard, guard => guard.on_error(&"an error in use".to_owned()));
                Seen::FailedInUse(number)
            }),
            16 => self.does(|pool, _| Seen::Collected(pool.gc())),
            // The reference has no plans for successors.
            17 if argument.is_multiple_of(3) => self.epoch = self.pool.epoch(),
            17 if !self.is_exact() => drop(self.pool.retire_older_than(self.epoch)),
            18 if !self.is_exact() => {
                drop(self.pool.replace_all(argument % 2, 1 - argument % 2).expect("one of them is 1"));
            }
            _ => {}
        }
    }

    fn is_exact(&self) -> bool {
        matches!(self.judge, Judge::Exact(_))
    }

    fn does(&mut self, act: impl FnOnce(&Pool<Maker>, &VirtualClock) -> Seen) {
        let sight = self.sight();
        let seen = act(self.pool, self.clock);
        self.saw(&sight, &seen);
    }

    fn sight(&self) -> Sight<'p> {
        Sight { world: self.world, pool: self.pool, before: self.pool.stats() }
    }

    fn saw(&mut self, sight: &Sight<'p>, seen: &Seen) {
        match &mut self.judge {
            Judge::Exact(reference) => reference.saw(sight, seen),
            Judge::Books(books) => books.saw(sight, seen),
        }
    }

    fn check_out(&mut self, ask: impl FnOnce(&'p Pool<Maker>) -> Result<Guard<'p>, CheckoutError>, waits: bool) {
        let sight = self.sight();
        let seen = match ask(self.pool) {
            Ok(guard) => {
                let number = *guard!(&guard, guard => &*guard.number);
                assert!(!self.forgotten.contains(&number) && self.held.iter().all(|held| held.1 != number));
                assert!(!self.world.has_ended(number), "{number} is lent after its end");
                self.held.push((guard, number));
                Seen::CheckedOut { number }
            }
            Err(error) => Seen::Refused { error, waits },
        };
        self.saw(&sight, &seen);
    }

    fn with_held(&mut self, argument: usize, act: impl FnOnce(&mut Guard<'p>, usize) -> Seen) {
        let sight = self.sight();
        if let Some(at) = argument.checked_rem(self.held.len()) {
            let (guard, number) = &mut self.held[at];
            let seen = act(guard, *number);
            self.saw(&sight, &seen);
        }
    }

    fn end_hold(&mut self, argument: usize, act: impl FnOnce(Guard<'p>, usize) -> Seen) {
        let sight = self.sight();
        if let Some(at) = argument.checked_rem(self.held.len()) {
            let (guard, number) = self.held.swap_remove(at);
            let seen = act(guard, number);
            if let Seen::Forgotten(number) = seen {
                self.forgotten.push(number);
            }
            self.saw(&sight, &seen);
        }
    }

    fn close(&mut self) {
        let out = self.held.len() + self.forgotten.len();
        self.does(|pool, _| {
            let report = pool.close(Duration::ZERO);
            assert_eq!((report.still_out.len(), report.unfinished), (out, 0));
            Seen::Closed(report)
        });
    }

    fn agrees(&self) {
        let (audit, stats) = (self.pool.audit(), self.pool.stats());
        assert!(audit.is_settled() && audit.is_clean(), "{audit}");
        assert_eq!(stats.in_use, self.held.len() + self.forgotten.len());
        assert_eq!(self.pool.holders().len(), stats.in_use);
        assert_eq!((stats.creating, stats.waiting, stats.callback_panics), (0, 0, 0));
        assert_eq!(self.world.alive.load(SeqCst), stats.total);
        assert!(self.held.iter().all(|(guard, number)| guard!(guard, guard => *guard.number) == *number));
        assert!(self.held.iter().all(|(_, number)| !self.world.has_ended(*number)), "what is held has not ended");
        match &self.judge {
            Judge::Exact(reference) => reference.agrees(&self.sight()),
            Judge::Books(books) => books.agrees(&self.sight()),
        }
    }

    /// Everything comes back; what is surplus goes; the pool is as large as it should be; it closes.
    fn end(&mut self) {
        while !self.held.is_empty() {
            self.command(4, 0);
            self.agrees();
        }
        self.world.fails.store(false, SeqCst);
        for _ in 0..16 {
            self.command(11, 7);
            self.command(10, 0);
            self.agrees();
        }
        if !self.pool.is_closed() {
            self.has_its_whole_capacity();
        }
        self.close();
        self.agrees();
    }

    /// No slot is lost: as much can be checked out as the settings allow, and no more.
    fn has_its_whole_capacity(&mut self) {
        let stats = self.pool.stats();
        let replaced = if self.judge_replaces_holds() { self.forgotten.len().min(REPLACED_HOLDS) } else { 0 };
        let lost = self.forgotten.len() - replaced;
        let whole = (stats.max_size + stats.max_overflow).saturating_sub(lost);
        for out in 0..=whole {
            self.command(0, 0);
            self.agrees();
            let least = whole.min(out + 1);
            // A successor may be there beside its predecessor.
            let most = if self.is_exact() { least } else { out + 1 };
            assert!((least..=most).contains(&self.held.len()), "{} of {whole} can be checked out", self.held.len());
        }
        while !self.held.is_empty() {
            self.command(4, 0);
            self.agrees();
        }
    }

    fn judge_replaces_holds(&self) -> bool {
        matches!(&self.judge, Judge::Books(books) if books.replaces_holds())
    }
}
