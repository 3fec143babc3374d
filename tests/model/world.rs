//! What the manager knows.

use slackwater::Manager;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub struct World {
    pub made: AtomicUsize,
    pub alive: AtomicUsize,
    /// Whether the next creation fails.
    pub fails: AtomicBool,
    /// How often `destroy` saw each.
    pub ended: Mutex<BTreeMap<usize, usize>>,
}

impl World {
    pub fn has_ended(&self, number: usize) -> bool {
        self.ended.lock().unwrap().contains_key(&number)
    }
}

pub struct Maker(pub Arc<World>);

/// Owns heap memory, so that a use after its end shows under a sanitizer.
pub struct Thing {
    pub number: Box<usize>,
    /// Whether checks fail.
    pub sick: bool,
    world: Arc<World>,
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.world.alive.fetch_sub(1, SeqCst);
    }
}

impl Manager for Maker {
    type Resource = Thing;
    type Error = String;

    fn create(&self) -> Result<Thing, String> {
        if self.0.fails.swap(false, SeqCst) {
            return Err("told to fail".to_owned());
        }
        self.0.alive.fetch_add(1, SeqCst);
        let number = self.0.made.fetch_add(1, SeqCst) + 1;
        Ok(Thing { number: Box::new(number), sick: false, world: Arc::clone(&self.0) })
    }

    fn check(&self, thing: &mut Thing) -> Result<(), String> {
        if thing.sick { Err("sick".to_owned()) } else { Ok(()) }
    }

    fn destroy(&self, thing: Thing) {
        *self.0.ended.lock().unwrap().entry(*thing.number).or_default() += 1;
    }
}
