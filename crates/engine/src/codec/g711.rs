//! ITU-T G.711, µ-law and A-law.

use super::{Codec, Decoder, Encoder, Format, Rate};
use crate::quality::Coding;

pub static PCMU: Format = Format {
    name: "PCMU",
    clock_rate: 8_000,
    payload_type: Some(0),
    webrtc: Some(webrtc::AudioCodec::Pcmu),
    rates: &[Rate::Narrow],
    coding: Coding::NARROWBAND,
    packets_ms: &[10, 20, 30, 40, 50, 60],
    duration: |payload| payload.len() as u32,
    peek: Some(|payload, samples| decode(Codec::Pcmu, payload, samples)),
    decoder: |_| Box::new(G711(Codec::Pcmu)),
    encoder: |_| Box::new(G711(Codec::Pcmu)),
};

pub static PCMA: Format = Format {
    name: "PCMA",
    payload_type: Some(8),
    webrtc: Some(webrtc::AudioCodec::Pcma),
    peek: Some(|payload, samples| decode(Codec::Pcma, payload, samples)),
    decoder: |_| Box::new(G711(Codec::Pcma)),
    encoder: |_| Box::new(G711(Codec::Pcma)),
    ..PCMU
};

/// No packet depends on another.
#[derive(Clone)]
struct G711(Codec);

impl Decoder for G711 {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        decode(self.0, payload, samples)
    }
}

impl Encoder for G711 {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        encode(self.0, samples, payload)
    }

    fn fork(&self) -> Box<dyn Encoder> {
        Box::new(self.clone())
    }
}

pub const ULAW_SILENCE: u8 = 0xFF;
pub const ALAW_SILENCE: u8 = 0xD5;

static ULAW_TO_LINEAR: [i16; 256] = table(true);
static ALAW_TO_LINEAR: [i16; 256] = table(false);

const fn table(ulaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if ulaw {
            expand_ulaw(code as u8)
        } else {
            expand_alaw(code as u8)
        };
        code += 1;
    }
    table
}

const fn expand_ulaw(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((((code & 0x0F) as i32) << 3) + 0x84) << ((code & 0x70) >> 4);
    let linear = magnitude - 0x84;
    (if code & 0x80 != 0 { -linear } else { linear }) as i16
}

const fn expand_alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let exponent = (code & 0x70) >> 4;
    let mantissa = ((code & 0x0F) as i32) << 4;
    let linear = if exponent == 0 {
        mantissa + 8
    } else {
        (mantissa + 0x108) << (exponent - 1)
    };
    (if code & 0x80 != 0 { linear } else { -linear }) as i16
}

fn compress_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(32_635) + 0x84;
    let exponent = 24 - magnitude.leading_zeros() as i32; // the highest bit is 7..=14
    let mantissa = (magnitude >> (exponent + 3)) & 0x0F;
    !(sign | (exponent << 4) as u8 | mantissa as u8)
}

fn compress_alaw(sample: i16) -> u8 {
    let (mask, magnitude) = if sample >= 0 {
        (0xD5, i32::from(sample))
    } else {
        (0x55, -(i32::from(sample) + 1))
    };
    let code = if magnitude < 256 {
        magnitude >> 4
    } else {
        let exponent = 24 - magnitude.leading_zeros() as i32;
        (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F)
    };
    code as u8 ^ mask
}

/// Decode into `samples`, as many as both hold; returns how many.
pub fn decode(codec: Codec, payload: &[u8], samples: &mut [i16]) -> usize {
    let table = if codec == Codec::Pcma {
        &ALAW_TO_LINEAR
    } else {
        &ULAW_TO_LINEAR
    };
    let count = payload.len().min(samples.len());
    for (sample, &code) in samples.iter_mut().zip(payload) {
        *sample = table[usize::from(code)];
    }
    count
}

/// Encode into `payload`, as many as both hold; returns how many bytes.
pub fn encode(codec: Codec, samples: &[i16], payload: &mut [u8]) -> usize {
    let compress = if codec == Codec::Pcma {
        compress_alaw
    } else {
        compress_ulaw
    };
    for (code, &sample) in payload.iter_mut().zip(samples) {
        *code = compress(sample);
    }
    samples.len().min(payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_full_scale_have_the_codes_of_the_recommendation() {
        assert_eq!(
            (compress_ulaw(0), compress_alaw(0)),
            (ULAW_SILENCE, ALAW_SILENCE)
        );
        assert_eq!(
            (compress_ulaw(i16::MAX), compress_ulaw(i16::MIN)),
            (0x80, 0x00)
        );
        assert_eq!(
            (compress_alaw(i16::MAX), compress_alaw(i16::MIN)),
            (0xAA, 0x2A)
        );
        assert_eq!((expand_ulaw(0x80), expand_ulaw(0x00)), (32_124, -32_124));
        assert_eq!((expand_alaw(0xAA), expand_alaw(0x2A)), (32_256, -32_256));
    }

    #[test]
    fn every_code_survives_decoding_and_encoding_again() {
        for code in 0..=255u8 {
            let negative_zero = code == 0x7F; // µ-law has two zeros; we always send the positive one
            assert!(
                negative_zero || compress_ulaw(expand_ulaw(code)) == code,
                "µ-law {code:#x}"
            );
            assert_eq!(compress_alaw(expand_alaw(code)), code, "A-law {code:#x}");
        }
    }

    #[test]
    fn the_error_stays_within_half_a_step_of_the_segment() {
        for sample in i16::MIN..=i16::MAX {
            let step = (i32::from(sample).abs() + 132) / 16;
            for decoded in [
                expand_ulaw(compress_ulaw(sample)),
                expand_alaw(compress_alaw(sample)),
            ] {
                let error = (i32::from(decoded) - i32::from(sample)).abs();
                assert!(error <= step.max(644), "{sample} became {decoded}");
            }
        }
    }
}
