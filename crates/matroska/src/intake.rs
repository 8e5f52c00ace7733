//! From RTP packets as they come to packets with a place on the track.
//!
//! A packet that does not fit where its timestamp says (its time has passed, or is yet to come) is set aside. If
//! the stream soon fits again it was a stall, and the packet is late; if not, the sender's timestamps have
//! leapt or paused, and the anchor moves to where the packets set aside arrived.

use crate::placement::Placement;
use crate::sequence::{Order, Sequence};

/// Packets that claim to be further ahead of their arrival do not fit.
const MAX_LEAD_MS: i64 = 100;
/// How long misfits wait for the stream to fit again.
const PATIENCE_MS: i64 = 100;
const MAX_MISFITS: usize = 512;

pub(crate) struct Packet {
    /// When it came, in ticks from the session's start.
    pub arrival: i64,
    /// Without wraps; comparable within one `stream`.
    pub seq: i64,
    pub timestamp: i64,
    pub marker: bool,
    pub payload: Vec<u8>,
    /// Counts the sources: another SSRC is another stream.
    pub stream: u32,
}

pub(crate) struct Placed {
    /// Ticks from the session's start.
    pub position: i64,
    /// The anchor that placed it.
    pub anchor: u32,
    pub packet: Packet,
}

/// The fields of an RTP header that matter here.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub ssrc: u32,
    pub seq: u16,
    pub timestamp: u32,
    pub marker: bool,
}

struct Source {
    ssrc: u32,
    sequence: Sequence,
    /// The newest timestamp, without its wraps at 2^32.
    timestamp: i64,
}

pub(crate) struct Intake {
    placement: Placement,
    source: Option<Source>,
    stream: u32,
    misfits: Vec<Packet>,
    /// Packets with a place, in the order they got it; whoever calls takes them.
    pub placed: Vec<Placed>,
    /// How far the packets of the present anchor are to move to an earlier place; whoever calls takes it.
    pub shift: i64,
    pub late: u64,
    lost_by_former_sources: u64,
}

impl Intake {
    pub fn new(placement: Placement) -> Self {
        Intake {
            placement,
            source: None,
            stream: 0,
            misfits: Vec::new(),
            placed: Vec::new(),
            shift: 0,
            late: 0,
            lost_by_former_sources: 0,
        }
    }

    /// The anchor in force.
    pub fn anchor(&self) -> u32 {
        self.placement.anchors
    }

    pub fn lost(&self) -> u64 {
        self.lost_by_former_sources
            + self
                .source
                .as_ref()
                .map_or(0, |source| source.sequence.lost())
    }

    /// Take a packet in. `floor`: what is placed before it has no room any more.
    pub fn receive(&mut self, header: Header, arrival: i64, payload: &[u8], floor: i64) {
        let Some(seq) = self.order(header) else {
            return;
        };
        let packet = Packet {
            arrival,
            seq,
            timestamp: self.extend(header.timestamp),
            marker: header.marker,
            payload: payload.to_vec(),
            stream: self.stream,
        };
        if !self.placement.is_anchored() {
            self.placement.anchor(packet.timestamp, arrival);
        }
        self.place_or_keep(packet, floor);
        self.settle(arrival, floor);
    }

    /// Move the anchor to the misfits once they have waited long enough.
    pub fn settle(&mut self, now: i64, floor: i64) {
        let Some(oldest) = self.misfits.first() else {
            return;
        };
        if now - oldest.arrival >= self.placement.ticks(PATIENCE_MS)
            || self.misfits.len() >= MAX_MISFITS
        {
            self.settle_now(floor);
        }
    }

    /// Place the misfits by their own arrival: the least delayed of them where it came.
    pub fn settle_now(&mut self, floor: i64) {
        let misfits = std::mem::take(&mut self.misfits);
        let Some(best) = misfits
            .iter()
            .max_by_key(|packet| packet.timestamp - packet.arrival)
        else {
            return;
        };
        self.placement.anchor(best.timestamp, best.arrival);
        for packet in misfits {
            let position = self.placement.position(packet.timestamp, packet.arrival);
            if self.fits(position, packet.arrival, floor) {
                self.placed.push(Placed {
                    position,
                    anchor: self.placement.anchors,
                    packet,
                });
            } else {
                self.late += 1;
            }
        }
    }

    fn place_or_keep(&mut self, packet: Packet, floor: i64) {
        let position = self.placement.position(packet.timestamp, packet.arrival);
        if !self.fits(position, packet.arrival, floor) {
            self.misfits.push(packet);
            return;
        }
        self.give_up_misfits();
        self.shift += self.placement.observe(position, packet.arrival);
        let anchor = self.placement.anchors;
        self.placed.push(Placed {
            position,
            anchor,
            packet,
        });
    }

    fn fits(&self, position: i64, arrival: i64, floor: i64) -> bool {
        position >= floor && position <= arrival + self.placement.ticks(MAX_LEAD_MS)
    }

    fn give_up_misfits(&mut self) {
        self.late += self.misfits.len() as u64;
        self.misfits.clear();
    }

    /// The packet's sequence number without wraps; `None` if it is not wanted.
    fn order(&mut self, header: Header) -> Option<i64> {
        let source = match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => source,
            _ => return Some(self.begin_source(header)),
        };
        match source.sequence.accept(header.seq) {
            Order::New(seq) => Some(seq),
            Order::Duplicate => None,
            Order::Doubtful => {
                self.late += 1;
                None
            }
            Order::Restarted(seq) => {
                source.timestamp = i64::from(header.timestamp);
                self.give_up_misfits();
                self.placement.forget();
                Some(seq)
            }
        }
    }

    fn begin_source(&mut self, header: Header) -> i64 {
        self.give_up_misfits();
        self.placement.forget();
        self.lost_by_former_sources = self.lost();
        let sequence = Sequence::begin(header.seq);
        let seq = sequence.highest();
        self.source = Some(Source {
            ssrc: header.ssrc,
            sequence,
            timestamp: i64::from(header.timestamp),
        });
        self.stream = self.stream.wrapping_add(1);
        seq
    }

    /// The timestamp nearest to the newest one; a reordered packet's is behind it.
    fn extend(&mut self, timestamp: u32) -> i64 {
        let Some(source) = &mut self.source else {
            return i64::from(timestamp);
        };
        let step = timestamp.wrapping_sub(source.timestamp as u32) as i32;
        let extended = source.timestamp + i64::from(step);
        source.timestamp = source.timestamp.max(extended);
        extended
    }
}
