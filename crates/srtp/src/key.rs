//! Master keys, and the session keys derived from them (RFC 3711 §4.3, RFC 7714 §11). All are wiped when dropped.

use std::fmt;

use aws_lc_rs::cipher::{self, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use crate::error::BadKey;
use crate::profile::Profile;

const MAX_KEY: usize = 32;
const MAX_SALT: usize = 14;

/// A master key with its salt, as SDES and DTLS-SRTP carry them: key first, then salt.
#[derive(Clone)]
pub struct MasterKey {
    profile: Profile,
    bytes: Zeroizing<[u8; MAX_KEY + MAX_SALT]>,
}

impl MasterKey {
    pub fn new(profile: Profile, key_and_salt: &[u8]) -> Result<MasterKey, BadKey> {
        if key_and_salt.len() != profile.key_length() + profile.salt_length() {
            return Err(BadKey);
        }
        let mut bytes = Zeroizing::new([0; MAX_KEY + MAX_SALT]);
        bytes[..key_and_salt.len()].copy_from_slice(key_and_salt);
        Ok(MasterKey { profile, bytes })
    }

    pub fn profile(&self) -> Profile {
        self.profile
    }

    fn key(&self) -> &[u8] {
        &self.bytes[..self.profile.key_length()]
    }

    fn salt(&self) -> &[u8] {
        &self.bytes[self.profile.key_length()..][..self.profile.salt_length()]
    }

    /// The pseudo-random function of RFC 3711 §4.3.3 with a key derivation rate of 0.
    pub(crate) fn derive<const N: usize>(
        &self,
        label: Label,
    ) -> Result<Zeroizing<[u8; N]>, BadKey> {
        let mut iv = [0; 16];
        iv[..self.salt().len()].copy_from_slice(self.salt());
        iv[7] ^= label as u8;
        let mut derived = Zeroizing::new([0; N]);
        keystream(self.key(), iv, &mut *derived)?;
        Ok(derived)
    }
}

impl PartialEq for MasterKey {
    /// In constant time.
    fn eq(&self, other: &MasterKey) -> bool {
        self.profile == other.profile
            && verify_slices_are_equal(&*self.bytes, &*other.bytes).is_ok()
    }
}

impl fmt::Debug for MasterKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.profile.name())
    }
}

/// What a session key is for (RFC 3711 §4.3.2).
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Label {
    RtpKey = 0,
    RtpAuth = 1,
    RtpSalt = 2,
    RtcpKey = 3,
    RtcpAuth = 4,
    RtcpSalt = 5,
}

/// An AES key for counter mode.
pub(crate) fn counter_key(key: &[u8]) -> Result<EncryptingKey, BadKey> {
    let algorithm = if key.len() == 32 {
        &cipher::AES_256
    } else {
        &cipher::AES_128
    };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .map_err(|_| BadKey)
}

fn keystream(key: &[u8], iv: [u8; 16], zeros: &mut [u8]) -> Result<(), BadKey> {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    counter_key(key)?
        .less_safe_encrypt(zeros, context)
        .map_err(|_| BadKey)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    /// RFC 3711 B.3.
    #[test]
    fn session_keys_are_those_of_the_rfc() {
        let bytes = hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(Profile::AesCm128HmacSha1_80, &bytes).unwrap();
        let key = master.derive::<16>(Label::RtpKey).unwrap();
        assert_eq!(key[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        let salt = master.derive::<14>(Label::RtpSalt).unwrap();
        assert_eq!(salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        let auth = master.derive::<94>(Label::RtpAuth).unwrap();
        let expected = "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
            E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
            6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";
        assert_eq!(auth[..], hex(expected));
    }

    #[test]
    fn a_key_of_the_wrong_length_is_refused() {
        for profile in Profile::ALL {
            let right = profile.key_length() + profile.salt_length();
            for length in (0..64).filter(|&length| length != right) {
                assert!(MasterKey::new(profile, &[7; 64][..length]).is_err());
            }
            assert!(MasterKey::new(profile, &[7; 64][..right]).is_ok());
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let master = MasterKey::new(Profile::AeadAes128Gcm, &[0xAB; 28]).unwrap();
        assert_eq!(format!("{master:?}"), "MasterKey(AEAD_AES_128_GCM)");
    }

    #[test]
    fn keys_are_equal_by_profile_and_bytes() {
        let key = |profile, byte| MasterKey::new(profile, &[byte; 30]).unwrap();
        let (long, short) = (Profile::AesCm128HmacSha1_80, Profile::AesCm128HmacSha1_32);
        assert_eq!(key(long, 1), key(long, 1));
        assert_ne!(key(long, 1), key(long, 2));
        assert_ne!(key(long, 1), key(short, 1));
    }
}
