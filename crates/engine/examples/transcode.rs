//! Sends speech through a worker that must transcode it, in made-up time, to judge the sound.
//!
//! `cargo run --release -p mediaswitch-engine --example transcode -- opus pcmu JITTER_MS < in.raw > out.raw`: what a
//! phone on PCMU hears of a browser on Opus. Both are signed 16-bit mono at the
//! rate of each codec's full band: 48 kHz for Opus, 16 kHz for G722, else 8 kHz.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mediaswitch_engine::clock::{Clock, Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::{Codec, FRAME_MS, MAX_PAYLOAD, MAX_SAMPLES};
use mediaswitch_engine::command::Command;
use mediaswitch_engine::event::EventQueue;
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::io::{Endpoint, MediaIo};
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::random::Random;
use mediaswitch_engine::recording::Tape;
use mediaswitch_engine::rtp::packet::{self, Packet};
use mediaswitch_engine::stats::Counters;
use mediaswitch_engine::worker::{Worker, WorkerSettings};

const SESSION: SessionId = SessionId(1);
const SPEAKER: PortId = PortId(1);
const LISTENER: PortId = PortId(2);

#[derive(Default)]
struct Heard(Vec<Vec<u8>>);

impl MediaIo for Heard {
    fn send(&mut self, from: Endpoint, _: SocketAddr, datagram: &[u8]) {
        if from == Endpoint::Rtp(LISTENER) {
            self.0
                .extend(packet::parse(datagram).map(|packet| packet.payload.to_vec()));
        }
    }

    fn close(&mut self, _: Endpoint) {}
}

fn address(port: PortId) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 5_000 + port.0 as u16))
}

fn samples_from(bytes: &[u8]) -> Vec<i16> {
    bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

fn encode(codec: Codec, samples: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = codec.encoder(codec.rate());
    let mut payload = [0; MAX_PAYLOAD];
    let frames = samples.chunks_exact(codec.rate().frame());
    frames
        .map(|frame| {
            let length = encoder.encode(frame, &mut payload);
            payload[..length].to_vec()
        })
        .collect()
}

fn decode(codec: Codec, packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = codec.decoder(codec.rate());
    let mut samples = vec![0; MAX_SAMPLES];
    let mut all = Vec::new();
    for packet in packets {
        let count = decoder.decode(packet, &mut samples);
        all.extend(&samples[..count]);
    }
    all
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let codec = |n: usize| {
        words
            .get(n)
            .and_then(|name| Codec::from_name(name))
            .expect("two codecs")
    };
    let jitter_ms: u64 = words.get(2).and_then(|ms| ms.parse().ok()).unwrap_or(0);
    let (spoken, heard) = (codec(0), codec(1));
    let mut input = Vec::new();
    std::io::stdin()
        .read_to_end(&mut input)
        .expect("samples on standard input");
    let packets = encode(spoken, &samples_from(&input));
    let out = decode(heard, &through_worker(spoken, heard, &packets, jitter_ms));
    let bytes: Vec<u8> = out.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::io::stdout()
        .write_all(&bytes)
        .expect("standard output takes it");
}

fn through_worker(
    spoken: Codec,
    heard: Codec,
    packets: &[Vec<u8>],
    jitter_ms: u64,
) -> Vec<Vec<u8>> {
    let clock = Clock::new(0);
    let mut now = clock.now() / SECOND * SECOND;
    let settings = WorkerSettings {
        index: 0,
        media_timeout: 30 * SECOND,
        clock,
        random: Random::with_seed(1),
    };
    let events = Arc::new(EventQueue::new().expect("an event queue"));
    let mut worker = Worker::new(
        settings,
        events,
        Arc::new(Counters::default()),
        Tape::new().0,
        now,
    );
    let mut io = Heard::default();
    for (port, codec) in [(SPEAKER, spoken), (LISTENER, heard)] {
        let config = RtpConfig {
            remote: Some(address(port)),
            payload_type: 96,
            codec,
            telephone_event: None,
            ptime_ms: 20,
            send: true,
            receive: true,
            link: Link::default(),
        };
        let open = Command::OpenRtp {
            port,
            track: TrackId(port.0),
            session: SESSION,
            allow_latch: true,
        };
        worker.apply(open, now, &mut io);
        worker.apply(Command::ConfigureRtp { port, config }, now, &mut io);
    }
    worker.apply(
        Command::Connect(Crosspoint::new(TrackId(1), LISTENER, 0.0)),
        now,
        &mut io,
    );

    let mut arrivals = arrivals(packets.len(), jitter_ms).into_iter().peekable();
    let begun = now;
    let end = begun + (packets.len() + 10) as u64 * FRAME_MS as u64 * MILLISECOND;
    while now < end {
        while let Some((_, n)) = arrivals.next_if(|(at, _)| begun + at <= now) {
            speak(&mut worker, &mut io, spoken, n, &packets[n], now);
        }
        worker.handle_time(now, &mut io);
        now += MILLISECOND;
    }
    io.0
}

/// When each packet arrives, each up to `jitter_ms` late.
fn arrivals(count: usize, jitter_ms: u64) -> Vec<(Nanos, usize)> {
    let mut random = Random::with_seed(2);
    let late = |_: usize| random.draw() % (jitter_ms * MILLISECOND + 1);
    let delays: Vec<Nanos> = (0..count).map(late).collect();
    let mut arrivals: Vec<_> = delays
        .into_iter()
        .enumerate()
        .map(|(n, late)| (n as u64 * FRAME_MS as u64 * MILLISECOND + late, n))
        .collect();
    arrivals.sort_unstable();
    arrivals
}

fn speak(worker: &mut Worker, io: &mut Heard, codec: Codec, n: usize, payload: &[u8], now: Nanos) {
    let timestamp = n as u32 * codec.clock_rate() / 50;
    let packet = Packet {
        marker: n == 0,
        payload_type: 96,
        sequence: n as u16,
        timestamp,
        ssrc: 9,
        payload,
    };
    let mut datagram = [0; 2_048];
    let length = packet::write(&packet, &mut datagram).expect("it fits");
    worker.receive(
        Endpoint::Rtp(SPEAKER),
        address(SPEAKER),
        &datagram[..length],
        now,
        io,
    );
}
