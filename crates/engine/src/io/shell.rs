//! The thread around a worker: it waits, reads, hands over, and keeps the wheel.
//!
//! Waking a sleeping core costs more than relaying a packet. So under load all sockets are read once a millisecond;
//! with few packets each one wakes the worker at once, and an idle worker sleeps until its next deadline.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::Arc;
use std::time::Duration;

use super::poller::{self, Poller};
use super::udp::Inbox;
use super::wake::Wake;
use super::{Endpoint, MediaIo};
use crate::clock::{Clock, Nanos, MILLISECOND};
use crate::command::Command;
use crate::id::IdMap;
use crate::stats::Counters;
use crate::worker::Worker;

/// Key of the wake-up in the poller; no endpoint has it.
const WAKE: u64 = u64::MAX;
/// Of media threads, where it is allowed.
const NICENESS: libc::c_int = -10;
const BATCH_PERIOD: Nanos = MILLISECOND;
/// Packets a millisecond, averaged, from which reading in batches is cheaper than being woken by each.
const BATCH_ABOVE: f64 = 0.5;

pub enum Message {
    Open(Endpoint, UdpSocket),
    Command(Box<Command>),
    Stop,
}

struct Sockets {
    poller: Poller,
    open: IdMap<u64, UdpSocket>,
    counters: Arc<Counters>,
}

impl MediaIo for Sockets {
    fn send(&mut self, from: Endpoint, to: SocketAddr, datagram: &[u8]) {
        let Some(socket) = self.open.get(&from.key()) else {
            return;
        };
        match socket.send_to(datagram, to) {
            Ok(_) => self.counters.packets_out.add(1),
            Err(_) => self.counters.send_errors.add(1), // a full buffer or a closed peer: the next packet tries again
        }
    }

    fn close(&mut self, endpoint: Endpoint) {
        self.open.remove(&endpoint.key()); // the poller forgets closed descriptors
    }
}

impl Sockets {
    fn open(&mut self, endpoint: Endpoint, socket: UdpSocket) {
        if self.poller.add(&socket, endpoint.key()).is_ok() {
            self.open.insert(endpoint.key(), socket);
        }
    }
}

pub struct Shell {
    worker: Worker,
    sockets: Sockets,
    inbox: Inbox,
    messages: Receiver<Message>,
    wake: Arc<Wake>,
    clock: Clock,
    /// Packets a millisecond, exponentially averaged over about 50 ms.
    load: f64,
    measured_at: Nanos,
}

impl Shell {
    pub fn new(
        worker: Worker,
        messages: Receiver<Message>,
        wake: Arc<Wake>,
        clock: Clock,
        counters: Arc<Counters>,
    ) -> std::io::Result<Shell> {
        let poller = Poller::new()?;
        poller.add(&*wake, WAKE)?;
        Ok(Shell {
            worker,
            sockets: Sockets {
                poller,
                open: IdMap::default(),
                counters,
            },
            inbox: Inbox::new(),
            messages,
            wake,
            clock,
            load: 0.0,
            measured_at: clock.now(),
        })
    }

    /// Run until told to stop or everyone who could tell is gone.
    pub fn run(mut self) {
        ask_for_priority();
        loop {
            let received = self.read_sockets();
            // After the sockets: reading them lowers the wake-up, and what is told from then on raises it again.
            if !self.take_messages() {
                break;
            }
            let now = self.clock.now();
            self.worker.handle_time(now, &mut self.sockets);
            self.measure(received, now);
            self.rest();
        }
        self.worker.close(self.clock.now(), &mut self.sockets);
    }

    fn take_messages(&mut self) -> bool {
        loop {
            match self.messages.try_recv() {
                Ok(Message::Open(endpoint, socket)) => self.sockets.open(endpoint, socket),
                Ok(Message::Command(command)) => {
                    self.worker
                        .apply(*command, self.clock.now(), &mut self.sockets)
                }
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    /// Read everything that waits now; returns how many datagrams came.
    fn read_sockets(&mut self) -> u64 {
        let mut received = 0;
        loop {
            let ready = self.sockets.poller.wait(Some(Duration::ZERO));
            for index in 0..ready {
                received += self.read_socket(self.sockets.poller.key(index));
            }
            if !self.sockets.poller.is_full() {
                return received;
            }
        }
    }

    fn read_socket(&mut self, key: u64) -> u64 {
        if key == WAKE {
            self.wake.lower();
            return 0;
        }
        let mut received = 0;
        // Taken out, so that the worker may send on (or close) any socket while this one is read.
        let Some(socket) = self.sockets.open.get(&key).map(|socket| socket.as_raw_fd()) else {
            return 0;
        };
        let now = self.clock.now();
        let (worker, sockets) = (&mut self.worker, &mut self.sockets);
        while self.inbox.receive(socket, |from, datagram| {
            received += 1;
            worker.receive(Endpoint::from_key(key), from, datagram, now, sockets);
        }) {}
        received
    }

    fn measure(&mut self, received: u64, now: Nanos) {
        let elapsed_ms = now.saturating_sub(self.measured_at) as f64 / MILLISECOND as f64;
        self.measured_at = now;
        let weight = (elapsed_ms / 50.0).min(1.0);
        let rate = received as f64 / elapsed_ms.max(0.01);
        self.load += (rate - self.load) * weight;
    }

    /// Wait for the next thing to do.
    fn rest(&mut self) {
        let now = self.clock.now();
        let until = self
            .worker
            .next_deadline()
            .map(|deadline| deadline.saturating_sub(now));
        if self.load >= BATCH_ABOVE {
            let next_batch = BATCH_PERIOD - now % BATCH_PERIOD;
            let wait = until.map_or(next_batch, |until| until.min(next_batch));
            poller::wait_for(&*self.wake, Duration::from_nanos(wait));
        } else {
            self.sockets.poller.wait(until.map(Duration::from_nanos));
        }
    }
}

/// Let this thread go before others that are ready: a packet that waits for the processor is late for good. Refused
/// without CAP_SYS_NICE, and then it runs like the others.
fn ask_for_priority() {
    // SAFETY: takes no pointers; 0 means the calling thread on Linux.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}
