//! How a call that we make goes: the network's tones, who answered, and the beep after which a machine records.
//!
//! It hears a track at 8 kHz, 20 ms at a time: tones from the beginning, and who it is once the call is answered.

mod answer;
mod cadence;
mod spectrum;
#[cfg(test)]
mod tests;

use self::answer::Answer;
pub use self::cadence::NetworkTone;
use self::cadence::{Burst, Cadence};
use self::spectrum::Spectrum;

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    RingBack,
    Busy,
    Congestion,
    SpecialInformation,
    Human,
    Machine,
    /// Nobody spoke, or it could not be told in time.
    Unknown,
    Beep,
}

impl Signal {
    pub const ALL: [Signal; 8] = [
        Signal::RingBack,
        Signal::Busy,
        Signal::Congestion,
        Signal::SpecialInformation,
        Signal::Human,
        Signal::Machine,
        Signal::Unknown,
        Signal::Beep,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Signal::RingBack => "ring_back",
            Signal::Busy => "busy",
            Signal::Congestion => "congestion",
            Signal::SpecialInformation => "special_information",
            Signal::Human => "human",
            Signal::Machine => "machine",
            Signal::Unknown => "unknown",
            Signal::Beep => "beep",
        }
    }

    pub fn from_name(name: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.name() == name)
    }
}

/// A beep is a tone of one frequency that it keeps, so long, of none that the network uses.
const BEEP_MS: std::ops::RangeInclusive<u32> = 120..=4_000;
const BEEP_HZ: std::ops::RangeInclusive<f32> = 380.0..=2_150.0;
const MAX_BEEP_DRIFT_HZ: f32 = 8.0;

#[derive(Default)]
enum Stage {
    #[default]
    Calling,
    Answered(Answer),
    /// It is known who it is, or not to be known.
    Known,
}

/// One call's progress.
pub struct Progress {
    spectrum: Spectrum,
    cadence: Cadence,
    stage: Stage,
    /// The last signal of the network: it is told once while it goes on.
    last: Option<Signal>,
}

impl Progress {
    pub fn new(tones: Vec<NetworkTone>) -> Progress {
        Progress {
            spectrum: Spectrum::default(),
            cadence: Cadence::new(tones),
            stage: Stage::default(),
            last: None,
        }
    }

    /// The call is answered: listen who it is.
    pub fn answered(&mut self) {
        self.stage = Stage::Answered(Answer::default());
    }

    /// Hear a frame at `Rate::Narrow`. Allocates nothing.
    pub fn hear(&mut self, frame: &[i16]) -> [Option<Signal>; 2] {
        let sound = self.spectrum.look(frame);
        let completed = self.cadence.take(&sound);
        let is_beep = completed.burst.is_some_and(|burst| self.is_beep(&burst));
        let heard = match completed.signal {
            Some(signal) => self
                .last
                .replace(signal)
                .is_none_or(|last| last != signal)
                .then_some(signal),
            None => is_beep.then_some(Signal::Beep),
        };
        let Stage::Answered(answer) = &mut self.stage else {
            return [heard, None];
        };
        let who = if is_beep {
            Some(Signal::Machine)
        } else {
            answer.take(&sound)
        };
        if who.is_some() {
            self.stage = Stage::Known;
        }
        [who, heard]
    }

    fn is_beep(&self, burst: &Burst) -> bool {
        !matches!(self.stage, Stage::Calling)
            && burst.is_single
            && burst.drift_hz <= MAX_BEEP_DRIFT_HZ
            && BEEP_MS.contains(&burst.ms)
            && BEEP_HZ.contains(&burst.hz)
            && !self.cadence.knows(burst.hz)
    }
}
