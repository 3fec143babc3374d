//! Threads that use a pool, each in a way of its own.

use super::MS;
use super::moody::Moody;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};
use slackwater::{Checkout, CheckoutError, Pool, Priority, SessionMode, as_if_unwinding};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// A number below `of`, as the schedule has it.
pub fn chance(of: usize) -> usize {
    thread_rng().gen_range(0..of)
}

/// What a user may do.
#[derive(Clone, Copy)]
pub struct Manners {
    /// Gives up after a while, or at once.
    pub gives_up: bool,
    /// Has a resource checked after its return, or checks out while it unwinds.
    pub marks: bool,
    /// Takes a second one while it holds one.
    pub second: bool,
    /// May hear of creations that failed.
    pub may_fail: bool,
}

impl Manners {
    pub fn patient() -> Self {
        Manners { gives_up: false, marks: false, second: false, may_fail: false }
    }

    pub fn any() -> Self {
        Manners { gives_up: true, marks: true, second: true, may_fail: true }
    }
}

/// Threads at a pool.
pub struct Crowd {
    threads: Vec<JoinHandle<()>>,
    /// How many have ended. Not shuttle's: see `Moody`.
    ended: Arc<AtomicUsize>,
}

impl Crowd {
    /// Lets six users in.
    pub fn of(pool: &Pool<Moody>, manners: Manners) -> Self {
        let mut crowd = Crowd::empty();
        for _ in 0..6 {
            let pool = pool.clone();
            crowd.add(move || (0..2).for_each(|_| use_up(&pool, manners)));
        }
        crowd
    }

    pub fn empty() -> Self {
        Crowd { threads: vec![], ended: Arc::default() }
    }

    pub fn add(&mut self, f: impl FnOnce() + Send + 'static) {
        let ended = Arc::clone(&self.ended);
        self.threads.push(thread::spawn(move || {
            f();
            ended.fetch_add(1, SeqCst);
        }));
    }

    pub fn is_over(&self) -> bool {
        self.ended.load(SeqCst) == self.threads.len()
    }

    pub fn join(self) {
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// One checkout and what comes of it.
fn use_up(pool: &Pool<Moody>, manners: Manners) {
    let unwinding = manners.marks && chance(8) == 0;
    let checkout = || match chance(6) {
        0 if manners.gives_up => pool.try_checkout(),
        1 if manners.gives_up => pool.checkout_timeout(MS * chance(3) as u32),
        2 if manners.gives_up => pool.checkout_timeout(Duration::from_secs(2)),
        3 => pool.request().priority([Priority::Low, Priority::High][chance(2)]).checkout(),
        // More sessions than resources, so that they meet.
        4 | 5 => {
            let modes = [SessionMode::Wait, SessionMode::Fail, SessionMode::Hint { wait: MS * chance(2) as u32 }];
            pool.request().session(modes[chance(3)]).checkout_for(&chance(4))
        }
        _ => pool.checkout(),
    };
    let got = if unwinding { as_if_unwinding(checkout) } else { checkout() };
    match got {
        Ok(guard) => {
            guard.take();
            let second = if manners.second && chance(2) == 0 {
                // In the open: a wait for a second one may be refused, or never end if nobody gives up.
                let second = if manners.gives_up { pool.checkout_timeout(MS) } else { pool.checkout() };
                second.inspect(|second| second.take()).ok()
            } else {
                None
            };
            thread::yield_now();
            second.into_iter().for_each(|second| end(second, manners));
            end(guard, manners);
        }
        Err(CheckoutError::Closed(_)) => assert!(pool.is_closed()),
        Err(CheckoutError::SessionBusy(_)) => {}
        Err(CheckoutError::Create(_) | CheckoutError::CircuitOpen(_)) if manners.may_fail => {}
        Err(error) => assert!(manners.gives_up || manners.second, "{error}"),
    }
}

fn end(mut guard: Checkout<'_, Moody>, manners: Manners) {
    guard.text.push_str("used");
    guard.let_go();
    match chance(8) {
        0 => guard.discard("in a test"),
        1 => drop(guard.detach()),
        2 => as_if_unwinding(|| drop(guard)),
        3 if manners.marks => guard.mark_suspect(),
        _ => drop(guard),
    }
}

/// Everything created is destroyed or taken out, by the pool's books and by the manager's.
pub fn ends_balanced(pool: Pool<Moody>, manager: &Moody) {
    let report = pool.close(Duration::from_secs(3600));
    assert!(report.is_complete(), "{report}");
    let stats = pool.stats();
    assert_eq!(stats.created, stats.destroyed.total() + stats.detached, "{stats:?}");
    assert_eq!((stats.waiting, stats.total), (0, 0), "{stats:?}");
    assert!(pool.audit().is_clean(), "{}", pool.audit());
    drop(pool);
    assert_eq!(manager.alive(), 0, "resources outlive their pool");
}
