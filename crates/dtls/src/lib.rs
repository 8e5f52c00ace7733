//! DTLS-SRTP (RFC 5763, RFC 5764) without sockets, threads or clocks.
//!
//! A [`Handshake`] takes datagrams and instants, gives datagrams, and ends with the SRTP keys of a peer whose
//! certificate has the fingerprint that signalling told, or with the reason why not. Order of use: after any call that
//! takes `now`, drain [`Handshake::poll`], then call [`Handshake::handle_timeout`] from time to time: it looks by
//! itself whether something is due.

mod fingerprint;
mod handshake;
mod identity;
#[cfg(test)]
mod tests;

pub use fingerprint::{Fingerprint, Hash};
pub use handshake::{Failure, Handshake, Keys, Progress};
pub use identity::Identity;
