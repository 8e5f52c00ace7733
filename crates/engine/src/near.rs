//! Memory that is needed soon is asked for early: the processor then waits for many places at once instead of one
//! after another. What is asked for in vain costs a little time, never more.

/// What memory comes in.
const LINE: usize = 64;

/// Ask for `length` bytes from `offset` of `what` on, without waiting for them.
pub fn fetch<T: ?Sized>(what: &T, offset: usize, length: usize) {
    let start = std::ptr::from_ref(what).cast::<u8>().wrapping_add(offset);
    let first = start.wrapping_sub(start.addr() % LINE);
    let end = start.addr() + length;
    let mut line = first;
    while line.addr() < end {
        fetch_line(line);
        line = line.wrapping_add(LINE);
    }
}

#[cfg(target_arch = "x86_64")]
fn fetch_line(line: *const u8) {
    use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
    // SAFETY: a hint; whatever the address is, nothing is read from it that the program sees, and nothing faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
}

/// Where no such hint is to be had, the packet itself waits for its memory.
#[cfg(not(target_arch = "x86_64"))]
fn fetch_line(_line: *const u8) {}

/// Read `value` now, though nobody needs it yet: what led to it stays near.
pub fn touch<T: Copy>(value: &T) {
    std::hint::black_box(*value);
}
