//! The order of jobs: three lanes, each first in, first out, and the older the further ahead.

use super::job::{AnyJob, Next};
use super::tray::{Mine, Trays, until_known};
use crate::keeper::ASLEEP;
use crossbeam_deque::Injector;
use crossbeam_utils::CachePadded;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

const NORMAL: usize = 1;

/// A lane's jobs count as this much younger than those of the lane before it, in ticks: 100 ms, as with those who wait for a pool's
/// resources.
pub(super) const HEAD_START: u32 = 10;
const _: () = assert!(HEAD_START as u64 * 10_000_000 == crate::core::LANE_HEAD_START);

/// Jobs by [`Priority`](crate::Priority).
///
/// A queue does not show its first job without giving it away, so a lane's age is that of the job that left it last: its first is no older.
/// A lane seems older than it is by the gap between two of its jobs, and one job of it at most goes ahead for that.
pub(super) struct Lanes<R> {
    lanes: [Lane<R>; 3],
    /// The part of the normal lane that workers' own jobs submitted while the other was empty: it is older.
    pub(super) trays: Trays<R>,
    /// Jobs that are not in the normal lane: as long as there are none, nobody looks there.
    others: CachePadded<AtomicUsize>,
}

struct Lane<R> {
    jobs: Injector<AnyJob<R>>,
    /// When the job that left last had come, or the first since then.
    front: CachePadded<AtomicU32>,
}

impl<R> Lane<R> {
    fn new() -> Self {
        Self { jobs: Injector::new(), front: CachePadded::new(AtomicU32::new(0)) }
    }

    fn is_from(&self, tick: u32) {
        // Mostly the same for 10 ms.
        if self.front.load(Relaxed) != tick {
            self.front.store(tick, Relaxed);
        }
    }

    fn take(&self, into: &mut Next<R>) -> bool {
        *into = until_known(|| self.jobs.steal());
        into.as_ref().inspect(|job| self.is_from(job.terms().tick)).is_some()
    }
}

impl<R: 'static> Lanes<R> {
    pub(super) fn new() -> Self {
        Self {
            lanes: [Lane::new(), Lane::new(), Lane::new()],
            trays: Trays::new(),
            others: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    /// Adds a job, to the tray of the worker that submits it if nothing is in its lane that came before.
    #[inline(always)]
    pub(super) fn push(&self, job: AnyJob<R>, mine: Option<&Mine<R>>) {
        let at = job.terms().priority.lane();
        let lane = &self.lanes[at];
        if at != NORMAL {
            self.others.fetch_add(1, SeqCst);
            if lane.jobs.is_empty() {
                lane.is_from(job.terms().tick);
            }
        } else if let Some(mine) = mine.filter(|_| lane.jobs.is_empty()) {
            return mine.push(job);
        }
        lane.jobs.push(job);
    }

    /// The next job, for the worker with this tray, or for who does not run it.
    #[inline]
    pub(super) fn take(&self, mine: Option<&Mine<R>>, into: &mut Next<R>) -> bool {
        if self.others.load(SeqCst) == 0 { self.take_normal(mine, into) } else { self.take_by_age(mine, into) }
    }

    #[inline]
    fn take_normal(&self, mine: Option<&Mine<R>>, into: &mut Next<R>) -> bool {
        let lane = &self.lanes[NORMAL];
        let is_taken = match mine {
            Some(mine) => mine.take(&lane.jobs, &self.trays, into),
            None if !self.trays.take(into) => return lane.take(into),
            None => true,
        };
        into.as_ref().inspect(|job| lane.is_from(job.terms().tick));
        is_taken
    }

    #[cold]
    fn take_by_age(&self, mine: Option<&Mine<R>>, into: &mut Next<R>) -> bool {
        loop {
            let waiting = self.lanes.iter().enumerate().filter(|(at, lane)| self.is_any_in(*at, lane));
            let place = |at: usize, lane: &Lane<R>| lane.front.load(Relaxed).wrapping_add(at as u32 * HEAD_START);
            // Ticks wrap: what is before what is told by their distance.
            let first = waiting.reduce(|first, next| {
                let (a, b) = (place(first.0, first.1), place(next.0, next.1));
                if is_before(b, a) { next } else { first }
            });
            let Some((at, lane)) = first else { return false };
            if at == NORMAL {
                if self.take_normal(mine, into) {
                    return true;
                }
            } else if lane.take(into) {
                self.others.fetch_sub(1, SeqCst);
                return true;
            }
        }
    }

    fn is_any_in(&self, at: usize, lane: &Lane<R>) -> bool {
        !lane.jobs.is_empty() || (at == NORMAL && self.trays.has_any())
    }

    pub(super) fn has_any(&self) -> bool {
        self.lanes.iter().enumerate().any(|(at, lane)| self.is_any_in(at, lane))
    }
}

/// Whether `a` is an earlier tick than `b`, of two that are less than 124 days apart.
fn is_before(a: u32, b: u32) -> bool {
    // One bit is not the time's: the distance is one of 31 bits.
    let distance = b.wrapping_sub(a) & !ASLEEP;
    distance != 0 && distance < 1 << 30
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn what_is_before_what_survives_the_end_of_the_ticks() {
        assert!(is_before(1, 2) && !is_before(2, 1) && !is_before(2, 2));
        let last = (1 << 31) - 1;
        assert!(is_before(last, 0) && is_before(last, 5) && !is_before(5, last));
    }
}
