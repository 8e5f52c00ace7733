//! EBML (RFC 8794): element ids and sizes, written into a byte buffer and read from a stream.

use std::io::{self, Read};

pub(crate) mod id {
    pub const EBML: u32 = 0x1A45_DFA3;
    pub const EBML_VERSION: u32 = 0x4286;
    pub const EBML_READ_VERSION: u32 = 0x42F7;
    pub const EBML_MAX_ID_LENGTH: u32 = 0x42F2;
    pub const EBML_MAX_SIZE_LENGTH: u32 = 0x42F3;
    pub const DOC_TYPE: u32 = 0x4282;
    pub const DOC_TYPE_VERSION: u32 = 0x4287;
    pub const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const INFO: u32 = 0x1549_A966;
    pub const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub const DATE_UTC: u32 = 0x4461;
    pub const MUXING_APP: u32 = 0x4D80;
    pub const WRITING_APP: u32 = 0x5741;
    pub const DURATION: u32 = 0x4489;
    pub const VOID: u32 = 0xEC;
    pub const TRACKS: u32 = 0x1654_AE6B;
    pub const TRACK_ENTRY: u32 = 0xAE;
    pub const TRACK_NUMBER: u32 = 0xD7;
    pub const TRACK_UID: u32 = 0x73C5;
    pub const TRACK_TYPE: u32 = 0x83;
    pub const FLAG_LACING: u32 = 0x9C;
    pub const LANGUAGE: u32 = 0x22_B59C;
    pub const NAME: u32 = 0x536E;
    pub const CODEC_ID: u32 = 0x86;
    pub const CODEC_PRIVATE: u32 = 0x63A2;
    pub const CODEC_DELAY: u32 = 0x56AA;
    pub const SEEK_PRE_ROLL: u32 = 0x56BB;
    pub const AUDIO: u32 = 0xE1;
    pub const SAMPLING_FREQUENCY: u32 = 0xB5;
    pub const CHANNELS: u32 = 0x9F;
    pub const BIT_DEPTH: u32 = 0x6264;
    pub const VIDEO: u32 = 0xE0;
    pub const PIXEL_WIDTH: u32 = 0xB0;
    pub const PIXEL_HEIGHT: u32 = 0xBA;
    pub const CLUSTER: u32 = 0x1F43_B675;
    pub const TIMESTAMP: u32 = 0xE7;
    pub const SIMPLE_BLOCK: u32 = 0xA3;
    pub const BLOCK_GROUP: u32 = 0xA0;
    pub const BLOCK: u32 = 0xA1;
    pub const BLOCK_DURATION: u32 = 0x9B;
}

/// All size bits set: the element lasts until one of its parent's level begins (RFC 8794 §6.2).
const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

pub(crate) fn put_id(out: &mut Vec<u8>, id: u32) {
    let skip = id.leading_zeros() as usize / 8;
    out.extend(&id.to_be_bytes()[skip..]);
}

/// The shortest size field; a field of only ones would mean "unknown", hence the +1.
pub(crate) fn put_size(out: &mut Vec<u8>, size: u64) {
    let width = (1..8)
        .find(|width| size + 1 < 1 << (7 * width))
        .unwrap_or(8);
    let marked = size | 1 << (7 * width);
    out.extend(&marked.to_be_bytes()[8 - width..]);
}

pub(crate) fn put_unknown_size(out: &mut Vec<u8>, id: u32) {
    put_id(out, id);
    out.extend(UNKNOWN_SIZE);
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, id: u32, body: &[u8]) {
    put_id(out, id);
    put_size(out, body.len() as u64);
    out.extend(body);
}

pub(crate) fn put_uint(out: &mut Vec<u8>, id: u32, value: u64) {
    let skip = (value.leading_zeros() as usize / 8).min(7);
    put_bytes(out, id, &value.to_be_bytes()[skip..]);
}

pub(crate) fn put_float(out: &mut Vec<u8>, id: u32, value: f64) {
    put_bytes(out, id, &value.to_be_bytes());
}

/// An element of elements, whose size is known because its content is.
pub(crate) fn put_master(out: &mut Vec<u8>, id: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    put_bytes(out, id, &body);
}

/// An element's start: its id, its size (`None` if unknown) and the bytes the two took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub id: u32,
    pub size: Option<u64>,
    pub length: u64,
}

/// Read an element's start. `None` where the stream ends within it or no id begins: the end of what is whole.
pub(crate) fn read_head(input: &mut impl Read) -> io::Result<Option<Head>> {
    let Some((id, id_length)) = read_vint(input, 4)? else {
        return Ok(None);
    };
    let Some((marked, length)) = read_vint(input, 8)? else {
        return Ok(None);
    };
    let size = marked & !(1 << (7 * length));
    let unknown = size == (1 << (7 * length)) - 1;
    let size = if unknown { None } else { Some(size) };
    Ok(Some(Head {
        id: id as u32,
        size,
        length: id_length + length,
    }))
}

/// A variable-length integer with its length marker left in, and its length in bytes.
fn read_vint(input: &mut impl Read, longest: u32) -> io::Result<Option<(u64, u64)>> {
    let Some(first) = read_byte(input)? else {
        return Ok(None);
    };
    let length = first.leading_zeros() + 1;
    if length > longest {
        return Ok(None);
    }
    let mut value = u64::from(first);
    for _ in 1..length {
        match read_byte(input)? {
            Some(byte) => value = value << 8 | u64::from(byte),
            None => return Ok(None),
        }
    }
    Ok(Some((value, u64::from(length))))
}

fn read_byte(input: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    match input.read_exact(&mut byte) {
        Ok(()) => Ok(Some(byte[0])),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The elements inside a body that is whole; stops at the first that is not.
pub(crate) fn children(body: &[u8]) -> impl Iterator<Item = (u32, &[u8], usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let mut rest = body.get(at..)?;
        let head = read_head(&mut rest).ok()??;
        let start = at + head.length as usize;
        let end = start.checked_add(usize::try_from(head.size?).ok()?)?;
        let content = body.get(start..end)?;
        let offset = std::mem::replace(&mut at, end);
        Some((head.id, content, offset))
    })
}

pub(crate) fn uint(body: &[u8]) -> u64 {
    body.iter()
        .take(8)
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

pub(crate) fn float(body: &[u8]) -> f64 {
    match body.try_into().map(f64::from_be_bytes) {
        Ok(double) => double,
        Err(_) => body
            .try_into()
            .map_or(0.0, |single| f64::from(f32::from_be_bytes(single))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_every_width_read_back() {
        for size in [
            0,
            1,
            126,
            127,
            128,
            16_382,
            16_383,
            2_097_150,
            2_097_151,
            1 << 40,
        ] {
            let mut bytes = vec![0xEC];
            put_size(&mut bytes, size);
            let head = read_head(&mut bytes.as_slice()).unwrap().unwrap();
            assert_eq!(
                (head.id, head.size, head.length),
                (id::VOID, Some(size), bytes.len() as u64)
            );
        }
    }

    #[test]
    fn an_unknown_size_is_told_apart() {
        let mut bytes = Vec::new();
        put_unknown_size(&mut bytes, id::SEGMENT);
        let head = read_head(&mut bytes.as_slice()).unwrap().unwrap();
        assert_eq!((head.id, head.size, head.length), (id::SEGMENT, None, 12));
    }

    #[test]
    fn a_head_cut_anywhere_is_not_an_element() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, id::CLUSTER, &[0; 200]);
        for end in 0..6 {
            assert!(read_head(&mut &bytes[..end]).unwrap().is_none());
        }
        assert!(
            read_head(&mut [0u8; 16].as_slice()).unwrap().is_none(),
            "zeros begin no element"
        );
    }

    #[test]
    fn numbers_read_back() {
        for value in [0, 255, 256, u64::MAX] {
            let mut bytes = Vec::new();
            put_uint(&mut bytes, id::TIMESTAMP, value);
            let (_, body, _) = children(&bytes).next().unwrap();
            assert_eq!(uint(body), value);
        }
        assert_eq!(float(&1.5f64.to_be_bytes()), 1.5);
        assert_eq!(float(&1.5f32.to_be_bytes()), 1.5);
        assert_eq!(float(&[1]), 0.0);
    }
}
