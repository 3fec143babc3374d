//! What is allocated, counted while somebody wants to know.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

pub struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static NOW: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);

fn grown(by: i64) {
    MOST.fetch_max(NOW.fetch_add(by, Relaxed) + by, Relaxed);
}

// SAFETY: what the system's allocator gives is handed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ON.load(Relaxed) {
            CALLS.fetch_add(1, Relaxed);
            grown(layout.size() as i64);
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if ON.load(Relaxed) {
            grown(-(layout.size() as i64));
        }
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if ON.load(Relaxed) {
            CALLS.fetch_add(1, Relaxed);
            grown(size as i64 - layout.size() as i64);
        }
        // SAFETY: as the caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// What some work allocated: how often, how much of it was still there at the end, and the most that there was at a time.
#[derive(Clone, Copy, Default)]
pub struct Taken {
    pub calls: u64,
    pub kept: i64,
    pub most: i64,
}

/// Counts what `work` takes, whichever threads do it. What it gives back is kept until the counting is over.
pub fn taken<T>(work: impl FnOnce() -> T) -> (T, Taken) {
    CALLS.store(0, Relaxed);
    NOW.store(0, Relaxed);
    MOST.store(0, Relaxed);
    ON.store(true, Relaxed);
    let made = work();
    ON.store(false, Relaxed);
    (made, Taken { calls: CALLS.load(Relaxed), kept: NOW.load(Relaxed), most: MOST.load(Relaxed) })
}
