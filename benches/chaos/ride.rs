//! One contestant through the plan: what its callers got, what the backend saw, and the figures made of both.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{Backend, Condition};
use crate::callers::{self, Outcome, Request};
use crate::contestants::{Contestant, Terms};
use crate::noise::Noise;
use crate::plan::Plan;
use crate::record::Record;

pub const CALLERS: usize = 16;
pub const SIZE: usize = 8;

/// How long a pool may take until it has a connection again after an outage: what is asked of it from then on counts. It is
/// the recovery time that is wanted, so whoever takes longer pays here too.
const GRACE: Duration = Duration::from_millis(500);

/// What is asked so shortly before an outage may meet it because the machine was busy with others.
const STALL: Duration = Duration::from_millis(50);

/// Time is looked at in pieces of this length.
const GLANCE: Duration = Duration::from_millis(20);

/// What happened to one contestant.
pub struct Ride {
    pub name: &'static str,
    pub began: Instant,
    pub requests: Vec<Request>,
    pub record: Record,
    /// How late the machine itself woke a thread, at the most.
    noise: Duration,
    pub mistakes: Vec<String>,
}

/// Has `callers` call one contestant while `script` moves the backend.
pub fn drive<T>(contestant: &Contestant, callers: usize, seed: u64, script: impl FnOnce(&Backend) -> T) -> (Ride, T) {
    let backend = Backend::new(SIZE);
    let pool = (contestant.build)(&backend, Terms { size: SIZE, patience: callers::PATIENCE });
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let (told, mut requests): (T, Vec<Request>) = thread::scope(|scope| {
        let callers: Vec<_> = (0..callers as u64)
            .map(|number| {
                let (pool, backend, stop) = (&*pool, &*backend, &stop);
                scope.spawn(move || callers::call(pool, backend, stop, seed + number))
            })
            .collect();
        let told = script(&backend);
        backend.finish();
        stop.store(true, Relaxed);
        (told, callers.into_iter().flat_map(|caller| caller.join().expect("no caller panics")).collect())
    });
    requests.sort_by_key(|request| request.issued);
    let record = backend.record();
    (Ride { name: contestant.name, began, requests, record, noise: Duration::ZERO, mistakes: pool.end() }, told)
}

/// Runs the whole plan against one contestant.
pub fn run(contestant: &Contestant, plan: &Plan, seed: u64) -> Ride {
    let noise = Noise::listen();
    let (ride, ()) = drive(contestant, CALLERS, seed, |backend| plan.carry_out(backend));
    Ride { noise: noise.end(), ..ride }
}

/// Of so many requests, so many answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    pub answered: usize,
    pub of: usize,
}

impl Share {
    pub fn percent(self) -> f64 {
        100.0 * self.answered as f64 / self.of as f64
    }
}

/// How long killed connections were missing beyond what connecting takes, in ms, and how many stayed missing.
pub struct Recovery {
    pub mean: f64,
    pub longest: f64,
    pub never: usize,
}

/// The time after an outage, in ms from its end; infinite for what did not come before the next outage or the end.
pub struct Comeback {
    pub kind: Condition,
    pub first_answer: f64,
    /// To as many connections as there are to be, beyond what connecting takes.
    pub whole: f64,
}

impl Ride {
    /// Requests of which `counts` is true, and how many of them were answered.
    pub fn share(&self, counts: impl Fn(&Request) -> bool) -> Share {
        let mut share = Share::default();
        for request in self.requests.iter().filter(|request| counts(request)) {
            share.of += 1;
            share.answered += usize::from(request.outcome == Outcome::Answered);
        }
        share
    }

    /// Whether the backend served when it was issued.
    pub fn met_service(&self, request: &Request) -> bool {
        self.record.serves_since(request.issued).is_some()
    }

    /// Whether a healthy resource could have served it. The backend served from its issue on for as long as two tries take
    /// that connect first, and `STALL`; the pool had a living connection, or had had `GRACE` to make one; and its last connection was
    /// not killed in its own hands.
    pub fn could_be_served(&self, request: &Request) -> bool {
        let Some(since) = self.record.serves_since(request.issued) else { return false };
        let condition = self.record.condition_at(request.issued);
        let needs = callers::TRIES as u32 * (condition.connecting() + condition.answering()) + STALL;
        self.record.serves_throughout(request.issued, request.issued + needs)
            && (request.had_living || request.issued.duration_since(since) >= GRACE)
            && request.outcome != Outcome::Struck
    }

    /// The requests that count, and how many of them were answered.
    pub fn servable(&self) -> Share {
        self.share(|request| self.could_be_served(request))
    }

    /// Requests that count and ended so.
    pub fn unanswered(&self, outcome: Outcome) -> usize {
        let these = self.requests.iter().filter(|request| request.outcome == outcome);
        these.filter(|request| self.could_be_served(request)).count()
    }

    pub fn recovery(&self) -> Recovery {
        let losses = &self.record.losses;
        let missing = || losses.iter().map(|loss| 1e3 * loss.missing.as_secs_f64());
        Recovery {
            mean: missing().sum::<f64>() / losses.len() as f64,
            longest: missing().fold(0.0, f64::max),
            never: losses.iter().filter(|loss| !loss.made_good).count(),
        }
    }

    pub fn comebacks(&self) -> Vec<Comeback> {
        let outages = &self.record.outages;
        let mut found = Vec::new();
        for (at, outage) in outages.iter().enumerate() {
            let Some(ended) = outage.ended else { continue };
            let since = |then: Option<Instant>| then.map_or(f64::INFINITY, |then| 1e3 * (then - ended).as_secs_f64());
            let answers = self.requests.iter().filter(|request| request.outcome == Outcome::Answered);
            let first = answers.map(|request| request.ended).filter(|&answer| answer >= ended).min();
            let next = outages.get(at + 1).map(|next| next.began);
            let first = first.filter(|&first| next.is_none_or(|next| first < next));
            let connecting = 1e3 * self.record.condition_at(ended).connecting().as_secs_f64();
            let whole = (since(outage.whole) - connecting).max(0.0);
            found.push(Comeback { kind: outage.kind, first_answer: since(first), whole });
        }
        found
    }

    /// Time in which the backend served and nobody got an answer, in ms: how callers that wait long, and so ask little,
    /// weigh as much as others.
    pub fn silence(&self) -> f64 {
        let mut answers: Vec<Instant> = Vec::with_capacity(self.requests.len());
        let answered = self.requests.iter().filter(|request| request.outcome == Outcome::Answered);
        answers.extend(answered.map(|request| request.ended));
        answers.sort();
        let mut silent = Duration::ZERO;
        let mut from = self.began;
        while let Some(last) = answers.last().filter(|&&last| from < last) {
            let to = from + GLANCE;
            let next = answers[answers.partition_point(|&answer| answer < from)..].first().unwrap_or(last);
            if self.record.serves_throughout(from, to) && *next >= to {
                silent += GLANCE;
            }
            from = to;
        }
        1e3 * silent.as_secs_f64()
    }

    /// Connections tried a second while the backend refused them.
    pub fn attempts_while_refused(&self) -> f64 {
        let (mut attempts, mut seconds) = (0, 0.0);
        for outage in self.record.outages.iter().filter(|outage| outage.kind == Condition::Refusing) {
            attempts += outage.attempts;
            seconds += outage.ended.map_or(0.0, |ended| (ended - outage.began).as_secs_f64());
        }
        attempts as f64 / seconds
    }

    /// The median time from issue to error of what was issued, and ended, while the backend refused, in ms.
    pub fn time_to_error(&self) -> f64 {
        let refusing = |moment| self.record.condition_at(moment) == Condition::Refusing;
        let failed = self.requests.iter().filter(|request| request.outcome != Outcome::Answered);
        let failed = failed.filter(|request| refusing(request.issued) && refusing(request.ended));
        let mut times: Vec<f64> = failed.map(|request| 1e3 * (request.ended - request.issued).as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// How late the machine itself woke a thread, at the most, in ms.
    pub fn noise_ms(&self) -> f64 {
        1e3 * self.noise.as_secs_f64()
    }

    /// The longest time by which a checkout came back after its caller's deadline, in ms.
    pub fn latest(&self) -> f64 {
        1e3 * self.requests.iter().map(|request| request.late).max().unwrap_or_default().as_secs_f64()
    }
}
