//! Sockets and waiting. The worker itself sees none of it but `MediaIo`.

mod buffers;
pub mod frames;
mod outbox;
mod polled;
pub mod poller;
pub mod shell;
pub mod tcp;
#[cfg(test)]
mod tests;
pub mod udp;
mod uring;
pub mod wake;
mod watch;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

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

    /// Send a datagram that lies in two parts; one longer than any media is dropped.
    fn send_parts(&mut self, from: Endpoint, to: SocketAddr, [head, rest]: [&[u8]; 2]) {
        let mut datagram = [0; udp::MAX_DATAGRAM];
        let length = head.len() + rest.len();
        if let Some(datagram) = datagram.get_mut(..length) {
            datagram[..head.len()].copy_from_slice(head);
            datagram[head.len()..].copy_from_slice(rest);
            self.send(from, to, datagram);
        }
    }

    /// The endpoint is no longer needed. What was sent before still goes out.
    fn close(&mut self, endpoint: Endpoint);

    /// Something will be sent from there soon.
    fn expect(&self, _from: Endpoint) {}

    /// Only this peer is heard and sent to from now on (None: anyone). The kernel then drops what others send, and
    /// finds the way to the peer once instead of for each packet.
    fn settle(&mut self, _endpoint: Endpoint, _peer: Option<SocketAddr>) {}
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The next packet, for at most so long (None: for ever).
    Packet(Option<Duration>),
    /// So long, whatever comes meanwhile.
    Batch(Duration),
}

/// Who takes what has come.
pub(crate) trait Taker {
    /// Datagrams of these endpoints are handed over next, in this order.
    fn expect(&self, _endpoints: &[Endpoint], _io: &dyn MediaIo) {}

    /// A datagram: where it came, from whom, and what to answer through.
    fn take(&mut self, at: Endpoint, from: SocketAddr, datagram: &[u8], io: &mut dyn MediaIo);
}

/// The sockets of a worker and how its thread waits for them. One thread uses it.
pub(crate) trait PacketIo {
    fn open(&mut self, endpoint: Endpoint, socket: UdpSocket);

    /// Hand over everything that has come; returns how many datagrams that were. Lowers the wake-up.
    fn receive(&mut self, taker: &mut dyn Taker) -> u64;

    /// What the worker sends through.
    fn outbox(&mut self) -> &mut dyn MediaIo;

    /// Send what waits, then wait.
    fn rest(&mut self, pace: Pace);
}
