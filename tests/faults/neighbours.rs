//! Pools of one keeper's: a fault in one is nothing to the others.

use super::faulty::{Callback, Fault, Faulty, HUNG, Released, builder, each, in_callbacks};
use super::logger::{Barrier, Opened, on_each_line, stops_the_keeper};
use super::support::{TimeRunsOut, closes_balanced, passes, until};
use slackwater::{Creation, Keeper, Manager, Pool, VirtualClock};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

/// What leads to the callback on a thread of the pool's.
fn provoke(pool: &Pool<Faulty>, faulty: &Faulty, callback: Callback) {
    faulty.refuse(usize::from(callback == Callback::Classify));
    let mut item = pool.checkout().unwrap();
    match callback {
        Callback::Check => item.mark_suspect(),
        Callback::Destroy | Callback::IsBroken | Callback::Recycle => item.discard("to be destroyed"),
        _ => drop(item.detach()),
    }
}

/// Two pools of one keeper's: whatever happens to one, the other is refilled, and its surplus ended, as if it were alone.
#[test]
fn a_fault_in_one_pool_of_the_shared_keeper_touches_no_other() {
    let on_the_pools_threads = |callback: &Callback| !matches!(callback, Callback::IsBroken | Callback::Recycle);
    let cases = Callback::ALL.into_iter().filter(on_the_pools_threads);
    each(cases.flat_map(|callback| [(callback, Fault::Hang), (callback, Fault::Panic)]), |(callback, fault)| {
        let (faulty, whole, clock) = (Faulty::new(), Faulty::new(), VirtualClock::new());
        let shared = |manager: &Faulty| {
            let pool = builder(manager, &clock).max_size(2).keeper(Keeper::Shared).max_overflow(1);
            pool.creation(Creation::Background).build().unwrap()
        };
        let (sick, well) = (shared(&faulty), shared(&whole));
        let (_release, _on_failure) = (Released(&faulty), TimeRunsOut(&clock));
        faulty.plan(callback, 1, fault);
        provoke(&sick, &faulty, callback);
        passes(&clock, || if fault == Fault::Hang { faulty.is_hanging() } else { sick.stats().callback_panics == 1 });
        if fault == Fault::Hang {
            clock.advance(HUNG);
            until(|| sick.stats().hung_jobs == 1);
        }
        for _ in 0..3 {
            well.checkout().unwrap().discard("to be refilled");
            passes(&clock, || well.stats().available == 2 && in_callbacks(&well.stats()) == 0);
            let all = [well.checkout().unwrap(), well.checkout().unwrap(), well.checkout().unwrap()];
            drop(all);
            // Overflow ends after a second.
            clock.advance(2 * SEC);
            passes(&clock, || well.stats().total == 2);
        }
        assert_eq!(faulty.is_hanging(), fault == Fault::Hang);
        assert_eq!(well.stats().callback_panics, 0);
        closes_balanced(&well);
        faulty.release();
        passes(&clock, || in_callbacks(&sick.stats()) == 0 && sick.stats().total >= 2);
        closes_balanced(&sick);
        assert_eq!((faulty.alive(), whole.alive()), (0, 0));
    });
}

/// A manager whose own destructor goes wrong.
struct EndsBadly {
    barrier: Option<Arc<Barrier>>,
    ended: Arc<AtomicBool>,
}

impl Drop for EndsBadly {
    fn drop(&mut self) {
        self.ended.store(true, SeqCst);
        match &self.barrier {
            Some(barrier) => barrier.stop_one(),
            None => panic!("told to panic in the manager's destructor"),
        }
    }
}

impl Manager for EndsBadly {
    type Resource = Box<u8>;
    type Error = Infallible;

    fn create(&self) -> Result<Box<u8>, Infallible> {
        Ok(Box::new(0))
    }
}

/// The keeper may be the last to let go of a pool, if it was busy with it while the last handle went.
#[test]
fn a_pool_that_ends_badly_in_the_shared_keepers_hands_leaves_the_others_their_keeper() {
    each([false, true], |hangs| {
        let (held_up, clock, ended) = (Arc::new(Barrier::default()), VirtualClock::new(), Arc::<AtomicBool>::default());
        let hooked = on_each_line("ends badly", stops_the_keeper(&held_up));
        let whole = Faulty::new();
        let well = builder(&whole, &clock).max_size(2).keeper(Keeper::Shared).build().unwrap();
        let end = Arc::new(Barrier::default());
        let manager = EndsBadly { barrier: hangs.then(|| Arc::clone(&end)), ended: Arc::clone(&ended) };
        let sick = Pool::builder(manager).keeper(Keeper::Shared).clock(&clock).max_hold(SEC).name("ends badly");
        let sick = sick.build().unwrap();
        let (_open, _open_too) = (Opened(&end), Opened(&held_up));
        let held = sick.checkout().unwrap();
        clock.advance(SEC);
        until(|| held_up.has_stopped_one());
        drop(held);
        let drops = thread::spawn(move || drop(sick));
        // It waits for the keeper for a second.
        until(|| {
            clock.advance(SEC / 10);
            drops.is_finished()
        });
        drops.join().unwrap();
        assert!(!ended.load(SeqCst), "the keeper still has it");
        held_up.open();
        until(|| ended.load(SeqCst));
        drop(hooked);
        for _ in 0..3 {
            well.checkout().unwrap().discard("to be refilled");
            until(|| well.stats().available == 2);
        }
        end.open();
        closes_balanced(&well);
    });
}
