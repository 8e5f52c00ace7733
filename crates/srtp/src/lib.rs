//! Secure RTP (RFC 3711) with the profiles of RFC 7714 and RFC 4568 §6.2, without sockets, threads or clocks.
//!
//! A [`Sender`] turns RTP into SRTP and RTCP into SRTCP under one master key, a [`Receiver`] does the opposite under
//! the peer's. Both work in the caller's buffer, follow each SSRC's roll-over counter by themselves, and refuse a
//! packet they have seen before. Neither allocates after it was made.

mod cipher;
mod counter_mode;
mod error;
mod gcm;
mod key;
mod packet;
mod profile;
mod receiver;
mod sender;
mod streams;
mod window;

pub use error::{BadKey, Refused};
pub use key::MasterKey;
pub use profile::Profile;
pub use receiver::Receiver;
pub use sender::Sender;

/// Room that a buffer needs behind an RTP or RTCP packet: the longest tag and the SRTCP index.
pub const MAX_OVERHEAD: usize = 20;
