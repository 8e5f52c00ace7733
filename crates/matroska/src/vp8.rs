//! VP8 over RTP (RFC 7741): frames out of packets in order.

use std::mem;

/// No frame of a call is larger; more can only be a stream without frame ends.
const MAX_FRAME: usize = 4 << 20;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub width: u16,
    pub height: u16,
}

/// The picture size if `frame` is a key frame (RFC 6386 §9.1).
pub(crate) fn key_frame(frame: &[u8]) -> Option<Picture> {
    let header = frame.get(..10)?;
    if header[0] & 1 != 0 || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let size = |low: u8, high: u8| u16::from_le_bytes([low, high]) & 0x3fff; // the two upper bits scale
    let picture = Picture {
        width: size(header[6], header[7]),
        height: size(header[8], header[9]),
    };
    (picture.width > 0 && picture.height > 0).then_some(picture)
}

#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    begins_frame: bool,
    data: &'a [u8],
}

/// Take the payload descriptor off (RFC 7741 §4.2).
fn part(payload: &[u8]) -> Option<Part<'_>> {
    let (&required, mut rest) = payload.split_first()?;
    if required & 0x80 != 0 {
        rest = without_extension(rest)?;
    }
    let begins_frame = required & 0x10 != 0 && required & 0x07 == 0; // S, partition index 0
    (!rest.is_empty()).then_some(Part {
        begins_frame,
        data: rest,
    })
}

/// The bytes that X announces: I (picture id of one or two bytes), L, and T or K together.
fn without_extension(payload: &[u8]) -> Option<&[u8]> {
    let (&extension, mut rest) = payload.split_first()?;
    if extension & 0x80 != 0 {
        let long = *rest.first()? & 0x80 != 0;
        rest = rest.get(if long { 2 } else { 1 }..)?;
    }
    if extension & 0x40 != 0 {
        rest = rest.get(1..)?;
    }
    if extension & 0x30 != 0 {
        rest = rest.get(1..)?;
    }
    Some(rest)
}

/// Joins the parts of frames. A frame of which a packet is missing is dropped whole.
#[derive(Default)]
pub(crate) struct Assembler {
    /// Timestamp, place and bytes of the frame that is growing.
    growing: Option<(i64, i64, Vec<u8>)>,
    /// Whole frames with their place; whoever calls takes them.
    pub frames: Vec<(i64, Vec<u8>)>,
    /// A frame was dropped since this was last cleared.
    pub damaged: bool,
}

impl Assembler {
    /// A packet is missing before the next one.
    pub fn interrupt(&mut self) {
        self.growing = None;
        self.damaged = true;
    }

    pub fn push(&mut self, position: i64, timestamp: i64, marker: bool, payload: &[u8]) {
        let Some(part) = part(payload) else {
            return self.interrupt();
        };
        if part.begins_frame {
            self.complete(); // a frame of another timestamp that came without its marker
            self.growing = Some((timestamp, position, Vec::new()));
        }
        match &mut self.growing {
            Some((growing, _, bytes)) if *growing == timestamp && bytes.len() < MAX_FRAME => {
                bytes.extend(part.data);
            }
            _ => return self.interrupt(),
        }
        if marker {
            self.complete();
        }
    }

    fn complete(&mut self) {
        if let Some((_, position, bytes)) = mem::take(&mut self.growing) {
            self.frames.push((position, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(packets: &[(i64, bool, &[u8])]) -> Vec<Vec<u8>> {
        let mut assembler = Assembler::default();
        for (timestamp, marker, payload) in packets {
            assembler.push(*timestamp, *timestamp, *marker, payload);
        }
        assembler
            .frames
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect()
    }

    #[test]
    fn parts_of_one_timestamp_make_a_frame() {
        let got = frames(&[
            (1, false, &[0x10, 1, 2]),
            (1, false, &[0x00, 3]),
            (1, true, &[0x11, 4]),
        ]);
        assert_eq!(
            got,
            [[1, 2, 3, 4]],
            "a later partition's start does not begin a frame"
        );
    }

    #[test]
    fn a_frame_without_marker_ends_where_the_next_begins() {
        assert_eq!(
            frames(&[(1, false, &[0x10, 1]), (2, true, &[0x10, 2])]),
            [[1], [2]]
        );
    }

    #[test]
    fn a_frame_without_its_start_is_dropped() {
        assert_eq!(
            frames(&[(1, true, &[0x00, 1]), (2, true, &[0x10, 2])]),
            [[2]]
        );
    }

    #[test]
    fn an_interrupted_frame_is_dropped() {
        let mut assembler = Assembler::default();
        assembler.push(1, 1, false, &[0x10, 1]);
        assembler.interrupt();
        assembler.push(1, 1, true, &[0x00, 3]);
        assert!(assembler.frames.is_empty() && assembler.damaged);
    }

    #[test]
    fn every_form_of_the_descriptor_is_taken_off() {
        let data = |payload| part(payload).map(|part| part.data);
        assert_eq!(data(&[0x10, 9]), Some(&[9u8][..]));
        assert_eq!(
            data(&[0x90, 0x80, 0x11, 9]),
            Some(&[9u8][..]),
            "short picture id"
        );
        assert_eq!(
            data(&[0x90, 0x80, 0x91, 0x22, 9]),
            Some(&[9u8][..]),
            "long picture id"
        );
        assert_eq!(
            data(&[0x90, 0xf0, 0x91, 0x22, 1, 2, 9]),
            Some(&[9u8][..]),
            "all of it"
        );
        assert_eq!(data(&[0x90, 0x20, 2, 9]), Some(&[9u8][..]), "T without L");
        for cut in 0..6 {
            assert_eq!(
                data(&[0x90, 0xf0, 0x91, 0x22, 1, 2][..cut]),
                None,
                "{cut} bytes"
            );
        }
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        let frame = [0x50, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0x01, 0];
        assert_eq!(
            key_frame(&frame),
            Some(Picture {
                width: 640,
                height: 480
            })
        );
        assert_eq!(key_frame(&frame[..9]), None);
        assert_eq!(key_frame(&[0x51; 20]), None);
    }
}
