//! Each press counts once and speech is no press: random presses through a bad network and the whole worker, in virtual
//! time. `make digits` runs the long ones too and writes `load_tests/results/digits.json`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mediaswitch_engine::clock::{Clock, Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::{Codec, Encoder, Rate, MAX_PAYLOAD};
use mediaswitch_engine::command::Command;
use mediaswitch_engine::dtmf::{code_of, pair_of, DIGITS};
use mediaswitch_engine::event::{EventQueue, Happening};
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::io::{Endpoint, MediaIo};
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::random::Random;
use mediaswitch_engine::recording::Tape;
use mediaswitch_engine::rtp::packet::{self, Packet};
use mediaswitch_engine::stats::Counters;
use mediaswitch_engine::worker::{Worker, WorkerSettings};

const EVENT: u8 = 101;
const PTIME: Nanos = 20 * MILLISECOND;
const PORT: PortId = PortId(1);
const TRACK: TrackId = TrackId(2);
/// Debian's asterisk-core-sounds-*-wav: people who speak.
const SPEECH: &str = "/usr/share/asterisk/sounds";

struct Sink;

impl MediaIo for Sink {
    fn send(&mut self, _: Endpoint, _: SocketAddr, _: &[u8]) {}
    fn close(&mut self, _: Endpoint) {}
}

/// What the network does to packets.
#[derive(Clone, Copy)]
struct Network {
    loss: f64,
    doubled: f64,
    jitter_ms: u64,
}

const PERFECT: Network = Network {
    loss: 0.0,
    doubled: 0.0,
    jitter_ms: 0,
};
const BAD: Network = Network {
    loss: 0.1,
    doubled: 0.02,
    jitter_ms: 50,
};

#[derive(Clone, Copy, Debug)]
struct Press {
    digit: char,
    ms: u64,
    pause_ms: u64,
}

/// A press and how it sounds.
#[derive(Clone, Copy)]
struct Sound {
    row: f64,
    column: f64,
    hz: [f64; 2],
}

struct Chance(Random);

impl Chance {
    fn part(&mut self) -> f64 {
        (self.0.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.part()
    }

    fn whole(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.draw() % (high - low + 1)
    }

    fn presses(&mut self, count: usize, ms: (u64, u64), pause_ms: (u64, u64)) -> Vec<Press> {
        let mut press = || Press {
            digit: char::from(DIGITS[self.whole(0, 15) as usize]),
            ms: self.whole(ms.0, ms.1),
            pause_ms: self.whole(pause_ms.0, pause_ms.1),
        };
        (0..count).map(|_| press()).collect()
    }
}

/// A phone that sends through a network to a worker.
struct Line {
    worker: Worker,
    events: Arc<EventQueue>,
    now: Nanos,
    network: Network,
    chance: Chance,
    on_its_way: BinaryHeap<Reverse<(Nanos, u64, Vec<u8>)>>,
    sent: u64,
    told: Vec<(Nanos, char)>,
}

impl Line {
    fn new(codec: Codec, network: Network, listens: bool) -> Line {
        let clock = Clock::new(0);
        let now = clock.now() / SECOND * SECOND;
        let events = Arc::new(EventQueue::new().unwrap());
        let settings = WorkerSettings {
            index: 0,
            media_timeout: 3_600 * SECOND,
            clock,
            random: Random::with_seed(7),
        };
        let counters = Arc::new(Counters::default());
        let mut worker = Worker::new(settings, events.clone(), counters, Tape::new().0, now);
        let config = RtpConfig {
            remote: Some(SocketAddr::from(([192, 0, 2, 1], 20_000))),
            payload_type: 96,
            codec,
            telephone_event: Some(EVENT),
            ptime_ms: 20,
            send: true,
            receive: true,
            link: Link::default(),
        };
        let mut asked = vec![
            Command::OpenRtp {
                port: PORT,
                track: TRACK,
                session: SessionId(1),
                allow_latch: true,
            },
            Command::ConfigureRtp { port: PORT, config },
        ];
        if listens {
            asked.push(Command::DetectDigits {
                track: TRACK,
                on: true,
            });
        }
        for command in asked {
            worker.apply(command, now, &mut Sink);
        }
        Line {
            worker,
            events,
            now,
            network,
            chance: Chance(Random::with_seed(11)),
            on_its_way: BinaryHeap::new(),
            sent: 0,
            told: Vec::new(),
        }
    }

    /// Send a packet; true if the network lets it arrive.
    fn send(&mut self, payload_type: u8, timestamp: u32, marker: bool, payload: &[u8]) -> bool {
        let packet = Packet {
            marker,
            payload_type,
            sequence: self.sent as u16,
            timestamp,
            ssrc: 77,
            payload,
        };
        let mut datagram = [0; 1_500];
        let length = packet::write(&packet, &mut datagram).unwrap();
        self.sent += 1;
        let copies = 1 + usize::from(self.chance.part() < self.network.doubled);
        let arrives = self.chance.part() >= self.network.loss;
        for _ in 0..if arrives { copies } else { 0 } {
            let late = self.chance.whole(0, self.network.jitter_ms) * MILLISECOND;
            let datagram = datagram[..length].to_vec();
            self.on_its_way
                .push(Reverse((self.now + late, self.sent, datagram)));
        }
        arrives
    }

    /// Let 20 ms pass.
    fn pass(&mut self) {
        let end = self.now + PTIME;
        let from = SocketAddr::from(([192, 0, 2, 1], 20_000));
        while let Some(Reverse((at, ..))) = self.on_its_way.peek() {
            if *at >= end {
                break;
            }
            let Reverse((at, _, datagram)) = self.on_its_way.pop().unwrap();
            self.worker.handle_time(at, &mut Sink);
            self.worker
                .receive(Endpoint::Rtp(PORT), from, &datagram, at, &mut Sink);
        }
        self.worker.handle_time(end, &mut Sink);
        self.now = end;
        for event in self.events.drain() {
            if let Happening::Digit { digit, .. } = event.what {
                self.told.push((event.at, digit));
            }
        }
    }

    fn digits(&self) -> String {
        self.told.iter().map(|(_, digit)| digit).collect()
    }
}

/// Presses as telephone-events; those of which nothing arrived cannot be known.
fn presses_as_events(codec: Codec, count: usize) -> (String, String, usize) {
    let mut line = Line::new(codec, BAD, false);
    let mut chance = Chance(Random::with_seed(u64::from(codec.clock_rate())));
    let ticks = u64::from(codec.clock_rate()) / 1_000;
    let begun = line.now;
    let (mut pressed, mut unknowable) = (String::new(), 0);
    for press in chance.presses(count, (40, 600), (40, 400)) {
        let start = ((line.now - begun) / MILLISECOND * ticks) as u32;
        let (no_start, no_end) = (chance.part() < 0.05, chance.part() < 0.05);
        let updates = press.ms.div_ceil(20);
        let mut arrived = false;
        for n in 1..=updates + 2 {
            let is_end = n >= updates;
            let swallowed = (no_start && n <= updates / 2) || (no_end && is_end && updates > 3);
            let duration = ((n * 20).min(press.ms) * ticks) as u16;
            let [high, low] = duration.to_be_bytes();
            let flags = if is_end { 0x8A } else { 0x0A };
            let payload = [code_of(press.digit).unwrap(), flags, high, low];
            if swallowed {
                line.sent += 1;
            } else {
                arrived |= line.send(EVENT, start, n == 1, &payload);
            }
            line.pass();
        }
        for _ in 0..press.pause_ms.div_ceil(20).saturating_sub(2) {
            line.send(
                96,
                ((line.now - begun) / MILLISECOND * ticks) as u32,
                false,
                &[0xFF; 160],
            );
            line.pass();
        }
        if arrived {
            pressed.push(press.digit);
        }
        unknowable += usize::from(!arrived);
    }
    (0..20).for_each(|_| line.pass());
    (pressed, line.digits(), unknowable)
}

fn encode(encoder: &mut dyn Encoder, samples: &[i16]) -> Vec<u8> {
    let mut payload = vec![0; MAX_PAYLOAD];
    let length = encoder.encode(samples, &mut payload);
    payload.truncate(length);
    payload
}

/// How the presses of a run were counted.
#[derive(Debug, PartialEq)]
struct Tally {
    presses: usize,
    /// Presses left out, counted again or taken for others.
    errors: usize,
}

impl Tally {
    /// The least number of edits that make what was told of what was pressed.
    fn of(pressed: &[Press], told: &str) -> Tally {
        let told: Vec<char> = told.chars().collect();
        let mut row: Vec<usize> = (0..=told.len()).collect();
        for (n, press) in pressed.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], n + 1);
            for (k, digit) in told.iter().enumerate() {
                let kept = diagonal + usize::from(*digit != press.digit);
                diagonal = row[k + 1];
                row[k + 1] = kept.min(row[k] + 1).min(diagonal + 1);
            }
        }
        Tally {
            presses: pressed.len(),
            errors: row[told.len()],
        }
    }
}

/// Presses as tones: each with its own strength, twist and error of frequency, over a quiet noise.
fn presses_as_tones(codec: Codec, network: Network, count: usize, shortest_ms: u64) -> Tally {
    let mut line = Line::new(codec, network, true);
    let mut chance = Chance(Random::with_seed(5));
    let presses = chance.presses(count, (shortest_ms, 600), (100, 400));
    let rate = codec.rate_for(Rate::Narrow);
    let per_ms = u64::from(rate.hz()) / 1_000;
    let mut encoder = codec.encoder(rate);
    let mut pending = Vec::new();
    let begun = line.now;
    for press in &presses {
        let sound = Sound {
            row: 32_768.0 * 10f64.powf((chance.between(-20.0, -6.0) - 3.17) / 20.0),
            column: chance.between(-7.0, 3.0),
            hz: pair_of(press.digit)
                .unwrap()
                .map(|hz| f64::from(hz) * (1.0 + chance.between(-0.01, 0.01))),
        };
        let column = sound.row * 10f64.powf(sound.column / 20.0);
        let sine = |hz: f64, k: u64| (TAU * hz * k as f64 / f64::from(rate.hz())).sin();
        let tone = |k: u64| sound.row * sine(sound.hz[0], k) + column * sine(sound.hz[1], k);
        let silence = std::iter::repeat_n(0.0, (press.pause_ms * per_ms) as usize);
        let samples: Vec<f64> = (0..press.ms * per_ms).map(tone).chain(silence).collect();
        pending.extend(
            samples
                .into_iter()
                .map(|s| (s + chance.between(-20.0, 20.0)).clamp(-32_768.0, 32_767.0) as i16),
        );
        while pending.len() >= rate.frame() {
            let payload = encode(&mut *encoder, &pending[..rate.frame()]);
            pending.drain(..rate.frame());
            let timestamp = (line.now - begun) * u64::from(codec.clock_rate()) / SECOND;
            line.send(96, timestamp as u32, false, &payload);
            line.pass();
        }
    }
    (0..30).for_each(|_| line.pass());
    Tally::of(&presses, &line.digits())
}

/// Samples of the WAV files (8 kHz, mono, 16 bits) below a folder, in order of their names.
fn speech(folder: &Path) -> Vec<i16> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let mut samples = Vec::new();
    for path in paths {
        if path.is_dir() {
            samples.extend(speech(&path));
        } else if path.extension().is_some_and(|kind| kind == "wav") {
            let bytes = std::fs::read(&path).unwrap();
            let data = bytes.get(44..).unwrap_or(&[]);
            samples.extend(
                data.chunks_exact(2)
                    .map(|b| i16::from_le_bytes([b[0], b[1]])),
            );
        }
    }
    samples
}

/// Speak into the line; what it takes for digits, and the minutes it heard.
fn digits_in_speech(samples: &[i16], codec: Codec, network: Network) -> (String, f64) {
    let mut line = Line::new(codec, network, true);
    let mut encoder = codec.encoder(Rate::Narrow);
    for (n, frame) in samples.chunks_exact(160).enumerate() {
        let payload = encode(&mut *encoder, frame);
        line.send(96, n as u32 * codec.clock_rate() / 50, false, &payload);
        line.pass();
    }
    for (at, digit) in &line.told {
        println!("{digit} at {:.2} s", *at as f64 / 1e9 % 1e5);
    }
    (line.digits(), samples.len() as f64 / 8_000.0 / 60.0)
}

fn all_once(presses: usize) -> Tally {
    Tally { presses, errors: 0 }
}

#[test]
fn ten_thousand_telephone_events_at_8_khz_count_once_each() {
    let (pressed, told, unknowable) = presses_as_events(Codec::Pcmu, 10_000);
    assert_eq!(unknowable, 0);
    assert!(
        pressed == told,
        "{} pressed, {} told",
        pressed.len(),
        told.len()
    );
}

#[test]
fn ten_thousand_telephone_events_at_48_khz_count_once_each() {
    let (pressed, told, unknowable) = presses_as_events(Codec::Opus, 10_000);
    assert_eq!(unknowable, 0);
    assert!(
        pressed == told,
        "{} pressed, {} told",
        pressed.len(),
        told.len()
    );
}

#[test]
fn tones_on_a_good_network_count_once_each() {
    assert_eq!(
        presses_as_tones(Codec::Pcma, PERFECT, 1_000, 40),
        all_once(1_000)
    );
}

#[test]
fn tones_on_a_bad_network_count_once_each() {
    assert_eq!(
        presses_as_tones(Codec::Pcmu, BAD, 2_000, 100),
        all_once(2_000)
    );
}

#[test]
fn tones_in_g722_count_once_each() {
    assert_eq!(presses_as_tones(Codec::G722, BAD, 200, 100), all_once(200));
}

#[test]
fn tones_in_opus_count_once_each() {
    assert_eq!(presses_as_tones(Codec::Opus, BAD, 200, 100), all_once(200));
}

#[test]
fn speech_has_no_digits() {
    let samples = speech(&Path::new(SPEECH).join("en_US_f_Allison"));
    assert!(
        !samples.is_empty(),
        "asterisk-core-sounds-en-wav is installed by scripts/setup test"
    );
    let (digits, minutes) = digits_in_speech(&samples, Codec::Pcmu, PERFECT);
    assert_eq!(digits, "", "in {minutes:.1} minutes");
}

#[test]
#[ignore = "make digits"]
fn the_long_runs() {
    let mut rows = Vec::new();
    for codec in [Codec::Pcmu, Codec::Opus] {
        let (pressed, told, unknowable) = presses_as_events(codec, 10_000);
        assert!(pressed == told);
        rows.push(format!(
            r#"{{"name": "events-{}", "presses": {}, "errors": 0, "unknowable": {unknowable}}}"#,
            codec.clock_rate(),
            told.len()
        ));
    }
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
        let tally = presses_as_tones(codec, BAD, 10_000, 100);
        println!("{codec:?} {tally:?}");
        let Tally { presses, errors } = tally;
        rows.push(format!(
            r#"{{"name": "tones-{}", "presses": {presses}, "errors": {errors}}}"#,
            codec.name()
        ));
    }
    let samples = speech(Path::new(SPEECH));
    for (codec, network) in [
        (Codec::Pcmu, PERFECT),
        (Codec::Pcma, BAD),
        (Codec::Opus, PERFECT),
    ] {
        let (digits, minutes) = digits_in_speech(&samples, codec, network);
        println!("{codec:?} {minutes} {digits}");
        rows.push(format!(
            r#"{{"name": "speech-{}", "loss": {}, "minutes": {minutes:.1}, "false_digits": {}}}"#,
            codec.name(),
            network.loss,
            digits.len()
        ));
    }
    let table = format!("[\n  {}\n]\n", rows.join(",\n  "));
    println!("{table}");
    let results =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../load_tests/results/digits.json");
    std::fs::write(results, table).unwrap();
}
