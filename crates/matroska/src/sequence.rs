//! RTP sequence numbers of one SSRC: which packet is new, which came twice, how many never came (RFC 3550 §A.1).

/// A larger step forward is a restarted or foreign stream (RFC 3550's MAX_DROPOUT).
const MAX_DROPOUT: i64 = 3000;
/// A larger step back as well (MAX_MISORDER); no more than the bits of `seen`.
const MAX_MISORDER: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The number without its wrap at 2^16.
    New(i64),
    Duplicate,
    /// Far off; believed only if its successor follows.
    Doubtful,
    /// The second packet after a leap: the stream goes on from here.
    Restarted(i64),
}

pub(crate) struct Sequence {
    first: i64,
    highest: i64,
    /// Bit n: `highest - n` came.
    seen: u128,
    received: u64,
    lost_before_restart: u64,
    /// What would confirm a leap.
    awaited: Option<u16>,
}

impl Sequence {
    /// Begin with the first packet; its `accept` is implied.
    pub fn begin(seq: u16) -> Self {
        let at = i64::from(seq);
        Sequence {
            first: at,
            highest: at,
            seen: 1,
            received: 1,
            lost_before_restart: 0,
            awaited: None,
        }
    }

    pub fn highest(&self) -> i64 {
        self.highest
    }

    pub fn accept(&mut self, seq: u16) -> Order {
        let step = i64::from(seq.wrapping_sub(self.highest as u16) as i16);
        match step {
            1..=MAX_DROPOUT => self.advance(step),
            step if (-MAX_MISORDER..=0).contains(&step) => self.fill_in(-step),
            _ => self.leap(seq),
        }
    }

    /// Packets that should have come and did not.
    pub fn lost(&self) -> u64 {
        let expected = (self.highest - self.first + 1).max(0) as u64;
        self.lost_before_restart + expected.saturating_sub(self.received)
    }

    fn advance(&mut self, step: i64) -> Order {
        self.highest += step;
        self.seen = if step < 128 { self.seen << step | 1 } else { 1 };
        self.received += 1;
        self.awaited = None;
        Order::New(self.highest)
    }

    fn fill_in(&mut self, back: i64) -> Order {
        let bit = 1u128 << back;
        if self.seen & bit != 0 {
            return Order::Duplicate;
        }
        self.seen |= bit;
        self.received += 1;
        self.first = self.first.min(self.highest - back);
        Order::New(self.highest - back)
    }

    fn leap(&mut self, seq: u16) -> Order {
        if self.awaited != Some(seq) {
            self.awaited = Some(seq.wrapping_add(1));
            return Order::Doubtful;
        }
        let lost_before_restart = self.lost();
        // Beyond every number given so far, so that order by number stays order of arrival.
        let ahead = i64::from(seq.wrapping_sub(self.highest as u16));
        let at = self.highest + if ahead == 0 { 1 << 16 } else { ahead };
        *self = Sequence {
            first: at,
            highest: at,
            lost_before_restart,
            ..Sequence::begin(seq)
        };
        Order::Restarted(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrap_goes_on_counting() {
        let mut sequence = Sequence::begin(65_534);
        assert_eq!(sequence.accept(65_535), Order::New(65_535));
        assert_eq!(sequence.accept(1), Order::New(65_537));
        assert_eq!(sequence.lost(), 1);
        assert_eq!(sequence.accept(0), Order::New(65_536));
        assert_eq!(sequence.lost(), 0);
    }

    #[test]
    fn a_packet_twice_is_a_duplicate_even_out_of_order() {
        let mut sequence = Sequence::begin(10);
        assert_eq!(sequence.accept(10), Order::Duplicate);
        sequence.accept(12);
        assert_eq!(sequence.accept(11), Order::New(11));
        assert_eq!(sequence.accept(11), Order::Duplicate);
        assert_eq!(sequence.lost(), 0);
    }

    #[test]
    fn a_packet_before_the_first_belongs_to_the_stream() {
        let mut sequence = Sequence::begin(10);
        assert_eq!(sequence.accept(8), Order::New(8));
        assert_eq!(sequence.lost(), 1);
    }

    #[test]
    fn a_leap_is_believed_when_its_successor_follows() {
        let mut sequence = Sequence::begin(10);
        assert_eq!(sequence.accept(40_000), Order::Doubtful);
        assert_eq!(sequence.accept(11), Order::New(11));
        assert_eq!(
            sequence.accept(40_001),
            Order::Doubtful,
            "the stream went on in between"
        );
        assert_eq!(sequence.accept(40_002), Order::Restarted(40_002));
        assert_eq!(sequence.accept(40_003), Order::New(40_003));
        assert_eq!(sequence.lost(), 0);
    }
}
