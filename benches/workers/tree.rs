//! Fork and join: a tree of jobs, each of which submits two more.
//!
//! Threads that wait for a job's end inside another job run out; what every lane can do is to count the ends. The form in which
//! the parent does wait, as `rayon::join` can, is a row of its own beside that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ahead::Ahead;
use crate::lanes::Lane;

/// Jobs below the root, in generations: 2,047 in one tree.
const DEPTH: u32 = 10;

/// Jobs in one tree.
pub const JOBS: usize = (1 << (DEPTH + 1)) - 1;

/// Jobs a second, of trees that are grown one after the other for a lap.
pub fn grow<L: Lane>(lane: &L, lap: Duration) -> f64 {
    // One count of references for all, whatever their own handles are made of.
    let (lane, ahead, mut submitted) = (Arc::new(lane.clone()), Ahead::of_this_thread(), 0);
    trees(lap, || {
        let root = Arc::clone(&lane);
        lane.submit(move || node(&root, DEPTH, ahead));
        submitted += JOBS;
        ahead.wait_for(submitted);
    })
}

fn node<L: Lane>(lane: &Arc<L>, depth: u32, ahead: &'static Ahead) {
    if let Some(below) = depth.checked_sub(1) {
        for _ in 0..2 {
            let next = Arc::clone(lane);
            lane.submit(move || node(&next, below, ahead));
        }
    }
    ahead.one_done();
}

/// The same tree with `rayon::join`: the parent runs one branch, and waits for the other.
pub fn grow_joined(pool: &rayon::ThreadPool, lap: Duration) -> f64 {
    fn node(depth: u32) -> usize {
        let Some(below) = depth.checked_sub(1) else { return 1 };
        let (left, right) = rayon::join(|| node(below), || node(below));
        left + right + 1
    }
    trees(lap, || assert_eq!(pool.install(|| node(DEPTH)), JOBS))
}

/// Jobs a second of what grows one tree a call.
fn trees(lap: Duration, mut one: impl FnMut()) -> f64 {
    let warm = Instant::now();
    while warm.elapsed() < lap / 10 {
        one();
    }
    let (began, mut grown) = (Instant::now(), 0);
    while began.elapsed() < lap || grown == 0 {
        one();
        grown += JOBS;
    }
    grown as f64 / began.elapsed().as_secs_f64()
}
