//! Pools of several types under names: found, seen and closed together.

mod support;

use slackwater::{Manager, Pool, RegisterReason, Registry, RegistryError};
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use support::{Probe, WATCHDOG, closes_balanced, until};

/// Numbers, and a note of each that ends.
struct Numbers {
    name: &'static str,
    ended: Arc<Mutex<Vec<&'static str>>>,
}

impl Manager for Numbers {
    type Resource = u64;
    type Error = Infallible;

    fn create(&self) -> Result<u64, Infallible> {
        Ok(7)
    }

    fn destroy(&self, _: u64) {
        self.ended.lock().unwrap().push(self.name);
    }
}

fn numbers(name: &'static str, ended: &Arc<Mutex<Vec<&'static str>>>) -> Pool<Numbers> {
    Pool::builder(Numbers { name, ended: Arc::clone(ended) }).name(name).build().unwrap()
}

/// Promise: a name and a type give a handle of the very pool. Provoked: pools of two types.
#[test]
fn a_pool_is_found_by_its_name_and_type() {
    let (registry, ended) = (Registry::new(), Arc::default());
    let things = Pool::builder(Probe::new()).build().unwrap();
    registry.register("things", things.clone()).unwrap();
    registry.register("numbers", numbers("n", &ended)).unwrap();
    assert_eq!(*registry.get::<Numbers>("numbers").unwrap().checkout().unwrap(), 7);
    let held = things.checkout().unwrap();
    assert_eq!(registry.get::<Probe>("things").unwrap().stats().in_use, 1);
    drop(held);
    assert_eq!(registry.names().iter().map(|name| &**name).collect::<Vec<_>>(), ["things", "numbers"]);
    assert!(format!("{registry:?}").contains("registry::Numbers"), "{registry:?}");
    assert!(registry.close(WATCHDOG).iter().all(|(_, report)| report.is_complete()));
    closes_balanced(&things);
}

/// Promise: a name that nobody has is told with the one that was meant, or with all there are. Provoked: a slip, something else, and no
/// names at all.
#[test]
fn a_missing_name_is_told_with_the_one_that_was_meant() {
    let (registry, ended) = (Registry::new(), Arc::default());
    let text = |name| registry.get::<Numbers>(name).unwrap_err().to_string();
    assert_eq!(text("css"), "no pool is registered as \"css\", nor any other; register it first");
    for name in ["css", "Regex"] {
        registry.register(name, numbers("n", &ended)).unwrap();
    }
    assert_eq!(text("scs"), "no pool is registered as \"scs\"; did you mean \"css\"?");
    assert_eq!(text("regexp"), "no pool is registered as \"regexp\"; did you mean \"Regex\"?");
    let listed =
        "no pool is registered as \"xpath\"; there are [\"css\", \"Regex\"]: use one of them, or register it first";
    assert_eq!(text("xpath"), listed);
    assert!(matches!(registry.remove::<Numbers>("scs"), Err(RegistryError::Missing { .. })));
    assert!(matches!(registry.depends("css", "scs"), Err(RegistryError::Missing { .. })));
}

/// Promise: a pool of another type is an error that names both, and stays where it is. Provoked: a look-up and a removal.
#[test]
fn a_pool_of_another_type_is_told_with_both() {
    let (registry, ended) = (Registry::new(), Arc::default());
    registry.register("n", numbers("n", &ended)).unwrap();
    for error in [registry.get::<Probe>("n").unwrap_err(), registry.remove::<Probe>("n").unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("registry::Numbers") && text.contains("support::Probe"), "{text}");
    }
    assert!(registry.get::<Numbers>("n").is_ok());
}

/// Promise: a name that is taken is refused, and the pool given back as it was. Provoked: a pool of another type.
#[test]
fn a_name_that_is_taken_is_refused_and_the_pool_given_back() {
    let (registry, ended) = (Registry::new(), Arc::default());
    registry.register("n", numbers("n", &ended)).unwrap();
    let refused = registry.register("n", Pool::builder(Probe::new()).build().unwrap()).unwrap_err();
    assert!(matches!(refused.reason, RegisterReason::Taken { .. }));
    assert!(refused.to_string().contains("\"n\" is taken by a pool with the manager registry::Numbers"), "{refused}");
    assert_eq!(refused.pool.checkout().unwrap().number, 1);
    closes_balanced(&refused.pool);
    assert_eq!(registry.names().len(), 1);
}

/// Promise: what is removed goes on, is found no more, and its name is free, as often as one likes. Provoked: the same name many times.
#[test]
fn a_removed_pool_goes_on_and_its_name_is_free() {
    let (registry, ended) = (Registry::new(), Arc::default());
    registry.register("stays", numbers("stays", &ended)).unwrap();
    for round in 0..100 {
        registry.register("n", numbers("n", &ended)).unwrap();
        let pool = registry.remove::<Numbers>("n").unwrap();
        assert!(registry.get::<Numbers>("n").is_err());
        assert_eq!(*pool.checkout().unwrap(), 7);
        // The last handle: nothing in the registry keeps it open.
        drop(pool);
        assert_eq!(ended.lock().unwrap().len(), round + 1);
    }
    assert_eq!(registry.names().len(), 1);
    assert!(registry.get::<Numbers>("stays").is_ok());
}

/// Promise: all are closed with one call, the last registered first, those that use others before those, and each is reported. Provoked:
/// four pools, of which the first uses the third.
#[test]
fn pools_are_closed_in_order() {
    let (registry, ended) = (Registry::new(), Arc::default());
    for name in ["first", "second", "third", "fourth"] {
        registry.register(name, numbers(name, &ended)).unwrap();
    }
    registry.depends("first", "third").unwrap();
    let reports = registry.close(WATCHDOG);
    let order: Vec<_> = reports.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(order, ["fourth", "second", "first", "third"]);
    assert_eq!(*ended.lock().unwrap(), ["fourth", "second", "first", "third"]);
    assert!(reports.iter().all(|(_, report)| report.is_complete() && report.destroyed == 1));
    let late = registry.register("late", numbers("late", &ended)).unwrap_err();
    assert_eq!(late.reason, RegisterReason::Closed);
    assert!(late.to_string().contains("the registry was closed"), "{late}");
    assert!(registry.get::<Numbers>("first").unwrap().is_closed());
    // Again: there is nothing left to do.
    assert!(registry.close(WATCHDOG).iter().all(|(_, report)| report.destroyed == 0));
}

/// Promise: a registry that goes lets its pools go in the same order. Provoked: a drop.
#[test]
fn a_registry_that_goes_ends_its_pools_in_order() {
    let (registry, ended) = (Registry::new(), Arc::default());
    for name in ["first", "second", "third"] {
        registry.register(name, numbers(name, &ended)).unwrap();
    }
    registry.depends("first", "third").unwrap();
    drop(registry);
    assert_eq!(*ended.lock().unwrap(), ["second", "first", "third"]);
}

/// Promise: two pools cannot each use the other, nor one itself, also not through others; what was removed no longer counts. Provoked:
/// circles of one, two and three.
#[test]
fn a_circle_of_pools_is_refused() {
    let (registry, ended) = (Registry::new(), Arc::default());
    for name in ["a", "b", "c"] {
        registry.register(name, numbers(name, &ended)).unwrap();
    }
    let error = registry.depends("a", "a").unwrap_err();
    assert_eq!(error.to_string(), "\"a\" cannot be closed before itself; leave that out");
    registry.depends("a", "b").unwrap();
    registry.depends("b", "c").unwrap();
    for on in ["a", "b"] {
        let error = registry.depends("c", on).unwrap_err();
        assert!(matches!(error, RegistryError::Circular { .. }) && error.to_string().contains(on), "{error}");
    }
    drop(registry.remove::<Numbers>("b").unwrap());
    registry.depends("c", "a").unwrap();
    let order: Vec<_> = registry.close(WATCHDOG).into_iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(order, ["c", "a"]);
}

/// Promise: who uses whom is found out at once, in how many ways ever. Provoked: 24 layers of two pools, each of which uses both of the
/// next, said twice; those are eight million ways from the first to the last.
#[test]
fn many_ways_from_one_pool_to_another_take_no_time() {
    let (registry, ended) = (Registry::new(), Arc::default());
    let names: Vec<[String; 2]> = (0..24).map(|layer| [0, 1].map(|nth| format!("{layer} {nth}"))).collect();
    for name in names.iter().flatten() {
        registry.register(name.as_str(), numbers("n", &ended)).unwrap();
    }
    for layers in names.windows(2).chain(names.windows(2)).rev() {
        for user in &layers[0] {
            layers[1].iter().for_each(|used| registry.depends(user, used).unwrap());
        }
    }
    let (first, last) = (&names[0][0], &names[23][1]);
    assert!(matches!(registry.depends(last, first), Err(RegistryError::Circular { .. })));
    let order: Vec<_> = registry.close(WATCHDOG).into_iter().map(|(name, _)| name.to_string()).collect();
    let layers: Vec<u32> = order.iter().map(|name| name.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(layers.is_sorted(), "{order:?}");
}

/// A pool whose resources are ended with one of another pool.
struct Users(Pool<Numbers>);

impl Manager for Users {
    type Resource = ();
    type Error = Infallible;

    fn create(&self) -> Result<(), Infallible> {
        Ok(())
    }

    fn destroy(&self, (): ()) {
        assert_eq!(*self.0.checkout().unwrap(), 7, "what it uses is still open");
    }
}

/// Promise: what a pool uses is there until that pool has ended. Provoked: a `destroy` that checks out of another pool, registered later.
#[test]
fn what_a_pool_uses_is_there_until_its_end() {
    let (registry, ended) = (Registry::new(), Arc::default());
    let used = numbers("used", &ended);
    registry.register("user", Pool::builder(Users(used.clone())).build().unwrap()).unwrap();
    registry.register("used", used).unwrap();
    registry.depends("user", "used").unwrap();
    let user = registry.get::<Users>("user").unwrap();
    assert!(registry.close(WATCHDOG).iter().all(|(_, report)| report.is_complete()));
    assert_eq!(user.stats().callback_panics, 0);
}

/// Promise: one deadline is for all: a pool whose resource does not come back costs it once, and the others are closed nevertheless.
/// Provoked: two resources that stay out, and one pool in between.
#[test]
fn one_deadline_is_for_all() {
    let (registry, ended) = (Registry::new(), Arc::default());
    let pools = ["a", "b", "c"].map(|name| numbers(name, &ended));
    for pool in &pools {
        registry.register(pool.name().unwrap(), pool.clone()).unwrap();
    }
    let held = [pools[2].checkout().unwrap(), pools[0].checkout().unwrap()];
    let reports = registry.close(Duration::from_millis(400));
    let out: Vec<_> = reports.iter().map(|(_, report)| report.still_out.len()).collect();
    assert_eq!(out, [1, 0, 1]);
    assert!(pools.iter().all(Pool::is_closed));
    // By itself the last one too would take the whole.
    let [first, last] = [0, 2].map(|at| reports[at].1.took);
    assert!(first >= Duration::from_millis(390) && last < first, "{first:?}, {last:?}");
    drop(held);
    pools.iter().for_each(closes_balanced);
}

/// Promise: all pools can be looked at whatever they lend. Provoked: pools of two types, one of them in use.
#[test]
fn pools_of_any_type_can_be_looked_at() {
    let (registry, ended) = (Registry::new(), Arc::default());
    registry.register("numbers", numbers("n", &ended)).unwrap();
    registry.register("things", Pool::builder(Probe::new()).build().unwrap()).unwrap();
    let things = registry.get::<Probe>("things").unwrap();
    let held = things.checkout_for("a").unwrap();
    let pools = registry.pools();
    let seen: Vec<_> = pools.iter().map(|(name, pool)| (&**name, pool.name(), pool.stats().in_use)).collect();
    assert_eq!(seen, [("numbers", Some("n"), 0), ("things", None, 1)]);
    let (_, any) = &pools[1];
    assert_eq!((any.health().score, any.is_closed(), any.session_stats().misses), (100, false, 1));
    assert!(any.manager_type().ends_with("support::Probe"), "{}", any.manager_type());
    assert!(any.dump().to_string().contains("registry.rs"), "{}", any.dump());
    assert_eq!(registry.snapshots()[1].1.stats.in_use, 1);
    drop(held);
    assert!(any.audit().is_clean());
    assert!(any.close(WATCHDOG.into()).is_complete() && things.is_closed());
}

/// Promise: lookups go on whatever is registered and removed meanwhile, and never find a wrong pool. Provoked: two threads that look, two that
/// register and remove.
#[test]
fn lookups_go_on_beside_changes() {
    let (registry, ended) = (Registry::new(), Arc::default());
    registry.register("stays", numbers("stays", &ended)).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(SeqCst) {
                    assert_eq!(registry.get::<Numbers>("stays").unwrap().name(), Some("stays"));
                    if let Ok(pool) = registry.get::<Numbers>("comes and goes 0") {
                        assert_eq!(pool.name(), Some("comes and goes 0"));
                    }
                }
            });
        }
        let changers = ["comes and goes 0", "comes and goes 1"].map(|name| {
            let (registry, ended) = (&registry, &ended);
            scope.spawn(move || {
                for _ in 0..100 {
                    registry.register(name, numbers(name, ended)).unwrap();
                    assert_eq!(registry.remove::<Numbers>(name).unwrap().name(), Some(name));
                }
            })
        });
        changers.into_iter().for_each(|changer| changer.join().unwrap());
        is_over.store(true, SeqCst);
    });
    assert!(registry.close(WATCHDOG).iter().all(|(_, report)| report.is_complete()));
    until(|| ended.lock().unwrap().len() == 201);
}

/// Promise: who takes a pool out of a registry that is being closed has it open, if its turn had not come. Provoked: a pool before it that is
/// held up by a resource that stays out.
#[test]
fn what_is_removed_before_its_turn_is_not_closed() {
    let (registry, ended) = (Registry::new(), Arc::default());
    for name in ["last", "first"] {
        registry.register(name, numbers(name, &ended)).unwrap();
    }
    let first = registry.get::<Numbers>("first").unwrap();
    let held = first.checkout().unwrap();
    let removed = thread::scope(|scope| {
        let closer = scope.spawn(|| registry.close(WATCHDOG));
        until(|| first.is_closed());
        let removed = registry.remove::<Numbers>("last").unwrap();
        drop(held);
        let closed: Vec<_> = closer.join().unwrap().into_iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(closed, ["first"]);
        removed
    });
    assert_eq!(*removed.checkout().unwrap(), 7);
    assert!(registry.get::<Numbers>("last").is_err());
    closes_balanced(&first);
    closes_balanced(&removed);
}

/// Promise: what is removed is found no more, whoever is busy with it in the registry. Provoked: a close of all that waits for what is out.
#[test]
fn what_is_removed_is_not_found_though_it_is_being_closed() {
    let (registry, ended) = (Registry::new(), Arc::default());
    registry.register("n", numbers("n", &ended)).unwrap();
    let pool = registry.get::<Numbers>("n").unwrap();
    let held = pool.checkout().unwrap();
    thread::scope(|scope| {
        let closer = scope.spawn(|| registry.close(WATCHDOG));
        until(|| pool.is_closed());
        drop(registry.remove::<Numbers>("n").unwrap());
        let found = registry.get::<Numbers>("n").map(drop);
        let names = registry.names();
        drop(held);
        assert!(matches!(found, Err(RegistryError::Missing { .. })), "{found:?}");
        assert!(names.is_empty(), "{names:?}");
        assert!(closer.join().unwrap()[0].1.is_complete());
    });
}

/// Promise: a lookup waits for nobody. Provoked: a close that is under way, held up by a resource that stays out.
#[test]
fn a_lookup_waits_for_nobody() {
    let (registry, ended) = (Registry::new(), Arc::default());
    registry.register("n", numbers("n", &ended)).unwrap();
    let pool = registry.get::<Numbers>("n").unwrap();
    let held = pool.checkout().unwrap();
    let (done, is_done) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let reports = registry.close(WATCHDOG);
            done.send(()).unwrap();
            assert!(reports[0].1.is_complete());
        });
        until(|| pool.is_closed());
        assert!(registry.get::<Numbers>("n").unwrap().is_closed());
        assert_eq!((registry.names().len(), registry.pools().len()), (1, 1));
        assert!(is_done.try_recv().is_err(), "the close waits for what is out");
        drop(held);
    });
}
