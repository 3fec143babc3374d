//! Where the keeper has plans of its own: what holds whatever it does.

use super::world::Maker;
use super::{CEILING, REPLACED_HOLDS, Rules, Seen, Sight};
use slackwater::{CheckoutError, DestroyReason, Pool, ResourceState};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::SeqCst;

/// Successors that may exist beside their predecessors, by default.
const SURGE: usize = 1;

pub struct Books {
    rules: Rules,
    closed: bool,
}

impl Books {
    pub fn new(rules: Rules) -> Self {
        Self { rules, closed: false }
    }

    pub fn replaces_holds(&self) -> bool {
        self.rules.max_hold.is_some()
    }

    pub fn saw(&mut self, sight: &Sight, seen: &Seen) {
        let before = &sight.before;
        match seen {
            Seen::CheckedOut { .. } => assert!(!self.closed, "a closed pool lends nothing"),
            Seen::Refused { error, waits } => match error {
                CheckoutError::Closed(_) => assert!(self.closed),
                CheckoutError::Create(error) => assert_eq!(error.error.to_string(), "told to fail"),
                CheckoutError::Timeout(_) | CheckoutError::Exhausted(_) => {
                    assert_eq!(matches!(error, CheckoutError::Timeout(_)), *waits);
                    assert!(!self.closed);
                    // What was free has to have ended, or to have failed its check, on the way.
                    let sent_away = self.rules.max_lifetime.is_some() || self.rules.checks;
                    assert!(before.available == 0 || sent_away, "{} were free: {error}", before.available);
                }
                error => panic!("there is no reason for this: {error}"),
            },
            Seen::Closed(_) => self.closed = true,
            Seen::Resized { min_idle, max_size, answer } if answer.is_ok() => assert!(min_idle <= max_size),
            Seen::Collected(gc) => {
                let free = if self.closed { 0 } else { before.available + before.degraded };
                assert_eq!(gc.evicted, free as u64, "all that is free goes");
            }
            _ => {}
        }
    }

    pub fn agrees(&self, sight: &Sight) {
        let stats = &sight.before;
        assert!(stats.total <= CEILING + SURGE + REPLACED_HOLDS, "{stats:?}");
        let made = sight.world.made.load(SeqCst) as u64;
        assert_eq!(
            (stats.created, stats.created - stats.detached - stats.total as u64),
            (made, stats.destroyed.total())
        );
        assert_eq!(sight.world.ended.lock().unwrap().len() as u64, stats.destroyed.total());
        if self.closed {
            assert_eq!(stats.total, stats.in_use, "what is not out has ended");
        }
        self.agrees_on_each(sight.pool);
        let impossible = [DestroyReason::Broken, DestroyReason::CallbackPanicked, DestroyReason::Grown];
        assert!(impossible.iter().all(|reason| stats.destroyed.by(*reason) == 0), "{:?}", stats.destroyed);
    }

    fn agrees_on_each(&self, pool: &Pool<Maker>) {
        let listed = pool.resources();
        assert_eq!(listed.iter().map(|resource| resource.id).collect::<BTreeSet<_>>().len(), listed.len());
        for resource in &listed {
            let in_use = resource.state == ResourceState::Busy;
            assert_eq!(resource.holder.is_some(), in_use, "{resource}");
            assert!(self.rules.max_uses.is_none_or(|most| resource.uses < most + u64::from(in_use)), "{resource}");
            assert!(resource.failures <= resource.errors, "{resource}");
        }
    }
}
