//! What befalls the backend, and when: drawn from the seed before anything runs, so that all contestants meet the same.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{Backend, Condition, Victims};
use crate::harness::Dice;

/// A stretch of the plan: one kind of trouble, or none.
#[derive(Clone, Debug)]
pub struct Phase {
    pub name: &'static str,
    pub begins: Duration,
    pub lasts: Duration,
    condition: Condition,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Turn(Condition),
    Strike(Victims),
}

/// The stretches, and what happens in them, in the order of time.
#[derive(Clone, Debug)]
pub struct Plan {
    pub phases: Vec<Phase>,
    events: Vec<(Duration, Event)>,
}

/// A kind of trouble: how much of the plan it takes, what the backend is like, and blows a second to its connections.
#[derive(Clone, Copy)]
struct Trouble {
    name: &'static str,
    weight: f64,
    condition: Condition,
    kills: f64,
    all_at_once: bool,
}

const CALM: Trouble = Trouble { name: "calm", weight: 0.7, condition: Condition::Up, kills: 0.0, all_at_once: false };

/// Each comes once, in an order that the seed decides, with calm before and after it.
const TROUBLES: [Trouble; 6] = [
    Trouble { name: "kills", weight: 1.2, kills: 8.0, ..CALM },
    Trouble { name: "restart", weight: 0.3, all_at_once: true, ..CALM },
    Trouble { name: "refuses", weight: 1.8, condition: Condition::Refusing, ..CALM },
    Trouble { name: "slow, kills", weight: 1.2, condition: Condition::Slow, kills: 4.0, ..CALM },
    Trouble { name: "hangs", weight: 1.8, condition: Condition::Hanging, ..CALM },
    Trouble { name: "kills, then refuses", weight: 0.6, kills: 12.0, ..CALM },
];

/// What the last of them leads into.
const THEN_REFUSES: Trouble = Trouble { name: "refuses", weight: 0.6, condition: Condition::Refusing, ..CALM };

impl Plan {
    /// The plan of this seed, about so long.
    pub fn drawn(seed: u64, length: Duration) -> Self {
        let mut dice = Dice::seeded(seed);
        let mut troubles = TROUBLES.to_vec();
        for end in (1..troubles.len()).rev() {
            troubles.swap(end, dice.below(end as u64 + 1) as usize);
        }
        let mut parts = vec![CALM];
        for trouble in troubles {
            parts.push(trouble);
            if trouble.name.ends_with("then refuses") {
                parts.push(THEN_REFUSES);
            }
            parts.push(CALM);
        }
        let unit = length.as_secs_f64() / parts.iter().map(|part| part.weight).sum::<f64>();
        let mut plan = Self { phases: Vec::new(), events: Vec::new() };
        let mut begins = Duration::ZERO;
        for part in parts {
            // Up to a fifth longer or shorter.
            let lasts = Duration::from_secs_f64(unit * part.weight * (0.8 + 0.4 * dice.share()));
            plan.add(&part, begins, lasts, &mut dice);
            begins += lasts;
        }
        plan
    }

    fn add(&mut self, part: &Trouble, begins: Duration, lasts: Duration, dice: &mut Dice) {
        if self.phases.last().is_none_or(|before| before.condition != part.condition) {
            self.events.push((begins, Event::Turn(part.condition)));
        }
        self.phases.push(Phase { name: part.name, begins, lasts, condition: part.condition });
        if part.all_at_once {
            self.events.push((begins, Event::Strike(Victims::All)));
        }
        // The times between independent blows are distributed exponentially: endless, without any.
        let pause = |dice: &mut Dice| -(1.0 - dice.share()).ln() / part.kills;
        let mut at = pause(dice);
        while at < lasts.as_secs_f64() {
            let victim = Victims::One(dice.below(1 << 16) as usize);
            self.events.push((begins + Duration::from_secs_f64(at), Event::Strike(victim)));
            at += pause(dice);
        }
    }

    pub fn length(&self) -> Duration {
        self.phases.last().map_or(Duration::ZERO, |last| last.begins + last.lasts)
    }

    /// Does to the backend what is planned, at its times, until the end of the plan.
    pub fn carry_out(&self, backend: &Backend) {
        let began = Instant::now();
        for &(at, event) in &self.events {
            thread::sleep(at.saturating_sub(began.elapsed()));
            match event {
                Event::Turn(condition) => backend.turn(condition),
                Event::Strike(victims) => backend.strike(victims),
            }
        }
        thread::sleep(self.length().saturating_sub(began.elapsed()));
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, phase) in self.phases.iter().enumerate() {
            let within = phase.begins..phase.begins + phase.lasts;
            let strikes =
                |&&(at, event): &&(Duration, Event)| matches!(event, Event::Strike(_)) && within.contains(&at);
            let blows = self.events.iter().filter(strikes).count();
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{} {:.1} s", phase.name, phase.lasts.as_secs_f64())?;
            match blows {
                0 => {}
                1 => write!(f, " (1 blow)")?,
                _ => write!(f, " ({blows} blows)")?,
            }
        }
        Ok(())
    }
}
