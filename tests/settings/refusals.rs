//! What `build` refuses: the field, the value and the allowed range are in the message.

use slackwater::{BuildError, Builder, Fairness, MAX_SLOTS, MAX_SPAN, OnLeak, Pool, PoolConfig, Scaling};
use std::error::Error;
use std::time::Duration;

type Make = fn() -> Result<String, String>;

fn make() -> Result<String, String> {
    Err("a refused pool makes nothing".to_owned())
}

/// How a pool comes by a setting, the field at fault, its value as it is shown, and what the message says is allowed.
type Refused = (fn(Builder<Make>) -> Builder<Make>, &'static str, &'static str, &'static str);

const TOO_LONG: Duration = Duration::from_nanos(MAX_SPAN.as_nanos() as u64 + 1);

/// The longest span measured from a checkout or a return on: 100 days.
const MAX_NOTED: Duration = Duration::from_secs(8_640_000);

const TOO_LONG_NOTED: Duration = Duration::from_nanos(MAX_NOTED.as_nanos() as u64 + 1);

const MS: Duration = Duration::from_millis(1);

const TINY: Duration = Duration::from_nanos(1);

const REFUSED: &[Refused] = &[
    (|b| b.max_size(MAX_SLOTS + 1), "max_size", "65537", "0 to 65536"),
    (|b| b.max_size(0), "max_size", "0", "at least 1"),
    (|b| b.max_size(2).max_overflow(MAX_SLOTS - 1), "max_overflow", "65535", "0 to 65534"),
    (|b| b.max_overflow(usize::MAX), "max_overflow", "18446744073709551615", "0 to 65535"),
    (|b| b.max_size(3).min_idle(4), "min_idle", "4", "0 to 3"),
    (|b| b.max_size(0).max_overflow(1).min_idle(1), "min_idle", "1", "0 to 0"),
    (|b| b.overflow_ttl(Duration::from_secs(1)), "overflow_ttl", "1s", "set max_overflow"),
    (|b| b.max_overflow(1).overflow_ttl(TOO_LONG_NOTED), "overflow_ttl", "8640000.000000001s", "0ns to 8640000s"),
    (|b| b.checkout_timeout(TOO_LONG), "checkout_timeout", "31536000.000000001s", "0ns to 31536000s"),
    (|b| b.checkout_timeout(Duration::MAX), "checkout_timeout", "18446744073709551615.999999999s", "0ns to 31536000s"),
    (|b| b.warm_up_timeout(Duration::ZERO), "warm_up_timeout", "0ns", "1ns to 31536000s"),
    (|b| b.warm_up_timeout(TOO_LONG), "warm_up_timeout", "31536000.000000001s", "1ns to 31536000s"),
    (|b| b.fairness(Fairness::Eventual { bound: Duration::ZERO }), "fairness.bound", "0ns", "1ns to 60s"),
    (|b| b.fairness(Fairness::Eventual { bound: Duration::from_secs(61) }), "fairness.bound", "61s", "1ns to 60s"),
    (|b| b.max_waiters(u32::MAX as usize), "max_waiters", "4294967295", "0 to 4294967294"),
    (|b| b.queue_alert(0), "queue_alert", "0", "1 to 4294967294"),
    (|b| b.session_binding(TINY), "session_binding", "1ns", "1ms to 31536000s"),
    (|b| b.session_binding(TOO_LONG), "session_binding", "31536000.000000001s", "1ms to 31536000s"),
    (|b| b.session_places(3), "session_places", "3", "4 to 16777216"),
    (|b| b.session_places((1 << 24) + 1), "session_places", "16777217", "4 to 16777216"),
    (|b| b.create_parallelism(0), "create_parallelism", "0", "1 to 256"),
    (|b| b.create_parallelism(257), "create_parallelism", "257", "1 to 256"),
    (|b| b.create_timeout(Duration::ZERO), "create_timeout", "0ns", "1ns to 31536000s"),
    (|b| b.create_timeout(TOO_LONG), "create_timeout", "31536000.000000001s", "1ns to 31536000s"),
    (|b| b.check_timeout(Duration::ZERO), "check_timeout", "0ns", "1ns to 31536000s"),
    (|b| b.check_timeout(TOO_LONG), "check_timeout", "31536000.000000001s", "1ns to 31536000s"),
    (|b| b.destroy_timeout(Duration::ZERO), "destroy_timeout", "0ns", "1ns to 31536000s"),
    (|b| b.destroy_timeout(TOO_LONG), "destroy_timeout", "31536000.000000001s", "1ns to 31536000s"),
    (|b| b.check_interval(TINY), "check_interval", "1ns", "1ms to 31536000s"),
    (|b| b.check_interval(TOO_LONG), "check_interval", "31536000.000000001s", "1ms to 31536000s"),
    (|b| b.check_if_idle_for(TINY), "check_if_idle_for", "1ns", "1ms to 31536000s"),
    (|b| b.degrade_after(0), "degrade_after", "0", "1 to 1000"),
    (|b| b.degrade_after(1_001), "degrade_after", "1001", "1 to 1000"),
    (|b| b.degrade_after(5).remove_after(4), "remove_after", "4", "5 to 1000"),
    (|b| b.remove_after(1_001), "remove_after", "1001", "1 to 1000"),
    (|b| b.max_lifetime(TINY), "max_lifetime", "1ns", "1ms to 31536000s"),
    (|b| b.max_lifetime(MAX_SPAN).lifetime_jitter(0.51), "lifetime_jitter", "0.51", "0.0 to 0.5"),
    (|b| b.max_lifetime(MAX_SPAN).lifetime_jitter(f64::NAN), "lifetime_jitter", "NaN", "0.0 to 0.5"),
    (|b| b.lifetime_jitter(0.1), "lifetime_jitter", "0.1", "set max_lifetime"),
    (|b| b.max_size(2).min_idle(1).idle_timeout(TINY), "idle_timeout", "1ns", "1ms to 31536000s"),
    (|b| b.max_size(2).idle_timeout(MAX_SPAN), "idle_timeout", "31536000s", "set min_idle lower"),
    #[cfg(feature = "metrics")]
    (|b| b.metrics_interval(TOO_LONG), "metrics_interval", "31536000.000000001s", "100ms to 31536000s"),
    #[cfg(feature = "metrics")]
    (|b| b.metrics_interval(MS), "metrics_interval", "1ms", "100ms to 31536000s"),
    (|b| b.max_uses(0), "max_uses", "0", "1 to 18446744073709551614"),
    (|b| b.surge(MAX_SLOTS + 1), "surge", "65537", "0 to 65536"),
    (|b| b.surge(0), "surge", "0", "set one of them"),
    (|b| b.max_unavailable(MAX_SLOTS + 1), "max_unavailable", "65537", "0 to 65536"),
    (|b| b.max_size(4).ceiling(3), "ceiling", "3", "4 to 65536"),
    (|b| b.max_hold(TINY), "max_hold", "1ns", "1ms to 8640000s"),
    (|b| b.max_hold(TOO_LONG_NOTED), "max_hold", "8640000.000000001s", "1ms to 8640000s"),
    (|b| b.on_leak(OnLeak::Replace { at_most: 1 }), "on_leak", "Replace", "set max_hold"),
    (|b| b.max_hold(MAX_NOTED).on_leak(OnLeak::Replace { at_most: 0 }), "on_leak.at_most", "0", "1 to 1"),
    (|b| b.max_hold(MAX_NOTED).on_leak(OnLeak::Replace { at_most: 2 }), "on_leak.at_most", "2", "1 to 1"),
    (|b| b.memory_budget(0), "memory_budget", "0", "1 to 9223372036854775807"),
    (|b| b.memory_pressure(0.5), "memory_pressure", "0.5", "set memory_budget"),
    (|b| b.memory_budget(9).memory_pressure(0.0), "memory_pressure", "0.0", "0.01 to 1.0"),
    (|b| b.memory_budget(9).memory_pressure(1.1), "memory_pressure", "1.1", "0.01 to 1.0"),
    (|b| b.max_growth(1.0), "max_growth", "1.0", "1.01 to 1000000.0"),
    (|b| b.scaling(Scaling::between(0, 1)), "scaling.min_size", "0", "1 to 1"),
    (|b| b.scaling(Scaling::between(2, 1)), "scaling.min_size", "2", "1 to 1"),
    (|b| b.scaling(Scaling::between(1, MAX_SLOTS + 1)), "scaling.max_size", "65537", "1 to 65536"),
    (|b| b.ceiling(8).scaling(Scaling::between(1, 9)), "scaling.max_size", "9", "1 to 8"),
    (|b| b.max_size(4).scaling(Scaling::between(5, 9)), "max_size", "4", "5 to 9"),
    (|b| b.scaling(Scaling::between(1, 9).band(0.0, 0.5)), "scaling.band.low", "0.0", "0.05 to 0.9"),
    (|b| b.scaling(Scaling::between(1, 9).band(0.5, 0.5)), "scaling.band.high", "0.5", "0.55 to 0.95"),
    (|b| b.scaling(Scaling::between(1, 9).interval(TINY)), "scaling.interval", "1ns", "1ms to 31536000s"),
    (|b| b.check_interval(MS), "check_interval", "1ms", "implement Manager"),
    (|b| b.check_if_idle_for(MS), "check_if_idle_for", "1ms", "implement Manager"),
    (|b| b.memory_budget(9), "memory_budget", "9", "implement Manager"),
    (|b| b.max_growth(2.0), "max_growth", "2.0", "implement Manager"),
    (|b| b.name(""), "name", "\"\"", "1 to 64 bytes"),
    (|b| b.name("a\nb"), "name", "\"a\\nb\"", "without control characters"),
    (|b| b.name("x".repeat(65)), "name", "xxxxx", "1 to 64 bytes"),
];

#[test]
fn a_refused_setting_is_named_with_its_value_and_what_is_allowed() {
    for (set, field, value, allowed) in REFUSED {
        let BuildError::Config(error) = set(Pool::builder(make as Make)).build().expect_err(field) else {
            panic!("{field} = {value}: refused for another reason");
        };
        assert_eq!(error.field, *field);
        assert!(error.value.contains(value), "{field}: {} should be {value}", error.value);
        assert!(error.rule.contains(allowed), "{field}: {} should name {allowed}", error.rule);
        let text = error.to_string();
        for part in [field, value, allowed] {
            assert!(text.contains(part), "{text:?} should contain {part:?}");
        }
        assert!(error.source().is_none());
    }
}

#[test]
fn the_ends_of_every_range_are_accepted() {
    let accepted: [fn(&mut PoolConfig); 25] = [
        |c| c.max_size = MAX_SLOTS,
        |c| (c.max_size, c.max_overflow) = (0, MAX_SLOTS),
        |c| (c.max_size, c.max_overflow) = (1, MAX_SLOTS - 1),
        |c| (c.max_size, c.min_idle) = (3, Some(3)),
        |c| c.min_idle = Some(0),
        |c| (c.max_overflow, c.overflow_ttl) = (1, Some(Duration::ZERO)),
        |c| (c.max_overflow, c.overflow_ttl) = (1, Some(MAX_NOTED)),
        |c| c.max_hold = Some(MAX_NOTED),
        |c| c.checkout_timeout = Duration::ZERO,
        |c| c.checkout_timeout = MAX_SPAN,
        |c| c.warm_up_timeout = Duration::from_nanos(1),
        |c| (c.create_timeout, c.check_timeout, c.destroy_timeout) = (TINY, MAX_SPAN, MAX_SPAN),
        |c| (c.create_timeout, c.check_timeout, c.destroy_timeout) = (MAX_SPAN, TINY, TINY),
        |c| c.fairness = Fairness::Eventual { bound: Duration::from_nanos(1) },
        |c| c.fairness = Fairness::Eventual { bound: Duration::from_secs(60) },
        |c| (c.max_waiters, c.create_parallelism) = (Some(0), Some(1)),
        |c| (c.check_interval, c.check_if_idle_for) = (Some(MS), Some(MAX_SPAN)),
        |c| (c.check_interval, c.check_if_idle_for) = (Some(MAX_SPAN), Some(MS)),
        |c| (c.degrade_after, c.remove_after) = (1_000, 1_000),
        |c| (c.max_lifetime, c.lifetime_jitter, c.max_uses) = (Some(MS), Some(0.5), Some(u64::MAX - 1)),
        |c| (c.min_idle, c.idle_timeout, c.surge, c.max_unavailable) = (Some(0), Some(MS), 0, MAX_SLOTS),
        |c| (c.ceiling, c.max_hold, c.on_leak) = (Some(1), Some(MS), OnLeak::Replace { at_most: 1 }),
        |c| (c.memory_budget, c.memory_pressure, c.max_growth) = (Some(u64::MAX / 2), Some(1.0), Some(1.01)),
        |c| c.scaling = Some(Scaling::between(1, MAX_SLOTS).band(0.05, 0.95).interval(MS)),
        |c| {
            (c.max_waiters, c.create_parallelism, c.name) =
                (Some(u32::MAX as usize - 1), Some(256), Some("x".repeat(64)))
        },
    ];
    for (at, set) in accepted.iter().enumerate() {
        let mut config = PoolConfig::default();
        set(&mut config);
        assert_eq!(config.validate(), Ok(()), "case {at}");
    }
}

#[test]
fn the_defaults_are_those_the_builder_documents() {
    let config = PoolConfig::default();
    assert_eq!((config.max_size, config.max_overflow, config.min_idle), (1, 0, None));
    assert_eq!((config.overflow_ttl, config.max_waiters, config.create_parallelism), (None, None, None));
    assert_eq!(config.checkout_timeout, Duration::from_secs(5));
    assert_eq!(config.warm_up_timeout, Duration::from_secs(30));
    let job_timeouts = [config.create_timeout, config.check_timeout, config.destroy_timeout];
    assert_eq!(job_timeouts, [30, 5, 30].map(Duration::from_secs));
    assert_eq!(config.fairness, Fairness::Eventual { bound: Duration::from_micros(500) });
    assert_eq!((config.check_interval, config.check_if_idle_for), (Some(Duration::from_secs(30)), None));
    assert_eq!((config.degrade_after, config.remove_after), (1, 3));
    assert_eq!((config.max_lifetime, config.idle_timeout, config.max_uses, config.max_hold), (None, None, None, None));
    assert_eq!((config.surge, config.max_unavailable, config.ceiling), (1, 0, None));
    assert_eq!((config.memory_budget, config.max_growth, &config.scaling), (None, None, &None));
    assert_eq!((config.on_leak, config.record_uses), (OnLeak::Report, false));
    assert_eq!((config.time_one_in, config.queue_alert), (2_048, None));
    assert_eq!(config.validate(), Ok(()));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    assert_eq!(PoolConfig::per_core().max_size, cores * 2);
}
