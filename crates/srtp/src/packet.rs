//! What SRTP must know of a packet: where its header ends, and whose it is.

use crate::error::Refused;

const RTP_FIXED: usize = 12;
/// The part of RTCP that stays readable (RFC 3711 §3.4).
pub(crate) const RTCP_HEADER: usize = 8;
/// The word behind an SRTCP packet: whether it is encrypted, and its index.
pub(crate) const INDEX_WORD: usize = 4;
pub(crate) const ENCRYPTED: u32 = 1 << 31;

/// The readable part of an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RtpHeader {
    pub ssrc: u32,
    pub sequence: u16,
    /// With its contributing sources and extension (RFC 3550 §5.1, §5.3.1).
    pub length: usize,
}

pub(crate) fn rtp_header(packet: &[u8]) -> Result<RtpHeader, Refused> {
    let fixed: &[u8; RTP_FIXED] = packet.first_chunk().ok_or(Refused::Malformed)?;
    if fixed[0] >> 6 != 2 {
        return Err(Refused::Malformed);
    }
    let mut length = RTP_FIXED + 4 * usize::from(fixed[0] & 0x0F);
    if fixed[0] & 0x10 != 0 {
        let extension = packet.get(length..length + 4).ok_or(Refused::Malformed)?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
    }
    if length > packet.len() {
        return Err(Refused::Malformed);
    }
    Ok(RtpHeader {
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        length,
    })
}

/// The SSRC that an RTCP packet is from.
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Result<u32, Refused> {
    let header: &[u8; RTCP_HEADER] = packet.first_chunk().ok_or(Refused::Malformed)?;
    if header[0] >> 6 != 2 {
        return Err(Refused::Malformed);
    }
    Ok(u32::from_be_bytes([
        header[4], header[5], header[6], header[7],
    ]))
}

pub(crate) fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), Refused> {
    buffer
        .get_mut(at..at + bytes.len())
        .ok_or(Refused::NoRoom)?
        .copy_from_slice(bytes);
    Ok(())
}
