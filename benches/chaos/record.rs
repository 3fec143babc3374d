//! What the backend itself saw: when it was what, who tried to connect, and how long lost connections were missing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::backend::Condition;

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Struck while the backend served.
    Killed,
    /// Lost with the backend.
    Outage,
    /// Closed, though alive, by whoever had it.
    Closed,
}

/// A time without service, and what came after it.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub kind: Condition,
    pub began: Instant,
    pub ended: Option<Instant>,
    /// Connections that were tried meanwhile.
    pub attempts: usize,
    /// When as many connections lived again as the pool is to have.
    pub whole: Option<Instant>,
}

/// A connection lost to a blow, and how long its place was empty without what connecting takes.
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    pub missing: Duration,
    /// False if it was still missing when the next outage, or the end, came: it took at least this long.
    pub made_good: bool,
}

#[derive(Clone, Debug)]
pub struct Record {
    size: usize,
    /// When it became what.
    pub turns: Vec<(Instant, Condition)>,
    pub outages: Vec<Outage>,
    pub losses: Vec<Loss>,
    /// Connections that are missing, the longest missing first.
    missing: VecDeque<(Instant, Cause)>,
}

impl Record {
    pub fn new(size: usize) -> Self {
        let turns = vec![(Instant::now(), Condition::Up)];
        Self { size, turns, outages: Vec::new(), losses: Vec::new(), missing: VecDeque::new() }
    }

    pub fn attempted(&mut self) {
        if let Some(outage) = self.outages.last_mut().filter(|outage| outage.ended.is_none()) {
            outage.attempts += 1;
        }
    }

    pub fn lost(&mut self, cause: Cause, now: Instant) {
        self.missing.push_back((now, cause));
    }

    /// A new connection fills the place that was empty for longest: whichever it fills, the mean is the same.
    pub fn born(&mut self, condition: Condition, living: usize, now: Instant) {
        if let Some((since, cause)) = self.missing.pop_front()
            && cause == Cause::Killed
        {
            let missing = now.saturating_duration_since(since).saturating_sub(condition.connecting());
            self.losses.push(Loss { missing, made_good: true });
        }
        self.look_whether_whole(living, now);
    }

    pub fn turned(&mut self, condition: Condition, living: usize, now: Instant) {
        let served = self.turns.last().is_some_and(|(_, before)| before.serves());
        self.turns.push((now, condition));
        match (served, condition.serves()) {
            (true, false) => {
                self.give_up_on_killed(now);
                self.outages.push(Outage { kind: condition, began: now, ended: None, attempts: 0, whole: None });
            }
            (false, true) => {
                if let Some(outage) = self.outages.last_mut() {
                    outage.ended = Some(now);
                }
                self.look_whether_whole(living, now);
            }
            _ => {}
        }
    }

    /// The end: what is missing now was never made good.
    pub fn finish(&mut self, now: Instant) {
        self.give_up_on_killed(now);
        self.missing.clear();
    }

    fn give_up_on_killed(&mut self, now: Instant) {
        for (since, cause) in &mut self.missing {
            if *cause == Cause::Killed {
                self.losses.push(Loss { missing: now.saturating_duration_since(*since), made_good: false });
                *cause = Cause::Outage;
            }
        }
    }

    fn look_whether_whole(&mut self, living: usize, now: Instant) {
        if let Some(outage) = self.outages.last_mut()
            && outage.ended.is_some()
            && living >= self.size
        {
            outage.whole.get_or_insert(now);
        }
    }

    /// Since when the backend has served at that moment without a break; none if it did not.
    pub fn serves_since(&self, moment: Instant) -> Option<Instant> {
        let mut since = None;
        for &(turned, condition) in self.turns.iter().take_while(|(turned, _)| *turned <= moment) {
            since = if condition.serves() { since.or(Some(turned)) } else { None };
        }
        since
    }

    /// What it was like at that moment.
    pub fn condition_at(&self, moment: Instant) -> Condition {
        let before = self.turns.iter().take_while(|(turned, _)| *turned <= moment);
        before.last().map_or(Condition::Up, |&(_, condition)| condition)
    }

    /// Whether it served all that time.
    pub fn serves_throughout(&self, from: Instant, to: Instant) -> bool {
        self.serves_since(to).is_some_and(|since| since <= from)
    }
}
