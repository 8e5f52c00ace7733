//! Streams of real sound, for what is decoded on its way: packets that cannot be told apart are counted, not traced.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::media::{Target, Window as Stretch};
use crate::net::{now_ns, open_stamped, receive_stamped, Poller};
use crate::options::Options;
use crate::window::{Spent, Window};

const PTIME_NS: u64 = 20_000_000;
const LATE_NS: u64 = 1_000_000;
/// Fewer of the packets that are due in the window, and the stream was not carried.
const CARRIED: f64 = 0.9;

/// What is said: payloads of 20 ms, again and again.
pub struct Voice {
    pub payload_type: u8,
    /// RTP clock ticks a packet.
    pub ticks: u32,
    pub payloads: Vec<Vec<u8>>,
}

impl Voice {
    /// Read `PAYLOAD-TYPE:CLOCK-RATE:FILE`, the file with each payload after its length in two bytes.
    pub fn read(words: &str) -> Result<Arc<Voice>, Box<dyn Error>> {
        let mut words = words.splitn(3, ':');
        let mut next = || {
            words
                .next()
                .ok_or("a voice is PAYLOAD-TYPE:CLOCK-RATE:FILE")
        };
        let (payload_type, clock_rate) = (next()?.parse()?, next()?.parse::<u32>()?);
        let bytes = std::fs::read(next()?)?;
        let mut rest = bytes.as_slice();
        let mut payloads = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let (payload, after) = after.split_at_checked(length).ok_or("a voice is cut off")?;
            payloads.push(payload.to_vec());
            rest = after;
        }
        let ticks = clock_rate / 50;
        (!payloads.is_empty())
            .then(|| {
                Arc::new(Voice {
                    payload_type,
                    ticks,
                    payloads,
                })
            })
            .ok_or_else(|| "a voice says nothing".into())
    }
}

/// What came in the window.
#[derive(Default)]
pub struct Counted {
    streams: Vec<Stream>,
    late: u64,
    foreign: u64,
}

impl Counted {
    /// Print one JSON object; an error if a stream was not carried.
    pub fn print(&self, spent: &Spent, seconds: u64) -> Result<(), Box<dyn Error>> {
        let due = seconds * 1_000_000_000 / PTIME_NS;
        let silent = |stream: &&Stream| (stream.received as f64) < CARRIED * due as f64;
        let (received, missed) = self.streams.iter().fold((0, 0), |(received, missed), s| {
            (received + s.received, missed + s.missed())
        });
        println!(
            "{{\"cpu_percent_per_call\": {:.4}, \"loss\": {:.6}, \"kb_per_call\": {:.1}, \"packets\": {received}, \
             \"foreign\": {}, \"late_sends\": {}}}",
            spent.cpu_percent_per_call,
            missed as f64 / (received + missed).max(1) as f64,
            spent.kib_per_call,
            self.foreign,
            self.late,
        );
        match self.streams.iter().filter(silent).count() {
            0 => Ok(()),
            n => Err(
                format!("{n} streams came with less than {CARRIED} of their {due} packets").into(),
            ),
        }
    }
}

struct Stream {
    socket: UdpSocket,
    voice: Arc<Voice>,
    target: Option<SocketAddr>,
    due_ns: u64,
    sent: u32,
    received: u64,
    /// First and newest sequence in the window.
    first: Option<u16>,
    newest: u16,
    wraps: u64,
}

impl Stream {
    fn send(&mut self, ssrc: u32) -> io::Result<()> {
        let Some(target) = self.target else {
            return Ok(());
        };
        let payload = &self.voice.payloads[self.sent as usize % self.voice.payloads.len()];
        let mut packet = Vec::with_capacity(12 + payload.len());
        packet.extend([
            0x80,
            self.voice.payload_type | if self.sent == 0 { 0x80 } else { 0 },
        ]);
        packet.extend((self.sent as u16).to_be_bytes());
        packet.extend(self.sent.wrapping_mul(self.voice.ticks).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        packet.extend(payload);
        self.socket.send_to(&packet, target)?;
        self.sent += 1;
        self.due_ns += PTIME_NS;
        Ok(())
    }

    fn count(&mut self, sequence: u16) {
        self.received += 1;
        if self.first.is_none() {
            (self.first, self.newest) = (Some(sequence), sequence);
        }
        if sequence.wrapping_sub(self.newest) < 0x8000 {
            self.wraps += u64::from(sequence < self.newest);
            self.newest = sequence;
        }
    }

    /// Numbers between the first and the newest that did not come.
    fn missed(&self) -> u64 {
        let first = u64::from(self.first.unwrap_or(self.newest));
        let span = u64::from(self.newest) + self.wraps * 65_536 - first + 1;
        span.saturating_sub(self.received)
    }
}

/// The thread that sends and receives for all streams.
pub struct Voices {
    pub ports: Vec<u16>,
    pub window: Arc<Stretch>,
    targets: Sender<(usize, Target)>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Counted>,
}

impl Voices {
    /// Open a stream for each voice; it starts to send when it gets a target.
    pub fn start(voices: Vec<Arc<Voice>>) -> io::Result<Voices> {
        let streams = voices
            .into_iter()
            .map(|voice| {
                Ok(Stream {
                    socket: open_stamped()?,
                    voice,
                    target: None,
                    due_ns: 0,
                    sent: 0,
                    received: 0,
                    first: None,
                    newest: 0,
                    wraps: 0,
                })
            })
            .collect::<io::Result<Vec<Stream>>>()?;
        let ports = streams.iter().map(|s| Ok(s.socket.local_addr()?.port()));
        let ports = ports.collect::<io::Result<_>>()?;
        let (window, stop) = (
            Arc::new(Stretch::default()),
            Arc::new(AtomicBool::new(false)),
        );
        let (targets, new_targets) = channel();
        let thread = thread::spawn({
            let (window, stop) = (Arc::clone(&window), Arc::clone(&stop));
            let counted = Counted {
                streams,
                ..Counted::default()
            };
            move || counted.run(&window, &new_targets, &stop)
        });
        Ok(Voices {
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

    pub fn finish(self) -> Counted {
        self.stop.store(true, Relaxed);
        self.thread.join().expect("the voices' thread panicked")
    }
}

impl Counted {
    fn run(
        mut self,
        window: &Stretch,
        new_targets: &Receiver<(usize, Target)>,
        stop: &AtomicBool,
    ) -> Counted {
        let mut poller = Poller::new().expect("epoll");
        for (token, stream) in self.streams.iter().enumerate() {
            poller.add(&stream.socket, token).expect("epoll");
        }
        while !stop.load(Relaxed) {
            while let Ok((index, target)) = new_targets.try_recv() {
                let spread = index as u64 * PTIME_NS / self.streams.len() as u64;
                let stream = &mut self.streams[index];
                if stream.target.replace(target.address).is_none() {
                    stream.due_ns = now_ns() + spread; // as independent phones are
                }
            }
            self.send_due(window);
            self.receive_all(window, &mut poller);
            thread::sleep(Duration::from_micros(200));
        }
        self
    }

    fn send_due(&mut self, window: &Stretch) {
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let now = now_ns();
            if stream.target.is_some() && stream.due_ns <= now {
                self.late += u64::from(window.holds(now) && now - stream.due_ns > LATE_NS);
                let _ = stream.send(index as u32 + 1); // what the kernel refuses counts as not carried
            }
        }
    }

    fn receive_all(&mut self, window: &Stretch, poller: &mut Poller) {
        let mut buffer = [0u8; 2048];
        for token in poller.ready(false) {
            let stream = &mut self.streams[token];
            while let Some((length, at_ns)) = receive_stamped(&stream.socket, &mut buffer) {
                if length <= 12 || !window.holds(at_ns) || (200..=207).contains(&buffer[1]) {
                    continue;
                }
                if buffer[1] & 0x7F == stream.voice.payload_type {
                    stream.count(u16::from_be_bytes([buffer[2], buffer[3]]));
                } else {
                    self.foreign += 1;
                }
            }
        }
    }
}

/// `voices --pid PID --streams N --members N --voice VOICE [--seconds 20]`: prints the ports of the streams in one line,
/// then reads a line for each: where it sends. What is spent is divided by the members.
pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let streams: usize = options.required("streams")?;
    let seconds = options.or("seconds", 20)?;
    let window = Window::new(
        options.required("pid")?,
        options.required("members")?,
        seconds,
    )?;
    let voice = Voice::read(&options.required::<String>("voice")?)?;
    let voices = Voices::start(vec![voice; streams])?;
    let ports: Vec<String> = voices.ports.iter().map(u16::to_string).collect();
    println!("{}", ports.join(" "));
    for (stream, line) in io::stdin().lines().take(streams).enumerate() {
        let address: SocketAddr = line?.parse()?;
        voices.targets().send((stream, address.into()))?;
    }
    let spent = window.measure_in(&voices.window, |until| {
        thread::sleep(until.saturating_duration_since(Instant::now()));
        Ok::<(), io::Error>(())
    })?;
    voices.finish().print(&spent, seconds)
}
