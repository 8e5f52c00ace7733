//! The sound of silence: as the peer describes it (RFC 3389), or as it was heard when nobody spoke.

use super::dsp::{self, Predictor, Synthesis};

/// A frame this much louder than the quietest is taken for speech.
const SPEECH: f32 = 4.0;
/// The quietest is forgotten by so much a frame: 3 dB in 3.5 seconds.
const FORGET: f32 = 1.004;
/// Louder than -40 dBov is no background.
const LOUDEST: f32 = 328.0 * 328.0;

/// RFC 3389 §3: the level in -dBov, then quantised reflection coefficients. None if it is empty.
fn described(payload: &[u8]) -> Option<Predictor> {
    let (&level, coefficients) = payload.split_first()?;
    // dBov is relative to a full-scale square wave.
    let rms = 32_768.0 * 10f32.powf(-f32::from(level & 0x7F) / 20.0);
    let mut reflections = [0.0; dsp::ORDER];
    for (reflection, &byte) in reflections.iter_mut().zip(coefficients) {
        // §3.2: k_i = 258 * (N_i - 127) / 32768; kept inside the circle, or the filter would ring for ever.
        *reflection = -(258.0 * (f32::from(byte) - 127.0) / 32_768.0).clamp(-0.99, 0.99);
    }
    Some(Predictor::from_reflections(&reflections, rms))
}

pub struct Background {
    colour: Predictor,
    synthesis: Synthesis,
    quietest: f32,
    /// Of the noise; falls to nothing when nobody says that the peer is still there.
    gain: f32,
    told: bool,
}

impl Background {
    pub fn new() -> Background {
        Background {
            colour: Predictor::SILENCE,
            synthesis: Synthesis::default(),
            quietest: LOUDEST,
            gain: 1.0,
            told: false,
        }
    }

    /// Hear a decoded frame; the quiet ones are what the background sounds like.
    pub fn hear(&mut self, frame: &[i16]) {
        (self.gain, self.told) = (1.0, false);
        let energy = dsp::energy(frame);
        self.quietest = (self.quietest * FORGET).min(LOUDEST);
        if energy > self.quietest * SPEECH || energy > LOUDEST {
            return;
        }
        self.quietest = self.quietest.min(energy.max(1.0));
        self.colour = Predictor::of(frame);
    }

    /// Take the peer's description.
    pub fn describe(&mut self, payload: &[u8]) {
        if let Some(colour) = described(payload) {
            (self.colour, self.gain, self.told) = (colour, 1.0, true);
        }
    }

    /// Fill with noise; `fading`: by so much a sample.
    pub fn fill(&mut self, out: &mut [i16], fading: f32) {
        if self.gain < 0.001 {
            out.fill(0);
            return;
        }
        for sample in out {
            *sample = (self.synthesis.next(&self.colour) * self.gain) as i16;
            self.gain *= 1.0 - fading;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_level_and_the_slope_that_the_peer_describes() {
        let mut background = Background::new();
        let mut out = [0; 8_000];
        background.describe(&[60]);
        background.fill(&mut out, 0.0);
        let level = crate::codec::level_dbov(&out);
        assert!((level + 60.0).abs() < 1.5, "{level}");
        // A negative first coefficient of §3.2 is a slope towards low frequencies.
        background.describe(&[40, 20]);
        background.fill(&mut out, 0.0);
        let steps: Vec<i16> = out.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            dsp::energy(&steps) < dsp::energy(&out),
            "low frequencies prevail"
        );
        assert!((crate::codec::level_dbov(&out) + 40.0).abs() < 3.0);
    }

    #[test]
    fn any_description_makes_some_noise_and_none_a_howl() {
        let mut random = crate::random::Random::with_seed(3);
        let mut out = [0; 800];
        for length in 0..20 {
            let payload: Vec<u8> = (0..length).map(|_| random.draw() as u8).collect();
            let mut background = Background::new();
            background.describe(&payload);
            background.fill(&mut out, 0.0);
        }
    }

    #[test]
    fn the_room_is_remembered_and_the_voice_is_not() {
        let mut background = Background::new();
        let mut random = crate::random::Random::with_seed(2);
        let mut noise = |loud: f32| -> Vec<i16> {
            (0..160)
                .map(|_| ((random.draw() % 2_001) as f32 - 1_000.0) * loud)
                .map(|s| s as i16)
                .collect()
        };
        for n in 0..200 {
            background.hear(&noise(if n % 10 < 5 { 4.0 } else { 0.03 }));
        }
        let mut out = [0; 1_600];
        background.fill(&mut out, 0.0);
        let rms = dsp::energy(&out).sqrt();
        assert!((8.0..35.0).contains(&rms), "{rms}"); // 30 / sqrt(3)
    }
}
