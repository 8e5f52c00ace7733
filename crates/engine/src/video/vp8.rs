//! What a switch must know of VP8: where a key frame begins, and how large its picture is (RFC 7741 §4.2 and §4.3,
//! RFC 6386 §9.1).

use webrtc::Vp8Descriptor;

/// Whether this packet begins a key frame.
pub fn begins_keyframe(payload: &[u8]) -> bool {
    Vp8Descriptor::parse(payload).is_ok_and(|descriptor| descriptor.starts_keyframe(payload))
}

/// The height in pixels, if this packet begins a key frame.
pub fn picture_height(payload: &[u8]) -> Option<u16> {
    if !begins_keyframe(payload) {
        return None;
    }
    // Behind the descriptor of at most 6 bytes: a frame tag of 3 bytes, the start code, width and height.
    let start = payload
        .windows(3)
        .take(10)
        .position(|w| w == [0x9D, 0x01, 0x2A])?;
    let height = payload.get(start + 5..start + 7)?;
    Some(u16::from_le_bytes([height[0], height[1]]) & 0x3FFF) // the top two bits scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_is_seen_behind_every_form_of_descriptor() {
        assert!(begins_keyframe(&[0x10, 0x50]));
        assert!(!begins_keyframe(&[0x10, 0x51])); // an inter frame
        assert!(!begins_keyframe(&[0x00, 0x50])); // a later packet of the frame
        assert!(!begins_keyframe(&[0x11, 0x50])); // a later partition
        assert!(begins_keyframe(&[0x90, 0x80, 0x05, 0x50])); // 7-bit picture id
        assert!(begins_keyframe(&[0x90, 0xF0, 0x85, 0x01, 0x02, 0x03, 0x50])); // all fields
        assert!(!begins_keyframe(&[0x90, 0xF0, 0x85, 0x01])); // cut short
        assert!(!begins_keyframe(&[]));
    }

    #[test]
    fn a_key_frame_tells_its_height() {
        let frame = [0x50, 0x12, 0x00, 0x9D, 0x01, 0x2A, 0x00, 0x05, 0xD0, 0x42];
        let packet = [&[0x90, 0xF0, 0x85, 0x01, 0x02, 0x03][..], &frame].concat();
        assert_eq!(picture_height(&packet), Some(720));
        assert_eq!(picture_height(&packet[..packet.len() - 1]), None);
        assert_eq!(picture_height(&[&[0x10][..], &frame].concat()), Some(720));
        assert_eq!(picture_height(&[&[0x00][..], &frame].concat()), None);
    }
}
