//! Metastable collapse: an overload that feeds itself after its cause is gone.
//!
//! Forty clients ask a pool of two that could serve twice as many. Each gives an answer within 60 ms or not at all, and asks
//! again a millisecond later if it gave none. Once everybody waits, whoever is served has waited for so long that its answer comes too
//! late: the pool works at full speed, for nothing, and all of them ask again. Real threads in virtual time: a step is over
//! once everybody has seen it.

use super::*;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use support::WATCHDOG;

const CLIENTS: u32 = 40;
const HOLD: Duration = Duration::from_millis(10);
const THINK: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_millis(100);
const USEFUL_FOR: Duration = Duration::from_millis(60);
const STEP: Duration = MS;

/// What the clients do, and how it went for them since somebody looked.
struct World {
    clock: VirtualClock,
    clients: Mutex<Vec<Client>>,
    moved: Condvar,
    /// Until when nothing comes back.
    stalled_until: Mutex<Duration>,
    over: AtomicBool,
}

#[derive(Clone, Copy, Default)]
struct Client {
    /// When it is to go on at the latest, be it that its hold ends or that its patience does.
    until: Duration,
    asks: bool,
    answers: u32,
    too_late: u32,
    refused: u32,
}

impl World {
    fn lives(&self, me: usize, pool: &Pool<Probe>) {
        self.sleeps(me, 10 * MS * me as u32);
        while !self.over.load(SeqCst) {
            let asked = self.clock.elapsed();
            self.goes_on(me, |client| (client.until, client.asks) = (asked + PATIENCE, true));
            match pool.checkout_timeout(PATIENCE) {
                Err(_) => {
                    self.goes_on(me, |client| client.refused += 1);
                    self.sleeps(me, STEP);
                }
                Ok(guard) => {
                    let stall = self.stalled_until.lock().saturating_sub(self.clock.elapsed());
                    self.sleeps(me, HOLD.max(stall));
                    drop(guard);
                    if self.clock.elapsed() - asked > USEFUL_FOR {
                        self.goes_on(me, |client| client.too_late += 1);
                        self.sleeps(me, STEP);
                    } else {
                        self.goes_on(me, |client| client.answers += 1);
                        self.sleeps(me, THINK);
                    }
                }
            }
        }
        self.goes_on(me, |client| (client.until, client.asks) = (Duration::MAX, false));
    }

    fn goes_on(&self, me: usize, how: impl FnOnce(&mut Client)) {
        how(&mut self.clients.lock()[me]);
    }

    fn sleeps(&self, me: usize, time: Duration) {
        let mut clients = self.clients.lock();
        let until = self.clock.elapsed() + time;
        (clients[me].until, clients[me].asks) = (until, false);
        while self.clock.elapsed() < until && !self.over.load(SeqCst) {
            self.moved.wait_for(&mut clients, WATCHDOG);
        }
    }

    fn advance(&self, time: Duration) {
        self.clock.advance(time);
        // Under the lock, or who has just looked at the clock would sleep on.
        let _clients = self.clients.lock();
        self.moved.notify_all();
    }

    /// Lets time pass. Gives the answers, those that came too late, and what was refused meanwhile.
    fn runs(&self, pool: &Pool<Probe>, time: Duration) -> (u32, u32, u32) {
        self.clients
            .lock()
            .iter_mut()
            .for_each(|client| *client = Client { until: client.until, asks: client.asks, ..Client::default() });
        let end = self.clock.elapsed() + time;
        while self.clock.elapsed() < end {
            self.advance(STEP);
            let now = self.clock.elapsed();
            until(|| {
                let clients = self.clients.lock();
                let stats = pool.stats();
                // All who ask stand in the queue, and none who is to go on is still there.
                let asking = clients.iter().filter(|client| client.asks).count();
                let all_went_on = clients.iter().all(|client| client.until > now);
                all_went_on && asking == stats.waiting && (stats.available == 0 || asking == 0)
            });
        }
        let clients = self.clients.lock();
        let sum = |of: fn(&Client) -> u32| clients.iter().map(of).sum();
        (sum(|client| client.answers), sum(|client| client.too_late), sum(|client| client.refused))
    }
}

/// A second as usual, a third of a second in which nothing comes back, and how the third second after that went.
fn third_second_after_a_stall(set: impl FnOnce(Builder<Probe>) -> Builder<Probe>) -> (u32, u32, u32) {
    let two = |builder: Builder<Probe>| set(builder.max_size(2));
    scene(two, |s, pool, clock| {
        let world = Arc::new(World {
            clock: clock.clone(),
            clients: Mutex::new(vec![Client::default(); CLIENTS as usize]),
            moved: Condvar::new(),
            stalled_until: Mutex::default(),
            over: AtomicBool::new(false),
        });
        for me in 0..CLIENTS as usize {
            let world = Arc::clone(&world);
            s.spawn(move || world.lives(me, pool));
        }
        let _on_failure = EndOfTheWorld(&world);
        let (answers, too_late, refused) = world.runs(pool, SEC);
        assert!(answers > 80 && too_late == 0 && refused == 0, "as usual: {answers} {too_late} {refused}");
        *world.stalled_until.lock() = world.clock.elapsed() + 300 * MS;
        world.runs(pool, 300 * MS + 2 * SEC);
        world.runs(pool, SEC)
    })
}

/// Lets everybody go home.
struct EndOfTheWorld<'w>(&'w World);

impl Drop for EndOfTheWorld<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, SeqCst);
        self.0.advance(3_600 * SEC);
    }
}

/// Without it the tests below would prove nothing.
#[test]
fn a_stall_that_is_long_over_keeps_a_pool_that_sheds_nothing_from_working() {
    let (answers, too_late, refused) = third_second_after_a_stall(|builder| builder);
    assert!(answers == 0 && too_late > 150 && refused > 150, "{answers} {too_late} {refused}");
}

#[test]
fn once_an_overload_is_over_timeouts_are_with_codel() {
    let (answers, too_late, refused) = third_second_after_a_stall(|builder| builder.codel(CoDel::default()));
    assert!(answers > 80 && too_late == 0 && refused == 0, "{answers} {too_late} {refused}");
}

/// The queue never grows to the length at which it is of no use.
#[test]
fn a_bounded_queue_does_not_collapse() {
    let (answers, too_late, refused) = third_second_after_a_stall(|builder| builder.max_waiters(8));
    assert!(answers > 80 && too_late == 0 && refused == 0, "{answers} {too_late} {refused}");
}
