//! The thread around a worker: it waits, reads, hands over, and keeps the wheel.
//!
//! Waking a sleeping core costs more than relaying a packet. So under load all sockets are read once a millisecond, and
//! all that is to be sent goes in one batch; with few packets each one wakes the worker at once, and an idle worker
//! sleeps until its next deadline.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::Arc;
use std::time::Duration;

use super::polled::Polled;
use super::uring::Uring;
use super::wake::Wake;
use super::watch::Watch;
use super::{Endpoint, MediaIo, Pace, PacketIo, Taker};
use crate::clock::{Clock, Nanos, MILLISECOND};
use crate::command::Command;
use crate::overload::Load;
use crate::stats::Counters;
use crate::worker::Worker;

/// Of media threads, where it is allowed.
const NICENESS: libc::c_int = -10;
/// A thread that asks for short turns takes over at once from one whose turn is longer (Linux 6.12 and later); without
/// this, one that is computing on the same core keeps a media thread waiting to the end of its turn.
const TURN_NS: u64 = 100_000;
/// How much later than asked a media thread may be woken, in nanoseconds; the kernel's default is 50 times that.
const TIMER_SLACK: libc::c_ulong = 1_000;
const BATCH_PERIOD: Nanos = MILLISECOND;
/// Packets a millisecond, averaged, from which reading in batches is cheaper than being woken by each.
const BATCH_ABOVE: f64 = 1.0;
/// Set to 0 to do without io_uring.
const IO_URING: &str = "MEDIASWITCH_IO_URING";

pub enum Message {
    Open(Endpoint, UdpSocket),
    Command(Box<Command>),
    Stop,
}

pub struct Shell {
    cycle: Cycle,
    load: Arc<Load>,
    wake: Arc<Wake>,
    counters: Arc<Counters>,
    /// Used where io_uring is not to be had.
    polled: Polled,
}

impl Shell {
    pub fn new(
        worker: Worker,
        messages: Receiver<Message>,
        wake: Arc<Wake>,
        clock: Clock,
        counters: Arc<Counters>,
        load: Arc<Load>,
    ) -> std::io::Result<Shell> {
        Ok(Shell {
            cycle: Cycle {
                worker,
                messages,
                clock,
                load: 0.0,
                measured_at: clock.now(),
                deadline: None,
            },
            load,
            polled: Polled::new(wake.clone(), counters.clone())?,
            wake,
            counters,
        })
    }

    /// Run until told to stop or everyone who could tell is gone.
    pub fn run(self) {
        ask_for_priority();
        let is_wanted = std::env::var_os(IO_URING).is_none_or(|value| value != "0");
        match is_wanted.then(|| Uring::new(self.wake, self.counters)) {
            Some(Ok(uring)) => self.cycle.run(uring, self.load),
            _ => self.cycle.run(self.polled, self.load),
        }
    }
}

/// A worker that takes what has come by now.
struct Taking<'a> {
    worker: &'a mut Worker,
    now: Nanos,
}

impl Taker for Taking<'_> {
    fn expect(&self, endpoints: &[Endpoint], io: &dyn MediaIo) {
        self.worker.expect(endpoints, io);
    }

    fn take(&mut self, at: Endpoint, from: SocketAddr, datagram: &[u8], io: &mut dyn MediaIo) {
        self.worker.receive(at, from, datagram, self.now, io);
    }
}

/// What a worker does over and over.
struct Cycle {
    worker: Worker,
    messages: Receiver<Message>,
    clock: Clock,
    /// Packets a millisecond, exponentially averaged over about 50 ms.
    load: f64,
    measured_at: Nanos,
    /// When the worker is to be given the time next.
    deadline: Option<Nanos>,
}

impl Cycle {
    fn run(mut self, mut io: impl PacketIo, load: Arc<Load>) {
        let mut watch = Watch::new(load, self.clock.now()); // here: it looks at the thread that it is made on
        loop {
            let now = self.clock.now();
            let worker = &mut self.worker;
            let received = io.receive(&mut Taking { worker, now });
            // After the sockets: reading them lowers the wake-up, and what is told from then on raises it again.
            if !self.take_messages(&mut io) {
                break;
            }
            let now = self.clock.now();
            watch.note_turn(self.deadline, now);
            self.worker.handle_time(now, io.outbox());
            self.measure(received, now);
            if let Some(stage) = watch.look(now) {
                self.worker.shed(stage, now);
            }
            io.rest(self.pace(watch.next_look()));
        }
        self.worker.close(self.clock.now(), io.outbox());
        io.rest(Pace::Batch(Duration::ZERO)); // the last reports
    }

    fn take_messages(&mut self, io: &mut impl PacketIo) -> bool {
        loop {
            match self.messages.try_recv() {
                Ok(Message::Open(endpoint, socket)) => io.open(endpoint, socket),
                Ok(Message::Command(command)) => {
                    self.worker.apply(*command, self.clock.now(), io.outbox());
                }
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn measure(&mut self, received: u64, now: Nanos) {
        let elapsed_ms = now.saturating_sub(self.measured_at) as f64 / MILLISECOND as f64;
        self.measured_at = now;
        let weight = (elapsed_ms / 50.0).min(1.0);
        let rate = received as f64 / elapsed_ms.max(0.01);
        self.load += (rate - self.load) * weight;
    }

    /// How to wait for the next thing to do.
    fn pace(&mut self, next_look: Option<Nanos>) -> Pace {
        let now = self.clock.now();
        self.deadline = self.worker.next_deadline();
        let deadline = self.deadline.into_iter().chain(next_look).min();
        let until = deadline.map(|deadline| deadline.saturating_sub(now));
        if self.load < BATCH_ABOVE {
            return Pace::Packet(until.map(Duration::from_nanos));
        }
        let next_batch = BATCH_PERIOD - now % BATCH_PERIOD;
        let wait = until.map_or(next_batch, |until| until.min(next_batch));
        Pace::Batch(Duration::from_nanos(wait))
    }
}

/// Let this thread go before others that are ready: a packet that waits for the processor is late for good. Refused
/// without CAP_SYS_NICE, and then it runs like the others.
fn ask_for_priority() {
    // SAFETY: neither takes pointers; 0 means the calling thread on Linux.
    let refused = unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, TIMER_SLACK);
        libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS)
    };
    let turns = libc::sched_attr {
        size: std::mem::size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: if refused == 0 { NICENESS } else { 0 },
        sched_priority: 0,
        sched_runtime: TURN_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the structure outlives the call and says its own size; older kernels ignore the runtime.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const turns, 0) };
}
