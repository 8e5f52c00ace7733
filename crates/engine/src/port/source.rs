//! A source: PCM that another thread writes, played as a track. The worker takes whole frames and never waits for one.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::codec::{resample::Resampler, Rate};

/// A player's frame.
const FRAME: usize = Rate::Wide.frame();

/// The worker's end: frames at `Rate::Wide`.
pub struct Feed(Consumer<i16>);

/// The writer's end, at its own rate.
pub struct SourceWriter {
    ring: Producer<i16>,
    rate: Rate,
    converter: Option<Resampler>,
    /// Written and not yet a whole frame.
    pending: Vec<i16>,
}

/// Both ends of a source that takes up to `frames` frames ahead.
pub fn source(rate: Rate, frames: usize) -> (SourceWriter, Feed) {
    let (producer, consumer) = RingBuffer::new(frames * FRAME);
    let writer = SourceWriter {
        ring: producer,
        rate,
        converter: (rate != Rate::Wide).then(|| Resampler::new(rate, Rate::Wide)),
        pending: Vec::with_capacity(rate.frame()),
    };
    (writer, Feed(consumer))
}

impl Feed {
    pub fn is_empty(&self) -> bool {
        self.0.slots() < FRAME
    }

    /// Fill one frame; false, and nothing taken, if none is whole.
    pub fn read(&mut self, frame: &mut [i16]) -> bool {
        let Ok(chunk) = self.0.read_chunk(FRAME) else {
            return false;
        };
        let (first, second) = chunk.as_slices();
        frame[..first.len()].copy_from_slice(first);
        frame[first.len()..FRAME].copy_from_slice(second);
        chunk.commit_all();
        true
    }
}

impl SourceWriter {
    /// Take samples until the ring is full; returns how many were taken. What is less than a frame waits for the rest.
    pub fn write(&mut self, samples: &[i16]) -> usize {
        let mut taken = 0;
        while taken < samples.len() {
            let wanted = self.rate.frame() - self.pending.len();
            let count = wanted.min(samples.len() - taken);
            if count == wanted && self.ring.slots() < FRAME {
                break;
            }
            self.pending
                .extend_from_slice(&samples[taken..taken + count]);
            taken += count;
            if count == wanted {
                self.push();
            }
        }
        taken
    }

    fn push(&mut self) {
        let mut frame = [0; FRAME];
        match &mut self.converter {
            Some(converter) => converter.process(&self.pending, &mut frame),
            None => frame.copy_from_slice(&self.pending),
        }
        self.pending.clear();
        if let Ok(mut chunk) = self.ring.write_chunk(FRAME) {
            let (first, second) = chunk.as_mut_slices();
            let (head, rest) = frame.split_at(first.len());
            first.copy_from_slice(head);
            second.copy_from_slice(rest);
            chunk.commit_all();
        }
    }

    /// How long what was written and not yet played lasts.
    pub fn queued_ms(&self) -> usize {
        let queued = self.ring.buffer().capacity() - self.ring.slots();
        queued * 1_000 / Rate::Wide.hz() as usize
    }

    /// The source's port is closed: nothing written will be heard.
    pub fn is_closed(&self) -> bool {
        self.ring.is_abandoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_written_in_any_portions_come_out_as_whole_frames() {
        let (mut writer, mut feed) = source(Rate::Wide, 4);
        let samples: Vec<i16> = (0..700).collect();
        assert_eq!(
            (writer.write(&samples[..319]), feed.is_empty()),
            (319, true)
        );
        assert_eq!(writer.write(&samples[319..]), 381);
        assert_eq!(writer.queued_ms(), 40);
        let mut frame = [0; FRAME];
        assert!(feed.read(&mut frame));
        assert_eq!((frame[0], frame[319]), (0, 319));
        assert!(feed.read(&mut frame));
        assert_eq!((frame[0], frame[319]), (320, 639));
        assert!(!feed.read(&mut frame), "60 samples are no frame");
    }

    #[test]
    fn what_finds_no_room_is_not_taken_and_may_be_written_again() {
        let (mut writer, mut feed) = source(Rate::Wide, 1);
        assert_eq!(writer.write(&[1; 700]), 320);
        assert_eq!(writer.write(&[2; 700]), 0);
        let mut frame = [0; FRAME];
        assert!(feed.read(&mut frame));
        assert_eq!(writer.write(&[2; 330]), 330, "10 wait for their frame");
        drop(feed);
        assert!(writer.is_closed());
    }

    #[test]
    fn other_rates_are_converted() {
        for rate in [Rate::Narrow, Rate::Full] {
            let (mut writer, mut feed) = source(rate, 9);
            assert_eq!(
                writer.write(&vec![5_000; rate.frame() * 5]),
                rate.frame() * 5
            );
            let mut frame = [0; FRAME];
            (0..5).for_each(|_| assert!(feed.read(&mut frame)));
            assert!(
                (i32::from(frame[200]) - 5_000).abs() < 20,
                "{rate:?}: {}",
                frame[200]
            );
        }
    }
}
