//! Sockets and waiting. The worker itself sees none of it but `MediaIo`.

pub mod poller;
pub mod shell;
pub mod udp;
pub mod wake;

use std::net::SocketAddr;

use crate::id::PortId;

/// One UDP socket of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Endpoint {
    /// Media of an RTP port.
    Rtp(PortId),
    /// RTCP of an RTP port.
    Rtcp(PortId),
    /// All WebRTC legs of the worker.
    WebRtc,
}

impl Endpoint {
    /// One number for each, dense like the ids.
    pub fn key(self) -> u64 {
        match self {
            Endpoint::WebRtc => 0,
            Endpoint::Rtp(port) => port.0 * 2,
            Endpoint::Rtcp(port) => port.0 * 2 + 1,
        }
    }

    pub fn from_key(key: u64) -> Endpoint {
        match key {
            0 => Endpoint::WebRtc,
            key if key % 2 == 0 => Endpoint::Rtp(PortId(key / 2)),
            key => Endpoint::Rtcp(PortId(key / 2)),
        }
    }
}

/// What a worker does to the world. Datagrams may be kept back to the end of a batch, never longer.
pub trait MediaIo {
    fn send(&mut self, from: Endpoint, to: SocketAddr, datagram: &[u8]);

    /// The endpoint is no longer needed.
    fn close(&mut self, endpoint: Endpoint);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_and_their_keys_translate_both_ways() {
        for endpoint in [
            Endpoint::WebRtc,
            Endpoint::Rtp(PortId(1)),
            Endpoint::Rtcp(PortId(1)),
            Endpoint::Rtp(PortId(7)),
        ] {
            assert_eq!(Endpoint::from_key(endpoint.key()), endpoint);
        }
    }
}
