//! All that an operator wants to know of a pool, in one text.

use super::{Health, Holder, Resource, Snapshot};
use std::fmt::{self, Write};

/// Transitions printed at the end.
const TAIL: usize = 16;

/// Resources printed one by one; of more, those in use and those in trouble.
const LISTED: usize = 32;

/// A pool in one text for a terminal or a log: how well it is and why, its numbers, times, resources with their holders, what
/// failed last, and what happened last. Print it with `{}`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dump {
    /// What it is made of.
    pub snapshot: Snapshot,
    /// How well the pool is.
    pub health: Health,
}

impl Dump {
    /// The text for `snapshot`.
    pub fn of(snapshot: Snapshot) -> Dump {
        let health = Health::of(&snapshot);
        Dump { snapshot, health }
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dump { snapshot, health } = self;
        let Snapshot { name, at, stats, .. } = snapshot;
        match name {
            Some(name) => write!(f, "pool \"{name}\"")?,
            None => f.write_str("pool")?,
        }
        writeln!(f, " at {at:.3?}: {health}")?;
        let waits = snapshot.oldest_wait.map_or(String::new(), |oldest| format!(", the first for {oldest:.1?}"));
        writeln!(f, "\nnow{}", if stats.settled { "" } else { " (the pool was at work meanwhile)" })?;
        let share = 100.0 * stats.utilisation();
        line(f, "resources", format_args!("{} of {}, {share:.0} % in use", stats.total, stats.max_size))?;
        line(
            f,
            "",
            format_args!(
                "{} in use, {} available, {} degraded, {} overflow (of {})",
                stats.in_use, stats.available, stats.degraded, stats.overflow, stats.max_overflow
            ),
        )?;
        if stats.creating + stats.checking + stats.retiring > 0 {
            let (creating, checking, retiring) = (stats.creating, stats.checking, stats.retiring);
            line(f, "", format_args!("{creating} being created, {checking} checked, {retiring} destroyed"))?;
        }
        line(f, "waiting", format_args!("{}{waits}", stats.waiting))?;
        if let Some(breaker) = snapshot.breaker {
            line(f, "breaker", format_args!("{}, failures: {}", breaker.state, breaker.failures))?;
        }
        if snapshot.memory.total > 0 || snapshot.memory.budget.is_some() {
            line(f, "weight", format_args!("{}", snapshot.memory))?;
        }
        line(f, "advice", format_args!("{}", snapshot.advice))?;
        self.ever(f)?;
        writeln!(f, "\ntimes")?;
        for (name, distribution) in snapshot.latencies.all() {
            line(f, name, format_args!("{distribution}"))?;
        }
        self.failures(f)?;
        self.resources(f)?;
        self.tail(f)
    }
}

impl Dump {
    fn ever(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.snapshot.stats;
        writeln!(f, "\nsince it was built")?;
        let ends = (stats.returns(), stats.discards, stats.detached);
        line(
            f,
            "checkouts",
            format_args!("{}: {} returned, {} discarded, {} detached", stats.checkouts, ends.0, ends.1, ends.2),
        )?;
        let (hits, waits, overtakes) = (stats.affinity_hits(), stats.waits, stats.overtakes);
        line(f, "", format_args!("{hits} by affinity, {waits} times queued, {overtakes} times overtaken"))?;
        line(
            f,
            "errors",
            format_args!(
                "{} timeouts, {} other ({} shed), {} fallbacks",
                stats.timeouts,
                stats.rejected,
                stats.shed.total(),
                stats.fallbacks
            ),
        )?;
        line(f, "created", format_args!("{}, failed: {}", stats.created, stats.create_failures))?;
        write!(f, "  {:<11} {}", "destroyed", stats.destroyed.total())?;
        let by_reason = super::DestroyReason::ALL.into_iter().map(|reason| (reason, stats.destroyed.by(reason)));
        for (at, (reason, times)) in by_reason.filter(|(_, times)| *times > 0).enumerate() {
            write!(f, "{}{times} {reason}", if at == 0 { ": " } else { ", " })?;
        }
        writeln!(f)?;
        let trouble = [
            ("panics", stats.callback_panics),
            ("long holds", stats.long_holds),
            ("hung jobs", stats.hung_jobs_total),
            ("lost events", stats.lost_events),
        ];
        for (what, times) in trouble.into_iter().filter(|(_, times)| *times > 0) {
            line(f, what, format_args!("{times}"))?;
        }
        Ok(())
    }

    fn failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { last_create_error, stopped_by, hung_jobs, .. } = &self.snapshot;
        if last_create_error.is_none() && stopped_by.is_none() && hung_jobs.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nfailures")?;
        if let Some(error) = last_create_error {
            line(f, "create", format_args!("{}", OneLine(error)))?;
        }
        if let Some(error) = stopped_by {
            line(f, "stopped by", format_args!("{}", OneLine(error)))?;
        }
        hung_jobs.iter().try_for_each(|job| line(f, "hangs", format_args!("{job}")))
    }

    fn resources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.snapshot.resources;
        if all.is_empty() {
            return Ok(());
        }
        let few = all.len() <= LISTED;
        let listed = all.iter().filter(|each| few || each.holder.is_some() || each.errors > 0);
        writeln!(f, "\nresources{}", if few { "" } else { " (in use, or with errors)" })?;
        let mut left_out = all.len();
        for resource in listed.take(LISTED) {
            let Resource { id, state, age, uses, errors, holder, .. } = resource;
            // Formatted first: what formats itself does not pad.
            let (id, state) = (id.to_string(), state.to_string());
            write!(f, "  {id:<11} {state:<12} {age:.1?} old, uses: {uses}, errors: {errors}")?;
            writeln!(f, "{}", holder.as_ref().map_or(String::new(), held))?;
            left_out -= 1;
        }
        if left_out > 0 { writeln!(f, "  and {left_out} more") } else { Ok(()) }
    }

    fn tail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transitions = &self.snapshot.transitions;
        if transitions.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nwhat happened last")?;
        let from = transitions.len().saturating_sub(TAIL);
        transitions[from..].iter().try_for_each(|transition| writeln!(f, "  {transition}"))
    }
}

fn held(holder: &Holder) -> String {
    let Holder { thread, thread_name, site, held_for, .. } = holder;
    let thread = thread_name.as_ref().map_or_else(|| thread.to_string(), |name| format!("\"{}\"", OneLine(name)));
    format!(", held for {held_for:.1?} by thread {thread} at {}:{}", site.file(), site.line())
}

/// Text that others wrote, of which no line is one of ours, and nothing tells a terminal what to do.
struct OneLine<T>(T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Tame(f), "{}", self.0)
    }
}

struct Tame<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Tame<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|each| match each.is_control() {
            true => write!(self.0, "{}", each.escape_default()),
            false => self.0.write_char(each),
        })
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, text: fmt::Arguments<'_>) -> fmt::Result {
    writeln!(f, "  {what:<11} {text}")
}
