//! Both laws on their own, with queues that stand in a list and time that is a number.

use super::*;
use std::collections::VecDeque;

const MS: u64 = 1_000_000;

fn codel() -> Overload {
    Overload::of(Some(CoDel::default()), false)
}

#[test]
fn an_overload_begins_after_an_interval_to_the_nanosecond() {
    let mut queue = codel();
    queue.stands(7 * MS);
    assert_eq!(queue.sheds_from(8 * MS), 107 * MS);
    assert_eq!(queue.ask(false, 107 * MS - 1), Err(107 * MS));
    assert_eq!(queue.ask(false, 107 * MS), Ok(100 * MS));
}

#[test]
fn the_first_is_kept_asks_again_an_interval_later_and_makes_no_overload() {
    let mut queue = codel();
    queue.stands(0);
    assert_eq!(queue.ask(true, 300 * MS), Err(400 * MS));
    queue.stands(310 * MS);
    assert_eq!(queue.ask(false, 320 * MS), Err(410 * MS));
}

#[test]
fn whoever_leaves_nobody_behind_who_has_waited_for_the_target_begins_the_interval_anew() {
    let mut queue = codel();
    queue.stands(0);
    queue.left(true, Some(50 * MS), 55 * MS);
    assert_eq!(queue.sheds_from(55 * MS), 100 * MS, "one left behind has waited for 5 ms");
    queue.left(false, Some(50 * MS + 1), 55 * MS);
    assert_eq!(queue.sheds_from(55 * MS), 155 * MS);
}

/// What is served meanwhile has waited for less than the target because others are shed, and proves nothing.
#[test]
fn an_overload_ends_an_interval_after_the_last_one_shed() {
    let mut queue = codel();
    queue.stands(0);
    assert_eq!(queue.ask(false, 100 * MS), Ok(100 * MS));
    queue.left(false, None, 100 * MS);
    queue.stands(150 * MS);
    assert_eq!(queue.sheds_from(150 * MS), 150 * MS);
    assert_eq!(queue.ask(false, 200 * MS - 1), Ok(200 * MS - 1));
    queue.left(true, Some(200 * MS), 200 * MS);
    assert_eq!(queue.ask(false, 300 * MS - 1), Err(300 * MS));
    // The next one counts from where it was calm last.
    assert_eq!(queue.ask(false, 300 * MS), Ok(100 * MS));
}

#[test]
fn time_never_goes_back() {
    let mut queue = codel();
    queue.stands(500 * MS);
    queue.left(false, None, 400 * MS);
    assert_eq!(queue.sheds_from(500 * MS), 600 * MS);
}

#[test]
fn without_settings_nothing_is_asked_and_nothing_known() {
    let mut queue = Overload::default();
    queue.stands(1);
    queue.left(true, None, 2);
    assert!(!queue.is_watched());
    assert_eq!((queue.sheds_from(3), queue.ask(false, u64::MAX)), (u64::MAX, Err(u64::MAX)));
    assert_eq!(queue.servable(0, u64::MAX), None);
}

fn pace() -> Overload {
    Overload::of(None, true)
}

#[test]
fn a_queue_that_nobody_was_served_from_says_nothing() {
    let mut queue = pace();
    queue.stands(0);
    queue.left(false, Some(0), 900 * MS);
    assert_eq!(queue.servable(1, 10_000 * MS), None);
}

#[test]
fn who_fits_in_exactly_is_servable() {
    let mut queue = pace();
    queue.stands(0);
    queue.left(true, Some(0), 10 * MS);
    assert_eq!(queue.servable(30 * MS, 10 * MS), Some((3, 10 * MS)));
    assert_eq!(queue.servable(30 * MS - 1, 10 * MS), Some((2, 10 * MS)));
}

#[test]
fn an_estimate_follows_by_an_eighth_what_is_served_and_what_is_overdue() {
    let mut queue = pace();
    queue.stands(0);
    queue.left(true, Some(0), 8 * MS);
    assert_eq!(queue.servable(0, 16 * MS), Some((0, 8 * MS)));
    assert_eq!(queue.servable(0, 24 * MS), Some((0, 9 * MS)), "a service that took 16 ms would make it this");
    queue.left(true, Some(0), 24 * MS);
    assert_eq!(queue.servable(0, 24 * MS), Some((0, 9 * MS)));
}

/// However high it was: the sum of its halves ends.
#[test]
fn an_estimate_is_forgotten_while_nobody_waits() {
    for idle in [1, 4, 40, 1 << 30] {
        let mut queue = pace();
        queue.stands(0);
        queue.left(true, None, 1_024 * MS);
        let now = (idle * 1_000 + 1_024) * MS;
        queue.stands(now);
        let left = queue.servable(0, now).map(|(_, each)| each);
        assert_eq!(left, (1_024 * MS).checked_shr(idle as u32).filter(|each| idle < 64 && *each > 0), "{idle} s");
    }
}

/// Callers come, and are served, at random: one service a millisecond on average. None gives up, and none comes again.
struct Stream {
    queue: VecDeque<u64>,
    overload: Overload,
    tick: u64,
    random: u64,
    /// Of those who were served.
    waits: Vec<u64>,
    shed: usize,
}

const TICK: u64 = MS / 20;

const TARGET: u64 = 5 * MS;

impl Stream {
    fn new(seed: u64) -> Self {
        Self { queue: VecDeque::new(), overload: codel(), tick: 0, random: seed, waits: vec![], shed: 0 }
    }

    fn one_in(&mut self, so_many: u64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.is_multiple_of(so_many)
    }

    /// So many callers to ten services, for so long. Gives the median and the longest wait, and how many were shed.
    fn runs(&mut self, callers: u64, milliseconds: u64) -> (u64, u64, usize) {
        (self.waits, self.shed) = (vec![], 0);
        for _ in 0..milliseconds * MS / TICK {
            self.tick += 1;
            let now = self.tick * TICK;
            if self.one_in(200 / callers) {
                self.queue.push_back(now);
                if self.queue.len() == 1 {
                    self.overload.stands(now);
                }
            }
            if self.one_in(20)
                && let Some(since) = self.queue.pop_front()
            {
                self.waits.push(now - since);
                self.overload.left(true, self.queue.front().copied(), now);
            }
            while let Some(at) = (1..self.queue.len()).find(|at| now - self.queue[*at] >= TARGET)
                && self.overload.ask(false, now).is_ok()
            {
                self.queue.remove(at);
                self.shed += 1;
                self.overload.left(false, self.queue.front().copied(), now);
            }
        }
        self.waits.sort();
        (self.waits[self.waits.len() / 2], *self.waits.last().unwrap(), self.shed)
    }
}

/// Twice what the pool can do, for ten seconds: once that is seen, whoever is served has waited for about the target, and what
/// the pool cannot do is shed, no more. Once it is over nobody is.
#[test]
fn an_overload_that_lasts_does_not_build_up_again_and_again() {
    for seed in 1..=5 {
        let mut stream = Stream::new(seed);
        let (_, longest, _) = stream.runs(20, 150);
        assert!(longest > 4 * TARGET, "it takes an interval to be seen, and the queue of that time: {longest}");
        let (median, longest, shed) = stream.runs(20, 10_000);
        assert!(median <= TARGET + MS && longest <= 4 * TARGET, "{seed}: {median} {longest}");
        assert!((9_000..=11_000).contains(&shed) && stream.waits.len() > 9_500, "{shed} {}", stream.waits.len());
        stream.runs(5, 1_000);
        let (median, _, shed) = stream.runs(5, 10_000);
        assert!(median < TARGET && shed == 0, "{median} {shed}");
    }
}

/// A burst that is worked off within the interval is none of its business.
#[test]
fn a_burst_is_not_shed() {
    for seed in 1..=5 {
        let mut stream = Stream::new(seed);
        let (_, longest, shed) = stream.runs(20, 30);
        assert!(longest > TARGET && shed == 0, "{longest} {shed}");
        assert_eq!(stream.runs(5, 300).2, 0);
    }
}
