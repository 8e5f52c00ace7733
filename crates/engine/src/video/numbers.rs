//! Picture numbers of VP8 (RFC 7741 §4.2) that go on when the layer or the source changes.
//!
//! Decoders build their order on them: a number that leaps back looks like an old picture.

use webrtc::{Vp8Descriptor, Vp8Patch};

const PICTURE_IDS: u16 = 1 << 15;
const SHORT_PICTURE_IDS: u16 = 1 << 7;

/// What is added to one source's numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    picture: u16,
    base_layer: u8,
    key: u8,
}

#[derive(Debug, Default)]
pub struct PictureNumbers {
    /// None until the source's first packet.
    shift: Option<Shift>,
    /// Newest numbers that went out.
    picture: Option<u16>,
    base_layer: Option<u8>,
    key: Option<u8>,
}

impl PictureNumbers {
    /// Another layer or source follows: its first picture is the next one.
    pub fn restart(&mut self) {
        self.shift = None;
    }

    /// What to replace in a packet's descriptor; None if nothing.
    pub fn patch(&mut self, payload: &[u8]) -> Option<Vp8Patch> {
        let descriptor = Vp8Descriptor::parse(payload).ok()?;
        let shift = *self
            .shift
            .get_or_insert_with(|| shift_to(&descriptor, self.picture, self.base_layer, self.key));
        let picture = descriptor
            .picture_id()
            .map(|id| id.wrapping_add(shift.picture) % PICTURE_IDS);
        let base_layer = descriptor
            .tl0_pic_idx()
            .map(|index| index.wrapping_add(shift.base_layer));
        let key = descriptor
            .key_idx()
            .map(|index| index.wrapping_add(shift.key) & 0x1F);
        self.picture = newest(self.picture, picture, |new, old| {
            new.wrapping_sub(old) % PICTURE_IDS < PICTURE_IDS / 2
        });
        self.base_layer = newest(self.base_layer, base_layer, |new, old| {
            new.wrapping_sub(old) < 0x80
        });
        self.key = newest(self.key, key, |new, old| {
            new.wrapping_sub(old) & 0x1F < 0x10
        });
        if shift.picture == 0 && shift.base_layer == 0 && shift.key == 0 {
            return None;
        }
        let mut patch = descriptor.patch();
        if let Some(base_layer) = base_layer {
            patch = patch.tl0_pic_idx(base_layer);
        }
        if let Some(key) = key {
            patch = patch.key_idx(key);
        }
        match picture {
            // A sender with numbers of 7 bits takes those.
            Some(picture) => [picture, picture % SHORT_PICTURE_IDS]
                .into_iter()
                .find_map(|picture| patch.picture_id(picture).build().ok()),
            None => patch.build().ok(),
        }
    }
}

fn shift_to(
    next: &Vp8Descriptor,
    picture: Option<u16>,
    base_layer: Option<u8>,
    key: Option<u8>,
) -> Shift {
    let from = |newest: Option<u16>, id: Option<u16>| match (newest, id) {
        (Some(newest), Some(id)) => newest.wrapping_add(1).wrapping_sub(id),
        _ => 0,
    };
    Shift {
        picture: from(picture, next.picture_id()) % PICTURE_IDS,
        base_layer: from(base_layer.map(u16::from), next.tl0_pic_idx().map(u16::from)) as u8,
        key: from(key.map(u16::from), next.key_idx().map(u16::from)) as u8 & 0x1F,
    }
}

fn newest<T: Copy>(
    known: Option<T>,
    this: Option<T>,
    is_newer: impl Fn(T, T) -> bool,
) -> Option<T> {
    match (known, this) {
        (Some(known), Some(this)) if is_newer(this, known) => Some(this),
        (Some(known), _) => Some(known),
        (None, this) => this,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A first packet of a frame with a picture id of 15 bits, TL0PICIDX and KEYIDX.
    fn packet(picture: u16, base_layer: u8, key: u8) -> [u8; 7] {
        let [high, low] = picture.to_be_bytes();
        [0x90, 0xF0, 0x80 | high, low, base_layer, key, 0x50]
    }

    /// The numbers as they go out.
    fn numbers(numbers: &mut PictureNumbers, packet: [u8; 7]) -> (u16, u8, u8) {
        numbers.patch(&packet);
        (
            numbers.picture.unwrap(),
            numbers.base_layer.unwrap(),
            numbers.key.unwrap(),
        )
    }

    #[test]
    fn the_first_sources_numbers_pass_as_they_are() {
        let mut out = PictureNumbers::default();
        assert!(out.patch(&packet(500, 7, 3)).is_none());
        assert!(out.patch(&packet(501, 8, 3)).is_none());
        assert!(out.patch(&[0x10, 0x50]).is_none()); // it has no numbers
    }

    #[test]
    fn another_layer_goes_on_where_the_first_stood_over_every_wrap() {
        let mut out = PictureNumbers::default();
        out.patch(&packet(32_767, 255, 31));
        out.restart();
        assert!(out.patch(&packet(9_000, 40, 2)).is_some());
        assert_eq!(numbers(&mut out, packet(9_001, 41, 2)), (1, 1, 0));
        out.restart();
        assert_eq!(numbers(&mut out, packet(3, 200, 9)), (2, 2, 1));
    }

    #[test]
    fn a_repaired_packet_gets_its_own_number_back() {
        let mut out = PictureNumbers::default();
        out.patch(&packet(100, 1, 1));
        out.restart();
        for picture in [700, 701, 700] {
            out.patch(&packet(picture, 1, 1));
        }
        assert_eq!(out.picture, Some(102));
    }
}
