//! The codecs a track may carry, and what the container says of each.

use crate::opus;

/// `WAVE_FORMAT_ADPCM_G722` of the registered wave formats (RFC 2361 tells how they are named).
const G722_TAG: u16 = 0x028F;
/// The code with which both bands of a G.722 decoder die away.
const G722_SILENCE: u8 = 0xFD;

/// Samples a second; more in a file is damage.
const MAX_RATE: u32 = 192_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Pcmu,
    Pcma,
    /// 16 kHz, though its clock counts 8000 ticks a second (RFC 3551 §4.5.2).
    G722,
    /// Little-endian 16-bit samples, mono: what the switch's own player and mixer make. `rate` in Hz.
    L16 {
        rate: u32,
    },
    Opus {
        channels: u8,
    },
    Vp8,
}

impl Codec {
    /// Ticks a second of the RTP timestamp (RFC 3551 §4.5, RFC 7587 §4.1, RFC 7741 §4.1).
    pub fn clock_rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8000,
            Codec::L16 { rate } => rate.max(1),
            Codec::Opus { .. } => 48_000,
            Codec::Vp8 => 90_000,
        }
    }

    /// Samples a second, where the clock has `ticks` a second.
    pub(crate) fn sampling_rate(self, ticks: u32) -> u32 {
        if self == Codec::G722 {
            16_000
        } else {
            ticks
        }
    }

    /// The name used in SDP and in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::L16 { .. } => "L16",
            Codec::Opus { .. } => "opus",
            Codec::Vp8 => "VP8",
        }
    }

    pub fn is_video(self) -> bool {
        self == Codec::Vp8
    }

    /// Ticks of sound in a payload; `None` if no decoder would make sound of it.
    pub(crate) fn duration(self, payload: &[u8]) -> Option<i64> {
        let ticks = match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => payload.len() as i64,
            Codec::L16 { .. } => (payload.len() / 2) as i64,
            Codec::Opus { .. } => opus::duration(payload)?,
            Codec::Vp8 => return None,
        };
        (ticks > 0).then_some(ticks)
    }

    /// Audio can begin and end only at multiples of this many ticks: one sample, or Opus' shortest frame.
    pub(crate) fn grid(self) -> i64 {
        match self {
            Codec::Opus { .. } => opus::SHORTEST,
            _ => 1,
        }
    }

    /// The part of a payload from `skip` ticks on, `keep` ticks long; `None` where a frame cannot be cut.
    pub(crate) fn cut(self, payload: &[u8], skip: i64, keep: i64) -> Option<&[u8]> {
        let width = match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 1,
            Codec::L16 { .. } => 2,
            Codec::Opus { .. } | Codec::Vp8 => return None,
        };
        let (from, to) = (skip as usize * width, (skip + keep) as usize * width);
        payload.get(from..to)
    }

    /// Silence of at most `ticks`: the payload and the ticks it lasts, `None` when less than the grid is asked.
    pub(crate) fn silence(self, ticks: i64) -> Option<(Vec<u8>, i64)> {
        let uncompressed = ticks.min(i64::from(self.clock_rate()) / 10);
        let (payload, lasts) = match self {
            Codec::Pcmu => (vec![0xff; uncompressed.max(0) as usize], uncompressed),
            Codec::Pcma => (vec![0xd5; uncompressed.max(0) as usize], uncompressed),
            Codec::G722 => (
                vec![G722_SILENCE; uncompressed.max(0) as usize],
                uncompressed,
            ),
            Codec::L16 { .. } => (vec![0; 2 * uncompressed.max(0) as usize], uncompressed),
            Codec::Opus { .. } => opus::silence(ticks)?,
            Codec::Vp8 => return None,
        };
        (lasts > 0).then_some((payload, lasts))
    }

    /// `CodecID` (Matroska codec mappings).
    pub(crate) fn id(self) -> &'static str {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => "A_MS/ACM",
            Codec::L16 { .. } => "A_PCM/INT/LIT",
            Codec::Opus { .. } => "A_OPUS",
            Codec::Vp8 => "V_VP8",
        }
    }

    /// `CodecPrivate`: a WAVEFORMATEX for G.711 and G.722, an OpusHead (RFC 7845 §5.1) for Opus.
    pub(crate) fn private(self) -> Option<Vec<u8>> {
        match self {
            Codec::Pcmu => Some(wave_format(7, 8000, 8)),
            Codec::Pcma => Some(wave_format(6, 8000, 8)),
            Codec::G722 => Some(wave_format(G722_TAG, 16_000, 4)),
            Codec::Opus { channels } => Some(opus::head(channels)),
            Codec::L16 { .. } | Codec::Vp8 => None,
        }
    }

    pub(crate) fn channels(self) -> u8 {
        match self {
            Codec::Opus { channels } => channels,
            _ => 1,
        }
    }

    pub(crate) fn bit_depth(self) -> Option<u64> {
        match self {
            Codec::Pcmu | Codec::Pcma => Some(8),
            Codec::L16 { .. } => Some(16),
            Codec::G722 | Codec::Opus { .. } | Codec::Vp8 => None,
        }
    }

    /// The codec of a file of ours, from what its header says.
    pub(crate) fn from_header(id: &str, private: &[u8], rate: u32, channels: u8) -> Option<Codec> {
        match (id, private.first()) {
            ("A_MS/ACM", Some(7)) => Some(Codec::Pcmu),
            ("A_MS/ACM", Some(6)) => Some(Codec::Pcma),
            ("A_MS/ACM", Some(0x8F)) => Some(Codec::G722),
            ("A_PCM/INT/LIT", _) if (1..=MAX_RATE).contains(&rate) => Some(Codec::L16 { rate }),
            ("A_OPUS", _) => Some(Codec::Opus { channels }),
            ("V_VP8", _) => Some(Codec::Vp8),
            _ => None,
        }
    }
}

/// A WAVEFORMATEX of 8000 bytes a second, mono.
fn wave_format(tag: u16, rate: u32, bits: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(18);
    out.extend(tag.to_le_bytes());
    out.extend(1u16.to_le_bytes()); // channels
    out.extend(rate.to_le_bytes()); // samples a second
    out.extend(8000u32.to_le_bytes()); // bytes a second
    out.extend(1u16.to_le_bytes()); // bytes a block
    out.extend(bits.to_le_bytes()); // bits a sample
    out.extend(0u16.to_le_bytes()); // nothing follows
    out
}
