//! Sockets by epoll, recvmmsg and sendto: what every kernel has.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use super::outbox::{Batch, Outbox};
use super::poller::{self, Poller};
use super::udp::Inbox;
use super::wake::Wake;
use super::{Endpoint, MediaIo, Pace, PacketIo, Taker};
use crate::stats::Counters;

/// Key of the wake-up in the poller; no endpoint has it.
const WAKE: u64 = u64::MAX;

pub struct Polled {
    poller: Poller,
    inbox: Inbox,
    outbox: Outbox,
    spare: Batch,
    wake: Arc<Wake>,
    counters: Arc<Counters>,
}

impl Polled {
    pub fn new(wake: Arc<Wake>, counters: Arc<Counters>) -> std::io::Result<Polled> {
        let poller = Poller::new()?;
        poller.add(&*wake, WAKE)?;
        Ok(Polled {
            poller,
            inbox: Inbox::new(),
            outbox: Outbox::default(),
            spare: Batch::default(),
            wake,
            counters,
        })
    }

    fn read(&mut self, key: u64, taker: &mut dyn Taker) -> u64 {
        if key == WAKE {
            self.wake.lower();
            return 0;
        }
        let mut received = 0;
        let Some(socket) = self.outbox.socket(key) else {
            return 0;
        };
        let outbox = &mut self.outbox;
        while self.inbox.receive(socket.fd, |from, datagram| {
            received += 1;
            taker.take(Endpoint::from_key(key), from, datagram, outbox);
        }) {}
        received
    }

    fn flush(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let batch = self.outbox.exchange(std::mem::take(&mut self.spare));
        let mut failed = 0;
        for datagram in &batch.datagrams {
            let bytes = batch.bytes(datagram);
            let to = datagram.to.as_ref();
            // SAFETY: bytes and address outlive the call, and each goes with its length.
            let sent = unsafe {
                libc::sendto(
                    datagram.socket.fd,
                    bytes.as_ptr().cast(),
                    bytes.len(),
                    libc::MSG_DONTWAIT,
                    to.map_or(std::ptr::null(), |to| to.pointer()),
                    to.map_or(0, |to| to.length()),
                )
            };
            failed += u64::from(sent < 0); // a full buffer or a closed peer: the next packet tries again
        }
        self.counters
            .packets_out
            .add(batch.datagrams.len() as u64 - failed);
        self.counters.send_errors.add(failed);
        self.spare = batch;
        self.spare.clear(); // the poller forgets closed descriptors
    }
}

impl PacketIo for Polled {
    fn open(&mut self, endpoint: Endpoint, socket: UdpSocket) {
        if self.poller.add(&socket, endpoint.key()).is_ok() {
            self.outbox.open(endpoint, socket, None);
        }
    }

    fn receive(&mut self, taker: &mut dyn Taker) -> u64 {
        let mut received = 0;
        loop {
            let ready = self.poller.wait(Some(Duration::ZERO));
            for index in 0..ready {
                received += self.read(self.poller.key(index), taker);
            }
            if !self.poller.is_full() {
                return received;
            }
        }
    }

    fn outbox(&mut self) -> &mut dyn MediaIo {
        &mut self.outbox
    }

    fn rest(&mut self, pace: Pace) {
        self.flush();
        match pace {
            Pace::Packet(timeout) => drop(self.poller.wait(timeout)),
            Pace::Batch(period) => drop(poller::wait_for(&*self.wake, period)),
        }
    }
}
