//! How far the estimate of a path fell lately: no better layer is chosen on a peak.

use crate::clock::{Nanos, SECOND};

/// Lows are kept for one to two of these.
const WINDOW: Nanos = SECOND;

#[derive(Debug, Default)]
pub struct Dip {
    since: Nanos,
    /// Of this window and the one before, bits per second.
    lows: [Option<u64>; 2],
}

impl Dip {
    /// Take an estimate; by how many bits per second the lowest of late is below it.
    pub fn note(&mut self, estimate: u64, now: Nanos) -> u64 {
        if now >= self.since + WINDOW {
            let before = self.lows[0].filter(|_| now < self.since + 2 * WINDOW);
            (self.since, self.lows) = (now, [None, before]);
        }
        let low = self.lows[0].map_or(estimate, |low| low.min(estimate));
        self.lows[0] = Some(low);
        estimate - self.lows[1].map_or(low, |before| before.min(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    #[test]
    fn a_peak_counts_for_what_was_before_it() {
        let mut dip = Dip::default();
        let at = |n: u64| 5 * SECOND + n * 100 * MILLISECOND;
        assert_eq!(dip.note(500, at(0)), 0);
        assert_eq!(dip.note(3_000, at(1)), 2_500);
        assert_eq!(dip.note(400, at(2)), 0);
        assert_eq!(dip.note(900, at(11)), 500);
    }

    #[test]
    fn what_holds_is_taken_for_granted_in_two_seconds() {
        let mut dip = Dip::default();
        let at = |n: u64| 5 * SECOND + n * 100 * MILLISECOND;
        dip.note(500, at(0));
        let dips: Vec<u64> = (1..=20).map(|n| dip.note(3_000, at(n))).collect();
        assert_eq!(dips[..18], [2_500; 18]);
        assert_eq!(dips[19], 0);
    }
}
