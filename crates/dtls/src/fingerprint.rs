//! The digest of a certificate, by which signalling names it (RFC 8122 §5).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, Algorithm};

const LONGEST: usize = 64;

/// A hash function of a fingerprint. MD5 and MD2 must not be taken (RFC 8122 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Of old phones: nobody can make a second certificate to a given digest yet.
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// By the name that SDP gives it, in any case of letters.
    pub fn from_name(name: &str) -> Option<Hash> {
        [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512]
            .into_iter()
            .find(|hash| hash.name().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha1 => "sha-1",
            Hash::Sha256 => "sha-256",
            Hash::Sha384 => "sha-384",
            Hash::Sha512 => "sha-512",
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
        }
    }

    fn length(self) -> usize {
        self.algorithm().output_len()
    }
}

/// What a certificate's digest must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    hash: Hash,
    digest: [u8; LONGEST],
}

impl Fingerprint {
    /// None if the digest does not have its hash function's length.
    pub fn new(hash: Hash, digest: &[u8]) -> Option<Fingerprint> {
        if digest.len() != hash.length() {
            return None;
        }
        let mut padded = [0; LONGEST];
        padded[..digest.len()].copy_from_slice(digest);
        let digest = padded;
        Some(Fingerprint { hash, digest })
    }

    pub(crate) fn of(hash: Hash, certificate: &[u8]) -> Option<Fingerprint> {
        let digest = digest::digest(hash.algorithm(), certificate);
        Fingerprint::new(hash, digest.as_ref())
    }

    pub fn hash(&self) -> Hash {
        self.hash
    }

    pub fn digest(&self) -> &[u8] {
        &self.digest[..self.hash.length()]
    }

    /// Whether this is the certificate (DER).
    pub(crate) fn fits(&self, certificate: &[u8]) -> bool {
        Fingerprint::of(self.hash, certificate)
            .is_some_and(|its| verify_slices_are_equal(&its.digest, &self.digest).is_ok())
    }
}
