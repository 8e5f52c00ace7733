//! AES-GCM for SRTP and SRTCP (RFC 7714).

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::{BadKey, Refused};
use crate::key::{Label, MasterKey};
use crate::packet::{put, ENCRYPTED, INDEX_WORD, RTCP_HEADER};

pub(crate) const TAG: usize = 16;

/// One direction of RTP, or of RTCP.
pub(crate) struct Gcm {
    key: LessSafeKey,
    salt: Zeroizing<[u8; 12]>,
}

impl Gcm {
    pub fn new(master: &MasterKey, key: Label, salt: Label) -> Result<Gcm, BadKey> {
        let salt = master.derive(salt)?;
        if master.profile().key_length() == 32 {
            Gcm::with_session_key(&*master.derive::<32>(key)?, salt)
        } else {
            Gcm::with_session_key(&*master.derive::<16>(key)?, salt)
        }
    }

    fn with_session_key(key: &[u8], salt: Zeroizing<[u8; 12]>) -> Result<Gcm, BadKey> {
        let algorithm = if key.len() == 32 {
            &aead::AES_256_GCM
        } else {
            &aead::AES_128_GCM
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| BadKey)?;
        Ok(Gcm {
            key: LessSafeKey::new(key),
            salt,
        })
    }

    /// §8.1 and §9.1: two zero bytes, SSRC and the index of 48 bits (of RTCP 31), against the salt.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = *self.salt;
        let ours = (u128::from(ssrc) << 48 | u128::from(index)).to_be_bytes();
        nonce
            .iter_mut()
            .zip(&ours[4..])
            .for_each(|(byte, ours)| *byte ^= ours);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Encrypt `buffer[header..length]` and put the tag behind it; returns the new length.
    pub fn seal_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header: usize,
        buffer: &mut [u8],
        length: usize,
    ) -> Result<usize, Refused> {
        if buffer.len() < length + TAG {
            return Err(Refused::NoRoom);
        }
        let (aad, rest) = buffer.split_at_mut(header);
        let (text, behind) = rest.split_at_mut(length - header);
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(ssrc, index), Aad::from(&*aad), text)
            .map_err(|_| Refused::Malformed)?;
        behind[..TAG].copy_from_slice(tag.as_ref());
        Ok(length + TAG)
    }

    /// Check and decrypt; returns the length without the tag.
    pub fn open_rtp(
        &self,
        ssrc: u32,
        index: u64,
        header: usize,
        packet: &mut [u8],
    ) -> Result<usize, Refused> {
        let length = packet.len().checked_sub(TAG).ok_or(Refused::Malformed)?;
        if header > length {
            return Err(Refused::Malformed);
        }
        let (aad, text) = packet.split_at_mut(header);
        self.key
            .open_in_place(self.nonce(ssrc, index), Aad::from(&*aad), text)
            .map_err(|_| Refused::Forged)?;
        Ok(length)
    }

    pub fn seal_rtcp(
        &self,
        ssrc: u32,
        index: u32,
        buffer: &mut [u8],
        length: usize,
    ) -> Result<usize, Refused> {
        if buffer.len() < length + TAG + INDEX_WORD {
            return Err(Refused::NoRoom);
        }
        let word = (ENCRYPTED | index).to_be_bytes();
        let aad = rtcp_aad(buffer, word);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                self.nonce(ssrc, index.into()),
                Aad::from(aad),
                &mut buffer[RTCP_HEADER..length],
            )
            .map_err(|_| Refused::Malformed)?;
        put(buffer, length, tag.as_ref())?;
        put(buffer, length + TAG, &word)?;
        Ok(length + TAG + INDEX_WORD)
    }

    /// `packet` without its index word.
    pub fn open_rtcp(&self, ssrc: u32, index: u32, packet: &mut [u8]) -> Result<usize, Refused> {
        let length = packet.len().checked_sub(TAG).ok_or(Refused::Malformed)?;
        if length < RTCP_HEADER {
            return Err(Refused::Malformed);
        }
        let aad = rtcp_aad(packet, (ENCRYPTED | index).to_be_bytes());
        self.key
            .open_in_place(
                self.nonce(ssrc, index.into()),
                Aad::from(aad),
                &mut packet[RTCP_HEADER..],
            )
            .map_err(|_| Refused::Forged)?;
        Ok(length)
    }
}

/// §9.2: the readable header, and the index word that travels behind the tag.
fn rtcp_aad(packet: &[u8], word: [u8; INDEX_WORD]) -> [u8; RTCP_HEADER + INDEX_WORD] {
    let mut aad = [0; RTCP_HEADER + INDEX_WORD];
    aad[..RTCP_HEADER].copy_from_slice(&packet[..RTCP_HEADER]);
    aad[RTCP_HEADER..].copy_from_slice(&word);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSRC: u32 = 0x5501_A0B2;
    const RTP: &str =
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
        696e2070 61727465 73207472 6573";

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    fn keyed(length: u8) -> Gcm {
        let key: Vec<u8> = (0..length).collect();
        Gcm::with_session_key(&key, Zeroizing::new(*b"Quid pro quo")).unwrap()
    }

    fn check_rtp(gcm: &Gcm, sealed: &str) {
        let (plain, sealed) = (hex(RTP), hex(sealed));
        let mut buffer = [plain.as_slice(), &[0; TAG]].concat();
        let length = gcm.seal_rtp(SSRC, 0xF17B, 12, &mut buffer, plain.len());
        assert_eq!((length, &buffer), (Ok(sealed.len()), &sealed));
        let length = gcm.open_rtp(SSRC, 0xF17B, 12, &mut buffer).unwrap();
        assert_eq!(buffer[..length], plain);
    }

    /// RFC 7714 §16.1.
    #[test]
    fn rtp_under_a_key_of_128_bits_is_as_in_the_rfc() {
        check_rtp(
            &keyed(16),
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f
            42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        );
    }

    /// RFC 7714 §16.2.
    #[test]
    fn rtp_under_a_key_of_256_bits_is_as_in_the_rfc() {
        check_rtp(
            &keyed(32),
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3
            b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        );
    }

    /// RFC 7714 §17.1.
    #[test]
    fn rtcp_is_as_in_the_rfc() {
        let plain = hex(
            "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
            deadbeef deadbeef deadbeef deadbeef deadbeef",
        );
        let sealed = hex(
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
            730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        );
        let gcm = keyed(16);
        let mut buffer = [plain.as_slice(), &[0; TAG + INDEX_WORD]].concat();
        let length = gcm.seal_rtcp(0x4D61_7273, 0x5D4, &mut buffer, plain.len());
        assert_eq!((length, &buffer), (Ok(sealed.len()), &sealed));
        buffer.truncate(sealed.len() - INDEX_WORD);
        let length = gcm.open_rtcp(0x4D61_7273, 0x5D4, &mut buffer).unwrap();
        assert_eq!(buffer[..length], plain);
    }
}
