//! The sum of what all talkers of a session say, made once a frame for all who hear it but themselves (RFC 7667 §3.6).
//!
//! It holds only while nothing changes: who fades in or out is mixed by each bus for itself, so that no gain is guessed.

use crate::bus::Column;
use crate::codec::Rate;
use crate::id::TrackId;
use crate::mix::scaled;

/// What one voice was in the newest sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Part {
    is_there: bool,
    is_chosen: bool,
}

#[derive(Debug)]
pub struct Sum {
    rate: Rate,
    column: Column,
    parts: Vec<Part>,
    /// Of each voice: its newest sample.
    lasts: Vec<i32>,
    samples: [i32; Rate::MAX_FRAME],
    is_steady: bool,
}

impl Sum {
    pub fn new(rate: Rate, column: Column) -> Sum {
        Sum {
            rate,
            parts: vec![Part::default(); column.len()],
            lasts: vec![0; column.len()],
            column,
            samples: [0; Rate::MAX_FRAME],
            is_steady: false,
        }
    }

    pub fn is_of(&self, rate: Rate, column: &[(TrackId, f32)]) -> bool {
        self.rate == rate && self.column == column
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Make it of the frames that are due now: each voice's samples, and whether it is among the chosen.
    pub fn make<'a>(&mut self, mut frame_of: impl FnMut(TrackId) -> Option<(&'a [i16], bool)>) {
        let sum = &mut self.samples[..self.rate.frame()];
        sum.fill(0);
        self.is_steady = true;
        let kept = self.parts.iter_mut().zip(&mut self.lasts);
        for (&(track, gain), (part, last)) in self.column.iter().zip(kept) {
            let frame = frame_of(track);
            let now = Part {
                is_there: frame.is_some(),
                is_chosen: frame.is_some_and(|(_, is_chosen)| is_chosen),
            };
            self.is_steady &= now.is_there && now == std::mem::replace(part, now);
            let Some((frame, is_chosen)) = frame else {
                continue; // what it said last is still needed: it dies away
            };
            *last = 0;
            if is_chosen {
                let newest = frame.last().copied().unwrap_or(0);
                *last = scaled(newest, gain);
                sum.iter_mut()
                    .zip(frame)
                    .for_each(|(sum, &sample)| *sum += scaled(sample, gain));
            }
        }
    }

    /// Whether each voice is in it just as in the sum before.
    pub fn is_steady(&self) -> bool {
        self.is_steady
    }

    /// The mix for who says `own`, which is in the sum at its full level.
    pub fn without(&self, own: Option<&[i16]>, out: &mut [i16]) {
        let clamped = |sum: i32| sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        let sums = out.iter_mut().zip(&self.samples);
        match own {
            None => sums.for_each(|(out, &sum)| *out = clamped(sum)),
            Some(own) => sums
                .zip(own)
                .for_each(|((out, &sum), &own)| *out = clamped(sum - i32::from(own))),
        }
    }

    /// The newest sample of a voice.
    pub fn last_of(&self, track: TrackId) -> Option<i32> {
        let place = self
            .column
            .binary_search_by_key(&track, |&(track, _)| track);
        place.ok().map(|place| self.lasts[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_hears_himself_and_a_change_is_not_taken_for_steady() {
        let voices: Column = (1..=3).map(|n| (TrackId(n), 1.0)).collect();
        let mut sum = Sum::new(Rate::Narrow, voices);
        let frames = [[30_000i16; 160], [20_000; 160], [-100; 160]];
        let said = |track: TrackId| (frames[track.0 as usize - 1].as_slice(), true);
        sum.make(|track| Some(said(track)));
        assert!(!sum.is_steady(), "they have just come");
        sum.make(|track| Some(said(track)));
        assert!(sum.is_steady());
        let mut heard = [0; 160];
        sum.without(Some(&frames[0]), &mut heard);
        assert_eq!(heard, [19_900; 160], "though the whole is beyond 16 bits");
        sum.without(None, &mut heard);
        assert_eq!(heard, [i16::MAX; 160]);
        sum.make(|track| Some((said(track).0, track.0 != 2)));
        assert!(!sum.is_steady(), "the second is no longer chosen");
        assert_eq!(
            (sum.last_of(TrackId(1)), sum.last_of(TrackId(2))),
            (Some(30_000), Some(0))
        );
        sum.make(|track| (track.0 != 3).then(|| said(track)));
        assert_eq!(sum.last_of(TrackId(3)), Some(-100), "what dies away");
    }
}
