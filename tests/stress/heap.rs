//! An allocator that knows how much each thread has asked for and not given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Needs neither a start nor an end, so the allocator may use it at any time.
    static KEPT: Cell<isize> = const { Cell::new(0) };
}

/// Bytes that this thread has allocated, less those it has freed.
pub fn kept() -> isize {
    KEPT.get()
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps to the contract; counting neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        KEPT.set(KEPT.get() + layout.size() as isize);
        // SAFETY: the caller vouches for `layout` as `System` wants it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        KEPT.set(KEPT.get() - layout.size() as isize);
        // SAFETY: the block came from `System` through `alloc`, with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}
