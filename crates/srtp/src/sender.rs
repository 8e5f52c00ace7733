//! From RTP to SRTP, from RTCP to SRTCP.

use std::fmt;

use crate::cipher::Cipher;
use crate::error::{BadKey, Refused};
use crate::key::MasterKey;
use crate::packet::{self, RtpHeader};
use crate::streams::Streams;
use crate::window::Window;

/// The last index of RTP that a key may protect (RFC 3711 §9.2).
const LAST_RTP_INDEX: u64 = (1 << 48) - 1;
const LAST_RTCP_INDEX: u32 = (1 << 31) - 1;

/// Protects what we send under one master key.
pub struct Sender {
    cipher: Cipher,
    rtp: Streams<Window>,
    /// The next index of each SSRC.
    rtcp: Streams<u32>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl Sender {
    pub fn new(master: &MasterKey) -> Result<Sender, BadKey> {
        Ok(Sender {
            cipher: Cipher::new(master)?,
            rtp: Streams::new(),
            rtcp: Streams::new(),
        })
    }

    /// Read what the next RTP packet is judged by, so that it is in the processor's cache when the packet comes.
    pub fn touch(&self) {
        self.rtp.touch();
    }

    /// Protect the RTP packet `buffer[..length]` in place; returns its new length.
    ///
    /// A sequence number is protected once: under a second packet of the same index, whoever listens could tell the
    /// key stream of both (RFC 3711 §9.1).
    pub fn protect_rtp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refused> {
        let header = packet::rtp_header(buffer.get(..length).ok_or(Refused::NoRoom)?)?;
        let index = self.next_rtp_index(header)?;
        self.cipher.seal_rtp(header, index, buffer, length)
    }

    fn next_rtp_index(&mut self, header: RtpHeader) -> Result<u64, Refused> {
        let is_full = self.rtp.is_full();
        let Some(window) = self.rtp.get(header.ssrc) else {
            // An SSRC that was forgotten would begin at roll-over counter 0 again, and use indices twice.
            if is_full {
                return Err(Refused::Exhausted);
            }
            let first = u64::from(header.sequence);
            self.rtp.add(header.ssrc, Window::from(first));
            return Ok(first);
        };
        let index = window.estimate(header.sequence).ok_or(Refused::Replayed)?;
        window.check(index)?;
        if index > LAST_RTP_INDEX {
            return Err(Refused::Exhausted);
        }
        window.accept(index);
        Ok(index)
    }

    /// Protect the RTCP packet `buffer[..length]` in place; returns its new length.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Refused> {
        let ssrc = packet::rtcp_ssrc(buffer.get(..length).ok_or(Refused::NoRoom)?)?;
        if self.rtcp.get(ssrc).is_none() {
            if self.rtcp.is_full() {
                return Err(Refused::Exhausted);
            }
            self.rtcp.add(ssrc, 0);
        }
        let next = self.rtcp.get(ssrc).ok_or(Refused::Malformed)?;
        let index = *next;
        if index > LAST_RTCP_INDEX {
            return Err(Refused::Exhausted);
        }
        *next += 1;
        self.cipher.seal_rtcp(ssrc, index, buffer, length)
    }
}
