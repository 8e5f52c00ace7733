//! What was received of one source: loss and jitter as RFC 3550 appendix A defines them.

use crate::clock::{Nanos, SECOND};
use crate::quality::Loss;
use crate::rtp::bursts::{Bursts, Gathered};

/// A sequence step beyond this is a restarted sender, not loss (A.1 MAX_DROPOUT).
const MAX_DROPOUT: u16 = 3_000;

#[derive(Clone, Debug, Default)]
#[repr(C)] // in the order of use
pub struct Reception {
    expected_reported: u64,
    received_reported: u64,
    /// Expected and lost of sources that ended before this one.
    expected_before: u64,
    lost_before: u64,
    bursts: Bursts,

    pub packets: u64,
    pub bytes: u64,
    /// Times that one or more packets in a row were missing.
    loss_runs: u64,
    jitter_ns: f64,
    source: Option<Source>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    first: u64,
    highest: u64,
    received: u64,
    transit: Option<i64>,
}

/// The numbers of a report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    pub ssrc: u32,
    pub fraction_lost: u8,
    pub lost: u32,
    pub highest: u32,
    /// In RTP clock ticks.
    pub jitter: u32,
}

impl Reception {
    /// Count a packet; `arrival` on the one clock.
    pub fn receive(
        &mut self,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        bytes: usize,
        rate: u32,
        arrival: Nanos,
    ) {
        self.packets += 1;
        self.bytes += bytes as u64;
        let restarted = self.source.as_ref().is_none_or(|source| {
            source.ssrc != ssrc || {
                let step = sequence.wrapping_sub(source.highest as u16);
                (MAX_DROPOUT..=u16::MAX - 100).contains(&step)
            }
        });
        if restarted {
            self.restart(ssrc, sequence);
        }
        let Some(source) = &mut self.source else {
            return;
        };
        let step = sequence.wrapping_sub(source.highest as u16) as i16;
        if step > 1 {
            self.loss_runs += 1;
            let count = step as u64 - 1;
            self.bursts.lose(count, source.highest + 1 + count);
        }
        source.highest = source
            .highest
            .max(source.highest.saturating_add_signed(i64::from(step)));
        source.received += 1;
        let media_ns = (u64::from(timestamp) * SECOND / u64::from(rate)) as i64;
        let wrap_ns = ((1u64 << 32) * SECOND / u64::from(rate)) as i64;
        let transit = arrival as i64 - media_ns;
        if let Some(previous) = source.transit {
            let mut change = (transit - previous).abs() % wrap_ns;
            change = change.min(wrap_ns - change);
            self.jitter_ns += (change.min(SECOND as i64) as f64 - self.jitter_ns) / 16.0;
        }
        source.transit = Some(transit);
    }

    fn restart(&mut self, ssrc: u32, sequence: u16) {
        (self.expected_before, self.lost_before) = (self.expected(), self.lost());
        self.bursts.close();
        let first = u64::from(sequence) + (1 << 16); // room for packets from before the first one
        self.source = Some(Source {
            ssrc,
            first,
            highest: first,
            received: 0,
            transit: None,
        });
        self.expected_reported = 0;
        self.received_reported = 0;
    }

    pub fn lost(&self) -> u64 {
        let current = self
            .source
            .map_or(0, |s| (s.highest - s.first + 1).saturating_sub(s.received));
        self.lost_before + current
    }

    fn expected(&self) -> u64 {
        self.expected_before + self.source.map_or(0, |s| s.highest - s.first + 1)
    }

    pub fn loss(&self) -> Loss {
        Loss::new(self.expected(), self.lost(), self.loss_runs)
    }

    /// How losses gathered; those that came late after all are counted.
    pub fn gathered(&self) -> Gathered {
        self.bursts.gathered(self.expected())
    }

    pub fn jitter_ms(&self) -> f64 {
        self.jitter_ns / 1e6
    }

    /// The report block for now; None before the first packet. The next one's fraction counts from here.
    pub fn report(&mut self, rate: u32) -> Option<ReportBlock> {
        let source = self.source?;
        let expected = source.highest - source.first + 1;
        let (expected_since, received_since) = (
            expected - self.expected_reported,
            source.received.saturating_sub(self.received_reported),
        );
        (self.expected_reported, self.received_reported) = (expected, source.received);
        let lost_since = expected_since.saturating_sub(received_since);
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction_lost: (lost_since * 256)
                .checked_div(expected_since)
                .unwrap_or(0)
                .min(255) as u8,
            lost: expected.saturating_sub(source.received).min(0x7F_FFFF) as u32,
            highest: (source.highest - (1 << 16)) as u32,
            jitter: (self.jitter_ns * f64::from(rate) / SECOND as f64) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    fn receive(reception: &mut Reception, sequence: u16, delay_ms: u64) {
        let n = u64::from(sequence.wrapping_sub(65_500));
        let arrival = SECOND + n * 20 * MILLISECOND + delay_ms * MILLISECOND;
        reception.receive(1, sequence, (n * 160) as u32, 160, 8_000, arrival);
    }

    #[test]
    fn loss_is_counted_across_the_wrap_of_the_sequence() {
        let mut reception = Reception::default();
        for n in (0..100u16).filter(|n| n % 10 != 5) {
            receive(&mut reception, 65_500u16.wrapping_add(n), 0);
        }
        assert_eq!((reception.packets, reception.lost()), (90, 10));
        let report = reception.report(8_000).unwrap();
        assert_eq!((report.lost, report.fraction_lost), (10, 25));
        assert_eq!(report.highest, 65_536 + 63);
    }

    #[test]
    fn a_late_packet_is_no_loss() {
        let mut reception = Reception::default();
        for n in [0, 1, 3, 2, 4u16] {
            receive(&mut reception, 65_500 + n, 0);
        }
        assert_eq!(reception.lost(), 0);
    }

    #[test]
    fn a_restarted_sender_is_no_loss() {
        let mut reception = Reception::default();
        receive(&mut reception, 65_500, 0);
        receive(&mut reception, 30_000, 0);
        reception.receive(2, 9, 0, 160, 8_000, 2 * SECOND);
        assert_eq!((reception.packets, reception.lost()), (3, 0));
    }

    #[test]
    fn jitter_is_zero_for_a_steady_source_and_grows_with_delay() {
        let mut reception = Reception::default();
        (0..30).for_each(|n| receive(&mut reception, 65_500 + n, 0));
        assert!(reception.jitter_ms() < 0.01);
        (30..36).for_each(|n| receive(&mut reception, 65_500 + n, u64::from(n % 2) * 16));
        assert!(reception.jitter_ms() > 3.0);
    }
}
