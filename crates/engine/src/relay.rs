//! One outgoing stream: its SSRC, sequence and timestamp go on whatever it carries.
//!
//! A relayed packet keeps its distances to its neighbours of the same source; when the source changes, or frames of our
//! own take over, the next packet continues where the stream stood.

use crate::clock::{Nanos, SECOND};
use crate::id::TrackId;

/// A step in sequence, or in timestamp against the arrival, that no network explains: the sender began anew.
const MAX_SEQUENCE_STEP: i64 = 3_000;
const MAX_TIME_STEP_NS: i64 = 2 * SECOND as i64;

/// What the next packet's header carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Extended; the wire has its low 16 bits.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
}

/// The incoming packet's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    /// In clock ticks of the stream.
    pub duration: u32,
}

#[derive(Clone, Copy, Debug)]
struct Mapping {
    source: TrackId,
    ssrc: u32,
    /// Newest packet of the source: incoming and outgoing numbers, and when it came.
    sequence: u16,
    timestamp: u32,
    out_sequence: u64,
    out_timestamp: u32,
    at: Nanos,
    /// Outgoing numbers below this belong to what the stream carried before, or were given to no packet.
    floor: u64,
}

#[derive(Clone, Debug)]
pub struct OutStream {
    clock_rate: u32,
    next_sequence: u64,
    timestamp: u32,
    /// Ticks the newest packet lasts.
    duration: u32,
    /// When the newest packet went; None before the first.
    sent_at: Option<Nanos>,
    mapping: Option<Mapping>,
    /// Frames of our own are running: the next one follows without a gap.
    running: bool,
}

impl OutStream {
    /// `sequence` and `timestamp` are where it starts, at random (RFC 3550 §5.1).
    pub fn new(clock_rate: u32, sequence: u16, timestamp: u32) -> OutStream {
        OutStream {
            clock_rate,
            next_sequence: u64::from(sequence),
            timestamp,
            duration: 0,
            sent_at: None,
            mapping: None,
            running: false,
        }
    }

    /// The codec changed: later timestamps count at its rate.
    pub fn set_clock_rate(&mut self, clock_rate: u32) {
        if clock_rate != self.clock_rate {
            self.clock_rate = clock_rate;
            self.duration = 0;
            self.pause();
        }
    }

    /// Timestamp of the newest packet and when it went, for sender reports.
    pub fn newest(&self) -> Option<(u32, Nanos)> {
        Some((self.timestamp, self.sent_at?))
    }

    pub fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    /// The numbers for a relayed packet; None if it comes too late to be placed.
    pub fn relay(&mut self, source: TrackId, packet: Incoming, now: Nanos) -> Option<Header> {
        let kept = self
            .mapping
            .filter(|mapping| self.continues(mapping, source, &packet, now));
        let fresh = kept.is_none();
        let mut mapping = kept.unwrap_or_else(|| self.start(source, &packet, now));
        let step = i64::from(packet.sequence.wrapping_sub(mapping.sequence) as i16);
        let sequence = mapping
            .out_sequence
            .checked_add_signed(step)
            .filter(|&sequence| sequence >= mapping.floor)?;
        let timestamp = mapping
            .out_timestamp
            .wrapping_add(packet.timestamp.wrapping_sub(mapping.timestamp));
        if step > 0 || fresh {
            (mapping.sequence, mapping.timestamp) = (packet.sequence, packet.timestamp);
            (mapping.out_sequence, mapping.out_timestamp, mapping.at) = (sequence, timestamp, now);
            self.next_sequence = sequence + 1;
            (self.timestamp, self.duration, self.sent_at) = (timestamp, packet.duration, Some(now));
        }
        self.mapping = Some(mapping);
        self.running = false;
        Some(Header {
            sequence,
            timestamp,
            marker: packet.marker || fresh,
        })
    }

    /// A packet of the source is kept back (a telephone-event): its number is not missed by the receiver.
    pub fn skip(&mut self, source: TrackId, ssrc: u32, sequence: u16) {
        let Some(mapping) = &mut self.mapping else {
            return;
        };
        let newest = sequence.wrapping_sub(mapping.sequence) as i16;
        if mapping.source == source && mapping.ssrc == ssrc && newest > 0 {
            // Late packets from before the kept one can no longer be told apart, so they are given up.
            mapping.sequence = sequence;
            mapping.out_sequence = mapping.out_sequence + newest as u64 - 1;
            mapping.floor = mapping.out_sequence + 1;
            self.next_sequence = mapping.floor;
        }
    }

    /// The numbers for a frame of our own that lasts `duration` ticks.
    pub fn frame(&mut self, duration: u32, now: Nanos) -> Header {
        let timestamp = if self.running {
            self.timestamp.wrapping_add(self.duration)
        } else {
            self.resume_at(now)
        };
        let header = Header {
            sequence: self.next_sequence,
            timestamp,
            marker: !self.running,
        };
        self.next_sequence += 1;
        (self.timestamp, self.duration, self.sent_at) = (timestamp, duration, Some(now));
        self.running = true;
        self.mapping = None;
        header
    }

    /// A press begins: its packets carry this timestamp, and what is sent after it starts a talk spurt.
    pub fn begin_event(&mut self, now: Nanos) -> u32 {
        let timestamp = if self.running {
            self.timestamp.wrapping_add(self.duration)
        } else {
            self.resume_at(now)
        };
        self.pause();
        (self.timestamp, self.duration, self.sent_at) = (timestamp, 0, Some(now));
        timestamp
    }

    /// The number of a packet of a press.
    pub fn event_sequence(&mut self) -> u64 {
        self.next_sequence += 1;
        self.next_sequence - 1
    }

    /// Timestamp, as `source` counts, behind the newest packet; None if what goes out now is not relayed from it.
    pub fn relayed_until(&self, source: TrackId) -> Option<u32> {
        let mapping = self.mapping.filter(|mapping| mapping.source == source)?;
        Some(mapping.timestamp.wrapping_add(self.duration))
    }

    /// A frame of our own goes on where the relayed packets stand, whenever it comes.
    pub fn take_over(&mut self) {
        self.running = self.sent_at.is_some();
        self.mapping = None;
    }

    /// Nothing is sent for a while: the next packet starts a talk spurt at the time it goes.
    pub fn pause(&mut self) {
        self.running = false;
        self.mapping = None;
    }

    fn continues(&self, mapping: &Mapping, source: TrackId, packet: &Incoming, now: Nanos) -> bool {
        let sequence_step = i64::from(packet.sequence.wrapping_sub(mapping.sequence) as i16);
        let time_step = i64::from(packet.timestamp.wrapping_sub(mapping.timestamp) as i32);
        let media_ns = time_step * SECOND as i64 / i64::from(self.clock_rate);
        let elapsed_ns = now.saturating_sub(mapping.at) as i64;
        mapping.source == source
            && mapping.ssrc == packet.ssrc
            && sequence_step.abs() < MAX_SEQUENCE_STEP
            && (media_ns - elapsed_ns).abs() < MAX_TIME_STEP_NS
    }

    fn start(&self, source: TrackId, packet: &Incoming, now: Nanos) -> Mapping {
        Mapping {
            source,
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            out_sequence: self.next_sequence,
            out_timestamp: self.resume_at(now),
            at: now,
            floor: self.next_sequence,
        }
    }

    /// Where the stream stands now: as much later as time passed, and never into the newest packet.
    fn resume_at(&self, now: Nanos) -> u32 {
        let Some(sent_at) = self.sent_at else {
            return self.timestamp;
        };
        let elapsed = u128::from(now.saturating_sub(sent_at)) * u128::from(self.clock_rate)
            / u128::from(SECOND);
        self.timestamp
            .wrapping_add((elapsed as u32).max(self.duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MILLISECOND;

    const A: TrackId = TrackId(1);
    const B: TrackId = TrackId(2);

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Incoming {
        Incoming {
            ssrc,
            sequence,
            timestamp,
            marker: false,
            duration: 160,
        }
    }

    fn stream() -> OutStream {
        OutStream::new(8_000, 1_000, 50_000)
    }

    fn numbers(header: Option<Header>) -> Option<(u64, u32, bool)> {
        header.map(|h| (h.sequence, h.timestamp, h.marker))
    }

    #[test]
    fn a_relayed_source_keeps_its_distances_and_gaps() {
        let mut out = stream();
        let at = |n: u64| n * 20 * MILLISECOND;
        assert_eq!(
            numbers(out.relay(A, packet(7, 65_535, 0), at(0))),
            Some((1_000, 50_000, true))
        );
        assert_eq!(
            numbers(out.relay(A, packet(7, 0, 160), at(1))),
            Some((1_001, 50_160, false))
        );
        assert_eq!(
            numbers(out.relay(A, packet(7, 3, 640), at(4))),
            Some((1_004, 50_640, false))
        );
        assert_eq!(
            numbers(out.relay(A, packet(7, 2, 480), at(4))),
            Some((1_003, 50_480, false))
        );
    }

    #[test]
    fn the_stream_goes_on_from_source_to_source_to_own_frames() {
        let mut out = stream();
        out.relay(A, packet(7, 10, 0), 0);
        let other = out.relay(B, packet(8, 900, 77), 20 * MILLISECOND);
        assert_eq!(numbers(other), Some((1_001, 50_160, true)));
        let own = out.frame(160, 30 * MILLISECOND);
        assert_eq!(numbers(Some(own)), Some((1_002, 50_320, true))); // never into the packet before
        assert_eq!(
            numbers(Some(out.frame(160, 51 * MILLISECOND))),
            Some((1_003, 50_480, false))
        );
        let back = out.relay(A, packet(7, 13, 480), 70 * MILLISECOND);
        assert_eq!(numbers(back), Some((1_004, 50_640, true)));
    }

    #[test]
    fn a_pause_moves_the_timestamp_by_the_time_that_passed_and_no_sequence() {
        let mut out = stream();
        out.frame(160, 0);
        out.pause();
        assert_eq!(
            numbers(Some(out.frame(160, 3 * SECOND))),
            Some((1_001, 74_000, true))
        );
    }

    #[test]
    fn a_late_packet_from_before_the_switch_is_dropped() {
        let mut out = stream();
        out.relay(A, packet(7, 10, 1_600), 0);
        out.relay(B, packet(8, 500, 1_600), 20 * MILLISECOND);
        assert_eq!(out.relay(B, packet(8, 499, 1_440), 21 * MILLISECOND), None);
    }

    #[test]
    fn kept_back_packets_leave_no_hole_in_the_sequence() {
        let mut out = stream();
        out.relay(A, packet(7, 10, 0), 0);
        out.skip(A, 7, 11);
        out.skip(A, 7, 12);
        assert_eq!(
            numbers(out.relay(A, packet(7, 13, 480), 60 * MILLISECOND)),
            Some((1_001, 50_480, false))
        );
        assert_eq!(
            numbers(out.relay(A, packet(7, 14, 640), 80 * MILLISECOND)),
            Some((1_002, 50_640, false))
        );
    }

    #[test]
    fn a_press_takes_its_place_between_frames_and_relayed_packets() {
        let mut out = stream();
        out.relay(A, packet(7, 10, 0), 0);
        assert_eq!(out.begin_event(20 * MILLISECOND), 50_160);
        assert_eq!((out.event_sequence(), out.event_sequence()), (1_001, 1_002));
        let after = out.relay(A, packet(7, 14, 640), 80 * MILLISECOND);
        assert_eq!(numbers(after), Some((1_003, 50_640, true)));
        out.frame(160, 100 * MILLISECOND);
        assert_eq!(out.begin_event(120 * MILLISECOND), 50_960);
    }

    #[test]
    fn a_sender_that_starts_anew_is_followed_without_a_jump() {
        let mut out = stream();
        out.relay(A, packet(7, 10, 0), 0);
        let jumped = out.relay(A, packet(7, 11, 3_000_000_000), 20 * MILLISECOND);
        assert_eq!(numbers(jumped), Some((1_001, 50_160, true)));
        let renumbered = out.relay(A, packet(7, 40_000, 3_000_000_160), 40 * MILLISECOND);
        assert_eq!(numbers(renumbered), Some((1_002, 50_320, true)));
    }

    #[test]
    fn another_codecs_clock_goes_on_from_the_same_timestamp() {
        let mut out = stream();
        out.frame(160, 0);
        out.set_clock_rate(48_000);
        assert_eq!(
            numbers(Some(out.frame(960, 20 * MILLISECOND))),
            Some((1_001, 50_960, true))
        );
    }
}
