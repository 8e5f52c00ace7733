//! AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1).

use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use crate::error::{BadKey, Refused};
use crate::key::{counter_key, Label, MasterKey};
use crate::packet::{put, ENCRYPTED, INDEX_WORD, RTCP_HEADER};

/// SRTCP always takes the long tag (RFC 3711 §5.2, RFC 4568 §6.2.2).
pub(crate) const RTCP_TAG: usize = 10;
const MAX_TAG: usize = 10;

/// One direction of RTP, or of RTCP.
pub(crate) struct CounterMode {
    key: EncryptingKey,
    salt: Zeroizing<[u8; 14]>,
    auth: hmac::Key,
}

impl CounterMode {
    pub fn new(
        master: &MasterKey,
        key: Label,
        auth: Label,
        salt: Label,
    ) -> Result<CounterMode, BadKey> {
        let auth = master.derive::<20>(auth)?;
        Ok(CounterMode {
            key: counter_key(&*master.derive::<16>(key)?)?,
            salt: master.derive(salt)?,
            auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &*auth),
        })
    }

    fn crypt(&self, ssrc: u32, index: u64, text: &mut [u8]) -> Result<(), Refused> {
        let mut iv = (u128::from(ssrc) << 64 | u128::from(index) << 16).to_be_bytes();
        iv.iter_mut()
            .zip(self.salt.iter())
            .for_each(|(byte, salt)| *byte ^= salt);
        self.key
            .less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map_err(|_| Refused::Malformed)?;
        Ok(())
    }

    /// Encrypt `buffer[header..length]` and put a tag of `tag` bytes behind it; returns the new length.
    pub fn seal_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header: usize,
        buffer: &mut [u8],
        length: usize,
        tag: usize,
    ) -> Result<usize, Refused> {
        if buffer.len() < length + tag {
            return Err(Refused::NoRoom);
        }
        self.crypt(ssrc, index, &mut buffer[header..length])?;
        // The roll-over counter is authenticated behind the packet (§4.2), where the tag will be.
        let roll_over = ((index >> 16) as u32).to_be_bytes();
        put(buffer, length, &roll_over)?;
        let whole = hmac::sign(&self.auth, &buffer[..length + roll_over.len()]);
        put(buffer, length, &whole.as_ref()[..tag])?;
        Ok(length + tag)
    }

    /// Check and decrypt; returns the length without the tag. A forged packet stays as it is.
    pub fn open_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header: usize,
        packet: &mut [u8],
        tag: usize,
    ) -> Result<usize, Refused> {
        let length = packet.len().checked_sub(tag).ok_or(Refused::Malformed)?;
        if header > length {
            return Err(Refused::Malformed);
        }
        let mut theirs = [0; MAX_TAG];
        theirs[..tag].copy_from_slice(&packet[length..]);
        let roll_over = ((index >> 16) as u32).to_be_bytes();
        put(packet, length, &roll_over)?;
        let ours = hmac::sign(&self.auth, &packet[..length + roll_over.len()]);
        put(packet, length, &theirs[..tag])?;
        verify_slices_are_equal(&ours.as_ref()[..tag], &theirs[..tag])
            .map_err(|_| Refused::Forged)?;
        self.crypt(ssrc, index, &mut packet[header..length])?;
        Ok(length)
    }

    pub fn seal_rtcp(
        &self,
        ssrc: u32,
        index: u32,
        buffer: &mut [u8],
        length: usize,
    ) -> Result<usize, Refused> {
        if buffer.len() < length + INDEX_WORD + RTCP_TAG {
            return Err(Refused::NoRoom);
        }
        self.crypt(ssrc, index.into(), &mut buffer[RTCP_HEADER..length])?;
        put(buffer, length, &(ENCRYPTED | index).to_be_bytes())?;
        let tag = hmac::sign(&self.auth, &buffer[..length + INDEX_WORD]);
        put(buffer, length + INDEX_WORD, &tag.as_ref()[..RTCP_TAG])?;
        Ok(length + INDEX_WORD + RTCP_TAG)
    }

    /// `packet` with its index word and tag.
    pub fn open_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Result<usize, Refused> {
        let (signed, theirs) = packet
            .split_last_chunk::<RTCP_TAG>()
            .ok_or(Refused::Malformed)?;
        let length = signed
            .len()
            .checked_sub(INDEX_WORD)
            .filter(|&length| length >= RTCP_HEADER)
            .ok_or(Refused::Malformed)?;
        let ours = hmac::sign(&self.auth, signed);
        verify_slices_are_equal(&ours.as_ref()[..RTCP_TAG], theirs).map_err(|_| Refused::Forged)?;
        self.crypt(ssrc, index.into(), &mut packet[RTCP_HEADER..length])?;
        Ok(length)
    }
}
