//! The clock that deadlines of calls are reckoned in: one thread for an engine, which sleeps while no call is under way.
//!
//! ```text
//! Caller: C1 running + 1          C2 read parked, wake if it is set
//! Ticker: T1 set parked           T2 read running, park if it is zero
//! ```
//! All four are SeqCst: either T2 sees C1, or C2 sees T1. A ticker parks only after two ticks that found no call, so calls that
//! follow each other wake nobody.

use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use wasmtime::EngineWeak;

/// The ticker of one engine. Its thread starts with the first call and ends with the engine.
pub(super) struct Ticker {
    tick: Duration,
    shared: Arc<Shared>,
    /// Set once the thread has started; the lock is for those who would start it at the same time.
    started: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    /// Calls under way.
    running: AtomicUsize,
    /// Ticks so far.
    ticks: AtomicU64,
    parked: AtomicBool,
    ended: AtomicBool,
}

/// A call under way: while there is one, time passes.
pub(super) struct Running<'t>(&'t Shared);

impl Ticker {
    pub(super) fn new(tick: Duration) -> Self {
        let (shared, started) = (Arc::default(), AtomicBool::new(false));
        Self { tick, shared, started, thread: Mutex::new(None) }
    }

    /// So many ticks there were. Two looks tell how long something took, to a tick.
    pub(super) fn ticks(&self) -> u64 {
        self.shared.ticks.load(SeqCst)
    }

    pub(super) fn is_parked(&self) -> bool {
        !self.started.load(SeqCst) || self.shared.parked.load(SeqCst)
    }

    /// The deadline for a call that may take `timeout`, in ticks from now. One more than fit, because the present tick is partly
    /// over: a call is never ended early, and at most a tick and the time the thread wakes late after its deadline.
    pub(super) fn deadline(&self, timeout: Duration) -> u64 {
        let ticks = timeout.as_nanos().div_ceil(self.tick.as_nanos());
        u64::try_from(ticks).unwrap_or(u64::MAX / 4).min(u64::MAX / 4) + 1
    }

    /// A call begins. Starts the thread if there is none yet, wakes it if it sleeps.
    pub(super) fn run(&self, engine: &wasmtime::Engine) -> io::Result<Running<'_>> {
        if !self.started.load(SeqCst) {
            self.start(engine)?;
        }
        self.shared.running.fetch_add(1, SeqCst);
        let running = Running(&self.shared);
        if self.shared.parked.load(SeqCst) && self.shared.parked.swap(false, SeqCst) {
            self.wake();
        }
        Ok(running)
    }

    #[cold]
    fn start(&self, engine: &wasmtime::Engine) -> io::Result<()> {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let (shared, tick, engine) = (Arc::clone(&self.shared), self.tick, engine.weak());
            let name = "wasm-ticker".to_owned();
            *thread = Some(thread::Builder::new().name(name).spawn(move || shared.keep_time(tick, &engine))?);
            self.started.store(true, SeqCst);
        }
        Ok(())
    }

    #[cold]
    fn wake(&self) {
        if let Some(thread) = &*self.thread.lock() {
            thread.thread().unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, SeqCst);
        if let Some(thread) = self.thread.get_mut().take() {
            thread.thread().unpark();
            // It touches nothing of the user's, and looks at `ended` first.
            let _ = thread.join();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

impl Shared {
    fn keep_time(&self, tick: Duration, engine: &EngineWeak) {
        let mut idle = false;
        while !self.ended.load(SeqCst) {
            self.sleep(tick);
            let Some(engine) = engine.upgrade() else { return };
            engine.increment_epoch();
            self.ticks.fetch_add(1, SeqCst);
            drop(engine);
            // One look may fall between two calls: two in a row are rest.
            if self.running.load(SeqCst) > 0 {
                idle = false;
            } else if std::mem::replace(&mut idle, true) {
                self.park();
                idle = false;
            }
        }
    }

    /// At least `tick`: a call may count on it that no tick is shorter.
    fn sleep(&self, tick: Duration) {
        let until = Instant::now() + tick;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.ended.load(SeqCst) {
                return;
            }
            thread::park_timeout(left);
        }
    }

    fn park(&self) {
        self.parked.store(true, SeqCst);
        while self.running.load(SeqCst) == 0 && self.parked.load(SeqCst) && !self.ended.load(SeqCst) {
            thread::park();
        }
        self.parked.store(false, Relaxed);
    }
}
