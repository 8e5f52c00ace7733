//! RTCP sender and receiver reports (RFC 3550 §6): what we send of ourselves and read of the peer.

use super::extended::{self, VoipMetrics, EXTENDED_REPORT};
use super::reception::ReportBlock;
use crate::clock::{Nanos, SECOND};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// Seconds from the NTP epoch (1900) to the Unix epoch.
const NTP_OFFSET_S: u64 = 2_208_988_800;
/// Room for a report with one block, a description, VoIP metrics and a goodbye.
pub const MAX_COMPOUND: usize = 128;

/// What we sent, for our sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderInfo {
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// The peer's latest sender report: the middle of its NTP time, and when it came.
#[derive(Clone, Copy, Debug)]
pub struct LastReport {
    pub ntp_middle: u32,
    pub at: Nanos,
}

/// What a compound packet told us.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    pub sender_report_ntp: Option<u32>,
    /// What the peer says of the stream that we send.
    pub about_us: Option<AboutUs>,
    /// How it sounds there, 1 to 5.
    pub mos_of_us: Option<f64>,
    pub goodbye: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AboutUs {
    pub lost: u32,
    /// In RTP clock ticks.
    pub jitter: u32,
    pub rtt_ns: Option<Nanos>,
}

/// Middle 32 bits of the NTP time: 16 of seconds, 16 of fraction.
fn ntp_middle(now: Nanos) -> u32 {
    (ntp(now) >> 16) as u32
}

fn ntp(now: Nanos) -> u64 {
    let fraction = ((now % SECOND) << 32) / SECOND;
    ((now / SECOND + NTP_OFFSET_S) << 32) | fraction
}

struct Writer<'a> {
    out: &'a mut [u8; MAX_COMPOUND],
    length: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.out[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// Write the length of the packet that began at `start`, in words less one.
    fn close(&mut self, start: usize) {
        let words = ((self.length - start) / 4 - 1) as u16;
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }
}

/// A compound of SR or RR, SDES with the CNAME, XR with `metrics`, and BYE when `goodbye`. Returns its length.
pub fn write(
    out: &mut [u8; MAX_COMPOUND],
    now: Nanos,
    ssrc: u32,
    sent: Option<SenderInfo>,
    block: Option<(ReportBlock, Option<LastReport>)>,
    metrics: Option<&VoipMetrics>,
    goodbye: bool,
) -> usize {
    let mut writer = Writer { out, length: 0 };
    let kind = if sent.is_some() {
        SENDER_REPORT
    } else {
        RECEIVER_REPORT
    };
    writer.put(&[0x80 | u8::from(block.is_some()), kind, 0, 0]);
    writer.put(&ssrc.to_be_bytes());
    if let Some(sent) = sent {
        writer.put(&ntp(now).to_be_bytes());
        writer.put(&sent.timestamp.to_be_bytes());
        writer.put(&sent.packets.to_be_bytes());
        writer.put(&sent.octets.to_be_bytes());
    }
    if let Some((block, last)) = block {
        put_block(&mut writer, now, &block, last);
    }
    writer.close(0);
    put_description(&mut writer, ssrc);
    if let Some(metrics) = metrics {
        let mut report = [0; extended::LENGTH];
        extended::write(&mut report, ssrc, metrics);
        writer.put(&report);
    }
    if goodbye {
        let start = writer.length;
        writer.put(&[0x81, GOODBYE, 0, 0]);
        writer.put(&ssrc.to_be_bytes());
        writer.close(start);
    }
    writer.length
}

fn put_block(writer: &mut Writer<'_>, now: Nanos, block: &ReportBlock, last: Option<LastReport>) {
    writer.put(&block.ssrc.to_be_bytes());
    writer.put(&((u32::from(block.fraction_lost) << 24) | block.lost).to_be_bytes());
    writer.put(&block.highest.to_be_bytes());
    writer.put(&block.jitter.to_be_bytes());
    let delay = last.map_or(0, |last| {
        (now.saturating_sub(last.at) as u128 * 65_536 / u128::from(SECOND)) as u32
    });
    writer.put(&last.map_or(0, |last| last.ntp_middle).to_be_bytes());
    writer.put(&delay.to_be_bytes());
}

/// The CNAME (RFC 7022: nothing of the host in it) is the SSRC in hexadecimal.
fn put_description(writer: &mut Writer<'_>, ssrc: u32) {
    let start = writer.length;
    writer.put(&[0x81, SOURCE_DESCRIPTION, 0, 0]);
    writer.put(&ssrc.to_be_bytes());
    writer.put(&[1, 8]);
    for digit in (0..8).rev().map(|n| (ssrc >> (4 * n)) & 0xF) {
        writer.put(&[b"0123456789abcdef"[digit as usize]]);
    }
    writer.put(&[0, 0]); // end of items, filled to a word
    writer.close(start);
}

/// Read a compound packet; None if any part of it is malformed. `our_ssrc` picks the block about us.
pub fn parse(datagram: &[u8], our_ssrc: u32, now: Nanos) -> Option<Told> {
    let mut told = Told::default();
    let mut rest = datagram;
    while !rest.is_empty() {
        if rest.len() < 4 || rest[0] >> 6 != 2 {
            return None;
        }
        let length = 4 * (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1);
        let packet = rest.get(..length)?;
        let count = usize::from(packet[0] & 0x1F);
        match packet[1] {
            SENDER_REPORT => {
                told.sender_report_ntp = Some(word(packet, 8)? << 16 | word(packet, 12)? >> 16);
                read_blocks(packet.get(28..)?, count, our_ssrc, now, &mut told)?;
            }
            RECEIVER_REPORT => read_blocks(packet.get(8..)?, count, our_ssrc, now, &mut told)?,
            GOODBYE => told.goodbye = true,
            EXTENDED_REPORT => {
                told.mos_of_us = extended::read_score(packet, our_ssrc).or(told.mos_of_us);
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    Some(told)
}

fn read_blocks(
    bytes: &[u8],
    count: usize,
    our_ssrc: u32,
    now: Nanos,
    told: &mut Told,
) -> Option<()> {
    for block in bytes.get(..24 * count)?.chunks_exact(24) {
        if word(block, 0)? != our_ssrc {
            continue;
        }
        let (last_report, delay) = (word(block, 16)?, word(block, 20)?);
        let round_trip = ntp_middle(now)
            .wrapping_sub(last_report)
            .wrapping_sub(delay);
        // Answered clocks run apart a little: a negative time shows as a huge one and is no measurement.
        let plausible = last_report != 0 && round_trip < 60 << 16;
        told.about_us = Some(AboutUs {
            lost: word(block, 4)? & 0x7F_FFFF,
            jitter: word(block, 12)?,
            rtt_ns: plausible.then(|| u64::from(round_trip) * SECOND / 65_536),
        });
    }
    Some(())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 5,
        fraction_lost: 10,
        lost: 3,
        highest: 70_000,
        jitter: 16,
    };

    #[test]
    fn the_round_trip_is_measured_through_a_sender_report_and_its_answer() {
        let start = 1_700_000_000 * SECOND;
        let mut out = [0; MAX_COMPOUND];
        let sent = SenderInfo {
            timestamp: 1,
            packets: 2,
            octets: 3,
        };
        let length = write(&mut out, start, 5, Some(sent), None, None, false);
        let told = parse(&out[..length], 6, start).unwrap();
        let last = LastReport {
            ntp_middle: told.sender_report_ntp.unwrap(),
            at: start + 40 * MILLISECOND,
        };

        let answered = start + 100 * MILLISECOND;
        let length = write(
            &mut out,
            answered,
            6,
            None,
            Some((BLOCK, Some(last))),
            None,
            true,
        );
        let told = parse(&out[..length], 5, answered + 40 * MILLISECOND).unwrap();
        let about_us = told.about_us.unwrap();
        assert_eq!(
            (about_us.lost, about_us.jitter, told.goodbye),
            (3, 16, true)
        );
        assert!(about_us.rtt_ns.unwrap().abs_diff(80 * MILLISECOND) < MILLISECOND);
    }

    #[test]
    fn a_report_about_someone_else_is_not_ours() {
        let mut out = [0; MAX_COMPOUND];
        let length = write(&mut out, SECOND, 6, None, Some((BLOCK, None)), None, false);
        assert_eq!(parse(&out[..length], 77, SECOND).unwrap().about_us, None);
    }

    #[test]
    fn torn_and_lying_packets_are_refused() {
        let mut out = [0; MAX_COMPOUND];
        let length = write(&mut out, SECOND, 6, None, Some((BLOCK, None)), None, true);
        let ends: Vec<usize> = (1..length)
            .filter(|&end| parse(&out[..end], 5, SECOND).is_some())
            .collect();
        assert_eq!(
            ends,
            [32, 52],
            "only whole packets of the compound are accepted"
        );
        out[0] |= 0x1F; // claims 31 blocks
        assert_eq!(parse(&out[..length], 5, SECOND), None);
    }
}
