//! The samples of a track in a row: some that were heard, and those that are next.

use super::dsp;
use std::ops::RangeInclusive;

/// Heard samples that concealment and stretching look back at.
const REMEMBERED_MS: usize = 60;
/// Room for what is next: a packet of 120 ms, and what covers a gap before it.
const AHEAD_MS: usize = 300;
/// Pitch of voices, and of what else is cut or doubled.
const SHORTEST_LAG_US: usize = 2_500;
const LONGEST_LAG_US: usize = 15_000;
/// What is quieter than this is stretched anywhere.
const QUIET: f32 = 60.0 * 60.0;

/// Allocates only when made.
pub struct Line {
    hz: usize,
    samples: Vec<i16>,
    /// The first that was not heard yet.
    at: usize,
    scratch: Vec<i16>,
}

impl Line {
    pub fn new(hz: usize) -> Line {
        let remembered = hz * REMEMBERED_MS / 1_000;
        let room = 2 * remembered + hz * AHEAD_MS / 1_000;
        let mut samples = Vec::with_capacity(room);
        samples.resize(remembered, 0);
        Line {
            hz,
            samples,
            at: remembered,
            scratch: vec![0; hz * LONGEST_LAG_US / 1_000_000 + 1],
        }
    }

    /// Samples that wait to be heard.
    pub fn ahead(&self) -> usize {
        self.samples.len() - self.at
    }

    /// What was heard last, oldest first.
    pub fn heard(&self) -> &[i16] {
        &self.samples[..self.at]
    }

    /// What was heard last is taken to have been this.
    pub fn recall(&mut self, heard: &[i16]) {
        let count = heard.len().min(self.at);
        self.samples.copy_within(count..self.at, 0);
        self.samples[self.at - count..self.at].copy_from_slice(&heard[heard.len() - count..]);
    }

    /// What waits to be heard.
    pub fn next(&self) -> &[i16] {
        &self.samples[self.at..]
    }

    /// Everything up to the newest sample, oldest first; never shorter than what is remembered.
    pub fn all(&self) -> &[i16] {
        &self.samples
    }

    pub fn lags(hz: usize) -> RangeInclusive<usize> {
        hz * SHORTEST_LAG_US / 1_000_000..=hz * LONGEST_LAG_US / 1_000_000
    }

    /// What does not fit is dropped: more than a packet of the longest never waits here.
    pub fn push(&mut self, samples: &[i16]) {
        let room = self.samples.capacity() - self.samples.len();
        self.samples
            .extend_from_slice(&samples[..samples.len().min(room)]);
    }

    /// Hear the next samples; there are as many.
    pub fn take(&mut self, frame: &mut [i16]) {
        frame.copy_from_slice(&self.samples[self.at..self.at + frame.len()]);
        self.at += frame.len();
        let remembered = self.hz * REMEMBERED_MS / 1_000;
        if self.at > 2 * remembered {
            self.samples.drain(..self.at - remembered);
            self.at = remembered;
        }
    }

    /// Take out one period of what waits, of at most so many samples; returns how many, 0 if none is so `alike` its
    /// neighbour.
    pub fn shorten(&mut self, most: usize, alike: f32) -> usize {
        let lags = Line::lags(self.hz);
        let ahead = self.ahead();
        // The fade must fit behind the longest period that is tried.
        let longest = (*lags.end()).min(ahead * 3 / 4).min(most);
        if longest <= *lags.start() {
            return 0;
        }
        let length = (ahead - longest).min(self.hz / 100);
        let at = self.at + longest;
        // Looked for from the end of the cut, so that what precedes it is compared with it.
        let found = dsp::best_lag(&self.samples, at, length, *lags.start()..=longest, self.hz);
        let from = at - found.lag;
        if found.correlation < alike && !self.is_quiet(from, length) {
            return 0;
        }
        let fade = length.min(found.lag);
        let (old, new) = self.samples.split_at_mut(at);
        dsp::crossfade(&old[from..from + fade], &mut new[..fade]);
        self.samples.drain(from..at);
        found.lag
    }

    /// Hear one period of what waits twice; returns how many samples were won, 0 if none is so `alike`.
    pub fn lengthen(&mut self, alike: f32) -> usize {
        let lags = Line::lags(self.hz);
        let (at, length) = (self.at, self.ahead().min(self.hz / 100));
        let room = self.samples.capacity() - self.samples.len();
        if length < *lags.start() || room < *lags.end() {
            return 0;
        }
        let found = dsp::best_lag(&self.samples, at, length, lags, self.hz);
        if found.correlation < alike && !self.is_quiet(at, length) {
            return 0;
        }
        // What waits fades into what came one period before it, and so leads to itself again.
        let fade = length.min(found.lag);
        let doubled = &mut self.scratch[..found.lag];
        doubled.copy_from_slice(&self.samples[at - found.lag..at]);
        dsp::crossfade(&self.samples[at..at + fade], &mut doubled[..fade]);
        let end = self.samples.len();
        self.samples.resize(end + found.lag, 0);
        self.samples.copy_within(at..end, at + found.lag);
        self.samples[at..at + found.lag].copy_from_slice(&self.scratch[..found.lag]);
        found.lag
    }

    fn is_quiet(&self, from: usize, length: usize) -> bool {
        dsp::energy(&self.samples[from..from + length]) < QUIET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: f64 = 440.0 / 8_000.0 * std::f64::consts::TAU;

    fn line_of_a_tone() -> Line {
        let mut line = Line::new(8_000);
        let tone: Vec<i16> = (0..800)
            .map(|n| ((f64::from(n) * STEP).sin() * 10_000.0) as i16)
            .collect();
        line.push(&tone);
        line.take(&mut [0; 480]);
        line
    }

    fn largest_step(line: &mut Line) -> i32 {
        let mut rest = vec![0; line.ahead()];
        let last = line.all()[line.at - 1];
        line.take(&mut rest);
        std::iter::once(last)
            .chain(rest.iter().copied())
            .collect::<Vec<_>>()
            .windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap()
    }

    #[test]
    fn a_tone_is_made_shorter_and_longer_without_a_click() {
        let own = (10_000.0 * STEP) as i32;
        let mut line = line_of_a_tone();
        let before = line.ahead();
        let cut = line.shorten(800, 0.9);
        assert!((20..=120).contains(&cut), "{cut}");
        assert_eq!(line.ahead(), before - cut);
        assert!(largest_step(&mut line) <= own * 11 / 10);

        let mut line = line_of_a_tone();
        let won = line.lengthen(0.9);
        assert!((20..=120).contains(&won), "{won}");
        assert_eq!(line.ahead(), before + won);
        assert!(largest_step(&mut line) <= own * 11 / 10);
    }

    #[test]
    fn noise_is_left_alone_and_silence_is_not() {
        let mut line = Line::new(8_000);
        let mut random = crate::random::Random::with_seed(1);
        let noise: Vec<i16> = (0..800).map(|_| (random.draw() % 8_000) as i16).collect();
        line.push(&noise);
        line.take(&mut [0; 480]);
        assert_eq!((line.shorten(800, 0.9), line.lengthen(0.9)), (0, 0));
        let mut line = Line::new(8_000);
        line.push(&[0; 320]);
        assert!(line.shorten(800, 0.9) > 0 && line.lengthen(0.9) > 0);
    }
}
