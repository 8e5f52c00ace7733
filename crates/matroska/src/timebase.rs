//! Between nanoseconds on the one clock and ticks of a track's media clock, counted from the session's start.

const NS_PER_S: i128 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timebase {
    pub epoch_ns: u64,
    /// Ticks a second: the RTP clock rate of the codec.
    pub rate: u32,
}

impl Timebase {
    /// Ticks from the session's start; negative before it.
    pub fn ticks(&self, ns: u64) -> i64 {
        let elapsed = i128::from(ns) - i128::from(self.epoch_ns);
        (elapsed * i128::from(self.rate)).div_euclid(NS_PER_S) as i64
    }

    /// The instant of a tick on the one clock.
    pub fn ns(&self, ticks: i64) -> u64 {
        let elapsed = i128::from(ticks) * NS_PER_S / i128::from(self.rate);
        (i128::from(self.epoch_ns) + elapsed).max(0) as u64
    }

    /// The block timestamp of a tick: milliseconds, rounded to the nearest.
    pub fn ms(&self, ticks: i64) -> i64 {
        let rate = i128::from(self.rate);
        ((i128::from(ticks) * 1000 + rate / 2).div_euclid(rate)) as i64
    }

    pub fn ticks_in(&self, ms: i64) -> i64 {
        ms * i64::from(self.rate) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_the_way_to_ticks_and_back() {
        let base = Timebase {
            epoch_ns: 1_700_000_000_000_000_000,
            rate: 48_000,
        };
        assert_eq!(base.ticks(base.epoch_ns + 20_000_000), 960);
        assert_eq!(base.ns(960), base.epoch_ns + 20_000_000);
        assert_eq!(base.ms(960), 20);
        assert_eq!(base.ticks_in(20), 960);
    }

    #[test]
    fn an_instant_before_the_session_is_negative() {
        let base = Timebase {
            epoch_ns: 1_000_000_000,
            rate: 8000,
        };
        assert_eq!(base.ticks(0), -8000);
    }
}
