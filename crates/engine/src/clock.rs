//! The one clock: CLOCK_MONOTONIC plus an offset, in nanoseconds.

use std::time::{Duration, Instant};

/// Nanoseconds on the one clock.
pub type Nanos = u64;

pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000_000_000;

/// Reads the one clock, and translates its instants for libraries that speak `Instant`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Instant,
    anchor_ns: Nanos,
}

impl Clock {
    /// `offset_ns` is added to CLOCK_MONOTONIC.
    pub fn new(offset_ns: i64) -> Clock {
        let anchor_ns = monotonic_ns().saturating_add_signed(offset_ns);
        Clock {
            anchor: Instant::now(),
            anchor_ns,
        }
    }

    pub fn now(&self) -> Nanos {
        self.anchor_ns + self.anchor.elapsed().as_nanos() as u64
    }

    /// An instant before the clock was made is given as the clock's beginning.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.anchor + Duration::from_nanos(at.saturating_sub(self.anchor_ns))
    }

    pub fn nanos(&self, at: Instant) -> Nanos {
        self.anchor_ns + at.saturating_duration_since(self.anchor).as_nanos() as u64
    }
}

fn monotonic_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to; CLOCK_MONOTONIC always exists on Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_and_its_nanoseconds_translate_both_ways() {
        let clock = Clock::new(1_000 * SECOND as i64);
        let later = clock.now() + 5 * SECOND;
        assert_eq!(clock.nanos(clock.instant(later)), later);
    }

    #[test]
    fn the_offset_is_added_to_the_monotonic_clock() {
        let clock = Clock::new(7 * SECOND as i64);
        let expected = monotonic_ns() + 7 * SECOND;
        assert!(clock.now().abs_diff(expected) < MILLISECOND);
    }
}
