//! ITU-T G.722 at 64 kbit/s: 16 kHz audio in two bands, each by adaptive differential PCM.
//!
//! Its RTP clock counts at 8000 Hz although it carries 16 kHz, "for backward compatibility" with a mistake of RFC 1890
//! (RFC 3551 §4.5.2). Names of blocks are the recommendation's. The lower band alone is 8 kHz audio: what comes from and
//! goes to the telephone network needs neither the upper band nor the filter bank.

use std::any::Any;

use super::{Decoder, Encoder, Format, Rate};
use crate::quality::Coding;

pub static G722: Format = Format {
    name: "G722",
    clock_rate: 8_000,
    payload_type: Some(9),
    webrtc: Some(webrtc::AudioCodec::G722),
    rates: &[Rate::Narrow, Rate::Wide],
    coding: Coding::G722,
    packets_ms: &[10, 20, 30, 40, 50, 60],
    duration: |payload| payload.len() as u32,
    peek: None,
    decoder: |rate| Box::new(Lower::or_both(rate, SubbandDecoder::default())),
    encoder: |rate| Box::new(Lower::or_both(rate, SubbandEncoder::default())),
};

/// Taps of the quadrature mirror filters; the second half mirrors the first.
const QMF: [i16; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
const TAPS: usize = 2 * QMF.len();
/// Samples that the filters remember.
const MEMORY: usize = TAPS - 2;

/// Decision levels of the lower band's 60-level quantiser, and its last one again to fill the search.
const DECISIONS: [i32; 31] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
    1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919, 2919, 2919,
];
const LAST_DECISION: usize = 29;
/// Output levels of the lower band with 4 bits (which adapt) and 6 bits (which are heard), by code.
const LEVELS_4: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];
const LEVELS_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
/// How the lower band's scale follows each 4-bit code.
const STEPS_4: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];
/// The same of the upper band's 2-bit codes.
const LEVELS_2: [i32; 4] = [-7408, -1616, 7408, 1616];
const STEPS_2: [i32; 4] = [798, -214, 798, -214];
const UPPER_DECISION: i32 = 564;
/// The upper band's code that decays to silence.
const UPPER_SILENCE: u8 = 3 << 6;
/// 2048 times the powers of the 32nd root of 2.
const POWERS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// 1 where the signs are the same (zero counts as positive), else -1.
fn agreement(a: i32, b: i32) -> i32 {
    1 | ((a ^ b) >> 31)
}

/// One band's predictor and scale factor: the same in the encoder and the decoder.
#[derive(Clone)]
struct Band {
    prediction: i32,
    zeros_part: i32,
    reconstructed: [i32; 2],
    partly: [i32; 2],
    poles: [i32; 2],
    differences: [i32; 6],
    zeros: [i32; 6],
    log_scale: i32,
    scale: i32,
    max_log_scale: i32,
    shift: i32,
}

impl Band {
    fn lower() -> Band {
        Band::new(32, 18_432, 8)
    }

    fn upper() -> Band {
        Band::new(8, 22_528, 10)
    }

    fn new(scale: i32, max_log_scale: i32, shift: i32) -> Band {
        Band {
            prediction: 0,
            zeros_part: 0,
            reconstructed: [0; 2],
            partly: [0; 2],
            poles: [0; 2],
            differences: [0; 6],
            zeros: [0; 6],
            log_scale: 0,
            scale,
            max_log_scale,
            shift,
        }
    }

    /// LOGSC and SCALE: the step size follows the code.
    fn rescale(&mut self, step: i32) {
        self.log_scale = (((self.log_scale * 127) >> 7) + step).clamp(0, self.max_log_scale);
        let power = POWERS[(self.log_scale >> 6 & 31) as usize];
        let shift = self.shift - (self.log_scale >> 11);
        let scale = if shift < 0 {
            power << -shift
        } else {
            power >> shift
        };
        self.scale = scale << 2;
    }

    /// Block 4: adapt the predictor to a difference, and predict the next sample.
    fn adapt(&mut self, difference: i32) {
        let reconstructed = saturate(self.prediction + difference);
        let partly = saturate(self.zeros_part + difference);
        self.adapt_poles(partly);
        self.adapt_zeros(difference);
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partly = [partly, self.partly[0]];
        let pole = |n: usize| (self.poles[n] * saturate(2 * self.reconstructed[n])) >> 15;
        let zeros = self.zeros.iter().zip(&self.differences);
        self.zeros_part = saturate(zeros.map(|(&b, &d)| (b * saturate(2 * d)) >> 15).sum());
        self.prediction = saturate(saturate(pole(0) + pole(1)) + self.zeros_part);
    }

    /// UPPOL2 and UPPOL1.
    fn adapt_poles(&mut self, partly: i32) {
        let [first, second] = self.poles;
        let same = agreement(partly, self.partly[0]);
        let pull = (-same * saturate(first << 2)).min(i32::from(i16::MAX)) >> 7;
        let second = pull + 128 * agreement(partly, self.partly[1]) + ((second * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let limit = 15_360 - second;
        let first = (192 * same + ((first * 32_640) >> 15)).clamp(-limit, limit);
        self.poles = [first, second];
    }

    /// UPZERO.
    fn adapt_zeros(&mut self, difference: i32) {
        let step = if difference == 0 { 0 } else { 128 };
        for (zero, &earlier) in self.zeros.iter_mut().zip(&self.differences) {
            *zero = saturate(step * agreement(earlier, difference) + ((*zero * 32_640) >> 15));
        }
    }

    fn lower_step(&mut self, code4: usize) {
        let difference = (self.scale * LEVELS_4[code4]) >> 15;
        self.rescale(STEPS_4[code4]);
        self.adapt(difference);
    }

    fn upper_step(&mut self, code2: usize) -> i32 {
        let difference = (self.scale * LEVELS_2[code2]) >> 15;
        let reconstructed = self.prediction + difference;
        self.rescale(STEPS_2[code2]);
        self.adapt(difference);
        reconstructed.clamp(-16_384, 16_383)
    }

    /// The 6-bit code of a sample of the lower band.
    fn encode_lower(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.prediction);
        let magnitude = if error >= 0 { error } else { -(error + 1) };
        let mut interval = 0;
        for step in [16, 8, 4, 2, 1] {
            let above = magnitude >= (DECISIONS[interval + step - 1] * self.scale) >> 12;
            interval += if above { step } else { 0 };
        }
        let interval = interval.min(LAST_DECISION) as u8;
        let code = match (error >= 0, interval) {
            (true, _) => 61 - interval,
            (false, 0 | 1) => 63 - interval,
            (false, _) => 33 - interval,
        };
        self.lower_step(usize::from(code >> 2));
        code
    }

    /// The 2-bit code of a sample of the upper band.
    fn encode_upper(&mut self, sample: i32) -> u8 {
        let error = saturate(sample - self.prediction);
        let magnitude = if error >= 0 { error } else { -(error + 1) };
        let large = magnitude >= (UPPER_DECISION * self.scale) >> 12;
        let code = match (error >= 0, large) {
            (true, false) => 3,
            (true, true) => 2,
            (false, false) => 1,
            (false, true) => 0,
        };
        self.upper_step(usize::from(code));
        code
    }

    fn decode_lower(&mut self, code6: usize) -> i32 {
        let heard = self.prediction + ((self.scale * LEVELS_6[code6]) >> 15);
        self.lower_step(code6 >> 2);
        heard.clamp(-16_384, 16_383)
    }
}

/// The taps for samples in the order they came: `upper` gives the difference of the two halves, else the sum.
const fn taps(upper: bool) -> [i16; TAPS] {
    let mut taps = [0; TAPS];
    let mut n = 0;
    while n < QMF.len() {
        taps[2 * n] = if upper { -QMF[n] } else { QMF[n] };
        taps[2 * n + 1] = QMF[QMF.len() - 1 - n];
        n += 1;
    }
    taps
}

static SUM: [i16; TAPS] = taps(false);
static DIFFERENCE: [i16; TAPS] = taps(true);

fn dot(taps: &[i16; TAPS], window: &[i16]) -> i32 {
    let products = taps.iter().zip(window);
    products
        .map(|(&tap, &sample)| i32::from(tap) * i32::from(sample))
        .sum()
}

/// The filter bank's memory, then a run of samples in the order they came.
#[derive(Clone)]
struct Window {
    samples: [i16; MEMORY + RUN],
}

/// Samples that are filtered at a time.
const RUN: usize = 160;

impl Window {
    fn new() -> Window {
        Window {
            samples: [0; MEMORY + RUN],
        }
    }

    /// The run of `count` samples is over.
    fn shift(&mut self, count: usize) {
        self.samples.copy_within(count..count + MEMORY, 0);
    }
}

#[derive(Clone)]
struct SubbandEncoder {
    window: Window,
    lower: Band,
    upper: Band,
}

impl Default for SubbandEncoder {
    fn default() -> SubbandEncoder {
        SubbandEncoder {
            window: Window::new(),
            lower: Band::lower(),
            upper: Band::upper(),
        }
    }
}

impl SubbandEncoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        let count = (samples.len() / 2).min(payload.len());
        let runs = samples[..2 * count].chunks(RUN);
        for (run, codes) in runs.zip(payload[..count].chunks_mut(RUN / 2)) {
            self.window.samples[MEMORY..MEMORY + run.len()].copy_from_slice(run);
            for (n, code) in codes.iter_mut().enumerate() {
                let window = &self.window.samples[2 * n..2 * n + TAPS];
                let lower = self.lower.encode_lower(dot(&SUM, window) >> 14);
                let upper = self.upper.encode_upper(dot(&DIFFERENCE, window) >> 14);
                *code = upper << 6 | lower;
            }
            self.window.shift(run.len());
        }
        count
    }
}

struct SubbandDecoder {
    window: Window,
    lower: Band,
    upper: Band,
}

impl Default for SubbandDecoder {
    fn default() -> SubbandDecoder {
        SubbandDecoder {
            window: Window::new(),
            lower: Band::lower(),
            upper: Band::upper(),
        }
    }
}

impl SubbandDecoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        let count = payload.len().min(samples.len() / 2);
        let runs = payload[..count].chunks(RUN / 2);
        for (codes, run) in runs.zip(samples[..2 * count].chunks_mut(RUN)) {
            self.split(codes);
            self.synthesise(run);
            self.window.shift(run.len());
        }
        2 * count
    }

    /// Decode both bands; the sum and difference of each pair is what the filters take.
    fn split(&mut self, codes: &[u8]) {
        let pairs = self.window.samples[MEMORY..].chunks_exact_mut(2);
        for (pair, &code) in pairs.zip(codes) {
            let lower = self.lower.decode_lower(usize::from(code & 63));
            let upper = self.upper.upper_step(usize::from(code >> 6));
            pair[0] = (lower + upper) as i16;
            pair[1] = (lower - upper) as i16;
        }
    }

    fn synthesise(&self, run: &mut [i16]) {
        for (n, pair) in run.chunks_exact_mut(2).enumerate() {
            let window = &self.window.samples[2 * n..2 * n + TAPS];
            let (mut first, mut second) = (0, 0);
            for (tap, two) in QMF.iter().zip(window.chunks_exact(2)) {
                second += i32::from(*tap) * i32::from(two[0]);
            }
            for (tap, two) in QMF.iter().rev().zip(window.chunks_exact(2)) {
                first += i32::from(*tap) * i32::from(two[1]);
            }
            pair[0] = saturate(first >> 11) as i16;
            pair[1] = saturate(second >> 11) as i16;
        }
    }
}

/// A coder of 8 kHz audio by the lower band alone, or of both bands.
#[derive(Clone)]
enum Lower<T> {
    Only(Box<Band>),
    Both(Box<T>),
}

impl<T> Lower<T> {
    fn or_both(rate: Rate, both: T) -> Lower<T> {
        match rate {
            Rate::Narrow => Lower::Only(Box::new(Band::lower())),
            _ => Lower::Both(Box::new(both)),
        }
    }
}

impl Encoder for Lower<SubbandEncoder> {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Lower::Both(both) => both.encode(samples, payload),
            Lower::Only(band) => {
                for (code, &sample) in payload.iter_mut().zip(samples) {
                    *code = UPPER_SILENCE | band.encode_lower(i32::from(sample) >> 1);
                }
                samples.len().min(payload.len())
            }
        }
    }

    fn fork(&self) -> Box<dyn Encoder> {
        Box::new(self.clone())
    }

    fn lookahead(&self) -> usize {
        match self {
            Lower::Both(_) => TAPS - 2, // half the filters, there and back
            Lower::Only(_) => 0,
        }
    }

    fn follow(&mut self, decoder: &dyn Decoder) {
        let decoder = decoder.state().and_then(|state| state.downcast_ref());
        match (self, decoder) {
            (Lower::Both(encoder), Some(Lower::<SubbandDecoder>::Both(decoder))) => {
                (encoder.lower, encoder.upper) = (decoder.lower.clone(), decoder.upper.clone());
            }
            (Lower::Only(band), Some(Lower::Only(heard))) => *band = heard.clone(),
            _ => {}
        }
    }
}

impl Decoder for Lower<SubbandDecoder> {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        match self {
            Lower::Both(both) => both.decode(payload, samples),
            Lower::Only(band) => {
                for (sample, &code) in samples.iter_mut().zip(payload) {
                    *sample = (band.decode_lower(usize::from(code & 63)) << 1) as i16;
                }
                payload.len().min(samples.len())
            }
        }
    }

    fn state(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{level_dbov, Codec};

    /// A second of noise of changing colour and level.
    fn noise() -> Vec<i16> {
        let (mut state, mut slow) = (1u32, 0i32);
        let sample = |k: usize| {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let fresh = (state >> 16 & 0x7FFF) as i32 - 16_384;
            let dark = k / 1_600 % 2 == 1;
            slow += if dark {
                (fresh - slow) >> 2
            } else {
                fresh - slow
            };
            (slow >> (k / 800 % 6)) as i16
        };
        (0..16_000).map(sample).collect()
    }

    /// FNV-1a.
    fn digest(bytes: impl Iterator<Item = u8>) -> u64 {
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    }

    fn encode(rate: Rate, samples: &[i16]) -> Vec<u8> {
        let mut encoder = Codec::G722.encoder(rate);
        let mut all = Vec::new();
        for frame in samples.chunks(rate.frame()) {
            let mut payload = [0; 160];
            let length = encoder.encode(frame, &mut payload);
            all.extend(&payload[..length]);
        }
        all
    }

    fn decode(rate: Rate, payload: &[u8]) -> Vec<i16> {
        let mut decoder = Codec::G722.decoder(rate);
        let mut all = Vec::new();
        for packet in payload.chunks(160) {
            let mut samples = [0; 960];
            let count = decoder.decode(packet, &mut samples);
            all.extend(&samples[..count]);
        }
        all
    }

    fn tone(hz: f64, rate: Rate) -> Vec<i16> {
        let step = hz * std::f64::consts::TAU / f64::from(rate.hz());
        (0..rate.hz())
            .map(|n| ((f64::from(n) * step).sin() * 8_000.0) as i16)
            .collect()
    }

    /// The digests are of what FFmpeg's encoder and decoder make of the same noise.
    #[test]
    fn every_bit_is_as_another_implementation_makes_it() {
        let payload = encode(Rate::Wide, &noise());
        assert_eq!(
            payload[..8],
            [0x18, 0xA4, 0x84, 0x20, 0x8A, 0x3A, 0x04, 0x20]
        );
        assert_eq!(digest(payload.iter().copied()), 0x9089_0618_c28f_30c1);
        let samples = decode(Rate::Wide, &payload);
        let bytes = samples.iter().flat_map(|sample| sample.to_le_bytes());
        assert_eq!(digest(bytes), 0xd622_3941_9b4b_37be);
    }

    #[test]
    fn a_tone_keeps_its_level_through_both_bands_or_the_lower_alone() {
        for (from, to, hz) in [
            (Rate::Wide, Rate::Wide, 1_000.0),
            (Rate::Wide, Rate::Wide, 6_000.0),
            (Rate::Narrow, Rate::Wide, 1_000.0),
            (Rate::Wide, Rate::Narrow, 1_000.0),
            (Rate::Narrow, Rate::Narrow, 1_000.0),
        ] {
            let said = tone(hz, from);
            let heard = decode(to, &encode(from, &said));
            assert_eq!(heard.len() as u32, to.hz());
            let difference = level_dbov(&heard[to.frame()..]) - level_dbov(&said);
            assert!(
                difference.abs() < 0.5,
                "{from:?} {to:?} {hz} Hz: {difference} dB"
            );
        }
    }

    #[test]
    fn silence_after_a_sound_dies_away_in_both_bands() {
        let mut payload = encode(Rate::Wide, &noise());
        payload.extend([0xFD; 800]); // what a recorder fills a gap with
        let heard = decode(Rate::Wide, &payload);
        let rest = &heard[16_000 + 800..];
        let (low, high) = (rest.iter().min(), rest.iter().max());
        // The predictors' rounding leaves a small constant, which nobody hears.
        assert!(low == high && high < Some(&30), "{low:?} {high:?}");
    }

    #[test]
    fn any_bytes_decode_to_as_many_samples_and_odd_lengths_are_cut() {
        let rubbish: Vec<u8> = (0..999u32).map(|n| (n * n % 251) as u8).collect();
        assert_eq!(decode(Rate::Wide, &rubbish).len(), 2 * rubbish.len());
        let mut short = [0; 3];
        assert_eq!(
            Codec::G722.decoder(Rate::Wide).decode(&rubbish, &mut short),
            2
        );
        assert_eq!(
            Codec::G722.encoder(Rate::Wide).encode(&[1; 5], &mut [0; 9]),
            2
        );
    }
}
