//! Why a key or a packet is refused.

use std::fmt;

/// A master key of the wrong length for its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the SRTP key does not have the length of its profile")
    }
}

impl std::error::Error for BadKey {}

/// Why a packet was not protected or not unprotected. What is in the buffer then is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Not RTP or RTCP, or torn.
    Malformed,
    /// The buffer has no room for what is added.
    NoRoom,
    /// Its tag is wrong: forged, damaged, or under another key.
    Forged,
    /// The same index was there before, or is so old that nobody can tell.
    Replayed,
    /// The key has protected all the packets it may (RFC 3711 §9.2).
    Exhausted,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Malformed => "not a whole packet",
            Refused::NoRoom => "no room in the buffer",
            Refused::Forged => "wrong authentication tag",
            Refused::Replayed => "replayed or too old",
            Refused::Exhausted => "the key is used up",
        })
    }
}

impl std::error::Error for Refused {}
