//! Pools as JSON. Times are in seconds, weights in the manager's unit, what is not there is left out.

use super::watch::{Found, Seen};
use crate::error::{SharedError, let_go};
use crate::observe::{
    BreakerLook, DestroyReason, Distribution, Health, HealthLevel, Holder, HungJob, Latencies, Resource, Snapshot,
    Stats, Transition,
};
use crate::pool::{Memory, SessionStats};
use serde::Serialize;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Goes up when something is taken away or means something else; what is added leaves it.
const SCHEMA: u32 = 1;

/// Characters of an error's text that are shown.
const TEXT: usize = 2_000;

/// `/pools.json`.
pub(super) fn pools(seen: &[Seen<'_>]) -> String {
    written(&Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        pools: seen.iter().map(Pool::of).collect(),
    })
}

/// `/health`, and whether all are well.
pub(super) fn health(seen: &[Seen<'_>]) -> (bool, String) {
    let pools: Vec<_> = seen
        .iter()
        .map(|seen| {
            let health = match &seen.found {
                Some(found) => HealthOf::of(&Health::of(&found.snapshot)),
                None => HealthOf::of_gone(),
            };
            PoolHealth { name: seen.name, state: State::of(seen), health }
        })
        .collect();
    let worst = pools.iter().map(|pool| pool.health.is).max().unwrap_or(HealthLevel::Healthy);
    let document = HealthDocument { schema: SCHEMA, level: worst.to_string(), pools };
    (worst <= HealthLevel::Degraded, written(&document))
}

/// Nothing in them can fail to be written.
fn written(document: &impl Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    version: &'static str,
    pools: Vec<Pool<'a>>,
}

#[derive(Serialize)]
struct HealthDocument<'a> {
    schema: u32,
    level: String,
    pools: Vec<PoolHealth<'a>>,
}

#[derive(Serialize)]
struct PoolHealth<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    state: State,
    #[serde(flatten)]
    health: HealthOf,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Closed,
    Gone,
}

impl State {
    fn of(seen: &Seen<'_>) -> State {
        match &seen.found {
            None => State::Gone,
            Some(found) if found.snapshot.closed => State::Closed,
            Some(_) => State::Open,
        }
    }
}

#[derive(Serialize)]
struct HealthOf {
    #[serde(skip)]
    is: HealthLevel,
    level: String,
    score: u8,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    level: String,
    text: String,
}

impl HealthOf {
    fn of(health: &Health) -> Self {
        let reason =
            |reason: &crate::HealthReason| Reason { level: reason.level().to_string(), text: reason.to_string() };
        HealthOf {
            is: health.level,
            level: health.level.to_string(),
            score: health.score,
            reasons: health.reasons.iter().map(reason).collect(),
        }
    }

    fn of_gone() -> Self {
        let level = HealthLevel::Critical;
        let reason =
            Reason { level: level.to_string(), text: "the pool is gone: all its handles were dropped".to_owned() };
        HealthOf { is: level, level: level.to_string(), score: 0, reasons: vec![reason] }
    }
}

#[derive(Serialize)]
struct Pool<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    state: State,
    health: HealthOf,
    #[serde(flatten)]
    seen: Option<View<'a>>,
}

impl<'a> Pool<'a> {
    fn of(seen: &'a Seen<'a>) -> Self {
        let health =
            seen.found.as_ref().map_or_else(HealthOf::of_gone, |found| HealthOf::of(&Health::of(&found.snapshot)));
        Pool { name: seen.name, state: State::of(seen), health, seen: seen.found.as_ref().map(View::of) }
    }
}

/// All that is known of a pool that is there.
#[derive(Serialize)]
struct View<'a> {
    at_seconds: f64,
    stats: Numbers,
    resources: Vec<Slot<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_wait_seconds: Option<f64>,
    mode: String,
    checkout_timeout_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_hold_seconds: Option<f64>,
    failed_creations: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_create_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<Breaker>,
    hung_jobs: Vec<Hung>,
    memory: Weights,
    latencies: Times,
    interval: Interval,
    sessions: Sessions,
    advice: Advice,
    transitions: Vec<Step>,
}

impl<'a> View<'a> {
    fn of(found: &'a Found) -> Self {
        let Found { snapshot, interval, lately } = found;
        let Snapshot { stats, resources, advice, transitions, hung_jobs, .. } = snapshot;
        View {
            at_seconds: seconds(snapshot.at),
            stats: Numbers::of(stats),
            resources: resources.iter().map(Slot::of).collect(),
            oldest_wait_seconds: snapshot.oldest_wait.map(seconds),
            mode: snapshot.mode.to_string(),
            checkout_timeout_seconds: seconds(snapshot.checkout_timeout),
            max_hold_seconds: snapshot.max_hold.map(seconds),
            failed_creations: snapshot.failed_creations,
            last_create_error: snapshot.last_create_error.as_ref().map(text_of),
            stopped_by: snapshot.stopped_by.as_ref().map(text_of),
            breaker: snapshot.breaker.as_ref().map(Breaker::of),
            hung_jobs: hung_jobs.iter().map(Hung::of).collect(),
            memory: Weights::of(&snapshot.memory, snapshot.memory_threshold),
            latencies: Times::of(&snapshot.latencies),
            interval: Interval { seconds: seconds(*interval), latencies: Times::of(lately) },
            sessions: Sessions::of(&snapshot.sessions),
            advice: Advice { text: advice.to_string(), size: advice.size, recommended: advice.recommended },
            transitions: transitions.iter().map(Step::of).collect(),
        }
    }
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

/// An error of the user's own says what it likes, or panics.
fn text_of(error: &SharedError) -> String {
    let said = catch_unwind(AssertUnwindSafe(|| error.to_string().chars().take(TEXT).collect()));
    said.unwrap_or_else(|payload| {
        let_go(payload);
        "(its text panicked)".to_owned()
    })
}

#[derive(Serialize)]
struct Sessions {
    hits: u64,
    misses: u64,
    rebinds: u64,
    expirations: u64,
    in_use: u64,
    evictions: u64,
    refused: u64,
}

impl Sessions {
    fn of(stats: &SessionStats) -> Self {
        let SessionStats { hits, misses, rebinds, expirations, in_use, evictions, refused } = *stats;
        Sessions { hits, misses, rebinds, expirations, in_use, evictions, refused }
    }
}

#[derive(Serialize)]
struct Numbers {
    max_size: usize,
    max_overflow: usize,
    total: usize,
    in_use: usize,
    available: usize,
    degraded: usize,
    creating: usize,
    checking: usize,
    retiring: usize,
    overflow: usize,
    waiting: usize,
    utilisation: f64,
    weight: u64,
    short_lives: u32,
    hung_jobs: usize,
    created: u64,
    create_failures: u64,
    destroyed: u64,
    destroyed_by: BTreeMap<String, u64>,
    detached: u64,
    checkouts: u64,
    returns: u64,
    discards: u64,
    affinity_hits: u64,
    affinity_misses: u64,
    waits: u64,
    overtakes: u64,
    timeouts: u64,
    rejected: u64,
    shed: u64,
    fallbacks: u64,
    callback_panics: u64,
    long_holds: u64,
    hung_jobs_total: u64,
    lost_events: u64,
    settled: bool,
}

impl Numbers {
    fn of(stats: &Stats) -> Self {
        let by_reason = DestroyReason::ALL.into_iter().map(|reason| (reason, stats.destroyed.by(reason)));
        let destroyed_by = by_reason.filter(|(_, many)| *many > 0).map(|(reason, many)| (reason.to_string(), many));
        Numbers {
            max_size: stats.max_size,
            max_overflow: stats.max_overflow,
            total: stats.total,
            in_use: stats.in_use,
            available: stats.available,
            degraded: stats.degraded,
            creating: stats.creating,
            checking: stats.checking,
            retiring: stats.retiring,
            overflow: stats.overflow,
            waiting: stats.waiting,
            utilisation: stats.utilisation(),
            weight: stats.weight,
            short_lives: stats.short_lives,
            hung_jobs: stats.hung_jobs,
            created: stats.created,
            create_failures: stats.create_failures,
            destroyed: stats.destroyed.total(),
            destroyed_by: destroyed_by.collect(),
            detached: stats.detached,
            checkouts: stats.checkouts,
            returns: stats.returns(),
            discards: stats.discards,
            affinity_hits: stats.affinity_hits(),
            affinity_misses: stats.affinity_misses,
            waits: stats.waits,
            overtakes: stats.overtakes,
            timeouts: stats.timeouts,
            rejected: stats.rejected,
            shed: stats.shed.total(),
            fallbacks: stats.fallbacks,
            callback_panics: stats.callback_panics,
            long_holds: stats.long_holds,
            hung_jobs_total: stats.hung_jobs_total,
            lost_events: stats.lost_events,
            settled: stats.settled,
        }
    }
}

#[derive(Serialize)]
struct Slot<'a> {
    slot: usize,
    generation: u64,
    state: String,
    age_seconds: f64,
    uses: u64,
    errors: u64,
    failures: u64,
    idle_seconds: f64,
    last_check_seconds: f64,
    weight: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<HeldBy<'a>>,
}

impl<'a> Slot<'a> {
    fn of(resource: &'a Resource) -> Self {
        Slot {
            slot: resource.id.slot(),
            generation: resource.id.generation(),
            state: resource.state.to_string(),
            age_seconds: seconds(resource.age),
            uses: resource.uses,
            errors: resource.errors,
            failures: resource.failures,
            idle_seconds: seconds(resource.idle),
            last_check_seconds: seconds(resource.last_check),
            weight: resource.weight,
            holder: resource.holder.as_ref().map(HeldBy::of),
        }
    }
}

#[derive(Serialize)]
struct HeldBy<'a> {
    thread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_name: Option<&'a str>,
    file: &'static str,
    line: u32,
    held_seconds: f64,
}

impl<'a> HeldBy<'a> {
    fn of(holder: &'a Holder) -> Self {
        let Holder { thread, thread_name, site, held_for, .. } = holder;
        let (file, line) = (site.file(), site.line());
        HeldBy { thread: *thread, thread_name: thread_name.as_deref(), file, line, held_seconds: seconds(*held_for) }
    }
}

#[derive(Serialize)]
struct Breaker {
    state: String,
    failures: u32,
    retry_after_seconds: f64,
}

impl Breaker {
    fn of(look: &BreakerLook) -> Self {
        let BreakerLook { state, failures, retry_after } = *look;
        Breaker { state: state.to_string(), failures, retry_after_seconds: seconds(retry_after) }
    }
}

#[derive(Serialize)]
struct Hung {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<usize>,
    running_seconds: f64,
}

impl Hung {
    fn of(job: &HungJob) -> Self {
        Hung { kind: job.kind.to_string(), slot: job.slot, running_seconds: seconds(job.running_for) }
    }
}

#[derive(Serialize)]
struct Weights {
    total: u64,
    in_use: u64,
    peak: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<u64>,
    gc_count: u64,
    evicted: u64,
}

impl Weights {
    fn of(memory: &Memory, threshold: Option<u64>) -> Self {
        let Memory { total, in_use, peak, budget, gc_count, evicted } = *memory;
        Weights { total, in_use, peak, budget, threshold, gc_count, evicted }
    }
}

#[derive(Serialize)]
struct Interval {
    seconds: f64,
    latencies: Times,
}

#[derive(Serialize)]
struct Times {
    wait: Spread,
    hold: Spread,
    create: Spread,
    check: Spread,
    recycle: Spread,
    destroy: Spread,
}

impl Times {
    fn of(latencies: &Latencies) -> Self {
        let Latencies { wait, hold, create, check, recycle, destroy } = latencies;
        let [wait, hold, create, check, recycle, destroy] =
            [wait, hold, create, check, recycle, destroy].map(Spread::of);
        Times { wait, hold, create, check, recycle, destroy }
    }
}

#[derive(Serialize)]
struct Spread {
    count: u64,
    sum_seconds: f64,
    mean_seconds: f64,
    max_seconds: f64,
    p50_seconds: f64,
    p90_seconds: f64,
    p99_seconds: f64,
    p999_seconds: f64,
}

impl Spread {
    fn of(distribution: &Distribution) -> Self {
        let percentile = |percent| seconds(distribution.percentile(percent));
        Spread {
            count: distribution.count(),
            sum_seconds: seconds(distribution.sum()),
            mean_seconds: seconds(distribution.mean()),
            max_seconds: seconds(distribution.max()),
            p50_seconds: percentile(50.0),
            p90_seconds: percentile(90.0),
            p99_seconds: percentile(99.0),
            p999_seconds: percentile(99.9),
        }
    }
}

#[derive(Serialize)]
struct Advice {
    text: String,
    size: usize,
    recommended: usize,
}

#[derive(Serialize)]
struct Step {
    at_seconds: f64,
    slot: usize,
    generation: u64,
    from: String,
    to: String,
    reason: String,
    after_seconds: f64,
}

impl Step {
    fn of(transition: &Transition) -> Self {
        let Transition { id, from, to, reason, after, at } = transition;
        Step {
            at_seconds: seconds(*at),
            slot: id.slot(),
            generation: id.generation(),
            from: from.to_string(),
            to: to.to_string(),
            reason: reason.to_string(),
            after_seconds: seconds(*after),
        }
    }
}
