//! The breaker for calls of the user's own.

mod support;

#[path = "breaker/calls.rs"]
mod calls;
#[path = "breaker/model.rs"]
mod model;
#[path = "breaker/probes.rs"]
mod probes;
#[path = "breaker/rate.rs"]
mod rate;
#[path = "breaker/refusals.rs"]
mod refusals;
#[path = "breaker/walks.rs"]
mod walks;

use slackwater::{Breaker, BreakerConfig, BreakerError, BreakerOpen, VirtualClock};
use std::time::Duration;

const NS: Duration = Duration::from_nanos(1);
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A breaker in a time of its own, at zero.
fn breaker(config: BreakerConfig) -> (Breaker, VirtualClock) {
    let clock = VirtualClock::new();
    (Breaker::with_clock(config, &clock).expect("a setting that is allowed"), clock)
}

/// A breaker that opened at time zero.
fn open(config: BreakerConfig) -> (Breaker, VirtualClock) {
    let (breaker, clock) = breaker(config);
    breaker.trip();
    (breaker, clock)
}

/// The error of a backend. It owns memory, so that one dropped twice is seen.
type Down = Box<str>;

fn succeeds(breaker: &Breaker) {
    assert_eq!(breaker.call(|| Ok::<_, Down>("fine".to_owned())).as_deref(), Ok("fine"));
}

fn fails(breaker: &Breaker) {
    assert_eq!(breaker.call(|| Err::<(), Down>("down".into())), Err(BreakerError::Failed("down".into())));
}

/// A call that must not be made.
#[track_caller]
fn refused(breaker: &Breaker) -> BreakerOpen {
    match breaker.call(|| -> Result<(), Down> { panic!("the call was made") }) {
        Err(BreakerError::Open(open)) => open,
        _ => unreachable!("the closure neither returns nor is called"),
    }
}
