//! A video track as it comes: its layers, which of them is recorded, and what was lost of that.

use super::layers::{LayerName, Layers};
use super::{vp8, VideoPacket, CLOCK_RATE};
use crate::clock::{Nanos, MILLISECOND};
use crate::rtp::reception::Reception;

/// Packets that are missing for so long are not repaired any more.
const REPAIRED_WITHIN: Nanos = 300 * MILLISECOND;

/// Missing packets, looked at now and then: what was missing before and still is, is lost for good.
#[derive(Default)]
struct Losses {
    looked_at: Nanos,
    missing: u64,
    known: u64,
}

#[derive(Default)]
pub struct Incoming {
    pub layers: Layers,
    /// The layer that a recorder takes: one file has one picture, the best that comes.
    recorded: Option<LayerName>,
    reception: Reception,
    losses: Losses,
}

/// What a recorder does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Yes,
    /// It is of a better layer, to be recorded from its next key frame on.
    NeedsKeyframe,
    No,
}

impl Incoming {
    /// Count a packet.
    pub fn note(&mut self, packet: &VideoPacket<'_>, now: Nanos) {
        self.layers.note(packet, now);
    }

    /// Whether a recorder takes the packet.
    pub fn keep(&mut self, packet: &VideoPacket<'_>, now: Nanos) -> Kept {
        if self.recorded != Some(packet.layer) {
            if self.layers.best(now) != Some(packet.layer) {
                return Kept::No;
            }
            // A single encoding is recorded from where it is: its file knows how to begin.
            if packet.layer.is_some() && !vp8::begins_keyframe(packet.payload) {
                return Kept::NeedsKeyframe;
            }
            self.recorded = Some(packet.layer);
        }
        self.reception.receive(
            packet.ssrc,
            packet.sequence,
            packet.timestamp,
            packet.payload.len(),
            CLOCK_RATE,
            now,
        );
        Kept::Yes
    }

    pub fn recorded(&self) -> Option<LayerName> {
        self.recorded
    }

    /// True once when recorded video was lost for good: what follows cannot be shown before a key frame.
    pub fn has_lost(&mut self, now: Nanos) -> bool {
        let losses = &mut self.losses;
        if now.saturating_sub(losses.looked_at) < REPAIRED_WITHIN {
            return false;
        }
        let missing = self.reception.lost();
        let for_good = missing.min(losses.missing);
        (losses.looked_at, losses.missing) = (now, missing);
        for_good > std::mem::replace(&mut losses.known, for_good)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::SECOND;

    fn keep(video: &mut Incoming, layer: &str, sequence: u16, payload: &[u8], now: Nanos) -> Kept {
        let payload: Arc<[u8]> = payload.into();
        let packet = VideoPacket {
            layer: (!layer.is_empty()).then(|| layer.into()),
            ssrc: 1,
            sequence,
            timestamp: 0,
            marker: true,
            payload: &payload,
        };
        video.note(&packet, now);
        video.keep(&packet, now)
    }

    fn watch(video: &mut Incoming, sequence: u16, now: Nanos) {
        assert_eq!(keep(video, "", sequence, &[0; 9], now), Kept::Yes);
    }

    #[test]
    fn a_packet_that_is_repaired_in_time_was_never_lost() {
        let mut video = Incoming::default();
        for sequence in [1, 2, 4] {
            watch(&mut video, sequence, SECOND);
        }
        assert!(!video.has_lost(SECOND), "it may be on its way");
        watch(&mut video, 3, SECOND + 100 * MILLISECOND);
        assert!(!video.has_lost(SECOND + 400 * MILLISECOND));
    }

    #[test]
    fn a_packet_that_never_comes_is_lost_once() {
        let mut video = Incoming::default();
        for sequence in [1, 2, 4] {
            watch(&mut video, sequence, SECOND);
        }
        let looks = (0..20).map(|n| video.has_lost(SECOND + n * 100 * MILLISECOND));
        assert_eq!(looks.filter(|lost| *lost).count(), 1);
        watch(&mut video, 9, 4 * SECOND);
        let looks = (0..20).map(|n| video.has_lost(4 * SECOND + n * 100 * MILLISECOND));
        assert_eq!(looks.filter(|lost| *lost).count(), 1);
    }

    #[test]
    fn a_recorder_takes_the_best_layer_alone_and_changes_at_a_key_frame() {
        let key = |height: u8| [0x10, 0x50, 0, 0, 0x9D, 0x01, 0x2A, 0, 2, height, 0];
        let mut video = Incoming::default();
        assert_eq!(keep(&mut video, "q", 1, &key(90), SECOND), Kept::Yes);
        assert_eq!(keep(&mut video, "h", 1, &key(180), SECOND), Kept::Yes);
        assert_eq!(keep(&mut video, "q", 2, &key(90), SECOND), Kept::No);
        assert_eq!(keep(&mut video, "h", 2, &[0x10, 0x51], SECOND), Kept::Yes);
        let later = 3 * SECOND; // the better layer stopped
        assert_eq!(
            keep(&mut video, "q", 3, &[0x10, 0x51], later),
            Kept::NeedsKeyframe
        );
        assert_eq!(keep(&mut video, "q", 4, &key(90), later), Kept::Yes);
    }
}
