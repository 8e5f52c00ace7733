//! Tones by how long they sound and pause: ring-back, busy, congestion, and the special information tone.

use super::spectrum::Sound;
use super::Signal;

/// A tone of the network that is called, as it is published.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkTone {
    pub signal: Signal,
    pub hz: Vec<f32>,
    /// Sound, pause, sound, ...
    pub cadence_ms: Vec<u32>,
}

const FRAME_MS: u32 = crate::codec::FRAME_MS as u32;
/// A tone keeps its frequency.
const MAX_DRIFT_HZ: f32 = 30.0;
/// From the middle of what is published.
const MAX_OFF_HZ: f32 = 25.0;
/// A shorter hole is bridged: of a modulated tone, or a loss. A shorter sound is none.
const MAX_HOLE_MS: u32 = 60;
const MIN_TONE_MS: u32 = 80;
/// So much of other sound in a pause is no pause between tones.
const MAX_OTHER_MS: u32 = 100;
/// Tones remembered.
const HISTORY: usize = 4;
/// So many sounds and pauses that fit tell a signal; one sound does where it is this long.
const PARTS: usize = 3;
const LONG_MS: u32 = 800;
/// After so many the first signal that fits counts, whatever else does.
const ALL_PARTS: usize = 2 * HISTORY - 1;
/// E.180: three tones, one after another.
const SPECIAL_HZ: [f32; 3] = [950.0, 1_400.0, 1_800.0];
const MAX_SPECIAL_OFF_HZ: f32 = 60.0;
const SPECIAL_MS: std::ops::RangeInclusive<u32> = 200..=460;

/// A tone that goes on or is over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Burst {
    pub hz: f32,
    pub ms: u32,
    pub is_single: bool,
    /// Farthest that a frame of it lay from its middle.
    pub drift_hz: f32,
    /// The pause before it.
    pub after_ms: u32,
}

/// What a frame completes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Completed {
    pub signal: Option<Signal>,
    pub burst: Option<Burst>,
}

pub struct Cadence {
    tones: Vec<NetworkTone>,
    /// The oldest first.
    over: [Burst; HISTORY],
    count: usize,
    going: Option<Burst>,
    /// Since the last frame of a tone, and what of that was another sound.
    pause_ms: u32,
    other_ms: u32,
}

impl Cadence {
    pub fn new(tones: Vec<NetworkTone>) -> Cadence {
        Cadence {
            tones,
            over: [Burst::default(); HISTORY],
            count: 0,
            going: None,
            pause_ms: 0,
            other_ms: 0,
        }
    }

    /// Whether a tone of this frequency is one of the network's.
    pub fn knows(&self, hz: f32) -> bool {
        self.tones.iter().any(|tone| tone.has(hz))
    }

    pub fn take(&mut self, sound: &Sound) -> Completed {
        let Some(tone) = sound.tone else {
            self.pause_ms += FRAME_MS;
            self.other_ms += if sound.is_silent() { 0 } else { FRAME_MS };
            if self.other_ms > MAX_OTHER_MS {
                self.count = 0;
            }
            return match self.pause_ms > MAX_HOLE_MS {
                true => self.end_burst(),
                false => Completed::default(),
            };
        };
        if let Some(going) = &mut self.going {
            let drift_hz = (tone.hz - going.hz).abs();
            if drift_hz <= MAX_DRIFT_HZ {
                going.hz += (tone.hz - going.hz) * FRAME_MS as f32 / (going.ms + FRAME_MS) as f32;
                going.ms += self.pause_ms + FRAME_MS;
                going.is_single &= tone.is_single;
                going.drift_hz = going.drift_hz.max(drift_hz);
                (self.pause_ms, self.other_ms) = (0, 0);
                return Completed::default();
            }
        }
        let completed = self.end_burst();
        self.going = Some(Burst {
            hz: tone.hz,
            ms: FRAME_MS,
            is_single: tone.is_single,
            drift_hz: 0.0,
            after_ms: self.pause_ms,
        });
        (self.pause_ms, self.other_ms) = (0, 0);
        completed
    }

    /// A tone is over; one that was too short was none.
    fn end_burst(&mut self) -> Completed {
        let Some(burst) = self.going.take() else {
            return Completed::default();
        };
        if burst.ms < MIN_TONE_MS {
            self.pause_ms += burst.ms + burst.after_ms;
            return Completed::default();
        }
        if self.count == HISTORY {
            self.over.copy_within(1.., 0);
            self.count -= 1;
        }
        self.over[self.count] = burst;
        self.count += 1;
        Completed {
            signal: self.special().or_else(|| self.of_network()),
            burst: Some(burst),
        }
    }

    fn special(&self) -> Option<Signal> {
        let last = self.over[..self.count].last_chunk::<3>()?;
        let fits = |(burst, hz): (&Burst, f32)| {
            (burst.hz - hz).abs() <= MAX_SPECIAL_OFF_HZ && SPECIAL_MS.contains(&burst.ms)
        };
        let follow = last[1..].iter().all(|burst| burst.after_ms <= MAX_HOLE_MS);
        (follow && last.iter().zip(SPECIAL_HZ).all(fits)).then_some(Signal::SpecialInformation)
    }

    /// The signal that more of the last sounds and pauses fit than any other.
    fn of_network(&self) -> Option<Signal> {
        let over = &self.over[..self.count];
        let fit = |tone: &NetworkTone| (tone.signal, tone.fits(over), tone.is_long());
        let best = self.tones.iter().map(fit).reduce(
            |best, other| {
                if other.1 > best.1 {
                    other
                } else {
                    best
                }
            },
        );
        let (signal, parts, is_long) = best?;
        let rivals = self.tones.iter().map(fit);
        let is_alone = rivals
            .filter(|rival| rival.1 >= parts)
            .all(|rival| rival.0 == signal);
        let enough = if is_long { 1 } else { PARTS };
        (parts >= enough && (is_alone || parts >= ALL_PARTS)).then_some(signal)
    }
}

impl NetworkTone {
    fn has(&self, hz: f32) -> bool {
        let middle = self.hz.iter().sum::<f32>() / self.hz.len().max(1) as f32;
        (hz - middle).abs() <= MAX_OFF_HZ
    }

    /// One sound of it tells.
    fn is_long(&self) -> bool {
        self.cadence_ms.first().is_some_and(|&ms| ms >= LONG_MS)
    }

    /// How many of the last sounds and pauses, from the newest back, are as this tone has them.
    fn fits(&self, over: &[Burst]) -> usize {
        let sounds = (0..self.cadence_ms.len()).step_by(2);
        sounds
            .map(|last| self.fits_at(over, last))
            .max()
            .unwrap_or(0)
    }

    /// The same, if the newest sound is the one at `last` of the cadence.
    fn fits_at(&self, over: &[Burst], last: usize) -> usize {
        let length = self.cadence_ms.len();
        let (mut place, mut parts) = (last, 0);
        for (n, burst) in over.iter().rev().enumerate() {
            let is_ours = self.has(burst.hz) && is_as_long(burst.ms, self.cadence_ms[place]);
            if !is_ours {
                break;
            }
            parts += 1;
            place = (place + length - 1) % length;
            let is_first = n + 1 == over.len();
            if is_first || !is_as_long(burst.after_ms, self.cadence_ms[place]) {
                break;
            }
            parts += 1;
            place = (place + length - 1) % length;
        }
        parts
    }
}

/// Within 15 %, and what the frames leave open.
fn is_as_long(ms: u32, published: u32) -> bool {
    ms.abs_diff(published) <= (published * 15 / 100).max(45)
}
