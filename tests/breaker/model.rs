//! Random walks against a reference that keeps everything it was ever told, and no word.

use super::*;
use slackwater::{BreakerState, Permit, Trip};

/// One period: nothing of an earlier one matters in it.
#[derive(Clone, Debug)]
enum Period {
    /// What was told: in which eighth of the window, by when it began, and whether it was a failure.
    Closed {
        told: Vec<(u64, bool)>,
    },
    Open {
        openings: u32,
    },
    HalfOpen {
        openings: u32,
        under_way: u32,
        successes: u32,
        /// When anyone was let through or heard of last.
        heard: u64,
    },
}

struct Reference {
    config: BreakerConfig,
    now: u64,
    period: Period,
    /// When it began, or for an open one ends, in milliseconds.
    time: u64,
    /// How many periods there were before.
    number: u64,
}

fn not_before(nanos: u64) -> u64 {
    nanos.div_ceil(1_000_000)
}

impl Reference {
    fn new(config: BreakerConfig) -> Self {
        Self { config, now: 0, period: Period::Closed { told: vec![] }, time: 0, number: 0 }
    }

    fn enter(&mut self, period: Period, time: u64) {
        (self.period, self.time, self.number) = (period, time.max(self.time + 1), self.number + 1);
    }

    fn span(&self, openings: u32) -> u64 {
        let first = self.config.open_for_at_first.unwrap_or(SECOND.min(self.config.open_for));
        let doubled = (1..openings).fold(first, |span, _| (span * 2).min(self.config.open_for));
        doubled.as_nanos() as u64
    }

    fn open(&mut self, openings: u32, span: u64) {
        self.enter(Period::Open { openings }, not_before(self.now + span));
    }

    /// The number of the period a call is let through in.
    fn acquire(&mut self) -> Option<u64> {
        let probes = self.config.probes;
        match self.period.clone() {
            Period::Closed { .. } => {}
            Period::Open { openings } if self.now >= self.time * 1_000_000 => {
                let since = not_before(self.now);
                let half_open = Period::HalfOpen { openings, under_way: 1, successes: 0, heard: self.now };
                (self.period, self.time, self.number) = (half_open, since, self.number + 1);
            }
            Period::Open { .. } => return None,
            Period::HalfOpen { openings, under_way, successes, .. } if under_way < probes => {
                self.period = Period::HalfOpen { openings, under_way: under_way + 1, successes, heard: self.now };
            }
            Period::HalfOpen { openings, successes, heard, .. } => {
                if self.now - heard < self.span(openings) {
                    return None;
                }
                let openings = (openings + 1).min(31);
                self.period = Period::HalfOpen { openings, under_way: 1, successes, heard: self.now };
            }
        }
        Some(self.number)
    }

    fn tell(&mut self, number: u64, outcome: Option<bool>) {
        if number != self.number {
            return;
        }
        match (self.period.clone(), outcome) {
            (Period::Open { .. }, _) => unreachable!("nobody is let through"),
            (Period::Closed { .. }, None) => {}
            (Period::Closed { mut told }, Some(failed)) => {
                told.push((self.eighth(), failed));
                let opens = match self.config.trip {
                    Trip::Rate { ratio, at_least, .. } => {
                        let (calls, failures) = self.in_window(&told);
                        failed && calls >= at_least && f64::from(failures) / f64::from(calls) >= ratio
                    }
                    _ => self.in_a_row(&told) >= self.threshold(),
                };
                self.period = Period::Closed { told };
                if opens {
                    self.open(1, self.span(1));
                }
            }
            (Period::HalfOpen { openings, .. }, Some(true)) => {
                let openings = (openings + 1).min(31);
                self.open(openings, self.span(openings));
            }
            (Period::HalfOpen { openings, under_way, successes, heard }, outcome) => {
                let under_way = under_way.saturating_sub(1);
                if outcome.is_none() {
                    self.period = Period::HalfOpen { openings, under_way, successes, heard };
                } else if successes + 1 == self.config.success_threshold {
                    self.enter(Period::Closed { told: vec![] }, self.now / 1_000_000 + 1);
                } else {
                    self.period = Period::HalfOpen { openings, under_way, successes: successes + 1, heard: self.now };
                }
            }
        }
    }

    fn threshold(&self) -> u32 {
        match self.config.trip {
            Trip::Consecutive(failures) => failures,
            _ => unreachable!("asked for failures in a row alone"),
        }
    }

    fn in_a_row(&self, told: &[(u64, bool)]) -> u32 {
        told.iter().rev().take_while(|(_, failed)| *failed).count() as u32
    }

    fn tick(&self) -> u64 {
        match self.config.trip {
            Trip::Rate { window, .. } => window.as_millis() as u64 / 8,
            _ => 1,
        }
    }

    /// When the eighth of the window began that it is now.
    fn eighth(&self) -> u64 {
        let tick = self.tick();
        self.time + (self.now / 1_000_000).saturating_sub(self.time) / tick * tick
    }

    fn in_window(&self, told: &[(u64, bool)]) -> (u32, u32) {
        let recent = told.iter().filter(|(began, _)| began + 7 * self.tick() >= self.eighth());
        recent.fold((0, 0), |(calls, failures), (_, failed)| (calls + 1, failures + u32::from(*failed)))
    }

    fn trip(&mut self, span: Option<u64>) {
        match self.period {
            Period::Closed { .. } => self.open(1, span.unwrap_or_else(|| self.span(1))),
            Period::HalfOpen { openings, .. } => {
                let openings = (openings + 1).min(31);
                self.open(openings, span.unwrap_or_else(|| self.span(openings)));
            }
            Period::Open { openings } => {
                let span = span.unwrap_or_else(|| self.span(openings));
                self.time = self.time.max(not_before(self.now + span));
            }
        }
    }

    fn state(&self) -> BreakerState {
        match self.period {
            Period::Closed { .. } => BreakerState::Closed,
            Period::Open { .. } if self.now < self.time * 1_000_000 => BreakerState::Open,
            Period::Open { .. } | Period::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Failures in a row or in the window while closed; openings; probes under way.
    fn counts(&self) -> (Option<u32>, u32, u32) {
        match &self.period {
            Period::Closed { told } => match self.config.trip {
                Trip::Consecutive(_) => (Some(self.in_a_row(told)), 0, 0),
                _ => (Some(self.in_window(told).1), 0, 0),
            },
            Period::Open { openings } => (None, *openings, 0),
            Period::HalfOpen { openings, under_way, .. } => (None, *openings, *under_way),
        }
    }
}

/// Numbers that follow from a seed (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) % bound
    }

    fn config(&mut self) -> BreakerConfig {
        let config = if self.below(2) == 0 {
            BreakerConfig::new().failure_threshold(1 + self.below(4) as u32)
        } else {
            let ratio = [0.1, 0.5, 0.75, 1.0][self.below(4) as usize];
            BreakerConfig::new().failure_rate(ratio, MS * (100 + self.below(2_000) as u32), 1 + self.below(8) as u32)
        };
        let longest = MS * (1 + self.below(3_000) as u32);
        let config = config.open_for(longest).probes(1 + self.below(3) as u32);
        let config = config.success_threshold(1 + self.below(4) as u32);
        if self.below(2) == 0 {
            config
        } else {
            config.open_for_at_first(MS.max(longest / (1 + self.below(40) as u32)))
        }
    }

    /// Often a moment, sometimes exactly what is waited for, now and then long.
    fn step(&mut self, wait: Option<Duration>) -> Duration {
        match (self.below(8), wait) {
            (0, Some(wait)) => wait,
            (1, Some(wait)) => wait - NS,
            (2, _) => Duration::from_nanos(self.below(3_000_000)),
            (3, _) => MS * self.below(5_000) as u32,
            (4, _) => SECOND * self.below(100) as u32,
            _ => MS * self.below(100) as u32,
        }
    }
}

fn walk(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let config = random.config();
    let (breaker, clock) = breaker(config.clone());
    let mut reference = Reference::new(config.clone());
    let mut permits: Vec<(Permit<'_>, u64)> = Vec::new();
    for step in 0..150 {
        let at = |said: &str| format!("seed {seed}, step {step}, {said}, {config:?}");
        match random.below(20) {
            0..7 => {
                let (got, expected) = (breaker.acquire(), reference.acquire());
                assert_eq!(got.is_ok(), expected.is_some(), "{}", at("acquire"));
                match (got, expected) {
                    (Ok(permit), Some(number)) => permits.push((permit, number)),
                    (refused, _) => {
                        let wait = refused.expect_err("it was refused").retry_after;
                        assert_eq!(Some(wait), breaker.retry_after(), "{}", at("retry_after"));
                    }
                }
            }
            7..14 if !permits.is_empty() => {
                let (permit, number) = permits.swap_remove(random.below(permits.len() as u64) as usize);
                let outcome = [Some(false), Some(true), Some(true), None][random.below(4) as usize];
                reference.tell(number, outcome);
                match outcome {
                    Some(false) => permit.succeeded(),
                    Some(true) => permit.failed(),
                    None => drop(permit),
                }
            }
            14 if random.below(8) == 0 => {
                breaker.trip();
                reference.trip(None);
            }
            14 if random.below(8) == 0 => {
                let span = MS * random.below(2_000) as u32 + NS * random.below(1_000_000) as u32;
                breaker.trip_for(span);
                reference.trip(Some(span.as_nanos() as u64));
            }
            14 if random.below(8) == 0 => {
                breaker.reset();
                reference.enter(Period::Closed { told: vec![] }, reference.now / 1_000_000 + 1);
            }
            _ => {
                let time = random.step(breaker.retry_after());
                clock.advance(time);
                reference.now += time.as_nanos() as u64;
            }
        }
        let stats = breaker.stats();
        assert_eq!(stats.state, reference.state(), "{}", at("state"));
        let (failures, openings, probes) = reference.counts();
        assert_eq!((stats.openings, stats.probes), (openings, probes), "{}", at("counts"));
        assert!(failures.is_none_or(|failures| failures == stats.failures), "{}", at("failures"));
        // Whoever waits for as long as it says is let through, and nobody is before.
        assert!(breaker.retry_after().is_none_or(|wait| wait > Duration::ZERO), "{}", at("no wait"));
    }
}

/// `SLACKWATER_CASES` sets how many.
#[test]
fn random_walks_agree_with_the_reference() {
    let cases = std::env::var("SLACKWATER_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(4_000);
    (1..=cases).for_each(walk);
}
