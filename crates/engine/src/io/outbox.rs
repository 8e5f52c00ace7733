//! The sockets of a worker, and the datagrams that wait to be sent together.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use super::udp::{self, RawAddress};
use super::{Endpoint, MediaIo};
use crate::id::IdMap;
use crate::near;

/// How the kernel is told which socket is meant.
#[derive(Clone, Copy)]
pub struct Handle {
    pub fd: RawFd,
    /// Its place in the table of io_uring, which spares the kernel counting who uses the file.
    pub place: Option<u32>,
}

/// One datagram of a batch.
pub struct Outgoing {
    key: u64,
    pub socket: Handle,
    /// None: the socket is settled on the peer.
    pub to: Option<RawAddress>,
    start: usize,
    length: usize,
}

/// What leaves together. Its room is kept from batch to batch, so a running worker allocates nothing.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    pub datagrams: Vec<Outgoing>,
    /// Sockets that are not needed after it.
    pub closed: Vec<(u64, Socket)>,
}

impl Socket {
    fn handle(&self) -> Handle {
        Handle {
            fd: self.socket.as_raw_fd(),
            place: self.place,
        }
    }
}

impl Batch {
    pub fn bytes(&self, datagram: &Outgoing) -> &[u8] {
        &self.bytes[datagram.start..][..datagram.length]
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
        self.closed.clear();
    }
}

pub struct Socket {
    socket: UdpSocket,
    pub place: Option<u32>,
    settled: Option<SocketAddr>,
}

#[derive(Default)]
pub struct Outbox {
    sockets: IdMap<u64, Socket>,
    batch: Batch,
}

impl Outbox {
    pub fn open(&mut self, endpoint: Endpoint, socket: UdpSocket, place: Option<u32>) {
        let socket = Socket {
            socket,
            place,
            settled: None,
        };
        self.sockets.insert(endpoint.key(), socket);
    }

    pub fn socket(&self, key: u64) -> Option<Handle> {
        Some(self.sockets.get(&key)?.handle())
    }

    /// The batch as it stands, in exchange for one to fill next.
    pub fn exchange(&mut self, mut empty: Batch) -> Batch {
        empty.clear();
        std::mem::replace(&mut self.batch, empty)
    }

    pub fn is_empty(&self) -> bool {
        self.batch.datagrams.is_empty() && self.batch.closed.is_empty()
    }
}

impl MediaIo for Outbox {
    fn send(&mut self, from: Endpoint, to: SocketAddr, datagram: &[u8]) {
        self.send_parts(from, to, [datagram, &[]]);
    }

    /// Copies each part once.
    fn send_parts(&mut self, from: Endpoint, to: SocketAddr, [head, rest]: [&[u8]; 2]) {
        let key = from.key();
        let Some(socket) = self.sockets.get(&key) else {
            return;
        };
        let start = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(head);
        self.batch.bytes.extend_from_slice(rest);
        self.batch.datagrams.push(Outgoing {
            key,
            socket: socket.handle(),
            to: (socket.settled != Some(to)).then(|| RawAddress::new(to)),
            start,
            length: head.len() + rest.len(),
        });
    }

    fn expect(&self, from: Endpoint) {
        near::touch(&self.sockets.get(&from.key()).map(|socket| socket.place));
    }

    fn close(&mut self, endpoint: Endpoint) {
        if let Some(socket) = self.sockets.remove(&endpoint.key()) {
            self.batch.closed.push((endpoint.key(), socket));
        }
    }

    fn settle(&mut self, endpoint: Endpoint, peer: Option<SocketAddr>) {
        let Some(Socket {
            socket, settled, ..
        }) = self.sockets.get_mut(&endpoint.key())
        else {
            return;
        };
        if *settled == peer {
            return;
        }
        if let Some(left) = *settled {
            // What waits relied on it.
            let waiting = self.batch.datagrams.iter_mut();
            waiting
                .filter(|datagram| datagram.key == endpoint.key())
                .for_each(|datagram| datagram.to = datagram.to.or(Some(RawAddress::new(left))));
        }
        if udp::connect(socket.as_raw_fd(), peer).is_ok() {
            *settled = peer;
        }
    }
}
