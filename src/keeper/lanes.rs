//! The crew's queue: three lanes, by how much somebody waits for the job.

use crate::observe::JobKind;
use std::collections::VecDeque;

/// How often a lane that has work is passed over. A job in front of the lowest lane is the ninth at the latest.
const PATIENCE: u32 = 7;

/// What the crew must know of a job.
pub(crate) trait Task: Send {
    fn kind(&self) -> JobKind;
    /// The slot it is about, if that is known before it runs.
    fn slot(&self) -> Option<u32>;
    /// Whether somebody counts on it for a resource, and has to be told if it never comes back.
    fn holds_ticket(&self) -> bool;
}

/// Creations go before checks, which may give back a resource, and those before destructions, for which nobody waits. But
/// a slot that is not yet vacant is room that is missing: a lane that was passed over seven times goes first, the lowest
/// of two.
pub(super) struct Lanes<J> {
    lanes: [VecDeque<J>; JobKind::ALL.len()],
    passed: [u32; JobKind::ALL.len()],
}

impl<J: Task> Lanes<J> {
    pub(super) fn new() -> Self {
        Self { lanes: Default::default(), passed: [0; JobKind::ALL.len()] }
    }

    pub(super) fn push(&mut self, job: J) {
        self.lanes[job.kind() as usize].push_back(job);
    }

    pub(super) fn pop(&mut self) -> Option<J> {
        let has_work = |lane: &usize| !self.lanes[*lane].is_empty();
        let overdue = (0..self.lanes.len()).rev().filter(has_work).find(|lane| self.passed[*lane] >= PATIENCE);
        let next = overdue.or_else(|| (0..self.lanes.len()).find(has_work))?;
        for (lane, passed) in self.passed.iter_mut().enumerate() {
            *passed = if lane == next || self.lanes[lane].is_empty() { 0 } else { *passed + 1 };
        }
        self.lanes[next].pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All jobs, the first lane's first.
    pub(super) fn take_all(&mut self) -> Vec<J> {
        self.lanes.iter_mut().flat_map(std::mem::take).collect()
    }
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;
    use JobKind::{Check, Create, Destroy};

    impl Task for JobKind {
        fn kind(&self) -> JobKind {
            *self
        }

        fn slot(&self) -> Option<u32> {
            None
        }

        fn holds_ticket(&self) -> bool {
            false
        }
    }

    fn lanes(jobs: impl IntoIterator<Item = JobKind>) -> Lanes<JobKind> {
        let mut lanes = Lanes::new();
        jobs.into_iter().for_each(|job| lanes.push(job));
        lanes
    }

    fn order(mut lanes: Lanes<JobKind>) -> Vec<JobKind> {
        std::iter::from_fn(|| lanes.pop()).collect()
    }

    #[test]
    fn creations_go_before_checks_and_those_before_destructions() {
        let order = order(lanes([Destroy, Check, Create, Destroy, Create, Check]));
        assert_eq!(order, [Create, Create, Check, Check, Destroy, Destroy]);
    }

    #[test]
    fn no_lane_is_passed_over_more_than_eight_times_however_many_creations_come() {
        let order = order(lanes([Destroy; 3].into_iter().chain([Check; 3]).chain([Create; 60])));
        for kind in [Check, Destroy] {
            let places: Vec<_> = (0..order.len()).filter(|at| order[*at] == kind).collect();
            assert!(places[0] <= 8, "{kind:?} at {places:?}");
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] <= 9), "{kind:?} at {places:?}");
        }
        assert_eq!(order.iter().filter(|kind| **kind == Create).count(), 60);
    }

    #[test]
    fn a_lane_that_was_empty_meanwhile_has_no_claim_of_its_own() {
        let mut lanes = lanes([Create; 20]);
        assert!((0..10).all(|_| lanes.pop() == Some(Create)));
        lanes.push(Destroy);
        assert_eq!(lanes.pop(), Some(Create));
    }
}
