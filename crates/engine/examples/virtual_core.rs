//! A real worker in virtual time, asked by lines on stdin: the ears of `load_tests/whisper.py`.
//!
//! ```text
//! reset                          begin anew
//! rtp PORT TRACK CODEC HZ        a party that sends this tone, 50 packets a second
//! player PORT TRACK HZ           silent until `play PORT`; `stop PORT`
//! recorder PORT
//! tap PORT RATE
//! connect TRACK PORT             disconnect TRACK PORT
//! close PORT
//! measure MS MS HZ...            let time pass in two stretches and say what was heard in each
//! ```
//!
//! The answer to `measure` is one line of JSON: for each ear (`pN`: what port N sent to its party, `tN`: tap N, `rN`: the
//! recording of track N) the two stretches, each with the level in dBFS of every tone above -60.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{stdin, stdout, BufWriter, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mediaswitch_engine::clock::{Clock, Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::{Codec, Decoder, Rate, FRAME_MS, MAX_PAYLOAD, MAX_SAMPLES};
use mediaswitch_engine::command::{Command, Play};
use mediaswitch_engine::event::EventQueue;
use mediaswitch_engine::id::{PortId, SessionId, TrackId};
use mediaswitch_engine::io::{Endpoint, MediaIo};
use mediaswitch_engine::matrix::Crosspoint;
use mediaswitch_engine::port::rtp::{Link, RtpConfig};
use mediaswitch_engine::port::tap::{tap, TapReader};
use mediaswitch_engine::programme::Programme;
use mediaswitch_engine::prompt::Prompt;
use mediaswitch_engine::random::Random;
use mediaswitch_engine::recording::{Pull, RecordCodec, Tape, TapeEnd};
use mediaswitch_engine::rtp::packet::{self, Packet};
use mediaswitch_engine::stats::Counters;
use mediaswitch_engine::worker::{Worker, WorkerSettings};

const SESSION: SessionId = SessionId(1);
/// Six of them together do not clip.
const AMPLITUDE: f64 = 4_000.0;
/// Below this a tone is not worth a mention.
const MENTIONED_DB: f64 = -60.0;
/// A party's packets repeat after these, the first of which an encoder with a memory needs to settle.
const LOOP: (usize, usize) = (50, 150);

/// What the worker sent.
#[derive(Default)]
struct Wire(Vec<(Endpoint, Vec<u8>)>);

impl MediaIo for Wire {
    fn send(&mut self, from: Endpoint, _: SocketAddr, datagram: &[u8]) {
        self.0.push((from, datagram.to_vec()));
    }

    fn close(&mut self, _: Endpoint) {}
}

/// Hears what comes to one place.
struct Ear {
    rate: Rate,
    decoder: Option<Box<dyn Decoder>>,
    samples: Vec<f64>,
}

impl Ear {
    fn of(codec: Codec) -> Ear {
        let rate = codec.rate_for(Rate::Narrow);
        Ear {
            rate,
            decoder: Some((codec.format().decoder)(rate)),
            samples: Vec::new(),
        }
    }

    fn of_pcm(rate: Rate) -> Ear {
        Ear {
            rate,
            decoder: None,
            samples: Vec::new(),
        }
    }

    /// A payload, or 16-bit samples.
    fn hear(&mut self, payload: &[u8]) {
        match &mut self.decoder {
            Some(decoder) => {
                let mut decoded = [0; MAX_SAMPLES];
                let count = decoder.decode(payload, &mut decoded);
                self.samples
                    .extend(decoded[..count].iter().map(|&s| f64::from(s)));
            }
            None => self.samples.extend(
                payload
                    .chunks_exact(2)
                    .map(|b| f64::from(i16::from_le_bytes([b[0], b[1]]))),
            ),
        }
    }

    /// The level of each tone in what was heard in so many milliseconds, in dBFS; what did not come was silence.
    fn levels(&mut self, ms: u64, tones: &[f64]) -> Vec<(f64, f64)> {
        let samples = std::mem::take(&mut self.samples);
        let expected = (u64::from(self.rate.hz()) * ms / 1_000) as usize;
        let length = samples.len().max(expected) as f64;
        let window =
            |n: usize| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / samples.len() as f64).cos();
        let shaped: Vec<f64> = samples
            .iter()
            .enumerate()
            .map(|(n, s)| s * window(n))
            .collect();
        let level = |hz: f64| {
            let peak = 4.0 * goertzel(&shaped, hz / f64::from(self.rate.hz())) / length;
            20.0 * (peak / 32_768.0).max(1e-9).log10()
        };
        tones.iter().map(|&hz| (hz, level(hz))).collect()
    }
}

/// The magnitude of one frequency (in turns a sample).
fn goertzel(samples: &[f64], frequency: f64) -> f64 {
    let factor = 2.0 * (std::f64::consts::TAU * frequency).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        (before, last) = (last, sample + factor * last - before);
    }
    (before * before + last * last - factor * before * last)
        .max(0.0)
        .sqrt()
}

fn sine(hz: f64, rate: Rate, from: usize, count: usize) -> Vec<i16> {
    let sample = |n: usize| {
        let turns = hz * (from + n) as f64 / f64::from(rate.hz());
        ((turns * std::f64::consts::TAU).sin() * AMPLITUDE) as i16
    };
    (0..count).map(sample).collect()
}

/// A party on an RTP port.
struct Party {
    port: u64,
    codec: Codec,
    payloads: Arc<Vec<Vec<u8>>>,
    sent: usize,
}

impl Party {
    fn address(port: u64) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 20_000 + (port % 40_000) as u16))
    }

    /// The next packet, as a datagram.
    fn datagram(&mut self) -> Vec<u8> {
        let (first, end) = LOOP;
        let index = if self.sent < end {
            self.sent
        } else {
            first + (self.sent - first) % (end - first)
        };
        let packet = Packet {
            marker: self.sent == 0,
            payload_type: payload_type(self.codec),
            sequence: self.sent as u16,
            timestamp: self.sent as u32 * self.codec.clock_rate() / 50,
            ssrc: self.port as u32 + 100,
            payload: &self.payloads[index],
        };
        self.sent += 1;
        let mut datagram = vec![0; MAX_PAYLOAD + 12];
        let length = packet::write(&packet, &mut datagram).expect("a packet has room");
        datagram.truncate(length);
        datagram
    }
}

fn payload_type(codec: Codec) -> u8 {
    codec.format().payload_type.unwrap_or(96)
}

/// All packets of a tone, until they repeat.
fn payloads(codec: Codec, hz: f64) -> Vec<Vec<u8>> {
    let rate = codec.rate_for(Rate::Wide);
    let mut encoder = (codec.format().encoder)(rate);
    let encode = |n: usize| {
        let mut payload = vec![0; MAX_PAYLOAD];
        let length = encoder.encode(
            &sine(hz, rate, n * rate.frame(), rate.frame()),
            &mut payload,
        );
        payload.truncate(length);
        payload
    };
    (0..LOOP.1).map(encode).collect()
}

struct Stage {
    worker: Worker,
    wire: Wire,
    tape: TapeEnd,
    events: Arc<EventQueue>,
    now: Nanos,
    parties: Vec<Party>,
    music: HashMap<u64, f64>,
    taps: Vec<(u64, TapReader)>,
    ears: BTreeMap<String, Ear>,
}

impl Stage {
    fn new() -> Stage {
        let clock = Clock::new(0);
        let now = clock.now() / SECOND * SECOND;
        let settings = WorkerSettings {
            index: 0,
            media_timeout: 3_600 * SECOND,
            clock,
            random: Random::with_seed(7),
        };
        let (tape, tape_end) = Tape::new();
        let events = Arc::new(EventQueue::new().expect("an event queue"));
        let counters = Arc::new(Counters::default());
        Stage {
            worker: Worker::new(settings, events.clone(), counters, tape, now),
            wire: Wire::default(),
            tape: tape_end,
            events,
            now,
            parties: Vec::new(),
            music: HashMap::new(),
            taps: Vec::new(),
            ears: BTreeMap::new(),
        }
    }

    fn ask(&mut self, command: Command) {
        self.worker.apply(command, self.now, &mut self.wire);
    }

    fn open_rtp(&mut self, port: u64, track: u64, codec: Codec, payloads: Arc<Vec<Vec<u8>>>) {
        self.ask(Command::OpenRtp {
            port: PortId(port),
            track: TrackId(track),
            session: SESSION,
            allow_latch: false,
        });
        let config = RtpConfig {
            remote: Some(Party::address(port)),
            payload_type: payload_type(codec),
            codec,
            telephone_event: None,
            ptime_ms: FRAME_MS as u32,
            send: true,
            receive: true,
            link: Link::default(),
        };
        self.ask(Command::ConfigureRtp {
            port: PortId(port),
            config,
        });
        self.ears.insert(format!("p{port}"), Ear::of(codec));
        self.parties.push(Party {
            port,
            codec,
            payloads,
            sent: 0,
        });
    }

    fn open_tap(&mut self, port: u64, rate: Rate) {
        let (tap, reader) = tap(rate, 100, 0);
        self.ask(Command::OpenTap {
            port: PortId(port),
            session: SESSION,
            tap: Box::new(tap),
        });
        self.ears.insert(format!("t{port}"), Ear::of_pcm(rate));
        self.taps.push((port, reader));
    }

    fn play(&mut self, port: u64) {
        let samples = sine(self.music[&port], Rate::Wide, 0, Rate::Wide.hz() as usize);
        let items = vec![Arc::new(Prompt::Samples(samples))];
        self.ask(Command::Play {
            port: PortId(port),
            play: Play {
                id: 1,
                programme: Arc::new(Programme::new(items, None)),
                looped: true,
                report: None,
            },
            queued: false,
        });
    }

    fn close(&mut self, port: u64) {
        self.ask(Command::ClosePort {
            port: PortId(port),
            end: None,
        });
        self.parties.retain(|party| party.port != port);
    }

    /// Let time pass: each party speaks each 20 ms, at its own millisecond.
    fn pass(&mut self, ms: u64) {
        for _ in 0..ms {
            let phase = self.now / MILLISECOND % FRAME_MS as u64;
            for party in &mut self.parties {
                if party.port * 7 % FRAME_MS as u64 == phase {
                    let (at, from) = (
                        Endpoint::Rtp(PortId(party.port)),
                        Party::address(party.port),
                    );
                    let datagram = party.datagram();
                    self.worker
                        .receive(at, from, &datagram, self.now, &mut self.wire);
                }
            }
            self.worker.handle_time(self.now, &mut self.wire);
            self.now += MILLISECOND;
        }
        self.events.drain();
        self.hear();
    }

    /// Bring all that left the worker to the ears.
    fn hear(&mut self) {
        for (from, datagram) in std::mem::take(&mut self.wire.0) {
            let (Endpoint::Rtp(port), Some(packet)) = (from, packet::parse(&datagram)) else {
                continue;
            };
            if let Some(ear) = self.ears.get_mut(&format!("p{port}")) {
                ear.hear(packet.payload);
            }
        }
        for (port, reader) in &mut self.taps {
            let (mut pcm, mut instants) = (Vec::new(), Vec::new());
            reader.read(usize::MAX, &mut pcm, &mut instants);
            if let Some(ear) = self.ears.get_mut(&format!("t{port}")) {
                ear.hear(&pcm);
            }
        }
        let mut payload = Vec::new();
        while let Some(pulled) = self.tape.pull(&mut payload) {
            let Pull::Packet(record) = pulled else {
                continue;
            };
            let ear = match record.codec {
                RecordCodec::Audio(codec) => Ear::of(codec),
                _ => Ear::of_pcm(Rate::Wide),
            };
            let ear = self.ears.entry(format!("r{}", record.track)).or_insert(ear);
            ear.hear(&payload);
        }
    }

    fn measure(&mut self, stretches: [u64; 2], tones: &[f64]) -> String {
        let mut heard: BTreeMap<String, [String; 2]> = BTreeMap::new();
        for (index, ms) in stretches.into_iter().enumerate() {
            self.pass(ms);
            for (name, ear) in &mut self.ears {
                let mut levels = ear.levels(ms, tones);
                levels.retain(|(_, db)| *db > MENTIONED_DB);
                let words: Vec<String> = levels
                    .iter()
                    .map(|(hz, db)| format!("\"{hz}\":{db:.1}"))
                    .collect();
                heard.entry(name.clone()).or_default()[index] = words.join(",");
            }
        }
        let mut line = String::new();
        for (name, [first, second]) in heard {
            let comma = if line.is_empty() { "" } else { "," };
            let _ = write!(line, "{comma}\"{name}\":[{{{first}}},{{{second}}}]");
        }
        format!("{{{line}}}")
    }
}

/// Do what a line asks; None for one that makes no sense, else the answer if there is one.
fn perform(
    stage: &mut Stage,
    known: &mut HashMap<(Codec, u64), Arc<Vec<Vec<u8>>>>,
    line: &str,
) -> Option<Option<String>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |n: usize| words.get(n)?.parse::<u64>().ok();
    match *words.first()? {
        "reset" => *stage = Stage::new(),
        "rtp" => {
            let (codec, hz) = (Codec::from_name(words.get(3)?)?, number(4)?);
            let payloads = known
                .entry((codec, hz))
                .or_insert_with(|| Arc::new(payloads(codec, hz as f64)));
            stage.open_rtp(number(1)?, number(2)?, codec, payloads.clone());
        }
        "player" => {
            stage.music.insert(number(1)?, number(3)? as f64);
            stage.ask(Command::OpenPlayer {
                port: PortId(number(1)?),
                track: TrackId(number(2)?),
                session: SESSION,
            });
        }
        "play" => stage.play(number(1)?),
        "stop" => stage.ask(Command::StopPlaying {
            port: PortId(number(1)?),
        }),
        "recorder" => stage.ask(Command::OpenRecorder {
            port: PortId(number(1)?),
            session: SESSION,
        }),
        "tap" => {
            let hz = number(2)?;
            let rate = Rate::ALL.into_iter().find(|r| u64::from(r.hz()) == hz)?;
            stage.open_tap(number(1)?, rate);
        }
        "connect" => stage.ask(Command::Connect(Crosspoint::new(
            TrackId(number(1)?),
            PortId(number(2)?),
            0.0,
        ))),
        "disconnect" => stage.ask(Command::Disconnect {
            source: TrackId(number(1)?),
            destination: PortId(number(2)?),
        }),
        "close" => stage.close(number(1)?),
        "measure" => {
            let tones = (3..words.len()).map(|n| Some(number(n)? as f64));
            let tones: Vec<f64> = tones.collect::<Option<_>>()?;
            return Some(Some(stage.measure([number(1)?, number(2)?], &tones)));
        }
        _ => return None,
    }
    Some(None)
}

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    let (mut stage, mut known) = (Stage::new(), HashMap::new());
    for line in stdin().lines() {
        let line = line?;
        match perform(&mut stage, &mut known, &line) {
            Some(Some(answer)) => writeln!(out, "{answer}")?,
            Some(None) => {}
            None => {
                eprintln!("no sense in: {line}");
                std::process::exit(2);
            }
        }
    }
    out.flush()
}
