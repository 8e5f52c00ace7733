//! What is heard in place of lost sound, for codecs that do not conceal: the voice goes on in its last pitch and
//! colour, then fades; where the sound after the gap is known, the voice is also traced back from there.

use super::dsp::{self, Predictor, Synthesis, ORDER};
use super::line::Line;

/// Time over which the last pitch is judged.
const JUDGED_MS: usize = 10;
/// A voice goes on at full level for so long, then fades to nothing.
const HELD_MS: usize = 20;
const FADED_MS: usize = 80;
/// From concealment into what follows.
const JOIN_MS: usize = 5;
/// Longest gap that is bridged from both sides.
const BRIDGED_MS: usize = 60;
/// The sound after a gap begins where it fits the voice before it; it must fit so well to be moved.
const FITS: f32 = 0.5;
/// Longest of all that is made in one go: a bridge, the search for the join, the join.
const SCRATCH_MS: usize = BRIDGED_MS + 30 + JOIN_MS;

/// By how many samples the length of a gap may be changed so that both its sides meet in the same phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Give {
    pub shorter: usize,
    pub longer: usize,
}

/// One side of a gap carried on: its last period over and over, mixed with noise of its colour.
struct Extension {
    hz: usize,
    period: Vec<i16>,
    next: usize,
    /// Share of the period in what is made, the rest is noise.
    voicing: f32,
    predictor: Predictor,
    synthesis: Synthesis,
    /// Where the period begins lies off where the sound ended; that is made good within a millisecond.
    offset: f32,
}

impl Extension {
    fn new(hz: usize) -> Extension {
        Extension {
            hz,
            period: Vec::with_capacity(*Line::lags(hz).end() + 1),
            next: 0,
            voicing: 0.0,
            predictor: Predictor::SILENCE,
            synthesis: Synthesis::default(),
            offset: 0.0,
        }
    }

    /// Go on from the end of `heard`.
    fn begin(&mut self, heard: &[i16]) {
        let lags = Line::lags(self.hz);
        let length = (self.hz * JUDGED_MS / 1_000).min(heard.len() / 2);
        let longest = (*lags.end()).min(heard.len() - length);
        let at = heard.len() - length;
        let found = dsp::best_lag(heard, at, length, *lags.start()..=longest, self.hz);
        self.voicing = ((found.correlation - 0.2) / 0.5).clamp(0.0, 1.0);
        self.keep_period(heard, found.lag);
        self.predictor = Predictor::of(&heard[heard.len().saturating_sub(2 * longest)..]);
        self.synthesis
            .follow(&heard[heard.len() - ORDER.min(heard.len())..]);
    }

    fn keep_period(&mut self, heard: &[i16], lag: usize) {
        let end = heard.len();
        self.period.clear();
        self.period.extend_from_slice(&heard[end - lag..]);
        let before = end - lag - 1;
        self.offset = f32::from(heard[end - 1]) - f32::from(heard[before]);
        // Its end is made to lead to its beginning.
        let join = (lag / 4).min(before);
        let lead_in = &heard[end - lag - join..end - lag];
        dsp::crossfade_onto(&mut self.period[lag - join..], lead_in);
        self.next = 0;
    }

    fn sample(&mut self) -> f32 {
        let voiced = f32::from(self.period[self.next]) + self.offset;
        self.next = (self.next + 1) % self.period.len();
        self.offset *= 1.0 - 4_000.0 / self.hz as f32 / 2.0;
        let noise = self.synthesis.next(&self.predictor);
        self.voicing * voiced + (1.0 - self.voicing * self.voicing).sqrt() * noise
    }
}

/// Allocates only when made.
pub struct Concealer {
    hz: usize,
    forward: Extension,
    backward: Extension,
    /// Samples made since the sound broke off.
    made: usize,
    ahead: Vec<i16>,
    behind: Vec<i16>,
}

impl Concealer {
    pub fn new(hz: usize) -> Concealer {
        let room = hz * SCRATCH_MS / 1_000;
        Concealer {
            hz,
            forward: Extension::new(hz),
            backward: Extension::new(hz),
            made: 0,
            ahead: Vec::with_capacity(room),
            behind: Vec::with_capacity(room),
        }
    }

    /// Longest gap that `bridge` takes, in samples.
    pub fn bridged(&self) -> usize {
        self.hz * BRIDGED_MS / 1_000
    }

    /// Whether what is heard now was made here.
    pub fn is_active(&self) -> bool {
        self.made > 0
    }

    /// Carry on with `count` samples; no more than a bridge.
    pub fn extend(&mut self, line: &mut Line, count: usize) {
        let count = count.min(self.bridged());
        if self.made == 0 {
            self.forward.begin(line.all());
        }
        self.foresee(count);
        line.push(&self.ahead);
        self.made += count;
    }

    /// Make the next samples of the voice before the gap, without yet having them.
    fn foresee(&mut self, count: usize) {
        self.ahead.clear();
        for n in self.made..self.made + count {
            let gain = self.gain(n);
            let sample = self.forward.sample() * gain;
            self.ahead.push(sample as i16);
        }
    }

    fn gain(&self, n: usize) -> f32 {
        let (held, faded) = (self.hz * HELD_MS / 1_000, self.hz * FADED_MS / 1_000);
        if n < held {
            return 1.0;
        }
        (1.0 - (n - held) as f32 / (faded - held) as f32).max(0.0)
    }

    /// Fill a gap of about `gap` samples and join `sound`, which follows it. Returns the length that it got.
    pub fn bridge(&mut self, line: &mut Line, gap: usize, sound: &mut [i16], give: Give) -> usize {
        let gap = gap.min(self.bridged());
        let join = (self.hz * JOIN_MS / 1_000).min(sound.len());
        if self.made == 0 {
            self.forward.begin(line.all());
        }
        let period = self.forward.period.len();
        let earliest = gap.saturating_sub(give.shorter.min(period));
        let latest = gap + give.longer.min(period);
        self.foresee(latest + join);
        let fit = dsp::best_fit(&self.ahead[earliest..], sound, latest - earliest, join);
        let fits = fit.correlation > FITS;
        let length = if fits { earliest + fit.lag } else { gap };
        self.trace_back(sound, length);
        self.blend(length, fits);
        line.push(&self.ahead[..length]);
        if length < join {
            dsp::crossfade(&self.ahead[length..length + join], &mut sound[..join]);
        }
        line.push(sound);
        self.made = 0;
        length
    }

    /// Make what may have been before `sound`, in its order of time; nothing, if it is too short to tell.
    fn trace_back(&mut self, sound: &[i16], count: usize) {
        self.behind.clear();
        if sound.len() / 2 <= *Line::lags(self.hz).start() {
            return;
        }
        // Backwards in time is forwards in a mirror.
        self.behind.extend(sound.iter().take(self.hz / 50).rev());
        self.backward.begin(&self.behind);
        self.behind.clear();
        for _ in 0..count {
            let sample = self.backward.sample();
            self.behind.push(sample as i16);
        }
        self.behind.reverse();
    }

    /// Go over from the voice before the gap to that after it.
    fn blend(&mut self, length: usize, in_phase: bool) {
        for (n, (ahead, &behind)) in self.ahead[..length]
            .iter_mut()
            .zip(&self.behind)
            .enumerate()
        {
            let share = (n as f32 + 0.5) / length as f32;
            let (old, new) = if in_phase {
                (1.0 - share, share)
            } else {
                ((1.0 - share).sqrt(), share.sqrt())
            };
            *ahead = (f32::from(*ahead) * old + f32::from(behind) * new) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_before_a_sound_too_short_to_have_a_pitch_is_filled_from_before_it() {
        for length in 0..60 {
            let mut line = Line::new(8_000);
            line.push(&[1_000; 160]);
            let mut sound = vec![1_000; length];
            let give = Give {
                shorter: 0,
                longer: 0,
            };
            let filled = Concealer::new(8_000).bridge(&mut line, 160, &mut sound, give);
            assert_eq!((filled, line.ahead()), (160, 320 + length));
        }
    }
}
