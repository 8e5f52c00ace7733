//! What a frame sounds like: silent, a tone of one or two frequencies, or anything else.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use crate::codec::Rate;

/// 40 ms, looked at every 20.
const WINDOW: usize = 320;
const HOP: usize = Rate::Narrow.frame();
/// From 300 to 2200 Hz, in steps of what the window resolves.
const STEP_HZ: f32 = Rate::Narrow.hz() as f32 / WINDOW as f32;
const FIRST: usize = 12;
const BINS: usize = 77;
/// To either side of a peak: a window's lobe, and tones that beat with each other.
const LOBE: usize = 2;
/// Of a frame's energy, that of its one or two peaks.
const MIN_TONAL: f32 = 0.85;
/// Weaker is silence: -46 dBov.
const MIN_POWER: f32 = 32_768.0 * 32_768.0 * 2.5e-5;

type Waves = [[[f32; WINDOW]; 2]; BINS];

struct Tables {
    waves: Box<Waves>,
    window: [f32; WINDOW],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let window: [f32; WINDOW] =
        std::array::from_fn(|n| 0.5 - 0.5 * (TAU * (n as f32 + 0.5) / WINDOW as f32).cos());
    let mut waves: Box<Waves> = Box::new([[[0.0; WINDOW]; 2]; BINS]);
    for (bin, wave) in waves.iter_mut().enumerate() {
        for n in 0..WINDOW {
            let angle = ((FIRST + bin) * n % WINDOW) as f32 / WINDOW as f32 * TAU;
            wave[0][n] = window[n] * angle.cos();
            wave[1][n] = window[n] * angle.sin();
        }
    }
    Tables { waves, window }
});

fn dot(a: &[f32; WINDOW], b: &[f32; WINDOW]) -> f32 {
    let mut lanes = [0.0f32; 8]; // so that the compiler may vectorise the sum
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}

/// A tone as a frame shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// The middle of all its frequencies, each by its strength.
    pub hz: f32,
    /// It has one frequency.
    pub is_single: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    /// Mean square of the frame's samples.
    pub power: f32,
    pub tone: Option<Tone>,
}

impl Sound {
    pub fn is_silent(&self) -> bool {
        self.power < MIN_POWER
    }
}

/// Looks at samples at 8 kHz, 20 ms at a time.
pub struct Spectrum(Box<[f32; WINDOW]>);

impl Default for Spectrum {
    fn default() -> Spectrum {
        Spectrum(Box::new([0.0; WINDOW]))
    }
}

impl Spectrum {
    pub fn look(&mut self, frame: &[i16]) -> Sound {
        let samples = &mut *self.0;
        samples.copy_within(HOP.., 0);
        for (kept, &sample) in samples[WINDOW - HOP..].iter_mut().zip(frame) {
            *kept = f32::from(sample);
        }
        let newest = &samples[WINDOW - HOP..];
        let power = newest.iter().map(|s| s * s).sum::<f32>() / HOP as f32;
        let tone = (power >= MIN_POWER).then(|| tone_in(samples)).flatten();
        Sound { power, tone }
    }
}

fn tone_in(samples: &[f32; WINDOW]) -> Option<Tone> {
    let tables = &*TABLES;
    let mut windowed = *samples;
    windowed
        .iter_mut()
        .zip(&tables.window)
        .for_each(|(sample, weight)| *sample *= weight);
    let energy = dot(&windowed, &windowed);
    let mut powers: [f32; BINS] = std::array::from_fn(|bin| {
        let [cos, sin] = tables.waves[bin].each_ref().map(|wave| dot(samples, wave));
        cos * cos + sin * sin
    });
    // A sine's lobe sums to this much of its energy.
    let share = 2.0 / (WINDOW as f32 * energy);
    let (first, first_hz) = take_peak(&mut powers);
    let (second, second_hz) = take_peak(&mut powers);
    let both = first + second;
    (both * share >= MIN_TONAL).then(|| Tone {
        hz: (first_hz + second_hz) / both,
        is_single: first * share >= MIN_TONAL,
    })
}

/// Take the strongest peak away; returns its power, and its frequencies each times its power.
fn take_peak(powers: &mut [f32; BINS]) -> (f32, f32) {
    let best = (0..BINS).fold(0, |best, bin| {
        if powers[bin] > powers[best] {
            bin
        } else {
            best
        }
    });
    let lobe = best.saturating_sub(LOBE)..(best + LOBE + 1).min(BINS);
    lobe.fold((0.0, 0.0), |(sum, weighted), bin| {
        let power = std::mem::take(&mut powers[bin]);
        let hz = (FIRST + bin) as f32 * STEP_HZ;
        (sum + power, weighted + power * hz)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(hz: &[f32]) -> Vec<Sound> {
        let mut spectrum = Spectrum::default();
        let sample = |n: usize| {
            let sum: f32 = hz
                .iter()
                .map(|hz| (TAU * hz * n as f32 / 8_000.0).sin())
                .sum();
            (sum * 3_000.0) as i16
        };
        let frame = |n: usize| (n * HOP..(n + 1) * HOP).map(sample).collect::<Vec<_>>();
        (0..20).map(|n| spectrum.look(&frame(n))).collect()
    }

    #[test]
    fn the_middle_of_a_tones_frequencies_is_found_and_whether_it_has_one() {
        for (hz, is_single) in [
            (vec![425.0], true),
            (vec![1_000.0], true),
            (vec![480.0, 620.0], false),
            (vec![350.0, 440.0], false),
        ] {
            let middle = hz.iter().sum::<f32>() / hz.len() as f32;
            for sound in &frames(&hz)[2..] {
                let tone = sound.tone.expect("a tone");
                assert!((tone.hz - middle).abs() < 25.0, "{hz:?}: {}", tone.hz);
                assert!(tone.is_single == is_single || !is_single, "{hz:?}");
            }
        }
    }

    #[test]
    fn neither_silence_nor_many_frequencies_are_a_tone() {
        assert!(frames(&[])
            .iter()
            .all(|sound| sound.is_silent() && sound.tone.is_none()));
        let chord = frames(&[400.0, 700.0, 1_000.0, 1_300.0]);
        assert!(chord[2..].iter().all(|sound| sound.tone.is_none()));
    }
}
