//! How long things take: counts in buckets that widen with the value.
//!
//! The buckets are log-linear, as in G. Tene's HdrHistogram: each doubling is cut into the same number of steps, so that the
//! error is a share of the value, whatever that is. Writers add to two words and wait for nobody; readers copy.

use super::distribution::Distribution;
use crate::keeper::nanos;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::Duration;

/// Steps to a doubling, as a power of two: a bucket is at most a sixteenth wider than its lowest value.
const STEP_BITS: u32 = 4;
const STEPS: u64 = 1 << STEP_BITS;

/// Values from here on share the last bucket: 2^43 ns, 2.4 h.
const TOP_BITS: u32 = 43;

/// Buckets of a histogram, at 8 bytes each.
pub(super) const BUCKETS: usize = ((TOP_BITS - STEP_BITS + 1) as usize) << STEP_BITS;

/// The bucket of `value`, in nanoseconds.
pub(super) fn bucket_of(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = value.ilog2() - STEP_BITS;
    let bucket = (u64::from(shift) * STEPS + (value >> shift)) as usize;
    bucket.min(BUCKETS - 1)
}

/// The least value of a bucket.
pub(super) fn least_of(bucket: usize) -> u64 {
    let (group, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if group == 0 { step } else { (STEPS + step) << (group - 1) }
}

/// The greatest value of a bucket; of the last one there is none.
pub(super) fn greatest_of(bucket: usize) -> u64 {
    if bucket + 1 < BUCKETS { least_of(bucket + 1) - 1 } else { u64::MAX }
}

/// Counts spans of time from many threads at once, without a lock.
///
/// Takes 5 KiB. A pool has one for each of its [`Latencies`](crate::Latencies); this is for load tests and for times of your
/// own.
pub struct Histogram {
    /// All that is written, apart: beside it may lie what others read all the time.
    written: Box<Written>,
}

/// On lines of its own, and the sum not on those of the counts that are the likeliest.
#[repr(align(128))]
struct Written {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    max: AtomicU64,
}

impl Histogram {
    /// One that has counted nothing yet.
    pub fn new() -> Self {
        let counts = [const { AtomicU64::new(0) }; BUCKETS];
        Self { written: Box::new(Written { counts, sum: AtomicU64::new(0), max: AtomicU64::new(0) }) }
    }

    /// Counts a span.
    pub fn record(&self, span: Duration) {
        self.add(nanos(span), 1);
    }

    /// Counts a span that a load test measured which sends one request every `interval` and waits for each answer.
    ///
    /// While such a test waits for a slow answer it sends nothing, so it leaves out just those requests that would have been
    /// slow as well: *coordinated omission*. For each that was due meanwhile the time is counted that it would have
    /// waited: `span - interval`, `span - 2 * interval` and so on. Better still is to measure each from the moment when it was due,
    /// and to use [`record`](Self::record).
    pub fn record_corrected(&self, span: Duration, interval: Duration) {
        let (span, interval) = (nanos(span), nanos(interval));
        self.add(span, 1);
        // A bucket at a time: a long span and a short interval would otherwise take long to count.
        let mut next = span.checked_sub(interval).filter(|_| interval > 0);
        let Written { counts, sum, .. } = &*self.written;
        while let Some(value) = next.filter(|value| *value >= interval) {
            let least = least_of(bucket_of(value)).max(interval);
            let times = (value - least) / interval + 1;
            counts[bucket_of(value)].fetch_add(times, Relaxed);
            let (all, below) = (u128::from(value) * u128::from(times), u128::from(times) * u128::from(times - 1) / 2);
            grow(sum, u64::try_from(all - u128::from(interval) * below).unwrap_or(u64::MAX));
            next = value.checked_sub(interval.saturating_mul(times));
        }
    }

    /// What was counted so far.
    pub fn distribution(&self) -> Distribution {
        let Written { counts, sum, max } = &*self.written;
        // Acquire: meets the Release in `add`. No value is counted whose maximum is not there.
        let counts = counts.iter().map(|count| count.load(Acquire)).collect();
        Distribution::of(counts, sum.load(Relaxed), max.load(Relaxed))
    }

    /// Counts `times` spans of `value` nanoseconds.
    pub(crate) fn add(&self, value: u64, times: u64) {
        let Written { counts, sum, max } = &*self.written;
        // A load where there is nothing to raise.
        if value > max.load(Relaxed) {
            max.fetch_max(value, Relaxed);
        }
        grow(sum, value.saturating_mul(times));
        counts[bucket_of(value)].fetch_add(times, Release);
    }
}

/// Adds to a sum that stays at its greatest value, 584 years, rather than to begin anew.
fn grow(sum: &AtomicU64, by: u64) {
    let before = sum.fetch_add(by, Relaxed);
    if before.checked_add(by).is_none() {
        sum.store(u64::MAX, Relaxed);
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Histogram").field(&self.distribution()).finish()
    }
}

#[cfg(all(test, not(any(slackwater_loom, slackwater_shuttle))))]
mod tests {
    use super::*;

    const NS: Duration = Duration::from_nanos(1);

    #[test]
    fn each_value_is_in_one_bucket_and_no_bucket_is_wider_than_a_sixteenth_of_it() {
        for bucket in 0..BUCKETS - 1 {
            let (least, greatest) = (least_of(bucket), greatest_of(bucket));
            assert_eq!((bucket_of(least), bucket_of(greatest)), (bucket, bucket));
            assert_eq!(bucket_of(greatest + 1), bucket + 1);
            assert!((greatest - least) * STEPS <= least, "{least} to {greatest}");
        }
        assert_eq!((least_of(BUCKETS - 1), bucket_of(u64::MAX)), (31 << (TOP_BITS - STEP_BITS - 1), BUCKETS - 1));
    }

    #[test]
    fn what_many_threads_count_is_all_there() {
        let histogram = Histogram::new();
        std::thread::scope(|scope| {
            for thread in 1..=4 {
                let histogram = &histogram;
                scope.spawn(move || (0..10_000).for_each(|each| histogram.record((thread * each % 1_000) * NS)));
            }
        });
        let counted = histogram.distribution();
        let expected: u32 = (1..=4).flat_map(|thread| (0..10_000).map(move |each| thread * each % 1_000)).sum();
        assert_eq!((counted.count(), counted.sum(), counted.max()), (40_000, expected * NS, 999 * NS));
    }

    /// Counting one after another, as the law is stated.
    fn one_by_one(span: u64, interval: u64) -> Distribution {
        let histogram = Histogram::new();
        histogram.add(span, 1);
        let mut missing = span;
        while missing >= 2 * interval {
            missing -= interval;
            histogram.add(missing, 1);
        }
        histogram.distribution()
    }

    #[test]
    fn correcting_for_coordinated_omission_counts_every_request_that_was_due_meanwhile() {
        for (span, interval) in
            [(10, 1), (1_000, 7), (99, 100), (100, 100), (199, 100), (200, 100), (1 << 20, 3), (5, 5)]
        {
            let histogram = Histogram::new();
            histogram.record_corrected(Duration::from_nanos(span), Duration::from_nanos(interval));
            assert_eq!(histogram.distribution(), one_by_one(span, interval), "{span} at {interval}");
        }
    }

    #[test]
    fn a_long_span_at_a_short_interval_is_counted_at_once_and_none_without_an_interval() {
        let histogram = Histogram::new();
        histogram.record_corrected(Duration::from_secs(100_000), NS);
        assert_eq!(histogram.distribution().count(), 100_000_000_000_000);
        histogram.record_corrected(Duration::from_secs(1), Duration::ZERO);
        assert_eq!(histogram.distribution().count(), 100_000_000_000_001);
    }

    #[test]
    fn a_sum_that_is_full_stays_so() {
        let histogram = Histogram::new();
        // As one of a few seconds, with the greatest weight there is.
        histogram.add(5_000_000_000, u64::from(u32::MAX));
        histogram.add(1, 1);
        assert_eq!(histogram.distribution().sum(), Duration::from_nanos(u64::MAX));
        let histogram = Histogram::new();
        histogram.record_corrected(Duration::from_secs(100_000), NS);
        assert_eq!(histogram.distribution().sum(), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn what_is_counted_is_not_beyond_the_maximum_whenever_one_looks() {
        let histogram = Histogram::new();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..300_000).for_each(|value| histogram.add(value, 1)));
            while !writer.is_finished() {
                let seen = histogram.distribution();
                let longest = bucket_of(nanos(seen.max()));
                assert_eq!(seen.up_to(seen.max()), seen.count(), "some are beyond bucket {longest}");
            }
        });
    }

    /// A thread that sends every millisecond and is answered in a microsecond, apart from one stall of a second.
    #[test]
    fn a_stall_that_a_load_test_sat_out_shows_in_its_percentiles() {
        let (naive, corrected) = (Histogram::new(), Histogram::new());
        for request in 0..1_000 {
            let took = if request == 500 { Duration::from_secs(1) } else { Duration::from_micros(1) };
            naive.record(took);
            corrected.record_corrected(took, Duration::from_millis(1));
        }
        assert!(naive.distribution().percentile(99.0) < Duration::from_micros(2));
        assert!(corrected.distribution().percentile(75.0) > Duration::from_millis(400));
    }
}
