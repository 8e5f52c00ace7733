//! The RTP header, RFC 3550 §5.1.

pub const HEADER: usize = 12;

/// A parsed packet; `payload` excludes padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: &'a [u8],
}

/// RTCP shares the first two bits with RTP; its packet types are 192..=223 (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 8 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

/// None if it is not a valid RTP packet.
pub fn parse(datagram: &[u8]) -> Option<Packet<'_>> {
    if datagram.len() < HEADER || datagram[0] >> 6 != 2 {
        return None;
    }
    let mut start = HEADER + 4 * usize::from(datagram[0] & 0x0F);
    if datagram[0] & 0x10 != 0 {
        let words = u16::from_be_bytes([*datagram.get(start + 2)?, *datagram.get(start + 3)?]);
        start += 4 + 4 * usize::from(words);
    }
    let padding = if datagram[0] & 0x20 != 0 {
        usize::from(*datagram.last()?).max(1)
    } else {
        0
    };
    let end = datagram.len().checked_sub(padding)?;
    Some(Packet {
        marker: datagram[1] & 0x80 != 0,
        payload_type: datagram[1] & 0x7F,
        sequence: u16::from_be_bytes([datagram[2], datagram[3]]),
        timestamp: u32::from_be_bytes([datagram[4], datagram[5], datagram[6], datagram[7]]),
        ssrc: u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]),
        payload: datagram.get(start..end)?,
    })
}

/// Write header and payload into `out`; returns the length, or None if it does not fit.
pub fn write(packet: &Packet<'_>, out: &mut [u8]) -> Option<usize> {
    let length = HEADER + packet.payload.len();
    let out = out.get_mut(..length)?;
    out[..HEADER].copy_from_slice(&head(packet));
    out[HEADER..].copy_from_slice(packet.payload);
    Some(length)
}

/// What goes before the payload.
pub fn head(packet: &Packet<'_>) -> [u8; HEADER] {
    let mut head = [0; HEADER];
    head[0] = 0x80;
    head[1] = (u8::from(packet.marker) << 7) | packet.payload_type;
    head[2..4].copy_from_slice(&packet.sequence.to_be_bytes());
    head[4..8].copy_from_slice(&packet.timestamp.to_be_bytes());
    head[8..12].copy_from_slice(&packet.ssrc.to_be_bytes());
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Packet<'static> {
        Packet {
            marker: true,
            payload_type: 8,
            sequence: 65_535,
            timestamp: 7,
            ssrc: 9,
            payload: b"media",
        }
    }

    #[test]
    fn what_is_written_is_parsed_back() {
        let mut buffer = [0; 64];
        let length = write(&sample(), &mut buffer).unwrap();
        assert_eq!(parse(&buffer[..length]), Some(sample()));
        assert_eq!(write(&sample(), &mut buffer[..10]), None);
    }

    #[test]
    fn sources_extension_and_padding_are_skipped() {
        let mut datagram = vec![0xB1, 0x88, 0xFF, 0xFF, 0, 0, 0, 7, 0, 0, 0, 9];
        datagram.extend([0, 0, 0, 1]); // one contributing source
        datagram.extend([0xBE, 0xDE, 0, 1, 0x10, 0x20, 0, 0]); // extension of one word
        datagram.extend(b"media");
        datagram.extend([0, 0, 3]); // three bytes of padding
        assert_eq!(parse(&datagram), Some(sample()));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(parse(&[0x80; 11]), None);
        assert_eq!(parse(&[0x9F; 20]), None); // extension and sources beyond the end
        let mut padded = vec![0xA0; 12];
        padded.push(200); // more padding than packet
        assert_eq!(parse(&padded), None);
    }
}
