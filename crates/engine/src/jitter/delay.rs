//! How long packets must wait: the delay of each against the quickest of the last seconds, remembered and forgotten.

use crate::clock::{Nanos, MILLISECOND, SECOND};

/// Width of a bin of the histogram.
const BIN: Nanos = 5 * MILLISECOND;
const BINS: usize = 80;
/// The quickest packet is looked for in two windows of this length, so that a clock that drifts is followed.
const WINDOW: Nanos = 2 * SECOND;
/// Share of the packets that should be there in time.
const IN_TIME: f32 = 0.99;
const MOSTLY: f32 = 0.9;
/// What a packet counts is halved by 350 later ones (7 seconds of voice).
const FORGET: f32 = 0.998;
/// Before anything is known.
const AT_FIRST: Nanos = 20 * MILLISECOND;
/// Packets that what was assumed at first weighs.
const ASSUMED: f32 = 3.0;
const FEW: f32 = 40.0;

pub struct Delays {
    clock_rate: u32,
    /// Newest timestamp, and ticks since the first.
    newest: Option<(u32, i64)>,
    quickest: [i64; 2],
    window_ends: Nanos,
    share: [f32; BINS],
    observed: f32,
    target: Nanos,
}

impl Delays {
    pub fn new(clock_rate: u32) -> Delays {
        let mut share = [0.0; BINS];
        share[(AT_FIRST / BIN) as usize - 1] = 1.0;
        Delays {
            clock_rate,
            newest: None,
            quickest: [i64::MAX; 2],
            window_ends: 0,
            share,
            observed: ASSUMED,
            target: AT_FIRST,
        }
    }

    /// Note a packet; returns its transit, which `lateness` measures. Transits compare with each other only.
    pub fn observe(&mut self, timestamp: u32, arrival: Nanos) -> i64 {
        let ticks = match self.newest {
            None => 0,
            Some((newest, ticks)) => ticks + i64::from(timestamp.wrapping_sub(newest) as i32),
        };
        if self.newest.is_none_or(|(_, newest)| ticks > newest) {
            self.newest = Some((timestamp, ticks));
        }
        let transit = arrival as i64
            - (i128::from(ticks) * i128::from(SECOND) / i128::from(self.clock_rate)) as i64;
        if arrival >= self.window_ends {
            self.quickest = [transit, self.quickest[0]];
            self.window_ends = arrival + WINDOW;
        }
        self.quickest[0] = self.quickest[0].min(transit);
        self.count(self.lateness(transit));
        transit
    }

    /// How much later than the quickest of the last seconds.
    pub fn lateness(&self, transit: i64) -> Nanos {
        let quickest = self.quickest[0].min(self.quickest[1]);
        transit.saturating_sub(quickest).max(0) as Nanos
    }

    fn count(&mut self, lateness: Nanos) {
        self.observed += 1.0;
        let keep = FORGET.min(1.0 - 1.0 / self.observed);
        self.share.iter_mut().for_each(|share| *share *= keep);
        let bin = ((lateness / BIN) as usize).min(BINS - 1);
        self.share[bin] += 1.0 - keep;
        self.target = self.quantile(IN_TIME);
    }

    fn quantile(&self, wanted: f32) -> Nanos {
        let mut beyond = 1.0 - wanted;
        for (bin, &share) in self.share.iter().enumerate().rev() {
            beyond -= share;
            if beyond < 0.0 {
                return (bin as Nanos + 1) * BIN;
            }
        }
        BIN
    }

    /// How late most packets are; of few nothing is known.
    pub fn mostly(&self) -> Nanos {
        if self.observed < FEW {
            return BIN;
        }
        self.quantile(MOSTLY) - BIN / 2
    }

    /// How late a packet may be and still be played.
    pub fn target(&self) -> Nanos {
        self.target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTIME: Nanos = 20 * MILLISECOND;

    fn observe(delays: &mut Delays, n: u64, late: Nanos) -> Nanos {
        delays.observe((n as u32).wrapping_mul(160), SECOND + n * PTIME + late);
        delays.target()
    }

    #[test]
    fn a_quiet_network_needs_next_to_no_wait() {
        let mut delays = Delays::new(8_000);
        assert_eq!(observe(&mut delays, 0, 0), AT_FIRST);
        let settled = (1..2_000).map(|n| observe(&mut delays, n, 0)).last();
        assert_eq!(settled, Some(BIN));
    }

    #[test]
    fn the_wait_covers_the_jitter_and_forgets_it() {
        let mut delays = Delays::new(8_000);
        let jitter = |n: u64| n * 7_919 % 61 * MILLISECOND;
        let within = (0..500).map(|n| observe(&mut delays, n, jitter(n))).last();
        assert!(
            (55..=65).contains(&(within.unwrap() / MILLISECOND)),
            "{within:?}"
        );
        let after = (500..4_000).map(|n| observe(&mut delays, n, 0)).last();
        assert_eq!(after, Some(BIN));
    }

    #[test]
    fn a_route_that_became_longer_is_soon_the_quickest() {
        let mut delays = Delays::new(8_000);
        for n in 0..600 {
            observe(&mut delays, n, if n < 300 { 0 } else { 80 * MILLISECOND });
        }
        let transit = delays.observe(600 * 160, SECOND + 600 * PTIME + 80 * MILLISECOND);
        assert_eq!(delays.lateness(transit), 0);
    }

    #[test]
    fn timestamps_may_wrap() {
        let mut delays = Delays::new(8_000);
        for n in 0..50 {
            let timestamp = (u32::MAX - 1_000).wrapping_add(n * 160);
            let transit = delays.observe(timestamp, SECOND + u64::from(n) * PTIME);
            assert_eq!(delays.lateness(transit), 0);
        }
    }
}
