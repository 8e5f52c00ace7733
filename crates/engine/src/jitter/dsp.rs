//! What concealment, stretching and noise share: likeness of a signal to itself, and linear prediction.

/// Order of the predictors; enough for the envelope of noise and of a voice at 8 kHz.
pub const ORDER: usize = 10;
/// Lags are first looked for at this rate.
const COARSE_HZ: usize = 8_000;
/// Samples of the longest stretch ever compared, at the coarse rate.
const COARSE_ROOM: usize = 480;

/// A lag in samples and how alike the signal is at it, -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    pub lag: usize,
    pub correlation: f32,
}

fn normalised(a: &[f32], b: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0, 1.0, 1.0);
    for (&x, &y) in a.iter().zip(b) {
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    ab / f32::sqrt(aa * bb)
}

fn normalised_pcm(a: &[i16], b: &[i16]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0f32, 1.0f32, 1.0f32);
    for (&x, &y) in a.iter().zip(b) {
        let (x, y) = (f32::from(x), f32::from(y));
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    ab / f32::sqrt(aa * bb)
}

/// Averages of `step` neighbours: a crude low pass, but voices have their pitch far below it.
fn decimate(signal: &[i16], step: usize, out: &mut [f32]) -> usize {
    let mut count = 0;
    for (sample, group) in out.iter_mut().zip(signal.chunks_exact(step)) {
        *sample = group.iter().map(|&s| f32::from(s)).sum();
        count += 1;
    }
    count
}

/// Find the lag in `lags` at which the `length` samples from `at` are most like those that lie `lag` before them.
pub fn best_lag(
    signal: &[i16],
    at: usize,
    length: usize,
    lags: std::ops::RangeInclusive<usize>,
    hz: usize,
) -> Likeness {
    let step = (hz / COARSE_HZ).max(1);
    let from = at.saturating_sub(*lags.end());
    let mut coarse = [0.0; COARSE_ROOM];
    let count = decimate(&signal[from..at + length], step, &mut coarse);
    let (origin, width) = ((at - from) / step, length / step);
    let width = width.min(count.saturating_sub(origin));
    let template = &coarse[origin..origin + width];
    let mut best = Likeness {
        lag: *lags.start(),
        correlation: -1.0,
    };
    for lag in lags.start().div_ceil(step)..=(*lags.end() / step).min(origin) {
        let correlation = normalised(template, &coarse[origin - lag..origin - lag + width]);
        if correlation > best.correlation {
            best = Likeness {
                lag: lag * step,
                correlation,
            };
        }
    }
    if step == 1 {
        return best;
    }
    refine(signal, at, length, best.lag, step, &lags)
}

fn refine(
    signal: &[i16],
    at: usize,
    length: usize,
    near: usize,
    step: usize,
    lags: &std::ops::RangeInclusive<usize>,
) -> Likeness {
    let from = (near + 1).saturating_sub(step).max(*lags.start());
    let to = (near + step - 1).min(*lags.end()).min(at);
    let template = &signal[at..at + length];
    let likeness = |lag| Likeness {
        lag,
        correlation: normalised_pcm(template, &signal[at - lag..at - lag + length]),
    };
    (from..=to)
        .map(likeness)
        .max_by(|a, b| a.correlation.total_cmp(&b.correlation))
        .unwrap_or(Likeness {
            lag: near,
            correlation: 0.0,
        })
}

/// Where in `first` (0..=reach) the beginning of `second` fits best, compared over `length` samples.
pub fn best_fit(first: &[i16], second: &[i16], reach: usize, length: usize) -> Likeness {
    let mut best = Likeness {
        lag: 0,
        correlation: -1.0,
    };
    let second = &second[..length.min(second.len())];
    for lag in 0..=reach {
        let Some(part) = first.get(lag..lag + second.len()) else {
            break;
        };
        let correlation = normalised_pcm(part, second);
        if correlation > best.correlation {
            best = Likeness { lag, correlation };
        }
    }
    best
}

/// Mean square.
pub fn energy(samples: &[i16]) -> f32 {
    let sum: f32 = samples.iter().map(|&s| f32::from(s) * f32::from(s)).sum();
    sum / samples.len().max(1) as f32
}

/// Fade from `old` to `new` over the length of `new`, into `new`.
pub fn crossfade(old: &[i16], new: &mut [i16]) {
    let count = new.len() as f32;
    for (n, (sample, &old)) in new.iter_mut().zip(old).enumerate() {
        let share = (n as f32 + 0.5) / count;
        *sample = (f32::from(old) * (1.0 - share) + f32::from(*sample) * share) as i16;
    }
}

/// Fade from `old` to `new`, into `old`.
pub fn crossfade_onto(old: &mut [i16], new: &[i16]) {
    let count = old.len() as f32;
    for (n, (sample, &new)) in old.iter_mut().zip(new).enumerate() {
        let share = (n as f32 + 0.5) / count;
        *sample = (f32::from(*sample) * (1.0 - share) + f32::from(new) * share) as i16;
    }
}

/// An all-pole filter: what is left of a sound when its excitation is taken away.
#[derive(Clone, Copy)]
pub struct Predictor {
    /// Of the samples before, newest first.
    pub weights: [f32; ORDER],
    /// Root mean square of what it cannot predict.
    pub residual: f32,
}

impl Predictor {
    pub const SILENCE: Predictor = Predictor {
        weights: [0.0; ORDER],
        residual: 0.0,
    };

    /// Of a stretch of sound, by the autocorrelation method under a Hann window.
    pub fn of(samples: &[i16]) -> Predictor {
        let mut r = [0.0f32; ORDER + 1];
        let mut window = [0.0f32; 512];
        // The newest samples count; a longer stretch than fits has nothing to add.
        let samples = &samples[samples.len().saturating_sub(window.len())..];
        let count = samples.len();
        for (n, (w, &s)) in window.iter_mut().zip(samples).enumerate() {
            let phase = std::f32::consts::TAU * (n as f32 + 0.5) / count as f32;
            *w = f32::from(s) * (0.5 - 0.5 * phase.cos());
        }
        for (lag, r) in r.iter_mut().enumerate() {
            *r = (lag..count).map(|n| window[n] * window[n - lag]).sum();
        }
        // 3/8 is the mean square of the window.
        Predictor::solve(&r, 0.375 * count as f32)
    }

    /// Levinson and Durbin, with a little white noise for a safe filter.
    fn solve(r: &[f32; ORDER + 1], norm: f32) -> Predictor {
        let mut error = r[0] * 1.0001 + 1.0;
        let mut weights = [0.0f32; ORDER];
        for i in 0..ORDER {
            let predicted: f32 = (0..i).map(|j| weights[j] * r[i - j]).sum();
            let reflection = (r[i + 1] - predicted) / error;
            let before = weights;
            for j in 0..i {
                weights[j] = before[j] - reflection * before[i - 1 - j];
            }
            weights[i] = reflection;
            error *= 1.0 - reflection * reflection;
        }
        let residual = (error.max(0.0) / norm).sqrt();
        Predictor { weights, residual }
    }

    /// From reflection coefficients, for a noise of this root mean square.
    pub fn from_reflections(reflections: &[f32], rms: f32) -> Predictor {
        let mut weights = [0.0f32; ORDER];
        let mut share = 1.0;
        for (i, &reflection) in reflections.iter().take(ORDER).enumerate() {
            let before = weights;
            for j in 0..i {
                weights[j] = before[j] - reflection * before[i - 1 - j];
            }
            weights[i] = reflection;
            share *= 1.0 - reflection * reflection;
        }
        Predictor {
            weights,
            residual: rms * share.max(0.0).sqrt(),
        }
    }
}

/// A predictor at work: white noise goes in, coloured noise comes out.
#[derive(Clone)]
pub struct Synthesis {
    memory: [f32; ORDER],
    seed: u32,
}

impl Default for Synthesis {
    fn default() -> Synthesis {
        Synthesis {
            memory: [0.0; ORDER],
            seed: 0x2545_F491,
        }
    }
}

impl Synthesis {
    /// Go on from what was heard, oldest first.
    pub fn follow(&mut self, heard: &[i16]) {
        self.memory = [0.0; ORDER];
        for (memory, &sample) in self.memory.iter_mut().zip(heard.iter().rev()) {
            *memory = f32::from(sample);
        }
    }

    /// Uniform in -1..1.
    fn white(&mut self) -> f32 {
        self.seed = self
            .seed
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn next(&mut self, predictor: &Predictor) -> f32 {
        // A uniform variable has a third of the mean square of its bound.
        let excitation = self.white() * 1.732 * predictor.residual;
        let ringing: f32 = predictor
            .weights
            .iter()
            .zip(&self.memory)
            .map(|(w, m)| w * m)
            .sum();
        let sample = (excitation + ringing).clamp(-32_768.0, 32_767.0);
        self.memory.copy_within(..ORDER - 1, 1);
        self.memory[0] = sample;
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, rate: f32, count: usize) -> Vec<i16> {
        (0..count)
            .map(|n| ((n as f32 * hz / rate * std::f32::consts::TAU).sin() * 8_000.0) as i16)
            .collect()
    }

    #[test]
    fn the_lag_of_a_tone_is_a_whole_number_of_its_periods() {
        for hz in [8_000usize, 16_000, 48_000] {
            let samples = tone(100.0, hz as f32, hz / 20);
            let at = samples.len() / 2;
            let found = best_lag(&samples, at, hz / 100, hz / 400..=hz * 15 / 1_000, hz);
            assert_eq!(found.lag, hz / 100, "at {hz} Hz");
            assert!(found.correlation > 0.999);
        }
    }

    #[test]
    fn synthesis_has_the_level_of_what_it_was_taken_from() {
        let mut source = Synthesis::default();
        let shape = Predictor::from_reflections(&[0.8, -0.3], 1_000.0);
        let samples: Vec<i16> = (0..4_000).map(|_| source.next(&shape) as i16).collect();
        let predictor = Predictor::of(&samples);
        let mut synthesis = Synthesis::default();
        let again: Vec<i16> = (0..4_000)
            .map(|_| synthesis.next(&predictor) as i16)
            .collect();
        let ratio = (energy(&again) / energy(&samples)).sqrt();
        assert!((0.7..1.4).contains(&ratio), "{ratio}");
        assert!((energy(&samples).sqrt() / 1_000.0 - 1.0).abs() < 0.15);
    }
}
