//! What a switch must know of VP8: where a key frame begins (RFC 7741 §4.2 and §4.3).

/// Whether this packet begins a key frame.
pub fn begins_keyframe(payload: &[u8]) -> bool {
    frame_start(payload).is_some_and(|header| header & 1 == 0)
}

/// The first byte of the frame header, if the packet begins a frame.
fn frame_start(payload: &[u8]) -> Option<u8> {
    let &descriptor = payload.first()?;
    let (extended, starts, partition) = (
        descriptor & 0x80 != 0,
        descriptor & 0x10 != 0,
        descriptor & 0x07,
    );
    if !starts || partition != 0 {
        return None;
    }
    let mut at = 1;
    if extended {
        let &flags = payload.get(at)?;
        at += 1;
        if flags & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 }; // a picture id of 15 or 7 bits
        }
        at += usize::from(flags & 0x40 != 0); // TL0PICIDX
        at += usize::from(flags & 0x30 != 0); // TID and KEYIDX share a byte
    }
    payload.get(at).copied()
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
}
