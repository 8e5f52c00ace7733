//! Audio codecs the core can decode and encode, and the sample rates it works at.
//!
//! A codec is one file that describes itself in a `Format`, and one line of the table below.

pub mod g711;
mod g722;
mod l16;
pub mod opus;
pub mod resample;

use std::any::Any;

use crate::quality::Coding;

/// Everything is mixed and played in frames of this length.
pub const FRAME_MS: usize = 20;
/// Longest payload that an encoder makes.
pub const MAX_PAYLOAD: usize = 1_280;
/// Most samples that a packet is decoded to: 120 ms at 48 kHz (RFC 6716 §2.1.4).
pub const MAX_SAMPLES: usize = 5_760;
/// Static payload type of comfort noise (RFC 3389 §4), beside the codecs whose clock is 8000 Hz.
pub const COMFORT_NOISE: u8 = 13;

macro_rules! codecs {
    ($($codec:ident => $format:path,)*) => {
        /// An audio codec as it is on the wire.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Codec {
            $($codec,)*
        }

        impl Codec {
            pub const ALL: &[Codec] = &[$(Codec::$codec,)*];

            pub fn format(self) -> &'static Format {
                match self {
                    $(Codec::$codec => &$format,)*
                }
            }
        }
    };
}

codecs! {
    Pcmu => g711::PCMU,
    Pcma => g711::PCMA,
    G722 => g722::G722,
    L16Wide => l16::L16_16000,
    L16Narrow => l16::L16_8000,
    Opus => opus::OPUS,
}

/// What a codec is, and how to make its coders.
pub struct Format {
    /// SDP encoding name.
    pub name: &'static str,
    /// Of RTP timestamps, in Hz.
    pub clock_rate: u32,
    /// RFC 3551 §6, table 4.
    pub payload_type: Option<u8>,
    /// Its name among the codecs of browsers.
    pub webrtc: Option<webrtc::AudioCodec>,
    /// Rates it is coded from and decoded to, the lowest first; the last has its full band.
    pub rates: &'static [Rate],
    /// What it does to speech, for the E-model.
    pub coding: Coding,
    /// Lengths of packets that it is encoded in.
    pub packets_ms: &'static [u32],
    /// How long a payload sounds, in clock ticks; 0 if it is not valid.
    pub duration: fn(&[u8]) -> u32,
    /// Decode a packet by itself, where the codec has no memory.
    pub peek: Option<Peek>,
    pub decoder: fn(Rate) -> Box<dyn Decoder>,
    pub encoder: fn(Rate) -> Box<dyn Encoder>,
}

/// From a payload to samples; returns how many.
pub type Peek = fn(&[u8], &mut [i16]) -> usize;

/// From payloads to samples, at the rate it was made for. None of its methods allocates.
pub trait Decoder: Send {
    /// Decode a packet; returns the samples written, 0 if it was not valid.
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize;

    /// Guess on from what was heard, as many samples as there is room for; 0 if the codec has no way of its own.
    fn conceal(&mut self, _samples: &mut [i16]) -> usize {
        0
    }

    /// What it knows, for an encoder of the same codec; None if that can make nothing of it.
    fn state(&self) -> Option<&dyn Any> {
        None
    }

    /// Rebuild the packet before `next` from the copy that `next` may carry; 0 if the codec sends none.
    fn recover(&mut self, _next: &[u8], _samples: &mut [i16]) -> usize {
        0
    }
}

/// From samples, at the rate it was made for, to payloads. None of its methods allocates.
pub trait Encoder: Send {
    /// Encode one packet; returns its length, 0 if nothing is to be sent.
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize;

    /// Another that goes on from here just as this one.
    fn fork(&self) -> Box<dyn Encoder>;

    /// Decoders that did not follow until now follow from the next packet on: let it lean little on those before.
    fn begin_anew(&mut self) {}

    /// By so many samples sound comes later out of the decoder than it went in here.
    fn lookahead(&self) -> usize {
        0
    }

    /// The packet that is encoded next goes to a decoder that stands where this one does.
    fn follow(&mut self, _decoder: &dyn Decoder) {}

    /// What the peer's reports say of the path, in percent.
    fn expect_loss(&mut self, _percent: u8) {}
}

impl Codec {
    /// By its SDP encoding name, in any case; the first of that name.
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::ALL
            .iter()
            .copied()
            .find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// By what an rtpmap says.
    pub fn from_rtpmap(name: &str, clock_rate: u32) -> Option<Codec> {
        Codec::ALL.iter().copied().find(|codec| {
            codec.name().eq_ignore_ascii_case(name) && codec.clock_rate() == clock_rate
        })
    }

    pub fn name(self) -> &'static str {
        self.format().name
    }

    /// Of RTP timestamps, in Hz.
    pub fn clock_rate(self) -> u32 {
        self.format().clock_rate
    }

    /// The rate at which its full band is decoded.
    pub fn rate(self) -> Rate {
        let rates = self.format().rates;
        rates[rates.len() - 1]
    }

    /// The rate to code at where `wanted` is to be heard: the lowest that keeps it, or the full band.
    pub fn rate_for(self, wanted: Rate) -> Rate {
        let rates = self.format().rates.iter().copied();
        rates
            .into_iter()
            .find(|rate| *rate >= wanted)
            .unwrap_or(self.rate())
    }

    /// The packet length to send where `wanted_ms` is asked for.
    pub fn packet_ms(self, wanted_ms: u32) -> u32 {
        let possible = self.format().packets_ms.contains(&wanted_ms);
        if possible {
            wanted_ms
        } else {
            FRAME_MS as u32
        }
    }

    /// How long the payload sounds, in RTP clock ticks; 0 if it is not valid.
    pub fn duration(self, payload: &[u8]) -> u32 {
        (self.format().duration)(payload)
    }

    /// RTP clock ticks that samples of `rate` last.
    pub fn ticks(self, samples: usize, rate: Rate) -> u32 {
        (samples as u64 * u64::from(self.clock_rate()) / u64::from(rate.hz())) as u32
    }

    /// Samples at `rate` that RTP clock ticks last.
    pub fn samples(self, ticks: u32, rate: Rate) -> usize {
        (u64::from(ticks) * u64::from(rate.hz()) / u64::from(self.clock_rate())) as usize
    }

    pub fn decoder(self, rate: Rate) -> Box<dyn Decoder> {
        (self.format().decoder)(rate)
    }

    pub fn encoder(self, rate: Rate) -> Box<dyn Encoder> {
        (self.format().encoder)(rate)
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
