//! The flight recorder: the last transitions, in a ring that writers fill without waiting for anyone.

use super::event::{Transition, TransitionReason};
use super::{ResourceId, ResourceState};
use crate::core::Sequenced;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How many transitions are kept, at 40 bytes each. What explores schedules builds thousands of pools.
const KEPT: usize = if cfg!(slackwater_shuttle) { 4 } else { 256 };

pub(crate) struct Recorder {
    next: AtomicU64,
    entries: Box<[Sequenced<4>]>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { next: AtomicU64::new(0), entries: (0..KEPT).map(|_| Sequenced::default()).collect() }
    }
}

impl Recorder {
    pub(crate) fn record(&self, transition: Transition) {
        let ticket = self.next.fetch_add(1, Relaxed);
        // One writer a lap ahead of another may meet it here, or have been here; then one of the two records is lost.
        self.entries[ticket as usize % KEPT].write(ticket, words(&transition));
    }

    /// What is kept, oldest first. Entries that are being written meanwhile are left out.
    pub(crate) fn transitions(&self) -> Vec<Transition> {
        let mut read: Vec<_> = self.entries.iter().filter_map(Sequenced::read).collect();
        read.sort_by_key(|(ticket, _)| *ticket);
        read.into_iter().filter_map(|(_, words)| transition(words)).collect()
    }

    /// The last `many` of what is kept, oldest first, without a look at the others.
    pub(crate) fn last(&self, many: usize) -> Vec<Transition> {
        let next = self.next.load(Relaxed);
        let wanted = (many.min(KEPT) as u64).min(next);
        let of = |ticket: u64| self.entries[ticket as usize % KEPT].read().filter(|(written, _)| *written == ticket);
        (next - wanted..next).filter_map(of).filter_map(|(_, words)| transition(words)).collect()
    }
}

/// Slot, states and reason in one word; generation; times.
fn words(transition: &Transition) -> [u64; 4] {
    let Transition { id, from, to, reason, after, at } = transition;
    let what = id.slot() as u64 | (*from as u64) << 32 | (*to as u64) << 40 | reason.code() << 48;
    [what, id.generation(), after.as_nanos() as u64, at.as_nanos() as u64]
}

fn transition([what, generation, after, at]: [u64; 4]) -> Option<Transition> {
    let state = |shift: u32| ResourceState::ALL.get((what >> shift) as usize & 0xff).copied();
    Some(Transition {
        id: ResourceId::of(what as u32, generation),
        from: state(32)?,
        to: state(40)?,
        reason: TransitionReason::of_code(what >> 48)?,
        after: Duration::from_nanos(after),
        at: Duration::from_nanos(at),
    })
}

#[cfg(all(test, not(slackwater_loom)))]
mod tests {
    use super::*;
    use crate::DestroyReason;

    fn numbered(number: u64) -> Transition {
        Transition {
            id: ResourceId::of(number as u32, number),
            from: ResourceState::Ready,
            to: ResourceState::Terminating,
            reason: TransitionReason::Ended(DestroyReason::ALL[number as usize % DestroyReason::ALL.len()]),
            after: Duration::from_nanos(number),
            at: Duration::from_nanos(number),
        }
    }

    #[test]
    fn the_last_records_are_kept_in_order_and_whole() {
        let recorder = Recorder::default();
        (0..1_000).for_each(|number| recorder.record(numbered(number)));
        let kept: Vec<_> = (1_000 - KEPT as u64..1_000).map(numbered).collect();
        assert_eq!(recorder.transitions(), kept);
        for many in [0, 1, 5, KEPT, KEPT + 1] {
            assert_eq!(recorder.last(many), kept[KEPT - many.min(KEPT)..]);
        }
        assert_eq!(Recorder::default().last(3), []);
    }

    #[test]
    fn a_writer_that_was_overtaken_by_a_lap_writes_nothing() {
        let (recorder, lap) = (Recorder::default(), KEPT as u64);
        for ticket in [lap + 3, 3, 2 * lap + 3, 4] {
            recorder.next.store(ticket, Relaxed);
            recorder.record(numbered(ticket));
        }
        assert_eq!(recorder.transitions(), [4, 2 * lap + 3].map(numbered));
    }

    #[test]
    fn no_record_is_a_mixture_of_two() {
        let recorder = Recorder::default();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let recorder = &recorder;
                scope.spawn(move || (0..20_000).for_each(|each| recorder.record(numbered(4 * each + thread))));
            }
            for _ in 0..200 {
                for read in recorder.transitions() {
                    assert_eq!(read, numbered(read.id.generation()));
                }
            }
        });
    }
}
