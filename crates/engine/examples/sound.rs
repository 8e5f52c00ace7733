//! Speech over a bad network, in made-up time: what a listener behind our playout hears, and what the wait costs.
//!
//! `sound trace CODEC IN.wav OUT.trace random|bursty SHARE JITTER_MS SEED` makes the packets that arrive and when;
//! `sound play IN.trace OUT.wav` plays them and prints a line of JSON. `load_tests/sound.py` drives and judges both.
//!
//! `sound drift CODEC IN.wav PPM MINUTES` loops the speech from a sender whose clock runs so much fast.
//!
//! A trace is a line of text (the codec's name), then for each packet that arrives, in order of arrival: u64 arrival in
//! nanoseconds, u16 sequence, u32 timestamp, u16 length, the payload; little-endian.

use std::error::Error;
use std::io::Write;

use mediaswitch_engine::clock::{Nanos, MILLISECOND, SECOND};
use mediaswitch_engine::codec::{Codec, Rate, FRAME_MS, MAX_PAYLOAD};
use mediaswitch_engine::jitter::Playout;
use mediaswitch_engine::random::Random;

type Outcome<T> = Result<T, Box<dyn Error>>;

const PTIME: Nanos = FRAME_MS as Nanos * MILLISECOND;
/// Quickest way through the network.
const TRANSIT: Nanos = 20 * MILLISECOND;
/// Packets lost in a row, on average, by the bursty network (Gilbert's model: it loses all while it is bad).
const MEAN_BURST: f64 = 3.0;

struct Arrival {
    at: Nanos,
    sequence: u16,
    timestamp: u32,
    payload: Vec<u8>,
}

struct Network {
    random: Random,
    bursty: bool,
    share: f64,
    jitter: Nanos,
    bad: bool,
}

impl Network {
    fn draw(&mut self) -> f64 {
        (self.random.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn loses(&mut self) -> bool {
        let drawn = self.draw();
        if !self.bursty {
            return drawn < self.share;
        }
        self.bad = if self.bad {
            drawn >= 1.0 / MEAN_BURST
        } else {
            drawn < self.share / (1.0 - self.share) / MEAN_BURST
        };
        self.bad
    }

    /// Uniform, each packet for itself, so that they overtake each other.
    fn delay(&mut self) -> Nanos {
        TRANSIT + (self.draw() * self.jitter as f64) as Nanos
    }
}

fn encode(codec: Codec, samples: &[i16], rate: Rate) -> Vec<Vec<u8>> {
    let mut encoder = codec.encoder(rate);
    let mut packet = [0; MAX_PAYLOAD];
    let frames = samples.chunks_exact(rate.frame());
    frames
        .map(|frame| {
            let length = encoder.encode(frame, &mut packet);
            packet[..length].to_vec()
        })
        .collect()
}

fn arrivals(codec: Codec, payloads: Vec<Vec<u8>>, network: &mut Network) -> Vec<Arrival> {
    let ticks = codec.clock_rate() * FRAME_MS as u32 / 1_000;
    let mut arrivals = Vec::new();
    for (n, payload) in payloads.into_iter().enumerate() {
        let (lost, delay) = (network.loses(), network.delay());
        // The first ones come through, so that every listener starts alike.
        if !lost || n < 5 {
            arrivals.push(Arrival {
                at: n as Nanos * PTIME + delay,
                sequence: n as u16,
                timestamp: n as u32 * ticks,
                payload,
            });
        }
    }
    arrivals.sort_by_key(|arrival| arrival.at);
    arrivals
}

fn trace(words: &[String]) -> Outcome<()> {
    let [codec, wav, out, model, share, jitter, seed] = words else {
        return Err("CODEC IN.wav OUT.trace random|bursty SHARE JITTER_MS SEED".into());
    };
    let codec = Codec::from_name(codec).ok_or("no codec of ours")?;
    let (samples, hz) = read_wav(&std::fs::read(wav)?)?;
    let rate = Rate::ALL
        .into_iter()
        .find(|rate| rate.hz() == hz)
        .ok_or("8, 16 or 48 kHz")?;
    let mut network = Network {
        random: Random::with_seed(seed.parse()?),
        bursty: model == "bursty",
        share: share.parse()?,
        jitter: jitter.parse::<Nanos>()? * MILLISECOND,
        bad: false,
    };
    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    writeln!(file, "{}", codec.name())?;
    for arrival in arrivals(codec, encode(codec, &samples, rate), &mut network) {
        file.write_all(&arrival.at.to_le_bytes())?;
        file.write_all(&arrival.sequence.to_le_bytes())?;
        file.write_all(&arrival.timestamp.to_le_bytes())?;
        file.write_all(&(arrival.payload.len() as u16).to_le_bytes())?;
        file.write_all(&arrival.payload)?;
    }
    Ok(file.flush()?)
}

fn read_trace(path: &str) -> Outcome<(Codec, Vec<Arrival>)> {
    let bytes = std::fs::read(path)?;
    let end = bytes.iter().position(|&b| b == b'\n').ok_or("no trace")?;
    let codec = Codec::from_name(std::str::from_utf8(&bytes[..end])?).ok_or("no codec of ours")?;
    let mut rest = &bytes[end + 1..];
    let mut arrivals = Vec::new();
    while rest.len() >= 16 {
        let length = usize::from(u16::from_le_bytes(rest[14..16].try_into()?));
        arrivals.push(Arrival {
            at: Nanos::from_le_bytes(rest[..8].try_into()?),
            sequence: u16::from_le_bytes(rest[8..10].try_into()?),
            timestamp: u32::from_le_bytes(rest[10..14].try_into()?),
            payload: rest[16..16 + length].to_vec(),
        });
        rest = &rest[16 + length..];
    }
    Ok((codec, arrivals))
}

fn play(words: &[String]) -> Outcome<()> {
    let [trace, wav] = words else {
        return Err("IN.trace OUT.wav".into());
    };
    let (codec, arrivals) = read_trace(trace)?;
    let mut playout = Playout::new(codec);
    let mut frame = vec![0; codec.rate().frame()];
    let mut heard = Vec::new();
    // Frames are due at a phase of their own, as on a worker's wheel.
    let mut due = SECOND + PTIME / 2;
    let began = std::time::Instant::now();
    for arrival in &arrivals {
        while due <= SECOND + arrival.at {
            playout.pull(due, &mut frame);
            heard.extend_from_slice(&frame);
            due += PTIME;
        }
        let Arrival {
            at,
            timestamp,
            payload,
            ..
        } = arrival;
        playout.push(codec, 1, *timestamp, payload, SECOND + at);
    }
    let tally = *playout.tally(); // what comes after the last packet is no loss
    for _ in 0..25 {
        playout.pull(due, &mut frame);
        heard.extend_from_slice(&frame);
        due += PTIME;
    }
    let spent_us = began.elapsed().as_secs_f64() * 1e6;
    let frames = heard.len() / frame.len();
    std::fs::write(wav, wav_of(&heard, codec.rate().hz()))?;
    let share = |samples: u64| samples as f64 / tally.heard as f64;
    println!(
        r#"{{"delay_ms": {:.1}, "concealed": {:.4}, "recovered": {:.4}, "inserted": {:.4}, "removed": {:.4}, "late": {}, "us_per_frame": {:.2}}}"#,
        tally.mean_delay_ms(),
        share(tally.concealed),
        share(tally.recovered),
        share(tally.inserted),
        share(tally.removed),
        tally.late,
        spent_us / frames as f64
    );
    Ok(())
}

/// What a long talk from a clock that is not ours sounds like: a click is a step that the speech itself never makes.
fn drift(words: &[String]) -> Outcome<()> {
    let [codec, wav, ppm, minutes] = words else {
        return Err("CODEC IN.wav PPM MINUTES".into());
    };
    let codec = Codec::from_name(codec).ok_or("no codec of ours")?;
    let (ppm, minutes): (f64, u64) = (ppm.parse()?, minutes.parse()?);
    let (samples, _) = read_wav(&std::fs::read(wav)?)?;
    let payloads = encode(codec, &samples, codec.rate());
    let ticks = codec.clock_rate() * FRAME_MS as u32 / 1_000;
    let frames = minutes * 60 * SECOND / PTIME;
    let sent = |n: u64| SECOND + (n as f64 * PTIME as f64 * (1.0 - ppm * 1e-6)) as Nanos;
    let mut playout = Playout::new(codec);
    let mut frame = vec![0; codec.rate().frame()];
    let (mut next, mut last, mut step) = (0, 0, 0);
    let mut delays_ms = Vec::new();
    let mut before = *playout.tally();
    for pulled in 0..frames {
        let due = SECOND + PTIME / 2 + pulled * PTIME;
        while sent(next) <= due {
            let payload = &payloads[next as usize % payloads.len()];
            playout.push(codec, 1, next as u32 * ticks, payload, sent(next));
            next += 1;
        }
        playout.pull(due, &mut frame);
        for &sample in &frame {
            step = step.max((i32::from(sample) - last).abs());
            last = i32::from(sample);
        }
        if (pulled + 1) % 3_000 == 0 {
            let tally = *playout.tally();
            let decoded = (tally.decoded - before.decoded).max(1) as f64;
            delays_ms.push((tally.delay_ns - before.delay_ns) as f64 / decoded / 1e6);
            before = tally;
        }
    }
    let mut decoder = codec.decoder(codec.rate());
    let mut plain = Vec::new();
    for payload in payloads.iter().chain(payloads.iter()) {
        let count = decoder.decode(payload, &mut frame);
        plain.extend(frame[..count].iter().map(|&sample| i32::from(sample)));
    }
    let own = plain.windows(2).map(|two| (two[1] - two[0]).abs()).max();
    let tally = playout.tally();
    let most = delays_ms.iter().copied().fold(0.0, f64::max);
    let (first, end) = (delays_ms[0], delays_ms[delays_ms.len() - 1]);
    println!(
        r#"{{"ppm": {ppm}, "minutes": {minutes}, "first_minute_ms": {first:.1}, "last_minute_ms": {end:.1}, "worst_minute_ms": {most:.1}, "largest_step": {step}, "own_step": {}, "concealed": {}, "late": {}, "inserted": {}, "removed": {}}}"#,
        own.unwrap_or(0),
        tally.concealed,
        tally.late,
        tally.inserted,
        tally.removed,
    );
    Ok(())
}

/// 16-bit mono only.
fn read_wav(bytes: &[u8]) -> Outcome<(Vec<i16>, u32)> {
    let hz = u32::from_le_bytes(bytes.get(24..28).ok_or("no WAV")?.try_into()?);
    let data = bytes
        .windows(4)
        .position(|word| word == b"data")
        .ok_or("no data in the WAV")?;
    let samples = bytes[data + 8..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    Ok((samples, hz))
}

fn wav_of(samples: &[i16], hz: u32) -> Vec<u8> {
    let size = 2 * samples.len() as u32;
    let mut out = Vec::new();
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + size).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend_from_slice(&hz.to_le_bytes());
    out.extend_from_slice(&(2 * hz).to_le_bytes());
    out.extend_from_slice(b"\x02\0\x10\0data");
    out.extend_from_slice(&size.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    out
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((word, rest)) if word == "trace" => trace(rest),
        Some((word, rest)) if word == "play" => play(rest),
        Some((word, rest)) if word == "drift" => drift(rest),
        _ => Err("trace, play or drift".into()),
    }
}
