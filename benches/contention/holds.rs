//! What a thread does with a resource it has, and the scenarios made of that.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

/// How long a resource is held, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Not at all: touched and given back.
    Nothing,
    /// By a thread that keeps its core and looks at the clock until the time is over.
    Busy(Duration),
    /// By a thread that sleeps; the system adds its timer slack, to all contestants alike.
    Asleep(Duration),
}

impl Hold {
    /// Lets the time pass.
    #[inline]
    pub fn pass(self) {
        match self {
            Self::Nothing => {}
            Self::Busy(time) => {
                let began = Instant::now();
                while began.elapsed() < time {}
            }
            Self::Asleep(time) => thread::sleep(time),
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "held 0"),
            Self::Busy(time) => write!(f, "held {} us busy", time.as_micros()),
            Self::Asleep(time) => write!(f, "held {} us asleep", time.as_micros()),
        }
    }
}

/// So many threads on the two resources, each holding one for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// How long a resource is held.
    pub hold: Hold,
    /// How many threads want one.
    pub threads: usize,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} threads", self.hold, self.threads)
    }
}

/// All scenarios, in the order of the table.
pub fn scenarios() -> Vec<Scenario> {
    let holds = [
        Hold::Nothing,
        Hold::Busy(Duration::from_micros(2)),
        Hold::Busy(Duration::from_micros(50)),
        Hold::Asleep(Duration::from_micros(100)),
    ];
    holds.into_iter().flat_map(|hold| [8, 32].map(|threads| Scenario { hold, threads })).collect()
}
