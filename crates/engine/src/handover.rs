//! One stream, two coders: how ours takes over from the sender's and gives back, so that the listener hears one sound.
//!
//! The listener's decoder expects what the coder before would have said next. So a coder of ours is first led through
//! the sound that was heard, to stand as the sender's does. And what goes through a second coder comes out later, by that
//! coder's filters: a mix begins by as much ahead, in step with the packets before it, and slides to its place within its
//! first frame; in its last two it slides back, and stays, so that the packets after it find what they build on.

use crate::codec::{Encoder, Rate, MAX_PAYLOAD};
use crate::id::TrackId;
use crate::jitter::Heard;

/// Frames from the mix to the packets after it.
pub const LEAVING: u8 = 2;

/// What is known of a frame of a mix beside packets of one of its sources.
pub struct Handover {
    pub source: TrackId,
    /// The packets before it, which end so many samples after it begins (below zero: before).
    pub before: Option<(Heard, isize)>,
    /// Packets follow, though not of the samples that wait decoded.
    pub leaves: bool,
    pub waiting: usize,
    /// What comes after the frame: what waits, and by so much more as mixed sound comes later.
    pub future: Vec<i16>,
}

/// How far a mix is ahead of its place.
#[derive(Clone, Copy, Default)]
pub struct Slide {
    /// 1 is in step with packets, 0 in its place.
    share: f32,
    source: Option<TrackId>,
    /// The source's last sample that was used ahead; it may have been foretold.
    last: i16,
}

impl Slide {
    /// The source that the mix is ahead by, if it is.
    pub fn source(&self) -> Option<TrackId> {
        self.source.filter(|_| self.share > 0.0)
    }

    /// Bring a frame in step with the packets beside it; `sound` is the source's share in it.
    pub fn apply(
        &mut self,
        handover: Handover,
        encoder: &mut dyn Encoder,
        rate: Rate,
        sound: &[i16],
        frame: &mut [i16],
    ) {
        let delay = encoder.lookahead();
        self.source = Some(handover.source);
        let target = if handover.leaves { 1.0 } else { 0.0 };
        let Some((heard, overlap)) = handover.before else {
            let line = [sound, &handover.future].concat();
            return self.mix(&line, 0, (delay + handover.waiting) as isize, target, frame);
        };
        let again = usize::try_from(overlap).unwrap_or(0);
        let again = again.min(sound.len()).min(heard.sound.len());
        let line = [&heard.sound, &sound[again..], &handover.future].concat();
        lead(encoder, rate, &line, heard.sound.len(), delay);
        encoder.follow(&*heard.decoder);
        let at = heard.sound.len() - again;
        self.share = 1.0;
        self.last = sample(&line, at, delay as isize + overlap - 1).unwrap_or_default();
        self.mix(&line, at, delay as isize + overlap, target, frame);
    }

    /// Add to each sample its difference to the one that lies `ahead` in the line, as far as the slide has come.
    fn mix(&mut self, line: &[i16], at: usize, ahead: isize, target: f32, frame: &mut [i16]) {
        let (from, count) = (self.share, frame.len() as f32);
        // What was foretold differs from what came: that dies away.
        let off =
            sample(line, at, ahead - 1).map_or(0.0, |came| f32::from(self.last) - f32::from(came));
        let off = if from > 0.0 { off } else { 0.0 };
        for (n, mixed) in frame.iter_mut().enumerate() {
            if let (Some(there), Some(here)) =
                (sample(line, at + n, ahead), sample(line, at + n, 0))
            {
                let done = (n as f32 + 1.0) / count;
                let there = f32::from(there) + off * (1.0 - 4.0 * done).max(0.0);
                let moved = (there - f32::from(here)) * (from + (target - from) * done);
                *mixed = (f32::from(*mixed) + moved) as i16; // saturates
            }
        }
        self.share = target;
        self.last = sample(line, at + frame.len() - 1, ahead).unwrap_or_default();
    }
}

fn sample(line: &[i16], at: usize, ahead: isize) -> Option<i16> {
    line.get(at.checked_add_signed(ahead)?).copied()
}

/// Let the encoder follow the sound before `at`, as it would be if it had always been `ahead`.
fn lead(encoder: &mut dyn Encoder, rate: Rate, line: &[i16], at: usize, ahead: usize) {
    let (mut payload, frame) = ([0; MAX_PAYLOAD], rate.frame());
    for back in (1..=at / frame).rev() {
        let from = at - back * frame + ahead;
        if let Some(sound) = line.get(from..from + frame) {
            encoder.encode(sound, &mut payload);
        }
    }
}
