//! A manager whose callbacks dawdle, and in foul mood fail or panic as the schedule has it.

use super::crowd::chance;
use shuttle::thread;
use slackwater::{Manager, ReturnOutcome, Severity};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Calm,
    Foul,
    /// Nothing is created, everything else works.
    Down,
}

/// Clones share everything.
#[derive(Clone)]
pub struct Moody(Arc<Shared>);

// Not shuttle's atomics: counting is no place to switch threads.
#[derive(Default)]
struct Shared {
    foul: AtomicBool,
    down: AtomicBool,
    alive: AtomicUsize,
}

/// A resource that owns memory and knows whether somebody has it.
pub struct Thing {
    pub text: String,
    taken: AtomicBool,
    shared: Arc<Shared>,
}

impl Thing {
    /// In somebody's hands, who must be alone with it.
    pub fn take(&self) {
        assert!(!self.taken.swap(true, SeqCst), "in two hands at once");
    }

    pub fn let_go(&self) {
        assert!(self.taken.swap(false, SeqCst), "somebody else let it go");
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.shared.alive.fetch_sub(1, SeqCst);
    }
}

impl Moody {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    pub fn set(&self, mood: Mood) {
        self.0.foul.store(mood == Mood::Foul, SeqCst);
        self.0.down.store(mood == Mood::Down, SeqCst);
    }

    /// Resources not dropped yet.
    pub fn alive(&self) -> usize {
        self.0.alive.load(SeqCst)
    }

    /// Lets others run, then panics one time in sixteen, and fails one in four: if the mood is foul.
    fn act(&self) -> Result<(), String> {
        thread::yield_now();
        if !self.0.foul.load(SeqCst) {
            return Ok(());
        }
        match chance(16) {
            // Past the hook: shuttle takes a panic that it hears of for the end of the test.
            0 => std::panic::resume_unwind(Box::new("moody".to_owned())),
            1..5 => Err("moody".to_owned()),
            _ => Ok(()),
        }
    }

    fn with<T>(&self, thing: &Thing, f: impl FnOnce() -> T) -> T {
        thing.take();
        let out = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        thing.let_go();
        out.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    }
}

impl Manager for Moody {
    type Resource = Thing;
    type Error = String;

    fn create(&self) -> Result<Thing, String> {
        self.act()?;
        if self.0.down.load(SeqCst) && chance(4) != 0 {
            return Err("down".to_owned());
        }
        self.0.alive.fetch_add(1, SeqCst);
        Ok(Thing { text: "new".to_owned(), taken: AtomicBool::new(false), shared: Arc::clone(&self.0) })
    }

    fn warm(&self, thing: &mut Thing) -> Result<(), String> {
        self.with(thing, || self.act())
    }

    fn check(&self, thing: &mut Thing) -> Result<(), String> {
        self.with(thing, || self.act())
    }

    fn is_broken(&self, thing: &mut Thing) -> bool {
        self.with(thing, || self.act().is_err())
    }

    fn recycle(&self, thing: &mut Thing) -> ReturnOutcome {
        thing.text.clear();
        let failed = self.with(thing, || self.act()).is_err();
        match chance(3) {
            _ if !failed => ReturnOutcome::Healthy,
            0 => ReturnOutcome::Suspect,
            1 => ReturnOutcome::StillBusy,
            _ => ReturnOutcome::Broken,
        }
    }

    fn destroy(&self, thing: Thing) {
        thing.take();
        let _ = self.act();
    }

    fn classify(&self, _: &String) -> Severity {
        if !self.0.down.load(SeqCst) && chance(4) == 0 { Severity::Permanent } else { Severity::Transient }
    }
}
