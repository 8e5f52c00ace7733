//! Voice activity by level: speech is what stands out of the noise that a line has (ITU-T P.56 takes 15.9 dB below the
//! speech level; here the noise is measured instead, since levels are all that a relayed track costs).
//!
//! The floor falls at once to the quietest that is heard and rises slowly, so that the gaps between words hold it down;
//! a tone that does not end becomes noise after some seconds. Pauses shorter than 200 ms belong to what is said (P.59).

use crate::clock::{Nanos, MILLISECOND, SECOND};

/// Above the floor, in dB, and never below this level, in dBov.
const ABOVE_FLOOR_DB: f32 = 9.0;
const QUIETEST_DBOV: f32 = -52.0;
const FIRST_FLOOR_DBOV: f32 = -60.0;
const LOWEST_FLOOR_DBOV: f32 = -80.0;
const FLOOR_RISE_DB_PER_S: f32 = 6.0;
/// How fast a loudness is forgotten.
const DECAY_DB_PER_S: f32 = 25.0;
const PAUSE: Nanos = 200 * MILLISECOND;
/// Longer between two levels, and nothing came in between.
const MAX_STEP: Nanos = 200 * MILLISECOND;

/// What a track's levels say of its talker.
#[derive(Clone, Debug)]
pub struct Activity {
    floor_dbov: f32,
    loudness_dbov: f32,
    measured_at: Nanos,
    voice_until: Nanos,
    speech: Speech,
}

/// How long a track talked, was silent, and talked while another of its session did; 100 ms exact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speech {
    pub talk: Nanos,
    pub silence: Nanos,
    pub overtalk: Nanos,
    /// Sum and number of the levels while it talked.
    energy: f64,
    levels: u32,
}

impl Speech {
    /// Mean level while it talked, in dBov; None if it never did.
    pub fn level_dbov(&self) -> Option<f32> {
        let mean = self.energy / f64::from(self.levels);
        (self.levels > 0).then(|| (10.0 * mean.log10()) as f32)
    }
}

impl Default for Activity {
    fn default() -> Activity {
        Activity {
            floor_dbov: FIRST_FLOOR_DBOV,
            loudness_dbov: LOWEST_FLOOR_DBOV,
            measured_at: 0,
            voice_until: 0,
            speech: Speech::default(),
        }
    }
}

impl Activity {
    /// A level of what is heard now.
    pub fn hear(&mut self, level_dbov: f32, now: Nanos) {
        let step = now.saturating_sub(self.measured_at).min(MAX_STEP);
        let seconds = step as f32 / SECOND as f32;
        self.measured_at = now;
        let risen = self.floor_dbov + FLOOR_RISE_DB_PER_S * seconds;
        self.floor_dbov = risen.min(level_dbov).max(LOWEST_FLOOR_DBOV);
        self.loudness_dbov = (self.loudness_dbov - DECAY_DB_PER_S * seconds).max(level_dbov);
        if self.is_speech(level_dbov) {
            self.voice_until = now + PAUSE;
            self.speech.energy += 10f64.powf(f64::from(level_dbov) / 10.0);
            self.speech.levels += 1;
        }
    }

    /// Whether what has such a level stands out of the noise.
    pub fn is_speech(&self, level_dbov: f32) -> bool {
        level_dbov > QUIETEST_DBOV.max(self.floor_dbov + ABOVE_FLOOR_DB)
    }

    /// The level of the noise.
    pub fn floor_dbov(&self) -> f32 {
        self.floor_dbov
    }

    pub fn talks(&self, now: Nanos) -> bool {
        now < self.voice_until
    }

    /// How loud it is beside others, in dBov: the loudest of late.
    pub fn loudness(&self, now: Nanos) -> f32 {
        let since = now.saturating_sub(self.measured_at) as f32 / SECOND as f32;
        self.loudness_dbov - DECAY_DB_PER_S * since
    }

    /// Another stretch of the call has passed.
    pub fn pass(&mut self, duration: Nanos, with_others: bool, now: Nanos) {
        if self.measured_at == 0 {
            return; // nothing is known of it
        }
        if !self.talks(now) {
            self.speech.silence += duration;
            return;
        }
        self.speech.talk += duration;
        if with_others {
            self.speech.overtalk += duration;
        }
    }

    /// None if its levels were never known: a codec that is relayed and says nothing of them.
    pub fn speech(&self) -> Option<Speech> {
        (self.measured_at > 0).then_some(self.speech)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of each second is taken for speech; `level` by millisecond.
    fn heard(seconds: u64, level: impl Fn(u64) -> f32) -> Vec<u64> {
        let mut activity = Activity::default();
        let mut share = vec![0; seconds as usize];
        for at in (0..seconds * 1_000).step_by(20) {
            let now = SECOND + at * MILLISECOND;
            activity.hear(level(at), now);
            share[at as usize / 1_000] += 20 * u64::from(activity.talks(now));
        }
        share
    }

    #[test]
    fn words_are_told_from_the_noise_between_them_however_loud_it_is() {
        for noise in [-75.0, -55.0, -42.0] {
            // Words of 300 ms with gaps of 100 ms for two seconds, then two seconds of noise alone.
            let level = |at: u64| {
                let word = at % 4_000 < 2_000 && at % 400 < 300;
                let ripple = (at / 20 % 5) as f32 - 2.0;
                ripple + if word { -22.0 } else { noise }
            };
            let share = heard(24, level);
            for second in (8..24).filter(|second| second % 4 < 2) {
                assert!(share[second] >= 900, "{noise}: {share:?}");
            }
            for second in (8..24).filter(|second| second % 4 == 3) {
                assert!(share[second] <= 40, "{noise}: {share:?}");
            }
        }
    }

    #[test]
    fn a_tone_without_end_becomes_noise_and_silence_is_never_speech() {
        let tone = heard(20, |_| -20.0);
        assert_eq!((tone[0], tone[19]), (1_000, 0), "{tone:?}");
        assert_eq!(heard(3, |_| -127.0), [0; 3]);
    }

    #[test]
    fn times_add_up_and_only_talk_beside_others_is_over_talk() {
        let mut activity = Activity::default();
        activity.pass(SECOND, true, SECOND);
        assert_eq!(activity.speech(), None, "nothing came yet");
        activity.hear(-20.0, 2 * SECOND);
        activity.pass(100 * MILLISECOND, true, 2 * SECOND);
        activity.pass(100 * MILLISECOND, false, 2 * SECOND + 100 * MILLISECOND);
        activity.pass(100 * MILLISECOND, true, 3 * SECOND);
        let speech = activity.speech().unwrap();
        let ms = [speech.talk, speech.silence, speech.overtalk].map(|time| time / MILLISECOND);
        assert_eq!(ms, [200, 100, 100]);
        assert!((speech.level_dbov().unwrap() + 20.0).abs() < 0.01);
    }
}
