//! The ring between a worker and its writer: records one after another, as bytes. Neither end waits or allocates.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::clock::Nanos;
use crate::codec::Codec;
use crate::id::{PortId, TrackId};

/// A second of stalled disk at 40 Mbit/s; pages that were never used take no memory.
const CAPACITY: usize = 8 << 20;
const HEADER: usize = 48;
/// The first byte of a header is an audio codec's place among all, or one of these.
const CLOSE: u8 = 255;
const VP8: u8 = 254;
const FRAME: u8 = 253;

/// What a recorded packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordCodec {
    Audio(Codec),
    Vp8,
    /// The player's own samples: 16 kHz, little-endian.
    L16,
}

impl RecordCodec {
    fn to_byte(self) -> u8 {
        match self {
            RecordCodec::Audio(codec) => codec as u8,
            RecordCodec::Vp8 => VP8,
            RecordCodec::L16 => FRAME,
        }
    }

    fn from_byte(byte: u8) -> Option<RecordCodec> {
        match byte {
            VP8 => Some(RecordCodec::Vp8),
            FRAME => Some(RecordCodec::L16),
            _ => {
                let codec = Codec::ALL.get(usize::from(byte))?;
                Some(RecordCodec::Audio(*codec))
            }
        }
    }
}

/// A packet as it came, without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub recorder: PortId,
    pub track: TrackId,
    pub codec: RecordCodec,
    pub at: Nanos,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
}

/// What comes out at the writer's end.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull {
    Packet(Record),
    Close { recorder: PortId, end: Nanos },
}

/// The worker's end.
pub struct Tape(Producer<u8>, Arc<AtomicBool>);

/// The writer's end.
pub struct TapeEnd(Consumer<u8>, Arc<AtomicBool>);

fn with_capacity(capacity: usize) -> (Tape, TapeEnd) {
    let (producer, consumer) = RingBuffer::new(capacity);
    let is_urgent = Arc::new(AtomicBool::new(false));
    (
        Tape(producer, is_urgent.clone()),
        TapeEnd(consumer, is_urgent),
    )
}

impl Tape {
    /// Both ends of a new ring.
    #[allow(clippy::new_ret_no_self)] // the two ends belong together
    pub fn new() -> (Tape, TapeEnd) {
        with_capacity(CAPACITY)
    }

    /// False if the writer is so far behind that the packet is lost.
    pub fn packet(&mut self, record: &Record, payload: &[u8]) -> bool {
        let mut header = [0; HEADER];
        header[0] = record.codec.to_byte();
        header[1] = u8::from(record.marker);
        header[2..4].copy_from_slice(&record.sequence.to_le_bytes());
        header[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[8..16].copy_from_slice(&record.recorder.0.to_le_bytes());
        header[16..24].copy_from_slice(&record.track.0.to_le_bytes());
        header[24..32].copy_from_slice(&record.at.to_le_bytes());
        header[32..36].copy_from_slice(&record.ssrc.to_le_bytes());
        header[36..40].copy_from_slice(&record.timestamp.to_le_bytes());
        self.put(&header, payload)
    }

    /// After the packets before it, close the recorder's files. False if there is no room: ask again.
    pub fn close(&mut self, recorder: PortId, end: Nanos) -> bool {
        let mut header = [0; HEADER];
        header[0] = CLOSE;
        header[8..16].copy_from_slice(&recorder.0.to_le_bytes());
        header[24..32].copy_from_slice(&end.to_le_bytes());
        let is_put = self.put(&header, &[]);
        self.1.store(true, Ordering::Relaxed);
        is_put
    }

    fn put(&mut self, header: &[u8; HEADER], payload: &[u8]) -> bool {
        let Ok(mut chunk) = self.0.write_chunk(HEADER + payload.len()) else {
            return false;
        };
        let (first, second) = chunk.as_mut_slices();
        scatter(header, 0, first, second);
        scatter(payload, HEADER, first, second);
        chunk.commit_all();
        true
    }
}

/// Copy `bytes` to `at` in the two halves of a chunk.
fn scatter(bytes: &[u8], at: usize, first: &mut [u8], second: &mut [u8]) {
    let before = bytes.len().min(first.len().saturating_sub(at));
    let from = at.min(first.len());
    first[from..from + before].copy_from_slice(&bytes[..before]);
    let rest = &bytes[before..];
    let from = at.saturating_sub(first.len());
    second[from..from + rest.len()].copy_from_slice(rest);
}

impl TapeEnd {
    /// The next record, its payload in `payload`; None when there is none yet.
    pub fn pull(&mut self, payload: &mut Vec<u8>) -> Option<Pull> {
        payload.clear();
        self.append(payload)
    }

    /// The next record, its payload at the end of `bytes`.
    pub fn append(&mut self, bytes: &mut Vec<u8>) -> Option<Pull> {
        let mut header = [0; HEADER];
        let chunk = self.0.read_chunk(HEADER).ok()?;
        let (first, second) = chunk.as_slices();
        header[..first.len()].copy_from_slice(first);
        header[first.len()..].copy_from_slice(second);
        chunk.commit_all();
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let chunk = self.0.read_chunk(word(4) as usize).ok()?;
        let (first, second) = chunk.as_slices();
        bytes.extend_from_slice(first);
        bytes.extend_from_slice(second);
        chunk.commit_all();
        let recorder = PortId(long(8));
        if header[0] == CLOSE {
            return Some(Pull::Close {
                recorder,
                end: long(24),
            });
        }
        Some(Pull::Packet(Record {
            recorder,
            track: TrackId(long(16)),
            codec: RecordCodec::from_byte(header[0])?,
            at: long(24),
            ssrc: word(32),
            sequence: u16::from_le_bytes([header[2], header[3]]),
            timestamp: word(36),
            marker: header[1] != 0,
        }))
    }

    /// A recorder is to be closed, or much waits: not to be put off. True once for each close.
    pub fn is_urgent(&self) -> bool {
        self.1.swap(false, Ordering::Relaxed) || self.0.slots() > CAPACITY / 8
    }

    /// The worker is gone, and nothing waits.
    pub fn is_over(&self) -> bool {
        self.0.is_abandoned() && self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: u16) -> Record {
        Record {
            recorder: PortId(3),
            track: TrackId(1 << 40),
            codec: RecordCodec::Vp8,
            at: u64::MAX - 1,
            ssrc: 0xFFEE_DDCC,
            sequence,
            timestamp: 0x8000_0001,
            marker: true,
        }
    }

    #[test]
    fn records_come_out_as_they_went_in_also_around_the_edge_of_the_ring() {
        let (mut tape, mut end) = with_capacity(200);
        let mut payload = Vec::new();
        for n in 0..50u16 {
            let media = vec![n as u8; usize::from(n)];
            assert!(tape.packet(&record(n), &media));
            assert_eq!(end.pull(&mut payload), Some(Pull::Packet(record(n))));
            assert_eq!(payload, media);
        }
        assert!(tape.close(PortId(3), 77));
        assert_eq!(
            end.pull(&mut payload),
            Some(Pull::Close {
                recorder: PortId(3),
                end: 77
            })
        );
        assert_eq!(end.pull(&mut payload), None);
    }

    #[test]
    fn a_close_and_a_filling_ring_are_urgent() {
        let (mut tape, mut end) = Tape::new();
        assert!(tape.packet(&record(1), &[1; 40]));
        assert!(!end.is_urgent());
        assert!(tape.close(PortId(3), 77));
        assert!(end.is_urgent() && !end.is_urgent());
        while !end.is_urgent() {
            assert!(tape.packet(&record(1), &[1; 1_000]));
        }
        while end.pull(&mut Vec::new()).is_some() {}
        assert!(!end.is_urgent());
    }

    #[test]
    fn a_full_ring_refuses_whole_records_and_the_end_shows() {
        let (mut tape, mut end) = with_capacity(100);
        assert!(tape.packet(&record(1), &[1; 40]));
        assert!(!tape.packet(&record(2), &[2; 40]));
        drop(tape);
        assert!(!end.is_over());
        assert_eq!(end.pull(&mut Vec::new()), Some(Pull::Packet(record(1))));
        assert!(end.is_over());
    }
}
