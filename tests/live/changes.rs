//! What a change is: whole or not at all, told, and seen whole.

use super::support::{Probe, WATCHDOG, closes_balanced};
use slackwater::{Keeper, Mode, OnLeak, Pool, PoolConfig, PoolEvent, ReconfigureError, Scaling, VirtualClock};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const SEC: Duration = Duration::from_secs(1);

fn still() -> Pool<Probe> {
    Pool::builder(Probe::new())
        .max_size(2)
        .ceiling(6)
        .keeper(Keeper::Manual)
        .clock(&VirtualClock::new())
        .build()
        .unwrap()
}

fn refused(pool: &Pool<Probe>, change: impl Fn(&mut PoolConfig)) -> String {
    let before = format!("{:?}", pool.config());
    let error = pool
        .reconfigure(|config| {
            // Whatever is allowed beside it.
            (config.checkout_timeout, config.degrade_after) = (SEC, 2);
            change(config);
        })
        .unwrap_err();
    assert_eq!(format!("{:?}", pool.config()), before, "nothing changes");
    assert!(matches!(error, ReconfigureError::Config(_)), "{error}");
    error.to_string()
}

#[test]
fn what_cannot_change_is_refused_with_the_reason_and_nothing_changes() {
    let pool = still();
    type Set = fn(&mut PoolConfig);
    let fixed: [(&str, Set); 11] = [
        ("name", |c| c.name = Some("other".to_owned())),
        ("strategy", |c| c.strategy = slackwater::Strategy::Fifo),
        ("warm_up_timeout", |c| c.warm_up_timeout = SEC),
        ("keeper", |c| c.keeper = Keeper::Shared),
        ("fences", |c| c.fences = slackwater::Fences::Portable),
        ("clock", |c| c.clock = (&VirtualClock::new()).into()),
        ("breaker", |c| c.breaker = None),
        ("breaker", |c| c.breaker = Some(slackwater::BreakerConfig::new().failure_rate(0.5, SEC, 9))),
        ("ceiling", |c| c.ceiling = Some(9)),
        ("record_uses", |c| c.record_uses = true),
        ("session_places", |c| c.session_places = Some(64)),
    ];
    for (name, set) in fixed {
        let text = refused(&pool, set);
        assert!(text.starts_with(&format!("{name} = ")), "{text}");
        assert!(text.contains("cannot change while the pool lives: ") && text.contains("leave it at"), "{text}");
    }
    closes_balanced(&pool);
}

#[test]
fn what_is_out_of_range_or_has_no_place_is_refused_with_its_name() {
    let pool = still();
    type Set = fn(&mut PoolConfig);
    let bad: [(&str, Set); 10] = [
        ("max_size", |c| c.max_size = 7),
        ("max_size", |c| c.max_size = usize::MAX),
        ("max_size", |c| c.max_size = 0),
        ("max_overflow", |c| c.max_overflow = usize::MAX),
        ("surge", |c| c.surge = 8),
        ("on_leak.at_most", |c| (c.max_hold, c.on_leak) = (Some(SEC), OnLeak::Replace { at_most: 8 })),
        ("scaling.max_size", |c| c.scaling = Some(Scaling::between(1, 7))),
        ("min_idle", |c| c.min_idle = Some(3)),
        ("mode.pooled", |c| c.mode = Mode::Mixed { pooled: 101 }),
        ("remove_after", |c| c.remove_after = 1),
    ];
    for (name, set) in bad {
        let text = refused(&pool, set);
        assert!(text.starts_with(&format!("{name} = ")), "{name}: {text}");
    }
    assert!(refused(&pool, |c| c.max_size = 7).contains("build it with a higher ceiling"));
    closes_balanced(&pool);
}

#[test]
fn the_answer_says_what_changed_and_so_does_an_event() {
    let pool = still();
    let events = pool.subscribe(100);
    let answer =
        pool.reconfigure(|c| (c.max_size, c.max_lifetime, c.idle_timeout) = (4, Some(60 * SEC), None)).unwrap();
    assert_eq!(answer.to_string(), "max_size 2 -> 4, max_lifetime unset -> 60s");
    assert_eq!((answer[0].name, &*answer[0].from, &*answer[0].to), ("max_size", "2", "4"));
    let told = |events: &crossbeam_channel::Receiver<PoolEvent>| {
        let changes = events.try_iter().filter_map(|event| match event {
            PoolEvent::Reconfigured { changes } => Some(changes),
            _ => None,
        });
        changes.collect::<Vec<_>>()
    };
    assert_eq!(told(&events), [answer]);
    // The same once more is no change.
    let again = pool.reconfigure(|c| c.max_size = 4).unwrap();
    assert!(again.is_empty() && told(&events).is_empty());
    assert_eq!(again.to_string(), "nothing changed");
    closes_balanced(&pool);
}

#[test]
fn a_resize_by_hand_is_one_of_the_settings() {
    let pool = still();
    pool.resize(1, 3).unwrap();
    assert_eq!((pool.config().min_idle, pool.config().max_size), (Some(1), 3));
    let changes = pool.reconfigure(|c| c.max_size = 2).unwrap();
    assert_eq!(changes.to_string(), "max_size 3 -> 2");
    assert_eq!((pool.stats().max_size, pool.stats().total), (2, 2));
    closes_balanced(&pool);
}

#[test]
fn a_closed_pool_stays_as_it_is() {
    let pool = still();
    closes_balanced(&pool);
    let error = pool.reconfigure(|c| c.max_size = 4).unwrap_err();
    assert!(matches!(error, ReconfigureError::Closed(_)), "{error}");
    assert_eq!(pool.config().max_size, 2);
}

#[test]
fn the_change_may_use_the_pool_itself() {
    let pool = still();
    let changes =
        pool.reconfigure(|c| c.max_size = pool.config().max_size + pool.checkout().unwrap().number.min(1)).unwrap();
    assert_eq!(changes.len(), 1);
    // Whoever is overtaken in between begins anew with what there is then.
    let mut calls = 0;
    let changes = pool.reconfigure(|c| {
        calls += 1;
        if calls == 1 {
            pool.resize(0, 5).unwrap();
        }
        c.max_size += 1;
    });
    assert_eq!((changes.unwrap().to_string().as_str(), calls), ("max_size 5 -> 6", 2));
    closes_balanced(&pool);
}

/// Promise: settings are seen whole. Provoked: two that are told apart by each of three fields, while others read.
#[test]
fn nobody_sees_half_of_a_change() {
    let pool = still();
    let set = |seconds: u64| {
        move |c: &mut PoolConfig| {
            let span = Duration::from_secs(seconds);
            c.checkout_timeout = span;
            (c.backoff.base, c.backoff.max) = (span, span);
        }
    };
    let _first = pool.reconfigure(set(1)).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    let seen = pool.config();
                    assert_eq!((seen.checkout_timeout, seen.backoff.base), (seen.backoff.max, seen.backoff.max));
                    drop(pool.checkout_timeout(WATCHDOG).unwrap());
                }
            });
        }
        for round in 0..1_000 {
            let _changes = pool.reconfigure(set(2 + round % 2)).unwrap();
        }
        stop.store(true, SeqCst);
    });
    closes_balanced(&pool);
}

#[cfg(feature = "config")]
mod from_files {
    use super::*;
    use slackwater::Settings;

    #[test]
    fn a_file_that_is_read_again_changes_what_it_says_and_leaves_the_clock() {
        let read = |text: &str| Settings::new().toml("pool.toml", text).unwrap().config().unwrap();
        let clock = VirtualClock::new();
        let first = read("max_size = 2\nceiling = 6\nkeeper = \"manual\"\ncheckout_timeout = \"1s\"");
        let pool = Pool::builder(Probe::new()).config(first).clock(&clock).build().unwrap();
        let second = read("max_size = 3\nceiling = 6\nkeeper = \"manual\"\nmax_waiters = 9");
        let changes = pool.reconfigure(|config| *config = second.clone()).unwrap();
        assert_eq!(changes.to_string(), "max_size 2 -> 3, checkout_timeout 1s -> 5s, max_waiters unset -> 9");
        clock.advance(SEC);
        closes_balanced(&pool);
    }

    /// Promise: the table says of each setting whether it can change. Provoked: each is changed.
    #[test]
    fn each_setting_is_as_live_as_the_table_says() {
        let all = Settings::new().all().unwrap();
        assert!(all.iter().any(|setting| setting.fixed.is_some()));
        let tests =
            [include_str!("each.rs"), include_str!("../settings/effects.rs"), include_str!("../settings/upkeep.rs")];
        let fairness = include_str!("../settings/fairness.rs");
        for setting in all {
            let head = setting.name.split('.').next().unwrap();
            let has_a_test = tests.iter().any(|text| text.contains(&format!("fn {head}_")));
            let has_a_test = has_a_test || (head == "fairness" && fairness.contains("fn fifo_lets_nobody_overtake"));
            assert!(
                has_a_test || setting.fixed.is_some(),
                "{} can change, and no test would see if it did not",
                setting.name
            );
        }
    }
}
