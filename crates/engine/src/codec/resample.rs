//! Conversion between 8, 16 and 48 kHz by a polyphase FIR filter.
//!
//! The ratios are whole numbers, so one windowed-sinc prototype serves both directions, in 16-bit integers that the
//! compiler vectorises. 32 taps a phase: flat to 0.85 of the lower Nyquist frequency, 60 dB down above 1.1 of it.

use super::Rate;

const TAPS: usize = 32;
const MAX_RATIO: usize = 6;
/// Coefficients are Q14: their sum of magnitudes stays below 2, so a 32-bit sum cannot overflow.
const UNITY: f64 = 16_384.0;

pub struct Resampler {
    ratio: usize,
    up: bool,
    /// Up: one row of TAPS a phase. Down: one row of TAPS * ratio. Newest sample last, as in `window`.
    coefficients: Vec<i16>,
    /// Samples kept from the frame before, then the frame.
    window: Vec<i16>,
    history: usize,
}

impl Resampler {
    /// `from` and `to` differ.
    pub fn new(from: Rate, to: Rate) -> Resampler {
        let (low, high) = (from.hz().min(to.hz()), from.hz().max(to.hz()));
        let ratio = (high / low) as usize;
        let up = to > from;
        let prototype = prototype(ratio);
        let history = if up { TAPS } else { TAPS * ratio } - 1;
        let coefficients = if up {
            phases(&prototype, ratio)
        } else {
            quantise(&prototype, 1.0)
        };
        Resampler {
            ratio,
            up,
            coefficients,
            window: vec![0; history + from.frame()],
            history,
        }
    }

    /// Convert one frame; `output` holds exactly the converted frame.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) {
        debug_assert_eq!(self.window.len(), self.history + input.len());
        self.window[self.history..].copy_from_slice(input);
        if self.up {
            self.interpolate(output);
        } else {
            self.decimate(output);
        }
        self.window.copy_within(input.len().., 0);
    }

    fn interpolate(&self, output: &mut [i16]) {
        for (window, outputs) in self
            .window
            .windows(TAPS)
            .zip(output.chunks_exact_mut(self.ratio))
        {
            for (row, sample) in self.coefficients.chunks_exact(TAPS).zip(outputs) {
                *sample = dot(row, window);
            }
        }
    }

    fn decimate(&self, output: &mut [i16]) {
        let length = self.coefficients.len();
        let windows = self.window[self.ratio - 1..]
            .windows(length)
            .step_by(self.ratio);
        for (window, sample) in windows.zip(output) {
            *sample = dot(&self.coefficients, window);
        }
    }
}

fn dot(row: &[i16], window: &[i16]) -> i16 {
    let sum: i32 = row
        .iter()
        .zip(window)
        .map(|(&c, &s)| i32::from(c) * i32::from(s))
        .sum();
    ((sum + (1 << 13)) >> 14).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Low-pass of unit gain at the higher rate, cut off at 0.96 of the lower Nyquist frequency, Kaiser window (60 dB).
fn prototype(ratio: usize) -> Vec<f64> {
    let length = TAPS * ratio;
    let centre = (length - 1) as f64 / 2.0;
    let cutoff = 0.96 / ratio as f64;
    let beta = 5.65;
    let taps: Vec<f64> = (0..length)
        .map(|n| {
            let x = n as f64 - centre;
            let phase = std::f64::consts::PI * cutoff * x;
            let sinc = if x == 0.0 { 1.0 } else { phase.sin() / phase };
            sinc * bessel_i0(beta * (1.0 - (x / (centre + 0.5)).powi(2)).sqrt())
        })
        .collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| tap / sum).collect()
}

fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..30 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// Row p makes output p of each input sample; the newest input is the last of the window, so rows run backwards.
fn phases(prototype: &[f64], ratio: usize) -> Vec<i16> {
    debug_assert!(ratio <= MAX_RATIO);
    let rows = (0..ratio).flat_map(|phase| {
        (0..TAPS)
            .rev()
            .map(move |tap| prototype[tap * ratio + phase])
    });
    quantise(&rows.collect::<Vec<_>>(), ratio as f64)
}

fn quantise(taps: &[f64], gain: f64) -> Vec<i16> {
    taps.iter()
        .map(|tap| (tap * gain * UNITY).round() as i16)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate: Rate, frames: usize) -> Vec<i16> {
        let step = 2.0 * std::f64::consts::PI * hz / f64::from(rate.hz());
        (0..rate.frame() * frames)
            .map(|n| ((n as f64 * step).sin() * 10_000.0) as i16)
            .collect()
    }

    fn convert(from: Rate, to: Rate, samples: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to);
        let mut output = vec![0; samples.len() / from.frame() * to.frame()];
        for (input, output) in samples
            .chunks_exact(from.frame())
            .zip(output.chunks_exact_mut(to.frame()))
        {
            resampler.process(input, output);
        }
        output
    }

    fn rms(samples: &[i16]) -> f64 {
        (samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn a_tone_in_the_voice_band_keeps_its_level_both_ways() {
        for (low, high) in [
            (Rate::Narrow, Rate::Full),
            (Rate::Narrow, Rate::Wide),
            (Rate::Wide, Rate::Full),
        ] {
            for (from, to) in [(low, high), (high, low)] {
                for hz in [300.0, 1_000.0, 3_300.0] {
                    let output = convert(from, to, &tone(hz, from, 10));
                    let ratio = rms(&output[to.frame()..]) / (10_000.0 / 2f64.sqrt());
                    assert!(
                        (ratio - 1.0).abs() < 0.02,
                        "{hz} Hz {from:?} to {to:?}: {ratio}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_taken_away() {
        let output = convert(Rate::Full, Rate::Narrow, &tone(5_000.0, Rate::Full, 10));
        assert!(
            rms(&output[Rate::Narrow.frame()..]) < 10.0,
            "aliased: {}",
            rms(&output)
        );
    }

    #[test]
    fn full_scale_does_not_wrap() {
        let square: Vec<i16> = (0..1_600)
            .map(|n| if n / 8 % 2 == 0 { i16::MAX } else { i16::MIN })
            .collect();
        let output = convert(Rate::Narrow, Rate::Full, &square);
        let jumps = output
            .windows(2)
            .filter(|w| i32::from(w[0]).abs_diff(i32::from(w[1])) > 40_000)
            .count();
        assert_eq!(jumps, 0);
    }
}
