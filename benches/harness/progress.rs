//! How far a long run has come, on standard error: the figures alone go to standard output.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// Counts the steps of a run and says now and then how many there still are.
pub struct Progress {
    steps: usize,
    done: usize,
    began: Instant,
    said: Instant,
    live: bool,
}

impl Progress {
    /// A run of so many steps, of which none is done.
    pub fn of(steps: usize) -> Self {
        let now = Instant::now();
        Self { steps, done: 0, began: now, said: now, live: stderr().is_terminal() }
    }

    /// One more step is done. Says so at most once a second on a terminal, else every 15 seconds.
    pub fn step(&mut self, doing: &str) {
        self.done += 1;
        let pause = if self.live { 1 } else { 15 };
        if self.said.elapsed() < Duration::from_secs(pause) {
            return;
        }
        self.said = Instant::now();
        let took = self.began.elapsed().as_secs_f64();
        let left = took * (self.steps - self.done) as f64 / self.done as f64;
        let percent = 100 * self.done / self.steps;
        let text = format!("{percent:3} %, {took:.0} s gone, about {left:.0} s to go: {doing}");
        if self.live { eprint!("\r\x1b[K{text}") } else { eprintln!("{text}") }
    }

    /// Takes the live line away, so that what is printed next stands alone.
    pub fn finish(self) {
        if self.live {
            eprint!("\r\x1b[K");
        }
    }
}
