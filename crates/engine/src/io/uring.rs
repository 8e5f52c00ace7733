//! Sockets by io_uring: the kernel fills our buffers as packets come, and one system call a millisecond sends all that
//! waits and waits for the next millisecond.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use io_uring::opcode::{AsyncCancel, PollAdd, RecvMsgMulti, Send};
use io_uring::types::{CancelBuilder, Fd, Fixed, RecvMsgOut, SubmitArgs, Timespec};
use io_uring::{cqueue, squeue, IoUring};

use super::buffers::{self, Buffers};
use super::outbox::{Batch, Outbox};
use super::udp;
use super::wake::Wake;
use super::{Endpoint, MediaIo, Pace, PacketIo, Taker};
use crate::stats::Counters;

/// A batch is larger only after a stall, and then goes in parts.
const SUBMISSIONS: u32 = 2_048;
/// Sends and receptions between two looks.
const COMPLETIONS: u32 = 8_192;

/// Sockets that the kernel is told of beforehand; others cost a little more.
const PLACES: u32 = 8_192;

/// Datagrams whose taker is told of them together, before the first.
const AHEAD: usize = 16;

/// What a completion is of: the low bits of its number; the rest is the endpoint's key.
const RECEIVED: u64 = 0;
const SENT: u64 = 1;
const WOKEN: u64 = 2;
const CANCELLED: u64 = 3;
const KINDS: u64 = 4;

pub struct Uring {
    ring: IoUring,
    buffers: Buffers,
    /// How a reception is laid out in its buffer; the kernel reads it when it is asked to receive.
    layout: Box<libc::msghdr>,
    outbox: Outbox,
    /// The batch that the kernel sends.
    flying: Batch,
    in_flight: usize,
    /// Receptions that are handed over next.
    came: Vec<cqueue::Entry>,
    /// Of the table of sockets.
    free_places: Vec<u32>,
    /// Keys of endpoints that are to be listened to (again).
    unheard: Vec<u64>,
    wake: Arc<Wake>,
    wake_is_watched: bool,
    counters: Arc<Counters>,
}

impl Uring {
    /// Fails where the kernel lacks something (it came with 6.1) or forbids it. To be made in the thread that uses it.
    pub fn new(wake: Arc<Wake>, counters: Arc<Counters>) -> io::Result<Uring> {
        let ring = IoUring::builder()
            .setup_cqsize(COMPLETIONS)
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .build(SUBMISSIONS)?;
        // SAFETY: a plain C structure for which zero bytes are a valid value.
        let mut layout: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        layout.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        let mut uring = Uring {
            ring,
            buffers: Buffers::new(),
            layout,
            outbox: Outbox::default(),
            flying: Batch::default(),
            in_flight: 0,
            came: Vec::with_capacity(AHEAD),
            free_places: Vec::new(),
            unheard: Vec::new(),
            wake,
            wake_is_watched: false,
            counters,
        };
        if uring.ring.submitter().register_files_sparse(PLACES).is_ok() {
            uring.free_places = (0..PLACES).rev().collect();
        } // the limit of open files may be lower
          // SAFETY: `drop` ends every reception before the buffers go.
        unsafe { uring.buffers.register(&uring.ring.submitter())? };
        Ok(uring)
    }

    /// Ask the kernel for what is to be done, and to send the next batch unless it still has the last.
    fn ask(&mut self) {
        if !self.wake_is_watched {
            let watch = PollAdd::new(Fd(self.wake.as_raw_fd()), libc::POLLIN as u32);
            self.push(watch.multi(true).build().user_data(WOKEN));
            self.wake_is_watched = true;
        }
        while let Some(key) = self.unheard.pop() {
            if let Some(socket) = self.outbox.socket(key) {
                let layout = &raw const *self.layout;
                let receive = match socket.place {
                    Some(place) => RecvMsgMulti::new(Fixed(place), layout, buffers::GROUP),
                    None => RecvMsgMulti::new(Fd(socket.fd), layout, buffers::GROUP),
                };
                self.push(receive.build().user_data(key * KINDS + RECEIVED));
            }
        }
        if self.in_flight == 0 && !self.outbox.is_empty() {
            self.send_batch();
        }
    }

    fn send_batch(&mut self) {
        self.flying = self.outbox.exchange(std::mem::take(&mut self.flying));
        for index in 0..self.flying.datagrams.len() {
            let datagram = &self.flying.datagrams[index];
            let bytes = self.flying.bytes(datagram);
            let (pointer, length) = (bytes.as_ptr(), bytes.len() as u32);
            // Never put off: a socket whose buffer is full loses the packet, as with sendto.
            let send = match datagram.socket.place {
                Some(place) => Send::new(Fixed(place), pointer, length),
                None => Send::new(Fd(datagram.socket.fd), pointer, length),
            };
            let mut send = send.flags(libc::MSG_DONTWAIT);
            if let Some(to) = &datagram.to {
                send = send.dest_addr(to.pointer()).dest_addr_len(to.length());
            }
            self.push(send.build().user_data(SENT));
            self.in_flight += 1;
        }
        for index in 0..self.flying.closed.len() {
            let received = self.flying.closed[index].0 * KINDS + RECEIVED;
            let cancel = AsyncCancel::new(received);
            self.push(cancel.build().user_data(CANCELLED));
        }
    }

    /// Tell the kernel of a socket that will be used often.
    fn place(&mut self, socket: &UdpSocket) -> Option<u32> {
        let place = self.free_places.pop()?;
        let told = self
            .ring
            .submitter()
            .register_files_update(place, &[socket.as_raw_fd()]);
        told.ok().map(|_| place)
    }

    fn close_closed(&mut self) {
        for (_, socket) in self.flying.closed.drain(..) {
            let Some(place) = socket.place else {
                continue;
            };
            if let Ok(1) = self.ring.submitter().register_files_update(place, &[-1]) {
                self.free_places.push(place);
            }
        }
    }

    /// `entry` may point to `layout` and to the flying batch only.
    fn push(&mut self, entry: squeue::Entry) {
        loop {
            // SAFETY: `layout` lives in a box until after the ring; the batch is kept until each of its datagrams is
            // known to be sent.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
            let _ = self.ring.submit(); // room; on an error (out of memory) the kernel is asked again
        }
    }

    /// See what is done, up to the next datagrams to hand over.
    fn complete(&mut self) {
        let (mut sent, mut failed) = (0, 0);
        for completion in self.ring.completion() {
            match completion.user_data() % KINDS {
                RECEIVED => {
                    self.came.push(completion);
                    if self.came.len() == AHEAD {
                        break;
                    }
                }
                SENT => {
                    self.in_flight -= 1;
                    // A full buffer or a closed peer: the next packet tries again.
                    *(if completion.result() < 0 {
                        &mut failed
                    } else {
                        &mut sent
                    }) += 1;
                }
                WOKEN => {
                    self.wake.lower();
                    self.wake_is_watched = cqueue::more(completion.flags());
                }
                _ => {}
            }
        }
        self.counters.packets_out.add(sent);
        self.counters.send_errors.add(failed);
    }

    fn hand_over(&mut self, taker: &mut dyn Taker) -> u64 {
        let mut endpoints = [Endpoint::WebRtc; AHEAD];
        for (endpoint, completion) in endpoints.iter_mut().zip(&self.came) {
            *endpoint = Endpoint::from_key(completion.user_data() / KINDS);
        }
        taker.expect(&endpoints[..self.came.len()], &self.outbox);
        let mut received = 0;
        for completion in self.came.drain(..) {
            let parts = (&mut self.buffers, &*self.layout, &mut self.outbox);
            received += u64::from(Self::received(parts, &completion, taker));
            if !cqueue::more(completion.flags()) {
                self.unheard.push(completion.user_data() / KINDS);
            }
        }
        received
    }

    /// A completion of a reception that goes on or has ended.
    fn received(
        (buffers, layout, outbox): (&mut Buffers, &libc::msghdr, &mut Outbox),
        completion: &cqueue::Entry,
        taker: &mut dyn Taker,
    ) -> bool {
        let Some(id) = cqueue::buffer_select(completion.flags()) else {
            return false; // an ICMP answer, no free buffer, or the end of the endpoint
        };
        let key = completion.user_data() / KINDS;
        let length = usize::try_from(completion.result()).unwrap_or(0);
        let read = RecvMsgOut::parse(buffers.get(id, length), layout)
            .ok()
            .filter(|read| !read.is_payload_truncated())
            .and_then(|read| Some((udp::address(read.name_data())?, read)));
        if let Some((from, read)) = &read {
            taker.take(Endpoint::from_key(key), *from, read.payload_data(), outbox);
        }
        let is_one = read.is_some();
        buffers.give_back(id);
        is_one
    }
}

impl PacketIo for Uring {
    fn open(&mut self, endpoint: Endpoint, socket: UdpSocket) {
        let place = self.place(&socket);
        self.outbox.open(endpoint, socket, place);
        self.unheard.push(endpoint.key());
    }

    fn receive(&mut self, taker: &mut dyn Taker) -> u64 {
        let mut received = 0;
        loop {
            self.complete();
            if self.came.is_empty() {
                break;
            }
            received += self.hand_over(taker);
        }
        if self.in_flight == 0 {
            self.close_closed();
            self.flying.clear();
        }
        received
    }

    fn outbox(&mut self) -> &mut dyn MediaIo {
        &mut self.outbox
    }

    fn rest(&mut self, pace: Pace) {
        self.ask();
        let (want, timeout) = match pace {
            // What is sent completes at once and does not count.
            Pace::Packet(timeout) => (self.in_flight + 1, timeout),
            Pace::Batch(period) => (COMPLETIONS as usize, Some(period)),
        };
        let submitter = self.ring.submitter();
        let _ = match timeout.map(Timespec::from) {
            Some(time) => submitter.submit_with_args(want, &SubmitArgs::new().timespec(&time)),
            None => submitter.submit_and_wait(want),
        }; // the time is over, or a signal came: the loop goes on either way
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // The kernel writes to our buffers no more when this returns.
        let all = CancelBuilder::any();
        let _ = self.ring.submitter().register_sync_cancel(None, all); // "not found" when nothing was running
    }
}
