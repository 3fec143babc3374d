//! How well a pool is, and why.

use super::Snapshot;
use crate::resilience::BreakerState;
use std::fmt;
use std::time::Duration;

/// A failure counts in full for as long: after that nobody has asked the pool for anything it could have tried, and it may be well
/// again. A balancer that sends nobody to what is not well would keep it from ever finding out.
const NEWS: Duration = Duration::from_secs(60);

/// How well a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HealthLevel {
    /// Nothing to do.
    Healthy,
    /// It serves everybody; something wants looking at.
    Degraded,
    /// It serves fewer than it could, or will soon.
    Unhealthy,
    /// It serves nobody.
    Critical,
}

impl HealthLevel {
    /// The scores of this level, from the worst to the best: 80 to 100, 50 to 79, 20 to 49, 0 to 19.
    pub fn scores(self) -> (u8, u8) {
        match self {
            HealthLevel::Healthy => (80, 100),
            HealthLevel::Degraded => (50, 79),
            HealthLevel::Unhealthy => (20, 49),
            HealthLevel::Critical => (0, 19),
        }
    }
}

impl fmt::Display for HealthLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HealthLevel::Healthy => "healthy",
            HealthLevel::Degraded => "degraded",
            HealthLevel::Unhealthy => "unhealthy",
            HealthLevel::Critical => "critical",
        })
    }
}

/// Something that speaks against a pool's health, with its numbers. The text says what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthReason {
    /// The pool is closed.
    Closed {
        /// Whether a fatal error closed it.
        stopped: bool,
    },
    /// Nothing is alive, and creating fails.
    NothingAlive {
        /// Creations that failed in a row.
        failures: u32,
        /// How long ago the last of them did, or nothing while one is under way.
        ago: Duration,
    },
    /// The breaker lets no creation through, or only probes.
    Breaker {
        /// Its state.
        state: BreakerState,
        /// Failures since creation last worked.
        failures: u32,
        /// How long until the next creation is tried.
        retry_after: Duration,
        /// Resources that are alive and lent all the same.
        alive: usize,
    },
    /// Creating fails.
    CreationFails {
        /// How often in a row.
        failures: u32,
        /// Resources that are alive.
        alive: usize,
    },
    /// Resources keep failing right after their creation.
    CrashLoop {
        /// How many did, in a row.
        in_a_row: u32,
        /// How long ago the last of them did.
        ago: Duration,
    },
    /// Resources failed lately, and serve as a last resort.
    DegradedResources {
        /// How many.
        degraded: usize,
        /// Of how many.
        alive: usize,
    },
    /// Background jobs hang. Each costs a slot and a thread.
    HungJobs {
        /// How many.
        hung: usize,
        /// How long the first of them has run.
        longest: Duration,
        /// How many resources there may be.
        max_size: usize,
    },
    /// Resources have been out for longer than `max_hold`.
    LongHolds {
        /// How many.
        held: usize,
        /// The longest.
        longest: Duration,
        /// How many resources there may be.
        max_size: usize,
    },
    /// Threads wait. That alone is no fault: a pool may be in full use.
    Waiting {
        /// How many.
        waiting: usize,
        /// How long the first has waited.
        oldest: Duration,
        /// For how long callers wait by default.
        patience: Duration,
    },
    /// The resources weigh more than they are to.
    Memory {
        /// What they weigh.
        used: u64,
        /// Above which weight idle ones are destroyed.
        threshold: u64,
        /// From which weight on none are made.
        budget: u64,
    },
    /// Subscribers lost events, ever.
    LostEvents {
        /// How many.
        lost: u64,
    },
}

impl HealthReason {
    /// How ill a pool is for this alone.
    pub fn level(&self) -> HealthLevel {
        use HealthLevel::*;
        let or_worse = |is_worse: bool, worse: HealthLevel, level: HealthLevel| if is_worse { worse } else { level };
        match *self {
            HealthReason::Closed { .. } => Critical,
            HealthReason::NothingAlive { ago, .. } => or_worse(ago < NEWS, Critical, Degraded),
            HealthReason::Breaker { state: BreakerState::Open, alive, .. } => or_worse(alive == 0, Critical, Unhealthy),
            HealthReason::Breaker { .. } => Degraded,
            HealthReason::CreationFails { .. } => Degraded,
            HealthReason::CrashLoop { ago, .. } => or_worse(ago < NEWS, Unhealthy, Degraded),
            HealthReason::DegradedResources { degraded, alive } => or_worse(2 * degraded >= alive, Unhealthy, Degraded),
            HealthReason::HungJobs { hung: many, max_size, .. }
            | HealthReason::LongHolds { held: many, max_size, .. } => {
                or_worse(2 * many >= max_size, Unhealthy, Degraded)
            }
            // By default nobody waits at all there: whoever does has a time of its own.
            HealthReason::Waiting { patience: Duration::ZERO, .. } => Healthy,
            HealthReason::Waiting { oldest, patience, .. } => or_worse(oldest >= patience / 2, Degraded, Healthy),
            HealthReason::Memory { used, budget, .. } => or_worse(used >= budget, Unhealthy, Degraded),
            HealthReason::LostEvents { .. } => Healthy,
        }
    }

    /// By how much it lowers the score. What is no fault lowers it by nothing.
    fn weight(&self) -> u8 {
        match (self.level(), self) {
            (HealthLevel::Healthy, HealthReason::Waiting { .. }) => 0,
            (HealthLevel::Healthy, _) => 5,
            (HealthLevel::Degraded, _) => 25,
            (HealthLevel::Unhealthy, _) => 55,
            (HealthLevel::Critical, _) => 100,
        }
    }
}

impl fmt::Display for HealthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HealthReason::Closed { stopped: true } => {
                f.write_str("a fatal error closed the pool; mend that, build a new one")
            }
            HealthReason::Closed { stopped: false } => f.write_str("the pool is closed"),
            HealthReason::NothingAlive { failures, ago } => {
                write!(f, "nothing is alive, and creating failed {}, {}; ", Times(*failures), Ago(*ago))?;
                f.write_str("mend what it needs")
            }
            HealthReason::Breaker { state, failures, retry_after, alive } => {
                write!(f, "the circuit is {state} after {failures} failures, {alive} alive; ")?;
                write!(f, "creation is tried in {retry_after:.1?}; mend what it needs")
            }
            HealthReason::CreationFails { failures, alive } => {
                write!(f, "creating failed {}, {alive} alive; mend what it needs", Times(*failures))
            }
            HealthReason::CrashLoop { in_a_row, ago } => {
                write!(f, "{in_a_row} resources in a row failed right after their creation, {}; ", Ago(*ago))?;
                f.write_str("look at what they are made of")
            }
            HealthReason::DegradedResources { degraded, alive } => {
                write!(f, "{degraded} of {alive} resources are degraded; see why their checks fail")
            }
            HealthReason::HungJobs { hung, longest, .. } => {
                write!(
                    f,
                    "{hung} background jobs hang, the first for {longest:.1?}; give the manager's callbacks timeouts"
                )
            }
            HealthReason::LongHolds { held, longest, .. } => {
                write!(
                    f,
                    "{held} resources are out for longer than max_hold, the first for {longest:.1?}; see who holds them"
                )
            }
            HealthReason::Waiting { waiting, oldest, patience } => {
                write!(f, "{waiting} wait, the first for {oldest:.1?} of {patience:.1?}; ")?;
                f.write_str("hold for less time, or raise max_size")
            }
            HealthReason::Memory { used, threshold, budget } => {
                write!(f, "resources weigh {used}, idle ones go above {threshold}, none are made from {budget} on; ")?;
                f.write_str("raise memory_budget, or hold fewer")
            }
            HealthReason::LostEvents { lost } => {
                write!(f, "subscribers lost {lost} events; have them read faster, or give them room for more")
            }
        }
    }
}

/// So many times in a row.
struct Times(u32);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("once"),
            more => write!(f, "{more} times in a row"),
        }
    }
}

/// When the last of them did.
struct Ago(Duration);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Duration::ZERO => f.write_str("the last just now"),
            ago if ago < NEWS => write!(f, "the last {ago:.1?} ago"),
            ago => write!(f, "the last {ago:.1?} ago, and nobody has asked since"),
        }
    }
}

/// How well a pool is: a level, a score, and reasons with their numbers.
///
/// The level is that of the worst reason. The score falls with each, and stays among its level's
/// [`scores`](HealthLevel::scores), so the two never contradict each other. A pool in full use is not unhealthy: whoever waits
/// is named, and counts once it has waited for half of `checkout_timeout`, as no more than `Degraded`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// As bad as the worst reason.
    pub level: HealthLevel,
    /// From 0, dead, to 100, nothing to say.
    pub score: u8,
    /// The worst first.
    pub reasons: Vec<HealthReason>,
}

impl Health {
    /// What `snapshot` says of its pool's health. It is asked nothing else: the same snapshot always has the same health.
    pub fn of(snapshot: &Snapshot) -> Health {
        let mut reasons = reasons(snapshot);
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level()));
        let level = reasons.first().map_or(HealthLevel::Healthy, HealthReason::level);
        let (least, most) = level.scores();
        let score = reasons.iter().fold(100_u8, |score, reason| score.saturating_sub(reason.weight()));
        Health { level, score: score.clamp(least, most), reasons }
    }

    /// Whether the pool serves: [`Healthy`](HealthLevel::Healthy) or [`Degraded`](HealthLevel::Degraded).
    pub fn is_well(&self) -> bool {
        self.level <= HealthLevel::Degraded
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} of 100", self.level, self.score)?;
        self.reasons.iter().try_for_each(|reason| write!(f, "\n  {}: {reason}", reason.level()))
    }
}

fn reasons(snapshot: &Snapshot) -> Vec<HealthReason> {
    let Snapshot { stats, memory, .. } = snapshot;
    if snapshot.closed {
        return vec![HealthReason::Closed { stopped: snapshot.stopped_by.is_some() }];
    }
    let (alive, max_size) = (stats.total - stats.retiring.min(stats.total), stats.max_size);
    let fails = snapshot.failed_creations;
    let mut reasons = Vec::new();
    if alive == 0 && fails > 0 {
        // Being made is being tried, however long it takes to fail again.
        let ago = snapshot.last_create_failure.filter(|_| stats.creating == 0).unwrap_or_default();
        reasons.push(HealthReason::NothingAlive { failures: fails, ago });
    } else if fails > 0 {
        reasons.push(HealthReason::CreationFails { failures: fails, alive });
    }
    if let Some(breaker) = snapshot.breaker.filter(|breaker| breaker.state != BreakerState::Closed) {
        let super::BreakerLook { state, failures, retry_after } = breaker;
        reasons.push(HealthReason::Breaker { state, failures, retry_after, alive });
    }
    if stats.short_lives >= crate::pool::CRASH_LOOP {
        reasons.push(HealthReason::CrashLoop {
            in_a_row: stats.short_lives,
            ago: snapshot.last_short_life.unwrap_or_default(),
        });
    }
    if stats.degraded > 0 {
        reasons.push(HealthReason::DegradedResources { degraded: stats.degraded, alive });
    }
    if let Some(first) = snapshot.hung_jobs.first() {
        let hung = snapshot.hung_jobs.len();
        reasons.push(HealthReason::HungJobs { hung, longest: first.running_for, max_size });
    }
    // Not by the holder's own time: for a moment after a checkout that is of the hold before, however long ago.
    let holds = snapshot.resources.iter().map(|resource| resource.in_use);
    let too_long = |held: &Duration| snapshot.max_hold.is_some_and(|most| *held > most);
    let long_holds: Vec<_> = holds.filter(too_long).collect();
    if let Some(&longest) = long_holds.iter().max() {
        reasons.push(HealthReason::LongHolds { held: long_holds.len(), longest, max_size });
    }
    if stats.waiting > 0 {
        let oldest = snapshot.oldest_wait.unwrap_or_default();
        reasons.push(HealthReason::Waiting { waiting: stats.waiting, oldest, patience: snapshot.checkout_timeout });
    }
    if let (Some(threshold), Some(budget)) = (snapshot.memory_threshold, memory.budget)
        && memory.total > threshold
    {
        reasons.push(HealthReason::Memory { used: memory.total, threshold, budget });
    }
    if stats.lost_events > 0 {
        reasons.push(HealthReason::LostEvents { lost: stats.lost_events });
    }
    reasons
}
