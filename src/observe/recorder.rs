//! The flight recorder: the last transitions, in a ring that writers fill without waiting for anyone.
//!
//! Each entry is a sequence lock of plain atomics. A writer takes the next ticket, makes the entry's sequence odd, writes,
//! and makes it even again; a reader takes what it read only if the sequence was even and the same before and after. The
//! orderings are those of H.-J. Boehm, "Can Seqlocks Get Along with Programming Language Memory Models?" (MSPC 2012).

use super::event::{Transition, TransitionReason};
use super::{ResourceId, ResourceState};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};
use std::time::Duration;

/// How many transitions are kept. 40 bytes each.
const KEPT: usize = 256;

pub(crate) struct Recorder {
    next: AtomicU64,
    entries: Box<[Entry]>,
}

#[derive(Default)]
struct Entry {
    /// Twice the ticket that wrote it last, plus 2; odd while one is writing.
    sequence: AtomicU64,
    /// Slot, states and reason.
    what: AtomicU64,
    generation: AtomicU64,
    after: AtomicU64,
    at: AtomicU64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { next: AtomicU64::new(0), entries: (0..KEPT).map(|_| Entry::default()).collect() }
    }
}

impl Recorder {
    pub(crate) fn record(&self, transition: Transition) {
        let ticket = self.next.fetch_add(1, Relaxed);
        let entry = &self.entries[ticket as usize % KEPT];
        let before = entry.sequence.load(Relaxed);
        // One writer a lap ahead of another may meet it here; the record of one of them is not worth waiting for.
        if before & 1 == 1 || entry.sequence.compare_exchange(before, before | 1, Acquire, Relaxed).is_err() {
            return;
        }
        // Meets the fence in `read`: who sees a field of ours sees the odd sequence too.
        fence(Release);
        entry.what.store(pack(&transition), Relaxed);
        entry.generation.store(transition.id.generation(), Relaxed);
        entry.after.store(transition.after.as_nanos() as u64, Relaxed);
        entry.at.store(transition.at.as_nanos() as u64, Relaxed);
        // Release: meets the first Acquire in `read`.
        entry.sequence.store(2 * ticket + 2, Release);
    }

    /// What is kept, oldest first. Entries that are being written meanwhile are left out.
    pub(crate) fn transitions(&self) -> Vec<Transition> {
        let mut read: Vec<_> = self.entries.iter().filter_map(Entry::read).collect();
        read.sort_by_key(|(sequence, _)| *sequence);
        read.into_iter().map(|(_, transition)| transition).collect()
    }
}

impl Entry {
    fn read(&self) -> Option<(u64, Transition)> {
        let sequence = self.sequence.load(Acquire);
        let (what, generation) = (self.what.load(Relaxed), self.generation.load(Relaxed));
        let (after, at) = (self.after.load(Relaxed), self.at.load(Relaxed));
        // Meets the fence in `record`.
        fence(Acquire);
        if sequence == 0 || sequence & 1 == 1 || self.sequence.load(Relaxed) != sequence {
            return None;
        }
        let state = |shift: u32| ResourceState::ALL.get((what >> shift) as usize & 0xff).copied();
        let transition = Transition {
            id: ResourceId::of(what as u32, generation),
            from: state(32)?,
            to: state(40)?,
            reason: TransitionReason::of_code(what >> 48)?,
            after: Duration::from_nanos(after),
            at: Duration::from_nanos(at),
        };
        Some((sequence, transition))
    }
}

fn pack(transition: &Transition) -> u64 {
    let Transition { id, from, to, reason, .. } = transition;
    id.slot() as u64 | (*from as u64) << 32 | (*to as u64) << 40 | reason.code() << 48
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
