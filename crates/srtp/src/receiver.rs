//! From SRTP to RTP, from SRTCP to RTCP.

use std::fmt;

use crate::cipher::Cipher;
use crate::error::{BadKey, Refused};
use crate::key::MasterKey;
use crate::packet::{self, RtpHeader};
use crate::streams::Streams;
use crate::window::Window;

/// Longest packet of an unknown SSRC for which a second roll-over counter is tried; a media datagram is no longer.
const MAX_TRIED: usize = 2_048;

/// Checks and decrypts what a peer sends under one master key.
///
/// An SSRC is remembered only after a packet of it proved true, so forged ones cost no memory.
pub struct Receiver {
    cipher: Cipher,
    rtp: Streams<Window>,
    rtcp: Streams<Window>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}

impl Receiver {
    pub fn new(master: &MasterKey) -> Result<Receiver, BadKey> {
        Ok(Receiver {
            cipher: Cipher::new(master)?,
            rtp: Streams::new(),
            rtcp: Streams::new(),
        })
    }

    /// Read what the next RTP packet is judged by, so that it is in the processor's cache when the packet comes.
    pub fn touch(&self) {
        self.rtp.touch();
    }

    /// Unprotect an SRTP packet in place; returns the length of the RTP packet.
    pub fn unprotect_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let header = packet::rtp_header(packet)?;
        let Some(window) = self.rtp.get(header.ssrc) else {
            return self.meet(header, packet);
        };
        let index = window.estimate(header.sequence).ok_or(Refused::Replayed)?;
        window.check(index)?;
        let length = self.cipher.open_rtp(header, index, packet)?;
        window.accept(index);
        Ok(length)
    }

    /// The first packet of an SSRC: its roll-over counter is 0, or 1 if those before the wrap were all lost.
    fn meet(&mut self, header: RtpHeader, packet: &mut [u8]) -> Result<usize, Refused> {
        let first = u64::from(header.sequence);
        let (index, length) = if first < 1 << 15 && packet.len() <= MAX_TRIED {
            let mut kept = [0; MAX_TRIED]; // GCM leaves nothing of a packet that it refuses
            let kept = &mut kept[..packet.len()];
            kept.copy_from_slice(packet);
            match self.cipher.open_rtp(header, first, packet) {
                Ok(length) => (first, length),
                Err(_) => {
                    packet.copy_from_slice(kept);
                    let wrapped = first + (1 << 16);
                    (wrapped, self.cipher.open_rtp(header, wrapped, packet)?)
                }
            }
        } else {
            (first, self.cipher.open_rtp(header, first, packet)?)
        };
        self.rtp.add(header.ssrc, Window::from(index));
        Ok(length)
    }

    /// Unprotect an SRTCP packet in place; returns the length of the RTCP packet.
    pub fn unprotect_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let ssrc = packet::rtcp_ssrc(packet)?;
        let index = self.cipher.rtcp_index(packet)?;
        let known = self.rtcp.get(ssrc);
        if let Some(window) = &known {
            window.check(index.into())?;
        }
        let length = self.cipher.open_rtcp(ssrc, index, packet)?;
        match known {
            Some(window) => window.accept(index.into()),
            None => self.rtcp.add(ssrc, Window::from(index.into())),
        }
        Ok(length)
    }
}
