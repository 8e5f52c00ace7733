//! Digits as tones in a track's sound, by the limits of ITU-T Q.24.
//!
//! Every 5 ms the last 20 ms are looked at: the strength and, by the turn of its phase since the look before, the
//! frequency of each of the eight tones. A press begins with looks that pass every test and goes on while its two tones
//! are the strongest, so that neither a concealed loss nor the jump of phase after it makes two of one.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use super::{Press, Signal, COLUMNS, KEYPAD, ROWS};
use crate::codec::Rate;

const RATE: f32 = Rate::Narrow.hz() as f32;
/// Samples of a look, and from one look to the next.
const WINDOW: usize = 160;
const HOP: usize = 40;
const HOP_MS: u32 = 5;

/// Mean square of a sine of 0 dBm0, which lies 3.17 dB below full scale.
const MEAN_SQUARE_0_DBM0: f32 = 32_768.0 * 32_768.0 / 2.0 * 0.481_9;
/// Each tone: between -25 dBm0, which must be taken, and -29 dBm0, which must not (Q.24 table A-1).
const MIN_POWER: f32 = MEAN_SQUARE_0_DBM0 * 0.002; // -27 dBm0
/// The column's tone may be 4 dB stronger than the row's or 8 dB weaker; a dB more is for the measurement.
const MAX_COLUMN_TO_ROW: f32 = 3.162;
const MIN_COLUMN_TO_ROW: f32 = 0.126;
/// 1.5 % off must be taken, 3.5 % off must not.
const MAX_OFFSET: f32 = 0.025;
/// How much of the sound the two tones are: a voice has more to it.
const MIN_SHARE: f32 = 0.75;
/// Where a tone has just begun or ended.
const MIN_SHARE_EDGE: f32 = 0.5;
/// While a press goes on.
const MIN_SHARE_ON: f32 = 0.3;
/// The strongest tone of a group above each other one of it.
const MIN_LEAD: f32 = 6.3; // 8 dB
/// A voice has harmonics, a keypad none to speak of.
const MAX_HARMONIC: f32 = 0.05;
/// A press goes on while it is no weaker than this against its strongest look.
const MIN_FADE: f32 = 0.01; // -20 dB

/// Looks that make a press: 40 ms of tone must, 23 ms must not.
const LOOKS_TO_BEGIN: u32 = 5;
/// Looks without it that end a press: a pause of 40 ms must, of 10 ms must not.
const LOOKS_TO_END: u32 = 6;

/// One frequency's windowed cosine and sine.
type Wave = [[f32; WINDOW]; 2];

struct Waves {
    tones: [Wave; 8],
    seconds: [Wave; 8],
    /// Turn of phase of each tone from look to look.
    turns: [[f32; 2]; 8],
    window: [f32; WINDOW],
    /// Power of a full-length sine against the square of its magnitude, and of any sound against its windowed energy.
    per_magnitude: f32,
    per_energy: f32,
}

static WAVES: LazyLock<Waves> = LazyLock::new(Waves::new);

fn hz_of(tone: usize) -> f32 {
    if tone < 4 {
        ROWS[tone]
    } else {
        COLUMNS[tone - 4]
    }
}

impl Waves {
    fn new() -> Waves {
        let window: [f32; WINDOW] =
            std::array::from_fn(|n| 0.5 - 0.5 * (TAU * (n as f32 + 0.5) / WINDOW as f32).cos());
        let wave = |hz: f32| -> Wave {
            let angle =
                |n: usize| (f64::from(hz) * n as f64 / f64::from(RATE)).fract() as f32 * TAU;
            [
                std::array::from_fn(|n| window[n] * angle(n).cos()),
                std::array::from_fn(|n| -window[n] * angle(n).sin()),
            ]
        };
        let turn = |tone: usize| {
            let angle = (hz_of(tone) * HOP as f32 / RATE).fract() * TAU;
            [angle.cos(), angle.sin()]
        };
        let sum: f32 = window.iter().sum();
        let squares: f32 = window.iter().map(|w| w * w).sum();
        Waves {
            tones: std::array::from_fn(|tone| wave(hz_of(tone))),
            seconds: std::array::from_fn(|tone| wave(2.0 * hz_of(tone))),
            turns: std::array::from_fn(turn),
            window,
            per_magnitude: 2.0 / (sum * sum),
            per_energy: 1.0 / squares,
        }
    }
}

fn dot(a: &[f32; WINDOW], b: &[f32; WINDOW]) -> f32 {
    let mut lanes = [0.0f32; 8]; // so that the compiler may vectorise the sum
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}

fn transform(samples: &[f32; WINDOW], wave: &Wave) -> [f32; 2] {
    [dot(samples, &wave[0]), dot(samples, &wave[1])]
}

fn power(value: [f32; 2]) -> f32 {
    value[0] * value[0] + value[1] * value[1]
}

/// What one look saw.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    /// A digit by every test.
    Sure(char, f32),
    /// The tones of a digit, not by every test; the last says whether they may be the edge of one.
    Like(char, f32, bool),
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Pressing {
    digit: char,
    sure: u32,
    /// Looks since the last one that saw it, and since the first.
    missed: u32,
    age: u32,
    last: u32,
    peak: f32,
    told: bool,
}

impl Pressing {
    fn new(digit: char, power: f32) -> Pressing {
        Pressing {
            digit,
            sure: 1,
            missed: 0,
            age: 0,
            last: 0,
            peak: power,
            told: false,
        }
    }

    fn goes_on(&mut self, power: f32) {
        self.missed = 0;
        self.last = self.age;
        self.peak = self.peak.max(power);
    }
}

/// Finds digits in samples at 8 kHz.
pub struct ToneDetector {
    samples: Box<[f32; WINDOW]>,
    before: [[f32; 2]; 8],
    current: Option<Pressing>,
    /// Another digit while the current one goes on, and how often in a row.
    other: Option<(char, u32)>,
    suspects: bool,
}

impl Default for ToneDetector {
    fn default() -> ToneDetector {
        ToneDetector {
            samples: Box::new([0.0; WINDOW]),
            before: [[0.0; 2]; 8],
            current: None,
            other: None,
            suspects: false,
        }
    }
}

impl ToneDetector {
    /// Samples from one look to the next.
    pub const HOP: usize = HOP;

    /// The last look saw a digit, or what may be the edge of one.
    pub fn suspects(&self) -> bool {
        self.suspects
    }

    /// Take a frame at `Rate::Narrow`. `is_covered`: it stands for a loss, so nothing in it ends a press.
    pub fn process(&mut self, frame: &[i16], is_covered: bool) -> [Option<Signal>; 2] {
        let mut signals = [None; 2];
        for hop in frame.chunks_exact(HOP) {
            self.samples.copy_within(HOP.., 0);
            for (kept, &sample) in self.samples[WINDOW - HOP..].iter_mut().zip(hop) {
                *kept = f32::from(sample);
            }
            let look = self.look();
            self.suspects = matches!(look, Look::Sure(..) | Look::Like(.., true));
            for signal in self.take(look, is_covered).into_iter().flatten() {
                let free = signals.iter_mut().find(|place| place.is_none());
                free.into_iter().for_each(|place| *place = Some(signal));
            }
        }
        signals
    }

    fn look(&mut self) -> Look {
        let waves = &*WAVES;
        let energy: f32 = {
            let mut windowed = [0.0; WINDOW];
            for ((out, sample), weight) in
                windowed.iter_mut().zip(&*self.samples).zip(&waves.window)
            {
                *out = sample * weight;
            }
            dot(&windowed, &windowed) * waves.per_energy
        };
        if energy < 2.0 * MIN_POWER * MIN_FADE {
            self.before = [[0.0; 2]; 8];
            return Look::Nothing;
        }
        let tones: [[f32; 2]; 8] =
            std::array::from_fn(|tone| transform(&self.samples, &waves.tones[tone]));
        let before = std::mem::replace(&mut self.before, tones);
        let powers = tones.map(|tone| power(tone) * waves.per_magnitude);
        let (row, column) = (strongest(&powers, 0), strongest(&powers, 4));
        let offsets =
            [row, column].map(|tone| offset(tones[tone], before[tone], waves.turns[tone]));
        let [low, high] = [(row, offsets[0]), (column, offsets[1])]
            .map(|(tone, offset)| powers[tone] / passed(offset));
        if powers[row] + powers[column] < MIN_SHARE_ON * energy {
            return Look::Nothing;
        }
        let digit = char::from(KEYPAD[row][column - 4]);
        let both = low + high;
        let ratio = high / low.max(1e-9);
        let is_sure = low.min(high) >= MIN_POWER
            && (MIN_COLUMN_TO_ROW..=MAX_COLUMN_TO_ROW).contains(&ratio)
            && both >= MIN_SHARE * energy
            && leads(&powers, row)
            && leads(&powers, column)
            && offsets[0].abs() <= MAX_OFFSET * hz_of(row)
            && offsets[1].abs() <= MAX_OFFSET * hz_of(column)
            && !self.has_harmonics(&powers, row, column);
        if is_sure {
            return Look::Sure(digit, both);
        }
        let is_edge = both >= MIN_SHARE_EDGE * energy
            && (MIN_COLUMN_TO_ROW / 4.0..=MAX_COLUMN_TO_ROW * 4.0).contains(&ratio)
            && offsets[0].abs() <= 2.0 * MAX_OFFSET * hz_of(row)
            && offsets[1].abs() <= 2.0 * MAX_OFFSET * hz_of(column);
        Look::Like(digit, both, is_edge)
    }

    fn has_harmonics(&self, powers: &[f32; 8], row: usize, column: usize) -> bool {
        let waves = &*WAVES;
        let second = |tone: usize| {
            power(transform(&self.samples, &waves.seconds[tone])) * waves.per_magnitude
        };
        // Where the row's second harmonic lies beside the column's tone it cannot be told from it.
        let is_clear = (2.0 * hz_of(row) - hz_of(column)).abs() > 120.0;
        second(column) > MAX_HARMONIC * powers[column]
            || (is_clear && second(row) > MAX_HARMONIC * powers[row])
    }

    fn take(&mut self, look: Look, is_covered: bool) -> [Option<Signal>; 2] {
        let Some(current) = &mut self.current else {
            if let Look::Sure(digit, power) = look {
                self.current = Some(Pressing::new(digit, power));
            }
            return [None; 2];
        };
        current.age += 1;
        match look {
            Look::Sure(digit, power) if digit == current.digit => {
                current.sure += 1;
                current.goes_on(power);
                self.other = None;
            }
            Look::Like(digit, power, _)
                if digit == current.digit && power >= MIN_FADE * current.peak =>
            {
                current.goes_on(power);
            }
            Look::Sure(digit, power) => return self.take_other(digit, power),
            // What stands for a loss tells no end, unless the end was heard before it.
            Look::Like(..) | Look::Nothing if !is_covered || current.missed > 0 => {
                current.missed += 1;
            }
            Look::Like(..) | Look::Nothing => {}
        }
        if current.missed >= LOOKS_TO_END {
            return [self.end(), None];
        }
        if !current.told && current.sure >= LOOKS_TO_BEGIN {
            current.told = true;
            return [Some(Signal::Began(current.digit)), None];
        }
        [None; 2]
    }

    /// Another digit without a pause: a slip of the finger, or two losses.
    fn take_other(&mut self, digit: char, power: f32) -> [Option<Signal>; 2] {
        let times = self
            .other
            .take_if(|other| other.0 == digit)
            .map_or(1, |other| other.1 + 1);
        let is_unsure = self.current.is_some_and(|current| !current.told);
        if times < 2 && !is_unsure {
            self.other = Some((digit, times));
            return [None; 2];
        }
        let over = self.end();
        self.current = Some(Pressing {
            sure: times,
            ..Pressing::new(digit, power)
        });
        [over, None]
    }

    fn end(&mut self) -> Option<Signal> {
        self.other = None;
        let ended = self.current.take().filter(|current| current.told)?;
        Some(Signal::Over(Press {
            digit: ended.digit,
            duration_ms: (ended.last + 1) * HOP_MS,
        }))
    }
}

/// The strongest of the four tones from `first` on.
fn strongest(powers: &[f32; 8], first: usize) -> usize {
    (first..first + 4).fold(first, |best, tone| {
        if powers[tone] > powers[best] {
            tone
        } else {
            best
        }
    })
}

fn leads(powers: &[f32; 8], tone: usize) -> bool {
    let group = tone / 4 * 4;
    (group..group + 4).all(|other| other == tone || powers[tone] >= MIN_LEAD * powers[other])
}

/// How far the tone lies from its frequency, in Hz, by how much further its phase turned.
fn offset(now: [f32; 2], before: [f32; 2], turn: [f32; 2]) -> f32 {
    let step = [
        now[0] * before[0] + now[1] * before[1],
        now[1] * before[0] - now[0] * before[1],
    ];
    let further = [
        step[0] * turn[0] + step[1] * turn[1],
        step[1] * turn[0] - step[0] * turn[1],
    ];
    further[1].atan2(further[0]) * RATE / (TAU * HOP as f32)
}

/// The part of its power with which a sine that lies `offset` Hz off is seen through the window.
fn passed(offset: f32) -> f32 {
    let bins = (offset * WINDOW as f32 / RATE).abs().clamp(1e-3, 0.9);
    let angle = bins * TAU / 2.0;
    let response = angle.sin() / angle / (1.0 - bins * bins);
    response * response
}

#[cfg(test)]
mod tests;
