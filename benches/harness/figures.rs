//! One figure measured in many rounds, and what may be said of it.
//!
//! The machines these benches run on are shared: any one lap may be three times too slow. So contestants are measured in
//! short laps, round after round, and what is compared is the ratio of two laps of the *same* round. The median of those
//! ratios does not move until half the rounds are spoilt.

/// The same figure from every round, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    /// Adds the figure of the next round.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The middle figure; NaN before the first round.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The greatest figure of any round; NaN before the first round.
    pub fn greatest(&self) -> f64 {
        self.quantile(1.0)
    }

    /// The mean of all rounds; NaN before the first round.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// How far the middle half of the rounds spreads around the median: 0.04 means quartiles 4 % of the median apart.
    pub fn spread(&self) -> f64 {
        (self.quantile(0.75) - self.quantile(0.25)) / self.median()
    }

    /// The figure that the given share of the rounds does not exceed, interpolated between neighbours.
    fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else {
            return f64::NAN;
        };
        let place = share * last as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }
}

/// `one` over `other`, round by round.
pub fn ratios(one: &Rounds, other: &Rounds) -> Rounds {
    Rounds(one.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
}
