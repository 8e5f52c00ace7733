//! A tap: what a port would hear, as whole 20 ms frames of PCM through a ring to a reader in another thread.
//!
//! The worker's end neither waits nor allocates: a frame that finds no room is lost to this tap alone, and counted.
//! A frame comes each 20 ms whether anybody speaks or not, so that samples are time; where frames were lost, or the
//! worker was late, the instants of the frames tell.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::clock::Nanos;
use crate::codec::Rate;
use crate::id::TrackId;
use crate::mix::Mixer;

/// Bytes before a frame's samples: its instant.
const HEADER: usize = 8;

/// The worker's end.
pub struct TapPort {
    mixer: Mixer,
    frame: [i16; Rate::MAX_FRAME],
    ring: Producer<u8>,
    lost: Arc<AtomicU64>,
    /// Frames between two tellings; 0 for none.
    notify: u32,
    untold: u32,
}

/// The reader's end.
pub struct TapReader {
    rate: Rate,
    ring: Consumer<u8>,
    lost: Arc<AtomicU64>,
}

/// What a turn of the wheel did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tapped {
    pub lost: bool,
    /// The reader is to be told that frames wait.
    pub tell: bool,
}

fn record(rate: Rate) -> usize {
    HEADER + 2 * rate.frame()
}

/// Both ends of a tap that keeps up to `frames` frames for a slow reader and wants it told each `notify` frames.
pub fn tap(rate: Rate, frames: usize, notify: u32) -> (TapPort, TapReader) {
    // A whole number of records, so that none ever lies across the ring's end.
    let (producer, consumer) = RingBuffer::new(frames * record(rate));
    let lost = Arc::new(AtomicU64::new(0));
    let port = TapPort {
        mixer: Mixer::new(rate),
        frame: [0; Rate::MAX_FRAME],
        ring: producer,
        lost: lost.clone(),
        notify,
        untold: 0,
    };
    let reader = TapReader {
        rate,
        ring: consumer,
        lost,
    };
    (port, reader)
}

impl TapPort {
    pub fn rate(&self) -> Rate {
        self.mixer.rate()
    }

    /// Who is heard from now on, and how loud (linear).
    pub fn set_voices(&mut self, voices: &[(TrackId, f32)]) {
        self.mixer.set_voices(voices);
    }

    /// Mix the frame that is due at `at` and put it into the ring.
    pub fn tick<'a>(
        &mut self,
        frame_of: impl FnMut(TrackId) -> Option<&'a [i16]>,
        at: Nanos,
    ) -> Tapped {
        if self.ring.is_abandoned() {
            return Tapped {
                lost: false,
                tell: false,
            }; // nobody will ever read it
        }
        let frame = &mut self.frame[..self.mixer.rate().frame()];
        self.mixer.mix(frame_of, frame);
        let lost = !put(&mut self.ring, at, frame);
        self.lost.fetch_add(u64::from(lost), Ordering::Relaxed);
        self.untold += 1;
        let tell = self.notify > 0 && self.untold >= self.notify;
        if tell {
            self.untold = 0;
        }
        Tapped { lost, tell }
    }
}

fn put(ring: &mut Producer<u8>, at: Nanos, frame: &[i16]) -> bool {
    let Ok(mut chunk) = ring.write_chunk(HEADER + 2 * frame.len()) else {
        return false;
    };
    let (record, _) = chunk.as_mut_slices();
    let (header, samples) = record.split_at_mut(HEADER);
    header.copy_from_slice(&at.to_le_bytes());
    for (bytes, sample) in samples.chunks_exact_mut(2).zip(frame) {
        bytes.copy_from_slice(&sample.to_le_bytes());
    }
    chunk.commit_all();
    true
}

impl TapReader {
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Frames lost so far because the ring was full.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// The tap's port is closed: what waits now is all that will ever come.
    pub fn is_closed(&self) -> bool {
        self.ring.is_abandoned()
    }

    /// Frames that can be read now.
    pub fn waiting(&self) -> usize {
        self.ring.slots() / record(self.rate)
    }

    /// Take up to `max` frames, oldest first: their samples (16 bits, little-endian) and their instants.
    pub fn read(&mut self, max: usize, pcm: &mut Vec<u8>, instants: &mut Vec<Nanos>) -> usize {
        let record = record(self.rate);
        let count = self.waiting().min(max);
        let Ok(chunk) = self.ring.read_chunk(count * record) else {
            return 0;
        };
        let (first, second) = chunk.as_slices();
        for frame in first
            .chunks_exact(record)
            .chain(second.chunks_exact(record))
        {
            let (header, samples) = frame.split_at(HEADER);
            instants.extend(
                header
                    .first_chunk()
                    .map(|bytes| Nanos::from_le_bytes(*bytes)),
            );
            pcm.extend_from_slice(samples);
        }
        chunk.commit_all();
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::FRAME_MS;

    const A: TrackId = TrackId(1);
    const LOUD: [i16; Rate::Narrow.frame()] = [1_000; Rate::Narrow.frame()];

    fn tick(port: &mut TapPort, turn: u64) -> Tapped {
        port.tick(|_| Some(&LOUD[..]), turn)
    }

    fn read(reader: &mut TapReader, max: usize) -> (Vec<i16>, Vec<Nanos>) {
        let (mut pcm, mut instants) = (Vec::new(), Vec::new());
        let count = reader.read(max, &mut pcm, &mut instants);
        assert_eq!(instants.len(), count);
        let samples = pcm.chunks_exact(2);
        (
            samples.map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
            instants,
        )
    }

    #[test]
    fn frames_come_whole_in_order_and_with_their_instants_across_the_ring_end() {
        let (mut port, mut reader) = tap(Rate::Narrow, 3, 0);
        port.set_voices(&[(A, 1.0)]);
        for turn in 0..20 {
            assert!(!tick(&mut port, turn).lost);
            assert!(turn == 0 || !tick(&mut port, 100 + turn).lost);
            let (samples, instants) = read(&mut reader, 5);
            assert_eq!(samples.len(), instants.len() * Rate::Narrow.frame());
            assert_eq!(instants[0], turn);
            assert_eq!(samples[samples.len() - 1], 1_000);
        }
    }

    #[test]
    fn a_slow_reader_loses_the_newest_frames_and_they_are_counted() {
        let (mut port, mut reader) = tap(Rate::Narrow, 2, 0);
        let lost: Vec<_> = (0..5).map(|turn| tick(&mut port, turn).lost).collect();
        assert_eq!(lost, [false, false, true, true, true]);
        assert_eq!((reader.lost(), reader.waiting()), (3, 2));
        assert_eq!(read(&mut reader, 1).1, [0]);
        assert!(!tick(&mut port, 5).lost);
        assert_eq!(
            read(&mut reader, 9).1,
            [1, 5],
            "the gap is told by the instants"
        );
    }

    #[test]
    fn with_nobody_connected_silence_keeps_the_time() {
        let (mut port, mut reader) = tap(Rate::Wide, 2, 0);
        port.tick(|_| None, 7);
        let (samples, instants) = read(&mut reader, 9);
        assert_eq!(
            (samples, instants),
            (vec![0; 16 * FRAME_MS], vec![7]),
            "20 ms of nothing"
        );
    }

    #[test]
    fn the_reader_is_told_every_so_often_even_if_it_never_reads() {
        let (mut port, _reader) = tap(Rate::Narrow, 1, 3);
        let told: Vec<_> = (0..7).map(|turn| tick(&mut port, turn).tell).collect();
        assert_eq!(told, [false, false, true, false, false, true, false]);
    }

    #[test]
    fn a_reader_that_is_gone_costs_nothing_and_a_closed_tap_can_be_read_to_its_end() {
        let (mut port, reader) = tap(Rate::Narrow, 1, 1);
        drop(reader);
        let idle = Tapped {
            lost: false,
            tell: false,
        };
        assert_eq!((tick(&mut port, 0), tick(&mut port, 1)), (idle, idle));
        let (mut port, mut reader) = tap(Rate::Narrow, 2, 1);
        tick(&mut port, 3);
        drop(port);
        assert!(reader.is_closed());
        assert_eq!(read(&mut reader, 9).1, [3]);
        assert_eq!(read(&mut reader, 9).1, [] as [Nanos; 0]);
    }
}
