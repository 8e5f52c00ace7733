//! What a person sends: packets of the size of Opus, pictures of the size of a camera's, each with its number and time.

const MAGIC: [u8; 4] = *b"load";
/// Opus, 20 ms, full band, one frame (RFC 6716 §3.1), and a size as of some 24 kbit/s.
const OPUS_TOC: u8 = 0x78;
const OPUS_BYTES: usize = 80;
/// 30 pictures a second of 5 packets: 1.2 Mbit/s.
const VIDEO_BYTES: usize = 1000;
const PACKETS_A_FRAME: u32 = 5;
/// Behind the longest head, that of a key frame.
const STAMP_AT: usize = 12;
const STAMP: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
}

impl Kind {
    pub fn period_ns(self) -> u64 {
        match self {
            Kind::Audio => 20_000_000,
            Kind::Video => 33_333_333,
        }
    }

    /// Packets due at once, each period.
    pub fn packets(self) -> u32 {
        match self {
            Kind::Audio => 1,
            Kind::Video => PACKETS_A_FRAME,
        }
    }

    /// RTP units a period.
    pub fn ticks(self) -> u32 {
        match self {
            Kind::Audio => 960,
            Kind::Video => 3000,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Kind::Audio => OPUS_BYTES,
            Kind::Video => VIDEO_BYTES,
        }
    }
}

/// Who sent a packet, as its how-manieth of the kind, and when (ns of CLOCK_REALTIME).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub kind: Kind,
    pub sender: u32,
    pub number: u32,
    pub sent_ns: u64,
}

/// An RTP payload that carries the stamp.
pub fn payload(stamp: Stamp, keyframe: bool) -> Vec<u8> {
    let mut bytes = vec![0x55; stamp.kind.bytes()];
    match stamp.kind {
        Kind::Audio => bytes[0] = OPUS_TOC,
        Kind::Video => picture_head(
            &mut bytes,
            stamp.number.is_multiple_of(PACKETS_A_FRAME),
            keyframe,
        ),
    }
    let into = &mut bytes[STAMP_AT..STAMP_AT + STAMP];
    into[..4].copy_from_slice(&MAGIC);
    into[4..8].copy_from_slice(&u32::from(stamp.kind == Kind::Video).to_be_bytes());
    into[8..12].copy_from_slice(&stamp.sender.to_be_bytes());
    into[12..16].copy_from_slice(&stamp.number.to_be_bytes());
    into[16..24].copy_from_slice(&stamp.sent_ns.to_be_bytes());
    bytes
}

/// VP8's payload descriptor (RFC 7741 §4.2) and the head of the picture behind it (RFC 6386 §9.1): 640 x 480.
fn picture_head(bytes: &mut [u8], first: bool, keyframe: bool) {
    bytes[0] = if first { 0x10 } else { 0 };
    if first && keyframe {
        bytes[1..11].copy_from_slice(&[0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01]);
    } else if first {
        bytes[1] = 0x11;
    }
}

/// None if the payload is none of ours, or altered.
pub fn stamp_of(payload: &[u8]) -> Option<Stamp> {
    let (magic, stamp) = payload
        .get(STAMP_AT..STAMP_AT + STAMP)?
        .split_first_chunk::<4>()?;
    let number =
        |at: usize| u32::from_be_bytes([stamp[at], stamp[at + 1], stamp[at + 2], stamp[at + 3]]);
    let kind = match number(0) {
        0 => Kind::Audio,
        1 => Kind::Video,
        _ => return None,
    };
    (*magic == MAGIC && payload.len() == kind.bytes()).then(|| Stamp {
        kind,
        sender: number(4),
        number: number(8),
        sent_ns: u64::from(number(12)) << 32 | u64::from(number(16)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(kind: Kind, number: u32) -> Stamp {
        Stamp {
            kind,
            sender: 7,
            number,
            sent_ns: 1_700_000_000_123_456_789,
        }
    }

    #[test]
    fn a_payload_tells_its_stamp() {
        for (kind, number) in [(Kind::Audio, 70_000), (Kind::Video, 5), (Kind::Video, 6)] {
            let bytes = payload(stamp(kind, number), true);
            assert_eq!(stamp_of(&bytes), Some(stamp(kind, number)));
        }
    }

    #[test]
    fn a_payload_cut_or_altered_is_none_of_ours() {
        let mut bytes = payload(stamp(Kind::Audio, 1), false);
        assert_eq!(stamp_of(&bytes[..bytes.len() - 1]), None);
        bytes[STAMP_AT] ^= 1;
        assert_eq!(stamp_of(&bytes), None);
    }

    #[test]
    fn a_key_frame_begins_as_vp8_does() {
        let bytes = payload(stamp(Kind::Video, 10), true);
        assert_eq!(bytes[0], 0x10); // S, partition 0
        assert_eq!(bytes[1] & 1, 0); // key frame
        assert_eq!(bytes[4..7], [0x9D, 0x01, 0x2A]);
    }
}
