//! Softer under speech: down quickly when somebody speaks, up slowly when nobody has for a while.

use crate::codec::FRAME_MS;
use crate::id::TrackId;

/// Down within this time, and up again.
const ATTACK_MS: usize = 100;
const RELEASE_MS: usize = 400;
/// A pause between two words is no end of speech.
const HOLD_FRAMES: u32 = (600 / FRAME_MS) as u32;

pub struct Ducking {
    under: Vec<TrackId>,
    /// While somebody speaks.
    soft: f32,
    /// Frames until it may be louder again.
    hold: u32,
    gain: f32,
}

impl Default for Ducking {
    fn default() -> Ducking {
        Ducking {
            under: Vec::new(),
            soft: 1.0,
            hold: 0,
            gain: 1.0,
        }
    }
}

impl Ducking {
    pub fn set(&mut self, under: Vec<TrackId>, soft: f32) {
        (self.under, self.soft) = (under, soft.clamp(0.0, 1.0));
        if self.under.is_empty() {
            self.hold = 0;
        }
    }

    pub fn under(&self) -> &[TrackId] {
        &self.under
    }

    /// Whether one of them speaks in this frame.
    pub fn note(&mut self, speaks: bool) {
        self.hold = match speaks {
            true => HOLD_FRAMES,
            false => self.hold.saturating_sub(1),
        };
    }

    fn target(&self) -> f32 {
        match self.hold {
            0 => 1.0,
            _ => self.soft,
        }
    }

    /// Frames are left as they are.
    pub fn is_plain(&self) -> bool {
        self.gain == 1.0 && self.target() == 1.0
    }

    pub fn apply(&mut self, frame: &mut [i16]) {
        let target = self.target();
        let time = if target < self.gain {
            ATTACK_MS
        } else {
            RELEASE_MS
        };
        let most = (1.0 - self.soft).max(0.01) * FRAME_MS as f32 / time as f32;
        let change = (target - self.gain).clamp(-most, most);
        let step = change / frame.len() as f32;
        for (n, sample) in frame.iter_mut().enumerate() {
            *sample = (f32::from(*sample) * (self.gain + step * (n + 1) as f32)) as i16;
        }
        self.gain = if change == target - self.gain {
            target
        } else {
            self.gain + change
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_within_100_ms_of_speech_and_rises_600_ms_after_it_without_a_step() {
        let mut ducking = Ducking::default();
        ducking.set(vec![TrackId(1)], 0.25);
        let mut all = Vec::new();
        for n in 0..100 {
            ducking.note((10..30).contains(&n));
            let mut frame = [8_000i16; 320];
            ducking.apply(&mut frame);
            all.extend(frame);
        }
        let at = |ms: usize| all[ms * 16];
        assert_eq!((at(190), at(320), at(1_100)), (8_000, 2_000, 2_000));
        assert!(at(1_300) > 2_000 && at(1_300) < 8_000);
        assert_eq!(at(1_700), 8_000);
        assert!(all.windows(2).all(|w| w[0].abs_diff(w[1]) < 10));
        assert!(ducking.is_plain());
    }
}
