//! One outgoing video line: one layer of one source at a time, changed at key frames, in one continuous stream.

use webrtc::Vp8Patch;

use super::choice::{choose, Picture, Room};
use super::layers::{LayerName, Layers};
use super::numbers::PictureNumbers;
use super::{vp8, VideoPacket};
use crate::clock::{Nanos, MILLISECOND, SECOND};
use crate::id::TrackId;
use crate::relay::{Header, Incoming, OutStream};
use crate::stats::MediaKind;

/// A receiver is not given a better layer sooner than this after a change: it would swing with the estimate.
const RISES_AFTER: Nanos = SECOND;
/// A request that comes sooner after a key frame went was made before that was there.
const CROSSES_FOR: Nanos = 100 * MILLISECOND;
/// Pictures that a receiver catches up with follow each other so much faster: he is to see them now.
const CATCHES_UP: i32 = 20;
/// Packets without a picture before the first that has one: who got one of them knows what to ask for again if that is
/// lost (a receiver misses nothing before the first packet that he got).
pub const BLANKS: usize = 2;

/// What became of a packet.
pub enum Placed {
    Sends(Header, Option<Vp8Patch>),
    /// The layer is wanted, but cannot be shown before its next key frame.
    NeedsKeyframe,
    /// Not for this receiver, or too late.
    No,
}

pub struct VideoOut {
    pub kind: MediaKind,
    source: Option<TrackId>,
    stream: OutStream,
    numbers: PictureNumbers,
    /// The layer whose packets pass.
    present: Option<LayerName>,
    /// The layer to show from its next key frame on; None takes any.
    wanted: Option<LayerName>,
    /// There is no room for it.
    paused: bool,
    /// No key frame of the present layer has passed yet.
    awaits_keyframe: bool,
    /// The newest packet of the wanted layer that was not passed: a key frame that began before it has a hole.
    passed_over: Option<(u32, u16)>,
    changed_at: Nanos,
    /// When a key frame last went.
    keyframe_at: Option<Nanos>,
    /// The timestamp of the source at which the receiver has caught up.
    caught_up: Option<u32>,
    /// Pixels, as the receiver tells.
    pub shown: Option<u16>,
}

impl VideoOut {
    pub fn new(kind: MediaKind, stream: OutStream) -> VideoOut {
        VideoOut {
            kind,
            source: None,
            stream,
            numbers: PictureNumbers::default(),
            present: None,
            wanted: None,
            paused: false,
            awaits_keyframe: true,
            passed_over: None,
            changed_at: 0,
            keyframe_at: None,
            caught_up: None,
            shown: None,
        }
    }

    pub fn source(&self) -> Option<TrackId> {
        self.source
    }

    /// The layer to ask for when the receiver wants a key frame.
    pub fn awaited(&self) -> Option<LayerName> {
        self.wanted.or(self.present)
    }

    /// Show another source; true if it is another one.
    pub fn set_source(&mut self, source: Option<TrackId>) -> bool {
        let changed = std::mem::replace(&mut self.source, source) != source;
        if changed {
            self.leave();
            self.wanted = None;
        }
        changed
    }

    /// Nothing passes until the next key frame.
    fn leave(&mut self) {
        self.present = None;
        self.passed_over = None;
        self.caught_up = None;
        self.stream.pause();
    }

    /// A key frame that the receiver asks for now is on its way already.
    pub fn crosses_keyframe(&self, now: Nanos) -> bool {
        self.keyframe_at.is_some_and(|at| now < at + CROSSES_FOR)
    }

    /// Nothing was sent yet.
    pub fn is_fresh(&self) -> bool {
        self.stream.newest().is_none()
    }

    /// The numbers of a packet without a picture. It counts to the frame that follows: receivers that build frames by
    /// timestamp alone would decode an empty one, and some never recover from it.
    pub fn blank(&mut self, now: Nanos) -> Header {
        let timestamp = self.stream.begin_event(now);
        Header {
            sequence: self.stream.event_sequence(),
            timestamp,
            marker: false,
        }
    }

    /// A layer follows from its last key frame on; `newest` is the timestamp it has reached.
    pub fn catch_up(&mut self, newest: u32) {
        self.leave();
        self.caught_up = Some(newest);
    }

    fn timestamp(&self, packet: &VideoPacket<'_>) -> u32 {
        let Some(newest) = self.caught_up else {
            return packet.timestamp;
        };
        let behind = newest.wrapping_sub(packet.timestamp) as i32;
        match behind > 0 {
            true => newest.wrapping_sub((behind / CATCHES_UP) as u32),
            false => packet.timestamp,
        }
    }

    /// The layer this receiver should have, out of those of its source.
    pub fn choose(
        &self,
        layers: &Layers,
        bandwidth: Option<u64>,
        dip: u64,
        now: Nanos,
    ) -> Option<Picture> {
        let mut below = 0;
        let pictures: Vec<Picture> = layers
            .live(now)
            .map(|layer| {
                // A layer that has just begun, or shows little, counts for what its size will need.
                let least = if layer.bits_per_second > 0 {
                    2 * below
                } else {
                    0
                };
                below = layer.bits_per_second.max(least);
                Picture {
                    name: layer.name,
                    height: layer.height,
                    bits_per_second: below,
                }
            })
            .collect();
        let room = Room {
            bandwidth,
            dip,
            shown: self.shown,
            may_rise: now >= self.changed_at + RISES_AFTER,
        };
        choose(&pictures, self.present, room)
    }

    /// What the best picture that this receiver can use takes, bits per second.
    pub fn best_rate(&self, layers: &Layers, now: Nanos) -> u64 {
        let shown = self.shown.unwrap_or(u16::MAX);
        let enough = layers.live(now).find(|layer| layer.height >= shown);
        let best = enough.or_else(|| layers.live(now).next_back());
        best.map_or(0, |layer| layer.bits_per_second)
    }

    /// Show this layer from its next key frame on, or none. True if a key frame is wanted for it.
    pub fn want(&mut self, layer: Option<LayerName>) -> bool {
        self.paused = layer.is_none();
        if self.paused && self.present.is_some() {
            self.leave();
        }
        if layer != self.wanted {
            self.passed_over = None;
        }
        self.wanted = layer;
        layer.is_some() && (layer != self.present || self.awaits_keyframe)
    }

    /// Place a packet of `source`.
    pub fn place(&mut self, source: TrackId, packet: &VideoPacket<'_>, now: Nanos) -> Placed {
        if self.source != Some(source) || self.paused {
            return Placed::No;
        }
        if self.present != Some(packet.layer) {
            if self.wanted.is_some_and(|wanted| wanted != packet.layer) {
                return Placed::No;
            }
            if !self.may_begin_with(packet) {
                self.pass_over(packet);
                return Placed::NeedsKeyframe;
            }
            self.awaits_keyframe = true;
            let caught_up = self.caught_up;
            self.leave();
            self.caught_up = caught_up;
            self.numbers.restart();
            (self.present, self.changed_at) = (Some(packet.layer), now);
        }
        if vp8::begins_keyframe(packet.payload) {
            (self.awaits_keyframe, self.keyframe_at) = (false, Some(now));
        }
        let incoming = Incoming {
            ssrc: packet.ssrc,
            sequence: packet.sequence,
            timestamp: self.timestamp(packet),
            marker: packet.marker,
            duration: 1,
        };
        let Some(header) = self.stream.relay(source, incoming, now) else {
            return Placed::No;
        };
        // The marker ends a frame here (RFC 7741 §4.1); it tells nothing of a new beginning.
        let header = Header {
            marker: packet.marker,
            ..header
        };
        Placed::Sends(header, self.numbers.patch(packet.payload))
    }

    /// A layer begins with a key frame. The very first packets of all may be any: they show nothing, but tell the
    /// receiver where the stream is, and so what to ask for again if the key frame's first packet is lost.
    fn may_begin_with(&self, packet: &VideoPacket<'_>) -> bool {
        let is_first = self.stream.newest().is_none();
        is_first || (vp8::begins_keyframe(packet.payload) && !self.is_late(packet))
    }

    fn is_late(&self, packet: &VideoPacket<'_>) -> bool {
        self.passed_over.is_some_and(|(ssrc, sequence)| {
            ssrc == packet.ssrc && (packet.sequence.wrapping_sub(sequence) as i16) < 0
        })
    }

    fn pass_over(&mut self, packet: &VideoPacket<'_>) {
        if !self.is_late(packet) {
            self.passed_over = Some((packet.ssrc, packet.sequence));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::MILLISECOND;

    const SOURCE: TrackId = TrackId(1);
    const OTHER: TrackId = TrackId(2);

    fn out() -> VideoOut {
        let mut out = VideoOut::new(MediaKind::Camera, OutStream::new(90_000, 100, 0));
        out.set_source(Some(SOURCE));
        out
    }

    fn layer(name: &str) -> LayerName {
        Some(name.into())
    }

    /// Sends a one-packet frame of the layer; its SSRC is the name's letter.
    fn send(
        out: &mut VideoOut,
        source: TrackId,
        name: &str,
        sequence: u16,
        is_key: bool,
    ) -> Option<(u64, u32)> {
        let payload: Arc<[u8]> = [0x90, 0x80, 0x80, sequence as u8, u8::from(!is_key), 0, 0].into();
        let packet = VideoPacket {
            layer: layer(name),
            ssrc: u32::from(name.as_bytes()[0]),
            sequence,
            timestamp: u32::from(sequence) * 3_000,
            marker: true,
            payload: &payload,
        };
        let now = SECOND + u64::from(sequence) * 33 * MILLISECOND;
        match out.place(source, &packet, now) {
            Placed::Sends(header, _) => Some((header.sequence, header.timestamp)),
            Placed::NeedsKeyframe | Placed::No => None,
        }
    }

    #[test]
    fn a_layer_changes_at_its_key_frame_without_a_hole_in_the_sequence() {
        let mut out = out();
        assert!(out.want(Some(layer("q"))));
        assert_eq!(send(&mut out, SOURCE, "q", 2, true), Some((100, 0)));
        assert!(!out.want(Some(layer("q"))), "it is there");
        assert!(out.want(Some(layer("f"))));
        assert_eq!(send(&mut out, SOURCE, "f", 3, false), None);
        assert_eq!(send(&mut out, SOURCE, "q", 3, false), Some((101, 3_000)));
        let (sequence, timestamp) = send(&mut out, SOURCE, "f", 4, true).unwrap();
        assert_eq!(sequence, 102);
        assert!((5_900..6_100).contains(&timestamp), "{timestamp}");
        assert_eq!(send(&mut out, SOURCE, "q", 4, true), None);
        assert!(!out.want(Some(layer("f"))), "it is there");
    }

    #[test]
    fn the_very_first_packets_pass_and_a_key_frame_stays_wanted() {
        let mut out = out();
        assert!(out.want(Some(layer("q"))));
        assert_eq!(send(&mut out, SOURCE, "f", 1, false), None);
        assert_eq!(send(&mut out, SOURCE, "q", 1, false), Some((100, 0)));
        assert!(out.want(Some(layer("q"))));
        assert_eq!(send(&mut out, SOURCE, "q", 2, true), Some((101, 3_000)));
        assert!(!out.want(Some(layer("q"))));
    }

    #[test]
    fn another_source_follows_from_its_key_frame_on() {
        let mut out = out();
        assert_eq!(send(&mut out, SOURCE, "q", 1, true).unwrap().0, 100);
        assert!(out.set_source(Some(OTHER)));
        assert_eq!(send(&mut out, SOURCE, "q", 2, false), None);
        assert_eq!(send(&mut out, OTHER, "h", 2, false), None);
        assert_eq!(send(&mut out, OTHER, "h", 3, true).unwrap().0, 101);
    }

    #[test]
    fn a_key_frame_whose_rest_was_passed_over_is_not_begun_with() {
        let mut out = out();
        send(&mut out, SOURCE, "q", 6, true);
        out.want(Some(layer("f")));
        assert_eq!(send(&mut out, SOURCE, "f", 8, false), None); // its first packet, 7, is late
        assert_eq!(send(&mut out, SOURCE, "f", 7, true), None);
        assert!(send(&mut out, SOURCE, "f", 9, true).is_some());
    }

    #[test]
    fn pictures_that_a_receiver_catches_up_with_follow_at_once_and_the_next_ones_in_their_time() {
        let mut out = out();
        let blank = out.blank(SECOND + 66 * MILLISECOND);
        out.catch_up(5 * 3_000);
        let times = [(2, true), (4, false), (5, false), (3, false), (6, false)]
            .map(|(sequence, is_key)| send(&mut out, SOURCE, "q", sequence, is_key).unwrap());
        let (first, began) = times[0];
        let since = times.map(|(sequence, timestamp)| (sequence - first, timestamp - began));
        assert_eq!(
            since,
            [(0, 0), (2, 300), (3, 450), (1, 150), (4, 3_450)],
            "three frames of 3,000 ticks in 450"
        );
        let follows = (blank.sequence + 1, blank.timestamp);
        assert_eq!((first, began), follows, "the blank is of its first frame");
    }

    #[test]
    fn a_request_made_before_the_key_frame_arrived_counts_for_nothing() {
        let mut out = out();
        assert!(!out.crosses_keyframe(0));
        send(&mut out, SOURCE, "q", 0, true);
        assert!(out.crosses_keyframe(SECOND + CROSSES_FOR - 1));
        assert!(!out.crosses_keyframe(SECOND + CROSSES_FOR));
    }

    #[test]
    fn without_room_nothing_passes_until_a_key_frame() {
        let mut out = out();
        send(&mut out, SOURCE, "q", 1, true);
        assert!(!out.want(None));
        assert_eq!(send(&mut out, SOURCE, "q", 2, true), None);
        assert!(out.want(Some(layer("q"))));
        assert_eq!(send(&mut out, SOURCE, "q", 3, false), None);
        assert_eq!(send(&mut out, SOURCE, "q", 4, true).unwrap().0, 101);
    }
}
