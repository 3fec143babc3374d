//! Load: how much of the pool is in use over time, and what size fits it.

use crate::core::Right;
use crate::manager::Manager;
use crate::observe::DestroyReason;
use crate::pool::Inner;
use std::fmt;
use std::time::Duration;

use super::nanos;

/// Time spans the load is remembered for: 6 of 10 s.
const SPANS: usize = 6;
const SPAN: u64 = 10_000_000_000;

/// The share in use that advice aims at, in the middle of the band most pools run well in.
const AIM: f64 = 0.7;

/// The load over some time.
#[derive(Clone, Copy, Default)]
struct Span {
    /// Resources in use, summed over time: resource-nanoseconds.
    area: u128,
    time: u64,
    checkouts: u64,
    peak: usize,
}

/// What was seen at some time.
#[derive(Clone, Copy)]
struct Look {
    at: u64,
    in_use: usize,
    checkouts: u64,
}

/// The load of the last minute, and since the last change of size.
#[derive(Default)]
pub(crate) struct Load {
    last: Option<Look>,
    spans: [Span; SPANS],
    at: usize,
    since_change: Span,
    /// Intervals in a row below the band.
    low: u32,
}

impl Load {
    /// A look. What was in use at the one before was so until now: between looks far apart the pool was at rest.
    pub(super) fn look(&mut self, now: u64, in_use: usize, checkouts: u64) {
        if let Some(before) = self.last.replace(Look { at: now, in_use, checkouts }) {
            let time = now.saturating_sub(before.at);
            if self.spans[self.at].time >= SPAN {
                self.at = (self.at + 1) % SPANS;
                self.spans[self.at] = Span::default();
            }
            let at = self.at;
            for span in [&mut self.spans[at], &mut self.since_change] {
                span.area += before.in_use as u128 * u128::from(time);
                span.time += time;
                span.checkouts += checkouts.saturating_sub(before.checkouts);
                span.peak = span.peak.max(in_use);
            }
        }
    }

    fn last_minute(&self) -> Span {
        self.spans.iter().fold(Span::default(), |all, span| Span {
            area: all.area + span.area,
            time: all.time + span.time,
            checkouts: all.checkouts + span.checkouts,
            peak: all.peak.max(span.peak),
        })
    }
}

impl Span {
    fn mean(&self) -> f64 {
        if self.time == 0 { 0.0 } else { self.area as f64 / self.time as f64 }
    }
}

/// What size would fit the load of the last minute, by Little's law: mean in use = rate x mean hold.
///
/// J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W", Operations Research 9 (1961).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Advice {
    /// Over how much time the load was observed. Short or idle times advise nothing.
    pub observed: Duration,
    /// Checkouts a second.
    pub rate: f64,
    /// How long a resource is held, on average.
    pub mean_hold: Duration,
    /// Resources in use, on average over the time.
    pub mean_in_use: f64,
    /// The most seen in use at once, in looks 0.1 s apart.
    pub peak_in_use: usize,
    /// The pool's `max_size` now.
    pub size: usize,
    /// The size at which 70 % are in use on average, at least the peak if nobody had to wait at it.
    pub recommended: usize,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Advice { rate, mean_hold, mean_in_use, size, recommended, .. } = self;
        write!(f, "{rate:.1} checkouts/s held {mean_hold:.1?} are {mean_in_use:.2} in use: ")?;
        match recommended.cmp(size) {
            std::cmp::Ordering::Equal => write!(f, "max_size {size} fits"),
            _ => write!(f, "max_size {recommended} would fit, it is {size}"),
        }
    }
}

impl<M: Manager> Inner<M> {
    pub(crate) fn advise(&self) -> Advice {
        let span = self.keeper.lock().load.last_minute();
        let (mean, seconds) = (span.mean(), span.time as f64 / 1e9);
        let mean_hold = span.area.checked_div(u128::from(span.checkouts)).unwrap_or(0);
        let size = self.max_size();
        // A peak at the limit says that more may have been wanted, not how many.
        let least = if span.peak < size { span.peak } else { 1 };
        Advice {
            observed: Duration::from_nanos(span.time),
            rate: if span.time == 0 { 0.0 } else { span.checkouts as f64 / seconds },
            mean_hold: Duration::from_nanos(mean_hold as u64),
            mean_in_use: mean,
            peak_in_use: span.peak,
            size,
            recommended: if span.checkouts == 0 { size } else { ((mean / AIM).ceil() as usize).max(least).max(1) },
        }
    }

    /// Adapts `max_size` to the load, at most once an `interval`: up after one above the band, down after two below it.
    pub(super) fn scale(&self, now: u64) -> Option<u64> {
        let config = self.config();
        let scaling = config.scaling.as_ref()?;
        let interval = nanos(scaling.interval);
        let (low, high) = scaling.band;
        let size = self.max_size();
        let mean = {
            let mut state = self.keeper.lock();
            let span = state.load.since_change;
            if span.time < interval {
                // At rest only a pool that can shrink has anything to wait for.
                let rests = span.peak == 0 && size <= scaling.min_size;
                return (!rests).then_some(now + (interval - span.time));
            }
            state.load.since_change = Span::default();
            let used = span.mean() / size as f64;
            state.load.low = if used < low { state.load.low + 1 } else { 0 };
            let down = state.load.low >= 2;
            if !(used > high || down) {
                return Some(now + interval);
            }
            state.load.low = 0;
            span.mean()
        };
        let fitting = (mean / ((low + high) / 2.0)).ceil() as usize;
        let wanted = fitting.clamp(scaling.min_size, scaling.max_size);
        if wanted != size {
            let min_idle = config.min_idle.map_or(wanted, |least| least.min(wanted));
            let end = |surplus: Right<'_, M::Resource>| self.send_to_end(surplus, DestroyReason::Resized);
            match self.scale_to(&config, (min_idle, wanted), end) {
                Ok(false) => {}
                Ok(true) => {
                    self.log(log::Level::Info, format_args!("{mean:.1} in use on average: max_size {size} -> {wanted}"))
                }
                Err(error) => self.log(log::Level::Error, format_args!("could not scale: {error}")),
            }
        }
        Some(now + interval)
    }
}
