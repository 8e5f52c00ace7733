//! Audio codecs the core can decode and encode, and the sample rates it works at.

pub mod g711;
pub mod opus;
pub mod resample;

/// Everything is mixed and played in frames of this length.
pub const FRAME_MS: usize = 20;

/// An audio codec as it is on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    Pcmu,
    Pcma,
    Opus,
}

impl Codec {
    /// By its SDP encoding name, in any case.
    pub fn from_name(name: &str) -> Option<Codec> {
        [Codec::Pcmu, Codec::Pcma, Codec::Opus]
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::Opus => "opus",
        }
    }

    /// Of RTP timestamps, in Hz.
    pub fn clock_rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8_000,
            Codec::Opus => 48_000,
        }
    }

    /// The rate at which its full band is decoded.
    pub fn rate(self) -> Rate {
        match self {
            Codec::Pcmu | Codec::Pcma => Rate::Narrow,
            Codec::Opus => Rate::Full,
        }
    }

    /// How long the payload sounds, in RTP clock ticks; 0 if it is not valid.
    pub fn duration(self, payload: &[u8]) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => payload.len() as u32,
            Codec::Opus => opus::duration(payload),
        }
    }
}

impl From<Codec> for webrtc::AudioCodec {
    fn from(codec: Codec) -> webrtc::AudioCodec {
        match codec {
            Codec::Pcmu => webrtc::AudioCodec::Pcmu,
            Codec::Pcma => webrtc::AudioCodec::Pcma,
            Codec::Opus => webrtc::AudioCodec::Opus,
        }
    }
}

/// A sample rate of PCM inside the core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rate {
    /// 8 kHz
    Narrow,
    /// 16 kHz
    Wide,
    /// 48 kHz
    Full,
}

impl Rate {
    pub const ALL: [Rate; 3] = [Rate::Narrow, Rate::Wide, Rate::Full];
    /// Samples of the longest frame.
    pub const MAX_FRAME: usize = Rate::Full.frame();

    pub const fn hz(self) -> u32 {
        match self {
            Rate::Narrow => 8_000,
            Rate::Wide => 16_000,
            Rate::Full => 48_000,
        }
    }

    /// Samples of `FRAME_MS`.
    pub const fn frame(self) -> usize {
        self.hz() as usize * FRAME_MS / 1_000
    }

    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Loudness of a frame in dBov: 0 is a full-scale square wave, -127 silence (RFC 6464).
pub fn level_dbov(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return -127.0;
    }
    let energy: i64 = samples.iter().map(|&s| i64::from(s) * i64::from(s)).sum();
    let mean = energy as f64 / samples.len() as f64 / (32_768.0 * 32_768.0);
    (10.0 * mean.max(1e-13).log10()).max(-127.0) as f32
}
