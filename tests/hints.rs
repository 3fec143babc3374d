//! What a thread remembers of the pools it uses. Pools whose numbers collide take each other's place there, and every pool of the
//! process takes a number: hence one test in this file.

mod support;

use slackwater::{Creation, Pool, ResourceId, Strategy};
use support::{Probe, closes_balanced};

/// Has this thread take resources of the pool until it has got the one in `place`: the last that it remembers of this pool.
fn comes_by(pool: &Pool<Probe>, place: usize) -> ResourceId {
    let all: [_; 3] = std::array::from_fn(|_| pool.checkout().unwrap());
    let own = all[place].id();
    drop(all);
    let mut others = Vec::new();
    loop {
        let last = pool.checkout().unwrap();
        if last.id() == own {
            return own;
        }
        others.push(last);
    }
}

/// Who remembers nothing begins its search at some resource, and might meet its own by chance: hence each of three in turn.
#[test]
fn a_thread_that_alternates_between_pools_gets_its_own_resource_back_from_each() {
    for place in 0..3 {
        let pools: [_; 4] = std::array::from_fn(|_| {
            let pool = Pool::builder(Probe::new()).max_size(3).creation(Creation::Inline).strategy(Strategy::Affine);
            pool.build().unwrap()
        });
        let own = pools.each_ref().map(|pool| comes_by(pool, place));
        for round in 0..50 {
            for (pool, own) in pools.iter().zip(own) {
                assert_eq!(pool.checkout().unwrap().id(), own, "in round {round}");
            }
        }
        pools.iter().for_each(closes_balanced);
    }
}
