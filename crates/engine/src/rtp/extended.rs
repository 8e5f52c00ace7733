//! The VoIP metrics block of RTCP extended reports (RFC 3611 §4.7): what a receiver says of how a stream sounds.

use super::bursts::{Gathered, GMIN};

pub const EXTENDED_REPORT: u8 = 207;
const VOIP_METRICS: u8 = 7;
/// Of the packet with its one block.
pub const LENGTH: usize = 44;
/// Instead of a value that is not known.
const UNKNOWN: u8 = 127;

/// What is told of a stream that is received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoipMetrics {
    /// Whose.
    pub ssrc: u32,
    /// 0 to 1.
    pub loss: f64,
    pub gathered: Gathered,
    pub packet_ms: u32,
    pub rtt_ms: f64,
    /// Between the network and the ear.
    pub end_system_ms: f64,
    /// 1 to 4.5, for listening and for conversation; None where unknown.
    pub mos_listening: Option<f64>,
    pub mos_conversation: Option<f64>,
}

/// Write an extended report with the block.
pub fn write(out: &mut [u8; LENGTH], ssrc: u32, metrics: &VoipMetrics) {
    out.fill(UNKNOWN);
    out[..4].copy_from_slice(&[0x80, EXTENDED_REPORT, 0, (LENGTH / 4 - 1) as u8]);
    out[4..8].copy_from_slice(&ssrc.to_be_bytes());
    out[8..12].copy_from_slice(&[VOIP_METRICS, 0, 0, 8]);
    out[12..16].copy_from_slice(&metrics.ssrc.to_be_bytes());
    let gathered = &metrics.gathered;
    out[16] = share(metrics.loss);
    out[17] = 0; // discarded ones count as lost here
    out[18] = share(gathered.burst_density);
    out[19] = share(gathered.gap_density);
    let packet_ms = f64::from(metrics.packet_ms);
    let times = [
        gathered.burst_length * packet_ms,
        gathered.gap_length * packet_ms,
        metrics.rtt_ms,
        metrics.end_system_ms,
    ];
    for (bytes, ms) in out[20..28].chunks_exact_mut(2).zip(times) {
        bytes.copy_from_slice(&millis(ms));
    }
    // Levels, R factors: not known.
    out[31] = GMIN as u8;
    out[34] = score(metrics.mos_listening);
    out[35] = score(metrics.mos_conversation);
    out[36..38].fill(0); // what relays leaves open how losses are concealed and which buffer hides jitter
    for bytes in out[38..44].chunks_exact_mut(2) {
        bytes.copy_from_slice(&millis(metrics.end_system_ms));
    }
}

fn share(value: f64) -> u8 {
    (256.0 * value).clamp(0.0, 255.0) as u8
}

fn millis(ms: f64) -> [u8; 2] {
    (ms.clamp(0.0, 65_535.0) as u16).to_be_bytes()
}

fn score(mos: Option<f64>) -> u8 {
    mos.map_or(UNKNOWN, |mos| (10.0 * mos).round().clamp(10.0, 50.0) as u8)
}

/// The score for conversation that an extended report's receiver gives the stream of `ssrc`, or that for listening.
/// None if there is none; the walk over its blocks ends at the first that does not fit.
pub fn read_score(packet: &[u8], ssrc: u32) -> Option<f64> {
    let mut blocks = packet.get(8..)?;
    while blocks.len() >= 4 {
        let length = 4 * (usize::from(u16::from_be_bytes([blocks[2], blocks[3]])) + 1);
        let block = blocks.get(..length)?;
        if block[0] == VOIP_METRICS && length == 36 && block[4..8] == ssrc.to_be_bytes() {
            let known = [block[27], block[26]].into_iter();
            return known
                .filter(|score| (10..=50).contains(score))
                .map(|score| f64::from(score) / 10.0)
                .next();
        }
        blocks = &blocks[length..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: VoipMetrics = VoipMetrics {
        ssrc: 5,
        loss: 0.25,
        gathered: Gathered {
            burst_density: 0.5,
            gap_density: 0.01,
            burst_length: 10.0,
            gap_length: 100.0,
        },
        packet_ms: 20,
        rtt_ms: 80.0,
        end_system_ms: 60.0,
        mos_listening: Some(4.2),
        mos_conversation: Some(4.07),
    };

    fn written(metrics: &VoipMetrics) -> [u8; LENGTH] {
        let mut out = [0; LENGTH];
        write(&mut out, 9, metrics);
        out
    }

    #[test]
    fn the_block_lies_as_the_rfc_draws_it() {
        let out = written(&METRICS);
        assert_eq!(&out[..12], [0x80, 207, 0, 10, 0, 0, 0, 9, 7, 0, 0, 8]);
        assert_eq!(&out[12..20], [0, 0, 0, 5, 64, 0, 128, 2]); // ssrc, loss, discards, densities
        assert_eq!(&out[20..28], [0, 200, 7, 208, 0, 80, 0, 60]); // burst, gap, round trip, end system
        assert_eq!(&out[28..36], [127, 127, 127, 16, 127, 127, 42, 41]);
        assert_eq!(&out[36..], [0, 0, 0, 60, 0, 60, 0, 60]);
    }

    #[test]
    fn the_score_is_read_of_ours_alone() {
        let out = written(&METRICS);
        assert_eq!(read_score(&out, 5), Some(4.1));
        assert_eq!(read_score(&out, 6), None);
        let listening = VoipMetrics {
            mos_conversation: None,
            ..METRICS
        };
        assert_eq!(read_score(&written(&listening), 5), Some(4.2));
    }

    #[test]
    fn torn_blocks_and_lengths_that_lie_tell_nothing() {
        let whole = written(&METRICS);
        for end in 0..LENGTH {
            assert_eq!(read_score(&whole[..end], 5), None);
        }
        let mut lying = whole;
        lying[11] = 200;
        assert_eq!(read_score(&lying, 5), None);
    }
}
