//! Calls without end.

use std::hint::black_box;

/// Needs no memory of its own a call, so nothing ends it but the engine's stack.
#[inline(never)]
#[allow(unconditional_recursion, reason = "what it is for")]
pub fn overflow(depth: u64) -> u64 {
    // A pointer that may be any keeps it from becoming a loop.
    let next: fn(u64) -> u64 = overflow;
    black_box(next)(depth + 1).wrapping_add(depth)
}

/// Each call takes 64 KiB of the stack in linear memory, which ends below its first byte.
#[inline(never)]
#[allow(unconditional_recursion, reason = "what it is for")]
pub fn overflow_own(depth: usize) -> u64 {
    let mut frame = [1_u8; 1 << 16];
    black_box(&mut frame)[depth % (1 << 16)] = 2;
    let next: fn(usize) -> u64 = overflow_own;
    black_box(next)(depth + 1) + u64::from(frame[0])
}
