//! Both laws on their own, with queues that stand in a list and time that is a number.

use super::*;
use std::collections::VecDeque;
use std::time::Duration;

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

/// One service a millisecond, callers in a steady stream who never give up, and never come again.
struct Stream {
    queue: VecDeque<u64>,
    overload: Overload,
    tick: u64,
    /// The longest wait of those who were served, and how many were shed, since somebody looked.
    longest: u64,
    shed: u64,
}

const TICK: u64 = MS / 20;

impl Stream {
    fn of(target: u64) -> Self {
        let codel = CoDel { target: Duration::from_nanos(target), ..CoDel::default() };
        let overload = Overload::of(Some(codel), false);
        Self { queue: VecDeque::new(), overload, tick: 0, longest: 0, shed: 0 }
    }

    /// A caller every `every` ticks, for this long. Gives the longest wait and the number of those shed.
    fn runs(&mut self, every: u64, milliseconds: u64, target: u64) -> (u64, u64) {
        (self.longest, self.shed) = (0, 0);
        for _ in 0..milliseconds * MS / TICK {
            self.tick += 1;
            let now = self.tick * TICK;
            if self.tick.is_multiple_of(every) {
                self.queue.push_back(now);
                if self.queue.len() == 1 {
                    self.overload.stands(now);
                }
            }
            if self.tick.is_multiple_of(MS / TICK)
                && let Some(since) = self.queue.pop_front()
            {
                self.longest = self.longest.max(now - since);
                self.overload.left(true, self.queue.front().copied(), now);
            }
            while let Some(at) = (1..self.queue.len()).find(|at| now - self.queue[*at] >= target)
                && self.overload.ask(false, now).is_ok()
            {
                self.queue.remove(at);
                self.shed += 1;
                self.overload.left(false, self.queue.front().copied(), now);
            }
        }
        (self.longest, self.shed)
    }
}

/// Twice what the pool can do, for ten seconds: once that is seen, nobody who is served has waited for much longer than the
/// target, half of all are shed and no more, and a second after it is over nobody is.
#[test]
fn an_overload_that_lasts_does_not_build_up_again_and_again() {
    let target = 5 * MS;
    let mut stream = Stream::of(target);
    let (before, _) = stream.runs(10, 150, target);
    assert!(before > 40 * MS, "it takes an interval to be seen, and the queue of that time");
    let (longest, shed) = stream.runs(10, 10_000, target);
    assert!(longest <= target + 2 * MS, "{longest}");
    assert!((9_500..=10_500).contains(&shed), "{shed}");
    stream.runs(25, 1_000, target);
    let (longest, shed) = stream.runs(25, 10_000, target);
    assert!(longest <= MS && shed == 0, "{longest} {shed}");
}

/// A burst that is worked off within the interval is none of its business.
#[test]
fn a_burst_is_not_shed() {
    let target = 5 * MS;
    let mut stream = Stream::of(target);
    for _ in 0..10 {
        let (longest, shed) = stream.runs(10, 30, target);
        assert!(longest > 2 * target && shed == 0, "{longest} {shed}");
        stream.runs(40, 200, target);
        assert_eq!(stream.shed, 0);
    }
}
