//! The reference: what is free, out, in a check, on its way out, destroyed and why.

use super::world::Maker;
use super::{CEILING, Rules, Seen, Sight};
use slackwater::{CheckoutError, DestroyReason, Pool, Strategy};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// Creating pauses for this long after a failure, doubled after each further one.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MOST: Duration = Duration::from_secs(1);

/// Short lives in a row after which creating for nobody in particular pauses too.
const CRASH_LOOP: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Degraded,
    /// In the crew's queue for a check.
    Checking,
    Held {
        suspect: bool,
        failed: bool,
    },
    Forgotten,
    /// In the crew's queue for its end.
    Ending(DestroyReason),
}

#[derive(Clone, Debug)]
struct Known {
    number: usize,
    place: Place,
    uses: u64,
    /// In a row, and the use that failed last.
    failures: u64,
    failed_use: u64,
    sick: bool,
    /// Since its last use, whatever was checked meanwhile.
    idle_since: Duration,
    /// When it became free last.
    free_since: Duration,
}

/// Free, if only as a last resort.
fn is_free(place: Place) -> bool {
    matches!(place, Place::Free | Place::Degraded)
}

/// What is held to be so.
pub struct Reference {
    rules: Rules,
    strategy: Strategy,
    now: Duration,
    max_size: usize,
    min_idle: usize,
    /// In the order in which they came to their places.
    living: Vec<Known>,
    created: u64,
    failed: u64,
    detached: u64,
    destroyed: BTreeMap<usize, DestroyReason>,
    /// While there is surplus: when the last one of it came to be.
    surplus_since: Option<Duration>,
    /// Failures in a row to create in the background, and until when none is tried.
    pauses: u32,
    no_creation_before: Duration,
    closed: bool,
    /// Whether a slot was claimed past the list of free ones, whose order is only approximate from then on.
    list_passed: bool,
}

impl Reference {
    pub fn new(rules: Rules, pool: &Pool<Maker>) -> Self {
        let mut new = Self {
            rules,
            strategy: pool.config().strategy,
            now: Duration::ZERO,
            max_size: Rules::MAX_SIZE,
            min_idle: rules.min_idle,
            living: Vec::new(),
            created: 0,
            failed: 0,
            detached: 0,
            destroyed: BTreeMap::new(),
            surplus_since: None,
            pauses: 0,
            no_creation_before: Duration::ZERO,
            closed: false,
            list_passed: false,
        };
        for _ in 0..rules.min_idle {
            new.created(Place::Free);
        }
        new
    }

    pub fn saw(&mut self, sight: &Sight, seen: &Seen) {
        match seen {
            Seen::CheckedOut { number } => {
                self.attempted(sight);
                self.checked_out(*number);
            }
            Seen::Refused { error, waits } => {
                let attempted = self.attempted(sight);
                self.refused(error, *waits, attempted);
            }
            Seen::Suspected(number) => self.mark(*number, |suspect, _| *suspect = true),
            Seen::FailedInUse(number) => self.failed_in_use(*number),
            Seen::Turned { number, sick } => {
                let at = self.at(*number);
                self.living[at].sick = *sick;
            }
            Seen::Returned(number) => self.returned(*number),
            Seen::Discarded(number) => self.ends(*number, DestroyReason::Discarded),
            Seen::Panicked(number) => self.ends(*number, DestroyReason::HolderPanicked),
            Seen::Detached(number) => {
                self.gone(*number);
                self.detached += 1;
            }
            Seen::Forgotten(number) => self.moves(*number, Place::Forgotten),
            Seen::TimeMoved(time) => self.now += *time,
            Seen::Ticked => self.ticked(sight),
            Seen::Resized { min_idle, max_size, answer } => {
                let most = CEILING - self.rules.max_overflow;
                let least = usize::from(self.rules.max_overflow == 0);
                assert_eq!(answer.is_ok(), (least..=most).contains(max_size) && min_idle <= max_size, "{answer:?}");
                if answer.is_ok() && !self.closed {
                    self.resized(sight, *min_idle, *max_size);
                }
            }
            Seen::Collected(gc) => {
                let free = self.numbers(|place| !self.closed && is_free(place));
                assert_eq!((gc.evicted, gc.freed), (free.len() as u64, 0), "all that is free goes");
                self.send_to_end(free, DestroyReason::MemoryPressure);
            }
            Seen::Closed(report) => {
                let away = |place| matches!(place, Place::Held { .. } | Place::Forgotten);
                let ending = self.numbers(|place| !away(place));
                assert_eq!(report.destroyed, ending.len() as u64);
                assert_eq!(report.is_complete(), self.living.len() == ending.len());
                ending.into_iter().for_each(|number| self.ends(number, DestroyReason::Closed));
                self.closed = true;
            }
        }
    }

    fn checked_out(&mut self, number: usize) {
        assert!(!self.closed, "a closed pool lends nothing");
        let free = self.numbers(|place| place == Place::Free);
        let suspect = if !free.is_empty() {
            let at = free.iter().position(|free| *free == number).expect("one that is free comes first");
            match self.strategy {
                Strategy::Lifo if !self.list_passed => assert_eq!(at, free.len() - 1),
                Strategy::Fifo if !self.list_passed => assert_eq!(at, 0),
                _ => {}
            }
            false
        } else if self.has_room() && !self.pauses_now() {
            assert_eq!(self.created(Place::Held { suspect: false, failed: false }), number, "a new one comes next");
            false
        } else {
            let last_resort = self.numbers(|place| place == Place::Degraded);
            assert!(last_resort.contains(&number), "{number} is none of {last_resort:?}");
            true
        };
        self.moves(number, Place::Held { suspect, failed: false });
        self.last().uses += 1;
    }

    /// Whether a creation has failed since the last look, which only a caller's own can: the crew's are seen by a tick.
    fn attempted(&mut self, sight: &Sight) -> bool {
        let attempted = sight.pool.stats().create_failures > self.failed;
        if attempted {
            assert!(self.numbers(|place| place == Place::Free).is_empty() && self.has_room() && !self.pauses_now());
            self.creation_failed();
        }
        attempted
    }

    fn creation_failed(&mut self) {
        self.failed += 1;
        self.no_creation_before = self.now + (PAUSE * (1 << self.pauses.min(10))).min(PAUSE_MOST);
        self.pauses += 1;
    }

    fn pauses_now(&self) -> bool {
        self.now < self.no_creation_before
    }

    fn refused(&mut self, error: &CheckoutError, waits: bool, attempted: bool) {
        let out = |place| matches!(place, Place::Held { .. } | Place::Forgotten);
        let in_use = self.numbers(out).len();
        let nothing = self.numbers(is_free).is_empty();
        match error {
            CheckoutError::Closed(_) => assert!(self.closed),
            CheckoutError::Create(error) => {
                assert_eq!((error.error.to_string().as_str(), error.attempts), ("told to fail", self.pauses));
                assert!(nothing && self.has_room() && self.pauses_now());
                assert!(!waits || (attempted && self.staying() == 0), "there is something to wait for");
            }
            CheckoutError::Timeout(timeout) => {
                assert!(waits && nothing && (!self.has_room() || self.pauses_now()));
                assert_eq!((timeout.in_use, timeout.capacity), (in_use, self.capacity()));
            }
            CheckoutError::Exhausted(none) => {
                assert!(!waits && nothing && !self.has_room());
                assert_eq!((none.in_use as usize, none.creating), (in_use, 0));
            }
            error => panic!("there is no reason for this: {error}"),
        }
    }

    fn failed_in_use(&mut self, number: usize) {
        let at = self.at(number);
        let known = &mut self.living[at];
        if known.failed_use != known.uses {
            // A use that went well ends the row.
            let in_a_row = known.failed_use == 0 || known.failed_use + 1 == known.uses;
            known.failures = 1 + if in_a_row { known.failures } else { 0 };
            known.failed_use = known.uses;
        }
        self.mark(number, |_, failed| *failed = true);
    }

    fn returned(&mut self, number: usize) {
        let now = self.now;
        let at = self.at(number);
        self.living[at].idle_since = now;
        let Place::Held { suspect, failed } = self.living[at].place else { panic!("{number} is not held") };
        if self.closed {
            self.ends(number, DestroyReason::Closed);
        } else if failed && self.living[at].failures >= self.rules.remove_after {
            self.ends(number, DestroyReason::CheckFailed);
        } else if self.rules.max_uses.is_some_and(|most| self.living[at].uses >= most) {
            self.ends(number, DestroyReason::Worn);
        } else if self.staying() > self.capacity() {
            self.ends(number, DestroyReason::Resized);
        } else if suspect {
            self.moves(number, Place::Checking);
        } else if failed {
            self.opens_after_failure(number);
        } else {
            self.opens(number);
        }
    }

    fn opens(&mut self, number: usize) {
        self.moves(number, Place::Free);
        self.last().free_since = self.now;
    }

    fn opens_after_failure(&mut self, number: usize) {
        let failures = self.living[self.at(number)].failures;
        if failures >= self.rules.remove_after {
            self.ends(number, DestroyReason::CheckFailed);
        } else if failures >= self.rules.degrade_after {
            self.moves(number, Place::Degraded);
            self.last().free_since = self.now;
        } else {
            self.opens(number);
        }
    }

    /// The keeper's duties, then what they left to the crew: creations, checks, ends.
    fn ticked(&mut self, sight: &Sight) {
        if let Some(timeout) = self.rules.idle_timeout {
            while self.numbers(|place| place == Place::Free).len() > self.min_idle
                && self.sends_the_coldest(
                    sight,
                    timeout,
                    DestroyReason::Idle,
                    |place| place == Place::Free,
                    |known| known.idle_since,
                )
            {}
        }
        if let Some(since) = self.surplus_since {
            while self.staying() > self.max_size
                && self.sends_the_coldest(sight, Rules::OVERFLOW_TTL, DestroyReason::Overflow, is_free, |known| {
                    known.free_since.max(since)
                })
            {}
            if self.living.len() <= self.max_size {
                self.surplus_since = None;
            }
        }
        self.refills(sight);
        for number in self.numbers(|place| place == Place::Checking) {
            let surplus = self.staying() > self.capacity();
            let at = self.at(number);
            let known = &mut self.living[at];
            known.failures = if known.sick { known.failures + 1 } else { 0 };
            match known.sick {
                _ if surplus => self.ends(number, DestroyReason::Resized),
                true => self.opens_after_failure(number),
                false => self.opens(number),
            }
        }
        for known in self.living.clone() {
            if let Place::Ending(reason) = known.place {
                self.ends(known.number, reason);
            }
        }
    }

    /// Creates what `min_idle` misses.
    fn refills(&mut self, sight: &Sight) {
        let free = self.numbers(|place| matches!(place, Place::Free | Place::Checking)).len();
        let room = self.max_size.saturating_sub(self.living.len());
        let missing = self.min_idle.saturating_sub(free).min(room);
        if self.closed || self.pauses_now() {
            return;
        }
        // A failed creation is one of those told to, and the last one for now.
        let made = sight.world.made.load(SeqCst) - self.created as usize;
        for _ in 0..made {
            self.created(Place::Free);
        }
        if sight.pool.stats().create_failures > self.failed {
            self.creation_failed();
        } else if made < missing {
            // They may have failed right after their creation, one after another: then the next one comes later.
            let failed = self.destroyed.values().filter(|reason| **reason == DestroyReason::CheckFailed).count();
            assert!(failed >= CRASH_LOOP, "{made} made of {missing} that were missing");
        }
        assert!(made <= missing);
    }

    fn resized(&mut self, sight: &Sight, min_idle: usize, max_size: usize) {
        (self.min_idle, self.max_size) = (min_idle, max_size);
        if self.living.len() > max_size {
            self.surplus_since.get_or_insert(self.now);
        }
        if self.closed {
            return;
        }
        for from in [Place::Degraded, Place::Free] {
            while self.staying() > self.capacity() {
                // Which ones is open.
                let gone =
                    self.numbers(|place| place == from).into_iter().find(|number| sight.world.has_ended(*number));
                let Some(number) = gone else {
                    assert!(self.numbers(|place| place == from).is_empty(), "surplus that is free ends at once");
                    break;
                };
                self.ends(number, DestroyReason::Resized);
                self.list_passed |= from == Place::Free;
            }
        }
    }

    /// Of what is free, the longest idle goes if that is `limit` or more.
    fn sends_the_coldest(
        &mut self,
        sight: &Sight,
        limit: Duration,
        reason: DestroyReason,
        of: impl Fn(Place) -> bool,
        since: impl Fn(&Known) -> Duration,
    ) -> bool {
        let free = |known: &&Known| of(known.place);
        let longest = self.living.iter().filter(free).map(|known| self.now - since(known)).max();
        if longest.is_none_or(|longest| longest < limit) {
            return false;
        }
        // Which one of several that have idled equally long is open.
        let ended = |known: &&Known| sight.world.has_ended(known.number) && Some(self.now - since(known)) == longest;
        let gone = self.living.iter().filter(free).find(ended).expect("one has idled for too long").number;
        self.send_to_end(vec![gone], reason);
        true
    }

    fn send_to_end(&mut self, numbers: Vec<usize>, reason: DestroyReason) {
        for number in numbers {
            self.moves(number, Place::Ending(reason));
            self.list_passed = true;
        }
    }

    fn created(&mut self, place: Place) -> usize {
        self.created += 1;
        (self.pauses, self.no_creation_before) = (0, Duration::ZERO);
        let number = self.created as usize;
        let (idle_since, free_since) = (self.now, self.now);
        self.living.push(Known {
            number,
            place,
            uses: 0,
            failures: 0,
            failed_use: 0,
            sick: false,
            idle_since,
            free_since,
        });
        if self.living.len() > self.max_size {
            self.surplus_since = Some(self.now);
        }
        number
    }

    fn mark(&mut self, number: usize, with: impl FnOnce(&mut bool, &mut bool)) {
        let at = self.at(number);
        match &mut self.living[at].place {
            Place::Held { suspect, failed } => with(suspect, failed),
            place => panic!("{number} is {place:?}"),
        }
    }

    fn ends(&mut self, number: usize, reason: DestroyReason) {
        self.gone(number);
        self.destroyed.insert(number, reason);
    }

    fn moves(&mut self, number: usize, place: Place) {
        let known = self.gone(number);
        self.living.push(Known { place, ..known });
    }

    fn gone(&mut self, number: usize) -> Known {
        let at = self.at(number);
        self.living.remove(at)
    }

    fn last(&mut self) -> &mut Known {
        self.living.last_mut().expect("it was moved there")
    }

    fn at(&self, number: usize) -> usize {
        self.living.iter().position(|known| known.number == number).expect("it lives")
    }

    fn numbers(&self, wanted: impl Fn(Place) -> bool) -> Vec<usize> {
        self.living.iter().filter(|known| wanted(known.place)).map(|known| known.number).collect()
    }

    fn staying(&self) -> usize {
        self.numbers(|place| !matches!(place, Place::Ending(_))).len()
    }

    fn capacity(&self) -> usize {
        self.max_size + self.rules.max_overflow
    }

    fn has_room(&self) -> bool {
        self.living.len() < self.capacity()
    }

    pub fn agrees(&self, sight: &Sight) {
        let stats = &sight.before;
        let count = |wanted: fn(Place) -> bool| self.numbers(wanted).len();
        assert_eq!(stats.in_use, count(|place| matches!(place, Place::Held { .. } | Place::Forgotten)));
        assert_eq!(
            (stats.available, stats.degraded, stats.checking, stats.retiring),
            (
                count(|place| place == Place::Free),
                count(|place| place == Place::Degraded),
                count(|place| place == Place::Checking),
                count(|place| matches!(place, Place::Ending(_)))
            )
        );
        assert_eq!((stats.max_size, stats.overflow), (self.max_size, self.living.len().saturating_sub(self.max_size)));
        assert_eq!((stats.created, stats.create_failures, stats.detached), (self.created, self.failed, self.detached));
        for reason in DestroyReason::ALL {
            let count = self.destroyed.values().filter(|why| **why == reason).count() as u64;
            assert_eq!(stats.destroyed.by(reason), count, "{reason}");
        }
        let ended = sight.world.ended.lock().unwrap();
        assert!(ended.keys().eq(self.destroyed.keys()), "{ended:?} ended, of {:?}", self.destroyed);
    }
}
