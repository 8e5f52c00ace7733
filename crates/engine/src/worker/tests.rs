//! A worker driven with made-up instants: each test is a call of some seconds that takes no time.

mod metrics;
mod players;
mod secured;
mod setup;
mod sharing;
mod voices;

mod switching;

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

#[test]
fn a_lone_source_in_the_same_codec_is_relayed_byte_for_byte() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    let heard = call.heard_by(&b);
    assert_continuous(&heard);
    let payloads: Vec<Vec<u8>> = heard.iter().map(|packet| packet.payload.clone()).collect();
    assert_eq!(payloads, (0..50).map(numbered).collect::<Vec<_>>());
    assert!(heard
        .iter()
        .all(|packet| packet.to == b.address && packet.ssrc != a.ssrc));
    assert!(call.heard_by(&a).is_empty(), "nobody hears himself");
}

#[test]
fn another_codec_is_transcoded_and_keeps_its_sound() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcma), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &tone_of(1_000.0, Codec::Pcma))]);
    let heard = call.heard_by(&b);
    assert_continuous(&heard);
    assert!(heard.iter().all(|packet| packet.payload_type == 0));
    let late = samples(&heard[20..]);
    assert!(
        (level_of(1_000.0, &late) - -12.2).abs() < 0.5,
        "{}",
        level_of(1_000.0, &late)
    );
    assert!(level_of(700.0, &late) < -60.0);
}

#[test]
fn opus_reaches_a_phone_and_a_phone_reaches_opus() {
    let mut call = Call::new();
    let (mut a, mut b) = (call.phone(Codec::Opus), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.connect(b.track, a.port);
    let encoder = std::cell::RefCell::new(opus::Encoder::new(Rate::Full));
    let browser = |n: u32| {
        let sample =
            |k: u32| (f64::from(n * 960 + k) / 48_000.0 * 500.0 * std::f64::consts::TAU).sin();
        let frame: Vec<i16> = (0..960).map(|k| (sample(k) * 8_000.0) as i16).collect();
        let mut packet = [0; opus::MAX_PACKET];
        let length = encoder.borrow_mut().encode(&frame, &mut packet);
        packet[..length].to_vec()
    };
    let phone = tone_of(1_200.0, Codec::Pcmu);
    call.pass(SECOND, &mut [(&mut a, &browser), (&mut b, &phone)]);

    let to_phone = call.heard_by(&b);
    assert_continuous(&to_phone);
    let level = level_of(500.0, &samples(&to_phone[20..]));
    assert!((level - -12.2).abs() < 1.5, "{level}");

    let to_browser = call.heard_by(&a);
    let mut decoder = opus::Decoder::new();
    let mut loudest: f64 = -99.0;
    for packet in &to_browser {
        assert_eq!(
            (packet.payload_type, opus::duration(&packet.payload)),
            (96, 960)
        );
        let mut frame = [0; opus::Decoder::MAX_SAMPLES];
        let count = decoder.decode(&packet.payload, &mut frame);
        let narrow: Vec<i16> = frame[..count].iter().step_by(6).copied().collect();
        loudest = loudest.max(level_of(1_200.0, &narrow));
    }
    assert!((loudest - -12.2).abs() < 2.0, "{loudest}");
}

#[test]
fn the_stream_goes_on_through_relay_mix_player_hold_and_back() {
    let mut call = Call::new();
    let (mut a, mut b, c) = (
        call.phone(Codec::Pcmu),
        call.phone(Codec::Pcmu),
        call.phone(Codec::Pcmu),
    );
    let (player, music) = call.player();
    let (low, high) = (tone_of(500.0, Codec::Pcmu), tone_of(1_500.0, Codec::Pcmu));
    let mut second = |call: &mut Call| call.pass(SECOND, &mut [(&mut a, &low), (&mut b, &high)]);
    let (a_track, b_track) = (TrackId(2), TrackId(4));

    call.connect(a_track, c.port);
    second(&mut call); // relay
    call.connect(b_track, c.port);
    second(&mut call); // mix
    call.disconnect(a_track, c.port);
    second(&mut call); // relay of the other
    call.disconnect(b_track, c.port);
    call.connect(music, c.port);
    call.play(player, 1, vec![tone(&[800.0], 5_000, -10.0)]);
    second(&mut call); // player
    call.connect(a_track, c.port);
    second(&mut call); // player mixed with a voice
    let held = RtpConfig {
        send: false,
        ..config(Codec::Pcmu, c.address)
    };
    call.ask(Command::ConfigureRtp {
        port: c.port,
        config: held,
    });
    let before_hold = call.heard_by(&c);
    second(&mut call); // held: nothing is sent
    assert!(call.heard_by(&c).is_empty());
    call.ask(Command::ConfigureRtp {
        port: c.port,
        config: config(Codec::Pcmu, c.address),
    });
    call.disconnect(music, c.port);
    second(&mut call); // relay again

    let after_hold = call.heard_by(&c);
    assert!(after_hold[0].marker, "a talk spurt starts with a marker");
    let part = |second: usize| samples(&before_hold[second * 50 + 10..second * 50 + 45]);
    assert!(level_of(500.0, &part(0)) > -15.0 && level_of(1_500.0, &part(0)) < -50.0);
    assert!(level_of(500.0, &part(1)) > -15.0 && level_of(1_500.0, &part(1)) > -15.0);
    assert!(level_of(500.0, &part(2)) < -50.0 && level_of(1_500.0, &part(2)) > -15.0);
    assert!(level_of(800.0, &part(3)) > -15.0 && level_of(1_500.0, &part(3)) < -50.0);
    assert!(level_of(800.0, &part(4)) > -15.0 && level_of(500.0, &part(4)) > -15.0);
    assert_continuous(&[before_hold, after_hold].concat());
}

#[test]
fn a_conference_of_three_hears_the_others_and_never_itself() {
    let mut call = Call::new();
    let mut phones = [
        call.phone(Codec::Pcmu),
        call.phone(Codec::Pcma),
        call.phone(Codec::Pcmu),
    ];
    for from in phones {
        for to in phones.iter().filter(|to| to.port != from.port) {
            call.connect(from.track, to.port);
        }
    }
    let tones = [500.0, 900.0, 1_700.0];
    let [a, b, c] = &mut phones;
    let voices = [
        tone_of(tones[0], Codec::Pcmu),
        tone_of(tones[1], Codec::Pcma),
        tone_of(tones[2], Codec::Pcmu),
    ];
    call.pass(
        SECOND,
        &mut [(a, &voices[0]), (b, &voices[1]), (c, &voices[2])],
    );
    for (listener, index) in [(phones[0], 0), (phones[2], 2)] {
        let heard = samples(&call.heard_by(&listener)[20..]);
        for (n, hz) in tones.iter().enumerate() {
            let level = level_of(*hz, &heard);
            assert_eq!(
                level > -15.0,
                n != index,
                "{hz} Hz at {level} for listener {index}"
            );
            assert!(n != index || level < -50.0, "{hz} Hz at {level}");
        }
    }
}

#[test]
fn a_gain_is_applied_and_makes_a_mix_of_one_source() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.ask(Command::Connect(Crosspoint::new(a.track, b.port, -20.0)));
    call.pass(SECOND, &mut [(&mut a, &tone_of(1_000.0, Codec::Pcmu))]);
    let level = level_of(1_000.0, &samples(&call.heard_by(&b)[20..]));
    assert!((level - -32.2).abs() < 0.7, "{level}");
}

#[test]
fn a_port_without_sources_sends_nothing() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert!(call.heard_by(&b).is_empty());
    call.connect(a.track, b.port);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    call.disconnect(a.track, b.port);
    assert_eq!(call.heard_by(&b).len(), 50);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert!(call.heard_by(&b).is_empty());
}

#[test]
fn digits_are_told_once_and_leave_no_hole_in_what_is_relayed() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let start = a.sent * 160;
    for n in 1..=5u8 {
        call.press(&mut a, start, [7, 10, 0, n * 40]);
    }
    for _ in 0..3 {
        call.press(&mut a, start, [7, 0x8A, 3, 0x20]);
    }
    call.press(&mut a, start + 2_000, [11, 10, 0, 160]); // the end of this one is lost
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    let digits: Vec<_> = call
        .happened()
        .into_iter()
        .filter(|what| matches!(what, Happening::Digit { .. }))
        .collect();
    let digit = |digit, duration_ms| Happening::Digit {
        port: a.port,
        digit,
        duration_ms,
    };
    assert_eq!(digits, [digit('7', 100), digit('#', 20)]);
    let heard = call.heard_by(&b);
    assert_eq!(presses_heard(&heard, 8_000), ['7', '#']);
    let sequences: Vec<u16> = heard.iter().map(|packet| packet.sequence).collect();
    assert!(
        sequences
            .windows(2)
            .all(|pair| pair[1] == pair[0].wrapping_add(1)),
        "{sequences:?}"
    );
}

#[test]
fn a_phone_behind_nat_is_found_and_a_stranger_is_not_let_in() {
    let mut call = Call::new();
    let (a, mut b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(b.track, a.port);
    let natted = SocketAddr::from(([198, 51, 100, 1], 4_000));
    let stranger = SocketAddr::from(([203, 0, 113, 9], 666));
    let payload = numbered(1);
    call.speak(&mut b, &payload);
    assert_eq!(
        call.heard_by(&a)[0].to,
        a.address,
        "until media comes, signalling says where to"
    );
    for sent in 0..4 {
        let a = Phone { sent, ..a };
        call.receive(&a, natted, &a.packet(&payload)); // the last of them shows that it is a stream
    }
    call.receive(&a, stranger, &a.packet(&payload));
    call.speak(&mut b, &payload);
    assert_eq!(call.heard_by(&a)[0].to, natted);
    assert_eq!(call.counters.ignored.get(), 4);

    let elsewhere = SocketAddr::new(a.address.ip(), 9);
    call.receive(&a, elsewhere, &a.packet(&payload)); // the signalled host, another port
    call.receive(&a, natted, &a.packet(&payload));
    call.speak(&mut b, &payload);
    assert_eq!(
        call.heard_by(&a)[0].to,
        elsewhere,
        "the signalled host settles it"
    );
    assert_eq!(call.counters.ignored.get(), 5);

    call.ask(Command::ConfigureRtp {
        port: a.port,
        config: config(Codec::Pcmu, a.address),
    });
    call.speak(&mut b, &payload);
    assert_eq!(
        call.heard_by(&a)[0].to,
        elsewhere,
        "a re-INVITE to the same place changes nothing"
    );
    let moved = SocketAddr::from(([192, 0, 2, 77], 7_000));
    call.ask(Command::ConfigureRtp {
        port: a.port,
        config: config(Codec::Pcmu, moved),
    });
    call.speak(&mut b, &payload);
    assert_eq!(call.heard_by(&a)[0].to, moved);
}

#[test]
fn without_latching_only_the_signalled_host_is_heard() {
    let mut call = Call::new();
    let (port, track) = (PortId(call.id()), TrackId(call.id()));
    let address = SocketAddr::from(([192, 0, 2, 1], 5_000));
    call.ask(Command::OpenRtp {
        port,
        track,
        session: SESSION,
        allow_latch: false,
    });
    call.ask(Command::ConfigureRtp {
        port,
        config: config(Codec::Pcmu, address),
    });
    let a = Phone {
        port,
        track,
        address,
        codec: Codec::Pcmu,
        sent: 0,
        ssrc: 1,
    };
    call.receive(
        &a,
        SocketAddr::from(([198, 51, 100, 1], 5_000)),
        &a.packet(&numbered(1)),
    );
    assert_eq!((call.counters.ignored.get(), call.happened()), (1, vec![]));
    call.receive(
        &a,
        SocketAddr::new(address.ip(), 1),
        &a.packet(&numbered(1)),
    );
    assert_eq!(call.happened(), [Happening::MediaStarted { track }]);
}

#[test]
fn comfort_noise_of_the_peer_is_no_packet_of_the_stream_and_leaves_no_hole() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    for n in 0..3 {
        let payload_type = if n == 1 { COMFORT_NOISE } else { 0 };
        let packet = Packet {
            payload_type,
            ..a.packet(&[30; 160])
        };
        call.receive(&a, a.address, &packet);
        a.sent += 1;
    }
    let heard = call.heard_by(&b);
    assert_eq!((heard.len(), call.counters.ignored.get()), (2, 0));
    assert_eq!(heard[1].sequence, heard[0].sequence.wrapping_add(1));
    assert_eq!(heard[1].timestamp, heard[0].timestamp.wrapping_add(320));
}

#[test]
fn another_payload_type_is_ignored_and_counted() {
    let mut call = Call::new();
    let (a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.receive(
        &a,
        a.address,
        &Packet {
            payload_type: 18,
            ..a.packet(&[30])
        },
    ); // G.729
    assert_eq!(
        (call.counters.ignored.get(), call.heard_by(&b).len()),
        (1, 0)
    );
}

#[test]
fn a_play_is_paced_relayed_and_told() {
    let mut call = Call::new();
    let a = call.phone(Codec::Pcmu);
    let (player, track) = call.player();
    call.connect(track, a.port);
    call.play(player, 41, vec![tone(&[440.0], 1_000, -10.0)]);
    call.silence(300 * MILLISECOND);
    assert_eq!(call.heard_by(&a).len(), 15);
    call.play(
        player,
        42,
        vec![tone(&[440.0], 200, -10.0), Prompt::Silence(1_600)],
    );
    call.silence(SECOND);
    let heard = call.heard_by(&a);
    // What is cut dies away in a frame of its own, and the end is noticed with an empty one.
    assert_eq!(heard.len(), 300 / 20 + 2);
    assert_continuous(&heard);
    assert!((level_of(440.0, &samples(&heard[2..10])) - -13.2).abs() < 0.5);
    let finished = |play_id, outcome, position_ms| Happening::PlayFinished {
        port: player,
        play_id,
        outcome,
        position_ms,
    };
    let expected = [
        finished(41, PlayOutcome::Replaced, 300),
        finished(42, PlayOutcome::Finished, 300),
    ];
    assert_eq!(call.happened(), expected);
    call.play(player, 43, vec![Prompt::Silence(160_000)]);
    call.ask(Command::ClosePort {
        port: player,
        end: None,
    });
    assert_eq!(call.happened(), [finished(43, PlayOutcome::Stopped, 0)]);
    call.silence(SECOND);
    assert!(call.heard_by(&a).is_empty());
}

#[test]
fn a_play_on_an_idle_worker_starts_with_one_frame() {
    let mut call = Call::new();
    let a = call.phone(Codec::Pcmu);
    let (player, track) = call.player();
    call.connect(track, a.port);
    call.worker.handle_time(call.now, &mut call.wire);
    call.now += 99 * MILLISECOND; // an idle worker sleeps up to its next look at time-outs
    call.play(player, 1, vec![tone(&[440.0], 1_000, -10.0)]);
    call.silence(20 * MILLISECOND);
    assert_eq!(call.heard_by(&a).len(), 1);
    assert_eq!(call.counters.late_ticks.get(), 0);
}

#[test]
fn a_ptime_of_30_ms_is_kept_to() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcma), call.phone(Codec::Pcmu));
    let slow = RtpConfig {
        ptime_ms: 30,
        ..config(Codec::Pcmu, b.address)
    };
    call.ask(Command::ConfigureRtp {
        port: b.port,
        config: slow,
    });
    call.connect(a.track, b.port);
    call.pass(
        600 * MILLISECOND,
        &mut [(&mut a, &tone_of(500.0, Codec::Pcma))],
    );
    let heard = call.heard_by(&b);
    assert_eq!(heard.len(), 20);
    assert!(heard.iter().all(|packet| packet.payload.len() == 240));
    assert!(heard
        .windows(2)
        .all(|p| p[1].timestamp.wrapping_sub(p[0].timestamp) == 240));
}

#[test]
fn media_that_starts_stops_or_never_comes_is_told() {
    let mut call = Call::new();
    let mut a = call.phone(Codec::Pcmu);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(
        call.happened(),
        [Happening::MediaStarted { track: a.track }]
    );
    call.silence(3 * SECOND);
    assert_eq!(
        call.happened(),
        [Happening::MediaStopped { track: a.track }]
    );
    call.silence(40 * SECOND);
    assert_eq!(call.happened(), [Happening::MediaTimeout { port: a.port }]);
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(
        call.happened(),
        [Happening::MediaStarted { track: a.track }]
    );
    let held = RtpConfig {
        receive: false,
        ..config(Codec::Pcmu, a.address)
    };
    call.ask(Command::ConfigureRtp {
        port: a.port,
        config: held,
    });
    call.silence(60 * SECOND);
    assert_eq!(
        call.happened(),
        [Happening::MediaStopped { track: a.track }],
        "a held phone may be silent"
    );
}

#[test]
fn reports_are_sent_to_the_port_above_and_their_answers_measured() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    call.pass(12 * SECOND, &mut [(&mut a, &numbered)]);
    let reports: Vec<_> = call
        .wire
        .sent
        .iter()
        .filter(|(from, _, _)| matches!(from, Endpoint::Rtcp(_)))
        .collect();
    assert!(reports.len() >= 2, "{}", reports.len());
    assert!(reports
        .iter()
        .all(|(_, to, _)| to.port() == a.address.port() + 1 || to.port() == b.address.port() + 1));
    assert!(reports
        .iter()
        .all(|(_, _, datagram)| packet::is_rtcp(datagram)));
}

#[test]
fn closing_leaves_nothing_behind() {
    let mut call = Call::new();
    let (mut a, mut b) = (call.phone(Codec::Pcma), call.phone(Codec::Pcmu));
    let (player, music) = call.player();
    for (source, destination) in [(a.track, b.port), (b.track, a.port), (music, a.port)] {
        call.connect(source, destination);
    }
    call.play(player, 1, vec![tone(&[440.0], 10_000, -10.0)]);
    let low = tone_of(500.0, Codec::Pcma);
    call.pass(SECOND, &mut [(&mut a, &low), (&mut b, &low)]);
    assert_eq!(call.counters.crosspoints.get(), 3);
    for port in [a.port, player, b.port, b.port] {
        call.ask(Command::ClosePort { port, end: None });
    }
    let counters = &call.counters;
    let open = [
        &counters.rtp_ports,
        &counters.players,
        &counters.crosspoints,
    ]
    .map(|counter| counter.get());
    assert_eq!(open, [0, 0, 0]);
    assert_eq!(call.wire.closed.len(), 4);
    assert_eq!(call.worker.next_deadline(), None, "an empty worker sleeps");
    assert!(call.worker.ports.is_empty() && call.worker.tracks.is_empty());
    assert!(call.worker.matrix.is_empty());
}

#[test]
fn what_names_a_closed_port_or_track_does_nothing() {
    let mut call = Call::new();
    let a = call.phone(Codec::Pcmu);
    let (nobody, nothing) = (PortId(99), TrackId(99));
    for command in [
        Command::Connect(Crosspoint::new(nothing, a.port, 0.0)),
        Command::Connect(Crosspoint::new(a.track, nobody, 0.0)),
        Command::Disconnect {
            source: nothing,
            destination: nobody,
        },
        Command::ClosePort {
            port: nobody,
            end: None,
        },
        Command::StopPlaying { port: a.port },
        Command::SendData {
            port: a.port,
            text: String::new(),
        },
        Command::RequestKeyframe { track: a.track },
        Command::ConfigureRtp {
            port: nobody,
            config: config(Codec::Pcmu, a.address),
        },
    ] {
        call.ask(command);
    }
    assert_eq!(
        (call.counters.crosspoints.get(), call.happened()),
        (0, vec![])
    );
}

/// Digits that a detector hears in what was sent.
fn tones_heard(heard: &[Heard]) -> String {
    let mut detector = ToneDetector::default();
    let mut digits = String::new();
    for frame in samples(heard).chunks_exact(160) {
        for signal in detector.process(frame, false).into_iter().flatten() {
            if let Signal::Over(press) = signal {
                digits.push(press.digit);
            }
        }
    }
    digits
}

#[test]
fn a_press_reaches_who_hears_the_track_across_codecs_and_clocks_and_nobody_else() {
    let mut call = Call::new();
    let mut a = call.phone(Codec::Pcmu);
    let (b, c, d) = (
        call.phone(Codec::Pcma),
        call.phone(Codec::Opus),
        call.phone(Codec::Pcmu),
    );
    call.connect(a.track, b.port);
    call.connect(a.track, c.port);
    call.connect(c.track, d.port);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    for (n, code) in [4u8, 4, 11].into_iter().enumerate() {
        let start = a.sent * 160 + n as u32;
        call.press(&mut a, start, [code, 10, 0, 160]);
        call.silence(60 * MILLISECOND);
        call.press(&mut a, start, [code, 0x8A, 2, 0x80]);
        call.silence(100 * MILLISECOND);
    }
    call.pass(SECOND, &mut [(&mut a, &numbered)]);
    let (at_b, at_c) = (call.heard_by(&b), call.heard_by(&c));
    assert_eq!(presses_heard(&at_b, 8_000), ['4', '4', '#']);
    assert_eq!(presses_heard(&at_c, 48_000), ['4', '4', '#']);
    for heard in [at_b, at_c] {
        let follows = |pair: &[Heard]| pair[1].sequence == pair[0].sequence.wrapping_add(1);
        assert!(heard.windows(2).all(follows));
        let sound: Vec<_> = heard
            .iter()
            .filter(|p| p.payload_type != TELEPHONE_EVENT)
            .collect();
        let step = |pair: &[&Heard]| pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
        assert!(
            sound.windows(2).all(|pair| step(pair) > 0),
            "sound goes on in time"
        );
    }
    assert!(presses_heard(&call.heard_by(&d), 8_000).is_empty());
}

#[test]
fn a_peer_without_telephone_events_gets_tones() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    let without = RtpConfig {
        telephone_event: None,
        ..config(Codec::Pcmu, b.address)
    };
    call.ask(Command::ConfigureRtp {
        port: b.port,
        config: without,
    });
    call.connect(a.track, b.port);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let digits = "1590".to_owned();
    call.ask(Command::SendDigits {
        port: b.port,
        digits,
        ms: 80,
    });
    call.ask(Command::RelayDigit {
        track: a.track,
        press: Press {
            digit: '#',
            duration_ms: 100,
        },
    });
    call.pass(2 * SECOND, &mut [(&mut a, &tone_of(300.0, Codec::Pcmu))]);
    let heard = call.heard_by(&b);
    assert_eq!(tones_heard(&heard), "1590#");
    assert_continuous(&heard);
}

#[test]
fn digits_are_sent_to_a_port_that_hears_nobody() {
    let mut call = Call::new();
    let a = call.phone(Codec::Opus);
    let digits = "42".to_owned();
    call.ask(Command::SendDigits {
        port: a.port,
        digits,
        ms: 100,
    });
    call.silence(SECOND);
    assert_eq!(presses_heard(&call.heard_by(&a), 48_000), ['4', '2']);
}

#[test]
fn tones_of_a_peer_that_also_sends_events_are_not_counted_again() {
    let mut call = Call::new();
    let mut a = call.phone(Codec::Pcmu);
    call.ask(Command::DetectDigits {
        track: a.track,
        on: true,
    });
    let five = |n: u32| {
        let tone: Vec<i16> = samples_of_digit('5', n);
        let mut payload = vec![0; 160];
        g711::encode(Codec::Pcmu, &tone, &mut payload);
        payload
    };
    call.pass(100 * MILLISECOND, &mut [(&mut a, &five)]);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let digits = |call: &Call| {
        let told = call.happened();
        told.iter()
            .filter(|what| matches!(what, Happening::Digit { digit: '5', .. }))
            .count()
    };
    assert_eq!(digits(&call), 1, "by its tone");
    let start = a.sent * 160;
    call.press(&mut a, start, [5, 0x8A, 2, 0x80]);
    call.pass(100 * MILLISECOND, &mut [(&mut a, &five)]);
    call.pass(200 * MILLISECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(digits(&call), 1, "by its event alone");
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

/// 300 Hz, and each second a digit of 40 to 280 ms that begins anywhere in a packet; also where the digits are.
fn voice_and_digits(seconds: usize) -> (Vec<i16>, Vec<std::ops::Range<usize>>) {
    let hum =
        |n: usize| ((n as f64 / 8_000.0 * 300.0 * std::f64::consts::TAU).sin() * 6_000.0) as i16;
    let mut sound: Vec<i16> = (0..seconds * 8_000).map(hum).collect();
    let mut spans = Vec::new();
    for n in 0..seconds - 1 {
        let digit = char::from(crate::dtmf::DIGITS[n % 16]);
        let start = n * 8_000 + 4_000 + n * 37 % 160;
        let length = 320 + n * 251 % 1_920;
        let tone: Vec<i16> = (0..15)
            .flat_map(|frame| samples_of_digit(digit, frame))
            .collect();
        sound[start..start + length].copy_from_slice(&tone[80..80 + length]);
        spans.push(start..start + length);
    }
    (sound, spans)
}

/// Samples of tone that came through, and the share of the sound around it that was kept.
fn leaked_and_kept(sent: &[i16], got: &[i16], digits: &[std::ops::Range<usize>]) -> (usize, f64) {
    let is_digit = |n: usize| digits.iter().any(|span| span.contains(&n));
    let (mut leaked, mut outside, mut kept) = (0, 0u32, 0u32);
    for n in 0..got.len() {
        if is_digit(n) {
            leaked += usize::from(got[n].abs() > 40);
        } else {
            outside += 1;
            kept += u32::from(got[n] == sent[n]);
        }
    }
    (leaked, f64::from(kept) / f64::from(outside))
}

#[test]
fn under_a_mask_no_digit_reaches_another_port_or_the_tape_and_each_is_counted() {
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let mut call = Call::new();
        let (mut a, b, c) = (
            call.phone(codec),
            call.phone(codec),
            call.phone(Codec::Opus),
        );
        let recorder = PortId(call.id());
        call.ask(Command::OpenRecorder {
            port: recorder,
            session: SESSION,
        });
        for port in [b.port, c.port, recorder] {
            call.connect(a.track, port);
        }
        call.ask(Command::MaskDigits {
            track: a.track,
            on: true,
        });
        let (sound, spans) = voice_and_digits(33);
        let mut decoded = vec![0; sound.len()];
        let mut coded = vec![0; sound.len()];
        g711::encode(codec, &sound, &mut coded);
        g711::decode(codec, &coded, &mut decoded);
        let frames = coded.len() / 160;
        let say = |n: u32| coded[n as usize * 160..][..160].to_vec();
        call.pass(frames as u64 * PTIME, &mut [(&mut a, &say)]);
        call.press(&mut a, 0, [5, 0x8A, 2, 0x80]);
        call.silence(SECOND);
        let told = call.happened();
        let digits = told.iter().filter_map(|what| match what {
            Happening::Digit { digit, .. } => Some(*digit),
            _ => None,
        });
        assert_eq!(digits.collect::<String>(), "x".repeat(spans.len() + 1));

        let heard = call.heard_by(&b);
        let payloads: Vec<u8> = heard
            .iter()
            .flat_map(|packet| packet.payload.clone())
            .collect();
        assert_eq!(payloads.len(), coded.len(), "nothing is missing");
        let mut tape = Vec::new();
        let mut payload = Vec::new();
        while let Some(Pull::Packet(_)) = call.tape.pull(&mut payload) {
            tape.extend_from_slice(&payload);
        }
        assert!(tape == payloads, "the tape has what the others hear");
        let mut got = vec![0; payloads.len()];
        g711::decode(codec, &payloads, &mut got);
        let (leaked, kept) = leaked_and_kept(&decoded, &got, &spans);
        assert_eq!(leaked, 0, "samples of tone came through");
        assert!(kept > 0.93, "{kept} of the voice was kept");

        let mut decoder = Codec::Opus.decoder(Rate::Narrow);
        let mut narrow = Vec::new();
        for packet in call.heard_by(&c) {
            assert_ne!(packet.payload_type, TELEPHONE_EVENT);
            let mut samples = [0; 960];
            let count = decoder.decode(&packet.payload, &mut samples);
            narrow.extend_from_slice(&samples[..count]);
        }
        let mut detector = ToneDetector::default();
        let signals = narrow
            .chunks_exact(160)
            .flat_map(|frame| detector.process(frame, false));
        assert_eq!(signals.flatten().count(), 0);
    }
}

#[test]
fn what_a_mask_keeps_back_comes_when_it_is_taken_off_or_the_peer_falls_silent() {
    let mut call = Call::new();
    let (mut a, b) = (call.phone(Codec::Pcmu), call.phone(Codec::Pcmu));
    call.connect(a.track, b.port);
    let track = a.track;
    let mask = |on| Command::MaskDigits { track, on };
    call.ask(mask(true));
    call.pass(100 * MILLISECOND, &mut [(&mut a, &numbered)]);
    let at_once = call.heard_by(&b).len();
    assert!(at_once < 5);
    call.silence(300 * MILLISECOND);
    assert_eq!(at_once + call.heard_by(&b).len(), 5);
    call.pass(100 * MILLISECOND, &mut [(&mut a, &numbered)]);
    call.ask(mask(false));
    call.pass(100 * MILLISECOND, &mut [(&mut a, &numbered)]);
    assert_eq!(call.heard_by(&b).len(), 10);
}
