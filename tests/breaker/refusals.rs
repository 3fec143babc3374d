//! What the settings refuse: the field, the value and the allowed range are in the message.

use super::*;
use slackwater::Trip;

type Refused = (fn(BreakerConfig) -> BreakerConfig, &'static str, &'static str, &'static str);

const DAY: Duration = Duration::from_secs(86_400);

const REFUSED: &[Refused] = &[
    (|c| c.failure_threshold(0), "breaker.failure_threshold", "0", "1 to 100000"),
    (|c| c.failure_threshold(100_001), "breaker.failure_threshold", "100001", "1 to 100000"),
    (|c| c.failure_rate(0.0, SECOND, 1), "breaker.failure_rate.ratio", "0.0", "0.001 to 1.0"),
    (|c| c.failure_rate(1.01, SECOND, 1), "breaker.failure_rate.ratio", "1.01", "0.001 to 1.0"),
    (|c| c.failure_rate(50.0, SECOND, 1), "breaker.failure_rate.ratio", "50.0", "0.001 to 1.0"),
    (|c| c.failure_rate(f64::NAN, SECOND, 1), "breaker.failure_rate.ratio", "NaN", "0.001 to 1.0"),
    (|c| c.failure_rate(0.5, MS * 100 - NS, 1), "breaker.failure_rate.window", "99.999999ms", "100ms to 86400s"),
    (|c| c.failure_rate(0.5, DAY + NS, 1), "breaker.failure_rate.window", "86400.000000001s", "100ms to 86400s"),
    (|c| c.failure_rate(0.5, SECOND, 0), "breaker.failure_rate.at_least", "0", "1 to 511"),
    (|c| c.failure_rate(0.5, SECOND, 512), "breaker.failure_rate.at_least", "512", "1 to 511"),
    (|c| c.open_for(MS - NS), "breaker.open_for", "999.999µs", "1ms to 86400s"),
    (|c| c.open_for(DAY + NS), "breaker.open_for", "86400.000000001s", "1ms to 86400s"),
    (|c| c.open_for_at_first(Duration::ZERO), "breaker.open_for_at_first", "0ns", "1ms to 30s"),
    (|c| c.open_for(SECOND).open_for_at_first(SECOND * 2), "breaker.open_for_at_first", "2s", "1ms to 1s"),
    (|c| c.probes(0), "breaker.probes", "0", "1 to 31"),
    (|c| c.probes(32), "breaker.probes", "32", "1 to 31"),
    (|c| c.success_threshold(0), "breaker.success_threshold", "0", "1 to 63"),
    (|c| c.success_threshold(64), "breaker.success_threshold", "64", "1 to 63"),
];

#[test]
fn each_setting_out_of_range_is_refused_by_its_name() {
    for (set, field, value, allowed) in REFUSED {
        let config = set(BreakerConfig::new());
        let error = config.validate().expect_err(field);
        assert_eq!((error.field, error.value.as_str()), (*field, *value));
        assert_eq!(error.to_string(), format!("{field} = {value} is refused: allowed is {allowed}"));
        assert_eq!(Breaker::new(config).map(drop).unwrap_err(), error);
    }
}

#[test]
fn each_limit_is_accepted_and_has_its_effect() {
    let most = BreakerConfig::new().probes(31).success_threshold(63).open_for(DAY).open_for_at_first(DAY);
    let (breaker, clock) = breaker(most.failure_threshold(100_000));
    (0..99_999).for_each(|_| fails(&breaker));
    assert_eq!(breaker.stats().failures, 99_999);
    fails(&breaker);
    assert_eq!(breaker.retry_after(), Some(DAY));
    clock.advance(DAY);
    let permits: Vec<_> = (0..100).filter_map(|_| breaker.acquire().ok()).collect();
    assert_eq!(permits.len(), 31);
    permits.into_iter().for_each(|permit| permit.succeeded());
    (0..31).for_each(|_| succeeds(&breaker));
    assert_eq!(breaker.stats().state, slackwater::BreakerState::HalfOpen);
    succeeds(&breaker);
    assert_eq!(breaker.stats().state, slackwater::BreakerState::Closed);
    for rate in [(0.001, MS * 100, 511), (1.0, DAY, 1)] {
        assert!(BreakerConfig::new().failure_rate(rate.0, rate.1, rate.2).validate().is_ok());
    }
}

#[test]
fn the_last_of_the_two_ways_to_open_it_stands() {
    let config = BreakerConfig::new().failure_threshold(3).failure_rate(0.5, SECOND, 10);
    assert_eq!(config.trip, Trip::Rate { ratio: 0.5, window: SECOND, at_least: 10 });
    assert_eq!(config.failure_threshold(4).trip, Trip::Consecutive(4));
    assert_eq!(BreakerConfig::new(), BreakerConfig::default());
}
