//! The session keys of one direction, behind the choice of profile.

use crate::counter_mode::{CounterMode, RTCP_TAG};
use crate::error::{BadKey, Refused};
use crate::gcm::{self, Gcm};
use crate::key::{Label, MasterKey};
use crate::packet::{RtpHeader, ENCRYPTED, INDEX_WORD};

/// Keys for RTP and for RTCP.
pub(crate) enum Cipher {
    Gcm { rtp: Gcm, rtcp: Gcm },
    CounterMode(Box<CounterModes>),
}

pub(crate) struct CounterModes {
    rtp: CounterMode,
    rtcp: CounterMode,
    /// Of RTP.
    tag: usize,
}

impl Cipher {
    pub fn new(master: &MasterKey) -> Result<Cipher, BadKey> {
        use Label::{RtcpAuth, RtcpKey, RtcpSalt, RtpAuth, RtpKey, RtpSalt};
        let tag = master.profile().rtp_tag_length();
        if tag == gcm::TAG {
            return Ok(Cipher::Gcm {
                rtp: Gcm::new(master, RtpKey, RtpSalt)?,
                rtcp: Gcm::new(master, RtcpKey, RtcpSalt)?,
            });
        }
        Ok(Cipher::CounterMode(Box::new(CounterModes {
            rtp: CounterMode::new(master, RtpKey, RtpAuth, RtpSalt)?,
            rtcp: CounterMode::new(master, RtcpKey, RtcpAuth, RtcpSalt)?,
            tag,
        })))
    }

    pub fn seal_rtp(
        &self,
        header: RtpHeader,
        index: u64,
        buffer: &mut [u8],
        length: usize,
    ) -> Result<usize, Refused> {
        let (ssrc, head) = (header.ssrc, header.length);
        match self {
            Cipher::Gcm { rtp, .. } => rtp.seal_rtp(ssrc, index, head, buffer, length),
            Cipher::CounterMode(modes) => modes
                .rtp
                .seal_rtp(ssrc, index, head, buffer, length, modes.tag),
        }
    }

    pub fn open_rtp(
        &self,
        header: RtpHeader,
        index: u64,
        packet: &mut [u8],
    ) -> Result<usize, Refused> {
        let (ssrc, head) = (header.ssrc, header.length);
        match self {
            Cipher::Gcm { rtp, .. } => rtp.open_rtp(ssrc, index, head, packet),
            Cipher::CounterMode(modes) => modes.rtp.open_rtp(ssrc, index, head, packet, modes.tag),
        }
    }

    pub fn seal_rtcp(
        &self,
        ssrc: u32,
        index: u32,
        buffer: &mut [u8],
        length: usize,
    ) -> Result<usize, Refused> {
        match self {
            Cipher::Gcm { rtcp, .. } => rtcp.seal_rtcp(ssrc, index, buffer, length),
            Cipher::CounterMode(modes) => modes.rtcp.seal_rtcp(ssrc, index, buffer, length),
        }
    }

    /// The index that an SRTCP packet claims; refused unless it says that it is encrypted, as we agree always.
    pub fn rtcp_index(&self, packet: &[u8]) -> Result<u32, Refused> {
        // RFC 7714 §9.2 puts the word behind the tag, RFC 3711 §3.4 before it.
        let behind = match self {
            Cipher::Gcm { .. } => 0,
            Cipher::CounterMode(_) => RTCP_TAG,
        };
        let end = packet.len().checked_sub(behind).ok_or(Refused::Malformed)?;
        let word: &[u8; INDEX_WORD] = packet[..end].last_chunk().ok_or(Refused::Malformed)?;
        let word = u32::from_be_bytes(*word);
        if word & ENCRYPTED == 0 {
            return Err(Refused::Forged);
        }
        Ok(word & !ENCRYPTED)
    }

    pub fn open_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Result<usize, Refused> {
        match self {
            Cipher::Gcm { rtcp, .. } => {
                let end = packet
                    .len()
                    .checked_sub(INDEX_WORD)
                    .ok_or(Refused::Malformed)?;
                rtcp.open_rtcp(ssrc, index, &mut packet[..end])
            }
            Cipher::CounterMode(modes) => modes.rtcp.open_rtcp(ssrc, index, packet),
        }
    }
}
