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
