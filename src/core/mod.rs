//! The lock-free heart: slots, their words, and the threads that wait for them.
//!
//! The only folder with `unsafe`, but for the few calls that `docs/testing.md` names. It runs no user code, reads no clock (times come in as numbers) and allocates nothing
//! after the pool is built, apart from one queue node per thread that ever waits, one list per slot once somebody waits for a
//! particular one, and what finding a circle among those takes.
//!
//! | file        | what lives there                                                          |
//! |-------------|---------------------------------------------------------------------------|
//! | `word`      | one slot's phase and generation in 64 bits, and which phase may follow which |
//! | `slot`      | a place for one resource, and [`Right`], the permission to touch it       |
//! | `record`    | what is noted of a slot's uses: who, when, where, how many               |
//! | `lease`     | a right that travels with a reference to its pool, and ends in `Settle`   |
//! | `available` | where to look for a free slot: by affinity, last in, or first in          |
//! | `hint`      | what a thread remembers: its number, and the slot it used last            |
//! | `fence`     | a store-then-load barrier that costs the frequent side nothing            |
//! | `processor` | which processor a thread runs on: a hint for whom to wake             |
//! | `waiters`   | the queue of parked threads                                               |
//! | `shelf`     | the protocols: claim; in `giving` return and hand over, in `waiting` announce, look, park, in `bound` the same for one slot |
//! | `sequenced` | words that are written without waiting and read whole          |
//! | `sync`      | the one seam between the standard library and the model checker           |

/// Whether the step `name` is left out of this build (`--cfg slackwater_mutation="name"`, for tests on real threads) or, under
/// the model checker, of this run (`SLACKWATER_MUTATION=name`, so that one build serves them all).
macro_rules! left_out {
    ($name:literal) => {{
        #[cfg(not(all(test, slackwater_loom)))]
        let in_this_run = false;
        #[cfg(all(test, slackwater_loom))]
        let in_this_run = crate::core::models::mutation::is($name);
        cfg!(slackwater_mutation = $name) || in_this_run
    }};
}

/// A step that a protocol stands on. Without it a model must fail: `.ci/mutations` sees to it. Under shuttle a thread is held up before it
/// now and then.
macro_rules! step {
    ($name:literal, $step:expr) => {
        #[cfg(slackwater_shuttle)]
        crate::core::sync::held_up();
        if !left_out!($name) {
            $step;
        }
    };
}

pub(crate) mod available;
pub(crate) mod fence;
pub(crate) mod hint;
pub(crate) mod lease;
pub(crate) mod processor;
pub(crate) mod record;
pub(crate) mod sequenced;
pub(crate) mod shelf;
pub(crate) mod slot;
pub(crate) mod sync;
pub(crate) mod tickets;
pub(crate) mod waiters;
pub(crate) mod word;

#[cfg(all(test, slackwater_loom))]
pub(crate) mod models;
#[cfg(all(test, not(slackwater_loom)))]
mod parts;
#[cfg(all(test, not(slackwater_loom)))]
mod unwinding;

pub(crate) use available::{Available, IndexQueue, IndexStack, Listed};
pub(crate) use hint::{Hint, thread_name, thread_number};
pub(crate) use lease::{Lease, Settle, Slots, anchored};
pub(crate) use record::{Record, Stamp};
pub(crate) use sequenced::Sequenced;
pub(crate) use shelf::{HandOver, Outcome, Patience, Request, Shelf, ShelfConfig, attention};
pub(crate) use slot::{Right, Slot};
pub(crate) use tickets::Tickets;
pub(crate) use waiters::Holder as Taker;
#[cfg(feature = "workers")]
pub(crate) use waiters::LANE_HEAD_START;
pub(crate) use word::{Mark, Phase, Word};
