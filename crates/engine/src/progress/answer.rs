//! Who answered: a person says a word or two and waits, a machine goes on speaking.

use super::spectrum::Sound;
use super::Signal;

const FRAME_MS: u32 = crate::codec::FRAME_MS as u32;
/// A person's greeting is no longer, and he then waits for at least so long.
const MAX_GREETING_MS: u32 = 1_800;
const MIN_WAIT_MS: u32 = 800;
/// A shorter sound is no word.
const MIN_WORD_MS: u32 = 80;
/// Nobody says anything for so long.
const MAX_SILENCE_MS: u32 = 4_000;
/// It has to be known by then.
const MAX_MS: u32 = 8_000;
/// Speech is this much above the quietest of the line: 10 dB.
const ABOVE_FLOOR: f32 = 10.0;
/// And above -50 dBov.
const MIN_POWER: f32 = 32_768.0 * 32_768.0 * 1e-5;
/// How fast the floor follows a line that gets louder: 3 dB a second.
const FLOOR_RISE: f32 = 1.014;

pub struct Answer {
    /// Since it was answered.
    ms: u32,
    floor: f32,
    /// The sound that goes on, and the silence.
    word_ms: u32,
    silence_ms: u32,
    /// When the greeting began, and when the last word of it was heard.
    began: Option<u32>,
    ended: u32,
}

impl Default for Answer {
    fn default() -> Answer {
        Answer {
            ms: 0,
            floor: MIN_POWER,
            word_ms: 0,
            silence_ms: 0,
            began: None,
            ended: 0,
        }
    }
}

impl Answer {
    /// Take a frame; tells once who it is, and must not be asked after that.
    pub fn take(&mut self, sound: &Sound) -> Option<Signal> {
        self.ms += FRAME_MS;
        self.floor = (self.floor * FLOOR_RISE).min(sound.power.max(MIN_POWER / ABOVE_FLOOR));
        let speaks = sound.power > MIN_POWER.max(self.floor * ABOVE_FLOOR) && sound.tone.is_none();
        let speaks = speaks || (sound.tone.is_some() && self.began.is_some() && !sound.is_silent());
        if speaks {
            (self.word_ms, self.silence_ms) = (self.word_ms + FRAME_MS, 0);
        } else {
            (self.word_ms, self.silence_ms) = (0, self.silence_ms + FRAME_MS);
        }
        if self.word_ms >= MIN_WORD_MS {
            self.began.get_or_insert(self.ms - self.word_ms);
            self.ended = self.ms;
        }
        self.decide()
    }

    fn decide(&self) -> Option<Signal> {
        let Some(began) = self.began else {
            return (self.ms >= MAX_SILENCE_MS).then_some(Signal::Unknown);
        };
        if self.ended - began > MAX_GREETING_MS {
            return Some(Signal::Machine);
        }
        if self.ms - self.ended >= MIN_WAIT_MS && self.silence_ms >= MIN_WAIT_MS {
            return Some(Signal::Human);
        }
        (self.ms >= MAX_MS).then_some(Signal::Unknown)
    }
}
