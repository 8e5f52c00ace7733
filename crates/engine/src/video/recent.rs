//! The newest packets of a layer since its key frame: who comes a moment after it begins with it, too.
//!
//! A browser makes no second key frame within 300 ms of the first, and what is asked for must first come. So little is
//! kept, and for so short a time, that it costs memory only while somebody begins to watch.

use std::sync::Arc;

use super::layers::LayerName;
use super::{vp8, VideoPacket};
use crate::clock::{Nanos, MILLISECOND};

/// About 70 KB.
const MAX_PACKETS: usize = 64;
/// What began longer ago is too much to catch up with.
const MAX_AGE: Nanos = 600 * MILLISECOND;

/// A packet, kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Arc<[u8]>,
}

impl Kept {
    fn new(packet: &VideoPacket<'_>) -> Kept {
        Kept {
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: packet.payload.clone(),
        }
    }

    pub fn packet(&self, layer: LayerName) -> VideoPacket<'_> {
        VideoPacket {
            layer,
            ssrc: self.ssrc,
            sequence: self.sequence,
            timestamp: self.timestamp,
            marker: self.marker,
            payload: &self.payload,
        }
    }

    fn is_behind(&self, packet: &VideoPacket<'_>) -> bool {
        (self.sequence.wrapping_sub(packet.sequence) as i16) < 0
    }
}

/// In the order of their sequence numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent {
    packets: Vec<Kept>,
    /// When the key frame came that the packets begin with; None if they do not.
    began_at: Option<Nanos>,
    /// A key frame was asked for: its first packet may be lost, and come after the others.
    expects: bool,
}

impl Recent {
    /// A key frame was asked for.
    pub fn expect(&mut self) {
        self.expects = true;
    }

    /// Nobody waits for a key frame any more.
    pub fn give_up(&mut self) {
        self.expects = false;
        if self.began_at.is_none() {
            self.packets.clear();
        }
    }

    pub fn note(&mut self, packet: &VideoPacket<'_>, now: Nanos) {
        self.forget(now);
        if self
            .packets
            .last()
            .is_some_and(|last| last.ssrc != packet.ssrc)
        {
            self.packets.clear();
            self.began_at = None;
        }
        let place = self.packets.iter().rposition(|kept| kept.is_behind(packet));
        let place = place.map_or(0, |index| index + 1);
        let known = self.packets.get(place);
        if known.is_some_and(|kept| kept.sequence == packet.sequence) {
            return;
        }
        if vp8::begins_keyframe(packet.payload) {
            self.packets.drain(..place);
            self.packets.insert(0, Kept::new(packet));
            (self.began_at, self.expects) = (Some(now), false);
        } else if self.expects || self.began_at.is_some() {
            self.packets.insert(place, Kept::new(packet));
        }
    }

    /// Make room for one more.
    fn forget(&mut self, now: Nanos) {
        let is_full = self.packets.len() >= MAX_PACKETS;
        match self.began_at {
            Some(at) if is_full || now > at + MAX_AGE => {
                self.packets.clear();
                self.began_at = None;
            }
            None if is_full => {
                self.packets.remove(0);
            }
            _ => {}
        }
    }

    /// From the key frame on; empty if there is none, or it is long ago.
    pub fn since_keyframe(&self, now: Nanos) -> &[Kept] {
        match self.began_at {
            Some(at) if now <= at + MAX_AGE => &self.packets,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(recent: &mut Recent, sequence: u16, is_key: bool, now: Nanos) {
        let payload: Arc<[u8]> = [0x10, 0x50 + u8::from(!is_key), 0].into();
        let packet = VideoPacket {
            layer: None,
            ssrc: 1,
            sequence,
            timestamp: u32::from(sequence) * 3_000,
            marker: true,
            payload: &payload,
        };
        recent.note(&packet, now);
    }

    fn sequences(recent: &Recent, now: Nanos) -> Vec<u16> {
        let kept = recent.since_keyframe(now).iter();
        kept.map(|kept| kept.sequence).collect()
    }

    #[test]
    fn packets_are_kept_from_a_key_frame_on_in_their_order() {
        let mut recent = Recent::default();
        for (sequence, is_key) in [(65_534, false), (65_535, true), (1, false), (0, false)] {
            note(&mut recent, sequence, is_key, MILLISECOND);
        }
        assert_eq!(sequences(&recent, MILLISECOND), [65_535, 0, 1]);
        note(&mut recent, 0, false, MILLISECOND); // twice
        note(&mut recent, 3, true, 2 * MILLISECOND);
        assert_eq!(sequences(&recent, 2 * MILLISECOND), [3]);
    }

    #[test]
    fn a_key_frame_that_was_asked_for_may_come_behind_its_rest() {
        let mut recent = Recent::default();
        note(&mut recent, 8, false, 0);
        assert_eq!(recent.packets.len(), 0, "nobody waits");
        recent.expect();
        for (sequence, is_key) in [(9, false), (11, false), (12, false), (10, true)] {
            note(&mut recent, sequence, is_key, 0);
        }
        assert_eq!(sequences(&recent, 0), [10, 11, 12]);
    }

    #[test]
    fn what_is_long_ago_or_too_much_is_forgotten() {
        let mut recent = Recent::default();
        note(&mut recent, 1, true, 0);
        assert_eq!(sequences(&recent, MAX_AGE), [1]);
        assert!(sequences(&recent, MAX_AGE + 1).is_empty());
        note(&mut recent, 2, false, MAX_AGE + 1);
        assert_eq!(recent.packets.len(), 0);
        for sequence in 3..=3 + MAX_PACKETS as u16 {
            note(&mut recent, sequence, sequence == 3, MAX_AGE + 2);
        }
        assert_eq!(recent.packets.len(), 0);
        recent.expect();
        for sequence in 200..500 {
            note(&mut recent, sequence, false, MAX_AGE + 3);
        }
        assert_eq!(recent.packets.len(), MAX_PACKETS);
        recent.give_up();
        assert_eq!(recent.packets.len(), 0);
    }
}
