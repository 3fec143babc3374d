//! A store-then-load barrier that costs the frequent side nothing.
//!
//! Returning a resource is "store READY, then look whether anyone waits"; waiting is "announce, then look for READY". Each
//! side must see the other's store or be seen itself (a Dekker pair), which takes a full fence on both sides. The *light*
//! side pays only a compiler fence; the *heavy* side makes every running thread of the process execute a full barrier
//! (`membarrier(2)`, command `PRIVATE_EXPEDITED`), so that each light side is ordered as if it had fenced.
//!
//! Where membarrier cannot be had, [`available`] is false and the pool uses full fences on both sides.

#[cfg(not(slackwater_loom))]
pub(crate) use native::{available, heavy, light};

#[cfg(slackwater_loom)]
pub(crate) use model::{available, heavy, light};

#[cfg(not(slackwater_loom))]
mod native {
    use std::sync::atomic::{Ordering::SeqCst, compiler_fence};

    /// The frequent side's barrier: keeps the compiler from moving its load above its store.
    #[inline(always)]
    pub(crate) fn light() {
        compiler_fence(SeqCst);
    }

    #[cfg(all(target_os = "linux", not(miri)))]
    mod linux {
        use std::sync::OnceLock;

        fn membarrier(command: libc::c_int) -> bool {
            // SAFETY: membarrier takes a command and flags by value and touches no memory of ours; unknown commands
            // and filtered calls come back as -1.
            unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) >= 0 }
        }

        /// Whether the kernel offers the expedited barrier. Registers the process for it on the first call.
        pub(crate) fn available() -> bool {
            static REGISTERED: OnceLock<bool> = OnceLock::new();
            *REGISTERED.get_or_init(|| membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
        }

        pub(crate) fn barrier() -> bool {
            available() && membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
        }
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    mod linux {
        pub(crate) fn available() -> bool {
            false
        }

        pub(crate) fn barrier() -> bool {
            false
        }
    }

    pub(crate) use linux::available;

    /// The rare side's barrier: after it, every store that preceded a light barrier on any thread is visible, or that
    /// thread's later load sees what we stored before.
    pub(crate) fn heavy() {
        std::sync::atomic::fence(SeqCst);
        // What only the rounds of `tests/silence.rs` can see: no model checker knows membarrier.
        if cfg!(slackwater_mutation = "heavy_fence") {
            return;
        }
        if !linux::barrier() && available() {
            // The call worked at first and is refused now (a seccomp filter put on late). A store buffer drains within
            // microseconds; a millisecond outlasts it. The pool keeps its flag up from here on.
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

/// loom knows neither compiler fences nor membarrier. One cell per thread is an exact stand-in for a light and heavy
/// pair: a light barrier is a read-modify-write of the own cell, a heavy one of every cell. Two light barriers do not
/// order each other, so code that wrongly relied on that is still caught.
#[cfg(slackwater_loom)]
mod model {
    use loom::sync::atomic::{AtomicUsize, Ordering::AcqRel};

    struct Cells {
        cells: [AtomicUsize; 4],
        next: std::sync::atomic::AtomicUsize,
    }

    loom::lazy_static! {
        static ref CELLS: Cells = Cells {
            cells: [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)],
            next: std::sync::atomic::AtomicUsize::new(0),
        };
    }

    loom::thread_local! {
        static MINE: usize = CELLS.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    pub(crate) fn available() -> bool {
        true
    }

    pub(crate) fn light() {
        step!("light_fence", MINE.with(|mine| CELLS.cells[*mine].fetch_add(0, AcqRel)));
    }

    pub(crate) fn heavy() {
        if left_out!("heavy_fence") {
            return;
        }
        loom::sync::atomic::fence(loom::sync::atomic::Ordering::SeqCst);
        for cell in &CELLS.cells {
            cell.fetch_add(0, AcqRel);
        }
    }
}
