//! What happens in a pool, as lines for the program's log.
//!
//! Events come up under rights and on the threads of callers, and the logger is the program's, which may take its time. So lines are
//! noted where something happens, without anything of the user's in them, and said by a thread that has nothing in hand.

use super::{DestroyReason, PoolEvent, ResourceId, ResourceState, Transition, TransitionReason};
use crate::core::sync::around::Mutex;
use crate::error::{CheckoutError, let_go};
use crate::keeper::Alarm;
use log::Level;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// Lines that wait to be said. What comes while there are as many is counted, and lost.
const ROOM: usize = 1_024;

#[derive(Default)]
pub(crate) struct Journal {
    untold: Mutex<Untold>,
    /// Rung when there is something to say.
    alarm: OnceLock<Arc<Alarm>>,
}

#[derive(Default)]
struct Untold {
    lines: VecDeque<Line>,
    lost: u64,
}

/// Something to say.
pub(crate) enum Line {
    Transition(Transition),
    /// What its maker says of a resource.
    #[cfg(feature = "process")]
    Word {
        id: ResourceId,
        word: String,
    },
    Refused(&'static str),
    FellBack(&'static str),
    Resized {
        from: usize,
        to: usize,
    },
    Replaced {
        old: ResourceId,
        new: ResourceId,
    },
    OverflowOpened {
        alive: usize,
        max_size: usize,
    },
    OverflowClosed,
    QueueGrew {
        waiting: usize,
        threshold: usize,
    },
    QueueEmptied,
    Closing {
        in_use: usize,
        waiting: usize,
    },
    Closed,
    MemoryPressure {
        used: u64,
        threshold: u64,
        evicted: u64,
    },
    Lost(u64),
}

/// Whether anybody listens to lines of `level`, as far as that can be told without asking the program's code.
pub(crate) fn listens(level: Level) -> bool {
    level <= log::STATIC_MAX_LEVEL && (level <= log::max_level() || said::listens(level))
}

impl Journal {
    pub(crate) fn rings(&self, alarm: &Arc<Alarm>) {
        let _ = self.alarm.set(Arc::clone(alarm));
    }

    pub(crate) fn note_event(&self, event: &PoolEvent) {
        if let Some(line) = Line::of(event) {
            self.note(line);
        }
    }

    pub(crate) fn note(&self, line: Line) {
        if !listens(line.level()) {
            return;
        }
        let is_first = {
            let mut untold = self.untold.lock();
            if untold.lines.len() < ROOM {
                untold.lines.push_back(line);
            } else {
                untold.lost += 1;
            }
            untold.lines.len() == 1
        };
        if is_first && let Some(alarm) = self.alarm.get() {
            alarm.ring();
        }
    }

    pub(crate) fn has_news(&self) -> bool {
        !self.untold.lock().lines.is_empty()
    }

    /// Says all there is, and what comes meanwhile.
    pub(crate) fn tell(&self, pool: &str) {
        loop {
            let Untold { mut lines, lost } = std::mem::take(&mut *self.untold.lock());
            if lines.is_empty() {
                return;
            }
            if lost > 0 {
                lines.push_back(Line::Lost(lost));
            }
            lines.into_iter().for_each(|line| said::line(pool, &line));
        }
    }
}

/// Says `text` of `who`, a pool or a breaker, to whoever listens: the program's code, which may panic.
pub(crate) fn say(level: Level, who: &dyn fmt::Display, text: fmt::Arguments<'_>) {
    contained(|| said::text(level, who, text));
}

fn contained(said: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(said)) {
        let_go(payload);
    }
}

/// What a refusal is, in a word: its text may be in part the user's.
pub(crate) fn kind(error: &CheckoutError) -> &'static str {
    match error {
        CheckoutError::Timeout(_) => "timed out",
        CheckoutError::Exhausted(_) => "found nothing free",
        CheckoutError::Saturated(_) => "found the queue full",
        CheckoutError::Shed(_) => "was shed",
        CheckoutError::WouldDeadlock(_) => "would deadlock",
        CheckoutError::SessionBusy(_) => "found its session's resource in use",
        CheckoutError::Create(_) => "could not be served: creation fails",
        CheckoutError::CircuitOpen(_) => "found the circuit open",
        CheckoutError::Closed(_) => "found the pool closed",
    }
}

impl Line {
    /// None for what is said by whoever finds it.
    fn of(event: &PoolEvent) -> Option<Line> {
        Some(match *event {
            PoolEvent::Transition(transition) => Line::Transition(transition),
            PoolEvent::Resized { from, to } => Line::Resized { from, to },
            PoolEvent::Replaced { old, new } => Line::Replaced { old, new },
            PoolEvent::OverflowOpened { alive, max_size } => Line::OverflowOpened { alive, max_size },
            PoolEvent::OverflowClosed => Line::OverflowClosed,
            PoolEvent::QueueGrew { waiting, threshold } => Line::QueueGrew { waiting, threshold },
            PoolEvent::QueueEmptied => Line::QueueEmptied,
            PoolEvent::Closing { in_use, waiting } => Line::Closing { in_use, waiting },
            PoolEvent::Closed => Line::Closed,
            PoolEvent::MemoryPressure { used, threshold, evicted } => Line::MemoryPressure { used, threshold, evicted },
            PoolEvent::Reconfigured { .. }
            | PoolEvent::Refused(_)
            | PoolEvent::NotBuilt(_)
            | PoolEvent::FellBack { .. }
            | PoolEvent::LeakSuspected(_)
            | PoolEvent::LeakReturned(_)
            | PoolEvent::CrashLoop { .. }
            | PoolEvent::Breaker { .. }
            | PoolEvent::Stopped(_)
            | PoolEvent::CheckFailed { .. } => return None,
        })
    }

    fn level(&self) -> Level {
        match self {
            Line::Transition(transition) => level_of(transition),
            Line::Refused(_) | Line::FellBack(_) | Line::Replaced { .. } => Level::Debug,
            Line::Resized { .. } | Line::OverflowOpened { .. } | Line::OverflowClosed => Level::Info,
            Line::QueueEmptied | Line::Closing { .. } | Line::Closed => Level::Info,
            Line::QueueGrew { .. } | Line::MemoryPressure { .. } | Line::Lost(_) => Level::Warn,
            #[cfg(feature = "process")]
            Line::Word { .. } => Level::Warn,
        }
    }
}

/// Trouble is a warning, once for each resource; uses are the finest there is.
fn level_of(transition: &Transition) -> Level {
    let is_trouble = match transition.reason {
        TransitionReason::CheckedOut | TransitionReason::Returned => return Level::Trace,
        TransitionReason::Failed => transition.to == ResourceState::Degraded,
        TransitionReason::Ended(reason) => matches!(
            reason,
            DestroyReason::HolderPanicked
                | DestroyReason::Broken
                | DestroyReason::CheckFailed
                | DestroyReason::CallbackPanicked
                | DestroyReason::WarmFailed
                | DestroyReason::Grown
                | DestroyReason::HeldTooLong
        ),
        _ => false,
    };
    if is_trouble && transition.from != ResourceState::Terminating { Level::Warn } else { Level::Debug }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Transition(Transition { id, from, to, reason, after, .. }) => {
                write!(f, "resource {id} {from} -> {to} after {after:.1?} ({reason})")
            }
            #[cfg(feature = "process")]
            Line::Word { id, word } => write!(f, "resource {id}: {word}"),
            Line::Refused(kind) => write!(f, "a checkout {kind}"),
            Line::FellBack(kind) => write!(f, "a caller made a resource of its own after its checkout {kind}"),
            Line::Resized { from, to } => write!(f, "max_size {from} -> {to}"),
            Line::Replaced { old, new } => write!(f, "resource {new} takes the place of {old}"),
            Line::OverflowOpened { alive, max_size } => write!(f, "{alive} resources, beyond max_size {max_size}"),
            Line::OverflowClosed => f.write_str("no more resources than max_size again"),
            Line::QueueGrew { waiting, threshold } => write!(f, "{waiting} threads wait, queue_alert is {threshold}"),
            Line::QueueEmptied => f.write_str("nobody waits any more"),
            Line::Closing { in_use, waiting } => write!(f, "closes: {in_use} in use, {waiting} waiting"),
            Line::Closed => f.write_str("closed, nothing is left"),
            Line::MemoryPressure { used, threshold, evicted } => {
                write!(f, "resources weighed {used}, above {threshold}: {evicted} idle ones were destroyed")
            }
            Line::Lost(lines) => write!(f, "{lines} lines were lost: the logger is slower than the pool"),
        }
    }
}

/// By way of `log` alone.
#[cfg(not(feature = "tracing"))]
mod said {
    use super::{Line, contained};
    use log::Level;
    use std::fmt;

    pub(super) fn listens(_: Level) -> bool {
        false
    }

    pub(super) fn line(pool: &str, line: &Line) {
        contained(|| log::log!(target: "slackwater", line.level(), "{pool}: {line}"));
    }

    pub(super) fn text(level: Level, who: &dyn fmt::Display, text: fmt::Arguments<'_>) {
        log::log!(target: "slackwater", level, "{who}: {text}");
    }
}

/// By way of `tracing` where somebody subscribes to that, else by way of `log`.
#[cfg(feature = "tracing")]
mod said {
    use super::{Line, Transition, contained};
    use log::Level;
    use std::fmt;
    use tracing::field::{DisplayValue, display};
    use tracing::level_filters::LevelFilter;
    use tracing::subscriber::NoSubscriber;

    pub(super) fn listens(level: Level) -> bool {
        traced(level) <= LevelFilter::current()
    }

    fn traced(level: Level) -> tracing::Level {
        match level {
            Level::Error => tracing::Level::ERROR,
            Level::Warn => tracing::Level::WARN,
            Level::Info => tracing::Level::INFO,
            Level::Debug => tracing::Level::DEBUG,
            Level::Trace => tracing::Level::TRACE,
        }
    }

    fn is_subscribed() -> bool {
        tracing::dispatcher::get_default(|dispatch| !dispatch.is::<NoSubscriber>())
    }

    /// An event's place in the program knows its level; there is one for each.
    macro_rules! event {
        ($level:expr, $($fields:tt)+) => {
            match $level {
                Level::Error => tracing::event!(target: "slackwater", tracing::Level::ERROR, $($fields)+),
                Level::Warn => tracing::event!(target: "slackwater", tracing::Level::WARN, $($fields)+),
                Level::Info => tracing::event!(target: "slackwater", tracing::Level::INFO, $($fields)+),
                Level::Debug => tracing::event!(target: "slackwater", tracing::Level::DEBUG, $($fields)+),
                Level::Trace => tracing::event!(target: "slackwater", tracing::Level::TRACE, $($fields)+),
            }
        };
    }

    /// What a line is about, where it is about that.
    #[derive(Default)]
    struct Fields {
        event: &'static str,
        resource: Option<DisplayValue<String>>,
        from: Option<DisplayValue<String>>,
        to: Option<DisplayValue<String>>,
        reason: Option<DisplayValue<String>>,
        after_seconds: Option<f64>,
        waiting: Option<u64>,
        in_use: Option<u64>,
        alive: Option<u64>,
        threshold: Option<u64>,
        weight: Option<u64>,
        count: Option<u64>,
    }

    fn text_of(of: impl fmt::Display) -> Option<DisplayValue<String>> {
        Some(display(of.to_string()))
    }

    fn number(of: usize) -> Option<u64> {
        Some(of as u64)
    }

    impl Fields {
        fn of(line: &Line) -> Fields {
            let none = Fields::default();
            match *line {
                Line::Transition(Transition { id, from, to, reason, after, .. }) => Fields {
                    event: "transition",
                    resource: text_of(id),
                    from: text_of(from),
                    to: text_of(to),
                    reason: text_of(reason),
                    after_seconds: Some(after.as_secs_f64()),
                    ..none
                },
                #[cfg(feature = "process")]
                Line::Word { id, .. } => Fields { event: "word", resource: text_of(id), ..none },
                Line::Refused(kind) => Fields { event: "refused", reason: text_of(kind), ..none },
                Line::FellBack(kind) => Fields { event: "fell_back", reason: text_of(kind), ..none },
                Line::Resized { from, to } => Fields { event: "resized", from: text_of(from), to: text_of(to), ..none },
                Line::Replaced { old, new } => {
                    Fields { event: "replaced", resource: text_of(new), from: text_of(old), ..none }
                }
                Line::OverflowOpened { alive, max_size } => {
                    Fields { event: "overflow_opened", alive: number(alive), threshold: number(max_size), ..none }
                }
                Line::OverflowClosed => Fields { event: "overflow_closed", ..none },
                Line::QueueGrew { waiting, threshold } => {
                    Fields { event: "queue_grew", waiting: number(waiting), threshold: number(threshold), ..none }
                }
                Line::QueueEmptied => Fields { event: "queue_emptied", ..none },
                Line::Closing { in_use, waiting } => {
                    Fields { event: "closing", in_use: number(in_use), waiting: number(waiting), ..none }
                }
                Line::Closed => Fields { event: "closed", ..none },
                Line::MemoryPressure { used, threshold, evicted } => Fields {
                    event: "memory_pressure",
                    weight: Some(used),
                    threshold: Some(threshold),
                    count: Some(evicted),
                    ..none
                },
                Line::Lost(lines) => Fields { event: "lost", count: Some(lines), ..none },
            }
        }
    }

    pub(super) fn line(pool: &str, line: &Line) {
        contained(|| {
            if !is_subscribed() {
                return log::log!(target: "slackwater", line.level(), "{pool}: {line}");
            }
            let Fields { event, resource, from, to, reason, after_seconds, .. } = Fields::of(line);
            let Fields { waiting, in_use, alive, threshold, weight, count, .. } = Fields::of(line);
            event!(
                line.level(),
                pool,
                event,
                resource,
                from,
                to,
                reason,
                after_seconds,
                waiting,
                in_use,
                alive,
                threshold,
                weight,
                count,
                "{line}"
            );
        });
    }

    pub(super) fn text(level: Level, who: &dyn fmt::Display, text: fmt::Arguments<'_>) {
        if is_subscribed() {
            event!(level, pool = %who, "{text}");
        } else {
            log::log!(target: "slackwater", level, "{who}: {text}");
        }
    }
}
