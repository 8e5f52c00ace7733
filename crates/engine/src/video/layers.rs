//! What is known of the layers in which a track's picture comes.

use webrtc::Rid;

use super::recent::{Kept, Recent};
use super::vp8;
use super::VideoPacket;
use crate::clock::{Nanos, MILLISECOND, SECOND};

/// The layer's name in the offer; None where the peer sends one encoding.
pub type LayerName = Option<Rid>;

/// More are not offered by any browser.
const MAX_LAYERS: usize = 4;
/// A rate is counted over so long.
const WINDOW: Nanos = 500 * MILLISECOND;
/// A sender that runs short of bandwidth stops its upper layers without a word.
const STOPPED_AFTER: Nanos = 700 * MILLISECOND;
/// A sender asked for a key frame is not asked again within this, whoever wants it. It is asked again after it: the
/// request may be lost, and a browser passes over one that comes within 300 ms of its last key frame.
const KEYFRAME_PERIOD: Nanos = 150 * MILLISECOND;
/// A sender that gave none by then gives none.
const KEYFRAME_GIVEN_UP: Nanos = 2 * SECOND;
/// Of RTP with its extensions, SRTP, UDP and IP.
const HEADER_BYTES: usize = 60;

#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub name: LayerName,
    /// Pixels, of the newest key frame; 0 before the first.
    pub height: u16,
    /// With headers; 0 before it was measured.
    pub bits_per_second: u64,
    seen_at: Nanos,
    counted_from: Nanos,
    bytes: usize,
    keyframe_due: Nanos,
    /// Since when a key frame is waited for.
    asked_at: Option<Nanos>,
    recent: Recent,
}

impl Layer {
    fn new(name: LayerName, now: Nanos) -> Layer {
        Layer {
            name,
            height: 0,
            bits_per_second: 0,
            seen_at: now,
            counted_from: now,
            bytes: 0,
            keyframe_due: 0,
            asked_at: None,
            recent: Recent::default(),
        }
    }

    fn order(&self) -> u16 {
        match self.height {
            0 => u16::MAX,
            height => height,
        }
    }

    pub fn is_live(&self, now: Nanos) -> bool {
        now.saturating_sub(self.seen_at) < STOPPED_AFTER
    }

    fn count(&mut self, bytes: usize, now: Nanos) {
        if !self.is_live(now) {
            (self.counted_from, self.bytes) = (now, 0);
        }
        self.seen_at = now;
        self.bytes += bytes + HEADER_BYTES;
        let elapsed = now.saturating_sub(self.counted_from);
        if elapsed >= WINDOW {
            let rate = self.bytes as u64 * 8 * SECOND / elapsed;
            self.bits_per_second = smooth(self.bits_per_second, rate);
            (self.counted_from, self.bytes) = (now, 0);
        }
    }
}

/// Key frames make rates jump; a layer is taken for what it tends to need.
fn smooth(known: u64, rate: u64) -> u64 {
    match known {
        0 => rate,
        _ => (3 * known + rate) / 4,
    }
}

/// The layers of one track, the smallest picture first. One that no key frame told of yet may be any: it comes last, and
/// no viewer begins with it on a thin line.
#[derive(Debug, Default)]
pub struct Layers(Vec<Layer>);

impl Layers {
    /// Count a packet.
    pub fn note(&mut self, packet: &VideoPacket<'_>, now: Nanos) {
        let Some(layer) = self.entry(packet.layer, now) else {
            return;
        };
        layer.count(packet.payload.len(), now);
        layer.recent.note(packet, now);
        if vp8::begins_keyframe(packet.payload) {
            layer.asked_at = None;
        }
        let height = vp8::picture_height(packet.payload).unwrap_or(layer.height);
        if std::mem::replace(&mut layer.height, height) != height {
            self.0.sort_by_key(Layer::order);
        }
    }

    fn entry(&mut self, name: LayerName, now: Nanos) -> Option<&mut Layer> {
        let known = self.0.iter().position(|layer| layer.name == name);
        if known.is_none() && self.0.len() < MAX_LAYERS {
            self.0.push(Layer::new(name, now));
            return self.0.last_mut();
        }
        self.0.get_mut(known?)
    }

    /// Those that are being sent, the smallest first.
    pub fn live(&self, now: Nanos) -> impl DoubleEndedIterator<Item = &Layer> {
        self.0.iter().filter(move |layer| layer.is_live(now))
    }

    pub fn names(&self) -> impl Iterator<Item = LayerName> + '_ {
        self.0.iter().map(|layer| layer.name)
    }

    /// The best picture that is being sent.
    pub fn best(&self, now: Nanos) -> Option<LayerName> {
        self.live(now).next_back().map(|layer| layer.name)
    }

    /// Whether its sender may be asked for a key frame; if so, it is taken as asked.
    pub fn ask(&mut self, name: LayerName, now: Nanos) -> bool {
        let Some(layer) = self.entry(name, now).filter(|l| now >= l.keyframe_due) else {
            return false;
        };
        layer.keyframe_due = now + KEYFRAME_PERIOD;
        layer.asked_at.get_or_insert(now);
        layer.recent.expect();
        true
    }

    /// Layers to be asked again: the key frame did not come.
    pub fn overdue(&mut self, now: Nanos) -> impl Iterator<Item = LayerName> + '_ {
        self.0.iter_mut().filter_map(move |layer| {
            let asked_at = layer.asked_at?;
            if now > asked_at + KEYFRAME_GIVEN_UP {
                layer.asked_at = None;
                layer.recent.give_up();
            }
            (layer.asked_at.is_some() && now >= layer.keyframe_due).then_some(layer.name)
        })
    }

    /// What came since a layer's key frame, if that was a moment ago.
    pub fn since_keyframe(&self, name: LayerName, now: Nanos) -> &[Kept] {
        let layer = self.0.iter().find(|layer| layer.name == name);
        layer.map_or(&[], |layer| layer.recent.since_keyframe(now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn key_frame(height: u16) -> Arc<[u8]> {
        let [low, high] = height.to_le_bytes();
        [0x10, 0x50, 0, 0, 0x9D, 0x01, 0x2A, 0, 2, low, high].into()
    }

    fn note(layers: &mut Layers, name: &str, payload: &Arc<[u8]>, now: Nanos) {
        let packet = VideoPacket {
            layer: Some(name.into()),
            ssrc: 1,
            sequence: 1,
            timestamp: 0,
            marker: true,
            payload,
        };
        layers.note(&packet, now);
    }

    fn names(layers: &Layers, now: Nanos) -> Vec<String> {
        let names = layers.live(now).flat_map(|layer| layer.name);
        names.map(|name| name.to_string()).collect()
    }

    #[test]
    fn layers_are_ordered_by_the_size_their_key_frames_tell() {
        let mut layers = Layers::default();
        for (name, height) in [("f", 720), ("q", 180), ("h", 360)] {
            note(&mut layers, name, &key_frame(height), SECOND);
        }
        assert_eq!(names(&layers, SECOND), ["q", "h", "f"]);
        assert_eq!(layers.best(SECOND), Some(Some("f".into())));
    }

    #[test]
    fn a_layer_of_unknown_size_is_none_of_the_small_ones() {
        let mut layers = Layers::default();
        note(&mut layers, "h", &[0x10, 0x51].into(), SECOND);
        note(&mut layers, "q", &key_frame(180), SECOND);
        assert_eq!(names(&layers, SECOND), ["q", "h"]);
    }

    #[test]
    fn a_layer_that_stops_is_not_offered_any_more() {
        let mut layers = Layers::default();
        note(&mut layers, "q", &key_frame(180), SECOND);
        note(&mut layers, "f", &key_frame(720), SECOND);
        note(&mut layers, "q", &key_frame(180), SECOND + STOPPED_AFTER);
        assert_eq!(names(&layers, SECOND + STOPPED_AFTER), ["q"]);
    }

    #[test]
    fn a_rate_is_what_came_with_its_headers() {
        let mut layers = Layers::default();
        let payload: Arc<[u8]> = [0; 940].into();
        for n in 0..=100 {
            note(&mut layers, "f", &payload, n * 10 * MILLISECOND);
        }
        let rate = layers.live(SECOND).next().unwrap().bits_per_second;
        assert!((790_000..830_000).contains(&rate), "{rate}");
    }

    #[test]
    fn a_key_frame_is_asked_of_each_layer_but_not_twice_at_once() {
        let mut layers = Layers::default();
        assert!(layers.ask(Some("q".into()), 0));
        assert!(layers.ask(Some("f".into()), 0));
        assert!(!layers.ask(Some("q".into()), KEYFRAME_PERIOD - 1));
        assert!(layers.ask(Some("q".into()), KEYFRAME_PERIOD));
    }

    #[test]
    fn a_key_frame_that_does_not_come_is_asked_for_again_and_then_given_up() {
        let mut layers = Layers::default();
        let overdue = |layers: &mut Layers, now| layers.overdue(now).count();
        layers.ask(Some("q".into()), 0);
        assert_eq!(overdue(&mut layers, KEYFRAME_PERIOD - 1), 0);
        assert_eq!(overdue(&mut layers, KEYFRAME_PERIOD), 1);
        note(&mut layers, "q", &key_frame(180), KEYFRAME_PERIOD);
        assert_eq!(overdue(&mut layers, 2 * KEYFRAME_PERIOD), 0);
        layers.ask(Some("q".into()), SECOND);
        assert_eq!(overdue(&mut layers, SECOND + KEYFRAME_GIVEN_UP), 1);
        assert_eq!(overdue(&mut layers, SECOND + KEYFRAME_GIVEN_UP + 1), 0);
    }
}
