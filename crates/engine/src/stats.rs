//! Counters that every worker adds to, and the statistics of one track.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::codec::Codec;
use crate::id::TrackId;
use crate::quality::{self, Loss, Mos};
pub use crate::speech::Speech;

/// A number that many threads add to and any may read.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Totals of the core; what is open now, then what was counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    pub rtp_ports: Counter,
    pub webrtc_ports: Counter,
    pub players: Counter,
    pub recorders: Counter,
    pub taps: Counter,
    pub crosspoints: Counter,
    pub open_files: Counter,
    pub packets_in: Counter,
    pub packets_out: Counter,
    pub malformed: Counter,
    pub ignored: Counter,
    pub send_errors: Counter,
    pub late_ticks: Counter,
    pub recording_lost: Counter,
    pub tap_frames_lost: Counter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// What a media stream is of. A port sends at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    Audio,
    Camera,
    Screen,
}

impl MediaKind {
    pub const VIDEO: [MediaKind; 2] = [MediaKind::Camera, MediaKind::Screen];

    pub fn is_video(self) -> bool {
        self != MediaKind::Audio
    }

    pub fn name(self) -> &'static str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Camera => "camera",
            MediaKind::Screen => "screen",
        }
    }
}

/// "In": lost and jitter are what we saw; "out": what the peer's receiver reports said.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackStats {
    pub track: Option<TrackId>,
    pub direction: Direction,
    pub kind: MediaKind,
    pub codec: Option<&'static str>,
    pub packets: u64,
    pub bytes: u64,
    pub lost: u64,
    pub jitter_ms: f64,
    pub rtt_ms: Option<f64>,
    /// Mean length of its loss runs against random loss: 1 is random.
    pub burst_ratio: f64,
    /// By the E-model; None for video and for what sent nothing.
    pub mos: Option<Mos>,
    pub level_dbov: Option<f32>,
    /// Of an arriving voice whose levels are known.
    pub speech: Option<Speech>,
}

/// Of a packet of 20 ms with what a device needs to record and play it.
const ENDS_MS: f64 = 40.0;

/// The score of an audio stream. Jitter costs twice its mean in the buffer that hides it.
pub fn audio_mos(
    codec: Option<Codec>,
    packets: u64,
    loss: Loss,
    jitter_ms: f64,
    rtt_ms: Option<f64>,
) -> Option<Mos> {
    let coding = codec?.format().coding;
    let delay_ms = rtt_ms.unwrap_or(0.0) / 2.0 + 2.0 * jitter_ms + ENDS_MS;
    (packets > 0).then(|| quality::mos(coding, loss, delay_ms))
}
