//! The sound of the calls: 50 packets a second on every stream, each with its number and time in the payload.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::net::{now_ns, open_stamped, receive_stamped, Poller};
use crate::sdes::Guard;

const PTIME_NS: u64 = 20_000_000;
const RTP_HEADER: usize = 12;
const PACKET: usize = RTP_HEADER + 160;
const LATE_NS: u64 = 1_000_000;
const MAGIC: [u8; 4] = *b"load";

/// The stretch of time whose packets count; both ends in ns of CLOCK_REALTIME.
#[derive(Default)]
pub struct Window {
    start_ns: AtomicU64,
    end_ns: AtomicU64,
}

impl Window {
    pub fn set(&self, start_ns: u64, end_ns: u64) {
        self.end_ns.store(end_ns, Relaxed);
        self.start_ns.store(start_ns, Relaxed);
    }

    pub fn holds(&self, sent_ns: u64) -> bool {
        let start = self.start_ns.load(Relaxed);
        start != 0 && (start..self.end_ns.load(Relaxed)).contains(&sent_ns)
    }
}

/// What became of the packets that were sent within the window.
#[derive(Debug, Default)]
pub struct Measured {
    pub sent: u64,
    pub received: u64,
    pub duplicates: u64,
    /// Packets that are not ours: altered payload means that the switch did not relay.
    pub foreign: u64,
    /// Sent more than a millisecond after they were due: the generator itself was held up.
    pub late: u64,
    pub latencies_ns: Vec<u64>,
}

impl Measured {
    pub fn loss(&self) -> f64 {
        if self.sent == 0 {
            1.0
        } else {
            1.0 - self.received as f64 / self.sent as f64
        }
    }

    /// The latency that so many of a hundred packets stay below, in µs.
    pub fn percentile_us(&mut self, percent: f64) -> f64 {
        self.latencies_ns.sort_unstable();
        let rank = (self.latencies_ns.len() as f64 * percent / 100.0) as usize;
        self.latencies_ns
            .get(rank.min(self.latencies_ns.len().saturating_sub(1)))
            .map_or(f64::NAN, |&ns| ns as f64 / 1000.0)
    }
}

/// Where a stream sends, and what protects it.
pub struct Target {
    pub address: SocketAddr,
    pub guard: Option<Guard>,
}

impl From<SocketAddr> for Target {
    /// Plain RTP.
    fn from(address: SocketAddr) -> Target {
        Target {
            address,
            guard: None,
        }
    }
}

/// The thread that sends and receives for all streams.
pub struct Media {
    pub ports: Vec<u16>,
    pub window: Arc<Window>,
    targets: Sender<(usize, Target)>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Measured>,
}

impl Media {
    /// Open so many streams; each starts to send when it gets a target.
    pub fn start(streams: usize) -> io::Result<Self> {
        let sockets = (0..streams)
            .map(|_| open_stamped())
            .collect::<io::Result<Vec<_>>>()?;
        let ports = sockets
            .iter()
            .map(|s| s.local_addr().map(|a| a.port()))
            .collect::<io::Result<_>>()?;
        let (window, stop) = (
            Arc::new(Window::default()),
            Arc::new(AtomicBool::new(false)),
        );
        let (targets, new_targets) = channel();
        let worker = Worker::new(sockets, Arc::clone(&window), new_targets)?;
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || worker.run(&stop)
        });
        Ok(Self {
            ports,
            window,
            targets,
            stop,
            thread,
        })
    }

    pub fn targets(&self) -> Sender<(usize, Target)> {
        self.targets.clone()
    }

    pub fn finish(self) -> Measured {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("the media thread panicked")
    }
}

struct Stream {
    socket: UdpSocket,
    target: Option<Target>,
    due_ns: u64,
    sent: u32,
    seen: Vec<bool>,
}

struct Worker {
    streams: Vec<Stream>,
    window: Arc<Window>,
    new_targets: Receiver<(usize, Target)>,
    poller: Poller,
    measured: Measured,
}

impl Worker {
    fn new(
        sockets: Vec<UdpSocket>,
        window: Arc<Window>,
        new_targets: Receiver<(usize, Target)>,
    ) -> io::Result<Self> {
        let poller = Poller::new()?;
        for (token, socket) in sockets.iter().enumerate() {
            poller.add(socket, token)?;
        }
        let streams = sockets
            .into_iter()
            .map(|socket| Stream {
                socket,
                target: None,
                due_ns: 0,
                sent: 0,
                seen: Vec::new(),
            })
            .collect();
        Ok(Self {
            streams,
            window,
            new_targets,
            poller,
            measured: Measured::default(),
        })
    }

    fn run(mut self, stop: &AtomicBool) -> Measured {
        while !stop.load(Relaxed) {
            self.take_targets();
            self.send_due();
            self.receive_all();
            thread::sleep(Duration::from_micros(200));
        }
        self.measured
    }

    fn take_targets(&mut self) {
        while let Ok((index, target)) = self.new_targets.try_recv() {
            let count = self.streams.len() as u64;
            let stream = &mut self.streams[index];
            if stream.target.is_none() {
                // Spread over one ptime, as independent phones are.
                stream.due_ns = now_ns() + index as u64 * PTIME_NS / count;
            }
            stream.target = Some(target);
        }
    }

    fn send_due(&mut self) {
        let asked = now_ns();
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let due = stream.due_ns <= asked;
            let Some(target) = stream.target.as_mut().filter(|_| due) else {
                continue;
            };
            let now = now_ns();
            let mut buffer = [0; PACKET + srtp::MAX_OVERHEAD];
            buffer[..PACKET].copy_from_slice(&packet(index as u32, stream.sent, now));
            let length = target.guard.as_mut().map_or(PACKET, |guard| {
                let protected = guard.sender.protect_rtp(&mut buffer, PACKET);
                protected.expect("each number is sent once")
            });
            let sent = stream.socket.send_to(&buffer[..length], target.address);
            if sent.is_ok() && self.window.holds(now) {
                self.measured.sent += 1;
                self.measured.late += u64::from(now - stream.due_ns > LATE_NS);
            }
            stream.sent += 1;
            stream.due_ns += PTIME_NS;
        }
    }

    fn receive_all(&mut self) {
        let mut buffer = [0u8; 2048];
        for token in self.poller.ready(false) {
            while let Some((length, at_ns)) =
                receive_stamped(&self.streams[token].socket, &mut buffer)
            {
                let guard = self.streams[token].target.as_mut();
                let guard = guard.and_then(|target| target.guard.as_mut());
                let Some((index, number, sent_ns)) = open(guard, &mut buffer[..length]) else {
                    let foreign = self.window.holds(at_ns) && !is_rtcp(&buffer[..length]);
                    self.measured.foreign += u64::from(foreign);
                    continue;
                };
                if self.window.holds(sent_ns) {
                    count(
                        &mut self.measured,
                        &mut self.streams[index].seen,
                        number,
                        at_ns.saturating_sub(sent_ns),
                    );
                }
            }
        }
    }
}

fn count(measured: &mut Measured, seen: &mut Vec<bool>, number: usize, latency_ns: u64) {
    if seen.len() <= number {
        seen.resize(number + 1, false);
    }
    if std::mem::replace(&mut seen[number], true) {
        measured.duplicates += 1;
        return;
    }
    measured.received += 1;
    measured.latencies_ns.push(latency_ns);
}

/// A PCMU packet (RFC 3550 §5.1) whose payload says which stream, which number, and when.
fn packet(stream: u32, number: u32, now_ns: u64) -> [u8; PACKET] {
    let mut packet = [0xFF; PACKET];
    packet[0] = 0x80;
    packet[1] = if number == 0 { 0x80 } else { 0 };
    packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
    packet[4..8].copy_from_slice(&number.wrapping_mul(160).to_be_bytes());
    packet[8..12].copy_from_slice(&(stream + 1).to_be_bytes());
    packet[12..16].copy_from_slice(&MAGIC);
    packet[16..20].copy_from_slice(&stream.to_be_bytes());
    packet[20..24].copy_from_slice(&number.to_be_bytes());
    packet[24..32].copy_from_slice(&now_ns.to_be_bytes());
    packet
}

/// What a packet says that is as it was sent.
fn open(guard: Option<&mut Guard>, datagram: &mut [u8]) -> Option<(usize, usize, u64)> {
    let Some(guard) = guard else {
        return contents(datagram);
    };
    if is_rtcp(datagram) {
        return None;
    }
    let length = guard.receiver.unprotect_rtp(datagram).ok()?;
    contents(&datagram[..length])
}

fn contents(datagram: &[u8]) -> Option<(usize, usize, u64)> {
    if datagram.len() != PACKET || datagram[12..16] != MAGIC {
        return None;
    }
    let number = |at: usize| {
        u32::from_be_bytes(datagram[at..at + 4].try_into().expect("four bytes")) as usize
    };
    let sent_ns = u64::from_be_bytes(datagram[24..32].try_into().expect("eight bytes"));
    Some((number(16), number(20), sent_ns))
}

/// The switch reports to the odd port beside ours (RFC 3550 §11), which may be another stream's.
fn is_rtcp(datagram: &[u8]) -> bool {
    datagram
        .get(1)
        .is_some_and(|kind| (200..=207).contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_its_stream_number_and_time() {
        assert_eq!(contents(&packet(7, 70_000, 123)), Some((7, 70_000, 123)));
    }

    #[test]
    fn an_altered_payload_is_foreign() {
        let mut altered = packet(7, 1, 123);
        altered[12] = 0x7F;
        assert_eq!(contents(&altered), None);
    }

    #[test]
    fn a_packet_that_comes_twice_counts_once() {
        let (mut measured, mut seen) = (
            Measured {
                sent: 2,
                ..Measured::default()
            },
            Vec::new(),
        );
        count(&mut measured, &mut seen, 4, 1_000);
        count(&mut measured, &mut seen, 4, 2_000);
        assert_eq!(
            (measured.received, measured.duplicates, measured.loss()),
            (1, 1, 0.5)
        );
    }

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let mut measured = Measured {
            latencies_ns: (1..=100).rev().map(|us| us * 1000).collect(),
            ..Measured::default()
        };
        assert_eq!(
            (measured.percentile_us(50.0), measured.percentile_us(99.0)),
            (51.0, 100.0)
        );
    }
}
