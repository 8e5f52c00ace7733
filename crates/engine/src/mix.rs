//! Sums voices, saturating; every change of who is heard fades within 5 ms so that none of them clicks (RFC 7667 §3.6).

use crate::codec::{resample::Resampler, Rate, FRAME_MS};
use crate::id::TrackId;

const FADE_MS: usize = 5;

fn fade_samples(rate: Rate) -> usize {
    rate.frame() * FADE_MS / FRAME_MS
}

/// One source's frame at every rate that somebody needs.
pub struct Frames {
    native: Rate,
    samples: [[i16; Rate::MAX_FRAME]; 3],
    converters: [Option<Resampler>; 3],
    is_fresh: bool,
}

impl Frames {
    pub fn new(native: Rate) -> Frames {
        Frames {
            native,
            samples: [[0; Rate::MAX_FRAME]; 3],
            converters: [None, None, None],
            is_fresh: false,
        }
    }

    /// A converter is new since the last time: it knows nothing of the frame before.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.is_fresh)
    }

    pub fn native(&self) -> Rate {
        self.native
    }

    /// Keep converters to these rates, and no others.
    pub fn want(&mut self, rates: &[Rate]) {
        for rate in Rate::ALL {
            let converter = &mut self.converters[rate.index()];
            if rate == self.native || !rates.contains(&rate) {
                *converter = None;
            } else if converter.is_none() {
                *converter = Some(Resampler::new(self.native, rate));
                self.is_fresh = true;
            }
        }
    }

    /// Let `write` fill the native frame, then convert it.
    pub fn fill(&mut self, write: impl FnOnce(&mut [i16])) {
        write(&mut self.samples[self.native.index()][..self.native.frame()]);
        for rate in Rate::ALL {
            if let Some(converter) = &mut self.converters[rate.index()] {
                let (native, converted) = two(&mut self.samples, self.native.index(), rate.index());
                converter.process(
                    &native[..self.native.frame()],
                    &mut converted[..rate.frame()],
                );
            }
        }
    }

    /// Nothing is heard until the next `fill`.
    pub fn silence(&mut self) {
        self.samples.iter_mut().for_each(|samples| samples.fill(0));
    }

    /// The frame at a rate that was wanted.
    pub fn at(&self, rate: Rate) -> &[i16] {
        &self.samples[rate.index()][..rate.frame()]
    }
}

fn two<T>(items: &mut [T; 3], first: usize, second: usize) -> (&T, &mut T) {
    let [a, b] = items
        .get_disjoint_mut([first, second])
        .expect("two different rates");
    (a, b)
}

/// Takes the step out of a signal that ends: what was heard last dies away instead.
#[derive(Clone, Debug, Default)]
pub struct Tail(i32);

impl Tail {
    pub fn add(&mut self, last_sample: i32) {
        self.0 += last_sample;
    }

    pub fn is_over(&self) -> bool {
        self.0 == 0
    }

    /// Add the dying rest to the beginning of a frame.
    pub fn fade_into(&mut self, sum: &mut [i32], rate: Rate) {
        let fade = fade_samples(rate) as i32;
        if self.0 == 0 {
            return;
        }
        for (n, sample) in sum.iter_mut().take(fade as usize).enumerate() {
            *sample += (i64::from(self.0) * i64::from(fade - n as i32) / i64::from(fade)) as i32;
        }
        self.0 = 0;
    }
}

#[derive(Clone)]
struct Voice {
    track: TrackId,
    gain: f32,
    target: f32,
    last: i32,
}

#[derive(Clone)]
pub struct Mixer {
    rate: Rate,
    voices: Vec<Voice>,
    sum: [i32; Rate::MAX_FRAME],
    tail: Tail,
}

impl Mixer {
    pub fn new(rate: Rate) -> Mixer {
        Mixer {
            rate,
            voices: Vec::new(),
            sum: [0; Rate::MAX_FRAME],
            tail: Tail::default(),
        }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Mix at another rate from now on; the voices keep their gains.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// Who is heard from now on, and how loud (linear).
    pub fn set_voices(&mut self, wanted: &[(TrackId, f32)]) {
        let tail = &mut self.tail;
        self.voices.retain(|voice| {
            let stays = wanted.iter().any(|&(track, _)| track == voice.track);
            if !stays {
                tail.add(voice.last);
            }
            stays
        });
        for &(track, target) in wanted {
            match self.voices.iter_mut().find(|voice| voice.track == track) {
                Some(voice) => voice.target = target,
                None => self.voices.push(Voice {
                    track,
                    gain: 0.0,
                    target,
                    last: 0,
                }),
            }
        }
    }

    /// A voice that was heard until now in another way goes on: it does not fade in.
    pub fn go_on(&mut self, track: TrackId) {
        for voice in self.voices.iter_mut().filter(|voice| voice.track == track) {
            voice.gain = 1.0;
        }
    }

    /// Whether both make the same of the same frames from now on.
    pub fn is_as(&self, other: &Mixer) -> bool {
        let has_twin = |voice: &Voice| {
            let mut theirs = other.voices.iter();
            let twin = theirs.find(|theirs| theirs.track == voice.track);
            twin.is_some_and(|twin| (twin.gain, twin.target) == (voice.gain, voice.target))
        };
        self.voices.len() == other.voices.len()
            && self.voices.iter().all(has_twin)
            && self.tail.is_over()
            && other.tail.is_over()
    }

    /// Take up what the voices said last, after frames that were made of a sum.
    pub fn recall(&mut self, last_of: impl Fn(TrackId) -> Option<i32>) {
        for voice in &mut self.voices {
            voice.last = last_of(voice.track).unwrap_or(voice.last);
        }
    }

    /// Mix one frame; `frame_of` gives each voice's samples at `rate()`, None if it has none.
    pub fn mix<'a>(
        &mut self,
        mut frame_of: impl FnMut(TrackId) -> Option<&'a [i16]>,
        out: &mut [i16],
    ) {
        self.mix_chosen(|track| Some((frame_of(track)?, true)), out);
    }

    /// As `mix`; who is not among the chosen fades out, and in again.
    pub fn mix_chosen<'a>(
        &mut self,
        mut frame_of: impl FnMut(TrackId) -> Option<(&'a [i16], bool)>,
        out: &mut [i16],
    ) {
        let sum = &mut self.sum[..self.rate.frame()];
        sum.fill(0);
        let fade = fade_samples(self.rate);
        for voice in &mut self.voices {
            match frame_of(voice.track) {
                Some((frame, is_chosen)) => voice.add(frame, is_chosen, sum, fade),
                None => voice.vanish(&mut self.tail),
            }
        }
        self.tail.fade_into(sum, self.rate);
        for (sample, &sum) in out.iter_mut().zip(sum.iter()) {
            *sample = sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }
}

/// A sample at a gain.
pub fn scaled(sample: i16, gain: f32) -> i32 {
    (f32::from(sample) * gain) as i32
}

impl Voice {
    fn add(&mut self, frame: &[i16], is_chosen: bool, sum: &mut [i32], fade: usize) {
        let target = if is_chosen { self.target } else { 0.0 };
        if (self.gain, target) == (0.0, 0.0) {
            self.last = 0;
            return;
        }
        let step = (target - self.gain) / fade as f32;
        let (ramp, rest) = frame.split_at(fade.min(frame.len()));
        let (sum_ramp, sum_rest) = sum.split_at_mut(ramp.len());
        for (n, (sum, &sample)) in sum_ramp.iter_mut().zip(ramp).enumerate() {
            *sum += scaled(sample, self.gain + step * n as f32);
        }
        self.gain = target;
        if self.gain == 1.0 {
            sum_rest
                .iter_mut()
                .zip(rest)
                .for_each(|(sum, &sample)| *sum += i32::from(sample));
        } else {
            let gain = self.gain;
            sum_rest
                .iter_mut()
                .zip(rest)
                .for_each(|(sum, &sample)| *sum += scaled(sample, gain));
        }
        self.last = rest.last().map_or(0, |&sample| scaled(sample, self.gain));
    }

    /// The source is gone; should it come back, it fades in again.
    fn vanish(&mut self, tail: &mut Tail) {
        tail.add(std::mem::take(&mut self.last));
        self.gain = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TrackId = TrackId(1);
    const B: TrackId = TrackId(2);
    const FRAME: usize = Rate::Narrow.frame();

    fn steady(level: i16) -> [i16; FRAME] {
        [level; FRAME]
    }

    fn mix(mixer: &mut Mixer, frames: &[(TrackId, [i16; FRAME])]) -> [i16; FRAME] {
        let mut out = [0; FRAME];
        let find = |track| {
            frames
                .iter()
                .find(|(id, _)| *id == track)
                .map(|(_, frame)| frame.as_slice())
        };
        mixer.mix(find, &mut out);
        out
    }

    fn largest_step(before: i16, frame: &[i16]) -> u32 {
        let mut previous = i32::from(before);
        frame
            .iter()
            .map(|&s| i32::from(s).abs_diff(std::mem::replace(&mut previous, i32::from(s))))
            .max()
            .unwrap()
    }

    #[test]
    fn voices_are_summed_with_their_gains_and_saturate() {
        let mut mixer = Mixer::new(Rate::Narrow);
        mixer.set_voices(&[(A, 1.0), (B, 0.5)]);
        let out = mix(&mut mixer, &[(A, steady(1_000)), (B, steady(600))]);
        assert_eq!(out[FRAME - 1], 1_300);
        let loud = mix(&mut mixer, &[(A, steady(30_000)), (B, steady(30_000))]);
        assert_eq!(loud[FRAME - 1], i16::MAX);
        let negative = mix(&mut mixer, &[(A, steady(-30_000)), (B, steady(-30_000))]);
        assert_eq!(negative[FRAME - 1], i16::MIN);
    }

    #[test]
    fn nobody_who_comes_goes_or_vanishes_clicks() {
        let mut mixer = Mixer::new(Rate::Narrow);
        mixer.set_voices(&[(A, 1.0)]);
        let entering = mix(&mut mixer, &[(A, steady(8_000))]);
        assert!(largest_step(0, &entering) <= 8_000 / 40 + 1);
        mixer.set_voices(&[(B, 1.0)]);
        let changing = mix(&mut mixer, &[(A, steady(8_000)), (B, steady(-8_000))]);
        assert!(largest_step(8_000, &changing) <= 2 * 8_000 / 40 + 2);
        let vanished = mix(&mut mixer, &[]);
        assert!(largest_step(-8_000, &vanished) <= 8_000 / 40 + 1);
        assert_eq!(mix(&mut mixer, &[]), steady(0));
    }

    #[test]
    fn a_change_of_gain_fades() {
        let mut mixer = Mixer::new(Rate::Narrow);
        mixer.set_voices(&[(A, 1.0)]);
        mix(&mut mixer, &[(A, steady(8_000))]);
        mixer.set_voices(&[(A, 0.0)]);
        let out = mix(&mut mixer, &[(A, steady(8_000))]);
        assert!(largest_step(8_000, &out) <= 8_000 / 40 + 1);
        assert_eq!(out[FRAME - 1], 0);
    }

    #[test]
    fn a_source_is_converted_once_for_each_rate_that_is_wanted() {
        let mut frames = Frames::new(Rate::Narrow);
        frames.want(&[Rate::Full]);
        for _ in 0..3 {
            frames.fill(|samples| samples.fill(5_000));
        }
        assert_eq!(frames.at(Rate::Narrow)[FRAME - 1], 5_000);
        assert!((i32::from(frames.at(Rate::Full)[959]) - 5_000).abs() < 20);
    }
}
