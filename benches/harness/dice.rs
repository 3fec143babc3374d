//! Chance that is the same in every run: a thread's own, from a seed.

/// xorshift64 (Marsaglia, "Xorshift RNGs", 2003).
pub struct Dice(u64);

impl Dice {
    /// The chance that belongs to this seed. Neighbouring seeds give unrelated ones.
    pub fn seeded(seed: u64) -> Self {
        // An odd factor spreads the bits of small seeds, and loses none; a state of 0 would stay 0.
        let mut dice = Self((seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9).max(1));
        for _ in 0..8 {
            dice.below(2);
        }
        dice
    }

    /// From 0 up to but not including `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The upper half: the lower bits of neighbouring seeds take long to part.
        (self.0 >> 32) % end
    }

    /// From 0 up to but not including 1.
    pub fn share(&mut self) -> f64 {
        self.below(1 << 32) as f64 / (1_u64 << 32) as f64
    }
}
