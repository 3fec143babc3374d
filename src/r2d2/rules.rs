//! The rules in which r2d2 differs, each with its switch.

use std::time::Duration;

/// How often r2d2 looks for connections that are too old.
const REAPER_RATE: Duration = Duration::from_secs(30);

/// The rules by which a [`compat::Pool`](super::compat::Pool) goes where r2d2 has one of its own: this crate's, or r2d2's.
///
/// | field | r2d2's rule | ours, and why it is better |
/// |---|---|---|
/// | [`destroy_on_caller`](Self::destroy_on_caller) | a connection ends on the thread that finds it broken | in the background, unless ending is quick: no request pays for somebody else's hang-up |
/// | [`short_errors`](Self::short_errors) | `timed out waiting for connection: <cause>` | says who holds the connections, in which file and line, how many wait, and what to do next |
/// | [`retry_in_build`](Self::retry_in_build) | `build` tries until *all* of `min_idle` are there, or `connection_timeout` is over | each is tried once, several at a time: a wrong password is told at once, and a pool with some starts |
/// | [`retry_until_timeout`](Self::retry_until_timeout) | `get` goes on until its timeout, whatever the error | after three attempts whoever no connection could serve is told, and a breaker spares the server |
/// | [`synchronous_events`](Self::synchronous_events) | handlers run where it happens, and are waited for | handlers run on a thread of their own, in the same order: one that is slow holds nobody up |
/// | [`reap_below_min_idle`](Self::reap_below_min_idle) | idle connections end below `min_idle` too, and are made anew; lifetimes are looked at now and then | only what exceeds `min_idle` ends; lifetimes end on time, also at the return, a tenth apart, one at a time |
/// | [`reaper_rate`](Self::reaper_rate) | every 30 s | there is none: the keeper sleeps until something is due |
/// | [`test_each_checkout`](Self::test_each_checkout) | each checkout waits for `is_valid`, unless `test_on_check_out(false)` | what has rested for 1 s is tested before it is lent, the rest every 30 s: a busy pool asks the server nothing |
/// | [`keep_after_panic`](Self::keep_after_panic) | a connection whose user panicked is lent again as it is | it ends: nobody knows what transaction is open |
/// | [`keep_transactions`](Self::keep_transactions) | a connection is lent again in the transaction that its user left open | that is rolled back at the return, for the drivers that [`Adapter::recycle_by`](super::Adapter::recycle_by) lists |
/// | [`newest_first`](Self::newest_first) | the connection returned last is lent first | the one that the thread had last: nothing shared is written. Needed where many threads share few, and idle ones are to end |
///
/// Whatever is *set* holds under either rules: `test_on_check_out(true)` tests at each checkout, `test_on_check_out(false)` never.
///
/// ```
/// use slackwater::r2d2::Rules;
///
/// // r2d2's but for one.
/// let mut rules = Rules::r2d2();
/// rules.keep_after_panic = false;
/// assert_ne!(rules, Rules::r2d2());
/// assert!(!Rules::default().retry_in_build);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// Whether a connection ends on the thread that finds that it is to. What idles or is too old ends in the background anyway.
    pub destroy_on_caller: bool,
    /// Whether errors say no more than r2d2's do. `source()` has all of it in any case.
    pub short_errors: bool,
    /// Whether `build` makes connections until all are there or its time is over, rather than to try each once.
    pub retry_in_build: bool,
    /// Whether callers wait for a connection although making one keeps failing. Between attempts there are r2d2's pauses: 400 ms,
    /// doubled up to half the `connection_timeout`, at most that. A hundred failures in a row are told all the same, as is a pause
    /// that ends no earlier than the caller's patience.
    pub retry_until_timeout: bool,
    /// Whether the event handler is called on the thread on which it happens, which waits for it. If not, 1,024 events wait for
    /// the handler's thread; what is more is lost, and counted.
    pub synchronous_events: bool,
    /// Whether idle connections end, and are made anew, however few there are, and lifetimes are looked at now and then. A
    /// connection in use that is too old is lent again until the reaper finds it free.
    pub reap_below_min_idle: bool,
    /// How often that is: 1 ms and more. Without effect while `reap_below_min_idle` is not set.
    pub reaper_rate: Duration,
    /// Whether a checkout tests the connection where nothing is set.
    pub test_each_checkout: bool,
    /// Whether a connection goes back to the others after its user panicked.
    pub keep_after_panic: bool,
    /// Whether a connection goes back with the transaction that its user left open. What [`recycle_by`](super::Adapter::recycle_by) says
    /// holds in any case.
    pub keep_transactions: bool,
    /// Whether the connection that was returned last is lent first. Slower.
    pub newest_first: bool,
}

impl Rules {
    /// This crate's.
    pub const fn ours() -> Self {
        Self {
            destroy_on_caller: false,
            short_errors: false,
            retry_in_build: false,
            retry_until_timeout: false,
            synchronous_events: false,
            reap_below_min_idle: false,
            reaper_rate: REAPER_RATE,
            test_each_checkout: false,
            keep_after_panic: false,
            keep_transactions: false,
            newest_first: false,
        }
    }

    /// r2d2's.
    pub const fn r2d2() -> Self {
        Self {
            destroy_on_caller: true,
            short_errors: true,
            retry_in_build: true,
            retry_until_timeout: true,
            synchronous_events: true,
            reap_below_min_idle: true,
            reaper_rate: REAPER_RATE,
            test_each_checkout: true,
            keep_after_panic: true,
            keep_transactions: true,
            newest_first: true,
        }
    }
}

impl Default for Rules {
    /// Ours.
    fn default() -> Self {
        Self::ours()
    }
}
