//! ICE-lite (RFC 8445 §2.5) for one peer, without sockets, threads or clocks.
//!
//! We have host candidates only and begin no checks: the peer's binding requests are answered, and the one by which it
//! nominates a pair tells where it is. A request that was not made with our password gets no answer at all.

mod lite;
mod stun;

pub use lite::{Check, Credentials, Lite};
pub use stun::{MAX_MESSAGE, MAX_RESPONSE};

/// What a peer sends to check a pair, for tests and load generators: `username` is our fragment, a colon, theirs.
/// `(priority, nominates)`: of the pair. `extra`: more attributes, each of a multiple of four bytes.
pub fn check(username: &str, password: &str, pair: (u32, bool), extra: &[(u16, &[u8])]) -> Vec<u8> {
    let mut buffer = [0; MAX_MESSAGE];
    let password = stun::Password::new(password);
    let length = stun::write_request(&mut buffer, username, &password, pair, extra);
    buffer[..length].to_vec()
}
