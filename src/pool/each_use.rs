//! What each use asks of the settings, apart from them: a look at all of them counts a reference and gives it back, which is as long as the
//! rest of a short use.

use crate::config::{Creation, Keeper, PoolConfig, Strategy};
use crate::keeper::nanos;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

/// Nothing is set. No number that can be set is as large.
const UNSET: u64 = u64::MAX;

/// Those that are fixed while the pool lives, and of the others a word each, read once for each decision.
pub(super) struct EachUse {
    pub(super) record_uses: bool,
    pub(super) is_affine: bool,
    pub(super) is_manual: bool,
    expires: AtomicBool,
    creation: AtomicU8,
    patience: AtomicU64,
    share_kept: AtomicU64,
    max_uses: AtomicU64,
    memory_budget: AtomicU64,
    memory_threshold: AtomicU64,
    /// Its bits.
    max_growth: AtomicU64,
}

fn set(word: &AtomicU64, value: Option<u64>) {
    word.store(value.unwrap_or(UNSET), Relaxed);
}

fn get(word: &AtomicU64) -> Option<u64> {
    let value = word.load(Relaxed);
    (value != UNSET).then_some(value)
}

impl EachUse {
    pub(super) fn of(config: &PoolConfig) -> Self {
        let unset = || AtomicU64::new(UNSET);
        let each_use = Self {
            record_uses: config.record_uses,
            is_affine: config.strategy == Strategy::Affine,
            is_manual: config.keeper == Keeper::Manual,
            expires: AtomicBool::new(false),
            creation: AtomicU8::new(0),
            patience: unset(),
            share_kept: unset(),
            max_uses: unset(),
            memory_budget: unset(),
            memory_threshold: unset(),
            max_growth: unset(),
        };
        each_use.set(config);
        each_use
    }

    /// Takes over what can change.
    pub(super) fn set(&self, config: &PoolConfig) {
        self.expires.store(config.max_lifetime.is_some(), Relaxed);
        self.creation.store(config.creation as u8, Relaxed);
        self.patience.store(nanos(config.checkout_timeout), Relaxed);
        set(&self.share_kept, config.mode.keeps());
        set(&self.max_uses, config.max_uses);
        set(&self.memory_budget, config.memory_budget);
        set(&self.memory_threshold, config.memory_threshold());
        set(&self.max_growth, config.max_growth.map(f64::to_bits));
    }

    /// Whether resources have a lifetime.
    pub(super) fn expires(&self) -> bool {
        self.expires.load(Relaxed)
    }

    pub(super) fn creation(&self) -> Creation {
        match self.creation.load(Relaxed) {
            word if word == Creation::Inline as u8 => Creation::Inline,
            word if word == Creation::Background as u8 => Creation::Background,
            _ => Creation::Auto,
        }
    }

    /// How long a checkout waits, in nanoseconds.
    pub(super) fn patience(&self) -> u64 {
        self.patience.load(Relaxed)
    }

    /// How many of a hundred uses leave their resource to the next; all, if it is not set.
    pub(super) fn share_kept(&self) -> Option<u64> {
        get(&self.share_kept)
    }

    pub(super) fn max_uses(&self) -> Option<u64> {
        get(&self.max_uses)
    }

    /// Whether anything depends on what resources weigh.
    pub(super) fn weighs(&self) -> bool {
        self.memory_budget().is_some() || self.max_growth().is_some()
    }

    pub(super) fn memory_budget(&self) -> Option<u64> {
        get(&self.memory_budget)
    }

    pub(super) fn memory_threshold(&self) -> Option<u64> {
        get(&self.memory_threshold)
    }

    pub(super) fn max_growth(&self) -> Option<f64> {
        get(&self.max_growth).map(f64::from_bits)
    }
}
