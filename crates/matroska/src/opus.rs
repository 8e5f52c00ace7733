//! What a recorder must know of Opus: how long a packet lasts, and what silence looks like. Ticks are 1/48000 s.

/// The shortest frame, 2.5 ms; every packet's duration is a multiple of it.
pub(crate) const SHORTEST: i64 = 120;
/// RFC 6716 §3.4 R5: a packet lasts at most 120 ms.
const LONGEST: i64 = 5760;
const FRAME_20_MS: i64 = 960;
/// A CELT frame whose first bit says "silence".
const SILENT_FRAME: [u8; 2] = [0xff, 0xfe];

/// OpusHead (RFC 7845 §5.1): version 1, pre-skip 0 since a stream joined by RTP has none, mapping family 0.
pub(crate) fn head(channels: u8) -> Vec<u8> {
    let mut out = b"OpusHead".to_vec();
    out.extend([1, channels]);
    out.extend(0u16.to_le_bytes()); // pre-skip
    out.extend(48_000u32.to_le_bytes());
    out.extend(0u16.to_le_bytes()); // output gain
    out.push(0); // mapping family
    out
}

/// Ticks a packet lasts by its TOC (RFC 6716 §3.1, §3.2); `None` if it is malformed by the rules of §3.4.
pub(crate) fn duration(packet: &[u8]) -> Option<i64> {
    let (&toc, rest) = packet.split_first()?;
    let frames = frame_count(toc, rest)?;
    let total = frame_ticks(toc) * frames;
    (total <= LONGEST).then_some(total)
}

/// RFC 6716 table 2: SILK 10..60 ms, hybrid 10 or 20 ms, CELT 2.5..20 ms.
fn frame_ticks(toc: u8) -> i64 {
    let config = toc >> 3;
    match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => SHORTEST << (config & 3),
    }
}

/// The number of frames, if the packet's lengths agree with it.
fn frame_count(toc: u8, rest: &[u8]) -> Option<i64> {
    match toc & 3 {
        0 => fits(rest.len()).then_some(1),
        1 => (rest.len().is_multiple_of(2) && fits(rest.len() / 2)).then_some(2),
        2 => {
            let (first, used) = frame_length(rest)?;
            let second = rest.len().checked_sub(used + first)?;
            fits(second).then_some(2)
        }
        _ => many_frames(rest),
    }
}

/// Code 3 (§3.2.5): a frame count byte, padding, then equal or separately sized frames.
fn many_frames(rest: &[u8]) -> Option<i64> {
    let (&header, mut rest) = rest.split_first()?;
    let count = usize::from(header & 0x3f);
    if count == 0 {
        return None;
    }
    if header & 0x40 != 0 {
        rest = without_padding(rest)?;
    }
    if header & 0x80 == 0 {
        return (rest.len().is_multiple_of(count) && fits(rest.len() / count))
            .then_some(count as i64);
    }
    let mut sized = 0;
    for _ in 1..count {
        let (length, used) = frame_length(rest)?;
        sized += length;
        rest = rest.get(used..)?;
    }
    let last = rest.len().checked_sub(sized)?;
    fits(last).then_some(count as i64)
}

/// §3.2.5: each 255 means 254 bytes of padding and another length byte.
fn without_padding(mut rest: &[u8]) -> Option<&[u8]> {
    let mut padding = 0;
    loop {
        let (&length, after) = rest.split_first()?;
        rest = after;
        if length < 255 {
            padding += usize::from(length);
            break;
        }
        padding += 254;
    }
    rest.get(..rest.len().checked_sub(padding)?)
}

/// §3.2.1: one byte up to 251, else two.
fn frame_length(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.first()? {
        short @ 0..=251 => Some((usize::from(short), 1)),
        long => Some((usize::from(*bytes.get(1)?) * 4 + usize::from(long), 2)),
    }
}

/// §3.4 R2: no frame is longer than 1275 bytes.
fn fits(length: usize) -> bool {
    length <= 1275
}

/// A packet of silence of at most `ticks` and how long it lasts; `None` if less than 2.5 ms is asked.
pub(crate) fn silence(ticks: i64) -> Option<(Vec<u8>, i64)> {
    if ticks >= FRAME_20_MS {
        let frames = (ticks / FRAME_20_MS).min(LONGEST / FRAME_20_MS);
        return Some((silent_frames(frames as u8), frames * FRAME_20_MS));
    }
    let (toc, lasts) = match ticks {
        480.. => (0xf0, 480),
        240.. => (0xe8, 240),
        SHORTEST.. => (0xe0, SHORTEST),
        _ => return None,
    };
    Some((vec![toc, SILENT_FRAME[0], SILENT_FRAME[1]], lasts))
}

/// 20 ms frames of full-band CELT: F8 FF FE alone, several of them as code 3.
fn silent_frames(count: u8) -> Vec<u8> {
    if count == 1 {
        return vec![0xf8, SILENT_FRAME[0], SILENT_FRAME[1]];
    }
    let mut packet = vec![0xfb, count];
    for _ in 0..count {
        packet.extend(SILENT_FRAME);
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toc_tells_the_duration_of_every_configuration() {
        let ms = |config: u8| duration(&[config << 3, 0]).map(|ticks| ticks as f64 / 48.0);
        let silk = [10.0, 20.0, 40.0, 60.0];
        for config in 0..12 {
            assert_eq!(ms(config), Some(silk[usize::from(config % 4)]));
        }
        for config in 12..16 {
            assert_eq!(ms(config), Some([10.0, 20.0][usize::from(config % 2)]));
        }
        for config in 16..32 {
            assert_eq!(
                ms(config),
                Some([2.5, 5.0, 10.0, 20.0][usize::from(config % 4)])
            );
        }
    }

    #[test]
    fn packets_that_break_the_length_rules_last_no_time() {
        assert_eq!(duration(&[]), None);
        assert_eq!(
            duration(&[0xf9, 1, 2, 3]),
            None,
            "two equal frames of 1.5 bytes"
        );
        assert_eq!(duration(&[0xfa]), None, "no length of the first frame");
        assert_eq!(
            duration(&[0xfa, 9, 1]),
            None,
            "first frame longer than the packet"
        );
        assert_eq!(duration(&[0xfb]), None, "no frame count");
        assert_eq!(duration(&[0xfb, 0]), None, "no frame");
        assert_eq!(duration(&[0xfb, 7]), None, "140 ms");
        assert_eq!(duration(&[0xfb, 0x41, 9]), None, "more padding than packet");
        assert_eq!(duration(&[0xfb, 0x41]), None, "padding without length");
        assert_eq!(duration(&vec![0xf8; 1277]), None, "a frame of 1276 bytes");
    }

    #[test]
    fn separately_sized_frames_and_padding_are_counted() {
        assert_eq!(duration(&[0xfb, 0x83, 1, 2, 7, 7, 7, 7]), Some(2880));
        assert_eq!(duration(&[0xfb, 0x42, 2, 1, 1, 0, 0]), Some(1920));
        assert_eq!(duration(&[0xfa, 1, 5, 5]), Some(1920));
    }

    #[test]
    fn silence_fills_any_multiple_of_the_shortest_frame() {
        let mut left = 48_000 + 120 * 7;
        while let Some((packet, lasts)) = silence(left) {
            assert_eq!(duration(&packet), Some(lasts));
            left -= lasts;
        }
        assert_eq!(left, 0);
    }
}
