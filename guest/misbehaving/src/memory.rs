//! The linear memory as a whole.

use std::arch::wasm32;

const PAGE: usize = 1 << 16;

/// Bytes of linear memory.
pub fn size() -> usize {
    wasm32::memory_size::<0>() * PAGE
}

/// The instruction that an abort ends in.
pub fn trap() -> ! {
    wasm32::unreachable()
}

/// How often the text, spelled backwards, stands anywhere in memory: in what was freed, on the stack, in statics. As it comes forwards, the
/// command itself is not found.
pub fn occurrences(text: &str) -> usize {
    let wanted = text.as_bytes();
    if wanted.is_empty() {
        return 0;
    }
    // A null pointer is an address like any other here, but not in Rust.
    (1..(size() - wanted.len())).filter(|&start| is_at(start, wanted)).count()
}

fn is_at(start: usize, wanted: &[u8]) -> bool {
    wanted.iter().rev().enumerate().all(|(n, &byte)| {
        // SAFETY: every address below the memory's size, which the caller keeps to, can be read. What is read may be anything, and may
        // change under it as it is part of this program: a volatile read of a byte is made for that.
        byte == unsafe { std::ptr::with_exposed_provenance::<u8>(start + n).read_volatile() }
    })
}
