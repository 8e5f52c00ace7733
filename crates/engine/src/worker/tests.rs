//! A worker driven with made-up instants: each test is a call of some seconds that takes no time.

mod digits;
mod metrics;
mod peers;
mod players;
mod plays;
mod relay;
mod secured;
mod setup;
mod sharing;
mod switching;
mod voices;

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Worker, WorkerSettings};
use crate::clock::{Clock, Nanos, MILLISECOND, SECOND};
use crate::codec::{g711, opus, Codec, Rate, COMFORT_NOISE};
use crate::command::{Command, Play};
use crate::dtmf::{EventPacket, Moment, Press, Signal, TelephoneEvents, ToneDetector};
use crate::event::{EventQueue, Happening, PlayOutcome};
use crate::id::{PortId, SessionId, TrackId};
use crate::io::{Endpoint, MediaIo};
use crate::matrix::Crosspoint;
use crate::port::rtp::{Link, RtpConfig};
use crate::programme::Programme;
use crate::prompt::{tone, Prompt};
use crate::random::Random;
use crate::recording::{Pull, Tape, TapeEnd};
use crate::rtp::packet::{self, Packet};
use crate::stats::Counters;

const SESSION: SessionId = SessionId(1);
const PTIME: Nanos = 20 * MILLISECOND;
const TELEPHONE_EVENT: u8 = 101;

/// What a worker sent.
#[derive(Default)]
struct Wire {
    sent: Vec<(Endpoint, SocketAddr, Vec<u8>)>,
    closed: Vec<Endpoint>,
}

impl MediaIo for Wire {
    fn send(&mut self, from: Endpoint, to: SocketAddr, datagram: &[u8]) {
        self.sent.push((from, to, datagram.to_vec()));
    }

    fn close(&mut self, endpoint: Endpoint) {
        self.closed.push(endpoint);
    }
}

struct Call {
    worker: Worker,
    tape: TapeEnd,
    wire: Wire,
    events: Arc<EventQueue>,
    counters: Arc<Counters>,
    now: Nanos,
    next_id: u64,
}

/// A phone on an RTP port of the worker.
#[derive(Clone, Copy)]
struct Phone {
    port: PortId,
    track: TrackId,
    address: SocketAddr,
    codec: Codec,
    /// Packets sent so far; they are numbered and timed by it.
    sent: u32,
    ssrc: u32,
}

impl Phone {
    fn packet<'a>(&self, payload: &'a [u8]) -> Packet<'a> {
        Packet {
            marker: self.sent == 0,
            payload_type: payload_type(self.codec),
            sequence: 65_500u16.wrapping_add(self.sent as u16),
            timestamp: self.sent * self.codec.clock_rate() / 50,
            ssrc: self.ssrc,
            payload,
        }
    }
}

/// A phone, and what it says in its nth packet.
type Speaker<'a> = (&'a mut Phone, &'a dyn Fn(u32) -> Vec<u8>);

fn payload_type(codec: Codec) -> u8 {
    codec.format().payload_type.unwrap_or(96)
}

fn config(codec: Codec, remote: SocketAddr) -> RtpConfig {
    RtpConfig {
        remote: Some(remote),
        payload_type: payload_type(codec),
        codec,
        telephone_event: Some(TELEPHONE_EVENT),
        ptime_ms: 20,
        send: true,
        receive: true,
        link: Link::default(),
    }
}

impl Call {
    fn new() -> Call {
        let clock = Clock::new(0);
        let now = clock.now() / SECOND * SECOND;
        let events = Arc::new(EventQueue::new().unwrap());
        let counters = Arc::new(Counters::default());
        let settings = WorkerSettings {
            index: 0,
            media_timeout: 30 * SECOND,
            clock,
            random: Random::with_seed(7),
        };
        let (tape, tape_end) = Tape::new();
        let worker = Worker::new(settings, events.clone(), counters.clone(), tape, now);
        Call {
            worker,
            tape: tape_end,
            wire: Wire::default(),
            events,
            counters,
            now,
            next_id: 0,
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn ask(&mut self, command: Command) {
        self.worker.apply(command, self.now, &mut self.wire);
    }

    fn phone(&mut self, codec: Codec) -> Phone {
        let (port, track) = (PortId(self.id()), TrackId(self.id()));
        let address = SocketAddr::from(([192, 0, 2, 1], 20_000 + port.0 as u16));
        self.ask(Command::OpenRtp {
            port,
            track,
            session: SESSION,
            allow_latch: true,
        });
        self.ask(Command::ConfigureRtp {
            port,
            config: config(codec, address),
        });
        Phone {
            port,
            track,
            address,
            codec,
            sent: 0,
            ssrc: port.0 as u32 + 100,
        }
    }

    fn player(&mut self) -> (PortId, TrackId) {
        let (port, track) = (PortId(self.id()), TrackId(self.id()));
        self.ask(Command::OpenPlayer {
            port,
            track,
            session: SESSION,
        });
        (port, track)
    }

    fn play(&mut self, port: PortId, id: u64, items: Vec<Prompt>) {
        let items = items.into_iter().map(Arc::new).collect();
        let play = Play {
            id,
            programme: Arc::new(Programme::new(items, None)),
            looped: false,
            report: None,
        };
        self.ask(Command::Play {
            port,
            play,
            queued: false,
        });
    }

    fn connect(&mut self, source: TrackId, destination: PortId) {
        self.ask(Command::Connect(Crosspoint::new(source, destination, 0.0)));
    }

    fn disconnect(&mut self, source: TrackId, destination: PortId) {
        self.ask(Command::Disconnect {
            source,
            destination,
        });
    }

    fn receive(&mut self, phone: &Phone, from: SocketAddr, packet: &Packet<'_>) {
        let mut datagram = [0; 1_500];
        let length = packet::write(packet, &mut datagram).unwrap();
        let at = Endpoint::Rtp(phone.port);
        self.worker
            .receive(at, from, &datagram[..length], self.now, &mut self.wire);
    }

    /// The phone sends its next packet.
    fn speak(&mut self, phone: &mut Phone, payload: &[u8]) {
        self.receive(&*phone, phone.address, &phone.packet(payload));
        phone.sent += 1;
    }

    fn press(&mut self, phone: &mut Phone, timestamp: u32, payload: [u8; 4]) {
        let packet = Packet {
            payload_type: TELEPHONE_EVENT,
            timestamp,
            ..phone.packet(&payload)
        };
        self.receive(&*phone, phone.address, &packet);
        phone.sent += 1;
    }

    /// Let time pass in milliseconds; each phone speaks each 20 ms.
    fn pass(&mut self, duration: Nanos, speakers: &mut [Speaker<'_>]) {
        let end = self.now + duration;
        while self.now < end {
            if self.now % PTIME == 5 * MILLISECOND {
                for (phone, payload) in speakers.iter_mut() {
                    let payload = payload(phone.sent);
                    self.speak(phone, &payload);
                }
            }
            self.worker.handle_time(self.now, &mut self.wire);
            self.now += MILLISECOND;
        }
    }

    fn silence(&mut self, duration: Nanos) {
        self.pass(duration, &mut []);
    }

    /// Media sent to a phone since the last call.
    fn heard_by(&mut self, phone: &Phone) -> Vec<Heard> {
        let (here, elsewhere): (Vec<_>, Vec<_>) = std::mem::take(&mut self.wire.sent)
            .into_iter()
            .partition(|(from, _, _)| *from == Endpoint::Rtp(phone.port));
        self.wire.sent = elsewhere;
        here.iter()
            .map(|(_, to, datagram)| Heard::new(*to, datagram))
            .collect()
    }

    fn happened(&self) -> Vec<Happening> {
        self.events
            .drain()
            .into_iter()
            .map(|event| event.what)
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Heard {
    to: SocketAddr,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    ssrc: u32,
    payload: Vec<u8>,
}

impl Heard {
    fn new(to: SocketAddr, datagram: &[u8]) -> Heard {
        let packet = packet::parse(datagram).expect("only valid packets are sent");
        Heard {
            to,
            payload_type: packet.payload_type,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            ssrc: packet.ssrc,
            payload: packet.payload.to_vec(),
        }
    }
}

/// Digits that a peer who gets these packets counts by telephone-events.
fn presses_heard(heard: &[Heard], rate: u32) -> Vec<char> {
    let mut events = TelephoneEvents::default();
    let signals = heard
        .iter()
        .filter(|packet| packet.payload_type == TELEPHONE_EVENT);
    let told = signals.flat_map(|packet| {
        let event = EventPacket {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            marker: packet.marker,
            payload: &packet.payload,
            rate,
        };
        events.receive(&event, 0)
    });
    let over = |signal| match signal {
        Signal::Over(press) => Some(press.digit),
        Signal::Began(_) => None,
    };
    told.flatten().filter_map(over).collect()
}

/// One stream: no number missed or used twice, and no timestamp inside the packet before.
fn assert_continuous(heard: &[Heard]) {
    assert!(heard.len() > 1, "there is a stream");
    for pair in heard.windows(2) {
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        assert_eq!(
            pair[1].sequence,
            pair[0].sequence.wrapping_add(1),
            "{pair:?}"
        );
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((160..=8_000 * 60).contains(&step), "{step} ticks");
        assert!(
            step == 160 || pair[1].marker,
            "a step of {step} without a marker"
        );
    }
}

fn samples(heard: &[Heard]) -> Vec<i16> {
    let mut all = Vec::new();
    for packet in heard {
        let mut frame = [0; 160];
        g711::decode(Codec::Pcmu, &packet.payload, &mut frame);
        all.extend(frame);
    }
    all
}

/// The level of one frequency in dB below full scale (Goertzel).
fn level_of(hz: f64, samples: &[i16]) -> f64 {
    let turn = 2.0 * std::f64::consts::PI * hz / 8_000.0;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        re += f64::from(sample) * (turn * n as f64).cos();
        im += f64::from(sample) * (turn * n as f64).sin();
    }
    20.0 * ((2.0 * re.hypot(im) / samples.len() as f64 / 32_768.0).max(1e-9)).log10()
}

fn tone_of(hz: f64, codec: Codec) -> impl Fn(u32) -> Vec<u8> {
    move |n| {
        let time = |k: u32| f64::from(n * 160 + k) / 8_000.0;
        let sample = |k| ((time(k) * hz * std::f64::consts::TAU).sin() * 8_000.0) as i16;
        let mut payload = vec![0; 160];
        g711::encode(
            codec,
            &(0..160).map(sample).collect::<Vec<_>>(),
            &mut payload,
        );
        payload
    }
}

fn numbered(n: u32) -> Vec<u8> {
    vec![n as u8; 160]
}

fn samples_of_digit(digit: char, frame: u32) -> Vec<i16> {
    let moment = Moment {
        digit,
        ms: 20 * (frame + 1),
        begins: false,
        after: 0,
    };
    let mut samples = vec![0; 160];
    moment.tone(Rate::Narrow, &mut samples);
    samples
}
