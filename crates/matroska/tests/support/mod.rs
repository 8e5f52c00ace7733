//! What the tests of recorded tracks share: made streams, and FFmpeg as the independent reader.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use mediaswitch_matroska::{Codec, Summary, TrackWriter};

pub const EPOCH: u64 = 1_760_000_000_000_000_000;
pub const MS: u64 = 1_000_000;

/// A packet with its arrival, in milliseconds after the session's start.
#[derive(Clone)]
pub struct Rtp {
    pub at_ms: u64,
    pub ssrc: u32,
    pub seq: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Vec<u8>,
}

/// A file in memory, and the writer's way of making it.
pub fn record(codec: Codec, packets: &[Rtp], end_ms: u64) -> (Vec<u8>, Summary) {
    let mut file = Cursor::new(Vec::new());
    let mut writer = TrackWriter::create(&mut file, codec, EPOCH, "test").unwrap();
    for packet in packets {
        write(&mut writer, packet);
    }
    let summary = writer.finish(EPOCH + end_ms * MS).unwrap();
    (file.into_inner(), summary)
}

pub fn write<W: std::io::Write + std::io::Seek>(writer: &mut TrackWriter<W>, packet: &Rtp) {
    let arrival = EPOCH + packet.at_ms * MS;
    let Rtp {
        ssrc,
        seq,
        timestamp,
        marker,
        ..
    } = *packet;
    writer
        .write_rtp(arrival, ssrc, seq, timestamp, marker, &packet.payload)
        .unwrap();
}

/// `count` packets of 20 ms from `at_ms` on, as a phone sends them.
pub fn g711(at_ms: u64, count: u64, payload: impl Fn(u64) -> Vec<u8>) -> Vec<Rtp> {
    stream(at_ms, 20, 160, (0..count).map(payload))
}

/// Packets every `every_ms`, `step` timestamp ticks apart; sequence and timestamp wrap on the way.
pub fn stream(
    at_ms: u64,
    every_ms: u64,
    step: u32,
    payloads: impl IntoIterator<Item = Vec<u8>>,
) -> Vec<Rtp> {
    let packet = |(n, payload): (usize, Vec<u8>)| Rtp {
        at_ms: at_ms + n as u64 * every_ms,
        ssrc: 0x1234,
        seq: 65_530u16.wrapping_add(n as u16),
        timestamp: (u32::MAX - 1000).wrapping_add(n as u32 * step),
        marker: n == 0,
        payload,
    };
    payloads.into_iter().enumerate().map(packet).collect()
}

/// xorshift64*: the same stream for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    pub fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// A path of its own in the temporary folder; gone when dropped.
pub struct TempFile(pub PathBuf);

impl TempFile {
    pub fn new(content: &[u8], extension: &str) -> TempFile {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("track-{}-{count}.{extension}", std::process::id());
        let file = TempFile(std::env::temp_dir().join(name));
        std::fs::write(&file.0, content).unwrap();
        file
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// Standard output of a program that must succeed and find nothing to complain of.
pub fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {complaints}"
    );
    output.stdout
}

/// Samples of the file's sound as FFmpeg decodes it: mono, 16 bits, at `rate` Hz.
pub fn decode(file: &Path, rate: u32) -> Vec<i16> {
    let (file, rate) = (file.to_str().unwrap(), rate.to_string());
    let bytes = run(
        "ffmpeg",
        &[
            "-v", "error", "-i", file, "-f", "s16le", "-ac", "1", "-ar", &rate, "-",
        ],
    );
    bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// One line of ffprobe's answer for each entry asked.
pub fn probe(file: &Path, entries: &str) -> Vec<String> {
    let file = file.to_str().unwrap();
    let arguments = [
        "-v",
        "error",
        "-show_entries",
        entries,
        "-of",
        "csv=p=0",
        file,
    ];
    let text = String::from_utf8(run("ffprobe", &arguments)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Seconds from the session's start to its end, as the container says.
pub fn duration_s(file: &Path) -> f64 {
    probe(file, "format=duration")[0].parse().unwrap()
}

/// The packets of a tone encoded by libopus in a way of its own, 20 ms each unless `more` says other.
pub fn opus_packets(seconds: f64, hz: u32, more: &[&str]) -> Vec<Vec<u8>> {
    let source = format!("sine=frequency={hz}:sample_rate=48000:duration={seconds}");
    let mut arguments = vec![
        "-v", "error", "-f", "lavfi", "-i", &source, "-c:a", "libopus",
    ];
    arguments.extend(more);
    arguments.extend(["-f", "ogg", "-"]);
    ogg_packets(&run("ffmpeg", &arguments)).split_off(2) // OpusHead and OpusTags come first
}

fn ogg_packets(mut file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet) = (Vec::new(), Vec::new());
    while file.starts_with(b"OggS") {
        let segments = usize::from(file[26]);
        let (lacing, mut body) = file[27..].split_at(segments);
        for length in lacing {
            let (segment, rest) = body.split_at(usize::from(*length));
            packet.extend(segment);
            body = rest;
            if *length < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        file = body;
    }
    packets
}

/// VP8 frames of a moving picture, 25 a second, a key frame every `key_every`.
pub fn vp8_frames(count: u32, size: &str, key_every: u32) -> Vec<Vec<u8>> {
    let source = format!("testsrc=size={size}:rate=25");
    let (count, key_every) = (count.to_string(), key_every.to_string());
    let arguments = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        &source,
        "-frames:v",
        &count,
        "-c:v",
        "libvpx",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-lag-in-frames",
        "0",
        "-b:v",
        "800k",
        "-g",
        &key_every,
        "-f",
        "ivf",
        "-",
    ];
    ivf_frames(&run("ffmpeg", &arguments))
}

fn ivf_frames(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[32..];
    let mut frames = Vec::new();
    while rest.len() > 12 {
        let length = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        frames.push(rest[12..12 + length].to_vec());
        rest = &rest[12 + length..];
    }
    frames
}

/// Frames every 40 ms from `at_ms`, in packets of at most 1000 bytes with a 15-bit picture id (RFC 7741 §4.2).
pub fn vp8_stream(at_ms: u64, frames: &[Vec<u8>]) -> Vec<Rtp> {
    let (mut packets, mut seq) = (Vec::new(), 65_500u16);
    for (number, frame) in frames.iter().enumerate() {
        let chunks = frame.chunks(1000).count();
        for (index, chunk) in frame.chunks(1000).enumerate() {
            let id = 0x8000 | number as u16;
            let start = if index == 0 { 0x90 } else { 0x80 };
            let mut payload = vec![start, 0x80, (id >> 8) as u8, id as u8];
            payload.extend(chunk);
            packets.push(Rtp {
                at_ms: at_ms + 40 * number as u64,
                ssrc: 7,
                seq,
                timestamp: 4_294_900_000u32.wrapping_add(3600 * number as u32),
                marker: index + 1 == chunks,
                payload,
            });
            seq = seq.wrapping_add(1);
        }
    }
    packets
}
